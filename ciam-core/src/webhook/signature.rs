//! Signatures of Standard Webhooks: made by the sender, checked by the receiver.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use time::{Duration, OffsetDateTime};

use crate::crypto::{Crypto, MacKey};
use crate::entropy::Entropy;
use crate::error::PortError;
use crate::secret::{Secret, SecretBytes};

/// The header that holds the event's id.
pub const ID: &str = "webhook-id";
/// The header that holds the time of the attempt, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header that holds the signatures, separated by spaces.
pub const SIGNATURE: &str = "webhook-signature";

const PREFIX: &str = "whsec_";
const VERSION: &str = "v1,";

/// A secret that an endpoint shares with the sender: 24 to 64 bytes, written `whsec_` and base64.
#[derive(Clone)]
pub struct WebhookSecret(SecretBytes);

impl WebhookSecret {
    /// Reads a secret as it is written.
    ///
    /// # Errors
    ///
    /// Fails when it is not `whsec_` and the base64 of 24 to 64 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidWebhookSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidWebhookSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| InvalidWebhookSecret)?;
        Self::new(SecretBytes::new(bytes))
    }

    /// Wraps the bytes of a secret.
    ///
    /// # Errors
    ///
    /// Fails when there are fewer than 24 bytes or more than 64.
    pub fn new(bytes: SecretBytes) -> Result<Self, InvalidWebhookSecret> {
        if (24..=64).contains(&bytes.expose().len()) { Ok(Self(bytes)) } else { Err(InvalidWebhookSecret) }
    }

    /// Makes a new secret of 32 bytes.
    ///
    /// # Errors
    ///
    /// Fails only when the entropy source does.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, PortError> {
        let mut bytes = vec![0; 32];
        entropy.fill(&mut bytes)?;
        Ok(Self(SecretBytes::new(bytes)))
    }

    /// The secret as it is written, to be shown once to whoever runs the endpoint.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        Secret::new(format!("{PREFIX}{}", STANDARD.encode(self.0.expose())))
    }

    pub(super) const fn bytes(&self) -> &SecretBytes {
        &self.0
    }

    fn key(&self, crypto: &dyn Crypto) -> Result<Arc<dyn MacKey>, PortError> {
        // The backend wants 32 bytes. HMAC fills a key up with zeros to its block of 64, so that this is the same key.
        let mut bytes = self.0.expose().to_vec();
        bytes.resize(bytes.len().max(32), 0);
        crypto.mac_key(&SecretBytes::new(bytes)).map_err(PortError::permanent)
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// The text is not a webhook secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret is `whsec_` and the base64 of 24 to 64 bytes")]
#[non_exhaustive]
pub struct InvalidWebhookSecret;

/// The value of the signature header: one signature for each secret.
pub(super) fn sign(
    crypto: &dyn Crypto,
    secrets: &[WebhookSecret],
    id: &str,
    now: OffsetDateTime,
    body: &[u8],
) -> Result<String, PortError> {
    let signed = signed_content(id, &now.unix_timestamp().to_string(), body);
    let mut signatures = Vec::with_capacity(secrets.len());
    for secret in secrets {
        let tag = secret.key(crypto)?.authenticate(&signed);
        signatures.push(format!("{VERSION}{}", STANDARD.encode(tag)));
    }
    Ok(signatures.join(" "))
}

fn signed_content(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

/// Checks what an endpoint receives.
///
/// ```
/// use ciam_core::clock::{Clock as _, SystemClock};
/// use ciam_core::crypto;
/// use ciam_core::webhook::{WebhookSecret, WebhookVerifier};
///
/// # fn receive(headers: &http::HeaderMap, body: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
/// let verifier = WebhookVerifier::new(&*crypto::ring(), [secret])?;
/// let id = verifier.verify(headers, body, SystemClock::new().now())?;
/// // An event that was taken before comes again after a crash: `id` is how to know it.
/// # let _ = id;
/// # Ok(())
/// # }
/// ```
///
/// # Security
///
/// The body must be the bytes as they came, not JSON that was parsed and written again. Signatures are compared in constant
/// time. The time limit bounds how long a recorded request can be played back; within it only the id tells.
#[derive(Clone, Debug)]
pub struct WebhookVerifier {
    keys: Vec<Arc<dyn MacKey>>,
    tolerance: Duration,
}

impl WebhookVerifier {
    /// A verifier that accepts what any of these secrets has signed: two while one is being replaced.
    ///
    /// # Errors
    ///
    /// Fails when the backend refuses a key.
    pub fn new(
        crypto: &dyn Crypto,
        secrets: impl IntoIterator<Item = WebhookSecret>,
    ) -> Result<Self, PortError> {
        let keys = secrets.into_iter().map(|it| it.key(crypto)).collect::<Result<_, _>>()?;
        Ok(Self { keys, tolerance: Duration::minutes(5) })
    }

    /// Sets how far the time of a request may be from now, either way. Default 5 min.
    #[must_use]
    pub const fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Checks a request, and returns its id.
    ///
    /// # Errors
    ///
    /// Fails when a header is missing, the time is too far from now, or no signature is one of the secrets'.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: OffsetDateTime,
    ) -> Result<String, InvalidSignature> {
        let id = header(headers, ID)?;
        let timestamp = header(headers, TIMESTAMP)?;
        let at: i64 = timestamp.parse().map_err(|_| InvalidSignature::Header)?;
        let at = OffsetDateTime::from_unix_timestamp(at).map_err(|_| InvalidSignature::Header)?;
        if (now - at).abs() > self.tolerance.abs() {
            return Err(InvalidSignature::Time);
        }
        let signed = signed_content(id, timestamp, body);
        let signatures = header(headers, SIGNATURE)?.split(' ').take(MAX_SIGNATURES);
        let tags = signatures.filter_map(|it| STANDARD.decode(it.strip_prefix(VERSION)?).ok());
        for tag in tags {
            if self.keys.iter().any(|key| key.verify(&signed, &tag).is_ok()) {
                return Ok(id.to_owned());
            }
        }
        Err(InvalidSignature::Signature)
    }
}

/// More signatures are not looked at.
const MAX_SIGNATURES: usize = 8;

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, InvalidSignature> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| InvalidSignature::Header),
        _ => Err(InvalidSignature::Header),
    }
}

