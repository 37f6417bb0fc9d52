//! The first page of the account area.

use serde::Serialize;

use super::Section;
use crate::pages::{
    Frame, page,
    parts::Nav,
    samples::{Gallery, Samples},
};

/// Who is signed in, and what there is to see and do.
#[derive(Clone, Debug, Serialize)]
pub struct OverviewPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What the person is called.
    pub name: String,
    /// The identifier that is used first.
    pub identifier: String,
    /// Since when the account exists.
    pub since: String,
    /// Where what applications ask from elsewhere is answered, while something waits.
    pub waiting: Option<&'static str>,
    /// The other sections.
    pub sections: Vec<SectionCard>,
}

page!(OverviewPage, "account/overview.html");

/// A section and what it is for.
#[derive(Clone, Debug, Serialize)]
pub struct SectionCard {
    /// Its address.
    pub href: &'static str,
    /// Its name.
    pub title: String,
    /// What it is for.
    pub lead: String,
}

impl<'a> OverviewPage<'a> {
    /// The page of an account.
    pub fn new(frame: Frame<'a>, name: String, identifier: String, since: String) -> Self {
        let card = |it: &Section| {
            let (title, lead) = it.words(frame.t);
            SectionCard { href: it.path(), title: title.to_string(), lead: lead.to_string() }
        };
        let sections = Section::ALL.iter().filter(|it| **it != Section::Overview).map(card).collect();
        Self { nav: Section::Overview.nav(frame.t), name, identifier, since, waiting: None, sections, frame }
    }
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let frame = s.frame(true);
    let waits = OverviewPage {
        waiting: Some("/account/requests"),
        ..OverviewPage::new(
            s.frame(true),
            s.person.clone(),
            s.identifier.clone(),
            "2026-11-20 08:14 UTC".into(),
        )
    };
    out.add("account-waiting", &waits);
    out.add(
        "account",
        &OverviewPage::new(frame, s.person.clone(), s.identifier.clone(), "2026-11-20 08:14 UTC".into()),
    );
}
