//! Transactions, their runs, and what is under way.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_TRANSACTIONS;

    // Transactions.

    TRANSACTIONS_NAMED = "SELECT t.transaction_id, t.cycle_id, t.version, t.started_at, t.status, \
        t.step, t.runs, t.expires_at, t.completed_at, t.failed_at, t.callers \
        FROM jsonb_each(?2) AS r CROSS JOIN transactions AS t \
        ON t.account = ?1 AND t.transaction_id = CAST(r.value->>0 AS BLOB)";
    TRANSACTIONS_ADD = "INSERT INTO transactions (account, transaction_id, cycle_id, version, \
        started_at, status, step, runs, expires_at, completed_at, failed_at, callers) \
        SELECT ?1, CAST(value->>0 AS BLOB), CAST(value->>1 AS BLOB), value->>2, value->>3, value->>4, value->>5, value->>6, \
        value->>7, value->>8, value->>9, CAST(substr(?3, value->>10, value->>11) AS TEXT) FROM jsonb_each(?2)";
    /// Without `expires_at`, which seldom changes: to name it is to write its index.
    TRANSACTIONS_CHANGE = "UPDATE transactions SET status = r.value->>1, step = r.value->>2, \
        runs = r.value->>3, completed_at = r.value->>4, failed_at = r.value->>5, \
        callers = CAST(substr(?3, r.value->>6, r.value->>7) AS TEXT) FROM jsonb_each(?2) AS r \
        WHERE account = ?1 AND transaction_id = CAST(r.value->>0 AS BLOB)";
    TRANSACTIONS_EXPIRE = "UPDATE transactions SET expires_at = r.value->>1 FROM jsonb_each(?2) AS r \
        WHERE account = ?1 AND transaction_id = CAST(r.value->>0 AS BLOB)";
    /// Groups, so it sorts: what is held is counted through the index by status.
    HELD = "SELECT c.cycle_id, t.step, count(*) FROM cycles AS c CROSS JOIN transactions AS t \
        ON t.account = c.account AND t.cycle_id = c.cycle_id AND t.status = 'held' \
        WHERE c.account = ?1 AND t.expires_at > ?2 AND t.step IS NOT NULL \
        GROUP BY c.cycle_id, t.step ORDER BY c.cycle_id, t.step";

    // Runs.

    RUNS_NAMED = "SELECT u.transaction_id, u.run, u.base, u.entry, u.webhook, u.hit, u.status, u.step, \
        u.started_at, u.steps, u.document, u.hold_keys, u.error, h.webhook, h.hit, h.received_at, h.method, \
        h.headers, h.query, h.raw, h.body, h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, \
        h.early_until, h.expires_at FROM jsonb_each(?2) AS r CROSS JOIN runs AS u \
        ON u.account = ?1 AND u.transaction_id = CAST(r.value->>0 AS BLOB) AND u.run = r.value->>1 \
        LEFT JOIN hits AS h ON h.account = u.account AND h.webhook = u.webhook AND h.hit = u.hit";
    RUNS = "SELECT u.transaction_id, u.run, u.base, u.entry, u.webhook, u.hit, u.status, u.step, \
        u.started_at, u.steps, u.document, u.hold_keys, u.error, h.webhook, h.hit, h.received_at, h.method, \
        h.headers, h.query, h.raw, h.body, h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, \
        h.early_until, h.expires_at FROM runs AS u \
        LEFT JOIN hits AS h ON h.account = u.account AND h.webhook = u.webhook AND h.hit = u.hit \
        WHERE u.account = ?1 AND u.transaction_id = ?2 AND u.run < ?3 ORDER BY u.run DESC LIMIT ?4";
    HOLDS = "SELECT u.transaction_id, u.run, u.base, u.entry, u.webhook, u.hit, u.status, u.step, \
        u.started_at, u.steps, u.document, u.hold_keys, u.error FROM jsonb_each(?2) AS r CROSS JOIN runs AS u \
        ON u.account = ?1 AND u.transaction_id = CAST(r.value->>0 AS BLOB) AND u.status = 'held'";
    RUNS_ADD = "INSERT INTO runs (account, transaction_id, run, base, entry, webhook, hit, status, \
        step, started_at, steps, document, hold_keys, error) \
        SELECT ?1, CAST(value->>0 AS BLOB), value->>1, value->>2, value->>3, value->>4, CAST(value->>5 AS BLOB), value->>6, \
        value->>7, value->>8, CAST(substr(?3, value->>9, value->>10) AS TEXT), \
        CAST(substr(?3, value->>11, value->>12) AS TEXT), CAST(substr(?3, value->>13, value->>14) AS TEXT), \
        CAST(substr(?3, value->>15, value->>16) AS TEXT) FROM jsonb_each(?2)";

    // Runs under way.

    UNDERWAY = "SELECT u.transaction_id, u.run, u.cycle_id, u.version, u.base, u.entry, u.webhook, u.hit, u.started_at, u.document, u.steps, u.status, u.step, u.attempts, u.claim, u.node, u.due_at, u.place, u.turn, u.turn_key \
        FROM jsonb_each(?2) AS r CROSS JOIN underway AS u \
        ON u.account = ?1 AND u.transaction_id = CAST(r.value->>0 AS BLOB)";
    /// Of a process that is gone: here there is one, `?2`.
    UNDERWAY_LEFT = "SELECT u.transaction_id, u.run, u.cycle_id, u.version, u.base, u.entry, u.webhook, u.hit, u.started_at, u.document, u.steps, u.status, u.step, u.attempts, u.claim, u.node, u.due_at, u.place, u.turn, u.turn_key \
        FROM underway AS u WHERE u.account = ?1 AND u.node IS NOT NULL AND u.node <> ?2 LIMIT ?3";
    UNDERWAY_PUT = "INSERT INTO underway (account, transaction_id, run, cycle_id, version, base, entry, \
        webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key) \
        SELECT ?1, CAST(value->>0 AS BLOB), value->>1, CAST(value->>2 AS BLOB), value->>3, value->>4, value->>5, \
        value->>6, CAST(value->>7 AS BLOB), value->>8, CAST(substr(?3, value->>9, value->>10) AS TEXT), \
        CAST(substr(?3, value->>11, value->>12) AS TEXT), value->>13, value->>14, \
        CAST(substr(?3, value->>15, value->>16) AS TEXT), value->>17, value->>18, value->>19, \
        value->>20, value->>21, CAST(value->>22 AS BLOB) \
        FROM jsonb_each(?2) WHERE true ON CONFLICT (account, transaction_id, run) DO UPDATE SET steps = excluded.steps, \
        status = excluded.status, step = excluded.step, attempts = excluded.attempts, claim = excluded.claim, \
        node = excluded.node, due_at = excluded.due_at, place = excluded.place, turn = excluded.turn, \
        turn_key = excluded.turn_key";
    UNDERWAY_GONE = "DELETE FROM underway WHERE (account, transaction_id, run) IN \
        (SELECT ?1, CAST(value->>0 AS BLOB), value->>1 FROM jsonb_each(?2))";

    // Turns: places of a cycle, and what waits for one.

    /// Places held, counted up to a limit; the first turns that wait; the last one that has begun.
    TURNS = "SELECT (SELECT count(*) FROM (SELECT 1 FROM underway WHERE account = ?1 AND cycle_id = ?2 \
        AND place = 2 LIMIT ?3) AS h), (SELECT turn FROM underway WHERE account = ?1 AND cycle_id = ?2 AND place = 1 \
        ORDER BY turn LIMIT 1), (SELECT turn FROM underway WHERE account = ?1 AND cycle_id = ?2 AND place = 0 ORDER BY \
        turn LIMIT 1), (SELECT turn FROM underway WHERE account = ?1 AND cycle_id = ?2 AND place = 2 ORDER BY turn DESC \
        LIMIT 1)";
    TURNS_NEXT = "SELECT transaction_id, run, cycle_id, version, base, entry, webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key FROM underway WHERE account = ?1 AND cycle_id = ?2 AND place = ?3 ORDER BY \
        turn, transaction_id, run LIMIT ?4";
    TURN_FIRST = "SELECT transaction_id, run, cycle_id, version, base, entry, webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key FROM underway WHERE account = ?1 AND cycle_id = ?2 AND turn_key = ?3 ORDER BY \
        turn, transaction_id, run LIMIT 1";
    /// The last turn of each key; null where it has none.
    TURNS_LAST = "SELECT CAST(r.value->>0 AS BLOB), CAST(r.value->>1 AS BLOB), (SELECT turn FROM underway \
        WHERE account = ?1 AND cycle_id = CAST(r.value->>0 AS BLOB) AND turn_key = CAST(r.value->>1 AS BLOB) \
        ORDER BY turn DESC LIMIT 1) FROM jsonb_each(?2) AS r";
    /// Transactions with a run that has not begun, and had been accepted by then.
    WAITING = "SELECT DISTINCT transaction_id FROM underway WHERE account = ?1 AND cycle_id = ?2 AND \
        status = 'queued' AND transaction_id > ?3 AND started_at <= ?4 ORDER BY transaction_id LIMIT ?5";
    /// Transactions in a line of the cycle whose retention has run out.
    LAPSED = "SELECT u.transaction_id FROM underway AS u CROSS JOIN transactions AS t \
        ON t.account = u.account AND t.transaction_id = u.transaction_id \
        WHERE u.account = ?1 AND u.cycle_id = ?2 AND u.place >= 0 AND t.expires_at <= ?3 LIMIT ?4";

    // Timers.

    TIMER_NEXT = "SELECT due_at FROM timers WHERE account = ?1 ORDER BY due_at LIMIT 1";
    TIMERS_DUE = "SELECT due_at, transaction_id, run FROM timers WHERE account = ?1 AND due_at <= ?2 \
        ORDER BY due_at, transaction_id, run LIMIT ?3";
    TIMERS_ADD = "INSERT INTO timers (account, due_at, transaction_id, run) \
        SELECT ?1, value->>0, CAST(value->>1 AS BLOB), value->>2 FROM jsonb_each(?2) WHERE true \
        ON CONFLICT (account, due_at, transaction_id, run) DO NOTHING";
    TIMERS_GONE = "DELETE FROM timers WHERE (account, due_at, transaction_id, run) IN \
        (SELECT ?1, value->>0, CAST(value->>1 AS BLOB), value->>2 FROM jsonb_each(?2))";
}
