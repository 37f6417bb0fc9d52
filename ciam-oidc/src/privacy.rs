//! What this crate holds about people, for export and erasure.

use ciam_core::error::PortError;
use ciam_core::privacy::PersonalKind;
use ciam_core::store::{Record, StoredRecord as _};
use serde_json::{Value, json};

use crate::logout::Login;
use crate::rp::ProviderSession;

/// The kinds of records of this crate that belong to accounts: which clients are told when a session ends, and with which
/// provider a session began.
///
/// ```
/// use ciam_core::privacy::PersonalKinds;
///
/// let kinds = PersonalKinds::core().with(ciam_oidc::privacy::personal_kinds());
/// assert!(kinds.records().iter().any(|kind| kind.name() == "oidc.login"));
/// ```
#[must_use]
pub fn personal_kinds() -> Vec<PersonalKind> {
    vec![
        PersonalKind::told_by(Login::KIND, login),
        PersonalKind::told_by(ProviderSession::KIND, provider_session),
    ]
}

/// With which provider a session began.
fn provider_session(record: &Record) -> Result<Option<Value>, PortError> {
    Ok(Some(record.decode::<ProviderSession>()?.told()))
}

/// To which client a session has signed in, and what the person is called there.
fn login(record: &Record) -> Result<Option<Value>, PortError> {
    let login: Login = record.decode()?;
    Ok(Some(json!({ "client": login.client, "session": login.session, "subject": login.subject })))
}
