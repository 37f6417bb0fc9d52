//! What a suite runs against.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::actor::Actor;
use ciam_core::error::PortError;
use ciam_core::id::{EventId, OrganizationId};
use ciam_core::organization::Slug;
use http::{Request, Response};

use crate::connection::Connection;
use crate::profile::Profile;
use crate::service::{Caller, ScimService};

/// A server under test.
#[async_trait]
pub trait Target: fmt::Debug + Send + Sync {
    /// Where the service is, without a trailing slash.
    fn base(&self) -> &str;

    /// A new organization, with nobody in it.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be made.
    async fn organization(&self) -> Result<OrganizationId, PortError>;

    /// Sends a request for an organization, by a connection of this profile.
    ///
    /// # Errors
    ///
    /// Fails when there is no answer.
    async fn send(
        &self,
        organization: OrganizationId,
        profile: Profile,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, PortError>;
}

/// The service itself, on a host's ports.
#[derive(Clone, Debug)]
pub struct InProcess {
    service: ScimService,
}

impl InProcess {
    /// A service.
    #[must_use]
    pub const fn new(service: ScimService) -> Self {
        Self { service }
    }
}

#[async_trait]
impl Target for InProcess {
    fn base(&self) -> &str {
        "https://id.example/scim/v2"
    }

    async fn organization(&self) -> Result<OrganizationId, PortError> {
        let ports = &self.service.ports;
        let name = EventId::generate(ports.clock(), ports.entropy())?.to_string();
        let slug = Slug::new(format!("kit-{name}")).map_err(PortError::permanent)?;
        let actor = Actor::system("testkit");
        let made = self.service.organizations.create(&actor, slug, "Testkit", None).await;
        Ok(made.map_err(PortError::permanent)?.id)
    }

    async fn send(
        &self,
        organization: OrganizationId,
        profile: Profile,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, PortError> {
        let connection = Connection::new(organization).with_profile(profile);
        Ok(self.service.handle(&Caller::new(&connection, self.base()), request).await)
    }
}
