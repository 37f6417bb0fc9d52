//! The bounded tree: an arena in document order, with values that point into the source where they can.

use std::fmt;

use super::chars::{decode, is_blank, needs_decoding};
use super::reader::{Binding, Reader, Token, XML_NAMESPACE};
use super::{Limits, XmlError};

/// A document that was read within limits. It says nothing about who wrote it.
#[derive(Clone)]
pub struct Doc {
    source: Box<str>,
    /// Values that are not written as they read, one after the other.
    decoded: String,
    nodes: Vec<Node>,
    attributes: Vec<AttributeRecord>,
    pub(super) declarations: Vec<DeclarationRecord>,
}

/// A piece of the source, or of what was decoded.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    length: u32,
    decoded: bool,
}

#[derive(Clone, Copy)]
struct Node {
    kind: Kind,
    /// The qualified name of an element, the value of a text or comment.
    text: Span,
    prefix: u8,
    binding: Binding,
    attributes: (u32, u8),
    declarations: (u32, u8),
    parent: u32,
    /// The node after the last one inside this.
    end: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Element,
    Text,
    Comment,
}

#[derive(Clone, Copy)]
struct AttributeRecord {
    name: Span,
    prefix: u8,
    binding: Binding,
    value: Span,
}

#[derive(Clone, Copy)]
pub(super) struct DeclarationRecord {
    prefix: Span,
    namespace: Span,
}

impl Doc {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// Fails when the document is not well-formed, holds what is never allowed, or passes a limit.
    pub fn parse(bytes: &[u8], limits: Limits) -> Result<Self, XmlError> {
        let mut reader = Reader::new(bytes, limits)?;
        let mut builder = Builder::new(reader.source());
        while let Some(token) = reader.next()? {
            builder.take(&reader, token)?;
        }
        builder.finish()
    }

    /// The document's element.
    ///
    /// # Errors
    ///
    /// Never for a document that was read.
    pub fn root(&self) -> Result<Element<'_>, XmlError> {
        let index = self.nodes.iter().position(|node| node.kind == Kind::Element).ok_or(XmlError::Syntax)?;
        Ok(Element { doc: self, index })
    }

    /// How many bytes the document had.
    #[must_use]
    pub fn source_length(&self) -> usize {
        self.source.len()
    }

    /// How many bytes of memory the tree takes, the source included.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.source.len()
            + self.decoded.capacity()
            + self.nodes.capacity() * size_of::<Node>()
            + self.attributes.capacity() * size_of::<AttributeRecord>()
            + self.declarations.capacity() * size_of::<DeclarationRecord>()
    }

    fn text(&self, span: Span) -> &str {
        let from: &str = if span.decoded { &self.decoded } else { &self.source };
        from.get(span.start as usize..(span.start + span.length) as usize).unwrap_or_default()
    }

    fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    fn namespace(&self, binding: Binding) -> &str {
        match binding {
            Binding::None => "",
            Binding::Xml => XML_NAMESPACE,
            Binding::Declared(number) => {
                self.declarations.get(number as usize).map_or("", |record| self.text(record.namespace))
            }
        }
    }

    /// The values of all attributes that some schema or some parser takes for an identifier.
    fn identifiers(&self) -> Vec<&str> {
        self.attributes
            .iter()
            .filter(|record| is_identifier(self.local(record.name, record.prefix)))
            .map(|record| self.text(record.value))
            .collect()
    }

    fn local(&self, name: Span, prefix: u8) -> &str {
        let skip = if prefix == 0 { 0 } else { usize::from(prefix) + 1 };
        self.text(name).get(skip..).unwrap_or_default()
    }
}

impl fmt::Debug for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Doc({} bytes, {} nodes)", self.source.len(), self.nodes.len())
    }
}

pub(super) fn is_identifier(local: &str) -> bool {
    ["id", "assertionid", "requestid", "responseid"].iter().any(|name| local.eq_ignore_ascii_case(name))
}

/// An element of a [`Doc`].
#[derive(Clone, Copy)]
pub struct Element<'d> {
    doc: &'d Doc,
    index: usize,
}

