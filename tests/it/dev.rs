//! `dev` for an author, and the command line against a running server (contract, section 9).

use holdfast_tests::{Home, Mode, Node, Store, eventually};
use serde_json::{Value, json};

const ASK: &str = "
cycle: ask
steps:
  asked:
    webhook:
    next: told
  told:
    respond: { body: first }
";

async fn dev() -> (Home, Node) {
    let home = Home::new(Store::Sqlite, ASK).await;
    let node = home.start(Mode::Dev).await;
    (home, node)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_prints_what_it_deployed_and_a_curl_to_try() {
    let (_home, node) = dev().await;
    let hook = node.hook("ask", "asked").await;
    let log = node.log();
    for shown in ["ask", "asked", hook.as_str(), "curl"] {
        assert!(log.contains(shown), "{shown} in:\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_is_deployed_anew() {
    let (home, node) = dev().await;
    assert_eq!(node.hit("ask/asked", "{}").await.text(), "first");
    std::fs::write(home.definitions().join("test.yaml"), ASK.replace("first", "second")).expect("it is written");
    eventually("the new version answers", async || {
        (node.hit("ask/asked", "{}").await.text() == "second").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_is_shown_and_the_old_version_stays() {
    let (home, node) = dev().await;
    std::fs::write(home.definitions().join("test.yaml"), ASK.replace("next: told", "next: tolt"))
        .expect("it is written");
    eventually("the diagnostics are printed", async || node.log().contains("tolt").then_some(())).await;
    assert_eq!(node.hit("ask/asked", "{}").await.text(), "first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_secret_is_deployed_when_it_comes() {
    let (home, node) = dev().await;
    let verified =
        "cycle: hub\nsteps:\n  a:\n    webhook: { verify: { preset: github, secret: \"${secrets.HUB}\" } }\n";
    std::fs::write(home.definitions().join("hub.yaml"), verified).expect("it is written");
    eventually("it says what is missing", async || node.log().contains("secrets set HUB").then_some(())).await;
    node.post("/api/v1/secrets", json!({ "name": "HUB", "value": "x" })).await.expect(200);
    eventually("it runs", async || node.log().contains("hub version 1").then_some(())).await;
    let told = node.log().matches("which there is not").count();
    assert_eq!(told, 1, "once: {}", node.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_page_cannot_reach_in() {
    let (_home, node) = dev().await;
    for (name, value) in [("host", "evil.example"), ("origin", "https://evil.example"), ("x-forwarded-for", "10.0.0.1")]
    {
        let call = node.call("GET", "/api/v1/cycles").header(name, value);
        let status = node.send(call).await.expect("an answer").status;
        assert!((400..500).contains(&status), "{name}: {value}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_reads_and_changes_a_running_server() {
    let (_home, node) = dev().await;
    let sent = node.hit("ask/asked", json!({ "n": 1 })).await;
    let listed = node.command(&["transactions", "--json"]).await;
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert!(listed.to_string().contains(&sent.transaction()), "{listed}");
    assert!(node.command(&["cycles", "stop", "ask"]).await.status.success());
    assert_eq!(node.api("/cycles/ask").await["state"], "stopped");
    let missing = node.command(&["cycles", "stop", "nobody"]).await;
    assert_eq!(missing.status.code(), Some(1));
    assert!(missing.stdout.is_empty() && !missing.stderr.is_empty(), "errors go to standard error");
    assert_eq!(node.command(&["nonsense"]).await.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tells_right_from_wrong_by_its_exit_code() {
    let (home, node) = dev().await;
    let file = home.definitions().join("test.yaml");
    let path = file.to_str().expect("a path");
    let right = node.command(&["check", path]).await;
    assert!(right.status.success());
    let said = String::from_utf8_lossy(&right.stderr).into_owned();
    assert!(said.contains("note: ") && said.contains("whoever knows the address is let in at"), "{said}");
    std::fs::write(&file, ASK.replace("next: told", "next: tolt")).expect("it is written");
    let wrong = node.command(&["check", path]).await;
    assert_eq!(wrong.status.code(), Some(1));
    let torn = "cycle: torn\nsteps:\n  a: { webhook: , next: b }\n  b:\n    script: |\n      function step() {\n        return {{\n";
    let script = file.with_file_name("torn.txt");
    std::fs::write(&script, torn).expect("it is written");
    let told = node.command(&["check", script.to_str().expect("a path"), "--format", "line"]).await;
    assert_eq!(told.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&told.stdout).contains("HF110"), "{told:?}");
    let shown = String::from_utf8_lossy(&wrong.stdout).into_owned() + &String::from_utf8_lossy(&wrong.stderr);
    assert!(shown.contains("tolt") && shown.contains("told"), "{shown}");
}
