//! Sending a browser to an identity provider.

use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::http::BrowserId;
use ciam_core::secret::TokenDigest;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::ServiceProvider;
use crate::binding::Direction;
use crate::dsig::KeyError;
use crate::model::{AuthnRequest, new_id};
use crate::names::{BINDING_ARTIFACT, BINDING_POST};
use crate::transport::Outgoing;

/// What to ask an identity provider for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Start {
    /// Where the person wanted to go: kept here, never sent.
    pub target: Option<String>,
    /// The person has to authenticate anew.
    pub force_authn: bool,
    /// The person must not be asked.
    pub is_passive: bool,
    /// Classes of authentication context of which the answer has to name one.
    pub authn_context: Vec<String>,
    /// The format of the name that is wanted.
    pub name_id_format: Option<String>,
}

impl Start {
    /// Nothing in particular.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets where the person wanted to go.
    #[must_use]
    pub fn with_target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Asks for an authentication anew; an answer with an older one is refused.
    #[must_use]
    pub const fn with_force_authn(mut self) -> Self {
        self.force_authn = true;
        self
    }

    /// Asks without asking the person.
    #[must_use]
    pub const fn with_passive(mut self) -> Self {
        self.is_passive = true;
        self
    }

    /// Asks for one of these classes; an answer with another is refused.
    #[must_use]
    pub fn with_authn_context(mut self, classes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.authn_context = classes.into_iter().map(Into::into).collect();
        self
    }

    /// Asks for a format of the name.
    #[must_use]
    pub fn with_name_id_format(mut self, format: impl Into<String>) -> Self {
        self.name_id_format = Some(format.into());
        self
    }
}

/// A request that is on its way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Started {
    /// The request's identifier.
    pub request_id: String,
    /// How to send the browser off.
    pub outgoing: Outgoing,
}

/// What was asked, kept until the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) idp: String,
    pub(super) browser: TokenDigest,
    pub(super) target: Option<String>,
    pub(super) force_authn: bool,
    pub(super) authn_context: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) started_at: OffsetDateTime,
}

/// Why a request could not be sent.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is no identity provider with this entity id.
    #[error("the identity provider is not known")]
    UnknownIdp,
    /// The identity provider has no address for this.
    #[error("the identity provider has no such endpoint")]
    NoEndpoint,
    /// The identity provider wants signed requests, and there is no key.
    #[error("there is no key to sign with")]
    NoSigner,
    /// Signing failed.
    #[error("the request could not be signed")]
    Key(#[from] KeyError),
    /// A port failed.
    #[error("a port failed")]
    Port(#[from] PortError),
}

impl ServiceProvider {
    /// Makes a request for authentication, and keeps what was asked for under its identifier, bound to the browser.
    ///
    /// # Errors
    ///
    /// Fails when the identity provider is not known or has no endpoint, when a key is missing, and when a port does.
    pub async fn start(&self, browser: &BrowserId, idp: &str, start: Start) -> Result<Started, StartError> {
        let partner = self.partners.get(idp).ok_or(StartError::UnknownIdp)?;
        let (binding, location) = partner.sign_on.first().ok_or(StartError::NoEndpoint)?;
        let signer = if partner.sign_requests {
            Some(self.config.signer.as_ref().ok_or(StartError::NoSigner)?)
        } else {
            None
        };
        let now = self.ports.now();
        let binding_back = if partner.by_artifact { BINDING_ARTIFACT } else { BINDING_POST };
        let request = AuthnRequest {
            id: new_id(self.ports.entropy())?,
            issue_instant: now,
            issuer: self.config.entity_id.clone(),
            destination: Some(location.clone()),
            acs_url: Some(self.config.acs_url.clone()),
            acs_index: None,
            protocol_binding: Some(binding_back.to_owned()),
            force_authn: start.force_authn,
            is_passive: start.is_passive,
            name_id_format: start.name_id_format,
            allow_create: true,
            authn_context: start.authn_context.clone(),
            comparison: None,
        };
        let pending = Pending {
            idp: idp.to_owned(),
            browser: browser.digest(),
            target: start.target,
            force_authn: start.force_authn,
            authn_context: start.authn_context,
            started_at: now,
        };
        let value = ephemeral::encode(&pending)?;
        self.ports.ephemeral().put(&request_key(&request.id), value, self.config.request_lifetime).await?;
        let crypto = self.ports.crypto();
        let to = (*binding, &**location);
        let outgoing = Outgoing::pack(crypto, to, Direction::Request, &request.write(), None, signer)?;
        Ok(Started { request_id: request.id, outgoing })
    }
}

/// Names come from outside when answers do: they are digested.
pub(super) fn request_key(id: &str) -> EphemeralKey {
    EphemeralKey::new("saml.request", TokenDigest::of(id).to_text())
}
