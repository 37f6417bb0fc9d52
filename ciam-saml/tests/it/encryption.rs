//! XML encryption: what is read, and what is refused with one and the same error.

use ciam_saml::dsig::{KeyError, SignatureError};
use ciam_saml::enc::DecryptionKey;
use ciam_saml::sp::Reject;

use crate::sealed::*;
use crate::support::*;
use crate::world::*;

fn digest_method(uri: &str) -> String {
    format!(r#"<ds:DigestMethod xmlns:ds="{DSIG}" Algorithm="{uri}"></ds:DigestMethod>"#)
}

fn mask(name: &str) -> String {
    format!(
        r#"<x:MGF xmlns:x="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#{name}"></x:MGF>"#
    )
}

#[test]
fn an_encrypted_assertion_is_read_under_its_own_signature_or_the_response_s() {
    let world = world();
    let says = Says::new(&world, Some(&world.start()));
    let signed = says.signed_assertion(&IDP);
    let accepted = world.accept(&says.response("", &Sealed::new(&signed).xml("EncryptedAssertion"))).unwrap();
    assert_eq!(accepted.person.name_id.value, "ada@example.com");
    let says = Says::new(&world, Some(&world.start()));
    let plain = Sealed::new(&says.assertion("")).xml("EncryptedAssertion");
    world.accept(&says.signed_around(&IDP, &plain)).unwrap();
}

#[test]
fn encryption_is_no_signature() {
    let world = world();
    let says = Says::new(&world, Some(&world.start()));
    let sealed = Sealed::new(&says.assertion("")).xml("EncryptedAssertion");
    let error = world.accept(&says.response("", &sealed)).unwrap_err();
    assert!(matches!(error, Reject::Signature(SignatureError::Unsigned)), "{error:?}");
    let nested = Sealed::new(&Sealed::new(&says.signed_assertion(&IDP)).xml("EncryptedAssertion"));
    assert!(world.accept(&says.response("", &nested.xml("EncryptedAssertion"))).is_err());
    let two = format!("{0}{0}", says.signed_assertion(&IDP));
    let error = world.accept(&says.response("", &Sealed::new(&two).xml("EncryptedAssertion"))).unwrap_err();
    assert!(matches!(error, Reject::Decrypt(_)), "{error:?}");
    let twice = Sealed::new(&says.signed_assertion(&IDP)).xml("EncryptedAssertion").repeat(2);
    assert!(world.accept(&says.response("", &twice)).is_err());
}

#[test]
fn cbc_is_read_only_where_the_ciphertext_was_signed() {
    let world = world();
    let says = Says::new(&world, Some(&world.start()));
    let sealed = |text: Vec<u8>| Sealed { algorithm: CBC, text, ..Sealed::new("") }.xml("EncryptedAssertion");
    let good = sealed(cbc(says.signed_assertion(&IDP).as_bytes(), 0xff));
    let error = world.accept(&says.response("", &good)).unwrap_err();
    assert!(matches!(error, Reject::Decrypt(_)), "{error:?}");
    for bad in [
        cbc(says.assertion("").as_bytes(), 0),
        cbc(says.assertion("").as_bytes(), 17),
        cbc(says.assertion("").as_bytes(), 0xff)[..16].to_vec(),
        cbc(says.assertion("").as_bytes(), 0xff)[..40].to_vec(),
        Vec::new(),
    ] {
        let error = world.accept(&says.signed_around(&IDP, &sealed(bad))).unwrap_err();
        assert!(matches!(error, Reject::Decrypt(_)), "{error:?}");
    }
    world.accept(&says.signed_around(&IDP, &good)).unwrap();
}

#[test]
fn both_hashes_of_oaep_are_as_the_message_says_and_in_the_table() {
    use ciam_core::crypto::OaepHash;
    const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
    const SHA512: &str = "http://www.w3.org/2001/04/xmlenc#sha512";
    let cases: Vec<(&str, &'static str, String, OaepHash, bool)> = vec![
        ("mgf1p", MGF1P, String::new(), OaepHash::Sha1, true),
        ("mgf1p, said", MGF1P, digest_method(SHA1), OaepHash::Sha1, true),
        ("1.1 with nothing said", OAEP11, String::new(), OaepHash::Sha1, true),
        ("1.1 with SHA-256", OAEP11, digest_method(SHA256) + &mask("mgf1sha256"), OaepHash::Sha256, true),
        ("1.1, mask first", OAEP11, mask("mgf1sha256") + &digest_method(SHA256), OaepHash::Sha256, true),
        ("hashes that are not those", OAEP11, digest_method(SHA256), OaepHash::Sha256, false),
        ("unknown mask", OAEP11, mask("mgf1sha512"), OaepHash::Sha1, false),
        ("unknown digest", MGF1P, digest_method(SHA512), OaepHash::Sha1, false),
        ("mask where there is none", MGF1P, mask("mgf1sha1"), OaepHash::Sha1, false),
        ("digest twice", OAEP11, digest_method(SHA1).repeat(2), OaepHash::Sha1, false),
        (
            "a label",
            OAEP11,
            format!(r#"<x:OAEPparams xmlns:x="{XENC}">AA==</x:OAEPparams>"#),
            OaepHash::Sha1,
            false,
        ),
        ("PKCS1", "http://www.w3.org/2001/04/xmlenc#rsa-1_5", String::new(), OaepHash::Sha1, false),
    ];
    for (what, transport, content, hash, accepted) in cases {
        let world = world();
        let says = Says::new(&world, Some(&world.start()));
        let sealed = Sealed {
            transport,
            transport_content: content,
            key: wrapped(hash),
            ..Sealed::new(&says.signed_assertion(&IDP))
        };
        let result = world.accept(&says.response("", &sealed.xml("EncryptedAssertion")));
        assert_eq!(result.is_ok(), accepted, "{what}");
        if !accepted {
            assert!(matches!(result, Err(Reject::Decrypt(_))), "{what}");
        }
    }
}

#[test]
fn whatever_goes_wrong_is_one_error() {
    let world = world();
    let says = Says::new(&world, Some(&world.start()));
    let good = Sealed::new(&says.signed_assertion(&IDP));
    let change = |change: &dyn Fn(&mut Sealed)| {
        let mut sealed = good.clone();
        change(&mut sealed);
        sealed.xml("EncryptedAssertion")
    };
    let xml = good.xml("EncryptedAssertion");
    let mut messages = std::collections::BTreeSet::new();
    for bad in [
        change(&|s| s.text[20] ^= 1),
        change(&|s| *s.text.last_mut().unwrap() ^= 1),
        change(&|s| s.text.truncate(27)),
        change(&|s| s.text.truncate(11)),
        change(&|s| s.text.clear()),
        change(&|s| s.key[0] ^= 1),
        change(&|s| s.key.truncate(255)),
        change(&|s| s.text = gcm("no element")),
        change(&|s| s.text = gcm("</decrypted><decrypted>")),
        change(&|s| s.text = gcm("<!DOCTYPE a><a/>")),
        change(&|s| s.algorithm = "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"),
        change(&|s| s.beside = "<x xmlns=\"urn:x\"/>".into()),
        xml.replace(
            "<xenc:CipherValue>",
            r#"<xenc:CipherReference URI="http://x.example/"/><xenc:CipherValue>"#,
        ),
        xml.replace("EncryptedKey>", "RetrievalMethod>"),
        {
            let start = xml.find("<xenc:EncryptedKey>").unwrap();
            let end = xml.find("</xenc:EncryptedKey>").unwrap() + "</xenc:EncryptedKey>".len();
            xml.replace(&xml[start..end], &xml[start..end].repeat(9))
        },
    ] {
        match world.accept(&says.response("", &bad)) {
            Err(reject @ Reject::Decrypt(_)) => messages.insert(format!("{reject} {reject:?}")),
            other => panic!("{other:?} for {bad}"),
        };
    }
    assert_eq!(messages.len(), 1);
    world.accept(&says.response("", &xml)).unwrap();
}

#[test]
fn a_key_beside_the_data_is_found_and_others_are_passed() {
    let world = world();
    let says = Says::new(&world, Some(&world.start()));
    let sealed = Sealed::new(&says.signed_assertion(&IDP));
    let xml = sealed.xml("EncryptedAssertion");
    let start = xml.find("<xenc:EncryptedKey>").unwrap();
    let end = xml.find("</xenc:EncryptedKey>").unwrap() + "</xenc:EncryptedKey>".len();
    let key = xml[start..end]
        .replace("<xenc:EncryptedKey>", &format!(r#"<xenc:EncryptedKey xmlns:xenc="{XENC}" Recipient="x">"#));
    let moved = xml
        .replace(&xml[start..end], "")
        .replace("</saml:EncryptedAssertion>", &format!("{key}</saml:EncryptedAssertion>"));
    world.accept(&says.response("", &moved)).unwrap();
}

#[test]
fn the_text_may_use_prefixes_of_where_it_stood() {
    let world = world();
    let says = Says::new(&world, Some(&world.start()));
    let bare = says.signed_assertion(&IDP).replacen(&format!(r#" xmlns:saml="{SAML}""#), "", 1);
    assert!(!bare.contains("xmlns:saml"));
    world.accept(&says.response("", &Sealed::new(&bare).xml("EncryptedAssertion"))).unwrap();
}

#[test]
fn names_and_attributes_are_decrypted_under_the_assertion_s_signature() {
    let world = world();
    let mut says = Says::new(&world, Some(&world.start()));
    let attribute = format!(
        r#"<saml:Attribute xmlns:saml="{SAML}" Name="secret"><saml:AttributeValue>42</saml:AttributeValue></saml:Attribute>"#
    );
    says.attributes = Sealed::new(&attribute).xml("EncryptedAttribute");
    let name =
        Sealed::new(&format!(r#"<saml:NameID xmlns:saml="{SAML}">ada</saml:NameID>"#)).xml("EncryptedID");
    let with_name = |says: &Says, signature: &str| {
        let plain = says.assertion(signature);
        let start = plain.find("<saml:NameID").unwrap();
        let end = plain.find("</saml:NameID>").unwrap() + "</saml:NameID>".len();
        plain.replace(&plain[start..end], &name)
    };
    let signature = Recipe::new(&says.assertion_id).signature(&IDP, &with_name(&says, ""));
    let accepted = world.accept(&says.response("", &with_name(&says, &signature))).unwrap();
    assert_eq!(accepted.person.name_id.value, "ada");
    assert_eq!(accepted.person.values("secret").collect::<Vec<_>>(), ["42"]);
}

#[test]
fn decryption_keys_are_rsa_and_have_their_certificate() {
    let ec = Pair::generate(ciam_saml::dsig::SignatureAlgorithm::EcdsaSha256);
    assert!(DecryptionKey::new(ec.pkcs8.expose(), &ec.certificate).is_err());
    let error = DecryptionKey::new(IDP.pkcs8.expose(), &OTHER.certificate).unwrap_err();
    assert_eq!(error, KeyError::OtherCertificate);
}
