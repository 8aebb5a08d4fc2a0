//! The README's tour, line by line as it stands there: each comment in it is what is seen.

use std::{fmt::Write as _, net::TcpListener, process::Stdio, time::Duration};

use holdfast_tests::{Signal, binary, root};
use rustix::process::{Pid, kill_process};
use tokio::process::Command;

const PATIENCE: Duration = Duration::from_secs(120);
/// Where the README says that the server listens, and where its tour keeps its data.
const ADDRESS: &str = "127.0.0.1:7400";
const FOLDER: &str = "/tmp/holdfast-tour";
/// Printed behind each command that has a comment.
const SEEN: &str = "=== seen: ";

/// The tour as a script that waits where a person would see that it is time.
fn script(readme: &str, address: &str, folder: &str) -> String {
    let (_, tour) = readme.split_once("## Five minutes with it").expect("a tour");
    let (tour, _) = tour.split_once("\n## ").expect("its end");
    let blocks = tour.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let mut script = format!(
        "shopt -s expand_aliases; set -m; trap 'kill -9 $(jobs -p) 2>/dev/null' EXIT\n\
         alias holdfast={}\nexport HOLDFAST_LISTEN={address} HOLDFAST_URL=http://{address}\n",
        binary().display()
    );
    for line in blocks.flat_map(|(block, _)| block.lines()) {
        let line = line.replace(ADDRESS, address).replace(FOLDER, folder);
        match line.as_str() {
            build if build.starts_with("cargo build") || build.starts_with("alias holdfast=") => continue,
            "sleep 2" => script.push_str("until holdfast cycles | grep -q github-tag; do sleep 0.05; done\n"),
            "holdfast hits explain HIT" => {
                script.push_str(
                    "holdfast hits explain $(holdfast hits --status unmatched | awk 'NR == 2 { print $1 }')\n",
                );
            }
            line => writeln!(script, "{line}").expect("a line"),
        }
        if line.starts_with("holdfast dev") {
            writeln!(script, "until curl -sf http://{address}/readyz >/dev/null; do sleep 0.05; done").expect("a line");
        }
        if let Some((_, comment)) = line.split_once(" # ") {
            writeln!(script, "echo '{SEEN}{}'", comment.trim()).expect("a line");
        }
    }
    script
}

/// Whether that was to be seen before the comment.
fn holds(comment: &str, seen: &str) -> bool {
    let has = |part: &str| seen.to_lowercase().contains(&part.to_lowercase());
    let rows =
        |cycle: &str, status: &str| seen.lines().filter(|row| row.contains(cycle) && row.contains(status)).count();
    match comment {
        "completed" => rows("approval", "completed") == 1,
        "expense 8 is completed: by `too_late`" => {
            rows("approval", "completed") == 2 && rows("deployment", "held") == 1
        }
        "none" => seen.ends_with("nothing\n"),
        "no such order yet" => has("HTTP/1.1 200") && !has("holdfast-transaction:"),
        "it goes on at once" => has("HTTP/1.1 200") && has("holdfast-transaction:"),
        "200 and the article" => has("HTTP/1.1 200") && has("chair"),
        "waits …" => !has("HTTP/1.1"),
        "… and is answered" => has("Guten Tag") && has("Webhook accepted."),
        "2 pieces" => has("\"pieces\":2"),
        "github-tag waits for it" => has("GITHUB is set"),
        "what `lookup` knows" => has("\"name\":\"chair\""),
        "Holdfast-Hit: …" | "Idempotency-Replayed: true" => has(comment.trim_end_matches('…')),
        status if status.parse::<u16>().is_ok() => has(&format!("HTTP/1.1 {status}")),
        other => panic!("nobody looks whether this is seen: {other}"),
    }
}

#[tokio::test]
async fn every_line_of_it_does_what_it_says() {
    let folder = tempfile::Builder::new().prefix("holdfast-tour-").tempdir().expect("a folder");
    let data = folder.path().join("data");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let script = script(&readme, &format!("127.0.0.1:{port}"), &data.to_string_lossy());
    let mut bash = Command::new("bash");
    bash.current_dir(root()).args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = bash.env_remove("COLUMNS").spawn().expect("bash runs");
    let id = running.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).expect("it runs");
    let Ok(output) = tokio::time::timeout(PATIENCE, running.wait_with_output()).await else {
        let _ = kill_process(id, Signal::TERM);
        panic!("the tour takes longer than {PATIENCE:?}:\n{script}");
    };
    let output = output.expect("its end is known");
    let said = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    let all = || format!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let mut comments = 0;
    let mut rest = said.as_str();
    while let Some((seen, behind)) = rest.split_once(SEEN) {
        let (comment, behind) = behind.split_once('\n').expect("a line");
        assert!(holds(comment, seen), "{comment}: not seen in\n{seen}\n\nof\n{}", all());
        (rest, comments) = (behind, comments + 1);
    }
    assert!(comments >= 16, "{comments} comments are left in the tour");
    // A blank behind the number, and its letter.
    assert!(rest.contains("\"a-9 \"") && rest.contains("\"A-9\""), "{}", all());
    assert!(rest.contains("35 scenarios passed"), "{}", all());
}
