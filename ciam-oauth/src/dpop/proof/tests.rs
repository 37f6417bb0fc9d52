use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciam_core::jose::{Algorithm, LocalSigner, Signer as _};
use ciam_core::secret::SecretBytes;
use serde_json::{Value, json};
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);
const URL: &str = "https://api.example/orders?page=2";
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

fn key() -> LocalSigner {
    LocalSigner::generate(&*crypto::ring(), Algorithm::Es256).unwrap()
}

fn header(key: &LocalSigner) -> Value {
    json!({ "typ": "dpop+jwt", "alg": key.algorithm().as_str(), "jwk": key.public_jwk().unwrap() })
}

fn claims() -> Value {
    json!({
        "jti": "e1j3V_bKic8-LAEB", "htm": "GET", "htu": "https://api.example/orders", "iat": NOW.unix_timestamp(),
        "ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo",
    })
}

fn sign(key: &LocalSigner, header: &str, claims: &str) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign_now(input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn check(proof: &str) -> Result<CheckedProof, DpopError> {
    let request = ProofRequest::new(&Method::GET, URL).with_token(TOKEN);
    check_proof(proof, &request, &DpopPolicy::default(), &*crypto::ring(), NOW)
}

fn with_claims(change: impl FnOnce(&mut Value)) -> Result<CheckedProof, DpopError> {
    let (key, mut claims) = (key(), claims());
    change(&mut claims);
    check(&sign(&key, &header(&key).to_string(), &claims.to_string()))
}

fn with_header(change: impl FnOnce(&mut Value)) -> Result<CheckedProof, DpopError> {
    let key = key();
    let mut header = header(&key);
    change(&mut header);
    check(&sign(&key, &header.to_string(), &claims().to_string()))
}

#[test]
fn rfc9449_4_3_a_good_proof() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa] {
        let key = LocalSigner::generate(&*crypto::ring(), algorithm).unwrap();
        let checked = check(&sign(&key, &header(&key).to_string(), &claims().to_string())).unwrap();
        assert_eq!(checked.key.to_string(), key.public_jwk().unwrap().thumbprint());
        assert_eq!(checked.jti, "e1j3V_bKic8-LAEB");
        assert_eq!((checked.issued_at, checked.nonce), (NOW, None));
    }
}

