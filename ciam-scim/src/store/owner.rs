//! Which organization's directory made an account.

use ciam_core::id::{AccountId, OrganizationId};
use ciam_core::store::{IndexDeclaration, IndexValue, OWNER_INDEX, RecordKind, StoredRecord};
use serde::{Deserialize, Serialize};

const ACCOUNT: IndexDeclaration = IndexDeclaration::many(OWNER_INDEX);

/// Accounts that a directory made.
pub const OWNER: RecordKind = RecordKind::new("scim.owner", &[ACCOUNT]);

/// That the directory of an organization made an account. It outlives the resource: who comes back is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ownership {
    pub(crate) account: AccountId,
    pub(crate) organization: OrganizationId,
}

impl StoredRecord for Ownership {
    const KIND: RecordKind = OWNER;
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.account.to_string()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(ACCOUNT, self.account.to_string())]
    }
}
