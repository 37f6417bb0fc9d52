//! The ways into an account: what must not be taken away to the last one.

use super::policy::AccountPolicy;
use super::{Account, Identifier};
use crate::credential::{Credential, CredentialState};
use crate::password::PasswordFactor;
use crate::store::Versioned;

/// The ways in which the owner of an account can begin a sign-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaysIn {
    /// A password, and an identifier to type with it.
    pub password: bool,
    /// Other credentials that are a first factor.
    pub credentials: usize,
    /// Verified addresses and numbers that a code or link is sent to.
    pub addresses: usize,
    /// Linked identities elsewhere.
    pub federated: usize,
}

impl WaysIn {
    /// The ways into an account with these credentials and this number of linked identities.
    #[must_use]
    pub fn of(
        account: &Account,
        credentials: &[Versioned<Credential>],
        federated: usize,
        policy: &AccountPolicy,
    ) -> Self {
        let verified = || account.held().filter(|identifier| identifier.is_verified());
        let first = |credential: &&Versioned<Credential>| {
            credential.value.state == CredentialState::Active
                && credential.value.factor != PasswordFactor::NAME
                && policy.first_factors.contains(&credential.value.factor)
        };
        let reached = |identifier: &&Identifier| policy.passwordless.contains(&identifier.key.kind());
        Self {
            password: PasswordFactor::credential_in(credentials).is_some() && verified().next().is_some(),
            credentials: credentials.iter().filter(first).count(),
            addresses: verified().filter(reached).count(),
            federated,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !self.password && self.credentials == 0 && self.addresses == 0 && self.federated == 0
    }

    /// The ways that are left without the password.
    #[must_use]
    pub const fn without_password(self) -> Self {
        Self { password: false, ..self }
    }

    /// The ways that are left without one of the linked identities.
    #[must_use]
    pub const fn without_identity(self) -> Self {
        Self { federated: self.federated.saturating_sub(1), ..self }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;
    use crate::account::{IdentifierKey, IdentifierKind};
    use crate::id::{AccountId, CredentialId};
    use crate::store::Version;

    #[test]
    fn only_what_leads_in_counts() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut account = Account::new(AccountId::from_uuid(Uuid::nil()), now);
        let credential = |factor: &str, state| {
            let id = CredentialId::from_uuid(Uuid::nil());
            let mut credential = Credential::new(id, account.id, factor, json!({}), now);
            credential.state = state;
            Versioned::new(credential, Version::FIRST)
        };
        let mut policy = AccountPolicy::default();
        let password = [credential("password", CredentialState::Active)];
        let others = [
            credential("totp", CredentialState::Active),
            credential("passkey", CredentialState::Active),
            credential("passkey", CredentialState::Revoked),
        ];
        // A password alone, with nothing to type before it, leads nowhere.
        assert!(WaysIn::of(&account, &password, 0, &policy).is_empty());
        account.identifiers.push(Identifier::unverified(IdentifierKey::email("a@example.com").unwrap()));
        assert!(WaysIn::of(&account, &password, 0, &policy).is_empty());
        account.identifiers.push(Identifier::verified(IdentifierKey::phone("+4912345678").unwrap(), now));
        assert!(WaysIn::of(&account, &password, 0, &policy).password);
        // A second factor is no way in, and neither is what the host does not offer.
        assert!(WaysIn::of(&account, &others, 0, &policy).is_empty());
        policy.first_factors.insert("passkey".to_owned());
        assert_eq!(WaysIn::of(&account, &others, 0, &policy).credentials, 1);
        policy.passwordless.insert(IdentifierKind::Email);
        assert_eq!(WaysIn::of(&account, &[], 0, &policy).addresses, 0, "it is not verified");
        policy.passwordless.insert(IdentifierKind::Phone);
        assert_eq!(WaysIn::of(&account, &[], 0, &policy).addresses, 1);
        assert!(WaysIn::of(&account, &[], 1, &AccountPolicy::default()).without_identity().is_empty());
        assert!(WaysIn::of(&account, &password, 0, &AccountPolicy::default()).without_password().is_empty());
    }
}
