//! Exclusive canonicalization, against known forms and against lxml.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use ciam_saml::xml::{Canonical, Doc, Limits, XmlError, canonicalize};
use proptest::prelude::*;

fn canonical(text: &str) -> String {
    let doc = Doc::parse(text.as_bytes(), Limits::MESSAGE).unwrap();
    canonicalize(doc.root().unwrap(), Canonical::default()).unwrap()
}

/// [Exclusive XML canonicalization, section 2.2](https://www.w3.org/TR/xml-exc-c14n/#sec-Enveloping).
#[test]
fn exc_c14n_2_2_the_context_of_an_enveloped_document_does_not_count() {
    let alone = r#"<n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff></n1:elem2>"#;
    for around in [
        r#"<n0:pdu xmlns:n0="http://a.example" xmlns:n1="http://example.net" xml:space="preserve"><n1:elem2 xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n0:pdu>"#,
        r#"<n2:pdu xmlns:n1="http://example.com" xmlns:n2="http://foo.example" xml:lang="fr" xml:space="retain"><n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n2:pdu>"#,
    ] {
        let doc = Doc::parse(around.as_bytes(), Limits::MESSAGE).unwrap();
        let inner = doc.root().unwrap().children().next().unwrap();
        assert_eq!(canonicalize(inner, Canonical::default()).unwrap(), alone);
    }
}

