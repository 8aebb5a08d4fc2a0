//! An `each` step as compiled: what is done for every element of an array.

use crate::{Cycle, Path, StepIndex, Template};

/// Elements of an array that an `each` runs over.
pub const ELEMENTS_MAX: usize = 10_000;

#[derive(Debug)]
pub struct Each {
    /// Singular: it must find an array. Otherwise what it finds is the array.
    pub elements: Path,
    /// Elements under way at once: 1 to 50.
    pub parallel: u32,
    /// Whether the others go on where one fails, and the step succeeds.
    pub partial: bool,
    /// Where each element begins.
    pub first: StepIndex,
    /// An element's result; none: what the last step that put something out did.
    pub result: Option<Template>,
    /// The steps, as a cycle of the same name and variables. None of them is a webhook, a response
    /// or another `each`. The element is in the document under the id of the `each` itself.
    pub body: Cycle,
}
