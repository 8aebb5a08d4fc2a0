use std::{convert::Infallible, time::Duration};

use holdfast_definitions::Json;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// A cycle of few words: the first hit starts a transaction that is held, the others resume it.
#[derive(Clone, Debug)]
struct Model {
    /// A hit that finds nothing waits for a minute.
    early: bool,
    /// Repeats are recognised.
    dedupe: bool,
    /// Each resume sends something.
    sends: bool,
    /// What a resume answers depends on how many there were.
    counts: bool,
    /// The way that each resuming hit takes.
    ways: Vec<u8>,
    /// After an hour a hold goes to its end, or to another hold that nothing ends.
    expires: Option<bool>,
}

impl Model {
    fn healthy() -> Self {
        Self { early: true, dedupe: true, sends: true, counts: false, ways: vec![0, 0], expires: Some(true) }
    }

    fn ground(&self) -> Ground {
        Ground {
            hits: vec![Tried::default(); self.ways.len() + 1],
            own_waits: vec![Duration::ZERO; self.ways.len() + 1],
            waits: vec![2 * MINUTE, 90 * MINUTE],
        }
    }

    fn outcome(&self, sequence: &[Move]) -> Outcome {
        let mut play = Playing { model: self, now: Duration::ZERO, held: Vec::new(), out: Outcome::default() };
        for one in sequence {
            match one {
                Move::Wait(by) => play.now += *by,
                Move::Hit(hit) => play.hit(*hit),
            }
        }
        play.now += 2 * 60 * MINUTE;
        play.pass();
        play.out.sent.sort();
        play.out
    }
}

struct Playing<'a> {
    model: &'a Model,
    now: Duration,
    /// Since when, of each transaction.
    held: Vec<Duration>,
    out: Outcome,
}

impl Playing<'_> {
    /// Holds that nothing resumed run into their time.
    fn pass(&mut self) {
        let Some(ends) = self.model.expires else { return };
        for (course, since) in self.out.transactions.iter_mut().zip(&self.held) {
            if course.steps == ["start"] && self.now - *since >= 60 * MINUTE {
                course.stuck = !ends;
                course.status = if ends { "completed" } else { "held" }.to_owned();
                course.steps = vec!["late".to_owned()];
            }
        }
    }

    fn hit(&mut self, hit: usize) {
        self.pass();
        let repeat = self.model.dedupe && self.out.hits.iter().any(|fate| fate.hit == hit);
        let first = self.out.hits.iter().find(|fate| fate.hit == hit).cloned();
        if let (true, Some(first)) = (repeat, first) {
            self.out.hits.push(Fate { told: "duplicate".to_owned(), ways: Vec::new(), ..first });
            return;
        }
        let mut fate = Fate { hit, answer: Some((200, Json::Null)), told: "unmatched".to_owned(), ..Fate::default() };
        if hit == 0 {
            fate.taken = true;
            fate.told = "applied".to_owned();
            fate.ways = vec![vec!["start".to_owned()]];
            self.out.transactions.push(Course {
                start: Some(0),
                stuck: true,
                status: "held".to_owned(),
                step: None,
                steps: vec!["start".to_owned()],
            });
            self.held.push(self.now);
            self.out.hits.push(fate);
            self.catch_up();
            return;
        }
        self.out.hits.push(fate);
        let at = self.out.hits.len() - 1;
        self.resume(at);
    }

    /// Early hits are taken by the transaction that has come.
    fn catch_up(&mut self) {
        let since = self.out.hits.iter().map(|_| self.now).collect::<Vec<_>>();
        for at in 0..since.len() {
            let waits = self.model.early && !self.out.hits[at].taken && self.out.hits[at].told == "unmatched";
            if waits && self.now < 2 * MINUTE {
                let answered = self.out.hits[at].answer.clone();
                self.resume(at);
                self.out.hits[at].answer = answered;
            }
        }
    }

    fn resume(&mut self, at: usize) {
        let hit = self.out.hits[at].hit;
        let way = vec!["more".to_owned(), format!("way {}", self.model.ways[hit - 1])];
        let resumed = self.out.sent.len() as u64;
        let Some(course) = self.out.transactions.last_mut().filter(|course| course.steps != ["late"]) else { return };
        course.stuck = false;
        course.status = "completed".to_owned();
        course.steps.clone_from(&way);
        let fate = &mut self.out.hits[at];
        fate.taken = true;
        fate.told = "applied".to_owned();
        fate.ways = vec![way];
        let answer = if self.model.counts { Json::from(resumed) } else { Json::Null };
        fate.answer = Some((200, answer));
        if self.model.sends {
            self.out.sent.push(format!("of {hit}"));
        }
    }
}

