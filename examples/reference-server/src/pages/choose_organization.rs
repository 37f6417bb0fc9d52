//! The choice of an organization, on the way to an application.

use serde::Serialize;

use super::{
    Frame, page,
    parts::{Action, Notice},
    samples::{Gallery, Samples},
};

/// Asks for which organization to go on.
#[derive(Clone, Debug, Serialize)]
pub struct ChooseOrganizationPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What went wrong.
    pub notice: Option<Notice>,
    /// Where the forms go.
    pub choose: Action,
    /// The pending request of the application.
    pub handle: String,
    /// The application that the person is on the way to.
    pub client: Option<String>,
    /// Those to choose from.
    pub organizations: Vec<Choice>,
    /// Where to sign in as somebody else.
    pub other: String,
}

page!(ChooseOrganizationPage, "choose_organization.html", notice);

/// An organization to choose.
#[derive(Clone, Debug, Serialize)]
pub struct Choice {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The roles of the person in it.
    pub roles: String,
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let choice = Choice { id: "1".into(), name: s.client.clone(), roles: "owner".into() };
    for (name, organizations) in
        [("choose-organization", vec![choice]), ("choose-organization-none", Vec::new())]
    {
        let page = ChooseOrganizationPage {
            frame: s.frame(true),
            notice: None,
            choose: s.action("/choose-organization"),
            handle: "handle".into(),
            client: Some(s.client.clone()),
            organizations,
            other: "/sign-in?continue=handle".into(),
        };
        out.add(name, &page);
    }
}
