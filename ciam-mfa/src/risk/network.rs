//! What is known of an address, as a port: whose network it is, where, and whether it hides who uses it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::networks::NetworkMap;
use ciam_core::place::{Locator, Place};

/// What a network is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NetworkKind {
    /// Not known.
    #[default]
    Unknown,
    /// Homes.
    Home,
    /// Phones: many people share an address, and it moves.
    Mobile,
    /// A company or school.
    Organization,
    /// Rented machines, on which people do not sit.
    Hosting,
    /// A VPN, a proxy or Tor: it hides where its users are.
    Anonymous,
}

impl NetworkKind {
    /// Whether an address says nothing of where its user is.
    #[must_use]
    pub const fn is_vague(self) -> bool {
        matches!(self, Self::Mobile | Self::Hosting | Self::Anonymous)
    }
}

/// A place on the globe, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Coordinates {
    /// North of the equator.
    pub latitude: f64,
    /// East of Greenwich.
    pub longitude: f64,
}

impl Coordinates {
    /// A place on the globe, in degrees.
    #[must_use]
    pub const fn new(latitude: f64, longitude: f64) -> Self {
        Self { latitude, longitude }
    }

    /// How far another place is, in kilometres, along a great circle.
    ///
    /// ```
    /// use ciam_mfa::risk::Coordinates;
    ///
    /// let (paris, lyon) = (Coordinates::new(48.86, 2.35), Coordinates::new(45.76, 4.84));
    /// assert!((paris.distance(lyon) - 392.0).abs() < 3.0);
    /// ```
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        const RADIUS: f64 = 6_371.0;
        let (phi, other_phi) = (self.latitude.to_radians(), other.latitude.to_radians());
        let (across, along) =
            ((other_phi - phi) / 2.0, (other.longitude - self.longitude).to_radians() / 2.0);
        let h = across.sin().powi(2) + phi.cos() * other_phi.cos() * along.sin().powi(2);
        2.0 * RADIUS * h.clamp(0.0, 1.0).sqrt().asin()
    }
}

/// What is known of an address. Nothing of it need be known.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct NetworkFacts {
    /// The number of the autonomous system.
    pub system: Option<u32>,
    /// What the network is.
    pub kind: NetworkKind,
    /// The place, as a person recognises it.
    pub place: Option<Place>,
    /// The place on the globe.
    pub coordinates: Option<Coordinates>,
    /// Whether the address is on a list of those that were abused.
    pub listed: bool,
}

impl NetworkFacts {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the number of the autonomous system.
    #[must_use]
    pub const fn with_system(mut self, system: u32) -> Self {
        self.system = Some(system);
        self
    }

    /// Says what the network is.
    #[must_use]
    pub const fn with_kind(mut self, kind: NetworkKind) -> Self {
        self.kind = kind;
        self
    }

    /// Adds the place.
    #[must_use]
    pub fn with_place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds the place on the globe.
    #[must_use]
    pub const fn with_coordinates(mut self, coordinates: Coordinates) -> Self {
        self.coordinates = Some(coordinates);
        self
    }

    /// Says whether the address is on a list of those that were abused.
    #[must_use]
    pub const fn with_listed(mut self, listed: bool) -> Self {
        self.listed = listed;
        self
    }
}

/// Knows networks: geographic data, the register of autonomous systems, lists of abused addresses. The host licenses them,
/// and keeps them up to date.
///
/// # Contract
///
/// - `look_up` answers `None` for what it does not know, private addresses above all.
/// - It is asked while a person waits: data in memory answers at once. What is later than the engine's deadline is not
///   known, and the assessment says that it is incomplete.
///
/// # Cancel safety
///
/// Nothing is changed, so its future may be dropped.
#[async_trait]
pub trait Networks: fmt::Debug + Send + Sync {
    /// What is known of an address.
    ///
    /// # Errors
    ///
    /// The data cannot be read.
    async fn look_up(&self, address: IpAddr) -> Result<Option<NetworkFacts>, PortError>;
}

/// Knows of an address what a [`Locator`] knows: the place.
#[derive(Clone, Debug)]
pub struct PlacesOnly(Arc<dyn Locator>);

impl PlacesOnly {
    /// Knows what this locator knows.
    #[must_use]
    pub fn new(locator: Arc<dyn Locator>) -> Self {
        Self(locator)
    }
}

#[async_trait]
impl Networks for PlacesOnly {
    async fn look_up(&self, address: IpAddr) -> Result<Option<NetworkFacts>, PortError> {
        let place = self.0.locate(address).await?;
        Ok(place.map(|place| NetworkFacts::new().with_place(place)))
    }
}

/// Knows nothing.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoNetworks;

impl NoNetworks {
    /// Knows nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Networks for NoNetworks {
    async fn look_up(&self, _: IpAddr) -> Result<Option<NetworkFacts>, PortError> {
        Ok(None)
    }
}

/// Knows some networks, by a table: the offices of a company, or the world of a test.
#[derive(Clone, Debug, Default)]
pub struct NetworkTable(NetworkMap<NetworkFacts>);

impl NetworkTable {
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

    /// Adds a network: its first address, the length of its prefix in bits, and what is known of it. The longest prefix
    /// counts.
    #[must_use]
    pub fn with(mut self, network: IpAddr, prefix: u8, facts: NetworkFacts) -> Self {
        self.0.insert(network, prefix, facts);
        self
    }
}

#[async_trait]
impl Networks for NetworkTable {
    async fn look_up(&self, address: IpAddr) -> Result<Option<NetworkFacts>, PortError> {
        Ok(self.0.get(address).cloned())
    }
}
