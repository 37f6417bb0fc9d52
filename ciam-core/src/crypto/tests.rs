use super::*;

const SIGNING: [SignatureScheme; 3] =
    [SignatureScheme::EcdsaP256Sha256, SignatureScheme::EcdsaP384Sha384, SignatureScheme::Ed25519];

#[test]
fn generated_keys_sign_and_verify_under_their_own_scheme_only() {
    let crypto = ring();
    for scheme in SIGNING {
        let pkcs8 = crypto.generate_signing_key(scheme).unwrap();
        let signing = crypto.signing_key(scheme, pkcs8.expose()).unwrap();
        let verifying = crypto.verifying_key(scheme, signing.public_key()).unwrap();
        let mut signature = signing.sign(b"message").unwrap();
        verifying.verify(b"message", &signature).unwrap();
        verifying.verify(b"massage", &signature).unwrap_err();
        signature[7] ^= 1;
        verifying.verify(b"message", &signature).unwrap_err();

        for other in SIGNING.into_iter().filter(|other| *other != scheme) {
            assert!(crypto.signing_key(other, pkcs8.expose()).is_err(), "{scheme:?} as {other:?}");
            assert!(crypto.verifying_key(other, signing.public_key()).is_err(), "{scheme:?} as {other:?}");
        }
        for rsa in [SignatureScheme::RsaPkcs1Sha256, SignatureScheme::RsaPssSha256] {
            assert_eq!(
                crypto.verifying_key(rsa, signing.public_key()).unwrap_err(),
                KeyRejected::WrongType,
                "{scheme:?}"
            );
        }
    }
}

#[test]
fn rsa_keys_are_not_generated_by_ring() {
    assert_eq!(
        ring().generate_signing_key(SignatureScheme::RsaPkcs1Sha256).unwrap_err(),
        GenerateError::Unsupported
    );
}

#[test]
fn points_are_checked_when_they_are_parsed() {
    let crypto = ring();
    for (scheme, curve) in
        [(SignatureScheme::EcdsaP256Sha256, EcCurve::P256), (SignatureScheme::EcdsaP384Sha384, EcCurve::P384)]
    {
        let pkcs8 = crypto.generate_signing_key(scheme).unwrap();
        let signing = crypto.signing_key(scheme, pkcs8.expose()).unwrap();
        let PublicKey::Ec { x, y, .. } = signing.public_key().clone() else { panic!() };
        let parse = |x: &[u8], y: &[u8]| {
            let key = PublicKey::Ec { curve, x: x.to_vec(), y: y.to_vec() };
            crypto.verifying_key(scheme, &key).map(|_| ())
        };
        assert_eq!(parse(&x, &y), Ok(()));
        let mut off_curve = y.clone();
        off_curve[curve.coordinate_length() - 1] ^= 1;
        assert_eq!(parse(&x, &off_curve), Err(KeyRejected::InvalidPoint));
        let zeros = vec![0; curve.coordinate_length()];
        assert_eq!(parse(&zeros, &zeros), Err(KeyRejected::InvalidPoint));
        let unreduced = vec![0xff; curve.coordinate_length()];
        assert_eq!(parse(&unreduced, &y), Err(KeyRejected::InvalidPoint));
        assert_eq!(parse(&x[1..], &y), Err(KeyRejected::Malformed));
        assert_eq!(parse(&[&[0], &*x].concat(), &y), Err(KeyRejected::Malformed));
    }
}

#[test]
fn ed25519_keys_of_small_order_or_unreduced_are_refused() {
    let crypto = ring();
    let parse = |bytes: &[u8]| {
        crypto.verifying_key(SignatureScheme::Ed25519, &PublicKey::Ed25519(bytes.to_vec())).map(|_| ())
    };
    let with_ends = |first: u8, middle: u8, last: u8| {
        let mut bytes = [middle; 32];
        bytes[0] = first;
        bytes[31] = last;
        bytes
    };
    let order_eight = unhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
    for (bytes, what) in [
        (with_ends(0, 0, 0).to_vec(), "y = 0, order 4"),
        (with_ends(0, 0, 0x80).to_vec(), "y = 0, other sign"),
        (with_ends(1, 0, 0).to_vec(), "the neutral point"),
        (with_ends(0xec, 0xff, 0x7f).to_vec(), "y = -1, order 2"),
        (with_ends(0xed, 0xff, 0x7f).to_vec(), "y = p, unreduced 0"),
        (with_ends(0xee, 0xff, 0xff).to_vec(), "y = p + 1, unreduced 1"),
        (with_ends(0xff, 0xff, 0x7f).to_vec(), "the largest unreduced"),
        (order_eight, "order 8"),
    ] {
        assert_eq!(parse(&bytes), Err(KeyRejected::InvalidPoint), "{what}");
    }
    assert_eq!(parse(&[9; 31]), Err(KeyRejected::Malformed));
    // The key of RFC 8032, section 7.1, test 1.
    let good = unhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    assert_eq!(parse(&good), Ok(()));
}

