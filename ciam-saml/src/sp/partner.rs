//! An identity provider that we believe.

use crate::dsig::{SignaturePolicy, TrustedKeys};
use crate::transport::Binding;

/// What has to be signed of a response. An assertion under no signature is never accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Required {
    /// The response or the assertion; both, where both are.
    #[default]
    Either,
    /// The assertion.
    Assertion,
    /// The response.
    Response,
    /// Both.
    Both,
}

impl Required {
    pub(super) const fn response(self) -> bool {
        matches!(self, Self::Response | Self::Both)
    }

    pub(super) const fn assertion(self) -> bool {
        matches!(self, Self::Assertion | Self::Both)
    }
}

/// An identity provider: its name, its keys, and where to send browsers.
///
/// ```
/// # use ciam_saml::dsig::TrustedKeys;
/// use ciam_saml::sp::IdpPartner;
/// use ciam_saml::transport::Binding;
///
/// fn partner(keys: TrustedKeys) -> IdpPartner {
///     IdpPartner::new("https://idp.example/metadata", keys)
///         .with_sign_on(Binding::Redirect, "https://idp.example/sso")
/// }
/// ```
#[derive(Clone, Debug)]
pub struct IdpPartner {
    pub(crate) entity_id: String,
    pub(crate) keys: TrustedKeys,
    pub(crate) policy: SignaturePolicy,
    pub(crate) required: Required,
    pub(crate) sign_on: Vec<(Binding, String)>,
    pub(crate) logout: Vec<(Binding, String)>,
    pub(crate) soap_logout: Option<String>,
    pub(crate) resolution: Vec<(u16, String)>,
    pub(crate) by_artifact: bool,
    pub(crate) unsolicited: bool,
    pub(crate) sign_requests: bool,
}

impl IdpPartner {
    /// An identity provider with its keys.
    #[must_use]
    pub fn new(entity_id: impl Into<String>, keys: TrustedKeys) -> Self {
        Self {
            entity_id: entity_id.into(),
            keys,
            policy: SignaturePolicy::default(),
            required: Required::default(),
            sign_on: Vec::new(),
            logout: Vec::new(),
            soap_logout: None,
            resolution: Vec::new(),
            by_artifact: false,
            unsolicited: false,
            sign_requests: false,
        }
    }

    /// Adds where requests for authentication are sent; the first that is added is used.
    #[must_use]
    pub fn with_sign_on(mut self, binding: Binding, url: impl Into<String>) -> Self {
        self.sign_on.push((binding, url.into()));
        self
    }

    /// Adds where requests for logout, and answers to them, are sent.
    #[must_use]
    pub fn with_logout(mut self, binding: Binding, url: impl Into<String>) -> Self {
        self.logout.push((binding, url.into()));
        self
    }

    /// Sets where requests for logout are sent from server to server.
    #[must_use]
    pub fn with_soap_logout(mut self, url: impl Into<String>) -> Self {
        self.soap_logout = Some(url.into());
        self
    }

    /// Adds an address where messages are fetched by artifact, with its number. Without one, its artifacts are refused.
    #[must_use]
    pub fn with_artifact_resolution(mut self, index: u16, url: impl Into<String>) -> Self {
        self.resolution.push((index, url.into()));
        self
    }

    /// Asks it to answer by artifact.
    #[must_use]
    pub const fn with_answers_by_artifact(mut self) -> Self {
        self.by_artifact = true;
        self
    }

    /// Sets the algorithms that it may sign with.
    #[must_use]
    pub fn with_signature_policy(mut self, policy: SignaturePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets what it has to sign.
    #[must_use]
    pub const fn with_required(mut self, required: Required) -> Self {
        self.required = required;
        self
    }

    /// Signs requests for authentication to it, because it wants that.
    #[must_use]
    pub const fn with_signed_requests(mut self) -> Self {
        self.sign_requests = true;
        self
    }

    /// Accepts responses that nobody asked for: sign-in that starts at the identity provider.
    ///
    /// # Security
    ///
    /// Such a response is bound to no browser. Whoever gets hold of one, or has one of their own, can sign a person in to an
    /// account of their choice; off by default for that reason.
    #[must_use]
    pub const fn dangerous_allow_unsolicited(mut self) -> Self {
        self.unsolicited = true;
        self
    }

    /// Its name.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }
}
