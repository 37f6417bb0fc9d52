//! Export and erasure, and what is done for them in the background.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use ciam_core::{
    account::ReasonCode,
    actor::Actor,
    audit::AuditLog,
    error::PortError,
    id::AccountId,
    keys::KeyRing,
    notify::retire_message_keys,
    ports::Ports,
    privacy::{Erasure, ErasureError, PersonalKinds, Retention, RetentionPolicy, RetentionReport},
    sealing::SealingStore,
    session::SessionManager,
    store::Cursor,
};
use tokio::{sync::watch, time::Instant};

use crate::keys::ALGORITHMS;

/// Every kind of record of this server that belongs to accounts.
pub fn kinds() -> PersonalKinds {
    PersonalKinds::core()
        .with(ciam_mfa::privacy::personal_kinds())
        .with(ciam_oauth::privacy::personal_kinds())
        .with(ciam_oidc::privacy::personal_kinds())
        .with(ciam_scim::store::personal_kinds())
        .with(crate::transactions::personal_kinds())
        .with(crate::backchannel::personal_kinds())
}

/// Erasure with everything that this server holds.
pub fn erasure(ports: &Ports) -> Erasure {
    Erasure::new(ports.clone(), SessionManager::new(ports.clone()), kinds())
}

/// Erases an account now.
///
/// # Errors
///
/// There is no such account, it is erased already, or a port fails.
pub async fn erase(ports: &Ports, account: &str, reason: String) -> anyhow::Result<()> {
    let id: AccountId =
        account.parse().with_context(|| format!("`{account}` is not the id of an account"))?;
    let reason = ReasonCode::new(reason)?;
    match erasure(ports).erase_now(id, &Actor::system("command_line"), &reason).await {
        Ok(()) => {}
        Err(ErasureError::LastOwner { organizations }) => {
            let mut slugs = Vec::with_capacity(organizations.len());
            for organization in organizations {
                let found = ports.store().organization(organization).await?;
                slugs.extend(found.map(|found| found.value.slug.as_str().to_owned()));
            }
            anyhow::bail!(
                "{id} is the last owner of organizations in which others work: {}. Make somebody else an owner there first, or \
                 suspend them",
                slugs.join(", ")
            );
        }
        Err(error) => return Err(error.into()),
    }
    println!("{id} is erased");
    Ok(())
}

/// What runs beside the requests: sealing what was stored before, erasing what is due, and what is not kept.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    pub(crate) ports: Ports,
    pub(crate) sealing: Option<SealingStore>,
    pub(crate) keys: KeyRing,
    pub(crate) retention: RetentionPolicy,
}

impl Keeper {
    /// Works until it is told to stop. What fails is tried again the next time.
    pub(crate) async fn run(self, mut stopped: watch::Receiver<()>) {
        let erasure = erasure(&self.ports);
        let work = async {
            report("seal what was stored before", self.reseal().await);
            report("erase what came back", erasure.erase_restored().await.map(drop));
            let (mut seldom, mut daily) = (Instant::now(), Instant::now());
            loop {
                report("erase what is due", erasure.run(AT_ONCE).await.map(drop));
                if daily <= Instant::now() {
                    report("keep to the retention rules", self.retain(&erasure).await);
                    daily = Instant::now() + DAILY;
                }
                if seldom <= Instant::now() {
                    report("retire message keys", retire_message_keys(&self.ports).await);
                    self.checkpoint().await;
                    seldom = Instant::now() + SELDOM;
                }
                tokio::time::sleep(OFTEN).await;
            }
        };
        let stop = async { while stopped.changed().await.is_ok() {} };
        tokio::select! {
            () = stop => {}
            () = work => {}
        }
    }

    async fn reseal(&self) -> Result<(), PortError> {
        let Some(sealing) = self.sealing.as_ref().filter(|it| !it.is_complete()) else { return Ok(()) };
        let done = sealing.reseal(&kinds().records()).await?;
        tracing::info!(seen = done.seen, sealed = done.sealed, "sealed what was stored before");
        Ok(())
    }

    pub(crate) async fn retain(&self, erasure: &Erasure) -> Result<(), PortError> {
        let retention = Retention::new(erasure.clone(), self.retention);
        let mut after: Option<Cursor> = None;
        loop {
            let done = retention.step(after, PAGE).await?;
            if done.erased + done.warned + done.closed + done.kept > 0 {
                let RetentionReport { erased, warned, closed, kept, .. } = done;
                tracing::info!(erased, warned, closed, kept, "kept to the retention rules");
            }
            after = done.next;
            if after.is_none() {
                break;
            }
        }
        while retention.trim_audit(AUDIT_PAGE).await? > 0 {}
        Ok(())
    }

    /// The end of the audit log, signed, goes to the log of the server, which is kept elsewhere than the database.
    async fn checkpoint(&self) {
        let [algorithm, ..] = ALGORITHMS;
        let Ok(signer) = self.keys.signer(algorithm).await else { return };
        match AuditLog::new(self.ports.clone()).checkpoint(&*signer).await {
            Ok(checkpoint) => tracing::info!(%checkpoint, "audit log"),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "no checkpoint"),
        }
    }
}

/// The receiver of events that makes the audit log.
pub(crate) fn audit_sink(ports: &Ports) -> Arc<AuditLog> {
    Arc::new(AuditLog::new(ports.clone()))
}

fn report(what: &str, outcome: Result<(), PortError>) {
    if let Err(error) = outcome {
        tracing::warn!(error = &error as &dyn std::error::Error, "cannot {what}");
    }
}

const AT_ONCE: u32 = 20;
const PAGE: u32 = 200;
const OFTEN: Duration = Duration::from_secs(60);
const SELDOM: Duration = Duration::from_secs(3600);
const DAILY: Duration = Duration::from_secs(24 * 3600);
const AUDIT_PAGE: u32 = 600;

#[cfg(test)]
mod tests;
