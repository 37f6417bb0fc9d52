//! What is counted. Keys and tokens are always the same ones, and so are the instructions.

use std::hint::black_box;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciam_core::crypto::{self, Crypto};
use ciam_core::entropy::SystemEntropy;
use ciam_core::jose::{
    Algorithm, AlgorithmSet, JwkSetLimits, KeySet, LocalSigner, PublicJwkSet, VerificationKey, sign,
};
use ciam_core::secret::SecretBytes;
use ciam_oauth::validate::{CachingValidator, TokenCachePolicy, Validator};
use ring::signature::{self, Ed25519KeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::valgrind::instructions;
use crate::{Counts, Failure, requests};

/// An operation and what of it is not ours.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    prepare: fn() -> Result<Run, Failure>,
    /// What is taken off: the name of a floor.
    floor: Option<&'static str>,
}

/// One run; whether it went well.
pub(crate) type Run = Box<dyn FnMut() -> bool>;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation { name: "cold, EdDSA", prepare: cold_eddsa, floor: Some("signature, EdDSA") },
    Operation { name: "cold, HS256", prepare: cold_hs256, floor: Some("signature, HS256") },
    Operation { name: "cached", prepare: cached, floor: None },
    Operation { name: "refused: malformed", prepare: malformed, floor: None },
    Operation { name: "refused: unknown key", prepare: unknown_key, floor: None },
    Operation { name: "sign, HS256", prepare: sign_hs256, floor: None },
    Operation { name: "read a key set", prepare: key_set, floor: None },
    Operation { name: "token request", prepare: requests::token, floor: Some("signing, EdDSA") },
    Operation { name: "introspection", prepare: requests::introspection, floor: None },
];

const FLOORS: &[Operation] = &[
    Operation { name: "signature, EdDSA", prepare: signature_eddsa, floor: None },
    Operation { name: "signature, HS256", prepare: signature_hs256, floor: None },
    Operation { name: "signing, EdDSA", prepare: signing_eddsa, floor: None },
];

/// The operation or the floor of this name.
pub(crate) fn of(name: &str) -> Result<&'static Operation, Failure> {
    let mut all = OPERATIONS.iter().chain(FLOORS);
    all.find(|operation| operation.name == name)
        .ok_or_else(|| format!("no operation is called {name}").into())
}

impl Operation {
    /// Runs it so many times, in this process.
    pub(crate) fn run(&self, times: u32) -> Result<(), Failure> {
        let mut run = (self.prepare)()?;
        for _ in 0..times {
            if !black_box(run()) {
                return Err(format!("{} went wrong", self.name).into());
            }
        }
        Ok(())
    }

    /// What one run costs, without the floor.
    pub(crate) fn count(&self) -> Result<Counts, Failure> {
        let mut floor = 0;
        if let Some(name) = self.floor {
            floor = of(name)?.one()?;
        }
        let mut run = (self.prepare)()?;
        // What is made once has been made.
        run();
        let mut good = false;
        let allocations = allocation_counter::measure(|| good = run()).count_total;
        if !good {
            return Err(format!("{} went wrong", self.name).into());
        }
        Ok(Counts { instructions: self.one()?.saturating_sub(floor), allocations })
    }

    /// The instructions of one run: of many less those of a few, so that the beginning and the end of the program drop out.
    fn one(&self) -> Result<u64, Failure> {
        const FEW: u64 = 5;
        const MANY: u64 = 105;
        let of = |times: u64| instructions(&["run", self.name, &times.to_string()]);
        Ok(of(MANY)?.saturating_sub(of(FEW)?) / (MANY - FEW))
    }
}

const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://api.example.com/orders";
const ISSUED_AT: i64 = 1_795_435_200;
const KID: &str = "2026-11";
/// The private key of RFC 8037, appendix A.1, as PKCS #8. Its signatures are always the same.
const ED25519: &str = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v_VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";
const SECRET: &[u8] = b"a secret of thirty-two bytes, 0123";

