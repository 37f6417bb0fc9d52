//! From server to server ([SAML bindings, section 3.2](https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf)).

use super::{Arrival, LogoutAnswer, LogoutDemand, LogoutError, Party, Peer};
use crate::binding::{Direction, SoapReply, exchange};
use crate::model::{LogoutResponse, NameId, Status, new_id};

impl Party<'_> {
    /// Asks a peer to end sessions, and reads what it answers.
    pub(crate) async fn ask_directly(
        &self,
        peer: Peer<'_>,
        name_id: &NameId,
        session_indexes: Vec<String>,
    ) -> Result<LogoutAnswer, LogoutError> {
        let to = peer.soap_logout.ok_or(LogoutError::NotSetUp)?;
        let signer = self.signer.ok_or(LogoutError::NotSetUp)?;
        let request = self.request(to, name_id, session_indexes)?;
        let message = request.write().sign(self.ports.crypto(), signer)?;
        let answer = exchange(self.ports, to, &message).await?;
        let found = |id: &str| (id == peer.entity_id).then_some(peer);
        let (proven, _) = self.proven(found, Arrival::Back(&answer), Direction::Response)?;
        let response = LogoutResponse::read(proven.root()?)?;
        self.header(&response.issuer, peer, response.issue_instant)?;
        if response.in_response_to != request.id {
            return Err(LogoutError::InResponseTo);
        }
        Ok(LogoutAnswer { peer: peer.entity_id.to_owned(), request_id: request.id, status: response.status })
    }

    /// Answers a request on the connection by which it came.
    pub(crate) fn answer_directly(
        &self,
        demand: &LogoutDemand,
        status: Status,
    ) -> Result<SoapReply, LogoutError> {
        let signer = self.signer.ok_or(LogoutError::NotSetUp)?;
        let response = LogoutResponse {
            id: new_id(self.ports.entropy())?,
            issue_instant: self.ports.now(),
            issuer: self.entity_id.to_owned(),
            destination: None,
            in_response_to: demand.request_id.clone(),
            status,
        };
        Ok(SoapReply::new(&response.write().sign(self.ports.crypto(), signer)?))
    }
}
