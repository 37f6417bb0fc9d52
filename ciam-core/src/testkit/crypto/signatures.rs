//! Keys and signatures.

use std::sync::Arc;

use super::vectors as known;
use super::{altered, clause, failed, unhex};
use crate::crypto::{Crypto, EcCurve, KeyRejected, PublicKey, SignatureScheme, VerifyingKey};
use crate::testkit::suite::{Clause, Violation, ensure, ensure_eq};

pub(super) const CLAUSES: &[Clause<dyn Crypto>] = &[
    clause!("verify.known", verify, "Known signatures of every scheme are accepted."),
    clause!(
        "verify.refuses",
        refuses,
        "No signature is accepted that is not one of this key over this message."
    ),
    clause!("verify.scheme", scheme, "A signature of one RSA scheme is none of the other."),
    clause!("key.bound", bound, "A key is parsed for no scheme but those of its type."),
    clause!("key.weak", weak, "A public key that is weak, or no point of its curve, is refused."),
    clause!("key.public", public, "A private key's public key is whole, leading zeros included."),
    clause!(
        "sign.verifies",
        sign,
        "What a generated key signs, its public key accepts, over that message only."
    ),
    clause!("sign.generates", generate, "Every generated key is another."),
];

/// The schemes that every backend generates keys for.
const GENERATED: [SignatureScheme; 3] =
    [SignatureScheme::EcdsaP256Sha256, SignatureScheme::EcdsaP384Sha384, SignatureScheme::Ed25519];
const RSA: [SignatureScheme; 4] = [
    SignatureScheme::RsaPkcs1Sha256,
    SignatureScheme::RsaPkcs1Sha384,
    SignatureScheme::RsaPkcs1Sha512,
    SignatureScheme::RsaPssSha256,
];

/// A known signature, with what it is over.
struct Known {
    scheme: SignatureScheme,
    key: PublicKey,
    message: &'static [u8],
    signature: Vec<u8>,
}

fn all_known() -> Result<Vec<Known>, Violation> {
    let rsa = |modulus: &str| -> Result<PublicKey, Violation> {
        Ok(PublicKey::Rsa { modulus: unhex(modulus)?, exponent: vec![1, 0, 1] })
    };
    let (one, other) = (rsa(known::RSA_MODULUS)?, rsa(known::RSA_OTHER_MODULUS)?);
    let p256 = PublicKey::Ec { curve: EcCurve::P256, x: unhex(known::P256_X)?, y: unhex(known::P256_Y)? };
    let p384 = PublicKey::Ec { curve: EcCurve::P384, x: unhex(known::P384_X)?, y: unhex(known::P384_Y)? };
    let ed25519 = PublicKey::Ed25519(unhex(known::ED25519_PUBLIC)?);
    [
        (SignatureScheme::EcdsaP256Sha256, p256, &b"sample"[..], known::P256_SIGNATURE),
        (SignatureScheme::EcdsaP384Sha384, p384, b"sample", known::P384_SIGNATURE),
        (SignatureScheme::Ed25519, ed25519, b"", known::ED25519_SIGNATURE),
        (SignatureScheme::RsaPkcs1Sha256, one.clone(), b"sample", known::RSA_PKCS1_SIGNATURE),
        (SignatureScheme::RsaPkcs1Sha384, other.clone(), b"sample", known::RSA_PKCS1_SHA384_SIGNATURE),
        (SignatureScheme::RsaPkcs1Sha512, other, b"sample", known::RSA_PKCS1_SHA512_SIGNATURE),
        (SignatureScheme::RsaPssSha256, one, b"sample", known::RSA_PSS_SIGNATURE),
    ]
    .into_iter()
    .map(|(scheme, key, message, signature)| Ok(Known { scheme, key, message, signature: unhex(signature)? }))
    .collect()
}

fn parsed(crypto: &dyn Crypto, known: &Known) -> Result<Arc<dyn VerifyingKey>, Violation> {
    crypto.verifying_key(known.scheme, &known.key).map_err(failed)
}

