//! What a person agreed to: consents to purposes and applications, and terms. For the privacy pages and their API.

use ciam_core::{
    consent::{Consent, ConsentEntry, ConsentProof, purpose_recipient},
    error::PortError,
    id::AccountId,
    store::{PageRequest, StoredRecord as _, Versioned, load},
    terms::{Terms, TermsAcceptance, TermsVersion},
};
use ciam_oauth::{
    client::ClientId,
    grant::{Grant, RevocationReason},
};

use crate::{app::App, i18n::Language, import::PurposeEntry};

/// Who something was allowed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// The house itself, for a purpose.
    Purpose(String),
    /// An application.
    Client(ClientId),
    /// A service that speaks SAML, by its entity id.
    Service(String),
}

impl Recipient {
    /// The recipient of a consent; `None` for one of a kind that is not known here.
    pub fn of(recipient: &str) -> Option<Self> {
        match recipient.split_once(':')? {
            ("purpose", name) => Some(Self::Purpose(name.to_owned())),
            ("client", id) => id.parse().ok().map(Self::Client),
            (SAML, id) => Some(Self::Service(id.to_owned())),
            _ => None,
        }
    }

    /// As it is stored with the consent.
    pub fn text(&self) -> String {
        match self {
            Self::Purpose(name) => purpose_recipient(name),
            Self::Client(id) => id.consent_recipient(),
            Self::Service(id) => format!("{SAML}:{id}"),
        }
    }
}

/// A consent that holds now.
#[derive(Clone, Debug)]
pub struct Agreed {
    /// To whom.
    pub recipient: Recipient,
    /// What that is called.
    pub name: String,
    /// What it says.
    pub consent: Consent,
    /// How it was last given, where the history tells.
    pub proof: Option<ConsentEntry>,
}

impl App {
    /// The purposes for which people are asked, as the operator declared them.
    pub fn purposes(&self) -> impl Iterator<Item = &PurposeEntry> {
        self.config().imports.iter().flat_map(|it| &it.content().purposes)
    }

    /// A purpose by its name.
    pub fn purpose(&self, name: &str) -> Option<&PurposeEntry> {
        self.purposes().find(|it| it.id == name)
    }

    /// The purposes to which an account consents in words that have changed since.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn changed_purposes(&self, account: AccountId) -> Result<Vec<&PurposeEntry>, PortError> {
        let consents = self.services().consents();
        let mut changed = Vec::new();
        for purpose in self.purposes() {
            let consent = consents.to_purpose(account, &purpose.id).await?;
            if consent.is_some_and(|it| !it.is_to(&purpose.version)) {
                changed.push(purpose);
            }
        }
        Ok(changed)
    }

    /// What a recipient is called.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn name_of_recipient(
        &self,
        recipient: &Recipient,
        language: Language,
    ) -> Result<String, PortError> {
        match recipient {
            Recipient::Purpose(name) => {
                let known = self.purpose(name).map(|it| it.words(language).0.to_owned());
                Ok(known.unwrap_or_else(|| name.clone()))
            }
            Recipient::Client(id) => {
                let client = self.services().server.clients().get(id).await?;
                let name = client.and_then(|it| it.value.display.name);
                Ok(name.unwrap_or_else(|| id.as_str().to_owned()))
            }
            Recipient::Service(id) => {
                let service = self.services().saml.service(id);
                Ok(service.map_or_else(|| id.clone(), |it| it.name.clone()))
            }
        }
    }

    /// A part of what an account allows now, each with its proof, and where the list goes on.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn agreed(
        &self,
        account: AccountId,
        language: Language,
        request: PageRequest,
    ) -> Result<ciam_core::store::Page<Agreed>, PortError> {
        let page = self.services().consents().with_proofs(account, request).await?;
        let mut agreed = Vec::with_capacity(page.items.len());
        for (consent, proof) in page.items {
            let Some(recipient) = Recipient::of(&consent.recipient) else { continue };
            let name = self.name_of_recipient(&recipient, language).await?;
            agreed.push(Agreed { recipient, name, consent, proof });
        }
        Ok(ciam_core::store::Page::new(agreed, page.next))
    }

    /// Consents to a purpose in the words in which it was shown.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn allow_purpose(
        &self,
        account: AccountId,
        purpose: &PurposeEntry,
        language: Language,
        how: &str,
    ) -> Result<(), PortError> {
        let (title, text) = purpose.words(language);
        let shown = format!("{title}\n{text}");
        let proof = ConsentProof::new(how).shown(&purpose.version, language.code(), &shown);
        self.services().consents().set(account, &purpose.id, true, &proof).await
    }

    /// Takes a consent back; from an application everything that it was given with it. A service that speaks SAML has been
    /// given nothing that could be taken: it is told nothing more, and the next sign-in asks again.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn withdraw(
        &self,
        account: AccountId,
        recipient: &Recipient,
        how: &str,
    ) -> Result<bool, PortError> {
        // The consent first, so that nothing new is granted silently.
        let proof = ConsentProof::new(how);
        let was = self.services().consents().withdraw(account, &recipient.text(), &proof).await?;
        if let Recipient::Client(client) = recipient {
            self.revoke_grants(account, client).await?;
        }
        Ok(was)
    }

    /// The terms that an account accepted, the newest first, each with its version where that is still known, and whether it
    /// is the one in force.
    ///
    /// # Errors
    ///
    /// The store fails.
    pub async fn accepted_terms(
        &self,
        account: AccountId,
    ) -> Result<Vec<(TermsAcceptance, Option<TermsVersion>)>, PortError> {
        let terms = Terms::new(self.ports().clone());
        let catalogue = terms.catalogue().await?;
        let mut accepted = terms.accepted(account).await?;
        accepted.sort_by_key(|it| std::cmp::Reverse(it.accepted_at));
        let with_version = |it: TermsAcceptance| {
            let version = catalogue.version(&it.document, &it.version).cloned();
            (it, version)
        };
        Ok(accepted.into_iter().map(with_version).collect())
    }

    async fn revoke_grants(&self, account: AccountId, client: &ClientId) -> Result<(), PortError> {
        let store = self.ports().store();
        let mut request = PageRequest::first(PAGE);
        loop {
            let found = store.records_by(Grant::KIND, "account", &account.to_string(), request).await?;
            for record in found.items {
                let grant: Grant = record.value.decode()?;
                if grant.client == *client && grant.is_active(self.ports().now()) {
                    self.revoke_grant(Versioned::new(grant, record.version)).await?;
                }
            }
            match found.next {
                Some(next) => request = PageRequest::after(next, PAGE),
                None => return Ok(()),
            }
        }
    }

    /// A refresh at the same moment moves the version; revocation must win, so it reads again.
    async fn revoke_grant(&self, mut read: Versioned<Grant>) -> Result<(), PortError> {
        use ciam_core::store::{Batch, EntityRef};
        let key = read.value.key();
        for _ in 0..RACES {
            let revoked = read.value.revoke(self.ports().now(), RevocationReason::Person);
            let batch = Batch::new()
                .require_version(EntityRef::record::<Grant>(key.as_str()), read.version)
                .put(&revoked)?;
            if self.ports().store().commit(batch).await?.is_applied() {
                return Ok(());
            }
            match load(self.ports().store(), &key).await? {
                Some(again) => read = again,
                None => return Ok(()),
            }
        }
        Err(PortError::transient("a grant kept changing"))
    }
}

/// How recipients begin that are services.
const SAML: &str = "saml";
const PAGE: u32 = 100;
const RACES: usize = 8;
