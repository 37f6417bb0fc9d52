//! Conditions on the index values of records.

use super::{IndexDeclaration, IndexValue, RecordKind};

/// A condition on the values that a record has in its declared indexes: terms in postfix order, so that nothing that works on
/// it recurses.
///
/// ```
/// use ciam_core::store::{IndexDeclaration, IndexQuery, IndexValue};
///
/// const COLOUR: IndexDeclaration = IndexDeclaration::many("colour");
/// const SIZE: IndexDeclaration = IndexDeclaration::many("size");
/// let red = IndexQuery::has(COLOUR, "red");
/// let small = IndexQuery::has(SIZE, "small");
/// let query = red.and(small.negated());
/// assert!(query.holds(&[IndexValue::new(COLOUR, "red"), IndexValue::new(SIZE, "large")]));
/// assert!(!query.holds(&[IndexValue::new(COLOUR, "red"), IndexValue::new(SIZE, "small")]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexQuery {
    terms: Vec<IndexTerm>,
}

/// One step of an [`IndexQuery`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store must know all of them")]
pub enum IndexTerm {
    /// It holds of every record.
    Always,
    /// The record has this value.
    Has(IndexValue),
    /// The opposite of the term before.
    Not,
    /// Both of the two terms before.
    And,
    /// One of the two terms before.
    Or,
}

impl Default for IndexQuery {
    fn default() -> Self {
        Self::everything()
    }
}

impl IndexQuery {
    /// The most terms that a store takes.
    pub const MAX_TERMS: usize = 64;

    /// Holds of every record.
    #[must_use]
    pub fn everything() -> Self {
        Self { terms: vec![IndexTerm::Always] }
    }

    /// Holds of the records with a value.
    #[must_use]
    pub fn has(index: IndexDeclaration, value: impl Into<String>) -> Self {
        Self { terms: vec![IndexTerm::Has(IndexValue::new(index, value))] }
    }

    /// Holds where both do.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.with(other, IndexTerm::And)
    }

    /// Holds where one of them does.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.with(other, IndexTerm::Or)
    }

    /// Holds where this does not.
    #[must_use]
    pub fn negated(mut self) -> Self {
        self.terms.push(IndexTerm::Not);
        self
    }

    fn with(mut self, other: Self, word: IndexTerm) -> Self {
        self.terms.extend(other.terms);
        self.terms.push(word);
        self
    }

    /// The terms, in postfix order. There is one at least.
    #[must_use]
    pub fn terms(&self) -> &[IndexTerm] {
        &self.terms
    }

    /// The values that are asked for, to be changed to what a store keeps of them.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut IndexValue> {
        self.terms.iter_mut().filter_map(|term| match term {
            IndexTerm::Has(value) => Some(value),
            IndexTerm::Always | IndexTerm::Not | IndexTerm::And | IndexTerm::Or => None,
        })
    }

    /// Whether a kind declares every index that is asked for, and there are no more terms than a store takes.
    #[must_use]
    pub fn is_for(&self, kind: RecordKind) -> bool {
        self.terms.len() <= Self::MAX_TERMS
            && self.terms.iter().all(|term| match term {
                IndexTerm::Has(value) => kind.index(value.index.name()).is_some(),
                IndexTerm::Always | IndexTerm::Not | IndexTerm::And | IndexTerm::Or => true,
            })
    }

    /// Whether it holds of a record with these values.
    #[must_use]
    pub fn holds(&self, values: &[IndexValue]) -> bool {
        let mut stack: Vec<bool> = Vec::new();
        for term in &self.terms {
            let next = match term {
                IndexTerm::Always => true,
                IndexTerm::Has(wanted) => values
                    .iter()
                    .any(|known| known.index.name() == wanted.index.name() && known.value == wanted.value),
                IndexTerm::Not => !stack.pop().unwrap_or_default(),
                IndexTerm::And => {
                    let (right, left) = (stack.pop(), stack.pop());
                    right.unwrap_or_default() && left.unwrap_or_default()
                }
                IndexTerm::Or => {
                    let (right, left) = (stack.pop(), stack.pop());
                    right.unwrap_or_default() || left.unwrap_or_default()
                }
            };
            stack.push(next);
        }
        stack.pop().unwrap_or_default()
    }
}

/// Which part of what was found is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Window {
    /// How many are passed over.
    pub skip: u64,
    /// At most how many of those behind are wanted: none, to count alone, up to
    /// [`PageRequest::MAX_LIMIT`](super::PageRequest::MAX_LIMIT).
    pub limit: u32,
}

impl Window {
    /// A window; `limit` is brought to at most [`PageRequest::MAX_LIMIT`](super::PageRequest::MAX_LIMIT).
    #[must_use]
    pub fn new(skip: u64, limit: u32) -> Self {
        Self { skip, limit: limit.min(super::PageRequest::MAX_LIMIT) }
    }
}

/// A part of what was found, and how much that is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counted<T> {
    /// What is in the window, in order.
    pub items: Vec<T>,
    /// How many there are, in the window and out of it.
    pub total: u64,
}

impl<T> Counted<T> {
    /// What was found.
    #[must_use]
    pub const fn new(items: Vec<T>, total: u64) -> Self {
        Self { items, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IndexDeclaration = IndexDeclaration::many("a");
    const B: IndexDeclaration = IndexDeclaration::many("b");

    #[test]
    fn words_combine() {
        let a = || IndexQuery::has(A, "x");
        let b = || IndexQuery::has(B, "x");
        for (has_a, has_b) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut values = Vec::new();
            values.extend(has_a.then(|| IndexValue::new(A, "x")));
            values.extend(has_b.then(|| IndexValue::new(B, "x")));
            values.push(IndexValue::new(A, "y"));
            for (query, expected) in [
                (a(), has_a),
                (a().and(b()), has_a && has_b),
                (a().or(b()), has_a || has_b),
                (a().negated(), !has_a),
                (a().or(b()).negated(), !(has_a || has_b)),
                (a().and(b().negated()), has_a && !has_b),
                (IndexQuery::everything(), true),
                (IndexQuery::everything().negated(), false),
                (IndexQuery::everything().and(b()), has_b),
            ] {
                assert_eq!(query.holds(&values), expected, "{query:?} {values:?}");
            }
        }
    }

    #[test]
    fn a_query_is_for_kinds_that_declare_its_indexes() {
        let kind = RecordKind::new("test.kind", &[A]);
        assert!(IndexQuery::has(A, "x").is_for(kind));
        assert!(!IndexQuery::has(A, "x").or(IndexQuery::has(B, "x")).is_for(kind));
        let long = (0..IndexQuery::MAX_TERMS).fold(IndexQuery::everything(), |query, _| query.negated());
        assert!(!long.is_for(kind));
    }
}
