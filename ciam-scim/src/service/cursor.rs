//! Cursors ([RFC 9865]): where a listing goes on, sealed.
//!
//! A cursor says for which organization, query and page size it was made, and when. It is sealed by the tenant's vault: a
//! client can neither read nor change it.
//!
//! [RFC 9865]: https://www.rfc-editor.org/rfc/rfc9865

use ciam_core::vault::{SealScope, Sealed};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::context::Cx;
use crate::error::{ScimError, ScimType};
use crate::sort::SortKey;

/// Where a listing goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Position {
    /// Behind a place of the store's own listing.
    Store(String),
    /// Behind a resource of the ordered result.
    After { kind: usize, key: Option<SortKey>, id: String },
}

/// Where a page begins, and where those before it began: `None` is the beginning of the list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) position: Option<Position>,
    /// The nearest page is the last.
    #[serde(default)]
    trail: Vec<Option<Position>>,
}

impl Place {
    /// The page behind this one. Only so much of the way is remembered as fits into a cursor: then it does not lead back all
    /// the way.
    pub(super) fn next(&self, position: Position) -> Self {
        let mut trail = self.trail.clone();
        trail.push(self.position.clone());
        while serde_json::to_string(&trail).is_ok_and(|it| it.len() > MAX_TRAIL) {
            trail.remove(0);
        }
        Self { position: Some(position), trail }
    }

    /// The page before this one.
    pub(super) fn previous(&self) -> Option<Self> {
        let (position, trail) = self.trail.split_last()?;
        Some(Self { position: position.clone(), trail: trail.to_vec() })
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    organization: String,
    query: String,
    count: usize,
    place: Place,
    at: i64,
}

const PURPOSE: &str = "scim.cursor";
/// As long as a cursor behind a value of the longest kind.
const MAX_LENGTH: usize = 128 * 1024;
/// The longest trail, in bytes.
const MAX_TRAIL: usize = 2_048;

impl Cx<'_> {
    pub(super) async fn seal_cursor(
        &self,
        query: &str,
        count: usize,
        place: Place,
    ) -> Result<String, ScimError> {
        let content = Content {
            organization: self.organization().to_string(),
            query: query.to_owned(),
            count,
            place,
            at: self.service.ports.now().unix_timestamp(),
        };
        let bytes = serde_json::to_vec(&content).map_err(ciam_core::error::PortError::permanent)?;
        let sealed = self.service.ports.vault().seal(&SealScope::Tenant, PURPOSE, &bytes).await?;
        Ok(sealed.as_str().to_owned())
    }

    /// Opens a cursor for a query and a page size.
    pub(super) async fn open_cursor(
        &self,
        cursor: &str,
        query: &str,
        count: usize,
    ) -> Result<Place, ScimError> {
        let wrong = || ScimError::new(ScimType::InvalidCursor, "the cursor is not one of this query");
        if cursor.len() > MAX_LENGTH {
            return Err(wrong());
        }
        let sealed = Sealed::from_text(cursor);
        let opened = self.service.ports.vault().open(&SealScope::Tenant, PURPOSE, &sealed).await;
        let opened = opened.map_err(|error| match error.kind() {
            ciam_core::error::PortErrorKind::Transient => ScimError::from(error),
            _ => wrong(),
        })?;
        let content: Content = serde_json::from_slice(opened.expose()).map_err(|_| wrong())?;
        if content.organization != self.organization().to_string() || content.query != query {
            return Err(wrong());
        }
        let at = OffsetDateTime::from_unix_timestamp(content.at).map_err(|_| wrong())?;
        if self.service.ports.now() - at > self.service.limits.cursor_lifetime {
            return Err(ScimError::new(ScimType::ExpiredCursor, "the cursor is too old"));
        }
        if content.count != count {
            return Err(ScimError::new(ScimType::InvalidCount, "the page size is another than before"));
        }
        Ok(content.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: usize) -> Position {
        Position::Store(n.to_string())
    }

    #[test]
    fn the_way_back_is_the_way_that_was_come() {
        let first = Place::default();
        assert_eq!(first.previous(), None);
        let third = first.next(at(1)).next(at(2));
        assert_eq!(third.previous(), Some(first.next(at(1))));
        assert_eq!(third.previous().and_then(|it| it.previous()), Some(first));
    }

    #[test]
    fn a_long_way_is_forgotten_from_its_beginning() {
        let mut place = Place::default();
        for n in 0..10_000 {
            place = place.next(at(n));
        }
        assert!(serde_json::to_string(&place).unwrap().len() < MAX_TRAIL + 100);
        assert_eq!(place.previous().unwrap().position, Some(at(9_998)));
    }
}
