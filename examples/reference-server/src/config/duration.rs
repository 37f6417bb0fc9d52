//! Durations as people write them.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, de};

/// A duration such as `90s`, `15m`, `12h` or `30d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

impl Span {
    /// So many seconds.
    pub const fn seconds(seconds: u32) -> Self {
        Self(Duration::from_secs(seconds as u64))
    }

    /// So many minutes.
    pub const fn minutes(minutes: u32) -> Self {
        Self::seconds(minutes * 60)
    }

    /// So many hours.
    pub const fn hours(hours: u32) -> Self {
        Self::minutes(hours * 60)
    }

    /// So many days.
    pub const fn days(days: u32) -> Self {
        Self::hours(days * 24)
    }

    /// For the standard library.
    pub const fn std(self) -> Duration {
        self.0
    }

    /// For the libraries. At most ten years, so it always fits.
    pub fn time(self) -> time::Duration {
        time::Duration::try_from(self.0).unwrap_or(time::Duration::MAX)
    }
}

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let digits = text.trim_end_matches(|it: char| it.is_ascii_lowercase());
        let unit = match text.strip_prefix(digits) {
            Some("s") => 1,
            Some("m") => 60,
            Some("h") => 60 * 60,
            Some("d") => 24 * 60 * 60,
            _ => return Err(InvalidSpan),
        };
        let number: u32 = digits.parse().map_err(|_| InvalidSpan)?;
        let seconds = u64::from(number).checked_mul(unit).ok_or(InvalidSpan)?;
        if seconds == 0 || seconds > LONGEST {
            Err(InvalidSpan)
        } else {
            Ok(Self(Duration::from_secs(seconds)))
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [(24 * 60 * 60, 'd'), (60 * 60, 'h'), (60, 'm')];
        match units.iter().find(|(unit, _)| seconds.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{}{name}", seconds / unit),
            None => write!(f, "{seconds}s"),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a duration such as 90s, 15m, 12h or 30d, at most 3650d")]
pub struct InvalidSpan;

/// Ten years.
const LONGEST: u64 = 3650 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_alike() {
        for text in ["90s", "15m", "12h", "30d", "3650d"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("60s".parse(), Ok(Span::minutes(1)));
        assert_eq!(Span::days(1).time(), time::Duration::days(1));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "0s", "5", "s", "-5m", "1.5h", "5 m", "3651d", "99999999999d", "5w", "5M"] {
            assert_eq!(text.parse::<Span>(), Err(InvalidSpan), "{text}");
        }
    }
}
