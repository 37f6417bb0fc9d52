//! Wrong ways to read.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

use super::Broken;
use super::fault::{Fault, Kind, Read};
use crate::account::{Account, IdentifierKey, IdentifierKind};
use crate::credential::Credential;
use crate::error::PortError;
use crate::id::AccountId;
use crate::memory::MemoryStore;
use crate::memory::tables::{Tables, is_live};
use crate::session::Session;
use crate::store::{
    Counted, Cursor, IndexQuery, Page, PageRequest, Record, RecordKind, Store as _, Versioned, Window,
};

impl Broken {
    /// Reads one entity.
    pub(super) async fn one<T, F>(
        &self,
        read: Read,
        find: impl Fn(MemoryStore) -> F + Send + Sync,
    ) -> Result<Option<T>, PortError>
    where
        T: Send,
        F: Future<Output = Result<Option<T>, PortError>> + Send,
    {
        let of = |kind| match kind {
            Kind::Session => read == Read::Session,
            Kind::Record => read == Read::Record,
            _ => false,
        };
        match self.world.fault {
            Some(Fault::ReadsAtTheEnd(kind)) if of(kind) => {
                find(self.at(self.now() - Duration::MICROSECOND)).await
            }
            Some(Fault::ReadsExpired(kind)) if of(kind) => find(self.at(OffsetDateTime::UNIX_EPOCH)).await,
            Some(Fault::ReadCrosses(crosses)) if crosses == read => {
                let mut found = find(self.honest.clone()).await?;
                for other in self.others() {
                    if found.is_none() {
                        found = find(other).await?;
                    }
                }
                Ok(found)
            }
            _ => find(self.honest.clone()).await,
        }
    }

    /// Reads a page.
    pub(super) async fn list<T, F>(
        &self,
        read: Read,
        request: PageRequest,
        fetch: impl Fn(MemoryStore, PageRequest) -> F + Send + Sync,
        key: impl Fn(&T) -> String + Send + Sync,
    ) -> Result<Page<T>, PortError>
    where
        T: Clone + Send,
        F: Future<Output = Result<Page<T>, PortError>> + Send,
    {
        let honest = || fetch(self.honest.clone(), request.clone());
        match self.world.fault {
            Some(Fault::ListsExpired(wrong)) if wrong == read => {
                fetch(self.at(OffsetDateTime::UNIX_EPOCH), request).await
            }
            Some(Fault::ReadCrosses(wrong)) if wrong == read => {
                let mut page = honest().await?;
                if page.next.is_some() {
                    return Ok(page);
                }
                let all = || PageRequest::first(PageRequest::MAX_LIMIT);
                let own: Vec<String> =
                    fetch(self.honest.clone(), all()).await?.items.iter().map(&key).collect();
                for other in self.others() {
                    let more = fetch(other, all()).await?.items;
                    page.items.extend(more.into_iter().filter(|item| !own.contains(&key(item))));
                }
                Ok(page)
            }
            Some(Fault::SkipsAtBoundary(wrong)) if wrong == read => {
                let mut page = honest().await?;
                if request.after.is_some() && !page.items.is_empty() {
                    page.items.remove(0);
                }
                Ok(page)
            }
            Some(Fault::RepeatsAtBoundary(wrong)) if wrong == read => {
                let mut page = honest().await?;
                if let Some(after) = &request.after {
                    let all = fetch(self.honest.clone(), PageRequest::first(PageRequest::MAX_LIMIT)).await?;
                    let last = all.items.into_iter().find(|item| key(item) == after.as_str());
                    page.items.splice(0..0, last);
                }
                Ok(page)
            }
            Some(Fault::Unordered(wrong)) if wrong == read => {
                let mut page = honest().await?;
                page.items.reverse();
                Ok(page)
            }
            Some(Fault::AtLeastThree) => {
                let request = PageRequest { limit: request.limit.max(3), ..request };
                fetch(self.honest.clone(), request).await
            }
            Some(Fault::FullPagesHaveANext) => {
                let mut page = honest().await?;
                if page.items.len() >= request.limit as usize && page.next.is_none() {
                    let last = page.items.last().map(|last| Cursor::new(key(last)));
                    page.next = last.transpose().map_err(PortError::permanent)?;
                }
                Ok(page)
            }
            Some(Fault::FoldsOrder) if read == Read::Records => {
                let mut all =
                    fetch(self.honest.clone(), PageRequest::first(PageRequest::MAX_LIMIT)).await?.items;
                all.sort_by_key(|item| key(item).to_lowercase());
                let after = request.after.as_ref().map(|after| after.as_str().to_lowercase());
                let begin = after.map(|after| all.partition_point(|item| key(item).to_lowercase() <= after));
                cut(&all, begin.unwrap_or(0), &request, |_, last| key(last))
            }
            Some(Fault::CountsOffsets(wrong)) if wrong == read => {
                let all = fetch(self.honest.clone(), PageRequest::first(PageRequest::MAX_LIMIT)).await?.items;
                let begin = request.after.as_ref().and_then(|after| after.as_str().parse().ok());
                cut(&all, begin.unwrap_or(0), &request, |end, _| end.to_string())
            }
            Some(Fault::ShortCursors)
                if request.after.as_ref().is_some_and(|after| after.as_str().len() > 255) =>
            {
                Err(PortError::permanent("not a cursor"))
            }
            _ => honest().await,
        }
    }

