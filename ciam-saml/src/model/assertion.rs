//! Assertions ([SAML core, section 2](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).

use time::OffsetDateTime;

use super::shape::{Cursor, ShapeError, identity, instant_in, issuer_of, text};
use super::{Attribute, NameId};
use crate::names::{ASSERTION, DSIG};
use crate::xml::Element;

/// An assertion as it was read. Whether it is to be believed is decided elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Assertion<'d> {
    pub(crate) id: String,
    pub(crate) issue_instant: OffsetDateTime,
    pub(crate) issuer: String,
    pub(crate) subject: SubjectId<'d>,
    pub(crate) confirmations: Vec<Confirmation>,
    pub(crate) conditions: Conditions,
    pub(crate) authentications: Vec<Authentication>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) encrypted_attributes: Vec<Element<'d>>,
}

/// Whom an assertion is about.
#[derive(Clone, Debug)]
pub(crate) enum SubjectId<'d> {
    None,
    Plain(NameId),
    Encrypted(Element<'d>),
}

/// How the bearer shows to be the subject.
#[derive(Clone, Debug)]
pub(crate) struct Confirmation {
    pub(crate) method: String,
    pub(crate) recipient: Option<String>,
    pub(crate) not_before: Option<OffsetDateTime>,
    pub(crate) not_on_or_after: Option<OffsetDateTime>,
    pub(crate) in_response_to: Option<String>,
}

/// When, and for whom, an assertion is valid.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) not_before: Option<OffsetDateTime>,
    pub(crate) not_on_or_after: Option<OffsetDateTime>,
    /// Each restriction has to hold; of one, any audience will do.
    pub(crate) audiences: Vec<Vec<String>>,
    /// There is a condition that we do not know.
    pub(crate) unknown: bool,
}

/// A statement about an act of authentication.
#[derive(Clone, Debug)]
pub(crate) struct Authentication {
    pub(crate) instant: OffsetDateTime,
    pub(crate) session_index: Option<String>,
    pub(crate) session_not_on_or_after: Option<OffsetDateTime>,
    pub(crate) class: Option<String>,
}

impl<'d> Assertion<'d> {
    pub(crate) fn read(element: Element<'d>) -> Result<Self, ShapeError> {
        if !element.is(ASSERTION, "Assertion") {
            return Err(ShapeError::Structure);
        }
        let (id, issue_instant) = identity(element)?;
        let mut cursor = Cursor::new(element)?;
        let issuer = issuer_of(cursor.need(ASSERTION, "Issuer")?)?;
        cursor.take(DSIG, "Signature");
        let (subject, confirmations) = match cursor.take(ASSERTION, "Subject") {
            Some(subject) => read_subject(subject)?,
            None => (SubjectId::None, Vec::new()),
        };
        let conditions = cursor.take(ASSERTION, "Conditions").map(read_conditions).transpose()?;
        // Advice is what one may ignore (section 2.6.1): whatever is in it is never read.
        cursor.take(ASSERTION, "Advice");
        let mut assertion = Self {
            id,
            issue_instant,
            issuer,
            subject,
            confirmations,
            conditions: conditions.unwrap_or_default(),
            authentications: Vec::new(),
            attributes: Vec::new(),
            encrypted_attributes: Vec::new(),
        };
        while let Some(statement) = cursor.any() {
            assertion.statement(statement)?;
        }
        Ok(assertion)
    }

    fn statement(&mut self, statement: Element<'d>) -> Result<(), ShapeError> {
        if statement.is(ASSERTION, "AuthnStatement") {
            self.authentications.push(read_authentication(statement)?);
        } else if statement.is(ASSERTION, "AttributeStatement") {
            for child in statement.only_children()? {
                if child.is(ASSERTION, "Attribute") {
                    self.attributes.push(Attribute::read(child)?);
                } else if child.is(ASSERTION, "EncryptedAttribute") {
                    self.encrypted_attributes.push(child);
                } else {
                    return Err(ShapeError::Structure);
                }
            }
        } else if !statement.is(ASSERTION, "AuthzDecisionStatement") {
            return Err(ShapeError::Structure);
        }
        Ok(())
    }
}

fn read_subject(subject: Element<'_>) -> Result<(SubjectId<'_>, Vec<Confirmation>), ShapeError> {
    let mut cursor = Cursor::new(subject)?;
    let mut id = SubjectId::None;
    if let Some(name) = cursor.take(ASSERTION, "NameID") {
        id = SubjectId::Plain(NameId::read(name)?);
    } else if let Some(encrypted) = cursor.take(ASSERTION, "EncryptedID") {
        id = SubjectId::Encrypted(encrypted);
    }
    let mut confirmations = Vec::new();
    while let Some(confirmation) = cursor.take(ASSERTION, "SubjectConfirmation") {
        confirmations.push(read_confirmation(confirmation)?);
    }
    cursor.finish()?;
    Ok((id, confirmations))
}

fn read_confirmation(confirmation: Element<'_>) -> Result<Confirmation, ShapeError> {
    let mut cursor = Cursor::new(confirmation)?;
    // Who else may confirm is of no use to a bearer.
    let _other = cursor.take(ASSERTION, "NameID").or_else(|| cursor.take(ASSERTION, "EncryptedID"));
    let data = cursor.take(ASSERTION, "SubjectConfirmationData");
    cursor.finish()?;
    let attribute = |name: &str| data.and_then(|data| data.attribute(name)).map(str::to_owned);
    let instant = |name: &str| data.map_or(Ok(None), |data| instant_in(data, name));
    Ok(Confirmation {
        method: confirmation.attribute("Method").ok_or(ShapeError::Structure)?.to_owned(),
        recipient: attribute("Recipient"),
        not_before: instant("NotBefore")?,
        not_on_or_after: instant("NotOnOrAfter")?,
        in_response_to: attribute("InResponseTo"),
    })
}

fn read_conditions(element: Element<'_>) -> Result<Conditions, ShapeError> {
    let mut conditions = Conditions {
        not_before: instant_in(element, "NotBefore")?,
        not_on_or_after: instant_in(element, "NotOnOrAfter")?,
        ..Conditions::default()
    };
    for child in element.only_children()? {
        if child.is(ASSERTION, "AudienceRestriction") {
            let mut audiences = Vec::new();
            for audience in child.only_children()? {
                if !audience.is(ASSERTION, "Audience") {
                    return Err(ShapeError::Structure);
                }
                audiences.push(text(audience)?);
            }
            conditions.audiences.push(audiences);
        } else if !child.is(ASSERTION, "OneTimeUse") && !child.is(ASSERTION, "ProxyRestriction") {
            // Used once it is in any case, and handed on never.
            conditions.unknown = true;
        }
    }
    Ok(conditions)
}

fn read_authentication(statement: Element<'_>) -> Result<Authentication, ShapeError> {
    let mut cursor = Cursor::new(statement)?;
    cursor.take(ASSERTION, "SubjectLocality");
    let context = cursor.need(ASSERTION, "AuthnContext")?;
    cursor.finish()?;
    let class = Cursor::new(context)?.take(ASSERTION, "AuthnContextClassRef").map(text).transpose()?;
    Ok(Authentication {
        instant: instant_in(statement, "AuthnInstant")?.ok_or(ShapeError::Instant)?,
        session_index: statement.attribute("SessionIndex").map(str::to_owned),
        session_not_on_or_after: instant_in(statement, "SessionNotOnOrAfter")?,
        class,
    })
}
