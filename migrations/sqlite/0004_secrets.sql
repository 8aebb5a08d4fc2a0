-- An account's secrets, sealed: without the master key a row says nothing but its name.
CREATE TABLE secrets (
    account      TEXT NOT NULL,
    name         TEXT NOT NULL,
    sealed       BLOB NOT NULL,
    -- The master key that it is sealed with.
    key_id       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    -- To the minute.
    last_used_at INTEGER,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('secrets', 'secrets', '1000 100 1');

ANALYZE sqlite_schema;
