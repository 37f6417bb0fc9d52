//! The subject identifiers that clients know accounts by.
//!
//! `sub` is never the internal account id: it is computed from it with a key of the tenant, so that two clients of
//! different sectors cannot join what they know ([OpenID Connect Core, section
//! 8.1](https://openid.net/specs/openid-connect-core-1_0.html#PairwiseAlg)), and nobody can compute one from an id that
//! leaked elsewhere.

use std::sync::Arc;

use ciam_core::crypto::MacKey;
use ciam_core::encoding::base64url;
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, SessionId};
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::store::{self, Batch, EntityRef, RecordKind, StoredRecord};
use ciam_core::vault::{SealScope, Sealed};
use serde::{Deserialize, Serialize};

use crate::client::{Client, SubjectType};

/// Computes subject identifiers. The key is made once and never changes: another key would be another person to every
/// client.
#[derive(Clone, Debug)]
pub(super) struct Subjects {
    key: Arc<dyn MacKey>,
    /// Whether public subjects are the internal ids.
    internal: bool,
}

/// The sealed key.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SubjectKey {
    sealed: Sealed,
}

const KEY: &str = "subject";
const PURPOSE: &str = "oauth.subject-key";

impl StoredRecord for SubjectKey {
    const KIND: RecordKind = RecordKind::new("oauth.subject_key", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        KEY.to_owned()
    }
}

impl Subjects {
    /// Opens the tenant's key, or makes it.
    pub(super) async fn load(ports: &Ports, internal: bool) -> Result<Self, PortError> {
        if let Some(subjects) = Self::open(ports, internal).await? {
            return Ok(subjects);
        }
        let secret = SecretBytes::random(ports.entropy(), 32)?;
        let sealed = ports.vault().seal(&SealScope::Tenant, PURPOSE, secret.expose()).await?;
        let batch =
            Batch::new().require_absent(EntityRef::record::<SubjectKey>(KEY)).put(&SubjectKey { sealed })?;
        // Another node may make the key at the same time; whichever is stored is everybody's.
        let _stored_by_somebody = ports.store().commit(batch).await?;
        Self::open(ports, internal)
            .await?
            .ok_or_else(|| PortError::transient("the subject key was not stored"))
    }

    async fn open(ports: &Ports, internal: bool) -> Result<Option<Self>, PortError> {
        let Some(record) = store::load::<SubjectKey>(ports.store(), KEY).await? else { return Ok(None) };
        let secret = ports.vault().open(&SealScope::Tenant, PURPOSE, &record.value.sealed).await?;
        let key = ports.crypto().mac_key(&secret).map_err(PortError::permanent)?;
        Ok(Some(Self { key, internal }))
    }

    /// The subject that a client knows an account by.
    pub(super) fn subject(&self, client: &Client, account: AccountId) -> String {
        let message = match (client.subject_type, client.sector()) {
            (SubjectType::Pairwise, Some(sector)) => format!("pairwise\n{sector}\n{account}"),
            // Without a sector there is nothing to share with others: the client is its own.
            (SubjectType::Pairwise, None) => format!("pairwise-client\n{}\n{account}", client.id),
            (SubjectType::Public, _) if self.internal => return account.to_string(),
            (SubjectType::Public, _) => format!("public\n{account}"),
        };
        self.name(&message)
    }

    /// The name that a client knows a session by. A pairwise client gets one that only its sector has: by the session's own
    /// id two of them could join what they know, whatever their subjects are.
    pub(super) fn session(&self, client: &Client, session: SessionId) -> String {
        match (client.subject_type, client.sector()) {
            (SubjectType::Pairwise, Some(sector)) => self.name(&format!("session\n{sector}\n{session}")),
            (SubjectType::Pairwise, None) => self.name(&format!("session-client\n{}\n{session}", client.id)),
            (SubjectType::Public, _) => session.to_string(),
        }
    }

    /// A name of a session that no client is told.
    pub(super) fn browser_state(&self, session: SessionId) -> String {
        self.name(&format!("browser-state\n{session}"))
    }

