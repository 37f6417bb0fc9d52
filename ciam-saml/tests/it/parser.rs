//! What the parser refuses, and how much it takes.

use ciam_saml::xml::{Doc, Limits, XmlError};
use proptest::prelude::*;

fn parse(text: &str) -> Result<Doc, XmlError> {
    Doc::parse(text.as_bytes(), Limits::MESSAGE)
}

#[test]
fn hostile_documents_are_refused_each_for_its_reason() {
    use XmlError as E;
    for (text, expected) in [
        ("", E::Syntax),
        ("  ", E::Syntax),
        ("text", E::Syntax),
        ("<a>", E::Syntax),
        ("<a></b>", E::Syntax),
        ("<a></a", E::Syntax),
        ("<a/><b/>", E::Syntax),
        ("<a/>x", E::Syntax),
        ("x<a/>", E::Syntax),
        ("<a/>&amp;", E::Syntax),
        ("<a b/>", E::Syntax),
        ("<a b=c/>", E::Syntax),
        ("<a b='c'd='e'/>", E::Syntax),
        ("<a b='<'/>", E::Syntax),
        ("<a b='1' b='2'/>", E::DuplicateAttribute),
        ("<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:b='2'/>", E::DuplicateAttribute),
        ("<a xmlns='urn:x' xmlns='urn:y'/>", E::DuplicateAttribute),
        ("<!DOCTYPE a><a/>", E::DocumentType),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", E::DocumentType),
        ("<a><!ELEMENT b></a>", E::DocumentType),
        ("<?pi x?><a/>", E::ProcessingInstruction),
        ("<a><?pi x?></a>", E::ProcessingInstruction),
        ("<a/><?pi x?>", E::ProcessingInstruction),
        (" <?xml version='1.0'?><a/>", E::ProcessingInstruction),
        ("<?xml version='1.1'?><a/>", E::Syntax),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", E::Encoding),
        ("<?xml version='1.0' encoding='UTF-16'?><a/>", E::Encoding),
        ("<?xml encoding='UTF-8'?><a/>", E::Syntax),
        ("\u{FEFF}<a/>", E::Encoding),
        ("<a>\u{0}</a>", E::Character),
        ("<a>\u{1b}</a>", E::Character),
        ("<a>\u{FFFE}</a>", E::Character),
        ("<a>&b;</a>", E::Reference),
        ("<a>&amp</a>", E::Reference),
        ("<a>&#0;</a>", E::Reference),
        ("<a>&#xD800;</a>", E::Reference),
        ("<a>&#x110000;</a>", E::Reference),
        ("<a>&#xFFFF;</a>", E::Reference),
        ("<a>&#+65;</a>", E::Reference),
        ("<a>&#x0000000041;</a>", E::Reference),
        ("<a b='&c;'/>", E::Reference),
        ("<a>]]></a>", E::Syntax),
        ("<a><![CDATA[x</a>", E::Syntax),
        ("<![CDATA[x]]><a/>", E::Syntax),
        ("<a><!-- -- --></a>", E::Syntax),
        ("<a><!-- --", E::Syntax),
        ("<p:a/>", E::UnboundPrefix),
        ("<a p:b='c'/>", E::UnboundPrefix),
        ("<xml:a/>", E::UnboundPrefix),
        ("<xmlns:a/>", E::UnboundPrefix),
        ("<:a/>", E::Syntax),
        ("<a:/>", E::Syntax),
        ("<a:b:c xmlns:a='urn:a'/>", E::Syntax),
        ("<1a/>", E::Syntax),
        ("< a/>", E::Syntax),
        ("<a xmlns:p=''/>", E::NamespaceName),
        ("<a xmlns:v='1'/>", E::NamespaceName),
        ("<a xmlns='relative/name'/>", E::NamespaceName),
        ("<a xmlns:p='urn:x&amp;y'/>", E::NamespaceName),
        ("<a xmlns:p='urn:x y'/>", E::NamespaceName),
        ("<a xmlns:xml='urn:x'/>", E::NamespaceName),
        ("<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", E::NamespaceName),
        ("<a xmlns:xmlns='urn:x'/>", E::NamespaceName),
        ("<a xmlns='http://www.w3.org/2000/xmlns/'/>", E::NamespaceName),
        ("<a xmlns:1='urn:x'/>", E::NamespaceName),
        ("<a ID='x'><b ID='x'/></a>", E::DuplicateId),
        ("<a ID='x'><b id='x'/></a>", E::DuplicateId),
        ("<a ID='x'><b Id='&#x78;'/></a>", E::DuplicateId),
        ("<a ID='x'><b xml:id='x'/></a>", E::DuplicateId),
        ("<a ID='x'><b AssertionID='x'/></a>", E::DuplicateId),
        ("<a ID='x' xmlns:p='urn:p' p:ID='x'/>", E::DuplicateId),
    ] {
        assert_eq!(parse(text).map(|_| ()), Err(expected), "{text:?}");
    }
    assert_eq!(Doc::parse(b"\xff\xfe<\0a\0/\0>\0", Limits::MESSAGE).unwrap_err(), E::Encoding);
    assert_eq!(Doc::parse(b"<a>\xc0\xaf</a>", Limits::MESSAGE).unwrap_err(), E::Encoding);
}

