//! Turns: which runs of a cycle with `concurrency` begin at once, which wait, and which are next.
//!
//! Invariants: no more runs hold a place than the newest version's limit says, and of one key one at
//! most, by the account's lock on all nodes; a place is held from the commit that begins a run to the
//! one that ends, holds or delays it. Whoever gives a place back sees in the same commit who is next.
//! Turns are start-time fair: first come, first served within a key, in rotation across keys.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use holdfast_definitions::{Json, Key, Members, Path, StepKind};
use uuid::Uuid;

use super::{
    Batch, Task,
    run::{Kind, Ran, key_hash},
};
use crate::{
    Error,
    catalog::Deployment,
    history::History,
    machine::{Done, Effect, Shown},
    ongoing::{Before, Ongoing, Progress},
    store::{BEHIND, HELD, READY, TransactionRow, TurnsRow, UnderwayRow},
    work::{Item, Work},
};

/// The key of a run that has none: it is under the limit alone.
const NO_KEY: [u8; 1] = [0];
/// Turns that one commit gives at most. The others are found by whoever looks next.
const GIVEN_MAX: usize = 300;

/// A run's turn.
#[derive(Clone, Debug)]
pub struct Turn {
    pub key: Vec<u8>,
    pub turn: i64,
}

impl Turn {
    fn of(row: &UnderwayRow) -> Option<Self> {
        row.place?;
        Some(Self { key: row.turn_key.clone()?, turn: row.turn? })
    }
}

/// Whether a run begins.
#[derive(Debug)]
pub enum Begins {
    Now(Option<Turn>),
    /// It waits in this place.
    Later(i32, Turn),
}

/// Turns given and taken in this commit.
#[derive(Debug, Default)]
pub struct Turns {
    /// Runs whose turn has come, and their cycles, until they begin.
    given: HashMap<(Uuid, i32), Uuid>,
    count: usize,
    /// Keys of which a run has given its place back, by cycle.
    freed: HashMap<Uuid, HashSet<Vec<u8>>>,
}

/// The places and turns of the cycles that a round is about, as they become.
#[derive(Debug, Default)]
pub struct Lines {
    /// Of tasks that may have to wait, by their place among them.
    keys: HashMap<usize, Vec<u8>>,
    cycles: HashMap<Uuid, TurnsRow>,
    lasts: HashMap<(Uuid, Vec<u8>), Option<i64>>,
}

/// What `concurrency` of the newest version says.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    limit: Option<i64>,
    key: Option<&'a Path>,
}

impl<'a> Rules<'a> {
    /// Without `concurrency` there is neither limit nor key.
    pub fn of(deployment: &'a Deployment) -> Option<Self> {
        let concurrency = deployment.newest()?.cycle.concurrency.as_ref()?;
        Some(Self { limit: concurrency.limit.map(i64::from), key: concurrency.key.as_ref() })
    }

    fn none() -> Self {
        Self { limit: None, key: None }
    }

    /// Places need be counted no further.
    pub fn counted(&self) -> i64 {
        self.limit.unwrap_or(1)
    }

    fn is_full(&self, held: i64) -> bool {
        self.limit.is_some_and(|limit| held >= limit)
    }

    fn key_of(&self, document: &Json) -> Vec<u8> {
        let key = self.key.and_then(|path| Key::from_values([path.find(document)]).ok());
        key.map_or_else(|| NO_KEY.to_vec(), |key| key_hash(key.bytes()))
    }
}

/// Whether runs of the cycle may wait for what nobody gives: a process died, or the rules changed.
pub fn overlooked(deployment: &Deployment, line: &TurnsRow) -> bool {
    let rules = Rules::of(deployment).unwrap_or_else(Rules::none);
    let ready = line.ready.is_some() && !rules.is_full(line.held);
    let behind = line.behind.is_some() && (rules.key.is_none() || (line.ready.is_none() && line.begun.is_none()));
    ready || behind
}

