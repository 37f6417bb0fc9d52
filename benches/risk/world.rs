//! The world of the simulation: countries, cities, networks, browsers.
//!
//! # Networks
//!
//! Each country has four providers for homes (of 40, 30, 20 and 10 per cent of them), three mobile carriers (45, 35, 20), forty
//! companies with a network of their own in one city, and three houses for hosting, where VPNs come out. Each is an
//! autonomous system with 65,536 addresses: `[11 + n / 256, n % 256, c, d]` is address `d` of prefix `c` of system `n`. A home
//! provider serves each city of its country from prefixes of its own. A mobile carrier does not: where its phones are, the
//! address does not say, and the data set of places names the first city of the country for all of them.
//!
//! # What is known of an address
//!
//! Countries and systems are known without a mistake, cities of homes as well. That a hosting house's prefix is used by a
//! VPN is known of 9 in 10. A single address may be on a list of abused ones: which are, the people and the attackers say.

use std::net::{IpAddr, Ipv4Addr};

use crate::random::Random;

/// A city: its name, its place on the globe.
pub(crate) struct City {
    pub(crate) name: &'static str,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
}

/// A country: its code, its cities, the largest first, and its share of the people of the service.
pub(crate) struct Country {
    pub(crate) code: &'static str,
    pub(crate) cities: [City; 3],
    pub(crate) people: f64,
    /// Its share of the machines that naive attackers use.
    pub(crate) machines: f64,
}

const fn city(name: &'static str, latitude: f64, longitude: f64) -> City {
    City { name, latitude, longitude }
}

const fn country(code: &'static str, people: f64, machines: f64, cities: [City; 3]) -> Country {
    Country { code, cities, people, machines }
}

/// Eight countries where people of the service live, and five more from which attacks come.
pub(crate) const COUNTRIES: [Country; 13] = [
    country(
        "FR",
        0.24,
        0.04,
        [city("Paris", 48.86, 2.35), city("Lyon", 45.76, 4.84), city("Toulouse", 43.60, 1.44)],
    ),
    country(
        "DE",
        0.22,
        0.05,
        [city("Berlin", 52.52, 13.40), city("Hamburg", 53.55, 9.99), city("Munich", 48.14, 11.58)],
    ),
    country(
        "GB",
        0.16,
        0.04,
        [city("London", 51.51, -0.13), city("Leeds", 53.80, -1.55), city("Glasgow", 55.86, -4.25)],
    ),
    country(
        "ES",
        0.11,
        0.03,
        [city("Madrid", 40.42, -3.70), city("Barcelona", 41.39, 2.17), city("Seville", 37.39, -5.98)],
    ),
    country(
        "IT",
        0.10,
        0.03,
        [city("Rome", 41.90, 12.50), city("Milan", 45.46, 9.19), city("Naples", 40.85, 14.27)],
    ),
    country(
        "PL",
        0.07,
        0.03,
        [city("Warsaw", 52.23, 21.01), city("Cracow", 50.06, 19.94), city("Gdansk", 54.35, 18.65)],
    ),
    country(
        "NL",
        0.06,
        0.06,
        [city("Amsterdam", 52.37, 4.90), city("Rotterdam", 51.92, 4.48), city("Groningen", 53.22, 6.57)],
    ),
    country(
        "US",
        0.04,
        0.22,
        [city("New York", 40.71, -74.01), city("Dallas", 32.78, -96.80), city("Seattle", 47.61, -122.33)],
    ),
    country(
        "BR",
        0.0,
        0.10,
        [city("São Paulo", -23.55, -46.63), city("Recife", -8.05, -34.88), city("Manaus", -3.12, -60.02)],
    ),
    country(
        "IN",
        0.0,
        0.12,
        [city("Mumbai", 19.08, 72.88), city("Delhi", 28.61, 77.21), city("Chennai", 13.08, 80.27)],
    ),
    country(
        "VN",
        0.0,
        0.09,
        [city("Hanoi", 21.03, 105.85), city("Saigon", 10.82, 106.63), city("Da Nang", 16.05, 108.20)],
    ),
    country(
        "RU",
        0.0,
        0.09,
        [city("Moscow", 55.76, 37.62), city("Kazan", 55.79, 49.12), city("Omsk", 54.99, 73.37)],
    ),
    country(
        "CN",
        0.0,
        0.10,
        [city("Shanghai", 31.23, 121.47), city("Beijing", 39.90, 116.41), city("Wuhan", 30.59, 114.31)],
    ),
];

