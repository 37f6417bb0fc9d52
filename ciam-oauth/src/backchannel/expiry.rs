//! Telling clients that are sent their tokens that nobody has answered in time
//! ([CIBA Core, section 12](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.12)):
//! they do not ask, and would wait for ever.

use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::store::{Batch, EntityRef, PageRequest, RecordKind, StoredRecord, Write, load};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::delivery::SealedNotice;
use crate::AuthorizationServer;
use crate::client::ClientId;
use crate::device::{DeviceRecord, DeviceState};
use crate::event;

/// A request of a client that is sent its tokens: kept until it was told something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Awaited {
    /// The name of the request's record.
    pub(super) record: String,
    pub(super) client: ClientId,
    pub(super) notice: SealedNotice,
    #[serde(with = "time::serde::rfc3339")]
    ends_at: OffsetDateTime,
    /// Whether its time is over, and the client is to be told.
    over: bool,
}

impl StoredRecord for Awaited {
    const KIND: RecordKind = RecordKind::new("oauth.backchannel_awaited", &[]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        Self::key_of(&self.record, self.ends_at, self.over)
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.ends_at + KEPT)
    }
}

impl Awaited {
    pub(super) fn new(
        record: String,
        client: ClientId,
        notice: SealedNotice,
        ends_at: OffsetDateTime,
    ) -> Self {
        Self { record, client, notice, ends_at, over: false }
    }

    /// What ends first comes first; what is over comes behind all that waits.
    fn key_of(record: &str, ends_at: OffsetDateTime, over: bool) -> String {
        let first = if over { "over-" } else { "" };
        format!("{first}{:012}-{record}", ends_at.unix_timestamp())
    }
}

impl AuthorizationServer {
    /// Ends the requests of clients that are sent their tokens and that nobody has answered in time, at most `limit` of them, and
    /// says how many there were: their clients are told by the [sink](Self::backchannel_sink). For the host to call every few
    /// seconds where tokens are [pushed](super::Delivery::Push); several nodes may, and each request ends once.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn end_unanswered(&self, limit: u32) -> Result<u32, PortError> {
        let (store, now) = (self.ports().store(), self.ports().now());
        let mut ended = 0;
        for found in store.records(Awaited::KIND, PageRequest::first(limit)).await?.items {
            let awaited: Awaited = found.value.decode()?;
            if awaited.over || now < awaited.ends_at {
                break;
            }
            let key = awaited.key();
            let mut batch = Batch::new()
                .require_version(EntityRef::record::<Awaited>(key.clone()), found.version)
                .write(Write::DeleteRecord(Awaited::KIND, key));
            let unanswered = self.is_unanswered(&awaited.record).await?;
            if unanswered {
                let over = Awaited { over: true, ..awaited };
                let subject = format!("backchannel:{}", over.record);
                let event = Event::new(self.ports(), event::BACKCHANNEL_EXPIRED, subject)?
                    .with("record", over.record.as_str())
                    .with("client", over.client.as_str())
                    .with("request", over.key());
                batch = batch.put(&over)?.event(event);
            }
            if store.commit(batch).await?.is_applied() && unanswered {
                ended += 1;
            }
        }
        Ok(ended)
    }

    /// After its time nobody can answer any more. What is not there any more was not answered: then its client was told.
    async fn is_unanswered(&self, record: &str) -> Result<bool, PortError> {
        let key = EphemeralKey::new(DeviceRecord::BACKCHANNEL, record.to_owned());
        let Some(stored) = self.ports().ephemeral().get(&key).await? else { return Ok(true) };
        let record: DeviceRecord = ephemeral::decode(&stored)?;
        Ok(matches!(record.state, DeviceState::Pending(_)))
    }

    /// The request that is over, by the name that its event has for it.
    pub(super) async fn over(&self, request: &str) -> Result<Option<Awaited>, PortError> {
        Ok(load::<Awaited>(self.ports().store(), request).await?.map(|found| found.value))
    }

    /// Its client was told.
    pub(super) async fn no_longer_awaited(&self, request: String) -> Result<(), PortError> {
        let gone = Write::DeleteRecord(Awaited::KIND, request);
        let _applied = self.ports().store().commit(Batch::new().write(gone)).await?;
        Ok(())
    }

    /// Its client was told of the answer.
    pub(super) async fn answered_in_time(
        &self,
        record: &str,
        ends_at: OffsetDateTime,
    ) -> Result<(), PortError> {
        self.no_longer_awaited(Awaited::key_of(record, ends_at, false)).await
    }
}

/// For how long after its end a client is told of it: as long as a relay tries.
const KEPT: Duration = Duration::DAY;
