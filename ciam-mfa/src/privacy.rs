//! What this crate holds about people beside their credentials, for export and erasure.

use ciam_core::error::PortError;
use ciam_core::privacy::PersonalKind;
use ciam_core::store::{Record, StoredRecord as _};
use serde_json::Value;

#[cfg(feature = "draft-dbsc")]
use crate::dbsc::BoundSession;
use crate::risk::RiskProfile;
use crate::webauthn::PasskeyId;

/// The kinds of records of this crate that belong to accounts: that the ids of their passkeys are taken (the passkeys
/// themselves are credentials, of which every export tells), and what the risk engine remembers of their sign-ins.
///
/// ```
/// use ciam_core::privacy::PersonalKinds;
///
/// let kinds = PersonalKinds::core().with(ciam_mfa::privacy::personal_kinds());
/// assert!(kinds.records().iter().any(|kind| kind.name() == "mfa.passkey_id"));
/// ```
#[must_use]
pub fn personal_kinds() -> Vec<PersonalKind> {
    vec![
        PersonalKind::silent(PasskeyId::KIND),
        PersonalKind::told_by(RiskProfile::KIND, risk_profile),
        #[cfg(feature = "draft-dbsc")]
        PersonalKind::told_by(BoundSession::KIND, bound_session),
    ]
}

/// What a person can read of it: places, browsers, hours; nothing by which a device is recognised.
fn risk_profile(record: &Record) -> Result<Option<Value>, PortError> {
    Ok(Some(record.decode::<RiskProfile>()?.told()))
}

/// That a session is bound to a key; nothing of the key.
#[cfg(feature = "draft-dbsc")]
fn bound_session(record: &Record) -> Result<Option<Value>, PortError> {
    let bound: BoundSession = record.decode()?;
    let at = bound.created_at.unix_timestamp();
    Ok(Some(serde_json::json!({ "session": bound.session, "bound_at": at })))
}
