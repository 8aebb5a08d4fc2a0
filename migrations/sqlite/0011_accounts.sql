-- Limits of an account; null: none. One that is being removed is nobody's any more: its rows go, and
-- at last this one.
ALTER TABLE accounts ADD COLUMN hits_per_second INTEGER;
ALTER TABLE accounts ADD COLUMN transactions_at_once INTEGER;
ALTER TABLE accounts ADD COLUMN stored_bytes INTEGER;
ALTER TABLE accounts ADD COLUMN deleted_at INTEGER;
