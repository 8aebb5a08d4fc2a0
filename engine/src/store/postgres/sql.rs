//! Every statement of the PostgreSQL store, written out in full. A test prepares each of them.
//!
//! `$1` is the account wherever there is one; a set of rows comes as one array a column. Columns are
//! listed in the order in which `columns` reads them.
//!
//! Fences (`OFFSET 0`) stand about what is sought by name, or, where rows are changed, about the names
//! with the account. Without them the planner, which knows nothing of a young partition and takes it
//! for a few rows, walks through the account and compares; and keeps that plan while the partition
//! grows. A test reads the plans on empty tables.

// The account and the clock.

pub const PING: &str = "SELECT 1";
/// Takes the account's lock and the commit's instant, and names the database transaction. Whoever
/// waited here sees, in its next statement, what was committed; its instant is computed anew from the
/// row that it waited for. `$2` is the manual clock's instant, which stands still between commits, and
/// `$3` the commit's mark.
pub const HEAD: &str = "UPDATE accounts SET last_instant = CASE WHEN $2::timestamptz IS NULL THEN \
    greatest(clock_timestamp(), last_instant + interval '1 microsecond') ELSE greatest($2, \
    last_instant) END, commits = commits + 1, recent = (array_prepend($3::int8, recent))[1:32] \
    WHERE account = $1 AND deleted_at IS NULL RETURNING last_instant, revision, pg_current_xact_id()::text, commits";
/// What became of a database transaction, by the server's word. After a crash it may have given the
/// same number to another.
pub const FATE: &str = "SELECT pg_xact_status($1::xid8)";
/// Whether the account's commit of number `$2` has the mark `$3`; null once it is too long ago.
pub const FATE_BY_MARK: &str = "SELECT CASE WHEN commits < $2 THEN false \
    ELSE recent[(commits - $2 + 1)::int4] = $3 END FROM accounts WHERE account = $1";
pub const REVISION_BUMP: &str = "UPDATE accounts SET revision = revision + 1 WHERE account = $1";
/// Whom the session is for from now on: row-level security shows it that account's rows alone.
pub const SESSION_OF: &str = "SELECT set_config('holdfast.account', $1, false)";
/// The same until the database transaction ends.
pub const WORK_OF: &str = "SELECT set_config('holdfast.account', $1, true)";
/// Row-level security on every table that has an account and is not guarded yet.
pub const GUARD: &str = "SELECT holdfast_guard()";
/// Whether row-level security is nothing to this login.
pub const UNGUARDED: &str = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
pub const CLOCK: &str = "SELECT instant FROM clock WHERE account = '*'";
pub const CLOCK_SET: &str = "INSERT INTO clock (account, instant) VALUES ('*', $1) ON CONFLICT (account) DO UPDATE SET \
    instant = excluded.instant";

// The catalog: small, and read whole.

pub const INSTANTS: &str = "SELECT account, (extract(epoch FROM last_instant) * 1000000)::bigint FROM accounts \
    ORDER BY account";
pub const REVISIONS: &str = "SELECT account, revision FROM accounts WHERE deleted_at IS NULL ORDER BY account";
pub const CYCLES: &str = "SELECT account, cycle_id, name, state, version, created_at, started_at, stopped_at, \
    deleted_at, backlog FROM cycles ORDER BY account, cycle_id";
pub const VERSIONS: &str = "SELECT account, cycle_id, version, digest, source, created_at, vars FROM versions ORDER BY \
    account, cycle_id, version";
pub const WEBHOOKS: &str = "SELECT account, webhook, cycle_id, step, created_at, queued FROM webhooks ORDER BY account, \
    webhook";
pub const CYCLE_PUT: &str = "INSERT INTO cycles (account, cycle_id, name, state, version, created_at, started_at, \
    stopped_at, deleted_at, backlog) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON \
    CONFLICT (account, cycle_id) DO UPDATE SET name = excluded.name, state = excluded.state, \
    version = excluded.version, started_at = excluded.started_at, stopped_at = \
    excluded.stopped_at, deleted_at = excluded.deleted_at, backlog = excluded.backlog";
pub const VERSION_PUT: &str = "INSERT INTO versions (account, cycle_id, version, digest, source, created_at, vars) VALUES ($1, \
    $2, $3, $4, $5, $6, $7)";
/// The count of queued hits is `QUEUED_ADD`'s alone.
pub const WEBHOOK_PUT: &str = "INSERT INTO webhooks (account, webhook, cycle_id, step, created_at, queued) VALUES ($1, $2, \
    $3, $4, $5, $6) ON CONFLICT (account, webhook) DO UPDATE SET step = excluded.step";
pub const QUEUED_COUNTS: &str =
    "SELECT webhook, queued FROM webhooks WHERE account = $1 AND queued > 0 ORDER BY webhook";

// API keys.

pub const KEYS: &str = "SELECT account, key_id, hash, name, scopes, created_at, expires_at, revoked_at FROM keys \
    ORDER BY account, key_id";
pub const KEY_BY_HASH: &str = "SELECT account, key_id, hash, name, scopes, created_at, expires_at, revoked_at FROM keys \
    WHERE hash = $1";
pub const KEY_PUT: &str = "INSERT INTO keys (account, key_id, hash, name, scopes, created_at, expires_at, revoked_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
pub const KEY_REVOKE: &str =
    "UPDATE keys SET revoked_at = $3 WHERE account = $1 AND key_id = $2 AND revoked_at IS NULL";

// Sessions of the console.

/// With its key, where its account is there.
pub const SESSION_BY_HASH: &str = "SELECT s.expires_at, k.account, k.key_id, k.hash, k.name, k.scopes, k.created_at, \
    k.expires_at, k.revoked_at FROM sessions AS s JOIN keys AS k ON k.account = s.account AND k.key_id = s.key_id \
    WHERE s.hash = $1 AND (s.account = '*' OR EXISTS (SELECT 1 FROM accounts AS a WHERE a.account = s.account \
    AND a.deleted_at IS NULL))";
/// Not while the key is revoked: that waits for this, or this for that.
pub const SESSION_PUT: &str = "INSERT INTO sessions (account, hash, key_id, created_at, expires_at) \
    SELECT k.account, $2::bytea, k.key_id, $4::timestamptz, $5::timestamptz FROM keys AS k \
    WHERE k.account = $1 AND k.key_id = $3 AND k.revoked_at IS NULL FOR SHARE";
pub const SESSION_GONE: &str = "DELETE FROM sessions WHERE account = $1 AND hash = $2";
pub const KEY_SESSIONS_GONE: &str = "DELETE FROM sessions WHERE account = $1 AND key_id = $2";
/// All of a key's but the newest.
pub const OLDEST_SESSIONS_GONE: &str = "DELETE FROM sessions WHERE account = $1 AND (account, hash) IN (SELECT account, hash \
    FROM sessions WHERE account = $1 AND key_id = $2 ORDER BY created_at DESC, hash DESC OFFSET $3)";
pub const EXPIRED_SESSIONS_GONE: &str = "DELETE FROM sessions WHERE account = $1 AND (account, hash) IN (SELECT account, hash \
    FROM sessions WHERE account = $1 AND expires_at <= $2 LIMIT $3)";

// Secrets, sealed.

pub const SECRETS: &str = "SELECT account, name, sealed, key_id, created_at, updated_at, last_used_at FROM secrets \
    WHERE account = $1 ORDER BY name LIMIT $2";
/// The row that is there keeps the instant of its making and of its last use.
pub const SECRET_PUT: &str = "INSERT INTO secrets (account, name, sealed, key_id, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account, name) DO UPDATE SET sealed = excluded.sealed, \
    key_id = excluded.key_id, updated_at = excluded.updated_at";
/// The same value under another master key.
pub const SECRET_RESEAL: &str = "UPDATE secrets SET sealed = $3, key_id = $4 WHERE account = $1 AND name = $2";
pub const SECRET_USED: &str = "UPDATE secrets SET last_used_at = $3 WHERE account = $1 AND name = $2";
pub const SECRET_GONE: &str = "DELETE FROM secrets WHERE account = $1 AND name = $2";

// What scripts keep.

pub const KEPT: &str = "SELECT k.* FROM unnest($3::text[]) AS r (key) CROSS JOIN LATERAL (SELECT key, value, version FROM \
    script_store WHERE account = $1 AND cycle_id = $2 AND key = r.key OFFSET 0) AS k";
/// Of at most as many rows as a cycle may have.
pub const KEPT_COUNT: &str = "SELECT count(*) FROM script_store WHERE account = $1 AND cycle_id = $2";
pub const KEPT_PUT: &str = "INSERT INTO script_store (account, cycle_id, key, value, version) SELECT $1, $2::uuid, r.* FROM \
    unnest($3::text[], $4::text[], $5::int8[]) AS r ON CONFLICT (account, cycle_id, key) DO UPDATE SET value = \
    excluded.value, version = excluded.version";
pub const KEPT_GONE: &str = "DELETE FROM script_store AS k USING (SELECT $1::text AS account, $2::uuid AS cycle_id, u.* FROM \
    unnest($3::text[]) AS u (key) OFFSET 0) AS r WHERE k.account = r.account AND k.cycle_id = r.cycle_id AND \
    k.key = r.key";
pub const CYCLE_KEPT_GONE: &str = "DELETE FROM script_store WHERE account = $1 AND cycle_id = $2";

// Hits.

