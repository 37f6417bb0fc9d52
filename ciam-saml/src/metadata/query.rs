//! Asking for the metadata of one entity.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::{Digest as _, Sha1};

/// A service of the metadata query protocol
/// ([draft-young-md-query](https://datatracker.ietf.org/doc/draft-young-md-query/), with the
/// [profile for SAML](https://datatracker.ietf.org/doc/draft-young-md-query-saml/)).
///
/// ```
/// use ciam_saml::metadata::MetadataQuery;
///
/// let query = MetadataQuery::new("https://mdq.example/");
/// let entity = "http://example.org/service";
/// assert_eq!(query.url(entity), "https://mdq.example/entities/http%3A%2F%2Fexample%2Eorg%2Fservice");
/// assert_eq!(
///     query.with_transformed_ids().url(entity),
///     "https://mdq.example/entities/%7Bsha1%7D11d72e8cf351eb6c75c721e838f469677ab41bdb"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataQuery {
    base: String,
    transformed: bool,
}

impl MetadataQuery {
    /// The service at this address, under which its `entities` are.
    #[must_use]
    pub fn new(base: impl Into<String>) -> Self {
        Self { base: base.into(), transformed: false }
    }

    /// Asks by the SHA-1 of names, which have no characters that a server in between might read as something else
    /// ([profile, section 2.2](https://datatracker.ietf.org/doc/html/draft-young-md-query-saml#section-2.2)).
    ///
    /// # Security
    ///
    /// Nothing depends on that hash: the answer has to be [signed](super::MetadataTrust) and of the entity that was asked for.
    #[must_use]
    pub const fn with_transformed_ids(mut self) -> Self {
        self.transformed = true;
        self
    }

    /// Where the metadata of an entity is.
    #[must_use]
    pub fn url(&self, entity_id: &str) -> String {
        let id = if self.transformed { transformed(entity_id) } else { entity_id.to_owned() };
        let escaped = utf8_percent_encode(&id, NON_ALPHANUMERIC);
        format!("{}/entities/{escaped}", self.base.trim_end_matches('/'))
    }
}

fn transformed(entity_id: &str) -> String {
    let digest = Sha1::digest(entity_id.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{{sha1}}{hex}")
}