#[test]
fn characters_and_order_are_canonical() {
    for (text, expected) in [
        ("<?xml version='1.0'?><!-- x --><a/>", "<a></a>"),
        ("<a  b = '1'   a= \"2\"  />", r#"<a a="2" b="1"></a>"#),
        (
            "<a xmlns:p='urn:z' xmlns:q='urn:b' q:a='1' p:a='2' z='3'/>",
            r#"<a xmlns:p="urn:z" xmlns:q="urn:b" z="3" q:a="1" p:a="2"></a>"#,
        ),
        ("<a>&gt;&lt;&amp;&quot;&#13;\r\n'</a>", "<a>&gt;&lt;&amp;\"&#xD;\n'</a>"),
        ("<a b='&gt;&lt;&amp;&quot;&#13;&#10;&#9;\t'/>", r#"<a b=">&lt;&amp;&quot;&#xD;&#xA;&#x9; "></a>"#),
        ("<a><![CDATA[<&>]]></a>", "<a>&lt;&amp;&gt;</a>"),
        ("<a>x<!-- c -->y</a>", "<a>xy</a>"),
        ("<a xmlns='urn:a'><b xmlns=''/></a>", r#"<a xmlns="urn:a"><b xmlns=""></b></a>"#),
        ("<a xmlns=''/>", "<a></a>"),
        (
            "<a xmlns:u='urn:u'><u:b/><u:b><u:c/></u:b></a>",
            r#"<a><u:b xmlns:u="urn:u"></u:b><u:b xmlns:u="urn:u"><u:c></u:c></u:b></a>"#,
        ),
        ("<a>\u{e9}\u{65}\u{301}</a>", "<a>\u{e9}\u{65}\u{301}</a>"),
    ] {
        assert_eq!(canonical(text), expected, "{text}");
    }
}

#[test]
fn listed_prefixes_are_inclusive() {
    let text = "<p:a xmlns:p='urn:p' xmlns:q='urn:q' xmlns='urn:d' xmlns:r='urn:r'><p:b><p:c xmlns:q='urn:q2'/></p:b></p:a>";
    let doc = Doc::parse(text.as_bytes(), Limits::MESSAGE).unwrap();
    let inner = doc.root().unwrap().children().next().unwrap();
    let listed = ["q", "#default", "unknown", "q"];
    let canonical = canonicalize(inner, Canonical::default().with_inclusive(&listed)).unwrap();
    let expected = r#"<p:b xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:q"><p:c xmlns:q="urn:q2"></p:c></p:b>"#;
    assert_eq!(canonical, expected);
}

#[test]
fn an_excluded_subtree_is_left_out_and_nothing_else() {
    let doc = Doc::parse(b"<a>1<b>2<c/></b>3<d/></a>", Limits::MESSAGE).unwrap();
    let root = doc.root().unwrap();
    let out = root.children().next().unwrap();
    assert_eq!(canonicalize(root, Canonical::default().without(out)).unwrap(), "<a>13<d></d></a>");
}

#[test]
fn repeated_declarations_do_not_blow_up() {
    let uri = format!("urn:{}", "x".repeat(240));
    let text = format!(
        "<a xmlns:p='{uri}'>{}</a>",
        "<p:b>long enough to be more than a few bytes</p:b>".repeat(4000)
    );
    let doc = Doc::parse(text.as_bytes(), Limits::MESSAGE).unwrap();
    let result = canonicalize(doc.root().unwrap(), Canonical::default());
    assert_eq!(result, Err(XmlError::CanonicalTooLarge));
}

proptest! {
    #[test]
    fn the_canonical_form_is_its_own(text in document()) {
        let once = canonical(&text);
        prop_assert_eq!(canonical(&once), once);
    }
}

/// The documents that are compared with lxml.
const COMPARED: u64 = 12_000;

#[test]
fn lxml_writes_the_same() {
    let python = crate::peers::python();
    let there = Command::new(&python).args(["-c", "import lxml.etree"]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "python3 with lxml is required");
        crate::peers::skipped("canonical forms are not compared with lxml, which is not installed");
        return;
    }
    let documents: Vec<String> = (0..COMPARED).map(|seed| Generator::new(seed).document()).collect();
    let mut child =
        Command::new(python).args(["-c", LXML]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = documents.join("\0");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let theirs = String::from_utf8(output.stdout).unwrap();
    let theirs: Vec<&str> = theirs.split('\0').collect();
    assert_eq!(theirs.len(), documents.len() * 4);
    for (text, theirs) in documents.iter().zip(theirs.chunks(4)) {
        let doc = Doc::parse(text.as_bytes(), Limits::MESSAGE).unwrap();
        let root = doc.root().unwrap();
        let inner = root.children().next().unwrap_or(root);
        let listed = ["a", "d"];
        let ours = [
            canonicalize(root, Canonical::default()),
            canonicalize(root, Canonical::default().with_comments()),
            canonicalize(root, Canonical::default().with_inclusive(&listed)),
            canonicalize(inner, Canonical::default()),
        ];
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            assert_eq!(ours.unwrap(), *theirs, "{text}");
        }
    }
    println!("{} documents in 4 forms each are as lxml writes them", documents.len());
}

const LXML: &str = r"
import sys
from lxml import etree
out = []
for text in sys.stdin.buffer.read().split(b'\0'):
    root = etree.fromstring(text)
    inner = next((e for e in root if isinstance(e.tag, str)), root)
    c14n = lambda e, **kw: etree.tostring(e, method='c14n', exclusive=True, with_tail=False, **kw)
    out.append(c14n(root, with_comments=False))
    out.append(c14n(root, with_comments=True))
    # lxml passes over prefixes that are not in the document, and '#default' is in none.
    out.append(c14n(root, with_comments=False, inclusive_ns_prefixes=['a', 'd']))
    out.append(c14n(inner, with_comments=False))
sys.stdout.buffer.write(b'\0'.join(out))
";

/// A well-formed document with namespaces, comments and all kinds of text.
pub(crate) fn document() -> impl Strategy<Value = String> {
    any::<u64>().prop_map(|seed| Generator::new(seed).document())
}

struct Generator {
    state: u64,
    out: String,
    scope: Vec<(&'static str, &'static str)>,
    budget: usize,
}

impl Generator {
    fn new(seed: u64) -> Self {
        let state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
        Self { state, out: String::new(), scope: vec![("", "")], budget: 14 }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % limit as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn namespace_of(&self, prefix: &str) -> Option<&'static str> {
        self.scope.iter().rev().find(|(known, _)| *known == prefix).map(|(_, namespace)| *namespace)
    }

    fn document(mut self) -> String {
        self.element(0);
        self.out
    }

    fn element(&mut self, depth: usize) {
        let outer = self.scope.len();
        let mut declarations = String::new();
        let mut declared: Vec<&str> = Vec::new();
        for _ in 0..self.below(4) {
            let prefix = self.pick(&["", "a", "b", "c", "d"]);
            if declared.contains(&prefix) {
                continue;
            }
            declared.push(prefix);
            let mut namespace = self.pick(&["urn:1", "urn:2", "http://x.example/y?z", "urn:B"]);
            if prefix.is_empty() && self.below(4) == 0 {
                namespace = "";
            }
            let colon = if prefix.is_empty() { "" } else { ":" };
            write!(declarations, " xmlns{colon}{prefix}='{namespace}'").unwrap();
            self.scope.push((prefix, namespace));
        }
        let prefix = self.prefix();
        let local = self.pick(&["e", "f", "Z", "g-h", "é"]);
        let name = if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") };
        let attributes = self.attributes();
        if self.below(2) == 0 {
            write!(self.out, "<{name}{declarations}{attributes}").unwrap();
        } else {
            write!(self.out, "<{name}{attributes}\n {declarations}").unwrap();
        }
        if depth > 5 || self.budget == 0 || self.below(5) == 0 {
            self.out.push_str("/>");
        } else {
            self.out.push('>');
            for _ in 0..self.below(5) {
                self.budget = self.budget.saturating_sub(1);
                match self.below(3) {
                    0 => self.text(),
                    _ if self.budget > 0 => self.element(depth + 1),
                    _ => self.text(),
                }
            }
            write!(self.out, "</{name}>").unwrap();
        }
        self.scope.truncate(outer);
    }

    fn prefix(&mut self) -> &'static str {
        let prefix = self.pick(&["", "a", "b", "c", "d"]);
        if self.namespace_of(prefix).is_some() { prefix } else { "" }
    }

    fn attributes(&mut self) -> String {
        let mut out = String::new();
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for _ in 0..self.below(4) {
            let prefix = self.prefix();
            let local = self.pick(&["x", "y", "Xx", "n1"]);
            let namespace = if prefix.is_empty() { "" } else { self.namespace_of(prefix).unwrap() };
            if seen.contains(&(namespace, local)) {
                continue;
            }
            seen.push((namespace, local));
            let name = if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") };
            let value = self.pick(&["", "v", "&lt;&amp;&quot;>'", "&#9;&#10;&#13;", "a\tb\nc", "é", "  x  "]);
            write!(out, " {name} = \"{value}\"").unwrap();
        }
        if self.below(8) == 0 {
            out.push_str(" xml:lang='en'");
        }
        out
    }

    fn text(&mut self) {
        let text = self.pick(&[
            "x",
            "&lt;&gt;&amp;&quot;",
            "&#13;\r\n\t",
            "<![CDATA[<&]]>",
            "<![CDATA[]]>",
            "<!-- c -->",
            "é\u{10400}",
            "  ",
            "a<![CDATA[\r\n]]>b&#x41;",
        ]);
        self.out.push_str(text);
    }
}
