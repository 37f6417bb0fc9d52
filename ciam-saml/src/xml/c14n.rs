//! [Exclusive XML canonicalization](https://www.w3.org/TR/xml-exc-c14n/), version 1.0.
//!
//! A walk over the arena without recursion. Documents with relative names of namespaces, which have no canonical form,
//! were refused by the parser.

use super::tree::Part;
use super::{Element, XmlError};

/// What to leave out, and what to write more than is used.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Canonical<'p> {
    /// Whether comments stay. They do not in signatures of SAML.
    pub comments: bool,
    /// The `PrefixList` of `InclusiveNamespaces`; `#default` is the default namespace.
    pub inclusive: &'p [&'p str],
    /// An element inside that is left out: the signature, for the enveloped transform.
    pub without: Option<Element<'p>>,
}

impl<'p> Canonical<'p> {
    /// Leaves an element out.
    #[must_use]
    pub const fn without(mut self, element: Element<'p>) -> Self {
        self.without = Some(element);
        self
    }

    /// Treats these prefixes inclusively.
    #[must_use]
    pub const fn with_inclusive(mut self, prefixes: &'p [&'p str]) -> Self {
        self.inclusive = prefixes;
        self
    }

    /// Keeps comments.
    #[must_use]
    pub const fn with_comments(mut self) -> Self {
        self.comments = true;
        self
    }
}

/// Writes an element in its canonical form.
///
/// ```
/// use ciam_saml::xml::{Canonical, Doc, Limits, canonicalize};
///
/// let doc = Doc::parse(b"<a:b  xmlns:a='urn:a' xmlns:c='urn:c' z='1'\n a='2'/>", Limits::MESSAGE)?;
/// let text = canonicalize(doc.root()?, Canonical::default())?;
/// assert_eq!(text, r#"<a:b xmlns:a="urn:a" a="2" z="1"></a:b>"#);
/// # Ok::<(), ciam_saml::xml::XmlError>(())
/// ```
///
/// # Errors
///
/// Fails when the canonical form is more than four times as large as the document, and 64 KiB: declarations that are
/// written once and used in many places are repeated in each.
pub fn canonicalize(element: Element<'_>, options: Canonical<'_>) -> Result<String, XmlError> {
    let limit = 64 * 1024 + element.doc().source_length().saturating_mul(4);
    let excluded = options.without.map_or(0..0, |out| out.index()..out.end());
    let mut writer = Writer {
        out: String::with_capacity(element.doc().source_length()),
        rendered: Vec::new(),
        open: Vec::new(),
        needed: Vec::new(),
        options,
    };
    for (index, part) in element.walk() {
        if excluded.contains(&index) {
            continue;
        }
        writer.close_before(index);
        match part {
            Part::Element(inner) => writer.start(inner, inner == element),
            Part::Text(text) => escape_text(text, &mut writer.out),
            Part::Comment(text) if options.comments => {
                writer.out.push_str("<!--");
                writer.out.push_str(text);
                writer.out.push_str("-->");
            }
            Part::Comment(_) => {}
        }
        if writer.out.len() > limit {
            return Err(XmlError::CanonicalTooLarge);
        }
    }
    writer.close_before(usize::MAX);
    Ok(writer.out)
}

struct Writer<'d, 'p> {
    out: String,
    /// Declarations that were written and are in scope; later ones hide earlier ones.
    rendered: Vec<(&'d str, &'d str)>,
    open: Vec<Open<'d>>,
    needed: Vec<(&'d str, &'d str)>,
    options: Canonical<'p>,
}

struct Open<'d> {
    name: &'d str,
    end: usize,
    rendered: usize,
}

impl<'d> Writer<'d, '_> {
    /// Writes the end tags of what ends before this node.
    fn close_before(&mut self, index: usize) {
        while let Some(open) = self.open.last().filter(|open| open.end <= index) {
            self.out.push_str("</");
            self.out.push_str(open.name);
            self.out.push('>');
            self.rendered.truncate(open.rendered);
            self.open.pop();
        }
    }

    fn start(&mut self, element: Element<'d>, apex: bool) {
        let name = element.qualified_name();
        self.open.push(Open { name, end: element.end(), rendered: self.rendered.len() });
        self.out.push('<');
        self.out.push_str(name);
        self.declarations(element, apex);
        self.attributes(element);
        self.out.push('>');
    }

    fn declarations(&mut self, element: Element<'d>, apex: bool) {
        self.needed.clear();
        self.need(element.prefix(), element.namespace());
        for attribute in element.attributes() {
            if !attribute.prefix.is_empty() && attribute.prefix != "xml" {
                self.need(attribute.prefix, attribute.namespace);
            }
        }
        if !self.options.inclusive.is_empty() {
            self.inclusive(element, apex);
        }
        self.needed.sort_unstable();
        for (prefix, namespace) in self.needed.drain(..) {
            self.out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            self.out.push_str(prefix);
            self.out.push_str("=\"");
            escape_attribute(namespace, &mut self.out);
            self.out.push('"');
            self.rendered.push((prefix, namespace));
        }
    }

    fn inclusive(&mut self, element: Element<'d>, apex: bool) {
        let listed = |prefix: &str| {
            let written = if prefix.is_empty() { "#default" } else { prefix };
            self.options.inclusive.contains(&written)
        };
        let scope: Vec<(&str, &str)> = if apex {
            element.namespaces_in_scope().into_iter().filter(|(prefix, _)| listed(prefix)).collect()
        } else {
            element.declarations().filter(|(prefix, _)| listed(prefix)).collect()
        };
        for (prefix, namespace) in scope {
            self.need(prefix, namespace);
        }
    }

    /// Notes a declaration, unless what is in scope in the output says the same.
    fn need(&mut self, prefix: &'d str, namespace: &'d str) {
        let current = self.rendered.iter().rev().find(|(known, _)| *known == prefix);
        let current = current.map_or("", |(_, namespace)| namespace);
        if current != namespace && !self.needed.iter().any(|(known, _)| *known == prefix) {
            self.needed.push((prefix, namespace));
        }
    }

    fn attributes(&mut self, element: Element<'d>) {
        let mut attributes: Vec<_> = element.attributes().collect();
        attributes
            .sort_unstable_by(|one, other| (one.namespace, one.local).cmp(&(other.namespace, other.local)));
        for attribute in attributes {
            self.out.push(' ');
            self.out.push_str(attribute.qualified);
            self.out.push_str("=\"");
            escape_attribute(attribute.value, &mut self.out);
            self.out.push('"');
        }
    }
}

pub(super) fn escape_text(text: &str, out: &mut String) {
    escape(text, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

pub(super) fn escape_attribute(text: &str, out: &mut String) {
    escape(text, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

fn escape(text: &str, out: &mut String, replacement: impl Fn(u8) -> Option<&'static str>) {
    let mut rest = text;
    while let Some((at, with)) =
        rest.bytes().enumerate().find_map(|(at, byte)| Some((at, replacement(byte)?)))
    {
        out.push_str(rest.get(..at).unwrap_or_default());
        out.push_str(with);
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    out.push_str(rest);
}
