//! Single logout ([SAML core, section 3.7](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).

use time::OffsetDateTime;

use super::shape::{ShapeError, common, instant_in, text};
use super::{NameId, Status};
use crate::dsig::Unsigned;
use crate::instant;
use crate::names::{ASSERTION, PROTOCOL};
use crate::xml::{Element, XmlWriter};

/// A request to end sessions, as it was read or is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogoutRequest {
    /// Its identifier.
    pub id: String,
    /// When it was made.
    pub issue_instant: OffsetDateTime,
    /// Who makes it.
    pub issuer: String,
    /// Where it is sent to.
    pub destination: Option<String>,
    /// Until when it is to be acted upon.
    pub not_on_or_after: Option<OffsetDateTime>,
    /// Whose sessions; `None` when the name is encrypted.
    pub name_id: Option<NameId>,
    /// Which of them; all when there is none.
    pub session_indexes: Vec<String>,
}

impl LogoutRequest {
    /// Reads a request; an encrypted name is handed to `decrypt`.
    pub(crate) fn read<'d>(
        element: Element<'d>,
        decrypt: impl FnOnce(Element<'d>) -> Option<NameId>,
    ) -> Result<Self, ShapeError> {
        if !element.is(PROTOCOL, "LogoutRequest") {
            return Err(ShapeError::Structure);
        }
        let (header, mut cursor) = common(element)?;
        let name_id = if let Some(name) = cursor.take(ASSERTION, "NameID") {
            Some(NameId::read(name)?)
        } else {
            decrypt(cursor.need(ASSERTION, "EncryptedID")?)
        };
        let mut session_indexes = Vec::new();
        while let Some(index) = cursor.take(PROTOCOL, "SessionIndex") {
            session_indexes.push(text(index)?);
        }
        cursor.finish()?;
        Ok(Self {
            id: header.id,
            issue_instant: header.issue_instant,
            issuer: header.issuer.ok_or(ShapeError::Structure)?,
            destination: header.destination,
            not_on_or_after: instant_in(element, "NotOnOrAfter")?,
            name_id,
            session_indexes,
        })
    }

    pub(crate) fn write(&self) -> Unsigned {
        let issued = instant::format(self.issue_instant);
        let until = self.not_on_or_after.map(instant::format);
        let mut attributes: Vec<(&'static str, &str)> =
            vec![("xmlns:saml", ASSERTION), ("xmlns:samlp", PROTOCOL)];
        attributes.extend(self.destination.as_deref().map(|to| ("Destination", to)));
        attributes.extend([("ID", &*self.id), ("IssueInstant", &*issued)]);
        attributes.extend(until.as_deref().map(|until| ("NotOnOrAfter", until)));
        attributes.push(("Version", "2.0"));
        let mut xml = XmlWriter::new();
        xml.open("samlp:LogoutRequest", &attributes);
        xml.leaf("saml:Issuer", &[], &self.issuer);
        let signature_at = xml.position();
        if let Some(name) = &self.name_id {
            name.write(&mut xml);
        }
        for index in &self.session_indexes {
            xml.leaf("samlp:SessionIndex", &[], index);
        }
        Unsigned { xml: xml.finish(), signature_at, id: self.id.clone() }
    }
}

/// The answer to a request to end sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogoutResponse {
    /// Its identifier.
    pub id: String,
    /// When it was made.
    pub issue_instant: OffsetDateTime,
    /// Who makes it.
    pub issuer: String,
    /// Where it is sent to.
    pub destination: Option<String>,
    /// The request that it answers.
    pub in_response_to: String,
    /// How it went.
    pub status: Status,
}

impl LogoutResponse {
    pub(crate) fn read(element: Element<'_>) -> Result<Self, ShapeError> {
        if !element.is(PROTOCOL, "LogoutResponse") {
            return Err(ShapeError::Structure);
        }
        let (header, mut cursor) = common(element)?;
        let status = Status::read(cursor.need(PROTOCOL, "Status")?)?;
        cursor.finish()?;
        Ok(Self {
            id: header.id,
            issue_instant: header.issue_instant,
            issuer: header.issuer.ok_or(ShapeError::Structure)?,
            destination: header.destination,
            in_response_to: element.attribute("InResponseTo").ok_or(ShapeError::Structure)?.to_owned(),
            status,
        })
    }

    pub(crate) fn write(&self) -> Unsigned {
        let issued = instant::format(self.issue_instant);
        let mut attributes: Vec<(&'static str, &str)> =
            vec![("xmlns:saml", ASSERTION), ("xmlns:samlp", PROTOCOL)];
        attributes.extend(self.destination.as_deref().map(|to| ("Destination", to)));
        attributes.extend([("ID", &*self.id), ("InResponseTo", &*self.in_response_to)]);
        attributes.extend([("IssueInstant", &*issued), ("Version", "2.0")]);
        let mut xml = XmlWriter::new();
        xml.open("samlp:LogoutResponse", &attributes);
        xml.leaf("saml:Issuer", &[], &self.issuer);
        let signature_at = xml.position();
        self.status.write(&mut xml);
        Unsigned { xml: xml.finish(), signature_at, id: self.id.clone() }
    }
}
