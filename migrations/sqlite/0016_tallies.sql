-- What cycles did, hour by hour: figures for people who look, not records. Each node counts in rows of
-- its own, so that none waits for another. A step of '' is the cycle as a whole.
CREATE TABLE tallies (
    account   TEXT NOT NULL,
    cycle_id  BLOB NOT NULL,
    step      TEXT NOT NULL,
    hour      INTEGER NOT NULL,
    node      TEXT NOT NULL,
    hits      INTEGER NOT NULL,
    started   INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    passed    INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    PRIMARY KEY (account, cycle_id, step, hour, node)
) STRICT, WITHOUT ROWID;

CREATE INDEX tallies_by_hour ON tallies (account, hour);

-- Few are ambiguous, and few fail: what people look for among many.
CREATE INDEX hits_ambiguous ON hits (account, webhook, hit) WHERE ambiguous = 1;
CREATE INDEX transactions_failed ON transactions (account, cycle_id, step, transaction_id) WHERE status = 'failed';

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('tallies', 'tallies', '1000000 10000 1000 50 2 1'),
    ('tallies', 'tallies_by_hour', '1000000 10000 200'),
    ('hits', 'hits_ambiguous', '1000 1000 100 1'),
    ('transactions', 'transactions_failed', '10000 10000 1000 100 1');

ANALYZE sqlite_schema;
