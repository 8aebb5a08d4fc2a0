-- Two random pages a resume, for `explain` alone, which finds its holds by their transactions.
DROP INDEX hold_keys_by_transaction;
DELETE FROM sqlite_stat1 WHERE idx = 'hold_keys_by_transaction';
