use std::sync::Arc;

use super::*;

fn cycle(webhook: &str) -> Arc<Cycle> {
    let text = format!(
        "
cycle: c
steps:
  placed: {{ webhook: {{ {webhook} }}, next: paid }}
  paid:
    webhook:
      mapping:
        - {{ hit: $.body.order.id, transaction: $.placed.body.id }}
        - {{ hit: $.query.shop, transaction: '$.placed.body.lines[*].shop' }}
"
    );
    let mut checked = holdfast_definitions::check("c.yaml", &text);
    assert!(!checked.cycles.is_empty(), "{:?}", checked.diagnostics);
    checked.cycles.remove(0)
}

fn proof(webhook: &str) -> Proof {
    let cycle = cycle(webhook);
    let (_, _, webhook) = cycle.webhooks().next().unwrap();
    Proof::of(webhook.verify.as_ref().unwrap())
}

#[test]
fn one_examples_request_finds_what_anothers_has_started() {
    let cycle = cycle("");
    assert_eq!(
        curl("http://x/hooks/1", &cycle, "placed", None),
        "curl -i 'http://x/hooks/1' \\\n  -H 'content-type: application/json' \\\n  -d '{\"id\":\"A-17\"}'"
    );
    assert_eq!(
        curl("http://x/hooks/2", &cycle, "paid", None),
        "curl -i 'http://x/hooks/2?shop=A-17' \\\n  -H 'content-type: application/json' \\\n  -d '{\"order\":{\"id\":\"A-17\"}}'"
    );
    assert!(curl("http://x/hooks/2", &cycle, "gone", None).ends_with("-d '{}'"));
}

#[test]
fn a_shell_reads_nothing_but_what_is_meant() {
    assert_eq!(quoted("it's $(x) `y`"), "'it'\\''s $(x) `y`'");
    let proof = proof("verify: { preset: basic, user: \"a'b\", secret: \"${secrets.PASS}\" }");
    assert_eq!(proof.arguments, ["-u", "'a'\\''b:'\"$PASS\""]);
    assert_eq!(proof.said, "the user a'b with the secret PASS as password");
}

#[test]
fn what_a_sender_must_prove_is_said() {
    let proof = proof("verify: { preset: github, secret: \"${secrets.GITHUB}\" }");
    assert_eq!(proof.said, "a signature (HMAC-SHA256) in the header x-hub-signature-256, made with the secret GITHUB");
    assert_eq!(proof.arguments, ["-H", "'x-hub-signature-256: sha256=SIGNATURE'"]);
}
