//! SAML metadata: read, written, and believed only from whom we believe.

use ciam_core::entropy::SystemEntropy;
use ciam_core::memory;
use ciam_core::secret::SecretBytes;
use ciam_saml::dsig::{KeyError, SignatureError};
use ciam_saml::idp::{IdentityProvider, IdentityProviderConfig, SpPartner};
use ciam_saml::metadata::{EntityDescriptor, MetadataError as E, MetadataTrust, Seen};
use ciam_saml::sp::ServiceProvider;
use ciam_saml::transport::Binding;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::sealed::{SP_KEY, keys};
use crate::support::*;
use crate::world::*;

pub(crate) const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub(crate) const NOW: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);

fn trust() -> MetadataTrust {
    MetadataTrust::new(IDP.trusted())
}

pub(crate) fn idp(id: &str, key_use: &str, attributes: &str) -> String {
    let certificate = b64(&IDP.certificate);
    format!(
        r#"<md:EntityDescriptor xmlns:md="{MD}" entityID="{id}"{attributes}><md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}"><md:KeyDescriptor{key_use}><ds:KeyInfo xmlns:ds="{DSIG}"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"></md:SingleSignOnService></md:IDPSSODescriptor></md:EntityDescriptor>"#
    )
}

/// Something with its validity, signed.
fn signed(id: &str, until: Option<OffsetDateTime>, content: &str, pair: &Pair) -> String {
    let until = until.map(|until| format!(r#" validUntil="{}""#, at(until))).unwrap_or_default();
    let element = |signature: &str| {
        format!(
            r#"<md:EntitiesDescriptor xmlns:md="{MD}" ID="{id}"{until}>{signature}{content}</md:EntitiesDescriptor>"#
        )
    };
    element(&Recipe::new(id).signature(pair, &element("")))
}

fn week() -> Option<OffsetDateTime> {
    Some(NOW + Duration::days(7))
}

#[test]
fn what_we_write_we_read() {
    let ports = memory::ports().with_crypto(CRYPTO.clone());
    let until = NOW + Duration::days(7);
    let back = "https://sp.example/chosen";
    let sp_config =
        config().with_signer(SP_KEY.signer()).with_decryption_keys(keys()).with_discovery_url(back);
    let sp = ServiceProvider::new(ports.clone(), sp_config, []);
    let text = sp.metadata(until).unwrap();
    let read = EntityDescriptor::parse(text.as_bytes()).unwrap();
    assert_eq!(read.entity_id, SP);
    assert_eq!(read.valid_until, Some(until));
    let role = read.sp.as_ref().unwrap();
    assert_eq!(role.keys.signing, std::slice::from_ref(&SP_KEY.certificate));
    assert_eq!(role.keys.encryption, std::slice::from_ref(&OTHER.certificate), "the current key");
    assert_eq!(role.consumers[0].url, ACS);
    assert_eq!(role.discovery, [back]);
    assert!(role.signs_requests && read.idp.is_none());
    read.sp_partner(&**CRYPTO).unwrap();

    let idp_config = IdentityProviderConfig::new(IDP_ID, "https://idp.example/sso", IDP.signer());
    let secret = SecretBytes::random(&SystemEntropy::new(), 32).unwrap();
    let idp = IdentityProvider::new(ports, idp_config, &secret, []).unwrap();
    let text = idp.metadata(until).unwrap();
    let loaded = trust().load_entity(&**CRYPTO, text.as_bytes(), IDP_ID, None, NOW).unwrap();
    assert_eq!(loaded.valid_until, until);
    assert_eq!(loaded.refresh_at, NOW + Duration::hours(6));
    let role = loaded.entities[0].idp.as_ref().unwrap();
    assert_eq!(role.sign_on[0], (Binding::Redirect, "https://idp.example/sso".to_owned()));
    loaded.entities[0].idp_partner(&**CRYPTO).unwrap();
}

#[test]
fn a_key_for_encryption_verifies_nothing() {
    let read = |key_use: &str| EntityDescriptor::parse(idp(IDP_ID, key_use, "").as_bytes()).unwrap();
    read("").idp_partner(&**CRYPTO).unwrap();
    read(r#" use="signing""#).idp_partner(&**CRYPTO).unwrap();
    let none = read(r#" use="encryption""#).idp_partner(&**CRYPTO).unwrap_err();
    assert_eq!(none, E::Key(KeyError::None));
    assert_eq!(read("").sp_partner(&**CRYPTO).unwrap_err(), E::Role);
}

#[test]
fn a_role_is_there_once_and_speaks_this_version() {
    let text = idp(IDP_ID, "", "");
    let (start, end) = ("<md:IDPSSODescriptor", "</md:IDPSSODescriptor>");
    let role = &text[text.find(start).unwrap()..text.find(end).unwrap() + end.len()];
    let old = role.replace(SAMLP, "urn:oasis:names:tc:SAML:1.1:protocol");
    let read = |roles: &str| EntityDescriptor::parse(text.replace(role, roles).as_bytes());
    assert!(read(role).unwrap().idp.is_some());
    assert!(read(&old).unwrap().idp.is_none(), "an older version is another protocol");
    assert!(read(&(old + role)).unwrap().idp.is_some());
    assert_eq!(read(&role.repeat(2)).unwrap_err(), E::Duplicate);
}

#[test]
fn addresses_that_are_none_are_refused() {
    for bad in ["javascript:alert(1)", "http://idp.example/sso", "data:text/html,x", ""] {
        let text = idp(IDP_ID, "", "").replace("https://idp.example/sso", bad);
        assert!(matches!(EntityDescriptor::parse(text.as_bytes()), Err(E::Address(_))), "{bad}");
    }
    let hostile: Result<SpPartner, _> = SpPartner::new(SP, "javascript:alert(1)");
    assert!(hostile.is_err());
}

#[test]
fn only_a_pinned_key_vouches_for_others() {
    let load =
        |text: &str| trust().load(&**CRYPTO, text.as_bytes(), None, NOW).map(|loaded| loaded.entities.len());
    let entity = idp(IDP_ID, "", "");
    assert_eq!(load(&signed("_a", week(), &entity, &IDP)), Ok(1));
    assert_eq!(load(&signed("_a", week(), &entity, &OTHER)), Err(E::Signature(SignatureError::Invalid)));
    assert_eq!(load(&entity), Err(E::Signature(SignatureError::Reference)));
    let unsigned =
        format!(r#"<md:EntitiesDescriptor xmlns:md="{MD}" ID="_u">{entity}</md:EntitiesDescriptor>"#);
    assert_eq!(load(&unsigned), Err(E::Signature(SignatureError::Unsigned)));
    // A signature on an entity inside does not speak for the others around it.
    let inner = signed("_i", week(), &entity, &IDP);
    let around = format!(
        r#"<md:EntitiesDescriptor xmlns:md="{MD}" ID="_o">{}{inner}</md:EntitiesDescriptor>"#,
        idp(OTHER_ID, "", "")
    );
    assert_eq!(load(&around), Err(E::Signature(SignatureError::Unsigned)));
    let changed =
        signed("_a", week(), &entity, &IDP).replace("https://idp.example/sso", "https://evil.example/sso");
    assert_eq!(load(&changed), Err(E::Signature(SignatureError::Digest)));
}

#[test]
fn what_is_believed_ends_and_is_never_older_than_before() {
    let entity = idp(IDP_ID, "", "");
    let load = |until: Option<OffsetDateTime>, seen: Option<&Seen>| {
        trust().load(&**CRYPTO, signed("_a", until, &entity, &IDP).as_bytes(), seen, NOW)
    };
    let validity = |until| load(until, None).map(|_| ());
    assert_eq!(validity(None), Err(E::Validity));
    assert_eq!(validity(Some(NOW - Duration::minutes(1))), Err(E::Validity));
    assert_eq!(validity(Some(NOW + Duration::days(28))), Ok(()));
    assert_eq!(validity(Some(NOW + Duration::days(29))), Err(E::Validity));
    let seen = load(week(), None).unwrap().seen;
    load(week(), Some(&seen)).unwrap();
    load(Some(NOW + Duration::days(8)), Some(&seen)).unwrap();
    assert_eq!(load(Some(NOW + Duration::days(6)), Some(&seen)).unwrap_err(), E::Rollback);
}

#[test]
fn an_answer_is_for_the_entity_that_was_asked_for() {
    let text = signed("_a", week(), &idp(OTHER_ID, "", ""), &IDP);
    let load = |id: &str| trust().load_entity(&**CRYPTO, text.as_bytes(), id, None, NOW).map(|_| ());
    assert_eq!(load(OTHER_ID), Ok(()));
    assert_eq!(load(IDP_ID), Err(E::OtherEntity));
    let two = idp(IDP_ID, "", "") + &idp(OTHER_ID, "", "");
    let text = signed("_a", week(), &two, &IDP);
    let error = trust().load_entity(&**CRYPTO, text.as_bytes(), IDP_ID, None, NOW).unwrap_err();
    assert_eq!(error, E::OtherEntity);
}

#[test]
fn aggregates_have_each_entity_once_and_leave_out_what_is_over() {
    let load = |content: &str| {
        trust()
            .load(&**CRYPTO, signed("_a", week(), content, &IDP).as_bytes(), None, NOW)
            .map(|loaded| loaded.entities.into_iter().map(|entity| entity.entity_id).collect::<Vec<_>>())
    };
    let (one, other) = (idp(IDP_ID, "", ""), idp(OTHER_ID, "", ""));
    assert_eq!(load(&(one.clone() + &one)), Err(E::Duplicate));
    let group = format!(r#"<md:EntitiesDescriptor>{other}</md:EntitiesDescriptor>"#);
    assert_eq!(load(&(one.clone() + &group)).unwrap(), [IDP_ID, OTHER_ID]);
    assert_eq!(
        load(&(one.clone() + &format!(r#"<md:EntitiesDescriptor>{one}</md:EntitiesDescriptor>"#))),
        Err(E::Duplicate)
    );
    let over = r#" validUntil="2025-12-31T00:00:00Z""#;
    assert_eq!(load(&(one.clone() + &idp(OTHER_ID, "", over))).unwrap(), [IDP_ID]);
    let old_group = format!(r#"<md:EntitiesDescriptor{over}>{other}</md:EntitiesDescriptor>"#);
    assert_eq!(load(&(one + &old_group)).unwrap(), [IDP_ID]);
}

#[test]
fn documents_have_an_end() {
    let big = signed("_a", week(), &idp(IDP_ID, "", ""), &IDP);
    let error = trust().with_bytes(1000).load(&**CRYPTO, big.as_bytes(), None, NOW).unwrap_err();
    assert!(matches!(error, E::Xml(ciam_saml::xml::XmlError::TooLarge)));
}
