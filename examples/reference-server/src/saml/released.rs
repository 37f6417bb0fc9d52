//! What services can know of people, and what connections can say of them: by the names that directories use.

use ciam_core::{account::Account, account::IdentifierKey};
use ciam_saml::{idp::NameIdFormat, model::Attribute, names::ATTRNAME_URI};

/// An attribute that is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Released {
    /// The e-mail address, verified.
    Mail,
    /// The full name.
    DisplayName,
    /// The given name.
    GivenName,
    /// The family name.
    Surname,
}

impl Released {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Mail, Self::DisplayName, Self::GivenName, Self::Surname];

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Its name in files, and for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::DisplayName => "displayName",
            Self::GivenName => "givenName",
            Self::Surname => "sn",
        }
    }

    /// Its name in assertions.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Mail => "urn:oid:0.9.2342.19200300.100.1.3",
            Self::DisplayName => "urn:oid:2.16.840.1.113730.3.1.241",
            Self::GivenName => "urn:oid:2.5.4.42",
            Self::Surname => "urn:oid:2.5.4.4",
        }
    }

    /// Other names by which directories send it.
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Mail => {
                &["mail", "email", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"]
            }
            Self::DisplayName => {
                &["displayName", "name", "http://schemas.microsoft.com/identity/claims/displayname"]
            }
            Self::GivenName => {
                &["givenName", "firstName", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname"]
            }
            Self::Surname => {
                &["sn", "lastName", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname"]
            }
        }
    }

    /// Its value for an account.
    pub fn of(self, account: &Account) -> Option<String> {
        let text = |name: &str| account.profile.text(name).map(str::to_owned);
        match self {
            Self::Mail => verified_email(account),
            Self::DisplayName => text("name"),
            Self::GivenName => text("given_name"),
            Self::Surname => text("family_name"),
        }
    }

    /// The attribute for an account.
    pub fn attribute(self, account: &Account) -> Option<Attribute> {
        let value = self.of(account)?;
        Some(Attribute::new(self.uri(), ATTRNAME_URI, [value]).with_friendly_name(self.name()))
    }
}

/// The account's first verified address.
pub fn verified_email(account: &Account) -> Option<String> {
    let mut verified = account.identifiers.iter().filter(|it| it.is_verified()).map(|it| it.key.as_str());
    verified.find(|it| IdentifierKey::email(it).is_ok()).map(str::to_owned)
}

/// A format of names, by its name in files.
pub fn name_id_format(name: &str) -> Option<NameIdFormat> {
    match name {
        "persistent" => Some(NameIdFormat::Persistent),
        "transient" => Some(NameIdFormat::Transient),
        "email" => Some(NameIdFormat::Email),
        _ => None,
    }
}
