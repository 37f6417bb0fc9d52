//! The contract of [`Crypto`].

mod signatures;
mod vectors;

pub(in crate::testkit) use self::signatures::der;
use self::vectors as known;
use super::suite::{Clause, Report, Suite, Violation, ensure, ensure_eq};
use crate::crypto::{AEAD_TAG_LENGTH, Crypto, DigestAlgorithm, KeyRejected, OneTimeHash};
use crate::secret::SecretBytes;

/// Runs the contract of [`Crypto`] against a backend: known answers of the standards, and what must be refused.
///
/// Signing with RSA is not in it, because a backend need not offer it. Constant time cannot be seen by a suite.
///
/// ```
/// use ciam_core::{crypto, testkit};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// testkit::crypto(&*crypto::ring()).await.assert_kept();
/// # });
/// ```
pub async fn crypto(backend: &(dyn Crypto + 'static)) -> Report {
    crypto_suite().run(backend).await
}

/// The contract of [`Crypto`], clause by clause.
#[must_use]
pub fn crypto_suite() -> Suite<dyn Crypto> {
    Suite::new("Crypto", &[CLAUSES, signatures::CLAUSES])
}

macro_rules! clause {
    ($name:literal, $check:path, $docs:literal) => {
        Clause::new($name, $docs, |crypto| Box::pin(async move { $check(crypto) }))
    };
}
use clause;

const CLAUSES: &[Clause<dyn Crypto>] = &[
    clause!("digest.known", digest, "`digest` gives the digests of FIPS 180-4."),
    clause!(
        "digest.pieces",
        digest_pieces,
        "`digester` gives the digest of its pieces, one after the other."
    ),
    clause!("mac.known", mac, "`mac_key` makes the codes of RFC 2104 with SHA-256, and accepts them."),
    clause!(
        "mac.refuses",
        mac_refuses,
        "No code but the whole one of this key over this message is accepted."
    ),
    clause!("mac.short_key", mac_short_key, "A key that is shorter than the hash is refused."),
    clause!(
        "one_time_mac.known",
        one_time_mac,
        "`one_time_mac` makes the codes of RFC 2104 with each hash, from keys of any length."
    ),
    clause!(
        "aead.known",
        aead,
        "`aead_seal` makes the text and tag of AES-256-GCM, and `aead_open` opens them."
    ),
    clause!(
        "aead.refuses",
        aead_refuses,
        "Nothing opens but with the key, nonce, associated data and text of its sealing."
    ),
    clause!("derive.known", derive, "`derive` gives the key material of RFC 5869 with SHA-256."),
    clause!("derive.limit", derive_limit, "`derive` fills up to 8160 bytes, and fails beyond."),
];

fn unhex(text: &str) -> Result<Vec<u8>, Violation> {
    let digits = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    digits.collect::<Option<_>>().ok_or_else(|| Violation::new("a vector is not hexadecimal"))
}

/// Every text that differs from this one in one bit of a byte, by a byte less at either end, or by one more.
fn altered(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..bytes.len())
        .map(|at| {
            let flip = 1 << (at % 8);
            bytes
                .iter()
                .enumerate()
                .map(|(here, byte)| if here == at { byte ^ flip } else { *byte })
                .collect()
        })
        .collect();
    all.extend(
        [bytes.get(1..), bytes.get(..bytes.len().saturating_sub(1))]
            .into_iter()
            .flatten()
            .map(<[u8]>::to_vec),
    );
    all.extend([Vec::new(), [bytes, &[0]].concat(), [&[0], bytes].concat(), vec![0; bytes.len()]]);
    all.retain(|other| other != bytes);
    all
}

fn failed(error: impl std::fmt::Display) -> Violation {
    Violation::new(format!("failed: {error}"))
}

fn digest(crypto: &dyn Crypto) -> Result<(), Violation> {
    for (algorithm, of_abc, of_nothing) in [
        (DigestAlgorithm::Sha256, known::SHA256_ABC, known::SHA256_EMPTY),
        (DigestAlgorithm::Sha384, known::SHA384_ABC, known::SHA384_EMPTY),
        (DigestAlgorithm::Sha512, known::SHA512_ABC, known::SHA512_EMPTY),
    ] {
        for (text, expected) in [(&b"abc"[..], of_abc), (b"", of_nothing)] {
            let found = crypto.digest(algorithm, text);
            ensure_eq!(found.as_ref(), unhex(expected)?, "{algorithm:?} of {} bytes", text.len());
        }
    }
    Ok(())
}

