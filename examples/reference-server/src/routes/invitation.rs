//! An invitation, of an organization or of the tenant: seen by its link, accepted by the account that holds the invited
//! address, or by a person who has none yet and signs up with it.

use axum::{extract::State, response::Response};
use ciam_core::{
    journey::{Acceptance, Answer, Invited, JourneyHandle, RefusalReason, Step},
    organization::InvitationError,
    secret::Secret,
    session::Authenticated,
};
use http::StatusCode;

use super::{
    onward::link,
    pending::{name_of, visitor},
    recover, sign_in,
    steps::{At, complaint},
};
use crate::{
    app::App,
    pages::{
        Fault, StepPage,
        invitation::{InvitationPage, Joining},
        parts::{Field, Input, Notice},
    },
    web::{Failure, Form, Visit, page, see_other},
};

/// What the invitation is for. Every link that is no good says the same.
pub(super) async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let token = visit.query("token").ok_or(Fault::NotFound)?;
    let Some(invited) = app.services().journeys.invitation(&Secret::from(token.as_str())).await? else {
        return gone(&app, &visit);
    };
    let viewer = app.viewer(&visit).await?;
    render(&app, &visit, &invited, viewer.as_ref(), View::of(&token))
}

/// Accepts it.
pub(super) async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let (token, viewer) = (form.text("token"), app.viewer(&visit).await?);
    match (form.text("action"), viewer) {
        ("join" | "passwordless", viewer) => sign_up(&app, &visit, &form, viewer.as_ref()).await,
        (_, Some(viewer)) => accept(&app, &visit, token, &viewer).await,
        (_, None) => see_other(&link("/sign-in", &[("continue", Some(&path(token)))])),
    }
}

/// The account accepts that is signed in.
async fn accept(app: &App, visit: &Visit, token: &str, viewer: &Authenticated) -> Result<Response, Failure> {
    let secret = Secret::from(token);
    let organizations = &app.services().organizations;
    match organizations.accept_invitation(&secret, viewer.account.value.id).await {
        Ok(_) => see_other("/account/organizations?done=joined"),
        Err(InvitationError::Port(error)) => Err(error.into()),
        Err(InvitationError::OtherAccount) => {
            let invited = app.services().journeys.invitation(&secret).await?.ok_or(Fault::Expired)?;
            let view = View { status: StatusCode::FORBIDDEN, ..View::of(token) };
            render(app, visit, &invited, Some(viewer), view)
        }
        Err(_) => gone(app, visit),
    }
}

/// A person without an account makes one, and is a member with it.
async fn sign_up(
    app: &App,
    visit: &Visit,
    form: &Form,
    viewer: Option<&Authenticated>,
) -> Result<Response, Failure> {
    let (token, name) = (form.text("token"), form.text("name"));
    let journeys = &app.services().journeys;
    let visitor = visitor(visit, viewer);
    let (handle, _) = journeys.begin_invitation(&visitor, recover::requirements(visit, None)).await?;
    let mut acceptance = Acceptance::new(Secret::from(token)).with_name(name);
    if form.text("action") == "join" {
        acceptance = acceptance.with_password(form.text("password"));
    }
    let at = At { handle: &handle, pending: None };
    let refusal = match journeys.answer(&handle, &visitor, Answer::AcceptInvitation(acceptance)).await? {
        Step::Done(done) => return sign_in::finish(app, visit, &at, &done).await,
        Step::Challenge(next) => return at.to(&next),
        Step::Refused(refusal) => refusal,
    };
    let Some(invited) = journeys.invitation(&Secret::from(token)).await? else { return gone(app, visit) };
    let t = app.texts(visit.language);
    let (status, mut notice) = complaint(app, visit, &refusal.reason);
    let (mut wrong_name, mut wrong_password) = (None, None);
    match &refusal.reason {
        RefusalReason::AlreadyRegistered => notice = Some(Notice::bad(t.invited.taken.as_str())),
        RefusalReason::Name => {
            notice = None;
            wrong_name = Some(t.field.name_invalid.with("max", journeys.policy().max_name));
        }
        RefusalReason::Password(rejection) => {
            wrong_password = Some(recover::password_complaint(t, rejection))
        }
        _ => {}
    }
    let view = View { token, name, status, notice, wrong_name, wrong_password };
    render(app, visit, &invited, viewer, view)
}

/// What the page shows beside the invitation.
struct View<'a> {
    token: &'a str,
    name: &'a str,
    status: StatusCode,
    notice: Option<Notice>,
    wrong_name: Option<String>,
    wrong_password: Option<String>,
}

impl<'a> View<'a> {
    fn of(token: &'a str) -> Self {
        Self { token, name: "", status: StatusCode::OK, notice: None, wrong_name: None, wrong_password: None }
    }
}

fn render(
    app: &App,
    visit: &Visit,
    invited: &Invited,
    viewer: Option<&Authenticated>,
    view: View<'_>,
) -> Result<Response, Failure> {
    let frame = app.frame(visit, viewer.is_some());
    let t = frame.t;
    let holds = |viewer: &Authenticated| {
        viewer
            .account
            .value
            .identifier_with(&invited.email)
            .is_some_and(ciam_core::account::Identifier::is_verified)
    };
    // An account that is here already is not waiting for an invitation of the tenant.
    let theirs = viewer.is_some_and(holds) && invited.organization.is_some();
    let other = viewer.is_some() && !theirs;
    let email = invited.email.as_str();
    let notice =
        view.notice.or_else(|| other.then(|| Notice::bad(t.console.invitation_other.with("email", email))));
    let min = u16::try_from(app.services().password.policy().min_length).unwrap_or(u16::MAX);
    let joining = viewer.is_none().then(|| Joining {
        action: visit.action("/invitation"),
        name: Field::new("name", Input::Name, t.field.display_name.as_str())
            .with_value(view.name)
            .with_hint(t.sign_up.name_hint.as_str())
            .with_error(view.wrong_name)
            .optional(),
        password: Field::new("password", Input::NewPassword { min }, t.field.password.as_str())
            .with_hint(t.sign_up.password_hint.with("min", min))
            .with_error(view.wrong_password),
        sign_in: link("/sign-in", &[("continue", Some(&path(view.token)))]),
    });
    let shown = InvitationPage {
        notice,
        organization: invited.organization.clone(),
        email: email.to_owned(),
        accept: theirs.then(|| visit.action("/invitation")),
        token: view.token.to_owned(),
        viewer: viewer.map(name_of),
        joining,
        frame,
    };
    page(view.status, &shown)
}

/// The invitation was used, withdrawn, has expired, or never was.
fn gone(app: &App, visit: &Visit) -> Result<Response, Failure> {
    let frame = app.frame(visit, false);
    let t = frame.t;
    let shown = StepPage::new(frame, t.invited.gone_title.as_str(), t.invited.gone_lead.as_str());
    At { handle: &JourneyHandle::from_text(""), pending: None }.show(StatusCode::GONE, &shown)
}

/// The page of an invitation.
fn path(token: &str) -> String {
    link("/invitation", &[("token", Some(token))])
}
