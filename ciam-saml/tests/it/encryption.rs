//! XML encryption: what is read, and what is refused with one and the same error.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ciam_core::crypto::{
    AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, Crypto, Digest, DigestAlgorithm, Digester, Encryption, GenerateError,
    KeyRejected, MacKey, OneTimeHash, OperationFailed, PublicKey, SignatureScheme, SigningKey, VerifyingKey,
};
use ciam_core::secret::SecretBytes;
use ciam_saml::dsig::{KeyError, SignatureError};
use ciam_saml::enc::DecryptionKey;
use ciam_saml::sp::{Reject, ServiceProvider};

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
        // Whole blocks, and what would be whole when the padding is believed.
        [cbc(says.assertion("").as_bytes(), 0xff), vec![0]].concat(),
        cbc((says.assertion("") + &" ".repeat(17)).as_bytes(), 17),
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
        change(&|s| s.text = gcm(&(says.signed_assertion(&IDP) + "<x xmlns=\"urn:x\"/>"))),
        change(&|s| s.text = gcm("<!DOCTYPE a><a/>")),
        change(&|s| s.algorithm = "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"),
        change(&|s| s.beside = "<x xmlns=\"urn:x\"/>".into()),
        xml.replace(
            "<xenc:CipherValue>",
            r#"<xenc:CipherReference URI="http://x.example/"/><xenc:CipherValue>"#,
        ),
        xml.replace(
            "</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>",
            "</xenc:CipherValue><xenc:CipherValue>AAAA</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>",
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
fn what_is_decrypted_is_what_its_place_is_for() {
    let other = |xml: &str| {
        xml.replace("saml:NameID", "saml:Issuer")
            .replace("saml:Attribute ", "saml:Other ")
            .replace("saml:Attribute>", "saml:Other>")
    };
    let attribute = format!(
        r#"<saml:Attribute xmlns:saml="{SAML}" Name="secret"><saml:AttributeValue>42</saml:AttributeValue></saml:Attribute>"#
    );
    let name = format!(r#"<saml:NameID xmlns:saml="{SAML}">ada</saml:NameID>"#);
    for (name, attribute, accepted) in [
        (name.clone(), attribute.clone(), true),
        (other(&name), attribute.clone(), false),
        (name, other(&attribute), false),
    ] {
        let world = world();
        let mut says = Says::new(&world, Some(&world.start()));
        says.attributes = Sealed::new(&attribute).xml("EncryptedAttribute");
        let assertion = |signature: &str| {
            let plain = says.assertion(signature);
            let start = plain.find("<saml:NameID").unwrap();
            let end = plain.find("</saml:NameID>").unwrap() + "</saml:NameID>".len();
            plain.replace(&plain[start..end], &Sealed::new(&name).xml("EncryptedID"))
        };
        // RSA-OAEP is not the same twice: it is signed as it is sent.
        let unsigned = assertion("");
        let signature = Recipe::new(&says.assertion_id).signature(&IDP, &unsigned);
        let issuer = "</saml:Issuer>";
        let signed = unsigned.replacen(issuer, &(issuer.to_owned() + &signature), 1);
        let result = world.accept(&says.response("", &signed));
        assert_eq!(result.is_ok(), accepted, "{name} {attribute}: {result:?}");
    }
}

#[test]
fn decryption_keys_are_rsa_and_have_their_certificate() {
    let ec = Pair::generate(ciam_saml::dsig::SignatureAlgorithm::EcdsaSha256);
    assert!(DecryptionKey::new(ec.pkcs8.expose(), &ec.certificate).is_err());
    let error = DecryptionKey::new(IDP.pkcs8.expose(), &OTHER.certificate).unwrap_err();
    assert_eq!(error, KeyError::OtherCertificate);
    // RSA with 1,024 bits, with its certificate.
    let small = |text: &str| STANDARD.decode(text).unwrap();
    let error = DecryptionKey::new(&small(SMALL_KEY), &small(SMALL_CERTIFICATE)).unwrap_err();
    assert_eq!(error, KeyError::Rejected(KeyRejected::UnacceptableSize));
}

/// Each attempt is an operation with a private key.
#[test]
fn not_more_than_eight_keys_are_tried_for_one_element() {
    for (strangers, accepted) in [(3, true), (4, false)] {
        let world = world();
        let says = Says::new(&world, Some(&world.start()));
        let good = Sealed::new(&says.signed_assertion(&IDP));
        let of_another = Sealed { key: vec![1; 256], ..good.clone() }.xml("EncryptedAssertion");
        let element = |xml: &str| {
            let start = xml.find("<xenc:EncryptedKey>").unwrap();
            let end = xml.find("</xenc:EncryptedKey>").unwrap() + "</xenc:EncryptedKey>".len();
            xml[start..end].to_owned()
        };
        let xml = good.xml("EncryptedAssertion");
        let key = element(&xml);
        // There are two keys of ours, and the second is the one.
        let xml = xml.replace(&key, &(element(&of_another).repeat(strangers) + &key));
        assert_eq!(world.accept(&says.response("", &xml)).is_ok(), accepted, "{strangers}");
    }
}

#[test]
fn not_more_than_sixteen_attributes_are_decrypted() {
    let attribute = format!(
        r#"<saml:Attribute xmlns:saml="{SAML}" Name="secret"><saml:AttributeValue>42</saml:AttributeValue></saml:Attribute>"#
    );
    let sealed = Sealed::new(&attribute).xml("EncryptedAttribute");
    for (count, accepted) in [(16, true), (17, false)] {
        let world = world();
        let mut says = Says::new(&world, Some(&world.start()));
        says.attributes = sealed.repeat(count);
        assert_eq!(world.accept(&says.by_assertion(&IDP)).is_ok(), accepted, "{count}");
    }
}

/// Whoever measures cannot tell whether a key could be unwrapped: the cipher is asked all the same.
#[test]
fn the_work_goes_on_with_a_random_key() {
    let counted = Arc::new(Counted(CRYPTO.clone(), AtomicUsize::new(0)));
    let world = world();
    let ports = world.ports.clone().with_crypto(counted.clone());
    let config = config().with_decryption_keys(keys());
    let sp = ServiceProvider::new(ports, config, [partner(IDP_ID, &IDP)]);
    let says = Says::new(&world, Some(&world.start()));
    let good = Sealed::new(&says.signed_assertion(&IDP));
    let bad = Sealed { key: vec![1; 256], ..good.clone() };
    let asked = [bad, good].map(|sealed| {
        let before = counted.1.load(Ordering::SeqCst);
        let message = post("SAMLResponse", &says.response("", &sealed.xml("EncryptedAssertion")));
        let accepted = block_on(sp.accept(Some(&world.browser), &message)).is_ok();
        (accepted, counted.1.load(Ordering::SeqCst) - before)
    });
    assert_eq!(asked, [(false, 1), (true, 1)]);
}

/// Counts how often a cipher is asked for.
#[derive(Debug)]
struct Counted(Arc<dyn Crypto>, AtomicUsize);

impl Crypto for Counted {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn verifying_key(
        &self,
        scheme: SignatureScheme,
        key: &PublicKey,
    ) -> Result<Arc<dyn VerifyingKey>, KeyRejected> {
        self.0.verifying_key(scheme, key)
    }

    fn signing_key(&self, scheme: SignatureScheme, pkcs8: &[u8]) -> Result<Arc<dyn SigningKey>, KeyRejected> {
        self.0.signing_key(scheme, pkcs8)
    }

    fn generate_signing_key(&self, scheme: SignatureScheme) -> Result<SecretBytes, GenerateError> {
        self.0.generate_signing_key(scheme)
    }

    fn mac_key(&self, key: &SecretBytes) -> Result<Arc<dyn MacKey>, KeyRejected> {
        self.0.mac_key(key)
    }

    fn digest(&self, algorithm: DigestAlgorithm, bytes: &[u8]) -> Digest {
        self.0.digest(algorithm, bytes)
    }

    fn digester(&self, algorithm: DigestAlgorithm) -> Box<dyn Digester> {
        self.0.digester(algorithm)
    }

    fn one_time_mac(&self, algorithm: OneTimeHash, key: &SecretBytes, message: &[u8]) -> Digest {
        self.0.one_time_mac(algorithm, key, message)
    }

    fn aead_seal(
        &self,
        key: &[u8; AEAD_KEY_LENGTH],
        nonce: [u8; AEAD_NONCE_LENGTH],
        associated: &[u8],
        text: &mut Vec<u8>,
    ) -> Result<(), OperationFailed> {
        self.0.aead_seal(key, nonce, associated, text)
    }

    fn aead_open(
        &self,
        key: &[u8; AEAD_KEY_LENGTH],
        nonce: [u8; AEAD_NONCE_LENGTH],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<SecretBytes, OperationFailed> {
        self.0.aead_open(key, nonce, associated, sealed)
    }

    fn derive(
        &self,
        secret: &SecretBytes,
        salt: &[u8],
        info: &[u8],
        output: &mut [u8],
    ) -> Result<(), OperationFailed> {
        self.0.derive(secret, salt, info, output)
    }

    fn encryption(&self) -> Option<&dyn Encryption> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.encryption()
    }
}

const SMALL_KEY: &str = "MIICeAIBADANBgkqhkiG9w0BAQEFAASCAmIwggJeAgEAAoGBALtUXkr78PG0EHZNMX2jWFGF+z+EaxAuv1oWtZTBp2u0CihSlY309/isvsqGH0tUj64rls1PM7HAsFgJBe+3azqEApho4w5MDWCFHbxWZBSO82BJzrXFlUKfeAtGRsCnPhvjjLm/fBrjxcsprof8DTUqaSXgjpRZvDCjqnzNWrthAgMBAAECgYAUMz3TwiUyOyOHTj2m+aU9bUAxkjrlTNUvhsFf4B4InCp4PKeJ3j+bHi2YsyvOuLihpGunigHeChQ5+gcc2V+DiZvrrPi+++lkCzj6cgKwj2ODjKlon0KU6qjZL71ufZi2TeOznEG6kB3VVoKlMCiZn8R18c3ckFQXtjgvpJr9HQJBANwEAFRq5PbQ76HarOo2/7rcfZqyEVTTObNbbuzgdUXLxeeQsrW7ZTyPVD8/b+rnr3ZAoJi+cp5JUQlFbfNFHtsCQQDZ989KUfty2rVUiSrFyoeMnYjy9lexOwTbPVPFEsB+fdKcmshDHtPxUGvRjFaZEcBf3D3og0ksjgEZgs2w8k1zAkEAjCScVSlVuQWzbkSNWg84a71g4HXGZmK5YU6/ZHFBIfk/kVXxD6NTQ/UEM9ljn5x+fnOCGGlPNxX6YU5xT8DaewJBAIvi6no8GzAfBPj3/ydpT40DHX0wdB8eTYOW3EhCPJ/xiFVRUO0iv8rDXi7h7kHWjqv24RR0DWY2zKXeuLuzBdkCQQCBe9nB8ocd2gHkaQfp5oVZcN55OstU48MWK/iWnBpAGcCdg+Jz9eF1deVv1/ODwfbE5KjbUZ+PwPwOGcKatBJt";
const SMALL_CERTIFICATE: &str = "MIIB/DCCAWWgAwIBAgIUJOmTG65/hDQ0iEFS6ddl5ryI4uYwDQYJKoZIhvcNAQELBQAwEDEOMAwGA1UEAwwFc21hbGwwHhcNMjYxMTI2MjEyNjE1WhcNMzYxMTIzMjEyNjE1WjAQMQ4wDAYDVQQDDAVzbWFsbDCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAu1ReSvvw8bQQdk0xfaNYUYX7P4RrEC6/Wha1lMGna7QKKFKVjfT3+Ky+yoYfS1SPriuWzU8zscCwWAkF77drOoQCmGjjDkwNYIUdvFZkFI7zYEnOtcWVQp94C0ZGwKc+G+OMub98GuPFyymuh/wNNSppJeCOlFm8MKOqfM1au2ECAwEAAaNTMFEwHQYDVR0OBBYEFGuV6Zs55wacoGbijfMDDad22y6UMB8GA1UdIwQYMBaAFGuV6Zs55wacoGbijfMDDad22y6UMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADgYEAhsK5Kjf82U38kRKi9cFWNIsmRcaHOcOZcpSzV17lFy8tO7PdoroHKqYr31t6X9I8xkmxbsem3Yo3yRYzGdd9QLf54NEBmPmmv0tAo2h7wf6Yon7JjXANOGXwxXyo/U+p+R8R2jrD8AKaHkNSbtkGSYY3C9/WtFmNqXWrrmHTGR4=";
