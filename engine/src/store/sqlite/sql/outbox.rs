//! Endpoints, and what they are told.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_OUTBOX;

    // Endpoints: part of the catalog, and read whole.

    ENDPOINTS = "SELECT account, endpoint, settings, state, reason, sealed, key_id, created_at, \
        validated_at FROM endpoints ORDER BY account, endpoint";
    ENDPOINT_PUT = "INSERT INTO endpoints (account, endpoint, settings, state, reason, sealed, key_id, \
        created_at, validated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
        ON CONFLICT (account, endpoint) DO UPDATE SET settings = excluded.settings, state = excluded.state, \
        reason = excluded.reason, sealed = excluded.sealed, key_id = excluded.key_id, \
        validated_at = excluded.validated_at";
    ENDPOINT_GONE = "DELETE FROM endpoints WHERE account = ?1 AND endpoint = ?2";

    // What they are told: the outbox.

    MESSAGES_ADD = "INSERT INTO messages (account, message, type, at, hops, body) \
        SELECT ?1, CAST(value->>0 AS BLOB), value->>1, value->>2, value->>3, substr(?3, value->>4, value->>5) \
        FROM jsonb_each(?2)";
    DELIVERIES_ADD = "INSERT INTO deliveries (account, message, endpoint, type, status, tries, attempts, \
        due_at) SELECT ?1, CAST(value->>0 AS BLOB), CAST(value->>1 AS BLOB), value->>2, value->>3, value->>4, \
        CAST(substr(?3, value->>5, value->>6) AS TEXT), value->>7 FROM jsonb_each(?2)";
    /// A line that a process has keeps to it: whoever has it looks for more before it lets go.
    LINES_RING = "UPDATE lines SET due_at = min(coalesce(lines.due_at, r.value->>1), r.value->>1) \
        FROM jsonb_each(?2) AS r WHERE account = ?1 AND endpoint = CAST(r.value->>0 AS BLOB)";

    // Lines: taken for a while, by one process each.

    LINE_PUT = "INSERT INTO lines (account, endpoint, until_at, claim, made, failed) \
        VALUES (?1, ?2, 0, 0, 0, 0) ON CONFLICT (account, endpoint) DO NOTHING";
    LINE_GONE = "DELETE FROM lines WHERE account = ?1 AND endpoint = ?2";
    LINES_READY = "SELECT endpoint FROM lines WHERE account = ?1 AND due_at <= ?2 AND until_at <= ?2 \
        AND (failing_since IS NULL OR ?3) ORDER BY due_at LIMIT 1";
    LINE_NEXT = "SELECT due_at FROM lines WHERE account = ?1 AND due_at IS NOT NULL \
        ORDER BY due_at LIMIT 1";
    LINES_TAKE = "UPDATE lines SET node = ?3, until_at = ?4, claim = claim + 1 \
        WHERE (account, endpoint) IN (SELECT account, endpoint FROM lines WHERE account = ?1 AND due_at <= ?2 \
        AND until_at <= ?2 AND (failing_since IS NULL OR ?6) ORDER BY due_at LIMIT ?5) RETURNING endpoint, claim, failing_since";
    /// Of processes that are gone: here there is one, `?2`.
    LINES_LEFT = "UPDATE lines SET node = NULL, until_at = 0, claim = claim + 1 \
        WHERE account = ?1 AND node IS NOT NULL AND node <> ?2";
    LINES_NAMED = "SELECT l.endpoint, l.due_at, l.node, l.claim, l.last_success_at, l.failing_since, \
        l.hour_at, l.made, l.failed FROM jsonb_each(?2) AS r CROSS JOIN lines AS l \
        ON l.account = ?1 AND l.endpoint = CAST(r.value->>0 AS BLOB)";
    /// Let go, and due again with its first delivery, or not at all where it is not active.
    LINES_SETTLE = "UPDATE lines SET node = NULL, until_at = 0, due_at = CASE WHEN r.value->>1 THEN \
        (SELECT d.due_at FROM deliveries AS d WHERE d.account = ?1 AND d.endpoint = CAST(r.value->>0 AS BLOB) \
        AND d.due_at IS NOT NULL ORDER BY d.due_at LIMIT 1) END, last_success_at = r.value->>2, \
        failing_since = r.value->>3, hour_at = r.value->>4, made = r.value->>5, failed = r.value->>6 \
        FROM jsonb_each(?2) AS r WHERE account = ?1 AND endpoint = CAST(r.value->>0 AS BLOB)";

    // Deliveries.

    DELIVERIES_DUE = "SELECT d.message, d.type, d.tries, d.attempts, m.hops, m.body FROM deliveries AS d \
        CROSS JOIN messages AS m ON m.account = d.account AND m.message = d.message \
        WHERE d.account = ?1 AND d.endpoint = ?2 AND d.due_at <= ?3 ORDER BY d.due_at, d.message LIMIT ?4";
    DELIVERIES = "SELECT message, type, status, tries, attempts, due_at FROM deliveries \
        WHERE account = ?1 AND endpoint = ?2 AND message < ?3 ORDER BY message DESC LIMIT ?4";
    DELIVERIES_MISSED = "SELECT message, type, status, tries, attempts, due_at FROM deliveries \
        WHERE account = ?1 AND endpoint = ?2 AND message < ?3 AND status IN ('failed', 'missed') \
        ORDER BY message DESC LIMIT ?4";
    DELIVERIES_SETTLE = "UPDATE deliveries SET status = r.value->>2, tries = r.value->>3, \
        attempts = CAST(substr(?3, r.value->>4, r.value->>5) AS TEXT), due_at = r.value->>6 FROM jsonb_each(?2) AS r \
        WHERE account = ?1 AND message = CAST(r.value->>1 AS BLOB) AND endpoint = CAST(r.value->>0 AS BLOB)";
    /// What an endpoint that is not active any more was still to get.
    DELIVERIES_DROP = "UPDATE deliveries SET status = 'missed', due_at = NULL \
        WHERE (account, message, endpoint) IN (SELECT account, message, endpoint FROM deliveries \
        WHERE account = ?1 AND endpoint = ?2 AND due_at IS NOT NULL LIMIT ?3)";
    DELIVERIES_FROM = "SELECT message FROM deliveries WHERE account = ?1 AND endpoint = ?2 \
        AND message >= ?3 ORDER BY message LIMIT ?4";
    MISSED_FROM = "SELECT message FROM deliveries WHERE account = ?1 AND endpoint = ?2 \
        AND message >= ?3 AND status IN ('failed', 'missed') ORDER BY message LIMIT ?4";
    DELIVERIES_RESEND = "UPDATE deliveries SET status = 'pending', tries = 0, due_at = ?3 \
        FROM jsonb_each(?2) AS r WHERE account = ?1 AND message = CAST(r.value->>1 AS BLOB) \
        AND endpoint = CAST(r.value->>0 AS BLOB)";
    OLD_DELIVERIES_GONE = "DELETE FROM deliveries WHERE (account, message, endpoint) IN \
        (SELECT account, message, endpoint FROM deliveries WHERE account = ?1 AND message < ?2 LIMIT ?3)";
    OLD_MESSAGES_GONE = "DELETE FROM messages WHERE (account, message) IN \
        (SELECT account, message FROM messages WHERE account = ?1 AND message < ?2 LIMIT ?3)";
}
