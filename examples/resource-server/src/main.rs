//! An API that accepts access tokens of the reference server.
//!
//! ```text
//! cargo run -p resource-server
//! curl -i http://localhost:8082/notes -H "Authorization: Bearer <access token>"
//! ```
//!
//! Tokens are validated here, without asking the server that issued them: its public keys are fetched once and kept.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use ciam_adapters::http_client::ReqwestHttpClient;
use ciam_adapters::tokio_runtime::TokioRuntime;
use ciam_core::memory;
use ciam_core::outbound::OutboundPolicy;
use ciam_core::ports::Ports;
use ciam_oauth::issuer::Issuer;
use ciam_oauth::validate::{ValidateError, Validator, bearer_token, discover_keys};
use clap::Parser;
use serde_json::json;
use tokio::sync::OnceCell;

/// An API that accepts access tokens of the reference server.
#[derive(Debug, Parser)]
struct Options {
    /// The server whose tokens are accepted.
    #[arg(long, env = "ISSUER", default_value = "http://localhost:8080")]
    issuer: String,
    /// The name of this API: tokens must be issued for it.
    #[arg(long, env = "AUDIENCE", default_value = "http://localhost:8082")]
    audience: String,
    /// Where to listen.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8082")]
    listen: SocketAddr,
}

#[derive(Clone, Debug)]
struct Api {
    ports: Ports,
    issuer: Issuer,
    audience: String,
    /// Made at the first request, so that this program may start before the server that it trusts.
    validator: Arc<OnceCell<Validator>>,
}

impl Api {
    async fn validator(&self) -> anyhow::Result<&Validator> {
        let discover = || async {
            let keys = discover_keys(self.ports.clone(), &self.issuer).await?;
            let validator = Validator::new(self.issuer.clone(), self.audience.as_str(), keys);
            Ok(validator.with_required_scopes("notes:read".parse()?))
        };
        self.validator.get_or_try_init(discover).await
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let issuer: Issuer = options.issuer.parse().context("--issuer")?;
    let ports = memory::ports()
        .with_runtime(Arc::new(TokioRuntime::for_this_machine()))
        .with_http_client(Arc::new(ReqwestHttpClient::new()?))
        .with_outbound_policy(trust_if_local(&options.issuer));
    let api = Api { ports, issuer, audience: options.audience, validator: Arc::default() };

    let router = Router::new().route("/notes", get(notes)).with_state(api);
    let listener = tokio::net::TcpListener::bind(options.listen).await.context("--listen")?;
    println!("resource-server: http://{}/notes accepts tokens of {}", options.listen, options.issuer);
    axum::serve(listener, router).await?;
    Ok(())
}

/// The one thing that this API has. Who may see it is decided by the token, and by nothing else in the request.
async fn notes(State(api): State<Api>, headers: HeaderMap) -> Response {
    let Ok(validator) = api.validator().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let token = match bearer_token(&headers) {
        Ok(token) => validator.validate_or_fetch(token, api.ports.now()).await,
        Err(error) => Err(error),
    };
    match token {
        Ok(token) => Json(json!({
            "notes": ["buy milk", "read RFC 9700"],
            "subject": token.subject(),
            "client": token.client_id(),
            "scope": token.scopes().collect::<Vec<_>>(),
        }))
        .into_response(),
        Err(error) => refuse(&error),
    }
}

/// What RFC 6750 wants a client to be told.
fn refuse(error: &ValidateError) -> Response {
    (error.status(), [(header::WWW_AUTHENTICATE, error.challenge(None))]).into_response()
}

/// A server on this machine may be asked without TLS; any other only with it.
fn trust_if_local(issuer: &str) -> OutboundPolicy {
    let policy = OutboundPolicy::default();
    let local =
        issuer.strip_prefix("http://localhost:").and_then(|rest| rest.split('/').next()?.parse().ok());
    match local {
        Some(port) => policy.dangerous_trust_host("localhost", port),
        None => policy,
    }
}