pub const HITS_NAMED: &str = "SELECT h.* FROM unnest($2::text[], $3::uuid[]) AS r (webhook, hit) CROSS JOIN LATERAL \
    (SELECT webhook, hit, received_at, method, headers, query, raw, body, status, reason, \
    transaction_id, run, ambiguous, replay_of, early_until, expires_at FROM hits WHERE account = \
    $1 AND webhook = r.webhook AND hit = r.hit OFFSET 0) AS h ORDER BY h.hit";
/// Webhook by webhook: a plan that was made while the table was young would walk through the account.
pub const HIT_OF: &str = "SELECT h.* FROM unnest($2::text[]) AS r (webhook) CROSS JOIN LATERAL (SELECT webhook, hit, \
    received_at, method, headers, query, raw, body, status, reason, transaction_id, run, ambiguous, \
    replay_of, early_until, expires_at FROM hits WHERE account = $1 AND webhook = r.webhook AND hit = \
    $3 OFFSET 0) AS h";
pub const HITS_ADD: &str = "INSERT INTO hits (account, webhook, hit, received_at, method, headers, query, raw, body, \
    status, reason, transaction_id, run, ambiguous, replay_of, early_until, expires_at) SELECT \
    $1, r.* FROM unnest($2::text[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], \
    $7::text[], $8::bytea[], $9::text[], $10::text[], $11::text[], $12::uuid[], $13::int4[], \
    $14::bool[], $15::uuid[], $16::timestamptz[], $17::timestamptz[]) AS r";
pub const HITS_CHANGE: &str = "UPDATE hits AS h SET status = r.status, reason = r.reason, transaction_id = \
    r.transaction_id, run = r.run, ambiguous = r.ambiguous, early_until = r.early_until FROM \
    (SELECT $1::text AS account, u.* FROM unnest($2::text[], $3::uuid[], $4::text[], $5::text[], \
    $6::uuid[], $7::int4[], $8::bool[], $9::timestamptz[]) AS u (webhook, hit, status, reason, \
    transaction_id, run, ambiguous, early_until) OFFSET 0) AS r WHERE h.account = r.account AND \
    h.webhook = r.webhook AND h.hit = r.hit";

// Transactions.

pub const TRANSACTIONS_NAMED: &str = "SELECT t.* FROM unnest($2::uuid[]) AS r (id) CROSS JOIN LATERAL (SELECT transaction_id, \
    cycle_id, version, started_at, status, step, runs, expires_at, completed_at, failed_at, \
    callers FROM transactions WHERE account = $1 AND transaction_id = r.id OFFSET 0) AS t ORDER \
    BY t.transaction_id";
pub const TRANSACTIONS_ADD: &str = "INSERT INTO transactions (account, transaction_id, cycle_id, version, started_at, status, \
    step, runs, expires_at, completed_at, failed_at, callers) SELECT $1, r.* FROM \
    unnest($2::uuid[], $3::uuid[], $4::int4[], $5::timestamptz[], $6::text[], $7::text[], \
    $8::int4[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::text[]) AS r";
pub const TRANSACTIONS_CHANGE: &str = "UPDATE transactions AS t SET status = r.status, step = r.step, runs = r.runs, expires_at = \
    r.expires_at, completed_at = r.completed_at, failed_at = r.failed_at, callers = r.callers \
    FROM (SELECT $1::text AS account, u.* FROM unnest($2::uuid[], $3::text[], $4::text[], \
    $5::int4[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::text[]) AS u (id, \
    status, step, runs, expires_at, completed_at, failed_at, callers) OFFSET 0) AS r WHERE \
    t.account = r.account AND t.transaction_id = r.id";
/// Groups, so it sorts: what is held is counted through the index by status.
pub const HELD: &str = "SELECT t.cycle_id, t.step, count(*) FROM transactions AS t JOIN cycles AS c ON c.account = \
    t.account AND c.cycle_id = t.cycle_id WHERE c.account = $1 AND t.account = $1 AND t.status = \
    'held' AND t.expires_at > $2 AND t.step IS NOT NULL GROUP BY t.cycle_id, t.step ORDER BY \
    t.cycle_id, t.step";

// Runs.

pub const RUNS_NAMED: &str = "SELECT u.*, h.* FROM unnest($2::uuid[], $3::int4[]) AS r (id, run) CROSS JOIN LATERAL \
    (SELECT transaction_id, run, base, entry, webhook, hit, status, step, started_at, steps, \
    document, hold_keys, error FROM runs WHERE account = $1 AND transaction_id = r.id AND run = \
    r.run OFFSET 0) AS u LEFT JOIN LATERAL (SELECT webhook, hit, received_at, method, headers, \
    query, raw, body, status, reason, transaction_id, run, ambiguous, replay_of, early_until, \
    expires_at FROM hits WHERE account = $1 AND webhook = u.webhook AND hit = u.hit OFFSET 0) AS \
    h ON true ORDER BY u.transaction_id, u.run";
pub const RUNS: &str = "SELECT u.transaction_id, u.run, u.base, u.entry, u.webhook, u.hit, u.status, u.step, \
    u.started_at, u.steps, u.document, u.hold_keys, u.error, h.webhook, h.hit, h.received_at, \
    h.method, h.headers, h.query, h.raw, h.body, h.status, h.reason, h.transaction_id, h.run, \
    h.ambiguous, h.replay_of, h.early_until, h.expires_at FROM runs AS u LEFT JOIN hits AS h ON \
    h.account = u.account AND h.webhook = u.webhook AND h.hit = u.hit WHERE u.account = $1 AND \
    u.transaction_id = $2 AND u.run < $3 ORDER BY u.run DESC LIMIT $4";
pub const HOLDS: &str = "SELECT u.* FROM unnest($2::uuid[]) AS r (id) CROSS JOIN LATERAL (SELECT transaction_id, run, \
    base, entry, webhook, hit, status, step, started_at, steps, document, hold_keys, error FROM \
    runs WHERE account = $1 AND transaction_id = r.id AND status = 'held' OFFSET 0) AS u ORDER BY \
    u.transaction_id, u.run";
pub const RUNS_ADD: &str = "INSERT INTO runs (account, transaction_id, run, base, entry, webhook, hit, status, step, \
    started_at, steps, document, hold_keys, error) SELECT $1, r.* FROM unnest($2::uuid[], \
    $3::int4[], $4::int4[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::text[], \
    $10::timestamptz[], $11::text[], $12::text[], $13::text[], $14::text[]) AS r";

// Runs under way.

pub const UNDERWAY: &str = "SELECT u.* FROM unnest($2::uuid[]) AS r (id) CROSS JOIN LATERAL (SELECT transaction_id, run, cycle_id, version, base, entry, webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key FROM underway \
    WHERE account = $1 AND transaction_id = r.id OFFSET 0) AS u ORDER BY u.transaction_id, u.run";
/// Of processes that are gone: none of `$2`.
pub const UNDERWAY_LEFT: &str = "SELECT transaction_id, run, cycle_id, version, base, entry, webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key FROM underway WHERE account = $1 AND node IS NOT NULL AND node <> ALL ($2) \
    LIMIT $3";
pub const UNDERWAY_PUT: &str = "INSERT INTO underway (account, transaction_id, run, cycle_id, version, base, entry, \
    webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key) SELECT $1, r.* FROM \
    unnest($2::uuid[], $3::int4[], $4::uuid[], $5::int4[], $6::int4[], $7::text[], $8::text[], $9::uuid[], \
    $10::timestamptz[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::int8[], $17::text[], \
    $18::timestamptz[], $19::int4[], $20::int8[], $21::bytea[]) AS r ON CONFLICT (account, transaction_id, run) DO UPDATE SET steps = excluded.steps, \
    status = excluded.status, step = excluded.step, attempts = excluded.attempts, claim = excluded.claim, node = \
    excluded.node, due_at = excluded.due_at, place = excluded.place, turn = excluded.turn, turn_key = excluded.turn_key";
pub const UNDERWAY_GONE: &str = "DELETE FROM underway AS u USING (SELECT $1::text AS account, n.* FROM \
    unnest($2::uuid[], $3::int4[]) AS n (id, run) OFFSET 0) AS r WHERE u.account = r.account AND u.transaction_id = \
    r.id AND u.run = r.run";
// Turns: places of a cycle, and what waits for one.

/// Places held, counted up to a limit; the first turns that wait; the last one that has begun.
pub const TURNS: &str = "SELECT (SELECT count(*) FROM (SELECT 1 FROM underway WHERE account = $1 AND cycle_id = $2 \
    AND place = 2 LIMIT $3) AS h), (SELECT turn FROM underway WHERE account = $1 AND cycle_id = $2 AND place = 1 \
    ORDER BY turn LIMIT 1), (SELECT turn FROM underway WHERE account = $1 AND cycle_id = $2 AND place = 0 ORDER BY \
    turn LIMIT 1), (SELECT turn FROM underway WHERE account = $1 AND cycle_id = $2 AND place = 2 ORDER BY turn DESC \
    LIMIT 1)";
pub const TURNS_NEXT: &str = "SELECT transaction_id, run, cycle_id, version, base, entry, webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key FROM underway WHERE account = $1 AND cycle_id = $2 AND place = $3 ORDER BY \
    turn, transaction_id, run LIMIT $4";
