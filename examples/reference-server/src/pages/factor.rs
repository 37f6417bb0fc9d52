//! A factor that is asked for: a code to type, or a passkey.

use serde::Serialize;

use super::{
    Frame, page,
    parts::{Action, Field, Input, Notice},
    samples::{Gallery, Samples},
};

/// Asks for one more factor, or for a proof that it is still the same person.
#[derive(Clone, Debug, Serialize)]
pub struct FactorPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What is to be done.
    pub title: String,
    /// How.
    pub lead: String,
    /// What went wrong.
    pub notice: Option<Notice>,
    /// Where the typed form goes.
    pub action: Action,
    /// What every form carries along.
    pub hidden: Vec<(&'static str, String)>,
    /// What to type, where something is.
    pub typed: Option<Field>,
    /// A passkey to ask the browser for, where one is.
    pub passkey: Option<PasskeyForm>,
    /// An approval on a phone, where one is waited for.
    pub push: Option<PushShown>,
    /// Other ways: the names of factors, and what they are called.
    pub others: Vec<(String, String)>,
    /// Where the other ways are asked for.
    pub other: Action,
    /// Where every way to sign in is offered.
    pub more: Option<String>,
}

/// An approval on a phone. With the script the page goes on by itself when it came.
#[derive(Clone, Debug, Serialize)]
pub struct PushShown {
    /// The number to type there.
    pub number: u64,
    /// The request, for the script to ask how it stands.
    pub request: String,
    /// Where it asks.
    pub status: String,
    /// The address of the script.
    pub script: Option<String>,
}

/// A question for the browser about a passkey.
#[derive(Clone, Debug, Serialize)]
pub struct PasskeyForm {
    /// Where the answer goes.
    pub action: Action,
    /// What it carries along.
    pub hidden: Vec<(&'static str, String)>,
    /// `get`, `conditional` or `create`.
    pub kind: &'static str,
    /// The options, as JSON.
    pub options: String,
    /// What the button says.
    pub submit: String,
    /// The address of the script; without it nothing is asked.
    pub script: Option<String>,
}

page!(FactorPage, "factor.html", notice, typed);

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let form = |t: &crate::i18n::Texts, kind| PasskeyForm {
        action: s.action("/factor"),
        hidden: vec![("journey", "handle".to_owned())],
        kind,
        options: "{}".to_owned(),
        submit: t.factors.passkey_use.to_string(),
        script: None,
    };
    for (name, passkey, failed) in
        [("factor", false, false), ("factor-errors", false, true), ("factor-passkey", true, false)]
    {
        let frame = s.frame(false);
        let t = frame.t;
        let field = Field::new("code", Input::Code { digits: 6 }, t.field.code.as_str());
        out.add(
            name,
            &FactorPage {
                title: t.factors.ask_title.to_string(),
                lead: t.factors.ask_totp.to_string(),
                notice: None,
                action: s.action("/factor"),
                hidden: vec![("journey", "handle".to_owned())],
                typed: (!passkey).then(|| field.with_error(failed.then(|| t.factors.code_wrong.to_string()))),
                passkey: passkey.then(|| form(t, "get")),
                push: None,
                others: vec![("recovery_code".to_owned(), t.factors.recovery_code.to_string())],
                other: s.action("/factor"),
                more: passkey.then(|| "/sign-in?journey=handle".to_owned()),
                frame,
            },
        );
    }
    let frame = s.frame(false);
    let t = frame.t;
    let (request, status) = ("request".to_owned(), "/api".to_owned());
    out.add(
        "factor-push",
        &FactorPage {
            title: t.factors.ask_title.to_string(),
            lead: t.factors.ask_push.to_string(),
            notice: None,
            action: s.action("/factor"),
            hidden: vec![("journey", "handle".to_owned())],
            typed: None,
            passkey: None,
            push: Some(PushShown { number: 42, request, status, script: None }),
            others: vec![("recovery_code".to_owned(), t.factors.recovery_code.to_string())],
            other: s.action("/factor"),
            more: None,
            frame,
        },
    );
}
