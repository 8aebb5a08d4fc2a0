-- The main job: cycles, hits, transactions, runs and holds.
--
-- Ids are UUID v7 whose leading bits are the microsecond of the accepting commit: their order is
-- the order of start, so a range of ids is a range of time. Tables that grow with the traffic are
-- partitioned by it, a few days a partition, made ahead by the engine; retention drops them.
-- Every primary key begins with the account. JSON is text, never re-encoded.

-- One row an account. Every commit that changes an account's state locks its row first,
-- takes its instant from it, and so sees every earlier commit.
CREATE TABLE accounts (
    account      TEXT    NOT NULL PRIMARY KEY,
    created_at   TIMESTAMPTZ NOT NULL,
    -- The instant of the last commit: it never goes back.
    last_instant TIMESTAMPTZ NOT NULL,
    -- Grows with every deploy, start, stop and delete: a node with an older catalog reloads it.
    revision     BIGINT NOT NULL DEFAULT 0
);

INSERT INTO accounts (account, created_at, last_instant) VALUES ('default', 'epoch', 'epoch');

-- The manual clock's instant; no row while the clock is the system's.
CREATE TABLE clock (
    account TEXT NOT NULL PRIMARY KEY CHECK (account = '*'),
    instant TIMESTAMPTZ NOT NULL
);

CREATE TABLE cycles (
    account    TEXT NOT NULL,
    cycle_id   UUID NOT NULL,
    name       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('draft', 'running', 'stopped')),
    version    INTEGER NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ,
    stopped_at TIMESTAMPTZ,
    deleted_at TIMESTAMPTZ,
    -- Hits queued by a stop are still to be run before newer ones.
    backlog    BOOLEAN NOT NULL,
    PRIMARY KEY (account, cycle_id)
);

CREATE UNIQUE INDEX cycles_by_name ON cycles (account, name) WHERE deleted_at IS NULL;

-- Immutable; goes only when no retained transaction needs it.
CREATE TABLE versions (
    account    TEXT NOT NULL,
    cycle_id   UUID NOT NULL,
    version    INTEGER NOT NULL,
    digest     BYTEA NOT NULL,
    source     TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, cycle_id, version)
);

CREATE TABLE webhooks (
    account    TEXT NOT NULL,
    webhook    TEXT NOT NULL,
    cycle_id   UUID NOT NULL,
    step       TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- Hits queued by a stop.
    queued     BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account, webhook)
);

CREATE TABLE hits (
    account        TEXT NOT NULL,
    webhook        TEXT NOT NULL,
    hit            UUID NOT NULL,
    received_at    TIMESTAMPTZ NOT NULL,
    method         TEXT NOT NULL,
    headers        TEXT NOT NULL,
    query          TEXT NOT NULL,
    -- As it came.
    raw            BYTEA NOT NULL,
    -- The decoded body, where it is not simply the JSON of raw.
    body           TEXT,
    status         TEXT NOT NULL,
    reason         TEXT,
    transaction_id UUID,
    run            INTEGER,
    ambiguous      BOOLEAN NOT NULL,
    replay_of      UUID,
    early_until    TIMESTAMPTZ,
    -- For a hit of no transaction; that of a transaction is visible as long as it is.
    expires_at     TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, webhook, hit)
) PARTITION BY RANGE (hit);

CREATE INDEX hits_by_status ON hits (account, webhook, status, hit) WHERE status <> 'applied';

CREATE TABLE transactions (
    account        TEXT NOT NULL,
    transaction_id UUID NOT NULL,
    cycle_id       UUID NOT NULL,
    version        INTEGER NOT NULL,
    started_at     TIMESTAMPTZ NOT NULL,
    status         TEXT NOT NULL,
    -- Where it is held or failed.
    step           TEXT,
    -- The number of its newest run.
    runs           INTEGER NOT NULL,
    expires_at     TIMESTAMPTZ NOT NULL,
    completed_at   TIMESTAMPTZ,
    failed_at      TIMESTAMPTZ,
    -- Callers that are still to be answered: [[hit, step], ...].
    callers        TEXT,
    PRIMARY KEY (account, transaction_id)
) PARTITION BY RANGE (transaction_id);