    fn with_tables<T>(&self, look: impl FnOnce(&Tables) -> T) -> T {
        look(self.world.database.lock().entry(self.honest.tenant()).or_default())
    }

    /// What a wrong look-up by identifier finds; `None` when this store looks up rightly.
    pub(super) async fn wrong_account(
        &self,
        key: &IdentifierKey,
    ) -> Result<Option<Option<Versioned<Account>>>, PortError> {
        let by = |is_it: &dyn Fn(&IdentifierKey) -> bool| {
            self.with_tables(|tables| {
                let owner = tables.identifiers.iter().find(|(known, _)| is_it(known));
                owner.and_then(|(_, owner)| tables.accounts.get(owner).cloned())
            })
        };
        Ok(match self.world.fault {
            Some(Fault::FindsVerifiedOnly) => {
                let found = self.honest.account_by_identifier(key).await?;
                Some(found.filter(|found| {
                    found.value.identifier_with(key).is_some_and(|identifier| identifier.is_verified())
                }))
            }
            Some(Fault::FindsFormerIdentifiers) => {
                let past = self.world.past();
                let owner =
                    past.get(&self.honest.tenant()).and_then(|past| past.identifiers.get(key).copied());
                Some(owner.and_then(|owner| self.with_tables(|tables| tables.accounts.get(&owner).cloned())))
            }
            Some(Fault::FoldsIdentifiers) => {
                let same = |known: &IdentifierKey| {
                    known.kind() == key.kind() && known.as_str().to_lowercase() == key.as_str().to_lowercase()
                };
                Some(by(&same))
            }
            Some(Fault::MixesIdentifierKinds) => {
                let kinds = [IdentifierKind::Email, IdentifierKind::Phone, IdentifierKind::Username];
                let same =
                    |known: &IdentifierKey| kinds.contains(&known.kind()) && known.as_str() == key.as_str();
                Some(by(&same))
            }
            _ => None,
        })
    }

    pub(super) async fn wrong_credentials(
        &self,
        account: AccountId,
    ) -> Result<Vec<Versioned<Credential>>, PortError> {
        let mut found = self.honest.credentials_of(account).await?;
        match self.world.fault {
            Some(Fault::ReadCrosses(Read::CredentialsOf)) => {
                for other in self.others() {
                    if found.is_empty() {
                        found = other.credentials_of(account).await?;
                    }
                }
            }
            Some(Fault::CredentialsOfOthers) if !found.is_empty() => {
                found = self.with_tables(|tables| tables.credentials.values().cloned().collect());
            }
            Some(Fault::CutsCredentials) => found.truncate(32),
            Some(Fault::UnorderedCredentials) => found.reverse(),
            _ => {}
        }
        Ok(found)
    }

    pub(super) fn with_sessions_of_others(
        &self,
        account: AccountId,
        mut page: Page<Versioned<Session>>,
    ) -> Page<Versioned<Session>> {
        if self.has(Fault::SessionsOfOthers) && !page.items.is_empty() && page.next.is_none() {
            let now = self.now();
            let others = self.with_tables(|tables| {
                let live = tables.sessions.values().filter(|found| found.value.expires_at > now);
                live.filter(|found| found.value.account != account).cloned().collect::<Vec<_>>()
            });
            page.items.extend(others);
        }
        page
    }

