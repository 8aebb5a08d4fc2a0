//! What outside systems answered, as `given.http`.

use std::collections::BTreeMap;

use holdfast_definitions::{Json, Members};

use super::{Recorded, list, text};

/// What says how the answer came.
const CARRIED: [&str; 12] = [
    "age",
    "alt-svc",
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "server",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
    "via",
];
/// What a call can be said to fail with; all else it fails with by itself.
const FAILURES: [&str; 6] = ["timeout", "network", "connect", "tls", "address", "too_large"];
/// How a body ends that is shown in part.
const CUT: &str = " bytes)";

#[derive(Default)]
pub struct Answers {
    pub http: Members,
    pub notes: Vec<String>,
}

/// Each call's answers, attempt by attempt.
type Calls = Vec<Vec<Json>>;

pub fn given(recorded: &Recorded<'_>) -> Answers {
    let mut answers = Answers::default();
    let mut all: BTreeMap<String, Calls> = BTreeMap::new();
    for step in recorded.runs.iter().flat_map(|run| list(run, "steps")) {
        match text(step, "kind") {
            "http" => {
                let call = answers.attempts(step);
                if !call.is_empty() {
                    all.entry(text(step, "step").to_owned()).or_default().push(call);
                }
            }
            "each" => answers.elements(step, &mut all),
            _ => {}
        }
    }
    for (step, calls) in all {
        let one = |call: &Vec<Json>| match call.as_slice() {
            [answer] => answer.clone(),
            attempts => Json::from(attempts.to_vec()),
        };
        let given = match calls.as_slice() {
            [call] if call.len() == 1 => one(call),
            [first, rest @ ..] if first.len() == 1 && rest.iter().all(|call| call == first) => one(first),
            calls => calls.iter().map(one).collect(),
        };
        answers.http.insert(step, given);
    }
    answers
}

impl Answers {
    /// Of a step of a run, or in an element.
    fn attempts(&mut self, step: &Json) -> Vec<Json> {
        let attempts = list(step, "attempts");
        let mut call = Vec::new();
        for (at, attempt) in attempts.iter().enumerate() {
            let whole = step.get("output").filter(|_| at + 1 == attempts.len()).and_then(|output| output.get("body"));
            call.extend(self.answer(text(step, "step"), attempt, whole));
        }
        call
    }

    /// An element's calls stand at its place in the list; those that are not shown are as the one before.
    fn elements(&mut self, step: &Json, all: &mut BTreeMap<String, Calls>) {
        let mut of_step: BTreeMap<String, BTreeMap<usize, Vec<Json>>> = BTreeMap::new();
        for element in list(step, "elements") {
            let index = element.get("index").and_then(number).unwrap_or_default();
            for inner in list(element, "steps") {
                let call = self.attempts(inner);
                if !call.is_empty() {
                    of_step.entry(text(inner, "step").to_owned()).or_default().insert(index, call);
                }
            }
        }
        if step.get("elements_left_out").and_then(number).is_some_and(|left_out| left_out > 0) {
            self.notes.push(format!("{}: not all elements are shown; see what is given for them.", text(step, "step")));
        }
        for (inner, calls) in of_step {
            let known = all.entry(inner.clone()).or_default();
            let last = calls.keys().next_back().copied().unwrap_or_default();
            let mut before = Vec::new();
            let mut list = Calls::new();
            for at in 0..=last {
                before = calls.get(&at).cloned().unwrap_or(before);
                list.push(before.clone());
            }
            // An element that made no call before the first that did has that one's.
            let first = list.iter().find(|call| !call.is_empty()).cloned().unwrap_or_default();
            list.iter_mut().filter(|call| call.is_empty()).for_each(|call| call.clone_from(&first));
            match known.is_empty() || *known == list {
                true => *known = list,
                false => self.notes.push(format!("{inner}: a later run was answered otherwise; the first is given.")),
            }
        }
    }

    fn answer(&mut self, step: &str, attempt: &Json, whole: Option<&Json>) -> Option<Json> {
        if let Some(response) = attempt.get("response") {
            return Some(self.response(step, response, whole));
        }
        let error = attempt.get("error")?;
        let kind = text(error, "kind");
        FAILURES.contains(&kind).then(|| {
            Json::from(Members::from_iter([
                ("error".to_owned(), Json::from(kind)),
                ("message".to_owned(), Json::from(text(error, "message"))),
            ]))
        })
    }

    fn response(&mut self, step: &str, response: &Json, whole: Option<&Json>) -> Json {
        let mut answer = Members::new();
        answer.insert("status".to_owned(), response.get("status").cloned().unwrap_or_default());
        let mut headers = Members::new();
        if let Some(Json::Object(all)) = response.get("headers") {
            let kept = all.iter().filter(|(name, _)| !CARRIED.contains(&name.as_str()));
            headers.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
        }
        let content_type = headers.get("content-type").and_then(Json::as_text).unwrap_or_default().to_owned();
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_json = essence == "application/json" || essence.ends_with("+json");
        let shown = text(response, "body");
        let body = match (whole, Json::parse(shown.as_bytes())) {
            (Some(whole), _) => whole.clone(),
            (None, Ok(body)) if is_json => body,
            (None, _) => {
                if shown.ends_with(CUT) && shown.contains("… (") {
                    self.notes.push(format!("{step}: an answer is shown in part only."));
                }
                if shown.is_empty() { Json::Null } else { Json::from(shown) }
            }
        };
        // What is said by the body itself.
        let plain = match &body {
            Json::Text(_) => "text/plain; charset=utf-8",
            _ => "application/json",
        };
        if content_type == plain || (plain == "application/json" && essence == plain) || body == Json::Null {
            headers.shift_remove("content-type");
        }
        if !headers.is_empty() {
            answer.insert("headers".to_owned(), Json::from(headers));
        }
        if body != Json::Null {
            answer.insert("body".to_owned(), body);
        }
        Json::from(answer)
    }
}

fn number(value: &Json) -> Option<usize> {
    match value {
        Json::Number(number) => usize::try_from(number.as_i64()?).ok(),
        _ => None,
    }
}
