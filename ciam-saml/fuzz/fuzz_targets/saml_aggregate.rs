//! Aggregates: whatever the federation has signed, the canonical form that is hashed token by token is the one of the tree, and
//! what the tree reads as entities is what comes out.

#![no_main]

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ciam_core::crypto::{self, Crypto, DigestAlgorithm, SigningKey};
use ciam_saml::cert;
use ciam_saml::dsig::{SignatureAlgorithm, SignatureError, TrustedKey, TrustedKeys};
use ciam_saml::metadata::{MetadataError, MetadataTrust};
use ciam_saml::xml::{Canonical, Doc, Limits, canonicalize};
use libfuzzer_sys::fuzz_target;
use time::macros::datetime;

struct Federation {
    crypto: Arc<dyn Crypto>,
    key: Arc<dyn SigningKey>,
    trust: MetadataTrust,
}

static FEDERATION: LazyLock<Federation> = LazyLock::new(|| {
    let (crypto, algorithm) = (crypto::ring(), SignatureAlgorithm::EcdsaSha256);
    let pkcs8 = crypto.generate_signing_key(algorithm.scheme()).expect("a key");
    let (begin, end) = (datetime!(2025-01-01 0:00 UTC), datetime!(2035-01-01 0:00 UTC));
    let certificate =
        cert::self_signed(&*crypto, algorithm, pkcs8.expose(), "x", begin, end).expect("a certificate");
    let trusted = TrustedKey::from_certificate(&*crypto, &certificate).expect("a key");
    let trust = MetadataTrust::new(TrustedKeys::new(vec![trusted]).expect("one key"));
    let key = crypto.signing_key(algorithm.scheme(), pkcs8.expose()).expect("a key");
    Federation { crypto, key, trust }
});

const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXC: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

fn signature(octets: &[u8]) -> String {
    let Federation { crypto, key, .. } = &*FEDERATION;
    let digest = STANDARD.encode(crypto.digest(DigestAlgorithm::Sha256, octets));
    let info = format!(
        r##"<ds:SignedInfo xmlns:ds="{DSIG}"><ds:CanonicalizationMethod Algorithm="{EXC}"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"></ds:SignatureMethod><ds:Reference URI="#_a"><ds:Transforms><ds:Transform Algorithm="{DSIG}enveloped-signature"></ds:Transform><ds:Transform Algorithm="{EXC}"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"##
    );
    let value = STANDARD.encode(key.sign(info.as_bytes()).expect("a signature"));
    format!(
        r#"<ds:Signature xmlns:ds="{DSIG}">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"#
    )
}

fuzz_target!(|input: &str| {
    let element = |signature: &str| {
        format!(
            r#"<md:EntitiesDescriptor xmlns:md="{MD}" xmlns:q="urn:q" ID="_a" validUntil="2026-01-08T00:00:00Z">{signature}{input}</md:EntitiesDescriptor>"#
        )
    };
    let tree = Doc::parse(element("").as_bytes(), Limits::ENTITY)
        .and_then(|doc| canonicalize(doc.root()?, Canonical::default()));
    let octets = tree.as_deref().unwrap_or("nothing");
    let text = element(&signature(octets.as_bytes()));
    let Federation { crypto, trust, .. } = &*FEDERATION;
    let loaded = trust.load(&**crypto, text.as_bytes(), None, datetime!(2026-01-01 12:00 UTC));
    match (&tree, &loaded) {
        (Ok(_), Err(MetadataError::Signature(SignatureError::Digest))) => {
            panic!("there are two canonical forms of {text}")
        }
        (Err(error), Ok(_)) => panic!("{error}, and it was read: {text}"),
        _ => {}
    }
    if let Ok(loaded) = loaded {
        let names = input.matches("entityID").count();
        assert!(loaded.entities.len() <= names, "{} entities of {names}", loaded.entities.len());
    }
});
