//! Single logout of the service provider.

use ciam_core::http::BrowserId;

use super::{Authenticated, IdpPartner, ServiceProvider};
use crate::binding::{SoapMessage, SoapReply};
use crate::logout::{Arrival, LogoutAnswer, LogoutAsked, LogoutDemand, LogoutError, Party, Peer};
use crate::model::{NameId, Status};
use crate::transport::{Incoming, Outgoing};

impl ServiceProvider {
    /// Asks the identity provider to end the session that a person was signed in by.
    ///
    /// # Errors
    ///
    /// Fails when logout is not set up with the identity provider, and when a port does.
    pub async fn start_logout(
        &self,
        browser: &BrowserId,
        person: &Authenticated,
    ) -> Result<LogoutAsked, LogoutError> {
        self.start_logout_of(browser, &person.idp, &person.name_id, person.session_index.as_deref()).await
    }

    /// As [`start_logout`](Self::start_logout), for a host that kept the name and the session's index, and nothing else of what
    /// was said.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn start_logout_of(
        &self,
        browser: &BrowserId,
        idp: &str,
        name_id: &NameId,
        session_index: Option<&str>,
    ) -> Result<LogoutAsked, LogoutError> {
        let peer = self.peer(idp).ok_or(LogoutError::UnknownPeer)?;
        let indexes = session_index.into_iter().map(str::to_owned).collect();
        self.party().ask(peer, browser, name_id, indexes).await
    }

    /// Reads what the identity provider answers.
    ///
    /// # Errors
    ///
    /// Fails when it is not signed by who was asked, for this browser's request, now.
    pub async fn accept_logout_answer(
        &self,
        browser: &BrowserId,
        incoming: Incoming<'_>,
    ) -> Result<LogoutAnswer, LogoutError> {
        self.party().answered(|id| self.peer(id), browser, incoming).await
    }

    /// Reads a request of an identity provider to end sessions here. End those of this name, and of these indexes where there
    /// are some, then [answer](Self::answer_logout).
    ///
    /// # Errors
    ///
    /// Fails when it is not signed by an identity provider that we know, for us, now, or came before.
    pub async fn accept_logout_request(&self, incoming: Incoming<'_>) -> Result<LogoutDemand, LogoutError> {
        self.party().demanded(|id| self.peer(id), Arrival::Front(incoming)).await
    }

    /// Answers such a request.
    ///
    /// # Errors
    ///
    /// Fails when logout is not set up with the identity provider, and when signing does.
    pub fn answer_logout(&self, demand: &LogoutDemand, status: Status) -> Result<Outgoing, LogoutError> {
        let peer = self.peer(&demand.peer).ok_or(LogoutError::UnknownPeer)?;
        self.party().answer(peer, demand, status)
    }

    /// Asks the identity provider from server to server to end the session that a person was signed in by.
    ///
    /// # Errors
    ///
    /// Fails when logout is not set up with the identity provider in this way, and when its answer cannot be had or is
    /// refused.
    pub async fn ask_logout(&self, person: &Authenticated) -> Result<LogoutAnswer, LogoutError> {
        let peer = self.peer(&person.idp).ok_or(LogoutError::UnknownPeer)?;
        let indexes = person.session_index.iter().cloned().collect();
        self.party().ask_directly(peer, &person.name_id, indexes).await
    }

    /// Reads a request of an identity provider that comes from server to server; as
    /// [`accept_logout_request`](Self::accept_logout_request), without a browser.
    ///
    /// # Errors
    ///
    /// As there. Answer with [`SoapReply::fault`].
    pub async fn accept_soap_logout(&self, message: &SoapMessage) -> Result<LogoutDemand, LogoutError> {
        self.party().demanded(|id| self.peer(id), Arrival::Back(message)).await
    }

    /// Answers such a request.
    ///
    /// # Errors
    ///
    /// Fails when there is no key to sign with, and when signing does.
    pub fn answer_soap_logout(
        &self,
        demand: &LogoutDemand,
        status: Status,
    ) -> Result<SoapReply, LogoutError> {
        self.party().answer_directly(demand, status)
    }

    fn party(&self) -> Party<'_> {
        Party {
            ports: &self.ports,
            entity_id: &self.config.entity_id,
            logout_url: self.config.logout_url.as_deref(),
            soap_logout_url: self.config.soap_logout_url.as_deref(),
            signer: self.config.signer.as_ref(),
            decryption: &self.config.decryption,
            skew: self.config.skew,
            max_age: self.config.max_age,
        }
    }

    fn peer(&self, entity_id: &str) -> Option<Peer<'_>> {
        let IdpPartner { entity_id, keys, policy, logout, soap_logout, .. } = self.partners.get(entity_id)?;
        Some(Peer { entity_id, keys: Some(keys), policy, logout, soap_logout: soap_logout.as_deref() })
    }
}
