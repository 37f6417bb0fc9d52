//! Status List Tokens, as they are published (sections 5 and 8 of the draft).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::error::PortError;
use ciam_core::http::{Params, ParamsLimits};
use ciam_core::jose;
use ciam_core::store::{self, PageRequest, StoredRecord as _};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, VARY};
use http::{HeaderMap, Request, Response, StatusCode};
use serde_json::json;
use time::OffsetDateTime;

use super::issue::StatusLists;
use super::list::StatusList;
use super::record::{BY_CHANGED_LIST, ListRecord, StatusEntry};
use super::{MEDIA_TYPE, TYP};
use crate::AuthorizationServer;
use crate::server::reply;

/// The lists that were made a moment ago, by their ids.
#[derive(Debug, Default)]
pub(super) struct Published {
    kept: Mutex<HashMap<String, Arc<Made>>>,
    /// One is made at a time.
    making: futures_util::lock::Mutex<()>,
}

/// A list that was made.
#[derive(Debug)]
struct Made {
    token: Bytes,
    tag: String,
    at: OffsetDateTime,
}

impl Published {
    /// At most this many are kept.
    const MAX: usize = 64;

    fn get(&self, id: &str, after: OffsetDateTime) -> Option<Arc<Made>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(id).filter(|made| made.at > after).cloned()
    }

    fn put(&self, id: &str, made: Arc<Made>, after: OffsetDateTime) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, made| made.at > after);
        if kept.len() < Self::MAX {
            kept.insert(id.to_owned(), made);
        }
    }
}

impl AuthorizationServer {
    /// A Status List Token as it is now; `None` when there is no such list, or no more.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn status_list_token(&self, id: &str) -> Result<Option<Bytes>, PortError> {
        let Some(lists) = self.status_lists() else { return Ok(None) };
        Ok(self.status_list(lists, id).await?.map(|made| made.token.clone()))
    }

    async fn status_list(&self, lists: &StatusLists, id: &str) -> Result<Option<Arc<Made>>, PortError> {
        let now = self.ports().now();
        let after = now - lists.settings.rebuild_after;
        if let Some(made) = lists.published.get(id, after) {
            return Ok(Some(made));
        }
        let _one_at_a_time = lists.published.making.lock().await;
        if let Some(made) = lists.published.get(id, after) {
            return Ok(Some(made));
        }
        let Some(record) = store::load::<ListRecord>(self.ports().store(), id).await? else {
            return Ok(None);
        };
        let made = Arc::new(self.make_status_list(lists, &record.value, now).await?);
        lists.published.put(id, Arc::clone(&made), after);
        Ok(Some(made))
    }

    async fn make_status_list(
        &self,
        lists: &StatusLists,
        record: &ListRecord,
        now: OffsetDateTime,
    ) -> Result<Made, PortError> {
        let size = usize::try_from(record.capacity).map_err(PortError::permanent)?;
        let mut list = StatusList::new(record.bits(), size);
        let mut request = PageRequest::first(PAGE);
        loop {
            let store = self.ports().store();
            let page =
                store.records_by(StatusEntry::KIND, BY_CHANGED_LIST.name(), &record.id, request).await?;
            for found in page.items {
                let entry: StatusEntry = found.value.decode()?;
                list.set(usize::try_from(entry.idx).map_err(PortError::permanent)?, entry.status());
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PAGE),
                None => break,
            }
        }
        let algorithm = self.keys().algorithms().first().copied();
        let algorithm = algorithm.ok_or_else(|| PortError::permanent("there is no key to sign with"))?;
        let signer = self.keys().signer(algorithm).await.map_err(PortError::from)?;
        let claims = json!({
            "iss": self.issuer().as_str(),
            "sub": format!("{}{}", self.status_lists_at(), record.id),
            "iat": now.unix_timestamp(),
            "exp": (now + lists.settings.valid_for()).unix_timestamp(),
            "ttl": lists.settings.ttl.whole_seconds(),
            "status_list": { "bits": list.bits().count(), "lst": list.compress() },
        });
        let token = jose::sign(&*signer, TYP, &claims).await.map_err(PortError::from)?;
        let tag = base64url::encode(&crypto::sha256(token.as_bytes()));
        Ok(Made { token: Bytes::from(token), tag: format!("\"{tag}\""), at: now })
    }

    /// Answers a request for a list.
    pub(crate) async fn handle_status_list(&self, id: &str, request: &Request<Bytes>) -> Response<Bytes> {
        let Some(lists) = self.status_lists() else { return reply::plain(StatusCode::NOT_FOUND) };
        // What was, is not kept (section 8.4).
        match Params::parse(request.uri().query().unwrap_or_default(), ParamsLimits::default()) {
            Ok(params) if params.one("time").is_ok_and(|time| time.is_none()) => {}
            Ok(_) => return reply::plain(StatusCode::NOT_IMPLEMENTED),
            Err(_) => return reply::plain(StatusCode::BAD_REQUEST),
        }
        if !accepts(request.headers()) {
            return reply::plain(StatusCode::NOT_ACCEPTABLE);
        }
        match self.status_list(lists, id).await {
            Ok(Some(made)) => render(request.headers(), &made, lists.settings.ttl.whole_seconds()),
            Ok(None) => reply::plain(StatusCode::NOT_FOUND),
            Err(_) => reply::plain(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

fn render(headers: &HeaderMap, made: &Made, max_age: i64) -> Response<Bytes> {
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known = known.flat_map(|value| value.split(',')).any(|tag| tag.trim() == made.tag);
    let mut response = if is_known {
        reply::plain(StatusCode::NOT_MODIFIED)
    } else {
        reply::raw_document(made.token.clone(), max_age)
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    let caching = HeaderValue::try_from(format!("public, max-age={max_age}"));
    headers.insert(CACHE_CONTROL, caching.unwrap_or(HeaderValue::from_static("no-cache")));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    if let Ok(tag) = HeaderValue::try_from(made.tag.as_str()) {
        headers.insert(ETAG, tag);
    }
    response
}

/// Whether the asker takes the one form that there is: without an `Accept` header everybody does.
fn accepts(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(ACCEPT).iter().peekable();
    values.peek().is_none()
        || values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|range| range.split(';').next().unwrap_or_default().trim())
            .any(|range| {
                ["*/*", "application/*", MEDIA_TYPE].iter().any(|own| own.eq_ignore_ascii_case(range))
            })
}

const PAGE: u32 = 500;

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    /// Lists that were made a moment ago are kept, so many and no more; older ones make room.
    #[test]
    fn only_so_many_lists_are_kept() {
        let (published, now) = (Published::default(), datetime!(2026-11-23 12:00 UTC));
        let made = |at| Arc::new(Made { token: Bytes::new(), tag: String::new(), at });
        let before = now - Duration::SECOND;
        for number in 0..100 {
            published.put(&number.to_string(), made(now), before);
        }
        let kept =
            |after| (0..200).filter(|number| published.get(&number.to_string(), after).is_some()).count();
        assert_eq!(kept(before), Published::MAX);
        assert_eq!(kept(now), 0, "they are too old");
        let later = now + Duration::MINUTE;
        published.put("100", made(later), now);
        assert_eq!(kept(before), 1, "they were let go");
    }
}
