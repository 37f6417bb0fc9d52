//! The ways to prove oneself first.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::assurance::Amr;

/// A way to prove oneself first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignInMethod {
    /// A password.
    Password,
    /// A code or link by mail.
    EmailCode,
    /// A code by text message.
    SmsCode,
    /// A passkey, or another factor that [a sign-in can begin with](crate::factor::Factor::is_first).
    Passkey,
}

impl SignInMethod {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Password, Self::EmailCode, Self::SmsCode, Self::Passkey];

    /// Whether a proof by it records this method, by its `amr` name.
    #[must_use]
    pub fn records(self, amr: &str) -> bool {
        match self {
            Self::Password => amr == Amr::PASSWORD.as_str(),
            Self::EmailCode => amr == Amr::EMAIL.as_str(),
            Self::SmsCode => amr == Amr::SMS.as_str(),
            Self::Passkey => amr == Amr::HARDWARE_KEY.as_str() || amr == Amr::SOFTWARE_KEY.as_str(),
        }
    }

    /// The stable name, as serialized: `password`, `email_code`, `sms_code`, `passkey`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::EmailCode => "email_code",
            Self::SmsCode => "sms_code",
            Self::Passkey => "passkey",
        }
    }
}

/// A set of ways to prove oneself first. The default is a password, or a code by mail; text messages cost money and need a
/// provider, so a tenant that wants them says so.
///
/// ```
/// use ciam_core::journey::{Methods, SignInMethod};
///
/// let tenant = Methods::default();
/// let organization = Methods::of([SignInMethod::EmailCode, SignInMethod::SmsCode]);
/// assert_eq!(tenant.and(&organization), Methods::of([SignInMethod::EmailCode]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Methods(BTreeSet<SignInMethod>);

impl Methods {
    /// These ways.
    #[must_use]
    pub fn of(methods: impl IntoIterator<Item = SignInMethod>) -> Self {
        Self(methods.into_iter().collect())
    }

    /// Whether a way is among them.
    #[must_use]
    pub fn allow(&self, method: SignInMethod) -> bool {
        self.0.contains(&method)
    }

    /// The ways that are in both sets.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }

    /// The same without one of them.
    #[must_use]
    pub fn without(mut self, method: SignInMethod) -> Self {
        self.0.remove(&method);
        self
    }

    /// The same with one more.
    #[must_use]
    pub fn with(mut self, method: SignInMethod) -> Self {
        self.0.insert(method);
        self
    }

    /// The ways, in the order of their declaration.
    pub fn iter(&self) -> impl Iterator<Item = SignInMethod> + '_ {
        self.0.iter().copied()
    }
}

impl Default for Methods {
    fn default() -> Self {
        Self::of([SignInMethod::Password, SignInMethod::EmailCode])
    }
}