#[test]
fn what_is_not_hostile_is_read() {
    for (text, expected) in [
        (
            "<?xml version=\"1.0\" encoding='utf-8' standalone = 'no' ?>\r\n<!-- c --><a>x</a>\n<!-- d -->",
            "x",
        ),
        ("<a>x&lt;&#x41;&#66;&amp;y</a>", "x<AB&y"),
        ("<a>x\r\ny\rz&#13;</a>", "x\ny\nz\r"),
        ("<a>x<![CDATA[<&>]]>y</a>", "x<&>y"),
        ("<a>&amp;<![CDATA[1]]>2<![CDATA[]]>&#51;<![CDATA[4\r\n]]></a>", "&1234\n"),
        ("<a>é\u{10000}</a>", "é\u{10000}"),
        ("<a></a>", ""),
        ("<a ></a >", ""),
    ] {
        let doc = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(doc.root().unwrap().simple_text(), Ok(expected), "{text:?}");
    }
    let doc = parse("<a b='\tx\r\ny\n&#10;&quot;' c=\"'\"/>").unwrap();
    let root = doc.root().unwrap();
    assert_eq!(root.attribute("b"), Some(" x y \n\""));
    assert_eq!(root.attribute("c"), Some("'"));
}

#[test]
fn text_beside_a_comment_or_an_element_is_no_simple_text() {
    for text in ["<a>x<!-- -->y</a>", "<a><!-- --></a>", "<a>x<b/></a>", "<a><b/></a>"] {
        assert_eq!(parse(text).unwrap().root().unwrap().simple_text(), Err(XmlError::Content), "{text}");
    }
    for text in ["<a> x <b/></a>", "<a><b/>&#160;</a>", "<a><b/><![CDATA[x]]></a>"] {
        let doc = parse(text).unwrap();
        assert_eq!(doc.root().unwrap().only_children().map(|_| ()), Err(XmlError::Content), "{text}");
    }
}

#[test]
fn names_are_looked_at_with_their_namespace() {
    let doc =
        parse("<p:a xmlns:p='urn:1' xmlns='urn:2'><a/><p:a xmlns:p='urn:3'/><a xmlns=''/></p:a>").unwrap();
    let root = doc.root().unwrap();
    assert!(root.is("urn:1", "a"));
    let found: Vec<_> = root.children().map(|child| child.namespace().to_owned()).collect();
    assert_eq!(found, ["urn:2", "urn:3", ""]);
}

#[test]
fn every_limit_is_one() {
    use XmlError as E;
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let attributes = |count: usize| {
        let list: String = (0..count).map(|i| format!(" a{i}='long enough to count'")).collect();
        format!("<a{list}/>")
    };
    let namespaces = |count: usize| {
        let list: String = (0..count).map(|i| format!(" xmlns:a{i}='urn:a:{i}'")).collect();
        format!("<a{list}/>")
    };
    let nodes = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count));
    for (good, bad, expected) in [
        (nested(48), nested(49), E::Depth),
        (attributes(48), attributes(49), E::Attributes),
        (namespaces(32), namespaces(33), E::Namespaces),
        (nodes(100), nodes(1000), E::Nodes),
        (format!("<{}/>", "a".repeat(128)), format!("<{}/>", "a".repeat(129)), E::TooLong),
        (
            format!("<a b='{}'/>", "x".repeat(16 * 1024)),
            format!("<a b='{}'/>", "x".repeat(16 * 1024 + 1)),
            E::TooLong,
        ),
        (
            format!("<a xmlns='urn:{}'/>", "x".repeat(252)),
            format!("<a xmlns='urn:{}'/>", "x".repeat(253)),
            E::TooLong,
        ),
        (
            format!("<a>{}</a>", "x".repeat(256 * 1024 - 7)),
            format!("<a>{}</a>", "x".repeat(256 * 1024 - 6)),
            E::TooLarge,
        ),
    ] {
        assert_eq!(parse(&good).map(|_| ()), Ok(()), "{expected:?}");
        assert_eq!(parse(&bad).map(|_| ()), Err(expected));
    }
    // Namespaces that are in scope, not all that are declared: peers declare two for each attribute value.
    let siblings =
        format!("<a>{}</a>", "<b xmlns:x='urn:x' xmlns:y='urn:y'>text that is long</b>".repeat(200));
    parse(&siblings).unwrap();
}

