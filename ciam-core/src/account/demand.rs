//! What is demanded of the sign-ins of one account, beside what its tenant and its organizations demand.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Account, Accounts};
use crate::actor::Actor;
use crate::assurance::Acr;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::AccountId;
use crate::store::{Batch, EntityRef, Write};

/// What is demanded of the sign-ins of one account, beside what its tenant ([`EnrolmentPolicy`]) and its organizations
/// ([`OrganizationPolicy`]) demand. The stricter counts.
///
/// ```
/// use ciam_core::account::AccountDemand;
/// use ciam_core::assurance::Acr;
/// use time::macros::datetime;
///
/// let demand = AccountDemand::new()
///     .with_any_of(["passkey"])
///     .with_until(datetime!(2026-12-15 00:00 UTC))
///     .with_acr(Acr::new("urn:ciam:acr:aal2"));
/// let now = datetime!(2026-12-01 00:00 UTC);
/// assert_eq!(demand.due(&["totp"], now), Some(demand.until));
/// assert_eq!(demand.due(&["passkey"], now), None);
/// ```
///
/// [`EnrolmentPolicy`]: crate::journey::EnrolmentPolicy
/// [`OrganizationPolicy`]: crate::organization::OrganizationPolicy
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountDemand {
    /// The factors of which the account must have one; empty when it need not. At most [`MAX_FACTORS`](Self::MAX_FACTORS).
    #[serde(default)]
    pub any_of: BTreeSet<String>,
    /// Until when its owner may put that off; `None`: not at all.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// The level of assurance that its sign-ins must reach, as far as its factors go.
    #[serde(default)]
    pub acr: Option<Acr>,
}

impl AccountDemand {
    /// At most this many factors are named.
    pub const MAX_FACTORS: usize = 16;
    /// The longest name of a factor or level, in bytes.
    pub const MAX_NAME: usize = 128;

    /// Nothing is demanded.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The account must have one of these factors.
    #[must_use]
    pub fn with_any_of(mut self, factors: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.any_of = factors.into_iter().map(Into::into).collect();
        self
    }

    /// Its owner may put that off until then.
    #[must_use]
    pub const fn with_until(mut self, until: OffsetDateTime) -> Self {
        self.until = Some(until);
        self
    }

    /// Its sign-ins must reach this level.
    #[must_use]
    pub fn with_acr(mut self, acr: Acr) -> Self {
        self.acr = Some(acr);
        self
    }

    /// Whether an account with these factors has to add one, and until when its owner may put that off.
    #[must_use]
    pub fn due(&self, enrolled: &[&str], now: OffsetDateTime) -> Option<Option<OffsetDateTime>> {
        let has = self.any_of.is_empty() || self.any_of.iter().any(|it| enrolled.contains(&it.as_str()));
        (!has).then(|| self.until.filter(|until| now < *until))
    }

    fn is_sensible(&self) -> bool {
        let name = |text: &str| {
            !text.is_empty() && text.len() <= Self::MAX_NAME && text.bytes().all(|b| b.is_ascii_graphic())
        };
        self.any_of.len() <= Self::MAX_FACTORS
            && self.any_of.iter().all(|it| name(it))
            && self.acr.as_ref().is_none_or(|acr| name(acr.as_str()))
    }
}

/// A demand was not set.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemandError {
    /// There is no such account in this tenant.
    #[error("there is no such account")]
    NotFound,
    /// It names too much, or something that is no name.
    #[error("the demand names too much, or what is no name")]
    Malformed,
    /// A port failed.
    #[error("the demand cannot be stored")]
    Port(#[from] PortError),
}

impl Accounts {
    /// Demands something of the sign-ins of one account, or nothing more with `None`. Sessions that there are go on: end them
    /// where they must not.
    ///
    /// # Errors
    ///
    /// Fails when there is no such account, when the demand is malformed, and when a port fails.
    ///
    /// # Security
    ///
    /// Taking a demand back is a way around it: ask who may.
    pub async fn demand(
        &self,
        id: AccountId,
        by: &Actor,
        demand: Option<AccountDemand>,
    ) -> Result<Account, DemandError> {
        if demand.as_ref().is_some_and(|demand| !demand.is_sensible()) {
            return Err(DemandError::Malformed);
        }
        for _ in 0..Self::MAX_RACES {
            let found = self.ports.store().account(id).await?.ok_or(DemandError::NotFound)?;
            let mut account = found.value;
            account.demand = demand.clone().map(Box::new);
            account.updated_at = self.ports.now();
            let event = Event::new(&self.ports, EventType::ACCOUNT_DEMAND_CHANGED, account.event_subject())?
                .by(by)
                .with("factors", demand.iter().flat_map(|it| &it.any_of).cloned().collect::<Vec<_>>())
                .with("acr", demand.as_ref().and_then(|it| it.acr.as_ref()).map(|it| it.as_str().to_owned()));
            let batch = Batch::new()
                .require_version(EntityRef::Account(id), found.version)
                .write(Write::PutAccount(account.clone()))
                .event(event);
            if self.ports.store().commit(batch).await?.is_applied() {
                return Ok(account);
            }
        }
        Err(PortError::transient("the account kept changing").into())
    }
}
