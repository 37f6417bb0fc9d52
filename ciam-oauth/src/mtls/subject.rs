//! Whose certificate it is.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::str::FromStr as _;

use serde::{Deserialize, Serialize};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

/// The one thing that the certificate of a client must say, so that it is the client's
/// ([RFC 8705, section 2.1.2](https://www.rfc-editor.org/rfc/rfc8705#section-2.1.2)).
///
/// ```
/// use ciam_oauth::mtls::CertificateSubject;
///
/// let subject = CertificateSubject::Dns("client.partner.example".to_owned());
/// assert!(subject.is_well_formed());
/// assert!(!CertificateSubject::DistinguishedName("not a name".to_owned()).is_well_formed());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
#[non_exhaustive]
pub enum CertificateSubject {
    /// The whole subject, as [RFC 4514](https://www.rfc-editor.org/rfc/rfc4514) writes it: `tls_client_auth_subject_dn`.
    DistinguishedName(String),
    /// One of its host names: `tls_client_auth_san_dns`.
    Dns(String),
    /// One of its URIs: `tls_client_auth_san_uri`.
    Uri(String),
    /// One of its addresses: `tls_client_auth_san_ip`.
    Ip(IpAddr),
    /// One of its mail addresses: `tls_client_auth_san_email`.
    Email(String),
}

impl CertificateSubject {
    /// Whether a certificate could say it at all.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        match self {
            Self::DistinguishedName(name) => {
                name.len() <= MAX_TEXT && Name::from_str(name).is_ok_and(|name| !name.is_empty())
            }
            Self::Dns(text) | Self::Uri(text) | Self::Email(text) => {
                (1..=MAX_TEXT).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
            }
            Self::Ip(_) => true,
        }
    }

    /// Whether a certificate (DER) says it.
    ///
    /// # Security
    ///
    /// Anybody can make a certificate that says anything: this is asked of one whose chain was verified. Names are compared
    /// character by character, without patterns; a certificate for `*.example` says `*.example` and nothing else.
    #[must_use]
    pub fn is_in(&self, der: &[u8]) -> bool {
        if der.len() > MAX_CERTIFICATE {
            return false;
        }
        let Ok(certificate) = Certificate::from_der(der) else { return false };
        if let Self::DistinguishedName(wanted) = self {
            let Ok(wanted) = Name::from_str(wanted) else { return false };
            return !wanted.is_empty() && parts(&wanted) == parts(certificate.tbs_certificate().subject());
        }
        alternative_names(&certificate).iter().any(|name| self.is_name(name))
    }

    fn is_name(&self, name: &GeneralName) -> bool {
        match (self, name) {
            (Self::Dns(wanted), GeneralName::DnsName(name)) => name.as_str().eq_ignore_ascii_case(wanted),
            (Self::Uri(wanted), GeneralName::UniformResourceIdentifier(name)) => name.as_str() == wanted,
            (Self::Email(wanted), GeneralName::Rfc822Name(name)) => name.as_str() == wanted,
            (Self::Ip(IpAddr::V4(wanted)), GeneralName::IpAddress(name)) => {
                name.as_bytes() == wanted.octets()
            }
            (Self::Ip(IpAddr::V6(wanted)), GeneralName::IpAddress(name)) => {
                name.as_bytes() == wanted.octets()
            }
            _ => false,
        }
    }
}

/// A name as what it says: in one order, each part a set of attributes, whatever type of string they are written in.
fn parts(name: &Name) -> Vec<BTreeSet<(String, Vec<u8>)>> {
    let attribute =
        |it: &x509_cert::attr::AttributeTypeAndValue| (it.oid.to_string(), it.value.value().to_vec());
    name.iter_rdn().map(|part| part.iter().map(attribute).collect()).collect()
}

/// The alternative names; none where the extension is there twice or cannot be read.
fn alternative_names(certificate: &Certificate) -> Vec<GeneralName> {
    let extensions = certificate.tbs_certificate().extensions();
    let mut found = extensions.into_iter().flatten().filter(|it| it.extn_id == SUBJECT_ALT_NAME);
    let (Some(extension), None) = (found.next(), found.next()) else { return Vec::new() };
    SubjectAltName::from_der(extension.extn_value.as_bytes()).map(|names| names.0).unwrap_or_default()
}

const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// The largest certificate that is looked at, in bytes.
const MAX_CERTIFICATE: usize = 16 * 1024;

/// The longest name, in bytes.
const MAX_TEXT: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &[u8] = include_bytes!("../../tests/data/mtls/client.der");
    const WILDCARD: &[u8] = include_bytes!("../../tests/data/mtls/wildcard.der");

    #[test]
    fn rfc8705_2_1_2_each_kind_of_name() {
        for subject in [
            CertificateSubject::DistinguishedName("CN=client,OU=Payments,O=Partner,C=DE".to_owned()),
            CertificateSubject::Dns("client.partner.example".to_owned()),
            CertificateSubject::Dns("CLIENT.partner.example".to_owned()),
            CertificateSubject::Uri("urn:partner:client".to_owned()),
            CertificateSubject::Ip("192.0.2.1".parse().unwrap()),
            CertificateSubject::Ip("2001:db8::1".parse().unwrap()),
            CertificateSubject::Email("client@partner.example".to_owned()),
        ] {
            assert!(subject.is_well_formed(), "{subject:?}");
            assert!(subject.is_in(CLIENT), "{subject:?}");
            assert!(!subject.is_in(WILDCARD), "{subject:?}");
        }
    }

    #[test]
    fn s19_almost_is_not_enough() {
        for subject in [
            CertificateSubject::DistinguishedName("CN=client".to_owned()),
            CertificateSubject::DistinguishedName("C=DE,O=Partner,OU=Payments,CN=client".to_owned()),
            CertificateSubject::DistinguishedName("CN=client,OU=Payments,O=Partner".to_owned()),
            CertificateSubject::DistinguishedName("CN=Client,OU=Payments,O=Partner,C=DE".to_owned()),
            CertificateSubject::DistinguishedName("CN=client+OU=Payments,O=Partner,C=DE".to_owned()),
            CertificateSubject::DistinguishedName(String::new()),
            CertificateSubject::Dns("partner.example".to_owned()),
            CertificateSubject::Dns("client.partner.example.".to_owned()),
            CertificateSubject::Dns("urn:partner:client".to_owned()),
            CertificateSubject::Uri("urn:partner:CLIENT".to_owned()),
            CertificateSubject::Uri("client.partner.example".to_owned()),
            CertificateSubject::Ip("192.0.2.2".parse().unwrap()),
            CertificateSubject::Ip("::ffff:192.0.2.1".parse().unwrap()),
            CertificateSubject::Email("client@PARTNER.example.evil".to_owned()),
        ] {
            assert!(!subject.is_in(CLIENT), "{subject:?}");
        }
        let host = CertificateSubject::Dns("client.partner.example".to_owned());
        assert!(!host.is_in(WILDCARD), "a pattern in a certificate is a text");
        assert!(!host.is_in(b"") && !host.is_in(&CLIENT[..CLIENT.len() - 1]) && !host.is_in(&[0x30; 20_000]));
    }
}
