//! Domains of organizations: the name in its normal form, and the claim to it.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use unicode_normalization::UnicodeNormalization as _;

use crate::account::{IdentifierKey, IdentifierKind};
use crate::id::OrganizationId;
use crate::store::{IndexDeclaration, IndexValue, RecordKind, StoredRecord};

/// A domain name in its normal form: ASCII (IDNA), lower case, at least two labels, no dot at the end.
///
/// ```
/// use ciam_core::organization::DomainName;
///
/// assert_eq!(DomainName::new("Bücher.Example.")?.as_str(), "xn--bcher-kva.example");
/// assert!(DomainName::new("localhost").is_err());
/// # Ok::<(), ciam_core::organization::InvalidDomain>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

impl DomainName {
    /// Normalises a domain name.
    ///
    /// # Errors
    ///
    /// Fails when the text is not a name that a mail domain can have.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidDomain> {
        let text: String = text.as_ref().trim().nfkc().collect();
        let text = text.strip_suffix('.').unwrap_or(&text);
        let name = idna::domain_to_ascii_strict(text).map_err(|_| InvalidDomain)?;
        let numeric = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if !name.contains('.') || name.len() > 253 || numeric {
            return Err(InvalidDomain);
        }
        Ok(Self(name))
    }

    /// The domain of an e-mail address; `None` for another kind of identifier.
    #[must_use]
    pub fn of_email(key: &IdentifierKey) -> Option<Self> {
        let (_, domain) = key.as_str().rsplit_once('@').filter(|_| key.kind() == IdentifierKind::Email)?;
        Self::new(domain).ok()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for DomainName {
    type Error = InvalidDomain;

    fn try_from(text: String) -> Result<Self, InvalidDomain> {
        Self::new(text)
    }
}

impl From<DomainName> for String {
    fn from(domain: DomainName) -> Self {
        domain.0
    }
}

/// The text is not a domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a domain name")]
#[non_exhaustive]
pub struct InvalidDomain;

/// The claim of an organization to a domain.
///
/// Many may claim one domain; of those who prove it, one holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DomainClaim {
    /// Who claims.
    pub organization: OrganizationId,
    /// What is claimed.
    pub domain: DomainName,
    /// What the domain's owner publishes as proof. No secret: it is in DNS.
    pub token: String,
    /// Where the claim is in its life.
    pub state: DomainState,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Where a claim to a domain is in its life.
///
/// ```text
/// pending ──▶ verified ──▶ lapsed ──▶ verified …
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
#[non_exhaustive]
pub enum DomainState {
    /// The proof has not been seen yet.
    Pending,
    /// The proof was seen: the domain is the organization's, and no other's in the tenant.
    Verified {
        /// When it was first seen.
        #[serde(with = "time::serde::rfc3339")]
        since: OffsetDateTime,
        /// When it is to be looked for again.
        #[serde(with = "time::serde::rfc3339")]
        recheck_at: OffsetDateTime,
        /// How often in a row it was not there since.
        misses: u32,
    },
    /// The proof was gone too often: the domain is free.
    Lapsed {
        /// Since when.
        #[serde(with = "time::serde::rfc3339")]
        since: OffsetDateTime,
    },
}

impl DomainState {
    /// The stable name, as serialized.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Verified { .. } => "verified",
            Self::Lapsed { .. } => "lapsed",
        }
    }

    /// Whether the domain is the organization's.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        matches!(self, Self::Verified { .. })
    }
}

impl DomainClaim {
    /// A claim without proof.
    #[must_use]
    pub const fn new(
        organization: OrganizationId,
        domain: DomainName,
        token: String,
        now: OffsetDateTime,
    ) -> Self {
        Self { organization, domain, token, state: DomainState::Pending, created_at: now }
    }

    /// The record key of a claim.
    #[must_use]
    pub fn record_key(organization: OrganizationId, domain: &DomainName) -> String {
        format!("{organization}|{domain}")
    }

    /// The name of the TXT record that proves the claim: `_ciam-challenge.<domain>`.
    #[must_use]
    pub fn txt_name(&self) -> String {
        format!("_ciam-challenge.{}", self.domain)
    }

