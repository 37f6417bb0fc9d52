//! Where an address is, as coarsely as a person recognises it: a country, perhaps a city.
//!
//! For the list of sessions and for notices: "Lyon, France" tells a person more than an address would. It is what a data
//! set says, not where anybody is; nothing is allowed or refused by it here.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::PortError;
use crate::networks::NetworkMap;

/// A place, as a [`Locator`] knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Place {
    /// The country, as an ISO 3166-1 code of two letters.
    pub country: Option<String>,
    /// The city, by a name that people know.
    pub city: Option<String>,
}

impl Place {
    /// A country, by its ISO 3166-1 code of two letters.
    #[must_use]
    pub fn country(code: impl Into<String>) -> Self {
        Self { country: Some(code.into()), city: None }
    }

    /// Adds the city.
    #[must_use]
    pub fn with_city(mut self, name: impl Into<String>) -> Self {
        self.city = Some(name.into());
        self
    }

    /// Texts of a sensible length without control characters, or nothing.
    #[must_use]
    pub(crate) fn bounded(self) -> Option<Self> {
        const MAX: usize = 80;
        let sensible =
            |it: &String| !it.is_empty() && it.chars().count() <= MAX && !it.chars().any(char::is_control);
        let place = Self { country: self.country.filter(sensible), city: self.city.filter(sensible) };
        (place != Self::default()).then_some(place)
    }
}

/// As people read it: `Lyon, FR`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.city, &self.country) {
            (Some(city), Some(country)) => write!(f, "{city}, {country}"),
            (Some(one), None) | (None, Some(one)) => f.write_str(one),
            (None, None) => Ok(()),
        }
    }
}

/// Knows where addresses are: a geographic data set, which the host licenses and keeps up to date.
///
/// # Contract
///
/// - `locate` answers `None` for what it does not know, private addresses above all.
/// - It is asked while a person waits: a data set in memory answers at once.
///
/// # Errors
///
/// A failure is a place that is not known: nobody is kept from signing in by it.
///
/// # Cancel safety
///
/// Nothing is changed, so its future may be dropped.
#[async_trait]
pub trait Locator: fmt::Debug + Send + Sync {
    /// The place of an address.
    ///
    /// # Errors
    ///
    /// The data set cannot be read.
    async fn locate(&self, address: IpAddr) -> Result<Option<Place>, PortError>;
}

/// Knows no place.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoLocator;

impl NoLocator {
    /// Knows no place.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Locator for NoLocator {
    async fn locate(&self, _: IpAddr) -> Result<Option<Place>, PortError> {
        Ok(None)
    }
}

/// Knows the places of some networks, by a table: the offices of a company, or the world of a test.
#[derive(Clone, Debug, Default)]
pub struct PlaceTable(NetworkMap<Place>);

impl PlaceTable {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self(NetworkMap::new())
    }

    /// Whether it knows nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a network: its first address, the length of its prefix in bits, its place. The longest prefix counts.
    #[must_use]
    pub fn with(mut self, network: IpAddr, prefix: u8, place: Place) -> Self {
        self.0.insert(network, prefix, place);
        self
    }
}

#[async_trait]
impl Locator for PlaceTable {
    async fn locate(&self, address: IpAddr) -> Result<Option<Place>, PortError> {
        Ok(self.0.get(address).cloned())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_longest_prefix_says_where_an_address_is() {
        let table = PlaceTable::new()
            .with([203, 0, 113, 0].into(), 24, Place::country("FR"))
            .with([203, 0, 113, 128].into(), 25, Place::country("FR").with_city("Lyon"))
            .with("2001:db8::".parse().unwrap(), 32, Place::country("DE"));
        let of = |text: &str| {
            let found = table.locate(text.parse().unwrap()).now_or_never().unwrap().unwrap();
            found.map(|it| it.to_string()).unwrap_or_default()
        };
        assert_eq!(of("203.0.113.7"), "FR");
        assert_eq!(of("203.0.113.200"), "Lyon, FR");
        assert_eq!(of("::ffff:203.0.113.200"), "Lyon, FR");
        assert_eq!(of("2001:db8:1::1"), "DE");
        for unknown in ["203.0.114.1", "10.0.0.1", "2001:db9::1"] {
            assert_eq!(of(unknown), "", "{unknown}");
        }
    }

    #[test]
    fn what_a_data_set_says_is_bounded() {
        assert_eq!(Place::country("").with_city("a\u{7}b").bounded(), None);
        let place = Place::country("FR").with_city("x".repeat(81)).bounded();
        assert_eq!(place, Some(Place::country("FR")));
    }
}
