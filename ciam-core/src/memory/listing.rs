//! Cursor pages over ordered keys.

use crate::encoding::base64url;
use crate::error::PortError;
use crate::store::{Cursor, Page, PageRequest};

/// Cuts a page out of entries that are ordered by key. The cursor is the last key of the page.
pub(super) fn page<'a, T: Clone + 'a>(
    entries: impl Iterator<Item = (String, &'a T)>,
    request: &PageRequest,
) -> Result<Page<T>, PortError> {
    let after = match &request.after {
        None => None,
        Some(cursor) => {
            let bytes = base64url::decode(cursor.as_str()).map_err(PortError::permanent)?;
            Some(String::from_utf8(bytes).map_err(PortError::permanent)?)
        }
    };
    let limit = request.limit.clamp(1, PageRequest::MAX_LIMIT) as usize;
    let mut items = Vec::new();
    let mut last = None;
    for (key, item) in entries {
        if after.as_ref().is_some_and(|after| key <= *after) {
            continue;
        }
        if items.len() == limit {
            let cursor = last.map(|key: String| Cursor::new(base64url::encode(key.as_bytes()))).transpose();
            return Ok(Page::new(items, cursor.map_err(PortError::permanent)?));
        }
        items.push(item.clone());
        last = Some(key);
    }
    Ok(Page::new(items, None))
}
