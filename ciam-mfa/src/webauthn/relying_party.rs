//! Who asks: the relying party and what it accepts.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use time::Duration;
use url::{Host, Url};

use super::cose::CoseAlgorithm;
use super::metadata::{AttestationTrust, NoTrust};
use super::options::{AttestationConveyance, UserVerification};

/// A relying party: an id, the origins whose pages may ask in its name, and what it accepts.
///
/// ```
/// use ciam_mfa::webauthn::RelyingParty;
/// use url::Url;
///
/// let relying_party = RelyingParty::new("example.com", "Example")?
///     .with_origin(&Url::parse("https://id.example.com")?)?
///     .with_related_origin(&Url::parse("https://example.de")?)?;
/// assert_eq!(relying_party.id(), "example.com");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Security
///
/// A passkey is bound to the id for good: choose the domain that will outlive the product. An origin is compared as a whole,
/// character by character: neither a subdomain nor a page with the domain in its name is one of ours because it looks like
/// it.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    id: String,
    name: String,
    origins: BTreeSet<String>,
    related: BTreeSet<String>,
    embedding: Embedding,
    pub(super) algorithms: Vec<CoseAlgorithm>,
    pub(super) timeout: Duration,
    pub(super) user_verification: UserVerification,
    pub(super) attestation: AttestationPolicy,
    pub(super) trust: Arc<dyn AttestationTrust>,
    pub(super) sign_count: SignCountPolicy,
    pub(super) prf: bool,
}

/// In whose frames the pages may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Embedding {
    Never,
    By(BTreeSet<String>),
    Anywhere,
}

/// What is asked of an authenticator's word about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttestationPolicy {
    /// Nothing is asked, and what comes is checked. Right for customers: it asks them for no permission, and lets them keep
    /// their passkeys where they like.
    #[default]
    NotAsked,
    /// It is asked for, and what comes is checked; a passkey that says nothing is taken too.
    Asked,
    /// Only authenticators that somebody vouches for whom [`AttestationTrust`] knows; of these models, or of any when there
    /// are none.
    Trusted {
        /// The AAGUIDs of the models.
        models: BTreeSet<[u8; 16]>,
    },
}

/// What happens when a signature counter does not go up. Passkeys that are kept in several places count nothing and stay at
/// zero, which is fine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignCountPolicy {
    /// The proof counts, and an event says so: the counter may be confused by a restored backup as well as by a copy.
    #[default]
    Report,
    /// The proof does not count.
    Refuse,
}

/// A relying party cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRelyingParty {
    /// The id is no domain in its normal form. An IP address cannot be one.
    #[error("the id of a relying party is a domain in lower case")]
    Id,
    /// The origin is not `https` (or `http` on localhost), or has a path or a user.
    #[error("an origin is https, a host and perhaps a port")]
    Origin,
    /// The origin does not belong to the id.
    #[error("the origin is not of the relying party's domain; it can be a related one")]
    Foreign,
}

