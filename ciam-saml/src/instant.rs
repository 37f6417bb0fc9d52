//! Instants as SAML writes them: `xs:dateTime` in UTC
//! ([SAML core, section 1.3.3](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

/// Reads `2026-01-01T12:00:00.123Z`. There is no other offset than `Z`, no leap second, no year but of four digits; of a
/// fraction, up to twelve digits are read and nine count.
pub(crate) fn parse(text: &str) -> Option<OffsetDateTime> {
    let text = text.strip_suffix('Z')?;
    let (date, time) = text.split_once('T')?;
    let (clock, fraction) =
        time.split_once('.').map_or((time, None), |(clock, fraction)| (clock, Some(fraction)));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let nanosecond = match fraction {
        None => 0,
        Some(digits) if (1..=12).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{digits:0<9}").get(..9)?.parse().ok()?
        }
        Some(_) => return None,
    };
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    let small = |number: u32| u8::try_from(number).ok();
    let time = Time::from_hms_nano(small(hour)?, small(minute)?, small(second)?, nanosecond).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc())
}

fn numbers(text: &str, separator: char, lengths: [usize; 3]) -> Option<[u32; 3]> {
    let mut parts = text.split(separator);
    let mut out = [0; 3];
    for (to, length) in out.iter_mut().zip(lengths) {
        let part = parts.next().filter(|p| p.len() == length && p.bytes().all(|b| b.is_ascii_digit()))?;
        *to = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

/// Writes an instant, to the second.
pub(crate) fn format(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let (month, day) = (u8::from(at.month()), at.day());
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    format!("{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", at.year())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn instants_have_one_form() {
        assert_eq!(parse("2026-01-02T03:04:05Z"), Some(datetime!(2026-01-02 03:04:05 UTC)));
        assert_eq!(parse("2026-01-02T03:04:05.5Z"), Some(datetime!(2026-01-02 03:04:05.5 UTC)));
        let long = parse("2026-01-02T03:04:05.123456789012Z");
        assert_eq!(long, Some(datetime!(2026-01-02 03:04:05.123456789 UTC)));
        for bad in [
            "",
            "Z",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05+00:00",
            "2026-01-02T03:04:60Z",
            "2026-02-30T03:04:05Z",
            "2026-13-02T03:04:05Z",
            "02026-01-02T03:04:05Z",
            "-026-01-02T03:04:05Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05.1234567890123Z",
            " 2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05Z ",
            "2026-01-02t03:04:05z",
            "2026-1-2T03:04:05Z",
            "2026-01-02T03:04:05.5.5Z",
            "99999-01-02T03:04:05Z",
            "٢026-01-02T03:04:05Z",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(format(datetime!(2026-01-02 03:04:05.9 UTC)), "2026-01-02T03:04:05Z");
        assert_eq!(format(datetime!(2026-01-02 03:04:05 +2)), "2026-01-02T01:04:05Z");
    }
}
