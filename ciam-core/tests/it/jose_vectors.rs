//! JOSE against published vectors: Wycheproof, RFC 7515, RFC 7520, RFC 7797 and RFC 8037.
//!
//! The larger ones are read from the folder that `CIAM_VECTORS` names, `../shared/vectors` beside the project otherwise.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use ciam_core::crypto;
use ciam_core::encoding::base64url;
use ciam_core::jose::{
    Algorithm, AlgorithmSet, JwkError, JwkSetLimits, JwsError, KeySet, LocalSigner, PublicJwk, PublicJwkSet,
    TokenType, VerificationKey, Verifier,
};
use ciam_core::secret::SecretBytes;
use serde_json::{Value, json};

pub(crate) fn vectors() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    let folder = std::env::var_os("CIAM_VECTORS").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    let required = std::env::var("CIAM_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(!required, "the test vectors are required and not in {}", folder.display());
    tell(&format!("SKIPPED: the test vectors are not in {}; set CIAM_VECTORS", folder.display()));
    None
}

pub(crate) fn read(folder: &Path, file: &str) -> Value {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {value}"))
}

pub(crate) fn bytes(value: &Value, name: &str) -> Vec<u8> {
    base64url::decode(text(value, name)).unwrap()
}

fn untyped(algorithms: AlgorithmSet) -> Verifier {
    Verifier::new(algorithms, TokenType::one_of(&["JWT"]).or_absent())
}

/// What a private JWK says in public.
fn public_part(jwk: &Value) -> Value {
    let mut jwk = jwk.as_object().unwrap().clone();
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        jwk.remove(private);
    }
    Value::Object(jwk)
}

/// A shared secret, which never comes as a JWK in this library.
fn secret_key(jwk: &Value) -> Result<KeySet, JwkError> {
    if jwk["alg"].as_str().is_some_and(|alg| alg != "HS256") {
        return Err(JwkError::Unsupported);
    }
    let secret = SecretBytes::new(bytes(jwk, "k"));
    VerificationKey::from_secret(&*crypto::ring(), &secret, jwk["kid"].as_str()).map(KeySet::from)
}

fn key_set(group: &Value) -> Result<KeySet, JwkError> {
    let key = group.get("public").unwrap_or_else(|| &group["private"]);
    let single = json!([key]);
    let keys = key.get("keys").unwrap_or(&single);
    match keys.as_array().map(Vec::as_slice) {
        Some([only]) if only["kty"] == "oct" => secret_key(only),
        _ => {
            let document = json!({ "keys": keys }).to_string();
            let set = PublicJwkSet::parse(&document, &JwkSetLimits::default())?;
            KeySet::from_jwks(&*crypto::ring(), &set)
        }
    }
}

/// Whether a valid token is beyond this library: an algorithm that it does not have, or a set of shared secrets.
fn is_out_of_scope(group: &Value, token: &str) -> bool {
    let header = base64url::decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    let secrets = group["private"]["keys"].as_array().is_some_and(|keys| keys.len() > 1);
    text(&header, "alg").parse::<Algorithm>().is_err() || secrets
}

