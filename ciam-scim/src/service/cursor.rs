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

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    organization: String,
    query: String,
    count: usize,
    position: Position,
    at: i64,
}

const PURPOSE: &str = "scim.cursor";
const MAX_LENGTH: usize = 4_096;

impl Cx<'_> {
    pub(super) async fn seal_cursor(
        &self,
        query: &str,
        count: usize,
        position: Position,
    ) -> Result<String, ScimError> {
        let content = Content {
            organization: self.organization().to_string(),
            query: query.to_owned(),
            count,
            position,
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
    ) -> Result<Position, ScimError> {
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
        Ok(content.position)
    }
}
