//! What handlers answer.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION},
};

use super::Failure;
use crate::pages::Page;

/// A page. It may show personal data, so nobody keeps it.
///
/// # Errors
///
/// The template fails, or a header cannot be written.
pub fn page(status: StatusCode, page: &impl Page) -> Result<Response, Failure> {
    let mut response = Response::new(Body::from(page.frame().templates.page(page)?));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Sends the browser on with a GET, also after a POST.
///
/// # Errors
///
/// The address cannot stand in a header.
pub fn see_other(location: &str) -> Result<Response, Failure> {
    let location = HeaderValue::try_from(location).map_err(Failure::internal)?;
    let headers = [(LOCATION, location), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// Where, beside this server, the forms of a page may lead in the end: browsers apply `form-action` to every redirect
/// that follows a form. Put it into a response's extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormTargets(pub Vec<String>);

impl FormTargets {
    /// The origin of an address, or its scheme where it has no origin.
    pub fn leading_to(address: &str) -> Self {
        let Ok(url) = url::Url::parse(address) else { return Self::default() };
        let origin = url.origin();
        Self(vec![if origin.is_tuple() {
            origin.ascii_serialization()
        } else {
            format!("{}:", url.scheme())
        }])
    }
}

/// From where, beside this server, a page shows pictures. Put it into a response's extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Images(pub Vec<String>);

impl Images {
    /// The origin of an address; none that is not `https`.
    pub fn of(address: &str) -> Self {
        let url = url::Url::parse(address).ok().filter(|url| url.scheme() == "https");
        Self(url.map(|url| url.origin().ascii_serialization()).into_iter().collect())
    }
}

/// Which scripts a page runs. Put it into a response's extensions; without it there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scripts {
    /// None.
    #[default]
    None,
    /// Those of this server.
    Ours,
    /// Those of somebody else.
    Of(&'static Sources),
}

/// What a page loads from somebody else: origins, and paths below them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sources {
    /// Scripts.
    pub scripts: &'static [&'static str],
    /// Frames.
    pub frames: &'static [&'static str],
    /// What scripts connect to.
    pub connections: &'static [&'static str],
    /// Stylesheets, beside our own.
    pub styles: &'static [&'static str],
}

/// The name of a route for the log, of an endpoint that the router does not know by a path of its own. Put it into a
/// response's extensions.
#[derive(Clone, Copy, Debug)]
pub struct RouteName(pub &'static str);