#[test]
fn rsa_numbers_are_checked() {
    let crypto = ring();
    let parse = |modulus: Vec<u8>, exponent: &[u8]| {
        let key = PublicKey::Rsa { modulus, exponent: exponent.to_vec() };
        crypto.verifying_key(SignatureScheme::RsaPkcs1Sha256, &key).map(|_| ())
    };
    // Odd, of the right size, and nothing more: signatures are not made here.
    let modulus = |bytes: usize| {
        let mut modulus = vec![0xa5; bytes];
        *modulus.last_mut().unwrap() = 0x33;
        modulus
    };
    let f4: &[u8] = &[1, 0, 1];
    assert_eq!(parse(modulus(256), f4), Ok(()));
    assert_eq!(parse(modulus(1024), f4), Ok(()));
    let mut low = modulus(256);
    low[0] = 0x7f;
    for (modulus, exponent, expected) in [
        (modulus(128), f4, KeyRejected::UnacceptableSize),
        (low, f4, KeyRejected::UnacceptableSize),
        (modulus(1025), f4, KeyRejected::UnacceptableSize),
        (Vec::new(), f4, KeyRejected::Malformed),
        ([vec![0], modulus(256)].concat(), f4, KeyRejected::Malformed),
        (vec![0xa4; 256], f4, KeyRejected::Malformed),
        (modulus(256), &[], KeyRejected::Malformed),
        (modulus(256), &[0, 1, 0, 1], KeyRejected::Malformed),
        (modulus(256), &[1], KeyRejected::UnacceptableExponent),
        (modulus(256), &[3], KeyRejected::UnacceptableExponent),
        (modulus(256), &[1, 0, 0], KeyRejected::UnacceptableExponent),
        (modulus(256), &[2, 0, 0, 0, 1], KeyRejected::UnacceptableExponent),
        (modulus(256), &[1; 9], KeyRejected::UnacceptableExponent),
    ] {
        assert_eq!(parse(modulus, exponent), Err(expected), "{exponent:?}");
    }
}

#[test]
fn mac_keys_are_at_least_as_long_as_the_hash() {
    let crypto = ring();
    assert_eq!(crypto.mac_key(&SecretBytes::new(vec![7; 31])).unwrap_err(), KeyRejected::UnacceptableSize);
    let key = crypto.mac_key(&SecretBytes::new(vec![7; 32])).unwrap();
    let tag = key.authenticate(b"message");
    key.verify(b"message", tag.as_ref()).unwrap();
    key.verify(b"message", &tag.as_ref()[..31]).unwrap_err();
    key.verify(b"message", b"").unwrap_err();
    key.verify(b"another", tag.as_ref()).unwrap_err();
}

#[test]
fn sealed_text_opens_only_as_it_was_sealed() {
    let crypto = ring();
    let (key, nonce) = ([1; 32], [2; 12]);
    let mut sealed = b"attack at dawn".to_vec();
    crypto.aead_seal(&key, nonce, b"context", &mut sealed).unwrap();
    assert_eq!(sealed.len(), 14 + AEAD_TAG_LENGTH);
    assert_eq!(crypto.aead_open(&key, nonce, b"context", &sealed).unwrap().expose(), b"attack at dawn");
    crypto.aead_open(&[9; 32], nonce, b"context", &sealed).unwrap_err();
    crypto.aead_open(&key, [9; 12], b"context", &sealed).unwrap_err();
    crypto.aead_open(&key, nonce, b"elsewhere", &sealed).unwrap_err();
    for position in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[position] ^= 0x80;
        crypto.aead_open(&key, nonce, b"context", &altered).unwrap_err();
    }
    for length in 0..sealed.len() {
        crypto.aead_open(&key, nonce, b"context", &sealed[..length]).unwrap_err();
    }
}

