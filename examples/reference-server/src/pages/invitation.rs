//! An invitation into an organization, as the invited person sees it.

use serde::Serialize;

use super::{
    Frame, page,
    parts::{Action, Notice},
    samples::{Gallery, Samples},
};

/// What an invitation is for, and how to accept it.
#[derive(Clone, Debug, Serialize)]
pub struct InvitationPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What stands in the way.
    pub notice: Option<Notice>,
    /// The organization.
    pub organization: String,
    /// The invited address.
    pub email: String,
    /// The form that accepts, for who is signed in with the address.
    pub accept: Option<Action>,
    /// The token.
    pub token: String,
    /// Who is signed in.
    pub viewer: Option<String>,
    /// Where to register with the address, where that is possible.
    pub sign_up: Option<String>,
}

page!(InvitationPage, "invitation.html", notice);

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    for name in ["invitation", "invitation-signed-out", "invitation-errors"] {
        let signed_in = name != "invitation-signed-out";
        let frame = s.frame(signed_in);
        let other = name.ends_with("errors");
        let t = &frame.t.console;
        let page = InvitationPage {
            notice: other.then(|| Notice::bad(t.invitation_other.with("email", &s.identifier))),
            organization: s.client.clone(),
            email: s.identifier.clone(),
            accept: (signed_in && !other).then(|| s.action("/invitation")),
            token: "token".into(),
            viewer: signed_in.then(|| s.person.clone()),
            sign_up: (!signed_in).then(|| "/sign-up".to_owned()),
            frame,
        };
        out.add(name, &page);
    }
}
