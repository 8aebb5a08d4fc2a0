//! Several statements as one: a statement is a journey to the server and back, and what touches
//! different rows can travel together, each a part of one `WITH` (PostgreSQL, section 7.8.4).
//!
//! The parts of one `WITH` see the same rows, those before it, and happen in no stated order. So a
//! table that is written twice is written in two steps, one after the other.

use sqlx::{Arguments as _, AssertSqlSafe, Encode, Postgres as Database, Type, postgres::PgArguments};

use super::{
    super::{Error, Result},
    commit::PostgresCommit,
};

/// Parts that travel together.
pub struct Step {
    parts: Vec<String>,
    arguments: PgArguments,
    bound: usize,
    /// A value that could not be sent: the step is not.
    failed: Option<String>,
}

impl Step {
    fn of(account: &str) -> Self {
        let mut step = Self { parts: Vec::new(), arguments: PgArguments::default(), bound: 0, failed: None };
        step.bind(account);
        step
    }

    /// The next parameter of the newest part.
    pub fn bind<'q, T: Encode<'q, Database> + Type<Database>>(&mut self, value: T) -> &mut Self {
        self.bound += 1;
        if let Err(cause) = self.arguments.add(value) {
            self.failed = Some(cause.to_string());
        }
        self
    }

    fn text(&self) -> String {
        if let [only] = self.parts.as_slice() {
            return only.clone();
        }
        let mut text = String::from("WITH ");
        for (number, part) in self.parts.iter().enumerate() {
            text.push_str(&format!("part_{number} AS ({part}), "));
        }
        text.push_str("done AS (SELECT) SELECT FROM done");
        text
    }
}

/// Steps, one after the other.
pub struct Script {
    account: String,
    steps: Vec<Step>,
    /// Each table with the step that last wrote it.
    written: Vec<(&'static str, usize)>,
}

impl Script {
    pub fn of(account: String) -> Self {
        Self { account, steps: Vec::new(), written: Vec::new() }
    }

    /// A statement that may change rows which an earlier one of this table touched.
    pub fn then(&mut self, table: &'static str, statement: &str) -> &mut Step {
        let last = self.written.iter().filter(|(name, _)| *name == table).map(|(_, step)| step + 1).max();
        self.at(last.unwrap_or(0), table, statement)
    }

    fn at(&mut self, step: usize, table: &'static str, statement: &str) -> &mut Step {
        if step == self.steps.len() {
            self.steps.push(Step::of(&self.account));
        }
        self.written.push((table, step));
        let step = &mut self.steps[step];
        step.parts.push(renumbered(statement, step.bound));
        step
    }

    pub async fn run(self, commit: &mut PostgresCommit) -> Result<()> {
        for step in self.steps {
            if let Some(cause) = step.failed {
                return Err(Error::Refused(cause));
            }
            let text = step.text();
            // The text is made of this store's own statements.
            commit.execute(sqlx::query_with(AssertSqlSafe(text), step.arguments)).await?;
        }
        Ok(())
    }
}

/// `$1` is the account in every part; what follows comes after what is bound already.
fn renumbered(statement: &str, bound: usize) -> String {
    let mut text = String::with_capacity(statement.len() + 16);
    let mut pieces = statement.split('$');
    text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let number: usize = piece[..digits].parse().unwrap_or_default();
        let number = if number < 2 { number } else { number - 1 + bound };
        text.push_str(&format!("${number}{}", &piece[digits..]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{accounts, postgres::sql};

    #[test]
    fn parts_share_the_account_and_nothing_else() {
        let mut script = Script::of("a".to_owned());
        script.then("x", "INSERT INTO x SELECT $1, $2, $3").bind(1_i32).bind(2_i32);
        script.then("y", "INSERT INTO y SELECT $1, $2").bind(3_i32);
        script.then("x", "UPDATE x SET n = $2 WHERE account = $1").bind(5_i32);
        let texts: Vec<String> = script.steps.iter().map(Step::text).collect();
        assert_eq!(
            texts,
            [
                "WITH part_0 AS (INSERT INTO x SELECT $1, $2, $3), part_1 AS (INSERT INTO y SELECT $1, $4), \
                 done AS (SELECT) SELECT FROM done",
                "UPDATE x SET n = $2 WHERE account = $1",
            ]
        );
    }

    #[test]
    fn parts_that_are_one_accounts_each_are_so_together() {
        let own = |name: &&str| !accounts::is_excepted(name);
        let writes = |text: &str| ["INSERT", "UPDATE", "DELETE"].iter().any(|word| text.starts_with(word));
        let all = sql::all().filter(|(name, text)| own(name) && writes(text) && !text.contains("RETURNING"));
        let mut script = Script::of("a".to_owned());
        for (name, text) in all {
            script.then(name, text).bind(1_i32);
        }
        let [step] = script.steps.as_slice() else { panic!("one step") };
        assert!(step.parts.len() > 20);
        assert_eq!(accounts::on_postgres(&step.text()), [""; 0]);
    }
}
