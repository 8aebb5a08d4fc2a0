//! What may be done with a scenario's hits, in classes that grow: fewer hits before more, and without a
//! pause before with one.
//!
//! Invariants: the same ground and seed give the same sequences in the same order. A sequence has each hit
//! at most once but for one, which it may have twice, and at most one pause, which stands between hits.

use std::time::Duration;

/// Of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Move {
    /// The scenario's hit at this position among its hits.
    Hit(usize),
    Wait(Duration),
}

pub type Sequence = Vec<Move>;

/// Repeats are recognised for so long: later ones are another story.
const REPEATS_WITHIN: Duration = Duration::from_secs(72 * 3600);

/// What a scenario's sequences are made of.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    pub hits: Vec<Tried>,
    /// How long the scenario itself waits before each of its hits.
    pub own_waits: Vec<Duration>,
    /// How long it may take until a hit comes, shortest first, each once.
    pub waits: Vec<Duration>,
}

/// What the author says of a hit's sender.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tried {
    /// It comes after those of its kind that stand before it.
    pub ordered: bool,
    /// It does not come twice.
    pub once: bool,
    /// It comes when the scenario says.
    pub on_time: bool,
}

/// Sequences of so many hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    pub hits: usize,
    pub waits: bool,
}

impl Ground {
    /// Those that there are, in the order in which they are tried.
    pub fn classes(&self) -> Vec<Class> {
        let longest = match self.hits.iter().any(|hit| !hit.once) {
            true => self.hits.len() + 1,
            false => self.hits.len(),
        };
        let of = |hits| [Class { hits, waits: false }, Class { hits, waits: true }];
        let waits = !self.waits.is_empty();
        (1..=longest).flat_map(of).filter(|class| !class.waits || (waits && class.hits > 1)).collect()
    }

    /// The scenario's own order of some of its hits, with its own pauses.
    pub fn own(&self, hits: &[usize]) -> Sequence {
        let mut sequence = Sequence::new();
        let mut next = 0;
        for hit in hits {
            let waited: Duration = self.own_waits.get(next..=*hit).unwrap_or_default().iter().sum();
            if !waited.is_zero() {
                sequence.push(Move::Wait(waited));
            }
            sequence.push(Move::Hit(*hit));
            next = hit + 1;
        }
        sequence
    }

    /// All sequences of the class, unless there are more than `most`.
    pub fn all(&self, class: Class, most: usize) -> Option<Vec<Sequence>> {
        let mut found = Found { class, most, sequences: Vec::new(), more: false };
        self.extend(&mut Vec::with_capacity(class.hits), &mut found);
        (!found.more).then_some(found.sequences)
    }

    fn extend(&self, order: &mut Vec<usize>, found: &mut Found) {
        if found.more {
            return;
        }
        if order.len() == found.class.hits {
            self.finish(order, found);
            return;
        }
        for hit in 0..self.hits.len() {
            if self.may_follow(order, hit) {
                order.push(hit);
                self.extend(order, found);
                order.pop();
            }
        }
    }

    fn finish(&self, order: &[usize], found: &mut Found) {
        if !found.class.waits {
            found.push(order.iter().copied().map(Move::Hit).collect());
            return;
        }
        for wait in &self.waits {
            for at in 1..order.len() {
                if self.may_wait(order, at, *wait) {
                    found.push(with_wait(order, at, *wait));
                }
            }
        }
    }

    /// Whether the hit may come next.
    fn may_follow(&self, order: &[usize], hit: usize) -> bool {
        let of = |hit: usize| self.hits.get(hit).copied().unwrap_or_default();
        let twice = order.contains(&hit);
        if twice && (of(hit).once || has_twice(order)) {
            return false;
        }
        !of(hit).ordered || !order.iter().any(|before| *before > hit && of(*before).ordered)
    }

    fn may_wait(&self, order: &[usize], at: usize, wait: Duration) -> bool {
        let (before, after) = order.split_at(at);
        let free =
            |hit: Option<&usize>| hit.is_some_and(|hit| !self.hits.get(*hit).copied().unwrap_or_default().on_time);
        let parts_twins = before.iter().any(|hit| after.contains(hit));
        (free(before.last()) || free(after.first())) && (!parts_twins || wait < REPEATS_WITHIN)
    }

