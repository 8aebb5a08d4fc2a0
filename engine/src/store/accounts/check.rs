//! Whether a statement runs on one account's rows alone, told from its text.
//!
//! Each place where a table of ours is read or changed is a reference. It is bound where what
//! must be true of all its rows says that its account is the parameter, or the account of another
//! bound reference, and so on. What the check does not understand, it refuses.

use std::collections::BTreeSet;

use sqlparser::{
    ast::{
        AssignmentTarget, BinaryOperator, ConflictTarget, Delete, Expr, FromTable, InTarget, Insert, Join,
        JoinConstraint, JoinOperator, ObjectName, OnConflictAction, OnInsert, Query, Select, SelectItem, SetExpr,
        Statement, TableAlias, TableFactor, TableObject, TableWithJoins, Update, UpdateTableFromKind, Visit,
    },
    dialect::Dialect,
    parser::Parser,
};

use super::{
    bound::{ACCOUNT, Bounds, Reference, Source, lower, plain},
    visit::{Relations, Subqueries},
};

/// What is wrong with these statements; nothing where each is one account's. `parameter` is the
/// account's.
pub fn check(dialect: &dyn Dialect, parameter: &str, tables: &BTreeSet<String>, text: &str) -> Vec<String> {
    let statements = match Parser::parse_sql(dialect, text) {
        Ok(statements) => statements,
        Err(error) => return vec![error.to_string()],
    };
    let mut wrong = Vec::new();
    for statement in &statements {
        let mut check = Check::of(parameter, tables);
        check.statement(statement);
        let mut relations = Relations::default();
        let _ = statement.visit(&mut relations);
        if relations.0 != check.relations {
            check.refuse("names a table where the check does not look");
        }
        wrong.extend(check.bounds.unbound());
        wrong.append(&mut check.wrong);
    }
    wrong
}

struct Check<'a> {
    tables: &'a BTreeSet<String>,
    /// The parts of a `WITH`.
    parts: BTreeSet<String>,
    bounds: Bounds<'a>,
    relations: usize,
    wrong: Vec<String>,
}

impl<'a> Check<'a> {
    fn of(parameter: &'a str, tables: &'a BTreeSet<String>) -> Self {
        let bounds = Bounds::of(parameter);
        Self { tables, parts: BTreeSet::new(), bounds, relations: 0, wrong: Vec::new() }
    }

