//! Cursor pages: where a listing query begins, and what its rows become.

use std::str::FromStr;

use ciam_core::error::PortError;
use ciam_core::store::{Cursor, Page, PageRequest};

/// The bounds of a listing query: rows with a key over `after`, one more than the page holds.
#[derive(Clone, Debug)]
pub(crate) struct Bounds<K> {
    /// The last key of the page before; `None` begins at the start.
    pub(crate) after: Option<K>,
    /// How many items the page holds.
    limit: usize,
}

impl<K: FromStr> Bounds<K> {
    /// Reads the cursor: the text of the last key of the page before.
    ///
    /// # Errors
    ///
    /// Fails permanently when the cursor is of another listing.
    pub(crate) fn new(request: &PageRequest) -> Result<Self, PortError> {
        let after = match &request.after {
            None => None,
            Some(cursor) => Some(
                cursor
                    .as_str()
                    .parse()
                    .map_err(|_| PortError::permanent("the cursor is of another listing"))?,
            ),
        };
        // The limit is a public field, so it is brought into its range again.
        Ok(Self { after, limit: request.limit.clamp(1, PageRequest::MAX_LIMIT) as usize })
    }

    /// How many rows the query asks for: the page, and one that tells whether there is a next.
    pub(crate) fn rows(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// Makes the page of the rows that the query found.
    ///
    /// # Errors
    ///
    /// Fails permanently when a key cannot be a cursor.
    pub(crate) fn page<T>(
        &self,
        mut items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<Page<T>, PortError> {
        if items.len() <= self.limit {
            return Ok(Page::new(items, None));
        }
        items.truncate(self.limit);
        let next =
            items.last().map(|last| Cursor::new(key(last))).transpose().map_err(PortError::permanent)?;
        Ok(Page::new(items, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_next_one_only_when_a_row_is_left_over() {
        let bounds = Bounds::<String>::new(&PageRequest::first(2)).unwrap();
        assert_eq!(bounds.rows(), 3);
        let full = bounds.page(vec!["a", "b"], |item| (*item).to_owned()).unwrap();
        assert_eq!((full.items.len(), full.next), (2, None));
        let more = bounds.page(vec!["a", "b", "c"], |item| (*item).to_owned()).unwrap();
        assert_eq!(more.items, ["a", "b"]);
        assert_eq!(more.next.unwrap().as_str(), "b");
    }

    #[test]
    fn limits_are_brought_into_their_range() {
        let mut request = PageRequest::first(1);
        request.limit = 0;
        assert_eq!(Bounds::<String>::new(&request).unwrap().rows(), 2);
        request.limit = u32::MAX;
        assert_eq!(Bounds::<String>::new(&request).unwrap().rows(), 1001);
    }

    #[test]
    fn a_cursor_of_another_listing_is_refused() {
        let request = PageRequest::after(Cursor::new("not an id").unwrap(), 10);
        assert!(Bounds::<ciam_core::id::AccountId>::new(&request).is_err());
    }
}
