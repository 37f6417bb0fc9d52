//! The certificate of a client, as a trusted proxy passes it on.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

/// The certificate in a header, in DER; `None` when there is none, or more than one, or what is there cannot be read.
///
/// `Client-Cert` is a byte sequence between colons ([RFC 9440](https://www.rfc-editor.org/rfc/rfc9440#section-2.1)); other headers
/// hold PEM in percent encoding, as nginx's `$ssl_client_escaped_cert` does.
pub(crate) fn certificate_in(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let text = value.to_str().ok()?.trim();
    if text.len() > LONGEST {
        return None;
    }
    if name.as_str() == "client-cert" {
        let encoded = text.strip_prefix(':')?.strip_suffix(':')?;
        return STANDARD.decode(encoded).ok().filter(|der| !der.is_empty());
    }
    let pem = percent_decoded(text)?;
    CertificateDer::from_pem_slice(&pem).ok().map(|der| der.to_vec())
}

/// A certificate of this length is none that anybody uses.
const LONGEST: usize = 32 * 1024;

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => digit(bytes.next())? << 4 | digit(bytes.next())?,
            other => other,
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::SelfSigned;

    #[test]
    fn both_ways_hold_the_same_certificate() {
        let signed = SelfSigned::new("client.example", time::OffsetDateTime::UNIX_EPOCH).unwrap();
        let der = signed.certificate();
        let rfc9440: HeaderName = "client-cert".parse().unwrap();
        let nginx: HeaderName = "x-ssl-cert".parse().unwrap();
        let pem =
            format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der));
        let escaped: String = pem
            .bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect();
        let headers = |name: &HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.append(name, value.parse().unwrap());
            headers
        };
        let encoded = format!(":{}:", STANDARD.encode(der));
        assert_eq!(certificate_in(&headers(&rfc9440, &encoded), &rfc9440).as_deref(), Some(der));
        assert_eq!(certificate_in(&headers(&nginx, &escaped), &nginx).as_deref(), Some(der));
        for bad in ["", "::", ":!:", &STANDARD.encode(der)] {
            assert_eq!(certificate_in(&headers(&rfc9440, bad), &rfc9440), None, "{bad}");
        }
        for bad in ["", "%", "%4", "%zz", "MIIB"] {
            assert_eq!(certificate_in(&headers(&nginx, bad), &nginx), None, "{bad}");
        }
        let mut two = headers(&rfc9440, &encoded);
        two.append(&rfc9440, encoded.parse().unwrap());
        assert_eq!(certificate_in(&two, &rfc9440), None, "two are none");
    }
}