/// Documents that cost other parsers seconds, each close to the limit of size.
pub(crate) fn floods() -> Vec<(&'static str, String)> {
    let deep = |n: usize, tag: &dyn Fn(usize) -> String| {
        let open: String = (0..n).map(tag).collect();
        open + &"</a>".repeat(n)
    };
    vec![
        ("nested, a namespace each", deep(8000, &|i| format!("<a xmlns:n{i}='urn:{i}'>"))),
        ("many namespaces on the parent, many children", {
            let list: String = (0..500).map(|i| format!(" xmlns:n{i}='urn:{i}'")).collect();
            format!("<a{list}>{}</a>", "<b xmlns:q='urn:q'/>".repeat(10_000))
        }),
        ("32 namespaces, prefixed attributes", {
            let list: String = (0..32).map(|i| format!(" xmlns:n{i}='urn:{i}'")).collect();
            format!("<a{list}>{}</a>", "<n0:b n0:c='' n0:d=''/>".repeat(10_000))
        }),
        ("attributes on one element", {
            let list: String = (0..20_000).map(|i| format!(" a{i}=''")).collect();
            format!("<a{list}/>")
        }),
        ("48 attributes on each element", {
            let list: String = (0..48).map(|i| format!(" a{i}=''")).collect();
            format!("<a>{}</a>", format!("<b{list}/>").repeat(600))
        }),
        ("empty elements", format!("<a>{}</a>", "<b/>".repeat(64_000))),
        ("nothing but opening", "<a>".repeat(85_000)),
        ("nothing but <", "<".repeat(256 * 1024)),
        ("references", format!("<a>{}</a>", "&amp;".repeat(50_000))),
        ("CDATA sections", format!("<a>{}</a>", "<![CDATA[x]]>".repeat(20_000))),
        ("CDATA and text by turns", format!("<a>{}</a>", "<![CDATA[x]]>&lt;yyyyyy".repeat(11_000))),
        ("comments", format!("<a>{}</a>", "<!-- x -->".repeat(26_000))),
        ("an unclosed comment", format!("<a><!--{}", "- ".repeat(120_000))),
        ("an unclosed quote", format!("<a b='{}", "x".repeat(250_000))),
        ("a long name", format!("<{}/>", "é".repeat(120_000))),
        (
            "identifiers",
            format!("<a>{}</a>", (0..11_000).map(|i| format!("<b ID='x{i}'/>")).collect::<String>()),
        ),
        ("one long text", format!("<a>{}</a>", "x".repeat(260_000))),
    ]
}

/// A debug build under load is no measure of time: that nothing is quadratic shows in a bound that is far from it.
#[test]
fn floods_cost_little_time_and_memory() {
    for (what, text) in floods() {
        let began = std::time::Instant::now();
        let result = parse(&text);
        let took = began.elapsed();
        if let Ok(doc) = &result {
            assert!(doc.memory() < 10 * text.len(), "{what}: {} bytes of {}", doc.memory(), text.len());
        }
        println!("{what:45} {:>7} bytes {took:>12?} {:?}", text.len(), result.map(|doc| doc.memory()));
        assert!(took.as_secs() < 5, "{what} took {took:?}");
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_memory_is_bounded(text in "[<>/a-c:='\" &#x;!\\[\\]CDAT?\r\n-]{0,200}") {
        if let Ok(doc) = parse(&text) {
            prop_assert!(doc.memory() < 64 * 300 + 10 * text.len());
        }
    }

    /// Whatever is read here is read in the same way by another parser.
    #[test]
    fn another_parser_reads_the_same(text in crate::c14n::document()) {
        let ours = parse(&text).unwrap();
        let theirs = roxmltree::Document::parse(&text).unwrap();
        let mut left = vec![(ours.root().unwrap(), theirs.root_element())];
        while let Some((one, other)) = left.pop() {
            prop_assert_eq!(one.local_name(), other.tag_name().name());
            prop_assert_eq!(one.namespace(), other.tag_name().namespace().unwrap_or(""));
            for attribute in other.attributes() {
                let value = one.attribute_in(attribute.namespace().unwrap_or(""), attribute.name());
                prop_assert_eq!(value, Some(attribute.value()));
            }
            let theirs: Vec<_> = other.children().filter(roxmltree::Node::is_element).collect();
            let ours: Vec<_> = one.children().collect();
            prop_assert_eq!(ours.len(), theirs.len());
            left.extend(ours.into_iter().zip(theirs));
            if let Ok(text) = one.simple_text() {
                prop_assert_eq!(text, other.text().unwrap_or(""));
            }
        }
    }
}
