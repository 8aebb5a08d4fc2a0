-- What a cycle's scripts keep from one run to another. It goes with the cycle.
CREATE TABLE script_store (
    account  TEXT NOT NULL,
    cycle_id BLOB NOT NULL,
    key      TEXT NOT NULL,
    -- JSON.
    value    TEXT NOT NULL,
    -- Never the same for two writes: what a script read still stands while this does.
    version  INTEGER NOT NULL,
    PRIMARY KEY (account, cycle_id, key)
) STRICT, WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('script_store', 'script_store', '10000 10000 1000 1');

ANALYZE sqlite_schema;
