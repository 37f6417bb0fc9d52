//! Requests of services, held against what is known of them.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::partner::AnsweredAt;
use super::{IdentityProvider, NameIdFormat, SpPartner};
use crate::binding::{BindingError, Direction, RelayState};
use crate::dsig::SignatureError;
use crate::model::{AuthnRequest, ShapeError, issuer_hint};
use crate::names::{BINDING_ARTIFACT, BINDING_POST};
use crate::transport::Incoming;
use crate::xml::XmlError;

/// A request that was validated, frozen while the person signs in. Store it; do not hand it to the browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignOn {
    /// The service.
    pub sp: String,
    /// The request that is answered; `None` when sign-in starts here.
    pub request_id: Option<String>,
    /// Where the answer goes: one of the service's registered addresses.
    pub consumer: String,
    /// The answer goes by artifact.
    #[serde(default)]
    pub by_artifact: bool,
    /// To be handed back.
    pub relay_state: Option<String>,
    /// The person has to authenticate anew, after [`received_at`](Self::received_at).
    pub force_authn: bool,
    /// The person must not be asked.
    pub is_passive: bool,
    /// Classes of authentication context of which one is wanted, best first.
    pub authn_context: Vec<String>,
    /// The format of the name that is wanted.
    pub name_id_format: Option<String>,
    /// When the request came.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
}

