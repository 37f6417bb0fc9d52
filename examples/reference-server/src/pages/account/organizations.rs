//! Where the account is a member.

use serde::Serialize;

use super::Section;
use crate::pages::{
    Frame, page,
    parts::{Action, Field, Input, Nav, Notice, Pager},
    samples::{Gallery, Samples},
};

/// The organizations that the account belongs to.
#[derive(Clone, Debug, Serialize)]
pub struct OrganizationsPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What was just done.
    pub notice: Option<Notice>,
    /// Where the sign-in gets what an organization demands.
    pub step_up: Option<String>,
    /// The organizations.
    pub organizations: Vec<OrganizationLine>,
    /// The way to the others.
    pub pager: Option<Pager>,
    /// Where the forms go that switch.
    pub act: Action,
    /// Where the form goes that makes one, if people may.
    pub create: Option<Action>,
    /// The name of a new one.
    pub name: Field,
    /// Its name in URLs.
    pub slug: Field,
}

page!(OrganizationsPage, "account/organizations.html", notice, name, slug);

/// An organization that the account belongs to.
#[derive(Clone, Debug, Serialize)]
pub struct OrganizationLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The roles of the account in it, in words.
    pub roles: String,
    /// Its console.
    pub href: String,
    /// The account may act for it.
    pub usable: bool,
    /// The session acts for it.
    pub acting: bool,
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    for (name, acting, failed) in [
        ("account-organizations", false, false),
        ("account-organizations-acting", true, false),
        ("account-organizations-errors", false, true),
    ] {
        let frame = s.frame(true);
        let t = frame.t;
        let line = OrganizationLine {
            id: "1".into(),
            name: s.client.clone(),
            roles: "owner, admin".into(),
            href: "/organizations/acme".into(),
            usable: true,
            acting,
        };
        let suspended = OrganizationLine { id: "2".into(), usable: false, acting: false, ..line.clone() };
        let page = OrganizationsPage {
            nav: Section::Organizations.nav(t),
            notice: failed.then(|| Notice::bad(t.console.error_slug_taken.as_str())),
            step_up: failed.then(|| "/step-up".to_owned()),
            organizations: vec![line, suspended],
            pager: None,
            act: s.action("/account/organizations"),
            create: Some(s.action("/account/organizations")),
            name: Field::new("name", Input::Text { max: 128 }, t.console.name.as_str()),
            slug: Field::new("slug", Input::Text { max: 63 }, t.console.slug.as_str()),
            frame,
        };
        out.add(name, &page);
    }
}
