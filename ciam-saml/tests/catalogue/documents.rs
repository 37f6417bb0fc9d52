//! Text, canonical forms and parsers: 23 to 36, 67 and 68.

use crate::report::Report;
use crate::targets::*;
use crate::world::*;

type Text = fn(String) -> String;

pub(crate) fn run(report: &mut Report) {
    for target in open() {
        let scene = Scene::new();
        let right = (target.judge)(&scene, &target.good(&scene)).unwrap_or_default();
        let mut refused = |number, what: &str, text: Text| {
            let scene = Scene::new();
            let xml = text(target.good(&scene));
            report.refused(number, target.name, what, (target.judge)(&scene, &xml));
        };
        for (number, what, text) in REFUSED {
            refused(number, what, text);
        }
        for (number, what, text) in HARMLESS {
            let scene = Scene::new();
            let xml = text(target.good(&scene));
            report.harmless(number, target.name, what, &right, (target.judge)(&scene, &xml));
        }
        utf16(report, target);
        floods(report, target);
    }
    spaces(report);
    nil(report);
}

/// After the start of the root.
fn inside(text: &str, what: &str) -> String {
    let at = text.find('>').unwrap() + 1;
    format!("{}{what}{}", &text[..at], &text[at..])
}

const REFUSED: [(u32, &str, Text); 34] = [
    (24, "in a value", |text| text.replacen("</", "<?p not-an-?></", 1)),
    (24, "in the root", |text| inside(&text, "<?p?>")),
    (24, "before the root", |text| format!("<?p?>{text}")),
    (24, "after the root", |text| format!("{text}<?p?>")),
    (25, "a comment", |text| text.replace("<ds:DigestValue>", "<ds:DigestValue><!-- x -->")),
    (25, "a comment that splits", |text| {
        let at = text.find("<ds:DigestValue>").unwrap() + "<ds:DigestValue>".len() + 9;
        format!("{}<!---->{}", &text[..at], &text[at..])
    }),
    (25, "a processing instruction", |text| text.replace("<ds:DigestValue>", "<ds:DigestValue><?x?>")),
    (26, "two SignedInfo", |text| twice(&text, "SignedInfo")),
    (26, "two SignatureValue", |text| twice(&text, "SignatureValue")),
    (26, "two DigestValue", |text| twice(&text, "DigestValue")),
    (26, "two KeyInfo", |text| {
        text.replace("</ds:Signature>", "<ds:KeyInfo></ds:KeyInfo><ds:KeyInfo></ds:KeyInfo></ds:Signature>")
    }),
    (26, "SignedInfo in an object", |text| {
        let start = text.find("<ds:SignedInfo").unwrap();
        let end = text.find("</ds:SignedInfo>").unwrap() + "</ds:SignedInfo>".len();
        text.replace(
            "</ds:Signature>",
            &format!("<ds:Object>{}</ds:Object></ds:Signature>", &text[start..end]),
        )
    }),
    (27, "a document type", |text| format!("<!DOCTYPE x>{text}")),
    (27, "a notation", |text| format!("<!DOCTYPE x [<!NOTATION n PUBLIC 'n'>]>{text}")),
    (27, "CDATA around a comment's beginning", |text| inside(&text, "<![CDATA[<!--]]>-->")),
    (28, "a colon at the beginning", |text| inside(&text, "<:a></:a>")),
    (28, "two colons", |text| inside(&text, "<a:b:c xmlns:a=\"urn:a\"></a:b:c>")),
    (28, "a prefix xmlns", |text| inside(&text, "<xmlns:a></xmlns:a>")),
    (28, "an attribute with two colons", |text| text.replacen(" ID=", " a:b:c=\"\" ID=", 1)),
    (28, "a directive", |text| inside(&text, "<!x>")),
    (29, "a relative namespace", |text| text.replacen(" ID=", " xmlns:v=\"1\" ID=", 1)),
    (32, "NUL", |text| inside(&text, "\u{0}")),
    (32, "a reference to NUL", |text| inside(&text, "&#0;")),
    (32, "a surrogate", |text| inside(&text, "&#xD800;")),
    (33, "ISO-8859-1", |text| format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{text}")),
    (33, "UTF-7", |text| format!("<?xml version=\"1.0\" encoding=\"UTF-7\"?>{text}")),
    (33, "a byte order mark", |text| format!("\u{feff}{text}")),
    (35, "text before", |text| format!("x{text}")),
    (35, "text after", |text| format!("{text}x")),
    (35, "a second root", |text| format!("{text}<x/>")),
    (35, "an end tag after", |text| format!("{text}</x>")),
    (67, "an entity of a file", |text| {
        format!("<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>{}", inside(&text, "&e;"))
    }),
    (67, "a billion laughs", |text| {
        format!("<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]>{}", inside(&text, "&b;"))
    }),
    (67, "an external document type", |text| format!("<!DOCTYPE x SYSTEM 'http://x.example/x.dtd'>{text}")),
];

const HARMLESS: [(u32, &str, Text); 8] = [
    (23, "in a name", |text| text.replace("ada@example.com<", "ada@exam<!---->ple.com<")),
    (23, "in an issuer", |text| text.replacen("</saml:Issuer>", "<!-- x --></saml:Issuer>", 1)),
    (23, "a comment that splits an issuer", |text| {
        text.replacen("<saml:Issuer>https", "<saml:Issuer>ht<!-- x -->tps", 1)
    }),
    (32, "CDATA", |text| text.replace("ada@example.com<", "<![CDATA[ada@example.com]]><")),
    (32, "references", |text| text.replace("ada@example.com<", "&#x61;da&#64;example.com<")),
    (32, "line ends of the other kind", |text| text.replace("><", ">\r\n<")),
    (32, "a reference to a carriage return", |text| text.replace("ada@", "ada&#13;@")),
    (32, "another form of the same letter", |text| text.replace("ada", "\u{e1}da")),
];

fn twice(text: &str, name: &str) -> String {
    let start = text.find(&format!("<ds:{name}")).unwrap();
    let end = text.find(&format!("</ds:{name}>")).unwrap() + name.len() + 6;
    text.replace(&text[start..end], &text[start..end].repeat(2))
}

fn utf16(report: &mut Report, target: Target) {
    let scene = Scene::new();
    let bytes: Vec<u8> = target.good(&scene).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let refused = ciam_saml::xml::Doc::parse(&bytes, ciam_saml::xml::Limits::MESSAGE);
    let outcome = refused.map(|_| "read".to_owned()).map_err(|error| reason(&error));
    report.refused(33, target.name, "UTF-16", outcome);
}

fn floods(report: &mut Report, target: Target) {
    for what in [
        "<a>".repeat(60) + &"</a>".repeat(60),
        format!("<a{}/>", (0..60).map(|i| format!(" a{i}=''")).collect::<String>()),
        format!("<a{}/>", (0..60).map(|i| format!(" xmlns:a{i}='urn:{i}'")).collect::<String>()),
        "<b/>".repeat(40_000),
    ] {
        let scene = Scene::new();
        let xml = inside(&target.good(&scene), &what);
        report.refused(68, target.name, "a flood", (target.judge)(&scene, &xml));
    }
}

/// Identifiers that are other identifiers with spaces around them.
fn spaces(report: &mut Report) {
    for target in RESPONSES {
        for change in [
            (|says| says.issuer = format!(" {IDP_ID}")) as fn(&mut Says),
            |says| says.issuer = format!("{IDP_ID}\n"),
            |says| says.conditions = says.conditions.replace(SP, &format!("{SP} ")),
            |says| says.recipient = Some(format!("{ACS} ")),
            |says| says.in_response_to = says.in_response_to.as_ref().map(|id| format!(" {id}")),
        ] {
            let mut scene = Scene::new();
            change(&mut scene.says);
            report.refused(34, target.name, "a space", (target.judge)(&scene, &target.good(&scene)));
        }
    }
}

fn nil(report: &mut Report) {
    for target in RESPONSES {
        let mut scene = Scene::new();
        let right = (target.judge)(&scene, &target.good(&scene)).unwrap_or_default();
        scene = Scene::new();
        scene.says.attributes = scene.says.attributes.replace(
            "<saml:AttributeValue>",
            r#"<saml:AttributeValue xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true">admin</saml:AttributeValue><saml:AttributeValue xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="urn">"#,
        );
        report.harmless(
            36,
            target.name,
            "xsi:nil and xsi:type",
            &right,
            (target.judge)(&scene, &target.good(&scene)),
        );
    }
    let scene = Scene::new();
    let xml = format!("<!DOCTYPE x [<!ATTLIST x ID CDATA 'x'>]>{}", BY_BOTH.good(&scene));
    report.refused(36, BY_BOTH.name, "a default attribute", (BY_BOTH.judge)(&scene, &xml));
}
