//! Encryption and memory: 69 and 73 to 79.

use ciam_core::crypto::OaepHash;

use crate::report::Report;
use crate::sealed::*;
use crate::support::*;
use crate::targets::{ENCRYPTED, Scene, reason, said};
use crate::world::{SAML, Says};

pub(crate) fn run(report: &mut Report) {
    let forbidden = include_str!("../../src/lib.rs").contains("#![forbid(unsafe_code)]");
    report.holds(69, "crate", "unsafe code is forbidden", forbidden);
    cbc_oracle(report);
    one_error(report);
    signatures(report);
    tables(report);
    scope(report);
}

fn accept(scene: &Scene, xml: &str) -> Result<String, String> {
    scene.world.accept(xml).map(|accepted| said(&accepted)).map_err(|reject| reason(&reject))
}

fn under_nothing(scene: &Scene, sealed: &Sealed) -> Result<String, String> {
    accept(scene, &scene.says.response("", &sealed.xml("EncryptedAssertion")))
}

fn under_signature(scene: &Scene, sealed: &Sealed) -> Result<String, String> {
    accept(scene, &scene.says.signed_around(&IDP, &sealed.xml("EncryptedAssertion")))
}

fn cbc_sealed(text: Vec<u8>) -> Sealed {
    Sealed { algorithm: CBC, text, ..Sealed::new("") }
}

fn cbc_oracle(report: &mut Report) {
    let name = ENCRYPTED.name;
    let scene = Scene::new();
    let signed = scene.says.signed_assertion(&IDP);
    let whole = cbc(signed.as_bytes(), 0xff);
    report.refused(
        73,
        name,
        "CBC without a signature around it",
        under_nothing(&scene, &cbc_sealed(whole.clone())),
    );
    for (what, text) in [
        ("padding 0", cbc(signed.as_bytes(), 0)),
        ("padding 17", cbc(signed.as_bytes(), 17)),
        ("one block", whole[..16].to_vec()),
        ("half a block", whole[..40].to_vec()),
        ("nothing", Vec::new()),
    ] {
        report.refused(77, name, what, under_signature(&scene, &cbc_sealed(text)));
    }
    let accepted = under_signature(&scene, &cbc_sealed(whole)).is_ok();
    report.holds(73, name, "CBC under a signature is read", accepted);
}

