//! Reading the metadata of a protected resource, as a client does before it asks for a token
//! ([RFC 9728, section 3](https://www.rfc-editor.org/rfc/rfc9728#section-3)).

use ciam_core::jose::{AlgorithmSet, KeySet, TokenType, Verifier};
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::ports::Ports;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::resource_metadata::{ResourceMetadata, well_known};
use crate::issuer::Issuer;
use crate::resource::ResourceIndicator;
use crate::times::Times;

/// What a protected resource says of itself, after it was checked that it says it of the right one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResourceDescription {
    /// The resource: the very one that was asked about.
    pub resource: ResourceIndicator,
    /// Whose tokens it takes. What is no issuer's name is left out.
    pub authorization_servers: Vec<Issuer>,
    /// Whether somebody who is trusted signed it.
    pub attested: bool,
    /// Every member; those that are signed instead of those that are not.
    pub members: Map<String, Value>,
}

impl ResourceDescription {
    /// A member by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }
}

/// Finds out whose tokens a resource takes.
///
/// ```
/// use ciam_core::memory;
/// use ciam_oauth::validate::ResourceDiscovery;
///
/// # async fn find() -> Result<(), Box<dyn std::error::Error>> {
/// let discovery = ResourceDiscovery::new(memory::ports());
/// let found = discovery.discover(&"https://api.example/orders".parse()?).await?;
/// assert!(found.authorization_servers.contains(&"https://id.example".parse()?));
/// # Ok(())
/// # }
/// ```
///
/// # Security
///
/// - The document must be about the very resource that was asked about, byte for byte: another's would send the client, and its token, to
///   whom an attacker chooses ([section 3.3](https://www.rfc-editor.org/rfc/rfc9728#section-3.3)).
/// - It is fetched by the [outbound rules](ciam_core::outbound).
/// - Whether an authorization server that it names is one to trust is still for the client to decide
///   ([section 7.6](https://www.rfc-editor.org/rfc/rfc9728#section-7.6)).
#[derive(Clone, Debug)]
pub struct ResourceDiscovery {
    ports: Ports,
    outbound: Outbound,
    attester: Option<Attester>,
}

/// Whose signature is demanded.
#[derive(Clone, Debug)]
struct Attester {
    name: String,
    keys: KeySet,
}

impl ResourceDiscovery {
    /// Takes unsigned metadata.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        Self { outbound: Outbound::new(ports.clone()), ports, attester: None }
    }

    /// Demands metadata that this one has signed, with one of these keys
    /// ([section 2.2](https://www.rfc-editor.org/rfc/rfc9728#section-2.2)).
    #[must_use]
    pub fn with_attester(mut self, name: impl Into<String>, keys: KeySet) -> Self {
        self.attester = Some(Attester { name: name.into(), keys });
        self
    }

    /// The metadata of a resource, from the place that its name makes.
    ///
    /// # Errors
    ///
    /// Fails when the name is not a web address, when the document cannot be had, and when it is not about this resource or not signed
    /// as demanded.
    pub async fn discover(
        &self,
        resource: &ResourceIndicator,
    ) -> Result<ResourceDescription, ResourceDiscoveryError> {
        let url = well_known(resource).ok_or(ResourceDiscoveryError::NotWeb)?;
        self.discover_at(resource, &url).await
    }

    /// The metadata that a resource's challenge points to; `requested` is the address that the client had sent its request to
    /// ([section 5](https://www.rfc-editor.org/rfc/rfc9728#section-5)).
    ///
    /// # Errors
    ///
    /// As [`discover`](Self::discover).
    pub async fn discover_at(
        &self,
        requested: &ResourceIndicator,
        metadata: &str,
    ) -> Result<ResourceDescription, ResourceDiscoveryError> {
        let document: Value = self.outbound.get_json(metadata).await?;
        self.read(requested, document)
    }

    /// Reads a document that the client has from elsewhere.
    ///
    /// # Errors
    ///
    /// Fails when it is not about this resource, and when it is not signed as demanded.
    pub fn read(
        &self,
        resource: &ResourceIndicator,
        document: Value,
    ) -> Result<ResourceDescription, ResourceDiscoveryError> {
        let Value::Object(mut members) = document else { return Err(ResourceDiscoveryError::Malformed) };
        let signed = members.remove("signed_metadata");
        if members.get("resource").and_then(Value::as_str) != Some(resource.as_str()) {
            return Err(ResourceDiscoveryError::OtherResource);
        }
        if let Some(attester) = &self.attester {
            let signed = signed.as_ref().and_then(Value::as_str).ok_or(ResourceDiscoveryError::NotSigned)?;
            members.extend(attester.verify(resource, signed, self.ports.now())?);
        }
        let servers = match members.get("authorization_servers") {
            None => Vec::new(),
            Some(Value::Array(named)) => {
                named.iter().filter_map(|name| name.as_str()?.parse().ok()).collect()
            }
            Some(_) => return Err(ResourceDiscoveryError::Malformed),
        };
        Ok(ResourceDescription {
            resource: resource.clone(),
            authorization_servers: servers,
            attested: self.attester.is_some(),
            members,
        })
    }
}

impl Attester {
    /// What is signed, which counts more than what is not.
    fn verify(
        &self,
        resource: &ResourceIndicator,
        signed: &str,
        now: OffsetDateTime,
    ) -> Result<Map<String, Value>, ResourceDiscoveryError> {
        let verifier =
            Verifier::new(AlgorithmSet::ASYMMETRIC, TokenType::exactly(ResourceMetadata::SIGNED_TYPE));
        let verified = verifier.verify(signed, &self.keys).map_err(|_| ResourceDiscoveryError::Signature)?;
        let times: Times = verified.claims().map_err(|_| ResourceDiscoveryError::Malformed)?;
        if !times.hold(now) {
            return Err(ResourceDiscoveryError::Expired);
        }
        let claims = verified.claims::<Map<String, Value>>();
        let mut claims = claims.map_err(|_| ResourceDiscoveryError::Signature)?;
        if claims.get("iss").and_then(Value::as_str) != Some(self.name.as_str()) {
            return Err(ResourceDiscoveryError::Signature);
        }
        if claims.get("resource").and_then(Value::as_str) != Some(resource.as_str()) {
            return Err(ResourceDiscoveryError::OtherResource);
        }
        claims.remove("signed_metadata");
        for about_the_token in ["iss", "iat", "exp", "nbf", "jti", "sub", "aud"] {
            claims.remove(about_the_token);
        }
        Ok(claims)
    }
}

/// The metadata of a resource cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceDiscoveryError {
    /// The resource's name is not a web address, so that it has no place for metadata.
    #[error("the resource has no web address")]
    NotWeb,
    /// The document cannot be fetched or is not JSON.
    #[error("the metadata cannot be fetched")]
    Fetch(#[from] OutboundError),
    /// The document is not what it must be.
    #[error("the metadata are malformed")]
    Malformed,
    /// It is about another resource.
    #[error("the metadata are those of another resource")]
    OtherResource,
    /// Nobody has signed it.
    #[error("the metadata are not signed")]
    NotSigned,
    /// The signed metadata have expired, or are not valid yet.
    #[error("the signed metadata are not of this time")]
    Expired,
    /// It is signed by somebody else, or not well.
    #[error("the signature of the metadata does not verify")]
    Signature,
}
