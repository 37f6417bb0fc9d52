//! What a backend does not check about RSA keys.

use super::KeyRejected;

/// Fewest bits of a modulus ([NIST SP 800-131A](https://doi.org/10.6028/NIST.SP.800-131Ar2),
/// [RFC 7518, section 3.3](https://www.rfc-editor.org/rfc/rfc7518#section-3.3)).
const MIN_BITS: usize = 2048;
/// Most bits of a modulus: verification time grows with its square.
const MAX_BITS: usize = 8192;
/// The smallest exponent ([FIPS 186-5](https://doi.org/10.6028/NIST.FIPS.186-5), section 5.1 and appendix A.1.1).
const MIN_EXPONENT: u64 = 65_537;
/// The largest exponent that common implementations verify with.
const MAX_EXPONENT: u64 = (1 << 33) - 1;

/// Checks the numbers of a public key.
pub(super) fn check(modulus: &[u8], exponent: &[u8]) -> Result<(), KeyRejected> {
    let (Some(&high), Some(&low)) = (modulus.first(), modulus.last()) else {
        return Err(KeyRejected::Malformed);
    };
    if high == 0 || low & 1 == 0 {
        return Err(KeyRejected::Malformed);
    }
    let bits = modulus.len() * 8 - high.leading_zeros() as usize;
    if !(MIN_BITS..=MAX_BITS).contains(&bits) {
        return Err(KeyRejected::UnacceptableSize);
    }
    check_exponent(exponent)?;
    if has_roca_fingerprint(modulus) { Err(KeyRejected::KnownWeakness) } else { Ok(()) }
}

fn check_exponent(exponent: &[u8]) -> Result<(), KeyRejected> {
    if exponent.first().is_none_or(|high| *high == 0) {
        return Err(KeyRejected::Malformed);
    }
    if exponent.len() > size_of::<u64>() {
        return Err(KeyRejected::UnacceptableExponent);
    }
    let value = exponent.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    if value % 2 == 1 && (MIN_EXPONENT..=MAX_EXPONENT).contains(&value) {
        Ok(())
    } else {
        Err(KeyRejected::UnacceptableExponent)
    }
}

/// Whether the modulus was made by the generator of CVE-2017-15361 ("ROCA"), whose keys can be factored: all its primes are
/// powers of 65537 modulo the product of many small primes, and so is the modulus. A good key passes for one of these with
/// a chance below 2^-25.
fn has_roca_fingerprint(modulus: &[u8]) -> bool {
    SMALL_PRIMES.iter().all(|prime| {
        let residue = modulus.iter().fold(0_u32, |rest, byte| (rest << 8 | u32::from(*byte)) % prime);
        is_power_of_65537(residue, *prime)
    })
}

fn is_power_of_65537(residue: u32, prime: u32) -> bool {
    let generator = 65_537 % prime;
    let mut power = 1;
    loop {
        if power == residue {
            return true;
        }
        power = power * generator % prime;
        if power == 1 {
            return false;
        }
    }
}

const SMALL_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];
