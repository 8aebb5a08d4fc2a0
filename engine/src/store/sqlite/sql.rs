//! Every statement of the SQLite store, written out in full. A test prepares each of them and reads
//! its plan: no scan of a table, no sort, but for the few that say so.
//!
//! `?1` is the account wherever there is one. A set of rows comes as JSONB in `?2`, read by position,
//! and its large values in the blob `?3` (see `sheet`). Columns are listed in the order in which
//! `columns` reads them.

pub const BEGIN: &str = "BEGIN IMMEDIATE";
/// Two statements in one call: each call is a journey to the connection's thread and back.
pub const BEGIN_HEAD: &str = "BEGIN IMMEDIATE; SELECT last_instant, revision FROM accounts WHERE account = ?1 \
    AND deleted_at IS NULL";
pub const COMMIT: &str = "COMMIT";
pub const ROLLBACK: &str = "ROLLBACK";

pub const PING: &str = "SELECT 1";

// The account and the clock.

/// The end of every commit of an account.
pub const HEAD_MOVE: &str = "UPDATE accounts SET last_instant = ?2 WHERE account = ?1";
pub const REVISION_BUMP: &str = "UPDATE accounts SET revision = revision + 1 WHERE account = ?1";
pub const CLOCK: &str = "SELECT instant FROM clock WHERE account = '*'";
pub const CLOCK_SET: &str = "INSERT INTO clock (account, instant) VALUES ('*', ?1) \
    ON CONFLICT (account) DO UPDATE SET instant = excluded.instant";

// The catalog: small, and read whole.

pub const INSTANTS: &str = "SELECT account, last_instant FROM accounts ORDER BY account";
pub const REVISIONS: &str = "SELECT account, revision FROM accounts WHERE deleted_at IS NULL ORDER BY account";
pub const CYCLES: &str = "SELECT account, cycle_id, name, state, version, created_at, started_at, \
    stopped_at, deleted_at, backlog FROM cycles ORDER BY account, cycle_id";
pub const VERSIONS: &str = "SELECT account, cycle_id, version, digest, source, created_at, vars FROM versions \
    ORDER BY account, cycle_id, version";
pub const WEBHOOKS: &str = "SELECT account, webhook, cycle_id, step, created_at, queued FROM webhooks \
    ORDER BY account, webhook";
pub const CYCLE_PUT: &str = "INSERT INTO cycles (account, cycle_id, name, state, version, created_at, \
    started_at, stopped_at, deleted_at, backlog) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
    ON CONFLICT (account, cycle_id) DO UPDATE SET name = excluded.name, state = excluded.state, \
    version = excluded.version, started_at = excluded.started_at, stopped_at = excluded.stopped_at, \
    deleted_at = excluded.deleted_at, backlog = excluded.backlog";
pub const VERSION_PUT: &str = "INSERT INTO versions (account, cycle_id, version, digest, source, created_at, vars) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
/// The count of queued hits is `QUEUED_ADD`'s alone.
pub const WEBHOOK_PUT: &str = "INSERT INTO webhooks (account, webhook, cycle_id, step, created_at, queued) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (account, webhook) DO UPDATE SET step = excluded.step";
pub const QUEUED_COUNTS: &str = "SELECT webhook, queued FROM webhooks WHERE account = ?1 AND queued > 0 \
    ORDER BY webhook";

// API keys.

pub const KEYS: &str = "SELECT account, key_id, hash, name, scopes, created_at, expires_at, revoked_at \
    FROM keys ORDER BY account, key_id";
pub const KEY_BY_HASH: &str = "SELECT account, key_id, hash, name, scopes, created_at, expires_at, revoked_at \
    FROM keys WHERE hash = ?1";
pub const KEY_PUT: &str = "INSERT INTO keys (account, key_id, hash, name, scopes, created_at, expires_at, \
    revoked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
pub const KEY_REVOKE: &str = "UPDATE keys SET revoked_at = ?3 \
    WHERE account = ?1 AND key_id = ?2 AND revoked_at IS NULL";

// Sessions of the console.

/// With its key, where its account is there.
pub const SESSION_BY_HASH: &str = "SELECT s.expires_at, k.account, k.key_id, k.hash, k.name, k.scopes, k.created_at, \
    k.expires_at, k.revoked_at FROM sessions AS s JOIN keys AS k ON k.account = s.account AND k.key_id = s.key_id \
    WHERE s.hash = ?1 AND (s.account = '*' OR EXISTS (SELECT 1 FROM accounts AS a WHERE a.account = s.account \
    AND a.deleted_at IS NULL))";
/// Not where the key is revoked.
pub const SESSION_PUT: &str = "INSERT INTO sessions (account, hash, key_id, created_at, expires_at) \
    SELECT k.account, ?2, k.key_id, ?4, ?5 FROM keys AS k \
    WHERE k.account = ?1 AND k.key_id = ?3 AND k.revoked_at IS NULL";
pub const SESSION_GONE: &str = "DELETE FROM sessions WHERE account = ?1 AND hash = ?2";
pub const KEY_SESSIONS_GONE: &str = "DELETE FROM sessions WHERE account = ?1 AND key_id = ?2";
/// All of a key's but the newest.
pub const OLDEST_SESSIONS_GONE: &str = "DELETE FROM sessions WHERE (account, hash) IN (SELECT account, hash \
    FROM sessions WHERE account = ?1 AND key_id = ?2 ORDER BY created_at DESC, hash DESC LIMIT -1 OFFSET ?3)";
pub const EXPIRED_SESSIONS_GONE: &str = "DELETE FROM sessions WHERE (account, hash) IN (SELECT account, hash \
    FROM sessions WHERE account = ?1 AND expires_at <= ?2 LIMIT ?3)";

// Secrets, sealed.

pub const SECRETS: &str = "SELECT account, name, sealed, key_id, created_at, updated_at, last_used_at FROM secrets \
    WHERE account = ?1 ORDER BY name LIMIT ?2";
/// The row that is there keeps the instant of its making and of its last use.
pub const SECRET_PUT: &str = "INSERT INTO secrets (account, name, sealed, key_id, created_at, updated_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (account, name) DO UPDATE SET sealed = excluded.sealed, \
    key_id = excluded.key_id, updated_at = excluded.updated_at";
/// The same value under another master key.
pub const SECRET_RESEAL: &str = "UPDATE secrets SET sealed = ?3, key_id = ?4 WHERE account = ?1 AND name = ?2";
pub const SECRET_USED: &str = "UPDATE secrets SET last_used_at = ?3 WHERE account = ?1 AND name = ?2";
pub const SECRET_GONE: &str = "DELETE FROM secrets WHERE account = ?1 AND name = ?2";

// What scripts keep.

pub const KEPT: &str = "SELECT k.key, k.value, k.version FROM jsonb_each(?2) AS r CROSS JOIN script_store AS k \
    ON k.account = ?1 AND k.cycle_id = CAST(r.value->>0 AS BLOB) AND k.key = r.value->>1";
/// Of at most as many rows as a cycle may have.
pub const KEPT_COUNT: &str = "SELECT count(*) FROM script_store WHERE account = ?1 AND cycle_id = ?2";
pub const KEPT_PUT: &str = "INSERT INTO script_store (account, cycle_id, key, value, version) \
    SELECT ?1, CAST(r.value->>0 AS BLOB), r.value->>1, r.value->>2, r.value->>3 FROM jsonb_each(?2) AS r WHERE true \
    ON CONFLICT (account, cycle_id, key) DO UPDATE SET value = excluded.value, version = excluded.version";
pub const KEPT_GONE: &str = "DELETE FROM script_store WHERE (account, cycle_id, key) IN \
    (SELECT ?1, CAST(r.value->>0 AS BLOB), r.value->>1 FROM jsonb_each(?2) AS r)";
pub const CYCLE_KEPT_GONE: &str = "DELETE FROM script_store WHERE account = ?1 AND cycle_id = ?2";

// Hits.

pub const HITS_NAMED: &str = "SELECT h.webhook, h.hit, h.received_at, h.method, h.headers, h.query, h.raw, \
    h.body, h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, h.early_until, h.expires_at \
    FROM jsonb_each(?2) AS r CROSS JOIN hits AS h \
    ON h.account = ?1 AND h.webhook = r.value->>0 AND h.hit = CAST(r.value->>1 AS BLOB)";
