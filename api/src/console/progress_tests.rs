use std::{collections::BTreeMap, time::Duration};

use holdfast_engine::{BulkDone, Error, Preview};
use uuid::Uuid;

use super::{LISTED_MAX, Progress};

fn begun(matching: u64, capped: bool) -> Progress {
    let (statuses, refused) = (BTreeMap::new(), BTreeMap::new());
    let preview: Preview<()> =
        Preview { matching, capped, statuses, refused, sample: Vec::new(), mark: "7".to_owned() };
    Progress::of(&preview, chrono::DateTime::UNIX_EPOCH)
}

fn call(done: u64, failed: usize, next: Option<&str>) -> BulkDone {
    let why = || (Uuid::nil(), "it \"is\" <cancelled>".to_owned());
    BulkDone { done, unchanged: 0, failed: (0..failed).map(|_| why()).collect(), next: next.map(str::to_owned) }
}

/// As the form of the next page has it.
fn carried(progress: &Progress) -> Progress {
    Progress::read(&progress.text()).expect("it is read")
}

#[test]
fn what_was_done_is_carried_from_call_to_call() {
    let mut progress = begun(2_430, false);
    assert_eq!((progress.query().after, progress.query().mark.as_deref()), (None, Some("7")));
    assert!(progress.note(Ok(call(999, 1, Some("x.7")))).expect("noted").is_none());
    let mut progress = carried(&progress);
    assert_eq!(progress.title("cancelled"), "1,000 of 2,430 done");
    assert_eq!(progress.query().after.as_deref(), Some("x.7"));
    assert!(progress.note(Ok(call(1_400, 0, None))).expect("noted").is_none());
    let progress = carried(&progress);
    assert_eq!((progress.title("cancelled").as_str(), progress.over), ("2,399 cancelled", true));
    assert_eq!((progress.failed, progress.left.len(), progress.gone()), (1, 1, 30));
}

#[test]
fn what_the_server_cannot_do_now_is_gone_on_with_later() {
    let mut progress = begun(2_430, false);
    progress.note(Ok(call(1_000, 0, Some("x.7")))).expect("noted");
    let reason = || "the store is not available".to_owned();
    for error in [Error::Unavailable { reason: reason(), retry_after: Duration::from_secs(1) }, Error::Unknown] {
        assert!(progress.note(Err(error)).expect("noted").is_some());
    }
    assert_eq!((progress.over, progress.query().after.as_deref()), (false, Some("x.7")));
    assert!(progress.note(Err(Error::Invalid("after is no `next`".into()))).is_err());
}

#[test]
fn more_than_were_counted_is_no_surprise_and_the_list_of_failures_ends() {
    let mut progress = begun(10_000, true);
    progress.note(Ok(call(0, 1_000, Some("x.7")))).expect("noted");
    assert_eq!(progress.title("replayed"), "1,000 of 10,000 or more done");
    progress.note(Ok(call(11_000, 0, Some("y.7")))).expect("noted");
    assert_eq!(progress.title("replayed"), "12,000 of 12,000 or more done");
    assert_eq!((progress.failed, progress.left.len(), progress.gone()), (1_000, LISTED_MAX, 0));
    for text in ["", "{}", "made up"] {
        assert!(Progress::read(text).is_err(), "{text}");
    }
}