fn cold_eddsa() -> Result<Run, Failure> {
    let (validator, token) = (validator(&*crypto::ring())?, eddsa_token(KID)?);
    let now = now();
    Ok(Box::new(move || validator.validate(black_box(&token), black_box(now)).is_ok()))
}

fn cold_hs256() -> Result<Run, Failure> {
    let crypto = crypto::ring();
    let key = VerificationKey::from_secret(&*crypto, &SecretBytes::new(SECRET.to_vec()), Some(KID))?;
    let validator = Validator::new(ISSUER.parse()?, AUDIENCE, KeySet::from(key))
        .with_algorithms(AlgorithmSet::of(&[Algorithm::Hs256]));
    let token = token(&hs256_signer()?)?;
    let now = now();
    Ok(Box::new(move || validator.validate(black_box(&token), black_box(now)).is_ok()))
}

fn cached() -> Result<Run, Failure> {
    let (validator, token) = (validator(&*crypto::ring())?, eddsa_token(KID)?);
    let validator = CachingValidator::new(validator, TokenCachePolicy::default(), &SystemEntropy::new())?;
    validator.validate(&token, now())?;
    let now = now();
    Ok(Box::new(move || {
        validator.validate(black_box(&token), black_box(now)).is_ok_and(|access| access.was_cached())
    }))
}

fn malformed() -> Result<Run, Failure> {
    let validator = validator(&*crypto::ring())?;
    let token = eddsa_token(KID)?.replacen('.', "A", 1);
    let now = now();
    Ok(Box::new(move || validator.validate(black_box(&token), black_box(now)).is_err()))
}

fn unknown_key() -> Result<Run, Failure> {
    let (validator, token) = (validator(&*crypto::ring())?, eddsa_token("2026-12")?);
    let now = now();
    Ok(Box::new(move || validator.validate(black_box(&token), black_box(now)).is_err()))
}

fn sign_hs256() -> Result<Run, Failure> {
    let (signer, claims) = (hs256_signer()?, claims());
    Ok(Box::new(move || {
        ready(sign(&signer, "at+jwt", black_box(&claims))).is_some_and(|token| token.is_ok())
    }))
}

fn key_set() -> Result<Run, Failure> {
    let document = document(&ed25519(KID)?)?;
    Ok(Box::new(move || PublicJwkSet::parse(black_box(&document), &JwkSetLimits::default()).is_ok()))
}

fn signature_eddsa() -> Result<Run, Failure> {
    let signer = ed25519(KID)?;
    let jwk = serde_json::to_value(signer.public_jwk().ok_or("no public key")?)?;
    let x = jwk.get("x").and_then(Value::as_str).ok_or("no point")?;
    let key = UnparsedPublicKey::new(&signature::ED25519, URL_SAFE_NO_PAD.decode(x)?);
    let token = eddsa_token(KID)?;
    let (message, signed) = token.rsplit_once('.').ok_or("no signature")?;
    let (message, signed) = (message.to_owned(), URL_SAFE_NO_PAD.decode(signed)?);
    Ok(Box::new(move || key.verify(black_box(message.as_bytes()), &signed).is_ok()))
}

fn signature_hs256() -> Result<Run, Failure> {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET);
    let token = token(&hs256_signer()?)?;
    let (message, tag) = token.rsplit_once('.').ok_or("no signature")?;
    let (message, tag) = (message.to_owned(), URL_SAFE_NO_PAD.decode(tag)?);
    Ok(Box::new(move || ring::hmac::verify(&key, black_box(message.as_bytes()), &tag).is_ok()))
}

/// The signature of a token of the length that the token request has.
fn signing_eddsa() -> Result<Run, Failure> {
    let pkcs8 = URL_SAFE_NO_PAD.decode(ED25519)?;
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).map_err(|error| error.to_string())?;
    let message = vec![b'a'; 400];
    Ok(Box::new(move || pair.sign(black_box(&message)).as_ref().len() == 64))
}

