-- Signed-in sessions of the console; account '*' is that of a key for all accounts. Only the hash of the
-- token is kept.
CREATE TABLE sessions (
    account    TEXT NOT NULL,
    hash       BYTEA NOT NULL,
    key_id     UUID NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, hash)
);

CREATE UNIQUE INDEX sessions_by_hash ON sessions (hash);
-- A key's sessions, in the order in which they began.
CREATE INDEX sessions_by_key ON sessions (account, key_id, created_at, hash);
CREATE INDEX sessions_by_expiry ON sessions (account, expires_at);
