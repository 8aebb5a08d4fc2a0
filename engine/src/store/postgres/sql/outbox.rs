//! Endpoints, and what they are told.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_OUTBOX;

    // Endpoints: part of the catalog, and read whole.

    ENDPOINTS = "SELECT account, endpoint, settings, state, reason, sealed, key_id, created_at, \
        validated_at FROM endpoints ORDER BY account, endpoint";
    ENDPOINT_PUT = "INSERT INTO endpoints (account, endpoint, settings, state, reason, sealed, key_id, \
        created_at, validated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
        ON CONFLICT (account, endpoint) DO UPDATE SET settings = excluded.settings, state = excluded.state, \
        reason = excluded.reason, sealed = excluded.sealed, key_id = excluded.key_id, \
        validated_at = excluded.validated_at";
    ENDPOINT_GONE = "DELETE FROM endpoints WHERE account = $1 AND endpoint = $2";

    // What they are told: the outbox.

    MESSAGES_ADD = "INSERT INTO messages (account, message, type, at, hops, body) SELECT $1, r.* FROM \
        unnest($2::uuid[], $3::text[], $4::timestamptz[], $5::int4[], $6::bytea[]) AS r";
    DELIVERIES_ADD = "INSERT INTO deliveries (account, message, endpoint, type, status, tries, attempts, \
        due_at) SELECT $1, r.* FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int4[], $7::text[], \
        $8::timestamptz[]) AS r";
    /// A line that a process has keeps to it: whoever has it looks for more before it lets go.
    LINES_RING = "UPDATE lines AS l SET due_at = least(l.due_at, r.due_at) FROM \
        (SELECT $1::text AS account, u.* FROM unnest($2::uuid[], $3::timestamptz[]) AS u (endpoint, due_at) OFFSET 0) AS r \
        WHERE l.account = r.account AND l.endpoint = r.endpoint";

    // Lines: taken for a while, by one process each, and without the account's lock.

    LINE_PUT = "INSERT INTO lines (account, endpoint, until_at, claim, made, failed) \
        VALUES ($1, $2, 'epoch', 0, 0, 0) ON CONFLICT (account, endpoint) DO NOTHING";
    LINE_GONE = "DELETE FROM lines WHERE account = $1 AND endpoint = $2";
    LINES_READY = "SELECT endpoint FROM lines WHERE account = $1 AND due_at <= $2 AND until_at <= $2 \
        AND (failing_since IS NULL OR $3) ORDER BY due_at LIMIT 1";
    LINE_NEXT = "SELECT due_at FROM lines WHERE account = $1 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1";
    /// One that a commit or another process has in hand is passed over: it is looked for again at once.
    LINES_TAKE = "UPDATE lines AS l SET node = $3, until_at = $4, claim = l.claim + 1 FROM \
        (SELECT account, endpoint FROM lines WHERE account = $1 AND due_at <= $2 AND until_at <= $2 \
        AND (failing_since IS NULL OR $6) ORDER BY due_at LIMIT $5 FOR UPDATE SKIP LOCKED) AS r WHERE l.account = $1 AND r.account = l.account \
        AND l.endpoint = r.endpoint RETURNING l.endpoint, l.claim, l.failing_since";
    LINES_LEFT = "UPDATE lines AS l SET node = NULL, until_at = 'epoch', claim = l.claim + 1 FROM \
        (SELECT account, endpoint FROM lines WHERE account = $1 AND node IS NOT NULL AND node <> ALL ($2) \
        FOR UPDATE SKIP LOCKED) AS r WHERE l.account = $1 AND r.account = l.account AND l.endpoint = r.endpoint";
    LINES_NAMED = "SELECT l.* FROM unnest($2::uuid[]) AS r (endpoint) CROSS JOIN LATERAL (SELECT endpoint, \
        due_at, node, claim, last_success_at, failing_since, hour_at, made, failed FROM lines WHERE account = $1 \
        AND endpoint = r.endpoint OFFSET 0) AS l";
    /// Let go, and due again with its first delivery, or not at all where it is not active.
    LINES_SETTLE = "UPDATE lines AS l SET node = NULL, until_at = 'epoch', due_at = CASE WHEN r.active THEN \
        (SELECT d.due_at FROM deliveries AS d WHERE d.account = l.account AND d.endpoint = l.endpoint AND d.due_at IS NOT \
        NULL ORDER BY d.due_at LIMIT 1) END, last_success_at = r.last_success_at, failing_since = r.failing_since, \
        hour_at = r.hour_at, made = r.made, failed = r.failed FROM (SELECT $1::text AS account, u.* FROM \
        unnest($2::uuid[], $3::bool[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::int4[], $8::int4[]) AS \
        u (endpoint, active, last_success_at, failing_since, hour_at, made, failed) OFFSET 0) AS r \
        WHERE l.account = r.account AND l.endpoint = r.endpoint";

    // Deliveries.

    DELIVERIES_DUE = "SELECT d.message, d.type, d.tries, d.attempts, m.hops, m.body FROM (SELECT \
        message, type, tries, attempts FROM deliveries WHERE account = $1 AND endpoint = $2 AND due_at <= $3 \
        ORDER BY due_at, message LIMIT $4) AS d CROSS JOIN LATERAL (SELECT hops, body FROM messages WHERE account = $1 \
        AND message = d.message OFFSET 0) AS m";
    DELIVERIES = "SELECT message, type, status, tries, attempts, due_at FROM deliveries \
        WHERE account = $1 AND endpoint = $2 AND message < $3 ORDER BY message DESC LIMIT $4";
    DELIVERIES_MISSED = "SELECT message, type, status, tries, attempts, due_at FROM deliveries \
        WHERE account = $1 AND endpoint = $2 AND message < $3 AND status IN ('failed', 'missed') \
        ORDER BY message DESC LIMIT $4";
    DELIVERIES_SETTLE = "UPDATE deliveries AS d SET status = r.status, tries = r.tries, attempts = \
        r.attempts, due_at = r.due_at FROM (SELECT $1::text AS account, u.* FROM unnest($2::uuid[], $3::uuid[], $4::text[], \
        $5::int4[], $6::text[], $7::timestamptz[]) AS u (endpoint, message, status, tries, attempts, due_at) OFFSET 0) AS r \
        WHERE d.account = r.account AND d.message = r.message AND d.endpoint = r.endpoint";
    /// What an endpoint that is not active any more was still to get.
    DELIVERIES_DROP = "UPDATE deliveries AS d SET status = 'missed', due_at = NULL \
        WHERE d.account = $1 AND d.endpoint = $2 AND d.message IN (SELECT o.message FROM deliveries AS o \
        WHERE o.account = $1 AND o.endpoint = $2 AND o.due_at IS NOT NULL LIMIT $3)";
    DELIVERIES_FROM = "SELECT message FROM deliveries WHERE account = $1 AND endpoint = $2 \
        AND message >= $3 ORDER BY message LIMIT $4";
    MISSED_FROM = "SELECT message FROM deliveries WHERE account = $1 AND endpoint = $2 \
        AND message >= $3 AND status IN ('failed', 'missed') ORDER BY message LIMIT $4";
    DELIVERIES_RESEND = "UPDATE deliveries AS d SET status = 'pending', tries = 0, due_at = r.due_at FROM \
        (SELECT $1::text AS account, $2::uuid AS endpoint, $4::timestamptz AS due_at, u.message FROM \
        unnest($3::uuid[]) AS u (message) OFFSET 0) AS r WHERE d.account = r.account AND d.message = r.message \
        AND d.endpoint = r.endpoint";
    OLD_DELIVERIES_GONE = "DELETE FROM deliveries AS d WHERE d.account = $1 AND (d.message, d.endpoint) IN \
        (SELECT o.message, o.endpoint FROM deliveries AS o WHERE o.account = $1 AND o.message < $2 LIMIT $3)";
    OLD_MESSAGES_GONE = "DELETE FROM messages AS m WHERE m.account = $1 AND m.message IN \
        (SELECT o.message FROM messages AS o WHERE o.account = $1 AND o.message < $2 LIMIT $3)";
}
