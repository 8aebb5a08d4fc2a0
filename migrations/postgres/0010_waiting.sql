-- Runs of a cycle that have not begun: a stop answers their callers, and a drain waits for them.
CREATE INDEX underway_waiting ON underway (account, cycle_id, transaction_id, started_at)
    WHERE status = 'queued';