#[test]
fn digests_and_derivation_are_the_standard_ones() {
    let crypto = ring();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(hex(&sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(crypto.digest(DigestAlgorithm::Sha256, b"abc").as_ref(), sha256(b"abc"));
    assert!(hex(crypto.digest(DigestAlgorithm::Sha384, b"abc").as_ref()).starts_with("cb00753f45a35e8b"));
    assert!(hex(crypto.digest(DigestAlgorithm::Sha512, b"abc").as_ref()).ends_with("2a9ac94fa54ca49f"));

    // RFC 5869, appendix A.1.
    let mut okm = [0; 42];
    let salt: Vec<u8> = (0..=0x0c).collect();
    let info: Vec<u8> = (0xf0..=0xf9).collect();
    crypto.derive(&SecretBytes::new(vec![0x0b; 22]), &salt, &info, &mut okm).unwrap();
    assert_eq!(
        hex(&okm),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    );
    crypto.derive(&SecretBytes::new(vec![1]), b"", b"", &mut [0; 8161]).unwrap_err();
}

#[test]
fn keys_are_not_printed() {
    let crypto = ring();
    let pkcs8 = crypto.generate_signing_key(SignatureScheme::Ed25519).unwrap();
    let key = crypto.signing_key(SignatureScheme::Ed25519, pkcs8.expose()).unwrap();
    let mac = crypto.mac_key(&pkcs8).unwrap();
    let seed: String = pkcs8.expose()[16..24].iter().map(|byte| format!("{byte:02x}")).collect();
    for text in [format!("{key:?}"), format!("{mac:?}"), format!("{pkcs8:?}")] {
        assert!(!text.contains(&seed), "{text}");
    }
    assert_eq!(format!("{mac:?}"), "MacKey(..)");
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |c: u8| u8::try_from(char::from(c).to_digit(16).unwrap()).unwrap();
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// The signature of [RFC 6979, appendix A.2.7](https://www.rfc-editor.org/rfc/rfc6979#appendix-A.2.7).
#[cfg(feature = "aws-lc-rs")]
#[test]
fn keys_of_p_521_are_for_aws_lc_alone() {
    let scheme = SignatureScheme::EcdsaP521Sha512;
    let x = "01894550D0785932E00EAA23B694F213F8C3121F86DC97A04E5A7167DB4E5BCD371123D46E45DB6B5D5370A7F20FB633155D38FF\
             A16D2BD761DCAC474B9A2F5023A4";
    let y = "00493101C962CD4D2FDDF782285E64584139C2F91B47F87FF82354D6630F746A28A0DB25741B5B34A828008B22ACC23F924FAAFB\
             D4D33F81EA66956DFEAA2BFDFCF5";
    let signature = "00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F174E25A1EE9017B5D450606ADD152B534931D7\
                     D4E8455CC91F9B15BF05EC36E377FA00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF282623EA\
                     A63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A";
    let key = PublicKey::Ec { curve: EcCurve::P521, x: unhex(x), y: unhex(y) };
    let mut signature = unhex(signature);
    let crypto = aws_lc_rs();
    let parsed = crypto.verifying_key(scheme, &key).unwrap();
    parsed.verify(b"sample", &signature).unwrap();
    signature[131] ^= 1;
    parsed.verify(b"sample", &signature).unwrap_err();
    assert_eq!(ring().verifying_key(scheme, &key).unwrap_err(), KeyRejected::Unsupported);

    let pkcs8 = crypto.generate_signing_key(scheme).unwrap();
    let signing = crypto.signing_key(scheme, pkcs8.expose()).unwrap();
    let signature = signing.sign(b"message").unwrap();
    assert_eq!(signature.len(), 132);
    crypto.verifying_key(scheme, signing.public_key()).unwrap().verify(b"message", &signature).unwrap();
    assert_eq!(ring().signing_key(scheme, pkcs8.expose()).unwrap_err(), KeyRejected::Unsupported);
    assert_eq!(ring().generate_signing_key(scheme).unwrap_err(), GenerateError::Unsupported);
    let PublicKey::Ec { x, .. } = signing.public_key() else { panic!() };
    let off_curve = PublicKey::Ec { curve: EcCurve::P521, x: x.clone(), y: vec![1; 66] };
    assert_eq!(crypto.verifying_key(scheme, &off_curve).unwrap_err(), KeyRejected::InvalidPoint);
}
