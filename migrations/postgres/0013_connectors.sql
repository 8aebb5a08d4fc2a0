-- What describes another system's events. A cycle's version keeps those that it was deployed with.
CREATE TABLE connectors (
    account    TEXT NOT NULL,
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    source     TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, name)
);

-- What cycles' webhooks have subscribed to. `source` is the connector that it was made with, so that
-- it can be ended whatever is deployed by then. `seq` grows with each change of `state`.
CREATE TABLE subscriptions (
    account      TEXT NOT NULL,
    webhook      TEXT NOT NULL,
    subscription UUID NOT NULL,
    cycle_id     UUID NOT NULL,
    step         TEXT NOT NULL,
    connector    TEXT NOT NULL,
    event        TEXT NOT NULL,
    source       TEXT NOT NULL,
    fingerprint  BYTEA NOT NULL,
    parameters   TEXT NOT NULL,
    state        TEXT,
    seq          BIGINT NOT NULL,
    status       TEXT NOT NULL,
    reason       TEXT,
    attempts     INTEGER NOT NULL,
    made_at      TIMESTAMPTZ,
    refresh_at   TIMESTAMPTZ,
    due_at       TIMESTAMPTZ,
    node         TEXT,
    claim        BIGINT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, webhook, subscription)
);

CREATE INDEX subscriptions_due ON subscriptions (account, due_at) WHERE due_at IS NOT NULL;