    /// The content of the TXT record that proves the claim: `ciam-domain-verification=<token>`.
    #[must_use]
    pub fn txt_value(&self) -> String {
        format!("ciam-domain-verification={}", self.token)
    }

    /// Whether one of these TXT records proves the claim.
    #[must_use]
    pub fn is_proved_by(&self, records: &[String]) -> bool {
        let wanted = self.txt_value();
        records.iter().any(|record| record.trim() == wanted)
    }
}

pub(super) const BY_ORGANIZATION: IndexDeclaration = IndexDeclaration::many("organization");
/// The domain of a claim that is verified. Unique, so that of two who prove one domain one holds it.
pub(super) const BY_VERIFIED: IndexDeclaration = IndexDeclaration::unique("verified");

impl StoredRecord for DomainClaim {
    const KIND: RecordKind = RecordKind::new("core.domain_claim", &[BY_ORGANIZATION, BY_VERIFIED]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::record_key(self.organization, &self.domain)
    }

    fn indexes(&self) -> Vec<IndexValue> {
        let mut indexes = vec![IndexValue::new(BY_ORGANIZATION, self.organization.to_string())];
        if self.state.is_verified() {
            indexes.push(IndexValue::new(BY_VERIFIED, self.domain.as_str()));
        }
        indexes
    }
}

/// Domains that nobody may claim: those of mail providers, where strangers have addresses, and names under which others
/// register theirs.
///
/// The built-in list has the best-known of both. A host that lets anybody claim domains adds a list of its own, such as the
/// [public suffix list](https://publicsuffix.org/) and one of mail providers, with [`with`](Self::with).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedDomains(BTreeSet<String>);

impl RefusedDomains {
    /// Adds names.
    #[must_use]
    pub fn with(mut self, names: impl IntoIterator<Item = DomainName>) -> Self {
        self.0.extend(names.into_iter().map(|name| name.0));
        self
    }

    /// Whether nobody may claim this domain.
    #[must_use]
    pub fn refuses(&self, domain: &DomainName) -> bool {
        self.0.contains(domain.as_str())
    }
}

impl Default for RefusedDomains {
    fn default() -> Self {
        let known = MAIL_PROVIDERS.iter().chain(SHARED_SUFFIXES);
        Self(known.map(|name| (*name).to_owned()).collect())
    }
}

/// Where strangers have mail addresses.
const MAIL_PROVIDERS: &[&str] = &[
    "126.com",
    "163.com",
    "aim.com",
    "aol.com",
    "bigpond.com",
    "bluewin.ch",
    "bol.com.br",
    "btinternet.com",
    "comcast.net",
    "duck.com",
    "email.com",
    "fastmail.com",
    "fastmail.fm",
    "free.fr",
    "freenet.de",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hey.com",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.de",
    "hotmail.fr",
    "hotmail.it",
    "hushmail.com",
    "icloud.com",
    "inbox.com",
    "interia.pl",
    "laposte.net",
    "libero.it",
    "live.co.uk",
    "live.com",
    "live.fr",
    "mac.com",
    "mail.com",
    "mail.ru",
    "mailbox.org",
    "mailinator.com",
    "me.com",
    "msn.com",
    "naver.com",
    "o2.pl",
    "online.de",
    "orange.fr",
    "outlook.com",
    "outlook.de",
    "outlook.fr",
    "pm.me",
    "posteo.de",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "rambler.ru",
    "rediffmail.com",
    "rocketmail.com",
    "seznam.cz",
    "sfr.fr",
    "sina.com",
    "skynet.be",
    "t-online.de",
    "tuta.com",
    "tuta.io",
    "tutanota.com",
    "uol.com.br",
    "virgilio.it",
    "wanadoo.fr",
    "web.de",
    "wp.pl",
    "yahoo.ca",
    "yahoo.co.in",
    "yahoo.co.jp",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.com.br",
    "yahoo.de",
    "yahoo.es",
    "yahoo.fr",
    "yahoo.it",
    "yandex.com",
    "yandex.ru",
    "ymail.com",
    "zoho.com",
];

