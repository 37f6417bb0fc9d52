//! Asking for a message by its artifact
//! ([SAML core, section 3.5](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).

use time::OffsetDateTime;

use super::Status;
use super::shape::{Header, ShapeError, common, text};
use crate::dsig::Unsigned;
use crate::instant;
use crate::names::{ASSERTION, PROTOCOL};
use crate::xml::{Element, XmlWriter};

/// A request for the message of an artifact.
#[derive(Clone, Debug)]
pub(crate) struct ArtifactResolve {
    pub(crate) id: String,
    pub(crate) issue_instant: OffsetDateTime,
    pub(crate) issuer: String,
    pub(crate) destination: Option<String>,
    pub(crate) artifact: String,
}

impl ArtifactResolve {
    pub(crate) fn read(element: Element<'_>) -> Result<Self, ShapeError> {
        if !element.is(PROTOCOL, "ArtifactResolve") {
            return Err(ShapeError::Structure);
        }
        let (header, mut cursor) = common(element)?;
        let artifact = text(cursor.need(PROTOCOL, "Artifact")?)?;
        cursor.finish()?;
        Ok(Self {
            id: header.id,
            issue_instant: header.issue_instant,
            issuer: header.issuer.ok_or(ShapeError::Structure)?,
            destination: header.destination,
            artifact,
        })
    }

    pub(crate) fn write(&self) -> Unsigned {
        let issued = instant::format(self.issue_instant);
        let mut attributes: Vec<(&'static str, &str)> =
            vec![("xmlns:saml", ASSERTION), ("xmlns:samlp", PROTOCOL)];
        attributes.extend(self.destination.as_deref().map(|to| ("Destination", to)));
        attributes.extend([("ID", &*self.id), ("IssueInstant", &*issued), ("Version", "2.0")]);
        let mut xml = XmlWriter::new();
        xml.open("samlp:ArtifactResolve", &attributes);
        xml.leaf("saml:Issuer", &[], &self.issuer);
        let signature_at = xml.position();
        xml.leaf("samlp:Artifact", &[], &self.artifact);
        Unsigned { xml: xml.finish(), signature_at, id: self.id.clone() }
    }
}

/// The answer, with the message or with none.
#[derive(Debug)]
pub(crate) struct ArtifactResponse<'d> {
    pub(crate) header: Header,
    pub(crate) in_response_to: Option<String>,
    pub(crate) status: Status,
    pub(crate) message: Option<Element<'d>>,
}

impl<'d> ArtifactResponse<'d> {
    pub(crate) fn read(element: Element<'d>) -> Result<Self, ShapeError> {
        if !element.is(PROTOCOL, "ArtifactResponse") {
            return Err(ShapeError::Structure);
        }
        let (header, mut cursor) = common(element)?;
        let status = Status::read(cursor.need(PROTOCOL, "Status")?)?;
        let message = cursor.any();
        cursor.finish()?;
        let in_response_to = element.attribute("InResponseTo").map(str::to_owned);
        Ok(Self { header, in_response_to, status, message })
    }
}

/// Writes an answer around a message that was written before.
pub(crate) fn write_response(
    (id, issue_instant): (&str, OffsetDateTime),
    issuer: &str,
    in_response_to: &str,
    message: Option<&str>,
) -> Unsigned {
    let issued = instant::format(issue_instant);
    let mut xml = XmlWriter::new();
    xml.open(
        "samlp:ArtifactResponse",
        &[
            ("xmlns:saml", ASSERTION),
            ("xmlns:samlp", PROTOCOL),
            ("ID", id),
            ("InResponseTo", in_response_to),
            ("IssueInstant", &issued),
            ("Version", "2.0"),
        ],
    );
    xml.leaf("saml:Issuer", &[], issuer);
    let signature_at = xml.position();
    // An artifact without a message is no error (section 3.5.2).
    Status::success().write(&mut xml);
    xml.raw(message.unwrap_or_default());
    Unsigned { xml: xml.finish(), signature_at, id: id.to_owned() }
}
