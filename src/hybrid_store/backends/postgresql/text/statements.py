"""Parts of the statements that make and remove an index, each of them in PL/pgSQL."""

from __future__ import annotations

__all__ = [
    "ANALYZING",
    "BLOCK",
    "DROPPING",
    "FILLING",
    "GRANTS",
    "KEEPING",
    "OWN_FUNCTIONS",
    "PLACES",
    "RENAMING",
]

BLOCK = """
DO $hybrid_store$
DECLARE
    old record;
    mean float8;
BEGIN
    <steps>
END
$hybrid_store$
"""

# Rows stay whole up to a page: sparse vectors that are stored elsewhere take twice as long to read.
# PostgreSQL keeps the frequencies of ten times as many terms as the target says.
FILLING = """
LOCK TABLE <source> IN SHARE ROW EXCLUSIVE MODE;
<functions>;
SELECT avg(<length>) INTO mean FROM <source> t;
mean := coalesce(nullif(mean, 0), <first_average>)::real;
EXECUTE <average_of_mean>;
CREATE TABLE <new> WITH (toast_tuple_target = 8160)
    AS SELECT <named_keys> FROM <source> t WITH NO DATA;
ALTER TABLE <new>
    ADD COLUMN len int NOT NULL, ADD COLUMN average real NOT NULL,
    ADD COLUMN terms int[] NOT NULL, ADD COLUMN sv <vector> NOT NULL,
    ADD COLUMN words bytea NOT NULL;
ALTER TABLE <new>
    ALTER COLUMN terms SET STATISTICS 1000, ALTER COLUMN sv SET STORAGE MAIN,
    ALTER COLUMN words SET STORAGE EXTERNAL;
INSERT INTO <new>
    SELECT <keys_of_row>, d.size, mean, d.terms, d.impacts::<vector>, d.words
    FROM <source> t, LATERAL <document>(ARRAY[<texts>], mean) d;
ALTER TABLE <new> ADD CONSTRAINT <key_of_new> PRIMARY KEY (<keys>);
CREATE INDEX <terms_of_new> ON <new> USING gin (terms) WITH (fastupdate = off);
"""

# Triggers write as whoever writes to the table, who may read, write and truncate the index too.
GRANTS = """
FOR old IN
    SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS role,
        bool_or(privilege_type IN ('INSERT', 'UPDATE', 'DELETE')) AS writes,
        bool_or(privilege_type = 'TRUNCATE') AS empties
    FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner)))
    WHERE oid IN (to_regclass(<source_text>), to_regclass(<side_text>))
        AND privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
    GROUP BY grantee
LOOP
    EXECUTE 'GRANT SELECT' || CASE WHEN old.writes THEN ', INSERT, UPDATE, DELETE' ELSE '' END
        || CASE WHEN old.empties THEN ', TRUNCATE' ELSE '' END
        || ' ON ' || <new_text> || ' TO ' || old.role;
END LOOP;
"""

# The table of the index, and one of another name whose GIN index Django has given this name.
DROPPING = """
FOR old IN
    SELECT c.oid::regclass AS side, quote_ident(nspname) AS schema,
        substr(relname, length(<prefix>) + 1) AS part
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind = 'r' AND starts_with(relname, <prefix>) AND (c.oid = to_regclass(<side_text>)
        OR c.oid = (SELECT indrelid FROM pg_index WHERE indexrelid = to_regclass(<index_text>)))
LOOP
    EXECUTE 'DROP TABLE ' || old.side;
    IF old.part <> <part> THEN
        <functions_of_old>
    END IF;
END LOOP;
"""
OWN_FUNCTIONS = "<own_functions>"

RENAMING = """
ALTER TABLE <new> RENAME TO <side_name>;
ALTER INDEX <made_key> RENAME TO <key_name>;
ALTER INDEX <made_terms> RENAME TO <index_name>;
"""

# What names columns.
KEEPING = """
<write>;
<triggers>;
EXECUTE 'COMMENT ON TABLE ' || <side_text> || ' IS ' || quote_literal(json_build_object(
    <mark>, <told>::json, 'keys', (<key_places>), 'columns', (<column_places>))::text);
"""
PLACES = """
SELECT json_object_agg(attname, attnum ORDER BY n)
FROM unnest(ARRAY[<names>]) WITH ORDINALITY AS c (name, n)
JOIN pg_attribute ON attrelid = <source_text>::regclass AND attname = name
"""

ANALYZING = "ANALYZE <side>;"
