//! Scenario files read and checked against the cycles that they play on.
//!
//! Everything wrong is noted and the rest goes on; a scenario with a mistake is not among those that
//! come back.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};

use super::{Action, SCENARIO_START, Scenario, ScenarioGiven, ScenarioStep, want::wanted};
use crate::{
    Cycle, Diagnostic, Json, codes,
    lower::{Lowering, get},
    problem::Problem,
    yaml::{self, Node, Value},
};

/// Steps of a scenario.
const STEPS_MAX: usize = 1_000;

const TOP: &[&str] = &["test", "cycle", "given", "explore", "steps"];
const GIVEN: &[&str] = &["at", "http", "secrets", "vars", "env"];
pub(super) const ACTIONS: &[&str] = &["hit", "advance", "stop", "start", "cancel", "rerun", "expect"];

/// The scenarios of a file that have no mistake, and everything that is wrong with the others.
#[derive(Debug, Default)]
pub struct CheckedScenarios {
    pub scenarios: Vec<Scenario>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads every scenario of a file, against the cycles that there are. `file` is only shown.
pub fn check_scenarios(file: &str, text: &str, cycles: &[Arc<Cycle>]) -> CheckedScenarios {
    let (documents, mut problems) = yaml::read(text);
    let mut scenarios = Vec::new();
    let mut names = HashSet::new();
    for document in documents {
        // What stands after the last `---`.
        if matches!(document.root.value, Value::Null) {
            continue;
        }
        let mut reading = Reading { lowering: Lowering::default(), cycles, cycle: None, hits: Vec::new() };
        let scenario = reading.scenario(&document.root);
        if let Some(scenario) = &scenario
            && !names.insert(scenario.name.clone())
        {
            let message = format!("the file has the test `{}` twice", scenario.name);
            reading.lowering.error(codes::SCENARIO_NAME, scenario.span, message);
        }
        let found = reading.lowering.problems;
        if !found.iter().any(Problem::is_error) {
            scenarios.extend(scenario);
        }
        problems.extend(found);
    }
    let lines = crate::Lines::new(text);
    let mut diagnostics: Vec<_> = problems.into_iter().map(|problem| problem.diagnostic(file, &lines)).collect();
    diagnostics.sort_by_key(|one| (one.line, one.column, one.severity, one.code));
    CheckedScenarios { scenarios, diagnostics }
}

/// The names of the cycles that a scenario file plays on, as far as it can be read.
pub fn scenario_cycles(text: &str) -> Vec<String> {
    let (documents, _) = yaml::read(text);
    let named = documents.iter().filter_map(|document| match &get(&document.root, "cycle")?.value {
        Value::Text(name) => Some(name.clone()),
        _ => None,
    });
    named.collect()
}

pub(super) struct Reading<'a> {
    pub lowering: Lowering,
    cycles: &'a [Arc<Cycle>],
    /// The one that it plays on.
    pub cycle: Option<Arc<Cycle>>,
    /// The names that hits have so far.
    pub hits: Vec<String>,
}

