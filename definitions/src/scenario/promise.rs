//! What an author says of senders, so that exploring does not try it: `explore:`.

use super::read::Reading;
use crate::{
    StepKind,
    yaml::{Node, Value},
};

const PROMISES: &[&str] = &["ordered", "once", "on_time"];

/// What hits are not tried with.
#[derive(Clone, Debug, Default)]
pub struct Promises {
    /// They come in the scenario's order.
    pub ordered: Promised,
    /// They do not come twice.
    pub once: Promised,
    /// They come neither sooner nor later than the scenario has them.
    pub on_time: Promised,
}

/// Of which webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Promised {
    #[default]
    None,
    All,
    /// By their steps.
    Of(Vec<String>),
}

impl Promised {
    pub fn is_of(&self, step: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Of(steps) => steps.iter().any(|known| known == step),
        }
    }
}

impl Reading<'_> {
    pub(super) fn promises(&mut self, node: &Node) -> Promises {
        let Value::Map(members) = &node.value else {
            self.lowering.wrong_type(node, "explore", "a map with the keys ordered, once and on_time");
            return Promises::default();
        };
        self.lowering.refuse_unknown(members, PROMISES, "`explore`");
        let mut of = |name: &str| {
            let found = members.iter().find(|(key, _)| key.name() == name);
            found.map_or(Promised::None, |(_, value)| self.promised(value, name))
        };
        Promises { ordered: of("ordered"), once: of("once"), on_time: of("on_time") }
    }

    fn promised(&mut self, node: &Node, name: &str) -> Promised {
        match &node.value {
            Value::Bool(true) => Promised::All,
            Value::Bool(false) => Promised::None,
            Value::List(steps) => {
                let webhook = |kind: &StepKind| matches!(kind, StepKind::Webhook(_));
                let steps = steps.iter().filter_map(|step| self.cycle_step(step, name, webhook, "webhook"));
                Promised::Of(steps.collect())
            }
            _ => {
                self.lowering.wrong_type(node, name, "true, false or a list of webhook steps");
                Promised::None
            }
        }
    }
}
