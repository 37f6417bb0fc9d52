//! Versions of documents, and acceptances of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::id::AccountId;
use crate::secret::TokenDigest;
use crate::store::{IndexDeclaration, IndexValue, RecordKind, StoredRecord};

/// The name of a document: 1 to 64 lower-case letters, digits, `-` and `_`, such as `terms-of-service`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentName(String);

impl DocumentName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// Fails when the text is not of the form.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidDocumentName> {
        let text = text.into();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(InvalidDocumentName)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for DocumentName {
    type Error = InvalidDocumentName;

    fn try_from(text: String) -> Result<Self, InvalidDocumentName> {
        Self::new(text)
    }
}

impl From<DocumentName> for String {
    fn from(name: DocumentName) -> Self {
        name.0
    }
}

/// The text is not the name of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a document name has 1 to 64 lower-case letters, digits, `-` and `_`")]
#[non_exhaustive]
pub struct InvalidDocumentName;

/// One version of a document. Once published it is not changed: a correction is a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TermsVersion {
    /// The document.
    pub document: DocumentName,
    /// The version's name, such as `2026-11`; 1 to 64 characters.
    pub version: String,
    /// From when it counts. Of the versions in force, the one that came into force last is the current one.
    #[serde(with = "time::serde::rfc3339")]
    pub in_force_from: OffsetDateTime,
    /// Whether those who accepted an older version must accept this one.
    pub reacceptance: Reacceptance,
    /// The text in each language, by BCP 47 tag.
    pub texts: BTreeMap<String, TermsText>,
}

impl TermsVersion {
    /// A version's name has at most this many characters.
    pub const MAX_VERSION_LENGTH: usize = 64;
    /// At most this many languages.
    pub const MAX_TEXTS: usize = 64;

    /// A version without texts that everybody must accept.
    #[must_use]
    pub fn new(document: DocumentName, version: impl Into<String>, in_force_from: OffsetDateTime) -> Self {
        Self {
            document,
            version: version.into(),
            in_force_from,
            reacceptance: Reacceptance::Needed { by: None },
            texts: BTreeMap::new(),
        }
    }

    /// Adds the text of a language.
    #[must_use]
    pub fn with_text(mut self, locale: impl Into<String>, text: TermsText) -> Self {
        self.texts.insert(locale.into(), text);
        self
    }

    /// Sets whether it must be accepted by those who accepted an older one.
    #[must_use]
    pub const fn with_reacceptance(mut self, reacceptance: Reacceptance) -> Self {
        self.reacceptance = reacceptance;
        self
    }

    /// The text for a person's language preferences, best first: an exact tag, then the same language, then the first
    /// text there is.
    #[must_use]
    pub fn text_for<'a>(&'a self, languages: &[String]) -> Option<(&'a str, &'a TermsText)> {
        let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let exact =
            |wanted: &String| self.texts.iter().find(|(locale, _)| locale.eq_ignore_ascii_case(wanted));
        let near = |wanted: &String| self.texts.iter().find(|(locale, _)| primary(locale) == primary(wanted));
        let found = languages.iter().find_map(|wanted| exact(wanted).or_else(|| near(wanted)));
        found.or_else(|| self.texts.first_key_value()).map(|(locale, text)| (locale.as_str(), text))
    }
}

/// Whether those who accepted an older version must accept a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
#[non_exhaustive]
pub enum Reacceptance {
    /// No: a correction of spelling, another address.
    NotNeeded,
    /// Yes.
    Needed {
        /// Until when a person may go on without; `None`: they must accept before they go on.
        #[serde(with = "time::serde::rfc3339::option")]
        by: Option<OffsetDateTime>,
    },
}

/// The text of a version in one language: what it says, by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TermsText {
    /// The SHA-256 digest of the text as it is shown, in UTF-8.
    pub digest: TokenDigest,
    /// Where it can be read.
    pub url: Option<String>,
    /// The title that people read.
    #[serde(default)]
    pub title: Option<String>,
}

impl TermsText {
    /// The digest of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::with_digest(TokenDigest::of(text))
    }

    /// A text whose digest is known.
    #[must_use]
    pub const fn with_digest(digest: TokenDigest) -> Self {
        Self { digest, url: None, title: None }
    }

    /// Sets where it can be read.
    #[must_use]
    pub fn with_url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Sets the title that people read.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }
}

/// Every version of every document of a tenant: one record, read once for each decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TermsCatalogue(Vec<TermsVersion>);

impl TermsCatalogue {
    /// At most this many versions, those of the past included.
    pub const MAX_VERSIONS: usize = 256;
    /// The key of the record.
    pub const KEY: &'static str = "catalogue";

    /// The versions, in the order in which they were published.
    #[must_use]
    pub fn versions(&self) -> &[TermsVersion] {
        &self.0
    }

    /// A version by its name.
    #[must_use]
    pub fn version(&self, document: &DocumentName, version: &str) -> Option<&TermsVersion> {
        self.0.iter().find(|found| found.document == *document && found.version == version)
    }

    /// Adds a version.
    #[must_use]
    pub fn with(mut self, version: TermsVersion) -> Self {
        self.0.push(version);
        self
    }
}

impl StoredRecord for TermsCatalogue {
    const KIND: RecordKind = RecordKind::new("core.terms", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::KEY.to_owned()
    }
}

/// That a person accepted a version: what they were shown, when, and how. Written once, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TermsAcceptance {
    /// Who accepted.
    pub account: AccountId,
    /// Which document.
    pub document: DocumentName,
    /// Which version.
    pub version: String,
    /// In which language it was shown, as a BCP 47 tag.
    pub locale: Option<String>,
    /// The SHA-256 digest of the text that was shown.
    pub digest: Option<TokenDigest>,
    /// How they accepted.
    pub how: AcceptedHow,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub accepted_at: OffsetDateTime,
}

impl TermsAcceptance {
    /// The record key.
    #[must_use]
    pub fn record_key(account: AccountId, document: &DocumentName, version: &str) -> String {
        format!("{account}|{document}|{version}")
    }
}

/// The index of acceptances by account.
pub(super) const BY_ACCOUNT: IndexDeclaration = IndexDeclaration::many("account");

impl StoredRecord for TermsAcceptance {
    const KIND: RecordKind = RecordKind::new("core.terms_acceptance", &[BY_ACCOUNT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::record_key(self.account, &self.document, &self.version)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(BY_ACCOUNT, self.account.to_string())]
    }
}

/// How a version was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AcceptedHow {
    /// When the account was made.
    SignUp,
    /// When the person was asked at a sign-in.
    SignIn,
    /// On the person's own account pages.
    AccountPage,
    /// Taken over from another system.
    Import,
}

impl AcceptedHow {
    /// The stable name, as serialized.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::SignIn => "sign_in",
            Self::AccountPage => "account_page",
            Self::Import => "import",
        }
    }
}
