//! Responses ([SAML core, section 3.3.3](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).

use super::shape::{Cursor, Header, ShapeError, common};
use crate::names::{ASSERTION, PROTOCOL};
use crate::xml::{Element, XmlWriter};

/// A response as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Response<'d> {
    pub(crate) header: Header,
    pub(crate) in_response_to: Option<String>,
    pub(crate) status: Status,
    pub(crate) content: Content<'d>,
}

/// The one assertion of a response.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'d> {
    None,
    Plain(Element<'d>),
    Encrypted(Element<'d>),
}

impl<'d> Response<'d> {
    pub(crate) fn read(element: Element<'d>) -> Result<Self, ShapeError> {
        if !element.is(PROTOCOL, "Response") {
            return Err(ShapeError::Structure);
        }
        let (header, mut cursor) = common(element)?;
        let status = Status::read(cursor.need(PROTOCOL, "Status")?)?;
        let mut content = Content::None;
        while let Some(child) = cursor.any() {
            let next = if child.is(ASSERTION, "Assertion") {
                Content::Plain(child)
            } else if child.is(ASSERTION, "EncryptedAssertion") {
                Content::Encrypted(child)
            } else {
                return Err(ShapeError::Structure);
            };
            if !matches!(content, Content::None) {
                return Err(ShapeError::MultipleAssertions);
            }
            content = next;
        }
        let in_response_to = element.attribute("InResponseTo").map(str::to_owned);
        Ok(Self { header, in_response_to, status, content })
    }
}

/// How a request went.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The first code.
    pub code: StatusCode,
    /// The code below it.
    pub detail: Option<StatusCode>,
    /// A text for administrators.
    pub message: Option<String>,
}

impl Status {
    /// A code, with one below it.
    #[must_use]
    pub const fn new(code: StatusCode, detail: Option<StatusCode>) -> Self {
        Self { code, detail, message: None }
    }

    /// Success.
    #[must_use]
    pub const fn success() -> Self {
        Self::new(StatusCode::Success, None)
    }

    /// Whether it is success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.code == StatusCode::Success
    }

    pub(crate) fn read(element: Element<'_>) -> Result<Self, ShapeError> {
        let mut cursor = Cursor::new(element)?;
        let code = cursor.need(PROTOCOL, "StatusCode")?;
        let message = cursor.take(PROTOCOL, "StatusMessage");
        cursor.take(PROTOCOL, "StatusDetail");
        cursor.finish()?;
        let value = |code: Element<'_>| code.attribute("Value").map(StatusCode::from_uri);
        let detail = Cursor::new(code)?.take(PROTOCOL, "StatusCode").and_then(value);
        Ok(Self {
            code: value(code).ok_or(ShapeError::Structure)?,
            detail,
            message: message.and_then(|message| message.simple_text().ok()).map(str::to_owned),
        })
    }

    pub(crate) fn write(&self, xml: &mut XmlWriter) {
        xml.open("samlp:Status", &[]);
        xml.open("samlp:StatusCode", &[("Value", self.code.uri())]);
        if let Some(detail) = &self.detail {
            xml.leaf("samlp:StatusCode", &[("Value", detail.uri())], "");
        }
        xml.close();
        if let Some(message) = &self.message {
            xml.leaf("samlp:StatusMessage", &[], message);
        }
        xml.close();
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A status code ([SAML core, section 3.2.2.2](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum StatusCode {
            $($(#[$doc])* $name,)*
            /// Another.
            Other(String),
        }

        impl StatusCode {
            /// The code's name.
            #[must_use]
            pub fn uri(&self) -> &str {
                match self {
                    $(Self::$name => concat!("urn:oasis:names:tc:SAML:2.0:status:", $text),)*
                    Self::Other(uri) => uri,
                }
            }

            /// The code with this name.
            #[must_use]
            pub fn from_uri(uri: &str) -> Self {
                match uri.strip_prefix("urn:oasis:names:tc:SAML:2.0:status:") {
                    $(Some($text) => Self::$name,)*
                    _ => Self::Other(uri.to_owned()),
                }
            }
        }
    };
}

codes! {
    /// It went well.
    Success = "Success",
    /// The fault is the requester's.
    Requester = "Requester",
    /// The fault is the responder's.
    Responder = "Responder",
    /// The version is not understood.
    VersionMismatch = "VersionMismatch",
    /// The person could not be authenticated.
    AuthnFailed = "AuthnFailed",
    /// The name's format is not offered.
    InvalidNameIdPolicy = "InvalidNameIDPolicy",
    /// The context that was asked for cannot be reached.
    NoAuthnContext = "NoAuthnContext",
    /// Without asking the person, it is not possible.
    NoPassive = "NoPassive",
    /// Not everybody was told of the logout.
    PartialLogout = "PartialLogout",
    /// The request is denied.
    RequestDenied = "RequestDenied",
    /// The request is not supported.
    RequestUnsupported = "RequestUnsupported",
    /// The person is not known.
    UnknownPrincipal = "UnknownPrincipal",
}
