//! Which clients a session has signed into, as far as they want to know of its end.

use ciam_core::error::PortError;
use ciam_core::id::{AccountId, SessionId};
use ciam_core::store::{
    Batch, EntityRef, IndexDeclaration, IndexValue, OWNER_INDEX, RecordKind, StoredRecord,
};
use ciam_oauth::AuthorizationServer;
use ciam_oauth::client::ClientId;
use ciam_oauth::extension::Issued;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A client that a session has signed into, by the names that it knows person and session by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) session: SessionId,
    pub(super) account: AccountId,
    pub(crate) client: ClientId,
    pub(crate) subject: String,
    pub(super) name: String,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

pub(super) const BY_SESSION: IndexDeclaration = IndexDeclaration::many("session");
const BY_ACCOUNT: IndexDeclaration = IndexDeclaration::many(OWNER_INDEX);

impl Login {
    /// The name that the client knows the session by.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl StoredRecord for Login {
    const KIND: RecordKind = RecordKind::new("oidc.login", &[BY_SESSION, BY_ACCOUNT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        format!("{}/{}", self.session, self.client)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![
            IndexValue::new(BY_SESSION, self.session.to_string()),
            IndexValue::new(BY_ACCOUNT, self.account.to_string()),
        ]
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}

/// Notes, before an ID token leaves, that its client is to be told when the session ends, by whatever channel.
///
/// The note is committed on condition that the session is as it was read, and live: either the end of the session finds the
/// note, or there is none to make. A session that is used at the same moment moves its version, so it is tried again.
pub(crate) async fn note(server: &AuthorizationServer, issued: &Issued<'_>) -> Result<(), PortError> {
    for _ in 0..RACES {
        let Some(session) = server.sessions().live(issued.grant.session).await? else { return Ok(()) };
        let login = Login {
            session: session.value.id,
            account: session.value.account,
            client: issued.client.id.clone(),
            subject: server.subject(issued.client, issued.account),
            name: server.session_name(issued.client, session.value.id),
            expires_at: session.value.expires_at,
        };
        let batch =
            Batch::new().require_version(EntityRef::Session(login.session), session.version).put(&login)?;
        if server.ports().store().commit(batch).await?.is_applied() {
            return Ok(());
        }
    }
    Err(PortError::transient("the session kept changing"))
}

const RACES: usize = 8;
