//! What scripts can do and what they can't, in real workers.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use holdfast_sandbox::{Call, Change, ErrorKind, Kept, Limits, Pool, Returned, ScriptError};

fn pool(size: usize) -> Pool {
    Pool::new(env!("CARGO_BIN_EXE_holdfast-sandbox-worker"), Vec::new(), Limits::default(), size)
}

fn call(source: &str) -> Call {
    Call {
        source: source.into(),
        name: "step".to_owned(),
        arguments: vec![r#"{"n": 2}"#.to_owned()],
        now_ms: 1_700_000_000_000,
        seed: 7,
        first_line: 10,
        store: None,
    }
}

async fn run(source: &str) -> Result<Returned, ScriptError> {
    pool(1).run(call(source)).await
}

async fn value(body: &str) -> String {
    let returned = run(&format!("function step(document) {{ {body} }}")).await.expect("the script returns");
    returned.value.unwrap_or_else(|| "undefined".to_owned())
}

async fn kind(body: &str) -> ErrorKind {
    run(&format!("function step(document) {{ {body} }}")).await.expect_err("the script fails").kind
}

#[tokio::test]
async fn a_step_returns_json() {
    assert_eq!(value("return { n: document.n * 21 }").await, r#"{"n":42}"#);
    assert_eq!(value("").await, "undefined");
    let later = run("async function step(d) { return (await Promise.resolve(d.n)) + 1 }").await.unwrap();
    assert_eq!(later.value.unwrap(), "3");
}

#[tokio::test]
async fn the_clock_and_the_dice_are_the_calls() {
    assert_eq!(
        value("return [Date.now(), new Date(), new Date(0)]").await,
        r#"[1700000000000,"2023-11-14T22:13:20.000Z","1970-01-01T00:00:00.000Z"]"#
    );
    assert_eq!(value("return new Date().constructor === Date && new Date() instanceof Date").await, "true");
    assert_eq!(value("return new Date.prototype.constructor().getTime()").await, "1700000000000");
    assert_eq!(value("return Math.random()").await, value("return Math.random()").await);
}

#[tokio::test]
async fn nothing_of_the_outside_is_there() {
    let names = "['fetch','require','process','std','os','setTimeout','performance','Atomics','WeakRef','Deno']";
    assert_eq!(value(&format!("return {names}.filter(n => n in globalThis)")).await, "[]");
    assert_eq!(kind("return import('std')").await, ErrorKind::Throw);
    let pool = pool(1);
    pool.run(call("function step() {}")).await.unwrap();
    for id in pool.idle_ids() {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap();
        assert_eq!(environment, b"TZ=UTC\0", "nothing of the server's is in a worker");
    }
}

#[tokio::test]
async fn loops_end() {
    for body in [
        "while (true) {}",
        "for (;;) try { while (true) {} } catch {}",
        "const again = () => Promise.resolve().then(again); return again()",
        "return new Array(300_000_000) + ''",
        "return /^(a+)+$/.test('a'.repeat(40) + 'b')",
    ] {
        let began = Instant::now();
        let error = run(&format!("function step() {{ {body} }}")).await.unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Time | ErrorKind::Memory), "{body}: {error:?}");
        assert!(began.elapsed().as_secs() < 5, "{body}");
    }
    assert_eq!(kind("return new Promise(() => {})").await, ErrorKind::Result);
}

#[tokio::test]
async fn memory_and_stack_end() {
    for body in [
        "let s = 'x'; while (true) s += s + 1",
        "const a = []; while (true) a.push(new Array(1000).fill(1))",
        "return new Uint8Array(1 << 30).length",
        "const o = {}; for (let i = 0; ; i++) o['k' + i] = 'v'.repeat(1000) + i",
    ] {
        let error = run(&format!("function step() {{ {body} }}")).await.unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Memory | ErrorKind::Time), "{body}: {error:?}");
    }
    assert_eq!(kind("return step()").await, ErrorKind::Stack);
    assert_eq!(kind("const deep = () => [].concat([1].map(deep)); return deep()").await, ErrorKind::Stack);
}

#[tokio::test]
async fn results_are_json_of_a_size() {
    assert_eq!(kind("return 'x'.repeat(5 << 20)").await, ErrorKind::Result);
    assert_eq!(kind("const a = {}; a.a = a; return a").await, ErrorKind::Result);
    assert_eq!(kind("return 1n").await, ErrorKind::Result);
}