impl Plays for Model {
    type Error = Infallible;

    async fn play(&self, sequences: &[Sequence]) -> Result<Vec<Outcome>, Infallible> {
        Ok(sequences.iter().map(|one| self.outcome(one)).collect())
    }
}

fn run<T>(future: impl Future<Output = Result<T, Infallible>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future).unwrap_or_else(|never| match never {})
}

fn all_of(model: &Model) -> Explored {
    explored(model, &model.ground(), Effort { seed: 1, tries: usize::MAX })
}

fn explored(model: &Model, ground: &Ground, effort: Effort) -> Explored {
    run(explore(ground, model, effort))
}

fn shown(explored: &Explored) -> Vec<(Fault, Vec<usize>)> {
    explored.findings.iter().map(|one| (one.fault, hits_of(&one.sequence))).collect()
}

#[test]
fn a_healthy_model_has_no_fault() {
    let explored = all_of(&Model::healthy());
    assert_eq!(explored.findings, []);
    assert!(!explored.sampled);
    assert!(explored.tries > 100, "{}", explored.tries);
}

#[test]
fn each_fault_is_found_in_the_fewest_hits() {
    let healthy = Model::healthy;
    assert_eq!(shown(&all_of(&Model { early: false, ..healthy() })), [(Fault::Lost, vec![1, 0])]);
    assert_eq!(shown(&all_of(&Model { ways: vec![0, 1], ..healthy() })), [(Fault::Ended, vec![0, 2, 1])]);
    assert_eq!(shown(&all_of(&Model { counts: true, ..healthy() })), [(Fault::Answer, vec![1, 0])]);
    let late = shown(&all_of(&Model { expires: Some(false), ..healthy() }));
    assert_eq!(late, [(Fault::Stuck, vec![0, 1])]);
    let repeats = shown(&all_of(&Model { dedupe: false, ..healthy() }));
    assert!(repeats.contains(&(Fault::Sent, vec![0, 1, 1])), "{repeats:?}");
}

#[test]
fn what_senders_promise_is_not_tried() {
    let model = Model { ways: vec![0, 1, 2], dedupe: false, early: false, expires: Some(false), ..Model::healthy() };
    let promised = |tried: Tried| {
        let ground = Ground { hits: vec![tried; 4], ..model.ground() };
        explored(&model, &ground, Effort { seed: 1, tries: usize::MAX }).findings
    };
    let apart =
        |findings: &[Finding], which: fn(Apart) -> bool| findings.iter().any(|one| which(Apart::of(&one.sequence)));
    let of = |ordered, once, on_time| promised(Tried { ordered, once, on_time });
    assert!(!apart(&of(true, false, false), |apart| apart.out_of_order));
    assert!(!apart(&of(false, true, false), |apart| apart.doubled));
    assert!(!apart(&of(false, false, true), |apart| apart.waits));
    assert_eq!(of(true, true, true), []);
    let none = of(false, false, false);
    assert!(apart(&none, |apart| apart.out_of_order) && apart(&none, |apart| apart.waits), "{none:?}");
}

/// Every word of moves that may be tried, by counting.
fn words(ground: &Ground, longest: usize) -> Vec<Sequence> {
    let mut letters: Vec<Move> = (0..ground.hits.len()).map(Move::Hit).collect();
    letters.extend(ground.waits.iter().copied().map(Move::Wait));
    let mut words: Vec<Sequence> = vec![Vec::new()];
    let mut from = 0;
    for _ in 0..longest {
        let until = words.len();
        for at in from..until {
            for letter in &letters {
                let mut word = words[at].clone();
                word.push(*letter);
                words.push(word);
            }
        }
        from = until;
    }
    words.retain(|word| allowed(word));
    words
}

