//! Connecting a device: the person types the code that it shows, and is asked like for any application.

use axum::{Router, extract::State, response::Response, routing::get};
use ciam_oauth::{
    authorize::{Step, Visitor},
    device::UserCodeError,
};
use http::StatusCode;

use crate::{
    app::App,
    pages::{DeviceDonePage, DevicePage, Fault},
    web::{Failure, Form, Visit, page, see_other},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/device", get(show).post(submit)).route("/device/done", get(done))
}

/// The question. A code that came with the address, by a QR code, is shown and not sent: the person does that.
async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let typed = visit.query("user_code").unwrap_or_default();
    answer(&app, &visit, &typed, None)
}

async fn submit(State(app): State<App>, visit: Visit, form: Form) -> Result<Response, Failure> {
    let typed = form.text("user_code");
    let visitor = Visitor::new(Some(visit.browser().clone()), app.viewer(&visit).await?);
    match app.services().server.verify_device(typed, &visitor, &visit.peer).await {
        Ok(Step::Interact(pause)) => see_other(&pause.url),
        Ok(Step::Leave(url)) => see_other(&url),
        Ok(other) => Err(Failure::internal(format!("a device is not answered by {other:?}"))),
        Err(UserCodeError::Unknown) => {
            let complaint = app.texts(visit.language).device.unknown.to_string();
            answer(&app, &visit, typed, Some(complaint))
        }
        Err(UserCodeError::TooMany) => Err(Fault::Busy.into()),
        Err(UserCodeError::Request(error)) => Err(error.into()),
        Err(other) => Err(Failure::internal(other)),
    }
}

fn answer(app: &App, visit: &Visit, typed: &str, complaint: Option<String>) -> Result<Response, Failure> {
    let status = if complaint.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let code = DevicePage::field(app.texts(visit.language), typed).with_error(complaint);
    page(status, &DevicePage { frame: app.frame(visit, false), send: visit.action("/device"), code })
}

/// How it went. The address is no proof of anything, and says nothing but that.
async fn done(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let approved = visit.query("outcome").as_deref() == Some("approved");
    page(StatusCode::OK, &DeviceDonePage { frame: app.frame(&visit, true), approved })
}
