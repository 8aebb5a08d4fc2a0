-- Limits of an account; null: none. One that is being removed is nobody's any more: its rows go, and
-- at last this one.
ALTER TABLE accounts
    ADD COLUMN hits_per_second      BIGINT,
    ADD COLUMN transactions_at_once BIGINT,
    ADD COLUMN stored_bytes         BIGINT,
    ADD COLUMN deleted_at           TIMESTAMPTZ;
