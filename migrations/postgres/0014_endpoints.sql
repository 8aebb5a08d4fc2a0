-- Notifications. An endpoint is a URL that is told of events; its secrets are sealed.
CREATE TABLE endpoints (
    account      TEXT NOT NULL,
    endpoint     UUID NOT NULL,
    -- JSON: what people set (url, cycle, events, profile, ids, schedule).
    settings     TEXT NOT NULL,
    -- pending, active or disabled.
    state        TEXT NOT NULL,
    reason       TEXT,
    sealed       BYTEA NOT NULL,
    -- The master key that they are sealed with.
    key_id       TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    validated_at TIMESTAMPTZ,
    PRIMARY KEY (account, endpoint)
);

-- An event as it goes out, written in the commit that made it: the very bytes that are sent and signed,
-- once for all endpoints that get the same.
CREATE TABLE messages (
    account TEXT NOT NULL,
    -- A UUID v7: its order is that of the commits.
    message UUID NOT NULL,
    type    TEXT NOT NULL,
    at      TIMESTAMPTZ NOT NULL,
    -- How many of our own deliveries led to it, itself included.
    hops    INTEGER NOT NULL,
    body    BYTEA NOT NULL,
    PRIMARY KEY (account, message)
);

-- A message that an endpoint is to get, or got.
CREATE TABLE deliveries (
    account  TEXT NOT NULL,
    message  UUID NOT NULL,
    endpoint UUID NOT NULL,
    type     TEXT NOT NULL,
    -- pending, delivered, failed or missed.
    status   TEXT NOT NULL,
    -- Attempts since it was last (re)sent: where it is in the schedule.
    tries    INTEGER NOT NULL,
    -- JSON: the last attempts and what came of them.
    attempts TEXT NOT NULL,
    -- When it is to be tried; none once it is over.
    due_at   TIMESTAMPTZ,
    PRIMARY KEY (account, message, endpoint)
);

CREATE INDEX deliveries_by_endpoint ON deliveries (account, endpoint, message);
CREATE INDEX deliveries_due ON deliveries (account, endpoint, due_at, message) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_missed ON deliveries (account, endpoint, message) WHERE status IN ('failed', 'missed');

-- One line an endpoint: a process takes a line, not a delivery, so that one that hangs occupies one.
CREATE TABLE lines (
    account      TEXT NOT NULL,
    endpoint     UUID NOT NULL,
    -- Of its first delivery; none where there is nothing to deliver, or where it is not active.
    due_at       TIMESTAMPTZ,
    -- The process that has it, until then at most; the claim grows with whoever takes it.
    node         TEXT,
    until_at     TIMESTAMPTZ NOT NULL,
    claim        BIGINT NOT NULL,
    last_success_at TIMESTAMPTZ,
    -- The first failure after the last success.
    failing_since   TIMESTAMPTZ,
    -- Attempts in an hour that began then, and how many of them failed.
    hour_at      TIMESTAMPTZ,
    made         INTEGER NOT NULL,
    failed       INTEGER NOT NULL,
    PRIMARY KEY (account, endpoint)
);

CREATE INDEX lines_due ON lines (account, due_at, endpoint) WHERE due_at IS NOT NULL;
CREATE INDEX lines_by_node ON lines (account, node) WHERE node IS NOT NULL;
