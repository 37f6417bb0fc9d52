//! Every limit and default, with its reason and its place.
//!
//! | what | default | where | why |
//! | --- | --- | --- | --- |
//! | Session without use | 12 hours | [`SessionPolicy`](crate::session::SessionPolicy) | a working day |
//! | Session in any case | 14 days | [`SessionPolicy`](crate::session::SessionPolicy) | a stolen one ends |
//! | Use of a session is noted | every 5 minutes | [`SessionPolicy`](crate::session::SessionPolicy) | a page view costs no write |
//! | Password | 15 to 256 code points | [`PasswordPolicy`](crate::password::PasswordPolicy) | NIST SP 800-63B-4 for a password alone |
//! | Argon2id | 19 MiB, 2 passes, 1 lane | `Argon2idHasher` | OWASP's minimum; about 20 ms |
//! | Journeys: sign-in, registration and message limits, codes, risk deadline | see there | [`JourneyPolicy`](crate::journey::JourneyPolicy) | guessing is slow, owners are not locked out |
//! | Interaction | 30 minutes | [`Interactions`](crate::interaction::Interactions) | a person has to find their phone |
//! | Query strings and forms | 64 KiB, 64 parameters | [`ParamsLimits`](crate::http::ParamsLimits) | the largest legitimate request is a few KiB |
//! | Token, header | 16 KiB, 8 KiB | [`JwsLimits`](crate::jose::JwsLimits) | what HTTP servers accept as a header line |
//! | Key set of others | 256 KiB, 64 keys | [`JwkSetLimits`](crate::jose::JwkSetLimits) | sets with certificates are large |
//! | Keys tried for a token without `kid` | 4 | [`KeySet`](crate::jose::KeySet) | a signature check costs |
//! | Keys of others: fetched again, stale, cooldown | 15 minutes, 24 hours, 30 seconds | [`RemoteKeysPolicy`](crate::jose::RemoteKeysPolicy) | rotation is seen, an outage is survived, a flood is not passed on |
//! | Own keys: rotation and overlap | see there | [`KeyPolicy`](crate::keys::KeyPolicy) | no client sees a key that signs before it was published |
//! | Outbound exchange | 5 s, 256 KiB, URL of 2,048 bytes | [`OutboundPolicy`](crate::outbound::OutboundPolicy) | nobody waits longer |
//! | Batch | 64 writes, 64 preconditions | [`Batch`](crate::store::Batch) | one transaction stays short |
//! | Page | 1,000 items | [`PageRequest`](crate::store::PageRequest) | nothing loads everything |
//! | Cursor | 512 bytes | [`Cursor`](crate::store::Cursor) | it travels in URLs |
//! | Identifiers of an account | 16 | [`Account`](crate::account::Account) | a person has a handful |
//! | Identifier | 254 bytes | [`IdentifierKey`](crate::account::IdentifierKey) | the longest e-mail address |
//! | Profile | 64 attributes, 4 KiB each | [`Profile`](crate::account::Profile) | it is read at every sign-in |
//! | Credentials of an account | 64 | [`Credential`](crate::credential::Credential) | they are read at every sign-in |
//! | Relay: lease, batch, attempts, idle | 30 s, 64, 50, 250 ms | [`RelayPolicy`](crate::relay::RelayPolicy) | mail leaves within a second, a dead node's share within half a minute |