impl<'d> Element<'d> {
    fn node(&self) -> Option<&'d Node> {
        self.doc.node(self.index)
    }

    /// The document.
    #[must_use]
    pub const fn doc(&self) -> &'d Doc {
        self.doc
    }

    /// The name as it is written, prefix included.
    #[must_use]
    pub fn qualified_name(&self) -> &'d str {
        self.node().map_or("", |node| self.doc.text(node.text))
    }

    /// The name without its prefix.
    #[must_use]
    pub fn local_name(&self) -> &'d str {
        self.node().map_or("", |node| self.doc.local(node.text, node.prefix))
    }

    /// The namespace; empty for none.
    #[must_use]
    pub fn namespace(&self) -> &'d str {
        self.node().map_or("", |node| self.doc.namespace(node.binding))
    }

    pub(super) fn prefix(&self) -> &'d str {
        let node = self.node();
        node.and_then(|node| self.doc.text(node.text).get(..usize::from(node.prefix))).unwrap_or_default()
    }

    /// Whether it has this name in this namespace.
    #[must_use]
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.local_name() == local && self.namespace() == namespace
    }

    /// The value of an attribute without a namespace.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'d str> {
        self.attribute_in("", name)
    }

    /// The value of an attribute in a namespace.
    #[must_use]
    pub fn attribute_in(&self, namespace: &str, local: &str) -> Option<&'d str> {
        self.attributes()
            .find(|attribute| attribute.local == local && attribute.namespace == namespace)
            .map(|attribute| attribute.value)
    }

    /// Whether every attribute is one of these, without a namespace.
    pub(crate) fn has_only_attributes(&self, names: &[&str]) -> bool {
        self.attributes().all(|attribute| attribute.namespace.is_empty() && names.contains(&attribute.local))
    }

    pub(super) fn attributes(&self) -> impl Iterator<Item = AttributeView<'d>> + use<'d> {
        let doc = self.doc;
        let (first, count) = self.node().map_or((0, 0), |node| node.attributes);
        let first = first as usize;
        let records = doc.attributes.get(first..first + usize::from(count)).unwrap_or_default();
        records.iter().map(move |record| AttributeView {
            qualified: doc.text(record.name),
            prefix: doc.text(record.name).get(..usize::from(record.prefix)).unwrap_or_default(),
            local: doc.local(record.name, record.prefix),
            namespace: doc.namespace(record.binding),
            value: doc.text(record.value),
        })
    }

    /// The element's own declarations: prefix and namespace.
    pub(super) fn declarations(&self) -> impl Iterator<Item = (&'d str, &'d str)> + use<'d> {
        let doc = self.doc;
        let (first, count) = self.node().map_or((0, 0), |node| node.declarations);
        let first = first as usize;
        let records = doc.declarations.get(first..first + usize::from(count)).unwrap_or_default();
        records.iter().map(move |record| (doc.text(record.prefix), doc.text(record.namespace)))
    }

    /// The namespaces that are in scope here, each prefix once.
    pub(crate) fn namespaces_in_scope(&self) -> Vec<(&'d str, &'d str)> {
        let mut found: Vec<(&str, &str)> = Vec::new();
        let mut at = Some(*self);
        while let Some(element) = at {
            for (prefix, namespace) in element.declarations() {
                if !found.iter().any(|(known, _)| *known == prefix) {
                    found.push((prefix, namespace));
                }
            }
            at = element.parent();
        }
        found.retain(|(_, namespace)| !namespace.is_empty());
        found
    }

    /// The element around this one.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let parent = self.node()?.parent;
        (parent != NO_PARENT).then_some(Self { doc: self.doc, index: parent as usize })
    }

    /// The elements directly inside, whatever else is there.
    #[must_use]
    pub fn children(&self) -> Children<'d> {
        let end = self.node().map_or(0, |node| node.end as usize);
        Children { doc: self.doc, next: self.index + 1, end }
    }

    /// The elements directly inside, when there is nothing but white space between them.
    ///
    /// # Errors
    ///
    /// Fails when there is text.
    pub fn only_children(&self) -> Result<Children<'d>, XmlError> {
        let mut at = self.index + 1;
        let end = self.node().map_or(0, |node| node.end as usize);
        while at < end {
            let node = self.doc.node(at).ok_or(XmlError::Content)?;
            if node.kind == Kind::Text && !is_blank(self.doc.text(node.text)) {
                return Err(XmlError::Content);
            }
            at = node.end as usize;
        }
        Ok(self.children())
    }

    /// The text of an element that holds nothing else.
    ///
    /// # Security
    ///
    /// An element with a comment inside has no text here: it would be cut or joined by one reader and not by another.
    ///
    /// # Errors
    ///
    /// Fails when there is a comment or an element inside.
    pub fn simple_text(&self) -> Result<&'d str, XmlError> {
        let node = self.node().ok_or(XmlError::Content)?;
        let first = self.index + 1;
        match (node.end as usize).saturating_sub(first) {
            0 => Ok(""),
            1 => match self.doc.node(first) {
                Some(text) if text.kind == Kind::Text => Ok(self.doc.text(text.text)),
                _ => Err(XmlError::Content),
            },
            _ => Err(XmlError::Content),
        }
    }

    /// The nodes of the subtree in document order, this element first.
    pub(super) fn walk(&self) -> impl Iterator<Item = (usize, Part<'d>)> + use<'d> {
        let doc = self.doc;
        let end = self.node().map_or(0, |node| node.end as usize);
        (self.index..end).filter_map(move |index| {
            let node = doc.node(index)?;
            let part = match node.kind {
                Kind::Element => Part::Element(Element { doc, index }),
                Kind::Text => Part::Text(doc.text(node.text)),
                Kind::Comment => Part::Comment(doc.text(node.text)),
            };
            Some((index, part))
        })
    }

    /// The first node that is no longer inside.
    pub(super) fn end(&self) -> usize {
        self.node().map_or(0, |node| node.end as usize)
    }

    pub(super) const fn index(&self) -> usize {
        self.index
    }
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.doc, other.doc) && self.index == other.index
    }
}

