//! Reading one entity.

use ciam_core::crypto::Crypto;
use time::{Duration, OffsetDateTime};

use crate::dsig::{KeyError, SignatureError, TrustedKey, TrustedKeys, decode_strict};
use crate::enc::Recipient;
use crate::idp::{NotAnAddress, SpPartner, checked};
use crate::instant;
use crate::names::{BINDING_ARTIFACT, BINDING_POST, BINDING_SOAP, DISCOVERY, DSIG, METADATA, PROTOCOL};
use crate::sp::IdpPartner;
use crate::transport::Binding;
use crate::xml::{Doc, Element, Limits, XmlError};

/// An entity, as its metadata describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntityDescriptor {
    /// Its name.
    pub entity_id: String,
    /// Until when this is to be believed.
    pub valid_until: Option<OffsetDateTime>,
    /// For how long it need not be fetched again.
    pub cache_duration: Option<Duration>,
    /// What it is as an identity provider.
    pub idp: Option<IdpRole>,
    /// What it is as a service provider.
    pub sp: Option<SpRole>,
}

/// Certificates (DER), by what they are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keys {
    /// For signatures.
    pub signing: Vec<Vec<u8>>,
    /// For encryption.
    pub encryption: Vec<Vec<u8>>,
}

/// An identity provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdpRole {
    /// Its keys.
    pub keys: Keys,
    /// Whether it wants requests to be signed.
    pub wants_signed_requests: bool,
    /// Where requests are sent.
    pub sign_on: Vec<(Binding, String)>,
    /// Where messages of single logout are sent.
    pub logout: Vec<(Binding, String)>,
    /// Where requests for logout are sent from server to server.
    pub soap_logout: Option<String>,
    /// Where messages are fetched by artifact, with their numbers.
    pub resolution: Vec<(u16, String)>,
}

/// A service provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpRole {
    /// Its keys.
    pub keys: Keys,
    /// Whether it signs requests.
    pub signs_requests: bool,
    /// Where it is answered.
    pub consumers: Vec<Consumer>,
    /// Where it is told a person's identity provider by a [discovery service](crate::discovery), the default first.
    pub discovery: Vec<String>,
    /// Where messages of single logout are sent.
    pub logout: Vec<(Binding, String)>,
    /// Where requests for logout are sent from server to server.
    pub soap_logout: Option<String>,
}

/// An address that is answered at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Consumer {
    /// Its number.
    pub index: u16,
    /// The address.
    pub url: String,
    /// Whether it is the default.
    pub is_default: bool,
    /// Whether it is answered by artifact, and not by a form.
    pub by_artifact: bool,
}

