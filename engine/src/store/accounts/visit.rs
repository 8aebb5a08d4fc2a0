//! What stands inside a piece of a statement, wherever the grammar lets it.

use std::ops::ControlFlow;

use sqlparser::ast::{ObjectName, Query, Visitor};

/// The outermost queries inside something.
#[derive(Default)]
pub struct Subqueries {
    depth: usize,
    pub queries: Vec<Query>,
}

impl Visitor for Subqueries {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.depth == 0 {
            self.queries.push(query.clone());
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

/// How many tables a statement names, wherever.
#[derive(Default)]
pub struct Relations(pub usize);

impl Visitor for Relations {
    type Break = ();

    fn pre_visit_relation(&mut self, _: &ObjectName) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }
}