    /// What a wrong look-up of a record finds; `None` when this store looks up rightly.
    pub(super) fn wrong_record(&self, kind: RecordKind, key: &str) -> Option<Option<Versioned<Record>>> {
        let now = self.now();
        let by = |is_it: &dyn Fn(&Record) -> bool| {
            self.with_tables(|tables| {
                let mut live = tables
                    .records
                    .values()
                    .flat_map(BTreeMap::values)
                    .filter(|found| is_live(&found.value, now));
                live.find(|found| is_it(&found.value)).cloned()
            })
        };
        let of_kind = |record: &Record| record.kind.name() == kind.name();
        match self.world.fault {
            Some(Fault::FoldsKeys) => {
                Some(by(&|record| of_kind(record) && record.key.to_lowercase() == key.to_lowercase()))
            }
            Some(Fault::MixesRecordKinds) => Some(by(&|record| record.key == key)),
            Some(Fault::ForgetsOldRecords) if now - self.world.begun > Duration::days(30) => {
                Some(by(&|record| of_kind(record) && record.key == key && record.expires_at.is_some()))
            }
            _ => None,
        }
    }

    /// What a wrong look-up by index finds; `None` when this store looks up rightly.
    pub(super) fn wrong_records(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        request: &PageRequest,
    ) -> Option<Result<Page<Versioned<Record>>, PortError>> {
        let now = self.now();
        let by = |is_it: &dyn Fn(&Record) -> bool| {
            self.with_tables(|tables| {
                let of_kind = tables.of_kind(kind.name()).map(|(_, found)| found);
                let live = of_kind.filter(|found| is_live(&found.value, now));
                let found: Vec<_> = live.filter(|found| is_it(&found.value)).cloned().collect();
                let after = request.after.as_ref().map_or("", Cursor::as_str);
                let begin = found.partition_point(|found| found.value.key.as_str() <= after);
                cut(&found, begin, request, |_, last| last.value.key.clone())
            })
        };
        match self.world.fault {
            Some(Fault::UndeclaredIndexIsEmpty) if kind.index(index).is_none() => {
                Some(Ok(Page::new(Vec::new(), None)))
            }
            Some(Fault::FoldsIndexValues) if kind.index(index).is_some() => Some(by(&|record| {
                record.indexes.iter().any(|known| {
                    known.index.name() == index && known.value.to_lowercase() == value.to_lowercase()
                })
            })),
            Some(Fault::MixesIndexes) if kind.index(index).is_some() => {
                Some(by(&|record| record.indexes.iter().any(|known| known.value == value)))
            }
            Some(Fault::FindsFormerValues) => {
                let past = self.world.past();
                let past = past.get(&self.honest.tenant())?;
                let name = kind.index(index)?.name();
                let keys = past.index_values.get(&(kind.name(), name, value.to_owned()))?;
                Some(by(&|record| keys.contains(&record.key)))
            }
            _ => None,
        }
    }
}

impl Broken {
    pub(super) async fn where_wrongly(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        query: &IndexQuery,
        window: Window,
    ) -> Result<Counted<Versioned<Record>>, PortError> {
        let everything = IndexQuery::everything();
        let mut asked = (query, window);
        match self.world.fault {
            Some(Fault::IgnoresQueries) if query.is_for(kind) => asked.0 = &everything,
            Some(Fault::IgnoresSkips) => asked.1.skip = 0,
            Some(Fault::UndeclaredIsFalse) if !query.is_for(kind) => return Ok(Counted::new(Vec::new(), 0)),
            _ => {}
        }
        let mut found = self.honest.records_where(kind, index, value, asked.0, asked.1).await?;
        if self.has(Fault::CountsTheWindow) {
            found.total = u64::try_from(found.items.len()).unwrap_or(u64::MAX);
        }
        Ok(found)
    }
}

/// A page of a list that is all there, from a position on.
fn cut<T: Clone>(
    all: &[T],
    begin: usize,
    request: &PageRequest,
    cursor: impl Fn(usize, &T) -> String,
) -> Result<Page<T>, PortError> {
    let end = begin.saturating_add(request.limit as usize).min(all.len());
    let items = all.get(begin..end).unwrap_or_default().to_vec();
    let next = match items.last() {
        Some(last) if end < all.len() => Some(Cursor::new(cursor(end, last)).map_err(PortError::permanent)?),
        _ => None,
    };
    Ok(Page::new(items, next))
}
