//! What an authenticator app reads from a QR code.

use std::fmt::Write as _;

use ciam_core::secret::Secret;

use super::parameters::OtpParameters;
use super::seed::OtpSeed;

/// The `otpauth://` address of a time-based seed, for a QR code or a link: the
/// [key URI format](https://github.com/google/google-authenticator/wiki/Key-Uri-Format) that authenticator apps read.
///
/// `issuer` is the name of the service and `account` that of the person's account, as the app shows them. Colons are taken
/// out of both: they part the one from the other.
///
/// ```
/// use ciam_mfa::otp::{OtpParameters, OtpSeed, provisioning_uri};
///
/// let seed = OtpSeed::from_base32("GEZDGNBVGY3TQOJQ")?;
/// let uri = provisioning_uri("Müller & Co", "ada@example.com", &seed, &OtpParameters::default());
/// assert_eq!(
///     uri.expose(),
///     "otpauth://totp/M%C3%BCller%20%26%20Co:ada%40example.com?secret=GEZDGNBVGY3TQOJQ\
///      &issuer=M%C3%BCller%20%26%20Co&algorithm=SHA1&digits=6&period=30"
/// );
/// # Ok::<(), ciam_mfa::otp::InvalidSeed>(())
/// ```
#[must_use]
pub fn provisioning_uri(issuer: &str, account: &str, seed: &OtpSeed, parameters: &OtpParameters) -> Secret {
    let (issuer, account) = (encoded(issuer), encoded(account));
    Secret::new(format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm={}&digits={}&period={}",
        seed.to_base32().expose(),
        parameters.algorithm.as_str(),
        parameters.digits.get(),
        parameters.period,
    ))
}

/// Percent-encoded, all but what is unreserved.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes().filter(|byte| *byte != b':') {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
    out
}