pub const HITS_ADD: &str = "INSERT INTO hits (account, webhook, hit, received_at, method, headers, query, raw, \
    body, status, reason, transaction_id, run, ambiguous, replay_of, early_until, expires_at) \
    SELECT ?1, value->>0, CAST(value->>1 AS BLOB), value->>2, value->>3, \
    CAST(substr(?3, value->>4, value->>5) AS TEXT), CAST(substr(?3, value->>6, value->>7) AS TEXT), \
    substr(?3, value->>8, value->>9), CAST(substr(?3, value->>10, value->>11) AS TEXT), \
    value->>12, value->>13, CAST(value->>14 AS BLOB), value->>15, value->>16, CAST(value->>17 AS BLOB), value->>18, \
    value->>19 FROM jsonb_each(?2)";
pub const HITS_CHANGE: &str = "UPDATE hits SET status = r.value->>2, reason = r.value->>3, \
    transaction_id = CAST(r.value->>4 AS BLOB), run = r.value->>5, ambiguous = r.value->>6, \
    early_until = r.value->>7 FROM jsonb_each(?2) AS r \
    WHERE account = ?1 AND webhook = r.value->>0 AND hit = CAST(r.value->>1 AS BLOB)";

// Transactions.

pub const TRANSACTIONS_NAMED: &str = "SELECT t.transaction_id, t.cycle_id, t.version, t.started_at, t.status, \
    t.step, t.runs, t.expires_at, t.completed_at, t.failed_at, t.callers \
    FROM jsonb_each(?2) AS r CROSS JOIN transactions AS t \
    ON t.account = ?1 AND t.transaction_id = CAST(r.value->>0 AS BLOB)";
pub const TRANSACTIONS_ADD: &str = "INSERT INTO transactions (account, transaction_id, cycle_id, version, \
    started_at, status, step, runs, expires_at, completed_at, failed_at, callers) \
    SELECT ?1, CAST(value->>0 AS BLOB), CAST(value->>1 AS BLOB), value->>2, value->>3, value->>4, value->>5, value->>6, \
    value->>7, value->>8, value->>9, CAST(substr(?3, value->>10, value->>11) AS TEXT) FROM jsonb_each(?2)";
/// Without `expires_at`, which seldom changes: to name it is to write its index.
pub const TRANSACTIONS_CHANGE: &str = "UPDATE transactions SET status = r.value->>1, step = r.value->>2, \
    runs = r.value->>3, completed_at = r.value->>4, failed_at = r.value->>5, \
    callers = CAST(substr(?3, r.value->>6, r.value->>7) AS TEXT) FROM jsonb_each(?2) AS r \
    WHERE account = ?1 AND transaction_id = CAST(r.value->>0 AS BLOB)";
pub const TRANSACTIONS_EXPIRE: &str = "UPDATE transactions SET expires_at = r.value->>1 FROM jsonb_each(?2) AS r \
    WHERE account = ?1 AND transaction_id = CAST(r.value->>0 AS BLOB)";
/// Groups, so it sorts: what is held is counted through the index by status.
pub const HELD: &str = "SELECT c.cycle_id, t.step, count(*) FROM cycles AS c CROSS JOIN transactions AS t \
    ON t.account = c.account AND t.cycle_id = c.cycle_id AND t.status = 'held' \
    WHERE c.account = ?1 AND t.expires_at > ?2 AND t.step IS NOT NULL \
    GROUP BY c.cycle_id, t.step ORDER BY c.cycle_id, t.step";

// Runs.

pub const RUNS_NAMED: &str = "SELECT u.transaction_id, u.run, u.base, u.entry, u.webhook, u.hit, u.status, u.step, \
    u.started_at, u.steps, u.document, u.hold_keys, u.error, h.webhook, h.hit, h.received_at, h.method, \
    h.headers, h.query, h.raw, h.body, h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, \
    h.early_until, h.expires_at FROM jsonb_each(?2) AS r CROSS JOIN runs AS u \
    ON u.account = ?1 AND u.transaction_id = CAST(r.value->>0 AS BLOB) AND u.run = r.value->>1 \
    LEFT JOIN hits AS h ON h.account = u.account AND h.webhook = u.webhook AND h.hit = u.hit";
pub const RUNS: &str = "SELECT u.transaction_id, u.run, u.base, u.entry, u.webhook, u.hit, u.status, u.step, \
    u.started_at, u.steps, u.document, u.hold_keys, u.error, h.webhook, h.hit, h.received_at, h.method, \
    h.headers, h.query, h.raw, h.body, h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, \
    h.early_until, h.expires_at FROM runs AS u \
    LEFT JOIN hits AS h ON h.account = u.account AND h.webhook = u.webhook AND h.hit = u.hit \
    WHERE u.account = ?1 AND u.transaction_id = ?2 AND u.run < ?3 ORDER BY u.run DESC LIMIT ?4";
pub const HOLDS: &str = "SELECT u.transaction_id, u.run, u.base, u.entry, u.webhook, u.hit, u.status, u.step, \
    u.started_at, u.steps, u.document, u.hold_keys, u.error FROM jsonb_each(?2) AS r CROSS JOIN runs AS u \
    ON u.account = ?1 AND u.transaction_id = CAST(r.value->>0 AS BLOB) AND u.status = 'held'";
pub const RUNS_ADD: &str = "INSERT INTO runs (account, transaction_id, run, base, entry, webhook, hit, status, \
    step, started_at, steps, document, hold_keys, error) \
    SELECT ?1, CAST(value->>0 AS BLOB), value->>1, value->>2, value->>3, value->>4, CAST(value->>5 AS BLOB), value->>6, \
    value->>7, value->>8, CAST(substr(?3, value->>9, value->>10) AS TEXT), \
    CAST(substr(?3, value->>11, value->>12) AS TEXT), CAST(substr(?3, value->>13, value->>14) AS TEXT), \
    CAST(substr(?3, value->>15, value->>16) AS TEXT) FROM jsonb_each(?2)";

// Runs under way.

pub const UNDERWAY: &str = "SELECT u.transaction_id, u.run, u.cycle_id, u.version, u.base, u.entry, u.webhook, u.hit, u.started_at, u.document, u.steps, u.status, u.step, u.attempts, u.claim, u.node, u.due_at, u.place, u.turn, u.turn_key \
    FROM jsonb_each(?2) AS r CROSS JOIN underway AS u \
    ON u.account = ?1 AND u.transaction_id = CAST(r.value->>0 AS BLOB)";
/// Of a process that is gone: here there is one, `?2`.
pub const UNDERWAY_LEFT: &str = "SELECT u.transaction_id, u.run, u.cycle_id, u.version, u.base, u.entry, u.webhook, u.hit, u.started_at, u.document, u.steps, u.status, u.step, u.attempts, u.claim, u.node, u.due_at, u.place, u.turn, u.turn_key \
    FROM underway AS u WHERE u.account = ?1 AND u.node IS NOT NULL AND u.node <> ?2 LIMIT ?3";
pub const UNDERWAY_PUT: &str = "INSERT INTO underway (account, transaction_id, run, cycle_id, version, base, entry, \
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
pub const UNDERWAY_GONE: &str = "DELETE FROM underway WHERE (account, transaction_id, run) IN \
    (SELECT ?1, CAST(value->>0 AS BLOB), value->>1 FROM jsonb_each(?2))";

// Turns: places of a cycle, and what waits for one.

/// Places held, counted up to a limit; the first turns that wait; the last one that has begun.
pub const TURNS: &str = "SELECT (SELECT count(*) FROM (SELECT 1 FROM underway WHERE account = ?1 AND cycle_id = ?2 \
    AND place = 2 LIMIT ?3) AS h), (SELECT turn FROM underway WHERE account = ?1 AND cycle_id = ?2 AND place = 1 \
    ORDER BY turn LIMIT 1), (SELECT turn FROM underway WHERE account = ?1 AND cycle_id = ?2 AND place = 0 ORDER BY \
    turn LIMIT 1), (SELECT turn FROM underway WHERE account = ?1 AND cycle_id = ?2 AND place = 2 ORDER BY turn DESC \
    LIMIT 1)";
