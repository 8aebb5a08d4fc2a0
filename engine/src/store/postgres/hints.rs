//! Hints between nodes, over `LISTEN` and `NOTIFY`. A hint may be lost: everything that it says is
//! found by polling as well. They are sent after the commit, on a connection that holds no lock.

use std::time::Duration;

use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::broadcast;

use super::{super::Hint, sql};

const CHANNEL: &str = "holdfast";
/// PostgreSQL takes fewer than 8,000 bytes in one notification.
const PAYLOAD_MAX: usize = 7_500;
const RECONNECT: Duration = Duration::from_millis(500);

pub async fn notify(pool: &PgPool, hints: &[Hint]) {
    let mut payloads: Vec<String> = Vec::new();
    for hint in hints {
        let text = match hint {
            Hint::Catalog => "c".to_owned(),
            Hint::Answered { account, hit } => format!("a {hit} {account}"),
            Hint::Changed { account, cycle, by } => format!("t {cycle} {by} {account}"),
        };
        match payloads.last_mut() {
            Some(last) if last.len() + text.len() < PAYLOAD_MAX => {
                last.push('\n');
                last.push_str(&text);
            }
            _ => payloads.push(text),
        }
    }
    for payload in payloads {
        if let Err(error) = sqlx::query(sql::NOTIFY).bind(payload).execute(pool).await {
            tracing::debug!(%error, "a hint was lost; polling finds what it told");
        }
    }
}

/// Listens until nobody hears any more, whatever happens to the connection.
pub async fn listen(pool: PgPool, tell: broadcast::Sender<Hint>) {
    loop {
        if let Err(error) = hear(&pool, &tell).await {
            tracing::debug!(%error, "the connection for hints ended; it is opened again");
        }
        if pool.is_closed() {
            return;
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn hear(pool: &PgPool, tell: &broadcast::Sender<Hint>) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        let heard = listener.recv().await?;
        for hint in heard.payload().lines().filter_map(parse) {
            // Nobody may be listening yet.
            let _ = tell.send(hint);
        }
    }
}

fn parse(line: &str) -> Option<Hint> {
    let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
    match kind {
        "c" => Some(Hint::Catalog),
        "a" => {
            let (hit, account) = rest.split_once(' ')?;
            Some(Hint::Answered { account: account.to_owned(), hit: hit.parse().ok()? })
        }
        "t" => {
            let mut parts = rest.splitn(3, ' ');
            let (cycle, by) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            Some(Hint::Changed { account: parts.next()?.to_owned(), cycle, by })
        }
        _ => None,
    }
}
