-- Runs under way: those whose step is being done outside of a commit, is to be tried again or waits
-- for its time, and those that wait for an earlier run of their transaction. A row goes when its run
-- ends, in the commit that writes the run.
CREATE TABLE underway (
    account        TEXT NOT NULL,
    transaction_id UUID NOT NULL,
    run            INTEGER NOT NULL,
    cycle_id       UUID NOT NULL,
    version        INTEGER NOT NULL,
    -- As the run will have them.
    base           INTEGER,
    entry          TEXT NOT NULL,
    webhook        TEXT,
    hit            UUID,
    started_at     TIMESTAMPTZ NOT NULL,
    document       TEXT,
    -- The steps so far.
    steps          TEXT NOT NULL,
    -- queued or running.
    status         TEXT NOT NULL,
    -- The step that it is at, and that step's attempts so far.
    step           TEXT,
    attempts       TEXT NOT NULL,
    -- Grows with whoever takes the step on: what an earlier one brings is too late.
    claim          BIGINT NOT NULL,
    -- The process that is doing the step.
    node           TEXT,
    -- When it is to be gone on with; its timer says so too.
    due_at         TIMESTAMPTZ,
    PRIMARY KEY (account, transaction_id, run)
);

CREATE INDEX underway_by_node ON underway (account, node) WHERE node IS NOT NULL;

-- The processes that serve this database, and when each was last heard of.
CREATE TABLE nodes (
    account TEXT NOT NULL CHECK (account = '*'),
    node    TEXT NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, node)
);
