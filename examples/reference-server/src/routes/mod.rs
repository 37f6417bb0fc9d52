//! The routes: one file for each page.

mod health;
mod home;
mod mailbox;

use axum::{Router, middleware, routing::get};

use crate::{
    app::App,
    pages::Fault,
    web::{self, Failure},
};

/// Every route of the server.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/dev/mail", get(mailbox::list))
        .route("/dev/mail/{id}", get(mailbox::show))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .merge(web::assets())
        .method_not_allowed_fallback(async || Failure::new(Fault::Method))
        .fallback(async || Failure::new(Fault::NotFound))
        .layer(middleware::from_fn_with_state(app.clone(), web::guard))
        .with_state(app)
}

#[cfg(test)]
mod tests;
