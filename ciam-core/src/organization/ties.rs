//! Whose account it is: the rule by which an organization has a say over an account.

/// What ties an account to an organization, and to anybody else.
///
/// An organization administers memberships, and accounts only where they are its own: taking somebody's factors away, setting their
/// password or closing their account is for those accounts alone that nobody else has to do with. The rule stands here, for the
/// pages of an organization and for its directory; each collects what it knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountTies {
    /// The organization, or its directory, made the account.
    pub made_here: bool,
    /// The account has an address in a domain that the organization has proved.
    pub address_within: bool,
    /// The account has an address anywhere else.
    pub address_outside: bool,
    /// The account is a member of another organization, suspended or not.
    pub member_elsewhere: bool,
}

impl AccountTies {
    /// The ties of an account with these addresses, each of them in a domain of the organization or not.
    #[must_use]
    pub fn new(made_here: bool, addresses: impl IntoIterator<Item = bool>, member_elsewhere: bool) -> Self {
        let none = Self { made_here, member_elsewhere, ..Self::default() };
        addresses.into_iter().fold(none, |ties, within| match within {
            true => Self { address_within: true, ..ties },
            false => Self { address_outside: true, ..ties },
        })
    }

    /// Whether the account is the organization's alone: something ties it there, and nothing to anybody else.
    #[must_use]
    pub const fn is_theirs_alone(self) -> bool {
        (self.made_here || self.address_within) && !self.address_outside && !self.member_elsewhere
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_an_organizations_that_nobody_else_has_to_do_with() {
        for (made_here, addresses, elsewhere, alone) in [
            (false, &[true][..], false, true),
            (false, &[true, true], false, true),
            (true, &[], false, true),
            (true, &[true], false, true),
            // Nothing ties it there.
            (false, &[], false, false),
            // A private address, and work for somebody else.
            (false, &[true, false], false, false),
            (false, &[false], false, false),
            (true, &[false], false, false),
            (true, &[true, false], false, false),
            (false, &[true], true, false),
            (true, &[], true, false),
        ] {
            let ties = AccountTies::new(made_here, addresses.iter().copied(), elsewhere);
            assert_eq!(ties.is_theirs_alone(), alone, "{ties:?}");
        }
    }
}
