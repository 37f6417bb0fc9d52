//! The OpenAPI document.

use std::sync::OnceLock;

use axum::{Router, body::Bytes, response::IntoResponse, routing::get};
use http::header::CONTENT_TYPE;
use utoipa::{
    OpenApi,
    openapi::{
        ContentBuilder, Ref, ResponseBuilder, Server,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{BASE, Code, FieldProblem, problem::Report, resources};
use crate::app::App;

/// What is said once for all.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Account",
        version = "1",
        description = "A person's own account. A page of this origin calls with its session cookie; what changes something \
                       must then come from this origin. An application without cookies calls with `Authorization: Bearer` and \
                       the token of its session. A request with both is refused. Every error is a problem (RFC 9457) with a \
                       stable `code`; what belongs to somebody else is answered as what does not exist.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(Report, FieldProblem, Code)),
    security(("cookie" = []), ("token" = []))
)]
struct Whole;

/// The document, made from what describes each resource.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let mut whole = Whole::openapi();
    for resource in resources() {
        whole.merge(resource.document);
    }
    whole.servers = Some(vec![Server::new(BASE)]);
    let components = whole.components.get_or_insert_default();
    let cookie = ApiKey::Cookie(ApiKeyValue::new(ciam_core::http::SESSION_COOKIE));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("token", SecurityScheme::Http(token));
    let problem = ResponseBuilder::new()
        .description("It was not done; `code` says why.")
        .content(
            "application/problem+json",
            ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build(),
        )
        .build();
    for item in whole.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.responses.responses.insert("default".to_owned(), problem.clone().into());
        }
    }
    whole
}

/// Where the document is.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/openapi.json", get(show))
}

async fn show() -> impl IntoResponse {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| Bytes::from(document().to_pretty_json().unwrap_or_default()));
    ([(CONTENT_TYPE, "application/json")], text.clone())
}
