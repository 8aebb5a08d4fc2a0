//! Secrets go where they are sent, and are found nowhere else: not in the database, a log, a trace, an
//! error, an event, a metric or any answer of the API (contract, sections 2, 10 and 17).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use holdfast_tests::{Call, Home, Mode, Node, Partner, Store, both_stores, eventually};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

both_stores![a_secret_is_found_nowhere];

/// Each has the word in it, so that one search finds any.
const SECRETS: [(&str, &str); 7] = [
    ("TOKEN", "kanarienvogel-bearer-1"),
    ("PASSWORD", "kanarienvogel:password/2"),
    ("QUERY", "kanarienvogel query&3"),
    ("BODY", "kanarienvogel\"body\"4"),
    ("CLIENT", "kanarienvogel-client-5"),
    ("HOOK", "kanarienvogel-hook-6"),
    ("SIGNED", "kanarienvogel-signed-7"),
];
const WORD: &str = "kanarienvogel";
/// What the partner's token endpoint gives: not ours, and no less secret.
const ACCESS: &str = "kanarienvogel-access-8";

fn cycle(partner: &Partner) -> String {
    r#"
cycle: leaky
steps:
  asked:
    webhook:
      verify:
        any:
          - { preset: header, header: x-hook, secret: "${secrets.HOOK}" }
          - { preset: github, secret: "${secrets.SIGNED}" }
    next: plain
  plain:
    http:
      method: POST
      url: URL/echo?key=${secrets.QUERY}
      query: { more: "${secrets.QUERY}" }
      headers: { x-key: "key ${secrets.TOKEN}" }
      body: { key: "${secrets.BODY}", nested: ["a ${secrets.BODY} b"] }
      auth: { bearer: "${secrets.TOKEN}" }
    next: basic
  basic:
    http:
      url: URL/basic
      auth: { basic: { user: ann, password: "${secrets.PASSWORD}" } }
      retry: { attempts: 2, backoff: 100ms }
    on_error: oauth
    next: oauth
  oauth:
    http:
      url: URL/oauth
      auth: { oauth2: { token_url: URL/token, client_id: ann, client_secret: "${secrets.CLIENT}" } }
    on_error: broken
    next: broken
  broken:
    http:
      url: http://127.0.0.1:1/${secrets.TOKEN}
      retry: { attempts: 1 }
    on_error: kept
    next: kept
  kept:
    set: { plain: "${$.plain}", broken: "${$.broken.error.message}", basic: "${$.basic}", oauth: "${$.oauth}" }
    next: told
  told:
    respond: { body: "${$.kept}" }
"#
    .replace("URL", &partner.url())
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

/// Everything that the store keeps, as text.
async fn at_rest(home: &Home, node: &Node) -> Vec<u8> {
    let Some(url) = home.home.superuser() else {
        let path = node.data().join("holdfast.db");
        let mut bytes = std::fs::read(&path).expect("the database");
        bytes.extend(std::fs::read(path.with_extension("db-wal")).unwrap_or_default());
        return bytes;
    };
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.expect("tables");
    let mut all = Vec::new();
    for table in tables {
        let rows =
            format!("SELECT concat_ws(' ', t.*::text, encode(convert_to(t.*::text, 'UTF8'), 'escape')) FROM {table} t");
        for row in sqlx::query_scalar::<_, String>(AssertSqlSafe(rows)).fetch_all(&mut connection).await.expect("rows")
        {
            // Bytes stand in hexadecimal in a row's text.
            for part in row.split("\\\\x").skip(1) {
                let digits: String = part.chars().take_while(char::is_ascii_hexdigit).collect();
                all.extend(
                    digits
                        .as_bytes()
                        .chunks_exact(2)
                        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()),
                );
            }
            all.extend(row.into_bytes());
        }
    }
    assert!(holds(&all, "leaky"), "the tables were read");
    all
}

