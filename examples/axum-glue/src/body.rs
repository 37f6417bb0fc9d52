//! Reading a request's body.

use axum::{body::Body, extract::Request};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;

/// The largest body that [`mount`](crate::mount()) reads: 256 KiB. The largest legitimate one is a pushed authorization
/// request with a client assertion, of some kilobytes.
pub const MAX_BODY: usize = 256 * 1024;

/// Reads the body of a request whole.
///
/// # Errors
///
/// The body is longer than `limit`, by its own account or in fact, or it broke off.
pub async fn collect(request: Request<Body>, limit: usize) -> Result<http::Request<Bytes>, BodyTooLarge> {
    let (parts, body) = request.into_parts();
    let announced = parts.headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|it| it > limit) {
        return Err(BodyTooLarge);
    }
    match axum::body::to_bytes(body, limit).await {
        Ok(bytes) => Ok(http::Request::from_parts(parts, bytes)),
        Err(_) => Err(BodyTooLarge),
    }
}

/// The body is too large, or did not arrive whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyTooLarge;

impl std::fmt::Display for BodyTooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body is too large or did not arrive whole")
    }
}

impl std::error::Error for BodyTooLarge {}
