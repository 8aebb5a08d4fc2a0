//! Transactions, their runs, and what is under way.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_TRANSACTIONS;

    // Transactions.

    TRANSACTIONS_NAMED = "SELECT t.* FROM unnest($2::uuid[]) AS r (id) CROSS JOIN LATERAL (SELECT transaction_id, \
        cycle_id, version, started_at, status, step, runs, expires_at, completed_at, failed_at, \
        callers FROM transactions WHERE account = $1 AND transaction_id = r.id OFFSET 0) AS t ORDER \
        BY t.transaction_id";
    TRANSACTIONS_ADD = "INSERT INTO transactions (account, transaction_id, cycle_id, version, started_at, status, \
        step, runs, expires_at, completed_at, failed_at, callers) SELECT $1, r.* FROM \
        unnest($2::uuid[], $3::uuid[], $4::int4[], $5::timestamptz[], $6::text[], $7::text[], \
        $8::int4[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::text[]) AS r";
    TRANSACTIONS_CHANGE = "UPDATE transactions AS t SET status = r.status, step = r.step, runs = r.runs, expires_at = \
        r.expires_at, completed_at = r.completed_at, failed_at = r.failed_at, callers = r.callers \
        FROM (SELECT $1::text AS account, u.* FROM unnest($2::uuid[], $3::text[], $4::text[], \
        $5::int4[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::text[]) AS u (id, \
        status, step, runs, expires_at, completed_at, failed_at, callers) OFFSET 0) AS r WHERE \
        t.account = r.account AND t.transaction_id = r.id";
    /// Groups, so it sorts: what is held is counted through the index by status.
    HELD = "SELECT t.cycle_id, t.step, count(*) FROM transactions AS t JOIN cycles AS c ON c.account = \
        t.account AND c.cycle_id = t.cycle_id WHERE c.account = $1 AND t.account = $1 AND t.status = \
        'held' AND t.expires_at > $2 AND t.step IS NOT NULL GROUP BY t.cycle_id, t.step ORDER BY \
        t.cycle_id, t.step";

    // Runs.

    RUNS_NAMED = "SELECT u.*, h.* FROM unnest($2::uuid[], $3::int4[]) AS r (id, run) CROSS JOIN LATERAL \
        (SELECT transaction_id, run, base, entry, webhook, hit, status, step, started_at, steps, \
        document, hold_keys, error FROM runs WHERE account = $1 AND transaction_id = r.id AND run = \
        r.run OFFSET 0) AS u LEFT JOIN LATERAL (SELECT webhook, hit, received_at, method, headers, \
        query, raw, body, status, reason, transaction_id, run, ambiguous, replay_of, early_until, \
        expires_at FROM hits WHERE account = $1 AND webhook = u.webhook AND hit = u.hit OFFSET 0) AS \
        h ON true ORDER BY u.transaction_id, u.run";
    RUNS = "SELECT u.transaction_id, u.run, u.base, u.entry, u.webhook, u.hit, u.status, u.step, \
        u.started_at, u.steps, u.document, u.hold_keys, u.error, h.webhook, h.hit, h.received_at, \
        h.method, h.headers, h.query, h.raw, h.body, h.status, h.reason, h.transaction_id, h.run, \
        h.ambiguous, h.replay_of, h.early_until, h.expires_at FROM runs AS u LEFT JOIN hits AS h ON \
        h.account = u.account AND h.webhook = u.webhook AND h.hit = u.hit WHERE u.account = $1 AND \
        u.transaction_id = $2 AND u.run < $3 ORDER BY u.run DESC LIMIT $4";
    HOLDS = "SELECT u.* FROM unnest($2::uuid[]) AS r (id) CROSS JOIN LATERAL (SELECT transaction_id, run, \
        base, entry, webhook, hit, status, step, started_at, steps, document, hold_keys, error FROM \
        runs WHERE account = $1 AND transaction_id = r.id AND status = 'held' OFFSET 0) AS u ORDER BY \
        u.transaction_id, u.run";
    RUNS_ADD = "INSERT INTO runs (account, transaction_id, run, base, entry, webhook, hit, status, step, \
        started_at, steps, document, hold_keys, error) SELECT $1, r.* FROM unnest($2::uuid[], \
        $3::int4[], $4::int4[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::text[], \
        $10::timestamptz[], $11::text[], $12::text[], $13::text[], $14::text[]) AS r";

    // Runs under way.

    UNDERWAY = "SELECT u.* FROM unnest($2::uuid[]) AS r (id) CROSS JOIN LATERAL (SELECT transaction_id, run, cycle_id, version, base, entry, webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key FROM underway \
        WHERE account = $1 AND transaction_id = r.id OFFSET 0) AS u ORDER BY u.transaction_id, u.run";
    /// Of processes that are gone: none of `$2`.
    UNDERWAY_LEFT = "SELECT transaction_id, run, cycle_id, version, base, entry, webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key FROM underway WHERE account = $1 AND node IS NOT NULL AND node <> ALL ($2) \
        LIMIT $3";
    UNDERWAY_PUT = "INSERT INTO underway (account, transaction_id, run, cycle_id, version, base, entry, \
        webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key) SELECT $1, r.* FROM \
        unnest($2::uuid[], $3::int4[], $4::uuid[], $5::int4[], $6::int4[], $7::text[], $8::text[], $9::uuid[], \
        $10::timestamptz[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::int8[], $17::text[], \
        $18::timestamptz[], $19::int4[], $20::int8[], $21::bytea[]) AS r ON CONFLICT (account, transaction_id, run) DO UPDATE SET steps = excluded.steps, \
        status = excluded.status, step = excluded.step, attempts = excluded.attempts, claim = excluded.claim, node = \
        excluded.node, due_at = excluded.due_at, place = excluded.place, turn = excluded.turn, turn_key = excluded.turn_key";
    UNDERWAY_GONE = "DELETE FROM underway AS u USING (SELECT $1::text AS account, n.* FROM \
        unnest($2::uuid[], $3::int4[]) AS n (id, run) OFFSET 0) AS r WHERE u.account = r.account AND u.transaction_id = \
        r.id AND u.run = r.run";

    // Turns: places of a cycle, and what waits for one.

    /// Places held, counted up to a limit; the first turns that wait; the last one that has begun.
    TURNS = "SELECT (SELECT count(*) FROM (SELECT 1 FROM underway WHERE account = $1 AND cycle_id = $2 \
        AND place = 2 LIMIT $3) AS h), (SELECT turn FROM underway WHERE account = $1 AND cycle_id = $2 AND place = 1 \
        ORDER BY turn LIMIT 1), (SELECT turn FROM underway WHERE account = $1 AND cycle_id = $2 AND place = 0 ORDER BY \
        turn LIMIT 1), (SELECT turn FROM underway WHERE account = $1 AND cycle_id = $2 AND place = 2 ORDER BY turn DESC \
        LIMIT 1)";
    TURNS_NEXT = "SELECT transaction_id, run, cycle_id, version, base, entry, webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key FROM underway WHERE account = $1 AND cycle_id = $2 AND place = $3 ORDER BY \
        turn, transaction_id, run LIMIT $4";
    TURN_FIRST = "SELECT transaction_id, run, cycle_id, version, base, entry, webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key FROM underway WHERE account = $1 AND cycle_id = $2 AND turn_key = $3 ORDER BY \
        turn, transaction_id, run LIMIT 1";
    /// The last turn of each key.
    TURNS_LAST = "SELECT r.cycle_id, r.turn_key, u.turn FROM unnest($2::uuid[], $3::bytea[]) AS r (cycle_id, \
        turn_key) CROSS JOIN LATERAL (SELECT turn FROM underway WHERE account = $1 AND cycle_id = r.cycle_id AND \
        turn_key = r.turn_key ORDER BY turn DESC LIMIT 1) AS u";
    /// Transactions with a run that has not begun, and had been accepted by then.
    WAITING = "SELECT DISTINCT transaction_id FROM underway WHERE account = $1 AND cycle_id = $2 AND \
        status = 'queued' AND transaction_id > $3 AND started_at <= $4 ORDER BY transaction_id LIMIT $5";
    /// Transactions in a line of the cycle whose retention has run out.
    LAPSED = "SELECT u.transaction_id FROM underway AS u JOIN transactions AS t ON t.account = u.account \
        AND t.transaction_id = u.transaction_id WHERE u.account = $1 AND u.cycle_id = $2 AND u.place >= 0 AND \
        t.expires_at <= $3 LIMIT $4";

    /// The processes of a database. One that was not heard of for 4 s has died, or may as well have.
    NODE_SEEN = "INSERT INTO nodes (account, node, seen_at) VALUES ('*', $1, clock_timestamp()) \
        ON CONFLICT (account, node) DO UPDATE SET seen_at = excluded.seen_at";
    NODES_LIVE = "SELECT node FROM nodes WHERE account = '*' AND seen_at > clock_timestamp() - \
        interval '4 seconds' ORDER BY node";
    NODE_LEAVES = "DELETE FROM nodes WHERE account = '*' AND node = $1";
    NODES_GONE = "DELETE FROM nodes WHERE account = '*' AND seen_at < clock_timestamp() - \
        interval '1 day'";

    // Timers.

    TIMER_NEXT = "SELECT due_at FROM timers WHERE account = $1 ORDER BY due_at LIMIT 1";
    TIMERS_DUE = "SELECT due_at, transaction_id, run FROM timers WHERE account = $1 AND due_at <= $2 ORDER BY \
        due_at, transaction_id, run LIMIT $3";
    TIMERS_ADD = "INSERT INTO timers (account, due_at, transaction_id, run) SELECT $1, r.* FROM \
        unnest($2::timestamptz[], $3::uuid[], $4::int4[]) AS r ON CONFLICT DO NOTHING";
    TIMERS_GONE = "DELETE FROM timers AS t USING (SELECT $1::text AS account, u.* FROM \
        unnest($2::timestamptz[], $3::uuid[], $4::int4[]) AS u (due_at, id, run) OFFSET 0) AS r \
        WHERE t.account = r.account AND t.due_at = r.due_at AND t.transaction_id = r.id AND t.run = \
        r.run";
}
