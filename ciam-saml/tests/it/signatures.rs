//! The SAML profile of XML signatures: what is verified, and everything that is refused.

use ciam_core::crypto::SignatureScheme;
use ciam_saml::dsig::{
    KeyError, SignatureAlgorithm, SignatureError as E, SignaturePolicy, Signed, Signer, TrustedKeys, verify,
};
use ciam_saml::xml::{Canonical, Doc, Limits, XmlError, canonicalize};

use crate::support::*;

const BODY: &str = "<m:name>ada</m:name>";

fn element(body: &str, signature: &str) -> String {
    format!(r#"<m:message xmlns:m="urn:m" ID="_1">{signature}{body}</m:message>"#)
}

fn check(xml: &str) -> Result<Signed, E> {
    check_with(xml, &IDP.trusted(), &SignaturePolicy::default())
}

fn check_with(xml: &str, keys: &TrustedKeys, policy: &SignaturePolicy) -> Result<Signed, E> {
    let doc = Doc::parse(xml.as_bytes(), Limits::MESSAGE)?;
    verify(&**CRYPTO, doc.root()?, keys, policy)
}

fn signed(change: impl FnOnce(&mut Recipe)) -> String {
    let mut recipe = Recipe::new("_1");
    change(&mut recipe);
    element(BODY, &recipe.signature(&IDP, &element(BODY, "")))
}

#[test]
fn what_is_verified_is_what_was_hashed() {
    let xml = signed(|_| {});
    let result = check(&xml).unwrap();
    let text = canonicalize(result.root().unwrap(), Canonical::default()).unwrap();
    assert_eq!(text, element(BODY, ""));
    assert_eq!(result.key(), IDP.trusted_key().fingerprint());
    // A comment is not in the canonical form: the value is the whole text, and never a part of it.
    let commented = xml.replace("ada", "a<!-- x -->da");
    let result = check(&commented).unwrap();
    assert_eq!(result.root().unwrap().children().next().unwrap().simple_text(), Ok("ada"));
}

#[test]
fn each_algorithm_verifies_with_its_own_key_and_only_when_it_is_allowed() {
    let p256 = Pair::generate(SignatureAlgorithm::EcdsaSha256);
    let p384 = Pair::generate(SignatureAlgorithm::EcdsaSha384);
    let p521 = Pair::generate(SignatureAlgorithm::EcdsaSha512);
    for algorithm in SignatureAlgorithm::ALL {
        let pair = match algorithm {
            SignatureAlgorithm::EcdsaSha256 => &p256,
            SignatureAlgorithm::EcdsaSha384 => &p384,
            SignatureAlgorithm::EcdsaSha512 => &p521,
            _ => &*IDP,
        };
        let mut recipe = Recipe::new("_1");
        recipe.method = algorithm.uri().into();
        let info = recipe.info(&element(BODY, ""));
        let value = b64(&pair.sign_as(algorithm.scheme(), info.as_bytes()));
        let signature = format!(
            r#"<ds:Signature xmlns:ds="{DSIG}">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"#
        );
        let xml = element(BODY, &signature);
        assert_eq!(
            check_with(&xml, &pair.trusted(), &SignaturePolicy::default()).unwrap().algorithm(),
            algorithm
        );
        let others = SignatureAlgorithm::ALL.into_iter().filter(|other| *other != algorithm);
        let refused = check_with(&xml, &pair.trusted(), &SignaturePolicy::only(others));
        assert_eq!(refused.unwrap_err(), E::Algorithm);
        let other = if algorithm.scheme().is_rsa() { &p256 } else { &*IDP };
        assert_eq!(check_with(&xml, &other.trusted(), &SignaturePolicy::default()).unwrap_err(), E::Invalid);
    }
}

#[test]
fn what_the_profile_does_not_allow_is_refused_for_its_reason() {
    let transform = |uri: &str| format!(r#"<ds:Transform Algorithm="{uri}"></ds:Transform>"#);
    let (env, exc) = (transform(ENVELOPED), transform(EXC));
    let refused: Vec<(&str, String, E)> = vec![
        ("unsigned", element(BODY, ""), E::Unsigned),
        ("no URI sign", signed(|r| r.uri = "_1".into()), E::Reference),
        ("empty URI", signed(|r| r.uri = String::new()), E::Reference),
        ("another id", signed(|r| r.uri = "#_2".into()), E::Reference),
        ("xpointer root", signed(|r| r.uri = "#xpointer(/)".into()), E::Reference),
        ("xpointer id", signed(|r| r.uri = "#xpointer(id('_1'))".into()), E::Reference),
        ("file", signed(|r| r.uri = "file:///etc/passwd#_1".into()), E::Reference),
        ("http", signed(|r| r.uri = "http://x.example/#_1".into()), E::Reference),
        ("cid", signed(|r| r.uri = "cid:x".into()), E::Reference),
        (
            "manifest",
            signed(|r| {
                r.reference_attributes = r#" Type="http://www.w3.org/2000/09/xmldsig#Manifest""#.into()
            }),
            E::Reference,
        ),
        ("no transforms", signed(|r| r.transforms = String::new()), E::Transform),
        ("enveloped only", signed(|r| r.transforms.clone_from(&env)), E::Transform),
        ("the other order", signed(|r| r.transforms = format!("{exc}{env}")), E::Transform),
        ("twice", signed(|r| r.transforms = format!("{env}{exc}{exc}")), E::Transform),
        (
            "xslt",
            signed(|r| {
                r.transforms = format!("{env}{}", transform("http://www.w3.org/TR/1999/REC-xslt-19991116"))
            }),
            E::Transform,
        ),
        (
            "xpath",
            signed(|r| {
                r.transforms = format!(
                    r#"<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>self::text()</ds:XPath></ds:Transform>{exc}"#
                );
            }),
            E::Transform,
        ),
        (
            "base64",
            signed(|r| {
                r.transforms = format!("{env}{}", transform("http://www.w3.org/2000/09/xmldsig#base64"))
            }),
            E::Transform,
        ),
        ("with comments", signed(|r| r.canonicalization = format!("{EXC}WithComments")), E::Algorithm),
        (
            "inclusive",
            signed(|r| r.canonicalization = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315".into()),
            E::Algorithm,
        ),
        (
            "transform with comments",
            signed(|r| r.transforms = format!("{env}{}", transform(&format!("{EXC}WithComments")))),
            E::Transform,
        ),
        ("sha-1", signed(|r| r.method = "http://www.w3.org/2000/09/xmldsig#rsa-sha1".into()), E::Algorithm),
        ("dsa", signed(|r| r.method = "http://www.w3.org/2000/09/xmldsig#dsa-sha1".into()), E::Algorithm),
        ("md5", signed(|r| r.method = "http://www.w3.org/2001/04/xmldsig-more#rsa-md5".into()), E::Algorithm),
        (
            "hmac",
            signed(|r| r.method = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256".into()),
            E::Algorithm,
        ),
        (
            "hmac length",
            signed(|r| r.method_content = "<ds:HMACOutputLength>0</ds:HMACOutputLength>".into()),
            E::Shape,
        ),
        (
            "digest sha-1",
            signed(|r| r.digest_method = "http://www.w3.org/2000/09/xmldsig#sha1".into()),
            E::Algorithm,
        ),
        ("object", signed(|r| r.after = "<ds:Object>x</ds:Object>".into()), E::Shape),
        ("two key infos", signed(|r| r.after = "<ds:KeyInfo/><ds:KeyInfo/>".into()), E::Shape),
        (
            "digest of nothing",
            signed(|r| r.digest_value = Some("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".into())),
            E::Digest,
        ),
        ("digest of something else", signed(|r| r.digest_value = Some(digest_of("<a/>"))), E::Digest),
        ("empty digest", signed(|r| r.digest_value = Some(String::new())), E::Shape),
        (
            "comment in digest",
            signed(|_| {}).replace("<ds:DigestValue>", "<ds:DigestValue><!-- -->"),
            E::Shape,
        ),
        ("text between", signed(|_| {}).replace("<ds:Transforms>", "x<ds:Transforms>"), E::Shape),
        ("body changed", signed(|_| {}).replace("ada", "eve"), E::Digest),
        (
            "too many prefixes",
            signed(|r| {
                let list: Vec<String> = (0..33).map(|i| format!("p{i}")).collect();
                r.canonicalization_content = format!(
                    r#"<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="{}"></ec:InclusiveNamespaces>"#,
                    list.join(" ")
                );
            }),
            E::Transform,
        ),
    ];
    for (what, xml, expected) in refused {
        assert_eq!(check(&xml).map(|_| ()).unwrap_err(), expected, "{what}");
    }
}

#[test]
fn references_and_parts_that_are_there_twice_are_refused() {
    let good = signed(|_| {});
    let part = |name: &str| {
        let start = good.find(&format!("<ds:{name}")).unwrap();
        let end = good.find(&format!("</ds:{name}>")).unwrap() + name.len() + 6;
        good[start..end].to_owned()
    };
    for name in ["SignedInfo", "SignatureValue", "Reference", "DigestValue", "Transforms", "SignatureMethod"]
    {
        let twice = good.replace(&part(name), &part(name).repeat(2));
        assert_eq!(check(&twice).unwrap_err(), E::Shape, "{name}");
        let gone = good.replace(&part(name), "");
        assert_eq!(check(&gone).unwrap_err(), E::Shape, "{name}");
    }
    let signature = part("Signature");
    assert_eq!(check(&good.replace(&signature, &signature.repeat(2))).unwrap_err(), E::Shape);
    // Further down, it is not the element's own signature.
    let deeper = element(&format!("<m:x>{signature}</m:x>"), "");
    assert_eq!(check(&deeper).unwrap_err(), E::Unsigned);
    let other_namespace = good.replace(DSIG, "http://www.w3.org/2000/09/xmldsig");
    assert_eq!(check(&other_namespace).unwrap_err(), E::Unsigned);
}

#[test]
fn key_info_is_not_looked_at() {
    let info = format!(
        "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
        b64(&OTHER.certificate)
    );
    let mut recipe = Recipe::new("_1");
    recipe.key_info = info;
    let evil = element(BODY, &recipe.signature(&OTHER, &element(BODY, "")));
    assert_eq!(check(&evil).unwrap_err(), E::Invalid);
    let odd = element(BODY, &recipe.signature(&IDP, &element(BODY, "")));
    check(&odd).unwrap();
}

#[test]
fn values_have_one_spelling() {
    let good = signed(|_| {});
    let start = good.find("<ds:SignatureValue>").unwrap() + "<ds:SignatureValue>".len();
    let end = good.find("</ds:SignatureValue>").unwrap();
    let value = &good[start..end];
    let with = |value: &str| [&good[..start], value, &good[end..]].concat();
    check(&with(&format!("\n {} \r\n\t{}\n", &value[..64], &value[64..]))).unwrap();
    for bad in [
        value.trim_end_matches('=').to_owned(),
        format!("{value}="),
        format!("{value}AAAA"),
        value.replacen('+', "-", 1).replacen('/', "_", 1) + "\u{a0}",
        format!("{}\u{2003}{}", &value[..64], &value[64..]),
        String::new(),
    ] {
        let error = check(&with(&bad)).unwrap_err();
        assert!(matches!(error, E::Shape | E::Invalid), "{error:?}");
    }
    // 2048 bits make 342 characters, of which the last carries four bits that have to be zero.
    let mut bits = value.to_owned().into_bytes();
    let last = bits.iter().rposition(|b| *b != b'=').unwrap();
    bits[last] += 1;
    assert_eq!(check(&with(std::str::from_utf8(&bits).unwrap())).unwrap_err(), E::Shape);
}

#[test]
fn ecdsa_is_r_and_s_and_nothing_else() {
    let pair = Pair::generate(SignatureAlgorithm::EcdsaSha256);
    let mut recipe = Recipe::new("_1");
    recipe.method = SignatureAlgorithm::EcdsaSha256.uri().into();
    let info = recipe.info(&element(BODY, ""));
    let right = pair.sign_as(SignatureScheme::EcdsaP256Sha256, info.as_bytes());
    let (r, s) = right.split_at(32);
    let integer = |n: &[u8]| [&[2, 33, 0], n].concat();
    let der = [&[0x30, 70][..], &integer(r), &integer(s)].concat();
    let zero = [0_u8; 32];
    for (what, value, accepted) in [
        ("right", right.clone(), true),
        ("DER", der, false),
        ("r is zero", [&zero, s].concat(), false),
        ("s is zero", [r, &zero].concat(), false),
        ("both", vec![0; 64], false),
        ("longer", [&right[..], &[0]].concat(), false),
    ] {
        let signature = format!(
            r#"<ds:Signature xmlns:ds="{DSIG}">{info}<ds:SignatureValue>{}</ds:SignatureValue></ds:Signature>"#,
            b64(&value)
        );
        let result = check_with(&element(BODY, &signature), &pair.trusted(), &SignaturePolicy::default());
        assert_eq!(result.is_ok(), accepted, "{what}");
    }
}

#[test]
fn there_are_no_peers_without_keys_and_no_weak_keys() {
    assert_eq!(TrustedKeys::new(Vec::new()).unwrap_err(), KeyError::None);
    let many = (0..9).map(|_| IDP.trusted_key()).collect();
    assert_eq!(TrustedKeys::new(many).unwrap_err(), KeyError::TooMany);
    for certificate in [&b""[..], b"0", &IDP.certificate[..100]] {
        let error = ciam_saml::dsig::TrustedKey::from_certificate(&**CRYPTO, certificate).unwrap_err();
        assert_eq!(error, KeyError::Certificate);
    }
}

#[test]
fn one_of_several_keys_is_enough_and_a_removed_one_is_not() {
    let xml = signed(|_| {});
    let both = TrustedKeys::new(vec![OTHER.trusted_key(), IDP.trusted_key()]).unwrap();
    check_with(&xml, &both, &SignaturePolicy::default()).unwrap();
    assert_eq!(check_with(&xml, &OTHER.trusted(), &SignaturePolicy::default()).unwrap_err(), E::Invalid);
}

#[test]
fn identifiers_are_there_once() {
    let xml = signed(|_| {}).replace(BODY, r#"<m:x Id="_1"/>"#);
    assert_eq!(check(&xml).unwrap_err(), E::Xml(XmlError::DuplicateId));
}

#[test]
fn our_own_keys_have_their_certificate() {
    let other = Signer::new(&**CRYPTO, IDP.algorithm, IDP.pkcs8.expose(), OTHER.certificate.clone());
    assert_eq!(other.unwrap_err(), KeyError::OtherCertificate);
    let none = Signer::new(&**CRYPTO, IDP.algorithm, IDP.pkcs8.expose(), b"no certificate".to_vec());
    assert_eq!(none.unwrap_err(), KeyError::Certificate);
}
