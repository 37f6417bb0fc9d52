//! An invitation, as the invited person sees it.

use serde::Serialize;

use super::{
    Frame, page,
    parts::{Action, Field, Input, Notice},
    samples::{Gallery, Samples},
};

/// What an invitation is for, and how to accept it.
#[derive(Clone, Debug, Serialize)]
pub struct InvitationPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What stands in the way.
    pub notice: Option<Notice>,
    /// The organization; none where the invitation is for an account alone.
    pub organization: Option<String>,
    /// The invited address.
    pub email: String,
    /// The form that accepts, for who is signed in with the address.
    pub accept: Option<Action>,
    /// The token.
    pub token: String,
    /// Who is signed in.
    pub viewer: Option<String>,
    /// The form that makes an account, for who is not.
    pub joining: Option<Joining>,
}

page!(InvitationPage, "invitation.html", notice, joining);

/// The form of a person who has no account yet.
#[derive(Clone, Debug, Serialize)]
pub struct Joining {
    /// Where it goes.
    pub action: Action,
    /// The name.
    pub name: Field,
    /// The password.
    pub password: Field,
    /// For who has an account already.
    pub sign_in: String,
}

impl super::parts::Complains for Joining {
    fn complains(&self) -> bool {
        self.name.is_invalid() || self.password.is_invalid()
    }
}

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    for (name, signed_in, failed) in [
        ("invitation", true, false),
        ("invitation-other-errors", true, true),
        ("invitation-join", false, false),
        ("invitation-join-errors", false, true),
        ("invitation-account", false, false),
    ] {
        let frame = s.frame(signed_in);
        let t = frame.t;
        let other = signed_in && failed;
        let error = failed.then(|| t.field.password_short.with("min", 15));
        let page = InvitationPage {
            notice: other.then(|| Notice::bad(t.console.invitation_other.with("email", &s.identifier))),
            organization: (name != "invitation-account").then(|| s.client.clone()),
            email: s.identifier.clone(),
            accept: (signed_in && !other).then(|| s.action("/invitation")),
            token: "token".into(),
            viewer: signed_in.then(|| s.person.clone()),
            joining: (!signed_in).then(|| Joining {
                action: s.action("/invitation"),
                name: Field::new("name", Input::Name, t.field.display_name.as_str())
                    .with_hint(t.sign_up.name_hint.as_str())
                    .optional(),
                password: Field::new("password", Input::NewPassword { min: 15 }, t.field.password.as_str())
                    .with_hint(t.sign_up.password_hint.with("min", 15))
                    .with_error(error),
                sign_in: "/sign-in".into(),
            }),
            frame,
        };
        out.add(name, &page);
    }
}
