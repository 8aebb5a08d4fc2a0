-- What cycles did, hour by hour: figures for people who look, not records. Each node counts in rows of
-- its own, so that none waits for another. A step of '' is the cycle as a whole.
CREATE TABLE tallies (
    account   TEXT NOT NULL,
    cycle_id  UUID NOT NULL,
    step      TEXT NOT NULL,
    hour      TIMESTAMPTZ NOT NULL,
    node      TEXT NOT NULL,
    hits      BIGINT NOT NULL,
    started   BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    passed    BIGINT NOT NULL,
    failed    BIGINT NOT NULL,
    PRIMARY KEY (account, cycle_id, step, hour, node)
);

CREATE INDEX tallies_by_hour ON tallies (account, hour);

-- Few are ambiguous, and few fail: what people look for among many.
CREATE INDEX hits_ambiguous ON hits (account, webhook, ambiguous, hit) WHERE ambiguous;
CREATE INDEX transactions_failed ON transactions (account, cycle_id, step, transaction_id) WHERE status = 'failed';

SELECT holdfast_guard();
