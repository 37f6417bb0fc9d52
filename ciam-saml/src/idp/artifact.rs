//! Messages that are kept until a service fetches them
//! ([SAML profiles, section 5](https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf)).

use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::error::PortError;
use serde::{Deserialize, Serialize};

use super::{IdentityProvider, SpPartner};
use crate::binding::{Artifact, BindingError, SoapMessage, SoapReply};
use crate::dsig::{KeyError, SignatureError, verify};
use crate::model::{ArtifactResolve, ShapeError, issuer_hint, new_id, write_response};
use crate::xml::XmlError;

/// Why a request for the message of an artifact is refused. Answer it with [`SoapReply::fault`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveRefused {
    /// The message did not arrive.
    #[error("the message did not arrive")]
    Binding(#[from] BindingError),
    /// The message is not what the schema says.
    #[error("the message is malformed")]
    Shape(#[from] ShapeError),
    /// The document is refused.
    #[error("the document is refused")]
    Xml(#[from] XmlError),
    /// The request is not signed as a whole by the service that it names.
    #[error("the signature is refused")]
    Signature(#[from] SignatureError),
    /// The service is not known.
    #[error("the service is not known")]
    UnknownSp,
    /// The request is for another address.
    #[error("the request is for another address")]
    Destination,
    /// The request is too old, or of the future.
    #[error("the time is outside of what is allowed")]
    Time,
    /// The answer could not be signed.
    #[error("the answer could not be signed")]
    Key(#[from] KeyError),
    /// A port failed.
    #[error("a port failed")]
    Port(#[from] PortError),
}

/// A message that is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    sp: String,
    message: String,
}

impl IdentityProvider {
    /// Keeps a message for a service, for a short time.
    pub(super) async fn keep(&self, sp: &str, message: String) -> Result<Artifact, PortError> {
        let artifact = Artifact::random(self.ports.entropy(), &self.config.entity_id, ENDPOINT)?;
        let value = ephemeral::encode(&Kept { sp: sp.to_owned(), message })?;
        self.ports.ephemeral().put(&key(&artifact), value, self.config.artifact_lifetime).await?;
        Ok(artifact)
    }

    /// Answers a service that asks for the message of an artifact. It gets the message once, when it is for it; else it is
    /// told that there is none.
    ///
    /// # Security
    ///
    /// The request has to be signed by the service that the message is for. Another service learns nothing, and takes
    /// nothing away.
    ///
    /// # Errors
    ///
    /// Fails when the request is not signed by a service that we know, for us, now.
    pub async fn resolve(&self, message: &SoapMessage) -> Result<SoapReply, ResolveRefused> {
        let element = message.content()?;
        let partner = issuer_hint(element).and_then(|issuer| self.partners.get(issuer));
        let partner = partner.ok_or(ResolveRefused::UnknownSp)?;
        let keys = partner.keys.as_ref().ok_or(SignatureError::Invalid)?;
        let signed = verify(self.ports.crypto(), element, keys, &partner.policy)?;
        let request = ArtifactResolve::read(signed.root()?)?;
        self.check_resolve(partner, &request)?;
        let found = match Artifact::parse(&request.artifact) {
            Ok(artifact) if artifact.is_from(&self.config.entity_id) => {
                self.take(&partner.entity_id, &artifact).await?
            }
            _ => None,
        };
        let id = new_id(self.ports.entropy())?;
        let (entity_id, now) = (&self.config.entity_id, self.ports.now());
        let response = write_response((&id, now), entity_id, &request.id, found.as_deref());
        Ok(SoapReply::new(&response.sign(self.ports.crypto(), &self.config.signer)?))
    }

    /// The message, when it is for this service. Of two that ask, one gets it.
    async fn take(&self, sp: &str, artifact: &Artifact) -> Result<Option<String>, PortError> {
        let port = self.ports.ephemeral();
        let Some(stored) = port.get(&key(artifact)).await? else { return Ok(None) };
        if ephemeral::decode::<Kept>(&stored)?.sp != sp {
            return Ok(None);
        }
        let Some(taken) = port.take(&key(artifact)).await? else { return Ok(None) };
        Ok(Some(ephemeral::decode::<Kept>(&taken)?.message))
    }

    fn check_resolve(&self, partner: &SpPartner, request: &ArtifactResolve) -> Result<(), ResolveRefused> {
        if request.issuer != partner.entity_id {
            return Err(ResolveRefused::UnknownSp);
        }
        // It need not be said (bindings, section 3.2): the artifact itself is only good here.
        if request.destination.is_some() && request.destination != self.config.artifact_url {
            return Err(ResolveRefused::Destination);
        }
        let (skew, now) = (self.config.skew, self.ports.now());
        let late = request.issue_instant.saturating_add(self.config.max_age).saturating_add(skew) <= now;
        if late || request.issue_instant > now.saturating_add(skew) {
            return Err(ResolveRefused::Time);
        }
        Ok(())
    }
}

/// The number of the one address where messages are fetched.
pub(crate) const ENDPOINT: u16 = 0;

fn key(artifact: &Artifact) -> EphemeralKey {
    EphemeralKey::new("saml.artifact", artifact.digest().to_text())
}
