//! Broken directories of an old system with three people.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use time::OffsetDateTime;

use super::super::legacy_directory::LegacyDirectoryHarness;
use super::super::race::step_aside;
use super::Faulty;
use crate::account::{Identifier, IdentifierKey};
use crate::error::PortError;
use crate::migration::{ExternalId, LegacyAccount, LegacyDirectory, LegacyOutcome};
use crate::secret::Secret;

/// One wrong decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    KnowsNobody,
    NotVerified,
    NotTheTyped,
    NewIdEachTime,
    FoldsCase,
    Trims,
    EmptyIsOpen,
    Prefix,
    ByPasswordAlone,
    ByUsername,
    StoppedIsOpen,
    SilenceRefuses,
    SilenceConfirms,
    StuckWhenDropped,
}

/// Each fault with the clause that it breaks.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::KnowsNobody, "confirm.right"),
    (Fault::NotVerified, "confirm.verified"),
    (Fault::NotTheTyped, "confirm.verified"),
    (Fault::NewIdEachTime, "confirm.same"),
    (Fault::FoldsCase, "refuse.password"),
    (Fault::Trims, "refuse.password"),
    (Fault::EmptyIsOpen, "refuse.password"),
    (Fault::Prefix, "refuse.password"),
    (Fault::ByPasswordAlone, "refuse.stranger"),
    (Fault::ByUsername, "refuse.stranger"),
    (Fault::StoppedIsOpen, "refuse.stopped"),
    (Fault::SilenceRefuses, "fail.silence"),
    (Fault::SilenceConfirms, "fail.silence"),
    (Fault::StuckWhenDropped, "cancel.safe"),
];

/// Every fault, in a directory of its own.
pub(super) fn directories() -> Vec<Faulty<dyn LegacyDirectoryHarness>> {
    let faulty = |(fault, breaks): &(Fault, &'static str)| {
        let fault = *fault;
        let make = move || -> Box<dyn LegacyDirectoryHarness> { Box::new(Harness::new(fault)) };
        Faulty::new(format!("{fault:?}"), breaks, make)
    };
    FAULTS.iter().map(faulty).collect()
}

const ADA: &str = "ada@old.example";
const STOPPED: &str = "stopped@old.example";
const PASSWORD: &str = "Analytical Engine";

struct Harness {
    up: Arc<Broken>,
    down: Arc<Broken>,
}

impl Harness {
    fn new(fault: Fault) -> Self {
        let of = |down| Arc::new(Broken { fault, down, asked: AtomicU64::new(0), open: AtomicU64::new(0) });
        Self { up: of(false), down: of(true) }
    }
}

fn key(text: &str) -> IdentifierKey {
    IdentifierKey::email(text).unwrap_or_else(|_| unreachable!("these are addresses"))
}

impl LegacyDirectoryHarness for Harness {
    fn directory(&self) -> Arc<dyn LegacyDirectory> {
        self.up.clone()
    }

    fn person(&self) -> (IdentifierKey, Secret) {
        (key(ADA), Secret::from(PASSWORD))
    }

    fn stopped(&self) -> Option<(IdentifierKey, Secret)> {
        Some((key(STOPPED), Secret::from(PASSWORD)))
    }

    fn out_of_reach(&self) -> Arc<dyn LegacyDirectory> {
        self.down.clone()
    }
}

#[derive(Debug)]
struct Broken {
    fault: Fault,
    down: bool,
    asked: AtomicU64,
    /// Questions that are under way.
    open: AtomicU64,
}

impl Broken {
    fn is_right(&self, password: &str) -> bool {
        match self.fault {
            Fault::FoldsCase => password.eq_ignore_ascii_case(PASSWORD),
            Fault::Trims => password.trim() == PASSWORD,
            Fault::EmptyIsOpen => password.is_empty() || password == PASSWORD,
            Fault::Prefix => PASSWORD.starts_with(password) && password.len() > 6,
            _ => password == PASSWORD,
        }
    }

    fn knows(&self, identifier: &IdentifierKey) -> bool {
        match self.fault {
            Fault::KnowsNobody => false,
            Fault::ByPasswordAlone => identifier.as_str() != STOPPED,
            Fault::ByUsername if identifier.as_str() == "no-such-person" => true,
            Fault::StoppedIsOpen => [ADA, STOPPED].contains(&identifier.as_str()),
            _ => identifier.as_str() == ADA,
        }
    }

    fn account(&self, identifier: &IdentifierKey, asked: u64) -> LegacyAccount {
        let known = match self.fault {
            Fault::NotVerified => Identifier::unverified(identifier.clone()),
            Fault::NotTheTyped => Identifier::verified(key("other@old.example"), OffsetDateTime::UNIX_EPOCH),
            _ => Identifier::verified(identifier.clone(), OffsetDateTime::UNIX_EPOCH),
        };
        let id = if self.fault == Fault::NewIdEachTime { format!("old|{asked}") } else { "old|1".to_owned() };
        let account = LegacyAccount::new(vec![known]);
        match ExternalId::new(id) {
            Ok(id) => account.with_external_id(id),
            Err(_) => account,
        }
    }
}

#[async_trait]
impl LegacyDirectory for Broken {
    async fn authenticate(
        &self,
        identifier: &IdentifierKey,
        password: &Secret,
    ) -> Result<LegacyOutcome, PortError> {
        if self.down {
            return match self.fault {
                Fault::SilenceRefuses => Ok(LegacyOutcome::Refused),
                Fault::SilenceConfirms => Ok(LegacyOutcome::Confirmed(Box::default())),
                _ => Err(PortError::transient("the old system is down")),
            };
        }
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let stuck = self.open.load(Ordering::SeqCst) > 0 && asked > 1;
        self.open.fetch_add(u64::from(self.fault == Fault::StuckWhenDropped), Ordering::SeqCst);
        if self.fault == Fault::StuckWhenDropped {
            step_aside().await;
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
        let open = self.fault != Fault::StuckWhenDropped || !stuck;
        if open && self.knows(identifier) && self.is_right(password.expose()) {
            Ok(LegacyOutcome::Confirmed(Box::new(self.account(identifier, asked))))
        } else {
            Ok(LegacyOutcome::Refused)
        }
    }
}
