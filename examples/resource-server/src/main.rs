//! An API that accepts access tokens of the reference server.
//!
//! ```text
//! cargo run -p resource-server
//! curl -i http://localhost:8082/notes -H "Authorization: Bearer <access token>"
//! ```
//!
//! Tokens are validated here, without asking the server that issued them: its public keys are fetched and kept. Bound tokens
//! ([DPoP](https://www.rfc-editor.org/rfc/rfc9449)) need their proof, and opaque ones are asked about where the program is
//! told as whom to ask.

mod api;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use ciam_adapters::http_client::ReqwestHttpClient;
use ciam_adapters::tokio_runtime::TokioRuntime;
use ciam_core::memory;
use ciam_core::outbound::OutboundPolicy;
use clap::Parser;

/// An API that accepts access tokens of the reference server.
#[derive(Debug, Parser)]
struct Options {
    /// The server whose tokens are accepted.
    #[arg(long, env = "ISSUER", default_value = "http://localhost:8080")]
    issuer: String,
    /// The name of this API, and the address that clients know it by: tokens must be issued for it.
    #[arg(long, env = "AUDIENCE", default_value = "http://localhost:8082")]
    audience: String,
    /// As whom to ask the server about opaque tokens: a client that serves this API. Without it they are refused.
    #[arg(long, env = "CLIENT_ID", requires = "client_secret")]
    client_id: Option<String>,
    /// The secret of that client.
    #[arg(long, env = "CLIENT_SECRET", requires = "client_id", hide_env_values = true)]
    client_secret: Option<String>,
    /// Where to listen.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8082")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let ports = memory::ports()
        .with_runtime(Arc::new(TokioRuntime::for_this_machine()))
        .with_http_client(Arc::new(ReqwestHttpClient::new()?))
        .with_outbound_policy(trust_if_local(&options.issuer));
    let mut settings = api::Settings::new(options.issuer.parse().context("--issuer")?, &options.audience);
    settings.introspects_as = options.client_id.zip(options.client_secret);
    let router = api::router(ports, settings)?;

    let listener = tokio::net::TcpListener::bind(options.listen).await.context("--listen")?;
    println!("resource-server: http://{}/notes accepts tokens of {}", options.listen, options.issuer);
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
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
