//! SHA-crypt: `$5$` and `$6$` of glibc ([its specification](https://www.akkadia.org/drepper/SHA-crypt.txt)).

use sha_crypt::{Params, sha256_crypt, sha512_crypt};

use super::limits::ForeignLimits;
use super::text::{CRYPT, number};
use super::{ForeignHashError, ForeignKind};
use crate::secret::ct_eq;

/// A SHA-crypt hash.
#[derive(Clone)]
pub(super) struct ShaCrypt {
    wide: bool,
    /// `None` where the text does not say; it is 5,000 then.
    rounds: Option<u32>,
    salt: String,
    hash: String,
}

impl ShaCrypt {
    pub(super) fn is_written_as(text: &str) -> bool {
        text.starts_with("$5$") || text.starts_with("$6$")
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (wide, rest) = match text.strip_prefix("$6$") {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix("$5$")?),
        };
        let mut fields = rest.split('$');
        let mut salt = fields.next()?;
        let rounds = match salt.strip_prefix("rounds=") {
            Some(rounds) => {
                salt = fields.next()?;
                Some(number(rounds)?)
            }
            None => None,
        };
        let hash = fields.next()?;
        let length = if wide { 86 } else { 43 };
        let whole = fields.next().is_none() && salt.len() <= 16 && hash.len() == length;
        let hash_ok = hash.bytes().all(|byte| CRYPT.contains(&byte));
        (whole && hash_ok).then(|| Self { wide, rounds, salt: salt.to_owned(), hash: hash.to_owned() })
    }

    /// As the specification has it: what is given is brought between 1,000 and 999,999,999.
    pub(super) fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(Params::RECOMMENDED_ROUNDS).clamp(Params::ROUNDS_MIN, Params::ROUNDS_MAX)
    }

    pub(super) fn check(&self, limits: &ForeignLimits) -> Result<(), ForeignHashError> {
        if self.rounds() > limits.sha_crypt_rounds {
            return Err(ForeignHashError::TooExpensive(ForeignKind::ShaCrypt));
        }
        Ok(())
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let Ok(params) = Params::new(self.rounds()) else { return false };
        let salt = self.salt.as_bytes();
        let text = if self.wide {
            write_512(&sha512_crypt(password, salt, params))
        } else {
            write_256(&sha256_crypt(password, salt, params))
        };
        ct_eq(text.as_bytes(), self.hash.as_bytes())
    }

    pub(super) fn write(&self) -> String {
        let id = if self.wide { '6' } else { '5' };
        let rounds = self.rounds.map(|rounds| format!("rounds={rounds}$")).unwrap_or_default();
        format!("${id}${rounds}{}${}", self.salt, self.hash)
    }
}

/// The specification's order of bytes for SHA-256: three at a time, the first of them the most significant.
fn write_256(digest: &[u8; 32]) -> String {
    let mut text = String::with_capacity(43);
    let mut order = [0_usize, 10, 20];
    for _ in 0..10 {
        group(&mut text, order.map(|at| byte(digest, at)), 4);
        let [a, b, c] = order;
        // Each next group begins with the successor of the last byte of this one.
        order = [(c + 1) % 30, (a + 1) % 30, (b + 1) % 30];
    }
    group(&mut text, [0, byte(digest, 31), byte(digest, 30)], 3);
    text
}

/// The specification's order of bytes for SHA-512.
fn write_512(digest: &[u8; 64]) -> String {
    let mut text = String::with_capacity(86);
    let mut order = [0_usize, 21, 42];
    for _ in 0..21 {
        group(&mut text, order.map(|at| byte(digest, at)), 4);
        let [a, b, c] = order;
        order = [(b + 1) % 63, (c + 1) % 63, (a + 1) % 63];
    }
    group(&mut text, [0, 0, byte(digest, 63)], 2);
    text
}

fn byte(digest: &[u8], at: usize) -> u8 {
    digest.get(at).copied().unwrap_or_default()
}

fn group(text: &mut String, [a, b, c]: [u8; 3], characters: usize) {
    let word = u32::from_be_bytes([0, a, b, c]);
    for at in 0..characters {
        let digit = usize::try_from((word >> (6 * at)) & 63).unwrap_or_default();
        text.push(char::from(byte(CRYPT, digit)));
    }
}
