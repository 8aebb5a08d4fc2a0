//! How many runs of a cycle go on at once.

use super::{Lowering, get};
use crate::{
    Concurrency, codes,
    problem::Problem,
    written::Spanned,
    yaml::{Node, Value},
};

const LIMIT: (u32, u32) = (1, 1_000_000);

impl Lowering {
    pub(super) fn concurrency(&mut self, node: &Node) -> Option<Spanned<Concurrency>> {
        let Value::Map(members) = &node.value else {
            self.wrong_type(node, "concurrency", "a map `{ limit, key }`");
            return None;
        };
        self.refuse_unknown(members, &["limit", "key"], "`concurrency`");
        let (limit, key) = (get(node, "limit"), get(node, "key"));
        if limit.is_none() && key.is_none() {
            self.error(codes::MISSING_KEY, node.span, "the key `limit` or `key` is missing".into());
        }
        let limit = limit.and_then(|node| self.count(node, "limit", LIMIT));
        let span = key.map_or(node.span, |key| key.span);
        let key = key.and_then(|node| self.path(node, "key"));
        if let Some(key) = key.as_ref().filter(|key| !key.is_singular()) {
            let message = format!("`{}` can find several values: `key` must be a singular path", key.text());
            let help = "names and indexes only, such as `$.placed.body.order_id`";
            self.problems.push(Problem::error(codes::CONCURRENCY_KEY, span, message).help(help));
        }
        Some(Spanned { value: Concurrency { limit, key }, span })
    }
}
