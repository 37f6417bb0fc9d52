//! Answers to services.

use ciam_core::error::PortError;
use time::OffsetDateTime;

use super::partner::AnsweredAt;
use super::{IdentityProvider, NameIdFormat, Participant, SignOn, SpPartner};
use crate::binding::{Direction, PostForm, artifact_url};
use crate::dsig::{KeyError, Unsigned};
use crate::enc::encrypt;
use crate::instant;
use crate::model::{Attribute, NameId, Status, new_id};
use crate::names::{ASSERTION, BEARER, PROTOCOL};
use crate::transport::Outgoing;
use crate::xml::XmlWriter;

/// A person who is signed in here, and what may be said about them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Person {
    /// What is the person's own for ever, such as the account's id. It is never sent.
    pub subject: String,
    /// The session's id. It is never sent.
    pub session: String,
    /// When the person was authenticated.
    pub authenticated_at: OffsetDateTime,
    /// The class of the authentication context.
    pub authn_context: String,
    /// The verified address.
    pub email: Option<String>,
    /// Everything that could be said; a service gets what is [released](SpPartner::with_released) to it.
    pub attributes: Vec<Attribute>,
    /// When the session ends at the latest.
    pub session_ends_at: Option<OffsetDateTime>,
}

impl Person {
    /// A person with a session.
    #[must_use]
    pub fn new(
        subject: impl Into<String>,
        session: impl Into<String>,
        authenticated_at: OffsetDateTime,
        authn_context: impl Into<String>,
    ) -> Self {
        Self {
            subject: subject.into(),
            session: session.into(),
            authenticated_at,
            authn_context: authn_context.into(),
            email: None,
            attributes: Vec::new(),
            session_ends_at: None,
        }
    }

    /// Adds the verified address.
    #[must_use]
    pub fn with_email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// Adds what could be said.
    #[must_use]
    pub fn with_attributes(mut self, attributes: impl IntoIterator<Item = Attribute>) -> Self {
        self.attributes = attributes.into_iter().collect();
        self
    }

    /// Adds when the session ends.
    #[must_use]
    pub const fn with_session_end(mut self, at: OffsetDateTime) -> Self {
        self.session_ends_at = Some(at);
        self
    }
}

/// An answer to a service.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Issued {
    /// How to send the browser off with it.
    pub outgoing: Outgoing,
    /// The person's name at the service.
    pub name_id: NameId,
    /// The names of the attributes that were sent.
    pub released: Vec<String>,
    /// The assertion's identifier, for the audit log.
    pub assertion_id: String,
}

/// Why a service is not told about a person. Answer it with [`fail`](IdentityProvider::fail).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The service is not known any more, or has no longer this address.
    #[error("the service is not known, or has another address")]
    UnknownSp,
    /// There is no name in the format that was asked for: `InvalidNameIDPolicy`.
    #[error("there is no name in this format")]
    NameId,
    /// The service asked for an authentication anew, and this is an older one: `AuthnFailed`.
    #[error("the authentication is not fresh")]
    NotFresh,
    /// The service asked for another authentication context: `NoAuthnContext`.
    #[error("the authentication context is none that was asked for")]
    AuthnContext,
    /// Signing or encrypting failed.
    #[error("the answer could not be signed")]
    Key(#[from] KeyError),
    /// A port failed.
    #[error("a port failed")]
    Port(#[from] PortError),
}

/// What an assertion says.
struct Says<'s> {
    id: String,
    now: OffsetDateTime,
    until: OffsetDateTime,
    name_id: &'s NameId,
    session_index: &'s str,
    released: Vec<&'s Attribute>,
}

impl IdentityProvider {
    /// Tells a service about a person, and remembers that it was told.
    ///
    /// # Errors
    ///
    /// Fails when the person's authentication is not what was asked for, when there is no name for them, and when a key or a
    /// port fails.
    pub async fn issue(&self, sign_on: &SignOn, person: &Person) -> Result<Issued, IssueError> {
        let partner = self.partner_of(sign_on)?;
        if sign_on.force_authn && person.authenticated_at < sign_on.received_at {
            return Err(IssueError::NotFresh);
        }
        let asked = &sign_on.authn_context;
        if !asked.is_empty() && !asked.contains(&person.authn_context) {
            return Err(IssueError::AuthnContext);
        }
        let format = NameIdFormat::choose(sign_on.name_id_format.as_deref(), &partner.formats);
        let name_id = self.name_for(&partner.entity_id, format.ok_or(IssueError::NameId)?, person)?;
        let name_id = name_id.ok_or(IssueError::NameId)?;
        let (now, session_index) = (self.ports.now(), new_id(self.ports.entropy())?);
        let released = person.attributes.iter().filter(|one| partner.released.contains(&one.name)).collect();
        let says = Says {
            id: new_id(self.ports.entropy())?,
            now,
            until: now.saturating_add(self.config.lifetime),
            name_id: &name_id,
            session_index: &session_index,
            released,
        };
        let content = self.content(partner, sign_on, person, &says)?;
        let response = self.response(sign_on, &Status::success(), Some(&content), partner.sign_response)?;
        let outgoing = self.send(sign_on, response).await?;
        let released = says.released.iter().map(|attribute| attribute.name.clone()).collect();
        let assertion_id = says.id;
        let participant = Participant {
            sp: partner.entity_id.clone(),
            name_id: name_id.clone(),
            session_index: session_index.clone(),
        };
        self.remember(&person.session, participant).await?;
        Ok(Issued { outgoing, name_id, released, assertion_id })
    }