impl Eq for Element<'_> {}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Element({})", self.qualified_name())
    }
}

/// An attribute as it reads.
pub(super) struct AttributeView<'d> {
    pub(super) qualified: &'d str,
    pub(super) prefix: &'d str,
    pub(super) local: &'d str,
    pub(super) namespace: &'d str,
    pub(super) value: &'d str,
}

/// A node of a subtree.
pub(super) enum Part<'d> {
    Element(Element<'d>),
    Text(&'d str),
    Comment(&'d str),
}

/// The elements directly inside another.
#[derive(Clone, Debug)]
pub struct Children<'d> {
    doc: &'d Doc,
    next: usize,
    end: usize,
}

impl<'d> Iterator for Children<'d> {
    type Item = Element<'d>;

    fn next(&mut self) -> Option<Element<'d>> {
        while self.next < self.end {
            let index = self.next;
            let node = self.doc.node(index)?;
            self.next = node.end as usize;
            if node.kind == Kind::Element {
                return Some(Element { doc: self.doc, index });
            }
        }
        None
    }
}

const NO_PARENT: u32 = u32::MAX;

struct Builder<'a> {
    source: &'a str,
    doc: Doc,
    open: Vec<u32>,
}

impl<'a> Builder<'a> {
    fn new(source: &'a str) -> Self {
        // Documents of real peers have an element or a text for every forty bytes, and half as many attributes.
        let guess = source.len() / 40 + 4;
        Self {
            source,
            doc: Doc {
                source: source.into(),
                decoded: String::new(),
                nodes: Vec::with_capacity(guess),
                attributes: Vec::with_capacity(guess / 2),
                declarations: Vec::new(),
            },
            open: Vec::new(),
        }
    }

    fn take(&mut self, reader: &Reader<'a>, token: Token<'a>) -> Result<(), XmlError> {
        match token {
            Token::Start => self.start(reader),
            Token::End => {
                self.end();
                Ok(())
            }
            Token::Comment(text) => {
                let span = self.value(text, Form::Raw)?;
                self.push(Kind::Comment, span)
            }
            Token::Text(text) => {
                let span = self.value(text, Form::Text)?;
                self.push_text(span)
            }
            Token::Cdata("") => Ok(()),
            Token::Cdata(text) => {
                let span = self.value(text, Form::Raw)?;
                self.push_text(span)
            }
        }
    }

    fn start(&mut self, reader: &Reader<'a>) -> Result<(), XmlError> {
        let name = reader.name();
        let declarations = (count(self.doc.declarations.len())?, small(reader.declarations().len())?);
        for declaration in reader.declarations() {
            let prefix = self.span(declaration.prefix)?;
            let namespace = self.span(declaration.namespace)?;
            self.doc.declarations.push(DeclarationRecord { prefix, namespace });
        }
        let attributes = (count(self.doc.attributes.len())?, small(reader.attributes().len())?);
        for attribute in reader.attributes() {
            let record = AttributeRecord {
                name: self.span(attribute.name.qualified)?,
                prefix: small(attribute.name.prefix.len())?,
                binding: attribute.name.declaration,
                value: self.value(attribute.value, Form::Attribute)?,
            };
            self.doc.attributes.push(record);
        }
        let text = self.span(name.qualified)?;
        let index = count(self.doc.nodes.len())?;
        let node = Node {
            kind: Kind::Element,
            text,
            prefix: small(name.prefix.len())?,
            binding: name.declaration,
            attributes,
            declarations,
            parent: self.open.last().copied().unwrap_or(NO_PARENT),
            end: index + 1,
        };
        self.doc.nodes.push(node);
        self.open.push(index);
        Ok(())
    }

