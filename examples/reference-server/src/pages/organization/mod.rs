//! The console of an organization: a page for each section, all of one shape.

use serde::Serialize;

use super::{
    Frame, page,
    parts::{
        Action, Cell, Checkbox, Complains, Confirm, Field, Input, Nav, NavItem, Notice, Row, Select, Table,
    },
    samples::{Gallery, Samples},
};
use crate::i18n::{Message, Texts};

/// A section of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Name and state.
    Settings,
    /// Who belongs to it.
    Members,
    /// Who is to belong to it.
    Invitations,
    /// What members may do.
    Roles,
    /// Whose people they are.
    Domains,
    /// How they sign in.
    Policy,
    /// The directory that provisions them.
    Directory,
}

impl Section {
    /// Every section, in the order of the navigation.
    pub const ALL: &'static [Self] = &[
        Self::Settings,
        Self::Members,
        Self::Invitations,
        Self::Roles,
        Self::Domains,
        Self::Policy,
        Self::Directory,
    ];

    /// Its address, for the organization with this slug.
    pub fn path(self, slug: &str) -> String {
        let section = match self {
            Self::Settings => return format!("/organizations/{slug}"),
            Self::Members => "members",
            Self::Invitations => "invitations",
            Self::Roles => "roles",
            Self::Domains => "domains",
            Self::Policy => "policy",
            Self::Directory => "directory",
        };
        format!("/organizations/{slug}/{section}")
    }

    /// Its name, and what it is for.
    pub fn words(self, t: &Texts) -> (&Message, &Message) {
        let t = &t.console;
        match self {
            Self::Settings => (&t.settings, &t.settings_lead),
            Self::Members => (&t.members, &t.members_lead),
            Self::Invitations => (&t.invitations, &t.invitations_lead),
            Self::Roles => (&t.roles, &t.roles_lead),
            Self::Domains => (&t.domains, &t.domains_lead),
            Self::Policy => (&t.policy, &t.policy_lead),
            Self::Directory => (&t.directory, &t.directory_lead),
        }
    }

    /// The navigation, while this section is shown.
    pub fn nav(self, t: &Texts, slug: &str, name: &str) -> Nav {
        let item = |it: &Self| NavItem {
            href: it.path(slug),
            label: it.words(t).0.to_string(),
            current: *it == self,
        };
        Nav { label: name.to_owned(), items: Self::ALL.iter().map(item).collect() }
    }
}

/// A page of the console.
#[derive(Clone, Debug, Serialize)]
pub struct ConsolePage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the console.
    pub nav: Nav,
    /// The name of the organization.
    pub organization: String,
    /// What the page is called.
    pub title: String,
    /// What it is for.
    pub lead: String,
    /// What was just done.
    pub notice: Option<Notice>,
    /// What is on it.
    pub panels: Vec<Panel>,
}

page!(ConsolePage, "organization/console.html", notice, panels);

/// A part of a page of the console. Every field may be left out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Panel {
    id: String,
    title: String,
    hint: Option<String>,
    lines: Vec<(String, String)>,
    table: Option<Table>,
    forms: Vec<FormPart>,
    confirms: Vec<Confirm>,
    link: Option<(String, String)>,
}

impl Panel {
    /// An empty panel. The id is unique on its page.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), ..Self::default() }
    }

    /// Small text below the title.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A name and its value.
    #[must_use]
    pub fn with_line(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.lines.push((name.into(), value.into()));
        self
    }

    /// A table.
    #[must_use]
    pub fn with_table(mut self, table: Table) -> Self {
        self.table = Some(table);
        self
    }

    /// A form.
    #[must_use]
    pub fn with_form(mut self, form: FormPart) -> Self {
        self.forms.push(form);
        self
    }

    /// The way to another page.
    #[must_use]
    pub fn with_link(mut self, href: impl Into<String>, text: impl Into<String>) -> Self {
        self.link = Some((href.into(), text.into()));
        self
    }

    /// A button that asks first.
    #[must_use]
    pub fn with_confirm(mut self, confirm: Confirm) -> Self {
        self.confirms.push(confirm);
        self
    }
}

impl Complains for Panel {
    fn complains(&self) -> bool {
        self.forms.iter().flat_map(|form| &form.parts).any(Part::complains)
    }
}

