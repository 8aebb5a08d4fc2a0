-- Runs under way: those whose step is being done outside of a commit, is to be tried again or waits
-- for its time, and those that wait for an earlier run of their transaction. A row goes when its run
-- ends, in the commit that writes the run.
CREATE TABLE underway (
    account        TEXT NOT NULL,
    transaction_id BLOB NOT NULL,
    run            INTEGER NOT NULL,
    cycle_id       BLOB NOT NULL,
    version        INTEGER NOT NULL,
    -- As the run will have them.
    base           INTEGER,
    entry          TEXT NOT NULL,
    webhook        TEXT,
    hit            BLOB,
    started_at     INTEGER NOT NULL,
    document       TEXT,
    -- The steps so far.
    steps          TEXT NOT NULL,
    -- queued or running.
    status         TEXT NOT NULL,
    -- The step that it is at, and that step's attempts so far.
    step           TEXT,
    attempts       TEXT NOT NULL,
    -- Grows with whoever takes the step on: what an earlier one brings is too late.
    claim          INTEGER NOT NULL,
    -- The process that is doing the step.
    node           TEXT,
    -- When it is to be gone on with; its timer says so too.
    due_at         INTEGER,
    PRIMARY KEY (account, transaction_id, run)
) STRICT, WITHOUT ROWID;

CREATE INDEX underway_by_node ON underway (account, node) WHERE node IS NOT NULL;

-- The processes that serve a database, and when each was last heard of. Here there is one, which
-- needs no listing: the table is PostgreSQL's, and stands here so that the two are the same.
CREATE TABLE nodes (
    account TEXT NOT NULL,
    node    TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (account, node)
) STRICT, WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('underway', 'underway',         '10000 10000 1 1'),
    ('underway', 'underway_by_node', '1000 1000 500');

ANALYZE sqlite_schema;
