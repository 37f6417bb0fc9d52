//! A sign-in that brings what an organization demands.

use axum::{extract::State, response::Response};
use ciam_core::{
    journey::Requirements,
    organization::{ActingError, PolicyDemand, SignInFacts},
    session::Authenticated,
};

use super::{
    onward::{Onward, link},
    pending::visitor,
    recover,
    steps::At,
};
use crate::{
    app::App,
    pages::Fault,
    web::{Failure, Visit, see_other},
};

/// Where a step-up begins for an organization, to go on with a page of ours.
pub(super) fn path(slug: &str, onward: &str) -> String {
    link("/step-up", &[("organization", Some(slug)), ("continue", Some(onward))])
}

/// Begins it: the same session, lifted by what it lacks. What it lacks is looked at again here, and never taken from the
/// address.
pub(super) async fn begin(State(app): State<App>, visit: Visit) -> Result<Response, Failure> {
    let pending = Onward::of(&app, &visit, visit.query("continue").as_deref()).await?;
    let onward = pending.as_ref().map(Onward::text);
    let Some(viewer) = app.viewer(&visit).await? else {
        return see_other(&link("/sign-in", &[("continue", onward)]));
    };
    let organizations = &app.services().organizations;
    let slug = visit.query("organization").ok_or(Fault::NotFound)?;
    let id = organizations.named(&slug).await?.ok_or(Fault::NotFound)?;
    let now = app.ports().now();
    let facts = SignInFacts::of_session(&viewer.session.value, now);
    let demand = match organizations.admitted(id, viewer.account.value.id, &facts, now).await {
        Ok(_) => return see_other(onward.unwrap_or("/account/organizations")),
        Err(ActingError::Demands(demand)) => demand,
        Err(ActingError::Port(error)) => return Err(error.into()),
        Err(_) => return Err(Fault::NotFound.into()),
    };
    let requirements = requirements(&visit, pending.as_ref(), &viewer, &demand);
    let visitor = visitor(&visit, Some(&viewer));
    let (handle, challenge) = app.services().journeys.begin_sign_in(&visitor, requirements).await?;
    At { handle: &handle, pending: pending.as_ref() }.to(&challenge)
}

fn requirements(
    visit: &Visit,
    pending: Option<&Onward>,
    viewer: &Authenticated,
    demand: &PolicyDemand,
) -> Requirements {
    let requirements = recover::requirements(visit, pending).for_demand(demand);
    let mut verified = viewer.account.value.identifiers.iter().filter(|it| it.is_verified());
    match verified.next() {
        Some(first) => requirements.with_login_hint(first.key.as_str()),
        None => requirements,
    }
}