pub const TURN_FIRST: &str = "SELECT transaction_id, run, cycle_id, version, base, entry, webhook, hit, started_at, document, steps, status, step, attempts, claim, node, due_at, place, turn, turn_key FROM underway WHERE account = $1 AND cycle_id = $2 AND turn_key = $3 ORDER BY \
    turn, transaction_id, run LIMIT 1";
/// The last turn of each key.
pub const TURNS_LAST: &str = "SELECT r.cycle_id, r.turn_key, u.turn FROM unnest($2::uuid[], $3::bytea[]) AS r (cycle_id, \
    turn_key) CROSS JOIN LATERAL (SELECT turn FROM underway WHERE account = $1 AND cycle_id = r.cycle_id AND \
    turn_key = r.turn_key ORDER BY turn DESC LIMIT 1) AS u";
/// Transactions with a run that has not begun, and had been accepted by then.
pub const WAITING: &str = "SELECT DISTINCT transaction_id FROM underway WHERE account = $1 AND cycle_id = $2 AND \
    status = 'queued' AND transaction_id > $3 AND started_at <= $4 ORDER BY transaction_id LIMIT $5";
/// Transactions in a line of the cycle whose retention has run out.
pub const LAPSED: &str = "SELECT u.transaction_id FROM underway AS u JOIN transactions AS t ON t.account = u.account \
    AND t.transaction_id = u.transaction_id WHERE u.account = $1 AND u.cycle_id = $2 AND u.place >= 0 AND \
    t.expires_at <= $3 LIMIT $4";

/// The processes of a database. One that was not heard of for 4 s has died, or may as well have.
pub const NODE_SEEN: &str = "INSERT INTO nodes (account, node, seen_at) VALUES ('*', $1, clock_timestamp()) \
    ON CONFLICT (account, node) DO UPDATE SET seen_at = excluded.seen_at";
pub const NODES_LIVE: &str = "SELECT node FROM nodes WHERE account = '*' AND seen_at > clock_timestamp() - \
    interval '4 seconds' ORDER BY node";
pub const NODE_LEAVES: &str = "DELETE FROM nodes WHERE account = '*' AND node = $1";
pub const NODES_GONE: &str = "DELETE FROM nodes WHERE account = '*' AND seen_at < clock_timestamp() - \
    interval '1 day'";

// The correlation index. The whole key is compared beside its hash.

/// For each seek the newest two that no hit has resumed, and the newest that one has: a descending
/// index seek each, partition by partition, newest first.
pub const SEEK: &str = "SELECT (s.seek - 1)::int4, f.* FROM unnest($2::text[], $3::bytea[], $4::bytea[]) WITH \
    ORDINALITY AS s (webhook, key_hash, key, seek) CROSS JOIN LATERAL ((SELECT k.resumed, k.run, \
    k.due_at, t.* FROM hold_keys AS k CROSS JOIN LATERAL (SELECT transaction_id, cycle_id, \
    version, started_at, status, step, runs, expires_at, completed_at, failed_at, callers FROM \
    transactions WHERE account = $1 AND transaction_id = k.transaction_id AND expires_at > $5 \
    AND status <> 'cancelled' OFFSET 0) AS t WHERE k.account = $1 AND k.webhook = s.webhook AND \
    k.key_hash = s.key_hash AND k.resumed = false AND k.key = s.key AND (k.due_at IS NULL OR \
    k.due_at > $5) ORDER BY k.transaction_id DESC LIMIT 2) UNION ALL (SELECT k.resumed, k.run, \
    k.due_at, t.* FROM hold_keys AS k CROSS JOIN LATERAL (SELECT transaction_id, cycle_id, \
    version, started_at, status, step, runs, expires_at, completed_at, failed_at, callers FROM \
    transactions WHERE account = $1 AND transaction_id = k.transaction_id AND expires_at > $5 \
    AND status <> 'cancelled' OFFSET 0) AS t WHERE k.account = $1 AND k.webhook = s.webhook AND \
    k.key_hash = s.key_hash AND k.resumed = true AND k.key = s.key ORDER BY k.transaction_id \
    DESC LIMIT 1)) AS f";
/// For reading: what has fallen due and not been dealt with yet shows too.
pub const SEEK_READ: &str = "SELECT 0::int4, k.resumed, k.run, k.due_at, t.transaction_id, t.cycle_id, t.version, \
    t.started_at, t.status, t.step, t.runs, t.expires_at, t.completed_at, t.failed_at, t.callers \
    FROM hold_keys AS k JOIN transactions AS t ON t.account = k.account AND t.transaction_id = \
    k.transaction_id WHERE k.account = $1 AND k.webhook = $2 AND k.key_hash = $3 AND k.resumed = \
    $4 AND k.key = $5 AND t.expires_at > $6 AND t.status <> 'cancelled' ORDER BY \
    k.transaction_id DESC LIMIT $7";
pub const KEY_ROWS: &str = "SELECT k.* FROM unnest($2::text[], $3::bytea[], $4::uuid[]) AS r (webhook, key_hash, id) \
    CROSS JOIN LATERAL (SELECT resumed, webhook, key_hash, transaction_id, run, key, due_at FROM \
    hold_keys WHERE account = $1 AND webhook = r.webhook AND key_hash = r.key_hash AND resumed \
    IN (false, true) AND transaction_id = r.id OFFSET 0) AS k";
pub const KEYS_ADD: &str = "INSERT INTO hold_keys (account, webhook, key_hash, resumed, transaction_id, run, key, \
    due_at) SELECT $1, r.webhook, r.key_hash, false, r.id, r.run, r.key, r.due_at FROM \
    unnest($2::text[], $3::bytea[], $4::uuid[], $5::int4[], $6::bytea[], $7::timestamptz[]) AS r \
    (webhook, key_hash, id, run, key, due_at) ON CONFLICT (account, webhook, key_hash, resumed, \
    transaction_id) DO UPDATE SET run = excluded.run, key = excluded.key, due_at = \
    excluded.due_at";
/// Resumed from now on. There is no such row yet: a newer hold takes an older one's rows away.
pub const KEYS_RESUMED: &str = "UPDATE hold_keys AS k SET resumed = true FROM (SELECT $1::text AS account, u.* FROM \
    unnest($2::text[], $3::bytea[], $4::uuid[]) AS u (webhook, key_hash, id) OFFSET 0) AS r WHERE \
    k.account = r.account AND k.webhook = r.webhook AND k.key_hash = r.key_hash AND k.resumed = \
    false AND k.transaction_id = r.id";
pub const KEYS_GONE: &str = "DELETE FROM hold_keys AS k USING (SELECT $1::text AS account, u.* FROM unnest($2::text[], \
    $3::bytea[], $4::uuid[]) AS u (webhook, key_hash, id) OFFSET 0) AS r WHERE k.account = \
    r.account AND k.webhook = r.webhook AND k.key_hash = r.key_hash AND k.resumed IN (false, \
    true) AND k.transaction_id = r.id";

// Timers.

pub const TIMER_NEXT: &str = "SELECT due_at FROM timers WHERE account = $1 ORDER BY due_at LIMIT 1";
pub const TIMERS_DUE: &str = "SELECT due_at, transaction_id, run FROM timers WHERE account = $1 AND due_at <= $2 ORDER BY \
    due_at, transaction_id, run LIMIT $3";
pub const TIMERS_ADD: &str = "INSERT INTO timers (account, due_at, transaction_id, run) SELECT $1, r.* FROM \
    unnest($2::timestamptz[], $3::uuid[], $4::int4[]) AS r ON CONFLICT DO NOTHING";
pub const TIMERS_GONE: &str = "DELETE FROM timers AS t USING (SELECT $1::text AS account, u.* FROM \
    unnest($2::timestamptz[], $3::uuid[], $4::int4[]) AS u (due_at, id, run) OFFSET 0) AS r \
    WHERE t.account = r.account AND t.due_at = r.due_at AND t.transaction_id = r.id AND t.run = \
    r.run";

// Lists: for each lane, one descending seek. A lane's name is compared and sorted by together with the id: by
// itself it would let the planner walk down the primary key, which has the ids in this order as well, past all that
// are of other lanes.
// The name must be the first that is compared: a scan ends where that differs, and goes on where only what stands
// behind it does.

pub const LIST_HITS: &str = "SELECT l.* FROM unnest($2::text[], $3::uuid[]) AS r (webhook, below) CROSS JOIN LATERAL \
    (SELECT webhook, hit, status, replay_of FROM hits WHERE account = $1 AND webhook = r.webhook AND hit < r.below AND hit >= $4 \
    ORDER BY hit DESC LIMIT $5) AS l";
/// Names the index's own condition, or it could not be used.
pub const LIST_HITS_BY_STATUS: &str = "SELECT l.* FROM unnest($2::text[], $3::uuid[]) AS r (webhook, below) CROSS \
    JOIN LATERAL (SELECT webhook, hit, status, replay_of FROM hits WHERE account = $1 AND webhook = r.webhook \
    AND (status, hit) < ($6, r.below) AND (status, hit) >= ($6, $4) AND status <> 'applied' \
    ORDER BY status DESC, hit DESC LIMIT $5) AS l";
pub const LIST_HITS_AMBIGUOUS: &str = "SELECT l.* FROM unnest($2::text[], $3::uuid[]) AS r (webhook, below) CROSS \
    JOIN LATERAL (SELECT webhook, hit, status, replay_of FROM hits WHERE account = $1 AND webhook = r.webhook \
    AND (ambiguous, hit) < (true, r.below) AND (ambiguous, hit) >= (true, $4) AND ambiguous \
    ORDER BY ambiguous DESC, hit DESC LIMIT $5) AS l";
