//! Metadata and certificates from anybody: nothing panics, and every address that is read is one.

#![no_main]

use std::sync::{Arc, LazyLock};

use ciam_core::crypto::{self, Crypto};
use ciam_saml::cert::Certificate;
use ciam_saml::metadata::EntityDescriptor;
use libfuzzer_sys::fuzz_target;

static CRYPTO: LazyLock<Arc<dyn Crypto>> = LazyLock::new(crypto::ring);

fuzz_target!(|input: &[u8]| {
    let _certificate = Certificate::parse(input);
    let Ok(entity) = EntityDescriptor::parse(input) else { return };
    assert!(!entity.entity_id.is_empty());
    let idp = entity.idp.iter().flat_map(|role| role.sign_on.iter().chain(&role.logout).map(|(_, url)| url));
    let sp = entity.sp.iter().flat_map(|role| role.consumers.iter().map(|consumer| &consumer.url));
    for url in idp.chain(sp) {
        assert!(url.to_ascii_lowercase().starts_with("http"), "{url}");
    }
    let _idp = entity.idp_partner(&**CRYPTO);
    let _sp = entity.sp_partner(&**CRYPTO);
});
