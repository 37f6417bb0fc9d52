//! JSON in and out.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Code, Problem};
use crate::app::App;

/// A body of JSON: of a request, at most 64 KiB and of the type `application/json`, or of a response.
///
/// The type of a request says `#[serde(deny_unknown_fields)]`, so that a misspelt member is not ignored. Extract it last: after
/// [`Caller`](super::Caller), so that a stranger's body is not read.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, _: &App) -> Result<Self, Problem> {
        // A form of another origin cannot have this type without asking first, and nobody is let in who asks.
        if !is_json(request.headers()) {
            return Err(Code::UnsupportedMediaType.into());
        }
        let request = ciam_axum::collect(request, MAX_BODY).await.map_err(|_| Code::TooLarge)?;
        let mut reader = serde_json::Deserializer::from_slice(request.body());
        let value: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            match error.inner().classify() {
                serde_json::error::Category::Data if path != "." => {
                    Problem::unacceptable([(path, "invalid")])
                }
                serde_json::error::Category::Data => {
                    Problem::new(Code::Unacceptable, error.inner().to_string())
                }
                _ => Problem::from(Code::MalformedRequest),
            }
        })?;
        reader.end().map_err(|_| Code::MalformedRequest)?;
        Ok(Self(value))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let value = all.next().and_then(|it| it.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json") && all.next().is_none()
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let mut response = Response::new(Body::from(body));
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

/// The largest body: a profile with every attribute is a tenth of it.
const MAX_BODY: usize = 64 * 1024;