/// How far the places of a cycle are to be counted; none where no version of it ever had turns.
pub fn counted(deployment: &Deployment) -> Option<i64> {
    let ever = deployment.versions.values().any(|version| version.cycle.concurrency.is_some());
    ever.then(|| Rules::of(deployment).unwrap_or_else(Rules::none).counted())
}

impl Lines {
    /// What a run that has begun leaves of places.
    pub fn has_begun(&mut self, ran: &Ran) {
        let stood = ran.task.stands().is_some_and(|row| row.place.is_some());
        if let Some(turn) = ran.turn.as_ref().filter(|_| !stood)
            && matches!(ran.pass.effects.last(), Some(Effect::Call { .. }))
        {
            self.join(ran.task.deployment.row.cycle_id, turn, HELD);
        }
    }

    fn join(&mut self, cycle: Uuid, turn: &Turn, place: i32) {
        if let Some(line) = self.cycles.get_mut(&cycle) {
            let first = |known: Option<i64>| Some(known.map_or(turn.turn, |known| known.min(turn.turn)));
            match place {
                BEHIND => line.behind = first(line.behind),
                READY => line.ready = first(line.ready),
                _ => {
                    line.held += 1;
                    line.begun = line.begun.max(Some(turn.turn));
                }
            }
        }
        self.lasts.insert((cycle, turn.key.clone()), Some(turn.turn));
    }
}

/// The turn that the cycle is at.
fn present(line: &TurnsRow) -> i64 {
    let waiting = line.ready.into_iter().chain(line.behind).min();
    waiting.or(line.begun).unwrap_or_default()
}

impl Task {
    /// The row that it has already.
    fn stands(&self) -> Option<&UnderwayRow> {
        match &self.kind {
            Kind::Done { row, .. } => Some(row),
            _ => self.waited.as_deref(),
        }
    }

    fn is_by_hand(&self) -> bool {
        match &self.kind {
            Kind::Rerun(_) => true,
            Kind::Hit(hit) => !hit.stored,
            Kind::Expired | Kind::Done { .. } => false,
        }
    }

    /// What a concurrency key is read from.
    fn read_by_key(&self, history: Option<&History>) -> Result<Json, Error> {
        match (&self.kind, self.base, history) {
            (Kind::Done { document, .. } | Kind::Rerun(document), _, _) => Ok((**document).clone()),
            (_, Some(base), Some(history)) => history.document(base),
            (Kind::Hit(hit), ..) => Ok(Json::from(Members::from_iter([(hit.hook.step.clone(), hit.data.clone())]))),
            _ => Ok(Json::Null),
        }
    }
}

