//! What is kept about the person, what they agreed to, and the end of it.

use serde::Serialize;

use super::{Section, proof::Proof};
use crate::pages::{
    Frame, page,
    parts::{Action, Cell, Confirm, Nav, Notice, Pager, Row, Table},
    samples::{Gallery, Samples},
};

/// What is kept, what was agreed to, and what can be done about it.
#[derive(Clone, Debug, Serialize)]
pub struct PrivacyPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What was just done.
    pub notice: Option<Notice>,
    /// Where consents to purposes are given.
    pub give: Action,
    /// What the house asks for.
    pub purposes: Vec<PurposeLine>,
    /// What applications may do.
    pub clients: Vec<ConsentLine>,
    /// The way to the other applications.
    pub pager: Option<Pager>,
    /// The terms that were accepted.
    pub terms: Vec<TermsLine>,
    /// What is asked for before the account is deleted.
    pub proof: Option<Proof>,
    /// Deletes the account.
    pub delete: Confirm,
    /// For how many days it can be taken back.
    pub days: i64,
}

page!(PrivacyPage, "account/privacy.html", notice);

/// A purpose of the house.
#[derive(Clone, Debug, Serialize)]
pub struct PurposeLine {
    /// Its name in the form.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// What is agreed to.
    pub text: String,
    /// The consent, where there is one.
    pub given: Option<ConsentLine>,
    /// It was given to other words than these.
    pub changed: bool,
}

/// A consent that holds.
#[derive(Clone, Debug, Serialize)]
pub struct ConsentLine {
    /// To whom.
    pub name: String,
    /// What it allows, in words; empty for a purpose.
    pub what: String,
    /// When it was given, in which version and language.
    pub facts: Vec<String>,
    /// The digest of what was shown.
    pub digest: Option<String>,
    /// Takes it back.
    pub withdraw: Confirm,
}

/// Terms that were accepted.
#[derive(Clone, Debug, Serialize)]
pub struct TermsLine {
    /// The document's title.
    pub title: String,
    /// Where it can be read.
    pub url: Option<String>,
    /// Which version, and when.
    pub facts: String,
}

/// A list with the way back.
#[derive(Clone, Debug, Serialize)]
pub struct PrivacyListPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What it is called.
    pub title: &'a str,
    /// What it shows.
    pub lead: &'a str,
    /// What it shows.
    pub table: Table,
}

page!(PrivacyListPage, "account/privacy_list.html");

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    for (name, full, asks) in [
        ("account-privacy", true, false),
        ("account-privacy-proof", true, true),
        ("account-privacy-empty", false, false),
    ] {
        out.add(name, &sample(s, full, asks));
    }
    let frame = s.frame(true);
    let t = &frame.t.privacy;
    let columns = [&t.history_when, &t.history_whom, &t.history_what, &t.history_how];
    let pager = Pager::new("/account/privacy/consents", None, Some("next"));
    let row = |what: &str| {
        Row::new(vec![
            Cell::text("2026-11-20 08:14 UTC"),
            Cell::text(s.client.clone()),
            Cell::text(what).with_hint("Zk3f9QpXn0vB2m1YcE7uTtW5aHs8LdRj4gKi6oNxQyM"),
            Cell::text(t.how_consent_page.as_str()),
        ])
    };
    let table =
        Table::new(t.history.as_str(), columns.map(ToString::to_string).into(), t.history_none.as_str());
    let table =
        table.with_rows(vec![row("openid · profile"), row(t.history_nothing.as_str())]).with_pager(pager);
    let (title, lead, nav) = (t.history.as_str(), t.history_lead.as_str(), Section::Privacy.nav(frame.t));
    out.add("account-privacy-consents", &PrivacyListPage { nav, title, lead, table, frame });

    let frame = s.frame(true);
    let t = &frame.t.privacy;
    let columns = [&t.activity_when, &t.activity_what, &t.activity_who].map(ToString::to_string).into();
    let row = |what: &str, who: &str| {
        Row::new(vec![Cell::text("2026-11-20 08:14 UTC"), Cell::text(what), Cell::text(who)])
    };
    let words = &frame.t.activity;
    let rows = vec![
        Row::new(vec![
            Cell::text("2026-11-20 08:14 UTC"),
            Cell::text(words.challenged.as_str()).with_hint(frame.t.risk.new_device.as_str()),
            Cell::text(t.by_you.as_str()),
        ]),
        row(words.signed_in.as_str(), t.by_you.as_str()),
        row(words.suspended.as_str(), t.by_other.as_str()),
        row("ciam.something.else.v1", ""),
    ];
    let table = Table::new(t.activity.as_str(), columns, t.activity_none.as_str()).with_rows(rows);
    let (title, lead, nav) = (t.activity.as_str(), t.activity_lead.as_str(), Section::Privacy.nav(frame.t));
    out.add("account-privacy-activity", &PrivacyListPage { nav, title, lead, table, frame });
}

fn sample<'a>(s: &'a Samples<'_>, full: bool, asks: bool) -> PrivacyPage<'a> {
    let frame = s.frame(true);
    let t = frame.t;
    let (path, words) = ("/account/privacy", &t.privacy);
    let confirm = |question: &str| {
        Confirm::new(s.action(path), words.withdraw.as_str(), question, words.withdraw.as_str())
            .about(s.client.as_str())
    };
    let line = ConsentLine {
        name: s.client.clone(),
        what: "openid · profile".into(),
        facts: vec![words.given.with("time", "2026-11-20 08:14 UTC"), words.version.with("version", "3")],
        digest: Some("Zk3f9QpXn0vB2m1YcE7uTtW5aHs8LdRj4gKi6oNxQyM".into()),
        withdraw: confirm(words.clients_question.as_str()),
    };
    let purpose = |id: &str, given: Option<ConsentLine>| PurposeLine {
        id: id.into(),
        title: "Newsletter".into(),
        text: "We write to you by email, at most once a month.".into(),
        changed: given.is_some(),
        given,
    };
    let given = ConsentLine {
        what: String::new(),
        withdraw: confirm(words.withdraw_question.as_str()),
        ..line.clone()
    };
    let terms = TermsLine {
        title: "Terms of service".into(),
        url: Some("https://example.com/terms".into()),
        facts: words.terms_line.fill(&[("version", "2026-11"), ("time", "2026-11-20 08:14 UTC")]),
    };
    let delete = Confirm::new(
        s.action(path),
        words.delete.as_str(),
        words.delete_question.as_str(),
        words.delete.as_str(),
    );
    PrivacyPage {
        nav: Section::Privacy.nav(t),
        notice: full.then(|| Notice::good(words.done_withdrawn.as_str())),
        give: s.action(path),
        purposes: if full { vec![purpose("one", Some(given)), purpose("two", None)] } else { Vec::new() },
        clients: if full { vec![line] } else { Vec::new() },
        pager: None,
        terms: if full { vec![terms] } else { Vec::new() },
        proof: asks.then(|| Proof::new(t, s.action("/account/prove"), path, true)),
        delete: delete.dangerous(),
        days: 30,
        frame,
    }
}
