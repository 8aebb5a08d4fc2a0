//! What was done, in order, with the time between.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use holdfast_definitions::{Action, Json, Request, RequestBody};

use super::{Moment, Recorded, Unrecordable, headers, instant, list, text};

/// What comes within this time came at once.
const AT_ONCE: TimeDelta = TimeDelta::milliseconds(50);

pub struct Timeline<'a> {
    pub start: DateTime<Utc>,
    pub moments: Vec<Moment<'a>>,
    /// What could not be taken over.
    pub notes: Vec<String>,
}

/// When, and what else decides.
type Place = (DateTime<Utc>, String);

enum Event<'a> {
    Hit { hit: &'a Json, run: &'a Json },
    Rerun { from: String },
    Cancel,
}

impl<'a> Timeline<'a> {
    pub fn of(recorded: &Recorded<'a>) -> Result<Self, Unrecordable> {
        let mut events: Vec<(Place, Event<'a>)> = Vec::new();
        let mut notes = Vec::new();
        for run in recorded.runs {
            match run.get("hit").and_then(Json::as_text) {
                Some(id) => match recorded.hits.iter().find(|hit| text(hit, "id") == id) {
                    Some(hit) => events.push(((at(hit, "received_at")?, id.to_owned()), Event::Hit { hit, run })),
                    None => notes.push(format!("The hit {id} is no longer kept.")),
                },
                // A hold whose time was over goes on by itself.
                None if list(run, "steps").first().is_some_and(|step| text(step, "status") == "expired") => {}
                None => {
                    let from = text(run, "entry").to_owned();
                    events.push(((at(run, "started_at")?, String::new()), Event::Rerun { from }));
                }
            }
        }
        events.sort_by(|(left, _), (right, _)| left.cmp(right));
        // A hit that was several events began several runs, and came once.
        events.dedup_by(|(left, _), (right, _)| left == right && !left.1.is_empty());
        let Some(((start, _), Event::Hit { .. })) = events.first() else { return Err(Unrecordable::NoHit) };
        let start = *start;
        let last = last_instant(recorded.runs).unwrap_or(start);
        if text(recorded.transaction, "status") == "cancelled" {
            events.push(((last.max(start), "~".to_owned()), Event::Cancel));
        }
        let mut timeline = Self { start, moments: Vec::new(), notes };
        let mut now = start;
        for ((at, _), event) in events {
            timeline.go_to(at, &mut now);
            timeline.done(event, recorded);
        }
        timeline.go_to(last, &mut now);
        Ok(timeline)
    }

    pub fn hits(&self) -> impl Iterator<Item = &'a Json> {
        self.moments.iter().filter_map(|moment| moment.hit.map(|(hit, _)| hit))
    }

    /// To the millisecond that is not before it.
    fn go_to(&mut self, at: DateTime<Utc>, now: &mut DateTime<Utc>) {
        if at - *now < AT_ONCE {
            return;
        }
        let micros = u64::try_from((at - *now).num_microseconds().unwrap_or_default()).unwrap_or_default();
        let by = Duration::from_millis(micros.div_ceil(1_000));
        *now += TimeDelta::from_std(by).unwrap_or_default();
        self.moments.push(Moment { action: Action::Advance(by), hit: None });
    }

    fn done(&mut self, event: Event<'a>, recorded: &Recorded<'_>) {
        let moment = match event {
            Event::Hit { hit, run } => {
                let request = self.request(hit, run, recorded);
                Moment { action: Action::Hit(Box::new(request)), hit: Some((hit, run)) }
            }
            Event::Rerun { from } => Moment { action: Action::Rerun { from, of: None }, hit: None },
            Event::Cancel => Moment { action: Action::Cancel(None), hit: None },
        };
        self.moments.push(moment);
    }

    fn request(&mut self, hit: &Json, run: &Json, recorded: &Recorded<'_>) -> Request {
        let step = text(run, "entry").to_owned();
        let mut headers = headers::kept(hit, recorded.cycle);
        let raw = STANDARD.decode(text(hit, "raw")).unwrap_or_default();
        let content_type = headers::essence(&headers);
        let is_json = content_type == "application/json" || content_type.ends_with("+json");
        let (body, is_said) = match String::from_utf8(raw) {
            Ok(raw) if raw.is_empty() => (RequestBody::None, false),
            Ok(raw) => match Json::parse(raw.as_bytes()) {
                Ok(body) if is_json => (RequestBody::Json(body), content_type != "application/json"),
                _ => (RequestBody::Raw(raw), true),
            },
            // Packed, or no text at all: as it was read.
            Err(_) => {
                self.notes.push(format!("What came to {step} is no text: the body is as it was read."));
                (RequestBody::Json(hit.get("body").cloned().unwrap_or_default()), false)
            }
        };
        if !is_said {
            headers.retain(|(name, _)| name != "content-type");
        }
        let method = match text(hit, "method") {
            "" => "POST",
            method => method,
        };
        Request {
            step,
            name: None,
            method: method.to_owned(),
            headers,
            query: headers::pairs(hit.get("query")),
            body,
            verified: true,
            expect: None,
        }
    }
}

fn at(value: &Json, name: &str) -> Result<DateTime<Utc>, Unrecordable> {
    instant(value, name).ok_or_else(|| Unrecordable::Time(text(value, name).to_owned()))
}

/// The last that happened by itself: a run that went on, or a step that was tried again.
fn last_instant(runs: &[Json]) -> Option<DateTime<Utc>> {
    let of = |run: &Json| {
        let steps = list(run, "steps").iter().flat_map(|step| {
            let attempts = list(step, "attempts").iter().filter_map(|attempt| instant(attempt, "at"));
            instant(step, "started_at").into_iter().chain(attempts).collect::<Vec<_>>()
        });
        steps.chain(instant(run, "started_at")).chain(instant(run, "ended_at")).max()
    };
    runs.iter().filter_map(of).max()
}