fn digest_pieces(crypto: &dyn Crypto) -> Result<(), Violation> {
    let text: Vec<u8> = (0..=255).cycle().take(1_000).collect();
    for algorithm in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
        for size in [1, 63, 64, 65, 999, 1_000] {
            let mut digester = crypto.digester(algorithm);
            for piece in text.chunks(size) {
                digester.update(piece);
                digester.update(b"");
            }
            let found = digester.finish();
            let whole = crypto.digest(algorithm, &text);
            ensure_eq!(found.as_ref(), whole.as_ref(), "{algorithm:?} in pieces of {size}");
        }
    }
    Ok(())
}

fn mac(crypto: &dyn Crypto) -> Result<(), Violation> {
    let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
    for (key, message, expected) in [
        (vec![0xaa; 131], &long[..], known::MAC_LONG_KEY),
        ((0..32).collect(), b"message", known::MAC_SHORTEST_KEY),
    ] {
        let key = crypto.mac_key(&SecretBytes::new(key)).map_err(failed)?;
        let expected = unhex(expected)?;
        ensure_eq!(key.authenticate(message).as_ref(), expected, "a known code");
        ensure!(key.verify(message, &expected).is_ok(), "a known code is not accepted");
    }
    Ok(())
}

fn one_time_mac(crypto: &dyn Crypto) -> Result<(), Violation> {
    for (algorithm, of_seed, of_long_key) in [
        (OneTimeHash::Sha1, known::ONE_TIME_SHA1, known::ONE_TIME_SHA1_LONG),
        (OneTimeHash::Sha256, known::ONE_TIME_SHA256, known::MAC_LONG_KEY),
        (OneTimeHash::Sha512, known::ONE_TIME_SHA512, known::ONE_TIME_SHA512_LONG),
    ] {
        let seed = SecretBytes::new(b"Jefe".to_vec());
        let found = crypto.one_time_mac(algorithm, &seed, b"what do ya want for nothing?");
        ensure_eq!(found.as_ref(), unhex(of_seed)?, "{algorithm:?} with a short key");
        let length = if algorithm == OneTimeHash::Sha1 { 80 } else { 131 };
        let long = SecretBytes::new(vec![0xaa; length]);
        let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
        let found = crypto.one_time_mac(algorithm, &long, message);
        ensure_eq!(found.as_ref(), unhex(of_long_key)?, "{algorithm:?} with a long key");
    }
    Ok(())
}

fn mac_refuses(crypto: &dyn Crypto) -> Result<(), Violation> {
    let key = crypto.mac_key(&SecretBytes::new(vec![7; 32])).map_err(failed)?;
    let other = crypto.mac_key(&SecretBytes::new(vec![8; 32])).map_err(failed)?;
    let code = key.authenticate(b"message");
    for wrong in altered(code.as_ref()) {
        ensure!(
            key.verify(b"message", &wrong).is_err(),
            "{wrong:02x?} is accepted for {:02x?}",
            code.as_ref()
        );
    }
    let half = code.as_ref().get(..16).unwrap_or_default();
    ensure!(key.verify(b"message", half).is_err(), "half a code is accepted");
    for message in altered(b"message") {
        ensure!(key.verify(&message, code.as_ref()).is_err(), "a code is accepted over {message:02x?}");
    }
    ensure!(other.verify(b"message", code.as_ref()).is_err(), "another key's code is accepted");
    Ok(())
}

fn mac_short_key(crypto: &dyn Crypto) -> Result<(), Violation> {
    for length in [0, 1, 16, 31] {
        let key = crypto.mac_key(&SecretBytes::new(vec![7; length]));
        ensure!(
            matches!(key, Err(KeyRejected::UnacceptableSize)),
            "a key of {length} bytes is {:?}",
            key.map(|_| "accepted")
        );
    }
    Ok(())
}

/// The key and the nonce of the known answer.
const AEAD_KEY: [u8; 32] = *b"\xfe\xff\xe9\x92\x86\x65\x73\x1c\x6d\x6a\x8f\x94\x67\x30\x83\x08\
    \xfe\xff\xe9\x92\x86\x65\x73\x1c\x6d\x6a\x8f\x94\x67\x30\x83\x08";
