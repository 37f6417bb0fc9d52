//! The events of this crate ([`ciam_core::event`] has the envelope).
//!
//! They hold identifiers and reasons, never codes, tokens, assertions, secrets or what people typed.

use ciam_core::event::EventType;

/// A token was made with which clients register themselves.
pub const INITIAL_ACCESS_ISSUED: EventType = EventType::new("ciam.oauth.initial_access.issued.v1");
/// A client was registered.
pub const CLIENT_REGISTERED: EventType = EventType::new("ciam.oauth.client.registered.v1");
/// A client's registration changed.
pub const CLIENT_UPDATED: EventType = EventType::new("ciam.oauth.client.updated.v1");
/// A client was removed.
pub const CLIENT_DELETED: EventType = EventType::new("ciam.oauth.client.deleted.v1");
/// A person's authorization for a client was granted: a code goes out.
pub const AUTHORIZATION_GRANTED: EventType = EventType::new("ciam.oauth.authorization.granted.v1");
/// An authorization request was refused at the redirect URI, by the person or by a rule.
pub const AUTHORIZATION_REFUSED: EventType = EventType::new("ciam.oauth.authorization.refused.v1");
/// A person has answered a backchannel authentication: its client is to be told. Details: `record`, `client`.
pub const BACKCHANNEL_ANSWERED: EventType = EventType::new("ciam.oauth.backchannel.answered.v1");
/// Nobody has answered a backchannel authentication in time: its client, which is sent its tokens, is to be told. Details: `record`,
/// `client`, `request`.
pub const BACKCHANNEL_EXPIRED: EventType = EventType::new("ciam.oauth.backchannel.expired.v1");
/// A code was exchanged: there is a grant, and tokens were issued.
pub const GRANT_CREATED: EventType = EventType::new("ciam.oauth.grant.created.v1");
/// A grant was revoked, with every token of it; `reason` says why.
pub const GRANT_REVOKED: EventType = EventType::new("ciam.oauth.grant.revoked.v1");
/// A token was exchanged for another one; `kind` says whether somebody acts for the subject or in its place.
pub const TOKEN_EXCHANGED: EventType = EventType::new("ciam.oauth.token.exchanged.v1");
/// One access token was revoked by its client.
pub const ACCESS_TOKEN_REVOKED: EventType = EventType::new("ciam.oauth.access_token.revoked.v1");
