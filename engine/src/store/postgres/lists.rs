//! Lists on PostgreSQL.

use async_trait::async_trait;
use uuid::Uuid;

use super::super::{
    HitRow, Result, RunWithHit, TransactionRow,
    lists::{HitQuery, ListedHit, Lists, TransactionQuery, WhichHits},
};
use super::{
    Postgres,
    columns::{Columns, FromColumns},
    sql,
};

impl FromColumns for ListedHit {
    fn from_columns(c: &mut Columns<'_>) -> Result<Self> {
        Ok(Self { webhook: c.get()?, hit: c.get()?, status: c.get()?, replay_of: c.get()? })
    }
}

#[async_trait]
impl Lists for Postgres {
    async fn list_hits(&self, account: &str, query: &HitQuery) -> Result<Vec<ListedHit>> {
        let statement = match query.which {
            WhichHits::All | WhichHits::AllByStatus => sql::LIST_HITS,
            WhichHits::Status(_) => sql::LIST_HITS_BY_STATUS,
            WhichHits::Ambiguous => sql::LIST_HITS_AMBIGUOUS,
        };
        let bound = sqlx::query(statement)
            .bind(account)
            .bind(query.lanes.iter().map(|(webhook, _)| webhook.as_str()).collect::<Vec<_>>())
            .bind(query.lanes.iter().map(|(_, before)| *before).collect::<Vec<_>>())
            .bind(query.from)
            .bind(query.limit);
        let bound = match query.which {
            WhichHits::Status(status) => bound.bind(status),
            _ => bound,
        };
        self.all(account, bound).await
    }

    async fn hits_named(&self, account: &str, names: &[(String, Uuid)]) -> Result<Vec<HitRow>> {
        let webhooks: Vec<_> = names.iter().map(|(webhook, _)| webhook.as_str()).collect();
        let hits: Vec<_> = names.iter().map(|(_, hit)| *hit).collect();
        self.all(account, sqlx::query(sql::HITS_NAMED).bind(account).bind(webhooks).bind(hits)).await
    }

    async fn list_transactions(&self, account: &str, query: &TransactionQuery) -> Result<Vec<TransactionRow>> {
        let cycles: Vec<_> = query.lanes.iter().map(|lane| lane.0).collect();
        let before: Vec<_> = query.lanes.iter().map(|lane| lane.2).collect();
        let bound = match &query.failed_at {
            None => {
                let statuses: Vec<_> = query.lanes.iter().map(|lane| lane.1).collect();
                let bound = sqlx::query(sql::LIST_TRANSACTIONS).bind(account).bind(cycles).bind(statuses);
                bound.bind(before).bind(query.from).bind(query.limit)
            }
            Some(step) => {
                let bound = sqlx::query(sql::LIST_FAILED_AT).bind(account).bind(cycles).bind(step);
                bound.bind(before).bind(query.from).bind(query.limit)
            }
        };
        self.all(account, bound).await
    }

    async fn newest_transactions(
        &self,
        account: &str,
        before: Uuid,
        from: Uuid,
        limit: i64,
    ) -> Result<Vec<TransactionRow>> {
        let query = sqlx::query(sql::NEWEST_TRANSACTIONS).bind(account).bind(before).bind(from).bind(limit);
        self.all(account, query).await
    }

    async fn runs_named(&self, account: &str, names: &[(Uuid, i32)]) -> Result<Vec<RunWithHit>> {
        let transactions: Vec<_> = names.iter().map(|(transaction, _)| *transaction).collect();
        let runs: Vec<_> = names.iter().map(|(_, run)| *run).collect();
        self.all(account, sqlx::query(sql::RUNS_NAMED).bind(account).bind(transactions).bind(runs)).await
    }
}
