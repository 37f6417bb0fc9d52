//! The registered clients.

use std::sync::Arc;

use ciam_core::error::PortError;
use ciam_core::ports::Ports;
use ciam_core::store::{self, Versioned};

use super::authentication::AuthMethod;
use super::id::ClientId;
use super::model::Client;

/// The registered clients of a tenant.
#[derive(Clone, Debug)]
pub struct Clients {
    ports: Ports,
}

impl Clients {
    /// The clients of these ports' tenant.
    #[must_use]
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// The client with this id.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn get(&self, id: &ClientId) -> Result<Option<Versioned<Client>>, PortError> {
        store::load(self.ports.store(), id.as_str()).await
    }
}

/// A client that proved that it is itself; a public one only named itself.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuthenticatedClient {
    /// The client.
    pub client: Arc<Client>,
    /// How it authenticated: the method that it is registered for.
    pub method: AuthMethod,
}

impl AuthenticatedClient {
    /// A client that authenticated by its registered method.
    #[must_use]
    pub fn new(client: Arc<Client>) -> Self {
        let method = client.authentication.method();
        Self { client, method }
    }
}
