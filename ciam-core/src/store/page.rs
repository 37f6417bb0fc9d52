//! Cursor pages.

use serde::{Deserialize, Serialize};

/// Where a listing goes on: opaque text made by the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// The longest cursor that a store may make, in bytes.
    pub const MAX_LENGTH: usize = 512;

    /// Wraps the text of a cursor: by a store that makes one, or by a host that got one back from a client.
    ///
    /// # Errors
    ///
    /// Fails when the text is empty or longer than [`MAX_LENGTH`](Self::MAX_LENGTH).
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidCursor> {
        let text = text.into();
        if text.is_empty() || text.len() > Self::MAX_LENGTH { Err(InvalidCursor) } else { Ok(Self(text)) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text cannot be a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
#[non_exhaustive]
pub struct InvalidCursor;

/// Which part of a listing is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageRequest {
    /// Where to go on; `None` begins at the start.
    pub after: Option<Cursor>,
    /// At most how many items, 1 to [`PageRequest::MAX_LIMIT`].
    pub limit: u32,
}

impl PageRequest {
    /// The largest page.
    pub const MAX_LIMIT: u32 = 1000;

    /// The first page; `limit` is brought into 1..=[`MAX_LIMIT`](Self::MAX_LIMIT).
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit: limit.clamp(1, Self::MAX_LIMIT) }
    }

    /// The page after a cursor.
    #[must_use]
    pub fn after(cursor: Cursor, limit: u32) -> Self {
        Self { after: Some(cursor), ..Self::first(limit) }
    }
}

/// A part of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// A page.
    #[must_use]
    pub const fn new(items: Vec<T>, next: Option<Cursor>) -> Self {
        Self { items, next }
    }

    /// The same page with each item converted.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next: self.next }
    }
}
