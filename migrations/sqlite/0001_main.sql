-- The main job: cycles, hits, transactions, runs and holds.
--
-- Instants are integer microseconds since 1970 (UTC). Ids are the 16 bytes of a UUID v7 whose
-- leading bits are the microsecond of the accepting commit: their order is the order of start.
-- Every primary key begins with the account. JSON is text, never re-encoded.

-- One row an account. Every commit that changes an account's state locks its row first (here the
-- single writer is the lock),
-- takes its instant from it, and so sees every earlier commit.
CREATE TABLE accounts (
    account      TEXT    NOT NULL PRIMARY KEY,
    created_at   INTEGER NOT NULL,
    -- The instant of the last commit: it never goes back.
    last_instant INTEGER NOT NULL,
    -- Grows with every deploy, start, stop and delete: a node with an older catalog reloads it.
    revision     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

INSERT INTO accounts (account, created_at, last_instant) VALUES ('default', 0, 0);

-- The manual clock's instant; no row while the clock is the system's.
CREATE TABLE clock (
    account TEXT NOT NULL PRIMARY KEY CHECK (account = '*'),
    instant INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cycles (
    account    TEXT NOT NULL,
    cycle_id   BLOB NOT NULL,
    name       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('draft', 'running', 'stopped')),
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    stopped_at INTEGER,
    deleted_at INTEGER,
    -- Hits queued by a stop are still to be run before newer ones.
    backlog    INTEGER NOT NULL,
    PRIMARY KEY (account, cycle_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX cycles_by_name ON cycles (account, name) WHERE deleted_at IS NULL;

-- Immutable; goes only when no retained transaction needs it.
CREATE TABLE versions (
    account    TEXT NOT NULL,
    cycle_id   BLOB NOT NULL,
    version    INTEGER NOT NULL,
    digest     BLOB NOT NULL,
    source     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account, cycle_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhooks (
    account    TEXT NOT NULL,
    webhook    TEXT NOT NULL,
    cycle_id   BLOB NOT NULL,
    step       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Hits queued by a stop.
    queued     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, webhook)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_by_cycle ON webhooks (account, cycle_id);

CREATE TABLE hits (
    account        TEXT NOT NULL,
    webhook        TEXT NOT NULL,
    hit            BLOB NOT NULL,
    received_at    INTEGER NOT NULL,
    method         TEXT NOT NULL,
    headers        TEXT NOT NULL,
    query          TEXT NOT NULL,
    -- As it came.
    raw            BLOB NOT NULL,
    -- The decoded body, where it is not simply the JSON of raw.
    body           TEXT,
    status         TEXT NOT NULL,
    reason         TEXT,
    transaction_id BLOB,
    run            INTEGER,
    ambiguous      INTEGER NOT NULL,
    replay_of      BLOB,
    early_until    INTEGER,
    -- For a hit of no transaction; that of a transaction is visible as long as it is.
    expires_at     INTEGER NOT NULL,
    PRIMARY KEY (account, webhook, hit)
) STRICT, WITHOUT ROWID;

CREATE INDEX hits_by_status ON hits (account, webhook, status, hit) WHERE status <> 'applied';
-- An applied hit goes with its transaction.
CREATE INDEX hits_by_expiry ON hits (account, expires_at) WHERE status <> 'applied';

CREATE TABLE transactions (
    account        TEXT NOT NULL,
    transaction_id BLOB NOT NULL,
    cycle_id       BLOB NOT NULL,
    version        INTEGER NOT NULL,
    started_at     INTEGER NOT NULL,
    status         TEXT NOT NULL,
    -- Where it is held or failed.
    step           TEXT,
    -- The number of its newest run.
    runs           INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    completed_at   INTEGER,
    failed_at      INTEGER,
    -- Callers that are still to be answered: [[hit, step], ...].
    callers        TEXT,
    PRIMARY KEY (account, transaction_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX transactions_by_status ON transactions (account, cycle_id, status, transaction_id);
CREATE INDEX transactions_by_expiry ON transactions (account, expires_at);

-- Insert to win: two writers of one run collide on its key. Never updated.
CREATE TABLE runs (
    account        TEXT NOT NULL,
    transaction_id BLOB NOT NULL,
    run            INTEGER NOT NULL,
    -- The run whose hold it began from; null for a start or a re-run.
    base           INTEGER,
    entry          TEXT NOT NULL,
    webhook        TEXT,
    hit            BLOB,
    status         TEXT NOT NULL,
    step           TEXT,
    started_at     INTEGER NOT NULL,
    -- The steps with their outputs; the entry webhook's output is the hit itself.
    steps          TEXT NOT NULL,
    -- A re-run's document at its beginning.
    document       TEXT,
    -- The keys under which it was held: [hex, ...].
    hold_keys      TEXT,
    error          TEXT,
    PRIMARY KEY (account, transaction_id, run)
) STRICT, WITHOUT ROWID;

-- A transaction may have ten thousand runs, and few holds.
CREATE INDEX runs_held ON runs (account, transaction_id, run) WHERE status = 'held';

-- The correlation index: newest first is one descending seek. Rows that no hit has resumed yet are
-- apart from the others, so that ambiguity is the second row of one seek as well.
CREATE TABLE hold_keys (
    account        TEXT NOT NULL,
    webhook        TEXT NOT NULL,
    key_hash       BLOB NOT NULL,
    resumed        INTEGER NOT NULL,
    transaction_id BLOB NOT NULL,
    run            INTEGER NOT NULL,
    -- The whole key, compared beside its hash.
    key            BLOB NOT NULL,
    -- When its expires falls due; no longer in force once resumed.
    due_at         INTEGER,
    PRIMARY KEY (account, webhook, key_hash, resumed, transaction_id)
) STRICT, WITHOUT ROWID;

-- The newest keys at a webhook, and the keys of a transaction that has expired.
CREATE INDEX hold_keys_by_transaction ON hold_keys (account, webhook, transaction_id);

CREATE TABLE timers (
    account        TEXT NOT NULL,
    due_at         INTEGER NOT NULL,
    transaction_id BLOB NOT NULL,
    run            INTEGER NOT NULL,
    PRIMARY KEY (account, due_at, transaction_id, run)
) STRICT, WITHOUT ROWID;

CREATE INDEX timers_by_transaction ON timers (account, transaction_id);

-- Unmatched hits that a transaction may still come for.
CREATE TABLE early (
    account  TEXT NOT NULL,
    webhook  TEXT NOT NULL,
    key_hash BLOB NOT NULL,
    hit      BLOB NOT NULL,
    key      BLOB NOT NULL,
    until_at INTEGER NOT NULL,
    PRIMARY KEY (account, webhook, key_hash, hit)
) STRICT, WITHOUT ROWID;

CREATE INDEX early_by_until ON early (account, until_at);

-- Repeated deliveries are recognised here, in the commit that accepts the first. Not partitioned:
-- a key is unique whatever its time.
CREATE TABLE repeats (
    account   TEXT NOT NULL,
    webhook   TEXT NOT NULL,
    key_hash  BLOB NOT NULL,
    body_hash BLOB NOT NULL,
    hit       BLOB NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (account, webhook, key_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX repeats_by_at ON repeats (account, at);

-- What synchronous callers were answered.
CREATE TABLE answers (
    account        TEXT NOT NULL,
    hit            BLOB NOT NULL,
    transaction_id BLOB,
    kind           TEXT NOT NULL,
    status         INTEGER NOT NULL,
    step           TEXT,
    headers        TEXT NOT NULL,
    body           BLOB NOT NULL,
    expires_at     INTEGER NOT NULL,
    PRIMARY KEY (account, hit)
) STRICT, WITHOUT ROWID;

CREATE INDEX answers_by_expiry ON answers (account, expires_at);

-- Hits queued by a stop, in order of acceptance.
CREATE TABLE queue (
    account  TEXT NOT NULL,
    cycle_id BLOB NOT NULL,
    hit      BLOB NOT NULL,
    webhook  TEXT NOT NULL,
    PRIMARY KEY (account, cycle_id, hit)
) STRICT, WITHOUT ROWID;

-- API keys; account '*' is every account. Only the hash of the secret is kept.
CREATE TABLE keys (
    account    TEXT NOT NULL,
    key_id     BLOB NOT NULL,
    hash       BLOB NOT NULL,
    name       TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    PRIMARY KEY (account, key_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX keys_by_hash ON keys (hash);

-- What the planner is to believe about every index: rows, then rows for each value of the first
-- column, of the first two, and so on. Without it SQLite takes an account for ten rows and walks
-- through all of it. Fixed, never measured: a plan is the same on an empty file and on a full one,
-- and a test reads it.
ANALYZE sqlite_schema;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('accounts',     'accounts',                 '10 1'),
    ('cycles',       'cycles',                   '100 100 1'),
    ('versions',     'versions',                 '500 500 5 1'),
    ('webhooks',     'webhooks',                 '500 500 1'),
    ('webhooks',     'webhooks_by_cycle',        '500 500 5'),
    ('hits',         'hits',                     '1000000 1000000 10000 1'),
    ('hits',         'hits_by_status',           '10000 10000 1000 500 1'),
    ('hits',         'hits_by_expiry',           '10000 10000 1'),
    ('transactions', 'transactions',             '1000000 1000000 1'),
    ('transactions', 'transactions_by_status',   '1000000 1000000 50000 10000 1'),
    ('transactions', 'transactions_by_expiry',   '1000000 1000000 2'),
    ('runs',         'runs',                     '2000000 2000000 50 1'),
    ('runs',         'runs_held',                '1000000 1000000 2 1'),
    ('hold_keys',    'hold_keys',                '1000000 1000000 50000 50 40 1'),
    ('hold_keys',    'hold_keys_by_transaction', '1000000 1000000 50000 2'),
    ('timers',       'timers',                   '10000 10000 2 1 1'),
    ('timers',       'timers_by_transaction',    '10000 10000 1'),
    ('early',        'early',                    '10000 10000 100 50 1'),
    ('early',        'early_by_until',           '10000 10000 1'),
    ('repeats',      'repeats',                  '1000000 1000000 10000 1'),
    ('repeats',      'repeats_by_at',            '1000000 1000000 1'),
    ('answers',      'answers',                  '100000 100000 1'),
    ('answers',      'answers_by_expiry',        '100000 100000 1'),
    ('queue',        'queue',                    '10000 10000 1000 1'),
    ('keys',         'keys',                     '100 10 1'),
    ('keys',         'keys_by_hash',             '100 1');

ANALYZE sqlite_schema;
