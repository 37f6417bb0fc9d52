//! What this crate holds about people beside their credentials, for export and erasure.

use ciam_core::privacy::PersonalKind;
use ciam_core::store::StoredRecord as _;

use crate::webauthn::PasskeyId;

/// The kinds of records of this crate that belong to accounts: that the ids of their passkeys are taken. The passkeys
/// themselves are credentials, of which every export tells.
///
/// ```
/// use ciam_core::privacy::PersonalKinds;
///
/// let kinds = PersonalKinds::core().with(ciam_mfa::privacy::personal_kinds());
/// assert!(kinds.records().iter().any(|kind| kind.name() == "mfa.passkey_id"));
/// ```
#[must_use]
pub fn personal_kinds() -> Vec<PersonalKind> {
    vec![PersonalKind::silent(PasskeyId::KIND)]
}