    fn refuse(&mut self, cause: impl Into<String>) {
        self.wrong.push(cause.into());
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Query(query) => drop(self.query(query)),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::StartTransaction { .. } | Statement::Commit { .. } | Statement::Rollback { .. } => {}
            other => self.refuse(format!("a kind of statement that the check does not know: {other}")),
        }
    }

    /// Where each branch's columns come from, up to the first that is not written out.
    fn query(&mut self, query: &Query) -> Vec<Vec<Source>> {
        for part in query.with.iter().flat_map(|with| &with.cte_tables) {
            let name = lower(&part.alias.name);
            if self.tables.contains(&name) {
                self.refuse(format!("a part of a WITH hides the table {name}"));
            }
            self.query(&part.query);
            self.parts.insert(name);
        }
        let branches = self.body(&query.body);
        self.inside(&query.order_by);
        self.inside(&query.limit_clause);
        branches
    }

    fn body(&mut self, body: &SetExpr) -> Vec<Vec<Source>> {
        match body {
            SetExpr::Select(select) => vec![self.select(select)],
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                let mut branches = self.body(left);
                branches.extend(self.body(right));
                branches
            }
            SetExpr::Values(values) => {
                self.inside(values);
                values.rows.iter().map(|row| row.iter().map(|value| self.bounds.source(value)).collect()).collect()
            }
            SetExpr::Insert(statement) | SetExpr::Update(statement) | SetExpr::Delete(statement) => {
                self.statement(statement);
                Vec::new()
            }
            other => {
                self.refuse(format!("a kind of query that the check does not know: {other}"));
                Vec::new()
            }
        }
    }

    fn select(&mut self, select: &Select) -> Vec<Source> {
        self.bounds.enter();
        self.from(&select.from);
        self.condition(select.selection.as_ref(), None);
        self.inside(&select.projection);
        self.inside(&select.group_by);
        self.inside(&select.having);
        let written_out = select.projection.iter().map_while(|item| match item {
            SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. } => Some(value),
            _ => None,
        });
        let columns = written_out.map(|value| self.bounds.source(value)).collect();
        self.bounds.leave();
        columns
    }

    fn insert(&mut self, insert: &Insert) {
        let TableObject::TableName(name) = &insert.table else {
            return self.refuse("an INSERT into no table");
        };
        self.relations += 1;
        let Some(table) = self.ours(name) else { return self.refuse(format!("writes {name}, no table of ours")) };
        let at = insert.columns.iter().position(|column| plain(column).as_deref() == Some(ACCOUNT));
        let (Some(at), Some(source)) = (at, &insert.source) else {
            return self.refuse(format!("{table} is written without an account"));
        };
        for columns in self.query(source) {
            self.bounds.written(&table, columns.get(at).copied().unwrap_or(Source::Elsewhere));
        }
        if let Some(on) = &insert.on {
            self.conflict(&table, on);
        }
        self.inside(&insert.returning);
    }

    fn conflict(&mut self, table: &str, on: &OnInsert) {
        let OnInsert::OnConflict(conflict) = on else { return self.refuse("an INSERT that the check does not know") };
        match (&conflict.conflict_target, &conflict.action) {
            (Some(ConflictTarget::Columns { columns, .. }), _)
                if columns.first().map(lower).as_deref() == Some(ACCOUNT) => {}
            // Whatever key it is: a test holds every key to the account.
            (None, OnConflictAction::DoNothing) => {}
            _ => self.refuse(format!("{table}: a conflict over a key that does not begin with the account")),
        }
        if let OnConflictAction::DoUpdate(change) = &conflict.action {
            self.assigned(change.assignments.iter().map(|one| &one.target));
            self.inside(&change.assignments);
            self.inside(&change.selection);
        }
    }

    fn update(&mut self, update: &Update) {
        self.bounds.enter();
        self.from(std::slice::from_ref(&update.table));
        match &update.from {
            None => {}
            Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => self.from(from),
        }
        self.assigned(update.assignments.iter().map(|one| &one.target));
        self.condition(update.selection.as_ref(), None);
        self.inside(&update.assignments);
        self.inside(&update.returning);
        self.bounds.leave();
    }

    fn delete(&mut self, delete: &Delete) {
        self.bounds.enter();
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        self.from(from);
        self.from(delete.using.as_deref().unwrap_or_default());
        self.condition(delete.selection.as_ref(), None);
        self.inside(&delete.returning);
        self.bounds.leave();
    }

    /// A row stays with its account.
    fn assigned<'t>(&mut self, targets: impl Iterator<Item = &'t AssignmentTarget>) {
        for target in targets {
            match target {
                AssignmentTarget::ColumnName(name) if plain(name).is_some_and(|name| name != ACCOUNT) => {}
                other => self.refuse(format!("{other} is changed")),
            }
        }
    }

    fn from(&mut self, tables: &[TableWithJoins]) {
        for TableWithJoins { relation, joins } in tables {
            self.factor(relation);
            for Join { relation, join_operator, .. } in joins {
                let before = self.bounds.count();
                self.factor(relation);
                let (constraint, only) = match join_operator {
                    JoinOperator::Join(on) | JoinOperator::Inner(on) | JoinOperator::CrossJoin(on) => (on, None),
                    // Says nothing of the rows on its left, which come whether it is true or not.
                    JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => (on, Some(before)),
                    _ => {
                        self.refuse("a kind of join that the check does not know");
                        continue;
                    }
                };
                match constraint {
                    JoinConstraint::None => {}
                    JoinConstraint::On(on) => self.condition(Some(on), only),
                    _ => self.refuse("a join over columns that it does not write out"),
                }
            }
        }
    }

    fn factor(&mut self, factor: &TableFactor) {
        match factor {
            TableFactor::Table { name, alias, args, .. } => {
                self.relations += 1;
                self.inside(args);
                let table = if args.is_none() { self.ours(name) } else { None };
                let part = plain(name).is_some_and(|name| self.parts.contains(&name));
                if table.is_none() && args.is_none() && !part {
                    self.refuse(format!("reads {name}, no table of ours"));
                }
                let name = plain(name).unwrap_or_default();
                self.see(name, alias.as_ref(), table, part);
            }
            TableFactor::UNNEST { alias, array_exprs, .. } => {
                self.inside(array_exprs);
                self.see(String::new(), alias.as_ref(), None, false);
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let branches = self.query(subquery);
                self.see(String::new(), alias.as_ref(), None, true);
                if first_is_account(subquery) {
                    let first = |columns: &Vec<Source>| columns.first().copied().unwrap_or(Source::Elsewhere);
                    let derived = Source::Of(self.bounds.count() - 1);
                    self.bounds.tie(derived, branches.iter().map(first).collect(), None);
                }
            }
            TableFactor::NestedJoin { table_with_joins, .. } => self.from(std::slice::from_ref(table_with_joins)),
            other => self.refuse(format!("a kind of table that the check does not know: {other}")),
        }
    }

    fn see(&mut self, name: String, alias: Option<&TableAlias>, table: Option<String>, may_shadow: bool) {
        let name = alias.map_or(name, |alias| lower(&alias.name));
        let columns = alias.map(|alias| alias.columns.as_slice()).unwrap_or_default();
        if table.is_some() && !columns.is_empty() {
            self.refuse(format!("{name} gives other names to a table's columns"));
        }
        let may_shadow = may_shadow || columns.iter().any(|column| lower(&column.name) == ACCOUNT);
        self.bounds.see(Reference { name, table, may_shadow });
    }

    /// What must be true of every row of this level, or of the references from `only` on.
    fn condition(&mut self, condition: Option<&Expr>, only: Option<usize>) {
        let Some(condition) = condition else { return };
        match condition {
            Expr::Nested(inner) => self.condition(Some(inner), only),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.condition(Some(left), only);
                self.condition(Some(right), only);
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                self.inside(condition);
                let (left, right) = (self.bounds.source(left), self.bounds.source(right));
                self.bounds.tie(left, vec![right], only);
                self.bounds.tie(right, vec![left], only);
            }
            Expr::In { expr, target: InTarget::Subquery(subquery), negated: false, .. } => {
                self.inside(expr.as_ref());
                let first = match expr.as_ref() {
                    Expr::Tuple(values) => values.first(),
                    other => Some(other),
                };
                let target = first.map_or(Source::Elsewhere, |first| self.bounds.source(first));
                let branches = self.query(subquery);
                let sources = branches.iter().map(|columns| columns.first().copied().unwrap_or(Source::Elsewhere));
                self.bounds.tie(target, sources.collect(), only);
            }
            other => self.inside(other),
        }
    }

    /// Sub-queries anywhere inside, each a level of its own.
    fn inside<T: Visit>(&mut self, node: &T) {
        let mut found = Subqueries::default();
        let _ = node.visit(&mut found);
        for query in found.queries {
            self.query(&query);
        }
    }

    fn ours(&self, name: &ObjectName) -> Option<String> {
        plain(name).filter(|name| self.tables.contains(name))
    }
}

/// Whether a sub-query's first column is what it gives as its account.
fn first_is_account(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    matches!(select.projection.first(), Some(SelectItem::ExprWithAlias { alias, .. }) if lower(alias) == ACCOUNT)
}
