//! The same embedding on actix-web. Its `http` crate is another version than ours, so a request and a response are carried
//! over by hand: that is all there is to do.
//!
//! ```text
//! cargo run -p actix-login
//! ```

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use ciam_core::http::Peer;
use embedded_login::Login;

/// The largest body that is read.
const MAX_BODY: usize = 256 * 1024;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let login = Login::new("http://localhost:8091", "http://127.0.0.1/callback").await?;
    println!("http://localhost:8091/.well-known/openid-configuration");
    let app = move || {
        App::new()
            .app_data(web::Data::new(login.clone()))
            .app_data(web::PayloadConfig::new(MAX_BODY))
            .default_service(web::to(answer))
    };
    HttpServer::new(app).workers(2).bind(("127.0.0.1", 8091))?.run().await?;
    Ok(())
}

async fn answer(login: web::Data<Login>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let Some(address) = request.peer_addr() else { return HttpResponse::InternalServerError().finish() };
    let Ok(request) = inbound(&request, body) else { return HttpResponse::BadRequest().finish() };
    outbound(login.get_ref().clone().handle(request, Peer::new(address.ip())).await)
}

/// The request in the types of the `http` crate that the libraries use.
fn inbound(request: &HttpRequest, body: web::Bytes) -> Result<http::Request<Bytes>, http::Error> {
    let mut builder =
        http::Request::builder().method(request.method().as_str()).uri(request.uri().to_string());
    for (name, value) in request.headers() {
        builder = builder.header(name.as_str(), value.as_bytes());
    }
    builder.body(body)
}

/// The response in actix's types.
fn outbound(response: http::Response<Bytes>) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(response.status().as_u16());
    let mut builder =
        HttpResponse::build(status.unwrap_or(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in response.headers() {
        builder.append_header((name.as_str(), value.as_bytes()));
    }
    builder.body(response.into_body())
}