fn verify(crypto: &dyn Crypto) -> Result<(), Violation> {
    for known in all_known()? {
        let key = parsed(crypto, &known)?;
        ensure_eq!(key.scheme(), known.scheme, "the scheme of a parsed key");
        let accepted = key.verify(known.message, &known.signature).is_ok();
        ensure!(accepted, "a known signature of {:?} is not accepted", known.scheme);
    }
    Ok(())
}

fn refuses(crypto: &dyn Crypto) -> Result<(), Violation> {
    for known in all_known()? {
        let (key, scheme) = (parsed(crypto, &known)?, known.scheme);
        let mut wrong = altered(&known.signature);
        if matches!(known.key, PublicKey::Ec { .. }) {
            wrong.extend(encodings_of(&known.signature));
        }
        for wrong in wrong {
            let accepted = key.verify(known.message, &wrong).is_ok();
            ensure!(!accepted, "{wrong:02x?} is accepted as a signature of {scheme:?}");
        }
        for message in [&b"sampl"[..], b"sample ", b"Sample", b"another", b"\0"] {
            let accepted = key.verify(message, &known.signature).is_ok();
            ensure!(!accepted, "a signature of {scheme:?} over another message is accepted");
        }
    }
    Ok(())
}

/// The same numbers as ASN.1 writes them, and numbers that no signature has.
fn encodings_of(signature: &[u8]) -> Vec<Vec<u8>> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let zero = vec![0; r.len()];
    let most = vec![0xff; r.len()];
    vec![der(r, s), [r, &zero].concat(), [&zero, s].concat(), [most.clone(), most].concat(), [s, r].concat()]
}

/// `SEQUENCE { INTEGER r, INTEGER s }`, of numbers with their first bit set.
pub(in crate::testkit) fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let length = u8::try_from(number.len() + 1).unwrap_or(u8::MAX);
        [&[2, length, 0], number].concat()
    };
    let body = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(body.len()).unwrap_or(u8::MAX)], &body[..]].concat()
}

fn scheme(crypto: &dyn Crypto) -> Result<(), Violation> {
    let known: Vec<Known> = all_known()?.into_iter().filter(|known| RSA.contains(&known.scheme)).collect();
    for one in &known {
        for other in known.iter().filter(|other| other.scheme != one.scheme) {
            let accepted = parsed(crypto, one)?.verify(one.message, &other.signature).is_ok();
            ensure!(!accepted, "{:?} accepts a signature of {:?}", one.scheme, other.scheme);
        }
    }
    Ok(())
}

fn bound(crypto: &dyn Crypto) -> Result<(), Violation> {
    for known in all_known()? {
        let fits = |scheme| scheme == known.scheme || RSA.contains(&scheme) && RSA.contains(&known.scheme);
        for other in GENERATED.into_iter().chain(RSA).filter(|scheme| !fits(*scheme)) {
            let parsed = crypto.verifying_key(other, &known.key);
            ensure!(parsed.is_err(), "a public key for {:?} is parsed for {other:?}", known.scheme);
        }
    }
    for scheme in GENERATED {
        let pkcs8 = crypto.generate_signing_key(scheme).map_err(failed)?;
        for other in GENERATED.into_iter().chain(RSA).filter(|other| *other != scheme) {
            let parsed = crypto.signing_key(other, pkcs8.expose());
            ensure!(parsed.is_err(), "a private key for {scheme:?} is parsed for {other:?}");
        }
        for wrong in [&b""[..], b"\x30\0", pkcs8.expose().get(1..).unwrap_or_default()] {
            ensure!(
                crypto.signing_key(scheme, wrong).is_err(),
                "bytes that are no key are parsed for {scheme:?}"
            );
        }
    }
    Ok(())
}

