//! How much of a document is read, and why one is refused.

/// The limits of the parser. The defaults suit messages; metadata has its own.
///
/// A document that passes a limit is refused while it is read, not after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Most bytes of a document.
    pub bytes: usize,
    /// Most elements that are open at once.
    pub depth: usize,
    /// Most attributes of one element, declarations of namespaces included.
    pub attributes: usize,
    /// Most namespaces that are in scope at once.
    pub namespaces: usize,
    /// Most bytes of a qualified name.
    pub name: usize,
    /// Most bytes of the name of a namespace.
    pub namespace_name: usize,
    /// Most bytes of an attribute's value.
    pub value: usize,
}

impl Limits {
    /// The limits of a message: 256 KiB, 48 levels.
    pub const MESSAGE: Self = Self {
        bytes: 256 * 1024,
        depth: 48,
        attributes: 48,
        namespaces: 32,
        name: 128,
        namespace_name: 256,
        value: 16 * 1024,
    };

    /// The limits of one entity's metadata: 1 MiB.
    pub const ENTITY: Self = Self { bytes: 1024 * 1024, ..Self::MESSAGE };

    /// The most nodes and attributes of a document with this many bytes: one for every twelve bytes, after the first 256.
    /// Messages of real peers have one for every forty; memory is proportional to this number.
    #[must_use]
    pub const fn nodes(bytes: usize) -> usize {
        256 + bytes / 12
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::MESSAGE
    }
}

/// Why a document is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// More bytes than the limit.
    #[error("the document is too large")]
    TooLarge,
    /// Not UTF-8, or declared to be something else, or with a byte order mark.
    #[error("the document is not plain UTF-8")]
    Encoding,
    /// A character that XML does not allow.
    #[error("the document has a forbidden character")]
    Character,
    /// Not well-formed.
    #[error("the document is not well-formed")]
    Syntax,
    /// A document type declaration, or anything else that starts with `<!` and is no comment.
    #[error("the document has a document type")]
    DocumentType,
    /// A processing instruction.
    #[error("the document has a processing instruction")]
    ProcessingInstruction,
    /// A reference that is none of the five, or names a forbidden character.
    #[error("the document has an unknown reference")]
    Reference,
    /// Too many elements inside each other.
    #[error("the document is nested too deeply")]
    Depth,
    /// Too many attributes on one element.
    #[error("an element has too many attributes")]
    Attributes,
    /// Too many elements, texts and attributes for the size of the document.
    #[error("the document has too many nodes")]
    Nodes,
    /// Too many namespaces in scope.
    #[error("too many namespaces are in scope")]
    Namespaces,
    /// A name, a namespace's name or a value that is too long.
    #[error("a name or value is too long")]
    TooLong,
    /// Two attributes with one name.
    #[error("an element has an attribute twice")]
    DuplicateAttribute,
    /// A prefix that is not declared.
    #[error("a prefix is not bound")]
    UnboundPrefix,
    /// A declaration that is not allowed: reserved, relative, empty with a prefix, or written with references.
    #[error("a namespace declaration is not allowed")]
    NamespaceName,
    /// Two elements with one identifier, however the attribute is spelled.
    #[error("an identifier is used twice")]
    DuplicateId,
    /// Text, a comment or an element where the schema has none.
    #[error("an element has other content than its schema allows")]
    Content,
    /// The canonical form is much larger than the document.
    #[error("the canonical form is too large")]
    CanonicalTooLarge,
}
