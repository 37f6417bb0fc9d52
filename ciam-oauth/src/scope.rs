//! Scope values and sets of them ([RFC 6749, section 3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3)).

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One scope value, such as `email` or `orders:read`.
///
/// ```
/// use ciam_oauth::scope::Scope;
///
/// let scope: Scope = "orders:read".parse()?;
/// assert_eq!(scope.as_str(), "orders:read");
/// assert!("two values".parse::<Scope>().is_err());
/// # Ok::<(), ciam_oauth::scope::InvalidScope>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(String);

impl Scope {
    /// A scope value is at most this long, in bytes.
    pub const MAX_LENGTH: usize = 256;

    /// The value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        if text.is_empty() || text.len() > Self::MAX_LENGTH {
            return Err(InvalidScope);
        }
        // NQCHAR: printable ASCII without space, quote and backslash.
        if text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\')) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidScope)
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, InvalidScope> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

impl Borrow<str> for Scope {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.0)
    }
}

/// A set of scope values: order and repetition in the wire form mean nothing.
///
/// Parses from and prints as the space-delimited form; serializes as a list.
///
/// ```
/// use ciam_oauth::scope::ScopeSet;
///
/// let asked: ScopeSet = "openid email".parse()?;
/// let allowed: ScopeSet = "email openid profile".parse()?;
/// assert!(asked.is_subset(&allowed));
/// assert_eq!(asked.to_string(), "email openid");
/// # Ok::<(), ciam_oauth::scope::InvalidScope>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeSet(BTreeSet<Scope>);

impl ScopeSet {
    /// At most this many values in one request.
    pub const MAX_VALUES: usize = 64;

    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeSet::new())
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a value is in the set.
    #[must_use]
    pub fn contains(&self, value: &str) -> bool {
        self.0.contains(value)
    }

    /// Adds a value.
    pub fn insert(&mut self, scope: Scope) {
        self.0.insert(scope);
    }

    /// Whether every value is in the other set.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The values that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The values that are in this set and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// The values that are in one of the sets.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The values, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// The values as plain text.
    #[must_use]
    pub fn to_strings(&self) -> Vec<String> {
        self.0.iter().map(|scope| scope.0.clone()).collect()
    }
}

impl FromStr for ScopeSet {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let mut set = BTreeSet::new();
        // Only the space delimits; a tab or line break is part of a value and makes it invalid.
        for value in text.split(' ').filter(|value| !value.is_empty()) {
            set.insert(value.parse()?);
            if set.len() > Self::MAX_VALUES {
                return Err(InvalidScope);
            }
        }
        Ok(Self(set))
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, scope) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(&scope.0)?;
        }
        Ok(())
    }
}

/// The text is not a scope value, or not a set of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid scope")]
#[non_exhaustive]
pub struct InvalidScope;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_values_outside_the_grammar() {
        for text in ["", "a b", "a\tb", "a\"", "a\\", "é", "a\0", "a\n"] {
            assert_eq!(text.parse::<Scope>(), Err(InvalidScope), "{text:?}");
        }
        assert!("x".repeat(Scope::MAX_LENGTH).parse::<Scope>().is_ok());
        assert!("x".repeat(Scope::MAX_LENGTH + 1).parse::<Scope>().is_err());
        assert!("openid\temail".parse::<ScopeSet>().is_err());
    }

    #[test]
    fn a_set_is_bounded() {
        let many = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        assert!(many(ScopeSet::MAX_VALUES).parse::<ScopeSet>().is_ok());
        assert!(many(ScopeSet::MAX_VALUES + 1).parse::<ScopeSet>().is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_printing_round_trips(text in "\\PC{0,200}") {
            if let Ok(set) = text.parse::<ScopeSet>() {
                prop_assert_eq!(set.to_string().parse::<ScopeSet>(), Ok(set));
            }
        }

        #[test]
        fn order_and_repetition_mean_nothing(mut values in proptest::collection::vec("[a-z:._-]{1,12}", 0..12)) {
            let forward: ScopeSet = values.join(" ").parse().unwrap();
            values.reverse();
            values.extend(values.clone());
            prop_assert_eq!(forward, values.join("  ").parse::<ScopeSet>().unwrap());
        }
    }
}
