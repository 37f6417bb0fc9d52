//! Single logout of the identity provider: one service asks, the others are asked.

use ciam_core::http::BrowserId;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::{IdentityProvider, Participant, SpPartner};
use crate::binding::{SoapMessage, SoapReply};
use crate::enc::DecryptionKeys;
use crate::logout::{Arrival, LogoutAnswer, LogoutAsked, LogoutDemand, LogoutError, Party, Peer};
use crate::model::{NameId, Status, StatusCode};
use crate::transport::{Incoming, Outgoing};

/// Who still has to be told of the end of a session, and who could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Propagation {
    /// Services that are to be asked, one after the other, through the browser.
    pub waiting: Vec<Participant>,
    /// Services that said that they did.
    pub done: Vec<String>,
    /// Services that said that they did not, or that cannot be asked.
    pub failed: Vec<String>,
}

impl Propagation {
    /// Takes a service's answer into account.
    pub fn record(&mut self, answer: &LogoutAnswer) {
        let list = if answer.status.is_success() { &mut self.done } else { &mut self.failed };
        list.push(answer.peer.clone());
    }

    /// What to tell the service that asked: success, or that not everybody was reached
    /// ([SAML core, section 3.7.3.2](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
    #[must_use]
    pub fn status(&self) -> Status {
        if self.failed.is_empty() && self.waiting.is_empty() {
            return Status::success();
        }
        Status::new(StatusCode::Success, Some(StatusCode::PartialLogout))
    }
}

impl IdentityProvider {
    /// Reads a service's request to end sessions; those that it means are with it. End them, tell the others
    /// ([`propagation`](Self::propagation)), then [answer](Self::answer_logout).
    ///
    /// # Errors
    ///
    /// Fails when it is not signed by a service that we know, for us, now, or came before.
    pub async fn accept_logout_request(
        &self,
        incoming: Incoming<'_>,
    ) -> Result<(LogoutDemand, Vec<String>), LogoutError> {
        self.demanded(Arrival::Front(incoming)).await
    }

    /// Reads a service's request that comes from server to server, as
    /// [`accept_logout_request`](Self::accept_logout_request) does. Services that can only be reached through the browser
    /// stay [waiting](Propagation::waiting) then: the answer says that not everybody was reached.
    ///
    /// # Errors
    ///
    /// As there. Answer with [`SoapReply::fault`].
    pub async fn accept_soap_logout(
        &self,
        message: &SoapMessage,
    ) -> Result<(LogoutDemand, Vec<String>), LogoutError> {
        self.demanded(Arrival::Back(message)).await
    }

    /// Answers such a request.
    ///
    /// # Errors
    ///
    /// Fails when signing does.
    pub fn answer_soap_logout(
        &self,
        demand: &LogoutDemand,
        status: Status,
    ) -> Result<SoapReply, LogoutError> {
        self.party(&DecryptionKeys::default()).answer_directly(demand, status)
    }

    async fn demanded(&self, arrival: Arrival<'_>) -> Result<(LogoutDemand, Vec<String>), LogoutError> {
        let none = DecryptionKeys::default();
        let demand = self.party(&none).demanded(|id| self.peer(id), arrival).await?;
        let sessions = self.sessions_of(&demand.peer, &demand.name_id, &demand.session_indexes).await?;
        Ok((demand, sessions))
    }

    /// Who was told of a session and has to be told of its end, but for the service that asked.
    ///
    /// # Errors
    ///
    /// Fails only when a port does.
    pub async fn propagation(
        &self,
        session: &str,
        asked_by: Option<&str>,
    ) -> Result<Propagation, LogoutError> {
        let mut propagation = Propagation::default();
        for participant in self.participants(session).await? {
            if Some(&*participant.sp) == asked_by {
                continue;
            }
            let reachable = self.peer(&participant.sp).is_some_and(|peer| {
                peer.keys.is_some() && (peer.soap_logout.is_some() || !peer.logout.is_empty())
            });
            if reachable {
                propagation.waiting.push(participant);
            } else {
                propagation.failed.push(participant.sp);
            }
        }
        Ok(propagation)
    }