    fn end(&mut self) {
        let after = u32::try_from(self.doc.nodes.len()).unwrap_or(u32::MAX);
        if let Some(node) = self.open.pop().and_then(|index| self.doc.nodes.get_mut(index as usize)) {
            node.end = after;
        }
    }

    /// Adds text, to the text before it where there is one: CDATA sections and references make no difference.
    fn push_text(&mut self, span: Span) -> Result<(), XmlError> {
        let parent = self.open.last().copied().unwrap_or(NO_PARENT);
        let before = self.doc.nodes.last().filter(|node| node.kind == Kind::Text && node.parent == parent);
        let Some(before) = before.map(|node| node.text) else { return self.push(Kind::Text, span) };
        // Each piece is copied once: what was joined is at the end of what was decoded, or right before the new piece.
        let end = (before.start + before.length) as usize;
        let start = if before.decoded && span.decoded && end == span.start as usize {
            before.start
        } else {
            let start = if before.decoded && end == self.doc.decoded.len() {
                before.start
            } else {
                let start = count(self.doc.decoded.len())?;
                let old = self.doc.text(before).to_owned();
                self.doc.decoded.push_str(&old);
                start
            };
            let new = self.doc.text(span).to_owned();
            self.doc.decoded.push_str(&new);
            start
        };
        let joined = Span { start, length: before.length + span.length, decoded: true };
        if let Some(node) = self.doc.nodes.last_mut() {
            node.text = joined;
        }
        Ok(())
    }

    fn push(&mut self, kind: Kind, text: Span) -> Result<(), XmlError> {
        let end = count(self.doc.nodes.len())? + 1;
        let parent = self.open.last().copied().unwrap_or(NO_PARENT);
        self.doc.nodes.push(Node {
            kind,
            text,
            prefix: 0,
            binding: Binding::None,
            attributes: (0, 0),
            declarations: (0, 0),
            parent,
            end,
        });
        Ok(())
    }

    fn value(&mut self, text: &'a str, form: Form) -> Result<Span, XmlError> {
        let attribute = form == Form::Attribute;
        let plain = match form {
            Form::Raw => !text.contains('\r'),
            Form::Text | Form::Attribute => !needs_decoding(text, attribute),
        };
        if plain {
            return self.span(text);
        }
        let start = self.doc.decoded.len();
        if form == Form::Raw {
            self.doc.decoded.push_str(&text.replace("\r\n", "\n").replace('\r', "\n"));
        } else {
            decode(text, attribute, &mut self.doc.decoded)?;
        }
        let length = count(self.doc.decoded.len() - start)?;
        Ok(Span { start: count(start)?, length, decoded: true })
    }

    /// The place of a piece of the source.
    fn span(&self, piece: &'a str) -> Result<Span, XmlError> {
        let start = (piece.as_ptr() as usize).wrapping_sub(self.source.as_ptr() as usize);
        if start > self.source.len() {
            // The empty prefix is a constant, not a piece.
            return if piece.is_empty() { Ok(EMPTY) } else { Err(XmlError::Syntax) };
        }
        Ok(Span { start: count(start)?, length: count(piece.len())?, decoded: false })
    }

    fn finish(self) -> Result<Doc, XmlError> {
        let mut identifiers = self.doc.identifiers();
        identifiers.sort_unstable();
        let twice = identifiers.windows(2).any(|pair| matches!(pair, [one, other] if one == other));
        if twice { Err(XmlError::DuplicateId) } else { Ok(self.doc) }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Comments and CDATA sections: only line ends change.
    Raw,
    Text,
    Attribute,
}

const EMPTY: Span = Span { start: 0, length: 0, decoded: false };

fn count(number: usize) -> Result<u32, XmlError> {
    u32::try_from(number).map_err(|_| XmlError::TooLarge)
}

fn small(number: usize) -> Result<u8, XmlError> {
    u8::try_from(number).map_err(|_| XmlError::TooLong)
}