#[tokio::test]
async fn errors_have_the_line_of_the_file() {
    let error = run("function step() {\n  throw new Error('no')\n}").await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str(), error.line), (ErrorKind::Throw, "no", Some(11)));
    let error = run("function step() {\n\n  return undefined.x\n}").await.unwrap_err();
    assert_eq!((error.kind, error.line), (ErrorKind::Throw, Some(12)));
    let error = run("\nfunction step( {").await.unwrap_err();
    assert_eq!((error.kind, error.line), (ErrorKind::Syntax, Some(11)));
    assert_eq!(run("throw 'text'").await.unwrap_err().message, "text");
    assert_eq!(run("let other = 1").await.unwrap_err().kind, ErrorKind::Syntax);
    let pool = pool(1);
    assert_eq!(pool.check("const step = () => { while (true) {} }".into(), "step", 1).await, Ok(()));
    assert_eq!(pool.check("function step( {".into(), "step", 7).await.unwrap_err().line, Some(7));
}

#[tokio::test]
async fn nothing_passes_from_one_call_to_the_next() {
    let pool = pool(1);
    let spoil =
        "let seen = 1; globalThis.x = 1; Object.prototype.x = 1; Array.prototype.map = null; JSON.stringify = null;
        function step() { return seen }";
    assert_eq!(pool.run(call(spoil)).await.unwrap().value.unwrap(), "1");
    let ids = pool.idle_ids();
    let look =
        "function step() { return [typeof seen, typeof x, ({}).x === undefined, typeof [].map, JSON.stringify(1)] }";
    let seen = pool.run(call(look)).await.unwrap().value.unwrap();
    assert_eq!(seen, r#"["undefined","undefined",true,"function","1"]"#);
    assert_eq!(pool.idle_ids(), ids, "the same worker did both");
}

#[tokio::test]
async fn a_worker_killed_from_outside_is_replaced() {
    let pool = pool(3);
    pool.run(call("function step() {}")).await.unwrap();
    for id in pool.idle_ids() {
        let id = rustix::process::Pid::from_raw(id.cast_signed()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    }
    assert_eq!(pool.run(call("function step() { return 1 }")).await.unwrap().value.unwrap(), "1");
}

#[tokio::test]
async fn two_hundred_calls_at_once() {
    let pool = pool(3);
    let calls: Vec<_> = (0..200)
        .map(|index| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.run(call(&format!("function step() {{ return {index} }}"))).await })
        })
        .collect();
    for (index, running) in calls.into_iter().enumerate() {
        assert_eq!(running.await.unwrap().unwrap().value.unwrap(), index.to_string());
    }
    assert!(pool.idle_ids().len() <= 3);
}

