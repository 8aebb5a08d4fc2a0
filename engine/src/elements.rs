//! How far an `each` has come, as it is kept while the step is under way.
//!
//! Invariant: an element is in one place: not begun, under way, or ended. What is written here is
//! whole, so that whoever reads it goes on from there and does nothing again that has ended.

use std::collections::BTreeMap;

use holdfast_definitions::{Json, Members};

use crate::{
    Error,
    clock::Micros,
    history::parse,
    machine::{Done, Elements, Shown},
    work::Kept,
};

/// Elements that the trace shows: the first that end, and of those that fail a few more.
const SHOWN_MAX: usize = 100;
const SHOWN_GOOD_MAX: usize = 90;
/// Bytes of all elements that the trace shows.
const SHOWN_BYTES_MAX: usize = 256 << 10;

#[derive(Debug, Default, PartialEq)]
pub struct Progress {
    pub began: Micros,
    /// Steps that all elements have done.
    pub steps: usize,
    /// A step inside stops the cycle.
    pub stop: bool,
    /// The number of the last save that had scripts in it.
    pub save: u64,
    pub ended: BTreeMap<usize, Ended>,
    pub places: BTreeMap<usize, Place>,
    /// What came of scripts whose changes are kept, where the element has not gone on yet: see [`came`].
    pub came: BTreeMap<usize, Json>,
    /// Events of the account's own: (index, event, data).
    pub raised: Vec<(usize, String, Json)>,
    /// Bytes of results, errors and events.
    pub bytes: usize,
    /// Elements that failed.
    pub failures: usize,
    traces: Vec<Json>,
    trace_bytes: usize,
}

#[derive(Debug, PartialEq)]
pub enum Ended {
    Result(Json),
    /// `{ kind, message, step }`
    Failed(Json),
}

/// Where an element under way is.
#[derive(Debug, Default, PartialEq)]
pub struct Place {
    pub step: String,
    /// None: the step is being done.
    pub due: Option<Micros>,
    /// A list: those of the step that it is at.
    pub attempts: Json,
    /// What its steps have put out.
    pub added: Members,
    /// The last of them.
    pub last: Option<String>,
    /// Its steps, as the trace shows them.
    pub trace: Vec<Json>,
}

impl Progress {
    pub fn begun(at: Micros) -> Self {
        Self { began: at, ..Self::default() }
    }

    /// None where the text is that of a step that is no `each`, or that has not come anywhere.
    pub fn read(text: &str) -> Result<Option<Self>, Error> {
        let stored = parse(text)?;
        if !matches!(stored, Json::Object(_)) {
            return Ok(None);
        }
        let mut progress = Self {
            began: number(&stored, "began"),
            steps: size(&stored, "steps"),
            stop: stored.get("stop") == Some(&Json::Bool(true)),
            save: number(&stored, "save").unsigned_abs(),
            traces: list(&stored, "traces").to_vec(),
            ..Self::default()
        };
        progress.came = list(&stored, "came").iter().map(|came| (size(came, "index"), came.clone())).collect();
        progress.trace_bytes = progress.traces.iter().map(Json::written_len).sum();
        for one in list(&stored, "ended") {
            let ended = match (one.get("result"), one.get("error")) {
                (_, Some(error)) => Ended::Failed(error.clone()),
                (result, None) => Ended::Result(result.cloned().unwrap_or_default()),
            };
            progress.put_ended(size(one, "index"), ended);
        }
        for one in list(&stored, "places") {
            progress.places.insert(size(one, "index"), Place::read(one));
        }
        for one in list(&stored, "raised") {
            progress.raise(size(one, "index"), text_of(one, "event"), one.get("data").cloned().unwrap_or_default());
        }
        Ok(Some(progress))
    }

    pub fn write(&self) -> String {
        let ended = self.ended.iter().map(|(index, ended)| {
            let (name, value) = match ended {
                Ended::Result(value) => ("result", value),
                Ended::Failed(value) => ("error", value),
            };
            object([("index", count(*index)), (name, value.clone())])
        });
        let places = self.places.iter().map(|(index, place)| place.write(*index));
        let raised = self.raised.iter().map(|(index, event, data)| {
            object([("index", count(*index)), ("event", Json::from(event.as_str())), ("data", data.clone())])
        });
        object([
            ("began", Json::from(self.began)),
            ("steps", count(self.steps)),
            ("stop", Json::Bool(self.stop)),
            ("save", Json::from(self.save)),
            ("ended", ended.collect()),
            ("places", places.collect()),
            ("raised", raised.collect()),
            ("traces", Json::from(self.traces.clone())),
        ])
        .to_string()
    }

    pub fn raise(&mut self, index: usize, event: String, data: Json) {
        self.bytes += data.written_len();
        self.raised.push((index, event, data));
    }

    /// An element is over.
    pub fn end(&mut self, index: usize, ended: Ended) {
        let place = self.places.remove(&index).unwrap_or_default();
        let (status, most) = match ended {
            Ended::Result(_) => ("completed", SHOWN_GOOD_MAX),
            Ended::Failed(_) => ("failed", SHOWN_MAX),
        };
        if self.traces.len() < most {
            let trace = shown(index, status, &place.trace);
            let bytes = trace.written_len();
            if self.trace_bytes + bytes <= SHOWN_BYTES_MAX {
                self.trace_bytes += bytes;
                self.traces.push(trace);
            }
        }
        self.put_ended(index, ended);
    }

