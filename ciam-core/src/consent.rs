//! Consent: what a person allowed, to whom, when, and what they were shown.
//!
//! A [`Consent`] is what holds now, to a client or to a purpose of the host; a [`ConsentEntry`] is one step of how it came to
//! that, with the proof. [`Consents`] gives and withdraws consents to purposes; clients get theirs in the authorization flow.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::account::event_subject;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::{AccountId, ConsentId};
use crate::ports::Ports;
use crate::secret::TokenDigest;
use crate::store::{
    Batch, EntityRef, IndexDeclaration, IndexValue, Page, PageRequest, RecordKind, StoredRecord, Versioned,
    Write, load,
};

/// The consent of an account to one recipient (a client, a purpose): one record, replaced as it grows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Consent {
    /// Who consented.
    pub account: AccountId,
    /// To whom: `client:<client id>`, or a purpose of the host.
    pub recipient: String,
    /// What was allowed: scope values, and `<resource> <scope>` pairs where a resource was named.
    pub allowed: BTreeSet<String>,
    /// The version of the text to which it was given, where texts have versions.
    #[serde(default)]
    pub version: Option<String>,
    /// When it was first given.
    #[serde(with = "time::serde::rfc3339")]
    pub given_at: OffsetDateTime,
    /// When it was last extended.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// One step of a consent's history: given, extended, reduced or withdrawn. Written once, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConsentEntry {
    /// The id.
    pub id: ConsentId,
    /// Who.
    pub account: AccountId,
    /// To whom: `client:<client id>`, or `purpose:<name>`.
    pub recipient: String,
    /// What is allowed from now on; nothing after a withdrawal.
    pub allowed: BTreeSet<String>,
    /// What the person was shown, and how they answered.
    pub proof: ConsentProof,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

impl StoredRecord for ConsentEntry {
    const KIND: RecordKind = RecordKind::new("core.consent_entry", &[BY_ACCOUNT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(BY_ACCOUNT, self.account.to_string())]
    }
}

/// The proof of a consent: what the person was shown, and how they answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConsentProof {
    /// The version of the text.
    pub version: Option<String>,
    /// In which language it was shown, as a BCP 47 tag.
    pub locale: Option<String>,
    /// The SHA-256 digest of what was shown, in UTF-8.
    pub digest: Option<TokenDigest>,
    /// How they answered, as a code of the host: `consent_page`, `account_page`, `api`.
    pub how: String,
}

impl ConsentProof {
    /// A proof that says only how the person answered.
    #[must_use]
    pub fn new(how: impl Into<String>) -> Self {
        Self { version: None, locale: None, digest: None, how: how.into() }
    }

    /// Sets what was shown.
    #[must_use]
    pub fn shown(mut self, version: &str, locale: &str, text: &str) -> Self {
        self.version = Some(version.to_owned());
        self.locale = Some(locale.to_owned());
        self.digest = Some(TokenDigest::of(text));
        self
    }
}

/// The recipient of a consent to a purpose of the host, such as `newsletter`.
#[must_use]
pub fn purpose_recipient(purpose: &str) -> String {
    format!("purpose:{purpose}")
}

impl Consent {
    /// Adds to a batch that this is the consent from now on, with its entry in the history. The caller adds the event and
    /// requires what it decided on.
    ///
    /// # Errors
    ///
    /// Fails when the entropy source does.
    pub fn write_to(&self, batch: Batch, ports: &Ports, proof: ConsentProof) -> Result<Batch, PortError> {
        Ok(batch.put(&self.entry(self.allowed.clone(), ports, proof)?)?.put(self)?)
    }

    /// Adds to a batch that this consent is withdrawn: the record goes, the history stays and says so with an entry that
    /// allows nothing. The caller adds the event and requires what it decided on.
    ///
    /// # Errors
    ///
    /// Fails when the entropy source does.
    pub fn withdraw_in(&self, batch: Batch, ports: &Ports, proof: ConsentProof) -> Result<Batch, PortError> {
        let batch = batch.put(&self.entry(BTreeSet::new(), ports, proof)?)?;
        Ok(batch.write(Write::DeleteRecord(Self::KIND, self.key())))
    }

