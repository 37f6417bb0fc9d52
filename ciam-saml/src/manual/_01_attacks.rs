//! What stops each attack of the catalogue. The numbers are those of the target `catalogue` in this crate's tests, which tries
//! each of them against every message that it applies to: `cargo test -p ciam-saml --test catalogue`.
//!
//! # Signature wrapping
//!
//! **1, 2, 4 to 8: the signed element is moved, and a forged one takes its place.** [`verify`] is called with an element that
//! was found by its place (the root, or the one assertion of a response). The signature is its direct child, the only one,
//! and its reference is to the element's own `ID`; no identifier is ever searched for. What is returned is read from the
//! octets that were hashed, so whatever was around them is gone. `ds:Object`, where 8 hides the original, is refused.
//!
//! **3, 9, 10, 11, 13: more than one assertion.** A response has one assertion, or it is
//! [`MultipleAssertions`](crate::model::ShapeError::MultipleAssertions). Two elements with one identifier are refused by the
//! parser ([`DuplicateId`](crate::xml::XmlError::DuplicateId)).
//!
//! **12, 18: a signed assertion inside of, or its signature on, another message.** Messages are signed as a whole: the root's own
//! signature over the root's own `ID`, or the query's.
//!
//! **14, 16, 17: digests and references elsewhere, or several.** `SignedInfo` has one `Reference`, that has one `DigestValue`, and
//! each child of a signature is at its place or the signature is refused ([`SignatureError::Shape`]).
//!
//! **15: words outside of what is signed.** The header of an unsigned response can only make us refuse: its issuer, status,
//! destination and request have to agree with what was signed and asked. Nothing of it is returned.
//!
//! **19: references by anything but `#` and the identifier.** [`SignatureError::Reference`]. Nothing is dereferenced; there is no
//! code that could.
//!
//! **20: other spellings of `ID`.** The parser compares the values of all of them, in every namespace.
//!
//! **21: names in other namespaces.** Every comparison is of namespace and local name.
//!
//! **22: assertions in advice, or a response in a response.** Advice is not read. What the schema has no place for is refused.
//!
//! # Text and canonical forms
//!
//! **23 to 25: comments and processing instructions in values.** Processing instructions are refused anywhere. Comments are not in
//! the canonical form, so the value that is read is the whole text that was signed; where nothing was canonicalized yet (a
//! digest, a query's message), [an element with a comment inside has no text](crate::xml::Element::simple_text).
//!
//! **26: parts of a signature twice.** As 16.
//!
//! **27, 28: two parsers that disagree.** There is one parser and one tree. It knows names by the grammar of Namespaces in XML.
//!
//! **29: a canonical form that is empty.** Documents without a canonical form are refused by the parser; canonicalization returns a
//! result; an empty one is refused.
//!
//! **30, 31: other canonicalizations, long lists of prefixes.** Exclusive, without comments, and at most 32 prefixes.
//!
//! **32, 33, 35: characters, encodings, garbage.** UTF-8 without a byte order mark, XML's characters, one root and nothing beside
//! it.
//!
//! **34: spaces around identifiers.** Identifiers are compared exactly, byte by byte.
//!
//! **36: `xsi:nil`, `xsi:type`, default attributes.** A value that says it is none is none; types are not read; document types do not
//! exist.
//!
//! # Keys and algorithms
//!
//! **37, 46: no signature, no key, no answer.** There is no verification without [`TrustedKeys`](crate::dsig::TrustedKeys), which
//! cannot be empty, and no verification that answers yes or no.
//!
//! **38, 50: keys in the message.** `KeyInfo` is not read.
//!
//! **39, 40, 41, 42, 43: HMAC, truncation, weak hashes and keys, other encodings.** [`SignatureAlgorithm`](crate::dsig::SignatureAlgorithm)
//! has no HMAC, SHA-1, MD5 or DSA; a `SignatureMethod` has no children; core's backends check keys when they are parsed; ECDSA
//! signatures are the two numbers in their full length; base64 has one spelling.
//!
//! **44: one identity provider in the name of another.** Keys are chosen by the identity provider that was asked (or, for an
//! answer that nobody asked for, that the message names), and both issuers have to be it.
//!
//! **45: artifacts of another issuer.** A message is fetched from the identity provider that its artifact names, the answer has to be
//! signed by that one, and [the response in it for itself, by the same](crate::sp::ServiceProvider::accept_artifact): nothing is
//! genuine because of the connection by which it came. An artifact is asked for once. On the other side, a message is given
//! out [once, and only to the service that it is for](crate::idp::IdentityProvider::resolve), whose request has to be signed.
//!
//! **47: keys that were replaced.** Every key of a peer is tried and no other; keys for encryption are of another type.
//!
//! **48, 49: transforms, manifests, things to fetch.** Exactly two transforms, no `Type`, no `ds:Object`; `KeyInfo` is not read.
//!
//! # The profiles
//!
//! **51 to 60** are the rules of [`sp`](crate::sp), each with its own [`Reject`]; none can be switched off but that of 60.
//!
//! **51: the audience of somebody else, or none.** Every restriction has to name us, and one has to be there:
//! [`Reject::Audience`].
//!
//! **52: the recipient or the destination of somebody else, or none.** Both are compared exactly, byte by byte, with our one
//! address: [`Reject::Confirmation`], [`Reject::Destination`].
//!
//! **53: answers to no request, to an old one, to somebody else's.** A request is kept here under its identifier, bound to the
//! browser, and taken by one answer; response and confirmation have to name the same one: [`Reject::InResponseTo`],
//! [`Reject::Confirmation`]. An answer that nobody asked for names none.
//!
//! **54: an assertion twice.** Its identifier is put where it was absent, atomically, for as long as it could be presented, and as the
//! last thing before success: [`Reject::Replay`].
//!
//! **55: too early, too late, too old.** Each instant has its rule and one form; only the configured skew is forgiven:
//! [`Reject::Time`], [`Reject::NotFresh`], [`ShapeError::Instant`](crate::model::ShapeError::Instant).
//!
//! **56: confirmations of other methods.** One of a bearer has to be there, with an end and without a beginning, for us and this
//! request: [`Reject::Confirmation`].
//!
//! **57: a failure with an assertion in it.** The status is read first: [`Reject::Status`].
//!
//! **58: other versions, no identifier, no instant.** [`ShapeError`](crate::model::ShapeError), for every message.
//!
//! **59: conditions that we do not know.** [`Reject::Condition`]. `OneTimeUse` and `ProxyRestriction` hold anyway.
//!
//! **60: a response in another person's browser.** [`Reject::OtherBrowser`]; without a request, [`Reject::Unsolicited`] but for
//! [one identity provider at a time](crate::sp::IdpPartner::dangerous_allow_unsolicited).
//!
//! **61: relay states.** [Opaque](crate::binding::RelayState), without control characters, and never an address. Where the person
//! wanted to go is kept here.
//!
//! **62: addresses of others.** Answers go to registered addresses only, and what is registered is `https`.
//!
//! **63, 64: injection into XML and pages.** XML is made by [`XmlWriter`](crate::xml::XmlWriter) alone, which escapes;
//! [the form](crate::binding::PostForm::html) escapes each value.
//!
//! **65, 66: smuggled parameters, bombs.** Each parameter of the redirect binding is there once and by its plain name; the signature is over
//! the octets that came; inflating stops at the limit.
//!
//! **67, 68: document types, floods.** No document types; [limits](super::_02_limits) while reading; nothing recurses, nothing is quadratic
//! in the size of the input.
//!
//! **69: memory.** `unsafe` is forbidden.
//!
//! **70: logout of others.** [Signed as a whole](crate::logout), for us, now, once; the name has to be the one that the service was given
//! with the session.
//!
//! **71, 72: metadata.** [Signed as a whole by a pinned key](crate::metadata::MetadataTrust), with an end, not older than before, of the
//! entity that was asked for, each entity once. An aggregate is hashed as it is read, one entity at a time, and nothing of it is given
//! out before the digest of the whole has turned out to be the signed one; its signature is verified before the first
//! entity is looked at. How new the newest was is [kept](crate::metadata::RemoteMetadata), across restarts and nodes. What it says about
//! ciphers is not followed.
//!
//! # Encryption
//!
//! **73, 74, 77: oracles.** One [error](crate::enc::DecryptError) for everything; a key that cannot be unwrapped is replaced by a random
//! one, so that the work goes on; CBC only where the ciphertext was signed; no padding of PKCS #1 version 1.5.
//!
//! **75: encryption for a signature.** What was decrypted is a document, and the same rule of signatures holds for it.
//!
//! **76, 78: references, parameters.** Inline, at most eight keys, and a table of algorithms.
//!
//! **79: prefixes of where it stood.** The text is read under the namespaces of its place, in one tree with its signature.
//!
//! [`verify`]: crate::dsig::verify
//! [`Reject`]: crate::sp::Reject
//! [`Reject::Audience`]: crate::sp::Reject::Audience
//! [`Reject::Confirmation`]: crate::sp::Reject::Confirmation
//! [`Reject::Destination`]: crate::sp::Reject::Destination
//! [`Reject::InResponseTo`]: crate::sp::Reject::InResponseTo
//! [`Reject::Replay`]: crate::sp::Reject::Replay
//! [`Reject::Time`]: crate::sp::Reject::Time
//! [`Reject::NotFresh`]: crate::sp::Reject::NotFresh
//! [`Reject::Status`]: crate::sp::Reject::Status
//! [`Reject::Condition`]: crate::sp::Reject::Condition
//! [`Reject::OtherBrowser`]: crate::sp::Reject::OtherBrowser
//! [`Reject::Unsolicited`]: crate::sp::Reject::Unsolicited
//! [`SignatureError::Shape`]: crate::dsig::SignatureError::Shape
//! [`SignatureError::Reference`]: crate::dsig::SignatureError::Reference
