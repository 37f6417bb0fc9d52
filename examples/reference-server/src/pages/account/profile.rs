//! Who the person is.

use serde::Serialize;

use super::Section;
use crate::pages::{
    Frame, page,
    parts::{Action, Field, Input, Nav, Notice},
    samples::{Gallery, Samples},
};

/// What the account says of its holder.
#[derive(Clone, Debug, Serialize)]
pub struct ProfilePage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What was just done.
    pub notice: Option<Notice>,
    /// Where the form goes.
    pub save: Action,
    /// The name, to change it.
    pub display_name: Field,
    /// The language that the account prefers.
    pub language: Option<String>,
    /// Since when the account exists.
    pub since: String,
}

page!(ProfilePage, "account/profile.html", display_name, notice);

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    for (name, failed) in [("account-profile", false), ("account-profile-errors", true)] {
        let frame = s.frame(true);
        let t = frame.t;
        let page = ProfilePage {
            nav: Section::Profile.nav(t),
            notice: (!failed).then(|| Notice::good(t.profile.saved.as_str())),
            save: s.action("/account/profile"),
            display_name: Field::new("name", Input::Name, t.profile.name.as_str())
                .with_value(&s.person)
                .with_error(failed.then(|| t.field.name_invalid.with("max", 128))),
            language: Some("en".into()),
            since: "2026-11-20 08:14 UTC".into(),
            frame,
        };
        out.add(name, &page);
    }
}