const AEAD_NONCE: [u8; 12] = *b"\xca\xfe\xba\xbe\xfa\xce\xdb\xad\xde\xca\xf8\x88";

fn aead(crypto: &dyn Crypto) -> Result<(), Violation> {
    let (text, associated) = (unhex(known::AEAD_TEXT)?, unhex(known::AEAD_ASSOCIATED)?);
    let (mut sealed, expected) = (text.clone(), unhex(known::AEAD_SEALED)?);
    crypto.aead_seal(&AEAD_KEY, AEAD_NONCE, &associated, &mut sealed).map_err(failed)?;
    ensure_eq!(sealed, expected, "the known text, sealed");
    let opened = crypto.aead_open(&AEAD_KEY, AEAD_NONCE, &associated, &expected).map_err(failed)?;
    ensure_eq!(opened.expose(), text, "the known text, opened");
    let mut nothing = Vec::new();
    crypto.aead_seal(&AEAD_KEY, AEAD_NONCE, b"", &mut nothing).map_err(failed)?;
    ensure_eq!(nothing.len(), AEAD_TAG_LENGTH, "how long nothing is when it is sealed");
    let opened = crypto.aead_open(&AEAD_KEY, AEAD_NONCE, b"", &nothing).map_err(failed)?;
    ensure_eq!(opened.expose(), b"", "nothing, opened");
    Ok(())
}

fn aead_refuses(crypto: &dyn Crypto) -> Result<(), Violation> {
    let (key, nonce, associated) = ([1; 32], [2; 12], b"where it belongs");
    let mut sealed = b"attack at dawn".to_vec();
    crypto.aead_seal(&key, nonce, associated, &mut sealed).map_err(failed)?;
    for wrong in altered(&sealed) {
        let opened = crypto.aead_open(&key, nonce, associated, &wrong);
        ensure!(opened.is_err(), "{wrong:02x?} opens for {sealed:02x?}");
    }
    for length in 0..sealed.len() {
        let opened = crypto.aead_open(&key, nonce, associated, sealed.get(..length).unwrap_or_default());
        ensure!(opened.is_err(), "the first {length} bytes open");
    }
    for wrong in altered(associated) {
        let opened = crypto.aead_open(&key, nonce, &wrong, &sealed);
        ensure!(opened.is_err(), "a text opens with the associated data {wrong:02x?}");
    }
    for at in 0..32 {
        let wrong_key = std::array::from_fn(|here| if here == at { 9 } else { 1 });
        ensure!(
            crypto.aead_open(&wrong_key, nonce, associated, &sealed).is_err(),
            "another key opens a text"
        );
        let wrong_nonce = std::array::from_fn(|here| if here == at % 12 { 9 } else { 2 });
        ensure!(
            crypto.aead_open(&key, wrong_nonce, associated, &sealed).is_err(),
            "another nonce opens a text"
        );
    }
    Ok(())
}

fn derive(crypto: &dyn Crypto) -> Result<(), Violation> {
    let short = SecretBytes::new(vec![0x0b; 22]);
    let long = SecretBytes::new((0..0x50).collect());
    let bytes = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
    for (secret, salt, info, expected) in [
        (&short, bytes(0, 0x0c), bytes(0xf0, 0xf9), known::DERIVED),
        (&long, bytes(0x60, 0xaf), bytes(0xb0, 0xff), known::DERIVED_LONG),
        (&short, Vec::new(), Vec::new(), known::DERIVED_WITHOUT_SALT),
    ] {
        let expected = unhex(expected)?;
        let mut found = vec![0; expected.len()];
        crypto.derive(secret, &salt, &info, &mut found).map_err(failed)?;
        ensure_eq!(found, expected, "known key material");
    }
    Ok(())
}

fn derive_limit(crypto: &dyn Crypto) -> Result<(), Violation> {
    const MOST: usize = 255 * 32;
    let secret = SecretBytes::new(vec![1; 32]);
    let mut longest = vec![0; MOST];
    crypto.derive(&secret, b"salt", b"info", &mut longest).map_err(failed)?;
    let mut last = longest.rchunks(32).next().unwrap_or_default().to_vec();
    last.dedup();
    ensure!(last.len() > 1, "the last of {MOST} bytes were not filled");
    let beyond = crypto.derive(&secret, b"salt", b"info", &mut [0; MOST + 1]);
    ensure!(beyond.is_err(), "{} bytes were derived", MOST + 1);
    Ok(())
}