/// Why metadata is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The document is refused.
    #[error("the document is refused")]
    Xml(#[from] XmlError),
    /// The document is no metadata, or lacks what the schema wants.
    #[error("the metadata is malformed")]
    Structure,
    /// An address is neither https nor on this machine.
    #[error("an address is not allowed")]
    Address(#[from] NotAnAddress),
    /// A key cannot be used.
    #[error("a key is refused")]
    Key(#[from] KeyError),
    /// The signature is refused.
    #[error("the signature is refused")]
    Signature(#[from] SignatureError),
    /// The metadata is over, does not say when it will be, or will be too late.
    #[error("the validity is not allowed")]
    Validity,
    /// The metadata is of another entity than was asked for.
    #[error("the metadata is of another entity")]
    OtherEntity,
    /// An entity is there twice.
    #[error("an entity is there twice")]
    Duplicate,
    /// The metadata is older than what was seen before.
    #[error("the metadata is older than what was seen before")]
    Rollback,
    /// The entity has not the role that was asked for.
    #[error("the entity has no such role")]
    Role,
}

impl EntityDescriptor {
    /// Reads the metadata of one entity, believing it.
    ///
    /// # Errors
    ///
    /// Fails when the document is refused or is no metadata of an entity.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        let doc = Doc::parse(bytes, Limits::ENTITY)?;
        Self::read(doc.root()?)
    }

    pub(super) fn read(element: Element<'_>) -> Result<Self, MetadataError> {
        if !element.is(METADATA, "EntityDescriptor") {
            return Err(MetadataError::Structure);
        }
        let entity_id = element.attribute("entityID").filter(|id| !id.is_empty() && id.len() <= 1024);
        let (valid_until, cache_duration) = validity(element)?;
        let mut entity = Self {
            entity_id: entity_id.ok_or(MetadataError::Structure)?.to_owned(),
            valid_until,
            cache_duration,
            idp: None,
            sp: None,
        };
        for role in element.only_children()? {
            if !speaks_saml2(role) {
                continue;
            }
            if role.is(METADATA, "IDPSSODescriptor") {
                set(&mut entity.idp, read_idp(role)?)?;
            } else if role.is(METADATA, "SPSSODescriptor") {
                set(&mut entity.sp, read_sp(role)?)?;
            }
        }
        Ok(entity)
    }

    /// The addresses to which requests go from server to server: to fetch messages, and for logout.
    #[must_use]
    pub fn servers(&self) -> Vec<String> {
        let idp = self
            .idp
            .iter()
            .flat_map(|role| role.resolution.iter().map(|(_, url)| url).chain(&role.soap_logout));
        let sp = self.sp.iter().flat_map(|role| &role.soap_logout);
        idp.chain(sp).cloned().collect()
    }

    /// The entity as an identity provider that we believe.
    ///
    /// # Errors
    ///
    /// Fails when it is none, and when it has no usable key for signatures.
    pub fn idp_partner(&self, crypto: &dyn Crypto) -> Result<IdpPartner, MetadataError> {
        let role = self.idp.as_ref().ok_or(MetadataError::Role)?;
        let mut partner = IdpPartner::new(&self.entity_id, trusted(crypto, &role.keys.signing)?);
        for (binding, url) in &role.sign_on {
            partner = partner.with_sign_on(*binding, url);
        }
        for (binding, url) in &role.logout {
            partner = partner.with_logout(*binding, url);
        }
        if let Some(url) = &role.soap_logout {
            partner = partner.with_soap_logout(url);
        }
        for (index, url) in &role.resolution {
            partner = partner.with_artifact_resolution(*index, url);
        }
        Ok(if role.wants_signed_requests { partner.with_signed_requests() } else { partner })
    }

    /// The entity as a service that we answer; assertions are encrypted where it has a key for that.
    ///
    /// # Errors
    ///
    /// Fails when it is none, has no address to answer at, or has a key that cannot be used.
    pub fn sp_partner(&self, crypto: &dyn Crypto) -> Result<SpPartner, MetadataError> {
        let role = self.sp.as_ref().ok_or(MetadataError::Role)?;
        let mut ordered: Vec<&Consumer> = role.consumers.iter().collect();
        ordered.sort_by_key(|consumer| (!consumer.is_default, consumer.index));
        let first = ordered.first().ok_or(MetadataError::Structure)?;
        let mut partner = SpPartner::new(&self.entity_id, &first.url)?;
        partner.consumers.clear();
        for consumer in ordered {
            partner = if consumer.by_artifact {
                partner.with_artifact_consumer(consumer.index, &consumer.url)?
            } else {
                partner.with_consumer(consumer.index, &consumer.url)?
            };
        }
        if !role.keys.signing.is_empty() {
            partner = partner.with_keys(trusted(crypto, &role.keys.signing)?);
        }
        if role.signs_requests {
            partner = partner.with_signed_requests();
        }
        if let Some(recipient) =
            role.keys.encryption.iter().find_map(|der| Recipient::from_certificate(der).ok())
        {
            partner = partner.with_encryption(recipient);
        }
        for (binding, url) in &role.logout {
            partner = partner.with_logout(*binding, url)?;
        }
        if let Some(url) = &role.soap_logout {
            partner = partner.with_soap_logout(url)?;
        }
        Ok(partner)
    }
}

/// `validUntil` and `cacheDuration`.
pub(super) fn validity(
    element: Element<'_>,
) -> Result<(Option<OffsetDateTime>, Option<Duration>), MetadataError> {
    validity_of(element.attribute("validUntil"), element.attribute("cacheDuration"))
}

pub(super) fn validity_of(
    until: Option<&str>,
    cache: Option<&str>,
) -> Result<(Option<OffsetDateTime>, Option<Duration>), MetadataError> {
    let until = until.map(|text| instant::parse(text).ok_or(MetadataError::Structure));
    let cache = cache.map(|text| duration(text).ok_or(MetadataError::Structure));
    Ok((until.transpose()?, cache.transpose()?))
}

fn set<T>(place: &mut Option<T>, role: T) -> Result<(), MetadataError> {
    if place.replace(role).is_some() { Err(MetadataError::Duplicate) } else { Ok(()) }
}

fn speaks_saml2(role: Element<'_>) -> bool {
    role.attribute("protocolSupportEnumeration")
        .is_some_and(|list| list.split_whitespace().any(|one| one == PROTOCOL))
}

fn trusted(crypto: &dyn Crypto, certificates: &[Vec<u8>]) -> Result<TrustedKeys, MetadataError> {
    // One key that we cannot use, such as one that is too weak, does not take the others away.
    let keys: Vec<TrustedKey> = certificates
        .iter()
        .filter_map(|der| TrustedKey::from_certificate(crypto, der).ok())
        .take(TrustedKeys::MAX)
        .collect();
    Ok(TrustedKeys::new(keys)?)
}

fn read_idp(role: Element<'_>) -> Result<IdpRole, MetadataError> {
    let mut idp = IdpRole {
        wants_signed_requests: matches!(role.attribute("WantAuthnRequestsSigned"), Some("true" | "1")),
        ..IdpRole::default()
    };
    for child in role.only_children()? {
        if child.is(METADATA, "KeyDescriptor") {
            read_key(child, &mut idp.keys)?;
        } else if child.is(METADATA, "SingleSignOnService") {
            idp.sign_on.extend(endpoint(child)?);
        } else if child.is(METADATA, "SingleLogoutService") {
            read_logout(child, &mut idp.logout, &mut idp.soap_logout)?;
        } else if child.is(METADATA, "ArtifactResolutionService") {
            let (_, url) = address(child)?;
            let over_soap = child.attribute("Binding") == Some(BINDING_SOAP);
            idp.resolution.extend(over_soap.then_some((index_of(child)?, url)));
        }
    }
    Ok(idp)
}

fn read_sp(role: Element<'_>) -> Result<SpRole, MetadataError> {
    let mut sp = SpRole {
        signs_requests: matches!(role.attribute("AuthnRequestsSigned"), Some("true" | "1")),
        ..SpRole::default()
    };
    for child in role.only_children()? {
        if child.is(METADATA, "Extensions") {
            sp.discovery = read_discovery(child)?;
        } else if child.is(METADATA, "KeyDescriptor") {
            read_key(child, &mut sp.keys)?;
        } else if child.is(METADATA, "SingleLogoutService") {
            read_logout(child, &mut sp.logout, &mut sp.soap_logout)?;
        } else if child.is(METADATA, "AssertionConsumerService") {
            let (binding, url) = address(child)?;
            if !matches!(binding, Some(BINDING_POST | BINDING_ARTIFACT)) {
                continue;
            }
            sp.consumers.push(Consumer {
                index: index_of(child)?,
                url,
                is_default: matches!(child.attribute("isDefault"), Some("true" | "1")),
                by_artifact: binding == Some(BINDING_ARTIFACT),
            });
        }
    }
    Ok(sp)
}

fn read_discovery(extensions: Element<'_>) -> Result<Vec<String>, MetadataError> {
    let mut found = Vec::new();
    for child in extensions.children().filter(|child| child.is(DISCOVERY, "DiscoveryResponse")) {
        let (binding, url) = address(child)?;
        let default = matches!(child.attribute("isDefault"), Some("true" | "1"));
        if binding == Some(DISCOVERY) {
            found.push((!default, index_of(child)?, url));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, _, url)| url).collect())
}

fn read_logout(
    element: Element<'_>,
    front: &mut Vec<(Binding, String)>,
    back: &mut Option<String>,
) -> Result<(), MetadataError> {
    match address(element)? {
        (Some(BINDING_SOAP), url) => *back = back.take().or(Some(url)),
        _ => front.extend(endpoint(element)?),
    }
    Ok(())
}

fn index_of(element: Element<'_>) -> Result<u16, MetadataError> {
    element.attribute("index").and_then(|index| index.parse().ok()).ok_or(MetadataError::Structure)
}

/// A binding, and an address that is checked whatever the binding is.
fn address(element: Element<'_>) -> Result<(Option<&str>, String), MetadataError> {
    let location = element.attribute("Location").ok_or(MetadataError::Structure)?;
    Ok((element.attribute("Binding"), checked(location)?))
}

/// An endpoint of the front channel.
fn endpoint(element: Element<'_>) -> Result<Option<(Binding, String)>, MetadataError> {
    let (binding, url) = address(element)?;
    Ok(binding.and_then(Binding::from_uri).map(|binding| (binding, url)))
}

fn read_key(descriptor: Element<'_>, keys: &mut Keys) -> Result<(), MetadataError> {
    let (signing, encryption) = match descriptor.attribute("use") {
        None => (true, true),
        Some("signing") => (true, false),
        Some("encryption") => (false, true),
        Some(_) => return Err(MetadataError::Structure),
    };
    let infos = descriptor.children().filter(|child| child.is(DSIG, "KeyInfo"));
    let datas = infos.flat_map(|info| info.children()).filter(|child| child.is(DSIG, "X509Data"));
    for certificate in
        datas.flat_map(|data| data.children()).filter(|child| child.is(DSIG, "X509Certificate"))
    {
        let der = decode_strict(certificate.simple_text()?).ok_or(MetadataError::Structure)?;
        if signing {
            keys.signing.push(der.clone());
        }
        if encryption {
            keys.encryption.push(der);
        }
    }
    Ok(())
}

/// `xs:duration` of days, hours, minutes and seconds; months and years have no length.
fn duration(text: &str) -> Option<Duration> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = rest.split_once('T').map_or((rest, None), |(date, time)| (date, Some(time)));
    if time == Some("") || date.is_empty() && time.is_none() {
        return None;
    }
    let mut total = Duration::ZERO;
    let mut part = |text: &str, units: &[(char, i64)]| -> Option<()> {
        let mut rest = text;
        for (unit, seconds) in units {
            let Some((number, after)) = rest.split_once(*unit) else { continue };
            if number.is_empty() || number.len() > 9 || !number.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            total =
                total.checked_add(Duration::seconds(number.parse::<i64>().ok()?.checked_mul(*seconds)?))?;
            rest = after;
        }
        rest.is_empty().then_some(())
    };
    part(date, &[('D', 86_400)])?;
    part(time.unwrap_or_default(), &[('H', 3600), ('M', 60), ('S', 1)])?;
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_length() {
        assert_eq!(duration("P1DT2H3M4S"), Some(Duration::seconds(93_784)));
        assert_eq!(duration("PT6H"), Some(Duration::hours(6)));
        assert_eq!(duration("P7D"), Some(Duration::days(7)));
        for bad in
            ["", "P", "PT", "P1M", "P1Y", "-P1D", "PT1.5S", "P1", "PT1S1H", "1D", "P1D1D", "PT99999999999S"]
        {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
