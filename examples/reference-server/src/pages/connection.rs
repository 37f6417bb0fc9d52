//! The way to the identity provider of an organization.

use serde::Serialize;

use super::{
    Frame, page,
    parts::Notice,
    samples::{Gallery, Samples},
};

/// Says where the people of an organization sign in, and leads there.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What went wrong.
    pub notice: Option<Notice>,
    /// The organization.
    pub organization: String,
    /// What was typed.
    pub who: Option<String>,
    /// Where its people sign in.
    pub go: String,
    /// For somebody else.
    pub other: String,
}

page!(ConnectionPage, "connection.html", notice);

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let page = ConnectionPage {
        frame: s.frame(false),
        notice: None,
        organization: s.client.clone(),
        who: Some(s.identifier.clone()),
        go: "/upstream/acme".into(),
        other: "/sign-in".into(),
    };
    out.add("connection", &page);
}
