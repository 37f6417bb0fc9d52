//! The routes: one file for each page.

mod account;
mod agree_again;
mod attributes;
mod before_session;
mod check;
mod choose;
mod choose_organization;
mod connection;
mod consent;
mod dangerous;
#[cfg(feature = "draft-dbsc")]
mod dbsc;
mod device;
mod endpoints;
mod enrol;
mod factor;
mod health;
mod home;
mod interaction;
mod invitation;
mod link;
mod mailbox;
mod onward;
mod organization;
mod pending;
mod recover;
mod request;
mod revert;
mod saml;
mod scim;
mod sign_in;
mod sign_out;
mod sign_up;
mod step_up;
mod steps;
mod upstream;
mod verify;

pub(crate) use account::privacy::exported;
use axum::{Router, middleware, routing::get};

use crate::{
    api,
    app::App,
    pages::Fault,
    web::{self, Failure},
};

pub(crate) use scim::BASE as SCIM;
pub(crate) use sign_in::welcome;

/// Every route of the server.
pub fn router(app: App) -> Router {
    let router = Router::new();
    #[cfg(feature = "draft-dbsc")]
    let router = router.merge(dbsc::routes());
    router
        .route("/", get(home::show))
        .route("/sign-up", get(sign_up::show).post(sign_up::submit))
        .route("/verify", get(verify::show).post(verify::submit))
        .route("/sign-in", get(sign_in::show).post(sign_in::submit))
        .route("/sign-out", get(sign_out::show).post(sign_out::submit))
        .route("/signed-out", get(sign_out::done))
        .route("/connection", get(connection::show))
        .route("/step-up", get(step_up::begin))
        .merge(check::routes())
        .merge(agree_again::routes())
        .merge(upstream::routes())
        .merge(saml::routes())
        .merge(device::routes())
        .merge(request::routes())
        .merge(dangerous::routes(&app))
        .merge(link::routes())
        .merge(recover::routes())
        .merge(factor::routes())
        .merge(enrol::routes())
        .merge(before_session::routes())
        .merge(account::routes())
        .merge(revert::routes())
        .route("/interaction/{handle}", get(interaction::show))
        .route("/choose", get(choose::show).post(choose::submit))
        .route("/choose-organization", get(choose_organization::show).post(choose_organization::submit))
        .route("/invitation", get(invitation::show).post(invitation::submit))
        .merge(organization::routes())
        .merge(scim::routes())
        .route("/consent", get(consent::show).post(consent::submit))
        .route("/dev/mail", get(mailbox::list))
        .route("/dev/mail/{id}", get(mailbox::show))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .merge(api::routes())
        .merge(web::assets())
        .method_not_allowed_fallback(async || Failure::new(Fault::Method))
        .fallback(endpoints::answer)
        .layer(middleware::from_fn_with_state(app.clone(), web::guard))
        .with_state(app)
}

#[cfg(test)]
mod tests;
