//! The HTTP redirect binding ([SAML bindings, section 3.4](https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf)).
//!
//! The signature is over the octets of the query as they were received: they are kept, not written again.

use ciam_core::secret::TokenDigest;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{BindingError, Direction, RelayState};
use crate::dsig::{
    KeyError, SignatureAlgorithm, SignatureError, SignaturePolicy, Signer, TrustedKeys, decode_strict, encode,
};
use crate::xml::Limits;

/// A message that came in a query.
#[derive(Clone, Debug)]
pub struct RedirectMessage {
    direction: Direction,
    xml: Vec<u8>,
    relay_state: Option<RelayState>,
    signature: Option<RawSignature>,
}

#[derive(Clone, Debug)]
struct RawSignature {
    octets: String,
    algorithm: String,
    value: Vec<u8>,
}

/// Proof that a message's signature was verified.
#[derive(Clone, Debug)]
pub struct DetachedSignature {
    key: TokenDigest,
}

impl DetachedSignature {
    /// The fingerprint of the key.
    #[must_use]
    pub const fn key(&self) -> &TokenDigest {
        &self.key
    }
}

impl RedirectMessage {
    /// Reads the query of a URL, as it was received and without its question mark.
    ///
    /// # Security
    ///
    /// Parameters of the binding have to be there once and be named plainly; the message is inflated up to
    /// [`Limits::MESSAGE`] and no further.
    ///
    /// # Errors
    ///
    /// Fails when there is not exactly one message, when it cannot be decoded, and when a signature is incomplete.
    pub fn from_raw_query(query: &str) -> Result<Self, BindingError> {
        if query.len() > Limits::MESSAGE.bytes {
            return Err(BindingError::TooLarge);
        }
        let raw = Raw::read(query)?;
        let (direction, message) = raw.message()?;
        let packed = decoded(message, false)?;
        let deflated = decode_strict(&packed).ok_or(BindingError::Encoding)?;
        let xml = inflate(&deflated, Limits::MESSAGE.bytes)?;
        let relay_state = match raw.relay_state {
            Some(value) => Some(RelayState::to_echo(&decoded(value, true)?)?),
            None => None,
        };
        let signature = match (raw.algorithm, raw.signature) {
            (None, None) => None,
            (Some(algorithm), Some(signature)) => Some(RawSignature {
                octets: raw.octets(direction, message, algorithm),
                algorithm: decoded(algorithm, true)?,
                value: decode_strict(&decoded(signature, false)?).ok_or(BindingError::Encoding)?,
            }),
            _ => return Err(BindingError::Signature),
        };
        Ok(Self { direction, xml, relay_state, signature })
    }

    /// The document, when it is what was expected.
    ///
    /// # Errors
    ///
    /// Fails when it came in the other parameter.
    pub fn xml(&self, expected: Direction) -> Result<&[u8], BindingError> {
        if self.direction == expected { Ok(&self.xml) } else { Err(BindingError::Direction) }
    }

    /// Which parameter it came in.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// The relay state.
    #[must_use]
    pub const fn relay_state(&self) -> Option<&RelayState> {
        self.relay_state.as_ref()
    }

    /// Whether there is a signature, good or bad.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.signature.is_some()
    }

    /// Verifies the signature over the query's own octets.
    ///
    /// # Errors
    ///
    /// Fails when there is none, when its algorithm is not allowed, and when no trusted key made it.
    pub fn verify(
        &self,
        keys: &TrustedKeys,
        policy: &SignaturePolicy,
    ) -> Result<DetachedSignature, SignatureError> {
        let signature = self.signature.as_ref().ok_or(SignatureError::Unsigned)?;
        let algorithm = SignatureAlgorithm::from_uri(&signature.algorithm)
            .filter(|algorithm| policy.allows(*algorithm))
            .ok_or(SignatureError::Algorithm)?;
        let key = keys
            .verify_octets(algorithm, signature.octets.as_bytes(), &signature.value)
            .ok_or(SignatureError::Invalid)?;
        Ok(DetachedSignature { key: *key.fingerprint() })
    }
}

/// The parameters as they were written.
#[derive(Default)]
struct Raw<'q> {
    request: Option<&'q str>,
    response: Option<&'q str>,
    relay_state: Option<&'q str>,
    algorithm: Option<&'q str>,
    signature: Option<&'q str>,
}

