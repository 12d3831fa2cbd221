"""The functions that make documents of texts: what an index keeps of a row.

Whoever writes a row calls them, with any search path, so they name everything by its schema.
"""

from __future__ import annotations

from hybrid_store.backends.postgresql.text import lexemes
from hybrid_store.backends.postgresql.text.names import Names, literal

__all__ = ["TIERS", "average_sql", "functions_sql", "length_sql", "tier"]

# BM25's saturation and its share of the length, as FTS5 has them.
SATURATION, LENGTH_SHARE = 1.2, 0.75
# Impact from which a document has the number of a word's tier among its terms: an index of plain
# numbers gives the documents that a word counts most in.
TIERS = (1.125, 1.375, 1.625)
# At most so many values does a sparsevec have (pgvector, SPARSEVEC_MAX_NNZ).
MOST_VALUES = 16_000
# What weights are kept between: what they make of a word has to be a real.
SMALLEST, GREATEST = 1e-9, 1e9


def tier(number: int, level: int) -> int:
    """The term of a word's tier, from 1; 0 is the word itself."""
    high = lexemes.NUMBERS
    return (number, number + high, -number, -number - high)[level]


def functions_sql(names: Names, dictionary: str | None) -> list[str]:
    """CREATE OR REPLACE FUNCTION of all but `average` and `write`."""
    is_of_words = names.spec.tokenizer == "words"
    tokens = _tokens_sql(names, dictionary) if is_of_words else _trigrams_sql(names)
    return [_words_sql(names), tokens, _document_sql(names)]


def _words_sql(names: Names) -> str:
    """Text -> text[]: what is between separators, in small letters where they are of ASCII."""
    result = lexemes.split_sql("spaced")
    grams = ""
    if names.spec.tokenizer == "words":
        condition, divided = lexemes.has_run_sql("spaced"), lexemes.grams_sql("spaced")
        grams = f"IF {condition} THEN spaced := {divided}; END IF;"
    return f"""
CREATE OR REPLACE FUNCTION {names("words")}(given text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $function$
DECLARE
    spaced text COLLATE "C" := lower(given COLLATE "C");
BEGIN
    IF octet_length(spaced) <> length(spaced) THEN
        IF spaced IS NOT NFC NORMALIZED THEN spaced := lower(normalize(spaced, NFC)); END IF;
        {grams}
    END IF;
    RETURN array_remove({result}, '');
END
$function$"""


def _tokens_sql(names: Names, dictionary: str | None) -> str:
    """Text -> int[]: the numbers of its words, in their order."""
    words = lexemes.lexemes_sql("unnest(parts) AS word", dictionary, "is_plain")
    number = lexemes.number_sql("lexeme")
    return _array_function(names, f"SELECT {number} FROM ({words}) told")  # noqa: S608


def _trigrams_sql(names: Names) -> str:
    """Text -> int[]: the numbers of every three characters, gaps for what is not of one word."""
    words = lexemes.lexemes_sql("unnest(parts) AS word", None, "is_plain")
    spaced = f"(SELECT string_agg(lexeme, ' ') FROM ({words}) told)"  # noqa: S608
    return _array_function(
        names,
        f"""
        SELECT CASE WHEN strpos(gram, ' ') > 0 THEN {lexemes.GAP}
               ELSE {lexemes.number_sql("gram")} END
        FROM (
            SELECT letter || lead(letter) OVER () || lead(letter, 2) OVER () AS gram
            FROM string_to_table({spaced}, NULL) AS letter
        ) grams
        WHERE gram IS NOT NULL""",  # noqa: S608
    )


def _array_function(names: Names, query: str) -> str:
    """The function `tokens`. Texts of ASCII are plain, and many others, such as Chinese ones."""
    return f"""
CREATE OR REPLACE FUNCTION {names("tokens")}(given text) RETURNS int[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $function$
DECLARE
    parts text[] := {names("words")}(given);
    is_plain boolean := octet_length(given) = length(given)
        OR {lexemes.is_plain_sql("array_to_string(parts, ' ')")};
BEGIN
    RETURN ARRAY({query});
END
$function$"""


def length_sql(names: Names, text: str) -> str:
    """SQL of how many words a text has, or trigrams: those between words count, as for FTS5."""
    if names.spec.tokenizer == "words":
        return f"coalesce(cardinality({names('words')}({text})), 0)"
    return f"coalesce(greatest(length({text}) - {lexemes.GRAM - 1}, 0), 0)"


def _document_sql(names: Names) -> str:
    """The texts of a row -> its length, terms, impacts as the text of a sparsevec, and words."""
    places = range(len(names.spec.columns))
    arrays = [f"t{place}" for place in places]
    counted = " UNION ALL ".join(
        f"SELECT unnest({array}) AS term, {_weight(weight)} AS weight"
        for array, weight in zip(arrays, names.spec.weights, strict=True)
    )
    declared = "\n    ".join(
        f"t{place} int[] := {names('tokens')}(texts[{place + 1}]);" for place in places
    )
    if names.spec.tokenizer == "words":
        lengths = [f"cardinality({array})" for array in arrays]
    else:
        lengths = [length_sql(names, f"texts[{place + 1}]") for place in places]
    tiers = " ".join(
        f"|| coalesce(array_agg({tier_sql}) FILTER (WHERE impact >= {least}), '{{}}')"
        for tier_sql, least in zip(TIER_SQL, TIERS, strict=True)
    )
    return f"""
CREATE OR REPLACE FUNCTION {names("document")}(
    texts text[], average float8,
    OUT size int, OUT terms int[], OUT impacts text, OUT words bytea)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000 AS $function$
DECLARE
    {declared}
    norm float8;
BEGIN
    size := {" + ".join(lengths)};
    norm := {SATURATION} * ({1 - LENGTH_SHARE} + {LENGTH_SHARE} * size / average);
    SELECT coalesce(array_agg(term) {tiers}, '{{}}'),
        '{{' || coalesce(string_agg(term || ':' || impact, ',')
            FILTER (WHERE place <= {MOST_VALUES}), '') || '}}/{lexemes.NUMBERS}'
    INTO terms, impacts
    FROM (
        SELECT term, impact, row_number() OVER (ORDER BY impact DESC) AS place
        FROM (
            SELECT term, ({SATURATION + 1} / (1 + norm / sum(weight)))::real AS impact
            FROM ({counted}) counted WHERE term <> {lexemes.GAP} GROUP BY term OFFSET 0
        ) weighed
    ) placed;
    words := (
        SELECT coalesce(string_agg(int4send(term), ''), '')
        FROM unnest({f" || {lexemes.GAP} || ".join(arrays)}) AS term);
END
$function$"""  # noqa: S608


TIER_SQL = (f"term + {lexemes.NUMBERS}", "-term", f"-term - {lexemes.NUMBERS}")


def _weight(weight: float) -> str:
    return f"{min(max(weight, SMALLEST), GREATEST)!r}::float8"


def average_sql(names: Names, average: str) -> str:
    """SQL of a text: the statement that sets the average length that documents are made with."""
    statement = (
        f"CREATE OR REPLACE FUNCTION {names('average')}() RETURNS float8 "
        "LANGUAGE sql IMMUTABLE PARALLEL SAFE AS "
    )
    return f"{literal(statement)} || quote_literal('SELECT ' || {average} || '::float8')"