CREATE INDEX transactions_by_status ON transactions (account, cycle_id, status, transaction_id);

-- Insert to win: two writers of one run collide on its key. Never updated.
CREATE TABLE runs (
    account        TEXT NOT NULL,
    transaction_id UUID NOT NULL,
    run            INTEGER NOT NULL,
    -- The run whose hold it began from; null for a start or a re-run.
    base           INTEGER,
    entry          TEXT NOT NULL,
    webhook        TEXT,
    hit            UUID,
    status         TEXT NOT NULL,
    step           TEXT,
    started_at     TIMESTAMPTZ NOT NULL,
    -- The steps with their outputs; the entry webhook's output is the hit itself.
    steps          TEXT NOT NULL,
    -- A re-run's document at its beginning.
    document       TEXT,
    -- The keys under which it was held: [hex, ...].
    hold_keys      TEXT,
    error          TEXT,
    PRIMARY KEY (account, transaction_id, run)
) PARTITION BY RANGE (transaction_id);

CREATE INDEX runs_held ON runs (account, transaction_id, run) WHERE status = 'held';

-- The correlation index: newest first is one descending seek. Rows that no hit has resumed yet are
-- apart from the others, so that ambiguity is the second row of one seek as well.
CREATE TABLE hold_keys (
    account        TEXT NOT NULL,
    webhook        TEXT NOT NULL,
    key_hash       BYTEA NOT NULL,
    resumed        BOOLEAN NOT NULL,
    transaction_id UUID NOT NULL,
    run            INTEGER NOT NULL,
    -- The whole key, compared beside its hash.
    key            BYTEA NOT NULL,
    -- When its expires falls due; no longer in force once resumed.
    due_at         TIMESTAMPTZ,
    PRIMARY KEY (account, webhook, key_hash, resumed, transaction_id)
) PARTITION BY RANGE (transaction_id);

CREATE TABLE timers (
    account        TEXT NOT NULL,
    due_at         TIMESTAMPTZ NOT NULL,
    transaction_id UUID NOT NULL,
    run            INTEGER NOT NULL,
    PRIMARY KEY (account, due_at, transaction_id, run)
);

-- Unmatched hits that a transaction may still come for.
CREATE TABLE early (
    account  TEXT NOT NULL,
    webhook  TEXT NOT NULL,
    key_hash BYTEA NOT NULL,
    hit      UUID NOT NULL,
    key      BYTEA NOT NULL,
    until_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, webhook, key_hash, hit)
);

CREATE INDEX early_by_until ON early (account, until_at);

-- Repeated deliveries are recognised here, in the commit that accepts the first. Not partitioned:
-- a key is unique whatever its time.
CREATE TABLE repeats (
    account   TEXT NOT NULL,
    webhook   TEXT NOT NULL,
    key_hash  BYTEA NOT NULL,
    body_hash BYTEA NOT NULL,
    hit       UUID NOT NULL,
    at        TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, webhook, key_hash)
);

CREATE INDEX repeats_by_at ON repeats (account, at);

-- What synchronous callers were answered.
CREATE TABLE answers (
    account        TEXT NOT NULL,
    hit            UUID NOT NULL,
    transaction_id UUID,
    kind           TEXT NOT NULL,
    status         INTEGER NOT NULL,
    step           TEXT,
    headers        TEXT NOT NULL,
    body           BYTEA NOT NULL,
    expires_at     TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, hit)
) PARTITION BY RANGE (hit);

-- Hits queued by a stop, in order of acceptance.
CREATE TABLE queue (
    account  TEXT NOT NULL,
    cycle_id UUID NOT NULL,
    hit      UUID NOT NULL,
    webhook  TEXT NOT NULL,
    PRIMARY KEY (account, cycle_id, hit)
);

-- API keys; account '*' is every account. Only the hash of the secret is kept.
CREATE TABLE keys (
    account    TEXT NOT NULL,
    key_id     UUID NOT NULL,
    hash       BYTEA NOT NULL,
    name       TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ,
    PRIMARY KEY (account, key_id)
);

CREATE UNIQUE INDEX keys_by_hash ON keys (hash);
