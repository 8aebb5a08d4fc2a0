//! Transactions cancelled, run again, resumed by hand.

use std::sync::Arc;

use holdfast_definitions::Json;

use super::Engine;
use crate::{Error, TransactionId, TransactionView, steps::steps_of, store::TransactionRow, work::Work};

/// Runs that are looked through at once for a step.
const LOOKED_THROUGH: i64 = 100;

impl Engine {
    /// Final. `Conflict` where it is cancelled already.
    pub async fn cancel(&self, account: &str, id: TransactionId) -> Result<TransactionView, Error> {
        self.visible(account, id).await?;
        self.cancel_only(account, id).await?;
        self.transaction(account, id).await
    }

    pub(super) async fn cancel_only(&self, account: &str, id: TransactionId) -> Result<(), Error> {
        self.shared.writer.ask(account, Work::Cancel { transaction: id.0 }).await.map(|_| ())
    }

    /// A run with no hit, from a step that it has passed, with the document as it was there or the
    /// one given.
    pub async fn rerun(
        &self,
        account: &str,
        id: TransactionId,
        step: &str,
        document: Option<Json>,
    ) -> Result<TransactionView, Error> {
        let row = self.visible(account, id).await?;
        self.rerun_only(account, &row, (step, document), None).await?;
        self.transaction(account, id).await
    }

    /// False where it has another number of runs than the one given.
    pub(super) async fn rerun_only(
        &self,
        account: &str,
        row: &TransactionRow,
        (step, document): (&str, Option<Json>),
        runs: Option<i32>,
    ) -> Result<bool, Error> {
        let passed = self.passed(account, row, step).await?;
        let document = match document {
            Some(document @ Json::Object(_)) => document,
            Some(_) => return Err(Error::Invalid("the document must be a JSON object".into())),
            None => passed,
        };
        let transaction = row.transaction;
        let work = Work::Rerun { transaction, step: step.to_owned(), document: Arc::new(document), runs };
        Ok(self.shared.writer.ask(account, work).await?.transaction.is_some())
    }

    /// The document with which the newest run that passed a step came there: what a re-run from it
    /// begins with.
    pub async fn document_at(&self, account: &str, id: TransactionId, step: &str) -> Result<Json, Error> {
        let row = self.visible(account, id).await?;
        self.passed(account, &row, step).await
    }

    async fn passed(&self, account: &str, row: &TransactionRow, step: &str) -> Result<Json, Error> {
        let mut before = i32::MAX;
        loop {
            let runs = self.shared.store.runs(account, row.transaction, before, LOOKED_THROUGH).await?;
            let Some(last) = runs.last() else {
                let message = format!("the transaction has not passed a step {step}");
                return Err(Error::Conflict(message));
            };
            before = last.run.run;
            for run in runs {
                let number = run.run.run;
                if steps_of(&run.run)?.iter().any(|passed| passed.step == step && passed.status != "held") {
                    let history = self.history(account, row.transaction, run).await?;
                    return history.document_at(number, step);
                }
            }
        }
    }

    /// Resumes a hold by hand: a hit with this body is made for the transaction itself, whatever
    /// the mapping says. `step` may be left out where it is held at one step.
    pub async fn resume(
        &self,
        account: &str,
        id: TransactionId,
        step: Option<&str>,
        body: Json,
    ) -> Result<TransactionView, Error> {
        self.visible(account, id).await?;
        self.resume_only(account, id, (step, body), None).await?;
        self.transaction(account, id).await
    }

    /// As `rerun_only`.
    pub(super) async fn resume_only(
        &self,
        account: &str,
        id: TransactionId,
        (step, body): (Option<&str>, Json),
        runs: Option<i32>,
    ) -> Result<bool, Error> {
        let work = Work::Resume { transaction: id.0, step: step.map(str::to_owned), body, runs };
        Ok(self.shared.writer.ask(account, work).await?.transaction.is_some())
    }
}
