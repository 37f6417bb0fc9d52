//! The account area: a page for each section, with a navigation beside them.

pub mod applications;
pub mod factors;
pub mod identifiers;
pub mod organizations;
pub mod overview;
pub mod privacy;
pub mod profile;
pub mod proof;
pub mod requests;
pub mod security;
pub mod sessions;

use super::parts::{Nav, NavItem};
use crate::i18n::{Message, Texts};

/// A section of the account area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What there is.
    Overview,
    /// Who the person is.
    Profile,
    /// Addresses, numbers and names.
    Identifiers,
    /// Password and other ways to sign in.
    Security,
    /// Passkeys, authenticator apps and recovery codes.
    Factors,
    /// Where the account is signed in.
    Sessions,
    /// What may act for the account.
    Applications,
    /// What is kept and why.
    Privacy,
    /// Where the account is a member.
    Organizations,
}

impl Section {
    /// Every section, in the order of the navigation.
    pub const ALL: &'static [Self] = &[
        Self::Overview,
        Self::Profile,
        Self::Identifiers,
        Self::Security,
        Self::Factors,
        Self::Sessions,
        Self::Applications,
        Self::Privacy,
        Self::Organizations,
    ];

    /// Its address.
    pub fn path(self) -> &'static str {
        match self {
            Self::Overview => "/account",
            Self::Profile => "/account/profile",
            Self::Identifiers => "/account/identifiers",
            Self::Security => "/account/security",
            Self::Factors => "/account/factors",
            Self::Sessions => "/account/sessions",
            Self::Applications => "/account/applications",
            Self::Privacy => "/account/privacy",
            Self::Organizations => "/account/organizations",
        }
    }

    /// Its name, and what it is for.
    fn words(self, t: &Texts) -> (&Message, &Message) {
        match self {
            Self::Overview => (&t.account.overview, &t.account.lead),
            Self::Profile => (&t.profile.title, &t.profile.lead),
            Self::Identifiers => (&t.identifiers.title, &t.identifiers.lead),
            Self::Security => (&t.security.title, &t.security.lead),
            Self::Factors => (&t.factors.title, &t.factors.lead),
            Self::Sessions => (&t.sessions.title, &t.sessions.lead),
            Self::Applications => (&t.applications.title, &t.applications.lead),
            Self::Privacy => (&t.privacy.title, &t.privacy.lead),
            Self::Organizations => (&t.organizations.title, &t.organizations.lead),
        }
    }

    /// Its name in the navigation, which is short.
    fn name(self, t: &Texts) -> &Message {
        match self {
            Self::Overview => &t.account.overview,
            Self::Profile => &t.account.profile,
            Self::Identifiers => &t.account.identifiers,
            Self::Security => &t.account.security,
            Self::Factors => &t.account.factors,
            Self::Sessions => &t.account.sessions,
            Self::Applications => &t.account.applications,
            Self::Privacy => &t.account.privacy,
            Self::Organizations => &t.account.organizations,
        }
    }

    /// The navigation, while this section is shown.
    pub fn nav(self, t: &Texts) -> Nav {
        let item = |it: &Self| NavItem {
            href: it.path().to_owned(),
            label: it.name(t).to_string(),
            current: *it == self,
        };
        Nav { label: t.account.title.to_string(), items: Self::ALL.iter().map(item).collect() }
    }
}
