-- An account's secrets, sealed: without the master key a row says nothing but its name.
CREATE TABLE secrets (
    account      TEXT NOT NULL,
    name         TEXT NOT NULL,
    sealed       BYTEA NOT NULL,
    -- The master key that it is sealed with.
    key_id       TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    -- To the minute.
    last_used_at TIMESTAMPTZ,
    PRIMARY KEY (account, name)
);
