//! Whose account a user is: the rule, without I/O.
//!
//! A directory is trusted with the people of its organization and with nobody else. It says who has which address; that is not
//! a proof. So it is given an account that exists only where the person has proved the address *and* the organization has
//! proved the domain, or the person has joined the organization before; and never told which of these it was: to a directory,
//! every answer looks the same.

use ciam_core::account::{Account, Identifier, IdentifierKey};
use time::OffsetDateTime;

/// What is known of the holder of an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder<'a> {
    pub(super) account: &'a Account,
    /// The directory of this organization made the account.
    pub(super) made_here: bool,
    /// The account is an active member of this organization.
    pub(super) is_member: bool,
    /// Another user of this organization is this account already.
    pub(super) is_linked: bool,
}

/// Which account a new user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// A new one, with the address.
    Fresh,
    /// A new one, with the address, which is taken from who claimed it and never proved it.
    FreshTaking,
    /// A new one, without the address: it is somebody's who has nothing to do with the organization.
    FreshWithout,
    /// The one that has the address.
    Existing,
}

impl Link {
    /// Decides.
    pub(super) fn decide(
        key: &IdentifierKey,
        holder: Option<Holder<'_>>,
        domain_is_ours: bool,
        now: OffsetDateTime,
    ) -> Self {
        let Some(holder) = holder else { return Self::Fresh };
        if holder.is_linked {
            return Self::FreshWithout;
        }
        let identifier = holder.account.identifier_with(key);
        let verified = identifier.is_some_and(Identifier::is_verified);
        let reserved = identifier.and_then(|it| it.reserved_until).is_some_and(|until| now < until);
        match (verified, domain_is_ours) {
            (true, true) => Self::Existing,
            (true, false) if holder.is_member => Self::Existing,
            // Nobody has proved it, and the account is the organization's own.
            (false, true) if holder.made_here => Self::Existing,
            // A stranger typed an address of the organization first, which gives no right to it.
            (false, true) if !reserved => Self::FreshTaking,
            _ => Self::FreshWithout,
        }
    }
}

#[cfg(test)]
mod tests {
    use ciam_core::id::AccountId;
    use time::Duration;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn only_who_has_proved_the_address_or_joined_before_is_linked() {
        let key = IdentifierKey::email("kim@corp.example").unwrap();
        let account = |identifier| {
            let mut account = Account::new(AccountId::from_uuid(uuid::Uuid::nil()), NOW);
            account.identifiers.push(identifier);
            account
        };
        let verified = account(Identifier::verified(key.clone(), NOW));
        let claimed = account(Identifier::unverified(key.clone()));
        let given_up = account(Identifier::reserved(key.clone(), NOW + Duration::DAY));
        let holder = |account, made_here, is_member, is_linked| {
            Some(Holder { account, made_here, is_member, is_linked })
        };
        for (holder, ours, expected) in [
            (None, true, Link::Fresh),
            (None, false, Link::Fresh),
            (holder(&verified, false, false, false), true, Link::Existing),
            // The takeover: somebody else's customer, named by a directory.
            (holder(&verified, false, false, false), false, Link::FreshWithout),
            (holder(&verified, true, false, false), false, Link::FreshWithout),
            (holder(&verified, false, true, false), false, Link::Existing),
            // By an address that nobody has proved, nobody is ever linked.
            (holder(&claimed, false, true, false), false, Link::FreshWithout),
            (holder(&claimed, false, false, false), false, Link::FreshWithout),
            (holder(&claimed, true, true, false), false, Link::FreshWithout),
            (holder(&claimed, false, true, false), true, Link::FreshTaking),
            (holder(&claimed, true, false, false), true, Link::Existing),
            (holder(&given_up, false, false, false), true, Link::FreshWithout),
            (holder(&verified, true, true, true), true, Link::FreshWithout),
        ] {
            assert_eq!(Link::decide(&key, holder, ours, NOW), expected, "{holder:?} {ours}");
        }
    }
}
