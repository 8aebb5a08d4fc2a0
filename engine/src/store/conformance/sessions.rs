//! Sessions of the console: found by their hash with their key, ended, bounded and swept.

use uuid::Uuid;

use super::{NOON, SECOND, account, begin};
use crate::AccountLimits;
use crate::store::{AccountRow, KeyRecord, SessionRow, Store};

/// How many of a key are kept here.
const MOST: i64 = 3;

pub async fn all(store: &dyn Store) {
    for of in [account(), "*"] {
        it_is_found_with_its_key_until_it_is_ended(store, of).await;
        a_revoked_key_has_none_and_gets_none(store, of).await;
        the_oldest_goes(store, of).await;
        what_has_expired_is_swept_and_nothing_else(store, of).await;
    }
    a_removed_account_has_none(store).await;
}

/// A live key of an account.
async fn key(store: &dyn Store, of: &str) -> KeyRecord {
    let key_id = Uuid::new_v4();
    let record = KeyRecord {
        account: of.into(),
        key_id,
        hash: key_id.as_bytes().repeat(2),
        name: "console".into(),
        scopes: "read operate".into(),
        created_at: NOON,
        expires_at: Some(NOON + 9 * SECOND),
        revoked_at: None,
    };
    let mut commit = begin(store).await;
    commit.put_key(&record).await.expect("put");
    commit.commit().await.expect("committed");
    record
}

fn session(key: &KeyRecord, created_at: i64, expires_at: i64) -> SessionRow {
    let hash = Uuid::new_v4().as_bytes().repeat(2);
    SessionRow { account: key.account.clone(), hash, key_id: key.key_id, created_at, expires_at }
}

async fn put(store: &dyn Store, row: &SessionRow) -> bool {
    let mut commit = begin(store).await;
    let put = commit.put_session(row, MOST).await.expect("put");
    commit.commit().await.expect("committed");
    put
}

async fn is_there(store: &dyn Store, row: &SessionRow) -> bool {
    store.session_by_hash(&row.hash).await.expect("read").is_some()
}

async fn it_is_found_with_its_key_until_it_is_ended(store: &dyn Store, of: &str) {
    let key = key(store, of).await;
    let (one, two) = (session(&key, NOON, NOON + SECOND), session(&key, NOON, NOON + 2 * SECOND));
    assert!(put(store, &one).await && put(store, &two).await);
    let found = store.session_by_hash(&one.hash).await.expect("read").expect("a session");
    assert_eq!(found.expires_at, NOON + SECOND);
    let (of_key, want) = (&found.key, &key);
    assert_eq!((&of_key.account, of_key.key_id, &of_key.hash), (&want.account, want.key_id, &want.hash));
    assert_eq!((&of_key.name, &of_key.scopes, of_key.expires_at), (&want.name, &want.scopes, want.expires_at));
    assert!(store.session_by_hash(&key.hash).await.expect("read").is_none(), "a key is no session");

    let mut commit = begin(store).await;
    commit.drop_session("nobody", &two.hash).await.expect("asked");
    commit.drop_session(of, &one.hash).await.expect("ended");
    commit.drop_session(of, &one.hash).await.expect("it is ended already");
    commit.commit().await.expect("committed");
    assert_eq!((is_there(store, &one).await, is_there(store, &two).await), (false, true));
    end(store, &key).await;
}

async fn a_revoked_key_has_none_and_gets_none(store: &dyn Store, of: &str) {
    let (key, other) = (key(store, of).await, key(store, of).await);
    let (one, kept) = (session(&key, NOON, NOON + SECOND), session(&other, NOON, NOON + SECOND));
    assert!(put(store, &one).await && put(store, &kept).await);
    let mut commit = begin(store).await;
    assert!(commit.revoke_key(of, key.key_id).await.expect("revoked"));
    commit.drop_sessions(of, key.key_id).await.expect("ended");
    commit.commit().await.expect("committed");
    let late = session(&key, NOON, NOON + SECOND);
    assert!(!put(store, &late).await, "its key is revoked");
    for (row, there) in [(&one, false), (&late, false), (&kept, true)] {
        assert_eq!(is_there(store, row).await, there);
    }
    end(store, &other).await;
}