pub const LIST_TRANSACTIONS: &str = "SELECT l.* FROM unnest($2::uuid[], $3::text[], $4::uuid[]) AS r (cycle_id, \
    status, below) CROSS JOIN LATERAL (SELECT transaction_id, cycle_id, version, started_at, status, step, runs, \
    expires_at, completed_at, failed_at, callers FROM transactions WHERE account = $1 \
    AND cycle_id = r.cycle_id AND (status, transaction_id) < (r.status, r.below) \
    AND (status, transaction_id) >= (r.status, $5) \
    ORDER BY status DESC, transaction_id DESC LIMIT $6) AS l";
/// Names the index's own condition, or it could not be used.
pub const LIST_FAILED_AT: &str = "SELECT l.* FROM unnest($2::uuid[], $4::uuid[]) AS r (cycle_id, below) CROSS JOIN \
    LATERAL (SELECT transaction_id, cycle_id, version, started_at, status, step, runs, \
    expires_at, completed_at, failed_at, callers FROM transactions WHERE account = $1 AND status = 'failed' \
    AND cycle_id = r.cycle_id AND (step, transaction_id) < ($3, r.below) \
    AND (step, transaction_id) >= ($3, $5) \
    ORDER BY step DESC, transaction_id DESC LIMIT $6) AS l";
pub const NEWEST_TRANSACTIONS: &str = "SELECT transaction_id, cycle_id, version, started_at, status, step, runs, \
    expires_at, completed_at, failed_at, callers FROM transactions WHERE account = $1 AND \
    transaction_id < $2 AND transaction_id >= $3 ORDER BY transaction_id DESC LIMIT $4";

// Tallies.

pub const TALLIES_ADD: &str = "INSERT INTO tallies (account, cycle_id, step, hour, hits, started, completed, passed, \
    failed, node) SELECT $1, r.*, $10 FROM unnest($2::uuid[], $3::text[], $4::timestamptz[], $5::int8[], $6::int8[], \
    $7::int8[], $8::int8[], $9::int8[]) AS r ON CONFLICT (account, cycle_id, step, hour, node) DO UPDATE SET \
    hits = tallies.hits + excluded.hits, started = tallies.started + excluded.started, \
    completed = tallies.completed + excluded.completed, passed = tallies.passed + excluded.passed, \
    failed = tallies.failed + excluded.failed";
pub const TALLIES: &str = "SELECT t.* FROM unnest($2::uuid[]) AS r (id) CROSS JOIN LATERAL (SELECT cycle_id, hour, \
    hits, started, completed, failed FROM tallies WHERE account = $1 AND cycle_id = r.id AND step = '' AND hour >= $3 \
    OFFSET 0) AS t";
/// In the order of the key: a step's rows stand together.
pub const STEP_TALLIES: &str = "SELECT step, sum(passed)::int8, sum(failed)::int8 FROM tallies WHERE account = $1 \
    AND cycle_id = $2 AND step > '' AND hour >= $3 GROUP BY step";
pub const TALLIES_GONE: &str = "DELETE FROM tallies AS t WHERE t.account = $1 AND (t.cycle_id, t.step, t.hour, t.node) \
    IN (SELECT o.cycle_id, o.step, o.hour, o.node FROM tallies AS o WHERE o.account = $1 AND o.hour < $2 LIMIT $3)";

// Early hits.

pub const EARLY: &str = "SELECT (s.seek - 1)::int4, h.webhook, h.hit, h.received_at, h.method, h.headers, h.query, \
    h.raw, h.body, h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, \
    h.early_until, h.expires_at FROM unnest($2::text[], $3::bytea[], $4::bytea[]) WITH \
    ORDINALITY AS s (webhook, key_hash, key, seek) CROSS JOIN LATERAL (SELECT account, webhook, hit FROM \
    early WHERE account = $1 AND webhook = s.webhook AND key_hash = s.key_hash AND key = s.key AND \
    until_at > $5 OFFSET 0) AS e CROSS JOIN LATERAL (SELECT webhook, hit, received_at, method, \
    headers, query, raw, body, status, reason, transaction_id, run, ambiguous, replay_of, \
    early_until, expires_at FROM hits WHERE account = $1 AND webhook = e.webhook AND hit = e.hit \
    AND expires_at > $5 OFFSET 0) AS h ORDER BY h.hit, s.seek";
pub const EARLY_ADD: &str = "INSERT INTO early (account, webhook, key_hash, hit, key, until_at) SELECT $1, r.* FROM \
    unnest($2::text[], $3::bytea[], $4::uuid[], $5::bytea[], $6::timestamptz[]) AS r ON CONFLICT \
    (account, webhook, key_hash, hit) DO UPDATE SET key = excluded.key, until_at = \
    excluded.until_at";
pub const EARLY_GONE: &str = "DELETE FROM early AS e USING (SELECT $1::text AS account, u.* FROM unnest($2::text[], \
    $3::bytea[], $4::uuid[]) AS u (webhook, key_hash, hit) OFFSET 0) AS r WHERE e.account = \
    r.account AND e.webhook = r.webhook AND e.key_hash = r.key_hash AND e.hit = r.hit";

// Repeats.

pub const REPEATS: &str = "SELECT p.* FROM unnest($2::text[], $3::bytea[]) AS r (webhook, key_hash) CROSS JOIN LATERAL \
    (SELECT webhook, key_hash, body_hash, hit, at FROM repeats WHERE account = $1 AND webhook = \
    r.webhook AND key_hash = r.key_hash OFFSET 0) AS p";
/// A record that stands already has run out and only not been swept: the engine has looked.
pub const REPEATS_ADD: &str = "INSERT INTO repeats (account, webhook, key_hash, body_hash, hit, at) SELECT $1, r.* FROM \
    unnest($2::text[], $3::bytea[], $4::bytea[], $5::uuid[], $6::timestamptz[]) AS r ON CONFLICT \
    (account, webhook, key_hash) DO UPDATE SET body_hash = excluded.body_hash, hit = \
    excluded.hit, at = excluded.at";

// Answers.

pub const ANSWERS_NAMED: &str = "SELECT a.* FROM unnest($2::uuid[]) AS r (id) CROSS JOIN LATERAL (SELECT hit, transaction_id, \
    kind, status, step, headers, body, expires_at FROM answers WHERE account = $1 AND hit = r.id \
    OFFSET 0) AS a ORDER BY a.hit";
/// A caller is answered once: the first answer stands.
pub const ANSWERS_ADD: &str = "INSERT INTO answers (account, hit, transaction_id, kind, status, step, headers, body, \
    expires_at) SELECT $1, r.* FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::int4[], \
    $6::text[], $7::text[], $8::bytea[], $9::timestamptz[]) AS r ON CONFLICT (account, hit) DO \
    NOTHING";

// Hits queued by a stop.

pub const QUEUED: &str = "SELECT h.webhook, h.hit, h.received_at, h.method, h.headers, h.query, h.raw, h.body, \
    h.status, h.reason, h.transaction_id, h.run, h.ambiguous, h.replay_of, h.early_until, \
    h.expires_at FROM queue AS q JOIN hits AS h ON h.account = q.account AND h.webhook = \
    q.webhook AND h.hit = q.hit WHERE q.account = $1 AND q.cycle_id = $2 ORDER BY q.hit LIMIT $3";
pub const QUEUE_ADD: &str = "INSERT INTO queue (account, cycle_id, hit, webhook) SELECT $1, r.* FROM unnest($2::uuid[], \
    $3::uuid[], $4::text[]) AS r";
pub const QUEUE_GONE: &str = "DELETE FROM queue AS q USING (SELECT $1::text AS account, u.* FROM unnest($2::uuid[], \
    $3::uuid[]) AS u (cycle_id, hit) OFFSET 0) AS r WHERE q.account = r.account AND q.cycle_id = \
    r.cycle_id AND q.hit = r.hit";
pub const QUEUED_ADD: &str = "UPDATE webhooks AS w SET queued = greatest(0, w.queued + r.change) FROM (SELECT webhook, \
    sum(change)::int8 AS change FROM unnest($2::text[], $3::int8[]) AS u (webhook, change) GROUP \
    BY webhook) AS r WHERE w.account = $1 AND w.webhook = r.webhook";

// Retention: partitions go whole; what stands in no partition goes a bounded number at a time.

pub const EXPIRED_EARLY_GONE: &str = "DELETE FROM early WHERE (account, webhook, key_hash, hit) IN (SELECT account, webhook, \
    key_hash, hit FROM early WHERE account = $1 AND until_at <= $2 LIMIT $3)";
pub const EXPIRED_REPEATS_GONE: &str = "DELETE FROM repeats WHERE (account, webhook, key_hash) IN (SELECT account, webhook, key_hash \
    FROM repeats WHERE account = $1 AND at <= $2 LIMIT $3)";
pub const EXPIRED_QUEUE_GONE: &str = "DELETE FROM queue AS q WHERE q.account = $1 AND (q.cycle_id, q.hit) IN (SELECT o.cycle_id, \
    o.hit FROM queue AS o WHERE o.account = $1 AND o.hit < $2 LIMIT $3)";
pub const EXPIRED_TIMERS_GONE: &str = "DELETE FROM timers WHERE (account, due_at, transaction_id, run) IN (SELECT account, due_at, \
    transaction_id, run FROM timers WHERE account = $1 AND due_at <= $2 AND transaction_id < $4 \
    LIMIT $3)";
