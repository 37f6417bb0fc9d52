//! The registered claims of a JWT and their checks ([RFC 7519, section
//! 4.1](https://www.rfc-editor.org/rfc/rfc7519#section-4.1)).

use std::borrow::Cow;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Duration, OffsetDateTime};

/// A point in time on the wire: seconds since 1970, possibly with a fraction.
///
/// Written as whole seconds, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumericDate(OffsetDateTime);

impl NumericDate {
    /// The date.
    #[must_use]
    pub const fn new(time: OffsetDateTime) -> Self {
        Self(time)
    }

    /// The time.
    #[must_use]
    pub const fn get(self) -> OffsetDateTime {
        self.0
    }

    fn from_number(number: &serde_json::Number) -> Result<Self, InvalidDate> {
        if let Some(seconds) = number.as_i64() {
            return OffsetDateTime::from_unix_timestamp(seconds).map(Self).map_err(|_| InvalidDate);
        }
        let seconds = number.as_f64().filter(|seconds| seconds.abs() < 1e12).ok_or(InvalidDate)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "bounded above, and the fraction is cut on purpose"
        )]
        let nanoseconds = (seconds * 1e9) as i128;
        OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).map(Self).map_err(|_| InvalidDate)
    }
}

impl From<OffsetDateTime> for NumericDate {
    fn from(time: OffsetDateTime) -> Self {
        Self(time)
    }
}

impl Serialize for NumericDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.unix_timestamp())
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        Self::from_number(&number).map_err(serde::de::Error::custom)
    }
}

/// The number is not a time that can be represented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a representable time")]
#[non_exhaustive]
pub struct InvalidDate;

/// A text of a claim, borrowed from the payload where it has no escapes.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Text<'p>(Cow<'p, str>);

impl<'p> Text<'p> {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<Cow<'p, str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'de: 'p, 'p> Deserialize<'de> for Text<'p> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// Whom a token is for: one string, or an array of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7519, section 4.1.3")]
pub enum Audience<'p> {
    /// A string.
    One(Text<'p>),
    /// An array.
    Many(Vec<Text<'p>>),
}

impl Audience<'_> {
    /// The members.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many.as_slice(),
        }
        .iter()
        .map(Text::as_str)
    }
}

impl Serialize for Audience<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(one) => one.serialize(serializer),
            Self::Many(many) => many.serialize(serializer),
        }
    }
}

impl<'de: 'p, 'p> Deserialize<'de> for Audience<'p> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AudienceVisitor;

        impl<'de> Visitor<'de> for AudienceVisitor {
            type Value = Audience<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Audience::One(Text(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Audience::One(Text(Cow::Owned(text.to_owned()))))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut many = Vec::new();
                while let Some(item) = items.next_element()? {
                    many.push(item);
                }
                Ok(Audience::Many(many))
            }
        }

        deserializer.deserialize_any(AudienceVisitor)
    }
}

/// The claims that RFC 7519 registers. Flatten it into nothing: read the payload twice, or name the claims that you want.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RegisteredClaims<'p> {
    /// Who made the token.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub iss: Option<Text<'p>>,
    /// Whom the token speaks of.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub sub: Option<Text<'p>>,
    /// Whom the token is for.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub aud: Option<Audience<'p>>,
    /// From when on it must not be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<NumericDate>,
    /// Before when it must not be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<NumericDate>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<NumericDate>,
    /// Its unique name.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub jti: Option<Text<'p>>,
}

/// How the audience of a token must be given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AudienceRule {
    /// One of the members must be this.
    Includes(String),
    /// This must be the only member, as a string or as an array of one: what
    /// [RFC 7523bis](https://datatracker.ietf.org/doc/draft-ietf-oauth-rfc7523bis/) wants of client assertions.
    Only(String),
    /// This must be the only member, or one of these others must be: for clients of the time before.
    OnlyOneOf(Vec<String>),
    /// This must be given as a string, as the FAPI 2.0 security profile wants it.
    ExactString(String),
}

impl AudienceRule {
    /// Whether an audience is accepted.
    #[must_use]
    pub fn accepts(&self, audience: &Audience<'_>) -> bool {
        let only = |wanted: &dyn Fn(&str) -> bool| {
            let mut members = audience.iter();
            members.next().is_some_and(wanted) && members.next().is_none()
        };
        match self {
            Self::Includes(wanted) => audience.iter().any(|member| member == wanted),
            Self::Only(wanted) => only(&|member| member == wanted),
            Self::OnlyOneOf(wanted) => only(&|member| wanted.iter().any(|one| one == member)),
            Self::ExactString(wanted) => matches!(audience, Audience::One(one) if one.as_str() == wanted),
        }
    }
}