/// Why a request is not answered. Nothing is sent to the service: who asks, or where to answer, is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestRefused {
    /// The message did not arrive.
    #[error("the message did not arrive")]
    Binding(#[from] BindingError),
    /// The message is not what the schema says.
    #[error("the message is malformed")]
    Shape(#[from] ShapeError),
    /// The document is refused.
    #[error("the document is refused")]
    Xml(#[from] XmlError),
    /// The signature is refused, or there is none where one has to be.
    #[error("the signature is refused")]
    Signature(#[from] SignatureError),
    /// The service is not known.
    #[error("the service is not known")]
    UnknownSp,
    /// The request is for another address, or signed and for none.
    #[error("the request is for another address")]
    Destination,
    /// The request is too old, or of the future.
    #[error("the time is outside of what is allowed")]
    Time,
    /// The address to answer at is none of the service's, or is given twice.
    #[error("the address to answer at is not registered")]
    Consumer,
    /// The binding to answer by is not offered.
    #[error("the binding to answer by is not offered")]
    ProtocolBinding,
    /// Levels of authentication are compared in a way that is not offered.
    #[error("the comparison of authentication contexts is not offered")]
    Comparison,
    /// Sign-in for this service does not start here.
    #[error("sign-in for this service does not start here")]
    Unsolicited,
}

impl IdentityProvider {
    /// Validates a request against what is known of the service.
    ///
    /// # Security
    ///
    /// The address to answer at is one that is registered, whether or not the request is signed.
    ///
    /// # Errors
    ///
    /// Fails with the check that did not hold; show the person a page, and do not redirect.
    pub fn receive(&self, incoming: Incoming<'_>) -> Result<SignOn, RequestRefused> {
        let doc = incoming.doc(Direction::Request)?;
        let issuer = issuer_hint(doc.root()?).ok_or(RequestRefused::UnknownSp)?;
        let partner = self.partners.get(issuer).ok_or(RequestRefused::UnknownSp)?;
        let signed = incoming.is_signed(&doc)?;
        let request = if signed || partner.signed_requests || self.config.signed_requests {
            let keys = partner.keys.as_ref().ok_or(SignatureError::Invalid)?;
            let proven = incoming.prove(self.ports.crypto(), doc, keys, &partner.policy)?;
            AuthnRequest::read(proven.root()?)?
        } else {
            AuthnRequest::read(doc.root()?)?
        };
        let now = self.ports.now();
        let consumer = self.decide(partner, &request, signed, now)?;
        let relay_state = match incoming {
            Incoming::Redirect(message) => message.relay_state(),
            Incoming::Post(message) => message.relay_state(),
        };
        Ok(SignOn {
            sp: partner.entity_id.clone(),
            request_id: Some(request.id),
            consumer: consumer.url.clone(),
            by_artifact: consumer.by_artifact,
            relay_state: relay_state.map(RelayState::as_str).map(str::to_owned),
            force_authn: request.force_authn,
            is_passive: request.is_passive,
            authn_context: request.authn_context,
            name_id_format: request.name_id_format,
            received_at: now,
        })
    }

    /// Starts sign-in for a service here, with no request.
    ///
    /// # Errors
    ///
    /// Fails when the service is not known, or does not allow it.
    pub fn start(&self, sp: &str) -> Result<SignOn, RequestRefused> {
        let partner = self.partners.get(sp).ok_or(RequestRefused::UnknownSp)?;
        if !partner.unsolicited {
            return Err(RequestRefused::Unsolicited);
        }
        let first = partner.consumers.iter().find(|one| self.offers(partner, one));
        let consumer = first.ok_or(RequestRefused::Consumer)?;
        Ok(SignOn {
            sp: partner.entity_id.clone(),
            request_id: None,
            consumer: consumer.url.clone(),
            by_artifact: consumer.by_artifact,
            relay_state: None,
            force_authn: false,
            is_passive: false,
            authn_context: Vec::new(),
            name_id_format: None,
            received_at: self.ports.now(),
        })
    }

    /// Whether a service's request for a format of names can be met; if not, [fail](Self::fail) with
    /// [`StatusCode::InvalidNameIdPolicy`](crate::model::StatusCode::InvalidNameIdPolicy).
    #[must_use]
    pub fn offers_format(&self, sign_on: &SignOn) -> bool {
        self.partners.get(&sign_on.sp).is_some_and(|partner| {
            NameIdFormat::choose(sign_on.name_id_format.as_deref(), &partner.formats).is_some()
        })
    }

    /// The rules; the address to answer at.
    fn decide<'p>(
        &self,
        partner: &'p SpPartner,
        request: &AuthnRequest,
        signed: bool,
        now: OffsetDateTime,
    ) -> Result<&'p AnsweredAt, RequestRefused> {
        if request.issuer != partner.entity_id {
            return Err(RequestRefused::UnknownSp);
        }
        match request.destination.as_deref() {
            Some(destination) if destination == self.config.sign_on_url => {}
            None if !signed => {}
            _ => return Err(RequestRefused::Destination),
        }
        let (skew, issued) = (self.config.skew, request.issue_instant);
        let late = issued.saturating_add(self.config.max_age).saturating_add(skew) <= now;
        if late || issued > now.saturating_add(skew) {
            return Err(RequestRefused::Time);
        }
        let by_artifact = match request.protocol_binding.as_deref() {
            None => None,
            Some(BINDING_POST) => Some(false),
            Some(BINDING_ARTIFACT) if self.config.artifact_url.is_some() => Some(true),
            Some(_) => return Err(RequestRefused::ProtocolBinding),
        };
        if request.comparison.as_deref().is_some_and(|comparison| comparison != "exact") {
            return Err(RequestRefused::Comparison);
        }
        let offered = partner.consumers.iter().filter(|one| self.offers(partner, one));
        let mut consumers = offered.filter(|one| by_artifact.is_none_or(|wanted| one.by_artifact == wanted));
        let found = match (&request.acs_url, request.acs_index) {
            (Some(_), Some(_)) => None,
            (Some(wanted), None) => consumers.find(|one| one.url == *wanted),
            (None, Some(wanted)) => consumers.find(|one| one.index == wanted),
            (None, None) => consumers.next(),
        };
        found.ok_or(RequestRefused::Consumer)
    }

    /// Whether a service can be answered at an address: by artifact only, where its request for the message can be checked.
    pub(super) fn offers(&self, partner: &SpPartner, at: &AnsweredAt) -> bool {
        !at.by_artifact || self.config.artifact_url.is_some() && partner.keys.is_some()
    }
}
