//! Sign-in.

use serde::Serialize;

use super::{
    Frame, StepLink, page,
    parts::{Field, Input, Notice},
    samples::{Gallery, Samples},
};

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
    /// A code by mail may be asked for.
    pub code: bool,
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

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let page = |first: bool| {
        let frame = s.frame(false);
        let t = frame.t;
        let field = Field::new("identifier", Input::Identifier, t.sign_in.identifier.as_str());
        SignInPage {
            csrf: "token".into(),
            notice: None,
            client: Some(s.client.clone()),
            organization: (!first).then(|| s.client.clone()),
            identifier: field.with_value(if first { "" } else { s.identifier.as_str() }),
            password: None,
            code: !first,
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
