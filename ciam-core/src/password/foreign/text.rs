//! The texts that hashes are written in: PHC strings, and the base64 alphabets of half a dozen systems.

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD_NO_PAD};
use base64::engine::{DecodePaddingMode, Engine};

/// base64 as systems write it: padded or not, whatever the rest of the last character.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `./A-Za-z0-9`, the alphabet of `crypt`: of bcrypt.
pub(super) const CRYPT: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Decodes base64 in the standard or the URL alphabet, or with the `.` that Passlib writes for `+`.
pub(crate) fn unbase64(text: &str) -> Option<Vec<u8>> {
    let standard = |c: char| match c {
        '-' | '.' => '+',
        '_' => '/',
        other => other,
    };
    LENIENT.decode(text.chars().map(standard).collect::<String>()).ok()
}

/// Encodes base64 as PHC strings have it: the standard alphabet without padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

/// Decodes with an engine.
pub(super) fn decode_with(engine: &impl Engine, text: &str) -> Option<Vec<u8>> {
    engine.decode(text).ok()
}

/// Decodes hexadecimal digits of either case.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
            _ => None,
        })
        .collect()
}

/// What is before and behind the n-th separator is of no interest: exactly `N` parts, or nothing.
pub(super) fn parts<const N: usize>(text: &str, separator: char) -> Option<[&str; N]> {
    text.split(separator).collect::<Vec<_>>().try_into().ok()
}

/// A number without sign, and without what else a number's text may have.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// A PHC string, taken apart.
pub(super) struct Phc<'a> {
    /// The name of the function.
    pub(super) id: &'a str,
    /// Its version.
    pub(super) version: Option<u32>,
    parameters: Vec<(&'a str, &'a str)>,
    /// The salt, decoded.
    pub(super) salt: Vec<u8>,
    /// The hash, decoded.
    pub(super) hash: Vec<u8>,
}

impl<'a> Phc<'a> {
    /// Takes `$id[$v=version]$name=value,…$salt$hash` apart.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut fields = text.strip_prefix('$')?.split('$');
        let id = fields.next()?;
        let mut field = fields.next()?;
        let version = match field.strip_prefix("v=") {
            Some(version) if !version.contains(',') => {
                field = fields.next()?;
                Some(number(version)?)
            }
            _ => None,
        };
        let parameters = field.split(',').map(|pair| pair.split_once('=')).collect::<Option<Vec<_>>>()?;
        let (salt, hash) = (unbase64(fields.next()?)?, unbase64(fields.next()?)?);
        fields.next().is_none().then_some(Self { id, version, parameters, salt, hash })
    }

    /// A parameter, if it is given exactly once.
    pub(super) fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut found = self.parameters.iter().filter(|(known, _)| *known == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(*value)
    }

    /// A parameter that is a number.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        number(self.parameter(name)?)
    }

    /// Whether it has no parameter but these.
    pub(super) fn has_only(&self, names: &[&str]) -> bool {
        self.parameters.iter().all(|(name, _)| names.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_every_system_is_read() {
        for text in ["+/8=", "-_8=", "+/8", "./8"] {
            assert_eq!(unbase64(text).unwrap(), [0xfb, 0xff], "{text}");
        }
        for text in ["+/8 ", "é", "A", "=A"] {
            assert!(unbase64(text).is_none(), "{text}");
        }
        assert_eq!(unhex("00fF").unwrap(), [0, 255]);
        for text in ["0", "0g", "é", "+1"] {
            assert!(unhex(text).is_none(), "{text}");
        }
    }

    #[test]
    fn numbers_are_digits_and_nothing_else() {
        assert_eq!(number::<u32>("010"), Some(10));
        for text in ["", "+1", "-1", " 1", "1_000", "4294967296", "١"] {
            assert_eq!(number::<u32>(text), None, "{text}");
        }
    }

    #[test]
    fn a_phc_string_is_whole_or_nothing() {
        let phc = Phc::parse("$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaA").unwrap();
        assert_eq!((phc.id, phc.version, phc.number::<u32>("m")), ("argon2id", Some(19), Some(64)));
        assert_eq!((phc.salt.as_slice(), phc.hash.as_slice()), (b"saltsalt".as_slice(), b"hash".as_slice()));
        for text in
            ["", "$", "$x", "$x$a=1", "$x$a=1$AAAA", "$x$a$AAAA$AAAA", "$x$a=1$AAAA$AAAA$", "x$a=1$AAAA$AAAA"]
        {
            assert!(Phc::parse(text).is_none(), "{text}");
        }
        let twice = Phc::parse("$x$a=1,a=2$AAAA$AAAA").unwrap();
        assert_eq!(twice.parameter("a"), None);
    }
}
