//! What steps came to, and limits that were reached, as metrics; and a partner that is believed by an
//! authority of the operator's own (contract, sections 12 and 13).

use holdfast_tests::{Home, Mode, Node, Partner, Store, binary, both_stores, eventually};
use serde_json::json;

both_stores![a_partner_of_a_private_authority, limits_of_scripts_and_elements_are_counted];

fn call(partner: &Partner) -> String {
    format!(
        "cycle: call\nsteps:\n  asked: {{ webhook: , next: told }}\n  told:\n    http:\n      url: {}/\n      \
         retry: {{ attempts: 2, backoff: 100ms }}\n",
        partner.url()
    )
}

async fn comes_to(node: &Node, id: &str, status: &str) -> serde_json::Value {
    eventually(&format!("{id} is {status}"), async || {
        let view = node.transaction(id).await;
        (view["status"] == status).then_some(view)
    })
    .await
}

async fn counts(node: &Node, line: &str) {
    let metrics = node.get("/metrics").await.text();
    assert!(metrics.lines().any(|one| one == line), "{line} is not in {metrics}");
}

async fn a_partner_of_a_private_authority(store: Store) {
    let partner = Partner::start_secured().await;
    let home = Home::new(store, &call(&partner)).await;
    let mut node = home.start(Mode::Dev).await;
    let id = node.hit("call/asked", "{}").await.expect(200).transaction();
    let failed = comes_to(&node, &id, "failed").await;
    assert_eq!(failed["error"]["kind"], "tls", "{failed}");
    assert!(partner.asked().is_empty(), "nothing was sent to one whom nobody vouches for");
    counts(&node, r#"holdfast_steps_total{kind="http",outcome="again"} 1"#).await;
    counts(&node, r#"holdfast_steps_total{kind="http",outcome="tls"} 1"#).await;

    node.kill().await;
    let authority = Partner::authority();
    node.restart_with(&[("HOLDFAST_CA_FILE", authority.to_str().expect("text"))]).await;
    let id = node.hit("call/asked", "{}").await.expect(200).transaction();
    comes_to(&node, &id, "completed").await;
    assert_eq!(partner.asked().len(), 1);
    counts(&node, r#"holdfast_steps_total{kind="http",outcome="completed"} 1"#).await;
    let metrics = node.get("/metrics").await.text();
    assert!(!metrics.contains(&id), "no label is a transaction");
}

#[tokio::test]
async fn a_file_of_authorities_that_is_none_is_refused_at_the_start() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("ca.pem");
    for (text, said) in [("no certificate", "no certificate is in it"), ("", "no certificate is in it")] {
        std::fs::write(&file, text).expect("written");
        let mut command = tokio::process::Command::new(binary());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(home.path().join("data"));
        let output = command.arg("--ca-file").arg(&file).output().await.expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains("--ca-file") && told.contains(said), "{told}");
    }
}

const LIMITS: &str = "
cycle: heavy
steps:
  asked: { webhook: , next: works }
  works:
    script: |
      function step(document) {
        const { way } = document.asked.body
        if (way === 'time') while (true) {}
        if (way === 'memory') return 'x'.repeat(40_000_000)
        if (way === 'stack') { const down = () => down() + 1; return down() }
        if (way === 'throw') throw new Error('no')
        return Array.from({ length: way === 'many' ? 10001 : 1 }, () => 1)
      }
    next: many
  many:
    each:
      in: $.works
      steps:
        one: { set: 1 }
";

async fn limits_of_scripts_and_elements_are_counted(store: Store) {
    let home = Home::new(store, LIMITS).await;
    let node = home.start(Mode::Dev).await;
    for (way, status) in [
        ("time", "failed"),
        ("memory", "failed"),
        ("stack", "failed"),
        ("throw", "failed"),
        ("many", "failed"),
        ("", "completed"),
    ] {
        let id = node.hit("heavy/asked", json!({ "way": way })).await.expect(200).transaction();
        comes_to(&node, &id, status).await;
    }
    for limit in ["script time", "script memory", "script stack", "elements of an each"] {
        counts(&node, &format!("holdfast_limit_reached_total{{limit=\"{limit}\"}} 1")).await;
        assert!(node.log().contains(limit), "{limit} is not in {}", node.log());
    }
    counts(&node, r#"holdfast_steps_total{kind="script",outcome="script"} 4"#).await;
    counts(&node, r#"holdfast_steps_total{kind="script",outcome="completed"} 2"#).await;
}