pub const EXPIRED_UNDERWAY_GONE: &str = "DELETE FROM underway AS u WHERE u.account = $1 AND (u.transaction_id, u.run) IN \
    (SELECT o.transaction_id, o.run FROM underway AS o WHERE o.account = $1 AND o.transaction_id < $2 LIMIT $3)";
/// Of a table in this schema.
pub const PARTITIONS: &str = "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid JOIN \
    pg_class AS p ON p.oid = i.inhparent JOIN pg_namespace AS n ON n.oid = p.relnamespace WHERE \
    n.nspname = current_schema() AND p.relname = $1 ORDER BY c.relname";
/// A version is needed while a transaction of it is kept.
pub const VERSIONS_UNNEEDED: &str = "DELETE FROM versions AS v USING cycles AS c WHERE v.account = $1 AND c.account = v.account \
    AND c.cycle_id = v.cycle_id AND v.version < c.version AND v.created_at < $2 AND NOT EXISTS \
    (SELECT 1 FROM transactions AS t WHERE t.account = v.account AND t.cycle_id = v.cycle_id AND \
    t.version = v.version)";
pub const CYCLES_FORGOTTEN: &str = "SELECT c.cycle_id FROM cycles AS c WHERE c.account = $1 AND c.deleted_at < $2 AND NOT EXISTS \
    (SELECT 1 FROM transactions AS t WHERE t.account = c.account AND t.cycle_id = c.cycle_id)";
pub const CYCLE_VERSIONS_GONE: &str = "DELETE FROM versions WHERE account = $1 AND cycle_id = $2";
pub const CYCLE_WEBHOOKS_GONE: &str = "DELETE FROM webhooks WHERE account = $1 AND cycle_id = $2";
pub const CYCLE_QUEUE_GONE: &str = "DELETE FROM queue WHERE account = $1 AND cycle_id = $2";
pub const CYCLE_GONE: &str = "DELETE FROM cycles WHERE account = $1 AND cycle_id = $2";
pub const NOTIFY: &str = "SELECT pg_notify('holdfast', $1)";

// Shared webhooks.

pub const SHARED: &str = "SELECT account, webhook, name, settings, route, fan_out, created_at, paused_at, deleted_at FROM \
    shared_webhooks ORDER BY account, webhook";
pub const SHARED_PUT: &str = "INSERT INTO shared_webhooks (account, webhook, name, settings, route, fan_out, created_at, \
    paused_at, deleted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account, webhook) DO \
    UPDATE SET name = excluded.name, settings = excluded.settings, route = excluded.route, fan_out = \
    excluded.fan_out, paused_at = excluded.paused_at, deleted_at = excluded.deleted_at";
/// Deleted ones, once nothing is left of their hits.
pub const SHARED_GONE: &str = "DELETE FROM shared_webhooks WHERE account = $1 AND deleted_at <= $2";
pub const CLAIMS_OF: &str = "SELECT webhook, value_hash, claimant, value, created_at FROM claims WHERE account = $1 AND webhook = \
    $2 AND value_hash = $3 ORDER BY claimant LIMIT $4";
pub const CLAIMS: &str = "SELECT webhook, value_hash, claimant, value, created_at FROM claims WHERE account = $1 AND webhook = \
    $2 AND (value_hash, claimant) > ($3, $4) ORDER BY value_hash, claimant LIMIT $5";
pub const CLAIMS_BY: &str = "SELECT webhook, value_hash, claimant, value, created_at FROM claims WHERE account = $1 AND webhook = \
    $2 AND claimant = $3 AND value > $4 ORDER BY value LIMIT $5";
pub const CLAIM_PUT: &str = "INSERT INTO claims (account, webhook, value_hash, claimant, value, created_at) VALUES ($1, $2, $3, \
    $4, $5, $6) ON CONFLICT (account, webhook, value_hash, claimant) DO NOTHING";
pub const CLAIM_GONE: &str = "DELETE FROM claims WHERE account = $1 AND webhook = $2 AND value_hash = $3 \
    AND claimant = $4";
pub const CLAIMS_GONE: &str = "DELETE FROM claims WHERE account = $1 AND webhook = $2";
pub const FAN_OUTS: &str = "SELECT hit, claimant, webhook, told FROM fan_outs WHERE account = $1 AND hit > $2 ORDER BY hit, \
    claimant LIMIT $3";
pub const FAN_OUT_OF: &str = "SELECT hit, claimant, webhook, told FROM fan_outs WHERE account = $1 AND hit = $2 \
    ORDER BY claimant";
pub const FAN_OUT_PUT: &str = "INSERT INTO fan_outs (account, hit, claimant, webhook, told) VALUES ($1, $2, $3, $4, $5) ON CONFLICT \
    (account, hit, claimant) DO UPDATE SET told = excluded.told";
pub const FAN_OUT_GONE: &str = "DELETE FROM fan_outs WHERE account = $1 AND hit = $2";
pub const HIT_EVENTS: &str = "SELECT parent, event, webhook, hit, expires_at FROM hit_events WHERE account = $1 AND parent = $2 \
    ORDER BY event";
pub const HIT_EVENT_PUT: &str = "INSERT INTO hit_events (account, parent, event, webhook, hit, expires_at) VALUES ($1, $2, $3, $4, \
    $5, $6)";
pub const EXPIRED_HIT_EVENTS_GONE: &str = "DELETE FROM hit_events AS h WHERE h.account = $1 AND (h.parent, h.event) IN \
    (SELECT o.parent, o.event FROM hit_events AS o WHERE o.account = $1 AND o.expires_at <= $2 LIMIT $3)";

// Endpoints: part of the catalog, and read whole.

pub const ENDPOINTS: &str = "SELECT account, endpoint, settings, state, reason, sealed, key_id, created_at, \
    validated_at FROM endpoints ORDER BY account, endpoint";
pub const ENDPOINT_PUT: &str = "INSERT INTO endpoints (account, endpoint, settings, state, reason, sealed, key_id, \
    created_at, validated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
    ON CONFLICT (account, endpoint) DO UPDATE SET settings = excluded.settings, state = excluded.state, \
    reason = excluded.reason, sealed = excluded.sealed, key_id = excluded.key_id, \
    validated_at = excluded.validated_at";
pub const ENDPOINT_GONE: &str = "DELETE FROM endpoints WHERE account = $1 AND endpoint = $2";

// What they are told: the outbox.

pub const MESSAGES_ADD: &str = "INSERT INTO messages (account, message, type, at, hops, body) SELECT $1, r.* FROM \
    unnest($2::uuid[], $3::text[], $4::timestamptz[], $5::int4[], $6::bytea[]) AS r";
pub const DELIVERIES_ADD: &str = "INSERT INTO deliveries (account, message, endpoint, type, status, tries, attempts, \
    due_at) SELECT $1, r.* FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int4[], $7::text[], \
    $8::timestamptz[]) AS r";
/// A line that a process has keeps to it: whoever has it looks for more before it lets go.
pub const LINES_RING: &str = "UPDATE lines AS l SET due_at = least(l.due_at, r.due_at) FROM \
    (SELECT $1::text AS account, u.* FROM unnest($2::uuid[], $3::timestamptz[]) AS u (endpoint, due_at) OFFSET 0) AS r \
    WHERE l.account = r.account AND l.endpoint = r.endpoint";

// Lines: taken for a while, by one process each, and without the account's lock.

pub const LINE_PUT: &str = "INSERT INTO lines (account, endpoint, until_at, claim, made, failed) \
    VALUES ($1, $2, 'epoch', 0, 0, 0) ON CONFLICT (account, endpoint) DO NOTHING";
pub const LINE_GONE: &str = "DELETE FROM lines WHERE account = $1 AND endpoint = $2";
pub const LINES_READY: &str = "SELECT endpoint FROM lines WHERE account = $1 AND due_at <= $2 AND until_at <= $2 \
    AND (failing_since IS NULL OR $3) ORDER BY due_at LIMIT 1";
pub const LINE_NEXT: &str =
    "SELECT due_at FROM lines WHERE account = $1 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1";
/// One that a commit or another process has in hand is passed over: it is looked for again at once.
pub const LINES_TAKE: &str = "UPDATE lines AS l SET node = $3, until_at = $4, claim = l.claim + 1 FROM \
    (SELECT account, endpoint FROM lines WHERE account = $1 AND due_at <= $2 AND until_at <= $2 \
    AND (failing_since IS NULL OR $6) ORDER BY due_at LIMIT $5 FOR UPDATE SKIP LOCKED) AS r WHERE l.account = $1 AND r.account = l.account \
    AND l.endpoint = r.endpoint RETURNING l.endpoint, l.claim, l.failing_since";
pub const LINES_LEFT: &str = "UPDATE lines AS l SET node = NULL, until_at = 'epoch', claim = l.claim + 1 FROM \
    (SELECT account, endpoint FROM lines WHERE account = $1 AND node IS NOT NULL AND node <> ALL ($2) \
    FOR UPDATE SKIP LOCKED) AS r WHERE l.account = $1 AND r.account = l.account AND l.endpoint = r.endpoint";
pub const LINES_NAMED: &str = "SELECT l.* FROM unnest($2::uuid[]) AS r (endpoint) CROSS JOIN LATERAL (SELECT endpoint, \
    due_at, node, claim, last_success_at, failing_since, hour_at, made, failed FROM lines WHERE account = $1 \
    AND endpoint = r.endpoint OFFSET 0) AS l";
