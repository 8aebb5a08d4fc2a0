//! Lists on SQLite.

use async_trait::async_trait;
use uuid::Uuid;

use super::super::{
    HitRow, Result, RunWithHit, TransactionRow,
    lists::{HitQuery, ListedHit, Lists, TransactionQuery, WhichHits},
};
use super::{
    Sqlite,
    columns::in_order,
    columns::{Columns, FromColumns},
    reads::of,
    sheet::Sheet,
    sql,
};

in_order!(ListedHit { webhook, hit, status, replay_of });

#[async_trait]
impl Lists for Sqlite {
    async fn list_hits(&self, account: &str, query: &HitQuery) -> Result<Vec<ListedHit>> {
        let statement = match query.which {
            WhichHits::All | WhichHits::AllByStatus => sql::LIST_HITS,
            WhichHits::Status(_) => sql::LIST_HITS_BY_STATUS,
            WhichHits::Ambiguous => sql::LIST_HITS_AMBIGUOUS,
        };
        let lanes = Sheet::of(&query.lanes, |row, (webhook, before)| {
            row.text(webhook).id(*before);
        });
        let bound = of(statement, account).bind(lanes.finish().0).bind(query.from).bind(query.limit);
        let bound = match query.which {
            WhichHits::All | WhichHits::AllByStatus => bound.bind(query.which == WhichHits::AllByStatus),
            WhichHits::Status(status) => bound.bind(status),
            WhichHits::Ambiguous => bound,
        };
        self.all(bound).await
    }

    async fn hits_named(&self, account: &str, names: &[(String, Uuid)]) -> Result<Vec<HitRow>> {
        let names = Sheet::of(names, |row, (webhook, hit)| {
            row.text(webhook).id(*hit);
        });
        self.all(of(sql::HITS_NAMED, account).bind(names.finish().0)).await
    }

    async fn list_transactions(&self, account: &str, query: &TransactionQuery) -> Result<Vec<TransactionRow>> {
        let lanes = Sheet::of(&query.lanes, |row, (cycle, status, before)| {
            row.id(*cycle).text(status).id(*before);
        });
        let lanes = lanes.finish().0;
        let bound = match &query.failed_at {
            None => of(sql::LIST_TRANSACTIONS, account).bind(lanes).bind(query.from).bind(query.limit),
            Some(step) => {
                let bound = of(sql::LIST_FAILED_AT, account).bind(lanes).bind(query.from).bind(query.limit);
                bound.bind(step.clone())
            }
        };
        self.all(bound).await
    }

    async fn newest_transactions(
        &self,
        account: &str,
        before: Uuid,
        from: Uuid,
        limit: i64,
    ) -> Result<Vec<TransactionRow>> {
        self.all(of(sql::NEWEST_TRANSACTIONS, account).bind(before).bind(from).bind(limit)).await
    }

    async fn runs_named(&self, account: &str, names: &[(Uuid, i32)]) -> Result<Vec<RunWithHit>> {
        let names = Sheet::of(names, |row, (transaction, run)| {
            row.id(*transaction).int(*run);
        });
        self.all(of(sql::RUNS_NAMED, account).bind(names.finish().0)).await
    }
}
