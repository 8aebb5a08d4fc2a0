//! What a page shows at the steps of a picture besides what the cycle says of them: small figures, and
//! where a click leads.
//!
//! A step with a note keeps its size while the figures change, unless they grow very long: a picture that
//! is drawn anew does not jump.

use std::{collections::BTreeMap, fmt::Write as _};

use super::svg::{escaped, wide};

/// By the step's id.
pub type Notes = BTreeMap<String, Note>;

#[derive(Clone, Debug, Default)]
pub struct Note {
    /// The address that a click on the step opens; empty for none.
    pub link: String,
    /// All of it in words: shows on a pointer that rests there.
    pub said: String,
    pub figures: Vec<Figure>,
}

#[derive(Clone, Debug)]
pub struct Figure {
    pub text: String,
    /// The class of its ground and its text: `held`, `passed`, `failed`.
    pub kind: &'static str,
}

/// The room below a step's two lines.
pub(super) const ROOM: f64 = 20.0;
const WIDTH_MIN: f64 = 150.0;
const PILL: f64 = 16.0;
const APART: f64 = 4.0;

impl Note {
    pub(super) fn width(&self) -> f64 {
        let pills: f64 = self.figures.iter().map(Figure::width).sum();
        (pills + APART * self.figures.len().saturating_sub(1) as f64).max(WIDTH_MIN)
    }

    pub(super) fn open(&self, step: &str, out: &mut String) {
        if !self.link.is_empty() {
            let (link, step) = (escaped(&self.link), escaped(step));
            let _ = write!(out, "<a href=\"{link}\" id=\"at-{step}\">");
        }
    }

    pub(super) fn close(&self, out: &mut String) {
        if !self.link.is_empty() {
            out.push_str("</a>");
        }
    }

    /// Side by side around the middle, from the top.
    pub(super) fn draw(&self, middle: f64, top: f64, out: &mut String) {
        let pills: f64 = self.figures.iter().map(Figure::width).sum();
        let mut x = (middle - (pills + APART * self.figures.len().saturating_sub(1) as f64) / 2.0).round();
        for figure in &self.figures {
            let width = figure.width();
            let _ = write!(
                out,
                "<g class=\"figure {}\"><rect x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{PILL}\" rx=\"8\"/><text x=\"{}\" y=\"{}\">{}</text></g>",
                escaped(figure.kind),
                x + width / 2.0,
                top + 12.0,
                escaped(&figure.text)
            );
            x += width + APART;
        }
    }
}

impl Figure {
    fn width(&self) -> f64 {
        (wide(&self.text, 6.4) + 14.0).round()
    }
}
