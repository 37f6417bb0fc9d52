//! The registered clients.

use std::sync::Arc;

use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::ports::Ports;
#[cfg(feature = "draft-client-documents")]
use ciam_core::store::Version;
use ciam_core::store::{
    Batch, Commit, DecodedRecords, EntityRef, Page, PageRequest, StoredRecord, Versioned, Write,
};
use ciam_core::vault::SealScope;
use time::{Duration, OffsetDateTime};

use super::authentication::{AuthMethod, ClientAuthentication, ClientSecret, SECRET_PURPOSE, SecretDigest};
use super::check::{ClientProblem, Supported};
use super::id::ClientId;
use super::model::Client;
#[cfg(feature = "draft-client-documents")]
use crate::client_document::{ClientDocuments, Documents};
use crate::confirmation::JwkThumbprint;
use crate::event;

/// The registered clients of a tenant: read, registered, changed and removed here. There is no other way into the store, so
/// nothing is stored unchecked.
#[derive(Clone, Debug)]
pub struct Clients {
    ports: Ports,
    supported: Arc<Supported>,
    decoded: Arc<DecodedRecords<Client>>,
    #[cfg(feature = "draft-client-documents")]
    documents: Option<Documents>,
}

impl Clients {
    pub(crate) fn new(ports: Ports, supported: Supported, kept_decoded: usize) -> Self {
        Self {
            ports,
            supported: Arc::new(supported),
            decoded: Arc::new(DecodedRecords::new(kept_decoded)),
            #[cfg(feature = "draft-client-documents")]
            documents: None,
        }
    }

    /// Knows clients by their documents too.
    #[cfg(feature = "draft-client-documents")]
    pub(crate) fn with_documents(mut self, settings: Option<ClientDocuments>) -> Self {
        self.documents = settings.map(Documents::new);
        self
    }

    /// Whether clients are known by their documents.
    #[cfg(feature = "draft-client-documents")]
    pub(crate) const fn have_documents(&self) -> bool {
        self.documents.is_some()
    }

    /// The client with this id and its version, to be changed: the registered one, or with the feature `draft-client-documents`
    /// and where it is turned on the one that is published at the address that the id is.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn get(&self, id: &ClientId) -> Result<Option<Versioned<Client>>, PortError> {
        Ok(self.versioned(id).await?.map(|found| found.map(Arc::unwrap_or_clone)))
    }

    /// The client with this id, to be looked at: as [`get`](Self::get) it is read from the store, but decoded only when it has
    /// changed.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn find(&self, id: &ClientId) -> Result<Option<Arc<Client>>, PortError> {
        Ok(self.versioned(id).await?.map(|found| found.value))
    }

    async fn versioned(&self, id: &ClientId) -> Result<Option<Versioned<Arc<Client>>>, PortError> {
        let stored = self.decoded.load(self.ports.store(), id.as_str()).await?;
        #[cfg(feature = "draft-client-documents")]
        if stored.is_none()
            && let Some(documents) = &self.documents
        {
            let published = documents.client(&self.ports, &self.supported, id).await?;
            return Ok(published.map(|client| Versioned::new(Arc::new(client), Version::FIRST)));
        }
        Ok(stored)
    }

    /// The clients, by id, in pages.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn list(&self, page: PageRequest) -> Result<Page<Client>, PortError> {
        let found = self.ports.store().records(Client::KIND, page).await?;
        let clients =
            found.items.iter().map(|record| record.value.decode()).collect::<Result<Vec<Client>, _>>()?;
        Ok(Page::new(clients, found.next))
    }

    /// Checks a registration against itself and against what the server supports, without storing it: to refuse a list of
    /// clients before the first of them is written.
    ///
    /// # Errors
    ///
    /// Fails with the first rule that the registration breaks.
    pub fn check(&self, client: &Client) -> Result<(), ClientProblem> {
        client.check(&self.supported, self.ports.crypto())
    }

    /// Registers a new client.
    ///
    /// # Errors
    ///
    /// Fails when the registration is refused, when the id is taken, or when the store fails.
    pub async fn register(&self, client: Client) -> Result<Client, ClientsError> {
        self.check(&client)?;
        let now = self.ports.now();
        let client = Client { created_at: now, updated_at: now, ..client };
        let batch = Batch::new()
            .require_absent(entity(&client.id))
            .put(&client)
            .map_err(PortError::from)?
            .event(self.event(event::CLIENT_REGISTERED, &client.id)?);
        match self.ports.store().commit(batch).await? {
            Commit::Applied => Ok(client),
            Commit::Conflict(_) => Err(ClientsError::Taken),
        }
    }

    /// Replaces a client that is still as it was read.
    ///
    /// # Errors
    ///
    /// Fails when the registration is refused, when the client was changed or removed meanwhile, or when the store fails.
    pub async fn update(&self, read: &Versioned<Client>, next: Client) -> Result<Client, ClientsError> {
        if next.id != read.value.id {
            return Err(ClientsError::Changed);
        }
        self.check(&next)?;
        let next = Client { created_at: read.value.created_at, updated_at: self.ports.now(), ..next };
        let batch = Batch::new()
            .require_version(entity(&next.id), read.version)
            .put(&next)
            .map_err(PortError::from)?
            .event(self.event(event::CLIENT_UPDATED, &next.id)?);
        match self.ports.store().commit(batch).await? {
            Commit::Applied => Ok(next),
            Commit::Conflict(_) => Err(ClientsError::Changed),
        }
    }

    /// Registers a client, or makes the registered one equal to it: the same call twice changes nothing.
    ///
    /// # Errors
    ///
    /// Fails when the registration is refused, when somebody else keeps changing the client, or when the store fails.
    pub async fn put(&self, client: Client) -> Result<Put, ClientsError> {
        for _ in 0..PUT_ATTEMPTS {
            let attempt = match self.get(&client.id).await? {
                None => self.register(client.clone()).await.map(|_| Put::Registered),
                Some(found) if same_registration(&found.value, &client) => {
                    self.check(&client)?;
                    Ok(Put::Unchanged)
                }
                Some(found) => self.update(&found, client.clone()).await.map(|_| Put::Updated),
            };
            match attempt {
                Err(ClientsError::Taken | ClientsError::Changed) => {}
                settled => return settled,
            }
        }
        Err(ClientsError::Changed)
    }

    /// Gives a client a new secret; the present one is accepted for `overlap` more, but for `client_secret_jwt`.
    ///
    /// The secret is returned once and stored as a digest.
    ///
    /// # Errors
    ///
    /// Fails when there is no such client, when it does not authenticate with a secret, when it was changed meanwhile, or
    /// when a port fails.
    pub async fn rotate_secret(
        &self,
        id: &ClientId,
        overlap: Duration,
    ) -> Result<ClientSecret, ClientsError> {
        let read = self.get(id).await?.ok_or(ClientsError::NotFound)?;
        let secret = ClientSecret::generate(self.ports.entropy())?;
        let mut next = read.value.clone();
        let until = self.ports.now() + overlap;
        match &mut next.authentication {
            ClientAuthentication::ClientSecretBasic { secrets }
            | ClientAuthentication::ClientSecretPost { secrets } => {
                let newest = secrets.first().copied();
                let ending = newest.map(|present| present.with_expiry(earlier(present.expires_at, until)));
                *secrets = std::iter::once(SecretDigest::new(secret.digest())).chain(ending).collect();
            }
            ClientAuthentication::ClientSecretJwt { secret: sealed, .. } => {
                // The old one ends at once: an assertion does not say which of two secrets it was made with.
                let scope = SealScope::Tenant;
                let made = secret.expose().as_bytes();
                *sealed = self.ports.vault().seal(&scope, SECRET_PURPOSE, made).await?;
            }
            _ => return Err(ClientsError::NoSecret),
        }
        self.update(&read, next).await?;
        Ok(secret)
    }

    /// Removes a client; one that is not there is fine. Its codes and tokens stop working with it.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn delete(&self, id: &ClientId) -> Result<(), PortError> {
        if self.get(id).await?.is_none() {
            return Ok(());
        }
        let batch = Batch::new()
            .write(Write::DeleteRecord(Client::KIND, id.as_str().to_owned()))
            .event(self.event(event::CLIENT_DELETED, id)?);
        // Without a precondition there is nothing to conflict with.
        let _applied = self.ports.store().commit(batch).await?;
        Ok(())
    }

    fn event(&self, event_type: EventType, id: &ClientId) -> Result<Event, PortError> {
        Event::new(&self.ports, event_type, id.event_subject())
    }
}