pub const TURNS_NEXT: &str = "SELECT transaction_id, run, cycle_id, version, base, entry, webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key FROM underway WHERE account = ?1 AND cycle_id = ?2 AND place = ?3 ORDER BY \
    turn, transaction_id, run LIMIT ?4";
pub const TURN_FIRST: &str = "SELECT transaction_id, run, cycle_id, version, base, entry, webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key FROM underway WHERE account = ?1 AND cycle_id = ?2 AND turn_key = ?3 ORDER BY \
    turn, transaction_id, run LIMIT 1";
/// The last turn of each key; null where it has none.
pub const TURNS_LAST: &str = "SELECT CAST(r.value->>0 AS BLOB), CAST(r.value->>1 AS BLOB), (SELECT turn FROM underway \
    WHERE account = ?1 AND cycle_id = CAST(r.value->>0 AS BLOB) AND turn_key = CAST(r.value->>1 AS BLOB) \
    ORDER BY turn DESC LIMIT 1) FROM jsonb_each(?2) AS r";
/// Transactions with a run that has not begun, and had been accepted by then.
pub const WAITING: &str = "SELECT DISTINCT transaction_id FROM underway WHERE account = ?1 AND cycle_id = ?2 AND \
    status = 'queued' AND transaction_id > ?3 AND started_at <= ?4 ORDER BY transaction_id LIMIT ?5";
/// Transactions in a line of the cycle whose retention has run out.
pub const LAPSED: &str = "SELECT u.transaction_id FROM underway AS u CROSS JOIN transactions AS t \
    ON t.account = u.account AND t.transaction_id = u.transaction_id \
    WHERE u.account = ?1 AND u.cycle_id = ?2 AND u.place >= 0 AND t.expires_at <= ?3 LIMIT ?4";

// The correlation index. The whole key is compared beside its hash.

/// For each seek the newest and the second newest that no hit has resumed, and the newest that one
/// has. A look-up each: SQLite has no lateral join, so scalar sub-queries name the transactions.
pub const SEEK: &str = "WITH wanted (seek, resumed, webhook, key_hash, transaction_id) AS MATERIALIZED ( \
    SELECT s.key, 0, s.value->>0, CAST(s.value->>1 AS BLOB), (SELECT k.transaction_id FROM hold_keys AS k CROSS JOIN transactions AS t \
        ON t.account = k.account AND t.transaction_id = k.transaction_id \
        WHERE k.account = ?1 AND k.webhook = s.value->>0 AND k.key_hash = CAST(s.value->>1 AS BLOB) AND k.resumed = 0 \
        AND k.key = CAST(s.value->>2 AS BLOB) AND (k.due_at IS NULL OR k.due_at > ?3) \
        AND t.expires_at > ?3 AND t.status <> 'cancelled' ORDER BY k.transaction_id DESC LIMIT 1) \
    FROM jsonb_each(?2) AS s \
    UNION ALL \
    SELECT s.key, 0, s.value->>0, CAST(s.value->>1 AS BLOB), (SELECT k.transaction_id FROM hold_keys AS k CROSS JOIN transactions AS t \
        ON t.account = k.account AND t.transaction_id = k.transaction_id \
        WHERE k.account = ?1 AND k.webhook = s.value->>0 AND k.key_hash = CAST(s.value->>1 AS BLOB) AND k.resumed = 0 \
        AND k.key = CAST(s.value->>2 AS BLOB) AND (k.due_at IS NULL OR k.due_at > ?3) \
        AND t.expires_at > ?3 AND t.status <> 'cancelled' ORDER BY k.transaction_id DESC LIMIT 1 OFFSET 1) \
    FROM jsonb_each(?2) AS s \
    UNION ALL \
    SELECT s.key, 1, s.value->>0, CAST(s.value->>1 AS BLOB), (SELECT k.transaction_id FROM hold_keys AS k CROSS JOIN transactions AS t \
        ON t.account = k.account AND t.transaction_id = k.transaction_id \
        WHERE k.account = ?1 AND k.webhook = s.value->>0 AND k.key_hash = CAST(s.value->>1 AS BLOB) AND k.resumed = 1 \
        AND k.key = CAST(s.value->>2 AS BLOB) \
        AND t.expires_at > ?3 AND t.status <> 'cancelled' ORDER BY k.transaction_id DESC LIMIT 1) \
    FROM jsonb_each(?2) AS s) \
    SELECT w.seek, k.resumed, k.run, k.due_at, t.transaction_id, t.cycle_id, t.version, t.started_at, t.status, \
    t.step, t.runs, t.expires_at, t.completed_at, t.failed_at, t.callers \
    FROM wanted AS w CROSS JOIN hold_keys AS k ON k.account = ?1 \
    AND k.webhook = w.webhook AND k.key_hash = w.key_hash \
    AND k.resumed = w.resumed AND k.transaction_id = w.transaction_id \
    CROSS JOIN transactions AS t ON t.account = ?1 AND t.transaction_id = w.transaction_id";
/// For reading: what has fallen due and not been dealt with yet shows too.
pub const SEEK_READ: &str = "SELECT 0, k.resumed, k.run, k.due_at, t.transaction_id, t.cycle_id, t.version, \
    t.started_at, t.status, t.step, t.runs, t.expires_at, t.completed_at, t.failed_at, t.callers \
    FROM hold_keys AS k CROSS JOIN transactions AS t \
    ON t.account = k.account AND t.transaction_id = k.transaction_id \
    WHERE k.account = ?1 AND k.webhook = ?2 AND k.key_hash = ?3 AND k.resumed = ?4 AND k.key = ?5 \
    AND t.expires_at > ?6 AND t.status <> 'cancelled' ORDER BY k.transaction_id DESC LIMIT ?7";
pub const KEY_ROWS: &str = "SELECT k.resumed, k.webhook, k.key_hash, k.transaction_id, k.run, k.key, k.due_at \
    FROM jsonb_each(?2) AS r CROSS JOIN hold_keys AS k ON k.account = ?1 AND k.webhook = r.value->>0 \
    AND k.key_hash = CAST(r.value->>1 AS BLOB) AND k.resumed = r.value->>2 AND k.transaction_id = CAST(r.value->>3 AS BLOB)";
pub const KEYS_ADD: &str = "INSERT INTO hold_keys (account, webhook, key_hash, resumed, transaction_id, run, key, \
    due_at) SELECT ?1, value->>0, CAST(value->>1 AS BLOB), 0, CAST(value->>2 AS BLOB), value->>3, CAST(value->>4 AS BLOB), value->>5 \
    FROM jsonb_each(?2) WHERE true \
    ON CONFLICT (account, webhook, key_hash, resumed, transaction_id) \
    DO UPDATE SET run = excluded.run, key = excluded.key, due_at = excluded.due_at";
pub const KEYS_RESUMED: &str = "UPDATE OR REPLACE hold_keys SET resumed = 1 FROM jsonb_each(?2) AS r \
    WHERE account = ?1 AND webhook = r.value->>0 AND key_hash = CAST(r.value->>1 AS BLOB) AND resumed = 0 \
    AND transaction_id = CAST(r.value->>2 AS BLOB)";
pub const KEYS_GONE: &str = "DELETE FROM hold_keys WHERE (account, webhook, key_hash, resumed, transaction_id) IN \
    (SELECT ?1, value->>0, CAST(value->>1 AS BLOB), value->>2, CAST(value->>3 AS BLOB) FROM jsonb_each(?2))";

// Timers.

pub const TIMER_NEXT: &str = "SELECT due_at FROM timers WHERE account = ?1 ORDER BY due_at LIMIT 1";
pub const TIMERS_DUE: &str = "SELECT due_at, transaction_id, run FROM timers WHERE account = ?1 AND due_at <= ?2 \
    ORDER BY due_at, transaction_id, run LIMIT ?3";
pub const TIMERS_ADD: &str = "INSERT INTO timers (account, due_at, transaction_id, run) \
    SELECT ?1, value->>0, CAST(value->>1 AS BLOB), value->>2 FROM jsonb_each(?2) WHERE true \
    ON CONFLICT (account, due_at, transaction_id, run) DO NOTHING";
