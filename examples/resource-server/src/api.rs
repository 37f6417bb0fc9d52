//! The API: what it wants of tokens, and its routes.

use anyhow::Context as _;
use axum::routing::get;
use axum::{Json, Router};
use ciam_axum::{Guard, Token, metadata_route};
use ciam_core::jose::AlgorithmSet;
use ciam_core::ports::Ports;
use ciam_oauth::dpop::DpopChecker;
use ciam_oauth::issuer::Issuer;
use ciam_oauth::validate::{
    CachingValidator, DiscoveredKeys, IntrospectionAuth, Introspector, Requirements, ResourceMetadata,
    ResourceServer, TokenCachePolicy, Validator,
};
use serde_json::{Value, json};
use time::Duration;

/// What this API is told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) issuer: Issuer,
    pub(crate) audience: String,
    /// The client, and its secret, as which the issuer is asked about opaque tokens.
    pub(crate) introspects_as: Option<(String, String)>,
}

impl Settings {
    pub(crate) fn new(issuer: Issuer, audience: &str) -> Self {
        Self { issuer, audience: audience.to_owned(), introspects_as: None }
    }
}

/// The routes, each behind what it demands. Who may do what is decided by the token, and by nothing else in the request.
pub(crate) fn router(ports: Ports, settings: Settings) -> anyhow::Result<Router> {
    let server = resource_server(ports, settings)?;
    let read = Requirements::new().with_scopes("notes:read".parse()?);
    // Whoever deletes everything has just shown two factors, or a passkey, which is more: RFC 9470.
    let clear =
        read.clone().with_acr_values(["urn:ciam:acr:aal2", "phr", "phrh"]).with_max_age(Duration::minutes(5));
    Ok(Router::new()
        .route("/notes", get(notes).layer(Guard::new(server.clone(), read)))
        .route("/notes/clear", axum::routing::post(cleared).layer(Guard::new(server.clone(), clear)))
        .merge(metadata_route(&server)))
}

fn resource_server(ports: Ports, settings: Settings) -> anyhow::Result<ResourceServer> {
    let Settings { issuer, audience, introspects_as } = settings;
    // The keys are found at the first request, so that this program may start before the server that it trusts.
    let keys = DiscoveredKeys::new(ports.clone(), issuer.clone());
    let validator = Validator::new(issuer.clone(), audience.as_str(), keys);
    let rules = validator.rules().clone();
    let caching = CachingValidator::new(validator, TokenCachePolicy::default(), ports.entropy())?;
    let metadata = ResourceMetadata::new(audience.parse().context("--audience")?, issuer.clone())
        .with_scopes("notes:read".parse()?)
        .with_dpop(AlgorithmSet::ASYMMETRIC);
    let server = ResourceServer::new(ports.clone(), audience.trim_end_matches('/'))
        .with_caching_validator(caching)
        .with_dpop(DpopChecker::new(ports.clone()))
        .with_metadata(metadata);
    let Some((client, secret)) = introspects_as else { return Ok(server) };
    let auth = IntrospectionAuth::Basic(client.parse().context("--client-id")?, secret.into());
    let endpoint = issuer.endpoint("/introspect");
    Ok(server.with_introspector(Introspector::new(ports, issuer, endpoint, auth, rules)?))
}

/// The one thing that this API has.
async fn notes(Token(token): Token) -> Json<Value> {
    Json(json!({
        "notes": ["buy milk", "read RFC 9700"],
        "subject": token.subject(),
        "client": token.client_id(),
        "scope": token.scopes().collect::<Vec<_>>(),
    }))
}

/// What only a person who has just shown two factors may do. (Nothing is deleted.)
async fn cleared(Token(token): Token) -> Json<Value> {
    Json(json!({ "cleared_by": token.subject() }))
}

#[cfg(test)]
mod tests;
