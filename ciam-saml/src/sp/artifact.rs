//! Responses that are fetched by artifact
//! ([SAML profiles, section 5](https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf)).

use ciam_core::ephemeral::EphemeralKey;
use ciam_core::http::BrowserId;
use time::Duration;

use super::{Accepted, IdpPartner, Reject, ServiceProvider};
use crate::binding::{ArtifactMessage, RelayState, SoapMessage, exchange};
use crate::dsig::verify;
use crate::model::{ArtifactResolve, ArtifactResponse, new_id};

/// A request for the message of an artifact, signed and ready to be sent.
#[derive(Clone, Debug)]
pub struct Resolution {
    idp: String,
    request_id: String,
    to: String,
    message: String,
    relay_state: Option<RelayState>,
}

impl Resolution {
    /// The request's identifier.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Where it is to be sent: an address that is set up for the identity provider that the artifact names.
    #[must_use]
    pub fn to(&self) -> &str {
        &self.to
    }

    /// The request, without its envelope.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl ServiceProvider {
    /// Accepts a response by its artifact, once: fetches it from the identity provider that the artifact names, through
    /// core's [`Outbound`](ciam_core::outbound::Outbound), and holds it against everything that a response that is posted is
    /// held against.
    ///
    /// # Security
    ///
    /// The answer has to be signed by the identity provider that was asked, and the response in it has to be signed for
    /// itself, by the same: that it came over a connection to somebody, or inside of something signed, makes no response
    /// genuine. Whoever can reach this makes the server send one request for each artifact: let only browsers here
    /// that have begun a sign-in, or limit the rate.
    ///
    /// # Errors
    ///
    /// Fails with the check that did not hold.
    pub async fn accept_artifact(
        &self,
        browser: Option<&BrowserId>,
        message: &ArtifactMessage,
    ) -> Result<Accepted, Reject> {
        let resolution = self.start_resolution(browser, message).await?;
        let answer = exchange(&self.ports, &resolution.to, &resolution.message).await?;
        self.finish_resolution(browser, &resolution, &answer).await
    }

    /// The first half of [`accept_artifact`](Self::accept_artifact): what is to be sent where. An artifact is asked for once.
    ///
    /// # Errors
    ///
    /// Fails when the artifact is of no identity provider that is set up for it, when it was asked for before, and when there
    /// is no key to sign with.
    pub async fn start_resolution(
        &self,
        browser: Option<&BrowserId>,
        message: &ArtifactMessage,
    ) -> Result<Resolution, Reject> {
        let artifact = message.artifact();
        let mut partners = self.partners.values();
        let partner =
            partners.find(|partner| artifact.is_from(&partner.entity_id)).ok_or(Reject::Artifact)?;
        let mut addresses = partner.resolution.iter();
        let address = addresses.find(|(index, _)| *index == artifact.endpoint());
        let (_, to) = address.ok_or(Reject::Artifact)?;
        if browser.is_none() && !partner.unsolicited {
            return Err(Reject::OtherBrowser);
        }
        let signer = self.config.signer.as_ref().ok_or(Reject::NoSigner)?;
        let key = EphemeralKey::new("saml.artifact_seen", artifact.digest().to_text());
        if !self.ports.ephemeral().put_if_absent(&key, Vec::new(), SEEN).await? {
            return Err(Reject::Replay);
        }
        let request = ArtifactResolve {
            id: new_id(self.ports.entropy())?,
            issue_instant: self.ports.now(),
            issuer: self.config.entity_id.clone(),
            destination: Some(to.clone()),
            artifact: artifact.to_text(),
        };
        Ok(Resolution {
            idp: partner.entity_id.clone(),
            message: request.write().sign(self.ports.crypto(), signer)?,
            request_id: request.id,
            to: to.clone(),
            relay_state: message.relay_state().cloned(),
        })
    }

    /// The second half: what was answered.
    ///
    /// # Errors
    ///
    /// As [`accept_artifact`](Self::accept_artifact).
    pub async fn finish_resolution(
        &self,
        browser: Option<&BrowserId>,
        resolution: &Resolution,
        answer: &SoapMessage,
    ) -> Result<Accepted, Reject> {
        let partner = self.partners.get(&resolution.idp).ok_or(Reject::UnknownIdp)?;
        let signed = verify(self.ports.crypto(), answer.content()?, &partner.keys, &partner.policy)?;
        let response = ArtifactResponse::read(signed.root()?)?;
        self.check_resolved(partner, resolution, &response)?;
        let message = response.message.ok_or(Reject::NoAssertion)?;
        self.accept_from(browser, message, Some(partner), resolution.relay_state.as_ref()).await
    }

    /// Whether the answer is from who was asked, to what was asked, now.
    fn check_resolved(
        &self,
        partner: &IdpPartner,
        resolution: &Resolution,
        response: &ArtifactResponse<'_>,
    ) -> Result<(), Reject> {
        if response.header.issuer.as_deref() != Some(&*partner.entity_id) {
            return Err(Reject::Issuer);
        }
        if response.in_response_to.as_deref() != Some(&*resolution.request_id) {
            return Err(Reject::InResponseTo);
        }
        let (skew, now) = (self.config.skew, self.ports.now());
        let issued = response.header.issue_instant;
        let late = issued.saturating_add(self.config.max_age).saturating_add(skew) <= now;
        if late || issued > now.saturating_add(skew) {
            return Err(Reject::Time);
        }
        if response.status.is_success() { Ok(()) } else { Err(Reject::Status(response.status.clone())) }
    }
}

/// How long an artifact is remembered that was asked for: longer than any identity provider keeps the message.
const SEEN: Duration = Duration::hours(1);
