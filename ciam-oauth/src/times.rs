//! When a JWT is valid that need not say it.

use ciam_core::jose::NumericDate;
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

/// The times of a JWT that is no token of a request: a statement, or a document. It need not have any; those that it has hold
/// ([RFC 7519, sections 4.1.4 and 4.1.5](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4)).
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Times {
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
}

/// How far the clocks of whoever signed it and of this host may be apart.
const SKEW: Duration = Duration::seconds(30);

impl Times {
    pub(crate) fn hold(self, now: OffsetDateTime) -> bool {
        // Differences, not sums: a date at the end of time must not overflow.
        let over = self.exp.is_some_and(|end| end.get() <= now);
        let early = self.nbf.is_some_and(|begin| begin.get() - now > SKEW);
        !over && !early
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_times_that_it_has_hold() {
        let now = OffsetDateTime::from_unix_timestamp(1_000_000).unwrap();
        let hold = |claims: Value| serde_json::from_value::<Times>(claims).ok().map(|times| times.hold(now));
        for good in [
            json!({}),
            json!({ "exp": 1_000_001 }),
            json!({ "exp": 1_000_000.5, "nbf": 1_000_030 }),
            json!({ "exp": 253_402_300_799_i64, "nbf": 0 }),
        ] {
            assert_eq!(hold(good.clone()), Some(true), "{good}");
        }
        for bad in [
            json!({ "exp": 1_000_000 }),
            json!({ "exp": 0 }),
            json!({ "nbf": 1_000_031 }),
            json!({ "nbf": 253_402_300_799_i64 }),
        ] {
            assert_eq!(hold(bad.clone()), Some(false), "{bad}");
        }
        for no_time in [json!({ "exp": "soon" }), json!({ "nbf": [] }), json!({ "exp": 1e300 })] {
            assert_eq!(hold(no_time.clone()), None, "{no_time}");
        }
    }
}