fn validator(crypto: &dyn Crypto) -> Result<Validator, Failure> {
    let keys = PublicJwkSet::parse(&document(&ed25519(KID)?)?, &JwkSetLimits::default())?;
    Ok(Validator::new(ISSUER.parse()?, AUDIENCE, KeySet::from_jwks(crypto, &keys)?))
}

fn document(signer: &LocalSigner) -> Result<String, Failure> {
    Ok(json!({"keys": [signer.public_jwk().ok_or("no public key")?]}).to_string())
}

fn ed25519(kid: &str) -> Result<LocalSigner, Failure> {
    let pkcs8 = URL_SAFE_NO_PAD.decode(ED25519)?;
    Ok(LocalSigner::from_pkcs8(&*crypto::ring(), Algorithm::EdDsa, &pkcs8)?.with_kid(Arc::from(kid)))
}

fn hs256_signer() -> Result<LocalSigner, Failure> {
    Ok(LocalSigner::from_secret(&*crypto::ring(), &SecretBytes::new(SECRET.to_vec()))?.with_kid(KID))
}

fn eddsa_token(kid: &str) -> Result<String, Failure> {
    token(&ed25519(kid)?)
}

fn token(signer: &LocalSigner) -> Result<String, Failure> {
    Ok(ready(sign(signer, "at+jwt", &claims())).ok_or("the signer waits")??)
}

/// What a future gives that has nothing to wait for.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    let future = std::pin::pin!(future);
    match future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(ISSUED_AT + 300)
}

fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": "5f3c9f0a-7f1e-4b1c-9a37-2f0f7e6f1c55",
        "aud": [AUDIENCE],
        "exp": ISSUED_AT + 3600,
        "iat": ISSUED_AT,
        "jti": "Zk3m1r2pQb2Yw8v7nq3H1A",
        "client_id": "orders-web",
        "scope": "openid profile orders:read orders:write",
        "auth_time": ISSUED_AT - 30,
        "acr": "urn:ciam:acr:aal2",
        "amr": ["pwd", "otp", "mfa"],
        "sid": "0193581e-7b5a-7c43-8a0e-3c5f5f0f9b11",
        "roles": ["customer", "buyer"],
        "groups": ["acme", "acme-purchasing"],
        "entitlements": ["orders.export"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_does_what_its_name_says() {
        for operation in OPERATIONS.iter().chain(FLOORS) {
            assert!((operation.prepare)().unwrap()(), "{}", operation.name);
            assert!(of(operation.name).is_ok(), "{}", operation.name);
            if let Some(floor) = operation.floor {
                assert!(FLOORS.iter().any(|known| known.name == floor), "{floor}");
            }
        }
        assert!(of("nothing").is_err());
    }

    /// Instructions can only be compared when the bytes are always the same.
    #[test]
    fn tokens_are_always_the_same_ones() {
        assert_eq!(eddsa_token(KID).unwrap(), eddsa_token(KID).unwrap());
        assert_eq!(token(&hs256_signer().unwrap()).unwrap(), token(&hs256_signer().unwrap()).unwrap());
    }

    #[test]
    fn an_operation_that_goes_wrong_is_an_error() {
        let broken = Operation { name: "broken", prepare: || Ok(Box::new(|| false)), floor: None };
        assert!(broken.run(1).is_err());
        assert!(broken.count().is_err());
        assert!(broken.run(0).is_ok());
    }

    #[test]
    fn allocations_are_those_of_one_run() {
        let twice: fn() -> Result<Run, Failure> = || {
            Ok(Box::new(|| {
                black_box(Vec::<u8>::with_capacity(8)).is_empty() && !black_box(vec![0_u8]).is_empty()
            }))
        };
        let mut run = twice().unwrap();
        run();
        assert_eq!(allocation_counter::measure(|| _ = run()).count_total, 2);
    }
}
