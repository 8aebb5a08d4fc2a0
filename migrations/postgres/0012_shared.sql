-- Of a request that was several events: the hits of the second one and of those after it. The first
-- event's hit has the request's own id.
CREATE TABLE hit_events (
    account    TEXT NOT NULL,
    parent     UUID NOT NULL,
    event      INTEGER NOT NULL,
    webhook    TEXT NOT NULL,
    hit        UUID NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, parent, event)
);

CREATE INDEX hit_events_by_expiry ON hit_events (account, expires_at);

-- Webhooks that belong to no cycle. `route` finds in a hit the value that leads to the accounts which
-- claim it.
CREATE TABLE shared_webhooks (
    account    TEXT NOT NULL,
    webhook    TEXT NOT NULL,
    name       TEXT NOT NULL,
    settings   TEXT NOT NULL,
    route      TEXT,
    fan_out    BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    paused_at  TIMESTAMPTZ,
    deleted_at TIMESTAMPTZ,
    PRIMARY KEY (account, webhook)
);

-- Who claims which value of a routed webhook. The account is the webhook's owner.
CREATE TABLE claims (
    account    TEXT NOT NULL,
    webhook    TEXT NOT NULL,
    value_hash BYTEA NOT NULL,
    claimant   TEXT NOT NULL,
    value      TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, webhook, value_hash, claimant)
);

-- Without the hash: no look-up of a value could be made of it.
CREATE INDEX claims_by_claimant ON claims (account, claimant, webhook, value);

-- Hits on their way to several accounts. A row goes with the others of its hit, once each has told
-- what came of it.
CREATE TABLE fan_outs (
    account    TEXT NOT NULL,
    hit        UUID NOT NULL,
    claimant   TEXT NOT NULL,
    webhook    TEXT NOT NULL,
    told       TEXT,
    PRIMARY KEY (account, hit, claimant)
);