#[tokio::test]
async fn the_console_is_kept_and_capped() {
    let returned = run("function step() { console.log('a', { b: 1 }, undefined) }").await.unwrap();
    assert_eq!(returned.console, [r#"a {"b":1} undefined"#]);
    let error = run("function step() { console.log('before'); throw 1 }").await.unwrap_err();
    assert_eq!((error.message.as_str(), error.console.as_slice()), ("1", &["before".to_owned()][..]));
    let returned = run("function step() { for (let i = 0; i < 1000; i++) console.log(i) }").await.unwrap();
    assert_eq!(returned.console.len(), 100);
    let returned = run("function step() { console.log('ä'.repeat(100000)); console.log(1) }").await.unwrap();
    assert_eq!(returned.console.iter().map(String::len).sum::<usize>(), 8192);
}

#[tokio::test]
async fn a_request_may_respond() {
    let source = "function request(r) { respond(202, { n: r.n }, { 'x-a': 'b' }); return false }";
    let returned = pool(1).run(Call { name: "request".to_owned(), ..call(source) }).await.unwrap();
    let responded = returned.responded.unwrap();
    assert_eq!((responded.status, responded.body.as_deref()), (202, Some(r#"{"n":2}"#)));
    assert_eq!(responded.headers, BTreeMap::from([("x-a".to_owned(), "b".to_owned())]));
    assert_eq!(returned.value.unwrap(), "false");
    assert_eq!(value("return typeof respond").await, r#""undefined""#);
}

#[tokio::test]
async fn helpers_encode_and_hash() {
    assert_eq!(
        value("return [base64.encode('ä'), base64.decode('w6Q'), hex.encode('az'), hex.decode('617a')]").await,
        r#"["w6Q=","ä","617a","az"]"#
    );
    assert_eq!(value("return base64.encode(new Uint8Array([255, 254]))").await, r#""//4=""#);
    assert_eq!(value("return Array.from(base64.decode('//4=', 'bytes'))").await, "[255,254]");
    assert_eq!(kind("base64.decode('//4=')").await, ErrorKind::Throw);
    assert_eq!(value("return hash('md5', '')").await, r#""d41d8cd98f00b204e9800998ecf8427e""#);
    assert_eq!(value("return hash('sha1', 'abc')").await, r#""a9993e364706816aba3e25717850c26c9cd0d89d""#);
    // RFC 4231, test case 2.
    assert_eq!(
        value("return hmac('sha256', 'Jefe', 'what do ya want for nothing?')").await,
        r#""5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843""#
    );
}

#[tokio::test]
async fn helpers_read_and_write_xml_and_csv() {
    assert_eq!(value(r#"return xml.parse('<a b="1"><c>x</c><c/></a>')"#).await, r#"{"a":{"@b":"1","c":["x",null]}}"#);
    assert_eq!(
        value(r#"return xml.format({ a: { '@b': '<', c: ['x', null], '#text': 1 } })"#).await,
        r#""<a b=\"&lt;\"><c>x</c><c/>1</a>""#
    );
    assert_eq!(kind("xml.parse('<!DOCTYPE a><a/>')").await, ErrorKind::Throw);
    assert_eq!(value(r#"return csv.parse('a,"b ""c"", d"\r\n,\n')"#).await, r#"[["a","b \"c\", d"],["",""]]"#);
    assert_eq!(
        value(r#"return csv.parse('n;m\n1;2', { header: true, separator: ';' })"#).await,
        r#"[{"n":"1","m":"2"}]"#
    );
    assert_eq!(value(r#"return csv.format([['a', 'b,"c'], [1, null]])"#).await, r#""a,\"b,\"\"c\"\r\n1,\r\n""#);
    assert_eq!(value("return csv.format([{ a: 1, b: true }])").await, r#""a,b\r\n1,true\r\n""#);
}

struct One;

#[async_trait::async_trait]
impl Kept for One {
    async fn get(&self, key: &str) -> Result<Option<(String, i64)>, String> {
        Ok((key == "count").then(|| ("41".to_owned(), 5)))
    }
}

#[tokio::test]
async fn the_store_is_read_and_its_changes_come_back() {
    let source = "function step() {
        store.set('a', { b: 1 }); store.delete('gone');
        return [store.increment('count'), store.get('count'), store.get('none') === undefined, store.get('a')] }";
    let returned = pool(1).run(Call { store: Some(Arc::new(One)), ..call(source) }).await.unwrap();
    assert_eq!(returned.value.unwrap(), r#"[42,42,true,{"b":1}]"#);
    let change = |key: &str, value: Option<&str>| Change { key: key.to_owned(), value: value.map(str::to_owned) };
    assert_eq!(returned.kept, [change("a", Some(r#"{"b":1}"#)), change("count", Some("42")), change("gone", None)]);
    assert_eq!(returned.read, [("count".to_owned(), 5), ("none".to_owned(), 0)]);
    assert_eq!(kind("store.get('a')").await, ErrorKind::Throw);
    let many = "function step() { for (let i = 0; i < 101; i++) store.set('k' + i, i) }";
    let error = pool(1).run(Call { store: Some(Arc::new(One)), ..call(many) }).await.unwrap_err();
    assert_eq!(error.message, "store: a call changes at most 100 keys");
}

#[tokio::test]
#[ignore = "a measurement"]
async fn measure_a_small_warm_call() {
    let pool = pool(1);
    let source = "function step(document) { return { n: document.n + 1 } }";
    pool.run(call(source)).await.unwrap();
    let began = Instant::now();
    for _ in 0..2000 {
        pool.run(call(source)).await.unwrap();
    }
    println!("{} us a call", began.elapsed().as_micros() / 2000);
}
