//! The only way in which this crate makes XML: every value is escaped, and what is written is in canonical form.

use super::c14n::{escape_attribute, escape_text};
use super::chars::{is_allowed, is_ncname};

/// Writes elements. Prefixes are fixed names of this crate's own, values are anybody's.
///
/// ```
/// use ciam_saml::xml::XmlWriter;
///
/// let mut xml = XmlWriter::new();
/// xml.open("saml:AttributeValue", &[("xmlns:saml", "urn:oasis:names:tc:SAML:2.0:assertion")]);
/// xml.text("</saml:AttributeValue>");
/// xml.close();
/// assert!(xml.finish().contains("&lt;/saml:AttributeValue&gt;"));
/// ```
#[derive(Debug, Default)]
pub struct XmlWriter {
    out: String,
    open: Vec<&'static str>,
}

impl XmlWriter {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens an element. Write declarations first, sorted by prefix, then attributes, sorted by name, and what is written
    /// is canonical.
    ///
    /// # Security
    ///
    /// Names are the program's, which is why they are `'static`; values are escaped, and characters that XML has no place
    /// for are replaced by U+FFFD.
    pub fn open(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        debug_assert!(name.split(':').all(is_ncname), "{name}");
        self.out.push('<');
        self.out.push_str(name);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape_attribute(&allowed(value), &mut self.out);
            self.out.push('"');
        }
        self.out.push('>');
        self.open.push(name);
    }

    /// Writes text.
    pub fn text(&mut self, text: &str) {
        escape_text(&allowed(text), &mut self.out);
    }

    /// Closes the element that was opened last.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
    }

    /// An element with nothing but text.
    pub fn leaf(&mut self, name: &'static str, attributes: &[(&'static str, &str)], text: &str) {
        self.open(name, attributes);
        self.text(text);
        self.close();
    }

    /// Appends XML that this crate has written before: a signature, an encrypted element, an assertion.
    pub(crate) fn raw(&mut self, xml: &str) {
        self.out.push_str(xml);
    }

    /// How much has been written: where a signature goes.
    pub(crate) const fn position(&self) -> usize {
        self.out.len()
    }

    /// Everything, with what is still open closed.
    #[must_use]
    pub fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }
}

fn allowed(text: &str) -> std::borrow::Cow<'_, str> {
    if text.chars().all(is_allowed) {
        return text.into();
    }
    text.chars().map(|c| if is_allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}
