//! The start page.

use axum::{extract::State, response::Response};
use http::StatusCode;

use super::pending::name_of;
use crate::{
    app::App,
    pages::{Demo, DemoAccount, DemoProgram, HomePage},
    web::{Failure, Visit, page},
};

/// What this server is, and what to try.
pub(super) async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let viewer = app.viewer(&visit).await?.as_ref().map(name_of);
    page(
        StatusCode::OK,
        &HomePage {
            frame: app.frame(&visit, viewer.is_some()),
            viewer,
            sign_up_open: app.config().ui.sign_up,
            demo: app.is_development().then(|| demo(&app)),
        },
    )
}

fn demo(app: &App) -> Demo {
    let Some(import) = app.config().imports.first().filter(|_| app.config().demo) else {
        return Demo { account: None, application: None, api: None };
    };
    let content = import.content();
    let account = content.accounts.first().and_then(|account| {
        let password = account.password.as_ref()?.expose().to_owned();
        Some(DemoAccount { email: account.email.clone(), password })
    });
    let application = content.clients.first().and_then(|client| {
        let url = client.redirect_uris.first()?.origin()?;
        Some(DemoProgram { url, command: "cargo run -p relying-party" })
    });
    let api = content.resources.first().map(|resource| DemoProgram {
        url: resource.id.as_str().to_owned(),
        command: "cargo run -p resource-server",
    });
    Demo { account, application, api }
}
