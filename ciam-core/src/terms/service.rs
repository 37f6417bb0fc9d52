//! Publishing and accepting terms.

use super::model::{BY_ACCOUNT, DocumentName, TermsCatalogue, TermsVersion};
use super::rule::{TermsDue, due};
use super::{AcceptedHow, TermsAcceptance};
use crate::account::event_subject;
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::AccountId;
use crate::ports::Ports;
use crate::store::{self, Batch, Commit, EntityRef, Page, PageRequest, StoredRecord as _, Version};

/// The terms of one tenant.
#[derive(Clone, Debug)]
pub struct Terms {
    ports: Ports,
}

impl Terms {
    /// How many acceptances of one account are looked at: more than there are versions.
    const MAX_ACCEPTANCES: u32 = 512;

    /// The terms of a tenant.
    #[must_use]
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// Every version that was published.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn catalogue(&self) -> Result<TermsCatalogue, PortError> {
        Ok(self.load().await?.0)
    }

    /// Publishes a version. It counts from its date on; publish it before.
    ///
    /// # Errors
    ///
    /// Fails when the document has a version of this name, when a limit is passed, and when the store fails.
    pub async fn publish(&self, version: TermsVersion, by: &Actor) -> Result<(), PublishTermsError> {
        let length = version.version.chars().count();
        if !(1..=TermsVersion::MAX_VERSION_LENGTH).contains(&length)
            || version.version.contains('|')
            || version.texts.len() > TermsVersion::MAX_TEXTS
        {
            return Err(PublishTermsError::Invalid);
        }
        let (catalogue, stored) = self.load().await?;
        if catalogue.version(&version.document, &version.version).is_some() {
            return Err(PublishTermsError::Published);
        }
        if catalogue.versions().len() >= TermsCatalogue::MAX_VERSIONS {
            return Err(PublishTermsError::TooMany);
        }
        let event =
            Event::new(&self.ports, EventType::TERMS_PUBLISHED, format!("terms:{}", version.document))?
                .with("version", version.version.as_str())
                .by(by);
        let entity = EntityRef::record::<TermsCatalogue>(TermsCatalogue::KEY);
        let batch = match stored {
            Some(version) => Batch::new().require_version(entity, version),
            None => Batch::new().require_absent(entity),
        };
        let batch = batch.put(&catalogue.with(version)).map_err(PortError::from)?.event(event);
        match self.ports.store().commit(batch).await? {
            Commit::Applied => Ok(()),
            Commit::Conflict(_) => Err(PublishTermsError::Changed),
        }
    }

    /// What an account is to accept now. Two reads; one while there are no terms.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn due(&self, account: AccountId) -> Result<Vec<TermsDue>, PortError> {
        let catalogue = self.catalogue().await?;
        if catalogue.versions().is_empty() {
            return Ok(Vec::new());
        }
        let accepted = self.accepted(account).await?;
        Ok(due(&catalogue, &accepted, self.ports.now()))
    }

    /// What a person who makes an account is to accept.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn due_at_sign_up(&self) -> Result<Vec<TermsDue>, PortError> {
        Ok(due(&self.catalogue().await?, &[], self.ports.now()))
    }

    /// What an account accepted, in no order of time.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn accepted(&self, account: AccountId) -> Result<Vec<TermsAcceptance>, PortError> {
        let page = PageRequest::first(Self::MAX_ACCEPTANCES);
        let store = self.ports.store();
        let found: Page<_> =
            store.records_by(TermsAcceptance::KIND, BY_ACCOUNT.name(), &account.to_string(), page).await?;
        let decoded = found.items.into_iter().map(|found| found.value.decode());
        Ok(decoded.collect::<Result<_, _>>()?)
    }

    /// Adds to a batch that an account accepts versions: for an account that is made in the same batch. `languages` are
    /// those in which the texts were shown, best first.
    ///
    /// # Errors
    ///
    /// Fails when the entropy source does.
    pub fn accept_in(
        &self,
        mut batch: Batch,
        account: AccountId,
        versions: &[TermsVersion],
        languages: &[String],
        how: AcceptedHow,
    ) -> Result<Batch, PortError> {
        for version in versions {
            let acceptance = self.acceptance(account, version, languages, how);
            let event = self.accepted_event(&acceptance)?;
            batch = batch.put(&acceptance)?.event(event);
        }
        Ok(batch)
    }

    /// Stores that an account accepts a version, by its name. What was accepted already stays as it was.
    ///
    /// # Errors
    ///
    /// Fails when there is no such version, and when the store fails.
    pub async fn accept(
        &self,
        account: AccountId,
        document: &DocumentName,
        version: &str,
        languages: &[String],
        how: AcceptedHow,
    ) -> Result<(), AcceptTermsError> {
        let catalogue = self.catalogue().await?;
        let version = catalogue.version(document, version).ok_or(AcceptTermsError::Unknown)?;
        let acceptance = self.acceptance(account, version, languages, how);
        let event = self.accepted_event(&acceptance)?;
        let entity = EntityRef::record::<TermsAcceptance>(acceptance.key());
        let batch =
            Batch::new().require_absent(entity).put(&acceptance).map_err(PortError::from)?.event(event);
        // A conflict means that it is accepted already: the first acceptance is the one that counts.
        let _first = self.ports.store().commit(batch).await?;
        Ok(())
    }

    fn acceptance(
        &self,
        account: AccountId,
        version: &TermsVersion,
        languages: &[String],
        how: AcceptedHow,
    ) -> TermsAcceptance {
        let shown = version.text_for(languages);
        TermsAcceptance {
            account,
            document: version.document.clone(),
            version: version.version.clone(),
            locale: shown.map(|(locale, _)| locale.to_owned()),
            digest: shown.map(|(_, text)| text.digest),
            how,
            accepted_at: self.ports.now(),
        }
    }

    fn accepted_event(&self, acceptance: &TermsAcceptance) -> Result<Event, PortError> {
        let event = Event::new(&self.ports, EventType::TERMS_ACCEPTED, event_subject(acceptance.account))?;
        Ok(event
            .with("document", acceptance.document.as_str())
            .with("version", acceptance.version.as_str())
            .with("locale", acceptance.locale.clone())
            .with("digest", acceptance.digest.map(|digest| digest.to_text()))
            .with("how", acceptance.how.as_str()))
    }

    async fn load(&self) -> Result<(TermsCatalogue, Option<Version>), PortError> {
        let found = store::load::<TermsCatalogue>(self.ports.store(), TermsCatalogue::KEY).await?;
        Ok(found.map_or_else(Default::default, |found| (found.value, Some(found.version))))
    }
}

/// A version was not published.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishTermsError {
    /// The document has a version of this name already. A version is never changed.
    #[error("the document has a version of this name")]
    Published,
    /// The version's name is empty, too long or contains `|`, or there are too many texts.
    #[error("the version is not well-formed")]
    Invalid,
    /// There are [`TermsCatalogue::MAX_VERSIONS`] already.
    #[error("there are too many versions")]
    TooMany,
    /// Somebody else published at the same moment: look again.
    #[error("the terms were changed at the same moment")]
    Changed,
    /// A port failed.
    #[error("the version cannot be stored")]
    Port(#[from] PortError),
}

/// A version was not accepted.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptTermsError {
    /// There is no such version.
    #[error("there is no such version of the document")]
    Unknown,
    /// A port failed.
    #[error("the acceptance cannot be stored")]
    Port(#[from] PortError),
}