    fn entry(
        &self,
        allowed: BTreeSet<String>,
        ports: &Ports,
        proof: ConsentProof,
    ) -> Result<ConsentEntry, PortError> {
        Ok(ConsentEntry {
            id: ConsentId::generate(ports.clock(), ports.entropy())?,
            account: self.account,
            recipient: self.recipient.clone(),
            allowed,
            proof,
            at: ports.now(),
        })
    }
}

/// Consents of a tenant's people to purposes of the host, and the history of all of theirs.
#[derive(Clone, Debug)]
pub struct Consents {
    ports: Ports,
}

impl Consents {
    const MAX_RACES: usize = 8;

    /// The consents of a tenant.
    #[must_use]
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// The consents that an account has given and not withdrawn, by recipient.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn of(&self, account: AccountId, page: PageRequest) -> Result<Page<Consent>, PortError> {
        let (store, owner) = (self.ports.store(), account.to_string());
        let found = store.records_by(Consent::KIND, BY_ACCOUNT.name(), &owner, page).await?;
        let items = found.items.into_iter().map(|found| found.value.decode()).collect::<Result<_, _>>()?;
        Ok(Page::new(items, found.next))
    }

    /// What an account has consented to and withdrawn, oldest first.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn history(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<ConsentEntry>, PortError> {
        let (store, owner) = (self.ports.store(), account.to_string());
        let found = store.records_by(ConsentEntry::KIND, BY_ACCOUNT.name(), &owner, page).await?;
        let items = found.items.into_iter().map(|found| found.value.decode()).collect::<Result<_, _>>()?;
        Ok(Page::new(items, found.next))
    }

    /// The consents of an account as [`of`](Self::of), each with the entry of its history that made it what it is. Reads the
    /// whole history.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn with_proofs(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<(Consent, Option<ConsentEntry>)>, PortError> {
        let current = self.of(account, page).await?;
        let mut newest: BTreeMap<String, ConsentEntry> = BTreeMap::new();
        let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let page = self.history(account, request).await?;
            newest.extend(page.items.into_iter().map(|entry| (entry.recipient.clone(), entry)));
            match page.next {
                Some(next) => request = PageRequest::after(next, PageRequest::MAX_LIMIT),
                None => break,
            }
        }
        Ok(current.map(|consent| {
            let entry = newest.remove(&consent.recipient);
            (consent, entry)
        }))
    }

    /// Takes back everything that an account allowed to a recipient, a purpose or a client; tells whether there was anything.
    /// What the recipient holds already, such as tokens, is for its own crate to revoke.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn withdraw(
        &self,
        account: AccountId,
        recipient: &str,
        proof: &ConsentProof,
    ) -> Result<bool, PortError> {
        let key = Consent::record_key(account, recipient);
        for _ in 0..Self::MAX_RACES {
            let Some(stored) = load::<Consent>(self.ports.store(), &key).await? else { return Ok(false) };
            let entity = EntityRef::record::<Consent>(key.clone());
            let batch = Batch::new().require_version(entity, stored.version);
            let event = Event::new(&self.ports, EventType::CONSENT_WITHDRAWN, event_subject(account))?;
            let batch = stored.value.withdraw_in(batch, &self.ports, proof.clone())?;
            let batch = batch.event(event.with("recipient", recipient));
            if self.ports.store().commit(batch).await?.is_applied() {
                return Ok(true);
            }
        }
        Err(PortError::transient("the consent was changed again and again"))
    }

    /// Whether an account consents to a purpose, in whichever version of its text.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn has(&self, account: AccountId, purpose: &str) -> Result<bool, PortError> {
        Ok(self.to_purpose(account, purpose).await?.is_some())
    }

    /// Whether an account consents to a purpose in this version of its text. What was said to another text says nothing about
    /// this one: ask again, and until there is an answer do what the older text allows and no more.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn holds(&self, account: AccountId, purpose: &str, version: &str) -> Result<bool, PortError> {
        let consent = self.to_purpose(account, purpose).await?;
        Ok(consent.is_some_and(|it| it.is_to(version)))
    }

    /// The consent of an account to a purpose, where there is one.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn to_purpose(&self, account: AccountId, purpose: &str) -> Result<Option<Consent>, PortError> {
        let key = Consent::record_key(account, &purpose_recipient(purpose));
        Ok(load::<Consent>(self.ports.store(), &key).await?.map(|found| found.value))
    }

    /// Stores that an account consents to a purpose, or does not any more. What is so already changes nothing; a consent to
    /// another version of the text than the proof shows is given anew.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn set(
        &self,
        account: AccountId,
        purpose: &str,
        given: bool,
        proof: &ConsentProof,
    ) -> Result<(), PortError> {
        let recipient = purpose_recipient(purpose);
        let key = Consent::record_key(account, &recipient);
        for _ in 0..Self::MAX_RACES {
            let stored = load::<Consent>(self.ports.store(), &key).await?;
            let entity = EntityRef::record::<Consent>(key.clone());
            let same = |stored: &Versioned<Consent>| stored.value.version == proof.version;
            let batch = match (&stored, given) {
                (None, false) => return Ok(()),
                (Some(stored), true) if same(stored) => return Ok(()),
                (Some(stored), _) => Batch::new().require_version(entity, stored.version),
                (None, true) => Batch::new().require_absent(entity),
            };
            let allowed = BTreeSet::from([purpose.to_owned()]);
            let mut consent = Consent::new(account, recipient.clone(), allowed, self.ports.now());
            consent.version.clone_from(&proof.version);
            if let Some(stored) = stored {
                consent.given_at = stored.value.given_at;
            }
            let (batch, kind) = if given {
                (consent.write_to(batch, &self.ports, proof.clone())?, EventType::CONSENT_GIVEN)
            } else {
                (consent.withdraw_in(batch, &self.ports, proof.clone())?, EventType::CONSENT_WITHDRAWN)
            };
            let event = Event::new(&self.ports, kind, event_subject(account))?.with("purpose", purpose);
            let batch = batch.event(event.with("version", consent.version.filter(|_| given)));
            if self.ports.store().commit(batch).await?.is_applied() {
                return Ok(());
            }
        }
        Err(PortError::transient("the consent was changed again and again"))
    }
}

