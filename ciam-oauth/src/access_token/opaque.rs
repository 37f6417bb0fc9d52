//! Access tokens that this server cannot read, and what it knows of them by their digest: opaque ones, which are 256 random bits,
//! and those that are encrypted for their resource.

use ciam_core::jose::CompactForm;
use ciam_core::secret::{Secret, TokenDigest};
use ciam_core::store::{RecordKind, StoredRecord};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::claims::AccessTokenClaims;

/// What a token stands for that says nothing to this server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OpaqueToken {
    digest: TokenDigest,
    pub(crate) claims: AccessTokenClaims,
}

impl OpaqueToken {
    pub(crate) fn new(digest: TokenDigest, claims: AccessTokenClaims) -> Self {
        Self { digest, claims }
    }

    /// Whether there can be a record of a token: it is opaque, or a JWE in compact form.
    pub(crate) fn is_kept(token: &str) -> bool {
        Self::is_well_formed(token) || CompactForm::is_encrypted(token)
    }

    /// The record key of a token.
    pub(crate) fn record_key(token: &str) -> String {
        TokenDigest::of(token).to_text()
    }

    /// Whether a text can be an opaque token.
    pub(crate) fn is_well_formed(token: &str) -> bool {
        Secret::has_random_form(token)
    }
}

impl StoredRecord for OpaqueToken {
    const KIND: RecordKind = RecordKind::new("oauth.access_token", &[]).private();
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.digest.to_text()
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(self.claims.exp).ok()
    }
}
