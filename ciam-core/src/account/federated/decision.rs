//! Which account somebody with a verified identity elsewhere gets: the rule, without I/O.

use time::OffsetDateTime;

use crate::account::{Account, AccountStatus, IdentifierKey};
use crate::id::AccountId;

/// What is known when somebody comes with a verified identity elsewhere.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Situation<'a> {
    /// The account that the identity is linked to.
    pub linked: Option<&'a Account>,
    /// The address that the upstream has verified.
    pub verified_email: Option<&'a IdentifierKey>,
    /// The account that holds this address, verified or not, or reserves it.
    pub holder: Option<&'a Account>,
    /// The account of which a sign-in was proved in the same journey, after the upstream's answer.
    pub proved: Option<AccountId>,
    /// The time.
    pub now: OffsetDateTime,
}

impl<'a> Situation<'a> {
    /// Somebody whose identity is not linked, of whom nothing else is known.
    #[must_use]
    pub const fn new(now: OffsetDateTime) -> Self {
        Self { linked: None, verified_email: None, holder: None, proved: None, now }
    }

    /// Decides.
    #[must_use]
    pub fn decide(&self) -> FederatedDecision {
        if let Some(account) = self.linked {
            // A closed account is taken back in the sign-in that follows.
            let may = account.may_sign_in(self.now) || account.may_return(self.now);
            return if may { FederatedDecision::SignIn(account.id) } else { FederatedDecision::Refuse };
        }
        if let Some(account) = self.proved {
            return FederatedDecision::Link(account);
        }
        let (Some(email), Some(holder)) = (self.verified_email, self.holder) else {
            return FederatedDecision::Create;
        };
        let verified = holder.identifier_with(email).is_some_and(|held| held.is_verified());
        let reserved = holder.identifier_with(email).is_some_and(|held| held.is_reserved());
        match (verified, reserved, holder.status) {
            // Its former owner may still take it back; the new account begins without it.
            (false, true, _) => FederatedDecision::CreateWithoutEmail,
            (true, _, _) => FederatedDecision::ProveAccount(holder.id),
            (false, false, AccountStatus::Pending) => FederatedDecision::Reclaim(holder.id),
            // An account in use that has typed the address and never proved it: the address is not its own.
            (false, false, _) => FederatedDecision::CreateWithoutEmail,
        }
    }
}

/// What becomes of somebody with a verified identity elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FederatedDecision {
    /// It is their account: they are signed in to it, as far as the upstream has proved them.
    SignIn(AccountId),
    /// They have just proved this account as well: it is linked.
    Link(AccountId),
    /// Their address belongs to an account: they sign in to that one first, and it is linked then.
    ProveAccount(AccountId),
    /// Somebody has begun to register their address and never proved it: that account is emptied, and is theirs.
    Reclaim(AccountId),
    /// They get a new account, with the address if there is one.
    Create,
    /// They get a new account; the address is somebody else's business.
    CreateWithoutEmail,
    /// Their account may not sign in.
    Refuse,
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;
    use crate::account::Identifier;

    const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);

    fn account(number: u128, status: AccountStatus, identifier: Option<Identifier>) -> Account {
        let mut account = Account::new(AccountId::from_uuid(Uuid::from_u128(number)), NOW);
        account.status = status;
        account.identifiers.extend(identifier);
        account
    }

    #[test]
    fn nobody_gets_an_account_by_an_address_alone() {
        use AccountStatus::{Active, Pending, Suspended};
        let email = IdentifierKey::email("ada@example.com").unwrap();
        let verified = Some(Identifier::verified(email.clone(), NOW));
        let unverified = Some(Identifier::unverified(email.clone()));
        let reserved = Some(Identifier::reserved(email.clone(), NOW + Duration::HOUR));
        let id = AccountId::from_uuid(Uuid::from_u128(1));
        let decide = |status, identifier| {
            let holder = account(1, status, identifier);
            Situation { verified_email: Some(&email), holder: Some(&holder), ..Situation::new(NOW) }.decide()
        };
        assert_eq!(decide(Active, verified.clone()), FederatedDecision::ProveAccount(id));
        assert_eq!(decide(Suspended, verified), FederatedDecision::ProveAccount(id));
        assert_eq!(decide(Pending, unverified.clone()), FederatedDecision::Reclaim(id));
        assert_eq!(decide(Active, unverified), FederatedDecision::CreateWithoutEmail);
        assert_eq!(decide(Active, reserved.clone()), FederatedDecision::CreateWithoutEmail);
        assert_eq!(decide(Pending, reserved), FederatedDecision::CreateWithoutEmail);
    }

    #[test]
    fn a_link_leads_to_its_account_and_to_no_other() {
        let linked = account(1, AccountStatus::Active, None);
        let other = AccountId::from_uuid(Uuid::from_u128(2));
        let situation = Situation { linked: Some(&linked), proved: Some(other), ..Situation::new(NOW) };
        assert_eq!(situation.decide(), FederatedDecision::SignIn(linked.id));
        let stopped = account(1, AccountStatus::Suspended, None);
        let situation = Situation { linked: Some(&stopped), ..Situation::new(NOW) };
        assert_eq!(situation.decide(), FederatedDecision::Refuse);
    }

    #[test]
    fn without_a_verified_address_there_is_a_new_account() {
        // An address that the upstream has not verified never gets here: `verified_email` is none.
        let holder = account(1, AccountStatus::Active, None);
        let situation = Situation { holder: Some(&holder), ..Situation::new(NOW) };
        assert_eq!(situation.decide(), FederatedDecision::Create);
        let situation = Situation { proved: Some(holder.id), ..Situation::new(NOW) };
        assert_eq!(situation.decide(), FederatedDecision::Link(holder.id));
    }
}
