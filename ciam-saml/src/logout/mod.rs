//! Single logout, the same for both roles
//! ([SAML profiles, section 4.4](https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf)).
//!
//! Through the browser, or from server to server by SOAP. Requests and answers are signed as a whole, both ways, or they are refused: whoever could send an unsigned request could
//! sign everybody out.

mod back;

use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::http::BrowserId;
use ciam_core::ports::Ports;
use ciam_core::secret::TokenDigest;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::binding::{BindingError, Direction, RelayState, SoapError, SoapMessage};
use crate::dsig::{KeyError, SignatureError, SignaturePolicy, Signer, TrustedKeys, verify};
use crate::enc::{Around, DecryptionKeys, decrypt};
use crate::model::{LogoutRequest, LogoutResponse, NameId, ShapeError, Status, issuer_hint, new_id};
use crate::names::ASSERTION;
use crate::transport::{Binding, Incoming, Outgoing, Proven};
use crate::xml::{Element, XmlError};

/// Our side.
pub(crate) struct Party<'p> {
    pub(crate) ports: &'p Ports,
    pub(crate) entity_id: &'p str,
    pub(crate) logout_url: Option<&'p str>,
    pub(crate) soap_logout_url: Option<&'p str>,
    pub(crate) signer: Option<&'p Signer>,
    pub(crate) decryption: &'p DecryptionKeys,
    pub(crate) skew: Duration,
    pub(crate) max_age: Duration,
}

/// The other side.
#[derive(Clone, Copy)]
pub(crate) struct Peer<'p> {
    pub(crate) entity_id: &'p str,
    pub(crate) keys: Option<&'p TrustedKeys>,
    pub(crate) policy: &'p SignaturePolicy,
    pub(crate) logout: &'p [(Binding, String)],
    pub(crate) soap_logout: Option<&'p str>,
}

/// The ways in which messages of single logout come.
#[derive(Clone, Copy)]
pub(crate) enum Arrival<'m> {
    Front(Incoming<'m>),
    Back(&'m SoapMessage),
}

/// Somebody whom we know asks us to end sessions. A host may keep it while it tells others.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogoutDemand {
    /// Who asks.
    pub peer: String,
    /// Whose sessions.
    pub name_id: NameId,
    /// Which of them; all when there is none.
    pub session_indexes: Vec<String>,
    /// The request's identifier.
    pub request_id: String,
    /// To be handed back with the answer.
    pub relay_state: Option<RelayState>,
}

/// Somebody whom we asked has answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogoutAnswer {
    /// Who answers.
    pub peer: String,
    /// The request that is answered.
    pub request_id: String,
    /// How it went.
    pub status: Status,
}

/// A request for logout that is on its way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogoutAsked {
    /// Who is asked.
    pub peer: String,
    /// The request's identifier.
    pub request_id: String,
    /// How to send the browser off.
    pub outgoing: Outgoing,
}

