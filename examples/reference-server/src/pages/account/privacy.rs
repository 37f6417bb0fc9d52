//! What is kept about the person, and why.

use serde::Serialize;

use super::Section;
use crate::pages::{
    Frame, page,
    parts::{Nav, Notice},
    samples::{Gallery, Samples},
};

/// What is kept, what was agreed to, and what can be done about it.
#[derive(Clone, Debug, Serialize)]
pub struct PrivacyPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What was just done.
    pub notice: Option<Notice>,
}

page!(PrivacyPage, "account/privacy.html", notice);

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let frame = s.frame(true);
    out.add("account-privacy", &PrivacyPage { nav: Section::Privacy.nav(frame.t), notice: None, frame });
}
