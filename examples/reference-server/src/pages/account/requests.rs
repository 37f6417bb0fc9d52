//! What applications ask the account's owner from elsewhere.

use serde::Serialize;

use super::Section;
use crate::pages::{
    Frame, page,
    parts::{Action, Nav, Notice},
    samples::{Gallery, Samples},
};

/// What waits for an answer, and the code by which the owner lets themselves be asked.
#[derive(Clone, Debug, Serialize)]
pub struct RequestsPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What was just done.
    pub notice: Option<Notice>,
    /// Where a request is opened.
    pub open: Action,
    /// What waits.
    pub requests: Vec<RequestLine>,
    /// Where the code is made and removed.
    pub change_code: Action,
    /// The code, if there is one.
    pub code: Option<String>,
}

page!(RequestsPage, "account/requests.html", notice);

/// A request that waits.
#[derive(Clone, Debug, Serialize)]
pub struct RequestLine {
    /// Its name.
    pub name: String,
    /// Who asks.
    pub client: String,
    /// What the application shows on its side.
    pub message: Option<String>,
    /// Until when it can be answered.
    pub until: String,
    /// What is asked for, in words.
    pub scopes: String,
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let line = RequestLine {
        name: "a-request".into(),
        client: s.client.clone(),
        message: Some(format!("{} 4711", s.person)),
        until: "2026-11-20 08:14 UTC".into(),
        scopes: "See your profile · See your email address".into(),
    };
    for (name, requests, code) in [
        ("account-requests", vec![line], Some("WDJB-MJHT".to_owned())),
        ("account-requests-none", Vec::new(), None),
    ] {
        let frame = s.frame(true);
        let page = RequestsPage {
            nav: Section::Applications.nav(frame.t),
            notice: None,
            open: s.action("/account/requests"),
            requests,
            change_code: s.action("/account/requests/code"),
            code,
            frame,
        };
        out.add(name, &page);
    }
}
