//! What is listed and counted for people.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_LISTS;

    // Lists: for each lane, one descending seek for the ids; then each by its name.

    /// A hit's status stands behind its body: it is read only where `?5` says so.
    LIST_HITS = "SELECT h.webhook, h.hit, CASE WHEN ?5 THEN h.status END, CASE WHEN ?5 THEN h.replay_of END FROM jsonb_each(?2) AS r \
        CROSS JOIN hits AS h ON h.account = ?1 AND h.webhook = r.value->>0 AND h.hit IN (SELECT x.hit FROM hits AS x \
        WHERE x.account = ?1 AND x.webhook = r.value->>0 AND x.hit < CAST(r.value->>1 AS BLOB) AND x.hit >= ?3 \
        ORDER BY x.hit DESC LIMIT ?4)";
    /// Names the index's own condition, or it could not be used.
    LIST_HITS_BY_STATUS = "SELECT h.webhook, h.hit, ?5, NULL FROM jsonb_each(?2) AS r \
        CROSS JOIN hits AS h ON h.account = ?1 AND h.webhook = r.value->>0 AND h.hit IN (SELECT x.hit FROM hits AS x \
        WHERE x.account = ?1 AND x.webhook = r.value->>0 AND x.hit < CAST(r.value->>1 AS BLOB) AND x.hit >= ?3 \
        AND x.status = ?5 AND x.status <> 'applied' ORDER BY x.hit DESC LIMIT ?4)";
    LIST_HITS_AMBIGUOUS = "SELECT h.webhook, h.hit, h.status, NULL FROM jsonb_each(?2) AS r \
        CROSS JOIN hits AS h ON h.account = ?1 AND h.webhook = r.value->>0 AND h.hit IN (SELECT x.hit FROM hits AS x \
        WHERE x.account = ?1 AND x.webhook = r.value->>0 AND x.hit < CAST(r.value->>1 AS BLOB) AND x.hit >= ?3 \
        AND x.ambiguous = 1 ORDER BY x.hit DESC LIMIT ?4)";
    LIST_TRANSACTIONS = "SELECT t.transaction_id, t.cycle_id, t.version, t.started_at, t.status, t.step, \
        t.runs, t.expires_at, t.completed_at, t.failed_at, t.callers \
        FROM jsonb_each(?2) AS r CROSS JOIN transactions AS t ON t.account = ?1 AND t.transaction_id IN \
        (SELECT x.transaction_id FROM transactions AS x WHERE x.account = ?1 AND x.cycle_id = CAST(r.value->>0 AS BLOB) \
        AND x.status = r.value->>1 AND x.transaction_id < CAST(r.value->>2 AS BLOB) AND x.transaction_id >= ?3 \
        ORDER BY x.transaction_id DESC LIMIT ?4)";
    /// Names the index's own condition, or it could not be used.
    LIST_FAILED_AT = "SELECT t.transaction_id, t.cycle_id, t.version, t.started_at, t.status, t.step, \
        t.runs, t.expires_at, t.completed_at, t.failed_at, t.callers \
        FROM jsonb_each(?2) AS r CROSS JOIN transactions AS t ON t.account = ?1 AND t.transaction_id IN \
        (SELECT x.transaction_id FROM transactions AS x WHERE x.account = ?1 AND x.cycle_id = CAST(r.value->>0 AS BLOB) \
        AND x.step = ?5 AND x.status = 'failed' AND x.transaction_id < CAST(r.value->>2 AS BLOB) AND x.transaction_id >= ?3 \
        ORDER BY x.transaction_id DESC LIMIT ?4)";
    NEWEST_TRANSACTIONS = "SELECT transaction_id, cycle_id, version, started_at, status, step, runs, \
        expires_at, completed_at, failed_at, callers FROM transactions WHERE account = ?1 AND transaction_id < ?2 \
        AND transaction_id >= ?3 ORDER BY transaction_id DESC LIMIT ?4";

    // Tallies.

    TALLIES_ADD = "INSERT INTO tallies (account, cycle_id, step, hour, node, hits, started, completed, \
        passed, failed) SELECT ?1, CAST(value->>0 AS BLOB), value->>1, value->>2, ?3, value->>3, value->>4, value->>5, \
        value->>6, value->>7 FROM jsonb_each(?2) WHERE true ON CONFLICT (account, cycle_id, step, hour, node) DO UPDATE \
        SET hits = tallies.hits + excluded.hits, started = tallies.started + excluded.started, \
        completed = tallies.completed + excluded.completed, passed = tallies.passed + excluded.passed, \
        failed = tallies.failed + excluded.failed";
    TALLIES = "SELECT t.cycle_id, t.hour, t.hits, t.started, t.completed, t.failed \
        FROM jsonb_each(?2) AS r CROSS JOIN tallies AS t ON t.account = ?1 AND t.cycle_id = CAST(r.value->>0 AS BLOB) \
        AND t.step = '' AND t.hour >= ?3";
    /// In the order of the key: a step's rows stand together.
    STEP_TALLIES = "SELECT step, sum(passed), sum(failed) FROM tallies WHERE account = ?1 \
        AND cycle_id = ?2 AND step > '' AND hour >= ?3 GROUP BY step";
    TALLIES_OLDEST = "SELECT hour FROM tallies WHERE account = ?1 ORDER BY hour LIMIT 1";
    TALLIES_GONE = "DELETE FROM tallies WHERE (account, cycle_id, step, hour, node) IN (SELECT account, \
        cycle_id, step, hour, node FROM tallies WHERE account = ?1 AND hour < ?2 LIMIT ?3)";
}
