//! Where the protocols send a browser when they need a person.

use axum::{
    extract::{Path, State},
    response::Response,
};
use ciam_core::interaction::Ask;

use super::pending::Pending;
use crate::{
    app::App,
    web::{Failure, Visit, see_other},
};

/// Sends the browser to the page for what is asked.
pub(super) async fn show(
    State(app): State<App>,
    visit: Visit,
    Path(handle): Path<String>,
) -> Result<Response, Failure> {
    let pending = Pending::load(&app, &visit, &handle).await?;
    let handle = pending.handle.expose();
    let may_sign_up = app.config().ui.sign_up;
    see_other(&match &pending.interaction.ask {
        Ask::SignIn(ask) if ask.create && may_sign_up => format!("/sign-up?continue={handle}"),
        Ask::SignIn(_) => format!("/sign-in?continue={handle}"),
        Ask::SelectAccount(_) => format!("/choose?handle={handle}"),
        Ask::SelectOrganization(_) => format!("/choose-organization?handle={handle}"),
        Ask::Consent(_) => format!("/consent?handle={handle}"),
        other => return Err(Failure::internal(format!("there is no page for {other:?}"))),
    })
}
