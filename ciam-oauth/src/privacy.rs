//! What this crate holds about people, for export and erasure.

use ciam_core::error::PortError;
use ciam_core::privacy::PersonalKind;
use ciam_core::store::{Record, StoredRecord as _};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::grant::Grant;

/// The kinds of records of this crate that belong to accounts: grants.
///
/// ```
/// use ciam_core::privacy::PersonalKinds;
///
/// let kinds = PersonalKinds::core().with(ciam_oauth::privacy::personal_kinds());
/// assert!(kinds.records().iter().any(|kind| kind.name() == "oauth.grant"));
/// ```
#[must_use]
pub fn personal_kinds() -> Vec<PersonalKind> {
    vec![PersonalKind::told_by(Grant::KIND, grant).with_last_use(in_use)]
}

/// An application that can still refresh its tokens is somebody's who uses it, as far as anybody can tell from here.
fn in_use(record: &Record, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, PortError> {
    let grant: Grant = record.decode()?;
    let live = grant.is_active(now) && grant.refresh.is_some_and(|family| family.is_live(now));
    Ok(Some(if live { now } else { grant.created_at }))
}

/// What a grant allows, to whom, since when; nothing of its tokens.
fn grant(record: &Record) -> Result<Option<Value>, PortError> {
    let grant: Grant = record.decode()?;
    let moment = |at: OffsetDateTime| at.format(&time::format_description::well_known::Rfc3339).ok();
    Ok(Some(json!({
        "id": grant.id, "client": grant.client, "session": grant.session, "scopes": grant.scopes,
        "resources": grant.resources, "state": grant.state, "organization": grant.organization,
        "created_at": moment(grant.created_at), "expires_at": moment(grant.expires_at),
    })))
}
