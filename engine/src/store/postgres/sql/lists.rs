//! What is listed and counted for people.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_LISTS;

    // Lists: for each lane, one descending seek. A lane's name is compared and sorted by together with the id: by
    // itself it would let the planner walk down the primary key, which has the ids in this order as well, past all that
    // are of other lanes.
    // The name must be the first that is compared: a scan ends where that differs, and goes on where only what stands
    // behind it does.

    LIST_HITS = "SELECT l.* FROM unnest($2::text[], $3::uuid[]) AS r (webhook, below) CROSS JOIN LATERAL \
        (SELECT webhook, hit, status, replay_of FROM hits WHERE account = $1 AND webhook = r.webhook AND hit < r.below AND hit >= $4 \
        ORDER BY hit DESC LIMIT $5) AS l";
    /// Names the index's own condition, or it could not be used.
    LIST_HITS_BY_STATUS = "SELECT l.* FROM unnest($2::text[], $3::uuid[]) AS r (webhook, below) CROSS \
        JOIN LATERAL (SELECT webhook, hit, status, replay_of FROM hits WHERE account = $1 AND webhook = r.webhook \
        AND (status, hit) < ($6, r.below) AND (status, hit) >= ($6, $4) AND status <> 'applied' \
        ORDER BY status DESC, hit DESC LIMIT $5) AS l";
    LIST_HITS_AMBIGUOUS = "SELECT l.* FROM unnest($2::text[], $3::uuid[]) AS r (webhook, below) CROSS \
        JOIN LATERAL (SELECT webhook, hit, status, replay_of FROM hits WHERE account = $1 AND webhook = r.webhook \
        AND (ambiguous, hit) < (true, r.below) AND (ambiguous, hit) >= (true, $4) AND ambiguous \
        ORDER BY ambiguous DESC, hit DESC LIMIT $5) AS l";
    LIST_TRANSACTIONS = "SELECT l.* FROM unnest($2::uuid[], $3::text[], $4::uuid[]) AS r (cycle_id, \
        status, below) CROSS JOIN LATERAL (SELECT transaction_id, cycle_id, version, started_at, status, step, runs, \
        expires_at, completed_at, failed_at, callers FROM transactions WHERE account = $1 \
        AND cycle_id = r.cycle_id AND (status, transaction_id) < (r.status, r.below) \
        AND (status, transaction_id) >= (r.status, $5) \
        ORDER BY status DESC, transaction_id DESC LIMIT $6) AS l";
    /// Names the index's own condition, or it could not be used.
    LIST_FAILED_AT = "SELECT l.* FROM unnest($2::uuid[], $4::uuid[]) AS r (cycle_id, below) CROSS JOIN \
        LATERAL (SELECT transaction_id, cycle_id, version, started_at, status, step, runs, \
        expires_at, completed_at, failed_at, callers FROM transactions WHERE account = $1 AND status = 'failed' \
        AND cycle_id = r.cycle_id AND (step, transaction_id) < ($3, r.below) \
        AND (step, transaction_id) >= ($3, $5) \
        ORDER BY step DESC, transaction_id DESC LIMIT $6) AS l";
    NEWEST_TRANSACTIONS = "SELECT transaction_id, cycle_id, version, started_at, status, step, runs, \
        expires_at, completed_at, failed_at, callers FROM transactions WHERE account = $1 AND \
        transaction_id < $2 AND transaction_id >= $3 ORDER BY transaction_id DESC LIMIT $4";

    // Tallies.

    TALLIES_ADD = "INSERT INTO tallies (account, cycle_id, step, hour, hits, started, completed, passed, \
        failed, node) SELECT $1, r.*, $10 FROM unnest($2::uuid[], $3::text[], $4::timestamptz[], $5::int8[], $6::int8[], \
        $7::int8[], $8::int8[], $9::int8[]) AS r ON CONFLICT (account, cycle_id, step, hour, node) DO UPDATE SET \
        hits = tallies.hits + excluded.hits, started = tallies.started + excluded.started, \
        completed = tallies.completed + excluded.completed, passed = tallies.passed + excluded.passed, \
        failed = tallies.failed + excluded.failed";
    TALLIES = "SELECT t.* FROM unnest($2::uuid[]) AS r (id) CROSS JOIN LATERAL (SELECT cycle_id, hour, \
        hits, started, completed, failed FROM tallies WHERE account = $1 AND cycle_id = r.id AND step = '' AND hour >= $3 \
        OFFSET 0) AS t";
    /// In the order of the key: a step's rows stand together.
    STEP_TALLIES = "SELECT step, sum(passed)::int8, sum(failed)::int8 FROM tallies WHERE account = $1 \
        AND cycle_id = $2 AND step > '' AND hour >= $3 GROUP BY step";
    TALLIES_GONE = "DELETE FROM tallies AS t WHERE t.account = $1 AND (t.cycle_id, t.step, t.hour, t.node) \
        IN (SELECT o.cycle_id, o.step, o.hour, o.node FROM tallies AS o WHERE o.account = $1 AND o.hour < $2 LIMIT $3)";
}
