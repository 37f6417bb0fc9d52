//! Authenticator data: what is read says where each of its parts is, nothing is left over, and one byte less is another thing.

#![no_main]

use ciam_mfa::webauthn::AuthenticatorData;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(data) = AuthenticatorData::read(input) else { return };
    assert!(input.len() >= 37 && input.len() <= AuthenticatorData::MAX_LENGTH);
    assert_eq!(data.rp_id_hash, &input[..32]);
    assert_eq!(data.sign_count.to_be_bytes(), input[33..37]);
    let flags = input[32];
    assert_eq!(data.flags.user_present(), flags & 1 != 0);
    assert_eq!(data.flags.user_verified(), flags & 4 != 0);
    assert_eq!(data.attested.is_some(), flags & 0x40 != 0);
    assert_eq!(data.extensions.is_some(), flags & 0x80 != 0);
    if let Some(attested) = &data.attested {
        assert!((1..=AuthenticatorData::MAX_CREDENTIAL_ID).contains(&attested.id.len()));
        assert_eq!(attested.aaguid, input[37..53]);
        assert!(!attested.encoded_key.is_empty());
    }
    // It has no end of its own choosing.
    assert!(AuthenticatorData::read(&input[..input.len() - 1]).is_err(), "cut short");
    assert!(AuthenticatorData::read(&[input, &[0]].concat()).is_err(), "something behind the end");
});