    fn put_ended(&mut self, index: usize, ended: Ended) {
        let (Ended::Result(value) | Ended::Failed(value)) = &ended;
        self.bytes += value.written_len();
        self.failures += usize::from(matches!(ended, Ended::Failed(_)));
        self.ended.insert(index, ended);
    }

    pub fn is_begun(&self, index: usize) -> bool {
        self.ended.contains_key(&index) || self.places.contains_key(&index)
    }

    /// The lowest that failed, and its error.
    pub fn failed(&self) -> Option<(usize, &Json)> {
        self.ended.iter().find_map(|(index, ended)| match ended {
            Ended::Failed(error) => Some((*index, error)),
            Ended::Result(_) => None,
        })
    }

    /// What the trace shows of it, by index.
    pub fn shown(&self) -> Elements {
        let mut traces: Vec<Json> = self.traces.clone();
        let mut bytes = self.trace_bytes;
        for (index, place) in &self.places {
            let trace = shown(*index, "running", &place.trace);
            bytes += trace.written_len();
            if traces.len() < SHOWN_MAX && bytes <= SHOWN_BYTES_MAX {
                traces.push(trace);
            }
        }
        traces.sort_by_key(|trace| size(trace, "index"));
        let left_out = self.ended.len() + self.places.len() - traces.len();
        Elements { shown: Json::from(traces), left_out, steps: self.steps }
    }

    /// The events in the order of their elements.
    pub fn take_raised(&mut self) -> Vec<(String, Json)> {
        let mut raised = std::mem::take(&mut self.raised);
        raised.sort_by_key(|(index, _, _)| *index);
        raised.into_iter().map(|(_, event, data)| (event, data)).collect()
    }
}

impl Place {
    fn read(stored: &Json) -> Self {
        Self {
            step: text_of(stored, "step"),
            due: stored.get("due").is_some().then(|| number(stored, "due")),
            attempts: stored.get("attempts").cloned().unwrap_or_else(no_attempts),
            added: match stored.get("added") {
                Some(Json::Object(added)) => Members::clone(added),
                _ => Members::new(),
            },
            last: stored.get("last").and_then(Json::as_text).map(str::to_owned),
            trace: list(stored, "trace").to_vec(),
        }
    }

    fn write(&self, index: usize) -> Json {
        let mut members = vec![
            ("index", count(index)),
            ("step", Json::from(self.step.as_str())),
            ("attempts", self.attempts.clone()),
            ("added", Json::from(self.added.clone())),
            ("trace", Json::from(self.trace.clone())),
        ];
        members.extend(self.due.map(|due| ("due", Json::from(due))));
        members.extend(self.last.as_deref().map(|last| ("last", Json::from(last))));
        object(members)
    }

    /// What the last step that put something out did.
    pub fn last_output(&self) -> Json {
        self.last.as_ref().and_then(|last| self.added.get(last)).cloned().unwrap_or_default()
    }
}

/// What came of a script, until its element goes on.
pub fn came(index: usize, done: &Done) -> Json {
    let mut members = vec![("index", count(index)), ("us", Json::from(done.shown.duration_us))];
    members.extend(done.output.clone().map(|output| ("output", output)));
    members.extend(done.shown.at.map(|at| ("at", Json::from(at))));
    members.extend(done.shown.console.clone().map(|console| ("console", console)));
    object(members)
}

/// Instead of what [`came`] of a script that its cycle's store has no room for.
pub fn full(index: usize) -> Json {
    object([("index", count(index)), ("full", Json::Bool(true))])
}

pub fn became(came: &Json) -> Kept {
    if came.get("full").is_some() { Kept::Full } else { Kept::Written }
}

/// As it [`came`].
pub fn done(came: &Json) -> Done {
    let error = (became(came) == Kept::Full).then(crate::round::full);
    let shown = Shown {
        at: came.get("at").is_some().then(|| number(came, "at")),
        duration_us: number(came, "us").unsigned_abs(),
        console: came.get("console").cloned(),
        ..Shown::default()
    };
    Done { output: came.get("output").cloned(), error, shown, ..Done::default() }
}

/// What is written, and what came of scripts that are kept with it.
pub fn with_came(mut written: String, came: Vec<Json>) -> String {
    if !came.is_empty() && written.pop().is_some() {
        written.push_str(",\"came\":");
        Json::from(came).write_to(&mut written);
        written.push('}');
    }
    written
}

pub fn no_attempts() -> Json {
    Json::from(Vec::<Json>::new())
}

pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    Json::from(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Members>())
}

pub fn count(count: usize) -> Json {
    Json::from(count as u64)
}

fn shown(index: usize, status: &str, steps: &[Json]) -> Json {
    object([("index", count(index)), ("status", Json::from(status)), ("steps", Json::from(steps.to_vec()))])
}

fn list<'a>(stored: &'a Json, name: &str) -> &'a [Json] {
    match stored.get(name) {
        Some(Json::Array(items)) => items,
        _ => &[],
    }
}

fn number(stored: &Json, name: &str) -> i64 {
    match stored.get(name) {
        Some(Json::Number(number)) => number.as_i64().unwrap_or_default(),
        _ => 0,
    }
}

fn size(stored: &Json, name: &str) -> usize {
    usize::try_from(number(stored, name)).unwrap_or_default()
}

fn text_of(stored: &Json, name: &str) -> String {
    stored.get(name).and_then(Json::as_text).unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "elements_tests.rs"]
mod tests;
