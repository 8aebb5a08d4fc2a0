use secrecy::{ExposeSecret as _, SecretString};

use super::*;
use crate::store::SecretRow;

const CANARY: &str = "pa ss/w?rd+\"canary\"";

fn keys(lines: &[&str]) -> MasterKeys {
    MasterKeys::parse(&lines.join("\n")).expect("keys")
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::MasterKey(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_sealed_opens_for_its_account_and_name_only() {
    let keys = keys(&[&MasterKeys::generate()]);
    let (sealed, id) = keys.seal("a", "token", &secret(CANARY)).expect("sealed");
    assert_eq!(Some(id), keys.current());
    assert_eq!(keys.open("a", "token", &sealed).expect("opened").expose_secret(), CANARY);
    assert!(!sealed.windows(6).any(|part| CANARY.as_bytes().windows(6).any(|known| known == part)));
    let again = keys.seal("a", "token", &secret(CANARY)).expect("sealed").0;
    assert_ne!(sealed, again, "a nonce is never used twice");
    for (account, name) in [("b", "token"), ("a", "other"), ("at", "oken")] {
        assert!(refusal(keys.open(account, name, &sealed)).contains("changed"));
    }
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let message = refusal(keys.open("a", "token", &changed));
        assert!(!message.contains("canary"), "{message}");
    }
    for cut in [0, 1, HEAD_BYTES - 1, HEAD_BYTES, sealed.len() - 1] {
        refusal(keys.open("a", "token", &sealed[..cut]));
    }
}

#[test]
fn an_older_key_opens_and_the_first_seals() {
    let (old, new) = (MasterKeys::generate(), MasterKeys::generate());
    let (sealed, id) = keys(&[&old]).seal("a", "token", &secret("value")).expect("sealed");
    let message = refusal(keys(&[&new]).open("a", "token", &sealed));
    assert!(message.contains(&id) && message.contains("token") && message.contains("--master-key-file"), "{message}");
    let both = keys(&["# two", &new, "", &old]);
    assert_eq!(both.open("a", "token", &sealed).expect("opened").expose_secret(), "value");
    let (resealed, newer) = both.seal("a", "token", &secret("value")).expect("sealed");
    assert_ne!(id, newer);
    assert!(keys(&[&new]).open("a", "token", &resealed).is_ok());
    assert!(refusal(MasterKeys::none().seal("a", "token", &secret("v"))).contains("HOLDFAST_MASTER_KEY"));
}

#[test]
fn a_wrong_master_key_is_told_by_its_line_and_never_shown() {
    assert!(refusal(MasterKeys::parse("\n# none\n")).contains("empty"));
    for wrong in ["short", "c2hvcnQ=", "not base64 at all, and quite long as well!!"] {
        let message = refusal(MasterKeys::parse(&format!("{}\n{wrong}", *MasterKeys::generate())));
        assert!(message.contains("line 2") && !message.contains(wrong), "{message}");
    }
    let text = MasterKeys::generate();
    let shown = format!("{:?}", keys(&[&text]));
    assert!(!shown.contains(text.as_str()) && shown.len() < 30, "{shown}");
}

#[test]
fn names_and_values_have_bounds() {
    let (long, longer) = ("x".repeat(100), "x".repeat(101));
    for right in ["a", "_", "A9_b", &long] {
        assert!(check_name(right).is_ok(), "{right}");
    }
    for wrong in ["", "9a", "a-b", "a b", "é", &longer] {
        assert!(check_name(wrong).is_err(), "{wrong}");
    }
    assert!(check_value(&secret("")).is_err());
    assert!(check_value(&secret(&"x".repeat(VALUE_BYTES_MAX))).is_ok());
    assert!(check_value(&secret(&"x".repeat(VALUE_BYTES_MAX + 1))).is_err());
}

#[test]
fn values_show_their_names_only() {
    let keys = keys(&[&MasterKeys::generate()]);
    let row = |name: &str, value: &str| {
        let (sealed, key_id) = keys.seal("a", name, &secret(value)).expect("sealed");
        let name = name.to_owned();
        SecretRow { account: "a".into(), name, sealed, key_id, created_at: 0, updated_at: 0, last_used_at: None }
    };
    let values = SecretValues::open(&keys, &[row("token", CANARY), row("pin", "12")]).expect("opened");
    let shown = format!("{values:?} {:?}", values.mask());
    assert!(shown.contains("token") && !shown.contains("canary"), "{shown}");
    assert_eq!(values.expose("token"), Some(CANARY));
    assert_eq!(values.bytes_without("token"), 2);
    assert_eq!(values.mask().apply(&format!("12 {CANARY}")), "12 ***", "what is too short is left");
}

#[test]
fn every_form_of_a_value_is_masked() {
    let mask = Mask::of([CANARY]);
    let json = serde_json::json!({ "a": CANARY, "b": [CANARY] }).to_string();
    let basic = STANDARD.encode(format!("user:{CANARY}"));
    let longer = STANDARD.encode(format!("ab{CANARY}and more"));
    let form = "pa+ss%2Fw%3Frd%2B%22canary%22";
    for text in [
        CANARY.to_owned(),
        json,
        STANDARD.encode(CANARY),
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(CANARY),
        hex(CANARY.as_bytes()),
        hex(CANARY.as_bytes()).to_uppercase(),
        form.to_owned(),
        form.replace("%2F", "%2f").replace("%3F", "%3f").replace("%2B", "%2b"),
        form.replace('+', "%20"),
        basic.clone(),
        longer,
    ] {
        let masked = mask.apply(&text);
        assert!(masked.contains("***"), "{text}");
        assert!(masked.len() < text.len() / 2 + 20, "{text} became {masked}");
        assert!(!masked.contains("canary"), "{masked}");
    }
    assert_eq!(mask.apply(&format!("é{CANARY}é{CANARY}")), "é***é***");
    assert!(matches!(mask.apply("nothing"), std::borrow::Cow::Borrowed("nothing")));
}

#[test]
fn overlapping_values_leave_nothing_between_them() {
    let mask = Mask::of(["abcdef", "defghi", "cdef"]);
    assert_eq!(mask.apply("xabcdefghiy"), "x***y");
    assert_eq!(mask.apply("abcdefabcdef cdefcde"), "*** ***cde");
    assert!(Mask::of(["abc", ""]).is_empty());
}
