"""SQL that sets the characters of unspaced scripts apart, as `texts.words.sequence` does.

FTS5 takes a run of them for one word. Triggers run in any program that writes to the database, so
it is plain SQL, and only for texts that have such characters.
"""

from __future__ import annotations

from hybrid_store.texts.characters import UNSPACED

__all__ = ["divided_sql"]

IN_CLASS = "".join(f"{first}-{last}" for first, last in UNSPACED)
# substr() counts from the beginning of a text, so it is taken apart block by block.
BLOCK = 200

DIVIDED = """(
WITH RECURSIVE
starts(start) AS (SELECT 1 UNION ALL SELECT start + {block} FROM starts
                  WHERE start + {block} <= length({text})),
blocks(block) AS (SELECT substr({text}, start, {block} + 1) FROM starts),
places(place) AS (SELECT 1 UNION ALL SELECT place + 1 FROM places WHERE place < {block}),
letters(letter, next) AS (SELECT substr(block, place, 1), substr(block, place + 1, 1)
                          FROM blocks CROSS JOIN places WHERE place <= length(block))
SELECT group_concat(CASE
    WHEN letter NOT GLOB '[{unspaced}]' THEN letter
    WHEN next GLOB '[{unspaced}]' THEN ' ' || letter || ' ' || letter || next || ' '
    ELSE ' ' || letter || ' ' END, '')
FROM letters)"""


def divided_sql(text: str) -> str:
    """SQL of the text in the column `text`, divided."""
    parts = {"text": text, "block": BLOCK, "unspaced": IN_CLASS}
    divided = DIVIDED.format(**parts)
    return f"CASE WHEN {text} GLOB '*[{IN_CLASS}]*' THEN {divided} ELSE {text} END"
