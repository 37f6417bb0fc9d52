//! The directories of organizations: what goes with a change of theirs, and what they have asked for lately.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::{
    ephemeral::{self, EphemeralKey},
    error::PortError,
    event::{Event, EventType},
    id::{AccountId, OrganizationId},
    ports::Ports,
    relay::EventSink,
};
use ciam_oauth::AuthorizationServer;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::services::Services;

/// Takes back what applications were given for an organization, when the membership has stopped or ended: whoever did that.
pub(crate) fn grants_sink(services: &Services) -> Arc<dyn EventSink> {
    Arc::new(MembershipGrants { server: services.server.clone() })
}

#[derive(Debug)]
struct MembershipGrants {
    server: AuthorizationServer,
}

#[async_trait]
impl EventSink for MembershipGrants {
    fn name(&self) -> &'static str {
        "membership-grants"
    }

    fn wants(&self, event: &Event) -> bool {
        [EventType::MEMBERSHIP_SUSPENDED, EventType::MEMBERSHIP_ENDED].contains(&event.event_type)
    }

    async fn deliver(&self, event: &Event) -> Result<(), PortError> {
        let account = event.subject.strip_prefix("account:").and_then(|it| it.parse::<AccountId>().ok());
        let organization = event.data.get("organization").and_then(|it| it.as_str());
        let organization = organization.and_then(|it| it.parse::<OrganizationId>().ok());
        let (Some(account), Some(organization)) = (account, organization) else {
            return Err(PortError::permanent("the event names no member"));
        };
        self.server.revoke_organization_grants(account, organization).await?;
        Ok(())
    }
}

/// A request of a directory and its outcome. No query, and nothing of the body: those have personal data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DirectoryRequest {
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) at: OffsetDateTime,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
}

/// So many requests are remembered for each organization,
const REMEMBERED: u64 = 20;
/// for so long.
const FOR: Duration = Duration::DAY;

fn place(organization: OrganizationId, number: u64) -> EphemeralKey {
    EphemeralKey::new("server.scim_request", format!("{organization}.{}", number % REMEMBERED))
}

/// Remembers a request.
pub(crate) async fn remember(
    ports: &Ports,
    organization: OrganizationId,
    request: &DirectoryRequest,
) -> Result<(), PortError> {
    let counter = EphemeralKey::new("server.scim_requests", organization.to_string());
    let number = ports.ephemeral().increment(&counter, FOR).await?;
    ports.ephemeral().put(&place(organization, number), ephemeral::encode(request)?, FOR).await
}

/// The requests that are remembered, the last one first.
pub(crate) async fn remembered(
    ports: &Ports,
    organization: OrganizationId,
) -> Result<Vec<DirectoryRequest>, PortError> {
    let mut requests: Vec<DirectoryRequest> = Vec::new();
    for number in 0..REMEMBERED {
        if let Some(bytes) = ports.ephemeral().get(&place(organization, number)).await? {
            requests.push(ephemeral::decode(&bytes)?);
        }
    }
    requests.sort_by_key(|it| std::cmp::Reverse(it.at));
    Ok(requests)
}
