//! The correlation index.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_CORRELATION;

    // The correlation index. The whole key is compared beside its hash.

    /// For each seek the newest and the second newest that no hit has resumed, and the newest that one
    /// has. A look-up each: SQLite has no lateral join, so scalar sub-queries name the transactions.
    SEEK = "WITH wanted (seek, resumed, webhook, key_hash, transaction_id) AS MATERIALIZED ( \
        SELECT s.key, 0, s.value->>0, CAST(s.value->>1 AS BLOB), (SELECT k.transaction_id FROM hold_keys AS k CROSS JOIN transactions AS t \
            ON t.account = k.account AND t.transaction_id = k.transaction_id \
            WHERE k.account = ?1 AND k.webhook = s.value->>0 AND k.key_hash = CAST(s.value->>1 AS BLOB) AND k.resumed = 0 \
            AND k.key = CAST(s.value->>2 AS BLOB) AND (k.due_at IS NULL OR k.due_at > ?3) \
            AND t.expires_at > ?3 AND t.status <> 'cancelled' ORDER BY k.transaction_id DESC LIMIT 1) \
        FROM jsonb_each(?2) AS s \
        UNION ALL \
        SELECT s.key, 0, s.value->>0, CAST(s.value->>1 AS BLOB), (SELECT k.transaction_id FROM hold_keys AS k CROSS JOIN transactions AS t \
            ON t.account = k.account AND t.transaction_id = k.transaction_id \
            WHERE k.account = ?1 AND k.webhook = s.value->>0 AND k.key_hash = CAST(s.value->>1 AS BLOB) AND k.resumed = 0 \
            AND k.key = CAST(s.value->>2 AS BLOB) AND (k.due_at IS NULL OR k.due_at > ?3) \
            AND t.expires_at > ?3 AND t.status <> 'cancelled' ORDER BY k.transaction_id DESC LIMIT 1 OFFSET 1) \
        FROM jsonb_each(?2) AS s \
        UNION ALL \
        SELECT s.key, 1, s.value->>0, CAST(s.value->>1 AS BLOB), (SELECT k.transaction_id FROM hold_keys AS k CROSS JOIN transactions AS t \
            ON t.account = k.account AND t.transaction_id = k.transaction_id \
            WHERE k.account = ?1 AND k.webhook = s.value->>0 AND k.key_hash = CAST(s.value->>1 AS BLOB) AND k.resumed = 1 \
            AND k.key = CAST(s.value->>2 AS BLOB) \
            AND t.expires_at > ?3 AND t.status <> 'cancelled' ORDER BY k.transaction_id DESC LIMIT 1) \
        FROM jsonb_each(?2) AS s) \
        SELECT w.seek, k.resumed, k.run, k.due_at, t.transaction_id, t.cycle_id, t.version, t.started_at, t.status, \
        t.step, t.runs, t.expires_at, t.completed_at, t.failed_at, t.callers \
        FROM wanted AS w CROSS JOIN hold_keys AS k ON k.account = ?1 \
        AND k.webhook = w.webhook AND k.key_hash = w.key_hash \
        AND k.resumed = w.resumed AND k.transaction_id = w.transaction_id \
        CROSS JOIN transactions AS t ON t.account = ?1 AND t.transaction_id = w.transaction_id";
    /// For reading: what has fallen due and not been dealt with yet shows too.
    SEEK_READ = "SELECT 0, k.resumed, k.run, k.due_at, t.transaction_id, t.cycle_id, t.version, \
        t.started_at, t.status, t.step, t.runs, t.expires_at, t.completed_at, t.failed_at, t.callers \
        FROM hold_keys AS k CROSS JOIN transactions AS t \
        ON t.account = k.account AND t.transaction_id = k.transaction_id \
        WHERE k.account = ?1 AND k.webhook = ?2 AND k.key_hash = ?3 AND k.resumed = ?4 AND k.key = ?5 \
        AND t.expires_at > ?6 AND t.status <> 'cancelled' ORDER BY k.transaction_id DESC LIMIT ?7";
    KEY_ROWS = "SELECT k.resumed, k.webhook, k.key_hash, k.transaction_id, k.run, k.key, k.due_at \
        FROM jsonb_each(?2) AS r CROSS JOIN hold_keys AS k ON k.account = ?1 AND k.webhook = r.value->>0 \
        AND k.key_hash = CAST(r.value->>1 AS BLOB) AND k.resumed = r.value->>2 AND k.transaction_id = CAST(r.value->>3 AS BLOB)";
    KEYS_ADD = "INSERT INTO hold_keys (account, webhook, key_hash, resumed, transaction_id, run, key, \
        due_at) SELECT ?1, value->>0, CAST(value->>1 AS BLOB), 0, CAST(value->>2 AS BLOB), value->>3, CAST(value->>4 AS BLOB), value->>5 \
        FROM jsonb_each(?2) WHERE true \
        ON CONFLICT (account, webhook, key_hash, resumed, transaction_id) \
        DO UPDATE SET run = excluded.run, key = excluded.key, due_at = excluded.due_at";
    KEYS_RESUMED = "UPDATE OR REPLACE hold_keys SET resumed = 1 FROM jsonb_each(?2) AS r \
        WHERE account = ?1 AND webhook = r.value->>0 AND key_hash = CAST(r.value->>1 AS BLOB) AND resumed = 0 \
        AND transaction_id = CAST(r.value->>2 AS BLOB)";
    KEYS_GONE = "DELETE FROM hold_keys WHERE (account, webhook, key_hash, resumed, transaction_id) IN \
        (SELECT ?1, value->>0, CAST(value->>1 AS BLOB), value->>2, CAST(value->>3 AS BLOB) FROM jsonb_each(?2))";
}
