//! scrypt ([RFC 7914](https://www.rfc-editor.org/rfc/rfc7914)): PHC strings and what else it is written as.

use super::limits::ForeignLimits;
use super::text::{CRYPT, Phc, base64, number, parts, unbase64, unhex};
use super::{ForeignHashError, ForeignKind};
use crate::secret::ct_eq;

/// A scrypt hash.
#[derive(Clone)]
pub(super) struct Scrypt {
    pub(super) log_n: u8,
    pub(super) r: u32,
    pub(super) p: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Scrypt {
    pub(super) const fn new(log_n: u8, r: u32, p: u32, salt: Vec<u8>, hash: Vec<u8>) -> Self {
        Self { log_n, r, p, salt, hash }
    }

    pub(super) fn is_written_as(text: &str) -> bool {
        ["$scrypt$", "$s0$", "$7$", "scrypt$", "scrypt:", "SCRYPT:"].iter().any(|it| text.starts_with(it))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.starts_with("$scrypt$") {
            return Self::phc(text);
        }
        if let Some(rest) = text.strip_prefix("$s0$") {
            return Self::lambdaworks(rest);
        }
        if let Some(rest) = text.strip_prefix("$7$") {
            return Self::crypt(rest);
        }
        if let Some(rest) = text.strip_prefix("scrypt$") {
            return Self::django(rest);
        }
        if let Some(rest) = text.strip_prefix("scrypt:") {
            return Self::werkzeug(rest);
        }
        Self::colons(text.strip_prefix("SCRYPT:")?)
    }

    /// `$scrypt$ln=14,r=8,p=1$salt$hash`, Passlib's too.
    fn phc(text: &str) -> Option<Self> {
        let phc = Phc::parse(text).filter(|phc| phc.version.is_none() && phc.has_only(&["ln", "r", "p"]))?;
        let (log_n, r, p) = (phc.number("ln")?, phc.number("r")?, phc.number("p")?);
        Some(Self::new(log_n, r, p, phc.salt, phc.hash))
    }

    /// `$s0$e0801$salt$hash`: log₂ N, r and p in one hexadecimal number.
    fn lambdaworks(rest: &str) -> Option<Self> {
        let [cost, salt, hash] = parts(rest, '$')?;
        let cost = u32::from_str_radix(cost, 16).ok().filter(|_| !cost.starts_with('+'))?;
        let [_, log_n, r, p] = cost.to_be_bytes();
        Some(Self::new(log_n, r.into(), p.into(), unbase64(salt)?, unbase64(hash)?))
    }

    /// `$7$Nrrrrrpppppsalt$hash`, in the alphabet of `crypt`, of which the salt is the text itself.
    fn crypt(rest: &str) -> Option<Self> {
        let [head, hash] = parts(rest, '$')?;
        let (cost, salt) = (head.get(..11)?, head.get(11..)?);
        let mut digits = cost.bytes().map(crypt_digit);
        let log_n = u8::try_from(digits.next()??).ok()?;
        let mut number = || (0..5).try_fold(0, |sum, at| Some(sum | (digits.next()?? << (6 * at))));
        let (r, p) = (number()?, number()?);
        Some(Self::new(log_n, r, p, salt.as_bytes().to_vec(), uncrypt64(hash)?))
    }

    /// Django's `scrypt$N$salt$r$p$hash`, without its first word.
    fn django(rest: &str) -> Option<Self> {
        let [n, salt, r, p, hash] = parts(rest, '$')?;
        let salt = salt.as_bytes().to_vec();
        Some(Self::new(log2(number(n)?)?, number(r)?, number(p)?, salt, unbase64(hash)?))
    }

    /// Werkzeug's `scrypt:N:r:p$salt$hash`, without its first word.
    fn werkzeug(rest: &str) -> Option<Self> {
        let [cost, salt, hash] = parts(rest, '$')?;
        let [n, r, p] = parts(cost, ':')?;
        let salt = salt.as_bytes().to_vec();
        Some(Self::new(log2(number(n)?)?, number(r)?, number(p)?, salt, unhex(hash)?))
    }

    /// `SCRYPT:N:r:p:salt:hash`, without its first word.
    fn colons(rest: &str) -> Option<Self> {
        let [n, r, p, salt, hash] = parts(rest, ':')?;
        Some(Self::new(log2(number(n)?)?, number(r)?, number(p)?, unbase64(salt)?, unbase64(hash)?))
    }

    pub(super) fn check(&self, limits: &ForeignLimits) -> Result<(), ForeignHashError> {
        check_cost(self.log_n, self.r, self.p, limits, ForeignKind::Scrypt)?;
        super::check_lengths(&self.salt, &self.hash, limits, ForeignKind::Scrypt)
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let Ok(params) = scrypt::Params::new(self.log_n, self.r, self.p) else { return false };
        let mut out = vec![0; self.hash.len()];
        scrypt::scrypt(password, &self.salt, &params, &mut out).is_ok() && ct_eq(&out, &self.hash)
    }

    pub(super) fn write(&self) -> String {
        let (salt, hash) = (base64(&self.salt), base64(&self.hash));
        format!("$scrypt$ln={},r={},p={}${salt}${hash}", self.log_n, self.r, self.p)
    }
}

/// Whether these parameters can be together and are within the limits.
pub(super) fn check_cost(
    log_n: u8,
    r: u32,
    p: u32,
    limits: &ForeignLimits,
    kind: ForeignKind,
) -> Result<(), ForeignHashError> {
    if log_n == 0 || r == 0 || p == 0 {
        return Err(ForeignHashError::Malformed(kind));
    }
    let (n, r, p) = (1_u128.checked_shl(log_n.into()).unwrap_or(u128::MAX), u128::from(r), u128::from(p));
    let memory = n.saturating_add(p).saturating_mul(r).saturating_mul(128);
    let work = n.saturating_mul(r).saturating_mul(p);
    if memory > limits.scrypt_memory.into() || work > limits.scrypt_work.into() {
        return Err(ForeignHashError::TooExpensive(kind));
    }
    Ok(())
}

fn log2(n: u64) -> Option<u8> {
    u8::try_from(n.checked_ilog2().filter(|_| n.is_power_of_two())?).ok()
}

fn crypt_digit(byte: u8) -> Option<u32> {
    CRYPT.iter().position(|known| *known == byte).and_then(|at| u32::try_from(at).ok())
}

/// base64 of `crypt`, lowest bits first, as the `$7$` form has it.
fn uncrypt64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for group in text.as_bytes().chunks(4) {
        let digits = group.iter().map(|byte| crypt_digit(*byte)).collect::<Option<Vec<_>>>()?;
        let word = digits.iter().rev().fold(0_u32, |word, digit| (word << 6) | digit);
        let length = match digits.len() {
            4 => 3,
            3 => 2,
            2 => 1,
            _ => return None,
        };
        out.extend(word.to_le_bytes().iter().take(length));
    }
    Some(out)
}
