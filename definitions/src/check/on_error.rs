//! A word of `on_error` that is a step's id as well: the word wins, and that is said.

use crate::{
    codes,
    problem::Problem,
    written::{ON_ERROR_WORDS, WrittenStep},
};

pub fn check(steps: &[WrittenStep], problems: &mut Vec<Problem>) {
    let words = steps.iter().filter_map(|step| step.on_error.as_ref());
    for word in words.filter(|target| ON_ERROR_WORDS.contains(&target.value.as_str())) {
        if let Some(step) = steps.iter().find(|step| step.id.value == word.value) {
            let message = format!("`on_error: {}` is the word, not the step that is called so", word.value);
            let help = format!("to go to the step in line {}, give it another id", step.id.span.line);
            problems.push(Problem::warning(codes::ON_ERROR_WORD, word.span, message).help(help));
        }
    }
}
