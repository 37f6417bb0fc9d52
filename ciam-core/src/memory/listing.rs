//! Cursor pages over ordered keys.

use std::ops::Bound;
use std::str::FromStr;

use crate::error::PortError;
use crate::store::{Cursor, Page, PageRequest};

/// Where a listing goes on: behind the last key of the page before, which is the cursor's text.
pub(super) fn begin<K: FromStr>(request: &PageRequest) -> Result<Option<K>, PortError> {
    let Some(cursor) = &request.after else { return Ok(None) };
    let key =
        cursor.as_str().parse().map_err(|_| PortError::permanent("the cursor is of another listing"))?;
    Ok(Some(key))
}

/// The lower bound of a range that begins behind a key, or at the start.
pub(super) fn behind<K>(after: Option<K>) -> Bound<K> {
    after.map_or(Bound::Unbounded, Bound::Excluded)
}

/// Cuts a page out of entries that begin where the page does. The cursor is the last key of the page.
pub(super) fn page<K: ToString, T>(
    mut entries: impl Iterator<Item = (K, T)>,
    request: &PageRequest,
) -> Result<Page<T>, PortError> {
    let limit = request.limit.clamp(1, PageRequest::MAX_LIMIT) as usize;
    let mut items = Vec::new();
    let mut last = None;
    for (key, item) in entries.by_ref().take(limit) {
        items.push(item);
        last = Some(key);
    }
    let next = match (last, entries.next()) {
        (Some(last), Some(_)) => Some(Cursor::new(last.to_string()).map_err(PortError::permanent)?),
        _ => None,
    };
    Ok(Page::new(items, next))
}
