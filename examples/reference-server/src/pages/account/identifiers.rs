//! Addresses, numbers and names that identify the account.

use serde::Serialize;

use super::{Section, proof::Proof};
use crate::pages::{
    Frame, page,
    parts::{Action, Confirm, Field, Input, Nav, Notice},
    samples::{Gallery, Samples},
};

/// The ways to reach the person, and to sign in.
#[derive(Clone, Debug, Serialize)]
pub struct IdentifiersPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What was just done.
    pub notice: Option<Notice>,
    /// The identifiers.
    pub identifiers: Vec<IdentifierLine>,
    /// What is asked for before anything can be changed.
    pub proof: Option<Proof>,
    /// Where the forms go.
    pub add: Action,
    /// The identifier that a new one takes the place of.
    pub replaces: Option<String>,
    /// A new address or number.
    pub identifier: Field,
    /// The name to sign in with.
    pub username: Field,
}

page!(IdentifiersPage, "account/identifiers.html", notice, identifier, username);

/// An identifier of the account.
#[derive(Clone, Debug, Serialize)]
pub struct IdentifierLine {
    /// The address, number or name.
    pub value: String,
    /// What it is, in words.
    pub kind: String,
    /// The account holder proved that it is theirs.
    pub verified: bool,
    /// It is the one that is used first.
    pub primary: bool,
    /// Where it is changed to another one.
    pub change: Option<String>,
    /// Makes it the primary one of its kind.
    pub make_primary: Option<Confirm>,
    /// Removes it.
    pub remove: Option<Confirm>,
}

/// The code that was sent to a new address or number.
#[derive(Clone, Debug, Serialize)]
pub struct IdentifierCodePage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What went wrong.
    pub notice: Option<Notice>,
    /// Where the form goes.
    pub confirm: Action,
    /// The name of the change.
    pub change: String,
    /// Where the code was sent to.
    pub value: String,
    /// The code.
    pub code: Field,
}

page!(IdentifierCodePage, "account/identifier_code.html", notice, code);

/// Taking an identifier back that was given up.
#[derive(Clone, Debug, Serialize)]
pub struct RevertPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What went wrong.
    pub notice: Option<Notice>,
    /// Where the form goes.
    pub revert: Action,
    /// What the link carried.
    pub token: String,
    /// What can be taken back.
    pub value: Option<String>,
    /// It was taken back.
    pub done: bool,
}

page!(RevertPage, "revert.html", notice);

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    for (name, asks) in [("account-identifiers", false), ("account-identifiers-proof", true)] {
        out.add(name, &list(s, asks));
    }
    for (name, failed) in [("account-identifier-code", false), ("account-identifier-code-errors", true)] {
        let frame = s.frame(true);
        let t = frame.t;
        let page = IdentifierCodePage {
            nav: Section::Identifiers.nav(t),
            notice: None,
            confirm: s.action("/account/identifiers/confirm"),
            change: "change".into(),
            value: s.identifier.clone(),
            code: Field::new("code", Input::Code { digits: 6 }, t.field.code.as_str())
                .with_error(failed.then(|| t.owner.code.to_string())),
            frame,
        };
        out.add(name, &page);
    }
    for (name, value, done) in
        [("revert", true, false), ("revert-done", false, true), ("revert-gone", false, false)]
    {
        let frame = s.frame(false);
        let page = RevertPage {
            notice: (!value && !done).then(|| Notice::bad(frame.t.identifiers.revert_gone.as_str())),
            revert: s.action("/identifier/revert"),
            token: "token".into(),
            value: value.then(|| s.identifier.clone()),
            done,
            frame,
        };
        out.add(name, &page);
    }
}

fn list<'a>(s: &Samples<'a>, asks: bool) -> IdentifiersPage<'a> {
    let frame = s.frame(true);
    let t = frame.t;
    let confirm = |ask: &str, value: &str| {
        let action = s.action("/account/identifiers");
        Confirm::new(action, ask, t.identifiers.remove_question.as_str(), ask).about(value)
    };
    let line = |value: &str, kind: &str, verified, primary| IdentifierLine {
        value: value.into(),
        kind: kind.into(),
        verified,
        primary,
        change: verified.then(|| "/account/identifiers?replaces=x".into()),
        make_primary: (!primary).then(|| confirm(t.identifiers.make_primary.as_str(), value)),
        remove: Some(confirm(t.identifiers.remove.as_str(), value)),
    };
    let long = "ada.lovelace.with.a.rather.long.address@analytical.example.com";
    IdentifiersPage {
        nav: Section::Identifiers.nav(t),
        notice: None,
        identifiers: vec![
            line(long, t.identifiers.kind_email.as_str(), true, true),
            line(&s.identifier, t.identifiers.kind_username.as_str(), false, false),
        ],
        proof: asks.then(|| Proof::new(t, s.action("/account/prove"), "/account/identifiers", true)),
        add: s.action("/account/identifiers"),
        replaces: None,
        identifier: Field::new("identifier", Input::Identifier, t.identifiers.add_label.as_str())
            .with_hint(t.identifiers.add_hint.as_str()),
        username: Field::new("username", Input::Username, t.identifiers.username_label.as_str())
            .with_hint(t.identifiers.username_hint.as_str()),
        frame,
    }
}
