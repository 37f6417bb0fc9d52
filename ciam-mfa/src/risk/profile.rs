//! What is remembered of an account's sign-ins. Bounded, and forgotten when it is old.

use ciam_core::id::AccountId;
use ciam_core::store::{IndexDeclaration, IndexValue, OWNER_INDEX, RecordKind, StoredRecord};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

/// What is remembered of an account's confirmed sign-ins: where, when and with what.
///
/// Devices and networks are kept as digests. Countries, cities and kinds of browsers are kept by the names that people know,
/// for the export. At most 12 devices, 16 networks, 8 operators, 8 countries, 12 cities and 8 kinds of browsers; of each, the one
/// that was used longest ago gives way, and what was not used for 90 days is forgotten. The whole record is, after 180 days
/// without a sign-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RiskProfile {
    pub(super) account: AccountId,
    pub(super) epoch: u32,
    pub(super) sign_ins: u32,
    /// The day of the last sign-in.
    pub(super) day: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<LastSeen>,
    /// How often at each hour (UTC); all are halved when one is full.
    #[serde(with = "super::packed")]
    pub(super) hours: Vec<u8>,
    #[serde(with = "super::packed")]
    pub(super) devices: Vec<KnownDevice>,
    #[serde(with = "super::packed")]
    pub(super) networks: Vec<Mark<u64>>,
    #[serde(with = "super::packed")]
    pub(super) systems: Vec<Mark<u32>>,
    pub(super) countries: Vec<Mark<String>>,
    pub(super) cities: Vec<Mark<String>>,
    pub(super) browsers: Vec<Mark<String>>,
}

/// Where somebody was: hundredths of degrees, and whether that is vague.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LastSeen(pub(super) i64, pub(super) i32, pub(super) i32, pub(super) bool);

/// Something seen: what, how often, and the day of the last time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark<T>(pub(super) T, pub(super) u16, pub(super) u32);

/// A device: digests of the secrets by which it is recognised, how often, the day of the last time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct KnownDevice(pub(super) Vec<u64>, pub(super) u16, pub(super) u32);

pub(super) const DEVICES: usize = 12;
pub(super) const NETWORKS: usize = 16;
pub(super) const SYSTEMS: usize = 8;
pub(super) const COUNTRIES: usize = 8;
pub(super) const CITIES: usize = 12;
pub(super) const BROWSERS: usize = 8;
/// What was not used for so many days is forgotten.
const FORGOTTEN: u32 = 90;
/// The record of an account that is not used for so many days is.
const EXPIRES: i64 = 180;

const OWNER: IndexDeclaration = IndexDeclaration::many(OWNER_INDEX);

impl StoredRecord for RiskProfile {
    const KIND: RecordKind = RecordKind::new("mfa.risk_profile", &[OWNER]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.account.to_string()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(OWNER, self.account.to_string())]
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(OffsetDateTime::UNIX_EPOCH + Duration::days(i64::from(self.day) + EXPIRES))
    }
}

impl RiskProfile {
    /// Nothing is known.
    pub(super) fn empty(account: AccountId, epoch: u32) -> Self {
        Self {
            account,
            epoch,
            sign_ins: 0,
            day: 0,
            last: None,
            hours: vec![0; 24],
            devices: Vec::new(),
            networks: Vec::new(),
            systems: Vec::new(),
            countries: Vec::new(),
            cities: Vec::new(),
            browsers: Vec::new(),
        }
    }

    /// Notes the hour.
    pub(super) fn note_hour(&mut self, hour: u8) {
        if self.hours.contains(&u8::MAX) {
            self.hours.iter_mut().for_each(|count| *count /= 2);
        }
        if let Some(count) = self.hours.get_mut(usize::from(hour)) {
            *count = count.saturating_add(1);
        }
    }

    /// Forgets what is old.
    pub(super) fn forget(&mut self, today: u32) {
        let is_young = |day: u32| today.saturating_sub(day) <= FORGOTTEN;
        self.devices.retain(|device| is_young(device.2));
        self.networks.retain(|mark| is_young(mark.2));
        self.systems.retain(|mark| is_young(mark.2));
        self.countries.retain(|mark| is_young(mark.2));
        self.cities.retain(|mark| is_young(mark.2));
        self.browsers.retain(|mark| is_young(mark.2));
    }

    /// What an export says of it: everything that a person can read.
    pub(crate) fn told(&self) -> Value {
        let names = |marks: &[Mark<String>]| -> Vec<Value> {
            marks
                .iter()
                .map(|Mark(name, times, day)| json!({ "name": name, "times": times, "last": date(*day) }))
                .collect()
        };
        json!({
            "sign_ins": self.sign_ins, "last": date(self.day), "devices": self.devices.len(),
            "networks": self.networks.len(), "countries": names(&self.countries), "cities": names(&self.cities),
            "browsers": names(&self.browsers), "hours_utc": self.hours,
        })
    }
}

/// Notes one more time that something was seen.
pub(super) fn note<T: PartialEq>(marks: &mut Vec<Mark<T>>, what: T, today: u32, most: usize) {
    match marks.iter_mut().find(|mark| mark.0 == what) {
        Some(mark) => {
            mark.1 = mark.1.saturating_add(1);
            mark.2 = today;
        }
        None => {
            if marks.len() >= most {
                let oldest = marks.iter().enumerate().min_by_key(|(_, mark)| (mark.2, mark.1)).map(|it| it.0);
                if let Some(position) = oldest {
                    marks.swap_remove(position);
                }
            }
            marks.push(Mark(what, 1, today));
        }
    }
}

/// Notes a device, by the secrets with which it will come back and those with which it came.
pub(super) fn note_device(devices: &mut Vec<KnownDevice>, came: &[u64], next: Vec<u64>, today: u32) {
    match devices.iter_mut().find(|device| device.is_one_of(came)) {
        Some(device) => {
            device.0 = next;
            device.1 = device.1.saturating_add(1);
            device.2 = today;
        }
        None => {
            if devices.len() >= DEVICES {
                let oldest = devices.iter().enumerate().min_by_key(|(_, it)| (it.2, it.1)).map(|it| it.0);
                if let Some(position) = oldest {
                    devices.swap_remove(position);
                }
            }
            devices.push(KnownDevice(next, 1, today));
        }
    }
}

impl KnownDevice {
    pub(super) fn is_one_of(&self, presented: &[u64]) -> bool {
        self.0.iter().any(|mark| presented.contains(mark))
    }
}

fn date(day: u32) -> String {
    (OffsetDateTime::UNIX_EPOCH + Duration::days(i64::from(day))).date().to_string()
}
