//! How messages travel ([SAML bindings](https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf)): in a URL,
//! in a form, by reference, or from server to server.

mod artifact;
mod post;
mod redirect;
mod relay_state;
mod soap;

pub(crate) use self::artifact::artifact_url;
pub use self::artifact::{Artifact, ArtifactMessage};
pub use self::post::{PostForm, PostMessage};
pub(crate) use self::redirect::redirect_url;
pub use self::redirect::{DetachedSignature, RedirectMessage};
pub use self::relay_state::RelayState;
pub(crate) use self::soap::exchange;
pub use self::soap::{SoapError, SoapMessage, SoapReply};
use crate::xml::XmlError;

/// What a message says that it is: a request, or a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by the bindings")]
pub enum Direction {
    /// `SAMLRequest`.
    Request,
    /// `SAMLResponse`.
    Response,
}

impl Direction {
    /// The name of the parameter.
    #[must_use]
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Request => "SAMLRequest",
            Self::Response => "SAMLResponse",
        }
    }
}

/// Why a message did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingError {
    /// A parameter is there twice, or a request and a response are there both.
    #[error("a parameter is there more than once")]
    Duplicate,
    /// There is no message.
    #[error("there is no message")]
    Missing,
    /// It is a request where a response is expected, or the other way round.
    #[error("the message has the wrong direction")]
    Direction,
    /// It is not base64 of the one spelling, or its percent encoding is broken.
    #[error("the message is not well encoded")]
    Encoding,
    /// It is not DEFLATE, or something follows it.
    #[error("the message cannot be inflated")]
    Deflate,
    /// It is too large.
    #[error("the message is too large")]
    TooLarge,
    /// The relay state is too long, or has control characters.
    #[error("the relay state is not allowed")]
    RelayState,
    /// The parameters of the signature are incomplete.
    #[error("the signature of the query is incomplete")]
    Signature,
    /// The artifact is malformed, or of another type than SAML 2.0 has.
    #[error("the artifact is malformed")]
    Artifact,
    /// The document is no envelope with one message.
    #[error("the document is no envelope with one message")]
    Soap,
    /// The other side says that something went wrong.
    #[error("the other side reports a fault")]
    Fault,
    /// The document is refused.
    #[error("the document is refused")]
    Xml(#[from] XmlError),
}
