-- What describes another system's events. A cycle's version keeps those that it was deployed with.
CREATE TABLE connectors (
    account    TEXT NOT NULL,
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    source     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

-- What cycles' webhooks have subscribed to. `source` is the connector that it was made with, so that
-- it can be ended whatever is deployed by then. `seq` grows with each change of `state`.
CREATE TABLE subscriptions (
    account      TEXT NOT NULL,
    webhook      TEXT NOT NULL,
    subscription BLOB NOT NULL,
    cycle_id     BLOB NOT NULL,
    step         TEXT NOT NULL,
    connector    TEXT NOT NULL,
    event        TEXT NOT NULL,
    source       TEXT NOT NULL,
    fingerprint  BLOB NOT NULL,
    parameters   TEXT NOT NULL,
    state        TEXT,
    seq          INTEGER NOT NULL,
    status       TEXT NOT NULL,
    reason       TEXT,
    attempts     INTEGER NOT NULL,
    made_at      INTEGER,
    refresh_at   INTEGER,
    due_at       INTEGER,
    node         TEXT,
    claim        INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (account, webhook, subscription)
) STRICT, WITHOUT ROWID;

CREATE INDEX subscriptions_due ON subscriptions (account, due_at) WHERE due_at IS NOT NULL;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('connectors', 'connectors', '1000 10 1'),
    ('subscriptions', 'subscriptions', '10000 100 1 1'),
    ('subscriptions', 'subscriptions_due', '10000 100 1');

ANALYZE sqlite_schema;
