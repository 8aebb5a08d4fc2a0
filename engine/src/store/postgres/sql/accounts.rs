//! Accounts and the clock; who may do what, and what each account keeps to itself.

use crate::store::statements::statements;

statements! {
    #[cfg(test)]
    OF_ACCOUNTS;

    // The account and the clock.

    PING = "SELECT 1";
    /// Takes the account's lock and the commit's instant, and names the database transaction. Whoever
    /// waited here sees, in its next statement, what was committed; its instant is computed anew from the
    /// row that it waited for. `$2` is the manual clock's instant, which stands still between commits, and
    /// `$3` the commit's mark.
    HEAD = "UPDATE accounts SET last_instant = CASE WHEN $2::timestamptz IS NULL THEN \
        greatest(clock_timestamp(), last_instant + interval '1 microsecond') ELSE greatest($2, \
        last_instant) END, commits = commits + 1, recent = (array_prepend($3::int8, recent))[1:32] \
        WHERE account = $1 AND deleted_at IS NULL RETURNING last_instant, revision, pg_current_xact_id()::text, commits";
    /// What became of a database transaction, by the server's word. After a crash it may have given the
    /// same number to another.
    FATE = "SELECT pg_xact_status($1::xid8)";
    /// Whether the account's commit of number `$2` has the mark `$3`; null once it is too long ago.
    FATE_BY_MARK = "SELECT CASE WHEN commits < $2 THEN false \
        ELSE recent[(commits - $2 + 1)::int4] = $3 END FROM accounts WHERE account = $1";
    REVISION_BUMP = "UPDATE accounts SET revision = revision + 1 WHERE account = $1";
    /// Whom the session is for from now on: row-level security shows it that account's rows alone.
    SESSION_OF = "SELECT set_config('holdfast.account', $1, false)";
    /// The same until the database transaction ends.
    WORK_OF = "SELECT set_config('holdfast.account', $1, true)";
    /// Row-level security on every table that has an account and is not guarded yet.
    GUARD = "SELECT holdfast_guard()";
    /// Whether row-level security is nothing to this login.
    UNGUARDED = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user";
    CLOCK = "SELECT instant FROM clock WHERE account = '*'";
    CLOCK_SET = "INSERT INTO clock (account, instant) VALUES ('*', $1) ON CONFLICT (account) DO UPDATE SET \
        instant = excluded.instant";

    // Accounts: their limits, what they have, and what goes with one that is removed.

    ACCOUNTS = "SELECT account, created_at, hits_per_second, transactions_at_once, stored_bytes, \
        deleted_at FROM accounts ORDER BY account";
    ACCOUNT_ADD = "INSERT INTO accounts (account, created_at, last_instant, revision, \
        hits_per_second, transactions_at_once, stored_bytes) VALUES ($1, $2, $2, $3, $4, $5, $6) ON CONFLICT \
        (account) DO NOTHING";
    ACCOUNT_LIMITS = "UPDATE accounts SET hits_per_second = $2, transactions_at_once = $3, \
        stored_bytes = $4 WHERE account = $1";
    ACCOUNT_LEAVES = "UPDATE accounts SET deleted_at = $2 WHERE account = $1";
    ACCOUNT_GONE = "DELETE FROM accounts WHERE account = $1 AND deleted_at IS NOT NULL";
    OPEN_TRANSACTIONS = "SELECT count(*) FROM (SELECT 1 FROM transactions WHERE account = $1 AND \
        cycle_id = $2 AND status = $3 AND expires_at > $4 LIMIT $5) AS t";
    HITS_BYTES = "SELECT webhook, hit, coalesce(octet_length(headers), 0) + \
        coalesce(octet_length(query), 0) + coalesce(octet_length(raw), 0) + coalesce(octet_length(body), 0) FROM \
        hits WHERE account = $1 AND (webhook, hit) > ($2, $3) ORDER BY webhook, hit LIMIT $4";
    RUNS_BYTES = "SELECT transaction_id, run, coalesce(octet_length(steps), 0) + \
        coalesce(octet_length(document), 0) + coalesce(octet_length(error), 0) FROM runs WHERE account = $1 AND \
        (transaction_id, run) > ($2, $3) ORDER BY transaction_id, run LIMIT $4";
    ALL_KEPT = "SELECT key, value, version FROM script_store WHERE account = $1 AND cycle_id = $2 \
        ORDER BY key LIMIT $3";

    // API keys.

    KEYS = "SELECT account, key_id, hash, name, scopes, created_at, expires_at, revoked_at FROM keys \
        ORDER BY account, key_id";
    KEY_BY_HASH = "SELECT account, key_id, hash, name, scopes, created_at, expires_at, revoked_at FROM keys \
        WHERE hash = $1";
    KEY_PUT = "INSERT INTO keys (account, key_id, hash, name, scopes, created_at, expires_at, revoked_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    KEY_REVOKE = "UPDATE keys SET revoked_at = $3 WHERE account = $1 AND key_id = $2 AND revoked_at IS NULL";

    // Sessions of the console.

    /// With its key, where its account is there.
    SESSION_BY_HASH = "SELECT s.expires_at, k.account, k.key_id, k.hash, k.name, k.scopes, k.created_at, \
        k.expires_at, k.revoked_at FROM sessions AS s JOIN keys AS k ON k.account = s.account AND k.key_id = s.key_id \
        WHERE s.hash = $1 AND (s.account = '*' OR EXISTS (SELECT 1 FROM accounts AS a WHERE a.account = s.account \
        AND a.deleted_at IS NULL))";
    /// Not while the key is revoked: that waits for this, or this for that.
    SESSION_PUT = "INSERT INTO sessions (account, hash, key_id, created_at, expires_at) \
        SELECT k.account, $2::bytea, k.key_id, $4::timestamptz, $5::timestamptz FROM keys AS k \
        WHERE k.account = $1 AND k.key_id = $3 AND k.revoked_at IS NULL FOR SHARE";
    SESSION_GONE = "DELETE FROM sessions WHERE account = $1 AND hash = $2";
    KEY_SESSIONS_GONE = "DELETE FROM sessions WHERE account = $1 AND key_id = $2";
    /// All of a key's but the newest.
    OLDEST_SESSIONS_GONE = "DELETE FROM sessions WHERE account = $1 AND (account, hash) IN (SELECT account, hash \
        FROM sessions WHERE account = $1 AND key_id = $2 ORDER BY created_at DESC, hash DESC OFFSET $3)";
    EXPIRED_SESSIONS_GONE = "DELETE FROM sessions WHERE account = $1 AND (account, hash) IN (SELECT account, hash \
        FROM sessions WHERE account = $1 AND expires_at <= $2 LIMIT $3)";

    // Secrets, sealed.

    SECRETS = "SELECT account, name, sealed, key_id, created_at, updated_at, last_used_at FROM secrets \
        WHERE account = $1 ORDER BY name LIMIT $2";
    /// The row that is there keeps the instant of its making and of its last use.
    SECRET_PUT = "INSERT INTO secrets (account, name, sealed, key_id, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account, name) DO UPDATE SET sealed = excluded.sealed, \
        key_id = excluded.key_id, updated_at = excluded.updated_at";
    /// The same value under another master key.
    SECRET_RESEAL = "UPDATE secrets SET sealed = $3, key_id = $4 WHERE account = $1 AND name = $2";
    SECRET_USED = "UPDATE secrets SET last_used_at = $3 WHERE account = $1 AND name = $2";
    SECRET_GONE = "DELETE FROM secrets WHERE account = $1 AND name = $2";

    // What scripts keep.

    KEPT = "SELECT k.* FROM unnest($3::text[]) AS r (key) CROSS JOIN LATERAL (SELECT key, value, version FROM \
        script_store WHERE account = $1 AND cycle_id = $2 AND key = r.key OFFSET 0) AS k";
    /// Of at most as many rows as a cycle may have.
    KEPT_COUNT = "SELECT count(*) FROM script_store WHERE account = $1 AND cycle_id = $2";
    KEPT_PUT = "INSERT INTO script_store (account, cycle_id, key, value, version) SELECT $1, $2::uuid, r.* FROM \
        unnest($3::text[], $4::text[], $5::int8[]) AS r ON CONFLICT (account, cycle_id, key) DO UPDATE SET value = \
        excluded.value, version = excluded.version";
    KEPT_GONE = "DELETE FROM script_store AS k USING (SELECT $1::text AS account, $2::uuid AS cycle_id, u.* FROM \
        unnest($3::text[]) AS u (key) OFFSET 0) AS r WHERE k.account = r.account AND k.cycle_id = r.cycle_id AND \
        k.key = r.key";
    CYCLE_KEPT_GONE = "DELETE FROM script_store WHERE account = $1 AND cycle_id = $2";
}
