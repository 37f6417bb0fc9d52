//! What all messages have in common, and reading children in their order.

use ciam_core::entropy::Entropy;
use ciam_core::error::PortError;
use ciam_core::secret::Secret;
use time::OffsetDateTime;

use crate::instant;
use crate::names::{ASSERTION, DSIG, PROTOCOL};
use crate::xml::{Children, Element, XmlError, is_ncname};

/// Why a message is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// Another element than expected, in another place, too often, or not there.
    #[error("the message has another structure than the schema")]
    Structure,
    /// Not version 2.0.
    #[error("the version is not 2.0")]
    Version,
    /// No identifier, or none that XML allows.
    #[error("the identifier is missing or malformed")]
    Id,
    /// An instant that is missing or malformed.
    #[error("an instant is missing or malformed")]
    Instant,
    /// There is more than one assertion.
    #[error("there is more than one assertion")]
    MultipleAssertions,
    /// The document is refused.
    #[error("the document is refused")]
    Xml(#[from] XmlError),
}

/// Reads the elements directly inside another, in order.
pub(crate) struct Cursor<'d>(std::iter::Peekable<Children<'d>>);

impl<'d> Cursor<'d> {
    pub(crate) fn new(element: Element<'d>) -> Result<Self, ShapeError> {
        Ok(Self(element.only_children()?.peekable()))
    }

    /// The next element, when it has this name.
    pub(crate) fn take(&mut self, namespace: &str, local: &str) -> Option<Element<'d>> {
        self.0.next_if(|element| element.is(namespace, local))
    }

    /// The next element, which has to have this name.
    pub(crate) fn need(&mut self, namespace: &str, local: &str) -> Result<Element<'d>, ShapeError> {
        self.take(namespace, local).ok_or(ShapeError::Structure)
    }

    /// The next element, whatever it is.
    pub(crate) fn any(&mut self) -> Option<Element<'d>> {
        self.0.next()
    }

    /// Nothing may be left.
    pub(crate) fn finish(mut self) -> Result<(), ShapeError> {
        if self.0.next().is_some() { Err(ShapeError::Structure) } else { Ok(()) }
    }
}

/// The attributes and first children that requests and responses have.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) id: String,
    pub(crate) issue_instant: OffsetDateTime,
    pub(crate) destination: Option<String>,
    pub(crate) issuer: Option<String>,
}

/// Reads the header of a protocol message; issuer, signature and extensions are passed, the rest is next.
pub(crate) fn common<'d>(element: Element<'d>) -> Result<(Header, Cursor<'d>), ShapeError> {
    let (id, issue_instant) = identity(element)?;
    let mut cursor = Cursor::new(element)?;
    let issuer = cursor.take(ASSERTION, "Issuer").map(issuer_of).transpose()?;
    cursor.take(DSIG, "Signature");
    cursor.take(PROTOCOL, "Extensions");
    let destination = element.attribute("Destination").map(str::to_owned);
    Ok((Header { id, issue_instant, destination, issuer }, cursor))
}

/// `Version`, `ID` and `IssueInstant`.
pub(crate) fn identity(element: Element<'_>) -> Result<(String, OffsetDateTime), ShapeError> {
    if element.attribute("Version") != Some("2.0") {
        return Err(ShapeError::Version);
    }
    let id = element.attribute("ID").filter(|id| is_ncname(id) && id.len() <= 256).ok_or(ShapeError::Id)?;
    let issued = element.attribute("IssueInstant").and_then(instant::parse).ok_or(ShapeError::Instant)?;
    Ok((id.to_owned(), issued))
}

/// The text of an issuer. Only entities issue what we read (SAML profiles, section 4.1.4.2).
pub(crate) fn issuer_of(element: Element<'_>) -> Result<String, ShapeError> {
    const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";
    if element.attribute("Format").is_some_and(|format| format != ENTITY) {
        return Err(ShapeError::Structure);
    }
    text(element)
}

/// The text of an element that holds nothing else, and is not empty.
pub(crate) fn text(element: Element<'_>) -> Result<String, ShapeError> {
    let text = element.simple_text()?;
    if text.is_empty() { Err(ShapeError::Structure) } else { Ok(text.to_owned()) }
}

/// An instant in an attribute that need not be there.
pub(crate) fn instant_in(element: Element<'_>, name: &str) -> Result<Option<OffsetDateTime>, ShapeError> {
    element.attribute(name).map(|text| instant::parse(text).ok_or(ShapeError::Instant)).transpose()
}

/// A flag in an attribute that need not be there.
pub(crate) fn flag_in(element: Element<'_>, name: &str) -> Result<Option<bool>, ShapeError> {
    match element.attribute(name) {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(ShapeError::Structure),
    }
}

/// A new identifier of 256 random bits; it starts with an underscore, as names of XML have to start with no digit.
pub(crate) fn new_id(entropy: &dyn Entropy) -> Result<String, PortError> {
    Ok(format!("_{}", Secret::random(entropy)?.expose()))
}

/// Who a message says that it is from: to look keys up by, and for nothing else.
pub(crate) fn issuer_hint(root: Element<'_>) -> Option<&str> {
    let issuer = root.children().next().filter(|child| child.is(ASSERTION, "Issuer"))?;
    issuer.simple_text().ok()
}
