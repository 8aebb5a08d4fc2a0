//! The correlation index.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_CORRELATION;

    // The correlation index. The whole key is compared beside its hash.

    /// For each seek the newest two that no hit has resumed, and the newest that one has: a descending
    /// index seek each, partition by partition, newest first.
    SEEK = "SELECT (s.seek - 1)::int4, f.* FROM unnest($2::text[], $3::bytea[], $4::bytea[]) WITH \
        ORDINALITY AS s (webhook, key_hash, key, seek) CROSS JOIN LATERAL ((SELECT k.resumed, k.run, \
        k.due_at, t.* FROM hold_keys AS k CROSS JOIN LATERAL (SELECT transaction_id, cycle_id, \
        version, started_at, status, step, runs, expires_at, completed_at, failed_at, callers FROM \
        transactions WHERE account = $1 AND transaction_id = k.transaction_id AND expires_at > $5 \
        AND status <> 'cancelled' OFFSET 0) AS t WHERE k.account = $1 AND k.webhook = s.webhook AND \
        k.key_hash = s.key_hash AND k.resumed = false AND k.key = s.key AND (k.due_at IS NULL OR \
        k.due_at > $5) ORDER BY k.transaction_id DESC LIMIT 2) UNION ALL (SELECT k.resumed, k.run, \
        k.due_at, t.* FROM hold_keys AS k CROSS JOIN LATERAL (SELECT transaction_id, cycle_id, \
        version, started_at, status, step, runs, expires_at, completed_at, failed_at, callers FROM \
        transactions WHERE account = $1 AND transaction_id = k.transaction_id AND expires_at > $5 \
        AND status <> 'cancelled' OFFSET 0) AS t WHERE k.account = $1 AND k.webhook = s.webhook AND \
        k.key_hash = s.key_hash AND k.resumed = true AND k.key = s.key ORDER BY k.transaction_id \
        DESC LIMIT 1)) AS f";
    /// For reading: what has fallen due and not been dealt with yet shows too.
    SEEK_READ = "SELECT 0::int4, k.resumed, k.run, k.due_at, t.transaction_id, t.cycle_id, t.version, \
        t.started_at, t.status, t.step, t.runs, t.expires_at, t.completed_at, t.failed_at, t.callers \
        FROM hold_keys AS k JOIN transactions AS t ON t.account = k.account AND t.transaction_id = \
        k.transaction_id WHERE k.account = $1 AND k.webhook = $2 AND k.key_hash = $3 AND k.resumed = \
        $4 AND k.key = $5 AND t.expires_at > $6 AND t.status <> 'cancelled' ORDER BY \
        k.transaction_id DESC LIMIT $7";
    KEY_ROWS = "SELECT k.* FROM unnest($2::text[], $3::bytea[], $4::uuid[]) AS r (webhook, key_hash, id) \
        CROSS JOIN LATERAL (SELECT resumed, webhook, key_hash, transaction_id, run, key, due_at FROM \
        hold_keys WHERE account = $1 AND webhook = r.webhook AND key_hash = r.key_hash AND resumed \
        IN (false, true) AND transaction_id = r.id OFFSET 0) AS k";
    KEYS_ADD = "INSERT INTO hold_keys (account, webhook, key_hash, resumed, transaction_id, run, key, \
        due_at) SELECT $1, r.webhook, r.key_hash, false, r.id, r.run, r.key, r.due_at FROM \
        unnest($2::text[], $3::bytea[], $4::uuid[], $5::int4[], $6::bytea[], $7::timestamptz[]) AS r \
        (webhook, key_hash, id, run, key, due_at) ON CONFLICT (account, webhook, key_hash, resumed, \
        transaction_id) DO UPDATE SET run = excluded.run, key = excluded.key, due_at = \
        excluded.due_at";
    /// Resumed from now on. There is no such row yet: a newer hold takes an older one's rows away.
    KEYS_RESUMED = "UPDATE hold_keys AS k SET resumed = true FROM (SELECT $1::text AS account, u.* FROM \
        unnest($2::text[], $3::bytea[], $4::uuid[]) AS u (webhook, key_hash, id) OFFSET 0) AS r WHERE \
        k.account = r.account AND k.webhook = r.webhook AND k.key_hash = r.key_hash AND k.resumed = \
        false AND k.transaction_id = r.id";
    KEYS_GONE = "DELETE FROM hold_keys AS k USING (SELECT $1::text AS account, u.* FROM unnest($2::text[], \
        $3::bytea[], $4::uuid[]) AS u (webhook, key_hash, id) OFFSET 0) AS r WHERE k.account = \
        r.account AND k.webhook = r.webhook AND k.key_hash = r.key_hash AND k.resumed IN (false, \
        true) AND k.transaction_id = r.id";
}
