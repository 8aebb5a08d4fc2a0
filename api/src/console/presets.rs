//! Sets of events that a new endpoint may begin with, named after what they give.

use holdfast_engine::EVENTS;
use serde::Deserialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    Failures,
    Results,
    Everything,
}

impl Preset {
    pub const ALL: [Self; 3] = [Self::Failures, Self::Results, Self::Everything];

    /// `?events=…` of the page.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Results => "results",
            Self::Everything => "everything",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Failures => "Failures",
            Self::Results => "Results",
            Self::Everything => "Everything",
        }
    }

    pub fn said(self) -> &'static str {
        match self {
            Self::Failures => "what someone should look at",
            Self::Results => "how each transaction ended",
            Self::Everything => "none ticked: your own events too",
        }
    }

    /// Without `step.failed`: a failure that `on_error` makes up for is none, and of any other
    /// `transaction.failed` tells.
    fn events(self) -> &'static [&'static str] {
        match self {
            Self::Failures => &[
                "transaction.failed",
                "transaction.expired",
                "hold.expiring",
                "hit.unmatched",
                "hit.rejected",
                "subscription.failed",
                "endpoint.disabled",
            ],
            Self::Results => {
                &["transaction.completed", "transaction.failed", "transaction.cancelled", "transaction.expired"]
            }
            Self::Everything => &[],
        }
    }

    /// Every event's name, and whether it is of the set.
    pub fn ticked(self) -> Vec<(&'static str, bool)> {
        EVENTS.iter().map(|event| (event.name, self.events().contains(&event.name))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_only_events_that_there_are() {
        for preset in Preset::ALL {
            let ticked = preset.ticked().iter().filter(|(_, ticked)| *ticked).count();
            assert_eq!(ticked, preset.events().len(), "{preset:?}");
            let read: Preset = serde_html_form::from_str::<Vec<(String, Preset)>>(&format!("events={}", preset.word()))
                .expect("its word is read")[0]
                .1;
            assert_eq!(read, preset);
        }
    }
}