    /// Tells a service that it will not be told: that a person would have had to be asked
    /// ([`StatusCode::NoPassive`](crate::model::StatusCode::NoPassive)), for example.
    ///
    /// # Errors
    ///
    /// Fails when the service is not known any more, when signing does, and when a port does.
    pub async fn fail(&self, sign_on: &SignOn, status: &Status) -> Result<Outgoing, IssueError> {
        self.partner_of(sign_on)?;
        let response = self.response(sign_on, status, None, true)?;
        self.send(sign_on, response).await
    }

    /// The response, or an artifact for it.
    async fn send(&self, sign_on: &SignOn, response: String) -> Result<Outgoing, IssueError> {
        let (to, relay_state) = (&*sign_on.consumer, sign_on.relay_state.as_deref());
        if !sign_on.by_artifact {
            return Ok(Outgoing::Post(PostForm::new(to, Direction::Response, &response, relay_state)));
        }
        let artifact = self.keep(&sign_on.sp, response).await?;
        Ok(Outgoing::Redirect(artifact_url(to, &artifact, relay_state)))
    }

    fn partner_of(&self, sign_on: &SignOn) -> Result<&SpPartner, IssueError> {
        let partner = self.partners.get(&sign_on.sp).ok_or(IssueError::UnknownSp)?;
        let right = |at: &&AnsweredAt| at.url == sign_on.consumer && at.by_artifact == sign_on.by_artifact;
        let known = partner.consumers.iter().find(right).is_some_and(|at| self.offers(partner, at));
        if known { Ok(partner) } else { Err(IssueError::UnknownSp) }
    }

    /// The signed assertion, encrypted where the service wants that.
    fn content(
        &self,
        partner: &SpPartner,
        sign_on: &SignOn,
        person: &Person,
        says: &Says<'_>,
    ) -> Result<String, IssueError> {
        let crypto = self.ports.crypto();
        let signed = self.assertion(sign_on, person, says).sign(crypto, &self.config.signer)?;
        match &partner.recipient {
            None => Ok(signed),
            Some(to) => Ok(encrypt(crypto, self.ports.entropy(), to, "saml:EncryptedAssertion", &signed)?),
        }
    }

    fn assertion(&self, sign_on: &SignOn, person: &Person, says: &Says<'_>) -> Unsigned {
        let (issued, until) = (instant::format(says.now), instant::format(says.until));
        let mut xml = XmlWriter::new();
        xml.open(
            "saml:Assertion",
            &[("xmlns:saml", ASSERTION), ("ID", &says.id), ("IssueInstant", &issued), ("Version", "2.0")],
        );
        xml.leaf("saml:Issuer", &[], &self.config.entity_id);
        let signature_at = xml.position();
        xml.open("saml:Subject", &[]);
        says.name_id.write(&mut xml);
        xml.open("saml:SubjectConfirmation", &[("Method", BEARER)]);
        let mut data: Vec<(&'static str, &str)> = Vec::new();
        data.extend(sign_on.request_id.as_deref().map(|id| ("InResponseTo", id)));
        data.extend([("NotOnOrAfter", &*until), ("Recipient", &*sign_on.consumer)]);
        xml.leaf("saml:SubjectConfirmationData", &data, "");
        xml.close();
        xml.close();
        xml.open("saml:Conditions", &[("NotBefore", &issued), ("NotOnOrAfter", &until)]);
        xml.open("saml:AudienceRestriction", &[]);
        xml.leaf("saml:Audience", &[], &sign_on.sp);
        xml.close();
        xml.close();
        authentication(&mut xml, person, says);
        if !says.released.is_empty() {
            xml.open("saml:AttributeStatement", &[]);
            for attribute in &says.released {
                attribute.write(&mut xml);
            }
            xml.close();
        }
        Unsigned { xml: xml.finish(), signature_at, id: says.id.clone() }
    }

    fn response(
        &self,
        sign_on: &SignOn,
        status: &Status,
        content: Option<&str>,
        sign: bool,
    ) -> Result<String, IssueError> {
        let id = new_id(self.ports.entropy())?;
        let issued = instant::format(self.ports.now());
        let mut attributes: Vec<(&'static str, &str)> = vec![
            ("xmlns:saml", ASSERTION),
            ("xmlns:samlp", PROTOCOL),
            ("Destination", &sign_on.consumer),
            ("ID", &id),
        ];
        attributes.extend(sign_on.request_id.as_deref().map(|id| ("InResponseTo", id)));
        attributes.extend([("IssueInstant", &*issued), ("Version", "2.0")]);
        let mut xml = XmlWriter::new();
        xml.open("samlp:Response", &attributes);
        xml.leaf("saml:Issuer", &[], &self.config.entity_id);
        let signature_at = xml.position();
        status.write(&mut xml);
        xml.raw(content.unwrap_or_default());
        let response = Unsigned { xml: xml.finish(), signature_at, id };
        if sign { Ok(response.sign(self.ports.crypto(), &self.config.signer)?) } else { Ok(response.xml) }
    }
}

fn authentication(xml: &mut XmlWriter, person: &Person, says: &Says<'_>) {
    let authenticated = instant::format(person.authenticated_at);
    let ends = person.session_ends_at.map(instant::format);
    let mut attributes: Vec<(&'static str, &str)> =
        vec![("AuthnInstant", &authenticated), ("SessionIndex", says.session_index)];
    attributes.extend(ends.as_deref().map(|ends| ("SessionNotOnOrAfter", ends)));
    xml.open("saml:AuthnStatement", &attributes);
    xml.open("saml:AuthnContext", &[]);
    xml.leaf("saml:AuthnContextClassRef", &[], &person.authn_context);
    xml.close();
    xml.close();
}
