//! Revoked JWT access tokens: their ids, until they would have expired.

use ciam_core::store::{RecordKind, StoredRecord};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The id of a JWT that was revoked. Introspection does not find it active any more; a resource that validates JWTs by
/// itself accepts it until it expires, which is why access tokens are short-lived.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DeniedToken {
    jti: String,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

impl DeniedToken {
    pub(crate) fn new(jti: &str, exp: i64) -> Self {
        let expires_at = OffsetDateTime::from_unix_timestamp(exp).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Self { jti: jti.to_owned(), expires_at }
    }
}

impl StoredRecord for DeniedToken {
    const KIND: RecordKind = RecordKind::new("oauth.denied_token", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.jti.clone()
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}