fn weak(crypto: &dyn Crypto) -> Result<(), Violation> {
    let modulus = unhex(known::RSA_MODULUS)?;
    let rsa = |modulus: &[u8], exponent: &[u8]| {
        (
            SignatureScheme::RsaPkcs1Sha256,
            PublicKey::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() },
        )
    };
    let (x, y) = (unhex(known::P256_X)?, unhex(known::P256_Y)?);
    let point = |x: &[u8], y: &[u8]| {
        let key = PublicKey::Ec { curve: EcCurve::P256, x: x.to_vec(), y: y.to_vec() };
        (SignatureScheme::EcdsaP256Sha256, key)
    };
    let of_order_8 = unhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")?;
    let neutral: Vec<u8> = (0..32).map(|at| u8::from(at == 0)).collect();
    let short = modulus.get(128..).unwrap_or_default();
    let keys = [
        ("an RSA key of 1024 bits", rsa(&[&[0x80], short.get(1..).unwrap_or_default()].concat(), &[1, 0, 1])),
        ("an RSA key with the exponent 1", rsa(&modulus, &[1])),
        ("an RSA key with the exponent 3", rsa(&modulus, &[3])),
        ("an RSA key with an even exponent", rsa(&modulus, &[1, 0, 0])),
        ("a point that is not on the curve", point(&x, &x)),
        ("the point (0, 0)", point(&[0; 32], &[0; 32])),
        ("a coordinate over the field", point(&[0xff; 32], &y)),
        ("a short coordinate", point(x.get(1..).unwrap_or_default(), &y)),
        ("a point of order 8", (SignatureScheme::Ed25519, PublicKey::Ed25519(of_order_8))),
        ("the neutral point", (SignatureScheme::Ed25519, PublicKey::Ed25519(neutral))),
    ];
    for (what, (scheme, key)) in keys {
        let parsed = crypto.verifying_key(scheme, &key);
        ensure!(parsed.is_err(), "{what} is accepted");
        ensure!(
            !matches!(parsed, Err(KeyRejected::WrongType | KeyRejected::Unsupported)),
            "{what} is refused as a key of another type"
        );
    }
    Ok(())
}

fn public(crypto: &dyn Crypto) -> Result<(), Violation> {
    let scheme = SignatureScheme::EcdsaP256Sha256;
    let key = crypto.signing_key(scheme, &unhex(known::SHORT_X_PKCS8)?).map_err(failed)?;
    let (x, y) = (unhex(known::SHORT_X)?, unhex(known::SHORT_X_Y)?);
    ensure_eq!(key.scheme(), scheme, "the scheme of a parsed key");
    let expected = PublicKey::Ec { curve: EcCurve::P256, x, y };
    ensure!(*key.public_key() == expected, "a private key's public key is another");
    Ok(())
}

fn sign(crypto: &dyn Crypto) -> Result<(), Violation> {
    for scheme in GENERATED {
        let pkcs8 = crypto.generate_signing_key(scheme).map_err(failed)?;
        let signing = crypto.signing_key(scheme, pkcs8.expose()).map_err(failed)?;
        let verifying = crypto.verifying_key(scheme, signing.public_key()).map_err(failed)?;
        for message in [&b"message"[..], b"a message that is somewhat longer than one block of the hash function, which has 64 or 128 bytes, and has an end"] {
            let signature = signing.sign(message).map_err(failed)?;
            ensure!(verifying.verify(message, &signature).is_ok(), "a signature of {scheme:?} is not accepted");
            let begun = message.get(..message.len().saturating_sub(1)).unwrap_or_default();
            ensure!(verifying.verify(begun, &signature).is_err(), "{scheme:?} signs a part of the message");
        }
    }
    Ok(())
}

fn generate(crypto: &dyn Crypto) -> Result<(), Violation> {
    for scheme in GENERATED {
        let mut seen = Vec::new();
        for _ in 0..4 {
            let pkcs8 = crypto.generate_signing_key(scheme).map_err(failed)?;
            let key = crypto.signing_key(scheme, pkcs8.expose()).map_err(failed)?.public_key().clone();
            ensure!(!seen.contains(&key), "{scheme:?} has generated a key twice");
            seen.push(key);
        }
    }
    Ok(())
}