/// How the homes of a country are shared among its providers.
pub(crate) const HOME_SHARES: [f64; 4] = [0.4, 0.3, 0.2, 0.1];
/// How the phones of a country are shared among its carriers.
pub(crate) const MOBILE_SHARES: [f64; 3] = [0.45, 0.35, 0.2];
pub(crate) const COMPANIES: usize = 40;
pub(crate) const HOSTING: usize = 3;
const OF_A_COUNTRY: usize = HOME_SHARES.len() + MOBILE_SHARES.len() + COMPANIES + HOSTING;

/// What a network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Home,
    Mobile,
    Company,
    Hosting,
}

/// An autonomous system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct System(usize);

impl System {
    pub(crate) const fn home(country: usize, provider: usize) -> Self {
        Self(country * OF_A_COUNTRY + provider)
    }

    pub(crate) const fn mobile(country: usize, carrier: usize) -> Self {
        Self(country * OF_A_COUNTRY + HOME_SHARES.len() + carrier)
    }

    pub(crate) const fn company(country: usize, company: usize) -> Self {
        Self(country * OF_A_COUNTRY + HOME_SHARES.len() + MOBILE_SHARES.len() + company)
    }

    pub(crate) const fn hosting(country: usize, house: usize) -> Self {
        Self(country * OF_A_COUNTRY + HOME_SHARES.len() + MOBILE_SHARES.len() + COMPANIES + house)
    }

    /// An address of it: for a home provider one that serves a city.
    pub(crate) fn address(self, city: usize, random: &mut Random) -> IpAddr {
        let prefix = match self.kind() {
            Kind::Home => random.below(85) * 3 + city,
            Kind::Mobile => random.below(64),
            Kind::Company => random.below(2),
            Kind::Hosting => random.below(200),
        };
        self.within(prefix, random.below(254) + 1)
    }

    /// A certain address.
    pub(crate) fn within(self, prefix: usize, host: usize) -> IpAddr {
        let byte = |number: usize| u8::try_from(number % 256).unwrap_or_default();
        Ipv4Addr::new(byte(11 + self.0 / 256), byte(self.0), byte(prefix), byte(host)).into()
    }

    pub(crate) const fn country(self) -> usize {
        self.0 / OF_A_COUNTRY
    }

    pub(crate) const fn kind(self) -> Kind {
        let within = self.0 % OF_A_COUNTRY;
        if within < HOME_SHARES.len() {
            Kind::Home
        } else if within < HOME_SHARES.len() + MOBILE_SHARES.len() {
            Kind::Mobile
        } else if within < HOME_SHARES.len() + MOBILE_SHARES.len() + COMPANIES {
            Kind::Company
        } else {
            Kind::Hosting
        }
    }
}

/// What the data sets say of an address.
#[derive(Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) system: u32,
    pub(crate) kind: Kind,
    pub(crate) country: &'static Country,
    pub(crate) city: &'static City,
    /// A VPN is known to come out here.
    pub(crate) vpn: bool,
}

/// What the data sets say of an address of this world.
pub(crate) fn facts(address: IpAddr) -> Option<Facts> {
    let IpAddr::V4(address) = address else { return None };
    let [a, b, prefix, _] = address.octets();
    let number = (usize::from(a).checked_sub(11)?) * 256 + usize::from(b);
    let system = System(number);
    let country = COUNTRIES.get(system.country())?;
    let position = match system.kind() {
        Kind::Home => usize::from(prefix) % 3,
        Kind::Mobile => 0,
        Kind::Company | Kind::Hosting => number % 3,
    };
    let city = country.cities.get(position)?;
    let mark = Random::new(u64::from(u32::from_be_bytes([a, b, prefix, 0]))).next() % 100;
    let vpn = system.kind() == Kind::Hosting && mark < 90;
    Some(Facts { system: u32::try_from(number).ok()?, kind: system.kind(), country, city, vpn })
}

/// Browsers, with the share of people who use them. The share of an attacker who copies what is common is the same.
pub(crate) const BROWSERS: [(&str, f64); 10] = [
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
        0.30,
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Version/19.1 Mobile/15E148 Safari/604.1",
        0.22,
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        0.20,
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0",
        0.08,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.1 Safari/605.1.15",
        0.07,
    ),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", 0.04),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        0.04,
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        0.03,
    ),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", 0.01),
    ("Mozilla/5.0 (iPad; CPU OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Version/19.1 Safari/604.1", 0.01),
];

/// One of the browsers, as they are common.
pub(crate) fn browser(random: &mut Random) -> &'static str {
    let position = random.weighted(BROWSERS.iter().map(|(_, share)| *share));
    BROWSERS.get(position).map_or("", |(text, _)| text)
}
