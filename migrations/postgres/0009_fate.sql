-- What tells whether a commit whose end was not heard was made: how many commits the account has had,
-- and the marks of the newest, newest first. The server's own word (`pg_xact_status`) is about a
-- number that it may give away again after a crash.
ALTER TABLE accounts
    ADD COLUMN commits BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN recent  BIGINT[] NOT NULL DEFAULT '{}';
