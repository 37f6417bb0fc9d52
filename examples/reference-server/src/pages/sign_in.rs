//! Sign-in.

use serde::Serialize;

use super::{
    Frame, StepLink,
    factor::PasskeyForm,
    page,
    parts::{Checkbox, Field, Input, Notice},
    samples::{Gallery, Samples},
};
use crate::i18n::Texts;

/// Asks for identifier and password, on one page so that password managers fill both; or for the identifier alone, where it
/// says how to go on.
#[derive(Clone, Debug, Serialize)]
pub struct SignInPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The form's anti-forgery token.
    pub csrf: String,
    /// What went wrong. It is the same for an unknown account and a wrong password.
    pub notice: Option<Notice>,
    /// The application that the person is on the way to.
    pub client: Option<String>,
    /// The identifier.
    pub identifier: Field,
    /// The password; none where it is asked for later, or not at all.
    pub password: Option<Field>,
    /// A passkey in place of both, where the server can ask for one.
    pub passkey: Option<PasskeyForm>,
    /// A code by mail may be asked for.
    pub code: bool,
    /// A code by text message may be asked for.
    pub sms: bool,
    /// Whether the browser is the person's own; asked where it can matter.
    pub own: Option<Checkbox>,
    /// The organization whose people sign in like this.
    pub organization: Option<String>,
    /// The journey that the form goes on with.
    pub journey: Option<String>,
    /// What was interrupted, to continue afterwards.
    pub continuation: Option<String>,
    /// Where to go when the password is forgotten.
    pub recover: String,
    /// Providers elsewhere to sign in with.
    pub upstreams: Vec<StepLink>,
    /// Where to create an account instead, when anybody may.
    pub sign_up: Option<String>,
}

page!(SignInPage, "sign_in.html", identifier, password, notice);

/// Asks whether the browser is the person's own.
pub fn own_device(t: &Texts) -> Checkbox {
    Checkbox::new("own", t.sign_in.own.as_str()).with_hint(t.sign_in.own_hint.as_str())
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let page = |first: bool| {
        let frame = s.frame(false);
        let t = frame.t;
        let label = if first { &t.sign_in.identifier } else { &t.sign_in.identifier_or_phone };
        let field = Field::new("identifier", Input::Identifier, label.as_str());
        SignInPage {
            csrf: "token".into(),
            notice: None,
            client: Some(s.client.clone()),
            organization: (!first).then(|| s.client.clone()),
            identifier: field.with_value(if first { "" } else { s.identifier.as_str() }),
            password: None,
            passkey: Some(PasskeyForm {
                action: s.action("/factor"),
                hidden: Vec::new(),
                kind: "conditional",
                options: "{}".to_owned(),
                submit: t.factors.passkey_use.to_string(),
                script: None,
            }),
            code: !first,
            sms: !first,
            own: (!first).then(|| own_device(t)),
            journey: (!first).then(|| "handle".to_owned()),
            continuation: Some("handle".into()),
            recover: "/recover".into(),
            upstreams: vec![StepLink {
                href: "/upstream/acme".into(),
                text: frame.t.upstream.with.with("name", &s.client),
            }],
            sign_up: first.then(|| "/sign-up".to_owned()),
            frame,
        }
    };
    out.add("sign-in-first", &page(true));
    out.add("sign-in-organization", &page(false));
}