/// What the registered claims of a token must be. Issuer and audience are always checked, and `exp` must be there.
///
/// ```
/// use ciam_core::jose::{AudienceRule, ClaimRules, ClaimsError, RegisteredClaims};
/// use time::macros::datetime;
///
/// let rules = ClaimRules::new("https://id.example", AudienceRule::Includes("https://api.example".to_owned()));
/// let claims: RegisteredClaims<'_> = serde_json::from_str(
///     r#"{"iss":"https://id.example","aud":["https://api.example"],"exp":1767268860,"iat":1767268800}"#,
/// )?;
/// assert_eq!(rules.check(&claims, datetime!(2026-01-01 12:00:30 UTC)), Ok(()));
/// assert_eq!(rules.check(&claims, datetime!(2026-01-01 12:05 UTC)), Err(ClaimsError::Expired));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClaimRules {
    issuer: String,
    audience: AudienceRule,
    expiry_skew: Duration,
    future_skew: Duration,
    max_lifetime: Option<Duration>,
    require_issued_at: bool,
}

impl ClaimRules {
    /// Rules for tokens of one issuer for one audience, with the default allowances for clocks that differ: none after
    /// expiry, 10 seconds before `nbf` and `iat`.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audience: AudienceRule) -> Self {
        Self {
            issuer: issuer.into(),
            audience,
            expiry_skew: Duration::ZERO,
            future_skew: Duration::seconds(10),
            max_lifetime: None,
            require_issued_at: false,
        }
    }

    /// How long after `exp` a token is still accepted. Default none.
    #[must_use]
    pub const fn with_expiry_skew(mut self, skew: Duration) -> Self {
        self.expiry_skew = skew;
        self
    }

    /// How far `nbf` and `iat` may lie in the future. Default 10 seconds.
    #[must_use]
    pub const fn with_future_skew(mut self, skew: Duration) -> Self {
        self.future_skew = skew;
        self
    }

    /// How far `exp` may lie in the future. Default any.
    #[must_use]
    pub const fn with_max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Requires `iat`.
    #[must_use]
    pub const fn requiring_issued_at(mut self) -> Self {
        self.require_issued_at = true;
        self
    }

    /// Checks claims at a time.
    ///
    /// # Errors
    ///
    /// Fails with the first claim that is not as it must be.
    pub fn check(&self, claims: &RegisteredClaims<'_>, now: OffsetDateTime) -> Result<(), ClaimsError> {
        let issuer = claims.iss.as_ref().ok_or(ClaimsError::Missing("iss"))?;
        if issuer.as_str() != self.issuer {
            return Err(ClaimsError::WrongIssuer);
        }
        let audience = claims.aud.as_ref().ok_or(ClaimsError::Missing("aud"))?;
        if !self.audience.accepts(audience) {
            return Err(ClaimsError::WrongAudience);
        }
        self.check_times(claims, now)
    }

    /// Checks the times alone, for tokens whose issuer and audience were looked at elsewhere.
    ///
    /// # Errors
    ///
    /// Fails with the first time that is not as it must be.
    pub fn check_times(&self, claims: &RegisteredClaims<'_>, now: OffsetDateTime) -> Result<(), ClaimsError> {
        let expiry = claims.exp.ok_or(ClaimsError::Missing("exp"))?.get();
        // Differences, not sums: a date at the end of time must not overflow.
        if now - expiry >= self.expiry_skew {
            return Err(ClaimsError::Expired);
        }
        if self.max_lifetime.is_some_and(|longest| expiry - now > longest) {
            return Err(ClaimsError::LivesTooLong);
        }
        if claims.nbf.is_some_and(|begin| begin.get() - now > self.future_skew) {
            return Err(ClaimsError::NotYetValid);
        }
        match claims.iat {
            Some(made) if made.get() - now > self.future_skew => Err(ClaimsError::IssuedInFuture),
            None if self.require_issued_at => Err(ClaimsError::Missing("iat")),
            _ => Ok(()),
        }
    }
}

/// Why the claims of a token were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimsError {
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The token was made in the future.
    #[error("the token was made in the future")]
    IssuedInFuture,
    /// The token would be valid for longer than is accepted.
    #[error("the token lives too long")]
    LivesTooLong,
    /// A claim is missing.
    #[error("the claim `{0}` is missing")]
    Missing(&'static str),
    /// The token is not valid yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The token is for somebody else.
    #[error("the token is for another audience")]
    WrongAudience,
    /// The token was made by somebody else.
    #[error("the token is of another issuer")]
    WrongIssuer,
}

#[cfg(test)]
mod tests;
