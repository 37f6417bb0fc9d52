//! What Microsoft Entra says that others do not
//! ([claims in ID tokens](https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference)).

use serde_json::Value;

use super::id_token::IdTokenClaims;
use super::issuer::is_id;

/// Who somebody is in their tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntraClaims {
    /// The tenant: `tid`. The ID token's issuer was checked to be this tenant's.
    pub tenant: String,
    /// The person in the tenant, the same for all of its applications: `oid`. [`IdTokenClaims::subject`] is another for each
    /// application.
    pub object: String,
}

impl EntraClaims {
    /// Reads the claims of an ID token that was checked; `None` when it does not say both.
    #[must_use]
    pub fn of(claims: &IdTokenClaims) -> Option<Self> {
        let id = |name: &str| claims.all.get(name).and_then(Value::as_str).filter(|id| is_id(id));
        Some(Self { tenant: id("tid")?.to_owned(), object: id("oid")?.to_owned() })
    }
}
