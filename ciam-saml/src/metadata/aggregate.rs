//! Aggregates of federations: one signature over thousands of entities, read without a tree of the whole.
//!
//! One pass. The parser gives token after token; what the enveloped signature covers is written in canonical form and hashed
//! as it goes. The signature is the first child (the schema says so), so it is there before anything that it covers but the
//! root's own tag: `SignedInfo` is verified with a pinned key before the first entity is looked at, and a stranger's document
//! costs no more than its first few kilobytes.
//!
//! The canonical octets of one entity at a time are kept until they were hashed, and its bounded tree is read from them, under the
//! canonical tags of what it stands in: what is read is what was hashed, as for every other signature. What was read waits,
//! and is given out when the digest of the whole has turned out to be the signed one, or never.
//!
//! Memory is that of the document as it came, of one entity, and of what is kept: a 32-byte digest of each name, and the
//! entities that are [wanted](super::MetadataTrust::with_only).

use std::collections::BTreeSet;

use ciam_core::crypto::{Crypto, Digester, sha256};
use time::{Duration, OffsetDateTime};

use super::parse::validity_of;
use super::{EntityDescriptor, MetadataError};
use crate::dsig::{Announced, SignatureError, SignaturePolicy, TrustedKeys};
use crate::names::{DSIG, METADATA};
use crate::xml::{Doc, Limits, Start, Step, Stream, Token, XmlError};

/// What an aggregate is read by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'t> {
    pub(super) keys: &'t TrustedKeys,
    pub(super) policy: &'t SignaturePolicy,
    pub(super) limits: Limits,
    /// The names of those that are kept; all, when there is no list.
    pub(super) only: Option<&'t BTreeSet<String>>,
    pub(super) now: OffsetDateTime,
    pub(super) skew: Duration,
}

/// An aggregate whose signature holds.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) valid_until: Option<OffsetDateTime>,
    pub(super) cache_duration: Option<Duration>,
    pub(super) entities: Vec<EntityDescriptor>,
    pub(super) left_out: usize,
}

/// Whether the document's element is one that holds entities.
pub(super) fn is_aggregate(bytes: &[u8], limits: Limits) -> Result<bool, MetadataError> {
    let mut stream = Stream::new(bytes, limits)?;
    find_root(&mut stream)?;
    Ok(stream.is(METADATA, "EntitiesDescriptor"))
}

fn find_root(stream: &mut Stream<'_>) -> Result<(), MetadataError> {
    while let Some((step, _)) = stream.next()? {
        if step == Step::Start {
            return Ok(());
        }
    }
    Err(MetadataError::Structure)
}

/// Reads an aggregate.
pub(super) fn read(crypto: &dyn Crypto, bytes: &[u8], terms: Terms<'_>) -> Result<Whole, MetadataError> {
    let mut stream = Stream::new(bytes, terms.limits)?;
    find_root(&mut stream)?;
    let root = Root::read(&mut stream, &terms)?;
    let mut reading = Reading {
        digester: crypto.digester(root.announced.algorithm),
        stream,
        terms,
        id: root.id,
        groups: Vec::new(),
        names: BTreeSet::new(),
        entities: Vec::new(),
        left_out: 0,
        budget: PIECE + bytes.len().saturating_mul(4),
    };
    reading.stream.set_inclusive(root.announced.inclusive.clone());
    reading.stream.write_start(root.start);
    reading.enter(root.qualified, true)?;
    for blank in root.before {
        reading.stream.write(blank);
    }
    reading.read_on()?;
    root.announced.check(&reading.digester.finish())?;
    // From here on, what was read is to be believed.
    Ok(Whole {
        valid_until: root.valid_until,
        cache_duration: root.cache_duration,
        entities: reading.entities,
        left_out: reading.left_out,
    })
}

/// The tag of the whole, and what its signature says.
struct Root<'a> {
    id: String,
    qualified: &'a str,
    start: Start<'a>,
    /// White space before the signature.
    before: Vec<Token<'a>>,
    announced: Announced,
    valid_until: Option<OffsetDateTime>,
    cache_duration: Option<Duration>,
}

