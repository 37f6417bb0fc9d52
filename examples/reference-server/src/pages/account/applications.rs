//! What may act for the account.

use serde::Serialize;

use super::Section;
use crate::pages::{
    Frame, page,
    parts::{Action, Nav, Notice},
    samples::{Gallery, Samples},
};

/// The applications with access, and its end.
#[derive(Clone, Debug, Serialize)]
pub struct ApplicationsPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What was just done.
    pub notice: Option<Notice>,
    /// Where the forms go.
    pub revoke: Action,
    /// Where what applications ask from elsewhere is, where they can.
    pub requests: Option<&'static str>,
    /// What was allowed to applications.
    pub applications: Vec<ApplicationLine>,
}

page!(ApplicationsPage, "account/applications.html", notice);

/// An application that may act for the account.
#[derive(Clone, Debug, Serialize)]
pub struct ApplicationLine {
    /// The client.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was allowed.
    pub since: String,
    /// What it may do, in words.
    pub scopes: String,
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let application = ApplicationLine {
        id: "relying-party".into(),
        name: s.client.clone(),
        since: "2026-11-20 08:14 UTC".into(),
        scopes: "See your profile · See your email address".into(),
    };
    for (name, applications) in
        [("account-applications", vec![application]), ("account-applications-none", Vec::new())]
    {
        let frame = s.frame(true);
        let page = ApplicationsPage {
            nav: Section::Applications.nav(frame.t),
            notice: None,
            revoke: s.action("/account/applications"),
            requests: Some("/account/requests"),
            applications,
            frame,
        };
        out.add(name, &page);
    }
}
