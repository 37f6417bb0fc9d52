//! Envelopes and artifacts from anybody: nothing panics, nothing is given out and nobody is signed out without a key that the
//! fuzzer has not.

#![no_main]

use std::sync::{Arc, LazyLock};

use ciam_core::clock::Clock as _;
use ciam_core::crypto;
use ciam_core::entropy::SystemEntropy;
use ciam_core::memory;
use ciam_core::secret::SecretBytes;
use ciam_core::testkit::ManualClock;
use ciam_saml::binding::{ArtifactMessage, SoapMessage};
use ciam_saml::cert;
use ciam_saml::dsig::{SignatureAlgorithm, Signer, TrustedKey, TrustedKeys};
use ciam_saml::idp::{IdentityProvider, IdentityProviderConfig, SpPartner};
use ciam_saml::sp::{IdpPartner, ServiceProvider, ServiceProviderConfig};
use libfuzzer_sys::fuzz_target;
use time::Duration;

const IDP: &str = "https://idp.example/metadata";
const SP: &str = "https://sp.example/metadata";
const ACS: &str = "https://sp.example/saml/acs";

static BOTH: LazyLock<(IdentityProvider, ServiceProvider)> = LazyLock::new(|| {
    let (clock, crypto) = (Arc::new(ManualClock::default()), crypto::ring());
    let algorithm = SignatureAlgorithm::EcdsaSha256;
    let key = crypto.generate_signing_key(algorithm.scheme()).expect("a key");
    let now = clock.now();
    let certificate = cert::self_signed(&*crypto, algorithm, key.expose(), "x", now, now + Duration::days(1));
    let certificate = certificate.expect("a certificate");
    let trusted = TrustedKey::from_certificate(&*crypto, &certificate).expect("a key");
    let keys = TrustedKeys::new(vec![trusted]).expect("one key");
    let signer = Signer::new(&*crypto, algorithm, key.expose(), certificate).expect("a signer");
    let ports = memory::ports_with(clock, Arc::new(SystemEntropy::new()));
    let service = SpPartner::new(SP, ACS)
        .and_then(|it| it.with_soap_logout("https://sp.example/saml/soap"))
        .expect("a service")
        .with_keys(keys.clone());
    let config = IdentityProviderConfig::new(IDP, "https://idp.example/sso", signer)
        .with_artifact_url("https://idp.example/artifacts")
        .with_soap_logout_url("https://idp.example/soap");
    let idp = IdentityProvider::new(ports.clone(), config, &SecretBytes::new(vec![1; 32]), [service]);
    let partner = IdpPartner::new(IDP, keys).with_artifact_resolution(0, "https://idp.example/artifacts");
    let config = ServiceProviderConfig::new(SP, ACS).with_soap_logout_url("https://sp.example/saml/soap");
    (idp.expect("a provider"), ServiceProvider::new(ports, config, [partner]))
});

fuzz_target!(|input: &[u8]| {
    let (idp, sp) = &*BOTH;
    if let Ok(artifact) = ArtifactMessage::parse(input) {
        let accepted = futures_executor::block_on(sp.accept_artifact(None, &artifact));
        assert!(accepted.is_err(), "somebody was authenticated by an artifact that nobody made");
    }
    // As it is, and as what an envelope holds.
    let wrapped = std::str::from_utf8(input).map(|text| {
        format!(
            r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{text}</s:Body></s:Envelope>"#
        )
    });
    for envelope in [Some(input), wrapped.as_deref().ok().map(str::as_bytes)].into_iter().flatten() {
        let Ok(message) = SoapMessage::parse(envelope) else { continue };
        assert!(futures_executor::block_on(idp.resolve(&message)).is_err(), "a message was given out");
        assert!(futures_executor::block_on(idp.accept_soap_logout(&message)).is_err(), "signed out");
        assert!(futures_executor::block_on(sp.accept_soap_logout(&message)).is_err(), "signed out");
    }
});
