//! Password hashes from anybody: nothing panics, what is accepted is affordable, and what is stored is read again.

#![no_main]

use ciam_core::password::PasswordVerifier as _;
use ciam_core::password::foreign::{ForeignHash, ForeignHashes, ForeignLimits};
use ciam_core::secret::Secret;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let known = ForeignHashes::new();
    for parsed in [ForeignHash::parse(input), ForeignHash::keycloak(input)] {
        let Ok(hash) = parsed else { continue };
        if known.judge(&hash).is_err() {
            continue;
        }
        let stored = serde_json::to_value(hash.to_hash()).expect("a hash can be written");
        let stored = stored.as_str().expect("a hash is a text");
        let again = known.accept(stored).expect("what is stored is accepted");
        assert_eq!(again.describe(), hash.describe());
    }
    // What is within small limits is verified too, in no time.
    let mut limits = ForeignLimits::default();
    limits.bcrypt_cost = 4;
    limits.pbkdf2_work = 100;
    limits.scrypt_memory = 1 << 16;
    limits.scrypt_work = 1 << 8;
    limits.sha_crypt_rounds = 1000;
    limits.argon2_memory_kib = 64;
    limits.argon2_work_kib = 64;
    let _wrong = ForeignHashes::new().with_limits(limits).verify(&Secret::from("x"), input);
});