async fn the_oldest_goes(store: &dyn Store, of: &str) {
    let (key, other) = (key(store, of).await, key(store, of).await);
    let kept = session(&other, NOON - SECOND, NOON + SECOND);
    assert!(put(store, &kept).await);
    let mut rows = Vec::new();
    for n in 0..MOST + 2 {
        // The third begins with the second, and the last before them all: a clock that went back.
        let created_at = NOON + [0, 1, 1, 2, -1][n as usize];
        rows.push(session(&key, created_at, NOON + SECOND));
        assert!(put(store, &rows[n as usize]).await);
    }
    let mut there = Vec::new();
    for row in &rows {
        there.push(is_there(store, row).await);
    }
    // Of the second and the third, which began at once, either may go.
    assert_eq!((there[0], there[1] ^ there[2], there[3], there[4]), (false, true, true, true));
    assert!(is_there(store, &kept).await, "another key's");
    end(store, &key).await;
    end(store, &other).await;
}

async fn what_has_expired_is_swept_and_nothing_else(store: &dyn Store, of: &str) {
    let (keys, elsewhere) = ([key(store, of).await, key(store, of).await], key(store, other_than(of)).await);
    let mut rows = Vec::new();
    for key in &keys {
        for after in [0, 0, 1] {
            rows.push(session(key, NOON, NOON + after));
        }
    }
    rows.push(session(&elsewhere, NOON, NOON));
    for row in &rows {
        assert!(put(store, row).await);
    }
    assert!(!store.sweep_sessions(of, NOON - 1, 3).await.expect("swept"), "none has expired");
    assert!(store.sweep_sessions(of, NOON, 3).await.expect("swept"), "one is left");
    assert!(!store.sweep_sessions(of, NOON, 3).await.expect("swept"));
    for row in &rows {
        let stays = row.expires_at > NOON || row.account != of;
        assert_eq!(is_there(store, row).await, stays, "{row:?}");
    }
    for key in keys.iter().chain([&elsewhere]) {
        end(store, key).await;
    }
}

/// A key for all accounts, where these are an account's; and the other way about.
fn other_than(of: &str) -> &'static str {
    if of == "*" { account() } else { "*" }
}

async fn a_removed_account_has_none(store: &dyn Store) {
    let name = format!("{}-leaves", account());
    let row =
        AccountRow { account: name.clone(), created_at: NOON, limits: AccountLimits::default(), deleted_at: None };
    assert!(store.add_account(&row, 1).await.expect("added"));
    let key = key(store, &name).await;
    let one = session(&key, NOON, NOON + SECOND);
    assert!(put(store, &one).await && is_there(store, &one).await);
    leave(store, &name).await;
    assert!(!is_there(store, &one).await, "from the next request on");

    // Nor has one of the same name that comes after it.
    forget(store, &name).await;
    assert!(store.add_account(&row, 2).await.expect("added"));
    let mut commit = begin(store).await;
    commit.put_key(&key).await.expect("put");
    commit.commit().await.expect("committed");
    assert!(!is_there(store, &one).await);
    leave(store, &name).await;
    forget(store, &name).await;
}

async fn leave(store: &dyn Store, name: &str) {
    let mut commit = store.begin(name, Some(NOON)).await.expect("begun");
    commit.leave_account().await.expect("left");
    commit.commit().await.expect("committed");
}

async fn forget(store: &dyn Store, name: &str) {
    for _ in 0..100 {
        if !store.forget(name, 7).await.expect("forgotten") {
            return;
        }
    }
    panic!("there is always more");
}

/// Leaves nothing of a key's.
async fn end(store: &dyn Store, key: &KeyRecord) {
    let mut commit = begin(store).await;
    commit.drop_sessions(&key.account, key.key_id).await.expect("ended");
    commit.commit().await.expect("committed");
}
