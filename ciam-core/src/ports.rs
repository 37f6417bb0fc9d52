//! One tenant's capabilities, bundled.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::abuse::{NoSimSwaps, SimSwaps};
use crate::clock::{Clock, SystemClock};
use crate::crypto::{self, Crypto};
use crate::entropy::{Entropy, SystemEntropy};
use crate::ephemeral::Ephemeral;
use crate::hooks::{Hooks, NoHooks};
use crate::id::TenantId;
use crate::organization::{Decision, DnsTxt, NoDns, Rbac};
use crate::outbound::{DenyHttp, HttpClient, OutboundPolicy};
use crate::password::{BreachedPasswords, NoBreachedPasswords};
use crate::place::{Locator, NoLocator};
use crate::risk::{NullRiskEngine, RiskEngine};
use crate::runtime::{Runtime, ThreadRuntime};
use crate::store::Store;
use crate::vault::KeyVault;

/// The ports of one tenant: everything that the flows of these crates may touch outside themselves.
///
/// Required are the three that hold state: [`Store`], [`Ephemeral`] and [`KeyVault`]. The others have defaults, replaced
/// with the `with_*` methods. Cloning is cheap.
///
/// ```
/// use std::sync::Arc;
/// # #[cfg(feature = "memory")] {
/// use ciam_core::id::TenantId;
/// use ciam_core::memory;
/// use ciam_core::ports::Ports;
///
/// let ports: Ports = memory::ports();
/// assert_eq!(ports.tenant(), ports.store().tenant());
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Ports {
    all: Arc<All>,
}

/// What clones of the ports share.
#[derive(Clone, Debug)]
pub(crate) struct All {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ephemeral: Arc<dyn Ephemeral>,
    pub(crate) vault: Arc<dyn KeyVault>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) crypto: Arc<dyn Crypto>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) hooks: Arc<dyn Hooks>,
    pub(crate) risk: Arc<dyn RiskEngine>,
    pub(crate) breached_passwords: Arc<dyn BreachedPasswords>,
    pub(crate) http_client: Arc<dyn HttpClient>,
    pub(crate) outbound_policy: Arc<OutboundPolicy>,
    pub(crate) decisions: Arc<dyn Decision>,
    pub(crate) dns: Arc<dyn DnsTxt>,
    pub(crate) locator: Arc<dyn Locator>,
    pub(crate) sim_swaps: Arc<dyn SimSwaps>,
}

