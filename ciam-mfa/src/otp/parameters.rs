//! How a code is made, and whether one that was typed is right.

use ciam_core::crypto::{Crypto, OneTimeHash};
use ciam_core::secret::{Secret, ct_eq};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::seed::OtpSeed;
use super::totp::Drift;

/// The hash function of a code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum OtpAlgorithm {
    /// SHA-1: what every authenticator app knows. Several of them take a seed for another hash and use SHA-1 all the same.
    #[default]
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl OtpAlgorithm {
    /// The name in a provisioning URI.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    const fn hash(self) -> OneTimeHash {
        match self {
            Self::Sha1 => OneTimeHash::Sha1,
            Self::Sha256 => OneTimeHash::Sha256,
            Self::Sha512 => OneTimeHash::Sha512,
        }
    }
}

/// How many digits a code has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
#[expect(clippy::exhaustive_enums, reason = "RFC 4226 says six to eight")]
pub enum OtpDigits {
    /// Six.
    #[default]
    Six,
    /// Seven.
    Seven,
    /// Eight.
    Eight,
}

impl OtpDigits {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        match self {
            Self::Six => 6,
            Self::Seven => 7,
            Self::Eight => 8,
        }
    }
}

impl From<OtpDigits> for u8 {
    fn from(digits: OtpDigits) -> Self {
        digits.get()
    }
}

impl TryFrom<u8> for OtpDigits {
    type Error = &'static str;

    fn try_from(digits: u8) -> Result<Self, Self::Error> {
        match digits {
            6 => Ok(Self::Six),
            7 => Ok(Self::Seven),
            8 => Ok(Self::Eight),
            _ => Err("a one-time code has six to eight digits"),
        }
    }
}

/// How codes are made from a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OtpParameters {
    /// The hash function. Default SHA-1.
    pub algorithm: OtpAlgorithm,
    /// How many digits a code has. Default six.
    pub digits: OtpDigits,
    /// How many seconds a time-based code is shown, at least 15 and at most 300. Default 30. Not used by counters.
    pub period: u16,
}

impl Default for OtpParameters {
    fn default() -> Self {
        Self { algorithm: OtpAlgorithm::default(), digits: OtpDigits::default(), period: 30 }
    }
}

