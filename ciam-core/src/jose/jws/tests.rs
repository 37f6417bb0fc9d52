use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::crypto::{self, Crypto};
use crate::encoding::base64url;
use crate::jose::{JwkError, LocalSigner, PublicJwk, PublicJwkSet, VerificationKey, sign};
use crate::secret::SecretBytes;

const RSA_2048: &[u8] = include_bytes!("../../../tests/data/rsa-2048.pk8");
const SECRET: &[u8] = b"a secret that is shared by two parties";

fn signer(algorithm: Algorithm) -> LocalSigner {
    let crypto = crypto::ring();
    match algorithm {
        Algorithm::Hs256 => {
            LocalSigner::from_secret(&*crypto, &SecretBytes::new(SECRET.to_vec())).unwrap().with_kid("hs")
        }
        Algorithm::Ps256 | Algorithm::Rs256 => {
            LocalSigner::from_pkcs8(&*crypto, algorithm, RSA_2048).unwrap()
        }
        _ => LocalSigner::generate(&*crypto, algorithm).unwrap(),
    }
}

fn keys(signer: &LocalSigner) -> KeySet {
    signer.verification_key(&*crypto::ring()).unwrap().into()
}

/// A properly signed token with any header and payload.
fn forge(header: &str, payload: &[u8], signer: &LocalSigner) -> String {
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload));
    let signature = signer.sign_now(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(&signature))
}

fn verifier(algorithm: Algorithm) -> Verifier {
    Verifier::new(AlgorithmSet::of(&[algorithm]), TokenType::exactly("test+jwt"))
}

#[tokio::test]
async fn tokens_of_every_algorithm_verify_with_their_key_only() {
    for algorithm in Algorithm::ALL {
        let ours = signer(algorithm);
        let token = sign(&ours, "test+jwt", &json!({ "sub": "alice" })).await.unwrap();
        let set = keys(&ours);
        let verified = verifier(algorithm).verify(&token, &set).unwrap();
        assert_eq!(verified.header().algorithm, algorithm);
        assert_eq!(verified.header().typ.as_deref(), Some("test+jwt"));
        assert_eq!(verified.header().kid.as_deref(), ours_kid(&ours));
        assert_eq!(verified.key().kid(), ours_kid(&ours));
        assert_eq!(verified.claims::<serde_json::Value>().unwrap(), json!({ "sub": "alice" }));

        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            let theirs = signer(other);
            let named = theirs.clone().with_kid(ours_kid(&ours).unwrap().to_owned());
            let error = verifier(algorithm).verify(&token, &keys(&named)).unwrap_err();
            assert_eq!(error, JwsError::AlgorithmNotAllowed, "{algorithm} with a key for {other}");
            let error = verifier(other).verify(&token, &set).unwrap_err();
            assert_eq!(error, JwsError::AlgorithmNotAllowed, "{algorithm} where {other} is allowed");
        }
    }
}

fn ours_kid(signer: &LocalSigner) -> Option<&str> {
    use crate::jose::Signer as _;
    signer.kid()
}

#[tokio::test]
async fn another_key_of_the_same_type_does_not_verify() {
    let token = sign(&signer(Algorithm::Es256), "test+jwt", &json!({})).await.unwrap();
    let other = signer(Algorithm::Es256);
    let kid = CompactJws::parse(&token, &JwsLimits::default()).unwrap().header().kid.clone().unwrap();
    let verifier = verifier(Algorithm::Es256);
    assert_eq!(verifier.verify(&token, &keys(&other)).unwrap_err(), JwsError::UnknownKey);
    let renamed = keys(&other.with_kid(kid));
    assert_eq!(verifier.verify(&token, &renamed).unwrap_err(), JwsError::InvalidSignature);
    assert_eq!(verifier.verify(&token, &KeySet::default()).unwrap_err(), JwsError::UnknownKey);
}