/// A webhook request is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSignature {
    /// A header is missing, there twice, or cannot be read.
    #[error("a webhook header is missing or malformed")]
    Header,
    /// The request is too old, or of the future.
    #[error("the time of the webhook request is too far from now")]
    Time,
    /// No signature is of a known secret over this body.
    #[error("the signature of the webhook request is not valid")]
    Signature,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    fn headers(id: &str, timestamp: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [(ID, id), (TIMESTAMP, timestamp), (SIGNATURE, signature)] {
            headers.insert(name, value.parse().unwrap());
        }
        headers
    }

    /// The example of the specification's libraries.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let secret = WebhookSecret::parse(SECRET).unwrap();
        let crypto = crypto::ring();
        let signature =
            sign(&*crypto, &[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", at(1_614_265_330), BODY).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_request_is_accepted_as_it_was_signed_and_no_other() {
        let secret = || WebhookSecret::parse(SECRET).unwrap();
        let other = WebhookSecret::new(SecretBytes::new(vec![7; 32])).unwrap();
        let crypto = crypto::ring();
        let signature = sign(&*crypto, &[other.clone(), secret()], "id", at(1_000), BODY).unwrap();
        let verifier = WebhookVerifier::new(&*crypto, [secret()]).unwrap();
        let good = headers("id", "1000", &signature);
        for now in [1_000, 1_300, 700] {
            assert_eq!(verifier.verify(&good, BODY, at(now)).as_deref(), Ok("id"));
        }
        use InvalidSignature::{Header, Signature, Time};
        let (first, _) = signature.split_once(' ').unwrap();
        let v2 = signature.replace("v1,", "v2,");
        for (attack, headers, body, now, expected) in [
            ("too old", good.clone(), BODY, 1_301, Time),
            ("of the future", good.clone(), BODY, 699, Time),
            ("another body", good.clone(), &b"{}"[..], 1_000, Signature),
            ("another id", headers("id2", "1000", &signature), BODY, 1_000, Signature),
            ("another time", headers("id", "1001", &signature), BODY, 1_000, Signature),
            ("the other secret's signature", headers("id", "1000", first), BODY, 1_000, Signature),
            ("another version", headers("id", "1000", &v2), BODY, 1_000, Signature),
            ("no signature", headers("id", "1000", ""), BODY, 1_000, Signature),
            ("a cut signature", headers("id", "1000", "v1,g0hM9SsE"), BODY, 1_000, Signature),
            ("no number", headers("id", "x", &signature), BODY, 1_000, Header),
            ("no date", headers("id", "99999999999999999", &signature), BODY, 1_000, Header),
            ("no headers", HeaderMap::new(), BODY, 1_000, Header),
        ] {
            assert_eq!(verifier.verify(&headers, body, at(now)), Err(expected), "{attack}");
        }
        let mut twice = good;
        twice.append(ID, "id".parse().unwrap());
        assert_eq!(verifier.verify(&twice, BODY, at(1_000)), Err(Header));
    }

    #[test]
    fn secrets_are_read_as_they_are_written_and_never_printed() {
        let secret = WebhookSecret::parse(SECRET).unwrap();
        assert_eq!(secret.to_text().expose(), SECRET);
        assert!(!format!("{secret:?}").contains("MfKQ"));
        let short = format!("whsec_{}", STANDARD.encode([1; 23]));
        let long = format!("whsec_{}", STANDARD.encode([1; 65]));
        for text in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!", &short, &long] {
            assert!(WebhookSecret::parse(text).is_err(), "{text}");
        }
    }
}
