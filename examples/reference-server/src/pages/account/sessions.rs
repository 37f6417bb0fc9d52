//! Where the account is signed in.

use serde::Serialize;

use super::Section;
use crate::pages::{
    Frame, page,
    parts::{Action, Nav, Notice},
    samples::{Gallery, Samples},
};

/// The sessions of the account, and their end.
#[derive(Clone, Debug, Serialize)]
pub struct SessionsPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What was just done.
    pub notice: Option<Notice>,
    /// Where the forms go.
    pub end: Action,
    /// The sessions, this one first.
    pub sessions: Vec<SessionLine>,
    /// There are others than this one.
    pub others: bool,
    /// The browsers that the account remembers, this one first.
    pub devices: Vec<DeviceLine>,
}

page!(SessionsPage, "account/sessions.html", notice);

/// A place where the account is signed in.
#[derive(Clone, Debug, Serialize)]
pub struct SessionLine {
    /// The session.
    pub id: String,
    /// What is known of the device.
    pub device: Option<String>,
    /// Where it began.
    pub place: Option<String>,
    /// When the session began.
    pub started: String,
    /// When it was last used.
    pub seen: String,
    /// It is the one that shows this page.
    pub current: bool,
}

/// A browser in which the account has signed in.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceLine {
    /// The device.
    pub id: String,
    /// What is known of it.
    pub device: Option<String>,
    /// Where it was at the last sign-in.
    pub place: Option<String>,
    /// When it was first seen.
    pub since: String,
    /// When somebody last signed in with it.
    pub seen: String,
    /// It spares a further factor.
    pub trusted: bool,
    /// It can be trusted from here.
    pub may_trust: bool,
    /// It is the one that shows this page.
    pub current: bool,
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let frame = s.frame(true);
    let line = |id: &str, device: Option<&str>, current: bool| SessionLine {
        id: id.into(),
        device: device.map(str::to_owned),
        place: current.then(|| "Lyon, FR".to_owned()),
        started: "2026-11-20 08:14 UTC".into(),
        seen: "2026-11-23 17:02 UTC".into(),
        current,
    };
    let page = SessionsPage {
        nav: Section::Sessions.nav(frame.t),
        notice: Some(Notice::good(frame.t.sessions.ended.as_str())),
        end: s.action("/account/sessions"),
        sessions: vec![
            line("1", Some("Firefox · Linux"), true),
            line("2", Some("Safari · iPhone"), false),
            line("3", None, false),
        ],
        others: true,
        devices: [("1", Some("Firefox · Linux"), true), ("2", None, false)]
            .map(|(id, device, current)| DeviceLine {
                id: id.into(),
                device: device.map(str::to_owned),
                place: Some("Lyon, FR".into()),
                since: "2026-08-20 08:14 UTC".into(),
                seen: "2026-11-23 17:02 UTC".into(),
                trusted: !current,
                may_trust: current,
                current,
            })
            .into(),
        frame,
    };
    out.add("account-sessions", &page);
}
