//! A request that an application started elsewhere: the letter leads here, and the person is asked like for any application.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_core::secret::Secret;
use ciam_oauth::authorize::{Step, Visitor};
use http::StatusCode;

use crate::{
    app::App,
    pages::{Fault, RequestDonePage},
    web::{Failure, Visit, page, see_other},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/request", get(open)).route("/request/done", get(done))
}

/// From the letter. The link answers nothing: it leads to the question, for the person whom it is for.
async fn open(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let handle = visit.query("token").ok_or(Fault::NotFound)?;
    question(&app, &visit, &Secret::from(handle)).await
}

/// Goes on to the question, with a sign-in before it where that is needed.
pub(super) async fn question(app: &App, visit: &Visit, handle: &Secret) -> Result<Response, Failure> {
    let visitor = Visitor::new(Some(visit.browser().clone()), app.viewer(visit).await?);
    match app.services().server.open_backchannel(handle, &visitor).await? {
        Step::Interact(pause) => see_other(&pause.url),
        Step::Leave(url) => see_other(&url),
        other => Err(Failure::internal(format!("a request from elsewhere is not answered by {other:?}"))),
    }
}

/// How it went. The address is no proof of anything, and says nothing but that.
async fn done(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let approved = visit.query("outcome").as_deref() == Some("approved");
    page(StatusCode::OK, &RequestDonePage { frame: app.frame(&visit, true), approved })
}
