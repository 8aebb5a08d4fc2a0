//! Variables, given at a deploy, and what of the environment the operator allows (contract, section 2).

use holdfast_tests::{Home, Mode, Node, Response, Store, both_stores, eventually};
use serde_json::{Value, json};

both_stores![
    a_deploy_gives_variables_and_the_next_begins_anew,
    what_has_no_value_must_be_given,
    what_is_not_declared_is_refused,
    the_environment_is_read_where_it_is_allowed,
];

const CYCLE: &str = "
cycle: shop
vars: { region: eu, limit: 5, strict: false }
steps:
  asked: { webhook: , next: told }
  told: { respond: { body: { region: \"${vars.region}\", limit: \"${vars.limit}\", strict: \"${vars.strict}\" } } }
";

async fn deploy(node: &Node, query: &str, yaml: &str) -> Response {
    let call = node.call("POST", &format!("/api/v1/cycles{query}")).body("application/yaml", yaml.to_owned());
    node.send(call).await.expect("an answer")
}

async fn told(node: &Node) -> Value {
    node.hit("shop/asked", "{}").await.expect(200).json()
}

async fn a_deploy_gives_variables_and_the_next_begins_anew(store: Store) {
    let home = Home::new(store, CYCLE).await;
    let mut node = home.start(Mode::Dev).await;
    let declared = json!({ "region": "eu", "limit": 5, "strict": false });
    let given = json!({ "region": "us east=1", "limit": 12.50, "strict": true });
    assert_eq!(told(&node).await, declared);
    let query = "?file=a.yaml&var.region=us%20east%3D1&var.limit=12.50&var.strict=true";
    let version = deploy(&node, query, CYCLE).await.expect(200).json()[0]["version"].clone();
    assert_eq!((told(&node).await, &version), (given.clone(), &json!(2)));
    let same = deploy(&node, query, CYCLE).await.expect(200).json()[0]["changed"].clone();
    assert_eq!(same, false);
    // They are the version's own, after a restart too.
    node.kill().await;
    std::fs::remove_file(home.definitions().join("test.yaml")).expect("it was there");
    node.restart().await;
    assert_eq!(told(&node).await, given);
    deploy(&node, "", CYCLE).await.expect(200);
    assert_eq!(told(&node).await, declared);
    let file = home.definitions().join("shop.txt");
    std::fs::write(&file, CYCLE).expect("it is written");
    let path = file.to_str().expect("a path");
    let done = node.command(&["cycles", "deploy", path, "--var", "region=ap", "--var", "limit=1"]).await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(told(&node).await, json!({ "region": "ap", "limit": 1, "strict": false }));
}

async fn what_has_no_value_must_be_given(store: Store) {
    let home = Home::new(store, "cycle: first\nsteps:\n  one:\n    webhook:\n").await;
    let mut node = home.dev().await;
    let yaml = CYCLE.replace("region: eu", "region: null");
    let refused = deploy(&node, "", &yaml).await.expect(422).json();
    assert_eq!((&refused["diagnostics"][0]["code"], &refused["diagnostics"][0]["line"]), (&json!("HF083"), &json!(3)));
    for wrong in ["?var.region=x&var.limit=many", "?var.region=x&var.strict=yes"] {
        let refused = deploy(&node, wrong, &yaml).await.expect(422).json();
        assert_eq!(refused["diagnostics"][0]["code"], "HF083", "{wrong}");
    }
    std::fs::write(home.definitions().join("shop.yaml"), &yaml).expect("it is written");
    eventually("it says what is missing", async || node.log().contains("HF083").then_some(())).await;
    node.kill().await;
    node.restart_with(&[("HOLDFAST_VAR", "region=dev,other=1")]).await;
    assert_eq!(told(&node).await["region"], "dev");
    deploy(&node, "?var.region=x", &yaml).await.expect(200);
    assert_eq!(told(&node).await["region"], "x");
}

async fn what_is_not_declared_is_refused(store: Store) {
    let home = Home::new(store, CYCLE).await;
    let node = home.dev().await;
    for query in ["?var.regoin=us", "?vars.region=us", "?flie=a.yaml"] {
        let refused = deploy(&node, query, CYCLE).await.expect(400).text();
        assert!(refused.contains("regoin") || refused.contains("unknown parameter"), "{refused}");
    }
    assert_eq!(told(&node).await["region"], "eu");
}

async fn the_environment_is_read_where_it_is_allowed(store: Store) {
    let yaml = "cycle: shop\nsteps:\n  asked: { webhook: , next: told }\n  \
                told: { respond: { body: { stage: \"${env.STAGE}\", none: \"${env.NONE ?? 1}\" } } }\n";
    let home = Home::new(store, "cycle: first\nsteps:\n  one:\n    webhook:\n").await;
    let mut node = home.start(Mode::Dev).await;
    let refused = deploy(&node, "", yaml).await.expect(400).text();
    assert!(refused.contains("--allow-env"), "{refused}");
    node.kill().await;
    node.restart_with(&[("HOLDFAST_ALLOW_ENV", "STAGE,NONE"), ("STAGE", "test"), ("OTHER", "hidden")]).await;
    node.deploy(yaml).await;
    assert_eq!(told(&node).await, json!({ "stage": "test", "none": 1 }));
    let other = yaml.replace("env.NONE", "env.OTHER");
    deploy(&node, "", &other).await.expect(400);
}
