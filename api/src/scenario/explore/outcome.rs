//! What a sequence came to, as far as it is compared, and where that is not what the scenario says.
//!
//! Documents are not compared: with hits in another order they may well differ. Nor are instants and ids,
//! wherever they stand.

use std::collections::BTreeSet;

use holdfast_definitions::Json;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// As the hits of the sequence.
    pub hits: Vec<Fate>,
    pub transactions: Vec<Course>,
    /// What went out, as JSON without instants and ids; sorted.
    pub sent: Vec<String>,
    /// A step called another system, and the scenario gives no answer: what would come of it is not known,
    /// and all else is empty.
    pub unknown: Option<String>,
}

/// Of a hit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fate {
    /// Its position among the scenario's hits.
    pub hit: usize,
    /// It started or resumed a transaction, or was recognised as one that did.
    pub taken: bool,
    /// `applied`, `unmatched (…)`
    pub told: String,
    /// The steps of each run that it began.
    pub ways: Vec<Vec<String>>,
    /// None while its caller waits.
    pub answer: Option<(u16, Json)>,
}

/// Of a transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    /// The hit that started it: its position among the scenario's hits.
    pub start: Option<usize>,
    /// It has not ended, and nothing that is under way will end it.
    pub stuck: bool,
    /// The word of its status.
    pub status: String,
    pub step: Option<String>,
    /// Of its latest run.
    pub steps: Vec<String>,
}

/// The worst first. A sequence shows one: the others are what comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// A hit is never applied.
    Lost,
    /// A transaction is held for ever.
    Stuck,
    /// A transaction ends in another status, or went another way.
    Ended,
    /// A caller is answered otherwise.
    Answer,
    /// Other things are sent, or more often.
    Sent,
}

impl Fault {
    pub fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Stuck => "stuck",
            Self::Ended => "ended",
            Self::Answer => "answer",
            Self::Sent => "sent",
        }
    }
}

/// One thing that came otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Otherwise {
    pub fault: Fault,
    /// The hit that it is about: its position among the scenario's hits.
    pub hit: Option<usize>,
    /// What the scenario says, and what came.
    pub said: String,
    pub came: String,
}

impl Outcome {
    /// Everything that came otherwise than `said`, the worst first.
    pub fn otherwise(&self, said: &Self) -> Vec<Otherwise> {
        let mut found = Vec::new();
        self.lost(said, &mut found);
        self.stuck(said, &mut found);
        // Where another hit was taken, all else is what comes of it.
        if found.is_empty() && self.taken() == said.taken() {
            self.ended(said, &mut found);
            self.answered(said, &mut found);
            self.sent(said, &mut found);
        }
        found
    }

    fn taken(&self) -> BTreeSet<usize> {
        self.hits.iter().filter(|fate| fate.taken).map(|fate| fate.hit).collect()
    }

    fn of_hit(&self, hit: usize) -> impl Iterator<Item = &Fate> {
        self.hits.iter().filter(move |fate| fate.hit == hit)
    }

    fn started_by(&self, hit: Option<usize>) -> impl Iterator<Item = &Course> {
        self.transactions.iter().filter(move |course| course.start == hit)
    }

    fn lost(&self, said: &Self, found: &mut Vec<Otherwise>) {
        for fate in said.hits.iter().filter(|fate| fate.taken) {
            let mut came = self.of_hit(fate.hit).peekable();
            if let Some(first) = came.peek().map(|first| first.told.clone())
                && came.all(|came| !came.taken)
            {
                found.push(Otherwise { fault: Fault::Lost, hit: Some(fate.hit), said: fate.told.clone(), came: first });
            }
        }
    }

    fn stuck(&self, said: &Self, found: &mut Vec<Otherwise>) {
        for start in self.starts() {
            let wanted: Vec<&Course> = said.started_by(start).collect();
            if wanted.is_empty() || wanted.iter().any(|course| course.stuck) {
                continue;
            }
            if let Some(stuck) = self.started_by(start).find(|course| course.stuck) {
                found.push(Otherwise { fault: Fault::Stuck, hit: start, said: told(&wanted), came: told(&[stuck]) });
            }
        }
    }

    fn starts(&self) -> BTreeSet<Option<usize>> {
        self.transactions.iter().map(|course| course.start).collect()
    }

    fn ended(&self, said: &Self, found: &mut Vec<Otherwise>) {
        for start in self.starts() {
            let wanted: Vec<&Course> = said.started_by(start).collect();
            let other = self.started_by(start).find(|course| !wanted.contains(course));
            if let Some(other) = other {
                found.push(Otherwise { fault: Fault::Ended, hit: start, said: told(&wanted), came: told(&[other]) });
            }
        }
        for fate in &said.hits {
            let ways = |outcome: &Self| -> BTreeSet<Vec<String>> {
                outcome.of_hit(fate.hit).flat_map(|fate| fate.ways.iter().cloned()).collect()
            };
            let (wanted, came) = (ways(said), ways(self));
            // One that is recognised as another has no way of its own.
            if wanted != came && !came.is_empty() {
                let told = |ways: BTreeSet<Vec<String>>| {
                    ways.iter().map(|way| format!("[{}]", way.join(", "))).collect::<Vec<_>>().join(" and ")
                };
                found.push(Otherwise {
                    fault: Fault::Ended,
                    hit: Some(fate.hit),
                    said: format!("its steps: {}", told(wanted)),
                    came: format!("its steps: {}", told(came)),
                });
            }
        }
    }

    fn answered(&self, said: &Self, found: &mut Vec<Otherwise>) {
        for fate in &said.hits {
            let same = |came: &&Fate| said.of_hit(fate.hit).any(|wanted| wanted.answer == came.answer);
            if let Some(other) = self.of_hit(fate.hit).find(|came| !same(came)) {
                found.push(Otherwise {
                    fault: Fault::Answer,
                    hit: Some(fate.hit),
                    said: answer(fate),
                    came: answer(other),
                });
            }
        }
    }

    fn sent(&self, said: &Self, found: &mut Vec<Otherwise>) {
        let (mut missing, mut added) = (said.sent.clone(), Vec::new());
        for one in &self.sent {
            match missing.iter().position(|other| other == one) {
                Some(at) => {
                    missing.remove(at);
                }
                None => added.push(one.clone()),
            }
        }
        if missing.is_empty() && added.is_empty() {
            return;
        }
        let often = |outcome: &Self, one: &String| outcome.sent.iter().filter(|other| *other == one).count();
        let all: BTreeSet<&String> = missing.iter().chain(&added).collect();
        let told = |outcome: &Self| {
            let told = all.iter().map(|one| format!("{}× {one}", often(outcome, one)));
            told.collect::<Vec<_>>().join("; ")
        };
        found.push(Otherwise { fault: Fault::Sent, hit: None, said: told(said), came: told(self) });
    }
}

fn told(courses: &[&Course]) -> String {
    let one = |course: &&Course| {
        let at = course.step.as_ref().map(|step| format!(" at {step}")).unwrap_or_default();
        format!("{}{at}, last steps [{}]", course.status, course.steps.join(", "))
    };
    match courses {
        [] => "no transaction".to_owned(),
        some => some.iter().map(one).collect::<Vec<_>>().join("; "),
    }
}

fn answer(fate: &Fate) -> String {
    match &fate.answer {
        Some((status, Json::Null)) => format!("answered {status}"),
        Some((status, body)) => format!("answered {status} {body}"),
        None => "not answered".to_owned(),
    }
}
