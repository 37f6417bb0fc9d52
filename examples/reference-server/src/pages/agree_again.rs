//! A consent whose words have changed.

use serde::Serialize;

use super::{
    Frame, page,
    parts::Action,
    samples::{Gallery, Samples},
};

/// Asks again for a consent to a purpose whose words have changed.
#[derive(Clone, Debug, Serialize)]
pub struct AgreeAgainPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where the form goes.
    pub action: Action,
    /// Where it leads in the end.
    pub then: String,
    /// The purpose.
    pub purpose: String,
    /// What it is called.
    pub title: String,
    /// The new words.
    pub text: String,
    /// Their version.
    pub version: String,
}

page!(AgreeAgainPage, "agree_again.html");

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let page = AgreeAgainPage {
        frame: s.frame(true),
        action: s.action("/agree-again"),
        then: "handle".into(),
        purpose: "newsletter".into(),
        title: "Newsletter".into(),
        text: "We write to you by email, at most twice a month.".into(),
        version: "2".into(),
    };
    out.add("agree-again", &page);
}
