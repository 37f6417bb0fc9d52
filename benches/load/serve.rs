//! The servers of this program: ours, and the limits.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use ciam_benches::fixtures::{Algorithm, Failure, Key};
use ciam_core::http::{Params, ParamsLimits};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::pages::Pages;
use crate::servers::Kind;

/// So many accounts are there to sign in to.
pub(crate) const PEOPLE: u32 = 1_000;

pub(crate) async fn run(kind: Kind, port: u16) -> Result<(), Failure> {
    let router = match kind {
        Kind::Ciam => {
            let pages = Arc::new(Pages::new(port).await?);
            ciam_axum::mount(move |request, peer| Arc::clone(&pages).handle(request, peer))
        }
        Kind::Sign => signing()?,
        Kind::Echo => Router::new().route("/introspect", post(echo)),
        Kind::Peer => return Err("it is not one of this program's".into()),
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

/// A token for whoever asks: the form is read, the claims are signed.
fn signing() -> Result<Router, Failure> {
    let key = Arc::new(Key::generate(Algorithm::Es256)?);
    let answer = move |body: String| {
        let key = Arc::clone(&key);
        async move {
            let token = key.access_token().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
            let answer = json!({ "access_token": token, "token_type": "Bearer", "expires_in": body.len() });
            Ok::<_, StatusCode>(([(CONTENT_TYPE, "application/json")], answer.to_string()))
        }
    };
    Ok(Router::new().route("/token", post(answer)))
}

async fn echo(body: String) -> Result<([(axum::http::HeaderName, &'static str); 1], String), StatusCode> {
    let params = Params::parse(&body, ParamsLimits::default()).map_err(|_| StatusCode::BAD_REQUEST)?;
    let token = params.one("token").map_err(|_| StatusCode::BAD_REQUEST)?.unwrap_or_default();
    let members = Map::from_iter([("token".to_owned(), Value::from(token))]);
    Ok(([(CONTENT_TYPE, "application/json")], Value::Object(members).to_string()))
}
