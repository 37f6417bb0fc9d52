//! Typed identifiers.
//!
//! Every identifier is a newtype over a [UUIDv7](https://www.rfc-editor.org/rfc/rfc9562#section-5.7): sortable by creation
//! time, unguessable in its random part, and not interchangeable with the identifier of another kind of thing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::error::PortError;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes a new identifier: UUIDv7 of the clock's time and 74 random bits.
            ///
            /// # Errors
            ///
            /// Fails only when the entropy source does.
            pub fn generate(clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Self, PortError> {
                uuid_v7(clock, entropy).map(Self)
            }

            /// Wraps a UUID that is already an identifier of this kind, such as one read from a database.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // One spelling per identifier: hyphenated, lower case. Other UUID spellings are refused.
                let uuid = Uuid::try_parse(text).map_err(|_| InvalidId)?;
                let mut buffer = Uuid::encode_buffer();
                if *uuid.as_hyphenated().encode_lower(&mut buffer) == *text { Ok(Self(uuid)) } else { Err(InvalidId) }
            }
        }
    )+};
}

ids! {
    /// A tenant: one isolated population of accounts, clients and keys.
    TenantId,
    /// An account of a person.
    AccountId,
    /// An organization (a business customer).
    OrganizationId,
    /// A credential of an account, such as a password or a passkey.
    CredentialId,
    /// A signed-in session; sent to applications as `sid`.
    SessionId,
    /// A domain event or an outgoing message; the idempotency key of its delivery.
    EventId,
    /// A grant: what an account (or a client for itself) allowed a client to do.
    GrantId,
    /// A key of a key ring.
    KeyId,
    /// A consent that an account gave.
    ConsentId,
    /// An invitation into an organization.
    InvitationId,
    /// A browser that an account remembers.
    DeviceId,
}

/// The text is not an identifier: lower-case, hyphenated UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid identifier")]
#[non_exhaustive]
pub struct InvalidId;

fn uuid_v7(clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Uuid, PortError> {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random)?;
    let millis = clock.now().unix_timestamp_nanos() / 1_000_000;
    let millis = u64::try_from(millis).map_err(PortError::permanent)?;
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::entropy::SystemEntropy;

    #[test]
    fn ids_are_uuid_v7_in_one_spelling() {
        let id = AccountId::generate(&SystemClock::new(), &SystemEntropy::new()).unwrap();
        assert_eq!(id.as_uuid().get_version_num(), 7);
        let text = id.to_string();
        assert_eq!(text.parse::<AccountId>(), Ok(id));
        for other in
            [text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}"), format!("urn:uuid:{text}")]
        {
            assert_eq!(other.parse::<AccountId>(), Err(InvalidId), "{other}");
        }
    }
}