async fn a_secret_is_found_nowhere(store: Store) {
    let partner = Partner::start().await;
    let (home, mut node) = Home::with_secrets(store, Mode::Dev, &SECRETS, &cycle(&partner)).await;
    node.kill().await;
    node.restart_with(&[("HOLDFAST_LOG_LEVEL", "trace"), ("RUST_LOG", "trace")]).await;

    // The partner gives back what it was sent, in its head and in its body.
    let echo = json!({ "all": SECRETS.map(|(_, value)| value), "base64": STANDARD.encode(SECRETS[1].1) }).to_string();
    partner.answers(200, &format!("x-echo: Bearer {}\r\n", SECRETS[0].1), &echo);
    partner.answers(503, "", &echo);
    partner.answers(401, &format!("x-echo: {}\r\n", STANDARD.encode(format!("ann:{}", SECRETS[1].1))), &echo);
    partner.answers(200, "", &json!({ "access_token": ACCESS, "token_type": "Bearer", "expires_in": 60 }).to_string());
    partner.answers(418, "", &json!({ "you_sent": format!("Bearer {ACCESS}") }).to_string());

    let events = tokio::spawn(Call::new("GET", "/api/v1/events").send(node.address));
    let hook = node.hook("leaky", "asked").await;
    let call = Call::new("POST", &hook).json(json!({ "n": 1 })).header("x-hook", SECRETS[5].1);
    let answer = node.send(call).await.expect("an answer").expect(200);
    let id = answer.transaction();
    let refused = Call::new("POST", &hook).json("{}").header("x-hook", "kanarienvogel-guess");
    let refused = node.send(refused).await.expect("an answer").expect(401);
    eventually("all is done", async || (node.transaction(&id).await["status"] == "completed").then_some(())).await;

    // They did go out.
    let asked = partner.asked();
    let sent = format!("{asked:?}");
    assert_eq!(asked.len(), 5, "{sent}");
    assert!(sent.contains("Bearer kanarienvogel-bearer-1") && sent.contains(&format!("Bearer {ACCESS}")), "{sent}");
    assert!(sent.contains(&STANDARD.encode(format!("ann:{}", SECRETS[1].1))), "{sent}");

    let mut told: Vec<(String, Vec<u8>)> = vec![
        ("the answer".into(), answer.body.to_vec()),
        ("the refusal".into(), refused.body.to_vec()),
        ("the log".into(), node.log().into_bytes()),
        ("the metrics".into(), node.get("/metrics").await.body.to_vec()),
        ("the store".into(), at_rest(&home, &node).await),
    ];
    for path in [
        "/cycles",
        "/cycles/leaky",
        "/cycles/leaky/versions",
        "/webhooks",
        "/transactions",
        "/hits",
        "/secrets",
        "/keys",
        "/openapi.json",
        &format!("/transactions/{id}"),
        &format!("/transactions/{id}/runs"),
        &format!("/hits/{}", answer.hit()),
        &format!("/hits/{}/explain", answer.hit()),
    ] {
        told.push((path.to_owned(), node.api(path).await.to_string().into_bytes()));
    }
    for arguments in [&["secrets", "list"][..], &["transactions", "show", &id], &["hits", "show", &answer.hit()]] {
        let output = node.command(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        told.push((arguments.join(" "), [output.stdout, output.stderr].concat()));
    }
    node.kill().await;
    if let Ok(heard) = events.await.expect("no panic") {
        told.push(("the events".into(), heard.body.to_vec()));
    }
    let transaction: Value =
        serde_json::from_slice(&told.iter().find(|(path, _)| path.ends_with(&id)).expect("it").1).expect("JSON");
    assert!(transaction.to_string().matches("***").count() > 10, "{transaction}");
    let percent = |value: &str| value.replace(' ', "+").replace('&', "%26");
    let forms = |value: &str| [STANDARD.encode(value).trim_end_matches('=').to_owned(), percent(value)];
    for (place, bytes) in told {
        let near = || {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let at = text.find(WORD).unwrap_or_default();
            text.chars().skip(at.saturating_sub(200)).take(600).collect::<String>()
        };
        assert!(!holds(&bytes, WORD), "a secret is in {place}: {}", near());
        for (name, value) in SECRETS {
            for form in forms(value) {
                assert!(!holds(&bytes, &form), "{name} as {form} is in {place}");
            }
        }
    }
}
