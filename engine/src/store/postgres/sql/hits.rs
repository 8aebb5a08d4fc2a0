//! Hits: those that came early, repeats, answers, and what a stop queued.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_HITS;

    // Hits.

    HITS_NAMED = "SELECT h.* FROM unnest($2::text[], $3::uuid[]) AS r (webhook, hit) CROSS JOIN LATERAL \
        (SELECT webhook, hit, received_at, method, headers, query, raw, body, status, reason, \
        transaction_id, run, ambiguous, replay_of, early_until, expires_at FROM hits WHERE account = \
        $1 AND webhook = r.webhook AND hit = r.hit OFFSET 0) AS h ORDER BY h.hit";
    /// Webhook by webhook: a plan that was made while the table was young would walk through the account.
    HIT_OF = "SELECT h.* FROM unnest($2::text[]) AS r (webhook) CROSS JOIN LATERAL (SELECT webhook, hit, \
        received_at, method, headers, query, raw, body, status, reason, transaction_id, run, ambiguous, \
        replay_of, early_until, expires_at FROM hits WHERE account = $1 AND webhook = r.webhook AND hit = \
        $3 OFFSET 0) AS h";
    HITS_ADD = "INSERT INTO hits (account, webhook, hit, received_at, method, headers, query, raw, body, \
        status, reason, transaction_id, run, ambiguous, replay_of, early_until, expires_at) SELECT \
        $1, r.* FROM unnest($2::text[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], \
        $7::text[], $8::bytea[], $9::text[], $10::text[], $11::text[], $12::uuid[], $13::int4[], \
        $14::bool[], $15::uuid[], $16::timestamptz[], $17::timestamptz[]) AS r";
    HITS_CHANGE = "UPDATE hits AS h SET status = r.status, reason = r.reason, transaction_id = \
        r.transaction_id, run = r.run, ambiguous = r.ambiguous, early_until = r.early_until FROM \
        (SELECT $1::text AS account, u.* FROM unnest($2::text[], $3::uuid[], $4::text[], $5::text[], \
        $6::uuid[], $7::int4[], $8::bool[], $9::timestamptz[]) AS u (webhook, hit, status, reason, \
        transaction_id, run, ambiguous, early_until) OFFSET 0) AS r WHERE h.account = r.account AND \
        h.webhook = r.webhook AND h.hit = r.hit";

    // Early hits.

    EARLY = "SELECT (s.seek - 1)::int4, h.webhook, h.hit, h.received_at, h.method, h.headers, h.query, \
        h.raw, h.body, h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, \
        h.early_until, h.expires_at FROM unnest($2::text[], $3::bytea[], $4::bytea[]) WITH \
        ORDINALITY AS s (webhook, key_hash, key, seek) CROSS JOIN LATERAL (SELECT account, webhook, hit FROM \
        early WHERE account = $1 AND webhook = s.webhook AND key_hash = s.key_hash AND key = s.key AND \
        until_at > $5 OFFSET 0) AS e CROSS JOIN LATERAL (SELECT webhook, hit, received_at, method, \
        headers, query, raw, body, status, reason, transaction_id, run, ambiguous, replay_of, \
        early_until, expires_at FROM hits WHERE account = $1 AND webhook = e.webhook AND hit = e.hit \
        AND expires_at > $5 OFFSET 0) AS h ORDER BY h.hit, s.seek";
    EARLY_ADD = "INSERT INTO early (account, webhook, key_hash, hit, key, until_at) SELECT $1, r.* FROM \
        unnest($2::text[], $3::bytea[], $4::uuid[], $5::bytea[], $6::timestamptz[]) AS r ON CONFLICT \
        (account, webhook, key_hash, hit) DO UPDATE SET key = excluded.key, until_at = \
        excluded.until_at";
    EARLY_GONE = "DELETE FROM early AS e USING (SELECT $1::text AS account, u.* FROM unnest($2::text[], \
        $3::bytea[], $4::uuid[]) AS u (webhook, key_hash, hit) OFFSET 0) AS r WHERE e.account = \
        r.account AND e.webhook = r.webhook AND e.key_hash = r.key_hash AND e.hit = r.hit";

    // Repeats.

    REPEATS = "SELECT p.* FROM unnest($2::text[], $3::bytea[]) AS r (webhook, key_hash) CROSS JOIN LATERAL \
        (SELECT webhook, key_hash, body_hash, hit, at FROM repeats WHERE account = $1 AND webhook = \
        r.webhook AND key_hash = r.key_hash OFFSET 0) AS p";
    /// A record that stands already has run out and only not been swept: the engine has looked.
    REPEATS_ADD = "INSERT INTO repeats (account, webhook, key_hash, body_hash, hit, at) SELECT $1, r.* FROM \
        unnest($2::text[], $3::bytea[], $4::bytea[], $5::uuid[], $6::timestamptz[]) AS r ON CONFLICT \
        (account, webhook, key_hash) DO UPDATE SET body_hash = excluded.body_hash, hit = \
        excluded.hit, at = excluded.at";

    // Answers.

    ANSWERS_NAMED = "SELECT a.* FROM unnest($2::uuid[]) AS r (id) CROSS JOIN LATERAL (SELECT hit, transaction_id, \
        kind, status, step, headers, body, expires_at FROM answers WHERE account = $1 AND hit = r.id \
        OFFSET 0) AS a ORDER BY a.hit";
    /// A caller is answered once: the first answer stands.
    ANSWERS_ADD = "INSERT INTO answers (account, hit, transaction_id, kind, status, step, headers, body, \
        expires_at) SELECT $1, r.* FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::int4[], \
        $6::text[], $7::text[], $8::bytea[], $9::timestamptz[]) AS r ON CONFLICT (account, hit) DO \
        NOTHING";

    // Hits queued by a stop.

    QUEUED = "SELECT h.webhook, h.hit, h.received_at, h.method, h.headers, h.query, h.raw, h.body, \
        h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, h.early_until, \
        h.expires_at FROM queue AS q JOIN hits AS h ON h.account = q.account AND h.webhook = \
        q.webhook AND h.hit = q.hit WHERE q.account = $1 AND q.cycle_id = $2 ORDER BY q.hit LIMIT $3";
    QUEUE_ADD = "INSERT INTO queue (account, cycle_id, hit, webhook) SELECT $1, r.* FROM unnest($2::uuid[], \
        $3::uuid[], $4::text[]) AS r";
    QUEUE_GONE = "DELETE FROM queue AS q USING (SELECT $1::text AS account, u.* FROM unnest($2::uuid[], \
        $3::uuid[]) AS u (cycle_id, hit) OFFSET 0) AS r WHERE q.account = r.account AND q.cycle_id = \
        r.cycle_id AND q.hit = r.hit";
    QUEUED_ADD = "UPDATE webhooks AS w SET queued = greatest(0, w.queued + r.change) FROM (SELECT webhook, \
        sum(change)::int8 AS change FROM unnest($2::text[], $3::int8[]) AS u (webhook, change) GROUP \
        BY webhook) AS r WHERE w.account = $1 AND w.webhook = r.webhook";
}
