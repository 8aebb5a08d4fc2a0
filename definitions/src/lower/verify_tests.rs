//! Every preset is what it should be, and the settings of one.

use super::*;
use crate::{check, lower::senders, step::StepKind};

type Settings = (Option<Verify>, Option<crate::Challenge>);

fn webhook(settings: &str) -> (Vec<&'static str>, Option<Settings>) {
    let text = format!("cycle: c\nsteps:\n  placed:\n    webhook: {{ {settings} }}\n");
    let checked = check("c.yaml", &text);
    let found = checked.cycles.first().map(|cycle| match &cycle.steps[0].kind {
        StepKind::Webhook(webhook) => (webhook.verify.clone(), webhook.challenge.clone()),
        _ => panic!("no webhook"),
    });
    (checked.diagnostics.iter().map(|one| one.code).collect(), found)
}

#[test]
fn every_preset_is_clean() {
    for (name, _) in senders::VERIFY {
        let (codes, found) = webhook(&format!("verify: {{ preset: {name}, secret: \"${{secrets.A}}\" }}"));
        assert!(codes.is_empty(), "{name}: {codes:?}");
        assert_eq!(found.unwrap().0.unwrap().secrets(), ["A"]);
    }
    for (name, text) in senders::CHALLENGE {
        let secret = if text.contains("mac:") || text.contains("token:") { ", secret: \"${secrets.A}\"" } else { "" };
        let verify = "verify: { preset: bearer, secret: \"${secrets.B}\" }";
        let (codes, found) = webhook(&format!("{verify}, challenge: {{ preset: {name}{secret} }}"));
        assert!(codes.is_empty(), "{name}: {codes:?}");
        assert!(found.unwrap().1.is_some());
    }
}

#[test]
fn secrets_are_named_and_never_written() {
    let codes = |secret: &str| webhook(&format!("verify: {{ preset: github, secret: {secret} }}")).0;
    assert!(codes("[\"${secrets.NEW}\", \"${secrets.OLD}\"]").is_empty());
    for bad in ["hunter2", "''", "", "[]", "\"${secrets.}\"", "\"${secrets.A}x\"", "\"${$.x}\"", "{ a: b }"] {
        assert_eq!(codes(bad), ["HF070"], "{bad}");
    }
}

#[test]
fn what_is_looked_at_is_signed() {
    let codes = |rest: &str| webhook(&format!("verify: {{ hmac: sha256, secret: \"${{secrets.A}}\", {rest} }}")).0;
    assert!(codes("header: X-Sig, signed: [body]").is_empty());
    assert_eq!(codes("header: x-sig, signed: [url]"), ["HF072"]);
    assert_eq!(codes("header: x-sig, signed: [body], timestamp: { header: x-ts }"), ["HF073"]);
    assert_eq!(codes("header: x-sig, signed: [body, timestamp]"), ["HF011"]);
    assert_eq!(codes("header: x-sig, signed: [body], tolerance: 2d"), ["HF074"]);
    assert_eq!(codes("header: 'x sig', signed: [body]"), ["HF075"]);
}