pub const TIMERS_GONE: &str = "DELETE FROM timers WHERE (account, due_at, transaction_id, run) IN \
    (SELECT ?1, value->>0, CAST(value->>1 AS BLOB), value->>2 FROM jsonb_each(?2))";

// Lists: for each lane, one descending seek for the ids; then each by its name.

/// A hit's status stands behind its body: it is read only where `?5` says so.
pub const LIST_HITS: &str = "SELECT h.webhook, h.hit, CASE WHEN ?5 THEN h.status END, CASE WHEN ?5 THEN h.replay_of END FROM jsonb_each(?2) AS r \
    CROSS JOIN hits AS h ON h.account = ?1 AND h.webhook = r.value->>0 AND h.hit IN (SELECT x.hit FROM hits AS x \
    WHERE x.account = ?1 AND x.webhook = r.value->>0 AND x.hit < CAST(r.value->>1 AS BLOB) AND x.hit >= ?3 \
    ORDER BY x.hit DESC LIMIT ?4)";
/// Names the index's own condition, or it could not be used.
pub const LIST_HITS_BY_STATUS: &str = "SELECT h.webhook, h.hit, ?5, NULL FROM jsonb_each(?2) AS r \
    CROSS JOIN hits AS h ON h.account = ?1 AND h.webhook = r.value->>0 AND h.hit IN (SELECT x.hit FROM hits AS x \
    WHERE x.account = ?1 AND x.webhook = r.value->>0 AND x.hit < CAST(r.value->>1 AS BLOB) AND x.hit >= ?3 \
    AND x.status = ?5 AND x.status <> 'applied' ORDER BY x.hit DESC LIMIT ?4)";
pub const LIST_HITS_AMBIGUOUS: &str = "SELECT h.webhook, h.hit, h.status, NULL FROM jsonb_each(?2) AS r \
    CROSS JOIN hits AS h ON h.account = ?1 AND h.webhook = r.value->>0 AND h.hit IN (SELECT x.hit FROM hits AS x \
    WHERE x.account = ?1 AND x.webhook = r.value->>0 AND x.hit < CAST(r.value->>1 AS BLOB) AND x.hit >= ?3 \
    AND x.ambiguous = 1 ORDER BY x.hit DESC LIMIT ?4)";
pub const LIST_TRANSACTIONS: &str = "SELECT t.transaction_id, t.cycle_id, t.version, t.started_at, t.status, t.step, \
    t.runs, t.expires_at, t.completed_at, t.failed_at, t.callers \
    FROM jsonb_each(?2) AS r CROSS JOIN transactions AS t ON t.account = ?1 AND t.transaction_id IN \
    (SELECT x.transaction_id FROM transactions AS x WHERE x.account = ?1 AND x.cycle_id = CAST(r.value->>0 AS BLOB) \
    AND x.status = r.value->>1 AND x.transaction_id < CAST(r.value->>2 AS BLOB) AND x.transaction_id >= ?3 \
    ORDER BY x.transaction_id DESC LIMIT ?4)";
/// Names the index's own condition, or it could not be used.
pub const LIST_FAILED_AT: &str = "SELECT t.transaction_id, t.cycle_id, t.version, t.started_at, t.status, t.step, \
    t.runs, t.expires_at, t.completed_at, t.failed_at, t.callers \
    FROM jsonb_each(?2) AS r CROSS JOIN transactions AS t ON t.account = ?1 AND t.transaction_id IN \
    (SELECT x.transaction_id FROM transactions AS x WHERE x.account = ?1 AND x.cycle_id = CAST(r.value->>0 AS BLOB) \
    AND x.step = ?5 AND x.status = 'failed' AND x.transaction_id < CAST(r.value->>2 AS BLOB) AND x.transaction_id >= ?3 \
    ORDER BY x.transaction_id DESC LIMIT ?4)";
pub const NEWEST_TRANSACTIONS: &str = "SELECT transaction_id, cycle_id, version, started_at, status, step, runs, \
    expires_at, completed_at, failed_at, callers FROM transactions WHERE account = ?1 AND transaction_id < ?2 \
    AND transaction_id >= ?3 ORDER BY transaction_id DESC LIMIT ?4";

// Tallies.

pub const TALLIES_ADD: &str = "INSERT INTO tallies (account, cycle_id, step, hour, node, hits, started, completed, \
    passed, failed) SELECT ?1, CAST(value->>0 AS BLOB), value->>1, value->>2, ?3, value->>3, value->>4, value->>5, \
    value->>6, value->>7 FROM jsonb_each(?2) WHERE true ON CONFLICT (account, cycle_id, step, hour, node) DO UPDATE \
    SET hits = tallies.hits + excluded.hits, started = tallies.started + excluded.started, \
    completed = tallies.completed + excluded.completed, passed = tallies.passed + excluded.passed, \
    failed = tallies.failed + excluded.failed";
pub const TALLIES: &str = "SELECT t.cycle_id, t.hour, t.hits, t.started, t.completed, t.failed \
    FROM jsonb_each(?2) AS r CROSS JOIN tallies AS t ON t.account = ?1 AND t.cycle_id = CAST(r.value->>0 AS BLOB) \
    AND t.step = '' AND t.hour >= ?3";
/// In the order of the key: a step's rows stand together.
pub const STEP_TALLIES: &str = "SELECT step, sum(passed), sum(failed) FROM tallies WHERE account = ?1 \
    AND cycle_id = ?2 AND step > '' AND hour >= ?3 GROUP BY step";
pub const TALLIES_OLDEST: &str = "SELECT hour FROM tallies WHERE account = ?1 ORDER BY hour LIMIT 1";
pub const TALLIES_GONE: &str = "DELETE FROM tallies WHERE (account, cycle_id, step, hour, node) IN (SELECT account, \
    cycle_id, step, hour, node FROM tallies WHERE account = ?1 AND hour < ?2 LIMIT ?3)";

// Early hits.

pub const EARLY: &str = "SELECT r.key, h.webhook, h.hit, h.received_at, h.method, h.headers, h.query, h.raw, \
    h.body, h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, h.early_until, h.expires_at \
    FROM jsonb_each(?2) AS r CROSS JOIN early AS e ON e.account = ?1 AND e.webhook = r.value->>0 \
    AND e.key_hash = CAST(r.value->>1 AS BLOB) CROSS JOIN hits AS h \
    ON h.account = e.account AND h.webhook = e.webhook AND h.hit = e.hit \
    WHERE e.key = CAST(r.value->>2 AS BLOB) AND e.until_at > ?3 AND h.expires_at > ?3";
pub const EARLY_ADD: &str = "INSERT INTO early (account, webhook, key_hash, hit, key, until_at) \
    SELECT ?1, value->>0, CAST(value->>1 AS BLOB), CAST(value->>2 AS BLOB), CAST(value->>3 AS BLOB), value->>4 \
    FROM jsonb_each(?2) WHERE true ON CONFLICT (account, webhook, key_hash, hit) \
    DO UPDATE SET key = excluded.key, until_at = excluded.until_at";
pub const EARLY_GONE: &str = "DELETE FROM early WHERE (account, webhook, key_hash, hit) IN \
    (SELECT ?1, value->>0, CAST(value->>1 AS BLOB), CAST(value->>2 AS BLOB) FROM jsonb_each(?2))";

// Repeats.

pub const REPEATS: &str = "SELECT p.webhook, p.key_hash, p.body_hash, p.hit, p.at \
    FROM jsonb_each(?2) AS r CROSS JOIN repeats AS p \
    ON p.account = ?1 AND p.webhook = r.value->>0 AND p.key_hash = CAST(r.value->>1 AS BLOB)";
/// A record that stands already has run out and only not been swept: the engine has looked.
pub const REPEATS_ADD: &str = "INSERT INTO repeats (account, webhook, key_hash, body_hash, hit, at) \
    SELECT ?1, value->>0, CAST(value->>1 AS BLOB), CAST(value->>2 AS BLOB), CAST(value->>3 AS BLOB), value->>4 \
    FROM jsonb_each(?2) WHERE true ON CONFLICT (account, webhook, key_hash) \
    DO UPDATE SET body_hash = excluded.body_hash, hit = excluded.hit, at = excluded.at";

// Answers.

