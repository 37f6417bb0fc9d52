//! Where the account is a member.

use serde::Serialize;

use super::Section;
use crate::pages::{
    Frame, page,
    parts::{Nav, Notice},
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
    /// The organizations.
    pub organizations: Vec<OrganizationLine>,
}

page!(OrganizationsPage, "account/organizations.html", notice);

/// An organization that the account belongs to.
#[derive(Clone, Debug, Serialize)]
pub struct OrganizationLine {
    /// Its name.
    pub name: String,
    /// The roles of the account in it, in words.
    pub roles: String,
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let frame = s.frame(true);
    let page = OrganizationsPage {
        nav: Section::Organizations.nav(frame.t),
        notice: None,
        organizations: vec![OrganizationLine { name: s.client.clone(), roles: "owner, admin".into() }],
        frame,
    };
    out.add("account-organizations", &page);
}
