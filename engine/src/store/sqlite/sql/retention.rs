//! What has expired goes.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_RETENTION;

    // Retention: each removes at most ?3 rows, through an index, oldest first.

    /// Of transactions that are kept for less than 31 days: the index's own condition is named, or it
    /// could not be used.
    EXPIRED_RUNS = "SELECT u.transaction_id, u.run, u.webhook, u.hit \
        FROM transactions AS t CROSS JOIN runs AS u \
        ON u.account = t.account AND u.transaction_id = t.transaction_id \
        WHERE t.account = ?1 AND t.expires_at <= ?2 AND t.expires_at < t.started_at + 2678400000000 LIMIT ?3";
    /// Of those that started over 31 days ago, whose ids are below ?4.
    OLDEST_RUNS = "SELECT u.transaction_id, u.run, u.webhook, u.hit \
        FROM transactions AS t CROSS JOIN runs AS u \
        ON u.account = t.account AND u.transaction_id = t.transaction_id \
        WHERE t.account = ?1 AND t.transaction_id < ?4 AND t.expires_at <= ?2 LIMIT ?3";
    HITS_GONE = "DELETE FROM hits WHERE (account, webhook, hit) IN \
        (SELECT ?1, value->>0, CAST(value->>1 AS BLOB) FROM jsonb_each(?2))";
    RUNS_GONE = "DELETE FROM runs WHERE (account, transaction_id, run) IN \
        (SELECT ?1, CAST(value->>0 AS BLOB), value->>1 FROM jsonb_each(?2))";
    /// Those whose runs are gone already.
    EXPIRED_TRANSACTIONS = "SELECT t.transaction_id FROM transactions AS t \
        WHERE t.account = ?1 AND t.expires_at <= ?2 AND t.expires_at < t.started_at + 2678400000000 \
        AND NOT EXISTS (SELECT 1 FROM runs AS u \
        WHERE u.account = t.account AND u.transaction_id = t.transaction_id) LIMIT ?3";
    OLDEST_TRANSACTIONS = "SELECT t.transaction_id FROM transactions AS t \
        WHERE t.account = ?1 AND t.transaction_id < ?4 AND t.expires_at <= ?2 \
        AND NOT EXISTS (SELECT 1 FROM runs AS u \
        WHERE u.account = t.account AND u.transaction_id = t.transaction_id) LIMIT ?3";
    TRANSACTION_KEYS_GONE = "DELETE FROM hold_keys WHERE (account, webhook, transaction_id) IN \
        (SELECT ?1, w.webhook, t.transaction_id FROM jsonb_each(?2) AS r CROSS JOIN transactions AS t \
        ON t.account = ?1 AND t.transaction_id = CAST(r.value->>0 AS BLOB) \
        CROSS JOIN webhooks AS w ON w.account = t.account AND w.cycle_id = t.cycle_id)";
    TRANSACTION_TIMERS_GONE = "DELETE FROM timers WHERE (account, transaction_id) IN \
        (SELECT ?1, CAST(value->>0 AS BLOB) FROM jsonb_each(?2))";
    /// Of runs that never ended.
    UNDERWAY_HITS_GONE = "DELETE FROM hits WHERE (account, webhook, hit) IN \
        (SELECT ?1, u.webhook, u.hit FROM jsonb_each(?2) AS r CROSS JOIN underway AS u \
        ON u.account = ?1 AND u.transaction_id = CAST(r.value->>0 AS BLOB))";
    TRANSACTION_UNDERWAY_GONE = "DELETE FROM underway WHERE (account, transaction_id) IN \
        (SELECT ?1, CAST(value->>0 AS BLOB) FROM jsonb_each(?2))";
    TRANSACTIONS_GONE = "DELETE FROM transactions WHERE (account, transaction_id) IN \
        (SELECT ?1, CAST(value->>0 AS BLOB) FROM jsonb_each(?2))";
    /// Names the index's own condition, or it could not be used.
    EXPIRED_HITS = "SELECT h.webhook, h.hit FROM hits AS h \
        WHERE h.account = ?1 AND h.expires_at <= ?2 AND h.status <> 'applied' AND NOT EXISTS (SELECT 1 \
        FROM transactions AS t WHERE t.account = h.account AND t.transaction_id = h.transaction_id) LIMIT ?3";
    EXPIRED_QUEUE_GONE = "DELETE FROM queue WHERE (account, cycle_id, hit) IN \
        (SELECT ?1, w.cycle_id, CAST(r.value->>1 AS BLOB) FROM jsonb_each(?2) AS r CROSS JOIN webhooks AS w \
        ON w.account = ?1 AND w.webhook = r.value->>0)";
    EXPIRED_ANSWERS_GONE = "DELETE FROM answers WHERE (account, hit) IN \
        (SELECT account, hit FROM answers WHERE account = ?1 AND expires_at <= ?2 LIMIT ?3)";
    EXPIRED_EARLY_GONE = "DELETE FROM early WHERE (account, webhook, key_hash, hit) IN \
        (SELECT account, webhook, key_hash, hit FROM early WHERE account = ?1 AND until_at <= ?2 LIMIT ?3)";
    EXPIRED_REPEATS_GONE = "DELETE FROM repeats WHERE (account, webhook, key_hash) IN \
        (SELECT account, webhook, key_hash FROM repeats WHERE account = ?1 AND at <= ?2 LIMIT ?3)";
    /// Each version that a newer one has replaced, with the instants between which it was the newest.
    VERSIONS_REPLACED = "SELECT v.cycle_id, v.version, v.created_at, (SELECT n.created_at \
        FROM versions AS n WHERE n.account = v.account AND n.cycle_id = v.cycle_id AND n.version > v.version \
        ORDER BY n.version LIMIT 1) FROM cycles AS c CROSS JOIN versions AS v \
        ON v.account = c.account AND v.cycle_id = c.cycle_id AND v.version < c.version WHERE c.account = ?1";
    /// A transaction's id says when it started, so those of a version lie in a range of ids.
    VERSION_NEEDED = "SELECT 1 FROM transactions WHERE account = ?1 AND cycle_id = ?2 \
        AND status IN ('queued', 'running', 'held', 'completed', 'failed', 'cancelled') \
        AND transaction_id >= ?4 AND transaction_id < ?5 AND version = ?3 LIMIT 1";
    VERSION_GONE = "DELETE FROM versions WHERE account = ?1 AND cycle_id = ?2 AND version = ?3";
    CYCLES_FORGOTTEN = "SELECT c.cycle_id FROM cycles AS c \
        WHERE c.account = ?1 AND c.deleted_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM transactions AS t \
        WHERE t.account = c.account AND t.cycle_id = c.cycle_id)";
    CYCLE_VERSIONS_GONE = "DELETE FROM versions WHERE account = ?1 AND cycle_id = ?2";
    CYCLE_WEBHOOKS_GONE = "DELETE FROM webhooks WHERE account = ?1 AND cycle_id = ?2";
    CYCLE_QUEUE_GONE = "DELETE FROM queue WHERE account = ?1 AND cycle_id = ?2";
    CYCLE_GONE = "DELETE FROM cycles WHERE account = ?1 AND cycle_id = ?2";
}
