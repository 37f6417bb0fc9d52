//! How unusual sign-ins are dealt with, and what the operator knows of networks.

use std::net::IpAddr;

use ciam_core::place::{Place, PlaceTable};
use ciam_mfa::risk::{Coordinates, NetworkFacts, NetworkKind, NetworkTable};
use serde::Deserialize;

use super::checks::Refused;

/// How unusual sign-ins are dealt with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskSettings {
    /// Sign-ins are held against what is remembered of the account's earlier ones. Default yes.
    pub adaptive: Option<bool>,
    /// What is known of networks.
    #[serde(default)]
    pub networks: Vec<NetworkSettings>,
}

/// What is known of a network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSettings {
    /// Its addresses, such as `192.0.2.0/24`.
    pub range: String,
    /// The country, by its ISO 3166-1 code of two letters.
    pub country: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The place on the globe, in degrees: north, east.
    pub at: Option<[f64; 2]>,
    /// The number of the autonomous system.
    pub system: Option<u32>,
    /// `home`, `mobile`, `organization`, `hosting` or `anonymous`.
    pub kind: Option<String>,
    /// Others were attacked from there.
    #[serde(default)]
    pub listed: bool,
}

/// How unusual sign-ins are dealt with, as it counts.
#[derive(Clone, Debug)]
pub struct RiskRules {
    /// Whether sign-ins are held against what is remembered of the account's earlier ones.
    pub adaptive: bool,
    /// What the engine knows of networks.
    pub networks: NetworkTable,
    /// What the pages and letters say of places.
    pub places: PlaceTable,
}

impl RiskRules {
    /// What the file says.
    pub(super) fn from_file(file: &RiskSettings) -> Result<Self, Vec<Refused>> {
        let (mut networks, mut places) = (NetworkTable::new(), PlaceTable::new());
        let mut refused = Vec::new();
        for network in &file.networks {
            match network.read() {
                Ok((first, prefix, facts)) => {
                    if let Some(place) = facts.place.clone() {
                        places = places.with(first, prefix, place);
                    }
                    networks = networks.with(first, prefix, facts);
                }
                Err(problem) => refused.push(problem),
            }
        }
        let rules = Self { adaptive: file.adaptive.unwrap_or(true), networks, places };
        if refused.is_empty() { Ok(rules) } else { Err(refused) }
    }
}

impl NetworkSettings {
    fn read(&self) -> Result<(IpAddr, u8, NetworkFacts), Refused> {
        let of_range =
            || ("networks", format!("`{}` must be an address, `/` and a length in bits", self.range));
        let (first, prefix) = self.range.split_once('/').ok_or_else(of_range)?;
        let first: IpAddr = first.parse().map_err(|_| of_range())?;
        let prefix: u8 = prefix.parse().map_err(|_| of_range())?;
        if prefix > if first.is_ipv4() { 32 } else { 128 } {
            return Err(of_range());
        }
        let mut facts = NetworkFacts::new().with_listed(self.listed).with_kind(self.kind()?);
        if let Some(system) = self.system {
            facts = facts.with_system(system);
        }
        if let Some(country) = &self.country {
            let place = Place::country(country.as_str());
            facts = facts.with_place(match &self.city {
                Some(city) => place.with_city(city.as_str()),
                None => place,
            });
        }
        if let Some([north, east]) = self.at {
            facts = facts.with_coordinates(Coordinates::new(north, east));
        }
        Ok((first, prefix, facts))
    }

    fn kind(&self) -> Result<NetworkKind, Refused> {
        Ok(match self.kind.as_deref() {
            None => NetworkKind::Unknown,
            Some("home") => NetworkKind::Home,
            Some("mobile") => NetworkKind::Mobile,
            Some("organization") => NetworkKind::Organization,
            Some("hosting") => NetworkKind::Hosting,
            Some("anonymous") => NetworkKind::Anonymous,
            Some(other) => {
                let known = "home, mobile, organization, hosting or anonymous";
                return Err(("networks", format!("`{other}` must be {known}")));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_and_what_is_none_is_refused() {
        let read = |text: &str| RiskRules::from_file(&toml::from_str(text).unwrap());
        assert!(read("").unwrap().adaptive && !read("adaptive = false").unwrap().adaptive);
        let whole = "[[networks]]\nrange = \"192.0.2.0/24\"\ncountry = \"FR\"\ncity = \"Lyon\"\nat = [45.76, 4.84]\n\
                     system = 3215\nkind = \"home\"\n[[networks]]\nrange = \"2001:db8::/32\"\nlisted = true\n";
        assert!(read(whole).is_ok());
        for bad in ["192.0.2.0", "192.0.2.0/33", "here/8", "2001:db8::/129", "192.0.2.0/x"] {
            let problems = read(&format!("[[networks]]\nrange = \"{bad}\"\n")).unwrap_err();
            assert_eq!(problems[0].0, "networks", "{bad}");
        }
        assert!(read("[[networks]]\nrange = \"192.0.2.0/24\"\nkind = \"moon\"\n").is_err());
    }
}
