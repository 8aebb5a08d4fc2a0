//! Scripts, read by a worker before they are deployed: only it can.

use holdfast_definitions::{Checked, Cycle, Diagnostic, SCRIPT, Script, Severity, StepKind, check};
use holdfast_sandbox::ErrorKind;

use super::{ScriptWorker, Scripts};

/// Scripts that a check finds fault with: each may take all of its time.
const WRONG_MAX: usize = 10;

/// Checks files, their scripts too where there is a program to read them with: its workers serve them all.
pub struct ScriptReader(Scripts);

impl ScriptReader {
    pub fn new(worker: Option<ScriptWorker>) -> Self {
        Self(Scripts::new(worker))
    }

    /// What is wrong with a file's definitions, scripts included.
    pub async fn check(&self, file: &str, text: &str) -> Checked {
        self.0.read(file, check(file, text)).await
    }
}

/// Scripts, each with the id of its step and the function that is called.
pub fn scripts(cycle: &Cycle) -> impl Iterator<Item = (&str, &Script, &'static str)> {
    let inside = cycle.steps.iter().flat_map(|step| match &step.kind {
        StepKind::Each(each) => each.body.steps.as_slice(),
        _ => &[],
    });
    cycle.steps.iter().chain(inside).filter_map(|step| match &step.kind {
        StepKind::Script(script) => Some((step.id.as_str(), script, "step")),
        StepKind::Webhook(webhook) => Some((step.id.as_str(), webhook.script.as_ref()?, "request")),
        _ => None,
    })
}

impl Scripts {
    /// With what is wrong with the scripts.
    pub async fn read(&self, file: &str, mut checked: Checked) -> Checked {
        let mut wrong = Vec::new();
        for (step, script, function) in checked.cycles.iter().flat_map(|cycle| scripts(cycle)) {
            if wrong.len() == WRONG_MAX {
                break;
            }
            wrong.extend(self.read_one(file, step, script, function).await);
        }
        let methods = checked.connectors.iter().flat_map(|connector| connector.scripts());
        for (event, method, script) in methods.take(WRONG_MAX * 10) {
            wrong.extend(self.read_one(file, &format!("{method} of {event}"), script, method).await);
        }
        checked.diagnostics.extend(wrong);
        checked
    }

    async fn read_one(&self, file: &str, step: &str, script: &Script, function: &str) -> Option<Diagnostic> {
        let pool = self.pool()?;
        let error = pool.check(script.source.clone(), function, script.line).await.err()?;
        if error.kind == ErrorKind::Worker {
            // It is no word on the script: the step would say so when it runs.
            tracing::warn!(%error, step, "a script could not be checked");
            return None;
        }
        let line = error.line.unwrap_or(script.line) as usize;
        Some(Diagnostic {
            code: SCRIPT.0,
            severity: Severity::Error,
            message: format!("the script of {step}: {error}"),
            file: file.to_owned(),
            line,
            column: 1,
            end_line: line,
            end_column: 1,
            help: None,
            suggestion: None,
        })
    }
}