/// Why a message of single logout is refused, or could not be sent.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogoutError {
    /// The message did not arrive.
    #[error("the message did not arrive")]
    Binding(#[from] BindingError),
    /// The message is not what the schema says.
    #[error("the message is malformed")]
    Shape(#[from] ShapeError),
    /// The document is refused.
    #[error("the document is refused")]
    Xml(#[from] XmlError),
    /// The message is not signed as a whole by who sends it.
    #[error("the signature is refused")]
    Signature(#[from] SignatureError),
    /// The sender is not known.
    #[error("the sender is not known")]
    UnknownPeer,
    /// The message is for another address, or for none.
    #[error("the message is for another address")]
    Destination,
    /// The message is too old, or of the future.
    #[error("the time is outside of what is allowed")]
    Time,
    /// The request does not say whose sessions to end.
    #[error("the request has no readable name")]
    NoSubject,
    /// The request was received before.
    #[error("the request was received before")]
    Replay,
    /// The answer is to no request of ours, or not from whom we asked, or comes by another browser.
    #[error("the answer is to no open request")]
    InResponseTo,
    /// There is no address, or no key, to send with.
    #[error("logout is not set up with this peer")]
    NotSetUp,
    /// The exchange from server to server failed.
    #[error("the exchange failed")]
    Exchange(#[from] SoapError),
    /// Signing failed.
    #[error("the message could not be signed")]
    Key(#[from] KeyError),
    /// A port failed.
    #[error("a port failed")]
    Port(#[from] PortError),
}

/// What was asked, kept until the answer.
#[derive(Serialize, Deserialize)]
struct Pending {
    peer: String,
    browser: TokenDigest,
}

/// How long an answer is waited for.
const PENDING: Duration = Duration::minutes(10);

impl Party<'_> {
    /// Asks a peer to end sessions.
    pub(crate) async fn ask(
        &self,
        peer: Peer<'_>,
        browser: &BrowserId,
        name_id: &NameId,
        session_indexes: Vec<String>,
    ) -> Result<LogoutAsked, LogoutError> {
        let (binding, to) = peer.logout.first().ok_or(LogoutError::NotSetUp)?;
        let signer = self.signer.ok_or(LogoutError::NotSetUp)?;
        let request = self.request(to, name_id, session_indexes)?;
        let pending = Pending { peer: peer.entity_id.to_owned(), browser: browser.digest() };
        self.ports.ephemeral().put(&pending_key(&request.id), ephemeral::encode(&pending)?, PENDING).await?;
        let message = request.write();
        let to = (*binding, &**to);
        let crypto = self.ports.crypto();
        let outgoing = Outgoing::pack(crypto, to, Direction::Request, &message, None, Some(signer))?;
        Ok(LogoutAsked { peer: peer.entity_id.to_owned(), request_id: request.id, outgoing })
    }

    fn request(
        &self,
        to: &str,
        name_id: &NameId,
        session_indexes: Vec<String>,
    ) -> Result<LogoutRequest, PortError> {
        let now = self.ports.now();
        Ok(LogoutRequest {
            id: new_id(self.ports.entropy())?,
            issue_instant: now,
            issuer: self.entity_id.to_owned(),
            destination: Some(to.to_owned()),
            not_on_or_after: Some(now.saturating_add(PENDING)),
            name_id: Some(name_id.clone()),
            session_indexes,
        })
    }

    /// Reads a request, once.
    pub(crate) async fn demanded<'f>(
        &self,
        find: impl Fn(&str) -> Option<Peer<'f>> + Send,
        arrival: Arrival<'_>,
    ) -> Result<LogoutDemand, LogoutError> {
        let (proven, peer) = self.proven(find, arrival, Direction::Request)?;
        let request = LogoutRequest::read(proven.root()?, |element| self.name_in(element, &proven))?;
        let here = match arrival {
            Arrival::Front(_) => self.logout_url,
            Arrival::Back(_) => self.soap_logout_url,
        };
        Self::for_us(request.destination.as_deref(), here)?;
        self.header(&request.issuer, peer, request.issue_instant)?;
        let now = self.ports.now();
        if request.not_on_or_after.is_some_and(|end| end.saturating_add(self.skew) <= now) {
            return Err(LogoutError::Time);
        }
        let name_id = request.name_id.ok_or(LogoutError::NoSubject)?;
        let name = TokenDigest::of(&format!("{}\n{}", peer.entity_id, request.id)).to_text();
        let ttl = self.max_age + self.skew * 2 + Duration::SECOND;
        let key = EphemeralKey::new("saml.logout_request", name);
        if !self.ports.ephemeral().put_if_absent(&key, Vec::new(), ttl).await? {
            return Err(LogoutError::Replay);
        }
        let relay_state = match arrival {
            Arrival::Front(Incoming::Redirect(message)) => message.relay_state(),
            Arrival::Front(Incoming::Post(message)) => message.relay_state(),
            Arrival::Back(_) => None,
        };
        Ok(LogoutDemand {
            peer: peer.entity_id.to_owned(),
            name_id,
            session_indexes: request.session_indexes,
            request_id: request.id,
            relay_state: relay_state.cloned(),
        })
    }

    /// Answers a request.
    pub(crate) fn answer(
        &self,
        peer: Peer<'_>,
        demand: &LogoutDemand,
        status: Status,
    ) -> Result<Outgoing, LogoutError> {
        let (binding, to) = peer.logout.first().ok_or(LogoutError::NotSetUp)?;
        let signer = self.signer.ok_or(LogoutError::NotSetUp)?;
        let response = LogoutResponse {
            id: new_id(self.ports.entropy())?,
            issue_instant: self.ports.now(),
            issuer: self.entity_id.to_owned(),
            destination: Some(to.clone()),
            in_response_to: demand.request_id.clone(),
            status,
        };
        let relay_state = demand.relay_state.as_ref().map(RelayState::as_str);
        let to = (*binding, &**to);
        let crypto = self.ports.crypto();
        Ok(Outgoing::pack(crypto, to, Direction::Response, &response.write(), relay_state, Some(signer))?)
    }

    /// Reads an answer, once.
    pub(crate) async fn answered<'f>(
        &self,
        find: impl Fn(&str) -> Option<Peer<'f>> + Send,
        browser: &BrowserId,
        incoming: Incoming<'_>,
    ) -> Result<LogoutAnswer, LogoutError> {
        let (proven, peer) = self.proven(find, Arrival::Front(incoming), Direction::Response)?;
        let response = LogoutResponse::read(proven.root()?)?;
        Self::for_us(response.destination.as_deref(), self.logout_url)?;
        self.header(&response.issuer, peer, response.issue_instant)?;
        let key = pending_key(&response.in_response_to);
        let stored = self.ports.ephemeral().get(&key).await?.ok_or(LogoutError::InResponseTo)?;
        let pending: Pending = ephemeral::decode(&stored)?;
        if pending.peer != peer.entity_id || pending.browser != browser.digest() {
            return Err(LogoutError::InResponseTo);
        }
        self.ports.ephemeral().take(&key).await?.ok_or(LogoutError::InResponseTo)?;
        Ok(LogoutAnswer {
            peer: peer.entity_id.to_owned(),
            request_id: response.in_response_to,
            status: response.status,
        })
    }

    /// The message, signed as a whole by the peer that it names.
    fn proven<'f>(
        &self,
        find: impl Fn(&str) -> Option<Peer<'f>>,
        arrival: Arrival<'_>,
        direction: Direction,
    ) -> Result<(Proven, Peer<'f>), LogoutError> {
        let known = |root: Element<'_>| {
            let peer = issuer_hint(root).and_then(&find).ok_or(LogoutError::UnknownPeer)?;
            Ok::<_, LogoutError>((peer, peer.keys.ok_or(LogoutError::NotSetUp)?))
        };
        let crypto = self.ports.crypto();
        match arrival {
            Arrival::Front(incoming) => {
                let doc = incoming.doc(direction)?;
                let (peer, keys) = known(doc.root()?)?;
                Ok((incoming.prove(crypto, doc, keys, peer.policy)?, peer))
            }
            Arrival::Back(message) => {
                let element = message.content()?;
                let (peer, keys) = known(element)?;
                Ok((Proven::ByRoot(verify(crypto, element, keys, peer.policy)?), peer))
            }
        }
    }

    fn for_us(destination: Option<&str>, here: Option<&str>) -> Result<(), LogoutError> {
        if destination.is_none() || destination != here { Err(LogoutError::Destination) } else { Ok(()) }
    }

    fn header(&self, issuer: &str, peer: Peer<'_>, issued: OffsetDateTime) -> Result<(), LogoutError> {
        if issuer != peer.entity_id {
            return Err(LogoutError::UnknownPeer);
        }
        let now = self.ports.now();
        let late = issued.saturating_add(self.max_age).saturating_add(self.skew) <= now;
        if late || issued > now.saturating_add(self.skew) { Err(LogoutError::Time) } else { Ok(()) }
    }

    /// The name in an `EncryptedID` of a signed message.
    fn name_in(&self, element: Element<'_>, proven: &Proven) -> Option<NameId> {
        let around = match proven {
            Proven::ByRoot(signed) => Around::Signed(signed),
            Proven::ByQuery(_) => Around::Nothing,
        };
        let (crypto, entropy) = (self.ports.crypto(), self.ports.entropy());
        let decrypted = decrypt(crypto, entropy, self.decryption, element, around).ok()?;
        let name = decrypted.element().ok().filter(|name| name.is(ASSERTION, "NameID"))?;
        NameId::read(name).ok()
    }
}

fn pending_key(id: &str) -> EphemeralKey {
    EphemeralKey::new("saml.logout", TokenDigest::of(id).to_text())
}
