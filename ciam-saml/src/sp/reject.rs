//! Why a response is refused: one reason for each check.

use ciam_core::error::PortError;

use crate::binding::{BindingError, SoapError};
use crate::dsig::{KeyError, SignatureError};
use crate::enc::DecryptError;
use crate::model::{ShapeError, Status};
use crate::xml::XmlError;

/// Why a response is refused.
///
/// # Security
///
/// For logs and metrics. The browser is told one thing for all of them: each reason would help a forger on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reject {
    /// The message did not arrive.
    #[error("the message did not arrive")]
    Binding(#[from] BindingError),
    /// The message is not what the schema says.
    #[error("the message is malformed")]
    Shape(#[from] ShapeError),
    /// The document is refused.
    #[error("the document is refused")]
    Xml(#[from] XmlError),
    /// A signature does not count.
    #[error("a signature is refused")]
    Signature(#[from] SignatureError),
    /// It cannot be decrypted.
    #[error("it cannot be decrypted")]
    Decrypt(#[from] DecryptError),
    /// The answer is to no request of ours, to one that was answered, or says two things about it.
    #[error("the answer is to no open request")]
    InResponseTo,
    /// The request was made for another browser.
    #[error("the request was made for another browser")]
    OtherBrowser,
    /// Nobody asked for the answer, and the identity provider may not send such.
    #[error("nobody asked for the answer")]
    Unsolicited,
    /// There is no such identity provider.
    #[error("the identity provider is not known")]
    UnknownIdp,
    /// The issuer of the response or assertion is not the identity provider that was asked.
    #[error("the issuer is another than expected")]
    Issuer,
    /// The response is for another address, or signed and for none.
    #[error("the response is for another address")]
    Destination,
    /// The identity provider says that it went wrong.
    #[error("the identity provider reports a failure")]
    Status(Status),
    /// There is no assertion.
    #[error("there is no assertion")]
    NoAssertion,
    /// The assertion is for another audience, or for none.
    #[error("the assertion is for another audience")]
    Audience,
    /// There is a condition that we do not know.
    #[error("the assertion has an unknown condition")]
    Condition,
    /// The assertion or response is not valid at this time.
    #[error("the time is outside of what is allowed")]
    Time,
    /// No confirmation is one of a bearer, for us, now, and for this request.
    #[error("no confirmation of the subject is acceptable")]
    Confirmation,
    /// There is no statement about an authentication.
    #[error("there is no authentication statement")]
    NoAuthentication,
    /// The authentication is older than was asked for.
    #[error("the authentication is not fresh")]
    NotFresh,
    /// The context is none of those that were asked for.
    #[error("the authentication context is another than asked for")]
    AuthnContext,
    /// The assertion does not say whom it is about.
    #[error("the assertion has no subject")]
    NoSubject,
    /// The assertion was accepted before.
    #[error("the assertion was accepted before")]
    Replay,
    /// The artifact is of no identity provider that we know, or of none that lets messages be fetched.
    #[error("the artifact is of no identity provider that is set up for it")]
    Artifact,
    /// There is no key to ask with for the message of an artifact.
    #[error("there is no key to sign with")]
    NoSigner,
    /// Signing failed.
    #[error("the request for the message could not be signed")]
    Key(#[from] KeyError),
    /// The message of an artifact could not be fetched.
    #[error("the message of the artifact could not be fetched")]
    Exchange(#[from] SoapError),
    /// A port failed.
    #[error("a port failed")]
    Port(#[from] PortError),
}
