//! Hits: those that came early, repeats, answers, and what a stop queued.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_HITS;

    // Hits.

    HITS_NAMED = "SELECT h.webhook, h.hit, h.received_at, h.method, h.headers, h.query, h.raw, \
        h.body, h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, h.early_until, h.expires_at \
        FROM jsonb_each(?2) AS r CROSS JOIN hits AS h \
        ON h.account = ?1 AND h.webhook = r.value->>0 AND h.hit = CAST(r.value->>1 AS BLOB)";
    HITS_ADD = "INSERT INTO hits (account, webhook, hit, received_at, method, headers, query, raw, \
        body, status, reason, transaction_id, run, ambiguous, replay_of, early_until, expires_at) \
        SELECT ?1, value->>0, CAST(value->>1 AS BLOB), value->>2, value->>3, \
        CAST(substr(?3, value->>4, value->>5) AS TEXT), CAST(substr(?3, value->>6, value->>7) AS TEXT), \
        substr(?3, value->>8, value->>9), CAST(substr(?3, value->>10, value->>11) AS TEXT), \
        value->>12, value->>13, CAST(value->>14 AS BLOB), value->>15, value->>16, CAST(value->>17 AS BLOB), value->>18, \
        value->>19 FROM jsonb_each(?2)";
    HITS_CHANGE = "UPDATE hits SET status = r.value->>2, reason = r.value->>3, \
        transaction_id = CAST(r.value->>4 AS BLOB), run = r.value->>5, ambiguous = r.value->>6, \
        early_until = r.value->>7 FROM jsonb_each(?2) AS r \
        WHERE account = ?1 AND webhook = r.value->>0 AND hit = CAST(r.value->>1 AS BLOB)";

    // Early hits.

    EARLY = "SELECT r.key, h.webhook, h.hit, h.received_at, h.method, h.headers, h.query, h.raw, \
        h.body, h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, h.early_until, h.expires_at \
        FROM jsonb_each(?2) AS r CROSS JOIN early AS e ON e.account = ?1 AND e.webhook = r.value->>0 \
        AND e.key_hash = CAST(r.value->>1 AS BLOB) CROSS JOIN hits AS h \
        ON h.account = e.account AND h.webhook = e.webhook AND h.hit = e.hit \
        WHERE e.key = CAST(r.value->>2 AS BLOB) AND e.until_at > ?3 AND h.expires_at > ?3";
    EARLY_ADD = "INSERT INTO early (account, webhook, key_hash, hit, key, until_at) \
        SELECT ?1, value->>0, CAST(value->>1 AS BLOB), CAST(value->>2 AS BLOB), CAST(value->>3 AS BLOB), value->>4 \
        FROM jsonb_each(?2) WHERE true ON CONFLICT (account, webhook, key_hash, hit) \
        DO UPDATE SET key = excluded.key, until_at = excluded.until_at";
    EARLY_GONE = "DELETE FROM early WHERE (account, webhook, key_hash, hit) IN \
        (SELECT ?1, value->>0, CAST(value->>1 AS BLOB), CAST(value->>2 AS BLOB) FROM jsonb_each(?2))";

    // Repeats.

    REPEATS = "SELECT p.webhook, p.key_hash, p.body_hash, p.hit, p.at \
        FROM jsonb_each(?2) AS r CROSS JOIN repeats AS p \
        ON p.account = ?1 AND p.webhook = r.value->>0 AND p.key_hash = CAST(r.value->>1 AS BLOB)";
    /// A record that stands already has run out and only not been swept: the engine has looked.
    REPEATS_ADD = "INSERT INTO repeats (account, webhook, key_hash, body_hash, hit, at) \
        SELECT ?1, value->>0, CAST(value->>1 AS BLOB), CAST(value->>2 AS BLOB), CAST(value->>3 AS BLOB), value->>4 \
        FROM jsonb_each(?2) WHERE true ON CONFLICT (account, webhook, key_hash) \
        DO UPDATE SET body_hash = excluded.body_hash, hit = excluded.hit, at = excluded.at";

    // Answers.

    ANSWERS_NAMED = "SELECT a.hit, a.transaction_id, a.kind, a.status, a.step, a.headers, a.body, \
        a.expires_at FROM jsonb_each(?2) AS r CROSS JOIN answers AS a \
        ON a.account = ?1 AND a.hit = CAST(r.value->>0 AS BLOB)";
    /// A caller is answered once: the first answer stands.
    ANSWERS_ADD = "INSERT INTO answers (account, hit, transaction_id, kind, status, step, headers, body, \
        expires_at) SELECT ?1, CAST(value->>0 AS BLOB), CAST(value->>1 AS BLOB), value->>2, value->>3, value->>4, \
        CAST(substr(?3, value->>5, value->>6) AS TEXT), substr(?3, value->>7, value->>8), value->>9 \
        FROM jsonb_each(?2) WHERE true ON CONFLICT (account, hit) DO NOTHING";

    // Hits queued by a stop.

    QUEUED = "SELECT h.webhook, h.hit, h.received_at, h.method, h.headers, h.query, h.raw, h.body, \
        h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, h.early_until, h.expires_at \
        FROM queue AS q CROSS JOIN hits AS h \
        ON h.account = q.account AND h.webhook = q.webhook AND h.hit = q.hit \
        WHERE q.account = ?1 AND q.cycle_id = ?2 ORDER BY q.hit LIMIT ?3";
    QUEUE_ADD = "INSERT INTO queue (account, cycle_id, hit, webhook) \
        SELECT ?1, CAST(value->>0 AS BLOB), CAST(value->>1 AS BLOB), value->>2 FROM jsonb_each(?2)";
    QUEUE_GONE = "DELETE FROM queue WHERE (account, cycle_id, hit) IN \
        (SELECT ?1, CAST(value->>0 AS BLOB), CAST(value->>1 AS BLOB) FROM jsonb_each(?2))";
    QUEUED_ADD = "UPDATE webhooks SET queued = max(0, queued + r.value->>1) FROM jsonb_each(?2) AS r \
        WHERE account = ?1 AND webhook = r.value->>0";
}
