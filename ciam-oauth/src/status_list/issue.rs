//! A place in a list for each token.

use ciam_core::encoding::base64url;
use ciam_core::error::PortError;
use ciam_core::store::{self, Batch, EntityRef, Versioned};
use futures_util::lock::Mutex;
use time::{Duration, OffsetDateTime};

use super::publish::Published;
use super::record::{ListRecord, OpenList, StatusClaim, StatusReference};
use super::settings::StatusListSettings;
use crate::AuthorizationServer;
use crate::server::Endpoint;

/// What a node keeps of the lists.
#[derive(Debug)]
pub(crate) struct StatusLists {
    pub(super) settings: StatusListSettings,
    /// The places that this node gives out.
    block: Mutex<Option<Block>>,
    pub(super) published: Published,
}

/// Places of one list that no other node gives out.
#[derive(Debug)]
struct Block {
    list: OpenList,
    next: u32,
    end: u32,
}

impl Block {
    fn take(&mut self, now: OffsetDateTime) -> Option<(String, u32)> {
        let place = self.next;
        if place >= self.end || now >= self.list.closes_at {
            return None;
        }
        self.next += 1;
        Some((self.list.id.clone(), self.list.index_of(place)))
    }
}

impl StatusLists {
    pub(crate) fn new(settings: StatusListSettings) -> Self {
        Self { settings, block: Mutex::new(None), published: Published::default() }
    }
}

impl AuthorizationServer {
    /// What the addresses of this server's lists begin with.
    pub(crate) fn status_lists_at(&self) -> String {
        format!("{}/", self.url(Endpoint::StatusList))
    }

    /// A place for a new token; `None` where there are no lists. Once in 256 tokens it asks the store.
    pub(crate) async fn place_in_status_list(
        &self,
        now: OffsetDateTime,
    ) -> Result<Option<StatusClaim>, PortError> {
        let Some(lists) = self.status_lists() else { return Ok(None) };
        let mut block = lists.block.lock().await;
        let mut taken = block.as_mut().and_then(|block| block.take(now));
        if taken.is_none() {
            let mut next = self.reserve_places(lists.settings, now).await?;
            taken = next.take(now);
            *block = Some(next);
        }
        drop(block);
        let (list, idx) = taken.ok_or_else(|| PortError::transient("the status list is full"))?;
        let uri = format!("{}{list}", self.status_lists_at());
        Ok(Some(StatusClaim { status_list: StatusReference::new(u64::from(idx), uri) }))
    }

    /// Takes places of the open list, or opens the next one.
    async fn reserve_places(
        &self,
        settings: StatusListSettings,
        now: OffsetDateTime,
    ) -> Result<Block, PortError> {
        for _ in 0..ATTEMPTS {
            let stored = store::load::<OpenList>(self.ports().store(), OpenList::KEY).await?;
            let entity = EntityRef::record::<OpenList>(OpenList::KEY);
            let batch = match &stored {
                Some(found) => Batch::new().require_version(entity, found.version),
                None => Batch::new().require_absent(entity),
            };
            let (mut list, mut batch) = match stored {
                Some(Versioned { value, .. }) if value.has_room(now) => (value, batch),
                _ => {
                    let list = self.new_list(settings, now)?;
                    let end = list.closes_at + LONGEST;
                    let record = ListRecord::new(&list.id, settings.capacity, settings.bits, end);
                    (list, batch.put(&record)?)
                }
            };
            let next = list.given;
            // A list has room for a multiple of it.
            let end = next.saturating_add(BLOCK);
            list.given = end;
            batch = batch.put(&list)?;
            if self.ports().store().commit(batch).await?.is_applied() {
                return Ok(Block { list, next, end });
            }
        }
        Err(PortError::transient("the status list is being filled by others"))
    }

    fn new_list(&self, settings: StatusListSettings, now: OffsetDateTime) -> Result<OpenList, PortError> {
        let random = || -> Result<[u8; 32], PortError> {
            let mut bytes = [0_u8; 32];
            self.ports().entropy().fill(&mut bytes)?;
            Ok(bytes)
        };
        let id: String = base64url::encode(&random()?).chars().take(ID_LENGTH).collect();
        let key = base64url::encode(&random()?);
        Ok(OpenList::new(id, key, settings.capacity, now + settings.open_for))
    }
}

/// How many places a node takes at once: what it has not given out when it stops is lost to the list.
const BLOCK: u32 = 256;
/// How often a lost race for places is run again.
const ATTEMPTS: usize = 16;
/// The longest that an access token lives.
const LONGEST: Duration = Duration::DAY;
/// 96 bits.
const ID_LENGTH: usize = 16;
