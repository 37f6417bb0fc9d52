//! Canonical forms of documents that are too large for a tree: token by token, from the one parser to the one writer.

use std::borrow::Cow;

use super::c14n::{Tag, Writer, Written, is_listed};
use super::chars::{decode, needs_decoding};
use super::reader::{Reader, Token};
use super::tree::is_identifier;
use super::{Limits, XmlError};

/// Reads a document once, from its beginning to its end, and writes what it reads in canonical form.
///
/// What is written stays in a buffer until it is cleared: memory is that of the names that are open, and of what was not
/// cleared.
#[derive(Debug)]
pub(crate) struct Stream<'a> {
    reader: Reader<'a>,
    source: &'a [u8],
    writer: Writer<'a>,
    attributes: Vec<Written<'a>>,
    /// The `PrefixList` of `InclusiveNamespaces`.
    inclusive: Vec<String>,
    decoded: String,
    at: usize,
}

/// What a step has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// An element begins; its name and attributes are there until the next step.
    Start,
    /// An element ends.
    End,
    /// Text that is more than white space.
    Text,
    /// White space, or a comment.
    Nothing,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(source: &'a [u8], limits: Limits) -> Result<Self, XmlError> {
        Ok(Self {
            reader: Reader::new(source, limits)?,
            source,
            writer: Writer::with_capacity(0),
            attributes: Vec::new(),
            inclusive: Vec::new(),
            decoded: String::new(),
            at: 0,
        })
    }

    /// Reads the next token, and writes nothing. `None` at the end of a whole document.
    pub(crate) fn next(&mut self) -> Result<Option<(Step, Token<'a>)>, XmlError> {
        self.at = self.reader.position();
        let Some(token) = self.reader.next()? else { return Ok(None) };
        let step = match token {
            Token::Start => {
                self.read_attributes()?;
                Step::Start
            }
            Token::End => Step::End,
            Token::Comment(_) => Step::Nothing,
            Token::Text(text) => {
                if needs_decoding(text, false) {
                    self.decoded.clear();
                    decode(text, false, &mut self.decoded)?;
                    blank(&self.decoded)
                } else {
                    blank(text)
                }
            }
            Token::Cdata(text) => blank(text),
        };
        Ok(Some((step, token)))
    }

    fn read_attributes(&mut self) -> Result<(), XmlError> {
        self.attributes.clear();
        for attribute in self.reader.attributes() {
            let value = if needs_decoding(attribute.value, true) {
                let mut value = String::with_capacity(attribute.value.len());
                decode(attribute.value, true, &mut value)?;
                Cow::Owned(value)
            } else {
                Cow::Borrowed(attribute.value)
            };
            let name = attribute.name;
            self.attributes.push(Written {
                namespace: name.namespace,
                local: name.local,
                prefix: name.prefix,
                qualified: name.qualified,
                value,
            });
        }
        Ok(())
    }

    /// Whether the element that begins has this name in this namespace.
    pub(crate) fn is(&self, namespace: &str, local: &str) -> bool {
        let name = self.reader.name();
        name.local == local && name.namespace == namespace
    }

    /// The value of an attribute without a namespace, of the element that begins.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let plain = |it: &&Written<'_>| it.local == name && it.namespace.is_empty();
        self.attributes.iter().find(plain).map(|it| &*it.value)
    }

    /// Whether the element that begins has an identifier of this value, however it is spelled.
    pub(crate) fn has_identifier(&self, value: &str) -> bool {
        self.attributes.iter().any(|it| is_identifier(it.local) && it.value == value)
    }

    /// The element's name as it is written.
    pub(crate) fn qualified(&self) -> &'a str {
        self.reader.name().qualified
    }

    /// Sets which prefixes are treated inclusively, before anything is written.
    pub(crate) fn set_inclusive(&mut self, prefixes: Vec<String>) {
        self.inclusive = prefixes;
    }

    /// Keeps the tag of the element that begins, to be [written](Self::write_start) later.
    pub(crate) fn start(&self) -> Start<'a> {
        let declarations = self.reader.declarations().iter().map(|it| (it.prefix, it.namespace)).collect();
        Start { tag: self.tag(), attributes: self.attributes.clone(), declarations }
    }

    fn tag(&self) -> Tag<'a> {
        let name = self.reader.name();
        Tag { qualified: name.qualified, prefix: name.prefix, namespace: name.namespace, end: usize::MAX }
    }

    /// Writes a tag that was kept.
    pub(crate) fn write_start(&mut self, mut start: Start<'a>) {
        let inclusive = &self.inclusive;
        let listed = start.declarations.into_iter().filter(|(prefix, _)| is_listed(inclusive, prefix));
        self.writer.start(&start.tag, &mut start.attributes, listed);
    }

    /// Writes the token that was read last.
    pub(crate) fn write(&mut self, token: Token<'a>) {
        match token {
            Token::Start => {
                let tag = self.tag();
                let inclusive = &self.inclusive;
                let listed = self.reader.declarations().iter().filter(|it| is_listed(inclusive, it.prefix));
                let listed = listed.map(|it| (it.prefix, it.namespace));
                self.writer.start(&tag, &mut self.attributes, listed);
            }
            Token::End => self.writer.close(),
            Token::Comment(_) => {}
            Token::Text(text) if needs_decoding(text, false) => {
                // It was read, so it can be.
                self.decoded.clear();
                let _read = decode(text, false, &mut self.decoded);
                self.writer.text(&self.decoded);
            }
            Token::Text(text) => self.writer.text(text),
            Token::Cdata(text) if text.contains('\r') => {
                self.writer.text(&text.replace("\r\n", "\n").replace('\r', "\n"));
            }
            Token::Cdata(text) => self.writer.text(text),
        }
    }

    /// What was written and not taken.
    pub(crate) fn written(&self) -> &str {
        &self.writer.out
    }

    /// Forgets what was written.
    pub(crate) fn clear(&mut self) {
        self.writer.out.clear();
    }

    /// Where the token that was read last begins in the source.
    pub(crate) const fn begin(&self) -> usize {
        self.at
    }

    /// Where the next token begins.
    pub(crate) const fn position(&self) -> usize {
        self.reader.position()
    }

    /// A piece of the source.
    pub(crate) fn piece(&self, begin: usize, end: usize) -> &'a [u8] {
        self.source.get(begin..end).unwrap_or_default()
    }
}

/// A tag that is kept.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    tag: Tag<'a>,
    attributes: Vec<Written<'a>>,
    declarations: Vec<(&'a str, &'a str)>,
}

fn blank(text: &str) -> Step {
    if super::chars::is_blank(text) { Step::Nothing } else { Step::Text }
}
