//! A part of the API: its routes and what describes them.

use std::fmt;

use axum::{Router, handler::Handler, routing::MethodRouter};
use http::Method;
use utoipa::openapi::OpenApi;

use crate::app::App;

/// Routes with the document that describes them. A test holds them to each other.
pub struct Resource {
    pub(super) router: Router<App>,
    pub(super) document: OpenApi,
    pub(super) mounted: Vec<(Method, &'static str)>,
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("mounted", &self.mounted).finish_non_exhaustive()
    }
}

impl Resource {
    /// A part of the API described by `document`: `Resource::new(<Document as utoipa::OpenApi>::openapi())`.
    pub fn new(document: OpenApi) -> Self {
        Self { router: Router::new(), document, mounted: Vec::new() }
    }

    fn on<H, T>(
        mut self,
        method: Method,
        path: &'static str,
        route: fn(H) -> MethodRouter<App>,
        handler: H,
    ) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.router = self.router.route(path, route(handler));
        self.mounted.push((method, path));
        self
    }

    /// Reads what is at `path`.
    #[must_use]
    pub fn get<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.on(Method::GET, path, axum::routing::get, handler)
    }

    /// Adds to what is at `path`, or does something.
    #[must_use]
    pub fn post<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.on(Method::POST, path, axum::routing::post, handler)
    }

    /// Replaces what is at `path`.
    #[must_use]
    pub fn put<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.on(Method::PUT, path, axum::routing::put, handler)
    }

    /// Changes some of what is at `path`.
    #[must_use]
    pub fn patch<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.on(Method::PATCH, path, axum::routing::patch, handler)
    }

    /// Removes what is at `path`.
    #[must_use]
    pub fn delete<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.on(Method::DELETE, path, axum::routing::delete, handler)
    }
}
