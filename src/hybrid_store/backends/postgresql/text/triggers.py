"""What keeps an index up to date: triggers of the table of the model.

They depend on no column, so that those can be altered and renamed.
"""

from __future__ import annotations

from hybrid_store.backends.postgresql.text.names import Names, filled, literal, quoted

__all__ = ["triggers_sql", "write_sql"]

# A row is read in a block of its own, which writes nothing and therefore costs little. Where that
# knows no such column, one was renamed, which an index is not told: until `complete`, columns are
# known by their places, which the comment on the table of the index has.
#
# Keys are taken in the order in which they were given up, as long as the primary key is checked at
# once, so that no document is deleted that another row has written.
WRITE = """
CREATE OR REPLACE FUNCTION <function>() RETURNS trigger LANGUAGE plpgsql AS $function$
DECLARE
    made <table>;
    gone <table>;
    given text[];
    impacts text;
    places json;
    key_columns text;
    text_columns text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        IF EXISTS (SELECT FROM <table>) THEN TRUNCATE <table>; END IF;
        RETURN NULL;
    END IF;
    BEGIN
        IF TG_OP = 'UPDATE' AND NOT (<changed>) THEN RETURN NULL; END IF;
        IF TG_OP <> 'INSERT' THEN <read_old> END IF;
        IF TG_OP <> 'DELETE' THEN <read_new> given := ARRAY[<texts>]; END IF;
    EXCEPTION WHEN undefined_column THEN
        places := obj_description(<table_text>::regclass, 'pg_class')::json;
        SELECT string_agg('($1).' || quote_ident(attname), ', ' ORDER BY n) INTO key_columns
        FROM json_each_text(places->'keys') WITH ORDINALITY AS p (name, place, n)
        JOIN pg_attribute ON attrelid = TG_RELID AND attnum = place::int;
        SELECT string_agg('($1).' || quote_ident(attname) || '::text', ', ' ORDER BY n)
        INTO text_columns
        FROM json_each_text(places->'columns') WITH ORDINALITY AS p (name, place, n)
        JOIN pg_attribute ON attrelid = TG_RELID AND attnum = place::int;
        IF TG_OP <> 'INSERT' THEN
            EXECUTE 'SELECT ' || key_columns INTO <old_keys> USING OLD;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            EXECUTE 'SELECT ' || key_columns || ', ARRAY[' || text_columns || ']'
            INTO <new_keys>, given USING NEW;
        END IF;
    END;
    IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (<moved>) THEN
        DELETE FROM <table> WHERE <gone>;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        made.average := <average>();
        SELECT d.size, d.terms, d.impacts, d.words
        INTO made.len, made.terms, impacts, made.words
        FROM <document>(given, made.average) d;
        made.sv := impacts;
        INSERT INTO <table> VALUES (made.*)
        ON CONFLICT (<keys>) DO UPDATE SET len = excluded.len, average = excluded.average,
            terms = excluded.terms, sv = excluded.sv, words = excluded.words;
    END IF;
    RETURN NULL;
END
$function$"""


def write_sql(names: Names) -> str:
    """CREATE OR REPLACE FUNCTION of what the triggers run."""
    keys, of_row = names.keys, [quoted(key) for key in names.spec.keys]
    texts = [quoted(column) for column in names.spec.columns]
    pairs = list(zip(keys, of_row, strict=True))
    parts = {
        "function": names("write"),
        "table": names(),
        "table_text": literal(names()),
        "average": names("average"),
        "document": names("document"),
        "keys": ", ".join(keys),
        "old_keys": ", ".join(f"gone.{key}" for key in keys),
        "new_keys": ", ".join(f"made.{key}" for key in keys),
        "read_old": " ".join(f"gone.{key} := OLD.{own};" for key, own in pairs),
        "read_new": " ".join(f"made.{key} := NEW.{own};" for key, own in pairs),
        "texts": ", ".join(f"NEW.{text}::text" for text in texts),
        "changed": " OR ".join([*(_moved(own) for own in of_row), *map(_changed, texts)]),
        "moved": " OR ".join(f"made.{key} <> gone.{key}" for key in keys),
        "gone": " AND ".join(f"{key} = gone.{key}" for key in keys),
    }
    return filled(WRITE, parts)


def _moved(key: str) -> str:
    return f"NEW.{key} <> OLD.{key}"


def _changed(text: str) -> str:
    """Byte by byte: a collation may take other letters for the same."""
    return f'NEW.{text}::text COLLATE "C" IS DISTINCT FROM OLD.{text}::text COLLATE "C"'


def triggers_sql(names: Names, table: str) -> list[str]:
    """CREATE OR REPLACE TRIGGER of both; that lets others read the table meanwhile."""
    run = f"EXECUTE FUNCTION {names('write')}()"
    rows, emptied = names.bare("write"), names.bare("truncate")
    events = "AFTER INSERT OR UPDATE OR DELETE"
    return [
        f"CREATE OR REPLACE TRIGGER {rows} {events} ON {table} FOR EACH ROW {run}",
        f"CREATE OR REPLACE TRIGGER {emptied} AFTER TRUNCATE ON {table} FOR EACH STATEMENT {run}",
    ]
