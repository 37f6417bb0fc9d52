//! Appending and reading.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::lock::Mutex;

use super::entry::{AuditEntry, AuditHead, BY_SUBJECT, Checkpoint};
use super::recent::RecentEntry;
use crate::error::PortError;
use crate::event::Event;
use crate::jose::{AlgorithmSet, JwsError, KeySet, SignError, Signer, TokenType, Verifier, sign};
use crate::ports::Ports;
use crate::relay::EventSink;
use crate::store::{
    Batch, Commit, Conflict, EntityRef, Page, PageRequest, StoredRecord as _, Version, Versioned, load,
};

/// The audit log of one tenant.
#[derive(Clone, Debug)]
pub struct AuditLog {
    pub(super) ports: Ports,
    /// One at a time in this process, so that only nodes contend for the head.
    turn: Arc<Mutex<()>>,
}

impl AuditLog {
    /// How often an entry is tried again behind what other nodes appended.
    const MAX_RACES: usize = 64;

    /// The log of a tenant.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self { ports, turn: Arc::default() }
    }

    /// Appends an event; one that is in the log already is left as it is.
    ///
    /// # Errors
    ///
    /// Fails when the store does; transiently when other nodes were faster again and again.
    pub async fn append(&self, event: &Event) -> Result<(), PortError> {
        let _turn = self.turn.lock().await;
        for _ in 0..Self::MAX_RACES {
            let (head, version) = self.stored_head().await?;
            let entry = AuditEntry::of(self.ports.tenant(), &head, event);
            let entity = EntityRef::record::<AuditHead>(AuditHead::KEY);
            let batch = match version {
                Some(version) => Batch::new().require_version(entity, version),
                None => Batch::new().require_absent(entity),
            };
            let batch = batch
                .require_absent(EntityRef::record::<AuditEntry>(entry.key()))
                .put(&entry)?
                .put(&RecentEntry::of(&entry))?
                .put(&AuditHead { sequence: entry.sequence, digest: entry.digest })?;
            match self.ports.store().commit(batch).await? {
                // The only unique thing in it is the event's id.
                Commit::Applied | Commit::Conflict(Conflict::Unique(_)) => return Ok(()),
                Commit::Conflict(Conflict::Precondition(_)) => {}
            }
        }
        Err(PortError::transient("others appended to the audit log again and again"))
    }

    /// The end of the chain, as it is stored.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn head(&self) -> Result<AuditHead, PortError> {
        Ok(self.stored_head().await?.0)
    }

    /// The entries, in order.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or when an entry is damaged.
    pub async fn entries(&self, request: PageRequest) -> Result<Page<AuditEntry>, PortError> {
        let page = self.ports.store().records(AuditEntry::KIND, request).await?;
        let items = page.items.into_iter().map(|found| found.value.decode()).collect::<Result<_, _>>()?;
        Ok(Page::new(items, page.next))
    }

    /// The entries about a subject, such as `account:<id>`, in order; [`latest_about`](Self::latest_about) begins at the newest.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or when an entry is damaged.
    pub async fn entries_about(
        &self,
        subject: &str,
        request: PageRequest,
    ) -> Result<Page<AuditEntry>, PortError> {
        let (store, index) = (self.ports.store(), BY_SUBJECT.name());
        let page = store.records_by(AuditEntry::KIND, index, subject, request).await?;
        let items = page.items.into_iter().map(|found| found.value.decode()).collect::<Result<_, _>>()?;
        Ok(Page::new(items, page.next))
    }

    /// Signs the end of the chain. Keep the result where whoever can write to the database cannot.
    ///
    /// # Errors
    ///
    /// Fails when the store or the signer does.
    pub async fn checkpoint(&self, signer: &dyn Signer) -> Result<String, SignError> {
        let head = self.head().await?;
        let checkpoint = Checkpoint {
            tenant: self.ports.tenant(),
            sequence: head.sequence,
            digest: head.digest,
            iat: self.ports.now().unix_timestamp(),
        };
        sign(signer, Checkpoint::TYPE, &checkpoint).await
    }

    /// Opens a checkpoint: what it says, if one of these keys signed it.
    ///
    /// # Errors
    ///
    /// Fails when it was not signed by one of the keys, or is of another tenant.
    pub fn open_checkpoint(
        &self,
        token: &str,
        algorithms: AlgorithmSet,
        keys: &KeySet,
    ) -> Result<AuditHead, JwsError> {
        let verifier = Verifier::new(algorithms, TokenType::exactly(Checkpoint::TYPE));
        let checkpoint: Checkpoint = verifier.verify(token, keys)?.claims()?;
        if checkpoint.tenant == self.ports.tenant() {
            Ok(checkpoint.head())
        } else {
            Err(JwsError::WrongType)
        }
    }

    async fn stored_head(&self) -> Result<(AuditHead, Option<Version>), PortError> {
        let found: Option<Versioned<AuditHead>> = load(self.ports.store(), AuditHead::KEY).await?;
        let empty = || (AuditHead::empty(self.ports.tenant()), None);
        Ok(found.map_or_else(empty, |found| (found.value, Some(found.version))))
    }
}

#[async_trait]
impl EventSink for AuditLog {
    fn name(&self) -> &str {
        "core.audit"
    }

    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        self.append(event).await
    }
}
