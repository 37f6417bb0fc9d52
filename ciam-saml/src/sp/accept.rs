//! Accepting a response: load, open, decide, take.

use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::http::BrowserId;
use ciam_core::secret::TokenDigest;
use time::OffsetDateTime;

use super::check::Expected;
use super::open::{Opened, Opener};
use super::start::{Pending, request_key};
use super::{IdpPartner, Reject, ServiceProvider};
use crate::binding::{Direction, PostMessage, RelayState};
use crate::model::{Attribute, NameId, SubjectId, issuer_hint};
use crate::xml::{Doc, Element, Limits};

/// A person whom an identity provider that we believe has authenticated, for us, now.
///
/// Everything in it was read from octets that the identity provider signed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Authenticated {
    /// The identity provider.
    pub idp: String,
    /// The person's name. With [`idp`](Self::idp), the key of the person.
    pub name_id: NameId,
    /// What is said about the person.
    pub attributes: Vec<Attribute>,
    /// When the person was authenticated.
    pub authenticated_at: OffsetDateTime,
    /// The class of the authentication context.
    pub authn_context: Option<String>,
    /// The identity provider's name for its session, for logout.
    pub session_index: Option<String>,
    /// When our session has to end at the latest.
    pub session_not_on_or_after: Option<OffsetDateTime>,
    /// The assertion's identifier, for logs.
    pub assertion_id: String,
    /// The fingerprint of the key that signed.
    pub key: TokenDigest,
}

impl Authenticated {
    /// The values of an attribute, by its name. Names are compared exactly.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes
            .iter()
            .filter(move |attribute| attribute.name == name)
            .flat_map(|attribute| attribute.values.iter().map(String::as_str))
    }
}

/// A response that was accepted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Accepted {
    /// The person.
    pub person: Authenticated,
    /// Where the person wanted to go when the request was made.
    pub target: Option<String>,
    /// The relay state of an answer that nobody asked for: a hint at most, and never an address to redirect to.
    pub unsolicited: Option<Option<RelayState>>,
}

impl ServiceProvider {
    /// Accepts a response that was posted to us, once.
    ///
    /// `browser` is the binding secret of the browser that posts it.
    ///
    /// # Errors
    ///
    /// Fails with the check that did not hold. What was asked stays open then, so that the right answer can still come.
    pub async fn accept(
        &self,
        browser: Option<&BrowserId>,
        message: &PostMessage,
    ) -> Result<Accepted, Reject> {
        let doc = Doc::parse(message.xml(Direction::Response)?, Limits::MESSAGE)?;
        self.accept_from(browser, doc.root()?, None, message.relay_state()).await
    }

    /// Accepts a response, however it came: by artifact, it is one of `source`.
    pub(super) async fn accept_from(
        &self,
        browser: Option<&BrowserId>,
        response: Element<'_>,
        source: Option<&IdpPartner>,
        relay_state: Option<&RelayState>,
    ) -> Result<Accepted, Reject> {
        // Read before anything is verified, and used for nothing but to find what is expected.
        let hint = response.attribute("InResponseTo").map(str::to_owned);
        let pending = match &hint {
            Some(id) => Some((id.as_str(), self.pending(id, browser).await?)),
            None => None,
        };
        let partner = self.partner_for(response, pending.as_ref().map(|(_, pending)| pending))?;
        if source.is_some_and(|source| source.entity_id != partner.entity_id) {
            return Err(Reject::Issuer);
        }
        let opened = Opener {
            crypto: self.ports.crypto(),
            entropy: self.ports.entropy(),
            decryption: &self.config.decryption,
            partner,
        }
        .open(response)?;
        let now = self.ports.now();
        let request = pending.as_ref().map(|(id, pending)| (*id, pending));
        let by_artifact = source.is_some();
        let until = Expected { config: &self.config, partner, request, by_artifact, now }.decide(&opened)?;
        if let Some((id, _)) = request {
            // Of two answers to one request, one gets it.
            self.ports.ephemeral().take(&request_key(id)).await?.ok_or(Reject::InResponseTo)?;
        }
        self.once(partner, &opened, until, now).await?;
        let unsolicited = request.is_none().then(|| relay_state.cloned());
        let target = pending.and_then(|(_, pending)| pending.target);
        Ok(Accepted { person: authenticated(partner, opened)?, target, unsolicited })
    }

    async fn pending(&self, id: &str, browser: Option<&BrowserId>) -> Result<Pending, Reject> {
        let stored = self.ports.ephemeral().get(&request_key(id)).await?.ok_or(Reject::InResponseTo)?;
        let pending: Pending = ephemeral::decode(&stored)?;
        let same = browser.is_some_and(|browser| browser.digest() == pending.browser);
        if same { Ok(pending) } else { Err(Reject::OtherBrowser) }
    }

    fn partner_for(&self, response: Element<'_>, pending: Option<&Pending>) -> Result<&IdpPartner, Reject> {
        if let Some(pending) = pending {
            return self.partners.get(&pending.idp).ok_or(Reject::UnknownIdp);
        }
        let issuer = issuer_hint(response).ok_or(Reject::UnknownIdp)?;
        let partner = self.partners.get(issuer).ok_or(Reject::UnknownIdp)?;
        if partner.unsolicited { Ok(partner) } else { Err(Reject::Unsolicited) }
    }

    /// Marks the assertion as used, for as long as it could be presented.
    async fn once(
        &self,
        partner: &IdpPartner,
        opened: &Opened,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), Reject> {
        let name = TokenDigest::of(&format!("{}\n{}", partner.entity_id, opened.assertion.id)).to_text();
        // An assertion is refused from `until` and twice the skew on: once for each end of the comparison.
        let ttl = until - now + self.config.skew * 2 + time::Duration::SECOND;
        let key = EphemeralKey::new("saml.assertion", name);
        let first = self.ports.ephemeral().put_if_absent(&key, Vec::new(), ttl).await?;
        if first { Ok(()) } else { Err(Reject::Replay) }
    }
}

fn authenticated(partner: &IdpPartner, opened: Opened) -> Result<Authenticated, Reject> {
    let assertion = opened.assertion;
    let SubjectId::Plain(name_id) = assertion.subject else { return Err(Reject::NoSubject) };
    let ends = assertion.authentications.iter().filter_map(|statement| statement.session_not_on_or_after);
    let session_not_on_or_after = ends.min();
    let statement = assertion.authentications.into_iter().next().ok_or(Reject::NoAuthentication)?;
    Ok(Authenticated {
        idp: partner.entity_id.clone(),
        name_id,
        attributes: assertion.attributes,
        authenticated_at: statement.instant,
        authn_context: statement.class,
        session_index: statement.session_index,
        session_not_on_or_after,
        assertion_id: assertion.id,
        key: opened.key,
    })
}