/// A form of the console.
#[derive(Clone, Debug, Serialize)]
pub struct FormPart {
    action: Action,
    hidden: Vec<(String, String)>,
    parts: Vec<Part>,
    submit: String,
    about: Option<String>,
    quiet: bool,
}

impl FormPart {
    /// An empty form with its button.
    pub fn new(action: Action, submit: impl Into<String>) -> Self {
        let submit = submit.into();
        Self { action, hidden: Vec::new(), parts: Vec::new(), submit, about: None, quiet: false }
    }

    /// A value that is posted with it.
    #[must_use]
    pub fn with_hidden(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.hidden.push((name.into(), value.into()));
        self
    }

    /// A part that is filled in.
    #[must_use]
    pub fn with(mut self, part: impl Into<Part>) -> Self {
        self.parts.push(part.into());
        self
    }

    /// What it is about, for a screen reader, where several forms of one kind are on a page.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.about = Some(subject.into());
        self
    }

    /// Its button is not the most important one of the page.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }
}

/// What is filled in.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "part", content = "it")]
pub enum Part {
    /// A line of text.
    Field(Box<Field>),
    /// One of several.
    Select(Box<Select>),
    /// Some of several.
    Boxes(Boxes),
}

impl Part {
    fn complains(&self) -> bool {
        match self {
            Self::Field(it) => it.complains(),
            Self::Select(it) => it.complains(),
            Self::Boxes(it) => it.error.is_some(),
        }
    }
}

impl From<Field> for Part {
    fn from(field: Field) -> Self {
        Self::Field(Box::new(field))
    }
}

impl From<Select> for Part {
    fn from(select: Select) -> Self {
        Self::Select(Box::new(select))
    }
}

impl From<Boxes> for Part {
    fn from(boxes: Boxes) -> Self {
        Self::Boxes(boxes)
    }
}

/// Some of several, under one heading.
#[derive(Clone, Debug, Serialize)]
pub struct Boxes {
    legend: String,
    hint: Option<String>,
    error: Option<String>,
    boxes: Vec<Checkbox>,
}

impl Boxes {
    /// Boxes under a heading.
    pub fn new(legend: impl Into<String>, boxes: Vec<Checkbox>) -> Self {
        Self { legend: legend.into(), hint: None, error: None, boxes }
    }

    /// Small text below the heading.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    for name in ["organization-members", "organization-members-errors"] {
        let failed = name.ends_with("errors");
        let frame = s.frame(true);
        let t = &frame.t.console;
        let action = || s.action("/organizations/acme/invitations");
        let confirm = Confirm::new(
            action(),
            t.remove.as_str(),
            t.remove_question.with("who", &s.person),
            t.remove.as_str(),
        )
        .with_hidden("account", "1")
        .about(s.person.clone())
        .dangerous();
        let columns = vec![t.person.to_string(), t.roles.to_string(), t.actions.to_string()];
        let row = Row::new(vec![
            Cell::link(s.person.clone(), "/organizations/acme/members/1").with_hint(s.identifier.clone()),
            Cell::empty().with_tag("owner"),
            Cell::empty().with_confirm(confirm),
        ]);
        let table = Table::new(t.members.as_str(), columns, t.no_members.as_str()).with_rows(vec![row]);
        let error = failed.then(|| t.error_invalid.to_string());
        let form = FormPart::new(action(), t.invite.as_str())
            .with(
                Field::new("email", Input::Email, t.email.as_str())
                    .with_value(s.identifier.clone())
                    .with_error(error),
            )
            .with(Select::new("language", t.role.as_str()).with("member", "member", true))
            .with(Boxes::new(t.roles.as_str(), vec![Checkbox::new("role.admin", "admin").checked(true)]))
            .with_hidden("do", "invite");
        let page = ConsolePage {
            nav: Section::Members.nav(frame.t, "acme", &s.client),
            organization: s.client.clone(),
            title: t.members.to_string(),
            lead: t.members_lead.to_string(),
            notice: failed.then(|| Notice::bad(t.error_denied.as_str())),
            panels: vec![
                Panel::new("list", t.members.as_str()).with_table(table),
                Panel::new("invite", t.invite.as_str())
                    .with_hint(t.invite_hint.as_str())
                    .with_line(t.slug.as_str(), "acme")
                    .with_form(form),
            ],
            frame,
        };
        out.add(name, &page);
    }
}
