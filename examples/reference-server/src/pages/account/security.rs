//! Password and other ways to sign in.

use serde::Serialize;

use super::{Section, proof::Proof};
use crate::pages::{
    Frame, StepLink, page,
    parts::{Action, Confirm, Field, Input, Nav, Notice},
    samples::{Gallery, Samples},
};

/// How the account is protected.
#[derive(Clone, Debug, Serialize)]
pub struct SecurityPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The navigation of the account area.
    pub nav: Nav,
    /// What was just done.
    pub notice: Option<Notice>,
    /// What is asked for before anything can be changed.
    pub proof: Option<Proof>,
    /// Where the form for the password goes.
    pub password: Action,
    /// The account has a password.
    pub has_password: bool,
    /// A new one.
    pub new_password: Field,
    /// Removes it, where another way in remains.
    pub remove_password: Option<Confirm>,
    /// Accounts elsewhere that are linked.
    pub identities: Vec<IdentityLine>,
    /// Providers that can be linked.
    pub link: Vec<StepLink>,
    /// Closes the account.
    pub close: Confirm,
    /// For how many days it can be taken back.
    pub days: i64,
}

page!(SecurityPage, "account/security.html", notice, new_password);

/// An account elsewhere that is linked.
#[derive(Clone, Debug, Serialize)]
pub struct IdentityLine {
    /// Who vouches, as people know it.
    pub name: String,
    /// Since when.
    pub linked: String,
    /// Takes the link away.
    pub unlink: Option<Confirm>,
}

/// The account is closed.
#[derive(Clone, Debug, Serialize)]
pub struct ClosedPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Until when it can be taken back.
    pub until: String,
}

page!(ClosedPage, "closed.html");

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    for (name, asks, failed) in [
        ("account-security", false, false),
        ("account-security-errors", false, true),
        ("account-security-proof", true, false),
    ] {
        let frame = s.frame(true);
        let t = frame.t;
        let path = "/account/security";
        let confirm =
            |ask: &str, question: &str| Confirm::new(s.action(path), ask, question, ask).dangerous();
        let page = SecurityPage {
            nav: Section::Security.nav(t),
            notice: None,
            proof: asks.then(|| Proof::new(t, s.action("/account/prove"), path, true)),
            password: s.action(path),
            has_password: true,
            new_password: Field::new(
                "new-password",
                Input::NewPassword { min: 15 },
                t.security.password_new.as_str(),
            )
            .with_hint(t.security.password_hint.with("min", 15))
            .with_error(failed.then(|| t.field.password_common.to_string())),
            remove_password: Some(confirm(
                t.security.password_remove.as_str(),
                t.security.password_remove_question.as_str(),
            )),
            identities: vec![IdentityLine {
                name: "Google".into(),
                linked: "2026-11-20 08:14 UTC".into(),
                unlink: Some(confirm(t.security.unlink.as_str(), t.security.unlink_question.as_str())),
            }],
            link: vec![StepLink {
                href: "/upstream/acme?link=1".into(),
                text: t.upstream.link.with("name", &s.client),
            }],
            close: confirm(t.security.close.as_str(), t.security.close_question.as_str()),
            days: 30,
            frame,
        };
        out.add(name, &page);
    }
    let frame = s.frame(false);
    out.add("closed", &ClosedPage { frame, until: "2026-12-26 08:14 UTC".into() });
}