pub const ANSWERS_NAMED: &str = "SELECT a.hit, a.transaction_id, a.kind, a.status, a.step, a.headers, a.body, \
    a.expires_at FROM jsonb_each(?2) AS r CROSS JOIN answers AS a \
    ON a.account = ?1 AND a.hit = CAST(r.value->>0 AS BLOB)";
/// A caller is answered once: the first answer stands.
pub const ANSWERS_ADD: &str = "INSERT INTO answers (account, hit, transaction_id, kind, status, step, headers, body, \
    expires_at) SELECT ?1, CAST(value->>0 AS BLOB), CAST(value->>1 AS BLOB), value->>2, value->>3, value->>4, \
    CAST(substr(?3, value->>5, value->>6) AS TEXT), substr(?3, value->>7, value->>8), value->>9 \
    FROM jsonb_each(?2) WHERE true ON CONFLICT (account, hit) DO NOTHING";

// Hits queued by a stop.

pub const QUEUED: &str = "SELECT h.webhook, h.hit, h.received_at, h.method, h.headers, h.query, h.raw, h.body, \
    h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, h.early_until, h.expires_at \
    FROM queue AS q CROSS JOIN hits AS h \
    ON h.account = q.account AND h.webhook = q.webhook AND h.hit = q.hit \
    WHERE q.account = ?1 AND q.cycle_id = ?2 ORDER BY q.hit LIMIT ?3";
pub const QUEUE_ADD: &str = "INSERT INTO queue (account, cycle_id, hit, webhook) \
    SELECT ?1, CAST(value->>0 AS BLOB), CAST(value->>1 AS BLOB), value->>2 FROM jsonb_each(?2)";
pub const QUEUE_GONE: &str = "DELETE FROM queue WHERE (account, cycle_id, hit) IN \
    (SELECT ?1, CAST(value->>0 AS BLOB), CAST(value->>1 AS BLOB) FROM jsonb_each(?2))";
pub const QUEUED_ADD: &str = "UPDATE webhooks SET queued = max(0, queued + r.value->>1) FROM jsonb_each(?2) AS r \
    WHERE account = ?1 AND webhook = r.value->>0";

// Retention: each removes at most ?3 rows, through an index, oldest first.

/// Of transactions that are kept for less than 31 days: the index's own condition is named, or it
/// could not be used.
pub const EXPIRED_RUNS: &str = "SELECT u.transaction_id, u.run, u.webhook, u.hit \
    FROM transactions AS t CROSS JOIN runs AS u \
    ON u.account = t.account AND u.transaction_id = t.transaction_id \
    WHERE t.account = ?1 AND t.expires_at <= ?2 AND t.expires_at < t.started_at + 2678400000000 LIMIT ?3";
/// Of those that started over 31 days ago, whose ids are below ?4.
pub const OLDEST_RUNS: &str = "SELECT u.transaction_id, u.run, u.webhook, u.hit \
    FROM transactions AS t CROSS JOIN runs AS u \
    ON u.account = t.account AND u.transaction_id = t.transaction_id \
    WHERE t.account = ?1 AND t.transaction_id < ?4 AND t.expires_at <= ?2 LIMIT ?3";
pub const HITS_GONE: &str = "DELETE FROM hits WHERE (account, webhook, hit) IN \
    (SELECT ?1, value->>0, CAST(value->>1 AS BLOB) FROM jsonb_each(?2))";
pub const RUNS_GONE: &str = "DELETE FROM runs WHERE (account, transaction_id, run) IN \
    (SELECT ?1, CAST(value->>0 AS BLOB), value->>1 FROM jsonb_each(?2))";
/// Those whose runs are gone already.
pub const EXPIRED_TRANSACTIONS: &str = "SELECT t.transaction_id FROM transactions AS t \
    WHERE t.account = ?1 AND t.expires_at <= ?2 AND t.expires_at < t.started_at + 2678400000000 \
    AND NOT EXISTS (SELECT 1 FROM runs AS u \
    WHERE u.account = t.account AND u.transaction_id = t.transaction_id) LIMIT ?3";
pub const OLDEST_TRANSACTIONS: &str = "SELECT t.transaction_id FROM transactions AS t \
    WHERE t.account = ?1 AND t.transaction_id < ?4 AND t.expires_at <= ?2 \
    AND NOT EXISTS (SELECT 1 FROM runs AS u \
    WHERE u.account = t.account AND u.transaction_id = t.transaction_id) LIMIT ?3";
pub const TRANSACTION_KEYS_GONE: &str = "DELETE FROM hold_keys WHERE (account, webhook, transaction_id) IN \
    (SELECT ?1, w.webhook, t.transaction_id FROM jsonb_each(?2) AS r CROSS JOIN transactions AS t \
    ON t.account = ?1 AND t.transaction_id = CAST(r.value->>0 AS BLOB) \
    CROSS JOIN webhooks AS w ON w.account = t.account AND w.cycle_id = t.cycle_id)";
pub const TRANSACTION_TIMERS_GONE: &str = "DELETE FROM timers WHERE (account, transaction_id) IN \
    (SELECT ?1, CAST(value->>0 AS BLOB) FROM jsonb_each(?2))";
/// Of runs that never ended.
pub const UNDERWAY_HITS_GONE: &str = "DELETE FROM hits WHERE (account, webhook, hit) IN \
    (SELECT ?1, u.webhook, u.hit FROM jsonb_each(?2) AS r CROSS JOIN underway AS u \
    ON u.account = ?1 AND u.transaction_id = CAST(r.value->>0 AS BLOB))";
pub const TRANSACTION_UNDERWAY_GONE: &str = "DELETE FROM underway WHERE (account, transaction_id) IN \
    (SELECT ?1, CAST(value->>0 AS BLOB) FROM jsonb_each(?2))";
pub const TRANSACTIONS_GONE: &str = "DELETE FROM transactions WHERE (account, transaction_id) IN \
    (SELECT ?1, CAST(value->>0 AS BLOB) FROM jsonb_each(?2))";
/// Names the index's own condition, or it could not be used.
pub const EXPIRED_HITS: &str = "SELECT h.webhook, h.hit FROM hits AS h \
    WHERE h.account = ?1 AND h.expires_at <= ?2 AND h.status <> 'applied' AND NOT EXISTS (SELECT 1 \
    FROM transactions AS t WHERE t.account = h.account AND t.transaction_id = h.transaction_id) LIMIT ?3";
pub const EXPIRED_QUEUE_GONE: &str = "DELETE FROM queue WHERE (account, cycle_id, hit) IN \
    (SELECT ?1, w.cycle_id, CAST(r.value->>1 AS BLOB) FROM jsonb_each(?2) AS r CROSS JOIN webhooks AS w \
    ON w.account = ?1 AND w.webhook = r.value->>0)";
pub const EXPIRED_ANSWERS_GONE: &str = "DELETE FROM answers WHERE (account, hit) IN \
    (SELECT account, hit FROM answers WHERE account = ?1 AND expires_at <= ?2 LIMIT ?3)";
pub const EXPIRED_EARLY_GONE: &str = "DELETE FROM early WHERE (account, webhook, key_hash, hit) IN \
    (SELECT account, webhook, key_hash, hit FROM early WHERE account = ?1 AND until_at <= ?2 LIMIT ?3)";
pub const EXPIRED_REPEATS_GONE: &str = "DELETE FROM repeats WHERE (account, webhook, key_hash) IN \
    (SELECT account, webhook, key_hash FROM repeats WHERE account = ?1 AND at <= ?2 LIMIT ?3)";
/// Each version that a newer one has replaced, with the instants between which it was the newest.
pub const VERSIONS_REPLACED: &str = "SELECT v.cycle_id, v.version, v.created_at, (SELECT n.created_at \
    FROM versions AS n WHERE n.account = v.account AND n.cycle_id = v.cycle_id AND n.version > v.version \
    ORDER BY n.version LIMIT 1) FROM cycles AS c CROSS JOIN versions AS v \
    ON v.account = c.account AND v.cycle_id = c.cycle_id AND v.version < c.version WHERE c.account = ?1";
