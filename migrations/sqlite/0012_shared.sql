-- Of a request that was several events: the hits of the second one and of those after it. The first
-- event's hit has the request's own id.
CREATE TABLE hit_events (
    account    TEXT NOT NULL,
    parent     BLOB NOT NULL,
    event      INTEGER NOT NULL,
    webhook    TEXT NOT NULL,
    hit        BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account, parent, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX hit_events_by_expiry ON hit_events (account, expires_at);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('hit_events', 'hit_events', '1000000 10000 5 1'),
    ('hit_events', 'hit_events_by_expiry', '1000000 10000 1');

-- Webhooks that belong to no cycle. `route` finds in a hit the value that leads to the accounts which
-- claim it.
CREATE TABLE shared_webhooks (
    account    TEXT NOT NULL,
    webhook    TEXT NOT NULL,
    name       TEXT NOT NULL,
    settings   TEXT NOT NULL,
    route      TEXT,
    fan_out    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    paused_at  INTEGER,
    deleted_at INTEGER,
    PRIMARY KEY (account, webhook)
) STRICT, WITHOUT ROWID;

-- Who claims which value of a routed webhook. The account is the webhook's owner.
CREATE TABLE claims (
    account    TEXT NOT NULL,
    webhook    TEXT NOT NULL,
    value_hash BLOB NOT NULL,
    claimant   TEXT NOT NULL,
    value      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account, webhook, value_hash, claimant)
) STRICT, WITHOUT ROWID;

-- In this order, nobody looks a value up by it.
CREATE INDEX claims_by_claimant ON claims (account, claimant, webhook, value);

-- Hits on their way to several accounts. A row goes with the others of its hit, once each has told
-- what came of it.
CREATE TABLE fan_outs (
    account    TEXT NOT NULL,
    hit        BLOB NOT NULL,
    claimant   TEXT NOT NULL,
    webhook    TEXT NOT NULL,
    told       TEXT,
    PRIMARY KEY (account, hit, claimant)
) STRICT, WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('shared_webhooks', 'shared_webhooks', '1000 10 1'),
    ('claims', 'claims', '1000000 100000 10000 1 1'),
    ('claims', 'claims_by_claimant', '1000000 100000 100 100 1'),
    ('fan_outs', 'fan_outs', '1000 100 10 1');

ANALYZE sqlite_schema;
