//! [Exclusive XML canonicalization](https://www.w3.org/TR/xml-exc-c14n/), version 1.0.
//!
//! A walk over the arena without recursion, or over the tokens of a document that has no arena
//! ([`stream`](super::stream)): one writer for both. Documents with relative names of namespaces, which have no canonical
//! form, were refused by the parser.

use std::borrow::Cow;

use super::chars::{any, first};
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
    let mut writer = Writer::with_capacity(element.doc().source_length());
    let mut attributes = Vec::new();
    for (index, part) in element.walk() {
        if excluded.contains(&index) {
            continue;
        }
        writer.close_before(index);
        match part {
            Part::Element(inner) => {
                attributes.extend(inner.attributes().map(|it| Written {
                    namespace: it.namespace,
                    local: it.local,
                    prefix: it.prefix,
                    qualified: it.qualified,
                    value: Cow::Borrowed(it.value),
                }));
                let name = Tag {
                    qualified: inner.qualified_name(),
                    prefix: inner.prefix(),
                    namespace: inner.namespace(),
                    end: inner.end(),
                };
                let listed = inclusive(inner, &options, inner == element);
                writer.start(&name, &mut attributes, listed);
                attributes.clear();
            }
            Part::Text(text) => writer.text(text),
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

/// The declarations that have to be written here whether they are used or not.
fn inclusive<'d>(element: Element<'d>, options: &Canonical<'_>, apex: bool) -> Vec<(&'d str, &'d str)> {
    if options.inclusive.is_empty() {
        return Vec::new();
    }
    let listed = |prefix: &str| is_listed(options.inclusive, prefix);
    if apex {
        element.namespaces_in_scope().into_iter().filter(|(prefix, _)| listed(prefix)).collect()
    } else {
        element.declarations().filter(|(prefix, _)| listed(prefix)).collect()
    }
}

/// Whether a prefix is in a `PrefixList`.
pub(super) fn is_listed(list: &[impl AsRef<str>], prefix: &str) -> bool {
    let written = if prefix.is_empty() { "#default" } else { prefix };
    list.iter().any(|listed| listed.as_ref() == written)
}

/// Writes tags and texts in their canonical form.
#[derive(Debug)]
pub(super) struct Writer<'d> {
    pub(super) out: String,
    /// Declarations that were written and are in scope; later ones hide earlier ones.
    rendered: Vec<(&'d str, &'d str)>,
    open: Vec<Open<'d>>,
    needed: Vec<(&'d str, &'d str)>,
}

#[derive(Debug)]
struct Open<'d> {
    name: &'d str,
    end: usize,
    rendered: usize,
}

/// A name that is opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag<'d> {
    pub(super) qualified: &'d str,
    pub(super) prefix: &'d str,
    pub(super) namespace: &'d str,
    /// The number of the node before which it is closed.
    pub(super) end: usize,
}

/// An attribute that is written.
#[derive(Clone, Debug)]
pub(super) struct Written<'d> {
    pub(super) namespace: &'d str,
    pub(super) local: &'d str,
    pub(super) prefix: &'d str,
    pub(super) qualified: &'d str,
    pub(super) value: Cow<'d, str>,
}

impl<'d> Writer<'d> {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let out = String::with_capacity(bytes);
        Self { out, rendered: Vec::new(), open: Vec::new(), needed: Vec::new() }
    }

    /// Writes the end tags of what ends before this node.
    fn close_before(&mut self, index: usize) {
        while self.open.last().is_some_and(|open| open.end <= index) {
            self.close();
        }
    }

    /// Writes the end tag of what was opened last.
    pub(super) fn close(&mut self) {
        if let Some(open) = self.open.pop() {
            self.out.push_str("</");
            self.out.push_str(open.name);
            self.out.push('>');
            self.rendered.truncate(open.rendered);
        }
    }

    pub(super) fn start(
        &mut self,
        tag: &Tag<'d>,
        attributes: &mut [Written<'d>],
        inclusive: impl IntoIterator<Item = (&'d str, &'d str)>,
    ) {
        self.open.push(Open { name: tag.qualified, end: tag.end, rendered: self.rendered.len() });
        self.out.push('<');
        self.out.push_str(tag.qualified);
        self.need(tag.prefix, tag.namespace);
        for attribute in &*attributes {
            if !attribute.prefix.is_empty() && attribute.prefix != "xml" {
                self.need(attribute.prefix, attribute.namespace);
            }
        }
        for (prefix, namespace) in inclusive {
            self.need(prefix, namespace);
        }
        self.declarations();
        attributes
            .sort_unstable_by(|one, other| (one.namespace, one.local).cmp(&(other.namespace, other.local)));
        for attribute in &*attributes {
            self.out.push(' ');
            self.out.push_str(attribute.qualified);
            self.out.push_str("=\"");
            escape_attribute(&attribute.value, &mut self.out);
            self.out.push('"');
        }
        self.out.push('>');
    }

    pub(super) fn text(&mut self, text: &str) {
        escape_text(text, &mut self.out);
    }

    fn declarations(&mut self) {
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

    /// Notes a declaration, unless what is in scope in the output says the same.
    fn need(&mut self, prefix: &'d str, namespace: &'d str) {
        let current = self.rendered.iter().rev().find(|(known, _)| *known == prefix);
        let current = current.map_or("", |(_, namespace)| namespace);
        if current != namespace && !self.needed.iter().any(|(known, _)| *known == prefix) {
            self.needed.push((prefix, namespace));
        }
    }
}

pub(super) fn escape_text(text: &str, out: &mut String) {
    let special = |byte| (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == b'\r');
    escape(text, out, special, |byte| match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        _ => "&#xD;",
    });
}

pub(super) fn escape_attribute(text: &str, out: &mut String) {
    let spaces = |byte| (byte == b'\t') | (byte == b'\n') | (byte == b'\r');
    let special = |byte| (byte == b'&') | (byte == b'<') | (byte == b'"') | spaces(byte);
    escape(text, out, special, |byte| match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'"' => "&quot;",
        b'\t' => "&#x9;",
        b'\n' => "&#xA;",
        _ => "&#xD;",
    });
}

/// Appends a text, with what is special replaced. What is special is ASCII.
fn escape(
    text: &str,
    out: &mut String,
    special: impl Fn(u8) -> bool + Copy,
    replacement: impl Fn(u8) -> &'static str,
) {
    if !any(text.as_bytes(), special) {
        out.push_str(text);
        return;
    }
    let mut rest = text;
    while let Some(at) = first(rest.as_bytes(), special) {
        out.push_str(rest.get(..at).unwrap_or_default());
        out.push_str(replacement(rest.as_bytes().get(at).copied().unwrap_or_default()));
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    out.push_str(rest);
}