/// Let go, and due again with its first delivery, or not at all where it is not active.
pub const LINES_SETTLE: &str = "UPDATE lines AS l SET node = NULL, until_at = 'epoch', due_at = CASE WHEN r.active THEN \
    (SELECT d.due_at FROM deliveries AS d WHERE d.account = l.account AND d.endpoint = l.endpoint AND d.due_at IS NOT \
    NULL ORDER BY d.due_at LIMIT 1) END, last_success_at = r.last_success_at, failing_since = r.failing_since, \
    hour_at = r.hour_at, made = r.made, failed = r.failed FROM (SELECT $1::text AS account, u.* FROM \
    unnest($2::uuid[], $3::bool[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::int4[], $8::int4[]) AS \
    u (endpoint, active, last_success_at, failing_since, hour_at, made, failed) OFFSET 0) AS r \
    WHERE l.account = r.account AND l.endpoint = r.endpoint";

// Deliveries.

pub const DELIVERIES_DUE: &str = "SELECT d.message, d.type, d.tries, d.attempts, m.hops, m.body FROM (SELECT \
    message, type, tries, attempts FROM deliveries WHERE account = $1 AND endpoint = $2 AND due_at <= $3 \
    ORDER BY due_at, message LIMIT $4) AS d CROSS JOIN LATERAL (SELECT hops, body FROM messages WHERE account = $1 \
    AND message = d.message OFFSET 0) AS m";
pub const DELIVERIES: &str = "SELECT message, type, status, tries, attempts, due_at FROM deliveries \
    WHERE account = $1 AND endpoint = $2 AND message < $3 ORDER BY message DESC LIMIT $4";
pub const DELIVERIES_MISSED: &str = "SELECT message, type, status, tries, attempts, due_at FROM deliveries \
    WHERE account = $1 AND endpoint = $2 AND message < $3 AND status IN ('failed', 'missed') \
    ORDER BY message DESC LIMIT $4";
pub const DELIVERIES_SETTLE: &str = "UPDATE deliveries AS d SET status = r.status, tries = r.tries, attempts = \
    r.attempts, due_at = r.due_at FROM (SELECT $1::text AS account, u.* FROM unnest($2::uuid[], $3::uuid[], $4::text[], \
    $5::int4[], $6::text[], $7::timestamptz[]) AS u (endpoint, message, status, tries, attempts, due_at) OFFSET 0) AS r \
    WHERE d.account = r.account AND d.message = r.message AND d.endpoint = r.endpoint";
/// What an endpoint that is not active any more was still to get.
pub const DELIVERIES_DROP: &str = "UPDATE deliveries AS d SET status = 'missed', due_at = NULL \
    WHERE d.account = $1 AND d.endpoint = $2 AND d.message IN (SELECT o.message FROM deliveries AS o \
    WHERE o.account = $1 AND o.endpoint = $2 AND o.due_at IS NOT NULL LIMIT $3)";
pub const DELIVERIES_FROM: &str = "SELECT message FROM deliveries WHERE account = $1 AND endpoint = $2 \
    AND message >= $3 ORDER BY message LIMIT $4";
pub const MISSED_FROM: &str = "SELECT message FROM deliveries WHERE account = $1 AND endpoint = $2 \
    AND message >= $3 AND status IN ('failed', 'missed') ORDER BY message LIMIT $4";
pub const DELIVERIES_RESEND: &str = "UPDATE deliveries AS d SET status = 'pending', tries = 0, due_at = r.due_at FROM \
    (SELECT $1::text AS account, $2::uuid AS endpoint, $4::timestamptz AS due_at, u.message FROM \
    unnest($3::uuid[]) AS u (message) OFFSET 0) AS r WHERE d.account = r.account AND d.message = r.message \
    AND d.endpoint = r.endpoint";
pub const OLD_DELIVERIES_GONE: &str = "DELETE FROM deliveries AS d WHERE d.account = $1 AND (d.message, d.endpoint) IN \
    (SELECT o.message, o.endpoint FROM deliveries AS o WHERE o.account = $1 AND o.message < $2 LIMIT $3)";
pub const OLD_MESSAGES_GONE: &str = "DELETE FROM messages AS m WHERE m.account = $1 AND m.message IN \
    (SELECT o.message FROM messages AS o WHERE o.account = $1 AND o.message < $2 LIMIT $3)";

// Accounts: their limits, what they have, and what goes with one that is removed.

pub const ACCOUNTS: &str = "SELECT account, created_at, hits_per_second, transactions_at_once, stored_bytes, \
    deleted_at FROM accounts ORDER BY account";
pub const ACCOUNT_ADD: &str = "INSERT INTO accounts (account, created_at, last_instant, revision, \
    hits_per_second, transactions_at_once, stored_bytes) VALUES ($1, $2, $2, $3, $4, $5, $6) ON CONFLICT \
    (account) DO NOTHING";
pub const ACCOUNT_LIMITS: &str = "UPDATE accounts SET hits_per_second = $2, transactions_at_once = $3, \
    stored_bytes = $4 WHERE account = $1";
pub const ACCOUNT_LEAVES: &str = "UPDATE accounts SET deleted_at = $2 WHERE account = $1";
pub const ACCOUNT_GONE: &str = "DELETE FROM accounts WHERE account = $1 AND deleted_at IS NOT NULL";
pub const OPEN_TRANSACTIONS: &str = "SELECT count(*) FROM (SELECT 1 FROM transactions WHERE account = $1 AND \
    cycle_id = $2 AND status = $3 AND expires_at > $4 LIMIT $5) AS t";
pub const HITS_BYTES: &str = "SELECT webhook, hit, coalesce(octet_length(headers), 0) + \
    coalesce(octet_length(query), 0) + coalesce(octet_length(raw), 0) + coalesce(octet_length(body), 0) FROM \
    hits WHERE account = $1 AND (webhook, hit) > ($2, $3) ORDER BY webhook, hit LIMIT $4";
pub const RUNS_BYTES: &str = "SELECT transaction_id, run, coalesce(octet_length(steps), 0) + \
    coalesce(octet_length(document), 0) + coalesce(octet_length(error), 0) FROM runs WHERE account = $1 AND \
    (transaction_id, run) > ($2, $3) ORDER BY transaction_id, run LIMIT $4";
pub const ALL_KEPT: &str = "SELECT key, value, version FROM script_store WHERE account = $1 AND cycle_id = $2 \
    ORDER BY key LIMIT $3";
pub const FORGET_CYCLES: &str = "DELETE FROM cycles WHERE account = $1 AND (account, cycle_id) IN (SELECT \
    account, cycle_id FROM cycles WHERE account = $1 LIMIT $2)";
pub const FORGET_VERSIONS: &str = "DELETE FROM versions WHERE account = $1 AND (account, cycle_id, version) IN \
    (SELECT account, cycle_id, version FROM versions WHERE account = $1 LIMIT $2)";
pub const FORGET_WEBHOOKS: &str = "DELETE FROM webhooks WHERE account = $1 AND (account, webhook) IN (SELECT \
    account, webhook FROM webhooks WHERE account = $1 LIMIT $2)";
pub const FORGET_HITS: &str = "DELETE FROM hits WHERE account = $1 AND (account, webhook, hit) IN (SELECT \
    account, webhook, hit FROM hits WHERE account = $1 LIMIT $2)";
pub const FORGET_TRANSACTIONS: &str = "DELETE FROM transactions WHERE account = $1 AND (account, \
    transaction_id) IN (SELECT account, transaction_id FROM transactions WHERE account = $1 LIMIT $2)";
pub const FORGET_RUNS: &str = "DELETE FROM runs WHERE account = $1 AND (account, transaction_id, run) IN \
    (SELECT account, transaction_id, run FROM runs WHERE account = $1 LIMIT $2)";
pub const FORGET_HOLD_KEYS: &str = "DELETE FROM hold_keys WHERE account = $1 AND (account, webhook, key_hash, \
    resumed, transaction_id) IN (SELECT account, webhook, key_hash, resumed, transaction_id FROM hold_keys \
    WHERE account = $1 LIMIT $2)";
pub const FORGET_TIMERS: &str = "DELETE FROM timers WHERE account = $1 AND (account, due_at, transaction_id, \
    run) IN (SELECT account, due_at, transaction_id, run FROM timers WHERE account = $1 LIMIT $2)";
pub const FORGET_EARLY: &str = "DELETE FROM early WHERE account = $1 AND (account, webhook, key_hash, hit) IN \
    (SELECT account, webhook, key_hash, hit FROM early WHERE account = $1 LIMIT $2)";
pub const FORGET_REPEATS: &str = "DELETE FROM repeats WHERE account = $1 AND (account, webhook, key_hash) IN \
    (SELECT account, webhook, key_hash FROM repeats WHERE account = $1 LIMIT $2)";
pub const FORGET_ANSWERS: &str = "DELETE FROM answers WHERE account = $1 AND (account, hit) IN (SELECT account, \
    hit FROM answers WHERE account = $1 LIMIT $2)";
pub const FORGET_QUEUE: &str = "DELETE FROM queue WHERE account = $1 AND (account, cycle_id, hit) IN (SELECT \
    account, cycle_id, hit FROM queue WHERE account = $1 LIMIT $2)";
