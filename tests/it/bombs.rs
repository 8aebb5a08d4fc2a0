//! Definitions made to hurt: refused by the real binary within 64 MiB, and soon.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// Private memory that the process may have, in KiB: past it an allocation fails and the process dies.
const MEMORY_KIB: &str = "65536";
/// The promise is 200 ms of an optimised build; an unoptimised one has five times that.
const PATIENCE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1_000 } else { 200 });

fn bombs() -> Vec<(&'static str, String)> {
    let tenfold: String =
        (1..9).map(|n| format!("y{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(","))).collect();
    let steps: String = (0..60_000).map(|n| format!("  s{n}: x\n")).collect();
    vec![
        ("aliases", format!("cycle: a\nx: &a0 [1,1,1,1,1,1,1,1,1,1]\n{tenfold}")),
        ("brackets", "[".repeat(1 << 20)),
        ("braces", "{".repeat(1 << 20)),
        ("dashes", "- ".repeat(1 << 19)),
        ("indented", (0..4_000).map(|depth| format!("{}a:\n", " ".repeat(depth % 200))).collect()),
        ("anchors", "&a ".repeat(1 << 18)),
        ("quotes", "\"".repeat(1 << 20)),
        ("large", "a".repeat((1 << 20) + 1)),
        ("wide", format!("cycle: a\nsteps:\n{steps}")),
        ("values", format!("cycle: a\nsteps: [{}]", "1,".repeat(500_000))),
    ]
}

/// How the check ended, and in what time.
fn check(file: &Path, memory_kib: &str) -> (Option<i32>, Duration) {
    let began = Instant::now();
    let ended = Command::new("sh")
        .args(["-c", "ulimit -d \"$1\" && exec \"$0\" check --format line \"$2\""])
        .arg(holdfast_tests::binary())
        .arg(memory_kib)
        .arg(file)
        .output()
        .expect("a shell");
    (ended.status.code(), began.elapsed())
}

#[test]
fn a_bomb_is_refused_in_little_memory_and_soon() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let file = home.path().join("bomb.yaml");
    for (name, text) in bombs() {
        std::fs::write(&file, text).expect("it is written");
        // The best of three: the machine may be busy with other tests.
        let tries = [(); 3].map(|()| check(&file, MEMORY_KIB));
        let refused = tries.iter().all(|(code, _)| *code == Some(1));
        assert!(refused, "{name}: a refusal exits with 1, not a crash: {tries:?}");
        let soonest = tries.iter().map(|(_, took)| *took).min().unwrap_or_default();
        assert!(soonest < PATIENCE, "{name}: {soonest:?}");
    }
}

/// The fence is one: with too little memory a process does die.
#[test]
fn the_memory_fence_holds() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let file = home.path().join("bomb.yaml");
    std::fs::write(&file, "- ".repeat(1 << 19)).expect("it is written");
    assert_ne!(check(&file, "512").0, Some(1));
}
