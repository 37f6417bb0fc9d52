//! Well-known providers, as data: where they are, what they speak, and in what they are not like the others.
//!
//! A row is what its sources say, a provider's own documentation or a public table that is kept by others, with the addresses and
//! the dates of what was read ([`Source`]). It **claims no run against the provider**: a provider changes when it likes, and who
//! registers with one tries it. The table is printed in the [manual](crate::manual::_02_providers).
//!
//! ```
//! use ciam_core::memory;
//! use ciam_oidc::rp::known::{KnownProvider, Setup};
//!
//! let github = KnownProvider::find("github").ok_or("there is no such provider")?;
//! let setup = Setup::new("my-app", "https://app.example/callback/github").with_secret("the secret");
//! let provider = github.connect(memory::ports(), setup)?;
//! assert_eq!(provider.issuer(), "https://github.com");
//!
//! // One that is somewhere else for everybody is told where.
//! let keycloak = KnownProvider::find("keycloak").ok_or("there is no such provider")?;
//! let setup = Setup::new("my-app", "https://app.example/callback/keycloak")
//!     .with_secret("the secret")
//!     .with_value("host", "login.example")
//!     .with_value("realm", "staff");
//! let provider = keycloak.connect(memory::ports(), setup)?;
//! assert_eq!(provider.issuer(), "https://login.example/realms/staff");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod connect;
mod oauth;
mod openid;
mod template;

use super::identity::EmailRule;
use super::oauth::SubjectKind;

pub use self::connect::{Credential, Setup, SetupError};

/// A provider that many applications sign people in with.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct KnownProvider {
    /// Its name in configurations: lower-case letters, digits and `-`.
    pub id: &'static str,
    /// Its name as people know it, for a button.
    pub name: &'static str,
    /// What it speaks, and where it is. In addresses, `{name}` stands for a [value](Self::values).
    pub protocol: Protocol,
    /// What a host has to say, because it is something else for everybody.
    pub values: &'static [Value],
    /// The scope values that a sign-in asks for, unless the host says others.
    pub scope: &'static str,
    /// How the client authenticates.
    pub authentication: ClientProof,
    /// What it does with PKCE.
    pub pkce: Pkce,
    /// Whether the response comes as a form, because what is asked for is not sent in another way.
    pub form_post: bool,
    /// Further parameters of every authorization request.
    pub parameters: &'static [(&'static str, &'static str)],
    /// In what it is not like the others, for people.
    pub quirks: &'static [&'static str],
    /// Where this was read.
    pub sources: &'static [Source],
}

/// What a provider speaks, and where it is.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a third protocol would change every host")]
pub enum Protocol {
    /// OpenID Connect.
    OpenId(OpenIdPlace),
    /// OAuth 2.0 and a profile.
    OAuth(OAuthPlace),
}

/// A provider of OpenID Connect: all else is discovered.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OpenIdPlace {
    /// The issuer, exactly as it writes it.
    pub issuer: &'static str,
    /// Where the metadata are, if not at the issuer.
    pub discovery: Option<&'static str>,
    /// Which issuers ID tokens name.
    pub issuers: IssuerNames,
    /// Whether ID tokens repeat the `nonce`.
    pub nonce: bool,
    /// Whether a `user` with the name comes beside the code, once.
    pub posted_user: bool,
    /// Whether it knows hosted domains (`hd`).
    pub hosted_domains: bool,
    /// When its word for an address is taken.
    pub email: EmailRule,
}

/// Which issuers the ID tokens of a provider name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssuerNames {
    /// The one.
    One,
    /// The one, in other spellings too.
    Also(&'static [&'static str]),
    /// One for each tenant, of any but these.
    Tenants {
        /// Tenants that are never meant.
        but: &'static [&'static str],
    },
}

