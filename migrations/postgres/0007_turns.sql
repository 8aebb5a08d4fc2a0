-- `concurrency`: runs that hold a place in their cycle, and runs that wait for one.
ALTER TABLE underway
    -- 0: behind another run of its key. 1: waits for a place. 2: holds one. None: it needs none, or
    -- not yet.
    ADD COLUMN place    INTEGER,
    -- The order in which places are given.
    ADD COLUMN turn     BIGINT,
    -- The hash of its concurrency key's value; one byte, where it has none.
    ADD COLUMN turn_key BYTEA;

CREATE INDEX underway_by_place ON underway (account, cycle_id, place, turn, transaction_id, run)
    WHERE place IS NOT NULL;
CREATE INDEX underway_by_turn_key ON underway (account, cycle_id, turn_key, turn, transaction_id, run)
    WHERE turn_key IS NOT NULL;