impl OtpParameters {
    /// Sets the hash function.
    ///
    /// Leave it: several apps ignore it, and HMAC with SHA-1 is not weak.
    #[must_use]
    pub const fn with_algorithm(mut self, algorithm: OtpAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Sets how many digits a code has.
    #[must_use]
    pub const fn with_digits(mut self, digits: OtpDigits) -> Self {
        self.digits = digits;
        self
    }

    /// Sets how many seconds a time-based code is shown, between 15 and 300.
    #[must_use]
    pub fn with_period(mut self, seconds: u16) -> Self {
        self.period = seconds.clamp(15, 300);
        self
    }

    /// The code with a number: [RFC 4226, section 5.3](https://www.rfc-editor.org/rfc/rfc4226#section-5.3).
    #[must_use]
    pub fn code(&self, crypto: &dyn Crypto, seed: &OtpSeed, counter: u64) -> Secret {
        let mac = crypto.one_time_mac(self.algorithm.hash(), seed.key(), &counter.to_be_bytes());
        let mac = mac.as_ref();
        // "Dynamic truncation": the low four bits of the last byte say where the number begins.
        let offset = usize::from(mac.last().copied().unwrap_or_default() & 0x0f);
        let window = mac.get(offset..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
        let number = u32::from_be_bytes(window) & 0x7fff_ffff;
        let width = usize::from(self.digits.get());
        let modulus = 10_u32.pow(u32::from(self.digits.get()));
        Secret::new(format!("{:0width$}", number % modulus))
    }

    /// The number of the step at a time: [RFC 6238, section 4.2](https://www.rfc-editor.org/rfc/rfc6238#section-4.2), with
    /// T0 = 0. Before 1970 it is 0.
    #[must_use]
    pub fn step(&self, now: OffsetDateTime) -> u64 {
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        seconds / u64::from(self.period.max(1))
    }

    /// Which step a typed code is of, among those around `now` and later than the last accepted one.
    ///
    /// Every step of the window is computed, whichever it is.
    #[must_use]
    pub fn matching_step(
        &self,
        crypto: &dyn Crypto,
        seed: &OtpSeed,
        typed: &str,
        now: OffsetDateTime,
        drift: Drift,
        last: i64,
    ) -> Option<i64> {
        let current = self.step(now);
        let first = current.saturating_sub(u64::from(drift.past));
        let after = current.saturating_add(u64::from(drift.future));
        self.matching(crypto, seed, typed, first..=after).filter(|step| *step > last)
    }

    /// Which counter a typed code is of, among `ahead` from `next` on.
    #[must_use]
    pub fn matching_counter(
        &self,
        crypto: &dyn Crypto,
        seed: &OtpSeed,
        typed: &str,
        next: i64,
        ahead: u8,
    ) -> Option<i64> {
        let next = u64::try_from(next).ok()?;
        self.matching(crypto, seed, typed, next..=next.saturating_add(u64::from(ahead)))
    }

    fn matching(
        &self,
        crypto: &dyn Crypto,
        seed: &OtpSeed,
        typed: &str,
        counters: std::ops::RangeInclusive<u64>,
    ) -> Option<i64> {
        let typed = self.normalise(typed)?;
        let mut found = None;
        for counter in counters {
            if ct_eq(self.code(crypto, seed, counter).expose().as_bytes(), typed.as_bytes()) {
                found = i64::try_from(counter).ok();
            }
        }
        found
    }

    /// A typed code without the spaces that apps show in it; `None` when it is none.
    fn normalise(&self, typed: &str) -> Option<String> {
        // Nobody types that many, and nobody is to make us look at more.
        if typed.len() > 32 {
            return None;
        }
        let digits: String = typed.chars().filter(|it| !matches!(it, ' ' | '-' | '\u{a0}')).collect();
        let right = digits.len() == usize::from(self.digits.get())
            && digits.bytes().all(|digit| digit.is_ascii_digit());
        right.then_some(digits)
    }
}

#[cfg(test)]
mod tests {
    use ciam_core::crypto::ring;
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    fn seed(length: usize) -> OtpSeed {
        OtpSeed::from_bytes(b"1234567890".iter().copied().cycle().take(length).collect()).unwrap()
    }

    /// RFC 4226, appendix D.
    #[test]
    fn every_value_of_rfc_4226() {
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (counter, code) in (0..).zip(codes) {
            assert_eq!(OtpParameters::default().code(&*ring(), &seed(20), counter).expose(), code);
        }
    }

    /// RFC 6238, appendix B. Its seeds are as long as the hash: erratum 2866.
    #[test]
    fn every_value_of_rfc_6238() {
        use OtpAlgorithm::{Sha1, Sha256, Sha512};
        let rows = [
            (59, "94287082", "46119246", "90693936"),
            (1_111_111_109, "07081804", "68084774", "25091201"),
            (1_111_111_111, "14050471", "67062674", "99943326"),
            (1_234_567_890, "89005924", "91819424", "93441116"),
            (2_000_000_000, "69279037", "90698825", "38618901"),
            (20_000_000_000, "65353130", "77737706", "47863826"),
        ];
        for (at, sha1, sha256, sha512) in rows {
            for (algorithm, length, code) in [(Sha1, 20, sha1), (Sha256, 32, sha256), (Sha512, 64, sha512)] {
                let parameters =
                    OtpParameters::default().with_algorithm(algorithm).with_digits(OtpDigits::Eight);
                let now = OffsetDateTime::from_unix_timestamp(at).unwrap();
                let step = parameters.step(now);
                assert_eq!(
                    parameters.code(&*ring(), &seed(length), step).expose(),
                    code,
                    "{algorithm:?} {at}"
                );
                let found =
                    parameters.matching_step(&*ring(), &seed(length), code, now, Drift::default(), -1);
                assert_eq!(found, Some(i64::try_from(step).unwrap()));
            }
        }
    }

    #[test]
    fn a_code_is_good_one_step_early_and_late_and_never_again() {
        let (crypto, seed, parameters) = (ring(), seed(20), OtpParameters::default());
        let now = datetime!(2026-11-26 12:00:10 UTC);
        let step = i64::try_from(parameters.step(now)).unwrap();
        let code = |at: i64| parameters.code(&*crypto, &seed, u64::try_from(at).unwrap());
        let found = |at: i64, last: i64| {
            parameters.matching_step(&*crypto, &seed, code(at).expose(), now, Drift::default(), last)
        };
        for at in [step - 1, step, step + 1] {
            assert_eq!(found(at, -1), Some(at));
            assert_eq!(found(at, at - 1), Some(at));
            assert_eq!(found(at, at), None, "used");
            assert_eq!(found(at, at + 1), None, "a later one was used");
        }
        assert_eq!((found(step - 2, -1), found(step + 2, -1)), (None, None));
        let later = now + Duration::seconds(30);
        let late =
            parameters.matching_step(&*crypto, &seed, code(step - 1).expose(), later, Drift::default(), -1);
        assert_eq!(late, None);
    }

    #[test]
    fn what_is_no_code_is_none() {
        let parameters = OtpParameters::default();
        for typed in
            ["", "75522", "7552244", "75522a", "７５５２２４", "-755224 ", "+755224", &"7".repeat(5000)]
        {
            let found = parameters.matching_counter(&*ring(), &seed(20), typed, 0, 0);
            assert_eq!(found, (typed == "-755224 ").then_some(0), "{typed}");
        }
        assert_eq!(parameters.matching_counter(&*ring(), &seed(20), "755 224", 0, 0), Some(0));
        assert_eq!(parameters.matching_counter(&*ring(), &seed(20), "755224", -1, 9), None);
        assert_eq!(parameters.matching_counter(&*ring(), &seed(20), "755224", i64::MAX, 255), None);
    }

    #[test]
    fn windows_have_an_end() {
        let seconds = |typed| OtpParameters::default().with_period(typed).period;
        assert_eq!((seconds(1), seconds(60), seconds(9_999)), (15, 60, 300));
        assert_eq!((Drift::new(200, 3).past, Drift::new(3, 200).future), (10, 10));
        let ahead = crate::otp::HotpFactor::new().with_ahead(200);
        assert!(format!("{ahead:?}").contains("ahead: 50"), "{ahead:?}");
    }

    proptest::proptest! {
        #[test]
        fn a_clock_that_is_off_by_less_than_a_step_is_right(at in 100_000_i64..4_000_000_000, skew in -30_i64..=30) {
            let (crypto, seed, parameters) = (ring(), seed(20), OtpParameters::default());
            let theirs = OffsetDateTime::from_unix_timestamp(at + skew).unwrap();
            let code = parameters.code(&*crypto, &seed, parameters.step(theirs));
            let ours = OffsetDateTime::from_unix_timestamp(at).unwrap();
            let found = parameters.matching_step(&*crypto, &seed, code.expose(), ours, Drift::default(), -1);
            proptest::prop_assert!(found.is_some());
        }
    }
}
