//! Claims from anybody: nothing panics, at whatever time they are checked, and the strict readers agree with each other and
//! with a lax one.

#![no_main]

use ciam_core::jose::{
    AudienceRule, ClaimRules, JwsError, MemberReader, NumericDate, RegisteredClaims, read_members,
};
use libfuzzer_sys::fuzz_target;
use serde::de::MapAccess;
use serde_json::{Map, Value};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

fuzz_target!(|payload: &str| {
    let mut claims = Everything::default();
    let strict = read_members(payload, &mut claims);
    let skipped = read_members(payload, &mut Nothing);
    if strict.is_ok() {
        // What was read member by member is what a parser of the whole reads: nothing was there twice on this level.
        let lax: Map<String, Value> = serde_json::from_str(payload).expect("strict JSON is JSON");
        assert_eq!(claims.0, lax);
    }
    match &skipped {
        Ok(_) => assert!(strict.is_ok(), "a reader that reads all refuses what is strict"),
        Err(JwsError::DuplicateMember | JwsError::Malformed) => {}
        Err(other) => panic!("not an error of reading: {other}"),
    }
    if let Ok(claims) = serde_json::from_str::<RegisteredClaims<'_>>(payload) {
        let rules =
            ClaimRules::new("i", AudienceRule::Includes("a".to_owned())).with_max_lifetime(Duration::HOUR);
        let near = claims.exp.map_or(OffsetDateTime::UNIX_EPOCH, NumericDate::get);
        for now in [datetime!(2026-11-23 12:00 UTC), datetime!(-9999-01-01 0:00 UTC), LAST, near] {
            if rules.check(&claims, now).is_ok() {
                let expires = claims.exp.expect("`exp` is required").get();
                assert!(now < expires && expires - now <= Duration::HOUR);
                assert_eq!(claims.iss.as_ref().map(|text| text.as_str()), Some("i"));
                assert!(claims.aud.as_ref().is_some_and(|aud| aud.iter().any(|one| one == "a")));
            }
        }
        if let Ok(written) = serde_json::to_string(&claims) {
            assert!(serde_json::from_str::<RegisteredClaims<'_>>(&written).is_ok(), "{written}");
        }
    }
});

const LAST: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

/// Reads every member itself.
#[derive(Default)]
struct Everything(Map<String, Value>);

impl<'p> MemberReader<'p> for Everything {
    fn member<A: MapAccess<'p>>(&mut self, name: &str, object: &mut A) -> Result<bool, A::Error> {
        self.0.insert(name.to_owned(), object.next_value()?);
        Ok(true)
    }
}

/// Leaves every member to be checked and skipped.
struct Nothing;

impl<'p> MemberReader<'p> for Nothing {
    fn member<A: MapAccess<'p>>(&mut self, _: &str, _: &mut A) -> Result<bool, A::Error> {
        Ok(false)
    }
}