    /// At most so many sequences of the class, drawn; each once.
    pub fn some(&self, class: Class, most: usize, dice: &mut Dice) -> Vec<Sequence> {
        let mut sequences: Vec<Sequence> = Vec::new();
        let mut known = std::collections::HashSet::new();
        // Drawing the same again, or what is not allowed, counts too: it ends.
        for _ in 0..most.saturating_mul(4) {
            if sequences.len() == most {
                break;
            }
            if let Some(drawn) = self.draw(class, dice)
                && known.insert(drawn.clone())
            {
                sequences.push(drawn);
            }
        }
        sequences
    }

    fn draw(&self, class: Class, dice: &mut Dice) -> Option<Sequence> {
        let mut order: Vec<usize> = Vec::with_capacity(class.hits);
        let twice = class.hits > self.hits.len() || dice.below(3) == 0;
        while order.len() < class.hits {
            let full = order.len() >= self.hits.len() || (twice && order.len() + 1 == class.hits);
            let may = (0..self.hits.len()).filter(|hit| order.contains(hit) == full && self.may_follow(&order, *hit));
            let may: Vec<usize> = may.collect();
            order.push(*may.get(dice.below(may.len()))?);
        }
        // The second of the two stands anywhere, not always last.
        if twice && let Some(second) = order.pop() {
            let at = dice.below(order.len() + 1);
            order.insert(at, second);
            if (0..order.len()).any(|at| !self.may_follow(&order[..at], order[at])) {
                return None;
            }
        }
        if !class.waits {
            return Some(order.into_iter().map(Move::Hit).collect());
        }
        let wait = *self.waits.get(dice.below(self.waits.len()))?;
        let at = 1 + dice.below(order.len().saturating_sub(1));
        self.may_wait(&order, at, wait).then(|| with_wait(&order, at, wait))
    }
}

struct Found {
    class: Class,
    most: usize,
    sequences: Vec<Sequence>,
    more: bool,
}

impl Found {
    fn push(&mut self, sequence: Sequence) {
        match self.sequences.len() < self.most {
            true => self.sequences.push(sequence),
            false => self.more = true,
        }
    }
}

fn with_wait(order: &[usize], at: usize, wait: Duration) -> Sequence {
    let mut sequence: Sequence = order.iter().copied().map(Move::Hit).collect();
    sequence.insert(at, Move::Wait(wait));
    sequence
}

fn has_twice(order: &[usize]) -> bool {
    order.iter().enumerate().any(|(at, hit)| order[..at].contains(hit))
}

/// The hits of a sequence, in its order.
pub fn hits_of(sequence: &[Move]) -> Vec<usize> {
    let hit = |one: &Move| match one {
        Move::Hit(hit) => Some(*hit),
        Move::Wait(_) => None,
    };
    sequence.iter().filter_map(hit).collect()
}

/// What sets a sequence apart from the scenario's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Apart {
    pub out_of_order: bool,
    pub doubled: bool,
    pub waits: bool,
}

impl Apart {
    pub fn of(sequence: &[Move]) -> Self {
        let order = hits_of(sequence);
        Self {
            out_of_order: order.windows(2).any(|pair| pair[0] > pair[1]),
            doubled: has_twice(&order),
            waits: sequence.iter().any(|one| matches!(one, Move::Wait(_))),
        }
    }

    /// What has a pause is of one kind, whichever side of it the hits are on.
    pub fn kind(self) -> Self {
        Self { out_of_order: self.out_of_order && !self.waits, ..self }
    }

    /// Nothing sets it apart that does not set the other apart.
    pub fn is_within(self, other: Self) -> bool {
        self.out_of_order <= other.out_of_order && self.doubled <= other.doubled && self.waits <= other.waits
    }
}

/// Whether all of `part` is done in `whole`, in that order.
pub fn contains(whole: &[Move], part: &[Move]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|one| rest.any(|other| other == one))
}

/// SplitMix64: the same numbers for the same seed, everywhere.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `bound`; 0 where that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % (bound.max(1) as u64)).unwrap_or_default()
    }
}