impl Batch<'_> {
    /// The lines that these tasks may have to stand in, as they are.
    pub(super) async fn lines(&mut self, tasks: &[Task], histories: &HashMap<Uuid, History>) -> Result<Lines, Error> {
        let mut lines = Lines::default();
        for (at, task) in tasks.iter().enumerate() {
            let history = task.row.as_ref().and_then(|row| histories.get(&row.transaction));
            let Some(key) = self.line_of(task, history)? else { continue };
            let cycle = task.deployment.row.cycle_id;
            if let Entry::Vacant(line) = lines.cycles.entry(cycle) {
                let rules = Rules::of(&task.deployment).unwrap_or_else(Rules::none);
                line.insert(self.commit.turns(cycle, rules.counted()).await?);
            }
            lines.keys.insert(at, key.clone());
            lines.lasts.insert((cycle, key), None);
        }
        let names: Vec<(Uuid, Vec<u8>)> = lines.lasts.keys().cloned().collect();
        if !names.is_empty() {
            for last in self.commit.turns_last(&names).await? {
                lines.lasts.insert((last.cycle_id, last.turn_key), last.turn);
            }
        }
        Ok(lines)
    }

    /// Nothing new begins.
    pub(super) fn is_halted(&self, deployment: &Deployment) -> bool {
        let row = &deployment.row;
        row.state != "running" || row.deleted_at.is_some() || self.stopped.contains(&row.cycle_id)
    }

    /// Its cycle is stopped, and nobody asked for the run by hand.
    fn keeps(&self, task: &Task) -> bool {
        !task.is_by_hand() && self.is_halted(&task.deployment)
    }

    /// The key that the task stands in line by, or none where it needs no turn.
    fn line_of(&self, task: &Task, history: Option<&History>) -> Result<Option<Vec<u8>>, Error> {
        let has_turn = task
            .stands()
            .is_some_and(|row| row.place == Some(HELD) || self.turns.given.contains_key(&(row.transaction, row.run)));
        let goes_on = matches!(task.kind, Kind::Done { .. });
        // What is at another step began before there were turns.
        if has_turn || goes_on && !matches!(task.cycle.step(task.entry).kind, StepKind::Delay(_)) {
            return Ok(None);
        }
        match Rules::of(&task.deployment) {
            Some(rules) if rules.key.is_some() => Ok(Some(rules.key_of(&task.read_by_key(history)?))),
            None if !self.keeps(task) => Ok(None),
            _ => Ok(Some(NO_KEY.to_vec())),
        }
    }

    /// `at`: the task's place among those that the lines were made for.
    pub(super) fn may_begin(&mut self, lines: &mut Lines, at: usize, task: &Task) -> Begins {
        if let Some(row) = task.stands() {
            let given = self.turns.given.remove(&(row.transaction, row.run)).is_some();
            if given || row.place == Some(HELD) {
                return Begins::Now(Turn::of(row));
            }
        }
        let Some(key) = lines.keys.remove(&at) else { return Begins::Now(None) };
        let cycle = task.deployment.row.cycle_id;
        let rules = Rules::of(&task.deployment).unwrap_or_else(Rules::none);
        let line = lines.cycles.get(&cycle).copied().unwrap_or_default();
        let name = (cycle, key);
        let last = lines.lasts.get(&name).copied().flatten();
        let (_, key) = name;
        let behind = last.is_some() && key != NO_KEY;
        let turn = Turn { turn: present(&line).max(last.map_or(0, |last| last + 1)), key };
        let place = match behind {
            true => BEHIND,
            false if rules.is_full(line.held) || line.ready.is_some() || self.keeps(task) => READY,
            false => return Begins::Now(Some(turn)),
        };
        lines.join(cycle, &turn, place);
        Begins::Later(place, turn)
    }

    /// A run has given its place back, or its place in the line.
    pub(super) fn free(&mut self, row: &UnderwayRow) {
        if let Some(turn) = Turn::of(row) {
            self.turns.freed.entry(row.cycle_id).or_default().insert(turn.key);
        }
    }

    /// Transactions whose retention has run out hold no place and wait for none.
    pub(super) fn give_up(&mut self, underway: &[UnderwayRow]) {
        for row in underway.iter().filter(|row| row.place.is_some()) {
            self.turns.given.remove(&(row.transaction, row.run));
            self.free(row);
            self.writes.underway.push(UnderwayRow { place: None, turn: None, turn_key: None, ..row.clone() });
        }
    }

    /// The next round sees who follows.
    pub(super) fn look_for_next(&mut self) {
        let cycles: Vec<Uuid> = self.turns.freed.keys().copied().collect();
        for cycle in cycles {
            self.later(Item { work: Work::Turns { cycle }, ticket: None });
        }
    }

    /// Gives the turns that there are places for. True where there are more than one commit gives.
    pub(super) async fn give_turns(&mut self, cycle: Uuid) -> Result<bool, Error> {
        let freed = self.turns.freed.remove(&cycle).unwrap_or_default();
        let Some(deployment) = self.around.catalog.cycle_by_id(cycle).cloned() else { return Ok(false) };
        let rules = Rules::of(&deployment).unwrap_or_else(Rules::none);
        self.promote(cycle, &rules, freed).await?;
        if self.is_halted(&deployment) {
            return Ok(false);
        }
        self.give(cycle, &rules).await
    }

    /// The first of each key that is free waits for a place from now on.
    async fn promote(&mut self, cycle: Uuid, rules: &Rules<'_>, freed: HashSet<Vec<u8>>) -> Result<(), Error> {
        let mut firsts = Vec::new();
        for key in freed {
            firsts.extend(self.commit.turn_first(cycle, &key).await?);
        }
        let line = self.commit.turns(cycle, rules.counted()).await?;
        if line.behind.is_some() && rules.key.is_none() {
            firsts.extend(self.commit.turns_next(cycle, BEHIND, GIVEN_MAX as i64).await?);
        } else if line.ready.is_none() && line.begun.is_none() && firsts.is_empty() {
            // The one before it went with its retention.
            firsts.extend(self.commit.turns_next(cycle, BEHIND, 1).await?);
        }
        let mut seen = HashSet::new();
        for row in firsts {
            if row.place == Some(BEHIND) && seen.insert((row.transaction, row.run)) {
                self.writes.underway.push(UnderwayRow { place: Some(READY), ..row });
            }
        }
        self.flush().await
    }

    /// True where there is more to be given than one commit gives.
    async fn give(&mut self, cycle: Uuid, rules: &Rules<'_>) -> Result<bool, Error> {
        let given = self.turns.given.values().filter(|of| **of == cycle).count();
        let line = self.commit.turns(cycle, rules.counted()).await?;
        let free = rules
            .limit
            .map_or(GIVEN_MAX, |limit| usize::try_from(limit - line.held).unwrap_or_default().saturating_sub(given));
        let may = free.min(GIVEN_MAX.saturating_sub(self.turns.count));
        if line.ready.is_none() || free == 0 {
            return Ok(false);
        }
        let rows = self.commit.turns_next(cycle, READY, (may + given) as i64).await?;
        let next = rows.into_iter().filter(|row| !self.turns.given.contains_key(&(row.transaction, row.run)));
        let next: Vec<UnderwayRow> = next.take(may).collect();
        let more = next.len() == may;
        for row in next {
            self.turns.count += 1;
            self.turns.given.insert((row.transaction, row.run), cycle);
            self.next_run_of(row.transaction);
        }
        Ok(more && self.turns.count >= GIVEN_MAX)
    }

    /// A run that waits, if its turn has come, or if it needs none.
    pub(super) async fn begin(
        &mut self,
        row: &TransactionRow,
        underway: &[UnderwayRow],
    ) -> Result<Option<Task>, Error> {
        let Some(first) = underway.first() else { return Ok(None) };
        let given = self.turns.given.contains_key(&(first.transaction, first.run));
        let deployment = self.deployment(row)?;
        match (first.place, given) {
            (Some(_), false) => Ok(None),
            (Some(_), true) if first.status == crate::TransactionStatus::Running.word() => {
                let ongoing = std::sync::Arc::new(self.after_delay(first).await?);
                let shown = Shown { at: first.due_at, ..Shown::default() };
                let done = Done { shown, ..Done::default() };
                self.proceed(&ongoing, Progress::Done(done), (row, deployment), underway, None)
            }
            _ => self.begin_next(deployment, row, underway).await,
        }
    }

    /// With its document, told from its runs.
    async fn after_delay(&mut self, row: &UnderwayRow) -> Result<Ongoing, Error> {
        let hit = match row.webhook.clone().zip(row.hit) {
            Some(name) => self.commit.hits(&[name]).await?.pop(),
            None => None,
        };
        let mut history = History::default();
        history.add(crate::store::RunWithHit { run: row.as_run(), hit });
        while let Some(missing) = history.missing(row.run) {
            let run = self.commit.runs(&[(row.transaction, missing)]).await?.pop();
            history.add(run.ok_or_else(|| Error::Internal(format!("run {missing} is not there").into()))?);
        }
        let before =
            Before { document: std::sync::Arc::new(history.document(row.run)?), lineage: history.lineage(row.run) };
        Ok(Ongoing { row: row.clone(), before: Some(before) })
    }
}
