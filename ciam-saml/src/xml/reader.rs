//! The pull parser: one token at a time, nothing copied, nothing expanded.

use memchr::{memchr, memchr_iter};

use super::chars::{all_allowed, is_ncname, is_space, name_length};
use super::{Limits, XmlError};

/// What [`Reader::next`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A start tag; its name and attributes are in the reader until the next token.
    Start,
    /// An end tag, also that of an empty element.
    End,
    /// Text as it is written.
    Text(&'a str),
    /// The content of a CDATA section.
    Cdata(&'a str),
    /// The content of a comment.
    Comment(&'a str),
}

/// A qualified name with the declaration that binds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    pub(crate) qualified: &'a str,
    pub(crate) prefix: &'a str,
    pub(crate) local: &'a str,
    /// The namespace's name; empty for none.
    pub(crate) namespace: &'a str,
    /// The number of the declaration that bound it.
    pub(crate) declaration: Binding,
}

/// Which declaration binds a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    None,
    /// The prefix `xml`, which needs no declaration.
    Xml,
    /// The declaration with this number, counted from the beginning of the document.
    Declared(u32),
}

/// An attribute as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'a> {
    pub(crate) name: Name<'a>,
    pub(crate) value: &'a str,
}

/// A declaration of a namespace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declaration<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) namespace: &'a str,
    number: u32,
}

pub(crate) const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

/// Reads a document.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    source: &'a str,
    at: usize,
    limits: Limits,
    open: Vec<Open<'a>>,
    scope: Vec<Declaration<'a>>,
    declared: u32,
    name: Name<'a>,
    attributes: Vec<Attribute<'a>>,
    /// Where the declarations of the current element start in `scope`.
    own: usize,
    nodes: usize,
    empty: bool,
    finished: bool,
}

#[derive(Debug)]
struct Open<'a> {
    qualified: &'a str,
    outer_scope: usize,
}

impl<'a> Reader<'a> {
    /// Checks the encoding, the characters and the declaration at the beginning.
    pub(crate) fn new(bytes: &'a [u8], limits: Limits) -> Result<Self, XmlError> {
        if bytes.len() > limits.bytes {
            return Err(XmlError::TooLarge);
        }
        let source = std::str::from_utf8(bytes).map_err(|_| XmlError::Encoding)?;
        if source.starts_with('\u{FEFF}') {
            return Err(XmlError::Encoding);
        }
        if !all_allowed(source) {
            return Err(XmlError::Character);
        }
        let none = Name { qualified: "", prefix: "", local: "", namespace: "", declaration: Binding::None };
        let mut reader = Self {
            source,
            at: 0,
            limits,
            open: Vec::new(),
            scope: Vec::new(),
            declared: 0,
            name: none,
            attributes: Vec::new(),
            own: 0,
            nodes: 0,
            empty: false,
            finished: false,
        };
        reader.skip_declaration()?;
        Ok(reader)
    }

