//! Certificates, written by hand: DER is lengths and bytes.

use std::sync::Arc;

use ciam_core::crypto::{EcCurve, PublicKey, SigningKey};

use crate::authenticator::der;

/// A certificate that is to be made, signed by its own key or another one.
#[derive(Clone)]
pub(crate) struct Leaf {
    pub(crate) key: Arc<dyn SigningKey>,
    /// 2 for version 3; version 1 has no extensions.
    pub(crate) version: u8,
    pub(crate) authority: Option<bool>,
    pub(crate) subject: Vec<(String, String)>,
    /// Identifier, whether it is critical, value.
    pub(crate) extensions: Vec<(String, bool, Vec<u8>)>,
    pub(crate) signer: Arc<dyn SigningKey>,
    pub(crate) issuer: &'static str,
    /// The year of its end.
    pub(crate) until: u8,
    /// What it says outside of what is signed about how it is signed.
    pub(crate) outside: &'static str,
}

pub(crate) const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";

impl Leaf {
    pub(crate) fn new(key: &Arc<dyn SigningKey>) -> Self {
        let subject = vec![("2.5.4.3".to_owned(), "One".to_owned())];
        Self {
            key: key.clone(),
            version: 2,
            authority: Some(false),
            subject,
            extensions: Vec::new(),
            signer: key.clone(),
            issuer: "Maker",
            until: 49,
            outside: ECDSA_SHA256,
        }
    }

    pub(crate) fn with_subject(mut self, subject: &[(&str, &str)]) -> Self {
        self.subject = subject.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect();
        self
    }

    pub(crate) fn with_extension(mut self, id: &str, critical: bool, value: Vec<u8>) -> Self {
        self.extensions.push((id.to_owned(), critical, value));
        self
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let subject: Vec<_> = self.subject.iter().map(|(id, text)| (id.as_str(), text.as_str())).collect();
        let time = |text: &str| tlv(0x17, text.as_bytes());
        let algorithm = list(&[oid(ECDSA_SHA256)]);
        let mut parts = Vec::new();
        if self.version > 0 {
            parts.push(explicit(0, &integer(self.version)));
        }
        parts.extend([
            integer(1),
            algorithm,
            names(&[("2.5.4.3", self.issuer)]),
            list(&[time("200101000000Z"), time(&format!("{}0101000000Z", self.until))]),
            names(&subject),
            self.public_key(),
        ]);
        if self.version > 0 {
            parts.push(explicit(3, &self.extensions()));
        }
        let signed = list(&parts);
        let signature = match self.signer.public_key() {
            PublicKey::Ec { curve: EcCurve::P256, .. } => der(&self.signer.sign(&signed).unwrap()),
            // Nobody looks at it.
            _ => vec![0x30, 0],
        };
        list(&[signed, list(&[oid(self.outside)]), bits(&signature)])
    }

    fn public_key(&self) -> Vec<u8> {
        let PublicKey::Ec { curve, x, y } = self.key.public_key() else { panic!("a point") };
        let curve = match curve {
            EcCurve::P256 => "1.2.840.10045.3.1.7",
            _ => "1.3.132.0.34",
        };
        let algorithm = list(&[oid("1.2.840.10045.2.1"), oid(curve)]);
        list(&[algorithm, bits(&[&[4][..], x, y].concat())])
    }

    fn extensions(&self) -> Vec<u8> {
        let constraints = self.authority.map(|authority| {
            let value = if authority { list(&[tlv(0x01, &[0xff])]) } else { list(&[]) };
            ("2.5.29.19".to_owned(), true, value)
        });
        let all = constraints.into_iter().chain(self.extensions.iter().cloned());
        let encoded: Vec<_> = all
            .map(|(id, critical, value)| {
                let critical = if critical { tlv(0x01, &[0xff]) } else { Vec::new() };
                list(&[oid(&id), critical, octets(&value)])
            })
            .collect();
        list(&encoded)
    }
}

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    tagged(&[tag], content)
}

fn tagged(tag: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let [high, low] = length.to_be_bytes();
    let length = match length {
        0..=0x7f => vec![low],
        0x80..=0xff => vec![0x81, low],
        _ => vec![0x82, high, low],
    };
    [tag, &length, content].concat()
}

pub(crate) fn list(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// A context-specific tag with something in it.
pub(crate) fn explicit(number: u16, content: &[u8]) -> Vec<u8> {
    match u8::try_from(number) {
        Ok(small @ 0..=30) => tagged(&[0xa0 | small], content),
        _ => tagged(&[vec![0xbf], base_128(u32::from(number))].concat(), content),
    }
}

pub(crate) fn integer(number: u8) -> Vec<u8> {
    if number < 0x80 { tlv(0x02, &[number]) } else { tlv(0x02, &[0, number]) }
}

pub(crate) fn octets(bytes: &[u8]) -> Vec<u8> {
    tlv(0x04, bytes)
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0][..], bytes].concat())
}

pub(crate) fn oid(text: &str) -> Vec<u8> {
    let numbers: Vec<u32> = text.split('.').map(|it| it.parse().unwrap()).collect();
    let mut content = base_128(numbers[0] * 40 + numbers[1]);
    content.extend(numbers[2..].iter().flat_map(|it| base_128(*it)));
    tlv(0x06, &content)
}

fn base_128(mut number: u32) -> Vec<u8> {
    let mut digits = vec![u8::try_from(number & 0x7f).unwrap()];
    while number > 0x7f {
        number >>= 7;
        digits.insert(0, u8::try_from(number & 0x7f).unwrap() | 0x80);
    }
    digits
}

/// A name, attribute by attribute.
pub(crate) fn names(attributes: &[(&str, &str)]) -> Vec<u8> {
    let set = |(id, text): &(&str, &str)| tlv(0x31, &list(&[oid(id), tlv(0x0c, text.as_bytes())]));
    list(&attributes.iter().map(set).collect::<Vec<_>>())
}
