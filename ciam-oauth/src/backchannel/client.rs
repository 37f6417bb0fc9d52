//! What a client is registered with.

use ciam_core::jose::Algorithm;
use serde::{Deserialize, Serialize};

/// How a client hears of the end of a backchannel authentication
/// ([CIBA Core, section 5](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Delivery {
    /// It asks.
    Poll,
    /// It is told to ask.
    Ping,
    /// It is sent the tokens.
    Push,
}

impl Delivery {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Poll, Self::Ping, Self::Push];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Ping => "ping",
            Self::Push => "push",
        }
    }
}

/// How a client authenticates people through the back channel
/// ([CIBA Core, section 4](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.4)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackchannelClient {
    /// How it hears of the end.
    pub delivery: Delivery,
    /// Where it is told or sent something: an `https` address. Needed unless it polls.
    pub endpoint: Option<String>,
    /// The algorithm of its signed requests; then every request must be signed.
    #[serde(default)]
    pub request_alg: Option<Algorithm>,
    /// Whether it asks people for the code by which they let themselves be asked, and sends it along.
    #[serde(default)]
    pub user_code: bool,
}

impl BackchannelClient {
    /// It polls.
    #[must_use]
    pub const fn poll() -> Self {
        Self { delivery: Delivery::Poll, endpoint: None, request_alg: None, user_code: false }
    }

    /// It is pinged at this address.
    #[must_use]
    pub fn ping(endpoint: impl Into<String>) -> Self {
        Self {
            delivery: Delivery::Ping,
            endpoint: Some(endpoint.into()),
            request_alg: None,
            user_code: false,
        }
    }

    /// It is sent tokens at this address.
    #[must_use]
    pub fn push(endpoint: impl Into<String>) -> Self {
        Self {
            delivery: Delivery::Push,
            endpoint: Some(endpoint.into()),
            request_alg: None,
            user_code: false,
        }
    }

    /// Its requests are signed, with this algorithm.
    #[must_use]
    pub const fn with_signed_requests(mut self, alg: Algorithm) -> Self {
        self.request_alg = Some(alg);
        self
    }

    /// It asks people for their code, and sends it along.
    #[must_use]
    pub const fn with_user_codes(mut self) -> Self {
        self.user_code = true;
        self
    }
}
