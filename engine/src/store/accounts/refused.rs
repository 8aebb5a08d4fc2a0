//! Statements that are not one account's, each of which the check must see: it can fail.

use super::{on_postgres, on_sqlite};

const GOOD: &[&str] = &[
    "SELECT run FROM runs WHERE account = $1",
    "SELECT run FROM runs WHERE (($1 = account)) AND run = 1",
    "SELECT run FROM runs AS u WHERE u.account = $1::text",
    "SELECT 1 FROM runs AS u JOIN hits AS h ON h.account = u.account WHERE u.account = $1",
    "SELECT 1 FROM hits AS h, runs AS u, early AS e WHERE h.account = u.account AND u.account = e.account AND e.account = $1",
    "SELECT 1 FROM runs AS u LEFT JOIN hits AS h ON h.account = u.account WHERE u.account = $1",
    "DELETE FROM early WHERE (account, hit) IN (SELECT account, hit FROM early WHERE account = $1 LIMIT 9)",
    "DELETE FROM early WHERE (account, hit) IN (SELECT $1, r.hit FROM unnest($2::uuid[]) AS r (hit))",
    "UPDATE hits AS h SET run = u.run FROM runs AS u WHERE h.account = u.account AND u.account = $1",
    "INSERT INTO early (account, hit) SELECT k.account, k.hit FROM early AS k WHERE k.account = $1",
    "INSERT INTO early (hit, account) VALUES ($2, $1) ON CONFLICT (account, hit) DO UPDATE SET hit = excluded.hit",
    "WITH a AS (SELECT run FROM runs WHERE account = $1) SELECT run FROM a",
    "SELECT 1",
];

