//! A service that we answer.

use super::NameIdFormat;
use crate::dsig::{SignaturePolicy, TrustedKeys};
use crate::enc::Recipient;
use crate::transport::Binding;

/// A service provider: its name, where it is answered, and what it may know.
#[derive(Clone, Debug)]
pub struct SpPartner {
    pub(crate) entity_id: String,
    pub(crate) consumers: Vec<AnsweredAt>,
    pub(crate) keys: Option<TrustedKeys>,
    pub(crate) policy: SignaturePolicy,
    pub(crate) signed_requests: bool,
    pub(crate) recipient: Option<Recipient>,
    pub(crate) formats: Vec<NameIdFormat>,
    pub(crate) released: Vec<String>,
    pub(crate) sign_response: bool,
    pub(crate) unsolicited: bool,
    pub(crate) logout: Vec<(Binding, String)>,
    pub(crate) soap_logout: Option<String>,
}

/// Where a service is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnsweredAt {
    pub(crate) index: u16,
    pub(crate) url: String,
    pub(crate) by_artifact: bool,
}

impl SpPartner {
    /// A service that is answered at this address. It gets a persistent name of its own, and no attributes.
    ///
    /// # Errors
    ///
    /// Fails when the address is not `https`, or `http` on this machine.
    pub fn new(entity_id: impl Into<String>, consumer: &str) -> Result<Self, NotAnAddress> {
        let partner = Self {
            entity_id: entity_id.into(),
            consumers: Vec::new(),
            keys: None,
            policy: SignaturePolicy::default(),
            signed_requests: false,
            recipient: None,
            formats: vec![NameIdFormat::Persistent],
            released: Vec::new(),
            sign_response: false,
            unsolicited: false,
            logout: Vec::new(),
            soap_logout: None,
        };
        partner.with_consumer(0, consumer)
    }

    /// Adds another address; the first is the default.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_consumer(mut self, index: u16, url: &str) -> Result<Self, NotAnAddress> {
        self.consumers.push(AnsweredAt { index, url: checked(url)?, by_artifact: false });
        Ok(self)
    }

    /// Adds an address that is answered by artifact. It is offered to a service with [keys](Self::with_keys), and where
    /// messages [can be fetched](super::IdentityProviderConfig::with_artifact_url).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_artifact_consumer(mut self, index: u16, url: &str) -> Result<Self, NotAnAddress> {
        self.consumers.push(AnsweredAt { index, url: checked(url)?, by_artifact: true });
        Ok(self)
    }

    /// Sets its keys for signatures. A signature on a request is always checked: without keys, it is refused.
    #[must_use]
    pub fn with_keys(mut self, keys: TrustedKeys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Refuses requests that it did not sign.
    #[must_use]
    pub const fn with_signed_requests(mut self) -> Self {
        self.signed_requests = true;
        self
    }

    /// Encrypts assertions for it.
    #[must_use]
    pub fn with_encryption(mut self, recipient: Recipient) -> Self {
        self.recipient = Some(recipient);
        self
    }

    /// Sets the formats of names that it may ask for; the first is what it gets when it does not ask.
    #[must_use]
    pub fn with_formats(mut self, formats: impl IntoIterator<Item = NameIdFormat>) -> Self {
        self.formats = formats.into_iter().collect();
        self
    }

    /// Sets the names of the attributes that it may know.
    #[must_use]
    pub fn with_released(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.released = names.into_iter().map(Into::into).collect();
        self
    }

    /// Signs the response too, beside the assertion.
    #[must_use]
    pub const fn with_signed_response(mut self) -> Self {
        self.sign_response = true;
        self
    }

    /// Allows sign-in that starts here, with no request of the service.
    #[must_use]
    pub const fn with_unsolicited(mut self) -> Self {
        self.unsolicited = true;
        self
    }

    /// Adds where requests for logout, and answers to them, are sent.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_logout(mut self, binding: Binding, url: &str) -> Result<Self, NotAnAddress> {
        self.logout.push((binding, checked(url)?));
        Ok(self)
    }

    /// Sets where requests for logout are sent from server to server.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_soap_logout(mut self, url: &str) -> Result<Self, NotAnAddress> {
        self.soap_logout = Some(checked(url)?);
        Ok(self)
    }

    /// Its name.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }
}

/// An address to which browsers must not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address is neither https nor on this machine")]
#[non_exhaustive]
pub struct NotAnAddress;

/// An address that a browser may be sent to with a person's data: never `javascript:` and the like.
pub(crate) fn checked(text: &str) -> Result<String, NotAnAddress> {
    let url = url::Url::parse(text).map_err(|_| NotAnAddress)?;
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let right = url.scheme() == "https" || url.scheme() == "http" && local;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if right && plain && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(NotAnAddress)
    }
}
