//! What Holdfast sends is taken by the schemes' own libraries, and one changed byte of it is not. They
//! are installed at the versions that `tests/clients/receivers` names; where that can't be done, the test
//! fails.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use holdfast_tests::{Asked, Home, Mode, Partner, Store};
use serde_json::{Value, json};

const ORDER: &str = "cycle: order\nsteps:\n  placed: { webhook: , next: late }\n  late: { notify: { event: order.late, data: { text: \"größer <&> 日本\" } } }\n";

/// As the libraries take them: one line a delivery.
fn line(profile: &str, secret: &str, asked: &Asked) -> String {
    let headers: serde_json::Map<String, Value> =
        asked.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    json!({ "profile": profile, "secret": secret, "headers": headers, "body": asked.body }).to_string()
}

fn verified(lines: &str) -> usize {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/receivers");
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm-receivers");
    fs::create_dir_all(&at).expect("a directory");
    for file in ["package.json", "verify.js"] {
        fs::copy(from.join(file), at.join(file)).expect("copied");
    }
    let install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    let installed = Command::new("npm").current_dir(&at).args(install).output().expect("npm runs");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let mut node = Command::new("node")
        .current_dir(&at)
        .arg("verify.js")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node runs");
    node.stdin.take().expect("its input").write_all(lines.as_bytes()).expect("written");
    let output = node.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// On the real clock: the libraries look at the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_taken_by_the_libraries_of_their_schemes() {
    let home = Home::new(Store::Sqlite, ORDER).await;
    let node = home.start(Mode::Dev).await;
    let partner = Partner::start().await;
    let mut lines = String::new();
    let mut seen = 0;
    // (profile, checks that the libraries make, secret rotated)
    for (profile, checks, rotated) in [
        ("standard", 2, false),
        ("standard", 2, true),
        ("stripe", 1, false),
        ("stripe", 1, true),
        ("github", 1, false),
        ("cloudevents", 2, false),
    ] {
        let url = format!("{}/{profile}{rotated}", partner.url());
        let given = json!({ "url": url, "profile": profile, "events": ["order.late"] });
        let made = node.post("/api/v1/endpoints", given).await.expect(201).json();
        let id = made["id"].as_str().expect("an id").to_owned();
        let mut secrets = vec![made["secret"].as_str().expect("a secret").to_owned()];
        if rotated {
            let path = format!("/api/v1/endpoints/{id}/rotate");
            let new = node.post(&path, json!({})).await.expect(200).json();
            secrets.push(new["secret"].as_str().expect("a secret").to_owned());
        }
        node.hit("order/placed", json!({ "id": 1 })).await.expect(200);
        let wanted = format!("POST /{profile}{rotated}");
        let asked = holdfast_tests::eventually("it is told", async || {
            let all = partner.asked();
            all.into_iter().find(|asked| asked.line == wanted && asked.body.contains("order.late"))
        })
        .await;
        for secret in &secrets {
            lines.push_str(&line(profile, secret, &asked));
            lines.push('\n');
            seen += checks;
        }
        node.send(node.call("DELETE", &format!("/api/v1/endpoints/{id}"))).await.expect("an answer").expect(204);
    }
    assert_eq!(verified(&lines), seen);
}