/// S15: each row is properly signed by the right key, and must be refused all the same.
#[test]
fn hostile_headers_are_refused() {
    let ours = signer(Algorithm::Es256).with_kid("k");
    let set = keys(&ours);
    let good = r#""alg":"ES256","typ":"test+jwt""#;
    let verifier = verifier(Algorithm::Es256);
    assert!(verifier.verify(&forge(&format!("{{{good}}}"), b"{}", &ours), &set).is_ok());
    for (header, expected, attack) in [
        (
            r#"{"alg":"none","typ":"test+jwt"}"#.to_owned(),
            JwsError::UnsupportedAlgorithm,
            "CVE-2015-9235: none",
        ),
        (r#"{"alg":"None","typ":"test+jwt"}"#.to_owned(), JwsError::UnsupportedAlgorithm, "none, other case"),
        (r#"{"alg":"","typ":"test+jwt"}"#.to_owned(), JwsError::UnsupportedAlgorithm, "no algorithm"),
        (
            r#"{"alg":"es256","typ":"test+jwt"}"#.to_owned(),
            JwsError::UnsupportedAlgorithm,
            "names have a case",
        ),
        (
            r#"{"alg":"HS256","typ":"test+jwt"}"#.to_owned(),
            JwsError::AlgorithmNotAllowed,
            "RFC 8725 2.1: confusion",
        ),
        (r#"{"alg":["ES256"],"typ":"test+jwt"}"#.to_owned(), JwsError::Malformed, "a list of algorithms"),
        (r#"{"typ":"test+jwt"}"#.to_owned(), JwsError::Malformed, "RFC 7515 4.1.1: alg is required"),
        (r#"{"alg":"ES256"}"#.to_owned(), JwsError::WrongType, "RFC 8725 3.11: no type"),
        (r#"{"alg":"ES256","typ":"JWT"}"#.to_owned(), JwsError::WrongType, "RFC 8725 2.8: another type"),
        (r#"{"alg":"ES256","typ":7}"#.to_owned(), JwsError::Malformed, "a type that is no text"),
        (format!(r#"{{{good},"kid":7}}"#), JwsError::Malformed, "a key name that is no text"),
        (format!(r#"{{{good},"kid":null}}"#), JwsError::Malformed, "a key name that is null"),
        (
            format!(r#"{{{good},"crit":["exp"],"exp":1}}"#),
            JwsError::CriticalHeader,
            "RFC 7515 4.1.11: unknown",
        ),
        (format!(r#"{{{good},"crit":["alg"]}}"#), JwsError::CriticalHeader, "4.1.11: a registered name"),
        (format!(r#"{{{good},"crit":["b64"],"b64":true}}"#), JwsError::CriticalHeader, "RFC 7797, harmless"),
        (format!(r#"{{{good},"crit":[]}}"#), JwsError::Malformed, "4.1.11: an empty list"),
        (format!(r#"{{{good},"crit":"exp"}}"#), JwsError::Malformed, "4.1.11: not a list"),
        (format!(r#"{{{good},"b64":false,"crit":["b64"]}}"#), JwsError::UnencodedPayload, "RFC 7797"),
        (format!(r#"{{{good},"b64":false}}"#), JwsError::UnencodedPayload, "RFC 7797 without crit"),
        (format!(r#"{{{good},"b64":"false"}}"#), JwsError::Malformed, "RFC 7797, as a text"),
        (format!(r#"{{{good},"alg":"ES256"}}"#), JwsError::DuplicateMember, "RFC 7515 4: alg twice"),
        (format!(r#"{{{good},"\u0061lg":"ES256"}}"#), JwsError::DuplicateMember, "alg twice, escaped"),
        (format!(r#"{{{good},"x":{{"y":1,"y":2}}}}"#), JwsError::DuplicateMember, "twice, further in"),
        (format!(r#"{{{good},"x":1,"x":1}}"#), JwsError::DuplicateMember, "an unknown member twice"),
        (format!("{{{good}}} {{}}"), JwsError::Malformed, "something after the header"),
        (format!("[{{{good}}}]"), JwsError::Malformed, "a list of headers"),
        (format!("\u{feff}{{{good}}}"), JwsError::Malformed, "a byte order mark"),
        (String::new(), JwsError::Malformed, "an empty header"),
        (
            format!(r#"{{{good},"x":{}1{}}}"#, "[".repeat(40), "]".repeat(40)),
            JwsError::Malformed,
            "a deep header",
        ),
    ] {
        let token = forge(&header, b"{}", &ours);
        assert_eq!(verifier.verify(&token, &set).unwrap_err(), expected, "{attack}");
    }
}

/// A header that was recognised is judged as one that was parsed, by everything that the policy says.
#[test]
fn recognised_headers_change_no_decision() {
    let (ours, attacker) = (signer(Algorithm::Es256).with_kid("k"), signer(Algorithm::Es256).with_kid("k"));
    let set = keys(&ours);
    let policy = verifier(Algorithm::Es256).recognising_headers();
    let good = |kid: &str| format!(r#"{{"alg":"ES256","typ":"test+jwt","kid":"{kid}"}}"#);
    let is_known = |token: &str| matches!(policy.parse(token).unwrap().header, Cow::Borrowed(_));

    // What a stranger signs is not remembered, however often it comes.
    let forged = forge(&good("k"), b"{}", &attacker);
    for _ in 0..3 {
        assert_eq!(policy.verify(&forged, &set).unwrap_err(), JwsError::InvalidSignature);
        assert!(!is_known(&forged));
    }
    let unsigned = format!("{}A", forge(&good("k"), b"{}", &ours));
    assert!(policy.verify(&unsigned, &set).is_err() && !is_known(&unsigned));

    let token = forge(&good("k"), b"{}", &ours);
    assert!(policy.verify(&token, &set).is_ok());
    assert!(is_known(&token) && is_known(&forged), "the bytes of the header are the same");
    assert_eq!(
        policy.parse(&token).unwrap().header(),
        CompactJws::parse(&token, policy.limits()).unwrap().header()
    );
    assert!(policy.verify(&token, &set).is_ok());
    assert_eq!(policy.verify(&forged, &set).unwrap_err(), JwsError::InvalidSignature);
    assert_eq!(policy.verify(&token, &keys(&attacker)).unwrap_err(), JwsError::InvalidSignature);
    assert_eq!(policy.verify(&token, &KeySet::default()).unwrap_err(), JwsError::UnknownKey);
    // A header that is only almost the same is another one.
    for other in [good("K"), good("k "), good("k").replace("ES256", "none"), good("k").replace("test", "at")]
    {
        let token = forge(&other, b"{}", &ours);
        assert!(policy.verify(&token, &set).is_err(), "{other}");
    }
    // Clones know what the policy knows; one without the wish knows nothing.
    assert!(matches!(policy.clone().parse(&token).unwrap().header, Cow::Borrowed(_)));
    assert!(matches!(verifier(Algorithm::Es256).parse(&token).unwrap().header, Cow::Owned(_)));
}

#[test]
fn payloads_are_decoded_where_there_is_room() {
    let ours = signer(Algorithm::EdDsa);
    for length in [0, 1, 2, 3, 60, 64, 65, 1000] {
        let payload = vec![b'x'; length];
        let token = forge(r#"{"alg":"EdDSA"}"#, &payload, &ours);
        let jws = CompactJws::parse(&token, &JwsLimits::default()).unwrap();
        let mut buffer = [0; 64];
        let decoded = jws.unverified_payload_in(&mut buffer).unwrap();
        assert_eq!(*decoded, *payload);
        assert_eq!(matches!(decoded, Cow::Owned(_)), length > 64, "{length}");
    }
    let jws = "eyJhbGciOiJFUzI1NiJ9.e30=.AA";
    let jws = CompactJws::parse(jws, &JwsLimits::default()).unwrap();
    assert_eq!(jws.unverified_payload_in(&mut [0; 64]).unwrap_err(), JwsError::Malformed);
    assert_eq!(jws.unverified_payload_in(&mut []).unwrap_err(), JwsError::Malformed);
}

/// S15: keys that the token brings along are not used, whatever they are.
#[test]
fn keys_in_the_header_are_ignored() {
    let (ours, attacker) = (signer(Algorithm::Es256).with_kid("k"), signer(Algorithm::Es256).with_kid("k"));
    let jwk = serde_json::to_string(&attacker.public_jwk().unwrap()).unwrap();
    for extra in [
        format!(r#""jwk":{jwk}"#),
        r#""jku":"https://attacker.example/jwks""#.to_owned(),
        r#""x5u":"https://attacker.example/chain""#.to_owned(),
        r#""x5c":["MIIB"],"x5t":"AAAA""#.to_owned(),
    ] {
        for kid in [r#""kid":"k","#, ""] {
            let header = format!(r#"{{"alg":"ES256","typ":"test+jwt",{kid}{extra}}}"#);
            let verifier = verifier(Algorithm::Es256);
            let forged = forge(&header, b"{}", &attacker);
            assert_eq!(
                verifier.verify(&forged, &keys(&ours)).unwrap_err(),
                JwsError::InvalidSignature,
                "{extra}"
            );
            assert!(verifier.verify(&forge(&header, b"{}", &ours), &keys(&ours)).is_ok(), "{extra}");
        }
    }
}

/// S15: a public key is no HMAC secret (CVE-2015-9235, CVE-2016-5431).
#[test]
fn public_keys_are_not_secrets() {
    let crypto = crypto::ring();
    let ours = signer(Algorithm::Rs256).with_kid("k");
    let jwk = ours.public_jwk().unwrap();
    let text = serde_json::to_string(&jwk).unwrap();
    let PublicKeyBytes(modulus) = modulus_of(&jwk);
    for secret in [text.into_bytes(), modulus] {
        let attacker = LocalSigner::from_secret(&*crypto, &SecretBytes::new(secret)).unwrap().with_kid("k");
        let token = forge(r#"{"alg":"HS256","typ":"test+jwt","kid":"k"}"#, b"{}", &attacker);
        let lax = Verifier::new(Algorithm::ALL.into_iter().collect(), TokenType::exactly("test+jwt"));
        assert_eq!(lax.verify(&token, &keys(&ours)).unwrap_err(), JwsError::AlgorithmNotAllowed);
    }
    let secret = VerificationKey::from_secret(&*crypto, &SecretBytes::new(SECRET.to_vec()), None).unwrap();
    let public = VerificationKey::from_jwk(&*crypto, &jwk).unwrap();
    assert_eq!(KeySet::new(vec![public, secret]).unwrap_err(), JwkError::MixedKeys);
    assert_eq!(
        VerificationKey::from_public_key(&*crypto, Algorithm::Hs256, jwk.key(), None).unwrap_err(),
        JwkError::AlgorithmMismatch
    );
}

struct PublicKeyBytes(Vec<u8>);

fn modulus_of(jwk: &PublicJwk) -> PublicKeyBytes {
    match jwk.key() {
        crypto::PublicKey::Rsa { modulus, .. } => PublicKeyBytes(modulus.clone()),
        _ => panic!("not an RSA key"),
    }
}

/// CVE-2022-21449 and its like: numbers that satisfy the equation of a careless verifier for every message.
#[test]
fn psychic_signatures_are_refused() {
    const P256: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    const P384: &str =
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
    let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let unhex = |text: &str| text.as_bytes().chunks(2).map(digits).collect::<Vec<u8>>();
    for (algorithm, order) in [(Algorithm::Es256, unhex(P256)), (Algorithm::Es384, unhex(P384))] {
        let ours = signer(algorithm).with_kid("k");
        let zero = vec![0; order.len()];
        let one = [&zero[1..], &[1]].concat();
        let (all, half) = (vec![0xff; order.len()], [&[0x7f], &order[1..]].concat());
        for crypto in [
            crypto::ring(),
            #[cfg(feature = "aws-lc-rs")]
            crypto::aws_lc_rs(),
        ] {
            let set = KeySet::from(ours.verification_key(&*crypto).unwrap());
            let numbers = [&zero, &one, &order, &all, &half];
            for (r, s) in numbers.iter().flat_map(|r| numbers.iter().map(move |s| (r, s))) {
                let header = format!(r#"{{"alg":"{algorithm}","typ":"test+jwt","kid":"k"}}"#);
                let input = format!("{}.e30", base64url::encode(header.as_bytes()));
                let token = format!("{input}.{}", base64url::encode(&[&r[..], &s[..]].concat()));
                assert_eq!(verifier(algorithm).verify(&token, &set).unwrap_err(), JwsError::InvalidSignature);
            }
        }
    }
    // The same for the others: nothing, one, and as much as there is.
    for (algorithm, length) in [(Algorithm::EdDsa, 64), (Algorithm::Rs256, 256), (Algorithm::Ps256, 256)] {
        let ours = signer(algorithm).with_kid("k");
        for byte in [0, 1, 0xff] {
            let mut signature = vec![if byte == 0xff { 0xff } else { 0 }; length];
            *signature.last_mut().unwrap() = byte;
            let header = format!(r#"{{"alg":"{algorithm}","typ":"test+jwt","kid":"k"}}"#);
            let input = format!("{}.e30", base64url::encode(header.as_bytes()));
            let token = format!("{input}.{}", base64url::encode(&signature));
            let refused = verifier(algorithm).verify(&token, &keys(&ours)).unwrap_err();
            assert_eq!(refused, JwsError::InvalidSignature, "{algorithm} {byte}");
        }
    }
}

/// S15: one token has one spelling.
#[test]
fn other_spellings_of_a_token_are_refused() {
    let ours = signer(Algorithm::Es256);
    let set = keys(&ours);
    let verifier = verifier(Algorithm::Es256);
    // 31 bytes of header and 4 of payload: their last characters have unused bits.
    let token = forge(r#"{"alg":"ES256","typ":"test+jwt"}"#, b"{ }\n", &ours);
    assert!(verifier.verify(&token, &set).is_ok());
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!() };
    let next = |text: &str| {
        let (rest, last) = text.split_at(text.len() - 1);
        format!("{rest}{}", char::from(last.as_bytes()[0] + 1))
    };
    for (other, what) in [
        (format!("{header}=.{payload}.{signature}"), "padded header"),
        (format!("{header}.{payload}=.{signature}"), "padded payload"),
        (format!("{header}.{payload}.{signature}=="), "padded signature"),
        (format!(" {token}"), "white space before"),
        (format!("{token}\n"), "white space after"),
        (format!("{header}\n.{payload}.{signature}"), "white space in the header"),
        (format!("{header}. {payload}.{signature}"), "white space in the payload"),
        (format!("{}.{payload}.{signature}", next(header)), "unused bits in the header"),
        (format!("{header}.{payload}.{}", next(signature)), "unused bits in the signature"),
        (token.replace('-', "+").replace('_', "/") + "+/", "the other alphabet"),
        (format!("{token}.{signature}"), "a fourth part"),
        (format!("{token}."), "an empty fourth part"),
        (format!(".{token}"), "an empty first part"),
        (format!("{header}.{payload}"), "no signature part"),
        (format!("{header}.{payload}."), "an empty signature"),
        (format!("{header}..{signature}"), "no payload"),
        (format!(".{payload}.{signature}"), "no header"),
        (format!("{header}.{payload}.{}", base64url::encode(&[1; 1100])), "a long signature"),
        (String::new(), "nothing"),
        (".".to_owned(), "a dot"),
        ("..".to_owned(), "two dots"),
        (format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#), "JSON"),
    ] {
        assert!(verifier.verify(&other, &set).is_err(), "{what}");
    }
    // The payload is only decoded when the signature fits, so its spelling needs a signature of its own.
    let input = format!("{header}.{}", next(payload));
    let odd = format!("{input}.{}", base64url::encode(&ours.sign_now(input.as_bytes()).unwrap()));
    assert_eq!(verifier.verify(&odd, &set).unwrap_err(), JwsError::Malformed);
}

#[test]
fn sizes_are_bounded() {
    let ours = signer(Algorithm::Es256);
    let set = keys(&ours);
    let verifier = verifier(Algorithm::Es256);
    let with_payload = |length: usize| {
        let payload = format!("{{\"x\":\"{}\"}}", "x".repeat(length));
        forge(r#"{"alg":"ES256","typ":"test+jwt"}"#, payload.as_bytes(), &ours)
    };
    assert!(verifier.verify(&with_payload(12_000), &set).is_ok());
    assert_eq!(verifier.verify(&with_payload(12_300), &set).unwrap_err(), JwsError::TooLarge);
    let small = verifier.clone().with_limits(JwsLimits { token: 200, header: 100 });
    assert!(small.verify(&with_payload(10), &set).is_ok());
    assert_eq!(small.verify(&with_payload(100), &set).unwrap_err(), JwsError::TooLarge);
    let token = with_payload(100);
    let lax = CompactJws::parse(&token, &JwsLimits::default()).unwrap();
    assert_eq!(small.verify_parsed(lax, &set).unwrap_err(), JwsError::TooLarge);

    let with_kid = |length: usize| {
        let header = format!(r#"{{"alg":"ES256","typ":"test+jwt","kid":"{}"}}"#, "k".repeat(length));
        forge(&header, b"{}", &ours)
    };
    assert_eq!(verifier.verify(&with_kid(6_000), &set).unwrap_err(), JwsError::UnknownKey);
    assert_eq!(verifier.verify(&with_kid(10_000), &set).unwrap_err(), JwsError::TooLarge);
}

/// S16: a key name is compared and nothing else.
#[test]
fn key_names_are_opaque() {
    let names =
        ["../../etc/passwd", "' OR 1=1 --", "\u{0}", "k\n", "ключ", "https://attacker.example/", "", "K"];
    let signers: Vec<LocalSigner> =
        names.iter().map(|name| signer(Algorithm::EdDsa).with_kid(*name)).collect();
    let crypto = crypto::ring();
    let set =
        KeySet::new(signers.iter().map(|one| one.verification_key(&*crypto).unwrap()).collect()).unwrap();
    let verifier = verifier(Algorithm::EdDsa);
    for (name, signer) in names.iter().zip(&signers) {
        let header = json!({ "alg": "EdDSA", "typ": "test+jwt", "kid": name }).to_string();
        let token = forge(&header, b"{}", signer);
        assert_eq!(verifier.verify(&token, &set).unwrap().key().kid(), Some(*name));
    }
    let header = r#"{"alg":"EdDSA","typ":"test+jwt","kid":"k"}"#;
    assert_eq!(verifier.verify(&forge(header, b"{}", &signers[7]), &set).unwrap_err(), JwsError::UnknownKey);
}

/// S16: without a name a few keys are tried, and only those that fit.
#[test]
fn tokens_without_a_key_name_try_a_bounded_number_of_keys() {
    let crypto = crypto::ring();
    let header = r#"{"alg":"EdDSA","typ":"test+jwt"}"#;
    let verifier = Verifier::new(AlgorithmSet::ASYMMETRIC, TokenType::exactly("test+jwt"));
    let signers: Vec<LocalSigner> = (0..5).map(|_| signer(Algorithm::EdDsa)).collect();
    let set = |count: usize| {
        let mut all: Vec<_> =
            signers.iter().take(count).map(|one| one.verification_key(&*crypto).unwrap()).collect();
        all.insert(0, signer(Algorithm::Es256).verification_key(&*crypto).unwrap());
        KeySet::new(all).unwrap()
    };
    assert!(verifier.verify(&forge(header, b"{}", &signers[3]), &set(4)).is_ok());
    assert_eq!(
        verifier.verify(&forge(header, b"{}", &signers[4]), &set(4)).unwrap_err(),
        JwsError::InvalidSignature
    );
    assert_eq!(
        verifier.verify(&forge(header, b"{}", &signers[4]), &set(5)).unwrap_err(),
        JwsError::AmbiguousKey
    );
    assert_eq!(
        verifier.verify(&forge(header, b"{}", &signers[0]), &set(0)).unwrap_err(),
        JwsError::UnknownKey
    );
    // A token that names a key is not tried with keys that have no name.
    let nameless = PublicJwk::new(signers[0].public_key().unwrap().clone());
    let nameless = KeySet::from_jwks(&*crypto, &PublicJwkSet::new(vec![nameless])).unwrap();
    assert!(verifier.verify(&forge(header, b"{}", &signers[0]), &nameless).is_ok());
    let named = r#"{"alg":"EdDSA","typ":"test+jwt","kid":"k"}"#;
    assert_eq!(
        verifier.verify(&forge(named, b"{}", &signers[0]), &nameless).unwrap_err(),
        JwsError::UnknownKey
    );
}

/// RFC 8725, section 3.1: a key is used with the algorithm that it is bound to.
#[test]
fn bound_keys_verify_no_other_algorithm() {
    let crypto = crypto::ring();
    let (pkcs1, pss) = (signer(Algorithm::Rs256).with_kid("k"), signer(Algorithm::Ps256).with_kid("k"));
    let verifier = Verifier::new(AlgorithmSet::ASYMMETRIC, TokenType::exactly("test+jwt"));
    let tokens = [
        forge(r#"{"alg":"RS256","typ":"test+jwt","kid":"k"}"#, b"{}", &pkcs1),
        forge(r#"{"alg":"PS256","typ":"test+jwt","kid":"k"}"#, b"{}", &pss),
    ];
    assert!(verifier.verify(&tokens[0], &keys(&pkcs1)).is_ok());
    assert_eq!(verifier.verify(&tokens[1], &keys(&pkcs1)).unwrap_err(), JwsError::AlgorithmNotAllowed);
    let unbound = PublicJwk::new(pkcs1.public_key().unwrap().clone()).with_kid("k");
    let unbound = KeySet::from(VerificationKey::from_jwk(&*crypto, &unbound).unwrap());
    for token in &tokens {
        assert!(verifier.verify(token, &unbound).is_ok());
    }
    // The signature of one padding under the name of the other.
    let crossed = forge(r#"{"alg":"PS256","typ":"test+jwt","kid":"k"}"#, b"{}", &pkcs1);
    assert_eq!(verifier.verify(&crossed, &unbound).unwrap_err(), JwsError::InvalidSignature);
}

#[test]
fn keys_with_one_name_must_serve_different_algorithms() {
    let crypto = crypto::ring();
    let key = |algorithm| signer(algorithm).with_kid("k").verification_key(&*crypto).unwrap();
    let (es, ed) = (key(Algorithm::Es256), key(Algorithm::EdDsa));
    assert!(KeySet::new(vec![es.clone(), ed]).is_ok());
    assert_eq!(KeySet::new(vec![es, key(Algorithm::Es256)]).unwrap_err(), JwkError::DuplicateKeyId);
}

#[test]
fn claims_are_strict_json_objects() {
    let ours = signer(Algorithm::EdDsa);
    let set = keys(&ours);
    for (payload, expected) in [
        (&br#"{"sub":"a","sub":"b"}"#[..], JwsError::DuplicateMember),
        (br#"{"cnf":{"jkt":"a","jkt":"b"}}"#, JwsError::DuplicateMember),
        (br#"{"exp":1,"\u0065xp":9}"#, JwsError::DuplicateMember),
        (b"[]", JwsError::Malformed),
        (b"\"sub\"", JwsError::Malformed),
        (b"", JwsError::Malformed),
        (b"{", JwsError::Malformed),
        (b"{}x", JwsError::Malformed),
        (b"{\"sub\":\"\xff\"}", JwsError::Malformed),
    ] {
        let token = forge(r#"{"alg":"EdDSA","typ":"test+jwt"}"#, payload, &ours);
        let verified = verifier(Algorithm::EdDsa).verify(&token, &set).unwrap();
        assert_eq!(verified.claims::<serde_json::Value>().unwrap_err(), expected);
        let parsed = CompactJws::parse(&token, &JwsLimits::default()).unwrap();
        assert_eq!(parsed.unverified_claims::<serde_json::Value>().unwrap_err(), expected);
    }
}

#[test]
fn other_members_of_the_header_can_be_read() {
    let ours = signer(Algorithm::EdDsa);
    let token = forge(r#"{"alg":"EdDSA","typ":"test+jwt","jwk":{"kty":"OKP"},"n":1}"#, b"{}", &ours);
    let jws = CompactJws::parse(&token, &JwsLimits::default()).unwrap();
    let jwk: Option<serde_json::Value> = jws.header_member("jwk").unwrap();
    assert_eq!(jwk, Some(json!({ "kty": "OKP" })));
    assert_eq!(jws.header_member::<String>("absent").unwrap(), None);
    assert_eq!(jws.header_member::<String>("n").unwrap_err(), JwsError::Malformed);
}

#[tokio::test]
async fn claims_that_are_no_object_are_not_signed() {
    let ours = signer(Algorithm::EdDsa);
    for claims in [json!([]), json!("x"), json!(null)] {
        assert!(sign(&ours, "test+jwt", &claims).await.is_err(), "{claims}");
    }
}

#[tokio::test]
async fn rsa_signatures_leave_the_thread_when_there_is_a_runtime() {
    let ours = signer(Algorithm::Rs256).with_runtime(Arc::new(crate::runtime::ThreadRuntime::new()));
    let token = sign(&ours, "test+jwt", &json!({})).await.unwrap();
    assert!(verifier(Algorithm::Rs256).verify(&token, &keys(&ours)).is_ok());
}

#[test]
fn futures_and_keys_cross_threads() {
    fn assert_send<T: Send>(_: T) {}
    fn assert_sync<T: Send + Sync>() {}
    let ours = signer(Algorithm::EdDsa);
    assert_send(sign(&ours, "JWT", &json!({})));
    assert_sync::<(KeySet, Verifier, VerifiedJws<'_>, LocalSigner)>();
}

#[test]
fn imported_keys_are_checked() {
    let crypto: Arc<dyn Crypto> = crypto::ring();
    const RSA_1024: &[u8] = include_bytes!("../../../tests/data/rsa-1024.pk8");
    const ED25519_V1: &[u8] = include_bytes!("../../../tests/data/ed25519-v1.pk8");
    assert!(LocalSigner::from_pkcs8(&*crypto, Algorithm::Rs256, RSA_1024).is_err());
    assert!(LocalSigner::from_pkcs8(&*crypto, Algorithm::Es256, RSA_2048).is_err());
    assert!(LocalSigner::from_pkcs8(&*crypto, Algorithm::Hs256, RSA_2048).is_err());
    assert!(LocalSigner::from_pkcs8(&*crypto, Algorithm::EdDsa, ED25519_V1).is_ok());
    for length in [0, 1, 100, RSA_2048.len() - 1] {
        assert!(LocalSigner::from_pkcs8(&*crypto, Algorithm::Rs256, &RSA_2048[..length]).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn signed_claims_come_back(text in ".*", number in any::<i64>()) {
        let ours = signer(Algorithm::EdDsa);
        let claims = json!({ "text": text, "number": number });
        let token = forge(r#"{"alg":"EdDSA","typ":"test+jwt"}"#, claims.to_string().as_bytes(), &ours);
        let set = keys(&ours);
        let verified = verifier(Algorithm::EdDsa).verify(&token, &set).unwrap();
        prop_assert_eq!(verified.claims::<serde_json::Value>().unwrap(), claims);
    }

    #[test]
    fn a_changed_token_does_not_verify(position in any::<prop::sample::Index>(), to in any::<u8>()) {
        let ours = signer(Algorithm::EdDsa);
        let token = forge(r#"{"alg":"EdDSA","typ":"test+jwt"}"#, br#"{"sub":"alice"}"#, &ours);
        let mut bytes = token.clone().into_bytes();
        let position = position.index(bytes.len());
        prop_assume!(bytes[position] != to);
        bytes[position] = to;
        if let Ok(changed) = std::str::from_utf8(&bytes) {
            prop_assert!(verifier(Algorithm::EdDsa).verify(changed, &keys(&ours)).is_err());
        }
    }

    #[test]
    fn parsing_never_panics(token in "[A-Za-z0-9_.=-]{0,120}|\\PC{0,60}") {
        let _any = CompactJws::parse(&token, &JwsLimits::default());
    }
}