const PUT_ATTEMPTS: usize = 4;

fn entity(id: &ClientId) -> EntityRef {
    EntityRef::record::<Client>(id.as_str())
}

fn earlier(known: Option<OffsetDateTime>, other: OffsetDateTime) -> OffsetDateTime {
    known.map_or(other, |known| known.min(other))
}

fn same_registration(stored: &Client, wanted: &Client) -> bool {
    let dated = Client { created_at: stored.created_at, updated_at: stored.updated_at, ..wanted.clone() };
    dated == *stored
}

/// What [`Clients::put`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Put {
    /// The client is new.
    Registered,
    /// The client was there and was changed.
    Updated,
    /// The client was there as it should be.
    Unchanged,
}

/// A client could not be registered, changed or removed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientsError {
    /// The registration is refused.
    #[error("the registration is refused")]
    Problem(#[from] ClientProblem),
    /// The id is taken.
    #[error("there is already a client with this id")]
    Taken,
    /// There is no such client.
    #[error("there is no client with this id")]
    NotFound,
    /// The client was changed or removed meanwhile.
    #[error("the client was changed meanwhile")]
    Changed,
    /// The client does not authenticate with a secret.
    #[error("the client does not authenticate with a secret")]
    NoSecret,
    /// A port failed.
    #[error("the clients cannot be read or written")]
    Port(#[from] PortError),
}

/// A client that proved that it is itself; a public one only named itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuthenticatedClient {
    /// The client.
    pub client: Arc<Client>,
    /// How it authenticated: the method that it is registered for.
    pub method: AuthMethod,
    /// The key of the instance of the client, where somebody attested it: what the instance is given is bound to it.
    pub instance: Option<JwkThumbprint>,
}

impl AuthenticatedClient {
    /// A client that authenticated by its registered method.
    #[must_use]
    pub fn new(client: Arc<Client>) -> Self {
        let method = client.authentication.method();
        Self { client, method, instance: None }
    }

    /// Sets the attested key of the client's instance.
    #[must_use]
    pub const fn with_instance(mut self, key: JwkThumbprint) -> Self {
        self.instance = Some(key);
        self
    }
}
