//! What was expected held against what came.

use holdfast_definitions::{Action, Difference, Expected, Json, Scenario, Wanted};

use super::{Moment, Played, PlayedAnswer, PlayedHit, PlayedTransaction};

/// An expectation that is not met: where, and what came in its place. `path` begins with what was
/// looked at: `transaction.status`, `sent[0].body`.
pub type Unmet = Difference;

/// Everything that is not as the scenario says, in the order in which it says it. `played` are its own
/// actions.
pub fn judge(scenario: &Scenario, played: &Played) -> Vec<Unmet> {
    let mut unmet = Vec::new();
    let mut moments = played.moments.iter();
    let mut hits = played.end.hits.iter();
    for step in &scenario.steps {
        match &step.action {
            Action::Hit(request) => {
                let hit = hits.next();
                if let Some(wanted) = &request.expect {
                    compare("answer", wanted, hit.and_then(answer).as_ref(), &mut unmet);
                }
            }
            Action::Expect(expected) => {
                if let Some(moment) = moments.next() {
                    unmet.extend(differences(expected, moment));
                }
            }
            _ => {}
        }
    }
    unmet
}

/// What of an expectation is not as it was at that moment.
pub fn differences(expected: &Expected, moment: &Moment) -> Vec<Unmet> {
    let mut unmet = Vec::new();
    let of = expected.of.as_deref();
    let transaction = || moment.transaction(of).map(PlayedTransaction::json);
    let hit = || moment.hit(of).map(PlayedHit::json);
    let mut one = |name: &str, wanted: &Option<Wanted>, came: &dyn Fn() -> Option<Json>| {
        if let Some(wanted) = wanted {
            compare(name, wanted, came().as_ref(), &mut unmet);
        }
    };
    one("transaction", &expected.transaction, &transaction);
    one("transactions", &expected.transactions, &|| {
        Some(moment.transactions.iter().map(PlayedTransaction::json).collect())
    });
    one("hit", &expected.hit, &hit);
    one("hits", &expected.hits, &|| Some(moment.hits.iter().map(PlayedHit::json).collect()));
    one("answer", &expected.answer, &|| moment.hit(of).and_then(answer));
    one("sent", &expected.sent, &|| Some(moment.sent_json()));
    unmet.sort_by_key(|one| (one.span.line, one.span.column));
    unmet
}

fn answer(hit: &PlayedHit) -> Option<Json> {
    hit.answer.as_ref().map(PlayedAnswer::json)
}

fn compare(name: &str, wanted: &Wanted, came: Option<&Json>, unmet: &mut Vec<Unmet>) {
    for mut difference in wanted.differences(came) {
        let dot = if difference.path.is_empty() || difference.path.starts_with('[') { "" } else { "." };
        difference.path = format!("{name}{dot}{}", difference.path);
        unmet.push(difference);
    }
}
