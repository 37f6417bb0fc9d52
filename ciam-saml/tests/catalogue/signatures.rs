//! Algorithms, keys and trust: 29 to 31 and 37 to 50.

use ciam_saml::dsig::{KeyError, SignatureAlgorithm, TrustedKey, TrustedKeys};
use ciam_saml::metadata::EntityDescriptor;

use crate::report::Report;
use crate::support::*;
use crate::targets::*;
use crate::world::*;

type Change = fn(&mut Recipe);

fn transform(uri: &str) -> String {
    format!(r#"<ds:Transform Algorithm="{uri}"></ds:Transform>"#)
}

fn prefix_list(list: &str) -> String {
    format!(r#"<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="{list}"></ec:InclusiveNamespaces>"#)
}

const EMPTY_DIGEST: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

const REFUSED: [(u32, &str, Change); 24] = [
    (29, "the digest of nothing", |r| r.digest_value = Some(EMPTY_DIGEST.into())),
    (30, "with comments", |r| r.canonicalization = format!("{EXC}WithComments")),
    (30, "inclusive", |r| r.canonicalization = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315".into()),
    (30, "1.1", |r| r.canonicalization = "http://www.w3.org/2006/12/xml-c14n11".into()),
    (30, "unknown", |r| r.canonicalization = "urn:x".into()),
    (30, "a transform with comments", |r| {
        r.transforms = transform(ENVELOPED) + &transform(&format!("{EXC}WithComments"));
    }),
    (31, "ten thousand prefixes", |r| r.canonicalization_content = prefix_list(&"p ".repeat(7_000))),
    (31, "33 prefixes", |r| r.canonicalization_content = prefix_list(&"p ".repeat(33))),
    (39, "HMAC", |r| r.method = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256".into()),
    (39, "HMAC with SHA-1", |r| r.method = "http://www.w3.org/2000/09/xmldsig#hmac-sha1".into()),
    (40, "a length", |r| r.method_content = "<ds:HMACOutputLength>0</ds:HMACOutputLength>".into()),
    (41, "SHA-1", |r| r.method = "http://www.w3.org/2000/09/xmldsig#rsa-sha1".into()),
    (41, "MD5", |r| r.method = "http://www.w3.org/2001/04/xmldsig-more#rsa-md5".into()),
    (41, "DSA", |r| r.method = "http://www.w3.org/2000/09/xmldsig#dsa-sha1".into()),
    (41, "a digest with SHA-1", |r| r.digest_method = "http://www.w3.org/2000/09/xmldsig#sha1".into()),
    (48, "XSLT", |r| {
        r.transforms = transform(ENVELOPED) + &transform("http://www.w3.org/TR/1999/REC-xslt-19991116")
    }),
    (48, "XPath", |r| {
        r.transforms = transform("http://www.w3.org/TR/1999/REC-xpath-19991116") + &transform(EXC);
    }),
    (48, "XPath filter 2", |r| {
        r.transforms = transform("http://www.w3.org/2002/06/xmldsig-filter2") + &transform(EXC)
    }),
    (48, "base64", |r| {
        r.transforms = transform(ENVELOPED) + &transform("http://www.w3.org/2000/09/xmldsig#base64")
    }),
    (48, "decryption", |r| {
        r.transforms = transform("http://www.w3.org/2002/07/decrypt#XML") + &transform(EXC)
    }),
    (48, "none", |r| r.transforms = String::new()),
    (48, "three", |r| r.transforms = transform(ENVELOPED) + &transform(EXC) + &transform(EXC)),
    (49, "a manifest", |r| {
        r.reference_attributes = r#" Type="http://www.w3.org/2000/09/xmldsig#Manifest""#.into()
    }),
    (49, "a manifest in an object", |r| {
        r.after = "<ds:Object><ds:Manifest></ds:Manifest></ds:Object>".into()
    }),
];

pub(crate) fn run(report: &mut Report) {
    for target in ALL {
        for (number, what, change) in REFUSED {
            let scene = Scene::new();
            let xml = target.build(&scene, change);
            report.refused(number, target.name, what, (target.judge)(&scene, &xml));
        }
        unsigned(report, target);
        other_keys(report, target);
        values(report, target);
        key_infos(report, target);
        prefixes(report, target);
    }
    configuration(report);
    confusion(report);
}

fn unsigned(report: &mut Report, target: Target) {
    let scene = Scene::new();
    let bare = (target.around)(&scene, &(target.element)(&scene, ""));
    if target.name != BY_BOTH.name {
        report.refused(37, target.name, "no signature", (target.judge)(&scene, &bare));
    }
    let scene = Scene::new();
    let empty = format!(r#"<ds:Signature xmlns:ds="{DSIG}"></ds:Signature>"#);
    let xml = (target.around)(&scene, &(target.element)(&scene, &empty));
    report.refused(37, target.name, "an empty signature", (target.judge)(&scene, &xml));
}

fn other_keys(report: &mut Report, target: Target) {
    let certificate = b64(&OTHER.certificate);
    let info = |content: &str| format!("<ds:KeyInfo>{content}</ds:KeyInfo>");
    for content in [
        format!("<ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data>"),
        "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus></ds:RSAKeyValue></ds:KeyValue>"
            .to_owned(),
        String::new(),
    ] {
        let scene = Scene::new();
        let element = (target.element)(&scene, "");
        let mut recipe = Recipe::new(&(target.id)(&scene));
        recipe.key_info = info(&content);
        let signature = recipe.signature(&OTHER, &element);
        let xml = (target.around)(&scene, &(target.element)(&scene, &signature));
        report.refused(38, target.name, "a key of the message's own", (target.judge)(&scene, &xml));
        let scene = Scene::new();
        let signature = Recipe::new(&(target.id)(&scene)).signature(&OTHER, &(target.element)(&scene, ""));
        let xml = (target.around)(&scene, &(target.element)(&scene, &signature));
        report.refused(44, target.name, "the key of another known peer", (target.judge)(&scene, &xml));
    }
}

/// Values of signatures that are written in other ways, or are of other algorithms.
fn values(report: &mut Report, target: Target) {
    let with = |change: &dyn Fn(&str) -> String| {
        let scene = Scene::new();
        let element = (target.element)(&scene, "");
        let signature = Recipe::new(&(target.id)(&scene)).signature((target.signer)(), &element);
        let start = signature.find("<ds:SignatureValue>").unwrap() + "<ds:SignatureValue>".len();
        let end = signature.find("</ds:SignatureValue>").unwrap();
        let changed =
            format!("{}{}{}", &signature[..start], change(&signature[start..end]), &signature[end..]);
        let xml = (target.around)(&scene, &(target.element)(&scene, &changed));
        (target.judge)(&scene, &xml)
    };
    report.refused(43, target.name, "without padding", with(&|value| value.trim_end_matches('=').to_owned()));
    report.refused(
        43,
        target.name,
        "with bits that are left over",
        with(&|value| {
            let mut bytes = value.as_bytes().to_vec();
            let last = bytes.iter().rposition(|b| *b != b'=').unwrap();
            bytes[last] += 1;
            String::from_utf8(bytes).unwrap()
        }),
    );
    report.refused(43, target.name, "longer", with(&|value| format!("{value}AAAA")));
    report.refused(
        43,
        target.name,
        "another white space",
        with(&|value| format!("{}\u{a0}{}", &value[..8], &value[8..])),
    );
    // What is for RSA, in the name of ECDSA: DER, zeros, and of the wrong curve.
    for value in [vec![0_u8; 64], vec![1; 64], vec![0; 96], [&[0x30, 6, 2, 1, 1, 2, 1, 1][..]].concat()] {
        for algorithm in [SignatureAlgorithm::EcdsaSha256, SignatureAlgorithm::EcdsaSha384] {
            let scene = Scene::new();
            let xml = target.build(&scene, |recipe| recipe.method = algorithm.uri().into());
            let start = xml.find("<ds:SignatureValue>");
            let Some(start) = start.map(|at| at + "<ds:SignatureValue>".len()) else { continue };
            let end = xml.find("</ds:SignatureValue>").unwrap();
            let xml = format!("{}{}{}", &xml[..start], b64(&value), &xml[end..]);
            report.refused(42, target.name, "a value that is none", (target.judge)(&scene, &xml));
        }
    }
}

/// Keys in the message make no difference, however odd they are.
fn key_infos(report: &mut Report, target: Target) {
    let scene = Scene::new();
    let right = (target.judge)(&scene, &target.good(&scene)).unwrap_or_default();
    for (number, content) in [
        (49, "<ds:RetrievalMethod URI=\"http://x.example/\"></ds:RetrievalMethod>".to_owned()),
        (49, "<x:KeyInfoReference xmlns:x=\"http://www.w3.org/2009/xmldsig11#\" URI=\"#x\"></x:KeyInfoReference>".to_owned()),
        (50, format!("<ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>", "A".repeat(20_000))),
        (50, "<ds:X509Data><ds:X509Certificate>!</ds:X509Certificate></ds:X509Data>".to_owned()),
    ] {
        let scene = Scene::new();
        let xml = target.build(&scene, |recipe| recipe.key_info = format!("<ds:KeyInfo>{content}</ds:KeyInfo>"));
        report.harmless(number, target.name, "in KeyInfo", &right, (target.judge)(&scene, &xml));
    }
}

fn prefixes(report: &mut Report, target: Target) {
    let scene = Scene::new();
    let right = (target.judge)(&scene, &target.good(&scene)).unwrap_or_default();
    for list in ["", "undeclared", "ds ds", "#default"] {
        let scene = Scene::new();
        let xml = target.build(&scene, |recipe| recipe.canonicalization_content = prefix_list(list));
        report.harmless(31, target.name, list, &right, (target.judge)(&scene, &xml));
    }
}

fn configuration(report: &mut Report) {
    report.holds(
        37,
        "configuration",
        "no key is no peer",
        TrustedKeys::new(Vec::new()).err() == Some(KeyError::None),
    );
    let weak = |modulus: usize, exponent: &[u8]| {
        let mut number = vec![0xa5_u8; modulus];
        number[modulus - 1] |= 1;
        let key = ciam_core::crypto::PublicKey::Rsa { modulus: number, exponent: exponent.to_vec() };
        TrustedKey::new(&**CRYPTO, &key).is_err()
    };
    report.holds(41, "configuration", "RSA with 1024 bits is refused", weak(128, &[1, 0, 1]));
    report.holds(41, "configuration", "exponent 1 is refused", weak(256, &[1]));
    report.holds(41, "configuration", "exponent 3 is refused", weak(256, &[3]));
    let source = include_str!("../../src/dsig/verify.rs");
    let verified = source.contains(") -> Result<Signed, SignatureError>");
    report.holds(
        46,
        "types",
        "verification answers what was signed",
        verified && !source.contains("pub fn is_valid"),
    );
    for (pair, accepted) in [(&*IDP, true), (&*OTHER, false)] {
        let world = World::new();
        let says = Says::new(&world, Some(&world.start()));
        let keys = TrustedKeys::new(vec![pair.trusted_key()]).unwrap();
        let partner = ciam_saml::sp::IdpPartner::new(IDP_ID, keys)
            .with_sign_on(ciam_saml::transport::Binding::Redirect, "https://idp.example/sso");
        let world = World {
            sp: ciam_saml::sp::ServiceProvider::new(world.ports.clone(), config(), [partner]),
            ..world
        };
        let what = if accepted { "the current key verifies" } else { "a removed key does not" };
        report.holds(47, "configuration", what, world.accept(&says.by_both(&IDP)).is_ok() == accepted);
    }
    let scene = Scene::new();
    let entity = (METADATA.element)(&scene, "")
        .replace("<md:KeyDescriptor>", r#"<md:KeyDescriptor use="encryption">"#);
    let entity = EntityDescriptor::parse(entity.as_bytes()).unwrap();
    report.holds(
        47,
        METADATA.name,
        "a key for encryption verifies nothing",
        entity.idp_partner(&**CRYPTO).is_err(),
    );
}

/// A known identity provider that speaks in the name of another.
fn confusion(report: &mut Report) {
    for target in RESPONSES {
        for (issuer, response_issuer) in [(OTHER_ID, IDP_ID), (IDP_ID, OTHER_ID), (OTHER_ID, OTHER_ID)] {
            let mut scene = Scene::new();
            scene.says.issuer = issuer.into();
            scene.says.response_issuer = Some(response_issuer.into());
            report.refused(44, target.name, "another issuer", (target.judge)(&scene, &target.good(&scene)));
        }
    }
}