pub const FORGET_KEYS: &str = "DELETE FROM keys WHERE account = $1 AND (account, key_id) IN (SELECT account, \
    key_id FROM keys WHERE account = $1 LIMIT $2)";
pub const FORGET_SECRETS: &str = "DELETE FROM secrets WHERE account = $1 AND (account, name) IN (SELECT \
    account, name FROM secrets WHERE account = $1 LIMIT $2)";
pub const FORGET_UNDERWAY: &str = "DELETE FROM underway WHERE account = $1 AND (account, transaction_id, run) \
    IN (SELECT account, transaction_id, run FROM underway WHERE account = $1 LIMIT $2)";
pub const FORGET_SCRIPT_STORE: &str = "DELETE FROM script_store WHERE account = $1 AND (account, cycle_id, key) \
    IN (SELECT account, cycle_id, key FROM script_store WHERE account = $1 LIMIT $2)";
pub const FORGET_ENDPOINTS: &str = "DELETE FROM endpoints WHERE account = $1 AND (account, endpoint) IN (SELECT account, endpoint FROM endpoints \
    WHERE account = $1 LIMIT $2)";
pub const FORGET_MESSAGES: &str = "DELETE FROM messages WHERE account = $1 AND (account, message) IN (SELECT account, message FROM messages \
    WHERE account = $1 LIMIT $2)";
pub const FORGET_DELIVERIES: &str = "DELETE FROM deliveries WHERE account = $1 AND (account, message, endpoint) IN (SELECT account, message, endpoint FROM deliveries \
    WHERE account = $1 LIMIT $2)";
pub const FORGET_LINES: &str = "DELETE FROM lines WHERE account = $1 AND (account, endpoint) IN (SELECT account, endpoint FROM lines \
    WHERE account = $1 LIMIT $2)";
pub const FORGET_SHARED_WEBHOOKS: &str = "DELETE FROM shared_webhooks WHERE account = $1 AND (account, webhook) IN (SELECT account, webhook FROM shared_webhooks \
    WHERE account = $1 LIMIT $2)";
pub const FORGET_CLAIMS: &str = "DELETE FROM claims WHERE account = $1 AND (account, webhook, value_hash, claimant) IN (SELECT account, webhook, value_hash, claimant FROM claims \
    WHERE account = $1 LIMIT $2)";
pub const FORGET_FAN_OUTS: &str = "DELETE FROM fan_outs WHERE account = $1 AND (account, hit, claimant) IN (SELECT account, hit, claimant FROM fan_outs \
    WHERE account = $1 LIMIT $2)";
pub const FORGET_HIT_EVENTS: &str = "DELETE FROM hit_events WHERE account = $1 AND (account, parent, event) IN (SELECT account, parent, event FROM hit_events \
    WHERE account = $1 LIMIT $2)";
pub const FORGET_CONNECTORS: &str = "DELETE FROM connectors WHERE account = $1 AND (account, name) IN (SELECT account, name FROM connectors \
    WHERE account = $1 LIMIT $2)";
pub const FORGET_SUBSCRIPTIONS: &str = "DELETE FROM subscriptions WHERE account = $1 AND (account, webhook, subscription) IN (SELECT account, webhook, subscription FROM subscriptions \
    WHERE account = $1 LIMIT $2)";
pub const FORGET_SESSIONS: &str = "DELETE FROM sessions WHERE account = $1 AND (account, hash) IN (SELECT account, hash FROM sessions \
    WHERE account = $1 LIMIT $2)";
pub const FORGET_TALLIES: &str = "DELETE FROM tallies WHERE account = $1 AND (account, cycle_id, step, hour, node) IN \
    (SELECT account, cycle_id, step, hour, node FROM tallies WHERE account = $1 LIMIT $2)";

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

// Connectors and subscriptions.

pub const CONNECTORS: &str = "SELECT account, name, version, source, created_at, updated_at FROM connectors WHERE \
    account = $1 ORDER BY name LIMIT $2";
pub const CONNECTOR_PUT: &str = "INSERT INTO connectors (account, name, version, source, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account, name) DO UPDATE SET version = excluded.version, source = \
    excluded.source, updated_at = excluded.updated_at";
pub const SUBSCRIPTIONS: &str = "SELECT webhook, subscription, cycle_id, step, connector, event, source, \
    fingerprint, parameters, state, seq, status, reason, attempts, made_at, refresh_at, due_at, node, claim, \
    created_at, updated_at FROM subscriptions WHERE account = $1 ORDER BY webhook, subscription LIMIT $2";
pub const SUBSCRIPTIONS_AT: &str = "SELECT webhook, subscription, cycle_id, step, connector, event, source, \
    fingerprint, parameters, state, seq, status, reason, attempts, made_at, refresh_at, due_at, node, claim, \
    created_at, updated_at FROM subscriptions WHERE account = $1 AND webhook = $2 ORDER BY subscription";
pub const SUBSCRIPTIONS_DUE: &str = "SELECT webhook, subscription, cycle_id, step, connector, event, source, \
    fingerprint, parameters, state, seq, status, reason, attempts, made_at, refresh_at, due_at, node, claim, \
    created_at, updated_at FROM subscriptions WHERE account = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3";
pub const SUBSCRIPTION_NEXT: &str = "SELECT due_at FROM subscriptions WHERE account = $1 AND due_at IS NOT NULL \
    AND node IS NULL ORDER BY due_at LIMIT 1";
pub const SUBSCRIPTION_PUT: &str = "INSERT INTO subscriptions (account, webhook, subscription, cycle_id, step, \
    connector, event, source, fingerprint, parameters, state, seq, status, reason, attempts, made_at, refresh_at, \
    due_at, node, claim, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
    $14, $15, $16, $17, $18, $19, $20, $21, $22) ON CONFLICT (account, webhook, subscription) DO UPDATE SET cycle_id \
    = excluded.cycle_id, step = excluded.step, connector = excluded.connector, event = excluded.event, source = \
    excluded.source, fingerprint = excluded.fingerprint, parameters = excluded.parameters, state = excluded.state, \
    seq = excluded.seq, status = excluded.status, reason = excluded.reason, attempts = excluded.attempts, made_at = \
    excluded.made_at, refresh_at = excluded.refresh_at, due_at = excluded.due_at, node = excluded.node, claim = \
    excluded.claim, created_at = excluded.created_at, updated_at = excluded.updated_at";
pub const SUBSCRIPTION_GONE: &str = "DELETE FROM subscriptions WHERE account = $1 AND webhook = $2 AND subscription \
    = $3";