fn allowed(word: &[Move]) -> bool {
    let ends_with_hits = [word.first(), word.last()].iter().all(|one| matches!(one, Some(Move::Hit(_))));
    let mut hits = hits_of(word);
    let (length, waits) = (hits.len(), word.len() - hits.len());
    hits.sort_unstable();
    hits.dedup();
    ends_with_hits && waits <= 1 && length <= hits.len() + 1
}

#[test]
fn nothing_faulty_is_missed_and_nothing_found_is_longer_than_it_must_be() {
    let mut dice = Dice(7);
    let words_of = |model: &Model| words(&model.ground(), 4);
    let all = [words_of(&Model { ways: vec![0], ..Model::healthy() }), words_of(&Model::healthy())];
    for round in 0..1_000 {
        let mut coin = || dice.below(2) == 0;
        let (early, dedupe, sends, counts) = (coin(), coin(), coin(), coin());
        let mut ways = vec![0; 1 + dice.below(2)];
        ways.iter_mut().for_each(|way| *way = dice.below(2) as u8);
        let expires = [None, Some(true), Some(false)][dice.below(3)];
        let model = Model { early, dedupe, sends, counts, ways, expires };
        let ground = model.ground();
        let found = all_of(&model).findings;
        let mut search = Search {
            ground: &ground,
            plays: &model,
            said: HashMap::new(),
            kinds: HashSet::new(),
            faulty: Vec::new(),
            explored: Explored::default(),
        };
        let words = &all[model.ways.len() - 1];
        let judged = run(search.judge(words));
        for (word, otherwise) in words.iter().zip(&judged) {
            let Some(worst) = otherwise.first() else { continue };
            // What has something faulty in it says no more than that.
            let mut faulty = words.iter().zip(&judged).filter(|(_, otherwise)| !otherwise.is_empty());
            if faulty.any(|(part, _)| part.len() < word.len() && contains(word, part)) {
                continue;
            }
            let kind = (worst.fault, Apart::of(word));
            let told = found.iter().any(|one| {
                let like = one.fault == kind.0 && Apart::of(&one.sequence).kind().is_within(kind.1.kind());
                contains(word, &one.sequence) || (like && one.sequence.len() <= word.len())
            });
            assert!(told, "round {round}: {model:?} has {kind:?} by {word:?}, found {found:?}");
        }
        for finding in &found {
            let of_kind = words.iter().zip(&judged).filter(|(word, otherwise)| {
                otherwise.first().is_some_and(|worst| worst.fault == finding.fault) && contains(&finding.sequence, word)
            });
            let shortest = of_kind.map(|(word, _)| hits_of(word).len()).min();
            assert_eq!(shortest, Some(hits_of(&finding.sequence).len()), "round {round}: {model:?} {finding:?}");
        }
        assert_eq!(found, all_of(&model).findings, "round {round}");
    }
}

#[test]
fn too_many_are_sampled_by_a_seed_and_shrunk() {
    let mut ways = vec![0; 9];
    ways[6] = 1;
    let model = Model { ways, ..Model::healthy() };
    let ground = model.ground();
    let of = |seed| explored(&model, &ground, Effort { seed, tries: 2_000 });
    for seed in 0..50 {
        let found = of(seed);
        assert!(found.sampled);
        assert_eq!(found, of(seed));
        let [one] = found.findings.as_slice() else { panic!("seed {seed}: {:?}", found.findings) };
        assert_eq!((one.fault, hits_of(&one.sequence).len()), (Fault::Ended, 3), "seed {seed}");
    }
}

#[test]
fn all_of_a_class_is_each_allowed_sequence_once() {
    let ground = Model::healthy().ground();
    let words = words(&ground, 5);
    for class in ground.classes() {
        let all = ground.all(class, usize::MAX).expect("not too many");
        let known: HashSet<_> = all.iter().cloned().collect();
        assert_eq!(known.len(), all.len());
        let of_class =
            words.iter().filter(|word| hits_of(word).len() == class.hits && class.waits == Apart::of(word).waits);
        let counted: HashSet<_> = of_class.cloned().collect();
        assert_eq!(known, counted, "{class:?}");
        assert!(ground.all(class, all.len() - 1).is_none());
        let drawn = ground.some(class, 10, &mut Dice(3));
        assert!(drawn.iter().all(|one| known.contains(one)), "{drawn:?}");
    }
}
