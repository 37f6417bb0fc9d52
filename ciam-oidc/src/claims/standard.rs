//! The standard scope values and their claims.

/// A scope value that OpenID Connect defines
/// ([Core, section 5.4](https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims)).
///
/// ```
/// use ciam_oidc::claims::StandardScope;
///
/// assert!(StandardScope::Email.claims().contains(&"email_verified"));
/// assert_eq!(StandardScope::of_claim("birthdate"), Some(StandardScope::Profile));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StandardScope {
    /// The request is one of OpenID Connect.
    OpenId,
    /// The person's profile.
    Profile,
    /// The e-mail address.
    Email,
    /// The postal address.
    Address,
    /// The phone number.
    Phone,
    /// Refresh tokens that outlive the session
    /// ([section 11](https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess)).
    OfflineAccess,
}

impl StandardScope {
    /// Every standard scope value.
    pub const ALL: [Self; 6] =
        [Self::OpenId, Self::Profile, Self::Email, Self::Address, Self::Phone, Self::OfflineAccess];

    /// The value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenId => "openid",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::Address => "address",
            Self::Phone => "phone",
            Self::OfflineAccess => "offline_access",
        }
    }

    /// What it allows, in plain English, for the consent page.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::OpenId => "Know who you are",
            Self::Profile => "See your profile: your name, picture, language and the like",
            Self::Email => "See your e-mail address",
            Self::Address => "See your postal address",
            Self::Phone => "See your phone number",
            Self::OfflineAccess => "Stay connected when you are not using it",
        }
    }

    /// The claims that it releases.
    #[must_use]
    pub const fn claims(self) -> &'static [&'static str] {
        match self {
            Self::OpenId => &["sub"],
            Self::Profile => &[
                "name",
                "family_name",
                "given_name",
                "middle_name",
                "nickname",
                "preferred_username",
                "profile",
                "picture",
                "website",
                "gender",
                "birthdate",
                "zoneinfo",
                "locale",
                "updated_at",
            ],
            Self::Email => &["email", "email_verified"],
            Self::Address => &["address"],
            Self::Phone => &["phone_number", "phone_number_verified"],
            Self::OfflineAccess => &[],
        }
    }

    /// The scope value that releases a claim.
    #[must_use]
    pub fn of_claim(claim: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.claims().contains(&claim))
    }

    /// Whether it is among granted scope values.
    #[must_use]
    pub fn is_in(self, scopes: &ciam_oauth::scope::ScopeSet) -> bool {
        scopes.contains(self.as_str())
    }
}