/// Each statement with its name, for the test that prepares them.
#[cfg(test)]
pub const ALL: &[(&str, &str)] = &[
    ("PING", PING),
    ("HEAD", HEAD),
    ("FATE", FATE),
    ("FATE_BY_MARK", FATE_BY_MARK),
    ("REVISION_BUMP", REVISION_BUMP),
    ("SESSION_OF", SESSION_OF),
    ("WORK_OF", WORK_OF),
    ("GUARD", GUARD),
    ("UNGUARDED", UNGUARDED),
    ("CLOCK", CLOCK),
    ("CLOCK_SET", CLOCK_SET),
    ("INSTANTS", INSTANTS),
    ("REVISIONS", REVISIONS),
    ("CYCLES", CYCLES),
    ("VERSIONS", VERSIONS),
    ("WEBHOOKS", WEBHOOKS),
    ("CYCLE_PUT", CYCLE_PUT),
    ("VERSION_PUT", VERSION_PUT),
    ("WEBHOOK_PUT", WEBHOOK_PUT),
    ("QUEUED_COUNTS", QUEUED_COUNTS),
    ("KEYS", KEYS),
    ("KEY_BY_HASH", KEY_BY_HASH),
    ("KEY_PUT", KEY_PUT),
    ("KEY_REVOKE", KEY_REVOKE),
    ("SESSION_BY_HASH", SESSION_BY_HASH),
    ("SESSION_PUT", SESSION_PUT),
    ("SESSION_GONE", SESSION_GONE),
    ("KEY_SESSIONS_GONE", KEY_SESSIONS_GONE),
    ("OLDEST_SESSIONS_GONE", OLDEST_SESSIONS_GONE),
    ("EXPIRED_SESSIONS_GONE", EXPIRED_SESSIONS_GONE),
    ("FORGET_SESSIONS", FORGET_SESSIONS),
    ("SECRETS", SECRETS),
    ("SECRET_PUT", SECRET_PUT),
    ("SECRET_RESEAL", SECRET_RESEAL),
    ("SECRET_USED", SECRET_USED),
    ("SECRET_GONE", SECRET_GONE),
    ("KEPT", KEPT),
    ("KEPT_COUNT", KEPT_COUNT),
    ("KEPT_PUT", KEPT_PUT),
    ("KEPT_GONE", KEPT_GONE),
    ("CYCLE_KEPT_GONE", CYCLE_KEPT_GONE),
    ("HITS_NAMED", HITS_NAMED),
    ("HIT_OF", HIT_OF),
    ("HITS_ADD", HITS_ADD),
    ("HITS_CHANGE", HITS_CHANGE),
    ("TRANSACTIONS_NAMED", TRANSACTIONS_NAMED),
    ("TRANSACTIONS_ADD", TRANSACTIONS_ADD),
    ("TRANSACTIONS_CHANGE", TRANSACTIONS_CHANGE),
    ("HELD", HELD),
    ("RUNS_NAMED", RUNS_NAMED),
    ("RUNS", RUNS),
    ("HOLDS", HOLDS),
    ("RUNS_ADD", RUNS_ADD),
    ("TURNS", TURNS),
    ("TURNS_NEXT", TURNS_NEXT),
    ("TURN_FIRST", TURN_FIRST),
    ("TURNS_LAST", TURNS_LAST),
    ("WAITING", WAITING),
    ("LAPSED", LAPSED),
    ("UNDERWAY", UNDERWAY),
    ("UNDERWAY_LEFT", UNDERWAY_LEFT),
    ("UNDERWAY_PUT", UNDERWAY_PUT),
    ("UNDERWAY_GONE", UNDERWAY_GONE),
    ("EXPIRED_UNDERWAY_GONE", EXPIRED_UNDERWAY_GONE),
    ("NODE_SEEN", NODE_SEEN),
    ("NODES_LIVE", NODES_LIVE),
    ("NODE_LEAVES", NODE_LEAVES),
    ("NODES_GONE", NODES_GONE),
    ("SEEK", SEEK),
    ("SEEK_READ", SEEK_READ),
    ("KEY_ROWS", KEY_ROWS),
    ("KEYS_ADD", KEYS_ADD),
    ("KEYS_RESUMED", KEYS_RESUMED),
    ("KEYS_GONE", KEYS_GONE),
    ("TIMER_NEXT", TIMER_NEXT),
    ("TIMERS_DUE", TIMERS_DUE),
    ("TIMERS_ADD", TIMERS_ADD),
    ("TIMERS_GONE", TIMERS_GONE),
    ("EARLY", EARLY),
    ("EARLY_ADD", EARLY_ADD),
    ("EARLY_GONE", EARLY_GONE),
    ("REPEATS", REPEATS),
    ("REPEATS_ADD", REPEATS_ADD),
    ("ANSWERS_NAMED", ANSWERS_NAMED),
    ("ANSWERS_ADD", ANSWERS_ADD),
    ("QUEUED", QUEUED),
    ("QUEUE_ADD", QUEUE_ADD),
    ("QUEUE_GONE", QUEUE_GONE),
    ("QUEUED_ADD", QUEUED_ADD),
    ("EXPIRED_EARLY_GONE", EXPIRED_EARLY_GONE),
    ("EXPIRED_REPEATS_GONE", EXPIRED_REPEATS_GONE),
    ("EXPIRED_QUEUE_GONE", EXPIRED_QUEUE_GONE),
    ("EXPIRED_TIMERS_GONE", EXPIRED_TIMERS_GONE),
    ("PARTITIONS", PARTITIONS),
    ("VERSIONS_UNNEEDED", VERSIONS_UNNEEDED),
    ("CYCLES_FORGOTTEN", CYCLES_FORGOTTEN),
    ("CYCLE_VERSIONS_GONE", CYCLE_VERSIONS_GONE),
    ("CYCLE_WEBHOOKS_GONE", CYCLE_WEBHOOKS_GONE),
    ("CYCLE_QUEUE_GONE", CYCLE_QUEUE_GONE),
    ("CYCLE_GONE", CYCLE_GONE),
    ("NOTIFY", NOTIFY),
    ("SHARED", SHARED),
    ("SHARED_PUT", SHARED_PUT),
    ("SHARED_GONE", SHARED_GONE),
    ("CLAIMS_OF", CLAIMS_OF),
    ("CLAIMS", CLAIMS),
    ("CLAIMS_BY", CLAIMS_BY),
    ("CLAIM_PUT", CLAIM_PUT),
    ("CLAIM_GONE", CLAIM_GONE),
    ("CLAIMS_GONE", CLAIMS_GONE),
    ("FAN_OUTS", FAN_OUTS),
    ("FAN_OUT_OF", FAN_OUT_OF),
    ("FAN_OUT_PUT", FAN_OUT_PUT),
    ("FAN_OUT_GONE", FAN_OUT_GONE),
    ("HIT_EVENTS", HIT_EVENTS),
    ("HIT_EVENT_PUT", HIT_EVENT_PUT),
    ("EXPIRED_HIT_EVENTS_GONE", EXPIRED_HIT_EVENTS_GONE),
    ("ENDPOINTS", ENDPOINTS),
    ("ENDPOINT_PUT", ENDPOINT_PUT),
    ("ENDPOINT_GONE", ENDPOINT_GONE),
    ("MESSAGES_ADD", MESSAGES_ADD),
    ("DELIVERIES_ADD", DELIVERIES_ADD),
    ("LINES_RING", LINES_RING),
    ("LINE_PUT", LINE_PUT),
    ("LINE_GONE", LINE_GONE),
    ("LINES_READY", LINES_READY),
    ("LINE_NEXT", LINE_NEXT),
    ("LINES_TAKE", LINES_TAKE),
    ("LINES_LEFT", LINES_LEFT),
    ("LINES_NAMED", LINES_NAMED),
    ("LINES_SETTLE", LINES_SETTLE),
    ("DELIVERIES_DUE", DELIVERIES_DUE),
    ("DELIVERIES", DELIVERIES),
    ("DELIVERIES_MISSED", DELIVERIES_MISSED),
    ("DELIVERIES_SETTLE", DELIVERIES_SETTLE),
    ("DELIVERIES_DROP", DELIVERIES_DROP),
    ("DELIVERIES_FROM", DELIVERIES_FROM),
    ("MISSED_FROM", MISSED_FROM),
    ("DELIVERIES_RESEND", DELIVERIES_RESEND),
    ("OLD_DELIVERIES_GONE", OLD_DELIVERIES_GONE),
    ("OLD_MESSAGES_GONE", OLD_MESSAGES_GONE),
    ("ACCOUNTS", ACCOUNTS),
    ("ACCOUNT_ADD", ACCOUNT_ADD),
    ("ACCOUNT_LIMITS", ACCOUNT_LIMITS),
    ("ACCOUNT_LEAVES", ACCOUNT_LEAVES),
    ("ACCOUNT_GONE", ACCOUNT_GONE),
    ("OPEN_TRANSACTIONS", OPEN_TRANSACTIONS),
    ("HITS_BYTES", HITS_BYTES),
    ("RUNS_BYTES", RUNS_BYTES),
    ("ALL_KEPT", ALL_KEPT),
    ("FORGET_CYCLES", FORGET_CYCLES),
    ("FORGET_VERSIONS", FORGET_VERSIONS),
    ("FORGET_WEBHOOKS", FORGET_WEBHOOKS),
    ("FORGET_HITS", FORGET_HITS),
    ("FORGET_TRANSACTIONS", FORGET_TRANSACTIONS),
    ("FORGET_RUNS", FORGET_RUNS),
    ("FORGET_HOLD_KEYS", FORGET_HOLD_KEYS),
    ("FORGET_TIMERS", FORGET_TIMERS),
    ("FORGET_EARLY", FORGET_EARLY),
    ("FORGET_REPEATS", FORGET_REPEATS),
    ("FORGET_ANSWERS", FORGET_ANSWERS),
    ("FORGET_QUEUE", FORGET_QUEUE),
    ("FORGET_KEYS", FORGET_KEYS),
    ("FORGET_SECRETS", FORGET_SECRETS),
    ("FORGET_UNDERWAY", FORGET_UNDERWAY),
    ("FORGET_SCRIPT_STORE", FORGET_SCRIPT_STORE),
    ("FORGET_ENDPOINTS", FORGET_ENDPOINTS),
    ("FORGET_MESSAGES", FORGET_MESSAGES),
    ("FORGET_DELIVERIES", FORGET_DELIVERIES),
    ("FORGET_LINES", FORGET_LINES),
    ("FORGET_SHARED_WEBHOOKS", FORGET_SHARED_WEBHOOKS),
    ("FORGET_CLAIMS", FORGET_CLAIMS),
    ("FORGET_FAN_OUTS", FORGET_FAN_OUTS),
    ("FORGET_HIT_EVENTS", FORGET_HIT_EVENTS),
    ("FORGET_CONNECTORS", FORGET_CONNECTORS),
    ("FORGET_SUBSCRIPTIONS", FORGET_SUBSCRIPTIONS),
    ("FORGET_TALLIES", FORGET_TALLIES),
    ("LIST_HITS", LIST_HITS),
    ("LIST_HITS_BY_STATUS", LIST_HITS_BY_STATUS),
    ("LIST_HITS_AMBIGUOUS", LIST_HITS_AMBIGUOUS),
    ("LIST_TRANSACTIONS", LIST_TRANSACTIONS),
    ("LIST_FAILED_AT", LIST_FAILED_AT),
    ("NEWEST_TRANSACTIONS", NEWEST_TRANSACTIONS),
    ("TALLIES_ADD", TALLIES_ADD),
    ("TALLIES", TALLIES),
    ("STEP_TALLIES", STEP_TALLIES),
    ("TALLIES_GONE", TALLIES_GONE),
    ("CONNECTORS", CONNECTORS),
    ("CONNECTOR_PUT", CONNECTOR_PUT),
    ("SUBSCRIPTIONS", SUBSCRIPTIONS),
    ("SUBSCRIPTIONS_AT", SUBSCRIPTIONS_AT),
    ("SUBSCRIPTIONS_DUE", SUBSCRIPTIONS_DUE),
    ("SUBSCRIPTION_NEXT", SUBSCRIPTION_NEXT),
    ("SUBSCRIPTION_PUT", SUBSCRIPTION_PUT),
    ("SUBSCRIPTION_GONE", SUBSCRIPTION_GONE),
];
