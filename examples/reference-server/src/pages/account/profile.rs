//! Who the person is.

use serde::Serialize;

use super::Section;
use crate::pages::{
    Frame, page,
    parts::{Action, Checkbox, Complains, Field, Input, Nav, Notice, Select},
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
    /// What the person may change.
    pub attributes: Vec<AttributeInput>,
    /// What they may only see.
    pub shown: Vec<AttributeLine>,
    /// Since when the account exists.
    pub since: String,
}

page!(ProfilePage, "account/profile.html", attributes, notice);

/// An attribute in the form: one of these.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AttributeInput {
    /// Something to type.
    pub field: Option<Field>,
    /// Something to choose from.
    pub select: Option<Select>,
    /// Yes or no.
    pub checkbox: Option<Checkbox>,
}

impl Complains for AttributeInput {
    fn complains(&self) -> bool {
        self.field.complains() || self.select.complains() || self.checkbox.complains()
    }
}

/// An attribute that only others may change.
#[derive(Clone, Debug, Serialize)]
pub struct AttributeLine {
    /// What it is.
    pub label: String,
    /// Its value.
    pub value: String,
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    for (name, failed) in [("account-profile", false), ("account-profile-errors", true)] {
        let frame = s.frame(true);
        let t = frame.t;
        let field = Field::new("name", Input::Name, t.attributes.name.as_str())
            .with_value(&s.person)
            .with_error(failed.then(|| t.attributes.too_long.with("max", 128)));
        let website = Field::new("website", Input::Url, t.attributes.website.as_str()).optional();
        let plan = Select::new("plan", "Plan").with("basic", "basic", false).with("pro", "pro", true);
        let newsletter = Checkbox::new("newsletter", "Newsletter").checked(true);
        let page = ProfilePage {
            nav: Section::Profile.nav(t),
            notice: (!failed).then(|| Notice::good(t.profile.saved.as_str())),
            save: s.action("/account/profile"),
            attributes: vec![
                AttributeInput { field: Some(field), ..AttributeInput::default() },
                AttributeInput { field: Some(website), ..AttributeInput::default() },
                AttributeInput { select: Some(plan), ..AttributeInput::default() },
                AttributeInput { checkbox: Some(newsletter), ..AttributeInput::default() },
            ],
            shown: vec![AttributeLine { label: "Tier".into(), value: "gold".into() }],
            since: "2026-11-20 08:14 UTC".into(),
            frame,
        };
        out.add(name, &page);
    }
}