/// Under which others register their names.
const SHARED_SUFFIXES: &[&str] = &[
    "ac.jp",
    "ac.nz",
    "ac.uk",
    "ac.za",
    "azurewebsites.net",
    "blogspot.com",
    "cloudfront.net",
    "co.at",
    "co.id",
    "co.il",
    "co.in",
    "co.jp",
    "co.kr",
    "co.nz",
    "co.th",
    "co.uk",
    "co.za",
    "com.ar",
    "com.au",
    "com.br",
    "com.cn",
    "com.co",
    "com.hk",
    "com.mx",
    "com.my",
    "com.pl",
    "com.sg",
    "com.tr",
    "com.tw",
    "com.ua",
    "edu.au",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "go.jp",
    "gov.au",
    "gov.br",
    "gov.uk",
    "gv.at",
    "herokuapp.com",
    "ltd.uk",
    "me.uk",
    "ne.jp",
    "net.au",
    "net.br",
    "net.nz",
    "net.uk",
    "netlify.app",
    "nhs.uk",
    "onrender.com",
    "or.at",
    "or.jp",
    "or.kr",
    "org.au",
    "org.br",
    "org.nz",
    "org.uk",
    "pages.dev",
    "plc.uk",
    "sch.uk",
    "vercel.app",
    "web.app",
    "workers.dev",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn spellings_of_one_domain_have_one_name() {
        for text in [
            "bücher.example",
            "BÜCHER.EXAMPLE",
            "bu\u{308}cher.example.",
            " xn--bcher-kva.example ",
            "bücher。example",
        ] {
            assert_eq!(DomainName::new(text).unwrap().as_str(), "xn--bcher-kva.example", "{text}");
        }
        let email = IdentifierKey::email("ada@Bücher.example").unwrap();
        assert_eq!(DomainName::of_email(&email).unwrap().as_str(), "xn--bcher-kva.example");
        assert_eq!(DomainName::of_email(&IdentifierKey::username("ada").unwrap()), None);
    }

    #[test]
    fn texts_that_are_no_domain_are_refused() {
        let long = format!("{}.example", "a".repeat(64));
        for text in [
            "",
            ".",
            "com",
            "localhost",
            "a b.example",
            "-a.example",
            "a..example",
            "192.0.2.1",
            "exa_mple.com",
            "a@b.example",
            "*.example.com",
            "https://example.com",
            &long,
        ] {
            assert!(DomainName::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_claim_is_proved_by_its_own_record_alone() {
        let claim = |token: &str| {
            DomainClaim::new(
                OrganizationId::from_uuid(uuid::Uuid::nil()),
                DomainName::new("acme.example").unwrap(),
                token.to_owned(),
                datetime!(2026-11-23 12:00 UTC),
            )
        };
        let records = ["v=spf1 -all".to_owned(), claim("one").txt_value()];
        assert!(claim("one").is_proved_by(&records));
        assert!(!claim("two").is_proved_by(&records));
        assert!(!claim("on").is_proved_by(&records));
        assert!(!claim("one").is_proved_by(&[]));
    }

    #[test]
    fn shared_domains_are_refused_in_any_spelling() {
        let refused = RefusedDomains::default().with([DomainName::new("mail.example").unwrap()]);
        for text in ["gmail.com", "GMail.Com.", "co.uk", "github.io", "mail.example"] {
            assert!(refused.refuses(&DomainName::new(text).unwrap()), "{text}");
        }
        assert!(!refused.refuses(&DomainName::new("acme.co.uk").unwrap()));
    }

    #[test]
    fn the_lists_are_in_their_normal_form() {
        for name in MAIL_PROVIDERS.iter().chain(SHARED_SUFFIXES) {
            assert_eq!(DomainName::new(name).unwrap().as_str(), *name);
        }
    }

    proptest! {
        #[test]
        fn normal_forms_are_fixed_points(text in ".{0,60}") {
            if let Ok(name) = DomainName::new(&text) {
                prop_assert_eq!(DomainName::new(name.as_str()).unwrap(), name);
            }
        }
    }
}