impl Ports {
    /// Bundles the ports that hold state, with the default of every other: the system's clock and entropy, the `ring`
    /// backend, plain threads, no hooks, no risk engine, no list of breached passwords, an HTTP client that refuses every
    /// request, decisions by roles, no DNS, and no idea where addresses are or
    /// whose phone numbers.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, ephemeral: Arc<dyn Ephemeral>, vault: Arc<dyn KeyVault>) -> Self {
        let all = All {
            store,
            ephemeral,
            vault,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy::new()),
            crypto: crypto::ring(),
            runtime: Arc::new(ThreadRuntime::new()),
            hooks: Arc::new(NoHooks::new()),
            risk: Arc::new(NullRiskEngine::new()),
            breached_passwords: Arc::new(NoBreachedPasswords::new()),
            http_client: Arc::new(DenyHttp::new()),
            outbound_policy: Arc::new(OutboundPolicy::default()),
            decisions: Arc::new(Rbac::new()),
            dns: Arc::new(NoDns::new()),
            locator: Arc::new(NoLocator::new()),
            sim_swaps: Arc::new(NoSimSwaps::new()),
        };
        Self { all: Arc::new(all) }
    }

    /// The ports, no longer shared with the clones that there are.
    pub(crate) fn all_mut(&mut self) -> &mut All {
        Arc::make_mut(&mut self.all)
    }

    /// Replaces the clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.all_mut().clock = clock;
        self
    }

    /// Replaces the entropy source.
    ///
    /// # Security
    ///
    /// For tests. Every token and code is as strong as this source.
    #[must_use]
    pub fn with_entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.all_mut().entropy = entropy;
        self
    }

    /// Replaces the cryptographic backend.
    #[must_use]
    pub fn with_crypto(mut self, crypto: Arc<dyn Crypto>) -> Self {
        self.all_mut().crypto = crypto;
        self
    }

    /// Replaces the runtime.
    #[must_use]
    pub fn with_runtime(mut self, runtime: Arc<dyn Runtime>) -> Self {
        self.all_mut().runtime = runtime;
        self
    }

    /// Replaces the hooks.
    #[must_use]
    pub fn with_hooks(mut self, hooks: Arc<dyn Hooks>) -> Self {
        self.all_mut().hooks = hooks;
        self
    }

    /// Replaces the risk engine.
    #[must_use]
    pub fn with_risk(mut self, risk: Arc<dyn RiskEngine>) -> Self {
        self.all_mut().risk = risk;
        self
    }

    /// Replaces the list of breached passwords.
    #[must_use]
    pub fn with_breached_passwords(mut self, breached_passwords: Arc<dyn BreachedPasswords>) -> Self {
        self.all_mut().breached_passwords = breached_passwords;
        self
    }

    /// Replaces the HTTP client.
    #[must_use]
    pub fn with_http_client(mut self, http_client: Arc<dyn HttpClient>) -> Self {
        self.all_mut().http_client = http_client;
        self
    }

    /// Replaces the limits and exceptions of outbound requests.
    #[must_use]
    pub fn with_outbound_policy(mut self, policy: OutboundPolicy) -> Self {
        self.all_mut().outbound_policy = Arc::new(policy);
        self
    }

    /// Replaces the policy decision point.
    #[must_use]
    pub fn with_decisions(mut self, decisions: Arc<dyn Decision>) -> Self {
        self.all_mut().decisions = decisions;
        self
    }

    /// Replaces the resolver of TXT records.
    #[must_use]
    pub fn with_dns(mut self, dns: Arc<dyn DnsTxt>) -> Self {
        self.all_mut().dns = dns;
        self
    }

    /// Replaces what knows where addresses are.
    #[must_use]
    pub fn with_locator(mut self, locator: Arc<dyn Locator>) -> Self {
        self.all_mut().locator = locator;
        self
    }

    /// Replaces what knows when the cards of phone numbers were changed.
    #[must_use]
    pub fn with_sim_swaps(mut self, sim_swaps: Arc<dyn SimSwaps>) -> Self {
        self.all_mut().sim_swaps = sim_swaps;
        self
    }

    /// Replaces the store by another handle on the same tenant, such as a counting or failing one in tests.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn Store>) -> Self {
        self.all_mut().store = store;
        self
    }

    /// Replaces the ephemeral store.
    #[must_use]
    pub fn with_ephemeral(mut self, ephemeral: Arc<dyn Ephemeral>) -> Self {
        self.all_mut().ephemeral = ephemeral;
        self
    }

    /// The tenant that the store is bound to.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.all.store.tenant()
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.all.clock.now()
    }

    /// Durable state.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.all.store
    }

    /// Durable state, to put another store in front of it.
    #[must_use]
    pub fn shared_store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.all.store)
    }

    /// The key vault, to share it with a store that seals.
    #[must_use]
    pub fn shared_vault(&self) -> Arc<dyn KeyVault> {
        Arc::clone(&self.all.vault)
    }

    /// Short-lived state.
    #[must_use]
    pub fn ephemeral(&self) -> &dyn Ephemeral {
        &*self.all.ephemeral
    }

    /// The key vault.
    #[must_use]
    pub fn vault(&self) -> &dyn KeyVault {
        &*self.all.vault
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.all.clock
    }

    /// The entropy source.
    #[must_use]
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.all.entropy
    }

    /// The cryptographic backend.
    #[must_use]
    pub fn crypto(&self) -> &dyn Crypto {
        &*self.all.crypto
    }

    /// The cryptographic backend, to keep.
    #[must_use]
    pub fn crypto_backend(&self) -> &Arc<dyn Crypto> {
        &self.all.crypto
    }

    /// The runtime.
    #[must_use]
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.all.runtime
    }

    /// The hooks.
    #[must_use]
    pub fn hooks(&self) -> &dyn Hooks {
        &*self.all.hooks
    }

    /// The risk engine.
    #[must_use]
    pub fn risk(&self) -> &dyn RiskEngine {
        &*self.all.risk
    }

    /// The list of breached passwords.
    #[must_use]
    pub fn breached_passwords(&self) -> &dyn BreachedPasswords {
        &*self.all.breached_passwords
    }

    /// The HTTP client. Use it through [`Outbound`](crate::outbound::Outbound), which applies the rules.
    #[must_use]
    pub fn http_client(&self) -> &dyn HttpClient {
        &*self.all.http_client
    }

    /// The policy decision point.
    #[must_use]
    pub fn decisions(&self) -> &dyn Decision {
        &*self.all.decisions
    }

    /// The resolver of TXT records.
    #[must_use]
    pub fn dns(&self) -> &dyn DnsTxt {
        &*self.all.dns
    }

    /// What knows where addresses are, to share it with an engine.
    #[must_use]
    pub fn shared_locator(&self) -> Arc<dyn Locator> {
        Arc::clone(&self.all.locator)
    }

    /// What knows where addresses are.
    #[must_use]
    pub fn locator(&self) -> &dyn Locator {
        &*self.all.locator
    }

    /// What knows when the cards of phone numbers were changed.
    #[must_use]
    pub fn sim_swaps(&self) -> &dyn SimSwaps {
        &*self.all.sim_swaps
    }

    /// The limits and exceptions of outbound requests.
    #[must_use]
    pub fn outbound_policy(&self) -> &OutboundPolicy {
        &self.all.outbound_policy
    }
}
