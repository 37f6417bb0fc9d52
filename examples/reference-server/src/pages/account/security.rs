//! Password and other ways to sign in.

use serde::Serialize;

use super::Section;
use crate::pages::{
    Frame, page,
    parts::{Nav, Notice},
    samples::{Gallery, Samples},
};

/// How the account is protected.
#[derive(Clone, Debug, Serialize)]
pub struct SecurityPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What was just done.
    pub notice: Option<Notice>,
}

page!(SecurityPage, "account/security.html", notice);

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let frame = s.frame(true);
    out.add("account-security", &SecurityPage { nav: Section::Security.nav(frame.t), notice: None, frame });
}
