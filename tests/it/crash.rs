//! Killed at any instant, it loses nothing that it accepted (contract, section 5).

use holdfast_tests::{Audit, Dice, Home, LOAD, Load, Mode, Store};

const SENDERS: u32 = 6;
/// At most so many requests are accepted between two kills.
const BETWEEN_KILLS: u64 = 120;

fn kills() -> u32 {
    if std::env::var_os("HOLDFAST_LONG").is_some() { 60 } else { 10 }
}

async fn killed_again_and_again(store: Store) {
    let mut dice = Dice::thrown("crash");
    let home = Home::new(store, "").await;
    let mut node = home.start(Mode::Serve).await;
    node.deploy(LOAD).await;
    let load = Load::begin(&node, SENDERS, &mut dice).await;
    for _ in 0..kills() {
        load.accepts(1 + dice.below(BETWEEN_KILLS)).await;
        node.kill().await;
        node.restart().await;
        load.aim(&[&node]);
    }
    load.accepts(20).await;
    let logs = load.end().await;
    let accepted = Audit::of(&node).await.check(&logs);
    assert!(accepted > 50, "{accepted}");
}

mod sqlite {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_killed_server_loses_nothing() {
        super::killed_again_and_again(holdfast_tests::Store::Sqlite).await;
    }
}

mod postgres {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_killed_server_loses_nothing() {
        killed_again_and_again(Store::Postgres).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_two_nodes_one_is_killed_while_the_other_serves() {
        let mut dice = Dice::thrown("crash of one of two");
        let home = Home::new(Store::Postgres, "").await;
        let first = home.start(Mode::Serve).await;
        first.deploy(LOAD).await;
        let mut second = home.start(Mode::Serve).await;
        second.use_key_of(&first);
        let load = Load::begin(&first, SENDERS, &mut dice).await;
        let mut nodes = [first, second];
        load.aim(&[&nodes[0], &nodes[1]]);
        for _ in 0..kills() {
            load.accepts(1 + dice.below(BETWEEN_KILLS)).await;
            let victim = dice.below(2) as usize;
            nodes[victim].kill().await;
            load.accepts(1 + dice.below(BETWEEN_KILLS)).await;
            nodes[victim].restart().await;
            load.aim(&[&nodes[0], &nodes[1]]);
        }
        load.accepts(20).await;
        let logs = load.end().await;
        for node in &nodes {
            Audit::of(node).await.check(&logs);
        }
    }
}
