//! Which references are bound to the account: what says so, and what follows from it.

use sqlparser::ast::{Expr, Ident, ObjectName, Value};

/// Every table has it, and it is what a schema is distributed by.
pub const ACCOUNT: &str = "account";

/// Where an account comes from.
#[derive(Clone, Copy)]
pub enum Source {
    Parameter,
    Of(usize),
    Elsewhere,
}

/// What a name in a `FROM` stands for.
pub struct Reference {
    pub name: String,
    /// None for what is no table of ours: a function, a sub-query, a part of a `WITH`.
    pub table: Option<String>,
    /// Whether it may have a column `account` without being ours.
    pub may_shadow: bool,
}

pub struct Bounds<'a> {
    parameter: &'a str,
    references: Vec<Reference>,
    /// What each query level sees of its own, outermost first.
    levels: Vec<Vec<usize>>,
    /// A reference is bound where all of these are.
    ties: Vec<(usize, Vec<Source>)>,
    /// Accounts that are written.
    written: Vec<(String, Source)>,
}

impl<'a> Bounds<'a> {
    pub fn of(parameter: &'a str) -> Self {
        Self { parameter, references: Vec::new(), levels: Vec::new(), ties: Vec::new(), written: Vec::new() }
    }

    pub fn enter(&mut self) {
        self.levels.push(Vec::new());
    }

    pub fn leave(&mut self) {
        self.levels.pop();
    }

    /// References so far, of every level.
    pub fn count(&self) -> usize {
        self.references.len()
    }

    pub fn see(&mut self, reference: Reference) {
        self.references.push(reference);
        if let Some(level) = self.levels.last_mut() {
            level.push(self.references.len() - 1);
        }
    }

    pub fn written(&mut self, table: &str, source: Source) {
        self.written.push((table.to_owned(), source));
    }

    /// A condition of this level, that `target` has the account of all of these; with `only`, one that
    /// says nothing of the references before it. It says nothing of the rows of the levels around it
    /// either.
    pub fn tie(&mut self, target: Source, sources: Vec<Source>, only: Option<usize>) {
        let Source::Of(target) = target else { return };
        let here = self.levels.last().is_some_and(|level| level.contains(&target));
        if here && only.is_none_or(|only| target >= only) {
            self.ties.push((target, sources));
        }
    }

    pub fn source(&self, value: &Expr) -> Source {
        match value {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => self.source(inner),
            Expr::Value(value) => match &value.value {
                Value::Placeholder(name) if name == self.parameter => Source::Parameter,
                _ => Source::Elsewhere,
            },
            Expr::Identifier(column) if lower(column) == ACCOUNT => self.unqualified(),
            Expr::CompoundIdentifier(path) => match path.as_slice() {
                [of, column] if lower(column) == ACCOUNT => self.named(&lower(of)),
                _ => Source::Elsewhere,
            },
            _ => Source::Elsewhere,
        }
    }

    /// The innermost level that has such a column, if it has one alone.
    fn unqualified(&self) -> Source {
        for level in self.levels.iter().rev() {
            let may = |at: &&usize| self.references[**at].table.is_some() || self.references[**at].may_shadow;
            let mut found = level.iter().filter(may);
            match (found.next(), found.next()) {
                (None, _) => {}
                (Some(only), None) => return Source::Of(*only),
                _ => return Source::Elsewhere,
            }
        }
        Source::Elsewhere
    }

    fn named(&self, name: &str) -> Source {
        let mut seen = self.levels.iter().rev().flatten();
        seen.find(|at| self.references[**at].name == name).map_or(Source::Elsewhere, |at| Source::Of(*at))
    }

    /// What is not held to the account, once everything has been seen.
    pub fn unbound(&self) -> Vec<String> {
        let mut bound = vec![false; self.references.len()];
        let holds = |bound: &[bool], source: &Source| match source {
            Source::Parameter => true,
            Source::Of(reference) => bound[*reference],
            Source::Elsewhere => false,
        };
        let next = |bound: &[bool]| {
            let follows = |(target, sources): &&(usize, Vec<Source>)| {
                !bound[*target] && !sources.is_empty() && sources.iter().all(|source| holds(bound, source))
            };
            self.ties.iter().find(follows).map(|(target, _)| *target)
        };
        while let Some(target) = next(&bound) {
            bound[target] = true;
        }
        let loose = self.references.iter().zip(&bound).filter(|(_, bound)| !**bound);
        let loose = loose.filter_map(|(reference, _)| Some((reference.table.as_ref()?, &reference.name)));
        let mut wrong: Vec<String> =
            loose.map(|(table, name)| format!("{table} ({name}) is not held to the account")).collect();
        let written = self.written.iter().filter(|(_, source)| !holds(&bound, source));
        wrong.extend(written.map(|(table, _)| format!("{table} is written with another account")));
        wrong
    }
}

pub fn lower(name: &Ident) -> String {
    name.value.to_lowercase()
}

/// A name that no schema stands before.
pub fn plain(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [only] => only.as_ident().map(lower),
        _ => None,
    }
}
