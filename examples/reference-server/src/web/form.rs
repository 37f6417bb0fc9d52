//! Submitted forms.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use ciam_core::http::{Params, ParamsError, ParamsLimits};
use http::{HeaderMap, header::CONTENT_TYPE};

use super::{Failure, Visit};
use crate::{app::App, pages::Fault};

/// A form that came from one of our pages in this browser.
///
/// Extracting it is the check: a body that is too large, of another type or wrongly encoded, a field that is there twice,
/// an origin that is not ours, a missing or foreign anti-forgery token are refused before the handler runs.
#[derive(Clone, Debug)]
pub struct Form(Params);

impl Form {
    /// The value of a field; empty when it is missing.
    pub fn text(&self, name: &str) -> &str {
        self.0.one(name).ok().flatten().unwrap_or_default()
    }

    /// The value of a field that may be missing.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.one(name).ok().flatten()
    }
}

impl FromRequest<App> for Form {
    type Rejection = Failure;

    async fn from_request(request: Request<Body>, app: &App) -> Result<Self, Failure> {
        let visit = request.extensions().get::<Visit>().cloned().ok_or(Fault::Internal)?;
        let request = ciam_axum::collect(request, MAX_BODY).await.map_err(|_| Fault::TooLarge)?;
        if !is_form(request.headers()) {
            return Err(Fault::BadRequest.into());
        }
        if !is_from_here(request.headers(), app.config().issuer.as_str()) {
            return Err(Fault::Forbidden.into());
        }
        let text = std::str::from_utf8(request.body()).map_err(|_| Fault::BadRequest)?;
        let params = Params::parse(text, ParamsLimits::default()).and_then(|params| {
            params.refuse_duplicates(&[])?;
            Ok(params)
        });
        let params = params.map_err(|error| match error {
            ParamsError::TooLarge => Fault::TooLarge,
            _ => Fault::BadRequest,
        })?;
        let token = params.one("csrf").ok().flatten().unwrap_or_default();
        if !visit.is_csrf(request.uri().path(), token) {
            return Err(Fault::Forbidden.into());
        }
        Ok(Self(params))
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// What the browser says of where the form was. Browsers that say nothing are left to the token.
fn is_from_here(headers: &HeaderMap, issuer: &str) -> bool {
    let is = |name: &str, ours: &[&str]| {
        headers.get_all(name).iter().all(|it| it.to_str().is_ok_and(|it| ours.contains(&it)))
    };
    is("origin", &[issuer]) && is("sec-fetch-site", &["same-origin", "none"])
}

/// The largest form of ours is sign-up, with a few hundred bytes.
const MAX_BODY: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_origin_must_be_ours_when_it_is_named() {
        let of = |pairs: &[_]| is_from_here(&headers(pairs), "https://id.example");
        assert!(of(&[]));
        assert!(of(&[("origin", "https://id.example"), ("sec-fetch-site", "same-origin")]));
        assert!(!of(&[("origin", "null")]));
        assert!(!of(&[("origin", "https://evil.example")]));
        assert!(!of(&[("origin", "http://id.example")]));
        assert!(!of(&[("sec-fetch-site", "same-site")]));
        assert!(!of(&[("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn the_type_must_be_that_of_a_form() {
        assert!(is_form(&headers(&[("content-type", "application/x-www-form-urlencoded; charset=UTF-8")])));
        for other in ["text/plain", "multipart/form-data", "application/json", ""] {
            assert!(!is_form(&headers(&[("content-type", other)])), "{other}");
        }
    }
}