/// A transaction's id says when it started, so those of a version lie in a range of ids.
pub const VERSION_NEEDED: &str = "SELECT 1 FROM transactions WHERE account = ?1 AND cycle_id = ?2 \
    AND status IN ('queued', 'running', 'held', 'completed', 'failed', 'cancelled') \
    AND transaction_id >= ?4 AND transaction_id < ?5 AND version = ?3 LIMIT 1";
pub const VERSION_GONE: &str = "DELETE FROM versions WHERE account = ?1 AND cycle_id = ?2 AND version = ?3";
pub const CYCLES_FORGOTTEN: &str = "SELECT c.cycle_id FROM cycles AS c \
    WHERE c.account = ?1 AND c.deleted_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM transactions AS t \
    WHERE t.account = c.account AND t.cycle_id = c.cycle_id)";
pub const CYCLE_VERSIONS_GONE: &str = "DELETE FROM versions WHERE account = ?1 AND cycle_id = ?2";
pub const CYCLE_WEBHOOKS_GONE: &str = "DELETE FROM webhooks WHERE account = ?1 AND cycle_id = ?2";
pub const CYCLE_QUEUE_GONE: &str = "DELETE FROM queue WHERE account = ?1 AND cycle_id = ?2";
pub const CYCLE_GONE: &str = "DELETE FROM cycles WHERE account = ?1 AND cycle_id = ?2";

// Shared webhooks.

pub const SHARED: &str = "SELECT account, webhook, name, settings, route, fan_out, created_at, paused_at, deleted_at FROM \
    shared_webhooks ORDER BY account, webhook";
pub const SHARED_PUT: &str = "INSERT INTO shared_webhooks (account, webhook, name, settings, route, fan_out, created_at, \
    paused_at, deleted_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (account, webhook) DO \
    UPDATE SET name = excluded.name, settings = excluded.settings, route = excluded.route, fan_out = \
    excluded.fan_out, paused_at = excluded.paused_at, deleted_at = excluded.deleted_at";
/// Deleted ones, once nothing is left of their hits.
pub const SHARED_GONE: &str = "DELETE FROM shared_webhooks WHERE (account, webhook) IN \
    (SELECT account, webhook FROM shared_webhooks WHERE account = ?1 AND deleted_at <= ?2 LIMIT ?3)";
pub const CLAIMS_OF: &str = "SELECT webhook, value_hash, claimant, value, created_at FROM claims WHERE account = ?1 AND webhook = \
    ?2 AND value_hash = ?3 ORDER BY claimant LIMIT ?4";
pub const CLAIMS: &str = "SELECT webhook, value_hash, claimant, value, created_at FROM claims WHERE account = ?1 AND webhook = \
    ?2 AND (value_hash, claimant) > (?3, ?4) ORDER BY value_hash, claimant LIMIT ?5";
pub const CLAIMS_BY: &str = "SELECT webhook, value_hash, claimant, value, created_at FROM claims WHERE account = ?1 AND webhook = \
    ?2 AND claimant = ?3 AND value > ?4 ORDER BY value LIMIT ?5";
pub const CLAIM_PUT: &str = "INSERT INTO claims (account, webhook, value_hash, claimant, value, created_at) VALUES (?1, ?2, ?3, \
    ?4, ?5, ?6) ON CONFLICT (account, webhook, value_hash, claimant) DO NOTHING";
pub const CLAIM_GONE: &str = "DELETE FROM claims WHERE account = ?1 AND webhook = ?2 AND value_hash = ?3 \
    AND claimant = ?4";
pub const CLAIMS_GONE: &str = "DELETE FROM claims WHERE account = ?1 AND webhook = ?2";
pub const FAN_OUTS: &str = "SELECT hit, claimant, webhook, told FROM fan_outs WHERE account = ?1 AND hit > ?2 ORDER BY hit, \
    claimant LIMIT ?3";
pub const FAN_OUT_OF: &str = "SELECT hit, claimant, webhook, told FROM fan_outs WHERE account = ?1 AND hit = ?2 \
    ORDER BY claimant";
pub const FAN_OUT_PUT: &str = "INSERT INTO fan_outs (account, hit, claimant, webhook, told) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT \
    (account, hit, claimant) DO UPDATE SET told = excluded.told";
pub const FAN_OUT_GONE: &str = "DELETE FROM fan_outs WHERE account = ?1 AND hit = ?2";
pub const HIT_EVENTS: &str = "SELECT parent, event, webhook, hit, expires_at FROM hit_events WHERE account = ?1 AND parent = ?2 \
    ORDER BY event";
pub const HIT_EVENT_PUT: &str = "INSERT INTO hit_events (account, parent, event, webhook, hit, expires_at) VALUES (?1, ?2, ?3, ?4, \
    ?5, ?6)";
pub const EXPIRED_HIT_EVENTS_GONE: &str = "DELETE FROM hit_events WHERE (account, parent, event) IN (SELECT account, parent, event FROM \
    hit_events WHERE account = ?1 AND expires_at <= ?2 LIMIT ?3)";

// Connectors and subscriptions.

pub const CONNECTORS: &str = "SELECT account, name, version, source, created_at, updated_at FROM connectors WHERE \
    account = ?1 ORDER BY name LIMIT ?2";
pub const CONNECTOR_PUT: &str = "INSERT INTO connectors (account, name, version, source, created_at, updated_at) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (account, name) DO UPDATE SET version = excluded.version, source = \
    excluded.source, updated_at = excluded.updated_at";
pub const SUBSCRIPTIONS: &str = "SELECT webhook, subscription, cycle_id, step, connector, event, source, \
    fingerprint, parameters, state, seq, status, reason, attempts, made_at, refresh_at, due_at, node, claim, \
    created_at, updated_at FROM subscriptions WHERE account = ?1 ORDER BY webhook, subscription LIMIT ?2";
pub const SUBSCRIPTIONS_AT: &str = "SELECT webhook, subscription, cycle_id, step, connector, event, source, \
    fingerprint, parameters, state, seq, status, reason, attempts, made_at, refresh_at, due_at, node, claim, \
    created_at, updated_at FROM subscriptions WHERE account = ?1 AND webhook = ?2 ORDER BY subscription";
pub const SUBSCRIPTIONS_DUE: &str = "SELECT webhook, subscription, cycle_id, step, connector, event, source, \
    fingerprint, parameters, state, seq, status, reason, attempts, made_at, refresh_at, due_at, node, claim, \
    created_at, updated_at FROM subscriptions WHERE account = ?1 AND due_at <= ?2 ORDER BY due_at LIMIT ?3";
pub const SUBSCRIPTION_NEXT: &str = "SELECT due_at FROM subscriptions WHERE account = ?1 AND due_at IS NOT NULL \
    AND node IS NULL ORDER BY due_at LIMIT 1";
pub const SUBSCRIPTION_PUT: &str = "INSERT INTO subscriptions (account, webhook, subscription, cycle_id, step, \
    connector, event, source, fingerprint, parameters, state, seq, status, reason, attempts, made_at, refresh_at, \
    due_at, node, claim, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, \
    ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22) ON CONFLICT (account, webhook, subscription) DO UPDATE SET cycle_id \
    = excluded.cycle_id, step = excluded.step, connector = excluded.connector, event = excluded.event, source = \
    excluded.source, fingerprint = excluded.fingerprint, parameters = excluded.parameters, state = excluded.state, \
    seq = excluded.seq, status = excluded.status, reason = excluded.reason, attempts = excluded.attempts, made_at = \
    excluded.made_at, refresh_at = excluded.refresh_at, due_at = excluded.due_at, node = excluded.node, claim = \
    excluded.claim, created_at = excluded.created_at, updated_at = excluded.updated_at";
pub const SUBSCRIPTION_GONE: &str = "DELETE FROM subscriptions WHERE account = ?1 AND webhook = ?2 AND subscription \
    = ?3";

// Endpoints: part of the catalog, and read whole.

pub const ENDPOINTS: &str = "SELECT account, endpoint, settings, state, reason, sealed, key_id, created_at, \
    validated_at FROM endpoints ORDER BY account, endpoint";
pub const ENDPOINT_PUT: &str = "INSERT INTO endpoints (account, endpoint, settings, state, reason, sealed, key_id, \
    created_at, validated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
    ON CONFLICT (account, endpoint) DO UPDATE SET settings = excluded.settings, state = excluded.state, \
    reason = excluded.reason, sealed = excluded.sealed, key_id = excluded.key_id, \
    validated_at = excluded.validated_at";
