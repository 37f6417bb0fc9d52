//! A table of networks, by their addresses.

use std::net::IpAddr;

/// What is known of some networks, by a table: the offices of a company, or the world of a test. The longest prefix counts.
///
/// An IPv4 address is found in its IPv6 form too.
///
/// ```
/// use ciam_core::networks::NetworkMap;
///
/// let mut offices = NetworkMap::new();
/// offices.insert([203, 0, 113, 0].into(), 24, "France");
/// offices.insert([203, 0, 113, 128].into(), 25, "Lyon");
/// assert_eq!(offices.get([203, 0, 113, 200].into()), Some(&"Lyon"));
/// assert_eq!(offices.get("::ffff:203.0.113.7".parse()?), Some(&"France"));
/// assert_eq!(offices.get([192, 0, 2, 1].into()), None);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NetworkMap<T>(Vec<(IpAddr, u8, T)>);

impl<T> NetworkMap<T> {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a network: its first address, the length of its prefix in bits, and what is known of it.
    pub fn insert(&mut self, network: IpAddr, prefix: u8, known: T) {
        self.0.push((network.to_canonical(), prefix, known));
    }

    /// Whether it knows nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is known of the smallest network that an address is in.
    #[must_use]
    pub fn get(&self, address: IpAddr) -> Option<&T> {
        let address = address.to_canonical();
        let fitting = self.0.iter().filter(|(network, prefix, _)| is_in(address, *network, *prefix));
        fitting.max_by_key(|it| it.1).map(|it| &it.2)
    }
}

impl<T> Default for NetworkMap<T> {
    fn default() -> Self {
        Self::new()
    }
}

fn is_in(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let (one, other, bits) = match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u128::from(one.to_bits()), u128::from(other.to_bits()), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    let shift = u32::from(bits - prefix.min(bits));
    one.checked_shr(shift).unwrap_or_default() == other.checked_shr(shift).unwrap_or_default()
}