impl RelyingParty {
    /// A relying party without origins: nothing is accepted yet.
    ///
    /// # Errors
    ///
    /// Fails when the id is no domain in its normal form.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Result<Self, InvalidRelyingParty> {
        let id = id.into();
        match Host::parse(&id) {
            Ok(Host::Domain(domain)) if domain == id && !domain.ends_with('.') => {}
            _ => return Err(InvalidRelyingParty::Id),
        }
        Ok(Self {
            id,
            name: name.into(),
            origins: BTreeSet::new(),
            related: BTreeSet::new(),
            embedding: Embedding::Never,
            algorithms: CoseAlgorithm::ALL.to_vec(),
            timeout: Duration::minutes(5),
            user_verification: UserVerification::Preferred,
            attestation: AttestationPolicy::default(),
            trust: Arc::new(NoTrust::new()),
            sign_count: SignCountPolicy::default(),
            prf: false,
        })
    }

    /// Lets pages of this origin ask.
    ///
    /// # Errors
    ///
    /// Fails when it is no secure origin, or not of the id's domain.
    pub fn with_origin(mut self, origin: &Url) -> Result<Self, InvalidRelyingParty> {
        let text = secure(origin)?;
        let host = origin.host_str().unwrap_or_default();
        let below = host.strip_suffix(&self.id).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if !below {
            return Err(InvalidRelyingParty::Foreign);
        }
        self.origins.insert(text);
        Ok(self)
    }

    /// Lets pages of an origin ask that is of another domain:
    /// [related origins](https://www.w3.org/TR/webauthn-3/#sctn-related-origins). Publish
    /// [`related_origins`](Self::related_origins) under `https://<id>/.well-known/webauthn`; browsers ask there.
    ///
    /// # Errors
    ///
    /// Fails when it is no secure origin.
    pub fn with_related_origin(mut self, origin: &Url) -> Result<Self, InvalidRelyingParty> {
        let text = secure(origin)?;
        self.related.insert(text.clone());
        self.origins.insert(text);
        Ok(self)
    }

    /// Lets an app ask that names itself with something else than a web origin, such as
    /// `android:apk-key-hash:<the digest of its certificate>`.
    #[must_use]
    pub fn with_app(mut self, origin: impl Into<String>) -> Self {
        self.origins.insert(origin.into());
        self
    }

    /// Lets pages of ours ask while they are in a frame of a page of this origin. Default: in nobody's frame.
    ///
    /// # Errors
    ///
    /// Fails when it is no secure origin.
    pub fn with_embedding_by(mut self, origin: &Url) -> Result<Self, InvalidRelyingParty> {
        let text = secure(origin)?;
        match &mut self.embedding {
            Embedding::By(origins) => {
                origins.insert(text);
            }
            Embedding::Never => self.embedding = Embedding::By(BTreeSet::from([text])),
            Embedding::Anywhere => {}
        }
        Ok(self)
    }

    /// Lets pages of ours ask while they are in anybody's frame.
    ///
    /// # Security
    ///
    /// A page that frames ours can trick people into a click.
    #[must_use]
    pub fn dangerous_with_any_embedding(mut self) -> Self {
        self.embedding = Embedding::Anywhere;
        self
    }

    /// Sets the algorithms that are offered, the preferred one first.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: Vec<CoseAlgorithm>) -> Self {
        self.algorithms = algorithms;
        self
    }

    /// Sets how long the browser waits. Default 5 minutes.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets whether the authenticator is to verify the person where the passkey comes after a password. Default preferred.
    /// Where a sign-in begins with it, verification is always required.
    #[must_use]
    pub const fn with_user_verification(mut self, user_verification: UserVerification) -> Self {
        self.user_verification = user_verification;
        self
    }

    /// Sets what is asked of an authenticator's word about itself, and whom to believe.
    #[must_use]
    pub fn with_attestation(mut self, policy: AttestationPolicy, trust: Arc<dyn AttestationTrust>) -> Self {
        self.attestation = policy;
        self.trust = trust;
        self
    }

    /// Sets what happens when a signature counter does not go up.
    #[must_use]
    pub const fn with_sign_count(mut self, policy: SignCountPolicy) -> Self {
        self.sign_count = policy;
        self
    }

    /// Asks for the [PRF extension](https://www.w3.org/TR/webauthn-3/#prf-extension) when a passkey is made, so that pages
    /// can derive keys from it later. What is derived never comes here.
    #[must_use]
    pub const fn with_prf(mut self) -> Self {
        self.prf = true;
        self
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The document of related origins, for `/.well-known/webauthn` on the id's domain; `None` where there are none.
    #[must_use]
    pub fn related_origins(&self) -> Option<Value> {
        (!self.related.is_empty()).then(|| json!({ "origins": self.related }))
    }

    pub(super) fn is_origin(&self, origin: &str) -> bool {
        self.origins.contains(origin)
    }

    pub(super) fn may_embed(&self, top_origin: Option<&str>) -> bool {
        match &self.embedding {
            Embedding::Never => false,
            Embedding::By(origins) => top_origin.is_some_and(|origin| origins.contains(origin)),
            Embedding::Anywhere => true,
        }
    }

    pub(super) fn conveyance(&self) -> AttestationConveyance {
        match self.attestation {
            AttestationPolicy::NotAsked => AttestationConveyance::None,
            AttestationPolicy::Asked | AttestationPolicy::Trusted { .. } => AttestationConveyance::Direct,
        }
    }
}

