//! A finding as people read it.

use holdfast_definitions::Action;

use super::{Apart, Fault, Finding, Move, Otherwise, Terrain, moves::hits_of};
use crate::scenario::yaml;

impl Finding {
    /// `a hit is lost when hits come in another order`
    pub fn headline(&self, terrain: &Terrain) -> String {
        let what = match self.fault {
            Fault::Lost => "a hit is lost",
            Fault::Stuck => "a transaction is stuck",
            Fault::Ended => "a transaction goes another way",
            Fault::Answer => "a caller is answered otherwise",
            Fault::Sent => "other things are sent",
        };
        let apart = Apart::of(&self.sequence);
        let mut when = Vec::new();
        if apart.out_of_order {
            when.push("hits come in another order".to_owned());
        }
        if apart.doubled {
            when.push("a hit comes twice".to_owned());
        }
        if let Some(Move::Wait(wait)) = self.sequence.iter().find(|one| matches!(one, Move::Wait(_))) {
            let at = terrain.ground.waits.iter().position(|known| known == wait);
            let why = at.and_then(|at| terrain.why.get(at)).cloned().unwrap_or_default();
            when.push(format!("it takes {why} until the next"));
        }
        if when.is_empty() {
            when.push("hits come at once".to_owned());
        }
        format!("{what} when {}", when.join(" and "))
    }

    /// `steps:` of a scenario that shows it.
    pub fn steps(&self, terrain: &Terrain) -> String {
        let mut actions = terrain.actions(&self.sequence);
        // That it stays so is seen at the end only.
        if self.fault != Fault::Stuck && matches!(actions.last(), Some(Action::Advance(_))) {
            actions.pop();
        }
        let mut out = "steps:\n".to_owned();
        yaml::steps(&mut out, 2, &actions);
        out
    }

    /// The webhook steps of its hits.
    pub fn hits<'a>(&self, terrain: &'a Terrain) -> Vec<&'a str> {
        let requests = hits_of(&self.sequence).into_iter().filter_map(|hit| terrain.requests.get(hit));
        requests.map(|request| request.step.as_str()).collect()
    }
}

impl Otherwise {
    /// What it is about: a hit by its step, with its place in the scenario where the step has several.
    pub fn about(&self, terrain: &Terrain) -> String {
        let Some(hit) = self.hit else { return "all".to_owned() };
        let Some(request) = terrain.requests.get(hit) else { return "hit".to_owned() };
        let of_step = terrain.requests.iter().filter(|other| other.step == request.step).count();
        let before = terrain.requests.iter().take(hit + 1).filter(|other| other.step == request.step).count();
        match of_step {
            1 => request.step.clone(),
            _ => format!("{} ({before} of {of_step})", request.step),
        }
    }
}