/// RFC 9449, figure 12: the proof of the document, at its time.
#[test]
fn rfc9449_7_1_the_example() {
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    let request =
        ProofRequest::new(&Method::GET, "https://resource.example.org/protectedresource").with_token(TOKEN);
    let now = OffsetDateTime::from_unix_timestamp(1_562_262_618).unwrap();
    let checked = check_proof(proof, &request, &DpopPolicy::default(), &*crypto::ring(), now).unwrap();
    assert_eq!(checked.key.to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

/// RFC 9449, section 4.3, steps 3 and 8 to 12; S22.
#[test]
fn s22_claims_that_are_not_of_this_request() {
    let now = NOW.unix_timestamp();
    for (name, value, error) in [
        ("htm", json!("POST"), DpopError::Method),
        ("htm", json!("get"), DpopError::Method),
        ("htm", json!(7), DpopError::Malformed),
        ("htm", Value::Null, DpopError::Claim("htm")),
        ("htu", json!("https://api.example/order"), DpopError::Target),
        ("htu", json!("http://api.example/orders"), DpopError::Target),
        ("htu", json!(["https://api.example/orders"]), DpopError::Malformed),
        ("htu", Value::Null, DpopError::Claim("htu")),
        ("jti", json!(""), DpopError::Claim("jti")),
        ("jti", json!("x".repeat(513)), DpopError::Claim("jti")),
        ("jti", Value::Null, DpopError::Claim("jti")),
        ("iat", Value::Null, DpopError::Claim("iat")),
        ("iat", json!("now"), DpopError::Malformed),
        ("iat", json!(i64::MAX), DpopError::Malformed),
        ("iat", json!(now - 61), DpopError::Time),
        ("iat", json!(now + 11), DpopError::Time),
        ("iat", json!(0), DpopError::Time),
        ("exp", json!(now - 11), DpopError::Time),
        ("nbf", json!(now + 11), DpopError::Time),
        ("ath", Value::Null, DpopError::Token),
        ("ath", json!("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEp"), DpopError::Token),
        ("ath", json!("fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo="), DpopError::Token),
        ("nonce", json!("x".repeat(513)), DpopError::Claim("nonce")),
    ] {
        let result = with_claims(|claims| claims[name] = value.clone());
        assert_eq!(result.unwrap_err(), error, "{name}: {value}");
    }
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        let result = with_claims(|claims| _ = claims.as_object_mut().unwrap().remove(name));
        assert!(result.is_err(), "without {name}");
    }
}

/// S22 and FAPI 2.0: clocks that differ a little, and claims that are not needed.
#[test]
fn s22_times_that_are_accepted() {
    let now = NOW.unix_timestamp();
    for (name, value) in [
        ("iat", json!(now - 60)),
        ("iat", json!(now - 10)),
        ("iat", json!(now + 10)),
        ("exp", json!(now + 300)),
        ("nbf", json!(now)),
        ("nonce", json!("x")),
        ("extra", json!({ "a": 1 })),
    ] {
        assert!(with_claims(|claims| claims[name] = value.clone()).is_ok(), "{name}: {value}");
    }
}

/// RFC 9449, section 4.3, steps 2 and 4 to 7; S15.
#[test]
fn s15_headers_that_are_refused() {
    let symmetric =
        json!({ "kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0i" });
    let other = serde_json::to_value(key().public_jwk().unwrap()).unwrap();
    for (name, value, error) in [
        ("typ", json!("JWT"), DpopError::Type),
        ("typ", json!("at+jwt"), DpopError::Type),
        ("typ", Value::Null, DpopError::Malformed),
        ("alg", json!("none"), DpopError::Algorithm),
        ("alg", json!("HS256"), DpopError::Algorithm),
        ("alg", json!("RS1"), DpopError::Algorithm),
        ("alg", json!("EdDSA"), DpopError::Algorithm),
        ("jwk", Value::Null, DpopError::Key),
        ("jwk", json!("x"), DpopError::Key),
        ("jwk", json!({}), DpopError::Key),
        ("jwk", symmetric, DpopError::Key),
        ("jwk", other, DpopError::Signature),
        ("crit", json!(["x"]), DpopError::Malformed),
        ("b64", json!(false), DpopError::Malformed),
    ] {
        let result = with_header(|header| header[name] = value.clone());
        assert_eq!(result.unwrap_err(), error, "{name}: {value}");
    }
    let private =
        with_header(|header| header["jwk"]["d"] = json!("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"));
    assert_eq!(private.unwrap_err(), DpopError::Key, "RFC 9449, section 4.3, step 7");
    let encryption = with_header(|header| header["jwk"]["use"] = json!("enc"));
    assert_eq!(encryption.unwrap_err(), DpopError::Key);
    let off_curve = with_header(|header| header["jwk"]["y"] = header["jwk"]["x"].clone());
    assert_eq!(off_curve.unwrap_err(), DpopError::Key);
    for name in ["typ", "alg", "jwk"] {
        let result = with_header(|header| _ = header.as_object_mut().unwrap().remove(name));
        assert!(result.is_err(), "without {name}");
    }
    // What is elsewhere is not fetched, and does not stand for the key.
    let by_reference = with_header(|header| {
        header["jku"] = json!("https://evil.example/jwks");
        header.as_object_mut().unwrap().remove("jwk");
    });
    assert_eq!(by_reference.unwrap_err(), DpopError::Key);
    assert!(with_header(|header| header["kid"] = json!("any")).is_ok());
    assert!(with_header(|header| header["typ"] = json!("application/dpop+jwt")).is_ok());
}

#[test]
fn s15_texts_that_are_no_proof() {
    let key = key();
    let (header, claims) = (header(&key).to_string(), claims().to_string());
    let good = sign(&key, &header, &claims);
    let (input, signature) = good.rsplit_once('.').unwrap();
    let twice = claims.replacen('{', "{\"htm\":\"POST\",", 1);
    let two_keys = header.replacen('{', "{\"jwk\":{},", 1);
    for (what, proof) in [
        ("nothing", String::new()),
        ("no signature", format!("{input}.")),
        ("four parts", format!("{good}.x")),
        ("padding", format!("{good}=")),
        ("a claim twice", sign(&key, &header, &twice)),
        ("a key twice", sign(&key, &two_keys, &claims)),
        ("an array", sign(&key, &header, "[]")),
        ("too large", sign(&key, &header, &claims.replace("LAEB", &"x".repeat(8_192)))),
    ] {
        assert_eq!(check(&proof).unwrap_err(), DpopError::Malformed, "{what}");
    }
    let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
    assert_eq!(check(&format!("{input}.{zeros}")).unwrap_err(), DpopError::Signature, "CVE-2022-21449");
    let other = sign(&self::key(), &header, &claims);
    let foreign = other.rsplit_once('.').unwrap().1;
    assert_ne!(foreign, signature);
    assert_eq!(check(&format!("{input}.{foreign}")).unwrap_err(), DpopError::Signature);
    assert!(check(&good).is_ok());
}

#[test]
fn rfc9449_4_3_step_5_algorithms_are_the_servers_choice_and_never_symmetric() {
    let key = key();
    let proof = sign(&key, &header(&key).to_string(), &claims().to_string());
    let request = ProofRequest::new(&Method::GET, URL).with_token(TOKEN);
    let check = |proof: &str, algorithms: &[Algorithm]| {
        let policy = DpopPolicy { algorithms: AlgorithmSet::of(algorithms), ..DpopPolicy::default() };
        check_proof(proof, &request, &policy, &*crypto::ring(), NOW)
    };
    assert!(check(&proof, &[Algorithm::Es256]).is_ok());
    assert_eq!(check(&proof, &[Algorithm::EdDsa]).unwrap_err(), DpopError::Algorithm);
    let secret = SecretBytes::new(vec![7; 32]);
    let mac = LocalSigner::from_secret(&*crypto::ring(), &secret).unwrap();
    let header = json!({ "typ": "dpop+jwt", "alg": "HS256", "jwk": key.public_jwk().unwrap() });
    let symmetric = sign(&mac, &header.to_string(), &claims().to_string());
    assert_eq!(check(&symmetric, &[Algorithm::Hs256]).unwrap_err(), DpopError::Algorithm);
}

/// At the token endpoint there is no token yet: `ath` is not asked for.
#[test]
fn rfc9449_5_without_a_token() {
    let key = key();
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove("ath");
    let proof = sign(&key, &header(&key).to_string(), &claims.to_string());
    let request = ProofRequest::new(&Method::GET, URL);
    assert!(check_proof(&proof, &request, &DpopPolicy::default(), &*crypto::ring(), NOW).is_ok());
}