/// The text of a secure origin.
fn secure(origin: &Url) -> Result<String, InvalidRelyingParty> {
    let local = matches!(origin.host(), Some(Host::Domain(host)) if host == "localhost" || host.ends_with(".localhost"));
    let right = (origin.scheme() == "https" || origin.scheme() == "http" && local)
        && origin.path() == "/"
        && origin.query().is_none()
        && origin.fragment().is_none()
        && origin.username().is_empty()
        && origin.password().is_none()
        && matches!(origin.host(), Some(Host::Domain(_)));
    if right { Ok(origin.origin().ascii_serialization()) } else { Err(InvalidRelyingParty::Origin) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn an_id_is_a_domain() {
        for id in [
            "",
            "Example.com",
            "192.0.2.1",
            "[::1]",
            "example.com:443",
            "https://example.com",
            "a b",
            "example.com.",
        ] {
            assert_eq!(RelyingParty::new(id, "x").unwrap_err(), InvalidRelyingParty::Id, "{id}");
        }
        assert!(RelyingParty::new("localhost", "x").is_ok());
    }

    /// CWE-290: `notexample.com` ends with `example.com`.
    #[test]
    fn an_origin_is_the_whole_of_it() {
        let party = || RelyingParty::new("example.com", "x").unwrap();
        for foreign in ["https://notexample.com", "https://example.com.evil.test", "https://example.de"] {
            assert_eq!(
                party().with_origin(&url(foreign)).unwrap_err(),
                InvalidRelyingParty::Foreign,
                "{foreign}"
            );
        }
        for wrong in [
            "http://example.com",
            "https://example.com/path",
            "https://example.com/?query",
            "https://example.com/#fragment",
            "https://a@example.com",
            "https://:b@example.com",
            "https://192.0.2.1",
        ] {
            assert_eq!(party().with_origin(&url(wrong)).unwrap_err(), InvalidRelyingParty::Origin, "{wrong}");
        }
        let party = party().with_origin(&url("https://id.example.com")).unwrap();
        assert!(party.is_origin("https://id.example.com"));
        for other in [
            "https://example.com",
            "https://evil.id.example.com",
            "https://id.example.com:8443",
            "http://id.example.com",
            "https://ID.example.com",
            "https://id.example.com/",
            "https://id.example.com.evil.test",
            "null",
            "",
        ] {
            assert!(!party.is_origin(other), "{other}");
        }
    }

    #[test]
    fn related_origins_are_published_and_accepted() {
        let party = RelyingParty::new("example.com", "x").unwrap();
        assert_eq!(party.related_origins(), None);
        let party = party.with_related_origin(&url("https://example.de")).unwrap();
        assert_eq!(party.related_origins(), Some(json!({ "origins": ["https://example.de"] })));
        assert!(party.is_origin("https://example.de"));
    }

    #[test]
    fn a_page_is_embedded_by_whom_the_host_names() {
        let party = RelyingParty::new("example.com", "x").unwrap();
        assert!(!party.may_embed(None) && !party.may_embed(Some("https://shop.test")));
        let party = party.with_embedding_by(&url("https://shop.test")).unwrap();
        assert!(party.may_embed(Some("https://shop.test")));
        assert!(!party.may_embed(Some("https://evil.test")) && !party.may_embed(None));
    }
}