impl<'a> Root<'a> {
    fn read(stream: &mut Stream<'a>, terms: &Terms<'_>) -> Result<Self, MetadataError> {
        if !stream.is(METADATA, "EntitiesDescriptor") {
            return Err(MetadataError::Structure);
        }
        let id = stream.attribute("ID").filter(|id| !id.is_empty());
        let id = id.ok_or(SignatureError::Reference)?.to_owned();
        let (valid_until, cache_duration) =
            validity_of(stream.attribute("validUntil"), stream.attribute("cacheDuration"))?;
        let (qualified, start) = (stream.qualified(), stream.start());
        let tag = stream.piece(stream.begin(), stream.position());
        let mut before = Vec::new();
        loop {
            match stream.next()?.ok_or(XmlError::Syntax)? {
                (Step::Nothing, _) if before.len() == MOST_BEFORE => return Err(SignatureError::Shape.into()),
                (Step::Nothing, token) => before.push(token),
                (Step::Start, _) if stream.is(DSIG, "Signature") => break,
                (Step::Start | Step::End, _) => return Err(SignatureError::Unsigned.into()),
                (Step::Text, _) => return Err(XmlError::Content.into()),
            }
        }
        let begin = stream.begin();
        skip(stream)?;
        // The signature, in the namespaces of its place, and nothing else.
        let signature = stream.piece(begin, stream.position());
        let alone = [tag, signature, b"</", qualified.as_bytes(), b">"].concat();
        let doc = Doc::parse(&alone, Limits::MESSAGE)?;
        let announced = Announced::read(doc.root()?, terms.keys, terms.policy)?;
        Ok(Self { id, qualified, start, before, announced, valid_until, cache_duration })
    }
}

/// Passes over the rest of the element that begins.
fn skip(stream: &mut Stream<'_>) -> Result<(), MetadataError> {
    let mut depth = 1_usize;
    while depth > 0 {
        match stream.next()?.ok_or(XmlError::Syntax)? {
            (Step::Start, _) => depth += 1,
            (Step::End, _) => depth -= 1,
            _ => {}
        }
    }
    Ok(())
}

struct Reading<'a, 't> {
    stream: Stream<'a>,
    terms: Terms<'t>,
    digester: Box<dyn Digester>,
    /// The identifier of the whole, which nothing else may have.
    id: String,
    /// The whole, and the groups in it that are open.
    groups: Vec<Group<'a>>,
    names: BTreeSet<[u8; 32]>,
    entities: Vec<EntityDescriptor>,
    left_out: usize,
    /// How much may still be written: declarations that are repeated in each child make a canonical form that is larger than
    /// the document.
    budget: usize,
}

struct Group<'a> {
    qualified: &'a str,
    /// Its tag, as it was hashed.
    tag: String,
    /// Whether it, and all that it stands in, is valid now.
    valid: bool,
}

