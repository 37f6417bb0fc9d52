//! Lists, a page at a time.

use axum::extract::FromRequestParts;
use ciam_core::{
    http::{Params, ParamsLimits},
    store::{Cursor, Page, PageRequest},
};
use http::request::Parts;
use serde::Serialize;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};
use utoipa::{IntoParams, ToSchema};

use super::{Code, Problem};

/// Which part of a list is wanted.
#[derive(Clone, Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// `next` of the page before. Without it, the list begins.
    #[param(required = false, value_type = Option<String>, max_length = 512)]
    after: Option<Cursor>,
    /// At most how many items.
    #[param(required = false, minimum = 1, maximum = 100)]
    limit: u32,
}

impl Listing {
    /// The same for the store.
    pub fn request(&self) -> PageRequest {
        match &self.after {
            Some(cursor) => PageRequest::after(cursor.clone(), self.limit),
            None => PageRequest::first(self.limit),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Listing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let refuse = |detail: &str| Problem::new(Code::MalformedRequest, detail);
        let params = Params::parse(parts.uri.query().unwrap_or_default(), ParamsLimits::default())
            .map_err(|_| refuse("the query cannot be read"))?;
        let one = |name| params.one(name).map_err(|_| refuse("a parameter is there twice"));
        let limit = one("limit")?.map_or(Some(DEFAULT), |it| it.parse().ok());
        let limit =
            limit.filter(|it| (1..=MAX).contains(it)).ok_or_else(|| refuse("`limit` must be 1 to 100"))?;
        let after = one("after")?.map(Cursor::new).transpose().map_err(|_| refuse("`after` is no cursor"))?;
        Ok(Self { after, limit })
    }
}

/// A part of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The items. There may be fewer than asked for, and still more to come.
    pub items: Vec<T>,
    /// Where the list goes on: the parameter `after` of the next request. Null at the end.
    #[schema(required)]
    pub next: Option<String>,
}

impl<T> List<T> {
    /// A page of the store's, with each item as it is shown.
    pub fn of<U>(page: Page<U>, show: impl FnMut(U) -> T) -> Self {
        let next = page.next.map(|it| it.as_str().to_owned());
        Self { items: page.items.into_iter().map(show).collect(), next }
    }
}

/// A moment, as text of RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-11-23T17:02:11Z"))]
pub struct Moment(String);

impl From<OffsetDateTime> for Moment {
    fn from(at: OffsetDateTime) -> Self {
        let at = at.to_offset(UtcOffset::UTC);
        let whole = at.replace_nanosecond(0).unwrap_or(at);
        Self(whole.format(&Rfc3339).unwrap_or_default())
    }
}

const DEFAULT: u32 = 50;
const MAX: u32 = 100;