    /// Asks all services that can be asked from server to server, at the same time. Who does not answer so is asked through
    /// the browser, where that is possible, and is counted among the failed otherwise.
    pub async fn ask_all(&self, propagation: &mut Propagation) {
        let (direct, waiting) = std::mem::take(&mut propagation.waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|one| self.peer(&one.sp).is_some_and(|peer| peer.soap_logout.is_some()));
        propagation.waiting = waiting;
        let ask = |one: Participant| async move {
            let indexes = vec![one.session_index.clone()];
            let answer = self.ask_service(&one.sp, &one.name_id, indexes).await;
            (one, answer)
        };
        for (one, answer) in join_all(direct.into_iter().map(ask)).await {
            match answer {
                Ok(answer) => propagation.record(&answer),
                Err(_) if self.peer(&one.sp).is_some_and(|peer| !peer.logout.is_empty()) => {
                    propagation.waiting.push(one);
                }
                Err(_) => propagation.failed.push(one.sp),
            }
        }
    }

    pub(super) async fn ask_service(
        &self,
        sp: &str,
        name_id: &NameId,
        session_indexes: Vec<String>,
    ) -> Result<LogoutAnswer, LogoutError> {
        let none = DecryptionKeys::default();
        let peer = self.peer(sp).ok_or(LogoutError::UnknownPeer)?;
        self.party(&none).ask_directly(peer, name_id, session_indexes).await
    }

    /// Asks the next service that waits; `None` when nobody does.
    ///
    /// # Errors
    ///
    /// Fails when signing does, or a port.
    pub async fn ask_next(
        &self,
        browser: &BrowserId,
        propagation: &mut Propagation,
    ) -> Result<Option<LogoutAsked>, LogoutError> {
        let none = DecryptionKeys::default();
        while let Some(next) = propagation.waiting.pop() {
            match self.peer(&next.sp).filter(|peer| !peer.logout.is_empty()) {
                Some(peer) => {
                    let indexes = vec![next.session_index];
                    return self.party(&none).ask(peer, browser, &next.name_id, indexes).await.map(Some);
                }
                None => propagation.failed.push(next.sp),
            }
        }
        Ok(None)
    }

    /// Reads a service's answer.
    ///
    /// # Errors
    ///
    /// Fails when it is not signed by who was asked, for this browser's request, now.
    pub async fn accept_logout_answer(
        &self,
        browser: &BrowserId,
        incoming: Incoming<'_>,
    ) -> Result<LogoutAnswer, LogoutError> {
        let none = DecryptionKeys::default();
        self.party(&none).answered(|id| self.peer(id), browser, incoming).await
    }

    /// Answers the service that asked.
    ///
    /// # Errors
    ///
    /// Fails when logout is not set up with it, and when signing does.
    pub fn answer_logout(&self, demand: &LogoutDemand, status: Status) -> Result<Outgoing, LogoutError> {
        let peer = self.peer(&demand.peer).ok_or(LogoutError::UnknownPeer)?;
        self.party(&DecryptionKeys::default()).answer(peer, demand, status)
    }

    fn party<'p>(&'p self, decryption: &'p DecryptionKeys) -> Party<'p> {
        Party {
            ports: &self.ports,
            entity_id: &self.config.entity_id,
            logout_url: self.config.logout_url.as_deref(),
            soap_logout_url: self.config.soap_logout_url.as_deref(),
            signer: Some(&self.config.signer),
            decryption,
            skew: self.config.skew,
            max_age: self.config.max_age,
        }
    }

    fn peer(&self, entity_id: &str) -> Option<Peer<'_>> {
        let SpPartner { entity_id, keys, policy, logout, soap_logout, .. } = self.partners.get(entity_id)?;
        Some(Peer { entity_id, keys: keys.as_ref(), policy, logout, soap_logout: soap_logout.as_deref() })
    }
}