impl<'q> Raw<'q> {
    fn read(query: &'q str) -> Result<Self, BindingError> {
        let mut raw = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = percent_decode_str(name).decode_utf8().map_err(|_| BindingError::Encoding)?;
            let place = match &*plain {
                "SAMLRequest" => &mut raw.request,
                "SAMLResponse" => &mut raw.response,
                "RelayState" => &mut raw.relay_state,
                "SigAlg" => &mut raw.algorithm,
                "Signature" => &mut raw.signature,
                "SAMLEncoding" if value.contains("DEFLATE") => continue,
                "SAMLEncoding" => return Err(BindingError::Encoding),
                _ => continue,
            };
            if plain != name {
                // The signature could not be over what another reader sees here.
                return Err(BindingError::Encoding);
            }
            if place.replace(value).is_some() {
                return Err(BindingError::Duplicate);
            }
        }
        Ok(raw)
    }

    const fn message(&self) -> Result<(Direction, &'q str), BindingError> {
        match (self.request, self.response) {
            (Some(message), None) => Ok((Direction::Request, message)),
            (None, Some(message)) => Ok((Direction::Response, message)),
            (Some(_), Some(_)) => Err(BindingError::Duplicate),
            (None, None) => Err(BindingError::Missing),
        }
    }

    /// What was signed (section 3.4.4.1): these parameters, in this order, encoded as they were.
    fn octets(&self, direction: Direction, message: &str, algorithm: &str) -> String {
        let relay_state = self.relay_state.map(|value| format!("&RelayState={value}")).unwrap_or_default();
        format!("{}={message}{relay_state}&SigAlg={algorithm}", direction.parameter())
    }
}

/// The address that carries a message, signed where there is a key to sign with.
pub(crate) fn redirect_url(
    destination: &str,
    direction: Direction,
    xml: &str,
    relay_state: Option<&str>,
    signer: Option<&Signer>,
) -> Result<String, KeyError> {
    let deflated = miniz_oxide::deflate::compress_to_vec(xml.as_bytes(), 6);
    let escaped = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
    let mut query = format!("{}={}", direction.parameter(), escaped(&encode(&deflated)));
    if let Some(relay_state) = relay_state {
        query.push_str("&RelayState=");
        query.push_str(&escaped(relay_state));
    }
    if let Some(signer) = signer {
        query.push_str("&SigAlg=");
        query.push_str(&escaped(signer.algorithm().uri()));
        let signature = encode(&signer.sign(query.as_bytes())?);
        query.push_str("&Signature=");
        query.push_str(&escaped(&signature));
    }
    let separator = if destination.contains('?') { '&' } else { '?' };
    Ok(format!("{destination}{separator}{query}"))
}

/// All but the unreserved characters of [RFC 3986, section 2.3](https://www.rfc-editor.org/rfc/rfc3986#section-2.3). Peers that do
/// not keep the octets of a query write it again, and they leave these as they are: with others escaped, no signature of ours
/// would hold there.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn decoded(value: &str, form: bool) -> Result<String, BindingError> {
    // A plus is a space in forms; in base64 it can only have been meant as itself.
    let value = if form { value.replace('+', " ") } else { value.to_owned() };
    percent_decode_str(&value)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| BindingError::Encoding)
}

/// Inflates raw DEFLATE ([RFC 1951](https://www.rfc-editor.org/rfc/rfc1951)) that ends where the input ends.
fn inflate(deflated: &[u8], limit: usize) -> Result<Vec<u8>, BindingError> {
    let mut state = Box::<DecompressorOxide>::default();
    let mut out = vec![0; deflated.len().saturating_mul(4).clamp(1024, limit)];
    let (mut read, mut written) = (0, 0);
    loop {
        let input = deflated.get(read..).unwrap_or_default();
        let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, consumed, produced) = decompress(&mut state, input, &mut out, written, flags);
        read += consumed;
        written += produced;
        match status {
            TINFLStatus::Done if read == deflated.len() => {
                out.truncate(written);
                return Ok(out);
            }
            TINFLStatus::HasMoreOutput if out.len() >= limit => return Err(BindingError::TooLarge),
            TINFLStatus::HasMoreOutput => out.resize(out.len().saturating_mul(2).min(limit), 0),
            _ => return Err(BindingError::Deflate),
        }
    }
}
