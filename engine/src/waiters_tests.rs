use std::{future::Future, pin::pin, task::Poll};

use uuid::Uuid;

use super::Waiters;

/// Whether it is over at its first poll.
fn is_over(wait: impl Future<Output = ()>) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    pin!(wait).poll(&mut context) == Poll::Ready(())
}

#[test]
fn the_clock_stands_until_whoever_was_let_go_has_made_up_its_answer() {
    let waiters = Waiters::default();
    let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let _told = [waiters.register("default", first, None), waiters.register("default", second, None)];
    let (stays, goes) = (waiters.keep_until(first, 200), waiters.keep_until(second, 100));
    assert!(is_over(waiters.left()), "nobody was let go");

    waiters.let_go(100);
    assert!(!waiters.waits(second));
    assert!(!is_over(waiters.left()), "one was let go and has said nothing yet");
    drop(goes);
    assert!(is_over(waiters.left()), "the other still waits");

    waiters.let_go(200);
    assert!(!is_over(waiters.left()));
    drop(stays);
    assert!(is_over(waiters.left()));
}
