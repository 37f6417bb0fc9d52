//! An identity provider of an organization, and who comes from there.

use std::collections::BTreeSet;

use ciam_core::{
    account::{IdentifierKey, Profile, federated::UpstreamIdentity},
    assurance::Acr,
    ports::Ports,
};
use ciam_saml::{
    metadata::EntityDescriptor,
    model::NameId,
    names::NAMEID_TRANSIENT,
    sp::{AttributeMapping, Authenticated, ServiceProvider, ServiceProviderConfig},
};
use time::OffsetDateTime;

use super::{Released, keys::SamlKeys};
use crate::{config::Config, import::SamlConnectionEntry};

/// An identity provider that people come from.
#[derive(Clone, Debug)]
pub struct Connection {
    /// What its button says.
    pub label: String,
    /// Whether there is a button for everybody.
    pub button: bool,
    /// This server as its service.
    pub party: ServiceProvider,
    /// The entity id of the identity provider, when it is known.
    pub idp: Option<String>,
    /// Whether who signs out here is signed out there.
    pub sign_out_there: bool,
    entity_id: String,
    domains: BTreeSet<String>,
    subject: Option<String>,
    attributes: AttributeMapping,
}

/// Why an answer that was accepted names nobody here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPerson {
    /// The name is another at each sign-in, and no attribute stands in for it.
    #[error("the name is another each time, and there is no attribute that names the person")]
    Transient,
    /// The attribute that names the person is missing, empty, or there twice.
    #[error("the attribute that names the person is not there once")]
    Subject,
    /// The name was made for another service, or in another realm.
    #[error("the name belongs to another realm")]
    Realm,
}

impl Connection {
    pub(super) fn of(
        config: &Config,
        ports: &Ports,
        keys: &SamlKeys,
        entry: &SamlConnectionEntry,
        entity: Option<&EntityDescriptor>,
    ) -> anyhow::Result<Self> {
        let url = |path: &str| config.issuer.join(&format!("/saml/sp/{}{path}", entry.name));
        let mut settings = ServiceProviderConfig::new(url(""), url("/acs"))
            .with_signer(keys.signer.clone())
            .with_decryption_keys(keys.decryption.clone())
            .with_logout_url(url("/slo"))
            .with_soap_logout_url(url("/slo/soap"));
        if entry.artifacts {
            settings = settings.with_artifacts();
        }
        let mut partners = Vec::new();
        if let Some(entity) = entity {
            let mut partner = entity.idp_partner(ports.crypto())?.with_signed_requests();
            if entry.artifacts {
                partner = partner.with_answers_by_artifact();
            }
            partners.push(if entry.dangerous_unsolicited {
                partner.dangerous_allow_unsolicited()
            } else {
                partner
            });
        }
        let mapped = |mapping: AttributeMapping, it: Released| match entry.attributes.get(it.name()) {
            Some(renamed) => mapping.with(it.name(), [renamed.as_str()]),
            None => mapping.with(it.name(), std::iter::once(it.uri()).chain(it.aliases().iter().copied())),
        };
        Ok(Self {
            label: entry.label.clone().unwrap_or_else(|| entry.name.clone()),
            button: entry.button,
            party: ServiceProvider::new(ports.clone(), settings, partners),
            idp: entity.map(|it| it.entity_id.clone()),
            sign_out_there: entry.sign_out_there,
            entity_id: url(""),
            domains: entry.domains.iter().map(|it| it.to_ascii_lowercase()).collect(),
            subject: entry.subject.clone(),
            attributes: Released::ALL.into_iter().fold(AttributeMapping::new(), mapped),
        })
    }

    /// Whether people can be sent there.
    pub const fn is_ready(&self) -> bool {
        self.idp.is_some()
    }

    /// How a name is remembered, whatever the identity provider leaves out of it.
    pub fn whole(&self, name: &NameId) -> NameId {
        name.qualified(self.idp.as_deref().unwrap_or_default(), &self.entity_id)
    }

    /// The person as the identity provider describes them.
    ///
    /// # Errors
    ///
    /// It names nobody that could come again.
    pub fn identity(
        &self,
        person: &Authenticated,
        now: OffsetDateTime,
    ) -> Result<UpstreamIdentity, NotAPerson> {
        let subject = self.subject_of(person)?;
        let at = person.authenticated_at.min(now);
        let mut identity = UpstreamIdentity::new(person.idp.as_str(), subject, at);
        if let Some(email) = self.value(person, Released::Mail).and_then(|it| self.verified(it)) {
            identity = identity.with_verified_email(email);
        }
        let mut profile = Profile::new();
        for (name, released) in [
            ("name", Released::DisplayName),
            ("given_name", Released::GivenName),
            ("family_name", Released::Surname),
        ] {
            let plain = |it: &&str| it.len() <= 256 && !it.chars().any(char::is_control);
            if let Some(value) = self.value(person, released).filter(plain) {
                // What does not fit is left out.
                let _left_out = profile.set(name, value);
            }
        }
        identity = identity.with_profile(profile);
        Ok(match person.authn_context.as_deref().filter(|class| class.len() <= 256) {
            Some(class) => identity.with_acr(&Acr::new(class)),
            None => identity,
        })
    }

    fn subject_of(&self, person: &Authenticated) -> Result<String, NotAPerson> {
        if let Some(attribute) = &self.subject {
            let mut values = person.values(attribute);
            return match (values.next(), values.next()) {
                (Some(value), None) if !value.is_empty() => Ok(value.to_owned()),
                _ => Err(NotAPerson::Subject),
            };
        }
        let name = &person.name_id;
        if name.format.as_deref() == Some(NAMEID_TRANSIENT) {
            return Err(NotAPerson::Transient);
        }
        let is = |qualifier: &Option<String>, ours: &str| qualifier.as_deref().is_none_or(|it| it == ours);
        if is(&name.name_qualifier, &person.idp) && is(&name.sp_name_qualifier, &self.entity_id) {
            Ok(name.value.clone())
        } else {
            Err(NotAPerson::Realm)
        }
    }

    /// The one value of an attribute, by the name that this connection has for it, else by the usual ones.
    fn value<'p>(&self, person: &'p Authenticated, wanted: Released) -> Option<&'p str> {
        self.attributes.one(person, wanted.name())
    }

    /// An address that the identity provider may speak for: one of the organization's domains. Of others its word counts for
    /// nothing, or it could make accounts in anybody's name.
    fn verified(&self, address: &str) -> Option<IdentifierKey> {
        let key = IdentifierKey::email(address).ok()?;
        let (_, domain) = key.as_str().rsplit_once('@')?;
        self.domains.contains(domain).then_some(key)
    }
}
