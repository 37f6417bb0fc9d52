//! A step of a journey: something to read, to fill in or to tick, and one button.

use serde::Serialize;

use super::{
    Frame, page,
    parts::{Action, Checkbox, Field, Input, Notice, Select},
    samples::{Gallery, Samples},
};

/// A step of a journey that needs no page of its own.
#[derive(Clone, Debug, Serialize)]
pub struct StepPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What is to be done.
    pub title: String,
    /// Why.
    pub lead: String,
    /// What went wrong.
    pub notice: Option<Notice>,
    /// A code to be typed elsewhere.
    pub code: Option<String>,
    /// The form; none where there is nothing to send.
    pub form: Option<StepForm>,
    /// What to read first.
    pub links: Vec<StepLink>,
    /// What to fill in.
    pub fields: Vec<Field>,
    /// What to choose.
    pub selects: Vec<Select>,
    /// What to tick.
    pub checks: Vec<Checkbox>,
    /// Another way.
    pub aside: Option<StepLink>,
}

/// The form of a step.
#[derive(Clone, Debug, Serialize)]
pub struct StepForm {
    /// Where it goes.
    pub action: Action,
    /// What it carries along.
    pub hidden: Vec<(&'static str, String)>,
    /// What the button says.
    pub submit: String,
}

/// A link of a step.
#[derive(Clone, Debug, Serialize)]
pub struct StepLink {
    /// Where it leads.
    pub href: String,
    /// What it says.
    pub text: String,
}

impl<'a> StepPage<'a> {
    /// A page with nothing to fill in.
    pub fn new(frame: Frame<'a>, title: impl Into<String>, lead: impl Into<String>) -> Self {
        Self {
            frame,
            title: title.into(),
            lead: lead.into(),
            notice: None,
            code: None,
            form: None,
            links: Vec::new(),
            fields: Vec::new(),
            selects: Vec::new(),
            checks: Vec::new(),
            aside: None,
        }
    }
}

page!(StepPage, "step.html", notice, fields, selects, checks);

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let form = |path: &str, submit: String| StepForm {
        action: s.action(path),
        hidden: vec![("journey", "handle".to_owned())],
        submit,
    };
    let frame = || s.frame(false);
    let t = &frame().t.journey;
    let link = |href: &str, text: String| StepLink { href: href.to_owned(), text };

    let mut recover = StepPage::new(frame(), t.recover_title.as_str(), t.recover_lead.as_str());
    let label = frame().t.sign_in.identifier.as_str().to_owned();
    recover.fields.push(Field::new("identifier", Input::Identifier, label).with_value(&s.identifier));
    recover.form = Some(form("/recover", t.recover_submit.to_string()));
    out.add("recover", &recover);

    let here = t.link_lead.with("to", &s.identifier);
    let mut opened = StepPage::new(frame(), t.link_title.as_str(), here);
    opened.form = Some(form("/link", t.link_submit.to_string()));
    out.add("link", &opened);

    let mut elsewhere = StepPage::new(frame(), t.elsewhere_title.as_str(), t.elsewhere_lead.as_str());
    elsewhere.code = Some("493027".to_owned());
    out.add("link-elsewhere", &elsewhere);

    let mut password = StepPage::new(frame(), t.password_title.as_str(), t.password_lead.as_str());
    let texts = &frame().t.field;
    let field = Field::new("password", Input::NewPassword { min: 15 }, texts.password.as_str());
    password.fields.push(field.with_error(Some(texts.password_short.with("min", 15))));
    password.form = Some(form("/new-password", t.password_submit.to_string()));
    out.add("new-password-errors", &password);

    let lead = t.back_lead.with("time", "2026-12-26 08:14 UTC");
    let mut back = StepPage::new(frame(), t.back_title.as_str(), lead);
    back.form = Some(form("/take-back", t.back_submit.to_string()));
    out.add("take-back", &back);

    let mut terms = StepPage::new(frame(), t.terms_title.as_str(), t.terms_lead.as_str());
    terms.links.push(link("https://example.com/terms", t.terms_read.with("document", &s.client)));
    terms.checks.push(Checkbox::new("terms-0", t.terms_accept.with("document", &s.client)).required());
    terms.form = Some(form("/terms", t.terms_submit.to_string()));
    out.add("terms", &terms);

    let mut profile = StepPage::new(frame(), t.profile_title.as_str(), t.profile_lead.as_str());
    profile.fields.push(
        Field::new("birthdate", Input::Date, s.client.as_str())
            .with_error(Some(frame().t.attributes.required.to_string())),
    );
    profile.selects.push(Select::new("plan", s.client.as_str()).with("pro", s.client.as_str(), true));
    profile.form = Some(form("/complete", t.profile_submit.to_string()));
    out.add("complete-errors", &profile);
}