    /// The document.
    pub(crate) const fn source(&self) -> &'a str {
        self.source
    }

    /// The name of the element that [`Token::Start`] opened.
    pub(crate) const fn name(&self) -> &Name<'a> {
        &self.name
    }

    /// Its attributes, in the order in which they are written.
    pub(crate) fn attributes(&self) -> &[Attribute<'a>] {
        &self.attributes
    }

    /// Its own declarations of namespaces.
    pub(crate) fn declarations(&self) -> &[Declaration<'a>] {
        self.scope.get(self.own..).unwrap_or_default()
    }

    /// The next token; `None` at the end of a whole document.
    pub(crate) fn next(&mut self) -> Result<Option<Token<'a>>, XmlError> {
        if self.empty {
            self.empty = false;
            self.close();
            return Ok(Some(Token::End));
        }
        if self.open.is_empty() {
            self.skip_space();
            if self.at == self.source.len() {
                return if self.finished { Ok(None) } else { Err(XmlError::Syntax) };
            }
        }
        let rest = self.rest();
        let bytes = rest.as_bytes();
        match bytes {
            [b'<', b'/', ..] => self.end_tag(),
            [b'<', b'?', ..] => Err(XmlError::ProcessingInstruction),
            [b'<', b'!', ..] => self.markup(rest),
            [b'<', ..] => self.start_tag(),
            _ => self.text(rest),
        }
        .map(Some)
    }

    /// Where the next token begins.
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn count(&mut self) -> Result<(), XmlError> {
        self.nodes += 1;
        if self.nodes > Limits::nodes(self.source.len()) { Err(XmlError::Nodes) } else { Ok(()) }
    }

    /// Passes `<?xml version="1.0" encoding="UTF-8"?>`, if it is there.
    fn skip_declaration(&mut self) -> Result<(), XmlError> {
        let Some(inner) = self.source.strip_prefix("<?xml") else { return Ok(()) };
        if !inner.as_bytes().first().is_some_and(|b| is_space(*b)) {
            return Err(XmlError::ProcessingInstruction);
        }
        let (inner, _) = inner.split_once("?>").ok_or(XmlError::Syntax)?;
        self.at = "<?xml".len() + inner.len() + "?>".len();
        let mut rest = inner.trim_end_matches([' ', '\t', '\r', '\n']);
        for (index, wanted) in ["version", "encoding", "standalone"].into_iter().enumerate() {
            let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            let Some(after) = trimmed.strip_prefix(wanted) else {
                if index == 0 {
                    return Err(XmlError::Syntax);
                } else {
                    continue;
                };
            };
            if trimmed.len() == rest.len() {
                return Err(XmlError::Syntax);
            }
            let (value, tail) = quoted_value(after)?;
            match wanted {
                "version" if value != "1.0" => return Err(XmlError::Syntax),
                "encoding" if !value.eq_ignore_ascii_case("utf-8") => return Err(XmlError::Encoding),
                "standalone" if !matches!(value, "yes" | "no") => return Err(XmlError::Syntax),
                _ => {}
            }
            rest = tail;
        }
        if rest.is_empty() { Ok(()) } else { Err(XmlError::Syntax) }
    }

    fn skip_space(&mut self) {
        let rest = self.rest().as_bytes();
        self.at += rest.iter().position(|b| !is_space(*b)).unwrap_or(rest.len());
    }

    fn text(&mut self, rest: &'a str) -> Result<Token<'a>, XmlError> {
        if self.open.is_empty() {
            return Err(XmlError::Syntax);
        }
        let end = memchr(b'<', rest.as_bytes()).ok_or(XmlError::Syntax)?;
        let text = rest.get(..end).unwrap_or_default();
        if ends_section(text.as_bytes()) {
            return Err(XmlError::Syntax);
        }
        self.count()?;
        self.at += end;
        Ok(Token::Text(text))
    }

    /// A comment or a CDATA section; everything else with this beginning belongs to document types.
    fn markup(&mut self, rest: &'a str) -> Result<Token<'a>, XmlError> {
        self.count()?;
        if let Some(inner) = rest.strip_prefix("<!--") {
            let end = inner.find("--").ok_or(XmlError::Syntax)?;
            let (text, tail) = inner.split_at_checked(end).ok_or(XmlError::Syntax)?;
            if !tail.starts_with("-->") {
                return Err(XmlError::Syntax);
            }
            self.at += "<!--".len() + end + "-->".len();
            return Ok(Token::Comment(text));
        }
        let Some(inner) = rest.strip_prefix("<![CDATA[") else { return Err(XmlError::DocumentType) };
        if self.open.is_empty() {
            return Err(XmlError::Syntax);
        }
        let (text, _) = inner.split_once("]]>").ok_or(XmlError::Syntax)?;
        self.at += "<![CDATA[".len() + text.len() + "]]>".len();
        Ok(Token::Cdata(text))
    }

    fn end_tag(&mut self) -> Result<Token<'a>, XmlError> {
        let open = self.open.last().ok_or(XmlError::Syntax)?.qualified;
        let inner =
            self.rest().get(2..).and_then(|inner| inner.strip_prefix(open)).ok_or(XmlError::Syntax)?;
        let space = inner.bytes().take_while(|b| is_space(*b)).count();
        if inner.as_bytes().get(space) != Some(&b'>') {
            return Err(XmlError::Syntax);
        }
        self.at += 2 + open.len() + space + 1;
        self.close();
        Ok(Token::End)
    }

    fn close(&mut self) {
        if let Some(open) = self.open.pop() {
            self.scope.truncate(open.outer_scope);
        }
        self.own = self.scope.len();
        self.finished = self.open.is_empty();
    }

    fn start_tag(&mut self) -> Result<Token<'a>, XmlError> {
        if self.finished {
            return Err(XmlError::Syntax);
        }
        if self.open.len() >= self.limits.depth {
            return Err(XmlError::Depth);
        }
        self.count()?;
        self.at += 1;
        let qualified = self.raw_name()?;
        self.own = self.scope.len();
        self.attributes.clear();
        self.empty = self.attribute_list()?;
        self.open.push(Open { qualified, outer_scope: self.own });
        self.name = self.resolve(qualified, true)?;
        self.resolve_attributes()?;
        Ok(Token::Start)
    }

    /// Reads up to the end of the tag; whether the element is empty.
    fn attribute_list(&mut self) -> Result<bool, XmlError> {
        let mut count = 0;
        loop {
            let before = self.at;
            self.skip_space();
            match self.rest().as_bytes() {
                [b'>', ..] => {
                    self.at += 1;
                    return Ok(false);
                }
                [b'/', b'>', ..] => {
                    self.at += 2;
                    return Ok(true);
                }
                _ if self.at == before => return Err(XmlError::Syntax),
                _ => {}
            }
            count += 1;
            if count > self.limits.attributes {
                return Err(XmlError::Attributes);
            }
            self.count()?;
            let qualified = self.raw_name()?;
            let (value, tail) = quoted_value(self.rest())?;
            if value.len() > self.limits.value {
                return Err(XmlError::TooLong);
            }
            if memchr(b'<', value.as_bytes()).is_some() {
                return Err(XmlError::Syntax);
            }
            self.at = self.source.len() - tail.len();
            self.attribute(qualified, value)?;
        }
    }

    fn attribute(&mut self, qualified: &'a str, value: &'a str) -> Result<(), XmlError> {
        if qualified == "xmlns" {
            return self.declare("", value);
        }
        if let Some(prefix) = qualified.strip_prefix("xmlns:") {
            return self.declare(prefix, value);
        }
        let name = Name { qualified, prefix: "", local: "", namespace: "", declaration: Binding::None };
        self.attributes.push(Attribute { name, value });
        Ok(())
    }

    fn declare(&mut self, prefix: &'a str, namespace: &'a str) -> Result<(), XmlError> {
        if namespace.len() > self.limits.namespace_name {
            return Err(XmlError::TooLong);
        }
        let reserved = matches!(prefix, "xml" | "xmlns")
            || matches!(namespace, XML_NAMESPACE | XMLNS_NAMESPACE)
            || !prefix.is_empty() && !is_ncname(prefix);
        let undeclares = prefix.is_empty() && namespace.is_empty();
        if reserved || !undeclares && !is_absolute(namespace) {
            return Err(XmlError::NamespaceName);
        }
        if self.declarations().iter().any(|other| other.prefix == prefix) {
            return Err(XmlError::DuplicateAttribute);
        }
        if self.scope.len() >= self.limits.namespaces {
            return Err(XmlError::Namespaces);
        }
        self.scope.push(Declaration { prefix, namespace, number: self.declared });
        self.declared += 1;
        Ok(())
    }

    fn raw_name(&mut self) -> Result<&'a str, XmlError> {
        let rest = self.rest();
        // Longer names are not looked at to their end.
        let mut window = self.limits.name + 4;
        while !rest.is_char_boundary(window.min(rest.len())) {
            window -= 1;
        }
        let length = name_length(rest.get(..window.min(rest.len())).unwrap_or_default());
        if length > self.limits.name {
            return Err(XmlError::TooLong);
        }
        let name = rest.get(..length).filter(|name| !name.is_empty()).ok_or(XmlError::Syntax)?;
        self.at += length;
        Ok(name)
    }

    fn resolve(&self, qualified: &'a str, element: bool) -> Result<Name<'a>, XmlError> {
        let colon = qualified.bytes().position(|byte| byte == b':');
        let (prefix, local) = match colon.and_then(|at| qualified.split_at_checked(at)) {
            Some(("", _)) => return Err(XmlError::Syntax),
            Some((prefix, rest)) => (prefix, rest.get(1..).unwrap_or_default()),
            None => ("", qualified),
        };
        if !is_ncname(local) || !prefix.is_empty() && !is_ncname(prefix) {
            return Err(XmlError::Syntax);
        }
        if prefix == "xml" && !element {
            let declaration = Binding::Xml;
            return Ok(Name { qualified, prefix, local, namespace: XML_NAMESPACE, declaration });
        }
        let unbound = Name { qualified, prefix, local, namespace: "", declaration: Binding::None };
        if prefix.is_empty() && !element {
            return Ok(unbound);
        }
        match self.scope.iter().rev().find(|declaration| declaration.prefix == prefix) {
            Some(found) if found.namespace.is_empty() => Ok(unbound),
            Some(found) => {
                let declaration = Binding::Declared(found.number);
                Ok(Name { qualified, prefix, local, namespace: found.namespace, declaration })
            }
            None if prefix.is_empty() => Ok(unbound),
            None => Err(XmlError::UnboundPrefix),
        }
    }

    fn resolve_attributes(&mut self) -> Result<(), XmlError> {
        let mut resolved = std::mem::take(&mut self.attributes);
        for attribute in &mut resolved {
            attribute.name = self.resolve(attribute.name.qualified, false)?;
        }
        for (index, one) in resolved.iter().enumerate() {
            let same = |other: &Attribute<'_>| {
                other.name.local == one.name.local && other.name.namespace == one.name.namespace
            };
            if resolved.iter().skip(index + 1).any(same) {
                return Err(XmlError::DuplicateAttribute);
            }
        }
        self.attributes = resolved;
        Ok(())
    }
}

