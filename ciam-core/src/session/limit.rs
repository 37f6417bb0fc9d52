//! How many sessions an account may have at once.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Session, SessionEnd, SessionError, SessionManager};
use crate::account::Account;
use crate::id::{AccountId, SessionId};
use crate::store::{
    Batch, EntityRef, IndexDeclaration, IndexValue, OWNER_INDEX, PageRequest, RecordKind, StoredRecord,
    Versioned, load,
};

/// How many sessions an account may have at once, and what happens to one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionLimit {
    /// At most so many; at least 1.
    pub most: u32,
    /// What gives way.
    pub then: AtLimit,
}

impl SessionLimit {
    /// At most so many sessions, and what happens to one more.
    #[must_use]
    pub const fn new(most: u32, then: AtLimit) -> Self {
        Self { most, then }
    }
}

/// What gives way when an account has as many sessions as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AtLimit {
    /// The sessions that began first end.
    EndOldest,
    /// The new session does not begin.
    Refuse,
}

/// What the beginnings of an account's sessions go through one at a time, where there is a limit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Roster {
    account: AccountId,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

const ACCOUNT: IndexDeclaration = IndexDeclaration::many(OWNER_INDEX);

impl StoredRecord for Roster {
    const KIND: RecordKind = RecordKind::new("core.session_roster", &[ACCOUNT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.account.to_string()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(ACCOUNT, self.account.to_string())]
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}

impl SessionManager {
    /// Makes room for one more session of an account, in the batch with which it begins.
    ///
    /// Beginnings of one account are put in line by the version of its roster, which is read before the sessions are
    /// counted and written with each beginning: two that begin at once cannot both be the last that fits.
    pub(super) async fn making_room(
        &self,
        mut batch: Batch,
        account: &Account,
        previous: Option<SessionId>,
    ) -> Result<Batch, SessionError> {
        let Some(limit) = self.policy.limit else { return Ok(batch) };
        let now = self.ports.now();
        let roster = Roster { account: account.id, expires_at: now + self.policy.absolute };
        let known: Option<Versioned<Roster>> = load(self.ports.store(), &roster.key()).await?;
        let entity = EntityRef::record::<Roster>(roster.key());
        batch = match known {
            Some(known) => batch.require_version(entity, known.version),
            None => batch.require_absent(entity),
        };
        batch = batch.put(&roster).map_err(crate::error::PortError::from)?;
        let live = self.counted(account, previous).await?;
        let leaving = leaving(live, limit).ok_or(SessionError::TooMany)?;
        for session in leaving.into_iter().take(ENDED_AT_ONCE) {
            batch = self.ending(batch, &session, SessionEnd::LimitReached, now, None)?;
        }
        Ok(batch)
    }

    /// The sessions that count: live, of the account's present epoch, and not the one whose place is taken.
    async fn counted(
        &self,
        account: &Account,
        previous: Option<SessionId>,
    ) -> Result<Vec<Versioned<Session>>, SessionError> {
        let mut live = Vec::new();
        let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let page = self.list(account.id, request).await?;
            live.extend(
                page.items
                    .into_iter()
                    .filter(|it| it.value.epoch == account.session_epoch && Some(it.value.id) != previous),
            );
            match page.next {
                Some(next) => request = PageRequest::after(next, PageRequest::MAX_LIMIT),
                None => return Ok(live),
            }
        }
    }
}

/// Which of these sessions end so that one more may begin; `None` when it may not.
fn leaving(mut live: Vec<Versioned<Session>>, limit: SessionLimit) -> Option<Vec<Versioned<Session>>> {
    let most = usize::try_from(limit.most.max(1)).unwrap_or(usize::MAX);
    let surplus = (live.len() + 1).saturating_sub(most);
    if surplus > 0 && limit.then == AtLimit::Refuse {
        return None;
    }
    live.sort_by_key(|it| (it.value.created_at, it.value.id));
    live.truncate(surplus);
    Some(live)
}

/// A limit that was lowered is reached step by step: a batch is bounded.
const ENDED_AT_ONCE: usize = 16;