/// Whatever is wrong with a ciphertext, the answer is one.
fn one_error(report: &mut Report) {
    let name = ENCRYPTED.name;
    let scene = Scene::new();
    let good = Sealed::new(&scene.says.signed_assertion(&IDP));
    let mut answers = std::collections::BTreeSet::new();
    type Change = fn(&mut Sealed);
    let changes: [(u32, &str, Change); 9] = [
        (73, "a bit of the text", |sealed| sealed.text[30] ^= 1),
        (77, "a bit of the tag", |sealed| *sealed.text.last_mut().unwrap() ^= 1),
        (77, "no tag", |sealed| sealed.text.truncate(20)),
        (77, "no text", |sealed| sealed.text.truncate(12)),
        (77, "a short nonce", |sealed| sealed.text = sealed.text[4..].to_vec()),
        (74, "a bit of the key", |sealed| sealed.key[7] ^= 1),
        (74, "PKCS #1 padding", |sealed| sealed.transport = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"),
        (73, "no XML", |sealed| sealed.text = gcm("x")),
        (75, "XML that breaks out", |sealed| sealed.text = gcm("</decrypted><decrypted>")),
    ];
    for (number, what, change) in changes {
        let mut sealed = good.clone();
        change(&mut sealed);
        let outcome = under_nothing(&scene, &sealed);
        answers.insert(outcome.clone().err());
        report.refused(number, name, what, outcome);
    }
    report.holds(73, name, "all answers are one", answers.len() == 1);
    report.holds(73, name, "the right one is read", under_nothing(&scene, &good).is_ok());
}

fn signatures(report: &mut Report) {
    let name = ENCRYPTED.name;
    let scene = Scene::new();
    let plain = Sealed::new(&scene.says.assertion(""));
    report.refused(75, name, "encrypted and not signed", under_nothing(&scene, &plain));
    let nested = Sealed::new(&Sealed::new(&scene.says.signed_assertion(&IDP)).xml("EncryptedAssertion"));
    report.refused(75, name, "encrypted twice", under_nothing(&scene, &nested));
    let stranger = Sealed::new(&scene.says.signed_assertion(&OTHER));
    report.refused(75, name, "signed by another", under_nothing(&scene, &stranger));
    let two = Sealed::new(&scene.says.signed_assertion(&IDP)).xml("EncryptedAssertion").repeat(2);
    report.refused(75, name, "two", accept(&scene, &scene.says.response("", &two)));
    let both = format!(
        "{}{}",
        scene.says.assertion(""),
        Sealed::new(&Says::new(&scene.world, None).signed_assertion(&IDP)).xml("EncryptedAssertion")
    );
    report.refused(75, name, "one in the clear beside it", accept(&scene, &scene.says.response("", &both)));
    let xml = Sealed::new(&scene.says.signed_assertion(&IDP)).xml("EncryptedAssertion");
    let start = xml.find("<xenc:EncryptedKey>").unwrap();
    let end = xml.find("</xenc:EncryptedKey>").unwrap() + "</xenc:EncryptedKey>".len();
    let reference = r#"<xenc:CipherReference URI="http://x.example/"></xenc:CipherReference>"#;
    for (what, bad) in [
        (
            "a reference to a text",
            xml.replacen("<xenc:CipherValue>", &format!("{reference}<xenc:CipherValue>"), 1),
        ),
        (
            "a key to be fetched",
            xml.replace(
                &xml[start..end],
                r#"<ds:RetrievalMethod URI="http://x.example/"></ds:RetrievalMethod>"#,
            ),
        ),
        ("nine recipients", xml.replace(&xml[start..end], &xml[start..end].repeat(9))),
    ] {
        report.refused(76, name, what, accept(&scene, &scene.says.response("", &bad)));
    }
}

fn tables(report: &mut Report) {
    let digest =
        |uri: &str| format!(r#"<ds:DigestMethod xmlns:ds="{DSIG}" Algorithm="{uri}"></ds:DigestMethod>"#);
    let mask = |uri: &str| {
        format!(r#"<x:MGF xmlns:x="http://www.w3.org/2009/xmlenc11#" Algorithm="{uri}"></x:MGF>"#)
    };
    let name = ENCRYPTED.name;
    for (what, transport, content) in [
        ("a label", OAEP11, format!(r#"<xenc:OAEPparams xmlns:xenc="{XENC}">AA==</xenc:OAEPparams>"#)),
        ("an unknown mask", OAEP11, mask("http://www.w3.org/2009/xmlenc11#mgf1sha512")),
        ("a mask for what has none", MGF1P, mask("http://www.w3.org/2009/xmlenc11#mgf1sha1")),
        ("an unknown digest", MGF1P, digest("http://www.w3.org/2001/04/xmlenc#sha512")),
        ("hashes that are not those", OAEP11, digest(SHA256)),
    ] {
        let scene = Scene::new();
        let sealed = Sealed {
            transport,
            transport_content: content,
            ..Sealed::new(&scene.says.signed_assertion(&IDP))
        };
        report.refused(78, name, what, under_nothing(&scene, &sealed));
    }
    let scene = Scene::new();
    let sealed = Sealed {
        transport: OAEP11,
        transport_content: digest(SHA256) + &mask("http://www.w3.org/2009/xmlenc11#mgf1sha256"),
        key: wrapped(OaepHash::Sha256),
        ..Sealed::new(&scene.says.signed_assertion(&IDP))
    };
    report.holds(78, name, "both hashes are as they are said", under_nothing(&scene, &sealed).is_ok());
}

fn scope(report: &mut Report) {
    let scene = Scene::new();
    let bare = scene.says.signed_assertion(&IDP).replacen(&format!(r#" xmlns:saml="{SAML}""#), "", 1);
    let accepted = under_nothing(&scene, &Sealed::new(&bare)).is_ok();
    report.holds(79, ENCRYPTED.name, "prefixes of where it stood are bound", accepted);
    let scene = Scene::new();
    let evil = bare.replace("ada@", "eve@");
    report.refused(79, ENCRYPTED.name, "changed", under_nothing(&scene, &Sealed::new(&evil)));
}