/// Whether there is a `]]>`, which text must not have.
fn ends_section(text: &[u8]) -> bool {
    memchr_iter(b'>', text).any(|at| text.get(..at).is_some_and(|before| before.ends_with(b"]]")))
}

/// Reads `= "value"`; the value and what follows.
fn quoted_value(text: &str) -> Result<(&str, &str), XmlError> {
    let space = [' ', '\t', '\r', '\n'];
    let after = match text.strip_prefix('=') {
        Some(after) => after,
        None => text.trim_start_matches(space).strip_prefix('=').ok_or(XmlError::Syntax)?,
    };
    let after = if after.starts_with(['"', '\'']) { after } else { after.trim_start_matches(space) };
    let quote = after.bytes().next().filter(|byte| matches!(byte, b'"' | b'\'')).ok_or(XmlError::Syntax)?;
    let inner = after.get(1..).ok_or(XmlError::Syntax)?;
    let (value, tail) = memchr(quote, inner.as_bytes())
        .and_then(|end| inner.split_at_checked(end))
        .ok_or(XmlError::Syntax)?;
    Ok((value, tail.get(1..).unwrap_or_default()))
}

/// Whether a namespace's name starts with a scheme and is written plainly. Relative ones have no canonical form
/// ([Canonical XML 1.0, section 1.3](https://www.w3.org/TR/xml-c14n#DataModel)).
fn is_absolute(name: &str) -> bool {
    let plain = name.bytes().all(|b| b > b' ' && !matches!(b, b'&' | b'<' | b'"' | b'\'' | 0x7f));
    let scheme = name.split_once(':').map(|(scheme, _)| scheme);
    let scheme = scheme.is_some_and(|scheme| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    });
    plain && scheme
}