pub const ENDPOINT_GONE: &str = "DELETE FROM endpoints WHERE account = ?1 AND endpoint = ?2";

// What they are told: the outbox.

pub const MESSAGES_ADD: &str = "INSERT INTO messages (account, message, type, at, hops, body) \
    SELECT ?1, CAST(value->>0 AS BLOB), value->>1, value->>2, value->>3, substr(?3, value->>4, value->>5) \
    FROM jsonb_each(?2)";
pub const DELIVERIES_ADD: &str = "INSERT INTO deliveries (account, message, endpoint, type, status, tries, attempts, \
    due_at) SELECT ?1, CAST(value->>0 AS BLOB), CAST(value->>1 AS BLOB), value->>2, value->>3, value->>4, \
    CAST(substr(?3, value->>5, value->>6) AS TEXT), value->>7 FROM jsonb_each(?2)";
/// A line that a process has keeps to it: whoever has it looks for more before it lets go.
pub const LINES_RING: &str = "UPDATE lines SET due_at = min(coalesce(lines.due_at, r.value->>1), r.value->>1) \
    FROM jsonb_each(?2) AS r WHERE account = ?1 AND endpoint = CAST(r.value->>0 AS BLOB)";

// Lines: taken for a while, by one process each.

pub const LINE_PUT: &str = "INSERT INTO lines (account, endpoint, until_at, claim, made, failed) \
    VALUES (?1, ?2, 0, 0, 0, 0) ON CONFLICT (account, endpoint) DO NOTHING";
pub const LINE_GONE: &str = "DELETE FROM lines WHERE account = ?1 AND endpoint = ?2";
pub const LINES_READY: &str = "SELECT endpoint FROM lines WHERE account = ?1 AND due_at <= ?2 AND until_at <= ?2 \
    AND (failing_since IS NULL OR ?3) ORDER BY due_at LIMIT 1";
pub const LINE_NEXT: &str = "SELECT due_at FROM lines WHERE account = ?1 AND due_at IS NOT NULL \
    ORDER BY due_at LIMIT 1";
pub const LINES_TAKE: &str = "UPDATE lines SET node = ?3, until_at = ?4, claim = claim + 1 \
    WHERE (account, endpoint) IN (SELECT account, endpoint FROM lines WHERE account = ?1 AND due_at <= ?2 \
    AND until_at <= ?2 AND (failing_since IS NULL OR ?6) ORDER BY due_at LIMIT ?5) RETURNING endpoint, claim, failing_since";
/// Of processes that are gone: here there is one, `?2`.
pub const LINES_LEFT: &str = "UPDATE lines SET node = NULL, until_at = 0, claim = claim + 1 \
    WHERE account = ?1 AND node IS NOT NULL AND node <> ?2";
pub const LINES_NAMED: &str = "SELECT l.endpoint, l.due_at, l.node, l.claim, l.last_success_at, l.failing_since, \
    l.hour_at, l.made, l.failed FROM jsonb_each(?2) AS r CROSS JOIN lines AS l \
    ON l.account = ?1 AND l.endpoint = CAST(r.value->>0 AS BLOB)";
/// Let go, and due again with its first delivery, or not at all where it is not active.
pub const LINES_SETTLE: &str = "UPDATE lines SET node = NULL, until_at = 0, due_at = CASE WHEN r.value->>1 THEN \
    (SELECT d.due_at FROM deliveries AS d WHERE d.account = ?1 AND d.endpoint = CAST(r.value->>0 AS BLOB) \
    AND d.due_at IS NOT NULL ORDER BY d.due_at LIMIT 1) END, last_success_at = r.value->>2, \
    failing_since = r.value->>3, hour_at = r.value->>4, made = r.value->>5, failed = r.value->>6 \
    FROM jsonb_each(?2) AS r WHERE account = ?1 AND endpoint = CAST(r.value->>0 AS BLOB)";

// Deliveries.

pub const DELIVERIES_DUE: &str = "SELECT d.message, d.type, d.tries, d.attempts, m.hops, m.body FROM deliveries AS d \
    CROSS JOIN messages AS m ON m.account = d.account AND m.message = d.message \
    WHERE d.account = ?1 AND d.endpoint = ?2 AND d.due_at <= ?3 ORDER BY d.due_at, d.message LIMIT ?4";
pub const DELIVERIES: &str = "SELECT message, type, status, tries, attempts, due_at FROM deliveries \
    WHERE account = ?1 AND endpoint = ?2 AND message < ?3 ORDER BY message DESC LIMIT ?4";
pub const DELIVERIES_MISSED: &str = "SELECT message, type, status, tries, attempts, due_at FROM deliveries \
    WHERE account = ?1 AND endpoint = ?2 AND message < ?3 AND status IN ('failed', 'missed') \
    ORDER BY message DESC LIMIT ?4";
pub const DELIVERIES_SETTLE: &str = "UPDATE deliveries SET status = r.value->>2, tries = r.value->>3, \
    attempts = CAST(substr(?3, r.value->>4, r.value->>5) AS TEXT), due_at = r.value->>6 FROM jsonb_each(?2) AS r \
    WHERE account = ?1 AND message = CAST(r.value->>1 AS BLOB) AND endpoint = CAST(r.value->>0 AS BLOB)";
/// What an endpoint that is not active any more was still to get.
pub const DELIVERIES_DROP: &str = "UPDATE deliveries SET status = 'missed', due_at = NULL \
    WHERE (account, message, endpoint) IN (SELECT account, message, endpoint FROM deliveries \
    WHERE account = ?1 AND endpoint = ?2 AND due_at IS NOT NULL LIMIT ?3)";
pub const DELIVERIES_FROM: &str = "SELECT message FROM deliveries WHERE account = ?1 AND endpoint = ?2 \
    AND message >= ?3 ORDER BY message LIMIT ?4";
pub const MISSED_FROM: &str = "SELECT message FROM deliveries WHERE account = ?1 AND endpoint = ?2 \
    AND message >= ?3 AND status IN ('failed', 'missed') ORDER BY message LIMIT ?4";
pub const DELIVERIES_RESEND: &str = "UPDATE deliveries SET status = 'pending', tries = 0, due_at = ?3 \
    FROM jsonb_each(?2) AS r WHERE account = ?1 AND message = CAST(r.value->>1 AS BLOB) \
    AND endpoint = CAST(r.value->>0 AS BLOB)";
pub const OLD_DELIVERIES_GONE: &str = "DELETE FROM deliveries WHERE (account, message, endpoint) IN \
    (SELECT account, message, endpoint FROM deliveries WHERE account = ?1 AND message < ?2 LIMIT ?3)";
pub const OLD_MESSAGES_GONE: &str = "DELETE FROM messages WHERE (account, message) IN \
    (SELECT account, message FROM messages WHERE account = ?1 AND message < ?2 LIMIT ?3)";

// Accounts: their limits, what they have, and what goes with one that is removed.

pub const ACCOUNTS: &str = "SELECT account, created_at, hits_per_second, transactions_at_once, stored_bytes, \
    deleted_at FROM accounts ORDER BY account";
pub const ACCOUNT_ADD: &str = "INSERT INTO accounts (account, created_at, last_instant, revision, \
    hits_per_second, transactions_at_once, stored_bytes) VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6) ON CONFLICT \
    (account) DO NOTHING";
pub const ACCOUNT_LIMITS: &str = "UPDATE accounts SET hits_per_second = ?2, transactions_at_once = ?3, \
    stored_bytes = ?4 WHERE account = ?1";
pub const ACCOUNT_LEAVES: &str = "UPDATE accounts SET deleted_at = ?2 WHERE account = ?1";
pub const ACCOUNT_GONE: &str = "DELETE FROM accounts WHERE account = ?1 AND deleted_at IS NOT NULL";
pub const OPEN_TRANSACTIONS: &str = "SELECT count(*) FROM (SELECT 1 FROM transactions WHERE account = ?1 AND \
    cycle_id = ?2 AND status = ?3 AND expires_at > ?4 LIMIT ?5) AS t";
