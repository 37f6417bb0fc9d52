//! The mail catcher of development mode.

use axum::{
    extract::{Path, State},
    response::Response,
};
use ciam_adapters::mail_catcher::CaughtMail;
use http::StatusCode;

use crate::{
    app::App,
    pages::{Fault, MailListPage, MailMessagePage, MailSummary},
    web::{Failure, Visit, moment, page},
};

/// The messages, newest first.
pub(super) async fn list(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let catcher = app.catcher().ok_or(Fault::NotFound)?;
    let messages = catcher.messages().iter().map(summary).collect();
    page(StatusCode::OK, &MailListPage { frame: app.frame(&visit, false), messages })
}

/// One message.
pub(super) async fn show(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let catcher = app.catcher().ok_or(Fault::NotFound)?;
    let caught = id.parse().ok().and_then(|id| catcher.message(id)).ok_or(Fault::NotFound)?;
    let code = caught.code.clone();
    page(
        StatusCode::OK,
        &MailMessagePage {
            frame: app.frame(&visit, false),
            message: summary(&caught),
            body: MailMessagePage::paragraphs(&caught.text.text, code.as_deref()),
            code,
        },
    )
}

fn summary(caught: &CaughtMail) -> MailSummary {
    MailSummary {
        id: caught.id.to_string(),
        to: caught.to.clone(),
        subject: caught.text.subject.clone(),
        at: moment(caught.at),
    }
}
