//! What the providers' own libraries sign is let in, and one changed byte of it is not. The
//! libraries are installed at the versions that `tests/clients` names; where that can't be done, the
//! test fails.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use holdfast_api::verify::{Reason, Request, check};
use holdfast_definitions::{StepKind, Verify, check as compile};
use hyper::{HeaderMap, Method, header::HeaderName};
use serde::Deserialize;

const SLACK_SDK: &str = "slack-sdk==3.48.0";

#[derive(Clone, Deserialize)]
struct Signed {
    library: String,
    verify: String,
    secret: String,
    headers: BTreeMap<String, String>,
    body: String,
    now: i64,
    url: String,
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn signed(lines: &str) -> Vec<Signed> {
    lines.lines().map(|line| serde_json::from_str(line).expect("a signed request")).collect()
}

fn verify(text: &str) -> Verify {
    let text = text.replace("SECRET", "\"${secrets.S}\"");
    let checked = compile("c.yaml", &format!("cycle: c\nsteps:\n  placed:\n    webhook: {{ verify: {text} }}\n"));
    let cycle = checked.cycles.first().unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
    let StepKind::Webhook(webhook) = &cycle.steps[0].kind else { panic!("no webhook") };
    webhook.verify.clone().expect("`verify`")
}

impl Signed {
    fn taken(&self, body: &[u8]) -> Result<(), Reason> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.insert(name.parse::<HeaderName>().expect("a name"), value.parse().expect("a value"));
        }
        let request = Request { method: &Method::POST, url: &self.url, headers: &headers, body };
        let secrets = |name: &str| (name == "S").then(|| vec![self.secret.clone().into_bytes()]);
        let now = chrono::DateTime::from_timestamp(self.now, 0).expect("a time");
        check(&verify(&self.verify), &request, &secrets, now).map(|_| ())
    }

    fn holds_to_the_byte(&self) {
        assert_eq!(self.taken(self.body.as_bytes()), Ok(()), "{}", self.library);
        for at in 0..self.body.len() {
            let mut body = self.body.clone().into_bytes();
            body[at] ^= 1;
            assert!(self.taken(&body).is_err(), "{} at {at}", self.library);
        }
        for name in self.headers.keys().filter(|name| name.contains("signature")) {
            for at in 0..self.headers[name].len() {
                let mut other = self.clone();
                let value = other.headers.get_mut(name).expect("the header");
                let byte = self.headers[name].as_bytes()[at] ^ 1;
                value.replace_range(at..=at, &char::from(byte).to_string());
                assert!(other.taken(self.body.as_bytes()).is_err(), "{}: {name} at {at}", self.library);
            }
        }
    }
}

#[test]
fn verify_takes_what_the_npm_libraries_sign() {
    let (from, at) =
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("clients"), Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm"));
    fs::create_dir_all(&at).unwrap();
    for file in ["package.json", "sign.js"] {
        fs::copy(from.join(file), at.join(file)).unwrap();
    }
    run(Command::new("npm").current_dir(&at).args([
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]));
    let all = signed(&run(Command::new("node").current_dir(&at).arg("sign.js")));
    assert_eq!(all.len(), 9);
    all.iter().for_each(Signed::holds_to_the_byte);
}

#[test]
fn verify_takes_what_slack_s_library_signs() {
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pip");
    run(Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
        .arg(&at)
        .arg(SLACK_SDK));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/sign.py");
    let all = signed(&run(Command::new("python3").env("PYTHONPATH", &at).arg(script)));
    assert_eq!(all.len(), 1);
    all.iter().for_each(Signed::holds_to_the_byte);
}
