//! Genuine people, and how they sign in.
//!
//! # A person
//!
//! lives in a city, with one of its home providers; has a phone with one of the country's carriers (every person); works, of
//! 45 in 100, in a company with a network of its own. They own one to three devices (25, 50 and 25 in 100), each with one of the
//! common browsers, and use the first most (60 %), the second less (30 %), the third least (10 %). One in 20 uses a VPN for 7 in 10
//! sign-ins, of which 7 in 10 come out in their own country. The password of 6 in 100 is on the list of breached ones
//! that the host knows. They register in the first browser at home, on a day of the first 30.
//!
//! # A sign-in
//!
//! - **When.** The time between two sign-ins is exponential; its mean is the person's own, log-normal around 6 days (σ = 0.8).
//!   The hour is normal around one of their own (evening people, 60 %: 19 h; day, 30 %: 12 h; night, 10 %: 1 h), σ = 3 h.
//! - **Where.** At home 55 %, on the mobile network 25 %, at work 15 % (at home for who has none), in a café or with friends 5 %:
//!   another home provider of the same city. A home keeps its prefix, and gets another of the same provider with 3 % each
//!   time; a phone has one of 64 prefixes at random.
//! - **Trips.** Every 90 days on average to another city of the country, for 2 to 5 days; every 200 days abroad, for 3 to 12.
//!   There half the sign-ins are on the network of a home provider of that place, half on the phone: at home in the
//!   country, roaming with the carrier's addresses, abroad as well.
//! - **With what.** With 6 % in a browser that has forgotten everything (a private window, cookies cleared): the same browser and
//!   place, and no cookie. With 3 % on a device that is new (a new phone, a borrowed or replaced machine): another common
//!   browser, which takes the place of one of theirs in half the cases. Each of the devices they own is new when it is first
//!   used, too. So 11 to 13 % of the sign-ins come from devices that the account has not been seen on.
//! - One of 100 of their addresses is on a list of abused ones, by no fault of theirs.

use std::net::IpAddr;

use crate::random::Random;
use crate::world::{self, COMPANIES, COUNTRIES, HOME_SHARES, HOSTING, MOBILE_SHARES, System};

pub(crate) const DAY: f64 = 86_400.0;

/// A person.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) country: usize,
    pub(crate) city: usize,
    pub(crate) home: System,
    home_prefix: usize,
    home_host: usize,
    mobile: System,
    company: Option<System>,
    devices: Vec<Device>,
    vpn: bool,
    /// Whether the password is on the host's list of breached ones.
    pub(crate) breached: bool,
    pub(crate) hour: f64,
    mean_interval: f64,
    pub(crate) registered_at: f64,
    trip: Trip,
}

/// A device, as it is told apart by its cookie.
#[derive(Clone, Copy, Debug)]
struct Device {
    browser: &'static str,
    cookie: u64,
    used: bool,
}

/// The next journey, or the one that they are on.
#[derive(Clone, Copy, Debug)]
struct Trip {
    begins: f64,
    ends: f64,
    country: usize,
    city: usize,
}

/// A genuine sign-in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignIn {
    pub(crate) at: f64,
    pub(crate) address: IpAddr,
    pub(crate) listed: bool,
    pub(crate) browser: &'static str,
    /// The cookie; 0 for a browser that has forgotten everything.
    pub(crate) cookie: u64,
    /// The account has not been seen in it.
    pub(crate) is_new: bool,
}

impl Person {
    pub(crate) fn born(random: &mut Random) -> Self {
        let country = random.weighted(COUNTRIES.iter().map(|it| it.people));
        let city = random.weighted([0.6, 0.25, 0.15].into_iter());
        let devices = 1 + random.weighted([0.25, 0.5, 0.25].into_iter());
        let works = random.chance(0.45);
        let home = System::home(country, random.weighted(HOME_SHARES.into_iter()));
        let hours = [19.0, 12.0, 1.0];
        let habit = random.weighted([0.6, 0.3, 0.1].into_iter());
        let mut person = Self {
            country,
            city,
            home,
            home_prefix: 0,
            home_host: 0,
            mobile: System::mobile(country, random.weighted(MOBILE_SHARES.into_iter())),
            company: works.then(|| System::company(country, random.below(COMPANIES))),
            devices: Vec::new(),
            vpn: random.chance(0.05),
            breached: random.chance(0.06),
            hour: hours.get(habit).copied().unwrap_or_default(),
            mean_interval: 6.0 * DAY * (0.8 * random.normal()).exp(),
            registered_at: random.unit() * 30.0 * DAY,
            trip: Trip { begins: 0.0, ends: 0.0, country, city },
        };
        person.move_home(random);
        for _ in 0..devices {
            let device = Device { browser: world::browser(random), cookie: random.next() | 1, used: false };
            person.devices.push(device);
        }
        person.plan_trip(person.registered_at, random);
        person
    }