/// Runs one file; gives the numbers of tokens accepted, refused, and valid but out of scope.
fn run_wycheproof(file: &str) -> Option<(usize, usize, usize)> {
    let vectors = vectors()?;
    let suite = read(&vectors, file);
    let (mut accepted, mut refused, mut out_of_scope) = (0, 0, 0);
    let all: AlgorithmSet = Algorithm::ALL.into_iter().collect();
    for group in suite["testGroups"].as_array().unwrap() {
        let keys = key_set(group);
        for test in group["tests"].as_array().unwrap() {
            assert!(test.get("jws").is_some() || test.get("jwe").is_some(), "a row that nobody runs: {test}");
            let Some(token) = test.get("jws") else { continue };
            // The JSON serialization is handed over as it stands, to be refused.
            let token = token.as_str().map_or_else(|| token.to_string(), ToOwned::to_owned);
            let outcome = match &keys {
                Ok(keys) => untyped(all).verify(&token, keys).map(|_| ()).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let name = format!("{file} {}: {}", test["tcId"], test["comment"]);
            let disputed = DISPUTED.iter().find(|(of, id, ..)| *of == file && test["tcId"] == *id);
            let result = disputed.map_or_else(|| text(test, "result"), |(.., result, _)| result);
            match (result, outcome) {
                ("valid", Ok(())) => accepted += 1,
                ("valid", Err(_)) if is_out_of_scope(group, &token) => out_of_scope += 1,
                ("invalid", Err(_)) => refused += 1,
                (expected, outcome) => panic!("{name} is {expected}, and the outcome is {outcome:?}"),
            }
        }
    }
    tell(&format!("{file}, signatures: {accepted} accepted, {refused} refused, {out_of_scope} unsupported"));
    Some((accepted, refused, out_of_scope))
}

/// Not `println!`, which is only shown when a test fails.
pub(crate) fn tell(line: &str) {
    std::io::stderr().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

/// Vectors whose stated result is not what their bytes deserve, and the result that they deserve.
const DISPUTED: [(&str, u64, &str, &str); 4] = [
    (SIGNATURE, 367, "valid", "named for its padding, which it lost: the bytes are those of 357"),
    (SIGNATURE, 370, "valid", "likewise"),
    (SIGNATURE, 372, "invalid", "a `?` in the header, ignored by lax decoders"),
    (SIGNATURE, 373, "invalid", "a `?` in the payload, likewise"),
];

#[test]
fn disputed_vectors_are_what_we_say() {
    let Some(vectors) = vectors() else { return };
    let suite = read(&vectors, SIGNATURE);
    let tests = || {
        suite["testGroups"].as_array().unwrap().iter().flat_map(|group| group["tests"].as_array().unwrap())
    };
    let token = |id: u64| text(tests().find(|test| test["tcId"] == id).unwrap(), "jws");
    assert_eq!([token(367), token(370)], [token(357); 2]);
    assert!([372, 373].into_iter().all(|id| token(id).contains('?')));
}

#[test]
fn wycheproof_json_web_signature() {
    // Out of scope are RS384, RS512, PS384, PS512 and ES512.
    if let Some(counts) = run_wycheproof(SIGNATURE) {
        assert_eq!(counts, SIGNATURE_COUNTS);
    }
}

#[test]
fn wycheproof_json_web_key() {
    // Out of scope are HS384, HS512 and a set of two secrets.
    if let Some(counts) = run_wycheproof("wycheproof/json_web_key_test.json") {
        assert_eq!(counts, KEY_COUNTS);
    }
}

#[test]
fn wycheproof_json_web_crypto() {
    // The signatures among them; `jwe_vectors` has the rest.
    if let Some(counts) = run_wycheproof("wycheproof/json_web_crypto_test.json") {
        assert_eq!(counts, CRYPTO_COUNTS);
    }
}

const SIGNATURE: &str = "wycheproof/json_web_signature_test.json";
/// Accepted, refused, out of scope.
const SIGNATURE_COUNTS: (usize, usize, usize) = (26, 355, 20);
const KEY_COUNTS: (usize, usize, usize) = (2, 21, 3);
const CRYPTO_COUNTS: (usize, usize, usize) = (3, 45, 1);

const RFC7515_PAYLOAD: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

#[test]
fn rfc7515_a_1_hs256() {
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{RFC7515_PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let secret = base64url::decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    );
    let key =
        VerificationKey::from_secret(&*crypto::ring(), &SecretBytes::new(secret.unwrap()), None).unwrap();
    let keys = KeySet::from(key);
    let verified = untyped(AlgorithmSet::of(&[Algorithm::Hs256])).verify(&token, &keys).unwrap();
    assert_eq!(verified.claims::<Value>().unwrap()["iss"], "joe");
}

#[test]
fn rfc7515_a_3_es256() {
    let token = format!(
        "eyJhbGciOiJFUzI1NiJ9.{RFC7515_PAYLOAD}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    let jwk = json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let jwk = PublicJwk::parse(&jwk.to_string()).unwrap();
    let keys = KeySet::from(VerificationKey::from_jwk(&*crypto::ring(), &jwk).unwrap());
    assert!(untyped(AlgorithmSet::of(&[Algorithm::Es256])).verify(&token, &keys).is_ok());
}

#[test]
fn rfc7515_a_5_unsecured_tokens_are_refused() {
    let token = format!("eyJhbGciOiJub25lIn0.{RFC7515_PAYLOAD}.");
    let error = untyped(Algorithm::ALL.into_iter().collect()).verify(&token, &KeySet::default()).unwrap_err();
    assert_eq!(error, JwsError::UnsupportedAlgorithm);
}

/// The private key of a JWK as PKCS #8.
pub(crate) fn pkcs8(jwk: &Value) -> Vec<u8> {
    const RSA: [u8; 18] = [2, 1, 0, 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    const ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let tlv = |tag: u8, value: &[u8]| {
        let [high, low] = u16::try_from(value.len()).unwrap().to_be_bytes();
        let head = match value.len() {
            0..0x80 => vec![tag, low],
            0x80..0x100 => vec![tag, 0x81, low],
            _ => vec![tag, 0x82, high, low],
        };
        [head, value.to_vec()].concat()
    };
    if jwk["kty"] == "EC" {
        const EC: [u8; 9] = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
        const P256: [u8; 10] = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
        const P384: [u8; 7] = [6, 5, 0x2b, 0x81, 4, 0, 34];
        let curve: &[u8] = if jwk["crv"] == "P-384" { &P384 } else { &P256 };
        let point = [&[0, 4][..], &bytes(jwk, "x"), &bytes(jwk, "y")].concat();
        let key = [&[2, 1, 1][..], &tlv(4, &bytes(jwk, "d")), &tlv(0xa1, &tlv(3, &point))].concat();
        let algorithm = tlv(0x30, &[&EC, curve].concat());
        return tlv(0x30, &[&[2, 1, 0][..], &algorithm, &tlv(4, &tlv(0x30, &key))].concat());
    }
    if jwk["kty"] == "OKP" {
        return [&ED25519[..], &bytes(jwk, "d")].concat();
    }
    let integer = |name: &str| {
        let value = bytes(jwk, name);
        let sign: &[u8] = if value[0] < 0x80 { &[] } else { &[0] };
        tlv(2, &[sign, &value].concat())
    };
    let numbers: Vec<u8> =
        ["n", "e", "d", "p", "q", "dp", "dq", "qi"].into_iter().flat_map(integer).collect();
    let key = tlv(0x30, &[vec![2, 1, 0], numbers].concat());
    tlv(0x30, &[&RSA[..], &tlv(4, &key)].concat())
}

/// RFC 7520, sections 4.1 to 4.4, and RFC 8037, appendix A: what is deterministic is signed again, all is verified.
#[test]
fn rfc7520_and_rfc8037_examples() {
    let Some(vectors) = vectors() else { return };
    let crypto = crypto::ring();
    for (file, algorithm, deterministic) in [
        ("rfc7520/jws/4_1.rsa_v15_signature.json", Algorithm::Rs256, true),
        ("rfc7520/jws/4_2.rsa-pss_signature.json", Algorithm::Ps256, false),
        ("rfc7520/jws/4_4.hmac-sha2_integrity_protection.json", Algorithm::Hs256, true),
        ("rfc7520/curve25519/jws.json", Algorithm::EdDsa, true),
    ] {
        let example = read(&vectors, file);
        let jwk = &example["input"]["key"];
        // The example of RSASSA-PSS is PS384 on the same key as PKCS #1: only its refusal and our own signature are tested.
        let foreign = text(&example["input"], "alg") != algorithm.as_str();
        let (signer, keys) = if algorithm == Algorithm::Hs256 {
            let secret = SecretBytes::new(bytes(jwk, "k"));
            (LocalSigner::from_secret(&*crypto, &secret).unwrap(), secret_key(jwk).unwrap())
        } else {
            assert_eq!(PublicJwk::parse(&jwk.to_string()), Err(JwkError::PrivateMaterial), "{file}");
            let public = PublicJwk::parse(&public_part(jwk).to_string()).unwrap();
            let key = VerificationKey::from_jwk(&*crypto, &public).unwrap();
            let signer = LocalSigner::from_pkcs8(&*crypto, algorithm, &pkcs8(jwk)).unwrap();
            assert_eq!(signer.public_key(), Some(public.key()), "{file}");
            (signer, key.into())
        };
        let token = text(&example["output"], "compact");
        let outcome = untyped(AlgorithmSet::of(&[algorithm])).verify(token, &keys);
        if foreign {
            assert_eq!(outcome.unwrap_err(), JwsError::UnsupportedAlgorithm, "{file}");
        } else {
            assert_eq!(outcome.unwrap().payload(), text(&example["input"], "payload").as_bytes(), "{file}");
        }
        if deterministic {
            let signature = signer.sign_now(text(&example["signing"], "sig-input").as_bytes()).unwrap();
            assert_eq!(base64url::encode(&signature), text(&example["signing"], "sig"), "{file}");
        }
    }
}

#[test]
fn rfc7520_what_is_not_supported_is_refused() {
    let Some(vectors) = vectors() else { return };
    let all: AlgorithmSet = Algorithm::ALL.into_iter().collect();
    let es512 = read(&vectors, "rfc7520/jws/4_3.ecdsa_signature.json");
    let error = untyped(all).verify(text(&es512["output"], "compact"), &KeySet::default()).unwrap_err();
    assert_eq!(error, JwsError::UnsupportedAlgorithm);

    let detached = read(&vectors, "rfc7520/jws/4_5.signature_with_detached_content.json");
    let keys = secret_key(&detached["input"]["key"]).unwrap();
    let error = untyped(all).verify(text(&detached["output"], "compact"), &keys).unwrap_err();
    assert_eq!(error, JwsError::InvalidSignature, "a detached payload");

    let unencoded = read(&vectors, "rfc7520/rfc7797/4.2.hmac-sha2_b64_false.json");
    let keys = secret_key(&unencoded["input"]["key"]).unwrap();
    let signing = &unencoded["signing"];
    for payload in ["$.02", "JC4wMg"] {
        let token = format!("{}.{payload}.{}", text(signing, "protected_b64u"), text(signing, "sig"));
        assert!(untyped(all).verify(&token, &keys).is_err(), "{payload}");
    }

    for (file, expected) in [
        ("3_1.ec_public_key.json", JwkError::Unsupported),
        ("3_2.ec_private_key.json", JwkError::PrivateMaterial),
        ("3_4.rsa_private_key.json", JwkError::PrivateMaterial),
        ("3_5.symmetric_key_mac_computation.json", JwkError::PrivateMaterial),
        ("3_6.symmetric_key_encryption.json", JwkError::PrivateMaterial),
    ] {
        let jwk = read(&vectors, &format!("rfc7520/jwk/{file}"));
        assert_eq!(PublicJwk::parse(&jwk.to_string()), Err(expected), "{file}");
    }
    let rsa = read(&vectors, "rfc7520/jwk/3_3.rsa_public_key.json");
    let rsa = PublicJwk::parse(&rsa.to_string()).unwrap();
    assert!(VerificationKey::from_jwk(&*crypto::ring(), &rsa).is_ok());
}