const BY_ACCOUNT: IndexDeclaration = IndexDeclaration::many("account");
const BY_RECIPIENT: IndexDeclaration = IndexDeclaration::many("recipient");

impl Consent {
    /// A consent given now.
    #[must_use]
    pub fn new(
        account: AccountId,
        recipient: impl Into<String>,
        allowed: BTreeSet<String>,
        now: OffsetDateTime,
    ) -> Self {
        Self { account, recipient: recipient.into(), allowed, version: None, given_at: now, updated_at: now }
    }

    /// Whether it was given to this version of the text.
    #[must_use]
    pub fn is_to(&self, version: &str) -> bool {
        self.version.as_deref() == Some(version)
    }

    /// The record key of an account's consent to a recipient.
    #[must_use]
    pub fn record_key(account: AccountId, recipient: &str) -> String {
        format!("{account}|{recipient}")
    }

    /// Whether everything wanted is allowed.
    pub fn covers<'a>(&self, wanted: impl IntoIterator<Item = &'a str>) -> bool {
        wanted.into_iter().all(|item| self.allowed.contains(item))
    }
}

impl StoredRecord for Consent {
    const KIND: RecordKind = RecordKind::new("core.consent", &[BY_ACCOUNT, BY_RECIPIENT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::record_key(self.account, &self.recipient)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![
            IndexValue::new(BY_ACCOUNT, self.account.to_string()),
            IndexValue::new(BY_RECIPIENT, self.recipient.clone()),
        ]
    }
}
