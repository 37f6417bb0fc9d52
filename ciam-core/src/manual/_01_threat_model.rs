//! What an attacker may do, and what stops them.
//!
//! The attacker sends any request, in any order and any number at once; owns accounts, clients and mail addresses; reads a
//! copy of the database; puts cookies into a browser where a sibling domain lets them; and chooses addresses that the server
//! fetches. They do not read the process's memory, nor the key-encryption key.
//!
//! | attack | what stops it |
//! | --- | --- |
//! | Finding out who has an account | Sign-in, registration and re-sending answer the same bytes after the same port and hash calls ([`journey`](crate::journey)). |
//! | Registering another's address in advance | Nothing is stored until the code from the mail is typed in the browser in which the password was chosen. |
//! | Guessing passwords and codes | Attempts are counted before they are looked at ([`ratelimit`](crate::ratelimit)), for the identifier, the peer and both together. |
//! | Locking somebody out | A success starts the count again, and the narrow limit is for one peer: from elsewhere the owner still signs in. |
//! | Session fixation | A new id and a new secret at every sign-in, a new secret at every renewal; cookies are `__Host-` ([`session`](crate::session)). |
//! | Forged or stolen-from-backup sessions | The store has the digest of a 256-bit secret. |
//! | Finishing somebody else's journey or interaction | Both belong to a browser by a secret cookie, and one compare-and-swap decides who goes on. |
//! | Doing a thing twice at once | Every change is one [`Batch`](crate::store::Batch) of preconditions and writes. The test-kit races each of them. |
//! | A crash between a change and its mail or event | They are in the same commit; the [`relay`](crate::relay) delivers them later. |
//! | Reading codes and private keys in a backup | Messages and keys are sealed by the [`vault`](crate::vault), bound to tenant, scope and purpose. |
//! | Choosing a token's algorithm or key | Both come from the policy; `none` does not exist ([`jose`](crate::jose)). |
//! | Making the server fetch an internal address | [`outbound`](crate::outbound): `https` only, public addresses only, connected to what was checked, no redirect. |
//! | Reaching another tenant | A store handle is bound to one tenant, and no method takes a tenant id. |
//! | Secrets in logs | Secret types have no `Display`, no `Serialize`, and a `Debug` that shows nothing. |