/// A provider of OAuth 2.0 and a profile.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OAuthPlace {
    /// The name under which its people are known.
    pub issuer: &'static str,
    /// The authorization endpoint.
    pub authorization_endpoint: &'static str,
    /// The token endpoint.
    pub token_endpoint: &'static str,
    /// Where the profile is asked for.
    pub profile: &'static str,
    /// Whether the profile is posted for.
    pub profile_by_post: bool,
    /// What is accepted as a profile.
    pub accept: &'static str,
    /// Whether a proof of the client's secret goes along.
    pub secret_proof: bool,
    /// The person's lasting name, as a JSON pointer.
    pub subject: &'static str,
    /// What the lasting name is.
    pub subject_kind: SubjectKind,
    /// The address, and when it is believed.
    pub email: EmailPlace,
    /// The full name.
    pub name: Option<&'static str>,
    /// The given and the family name.
    pub names: Option<(&'static str, &'static str)>,
    /// The picture.
    pub picture: Option<&'static str>,
}

/// Where a provider has a person's address, and when it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmailPlace {
    /// Nowhere.
    Nowhere,
    /// In the profile; the provider does not say that it has verified it.
    Unverified(&'static str),
    /// In the profile; the provider hands out verified addresses only.
    Verified(&'static str),
    /// In the profile, with a flag beside it.
    Flagged {
        /// The address.
        at: &'static str,
        /// The flag.
        flag: &'static str,
    },
    /// In a list: that which is primary and verified.
    List {
        /// Where the list is asked for.
        url: &'static str,
        /// The place of the list in the answer.
        at: &'static str,
        /// The members: the address, whether it is primary, whether it is verified.
        members: [&'static str; 3],
    },
}

/// What a host has to say of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Value {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: ValueKind,
    /// What it is when the host says nothing.
    pub default: Option<&'static str>,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueKind {
    /// A host, perhaps with a port.
    Host,
    /// One segment of a path: letters, digits, `-`, `.`, `_` and `~`.
    Segment,
    /// The id of a tenant, as 36 characters.
    TenantId,
}

/// How a client authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientProof {
    /// With its secret in the `Authorization` header.
    Basic,
    /// With its secret in the body.
    Post,
    /// With a secret that it signs anew each time, for this audience.
    Signed {
        /// The audience.
        audience: &'static str,
    },
}

/// What a provider does with PKCE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pkce {
    /// It checks it.
    Checked,
    /// It does not say. It is sent: who does not know it ignores it
    /// ([RFC 6749, section 3.1](https://www.rfc-editor.org/rfc/rfc6749#section-3.1)).
    Unstated,
    /// It refuses it of clients with a secret.
    Refused,
}

/// Something public that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Source {
    /// Where.
    pub url: &'static str,
    /// The day, as `YYYY-MM-DD`.
    pub date: &'static str,
    /// What happened on that day.
    pub dated: Dated,
}

/// What the date of a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dated {
    /// It was published or last changed, as it says itself.
    Published,
    /// A public copy of it was read, whole or in the part that the row is about.
    Read,
}

impl KnownProvider {
    /// All of them, in the order of their ids.
    #[must_use]
    pub fn all() -> Vec<&'static Self> {
        let mut all: Vec<&Self> = openid::ROWS.iter().chain(oauth::ROWS).collect();
        all.sort_by_key(|row| row.id);
        all
    }

    /// The one of this id.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        openid::ROWS.iter().chain(oauth::ROWS).find(|row| row.id == id)
    }
}

const fn read(url: &'static str) -> Source {
    Source { url, date: "2026-11-27", dated: Dated::Read }
}

const fn published(url: &'static str, date: &'static str) -> Source {
    Source { url, date, dated: Dated::Published }
}

const fn host(default: Option<&'static str>) -> Value {
    Value { name: "host", kind: ValueKind::Host, default }
}

const fn segment(name: &'static str, default: Option<&'static str>) -> Value {
    Value { name, kind: ValueKind::Segment, default }
}

/// The provider data of OpenIddict, a public table that is kept by others.
const OPENIDDICT: Source = published(
    "https://github.com/openiddict/openiddict-core/blob/319511fa6dacaa9fa3793405fda102bebcba0079/src/OpenIddict.Client.WebIntegration/OpenIddictClientWebIntegrationProviders.xml",
    "2024-10-22",
);

#[cfg(test)]
mod tests;