/// (statement, part of what is said of it)
const BAD: &[(&str, &str)] = &[
    ("SELECT run FROM runs", "runs (runs)"),
    ("SELECT run FROM runs WHERE run = $1", "runs (runs)"),
    ("SELECT run FROM runs WHERE account = $2", "runs (runs)"),
    ("SELECT run FROM runs WHERE account = 'default'", "runs (runs)"),
    ("SELECT run FROM runs WHERE account <> $1", "runs (runs)"),
    ("SELECT run FROM runs WHERE NOT (account = $1)", "runs (runs)"),
    ("SELECT run FROM runs WHERE account = $1 OR run = 1", "runs (runs)"),
    ("SELECT run FROM runs WHERE run = 1 AND (account = $1 OR account = $2)", "runs (runs)"),
    ("SELECT run FROM runs WHERE account = webhook", "runs (runs)"),
    ("SELECT run FROM runs AS u WHERE u.account = u.account", "runs (u)"),
    ("SELECT run FROM runs WHERE account = lower($1)", "runs (runs)"),
    ("SELECT run FROM runs WHERE $1 = $1", "runs (runs)"),
    // Joins.
    ("SELECT 1 FROM runs AS u JOIN hits AS h ON h.hit = u.hit WHERE u.account = $1", "hits (h)"),
    ("SELECT 1 FROM runs AS u JOIN hits AS h ON h.account = u.account", "runs (u)"),
    ("SELECT 1 FROM runs AS u JOIN hits AS h ON h.account = u.webhook WHERE u.account = $1", "hits (h)"),
    ("SELECT 1 FROM runs AS u, hits AS h WHERE account = $1", "runs (u)"),
    ("SELECT 1 FROM runs AS u LEFT JOIN hits AS h ON u.account = $1 AND h.account = $1", "runs (u)"),
    ("SELECT 1 FROM runs AS u LEFT JOIN hits AS h ON h.hit = u.hit WHERE u.account = $1", "hits (h)"),
    ("SELECT 1 FROM runs AS u RIGHT JOIN hits AS h ON h.account = $1 WHERE u.account = $1", "kind of join"),
    ("SELECT 1 FROM runs JOIN hits USING (account)", "over columns"),
    ("SELECT 1 FROM runs NATURAL JOIN hits", "over columns"),
    ("SELECT 1 FROM runs AS u (account, x) WHERE u.account = $1", "other names"),
    // Sub-queries.
    (
        "SELECT 1 FROM runs AS u WHERE u.account = $1 AND EXISTS (SELECT 1 FROM hits AS h WHERE h.hit = u.hit)",
        "hits (h)",
    ),
    (
        "SELECT 1 FROM runs AS u WHERE NOT EXISTS (SELECT 1 FROM hits AS h WHERE h.account = $1 AND u.account = $1)",
        "runs (u)",
    ),
    ("SELECT (SELECT count(*) FROM hits) FROM runs WHERE account = $1", "hits (hits)"),
    ("SELECT 1 FROM runs WHERE account = $1 ORDER BY (SELECT max(run) FROM hits)", "hits (hits)"),
    ("SELECT 1 FROM runs WHERE account = $1 LIMIT (SELECT count(*) FROM hits)", "hits (hits)"),
    ("SELECT 1 FROM runs WHERE account = $1 GROUP BY run HAVING run > (SELECT max(run) FROM hits)", "hits (hits)"),
    (
        "SELECT 1 FROM runs WHERE account = $1 AND run = (SELECT max(run) FROM hits WHERE webhook = runs.webhook)",
        "hits (hits)",
    ),
    ("SELECT 1 FROM runs WHERE account = $1 UNION ALL SELECT 1 FROM hits", "hits (hits)"),
    (
        "SELECT f.* FROM runs AS u CROSS JOIN LATERAL (SELECT 1 FROM hits AS h WHERE h.hit = u.hit) AS f WHERE u.account = $1",
        "hits (h)",
    ),
    ("WITH a AS (SELECT run FROM runs) SELECT run FROM a", "runs (runs)"),
    ("WITH runs AS (SELECT 1 AS account) SELECT account FROM runs", "hides"),
    ("SELECT 1 FROM unnest((SELECT array_agg(run) FROM runs)) AS r", "runs (runs)"),
    ("DELETE FROM early WHERE (account, hit) IN (SELECT account, hit FROM early)", "early (early)"),
    ("DELETE FROM early WHERE (hit, account) IN (SELECT hit, account FROM early WHERE account = $1)", "early (early)"),
    (
        "DELETE FROM early WHERE (account, hit) NOT IN (SELECT account, hit FROM early WHERE account = $1)",
        "early (early)",
    ),
    ("DELETE FROM early WHERE (account, hit) IN (SELECT $1, $2 UNION SELECT $3, $4)", "early (early)"),
    ("DELETE FROM early WHERE hit IN (SELECT hit FROM early WHERE account = $1)", "early (early)"),
    // Writes.
    ("DELETE FROM early", "early (early)"),
    ("DELETE FROM early AS e USING hits AS h WHERE h.account = $1 AND e.hit = h.hit", "early (e)"),
    ("UPDATE hits SET run = 1", "hits (hits)"),
    ("UPDATE hits SET account = $1 WHERE account = $1", "account is changed"),
    ("UPDATE hits SET run = (SELECT max(run) FROM runs) WHERE account = $1", "runs (runs)"),
    ("UPDATE hits AS h SET run = u.run FROM runs AS u WHERE h.account = $1 AND h.hit = u.hit", "runs (u)"),
    ("INSERT INTO early (hit) VALUES ($1)", "without an account"),
    ("INSERT INTO early VALUES ($1, $2)", "without an account"),
    ("INSERT INTO early (account, hit) VALUES ($2, $1)", "another account"),
    ("INSERT INTO early (account, hit) VALUES ($1, $2), ('*', $2)", "another account"),
    (
        "INSERT INTO early (account, hit) SELECT r.account, r.hit FROM unnest($2::text[]) AS r (account, hit)",
        "another account",
    ),
    ("INSERT INTO early (account, hit) SELECT r.*, $1 FROM unnest($2::text[]) AS r", "another account"),
    ("INSERT INTO early (account, hit) SELECT account, hit FROM early", "another account"),
    ("INSERT INTO early (account, hit) VALUES ($1, $2) ON CONFLICT (hit) DO NOTHING", "a conflict"),
    ("INSERT INTO early (account, hit) VALUES ($1, $2) ON CONFLICT (account) DO UPDATE SET account = $3", "is changed"),
    ("INSERT INTO early (account, hit) VALUES ($1, $2) ON CONFLICT ON CONSTRAINT x DO NOTHING", "a conflict"),
    ("WITH a AS (INSERT INTO early (account, hit) VALUES ($2, $3)) SELECT 1", "another account"),
    ("WITH a AS (DELETE FROM early) SELECT 1", "early (early)"),
    ("INSERT INTO early (account, hit) VALUES ($1, $2) RETURNING (SELECT max(run) FROM runs)", "runs (runs)"),
    // What it does not know, it refuses.
    ("SELECT 1 FROM pg_class", "no table of ours"),
    ("SELECT 1 FROM other.runs WHERE account = $1", "no table of ours"),
    ("TRUNCATE early", "does not know"),
    ("DROP TABLE early", "does not know"),
    ("LOCK TABLE early", ""),
    ("SELECT FROM WHERE", ""),
];

#[test]
fn a_statement_of_one_account_is_taken() {
    for text in GOOD {
        assert_eq!(on_postgres(text), [""; 0], "{text}");
    }
}

#[test]
fn a_statement_of_several_accounts_is_refused() {
    for (text, cause) in BAD {
        let wrong = on_postgres(text);
        assert!(wrong.iter().any(|one| one.contains(cause)), "{text}: {wrong:?}");
    }
}

#[test]
fn the_same_on_sqlite() {
    let good = "UPDATE OR REPLACE hits SET run = r.value->>1 FROM jsonb_each(?2) AS r WHERE account = ?1 AND hit = r.value->>0";
    assert_eq!(on_sqlite(good), [""; 0]);
    for bad in [good.replace("?1", "?2"), good.replace("account = ?1 AND", ""), good.replace("AND", "OR")] {
        assert!(!on_sqlite(&bad).is_empty(), "{bad}");
    }
    let good = "SELECT 1 FROM jsonb_each(?2) AS r CROSS JOIN runs AS u ON u.account = ?1 AND u.run = r.value->>0";
    assert_eq!(on_sqlite(good), [""; 0]);
    assert!(!on_sqlite(&good.replace("u.account = ?1 AND", "")).is_empty());
}
