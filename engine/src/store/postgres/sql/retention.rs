//! What has expired goes.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_RETENTION;

    // Retention: partitions go whole; what stands in no partition goes a bounded number at a time.

    EXPIRED_EARLY_GONE = "DELETE FROM early WHERE (account, webhook, key_hash, hit) IN (SELECT account, webhook, \
        key_hash, hit FROM early WHERE account = $1 AND until_at <= $2 LIMIT $3)";
    EXPIRED_REPEATS_GONE = "DELETE FROM repeats WHERE (account, webhook, key_hash) IN (SELECT account, webhook, key_hash \
        FROM repeats WHERE account = $1 AND at <= $2 LIMIT $3)";
    EXPIRED_QUEUE_GONE = "DELETE FROM queue AS q WHERE q.account = $1 AND (q.cycle_id, q.hit) IN (SELECT o.cycle_id, \
        o.hit FROM queue AS o WHERE o.account = $1 AND o.hit < $2 LIMIT $3)";
    EXPIRED_TIMERS_GONE = "DELETE FROM timers WHERE (account, due_at, transaction_id, run) IN (SELECT account, due_at, \
        transaction_id, run FROM timers WHERE account = $1 AND due_at <= $2 AND transaction_id < $4 \
        LIMIT $3)";
    EXPIRED_UNDERWAY_GONE = "DELETE FROM underway AS u WHERE u.account = $1 AND (u.transaction_id, u.run) IN \
        (SELECT o.transaction_id, o.run FROM underway AS o WHERE o.account = $1 AND o.transaction_id < $2 LIMIT $3)";
    /// Of a table in this schema.
    PARTITIONS = "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid JOIN \
        pg_class AS p ON p.oid = i.inhparent JOIN pg_namespace AS n ON n.oid = p.relnamespace WHERE \
        n.nspname = current_schema() AND p.relname = $1 ORDER BY c.relname";
    /// A version is needed while a transaction of it is kept.
    VERSIONS_UNNEEDED = "DELETE FROM versions AS v USING cycles AS c WHERE v.account = $1 AND c.account = v.account \
        AND c.cycle_id = v.cycle_id AND v.version < c.version AND v.created_at < $2 AND NOT EXISTS \
        (SELECT 1 FROM transactions AS t WHERE t.account = v.account AND t.cycle_id = v.cycle_id AND \
        t.version = v.version)";
    CYCLES_FORGOTTEN = "SELECT c.cycle_id FROM cycles AS c WHERE c.account = $1 AND c.deleted_at < $2 AND NOT EXISTS \
        (SELECT 1 FROM transactions AS t WHERE t.account = c.account AND t.cycle_id = c.cycle_id)";
    CYCLE_VERSIONS_GONE = "DELETE FROM versions WHERE account = $1 AND cycle_id = $2";
    CYCLE_WEBHOOKS_GONE = "DELETE FROM webhooks WHERE account = $1 AND cycle_id = $2";
    CYCLE_QUEUE_GONE = "DELETE FROM queue WHERE account = $1 AND cycle_id = $2";
    CYCLE_GONE = "DELETE FROM cycles WHERE account = $1 AND cycle_id = $2";
    NOTIFY = "SELECT pg_notify('holdfast', $1)";
}
