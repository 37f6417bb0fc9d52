//! Hashes that others have published or made, and texts that are none.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::password::{Argon2idHasher, MigratingHasher, PasswordHasher as _};

const PASSWORD: &str = "correct horse battery staple";

/// Each with its source. Passlib is 1.7.4, Django 5.2.19, Werkzeug 3.1.9, argon2-cffi 25.1.0.
const KNOWN: &[(&str, &str)] = &[
    // crypt_blowfish 1.3, wrapper.c.
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    (
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
        "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
    ),
    // jBCrypt, TestBCrypt.java.
    ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
    ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
    // Passlib, the second one with exactly 72 bytes.
    (PASSWORD, "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    (
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "$2y$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe",
    ),
    (PASSWORD, "{CRYPT}$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    // The lambdaworks library's own test, the scrypt documentation of yescrypt, RFC 7914's second vector as PHC.
    ("secret", "$s0$e0801$epIxT/h6HbbwHaehFnh/bw==$7H0vsXlY8UxxyW/BWx/9GuY7jEvGjT71GFd6O4SZND0="),
    ("pleaseletmein", "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D"),
    (
        "password",
        "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA",
    ),
    // Passlib, Django, Werkzeug.
    (PASSWORD, "$scrypt$ln=10,r=8,p=1$c2FsdFNBTFRzYWx0$71ONCU4rznkdzKXP1/zEaxoczTe/B2liVYfnJRiH59I"),
    (
        PASSWORD,
        "scrypt$1024$saltSALTsalt$8$5$sEWQnv7seuNyVikgE+lZsMnAYNo1vRe7brWn7KY5qNyOUUKf9lwT7M/6SHNkqfxkb1ZW8mpuitAvel+Jl1H26A==",
    ),
    (
        PASSWORD,
        "scrypt:1024:8:1$SyP94fu2$43392be20f3754d8dbc3f27ce8812100f270a00263a213b8ccc4efb489a1d0841223415bfc21f1a58b144205b2706250bbf5cb58ba40670fdca594ebe15794aa",
    ),
    ("secret", "SCRYPT:16384:8:1:epIxT/h6HbbwHaehFnh/bw==:7H0vsXlY8UxxyW/BWx/9GuY7jEvGjT71GFd6O4SZND0="),
    // RFC 6070's second vector and the RFC 7914 vector of PBKDF2-HMAC-SHA-256, as PHC.
    ("password", "$pbkdf2-sha1$i=2$c2FsdA$6mwBTcctb4zNHtkqzh1B8NjeiVc"),
    (
        "Password",
        "$pbkdf2-sha256$i=80000,l=64$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1ah1CWhIlgzVJrbhBtRybMXaicr3ruh0HhHj2Kzl/M8jQ",
    ),
    // Passlib.
    (PASSWORD, "$pbkdf2$1000$c2FsdFNBTFRzYWx0$RfcZ9cxNYYingWnQAORxDR.qzAo"),
    (PASSWORD, "$pbkdf2-sha256$1000$c2FsdFNBTFT7//4$2Xe4CfD1UOvqPhAnLXraPFSFjvyZR.K8hfE3bxCduJk"),
    (
        PASSWORD,
        "$pbkdf2-sha512$1000$c2FsdFNBTFRzYWx0$UnyLvuyZwTUSrp0cSDr/g1d6twsWgPcyFYabdzVXeZKu6BDK1sqWHbEUverHMoD0M6B3x2a3dvYv9u4ZVcJw4A",
    ),
    (PASSWORD, "{PBKDF2}1000$c2FsdFNBTFRzYWx0$RfcZ9cxNYYingWnQAORxDR.qzAo"),
    (PASSWORD, "{PBKDF2-SHA256}1000$c2FsdFNBTFRzYWx0$kjlfHVp73g2bGNS.HClC2rNW44GehAk5oVHAoifqz/U"),
    (
        PASSWORD,
        "{PBKDF2-SHA512}1000$c2FsdFNBTFRzYWx0$UnyLvuyZwTUSrp0cSDr/g1d6twsWgPcyFYabdzVXeZKu6BDK1sqWHbEUverHMoD0M6B3x2a3dvYv9u4ZVcJw4A",
    ),
    // Django, Werkzeug.
    (PASSWORD, "pbkdf2_sha256$1000$saltSALTsalt$kjlfHVp73g2bGNS+HClC2rNW44GehAk5oVHAoifqz/U="),
    (PASSWORD, "pbkdf2_sha1$1000$saltSALTsalt$RfcZ9cxNYYingWnQAORxDR+qzAo="),
    (
        PASSWORD,
        "pbkdf2:sha256:1000$aGvPdBqg$98033175d31863b8965c5bbb7c07467c27ba4f47cf60febed0f0bc3a76717589",
    ),
    // argon2-cffi, which is the reference implementation.
    (PASSWORD, "$argon2i$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$7eg0aODH5JNDke+6hgrAKOesCUkN7PHx"),
    (PASSWORD, "$argon2d$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$VMz5plK1gXohqflB/V21SE7TPiTrOkNc"),
    (PASSWORD, "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$smIudL+NzRiseNY3EJYCg1xyTMFmJmFQ"),
    (PASSWORD, "$argon2i$v=16$m=64,t=2,p=1$c2FsdHNhbHQ$nBvoda9/wL35xnVJEC4zZKLJRodVRZib"),
    (PASSWORD, "$argon2i$m=64,t=2,p=1$c2FsdHNhbHQ$nBvoda9/wL35xnVJEC4zZKLJRodVRZib"),
    // SHA-crypt's specification, its first vectors, as Passlib confirms them.
    ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    (
        "Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
    (PASSWORD, "$5$rounds=1000$saltstring$MGHTVAK1OdWrxoC7LJKeycAtdF/rZJH8EE46Glj/aT6"),
    (
        PASSWORD,
        "$6$rounds=1000$saltstring$B.n1vD77SdB2TuXAE0nGKP536R1bUc6NvRMEtukg5fkv3SlfIs6RsCY18TxG6AWfmoa/S410tUwH1MRlKRQST0",
    ),
    // Passlib.
    (PASSWORD, "{SHA}q/eq1kOINtvlJqojGr3i0O73TUI="),
    (PASSWORD, "{SSHA}46BnfOtjjVkV2IM1YrlQPStNxk5zYWx0c2FsdA=="),
    (PASSWORD, "{SSHA256}CjjqPXPYGjVMmTRdzHN2UTPdg0XIYl0HWPy+0QwtTBRzYWx0c2FsdA=="),
    (
        PASSWORD,
        "{SSHA512}UweAzUpvjvE5jz6nWBj9q0BiWPv/iScwpbX/yGA6X/AMM4Vz4l5BHV0nnau4mHhhKbbncQtK3bqI9cz8WqqeP3NhbHRzYWx0",
    ),
];

/// The example of Firebase's own sources.
fn firebase() -> (ForeignHashes, ForeignHash) {
    let key = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==";
    let project = FirebaseProject::new(key, "Bw==", 8, 14).unwrap();
    let hash = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";
    let hash = ForeignHash::firebase("shop", "42xEC+ixf3L2lw==", hash).unwrap();
    (ForeignHashes::new().with_firebase("shop", project), hash)
}

/// Keycloak 24 and 26, `credentials[0]` of a user in a realm export.
const KEYCLOAK: &[&str] = &[
    r#"{"type":"password","secretData":"{\"value\":\"4vl+6utHcleEAM0xM0OFxaZuLwQ1nsa7UdSNdipSmS82QyBctut3iOqUVjgywRt5Y19Q4dBiTRYdyI0yxWvTOA==\",\"salt\":\"c2FsdFNBTFRzYWx0MTIzNA==\",\"additionalParameters\":{}}","credentialData":"{\"hashIterations\":27500,\"algorithm\":\"pbkdf2-sha256\",\"additionalParameters\":{}}"}"#,
    r#"{"secretData":{"value":"smIudL+NzRiseNY3EJYCg1xyTMFmJmFQ","salt":"c2FsdHNhbHQ="},"credentialData":{"hashIterations":2,"algorithm":"argon2","additionalParameters":{"hashLength":["24"],"memory":["64"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}}"#,
];

fn is_right(known: &ForeignHashes, password: &str, hash: &ForeignHash) {
    let text = text_of(hash);
    assert!(known.recognises(&text), "{text}");
    assert!(known.verify(&Secret::from(password), &text), "{password} for {text}");
    for wrong in ["", "Correct horse battery staple", &format!("x{password}")] {
        assert!(wrong == password || !known.verify(&Secret::from(wrong), &text), "{wrong} for {text}");
    }
    assert_eq!(text_of(&known.accept(&text).unwrap()), text, "the stored form is read as it is written");
}

fn text_of(hash: &ForeignHash) -> String {
    serde_json::from_value(serde_json::to_value(hash.to_hash()).unwrap()).unwrap()
}

#[test]
fn published_hashes_of_every_kind_are_verified() {
    let known = ForeignHashes::new();
    let mut kinds = std::collections::BTreeSet::new();
    for (password, text) in KNOWN {
        let hash = ForeignHash::parse(text).unwrap_or_else(|error| panic!("{error} for {text}"));
        assert!(known.verify(&Secret::from(*password), text), "{password} for {text}");
        is_right(&known, password, &hash);
        kinds.insert(hash.kind().as_str());
        assert!(!format!("{hash:?}").contains("salt$"), "{hash:?}");
    }
    let (known, hash) = firebase();
    is_right(&known, "user1password", &hash);
    for text in KEYCLOAK {
        is_right(&known, PASSWORD, &ForeignHash::keycloak(text).unwrap());
    }
    assert_eq!(kinds.len(), 6, "{kinds:?}");
}

#[test]
fn a_salt_may_stand_before_the_password() {
    let known = ForeignHashes::new();
    let digest = ForeignDigest::Sha256;
    for (position, parts) in [
        (SaltPosition::Prefix, [b"salt".as_slice(), PASSWORD.as_bytes()]),
        (SaltPosition::Suffix, [PASSWORD.as_bytes(), b"salt".as_slice()]),
    ] {
        let hash = ForeignHash::salted("sha256", position, b"salt".to_vec(), digest.of(&parts)).unwrap();
        is_right(&known, PASSWORD, &hash);
        let text = text_of(&hash);
        let other = if text.contains("at=prefix") {
            text.replace("prefix", "suffix")
        } else {
            text.replace("suffix", "prefix")
        };
        assert!(!known.verify(&Secret::from(PASSWORD), &other), "{other}");
    }
    assert!(ForeignHash::salted("md5", SaltPosition::Prefix, Vec::new(), vec![0; 16]).is_err());
    assert!(ForeignHash::salted("sha256", SaltPosition::Prefix, Vec::new(), vec![0; 31]).is_err());
}

#[test]
fn what_costs_too_much_is_refused_before_it_costs_anything() {
    let known = ForeignHashes::new();
    let out = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let started = std::time::Instant::now();
    for text in [
        "$2b$15$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG".to_owned(),
        "$2b$31$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG".to_owned(),
        format!("$scrypt$ln=40,r=8,p=1$c2FsdA${out}"),
        format!("$scrypt$ln=255,r=4294967295,p=4294967295$c2FsdA${out}"),
        format!("$scrypt$ln=1,r=1,p=4294967295$c2FsdA${out}"),
        format!("$scrypt$ln=18,r=8,p=1$c2FsdA${out}"),
        format!("SCRYPT:1099511627776:8:1:c2FsdA:{out}"),
        format!("$s0$28ffff$c2FsdA${out}"),
        format!("$pbkdf2-sha256$i=4294967295$c2FsdA${out}"),
        format!("pbkdf2_sha256$2000001$salt${out}"),
        // The work of a long output counts.
        format!("$pbkdf2-sha1$i=200000$c2FsdA${}", "A".repeat(400)),
        format!("$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ${out}"),
        format!("$argon2id$v=19$m=262144,t=5,p=1$c2FsdHNhbHQ${out}"),
        format!("$argon2id$v=19$m=65536,t=1,p=17$c2FsdHNhbHQ${out}"),
        format!("$5$rounds=999999999$saltstring${out}"),
        format!("$pbkdf2-sha256$i=1$c2FsdA${}", "A".repeat(1000)),
        format!("$pbkdf2-sha256$i=1${}${out}", "A".repeat(1000)),
    ] {
        let refused = known.accept(&text).unwrap_err();
        assert_eq!(refused.code(), "hash_too_expensive", "{text}");
        assert!(!known.recognises(&text) && !known.verify(&Secret::from("x"), &text), "{text}");
    }
    // Each of them would take minutes, or all memory.
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
    let generous = ForeignLimits { bcrypt_cost: 15, ..ForeignLimits::default() };
    let costly = "$2b$15$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
    assert!(ForeignHashes::new().with_limits(generous).recognises(costly));
}

#[test]
fn texts_that_are_no_hash_prove_nobody() {
    let (known, _) = firebase();
    let long = format!("{{SSHA}}{}", "A".repeat(5000));
    for text in [
        "",
        " ",
        PASSWORD,
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "{MD5}X03MO1qnZdYdgyfeuILPmQ==",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        "{CLEARTEXT}correct horse battery staple",
        "{SSHA}",
        "{SSHA}q/eq1kOINtvlJqojGr3i0O73TUI=",
        "{SHA}46BnfOtjjVkV2IM1YrlQPStNxk5zYWx0c2FsdA==",
        "{SSHA256}46BnfOtjjVkV2IM1YrlQPStNxk4=",
        "$2$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$+5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOé",
        // An empty hash is met by every password, a short one by chance.
        "$pbkdf2-sha256$i=1000$c2FsdA$",
        "$pbkdf2-sha256$i=1000$c2FsdA$AAAA",
        "$scrypt$ln=10,r=8,p=1$c2FsdA$",
        "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$",
        "$pbkdf2-sha256$i=0$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$pbkdf2-sha256$i=1000,l=16$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$pbkdf2-sha256$i=1000,i=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$pbkdf2-md5$i=1000$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$pbkdf2-sha256$i=-1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=0,r=8,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=10,r=0,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "scrypt$1000$salt$8$1$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=18$m=64,t=2,p=1$c2FsdHNhbHQ$smIudL+NzRiseNY3EJYCg1xyTMFmJmFQ",
        "$argon2id$v=19$m=64,t=2,p=1,keyid=x$c2FsdHNhbHQ$smIudL+NzRiseNY3EJYCg1xyTMFmJmFQ",
        "$argon2id$v=19$m=64,t=2,p=1$c2FsdA$smIudL+NzRiseNY3EJYCg1xyTMFmJmFQ",
        "$argon2id$v=19$m=1,t=2,p=1$c2FsdHNhbHQ$smIudL+NzRiseNY3EJYCg1xyTMFmJmFQ",
        "$5$saltstring",
        "$5$saltstring$",
        "$5$rounds=x$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8",
        "$5$seventeenletters!$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8",
        "$6$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8",
        "$firebase-scrypt$project=other$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$firebase-scrypt$project=shop$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$salted-sha256$at=middle$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$unheard-of$v=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        &long,
    ] {
        assert!(known.accept(text).is_err(), "{text}");
        for password in ["", PASSWORD, text] {
            assert!(!known.verify(&Secret::from(password), text), "{password} for {text}");
        }
    }
    for json in [
        "",
        "{}",
        "[]",
        r#"{"secretData":"{}","credentialData":"{}"}"#,
        KEYCLOAK[0].replace("sha256", "md5").as_str(),
    ] {
        assert!(ForeignHash::keycloak(json).is_err(), "{json}");
    }
    assert!(ForeignHash::firebase("a$b", "", "").is_err());
    assert!(FirebaseProject::new("AAAA", "Bw==", 8, 14).is_err());
    assert!(FirebaseProject::new(&"A".repeat(64), "Bw==", 9, 14).is_err());
}

#[test]
fn a_hash_of_another_system_is_to_be_replaced() {
    let hasher = MigratingHasher::new(Arc::new(Argon2idHasher::new().unwrap()))
        .with_verifier(Arc::new(ForeignHashes::new()));
    for (password, text) in KNOWN.iter().take(3) {
        assert!(hasher.recognises(text) && hasher.needs_rehash(text), "{text}");
        assert!(hasher.verify(&Secret::from(*password), text), "{text}");
    }
    let ours = hasher.hash(&Secret::from(PASSWORD)).unwrap();
    assert!(!hasher.needs_rehash(&ours));
}

proptest! {
    /// Whatever is accepted is written as a text that is accepted again, and as the same.
    #[test]
    fn what_is_accepted_has_one_stored_form(which in 0..KNOWN.len(), at in 0_usize..200, with in "[ -~]{0,3}") {
        let (_, text) = KNOWN[which];
        let at = at % (text.len() + 1);
        let (head, tail) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        let altered = format!("{head}{with}{tail}");
        let known = ForeignHashes::new();
        if let Ok(hash) = known.accept(&altered) {
            let stored = text_of(&hash);
            prop_assert_eq!(text_of(&known.accept(&stored).unwrap()), stored);
        }
    }

    #[test]
    fn no_text_panics(text in "[$\\{]?[a-zA-Z0-9$,=./+:{}-]{0,120}") {
        let _refused = ForeignHashes::new().accept(&text);
    }
}
