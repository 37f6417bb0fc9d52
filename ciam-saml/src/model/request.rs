//! Requests for authentication ([SAML core, section 3.4.1](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::shape::{Cursor, ShapeError, common, flag_in, text};
use crate::dsig::Unsigned;
use crate::instant;
use crate::names::{ASSERTION, PROTOCOL};
use crate::xml::{Element, XmlWriter};

/// A request for authentication, as it was read or is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuthnRequest {
    /// Its identifier.
    pub id: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub issue_instant: OffsetDateTime,
    /// Who makes it.
    pub issuer: String,
    /// Where it is sent to.
    pub destination: Option<String>,
    /// Where the answer is to go, by address.
    pub acs_url: Option<String>,
    /// Where the answer is to go, by number.
    pub acs_index: Option<u16>,
    /// By which binding.
    pub protocol_binding: Option<String>,
    /// The person has to authenticate anew.
    pub force_authn: bool,
    /// The person must not be asked.
    pub is_passive: bool,
    /// The format of the name that is wanted.
    pub name_id_format: Option<String>,
    /// Whether a name may be made for this service.
    pub allow_create: bool,
    /// Classes of authentication context of which one is wanted, best first.
    pub authn_context: Vec<String>,
    /// How they are compared; `exact` unless said.
    pub comparison: Option<String>,
}

impl AuthnRequest {
    pub(crate) fn read(element: Element<'_>) -> Result<Self, ShapeError> {
        if !element.is(PROTOCOL, "AuthnRequest") {
            return Err(ShapeError::Structure);
        }
        let (header, mut cursor) = common(element)?;
        cursor.take(ASSERTION, "Subject");
        let policy = cursor.take(PROTOCOL, "NameIDPolicy");
        cursor.take(ASSERTION, "Conditions");
        let context = cursor.take(PROTOCOL, "RequestedAuthnContext");
        cursor.take(PROTOCOL, "Scoping");
        cursor.finish()?;
        let mut authn_context = Vec::new();
        if let Some(context) = context {
            let mut classes = Cursor::new(context)?;
            while let Some(class) = classes.take(ASSERTION, "AuthnContextClassRef") {
                authn_context.push(text(class)?);
            }
            classes.finish()?;
        }
        let attribute = |name: &str| element.attribute(name).map(str::to_owned);
        let index = element.attribute("AssertionConsumerServiceIndex");
        Ok(Self {
            id: header.id,
            issue_instant: header.issue_instant,
            issuer: header.issuer.ok_or(ShapeError::Structure)?,
            destination: header.destination,
            acs_url: attribute("AssertionConsumerServiceURL"),
            acs_index: index.map(str::parse).transpose().map_err(|_| ShapeError::Structure)?,
            protocol_binding: attribute("ProtocolBinding"),
            force_authn: flag_in(element, "ForceAuthn")?.unwrap_or(false),
            is_passive: flag_in(element, "IsPassive")?.unwrap_or(false),
            name_id_format: policy.and_then(|policy| policy.attribute("Format")).map(str::to_owned),
            allow_create: match policy {
                Some(policy) => flag_in(policy, "AllowCreate")?.unwrap_or(false),
                None => false,
            },
            authn_context,
            comparison: context.and_then(|context| context.attribute("Comparison")).map(str::to_owned),
        })
    }

    pub(crate) fn write(&self) -> Unsigned {
        let issued = instant::format(self.issue_instant);
        let index = self.acs_index.map(|index| index.to_string());
        let optional = [
            ("AssertionConsumerServiceIndex", index.as_deref()),
            ("AssertionConsumerServiceURL", self.acs_url.as_deref()),
            ("Destination", self.destination.as_deref()),
            ("ForceAuthn", self.force_authn.then_some("true")),
            ("ID", Some(&*self.id)),
            ("IsPassive", self.is_passive.then_some("true")),
            ("IssueInstant", Some(&*issued)),
            ("ProtocolBinding", self.protocol_binding.as_deref()),
            ("Version", Some("2.0")),
        ];
        let namespaces = [("xmlns:saml", ASSERTION), ("xmlns:samlp", PROTOCOL)];
        let given = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let attributes: Vec<(&'static str, &str)> = namespaces.into_iter().chain(given).collect();
        let mut xml = XmlWriter::new();
        xml.open("samlp:AuthnRequest", &attributes);
        xml.leaf("saml:Issuer", &[], &self.issuer);
        let signature_at = xml.position();
        let mut policy: Vec<(&'static str, &str)> = Vec::new();
        if self.allow_create {
            policy.push(("AllowCreate", "true"));
        }
        if let Some(format) = &self.name_id_format {
            policy.push(("Format", format));
        }
        if !policy.is_empty() {
            xml.leaf("samlp:NameIDPolicy", &policy, "");
        }
        if !self.authn_context.is_empty() {
            let comparison = self.comparison.as_deref().unwrap_or("exact");
            xml.open("samlp:RequestedAuthnContext", &[("Comparison", comparison)]);
            for class in &self.authn_context {
                xml.leaf("saml:AuthnContextClassRef", &[], class);
            }
            xml.close();
        }
        Unsigned { xml: xml.finish(), signature_at, id: self.id.clone() }
    }
}