impl<'a> Reading<'a, '_> {
    fn read_on(&mut self) -> Result<(), MetadataError> {
        while let Some((step, token)) = self.stream.next()? {
            match step {
                Step::Start => self.begin()?,
                Step::End => {
                    self.stream.write(token);
                    self.groups.pop();
                }
                Step::Text => return Err(XmlError::Content.into()),
                // What stands beside the whole is not in its canonical form.
                Step::Nothing if self.groups.is_empty() => {}
                Step::Nothing => self.stream.write(token),
            }
            self.flush_beyond(PIECE)?;
        }
        self.flush()
    }

    /// An element directly inside of a group begins.
    fn begin(&mut self) -> Result<(), MetadataError> {
        self.one_of_a_kind()?;
        if self.stream.is(METADATA, "EntityDescriptor") {
            return self.entity();
        }
        if self.stream.is(METADATA, "EntitiesDescriptor") {
            let until = validity_of(self.stream.attribute("validUntil"), None)?.0;
            let around = self.groups.last().is_some_and(|group| group.valid);
            let valid = around && self.is_valid(until);
            self.flush()?;
            self.stream.write(Token::Start);
            return self.enter(self.stream.qualified(), valid);
        }
        if self.groups.len() == 1 && self.stream.is(DSIG, "Signature") {
            return Err(SignatureError::Shape.into());
        }
        self.stream.write(Token::Start);
        self.write_rest(PIECE).map(|_| ())
    }

    /// Enters the group whose tag is all that was written since the last flush.
    fn enter(&mut self, qualified: &'a str, valid: bool) -> Result<(), MetadataError> {
        let tag = self.stream.written().to_owned();
        let length: usize = self.groups.iter().map(|group| group.tag.len()).sum();
        if length + tag.len() > MOST_TAGS {
            return Err(XmlError::TooLarge.into());
        }
        self.groups.push(Group { qualified, tag, valid });
        Ok(())
    }

    fn entity(&mut self) -> Result<(), MetadataError> {
        let name = self.stream.attribute("entityID").ok_or(MetadataError::Structure)?;
        let wanted = self.terms.only.is_none_or(|only| only.contains(name));
        if !self.names.insert(sha256(name.as_bytes())) {
            return Err(MetadataError::Duplicate);
        }
        if self.names.len() > MOST_ENTITIES {
            return Err(XmlError::Nodes.into());
        }
        let wanted = wanted && self.groups.last().is_some_and(|group| group.valid);
        self.flush()?;
        self.stream.write(Token::Start);
        let whole = self.write_rest(if wanted { Limits::ENTITY.bytes } else { PIECE })?;
        if !wanted {
            return Ok(());
        }
        let entity = whole.then(|| self.parse()).flatten();
        self.flush()?;
        match entity {
            Some(entity) if self.is_valid(entity.valid_until) => self.entities.push(entity),
            Some(_) => {}
            None => self.left_out += 1,
        }
        Ok(())
    }

    /// The entity whose canonical form is all that was written since the last flush.
    fn parse(&self) -> Option<EntityDescriptor> {
        let mut text: String = self.groups.iter().map(|group| group.tag.as_str()).collect();
        text.push_str(self.stream.written());
        for group in self.groups.iter().rev() {
            text.push_str("</");
            text.push_str(group.qualified);
            text.push('>');
        }
        let limits = Limits { bytes: text.len(), ..Limits::ENTITY };
        let doc = Doc::parse(text.as_bytes(), limits).ok()?;
        let mut element = doc.root().ok()?;
        for _ in &self.groups {
            element = element.children().next()?;
        }
        EntityDescriptor::read(element).ok()
    }

    /// Writes what is left of the element that begins. When it is more than this, it is hashed and forgotten on the way: whether all
    /// of it is still there.
    fn write_rest(&mut self, most: usize) -> Result<bool, MetadataError> {
        let (mut depth, mut whole) = (1_usize, true);
        while depth > 0 {
            let (step, token) = self.stream.next()?.ok_or(XmlError::Syntax)?;
            match step {
                Step::Start => {
                    self.one_of_a_kind()?;
                    depth += 1;
                }
                Step::End => depth -= 1,
                Step::Text | Step::Nothing => {}
            }
            self.stream.write(token);
            whole &= !self.flush_beyond(most)?;
        }
        Ok(whole)
    }

    fn one_of_a_kind(&self) -> Result<(), MetadataError> {
        if self.stream.has_identifier(&self.id) { Err(XmlError::DuplicateId.into()) } else { Ok(()) }
    }

    fn is_valid(&self, until: Option<OffsetDateTime>) -> bool {
        until.is_none_or(|until| until.saturating_add(self.terms.skew) > self.terms.now)
    }

    fn flush_beyond(&mut self, most: usize) -> Result<bool, MetadataError> {
        let beyond = self.stream.written().len() > most;
        if beyond {
            self.flush()?;
        }
        Ok(beyond)
    }

    /// Hashes what was written.
    fn flush(&mut self) -> Result<(), MetadataError> {
        let written = self.stream.written().as_bytes();
        self.budget = self.budget.checked_sub(written.len()).ok_or(XmlError::CanonicalTooLarge)?;
        self.digester.update(written);
        self.stream.clear();
        Ok(())
    }
}

/// Most bytes that wait to be hashed, but for those of an entity that is kept.
const PIECE: usize = 64 * 1024;
/// Most pieces of white space and comments before the signature.
const MOST_BEFORE: usize = 16;
/// Most bytes of the tags of groups that are open.
const MOST_TAGS: usize = 64 * 1024;
/// Most entities. The largest federation of federations has about 10,000.
const MOST_ENTITIES: usize = 100_000;