impl Reading<'_> {
    fn scenario(&mut self, root: &Node) -> Option<Scenario> {
        let Value::Map(members) = &root.value else {
            self.lowering.wrong_type(root, "a scenario", "a map with the keys test, cycle, given and steps");
            return None;
        };
        self.lowering.refuse_unknown(members, TOP, "a scenario");
        let name = self.required_text(root, "test");
        let cycle = self.required_text(root, "cycle");
        if let Some(cycle) = &cycle {
            self.cycle = self.cycles.iter().find(|known| known.name == cycle.value).cloned();
            if self.cycle.is_none() {
                let known: Vec<&str> = self.cycles.iter().map(|cycle| cycle.name.as_str()).collect();
                let message = format!("there is no cycle `{}` beside this file", cycle.value);
                let problem = Problem::error(codes::SCENARIO_CYCLE, cycle.span, message);
                self.lowering.problems.push(match known.is_empty() {
                    true => problem.help("put its definition into the same folder"),
                    false => problem.suggest(&cycle.value, &known),
                });
            }
        }
        let given = match get(root, "given") {
            None => Some(ScenarioGiven::nothing()),
            Some(node) => self.given(node),
        };
        let promises = get(root, "explore").map(|node| self.promises(node)).unwrap_or_default();
        let steps = self.lowering.required(root, "steps").map(|node| self.steps(node));
        let name = name?;
        Some(Scenario {
            name: name.value,
            span: name.span,
            cycle: cycle?.value,
            given: given?,
            promises,
            steps: steps?,
        })
    }

    fn required_text(&mut self, node: &Node, name: &str) -> Option<crate::written::Spanned<String>> {
        self.lowering.required(node, name).and_then(|node| self.lowering.text(node, name))
    }

    fn given(&mut self, node: &Node) -> Option<ScenarioGiven> {
        let Value::Map(members) = &node.value else {
            self.lowering.wrong_type(node, "given", "a map with the keys at, http, secrets, vars and env");
            return None;
        };
        self.lowering.refuse_unknown(members, GIVEN, "`given`");
        let mut given = ScenarioGiven::nothing();
        if let Some(at) = get(node, "at") {
            given.at = self.instant(at)?;
        }
        if let Some(http) = get(node, "http") {
            given.http = self.answers(http);
        }
        if let Some(secrets) = get(node, "secrets") {
            for (name, value) in self.members(secrets, "secrets", "a map from names to texts") {
                if let Some(value) = self.lowering.text(value, name) {
                    given.secrets.insert(name.to_owned(), value.value);
                }
            }
            let cycle = self.cycle.clone();
            let known = cycle.as_ref().map(|cycle| cycle.secrets.iter().map(String::as_str).collect());
            self.known(secrets, known, "the secret");
        }
        if let Some(vars) = get(node, "vars") {
            given.vars = self.values(vars, "vars");
            let cycle = self.cycle.clone();
            let known = cycle.as_ref().map(|cycle| cycle.vars.keys().map(String::as_str).collect());
            self.known(vars, known, "the variable");
        }
        if let Some(env) = get(node, "env") {
            given.env = self.values(env, "env");
        }
        Some(given)
    }

    pub fn members<'n>(&mut self, node: &'n Node, what: &str, wanted: &str) -> Vec<(&'n str, &'n Node)> {
        match &node.value {
            Value::Map(members) => members.iter().map(|(key, value)| (key.name(), value)).collect(),
            Value::Null => Vec::new(),
            _ => {
                self.lowering.wrong_type(node, what, wanted);
                Vec::new()
            }
        }
    }

    fn values(&mut self, node: &Node, what: &str) -> BTreeMap<String, Json> {
        let members = self.members(node, what, "a map from names to values");
        members.into_iter().map(|(name, value)| (name.to_owned(), value.json())).collect()
    }

    /// Each name is one that the cycle has.
    fn known(&mut self, node: &Node, known: Option<Vec<&str>>, what: &str) {
        let (Some(known), Value::Map(members)) = (known, &node.value) else { return };
        for (key, _) in members.iter().filter(|(key, _)| !known.contains(&key.name())) {
            let message = format!("the cycle does not read {what} `{}`", key.name());
            let problem = Problem::error(codes::SCENARIO_GIVEN, key.span, message);
            self.lowering.problems.push(match known.is_empty() {
                true => problem.help("leave it out"),
                false => problem.suggest(key.name(), &known),
            });
        }
    }

    fn instant(&mut self, node: &Node) -> Option<DateTime<Utc>> {
        let text = self.lowering.text(node, "at")?;
        let at = DateTime::parse_from_rfc3339(&text.value).ok().map(|at| at.to_utc());
        if at.is_none() {
            let message = format!("`at` is a time as RFC 3339 writes it, not `{}`", text.value);
            let help = "for example 2026-03-01T09:00:00Z";
            self.lowering.problems.push(Problem::error(codes::TIME, node.span, message).help(help));
        }
        at
    }

    fn steps(&mut self, node: &Node) -> Vec<ScenarioStep> {
        let Value::List(items) = &node.value else {
            self.lowering.wrong_type(node, "steps", "a list: `- hit: STEP`, `- advance: 30d`, `- expect: …`");
            return Vec::new();
        };
        if items.len() > STEPS_MAX {
            let message = format!("the scenario has {} steps; at most {STEPS_MAX} are allowed", items.len());
            self.lowering.error(codes::TOO_MANY_STEPS, node.span, message);
        }
        let steps = items.iter().take(STEPS_MAX).filter_map(|item| self.step(item));
        steps.collect()
    }

    fn step(&mut self, node: &Node) -> Option<ScenarioStep> {
        let Value::Map(members) = &node.value else {
            let wanted = "a map: `hit: STEP`, `advance: 30d`, `expect: …`";
            self.lowering.wrong_type(node, "a step of a scenario", wanted);
            return None;
        };
        let found: Vec<_> = members.iter().filter(|(key, _)| ACTIONS.contains(&key.name())).collect();
        // A hit says what it expects of its own answer.
        let hit = found.iter().find(|(key, _)| key.name() == "hit");
        let chosen = match (found.as_slice(), hit) {
            ([one], _) => *one,
            ([_, _], Some(hit)) if found.iter().any(|(key, _)| key.name() == "expect") => *hit,
            (others, _) => {
                self.no_action(node, members, others);
                return None;
            }
        };
        let (key, value) = chosen;
        let action = match key.name() {
            "hit" => self.hit(members, value).map(|request| Action::Hit(Box::new(request))),
            "advance" => self.alone(members, key).lowering.duration(value, "advance").map(Action::Advance),
            "stop" => self.alone(members, key).nothing(value, "stop", Action::Stop),
            "start" => self.alone(members, key).nothing(value, "start", Action::Start),
            "cancel" => match &value.value {
                Value::Null => Some(Action::Cancel(None)),
                _ => self.alone(members, key).hit_name(value, "cancel").map(|name| Action::Cancel(Some(name))),
            },
            "rerun" => self.rerun(members, value),
            _ => self.alone(members, key).expected(value).map(|expected| Action::Expect(Box::new(expected))),
        };
        Some(ScenarioStep { span: key.span, action: action? })
    }

    fn no_action(&mut self, node: &Node, members: &[(Node, Node)], found: &[&(Node, Node)]) {
        let problem = match (found, members.first()) {
            ([], Some((key, _))) => {
                let message = format!("`{}` is nothing that a scenario does", key.name());
                Problem::error(codes::SCENARIO_ACTION, key.span, message).suggest(key.name(), ACTIONS)
            }
            ([_, (second, _), ..], _) => {
                let message = format!("a step of a scenario does one thing; `{}` is a second", second.name());
                let help = "begin another step with `- `";
                Problem::error(codes::SCENARIO_ACTION, second.span, message).help(help)
            }
            _ => {
                let message = "the step does nothing".to_owned();
                Problem::error(codes::SCENARIO_ACTION, node.span, message)
                    .help(format!("it is one of: {}", ACTIONS.join(", ")))
            }
        };
        self.lowering.problems.push(problem);
    }

    /// Nothing stands beside it.
    fn alone(&mut self, members: &[(Node, Node)], key: &Node) -> &mut Self {
        let name = key.name();
        self.lowering.refuse_unknown(members, &[name], &format!("`{name}`"));
        self
    }

    fn nothing(&mut self, node: &Node, what: &str, action: Action) -> Option<Action> {
        if let Value::Null = node.value {
            return Some(action);
        }
        let message = format!("`{what}` takes nothing: write `- {what}:`");
        self.lowering.error(codes::WRONG_TYPE, node.span, message);
        None
    }

    fn rerun(&mut self, members: &[(Node, Node)], node: &Node) -> Option<Action> {
        self.lowering.refuse_unknown(members, &["rerun", "of"], "`rerun`");
        let from = self.cycle_step(node, "rerun", |_| true, "")?;
        let of = members.iter().find(|(key, _)| key.name() == "of");
        let of = match of {
            Some((_, value)) => Some(self.hit_name(value, "of")?),
            None => None,
        };
        Some(Action::Rerun { from, of })
    }

    /// The name of a hit before.
    pub fn hit_name(&mut self, node: &Node, what: &str) -> Option<String> {
        let name = self.lowering.text(node, what)?.value;
        if self.hits.contains(&name) {
            return Some(name);
        }
        let known: Vec<&str> = self.hits.iter().map(String::as_str).collect();
        let message = format!("no hit before this is called `{name}`");
        let problem = Problem::error(codes::SCENARIO_NAME, node.span, message);
        let problem = match known.is_empty() {
            true => problem.help(format!("call one so: `- hit: …`, `as: {name}`")),
            false => problem.suggest(&name, &known),
        };
        self.lowering.problems.push(problem);
        None
    }

    /// A step of the cycle that is of the right kind; any, where the cycle is not known.
    pub fn cycle_step(
        &mut self,
        node: &Node,
        what: &str,
        fits: impl Fn(&crate::StepKind) -> bool,
        kind: &str,
    ) -> Option<String> {
        let name = self.lowering.text(node, what)?.value;
        let Some(cycle) = self.cycle.clone() else { return Some(name) };
        let known = || cycle.steps.iter().filter(|step| fits(&step.kind)).map(|step| step.id.as_str());
        if known().any(|known| known == name) {
            return Some(name);
        }
        let is_step = cycle.find(&name).is_some();
        let message = match is_step {
            true => format!("the step `{name}` of {} is no {kind}", cycle.name),
            false => format!("{} has no step `{name}`", cycle.name),
        };
        let known: Vec<&str> = known().collect();
        let problem = Problem::error(codes::SCENARIO_STEP, node.span, message);
        self.lowering.problems.push(match known.is_empty() {
            true => problem,
            false => problem.suggest(&name, &known),
        });
        None
    }

    pub fn wanted(&self, node: &Node) -> super::Wanted {
        wanted(node)
    }
}

impl ScenarioGiven {
    /// Of a scenario that says nothing.
    pub fn nothing() -> Self {
        Self {
            at: DateTime::from_timestamp_micros(SCENARIO_START).unwrap_or_default(),
            http: BTreeMap::new(),
            secrets: BTreeMap::new(),
            vars: BTreeMap::new(),
            env: BTreeMap::new(),
        }
    }
}
