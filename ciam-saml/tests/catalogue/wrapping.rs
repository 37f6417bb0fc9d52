//! Signature wrapping: 1 to 22.

use crate::report::Report;
use crate::support::*;
use crate::targets::*;
use crate::world::*;

/// A forged element: other words and fresh identifiers, and no signature.
fn forged(element: &str, scene: &Scene) -> String {
    element
        .replace(&scene.outer_id, &fresh_id())
        .replace(&scene.says.response_id, &fresh_id())
        .replace(&scene.says.assertion_id, &fresh_id())
        .replace("ada@example.com", "eve@example.com")
        .replace("https://other.example/sso", "https://evil.example/sso")
        .replace("AllowCreate=\"true\"", "AllowCreate=\"false\"")
}

/// Puts something after the first child, where signatures and extensions go, or at the very end.
fn put(element: &str, first: bool, what: &str) -> String {
    let at = if first {
        element
            .find("</saml:Issuer>")
            .map_or_else(|| element.find('>').unwrap() + 1, |at| at + "</saml:Issuer>".len())
    } else {
        element.rfind("</").unwrap()
    };
    format!("{}{what}{}", &element[..at], &element[at..])
}

fn extensions(what: &str) -> String {
    format!(r#"<samlp:Extensions xmlns:samlp="{SAMLP}">{what}</samlp:Extensions>"#)
}

fn md_extensions(what: &str) -> String {
    format!(r#"<md:Extensions xmlns:md="{MD}">{what}</md:Extensions>"#)
}

pub(crate) fn run(report: &mut Report) {
    for target in ALL {
        let scene = Scene::new();
        let good = target.good(&scene);
        if let Err(why) = (target.judge)(&scene, &good) {
            report.fail(0, target.name, "the message itself", &why);
        }
    }
    for target in open() {
        wrap(report, target);
    }
    assertions(report);
    captured(report);
    references(report);
    names(report);
}

/// The eight classic ways, for each kind of signed element.
fn wrap(report: &mut Report, target: Target) {
    type Way = fn(signed: &str, bare: &str, signature: &str, forged: &str) -> String;
    let ways: [(u32, &str, Way); 10] = [
        (1, "the original in the signature of the forged", |_, bare, signature, forged| {
            put(forged, true, &signature.replace("</ds:Signature>", &format!("{bare}</ds:Signature>")))
        }),
        (2, "signature and original beside each other", |_, bare, signature, forged| {
            put(&put(forged, false, bare), true, signature)
        }),
        (2, "the original before the signature", |_, bare, signature, forged| {
            put(forged, false, &format!("{bare}{signature}"))
        }),
        (4, "the signed original in the forged", |signed, _, _, forged| put(forged, false, signed)),
        (4, "the signed original first in the forged", |signed, _, _, forged| put(forged, true, signed)),
        (5, "the forged has the signature, the original is at the end", |_, bare, signature, forged| {
            put(&put(forged, true, signature), false, bare)
        }),
        (6, "the original in the signature", |_, bare, signature, forged| {
            put(
                forged,
                true,
                &signature.replace("<ds:SignatureValue>", &format!("{bare}<ds:SignatureValue>")),
            )
        }),
        (7, "the original in extensions", |signed, _, signature, forged| {
            put(&put(forged, true, &extensions(signed)), true, signature)
        }),
        (7, "the original in extensions of metadata", |signed, _, _, forged| {
            put(forged, true, &md_extensions(signed))
        }),
        (8, "the original in an object", |_, bare, signature, forged| {
            let object = format!("<ds:Object>{bare}</ds:Object></ds:Signature>");
            put(forged, true, &signature.replace("</ds:Signature>", &object))
        }),
    ];
    for (number, what, way) in ways {
        let scene = Scene::new();
        let id = (target.id)(&scene);
        let bare = (target.element)(&scene, "");
        let signature = Recipe::new(&id).signature((target.signer)(), &bare);
        let signed = (target.element)(&scene, &signature);
        let forged = forged(&bare, &scene);
        let xml = (target.around)(&scene, &way(&signed, &bare, &signature, &forged));
        report.refused(number, target.name, what, (target.judge)(&scene, &xml));
    }
}

/// More than one assertion.
fn assertions(report: &mut Report) {
    let name = BY_ASSERTION.name;
    for (number, what) in
        [(3, "before"), (9, "before and after"), (10, "after"), (11, "hidden"), (13, "second is signed")]
    {
        let scene = Scene::new();
        let says = &scene.says;
        let signed = says.signed_assertion(&IDP);
        let evil = forged(&says.assertion(""), &scene);
        let signature = Recipe::new(&says.assertion_id).signature(&IDP, &says.assertion(""));
        let xml = match number {
            3 | 13 => says.response("", &format!("{evil}{signed}")),
            9 => says.response("", &format!("{evil}{signed}{}", forged(&says.assertion(""), &scene))),
            10 => says.response("", &format!("{signed}{evil}")),
            _ => {
                let copy = put(&says.assertion("").replace("ada@", "eve@"), true, &signature);
                let response = says.response("", &copy);
                put(&response, true, &extensions(&signed))
            }
        };
        report.refused(number, name, what, (BY_ASSERTION.judge)(&scene, &xml));
    }
    for target in [BY_RESPONSE, BY_BOTH] {
        let scene = Scene::new();
        let says = &scene.says;
        let evil = forged(&says.assertion(""), &scene);
        let xml = says.signed_around(&IDP, &format!("{}{evil}", says.signed_assertion(&IDP)));
        report.refused(10, target.name, "two in a signed response", (target.judge)(&scene, &xml));
    }
}

/// A message that is not signed, around a captured assertion that is.
fn captured(report: &mut Report) {
    for target in open() {
        for first in [true, false] {
            let scene = Scene::new();
            let captured = Says::new(&scene.world, None).signed_assertion(&IDP);
            let bare = (target.element)(&scene, "");
            for what in [captured.clone(), extensions(&captured), md_extensions(&captured)] {
                let xml = (target.around)(&scene, &put(&bare, first, &what));
                // Where both are signed, taking the outer signature off leaves the assertion's own.
                let outcome = (target.judge)(&scene, &xml);
                report.harmless(12, target.name, "around a signed assertion", &right(target), outcome);
            }
        }
        let scene = Scene::new();
        let bare = (target.element)(&scene, "");
        let says = Says::new(&scene.world, None);
        let signature = Recipe::new(&says.assertion_id).signature(&IDP, &says.assertion(""));
        let xml = (target.around)(&scene, &put(&bare, true, &signature));
        report.refused(18, target.name, "the signature of an assertion", (target.judge)(&scene, &xml));
    }
    // The other way round: words outside of what is signed never count.
    for (what, from, to) in [
        (
            "issuer",
            format!("<saml:Issuer>{IDP_ID}</saml:Issuer><samlp:Status>"),
            format!("<saml:Issuer>{OTHER_ID}</saml:Issuer><samlp:Status>"),
        ),
        ("status", "status:Success".to_owned(), "status:Responder".to_owned()),
        (
            "destination",
            format!(r#"Destination="{ACS}""#),
            r#"Destination="https://evil.example/""#.to_owned(),
        ),
        ("identifier", "<samlp:Response ".to_owned(), "<samlp:Response Consent=\"x\" ".to_owned()),
    ] {
        let scene = Scene::new();
        let good = BY_ASSERTION.good(&scene);
        let right = (BY_ASSERTION.judge)(&scene, &good);
        let scene = Scene::new();
        let changed = BY_ASSERTION.good(&scene).replace(&from, &to);
        let outcome = (BY_ASSERTION.judge)(&scene, &changed);
        report.harmless(15, BY_ASSERTION.name, what, &right.unwrap_or_default(), outcome);
    }
}

/// What may come of a change that takes the signature of the whole off: what the assertion's own signature says, and for
/// other messages nothing.
fn right(target: Target) -> String {
    if target.name != BY_BOTH.name {
        return String::new();
    }
    let scene = Scene::new();
    (target.judge)(&scene, &target.good(&scene)).unwrap_or_default()
}

fn references(report: &mut Report) {
    for target in open() {
        let right = right(target);
        let mut refused =
            |number, what: &str, change: &dyn Fn(&mut Recipe), text: &dyn Fn(&Scene, String) -> String| {
                let scene = Scene::new();
                let xml = text(&scene, target.build(&scene, change));
                report.harmless(number, target.name, what, &right, (target.judge)(&scene, &xml));
            };
        let same = |_: &Scene, text: String| text;
        let second = format!(
            r##"<ds:Reference URI="#_other"><ds:Transforms></ds:Transforms><ds:DigestMethod Algorithm="{SHA256}"></ds:DigestMethod><ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>"##
        );
        refused(16, "two references", &|recipe| recipe.extra_reference.clone_from(&second), &same);
        refused(17, "no number sign", &|recipe| recipe.uri = recipe.uri[1..].to_owned(), &same);
        refused(17, "a quote", &|recipe| recipe.uri = format!("{}&quot;", recipe.uri), &same);
        refused(17, "signed twice", &|_| {}, &|_, text| {
            let start = text.find("<ds:Signature ").unwrap();
            let end = text.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
            text.replace(&text[start..end], &text[start..end].repeat(2))
        });
        refused(17, "two roots", &|_| {}, &|_, text| format!("{text}{text}"));
        refused(17, "signature in extensions", &|_| {}, &|_, text| {
            let start = text.find("<ds:Signature ").unwrap();
            let end = text.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
            text.replace(&text[start..end], &extensions(&text[start..end]))
        });
        for uri in [
            "",
            "#xpointer(/)",
            "#xpointer(id('x'))",
            "file:///etc/passwd",
            "http://x.example/",
            "cid:x",
            "#",
        ] {
            refused(19, uri, &|recipe| recipe.uri = uri.into(), &same);
        }
        refused(19, "no URI", &|_| {}, &|_, text| text.replacen(" URI=", " Id=", 1));
        refused(
            14,
            "a digest elsewhere",
            &|recipe| recipe.digest_value = Some(digest_of("<a/>")),
            &|scene, text| {
                let digest = digest_of(&(target.element)(scene, ""));
                let hidden = format!(
                    r##"<ds:Reference xmlns:ds="{DSIG}" URI="#{}"><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"##,
                    (target.id)(scene)
                );
                put(&text, true, &extensions(&hidden))
            },
        );
        for (what, attribute) in [
            ("samlp:ID", r#" xmlns:q="urn:oasis:names:tc:SAML:2.0:protocol" q:ID="{id}""#),
            ("xml:id", r#" xml:id="{id}""#),
            ("Id", r#" Id="{id}""#),
            ("id", r#" id="{id}""#),
            ("AssertionID", r#" AssertionID="{id}""#),
        ] {
            refused(20, what, &|_| {}, &|scene, text| {
                let attribute = attribute.replace("{id}", &(target.id)(scene));
                text.replacen("<ds:SignedInfo", &format!("<ds:SignedInfo{attribute}"), 1)
            });
        }
        for (from, to) in [
            (DSIG, "urn:other"),
            (SAML, "urn:oasis:names:tc:SAML:1.0:assertion"),
            (SAMLP, "urn:x"),
            (MD, "urn:y"),
        ] {
            let scene = Scene::new();
            if target.good(&scene).contains(&format!("=\"{from}\""))
                && (from != SAML || !target.name.starts_with(METADATA.name))
            {
                refused(21, to, &|_| {}, &|_, text| {
                    text.replace(&format!("=\"{from}\""), &format!("=\"{to}\""))
                });
            }
        }
        refused(21, "no namespace", &|_| {}, &|_, text| {
            text.replacen("<ds:SignedInfo", "<SignedInfo", 1).replacen("</ds:SignedInfo", "</SignedInfo", 1)
        });
    }
}

/// Assertions where none is read.
fn names(report: &mut Report) {
    for target in RESPONSES {
        let mut scene = Scene::new();
        let right = (target.judge)(&scene, &target.good(&scene)).unwrap_or_default();
        scene = Scene::new();
        let evil = forged(&scene.says.assertion(""), &scene);
        scene.says.advice = format!("<saml:Advice>{evil}</saml:Advice>");
        report.harmless(22, target.name, "advice", &right, (target.judge)(&scene, &target.good(&scene)));
        let scene = Scene::new();
        let nested =
            scene.says.response("", &scene.says.assertion("")).replace(&scene.says.response_id, &fresh_id());
        let nested = nested.replace(&scene.says.assertion_id, &fresh_id());
        let good = target.good(&scene);
        let at = good.rfind("</samlp:Response>").unwrap();
        let xml = format!("{}{nested}{}", &good[..at], &good[at..]);
        report.refused(22, target.name, "a response in the response", (target.judge)(&scene, &xml));
    }
}
