-- What a cycle's scripts keep from one run to another. It goes with the cycle.
CREATE TABLE script_store (
    account  TEXT NOT NULL,
    cycle_id UUID NOT NULL,
    key      TEXT NOT NULL,
    -- JSON.
    value    TEXT NOT NULL,
    -- Never the same for two writes: what a script read still stands while this does.
    version  BIGINT NOT NULL,
    PRIMARY KEY (account, cycle_id, key)
);
