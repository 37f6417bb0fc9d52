//! What a run did, and what differs.

use ciam_core::error::PortError;
use serde::Serialize;

use crate::client::ClientError;

/// How many of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Made there.
    pub created: usize,
    /// Found there under the same name, and taken over.
    pub adopted: usize,
    /// Changed there.
    pub updated: usize,
    /// As they were.
    pub unchanged: usize,
    /// Switched off there.
    pub deactivated: usize,
    /// Deleted there.
    pub deleted: usize,
}

/// What a run did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SyncReport {
    /// Users.
    pub users: Counts,
    /// Groups.
    pub groups: Counts,
    /// Members that were added.
    pub members_added: usize,
    /// Members that were removed.
    pub members_removed: usize,
    /// Members who could not be added, because they are not there themselves.
    pub members_unknown: usize,
    /// What was not done, one by one. At most [`SyncReport::MAX_FAILURES`] are kept.
    pub failed: Vec<SyncFailure>,
    /// How many failed.
    pub failures: usize,
    /// More would have left than may: nobody did.
    pub held: Vec<Held>,
    /// What ended the run before its end: the next one goes on.
    pub interrupted: Option<ClientError>,
}

impl SyncReport {
    /// So many failures are kept.
    pub const MAX_FAILURES: usize = 100;

    /// Whether everything is there as it is to be.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.failures == 0 && self.held.is_empty() && self.interrupted.is_none() && self.members_unknown == 0
    }

    pub(super) fn fail(&mut self, endpoint: &str, key: &str, error: ClientError) {
        self.failures += 1;
        if self.failed.len() < Self::MAX_FAILURES {
            self.failed.push(SyncFailure { endpoint: endpoint.to_owned(), key: key.to_owned(), error });
        }
    }
}

/// Something was not done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SyncFailure {
    /// Of which kind it is.
    pub endpoint: String,
    /// What it is called here.
    pub key: String,
    /// Why.
    pub error: ClientError,
}

/// More would have left than may.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// Of which kind.
    pub endpoint: String,
    /// How many would have left.
    pub leaving: usize,
    /// Of how many.
    pub of: usize,
}

/// What differs between what was written and what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriftReport {
    /// The differences.
    pub drifts: Vec<Drift>,
    /// How many resources were compared.
    pub compared: usize,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Drift {
    /// What was written is not there any more.
    Missing {
        /// Of which kind.
        endpoint: String,
        /// What it is called here.
        key: String,
    },
    /// Attributes are not as they were written.
    Changed {
        /// Of which kind.
        endpoint: String,
        /// What it is called here.
        key: String,
        /// The names of the attributes.
        attributes: Vec<String>,
    },
    /// Something is there that is not ours.
    Foreign {
        /// Of which kind.
        endpoint: String,
        /// The id there.
        id: String,
    },
}

/// A run did not begin, or a backend of ours failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// Another run for the same service provider is under way.
    #[error("another run is under way")]
    Running,
    /// A source or the store failed.
    #[error("a backend failed")]
    Port(#[from] PortError),
}
