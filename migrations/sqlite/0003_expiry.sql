-- Most transactions are kept for as long as any may be, 31 days: those go in the order of their ids,
-- which is that of their start, and need no index. A start writes one page fewer.
DROP INDEX transactions_by_expiry;
CREATE INDEX transactions_by_expiry ON transactions (account, expires_at)
    WHERE expires_at < started_at + 2678400000000;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('transactions', 'transactions_by_expiry', '10000 10000 2');

ANALYZE sqlite_schema;
