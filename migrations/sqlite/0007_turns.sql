-- `concurrency`: runs that hold a place in their cycle, and runs that wait for one.
-- 0: behind another run of its key. 1: waits for a place. 2: holds one. None: it needs none, or
-- not yet.
ALTER TABLE underway ADD COLUMN place INTEGER;
-- The order in which places are given.
ALTER TABLE underway ADD COLUMN turn INTEGER;
-- The hash of its concurrency key's value; one byte, where it has none.
ALTER TABLE underway ADD COLUMN turn_key BLOB;

CREATE INDEX underway_by_place ON underway (account, cycle_id, place, turn, transaction_id, run)
    WHERE place IS NOT NULL;
CREATE INDEX underway_by_turn_key ON underway (account, cycle_id, turn_key, turn, transaction_id, run)
    WHERE turn_key IS NOT NULL;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('underway', 'underway_by_place',    '10000 10000 5000 2000 10 1 1'),
    ('underway', 'underway_by_turn_key', '10000 10000 5000 100 10 1 1');

ANALYZE sqlite_schema;
