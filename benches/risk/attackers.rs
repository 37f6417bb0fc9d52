//! Attackers. Each attack here has the *right* password: what matters is who gets in.
//!
//! Each person is attacked once by each class, at a time of the second half of the simulation. An attack is judged on its own:
//! one teaches the engine nothing for the next.
//!
//! - **Naive stuffing.** A list of leaked passwords, tried from rented machines all over the world (70 % in hosting houses,
//!   known as such as every hosting prefix is; 30 % in homes, by way of a proxy, of which 35 % are on a list of abused
//!   addresses), with one of three old browser texts from a script. No cookie. A machine tries many accounts: the number that
//!   it has tried in the ten minutes before the hit is exponential with a mean of 60. 60 % of the passwords that fit are on the
//!   host's list of breached ones.
//! - **A VPN in the same country.** Knows where the victim lives, and takes a common browser text and an exit in that country:
//!   70 % in a hosting house, 30 % by way of a proxy in a home (35 % on a list), in any city. No cookie. One account only. 30 % of
//!   the passwords are on the list.
//! - **Targeted.** Knows the victim: a proxy in a home of the same city with the victim's own provider (10 % on a list), the
//!   browser text of the victim's first device, at the victim's own hours. No cookie, one account, phished password.
//! - **Stolen cookies.** As the VPN in the same country, with the cookies of the victim's first device and its browser text:
//!   malware has copied them.
//! - **A bound session without its proof.** The same thief, where the device has a key that cannot be copied: the cookies say
//!   that the session is bound, and the proof is missing.

use std::net::IpAddr;

use crate::people::{DAY, Person};
use crate::random::Random;
use crate::world::{self, COUNTRIES, HOME_SHARES, HOSTING, System};

/// A class of attackers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Naive,
    SameCountry,
    Targeted,
    StolenCookie,
    BoundWithoutProof,
}

impl Class {
    pub(crate) const ALL: [Self; 5] =
        [Self::Naive, Self::SameCountry, Self::Targeted, Self::StolenCookie, Self::BoundWithoutProof];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive stuffing",
            Self::SameCountry => "VPN, same country",
            Self::Targeted => "targeted",
            Self::StolenCookie => "stolen cookies",
            Self::BoundWithoutProof => "bound, no proof",
        }
    }
}

/// An attack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attack {
    pub(crate) at: f64,
    pub(crate) class: Class,
    pub(crate) address: IpAddr,
    pub(crate) listed: bool,
    pub(crate) browser: &'static str,
    /// The cookie; 0 for none.
    pub(crate) cookie: u64,
    /// How many accounts the same address has tried in the ten minutes before.
    pub(crate) tried: u32,
    /// Whether the password is on the host's list of breached ones.
    pub(crate) breached: bool,
}

/// What scripts call themselves.
const SCRIPTS: [&str; 3] = [
    "Mozilla/5.0 (Windows NT 6.1; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/87.0.4280.88 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:78.0) Gecko/20100101 Firefox/78.0",
    "python-requests/2.31.0",
];

/// The attack of a class on a person.
pub(crate) fn attack(class: Class, person: &Person, days: f64, random: &mut Random) -> Attack {
    let at = (0.5 + 0.5 * random.unit()) * days * DAY;
    let (victims_browser, victims_cookie) = person.main_device();
    match class {
        Class::Naive => naive(at, random),
        Class::SameCountry => Attack {
            browser: world::browser(random),
            breached: random.chance(0.3),
            ..nearby(class, at, person, random)
        },
        Class::Targeted => {
            let hours = (at / DAY).floor() * 24.0 + person.hour + 3.0 * random.normal();
            let address = person.home.address(person.city, random);
            let (listed, at) = (random.chance(0.1), hours * 3600.0);
            Attack {
                at,
                class,
                address,
                listed,
                browser: victims_browser,
                cookie: 0,
                tried: 1,
                breached: false,
            }
        }
        Class::StolenCookie | Class::BoundWithoutProof => Attack {
            browser: victims_browser,
            cookie: victims_cookie,
            breached: false,
            ..nearby(class, at, person, random)
        },
    }
}

fn naive(at: f64, random: &mut Random) -> Attack {
    let country = random.weighted(COUNTRIES.iter().map(|it| it.machines));
    let (address, listed) = if random.chance(0.7) {
        (System::hosting(country, random.below(HOSTING)).address(0, random), false)
    } else {
        let proxy = System::home(country, random.weighted(HOME_SHARES.into_iter()));
        (proxy.address(random.below(3), random), random.chance(0.35))
    };
    let browser = SCRIPTS.get(random.below(SCRIPTS.len())).copied().unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
    let tried = random.wait(60.0) as u32;
    let breached = random.chance(0.6);
    Attack { at, class: Class::Naive, address, listed, browser, cookie: 0, tried, breached }
}

/// An exit in the victim's country.
fn nearby(class: Class, at: f64, person: &Person, random: &mut Random) -> Attack {
    let (address, listed) = if random.chance(0.7) {
        (System::hosting(person.country, random.below(HOSTING)).address(0, random), false)
    } else {
        let proxy = System::home(person.country, random.weighted(HOME_SHARES.into_iter()));
        (proxy.address(random.below(3), random), random.chance(0.35))
    };
    Attack { at, class, address, listed, browser: "", cookie: 0, tried: 1, breached: false }
}
