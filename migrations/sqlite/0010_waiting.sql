-- Runs of a cycle that have not begun: a stop answers their callers, and a drain waits for them.
CREATE INDEX underway_waiting ON underway (account, cycle_id, transaction_id, started_at)
    WHERE status = 'queued';

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('underway', 'underway_waiting', '10000 10000 5000 1 1');

ANALYZE sqlite_schema;