    /// The browser that they use most, and a browser's cookie that could be stolen from them.
    pub(crate) fn main_device(&self) -> (&'static str, u64) {
        self.devices.first().map_or(("", 0), |device| (device.browser, device.cookie))
    }

    /// The registration, at home, in the first browser.
    pub(crate) fn register(&mut self) -> SignIn {
        let address = self.home.within(self.home_prefix, self.home_host);
        let (browser, cookie) = self.main_device();
        if let Some(device) = self.devices.first_mut() {
            device.used = true;
        }
        SignIn { at: self.registered_at, address, listed: false, browser, cookie, is_new: true }
    }

    /// The next sign-in after a time.
    pub(crate) fn next(&mut self, after: f64, random: &mut Random) -> SignIn {
        let day = ((after + random.wait(self.mean_interval)) / DAY).floor();
        let mut at = (day * 24.0 + self.hour + 3.0 * random.normal()) * 3600.0;
        if at <= after + 60.0 {
            at = after + 60.0 + random.unit() * 6.0 * 3600.0;
        }
        if at > self.trip.ends {
            self.plan_trip(self.trip.ends.max(after), random);
        }
        let address = self.place(at, random);
        let (browser, cookie, is_new) = self.device(random);
        SignIn { at, address, listed: random.chance(0.01), browser, cookie, is_new }
    }

    fn move_home(&mut self, random: &mut Random) {
        self.home_prefix = random.below(85) * 3 + self.city;
        self.home_host = random.below(254) + 1;
    }

    fn plan_trip(&mut self, after: f64, random: &mut Random) {
        let (domestic, abroad) = (random.wait(90.0), random.wait(200.0));
        let begins = after + domestic.min(abroad) * DAY;
        let (country, days) = if domestic < abroad {
            (self.country, 2.0 + 3.0 * random.unit())
        } else {
            let other = random.weighted(COUNTRIES.iter().map(|it| it.people));
            (other, 3.0 + 9.0 * random.unit())
        };
        self.trip = Trip { begins, ends: begins + days * DAY, country, city: random.below(3) };
    }

    fn place(&mut self, at: f64, random: &mut Random) -> IpAddr {
        if self.vpn && random.chance(0.7) {
            let abroad = random.weighted(COUNTRIES.iter().map(|it| it.people));
            let country = if random.chance(0.7) { self.country } else { abroad };
            return System::hosting(country, random.below(HOSTING)).address(0, random);
        }
        if at >= self.trip.begins && at < self.trip.ends {
            let guest = System::home(self.trip.country, random.weighted(HOME_SHARES.into_iter()));
            return if random.chance(0.5) {
                guest.address(self.trip.city, random)
            } else {
                self.mobile.address(0, random)
            };
        }
        if random.chance(0.03) {
            self.move_home(random);
        }
        let at_home = self.home.within(self.home_prefix, self.home_host);
        match random.weighted([0.55, 0.25, 0.15, 0.05].into_iter()) {
            1 => self.mobile.address(0, random),
            2 => self.company.map_or(at_home, |company| company.address(0, random)),
            3 => {
                let friend = System::home(self.country, random.weighted(HOME_SHARES.into_iter()));
                friend.address(self.city, random)
            }
            _ => at_home,
        }
    }

    fn device(&mut self, random: &mut Random) -> (&'static str, u64, bool) {
        let position = random.weighted([0.6, 0.3, 0.1].into_iter().take(self.devices.len()));
        let chance = random.unit();
        let Some(device) = self.devices.get_mut(position) else { return ("", 0, true) };
        if chance < 0.06 {
            return (device.browser, 0, true);
        }
        if chance < 0.09 {
            let bought = Device { browser: world::browser(random), cookie: random.next() | 1, used: true };
            if random.chance(0.5) {
                *device = bought;
            }
            return (bought.browser, bought.cookie, true);
        }
        let is_new = !std::mem::replace(&mut device.used, true);
        (device.browser, device.cookie, is_new)
    }
}
