//! In-memory implementations of the ports, for tests and first prototypes.
//!
//! They keep the whole contract, races included, and lose everything when the process ends.
//!
//! ```
//! use ciam_core::memory;
//!
//! let ports = memory::ports();
//! assert_eq!(ports.store().tenant(), ports.tenant());
//! ```

pub(crate) mod apply;
mod breached;
mod dns;
mod ephemeral;
mod http_client;
mod listing;
mod notifier;
pub(crate) mod outbox;
mod store;
pub(crate) mod tables;
mod vault;
mod vault_store;

use std::sync::Arc;

pub use self::breached::MemoryBreachedPasswords;
pub use self::dns::MemoryDns;
pub use self::ephemeral::{MemoryEphemeral, MemoryEphemeralDatabase};
pub use self::http_client::MemoryHttpClient;
pub use self::notifier::MemoryNotifier;
pub use self::store::{MemoryDatabase, MemoryStore};
pub use self::vault_store::{MemoryVaultDatabase, MemoryVaultStore};
use crate::clock::{Clock, SystemClock};
use crate::entropy::{Entropy, SystemEntropy};
use crate::id::TenantId;
use crate::ports::Ports;

/// Ports of a new tenant in a new, empty memory, on the system's clock and entropy.
#[must_use]
pub fn ports() -> Ports {
    ports_with(Arc::new(SystemClock::new()), Arc::new(SystemEntropy::new()))
}

/// Ports of a new tenant in a new, empty memory, on this clock and entropy.
#[must_use]
pub fn ports_with(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Ports {
    let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(1));
    ports_of(tenant, &MemoryDatabase::new(), clock, entropy)
}

/// Ports of one tenant of a database, with an ephemeral store and a key vault of their own.
#[must_use]
pub fn ports_of(
    tenant: TenantId,
    database: &MemoryDatabase,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Ports {
    let store = Arc::new(database.tenant(tenant, Arc::clone(&clock)));
    let ephemeral = Arc::new(MemoryEphemeralDatabase::new().tenant(tenant, Arc::clone(&clock)));
    let vault = vault::vault(tenant, &clock, Arc::clone(&entropy));
    Ports::new(store, ephemeral, vault).with_clock(clock).with_entropy(entropy)
}
