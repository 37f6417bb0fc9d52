//! Aggregates of federations: read in one pass, believed as a whole or not at all.

use ciam_core::crypto::DigestAlgorithm;
use ciam_saml::dsig::SignatureError;
use ciam_saml::metadata::{Loaded, MetadataError as E, MetadataTrust};
use ciam_saml::xml::{Canonical, Doc, Limits, XmlError, canonicalize};
use proptest::prelude::*;
use time::{Duration, OffsetDateTime};

use crate::c14n::document;
use crate::metadata::{MD, NOW, idp};
use crate::support::*;
use crate::world::*;

/// An aggregate: change a field to make another.
struct Whole {
    /// Attributes and declarations of the root.
    root: String,
    /// What stands before the signature.
    before: String,
    content: String,
    recipe: Recipe,
}

impl Whole {
    fn new(content: impl Into<String>) -> Self {
        let until = at(NOW + Duration::days(7));
        let root = format!(r#" xmlns:md="{MD}" ID="_whole" validUntil="{until}""#);
        Self { root, before: String::new(), content: content.into(), recipe: Recipe::new("_whole") }
    }

    fn element(&self, signature: &str) -> String {
        let Self { root, before, content, .. } = self;
        format!("<md:EntitiesDescriptor{root}>{before}{signature}{content}</md:EntitiesDescriptor>")
    }

    fn signed(&self) -> String {
        self.element(&self.recipe.signature(&IDP, &self.element("")))
    }

    /// Signed with a list of prefixes.
    fn signed_with(mut self, prefixes: &[&str]) -> String {
        let element = self.element("");
        let doc = Doc::parse(element.as_bytes(), Limits::MESSAGE).unwrap();
        let options = Canonical::default().with_inclusive(prefixes);
        let octets = canonicalize(doc.root().unwrap(), options).unwrap();
        let digest = CRYPTO.digest(DigestAlgorithm::Sha256, octets.as_bytes());
        self.recipe.digest_value = Some(b64(digest.as_ref()));
        let list = prefixes.join(" ");
        self.recipe.transforms = format!(
            r#"<ds:Transform Algorithm="{ENVELOPED}"></ds:Transform><ds:Transform Algorithm="{EXC}"><ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="{list}"></ec:InclusiveNamespaces></ds:Transform>"#
        );
        self.signed()
    }
}

fn trust() -> MetadataTrust {
    MetadataTrust::new(IDP.trusted())
}

fn load(text: &str) -> Result<Loaded, E> {
    trust().load(&**CRYPTO, text.as_bytes(), None, NOW)
}

fn names(text: &str) -> Result<Vec<String>, E> {
    load(text).map(|loaded| loaded.entities.into_iter().map(|entity| entity.entity_id).collect())
}

/// What a canonical form can get wrong stands in it: other prefixes, declarations that are not used, comments, sections,
/// references, white space in tags, empty elements, attributes out of order.
fn unusual() -> Whole {
    let mut whole = Whole::new(format!(
        "<md:Extensions><x:a xmlns:x='urn:x' xmlns:unused='urn:u'  z='1'\n a = \"&#9;&lt;\"/><!-- c --><![CDATA[a\r\nb<&]]>&#13;\r\n</md:Extensions>\n{}\n  \
         <EntitiesDescriptor xmlns='{MD}' Name=\"a &amp; b\"> {} <md:EntitiesDescriptor>{}</md:EntitiesDescriptor></EntitiesDescriptor>",
        idp(IDP_ID, "", " \n b='2' a='1'").replace("<md:KeyDescriptor>", "<md:KeyDescriptor><!-- c -->"),
        idp("https://two.example", "", "").replace(r#" xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata""#, ""),
        idp("https://three.example", "", ""),
    ));
    whole.before = "\r\n <!-- before --> ".into();
    whole.root.push_str(" xmlns:x='urn:x' xmlns:y=\"urn:y\"  Name='&lt;&quot;' ");
    whole
}

#[test]
fn an_unusual_aggregate_is_read() {
    let expected = [IDP_ID, "https://two.example", "https://three.example"];
    assert_eq!(names(&unusual().signed()).unwrap(), expected);
    for prefixes in [&["x"][..], &["x", "y", "#default"], &["y", "unknown"]] {
        assert_eq!(names(&unusual().signed_with(prefixes)).unwrap(), expected, "{prefixes:?}");
    }
    let around = format!("<?xml version='1.0'?>\n<!-- c -->\n{}\n<!-- d -->\n", unusual().signed());
    assert_eq!(names(&around).unwrap(), expected);
    // The list counts: without it, the digest is another.
    let text = unusual().signed_with(&["y"]);
    let other =
        Whole { recipe: Recipe { digest_value: None, ..Recipe::new("_whole") }, ..unusual() }.signed();
    assert_ne!(text, other);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The canonical form that is hashed on the way is the one that the tree gives: the signature was made with that.
    #[test]
    fn every_document_has_one_canonical_form(text in document(), list in any::<bool>()) {
        let mut whole = Whole::new(format!("<md:Extensions>{text}</md:Extensions>{}", idp(IDP_ID, "", "")));
        whole.root.push_str(" xmlns:a='urn:1' xmlns:d='urn:2'");
        let signed = if list { whole.signed_with(&["a", "d", "#default"]) } else { whole.signed() };
        prop_assert_eq!(names(&signed), Ok(vec![IDP_ID.to_owned()]));
    }

    /// Any single change is refused, or changes nothing of what is read.
    #[test]
    fn a_change_is_refused_or_changes_nothing(
        at in any::<prop::sample::Index>(),
        what in prop::sample::select(vec!["", "a", "<", ">", " ", "&", "\"", "<!-- x -->", "<x/>", "=", "\n", "0", ":"]),
        insert in any::<bool>(),
    ) {
        let text = unusual().signed();
        let entities = load(&text).unwrap().entities;
        let mut at = at.index(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let rest = if insert { &text[at..] } else { text[at..].get(1..).unwrap_or_default() };
        let changed = format!("{}{what}{rest}", &text[..at]);
        if let Ok(loaded) = load(&changed) {
            prop_assert_eq!(loaded.entities, entities);
            prop_assert_eq!(loaded.valid_until, NOW + Duration::days(7));
        }
    }
}

#[test]
fn the_signature_is_the_first_child_and_the_only_one() {
    let entity = idp(IDP_ID, "", "");
    let whole = Whole::new(&entity);
    let signature = whole.recipe.signature(&IDP, &whole.element(""));
    assert_eq!(names(&whole.element(&signature)).unwrap(), [IDP_ID]);
    let refused = |text: &str, error: E| assert_eq!(names(text).unwrap_err(), error, "{text}");
    refused(&whole.element(""), E::Signature(SignatureError::Unsigned));
    let later = whole
        .element("")
        .replace("</md:EntitiesDescriptor>", &format!("{signature}</md:EntitiesDescriptor>"));
    refused(&later, E::Signature(SignatureError::Unsigned));
    refused(&whole.element(&signature.repeat(2)), E::Signature(SignatureError::Shape));
    refused(&whole.element(&format!("x{signature}")), E::Xml(XmlError::Content));
    refused(
        &whole.element(&format!("{}{signature}", "<!-- c -->".repeat(20))),
        E::Signature(SignatureError::Shape),
    );
    refused(
        &whole.element(&signature).replace("#_whole", "#_other"),
        E::Signature(SignatureError::Reference),
    );
    refused(
        &whole.element(&signature).replacen(" ID=\"_whole\"", "", 1),
        E::Signature(SignatureError::Reference),
    );
    refused(
        &whole.element(
            &signature.replace("<ds:SignedInfo>", "<ds:SignedInfo><!-- c -->").replace("sha256", "sha1"),
        ),
        E::Signature(SignatureError::Algorithm),
    );
    let another = whole.element(&whole.recipe.signature(&OTHER, &whole.element("")));
    refused(&another, E::Signature(SignatureError::Invalid));
    // Cut off in the middle, with text in it, or with a second root behind it.
    let good = whole.element(&signature);
    refused(&good.replace("</md:EntitiesDescriptor>", ""), E::Xml(XmlError::Syntax));
    refused(
        &good.replace("</md:EntitiesDescriptor>", "x</md:EntitiesDescriptor>"),
        E::Xml(XmlError::Content),
    );
    refused(&format!("{good}<a/>"), E::Xml(XmlError::Syntax));
    refused(
        &good.replace("<md:EntitiesDescriptor", "<!DOCTYPE a><md:EntitiesDescriptor"),
        E::Xml(XmlError::DocumentType),
    );
}

#[test]
fn nothing_else_has_the_identifier_of_the_whole() {
    for hidden in [
        idp(IDP_ID, "", r#" ID="_whole""#),
        format!(r#"<md:Extensions><a xml:id="_whole"></a></md:Extensions>{}"#, idp(IDP_ID, "", "")),
        format!(r#"<md:EntitiesDescriptor id="&#95;whole">{}</md:EntitiesDescriptor>"#, idp(IDP_ID, "", "")),
    ] {
        let whole = Whole::new(&hidden);
        // Made by hand: the tree that makes signatures for these tests refuses it too.
        let digest = CRYPTO.digest(DigestAlgorithm::Sha256, whole.element("").as_bytes());
        let recipe = Recipe { digest_value: Some(b64(digest.as_ref())), ..Recipe::new("_whole") };
        let signed = Whole { recipe, ..whole }.signed();
        assert_eq!(names(&signed).unwrap_err(), E::Xml(XmlError::DuplicateId), "{hidden}");
    }
}

/// A signature that was taken from another document says nothing of what was put under it.
/// A declaration that is written once and used everywhere is repeated in the canonical form.
#[test]
fn a_canonical_form_that_grows_and_grows_is_given_up() {
    let elements = "<p:b>text of a few bytes</p:b>".repeat(4000);
    let mut whole = Whole::new(format!("<md:Extensions>{elements}</md:Extensions>{}", idp(IDP_ID, "", "")));
    whole.root.push_str(&format!(" xmlns:p=\"urn:{}\"", "x".repeat(250)));
    whole.recipe.digest_value = Some(b64(&[0; 32]));
    assert_eq!(load(&whole.signed()).unwrap_err(), E::Xml(XmlError::CanonicalTooLarge));
}

#[test]
fn a_signature_of_another_aggregate_is_found_out_at_the_end() {
    let (good, evil) = (Whole::new(idp(IDP_ID, "", "")), Whole::new(idp(OTHER_ID, "", "")));
    let signature = good.recipe.signature(&IDP, &good.element(""));
    assert_eq!(names(&evil.element(&signature)).unwrap_err(), E::Signature(SignatureError::Digest));
}

#[test]
fn what_is_wanted_is_kept_and_what_cannot_be_read_is_counted() {
    let large = format!("<md:Extensions><a>{}</a></md:Extensions>", "x".repeat(Limits::ENTITY.bytes));
    let oversized = idp("https://large.example", "", "")
        .replace("<md:IDPSSODescriptor", &format!("{large}<md:IDPSSODescriptor"));
    let broken =
        idp("https://broken.example", "", "").replace("https://idp.example/sso", "javascript:alert(1)");
    let content = [idp(IDP_ID, "", ""), oversized, broken, idp(OTHER_ID, "", "")].concat();
    let whole = Whole::new(&content);
    // It is canonical as it is written.
    let digest = CRYPTO.digest(DigestAlgorithm::Sha256, canonical(&whole).as_bytes());
    let recipe = Recipe { digest_value: Some(b64(digest.as_ref())), ..Recipe::new("_whole") };
    let text = Whole { recipe, ..whole }.signed();
    let loaded = load(&text).unwrap();
    assert_eq!(loaded.left_out, 2);
    assert_eq!(loaded.entities.len(), 2);
    let only = |names: &[&str]| {
        let trust = trust().with_only(names.iter().copied());
        let loaded = trust.load(&**CRYPTO, text.as_bytes(), None, NOW).unwrap();
        (loaded.entities.into_iter().map(|it| it.entity_id).collect::<Vec<_>>(), loaded.left_out)
    };
    assert_eq!(only(&[OTHER_ID, "https://nobody.example"]), (vec![OTHER_ID.to_owned()], 0));
    assert_eq!(only(&["https://large.example"]), (vec![], 1));
}

/// With the namespaces of the root as canonical XML sorts them: the default first, then by prefix.
fn canonical(whole: &Whole) -> String {
    let element = whole.element("");
    let mut limits = Limits::ENTITY;
    limits.bytes = element.len();
    let doc = Doc::parse(element.as_bytes(), limits).unwrap();
    canonicalize(doc.root().unwrap(), Canonical::default()).unwrap()
}

#[test]
fn groups_bring_their_namespaces_and_their_ends() {
    let bare = idp(IDP_ID, "", "").replace(&format!(r#" xmlns:md="{MD}""#), "");
    let group =
        |attributes: &str| format!("<md:EntitiesDescriptor{attributes}>{bare}</md:EntitiesDescriptor>");
    assert_eq!(names(&Whole::new(group("")).signed()).unwrap(), [IDP_ID]);
    let over: OffsetDateTime = NOW - Duration::days(1);
    let over = format!(r#" validUntil="{}""#, at(over));
    assert!(names(&Whole::new(group(&over)).signed()).unwrap().is_empty());
    let around = format!("<md:EntitiesDescriptor{over}>{}</md:EntitiesDescriptor>", group(""));
    assert!(names(&Whole::new(around).signed()).unwrap().is_empty(), "what stands in it is over too");
    let wide = format!(r#" Name="{}""#, "x".repeat(15_000));
    let deep = (0..5).fold(bare.clone(), |inner, _| {
        format!("<md:EntitiesDescriptor{wide}>{inner}</md:EntitiesDescriptor>")
    });
    assert_eq!(names(&Whole::new(deep).signed()).unwrap_err(), E::Xml(XmlError::TooLarge));
}
