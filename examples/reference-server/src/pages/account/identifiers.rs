//! Addresses, numbers and names that identify the account.

use serde::Serialize;

use super::Section;
use crate::pages::{
    Frame, page,
    parts::{Nav, Notice},
    samples::{Gallery, Samples},
};

/// The ways to reach the person, and to sign in.
#[derive(Clone, Debug, Serialize)]
pub struct IdentifiersPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What was just done.
    pub notice: Option<Notice>,
    /// The identifiers.
    pub identifiers: Vec<IdentifierLine>,
}

page!(IdentifiersPage, "account/identifiers.html", notice);

/// An identifier of the account.
#[derive(Clone, Debug, Serialize)]
pub struct IdentifierLine {
    /// The address, number or name.
    pub value: String,
    /// What it is, in words.
    pub kind: String,
    /// The account holder proved that it is theirs.
    pub verified: bool,
    /// It is the one that is used first.
    pub primary: bool,
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let frame = s.frame(true);
    let t = frame.t;
    let line = |value: &str, kind: &str, verified, primary| IdentifierLine {
        value: value.into(),
        kind: kind.into(),
        verified,
        primary,
    };
    let long = "ada.lovelace.with.a.rather.long.address@analytical.example.com";
    let page = IdentifiersPage {
        nav: Section::Identifiers.nav(t),
        notice: None,
        identifiers: vec![
            line(long, t.identifiers.kind_email.as_str(), true, true),
            line(&s.identifier, t.identifiers.kind_username.as_str(), false, false),
        ],
        frame,
    };
    out.add("account-identifiers", &page);
}
