//! Secrets: put, replaced, sealed anew, used, deleted; each in its account alone.

use super::{NOON, account, begin};
use crate::store::{SecretRow, Store};

pub async fn all(store: &dyn Store) {
    a_secret_is_put_and_replaced(store).await;
    it_is_sealed_anew_and_used(store).await;
    it_is_deleted_once(store).await;
}

fn secret(name: &str, sealed: &[u8]) -> SecretRow {
    SecretRow {
        account: account().into(),
        name: name.into(),
        sealed: sealed.to_vec(),
        key_id: "first".into(),
        created_at: NOON,
        updated_at: NOON,
        last_used_at: None,
    }
}

async fn put(store: &dyn Store, row: &SecretRow) {
    let mut commit = begin(store).await;
    commit.put_secret(row).await.expect("put");
    commit.commit().await.expect("committed");
}

async fn stored(store: &dyn Store) -> Vec<SecretRow> {
    store.secrets(account(), 10).await.expect("read")
}

async fn a_secret_is_put_and_replaced(store: &dyn Store) {
    let (a, b) = (secret("a", &[0, 255, 10]), secret("B", &[1]));
    put(store, &a).await;
    put(store, &b).await;
    let mut found = stored(store).await;
    found.sort_by(|one, other| other.name.cmp(&one.name));
    assert_eq!(found, [a.clone(), b]);
    assert_eq!(store.secrets(account(), 1).await.expect("read").len(), 1);
    assert_eq!(store.secrets("nobody", 10).await.expect("read"), []);

    let newer = SecretRow { sealed: vec![2], created_at: NOON + 5, updated_at: NOON + 5, ..a };
    put(store, &newer).await;
    let found = stored(store).await;
    let found = found.iter().find(|row| row.name == "a").expect("it is there");
    assert_eq!((found.sealed.as_slice(), found.created_at, found.updated_at), (&[2][..], NOON, NOON + 5));
}

async fn it_is_sealed_anew_and_used(store: &dyn Store) {
    let mut commit = begin(store).await;
    assert!(commit.reseal_secret("a", &[3], "second").await.expect("sealed"));
    assert!(!commit.reseal_secret("nothing", &[3], "second").await.expect("asked"));
    commit.secret_used("a").await.expect("noted");
    let seen = commit.secrets(10).await.expect("read");
    commit.commit().await.expect("committed");
    let found = stored(store).await;
    assert_eq!(found, seen, "a commit sees its own");
    let found = found.iter().find(|row| row.name == "a").expect("it is there");
    assert_eq!((found.sealed.as_slice(), found.key_id.as_str()), (&[3][..], "second"));
    assert_eq!((found.updated_at, found.last_used_at), (NOON + 5, Some(NOON)), "its value is the same");
}

async fn it_is_deleted_once(store: &dyn Store) {
    let mut commit = begin(store).await;
    for name in ["a", "B"] {
        assert!(commit.delete_secret(name).await.expect("deleted"));
        assert!(!commit.delete_secret(name).await.expect("asked"));
    }
    commit.commit().await.expect("committed");
    assert_eq!(stored(store).await, []);
}
