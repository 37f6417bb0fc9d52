//! What becomes of tokens when something happens to what stands behind them.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::account::AccountStatus;
use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::id::GrantId;
use ciam_core::relay::EventSink;
use ciam_core::store::{self, Batch, EntityRef, IndexDeclaration, PageRequest, StoredRecord as _, Versioned};
use time::OffsetDateTime;

use super::list::TokenStatus;
use super::record::{BY_CLIENT, BY_HOLDER, BY_ORGANIZATION, StatusEntry};
use crate::AuthorizationServer;
use crate::client::ClientId;
use crate::error::GrantProblem;
use crate::event;
use crate::grant::Grant;

impl AuthorizationServer {
    /// The sink that changes the status of tokens, for the host's [`Relay`](ciam_core::relay::Relay): whatever happens to an account, a
    /// client or an organization, its tokens are looked at again, by the rule of [introspection](crate::introspect).
    ///
    /// # Security
    ///
    /// Without it, only tokens that their client revokes one by one change their status.
    #[must_use]
    pub fn status_list_sink(&self) -> Arc<dyn EventSink> {
        Arc::new(StatusSink { server: self.clone() })
    }
}

#[derive(Debug)]
struct StatusSink {
    server: AuthorizationServer,
}

/// What happens often, and ends nothing.
const HARMLESS: [EventType; 6] = [
    EventType::SIGNED_IN,
    EventType::SESSION_RENEWED,
    event::AUTHORIZATION_GRANTED,
    event::GRANT_CREATED,
    event::TOKEN_EXCHANGED,
    event::ACCESS_TOKEN_REVOKED,
];

#[async_trait]
impl EventSink for StatusSink {
    fn name(&self) -> &'static str {
        "oauth.status-lists"
    }

    fn wants(&self, event: &Event) -> bool {
        !HARMLESS.contains(&event.event_type) && about(event).is_some()
    }

    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        match about(event) {
            Some((index, value)) => self.look_again(index, value).await,
            None => Ok(()),
        }
    }
}

/// By what index the tokens are found that an event may concern.
fn about(event: &Event) -> Option<(IndexDeclaration, &str)> {
    let (kind, name) = event.subject.split_once(':')?;
    match kind {
        "account" => Some((BY_HOLDER, name)),
        "client" => Some((BY_CLIENT, name)),
        "organization" => Some((BY_ORGANIZATION, name)),
        _ => None,
    }
}

impl StatusSink {
    /// Looks at every token with this in an index.
    async fn look_again(&self, index: IndexDeclaration, value: &str) -> Result<(), PortError> {
        let mut looking = Looking { server: &self.server, grants: HashMap::new(), clients: HashMap::new() };
        let mut request = PageRequest::first(PAGE);
        loop {
            let store = self.server.ports().store();
            let page = store.records_by(StatusEntry::KIND, index.name(), value, request).await?;
            let mut changed = Vec::new();
            for found in page.items {
                let entry = Versioned::new(found.value.decode::<StatusEntry>()?, found.version);
                let status = looking.status(&entry.value).await?;
                if status != entry.value.status() {
                    changed.push(Versioned::new(entry.value.with_status(status), entry.version));
                }
            }
            self.store(&changed).await?;
            match page.next {
                Some(next) => request = PageRequest::after(next, PAGE),
                None => return Ok(()),
            }
        }
    }

    async fn store(&self, changed: &[Versioned<StatusEntry>]) -> Result<(), PortError> {
        for some in changed.chunks(TOGETHER) {
            let mut batch = Batch::new();
            for entry in some {
                let entity = EntityRef::record::<StatusEntry>(entry.value.key());
                batch = batch.require_version(entity, entry.version).put(&entry.value)?;
            }
            if !self.server.ports().store().commit(batch).await?.is_applied() {
                // Somebody revoked one of them meanwhile, or it expired.
                return Err(PortError::transient("the status of a token has changed"));
            }
        }
        Ok(())
    }
}

/// What was found out for one event.
struct Looking<'s> {
    server: &'s AuthorizationServer,
    grants: HashMap<GrantId, TokenStatus>,
    clients: HashMap<ClientId, bool>,
}

impl Looking<'_> {
    async fn status(&mut self, entry: &StatusEntry) -> Result<TokenStatus, PortError> {
        if entry.revoked || !self.is_there(&entry.client).await? {
            return Ok(TokenStatus::Invalid);
        }
        let Some(id) = entry.grant else { return Ok(TokenStatus::Valid) };
        if let Some(known) = self.grants.get(&id) {
            return Ok(*known);
        }
        let found = store::load::<Grant>(self.server.ports().store(), &Grant::record_key(id)).await?;
        let first = entry.grant_client.as_ref().unwrap_or(&entry.client);
        let status = match found.filter(|found| found.value.client == *first) {
            None => TokenStatus::Invalid,
            Some(found) => self.of_grant(&found.value, self.server.ports().now()).await?,
        };
        self.grants.insert(id, status);
        Ok(status)
    }

    async fn of_grant(&self, grant: &Grant, now: OffsetDateTime) -> Result<TokenStatus, PortError> {
        Ok(match self.server.grant_holder(grant, now).await? {
            Ok(_) => TokenStatus::Valid,
            // It may be let in again.
            Err(GrantProblem::AccountInactive) => {
                let account = self.server.ports().store().account(grant.account).await?;
                match account.map(|found| found.value.status) {
                    Some(AccountStatus::Suspended | AccountStatus::Locked) => TokenStatus::Suspended,
                    _ => TokenStatus::Invalid,
                }
            }
            Err(_) => TokenStatus::Invalid,
        })
    }

    async fn is_there(&mut self, client: &ClientId) -> Result<bool, PortError> {
        if let Some(known) = self.clients.get(client) {
            return Ok(*known);
        }
        let found = self.server.clients().get(client).await?.is_some();
        self.clients.insert(client.clone(), found);
        Ok(found)
    }
}

const PAGE: u32 = 100;
/// How many are stored in one commit.
const TOGETHER: usize = 32;
