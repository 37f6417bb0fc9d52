//! Responses from anybody to a service provider that believes one key, which the fuzzer has not: nobody is ever
//! authenticated.

#![no_main]

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use ciam_core::clock::Clock as _;
use ciam_core::crypto;
use ciam_core::entropy::SystemEntropy;
use ciam_core::memory;
use ciam_core::testkit::ManualClock;
use ciam_saml::binding::PostMessage;
use ciam_saml::cert;
use ciam_saml::dsig::{SignatureAlgorithm, TrustedKey, TrustedKeys};
use ciam_saml::sp::{IdpPartner, ServiceProvider, ServiceProviderConfig};
use libfuzzer_sys::fuzz_target;
use time::Duration;

static SERVICE: LazyLock<ServiceProvider> = LazyLock::new(|| {
    let clock = Arc::new(ManualClock::default());
    let crypto = crypto::ring();
    let algorithm = SignatureAlgorithm::EcdsaSha256;
    let key = crypto.generate_signing_key(algorithm.scheme()).expect("a key");
    let now = clock.now();
    let certificate =
        cert::self_signed(&*crypto, algorithm, key.expose(), "idp", now, now + Duration::days(1));
    let trusted =
        TrustedKey::from_certificate(&*crypto, &certificate.expect("a certificate")).expect("a key");
    let keys = TrustedKeys::new(vec![trusted]).expect("one key");
    let idp = IdpPartner::new("https://idp.example/metadata", keys).dangerous_allow_unsolicited();
    let config = ServiceProviderConfig::new("https://sp.example/metadata", "https://sp.example/saml/acs");
    let ports = memory::ports_with(clock, Arc::new(SystemEntropy::new()));
    ServiceProvider::new(ports, config, [idp])
});

fuzz_target!(|input: &[u8]| {
    let message = base64::engine::general_purpose::STANDARD.encode(input);
    let form =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("SAMLResponse", &message).finish();
    let Ok(message) = PostMessage::parse(form.as_bytes()) else { return };
    let result = futures_executor::block_on(SERVICE.accept(None, &message));
    assert!(result.is_err(), "somebody was authenticated without the key");
});
