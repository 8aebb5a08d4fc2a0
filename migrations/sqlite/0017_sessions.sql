-- Signed-in sessions of the console; account '*' is that of a key for all accounts. Only the hash of the
-- token is kept.
CREATE TABLE sessions (
    account    TEXT NOT NULL,
    hash       BLOB NOT NULL,
    key_id     BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sessions_by_hash ON sessions (hash);
-- A key's sessions, in the order in which they began.
CREATE INDEX sessions_by_key ON sessions (account, key_id, created_at, hash);
CREATE INDEX sessions_by_expiry ON sessions (account, expires_at);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('sessions', 'sessions', '10000 1000 1'),
    ('sessions', 'sessions_by_hash', '10000 1'),
    ('sessions', 'sessions_by_key', '10000 1000 100 1 1'),
    ('sessions', 'sessions_by_expiry', '10000 1000 1');

ANALYZE sqlite_schema;