pub const HITS_BYTES: &str = "SELECT webhook, hit, coalesce(octet_length(headers), 0) + \
    coalesce(octet_length(query), 0) + coalesce(octet_length(raw), 0) + coalesce(octet_length(body), 0) FROM \
    hits WHERE account = ?1 AND (webhook, hit) > (?2, ?3) ORDER BY webhook, hit LIMIT ?4";
pub const RUNS_BYTES: &str = "SELECT transaction_id, run, coalesce(octet_length(steps), 0) + \
    coalesce(octet_length(document), 0) + coalesce(octet_length(error), 0) FROM runs WHERE account = ?1 AND \
    (transaction_id, run) > (?2, ?3) ORDER BY transaction_id, run LIMIT ?4";
pub const ALL_KEPT: &str = "SELECT key, value, version FROM script_store WHERE account = ?1 AND cycle_id = ?2 \
    ORDER BY key LIMIT ?3";
pub const FORGET_CYCLES: &str = "DELETE FROM cycles WHERE (account, cycle_id) IN (SELECT account, cycle_id FROM \
    cycles WHERE account = ?1 LIMIT ?2)";
pub const FORGET_VERSIONS: &str = "DELETE FROM versions WHERE (account, cycle_id, version) IN (SELECT account, \
    cycle_id, version FROM versions WHERE account = ?1 LIMIT ?2)";
pub const FORGET_WEBHOOKS: &str = "DELETE FROM webhooks WHERE (account, webhook) IN (SELECT account, webhook \
    FROM webhooks WHERE account = ?1 LIMIT ?2)";
pub const FORGET_HITS: &str = "DELETE FROM hits WHERE (account, webhook, hit) IN (SELECT account, webhook, hit \
    FROM hits WHERE account = ?1 LIMIT ?2)";
pub const FORGET_TRANSACTIONS: &str = "DELETE FROM transactions WHERE (account, transaction_id) IN (SELECT \
    account, transaction_id FROM transactions WHERE account = ?1 LIMIT ?2)";
pub const FORGET_RUNS: &str = "DELETE FROM runs WHERE (account, transaction_id, run) IN (SELECT account, \
    transaction_id, run FROM runs WHERE account = ?1 LIMIT ?2)";
pub const FORGET_HOLD_KEYS: &str = "DELETE FROM hold_keys WHERE (account, webhook, key_hash, resumed, \
    transaction_id) IN (SELECT account, webhook, key_hash, resumed, transaction_id FROM hold_keys WHERE account \
    = ?1 LIMIT ?2)";
pub const FORGET_TIMERS: &str = "DELETE FROM timers WHERE (account, due_at, transaction_id, run) IN (SELECT \
    account, due_at, transaction_id, run FROM timers WHERE account = ?1 LIMIT ?2)";
pub const FORGET_EARLY: &str = "DELETE FROM early WHERE (account, webhook, key_hash, hit) IN (SELECT account, \
    webhook, key_hash, hit FROM early WHERE account = ?1 LIMIT ?2)";
pub const FORGET_REPEATS: &str = "DELETE FROM repeats WHERE (account, webhook, key_hash) IN (SELECT account, \
    webhook, key_hash FROM repeats WHERE account = ?1 LIMIT ?2)";
pub const FORGET_ANSWERS: &str = "DELETE FROM answers WHERE (account, hit) IN (SELECT account, hit FROM answers \
    WHERE account = ?1 LIMIT ?2)";
pub const FORGET_QUEUE: &str = "DELETE FROM queue WHERE (account, cycle_id, hit) IN (SELECT account, cycle_id, \
    hit FROM queue WHERE account = ?1 LIMIT ?2)";
pub const FORGET_KEYS: &str = "DELETE FROM keys WHERE (account, key_id) IN (SELECT account, key_id FROM keys \
    WHERE account = ?1 LIMIT ?2)";
pub const FORGET_SECRETS: &str = "DELETE FROM secrets WHERE (account, name) IN (SELECT account, name FROM \
    secrets WHERE account = ?1 LIMIT ?2)";
pub const FORGET_UNDERWAY: &str = "DELETE FROM underway WHERE (account, transaction_id, run) IN (SELECT \
    account, transaction_id, run FROM underway WHERE account = ?1 LIMIT ?2)";
pub const FORGET_SCRIPT_STORE: &str = "DELETE FROM script_store WHERE (account, cycle_id, key) IN (SELECT \
    account, cycle_id, key FROM script_store WHERE account = ?1 LIMIT ?2)";
pub const FORGET_ENDPOINTS: &str = "DELETE FROM endpoints WHERE (account, endpoint) IN (SELECT account, endpoint FROM endpoints \
    WHERE account = ?1 LIMIT ?2)";
pub const FORGET_MESSAGES: &str = "DELETE FROM messages WHERE (account, message) IN (SELECT account, message FROM messages \
    WHERE account = ?1 LIMIT ?2)";
pub const FORGET_DELIVERIES: &str = "DELETE FROM deliveries WHERE (account, message, endpoint) IN (SELECT account, message, endpoint FROM deliveries \
    WHERE account = ?1 LIMIT ?2)";
pub const FORGET_LINES: &str = "DELETE FROM lines WHERE (account, endpoint) IN (SELECT account, endpoint FROM lines \
    WHERE account = ?1 LIMIT ?2)";
pub const FORGET_SHARED_WEBHOOKS: &str = "DELETE FROM shared_webhooks WHERE (account, webhook) IN (SELECT account, webhook FROM shared_webhooks \
    WHERE account = ?1 LIMIT ?2)";
pub const FORGET_CLAIMS: &str = "DELETE FROM claims WHERE (account, webhook, value_hash, claimant) IN (SELECT account, webhook, value_hash, claimant FROM claims \
    WHERE account = ?1 LIMIT ?2)";
pub const FORGET_FAN_OUTS: &str = "DELETE FROM fan_outs WHERE (account, hit, claimant) IN (SELECT account, hit, claimant FROM fan_outs \
    WHERE account = ?1 LIMIT ?2)";
pub const FORGET_HIT_EVENTS: &str = "DELETE FROM hit_events WHERE (account, parent, event) IN (SELECT account, parent, event FROM hit_events \
    WHERE account = ?1 LIMIT ?2)";
pub const FORGET_CONNECTORS: &str = "DELETE FROM connectors WHERE (account, name) IN (SELECT account, name FROM connectors \
    WHERE account = ?1 LIMIT ?2)";
pub const FORGET_SUBSCRIPTIONS: &str = "DELETE FROM subscriptions WHERE (account, webhook, subscription) IN (SELECT account, webhook, subscription FROM subscriptions \
    WHERE account = ?1 LIMIT ?2)";
pub const FORGET_SESSIONS: &str = "DELETE FROM sessions WHERE (account, hash) IN (SELECT account, hash FROM sessions \
    WHERE account = ?1 LIMIT ?2)";
pub const FORGET_TALLIES: &str = "DELETE FROM tallies WHERE (account, cycle_id, step, hour, node) IN (SELECT account, \
    cycle_id, step, hour, node FROM tallies WHERE account = ?1 LIMIT ?2)";

/// What a removed account leaves, a bounded number of rows at a time.
pub static FORGET: &[&str] = &[
    FORGET_CYCLES,
    FORGET_VERSIONS,
    FORGET_WEBHOOKS,
    FORGET_HITS,
    FORGET_TRANSACTIONS,
    FORGET_RUNS,
    FORGET_HOLD_KEYS,
    FORGET_TIMERS,
    FORGET_EARLY,
    FORGET_REPEATS,
    FORGET_ANSWERS,
    FORGET_QUEUE,
    FORGET_KEYS,
    FORGET_SECRETS,
    FORGET_UNDERWAY,
    FORGET_SCRIPT_STORE,
    FORGET_ENDPOINTS,
    FORGET_MESSAGES,
    FORGET_DELIVERIES,
    FORGET_LINES,
    FORGET_SHARED_WEBHOOKS,
    FORGET_CLAIMS,
    FORGET_FAN_OUTS,
    FORGET_HIT_EVENTS,
    FORGET_CONNECTORS,
    FORGET_SUBSCRIPTIONS,
    FORGET_SESSIONS,
    FORGET_TALLIES,
];