    /// What proves that somebody is on the device of a session.
    #[cfg(feature = "draft-native-sso")]
    pub(super) fn device_secret(&self, session: SessionId) -> String {
        self.name(&format!("device-secret\n{session}"))
    }

    fn name(&self, message: &str) -> String {
        base64url::encode(self.key.authenticate(message.as_bytes()).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use ciam_core::memory;

    use super::*;

    fn client(id: &str, redirect_uri: &str) -> Client {
        Client::public(id.parse().unwrap()).with_redirect_uri(redirect_uri.parse().unwrap())
    }

    #[tokio::test]
    async fn subjects_are_stable_and_pairwise_by_sector() {
        let ports = memory::ports();
        let account = AccountId::generate(ports.clock(), ports.entropy()).unwrap();
        let (first, again) =
            (Subjects::load(&ports, false).await.unwrap(), Subjects::load(&ports, false).await.unwrap());
        let plain = client("a", "https://a.example/cb");
        let other = client("b", "https://b.example/cb");
        assert_eq!(first.subject(&plain, account), again.subject(&plain, account));
        assert_eq!(first.subject(&plain, account), first.subject(&other, account));
        assert_ne!(first.subject(&plain, account), account.to_string());

        let pairwise = |client: Client| client.with_subject_type(SubjectType::Pairwise);
        let (a, b) = (pairwise(plain.clone()), pairwise(other));
        assert_ne!(first.subject(&a, account), first.subject(&b, account));
        assert_ne!(first.subject(&a, account), first.subject(&plain, account));
        let same_sector = pairwise(client("c", "https://a.example/other"));
        assert_eq!(first.subject(&a, account), first.subject(&same_sector, account));
        let someone_else = AccountId::generate(ports.clock(), ports.entropy()).unwrap();
        assert_ne!(first.subject(&a, account), first.subject(&a, someone_else));
    }

    #[tokio::test]
    async fn the_name_of_a_session_joins_no_two_sectors() {
        let ports = memory::ports();
        let subjects = Subjects::load(&ports, false).await.unwrap();
        let session = SessionId::generate(ports.clock(), ports.entropy()).unwrap();
        let public = client("a", "https://a.example/cb");
        assert_eq!(subjects.session(&public, session), session.to_string());
        let pairwise = |id: &str, uri: &str| client(id, uri).with_subject_type(SubjectType::Pairwise);
        let (a, b) = (pairwise("a", "https://a.example/cb"), pairwise("b", "https://b.example/cb"));
        let same_sector = pairwise("c", "https://a.example/other");
        let name = subjects.session(&a, session);
        assert_eq!(name, subjects.session(&a, session));
        assert_eq!(name, subjects.session(&same_sector, session));
        assert_ne!(name, subjects.session(&b, session));
        assert_ne!(name, session.to_string());
        let another = SessionId::generate(ports.clock(), ports.entropy()).unwrap();
        assert_ne!(name, subjects.session(&a, another));
    }

    #[tokio::test]
    async fn internal_subjects_are_for_public_clients_only() {
        let ports = memory::ports();
        let account = AccountId::generate(ports.clock(), ports.entropy()).unwrap();
        let subjects = Subjects::load(&ports, true).await.unwrap();
        let app = client("a", "https://a.example/cb");
        assert_eq!(subjects.subject(&app, account), account.to_string());
        let pairwise = app.with_subject_type(SubjectType::Pairwise);
        assert_ne!(subjects.subject(&pairwise, account), account.to_string());
    }

    #[tokio::test]
    async fn another_tenant_has_other_subjects() {
        let (one, two) = (memory::ports(), memory::ports());
        let account = AccountId::generate(one.clock(), one.entropy()).unwrap();
        let app = client("a", "https://a.example/cb");
        let (one, two) =
            (Subjects::load(&one, false).await.unwrap(), Subjects::load(&two, false).await.unwrap());
        assert_ne!(one.subject(&app, account), two.subject(&app, account));
    }
}
