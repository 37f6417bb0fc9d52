//! What of which document is supported.
//!
//! | Document | Section | |
//! | --- | --- | --- |
//! | RFC 7643 | 2, 3, 7 | attributes, types, characteristics; custom schemas and resource types as data |
//! | RFC 7643 | 4 | User, Group, EnterpriseUser |
//! | RFC 7643 | 5, 6, 8.7 | ServiceProviderConfig, ResourceType, Schema |
//! | RFC 7644 | 3.3, 3.4.1, 3.5.1, 3.6 | create, read, replace, delete |
//! | RFC 7644 | 3.4.2, 3.4.3 | filter, sort, index pagination, `attributes`, `excludedAttributes`, `.search` of a type and of all |
//! | RFC 7644 | 3.5.2 | PATCH |
//! | RFC 7644 | 3.7 | bulk, with forward and circular references |
//! | RFC 7644 | 3.11 | `/Me`, where the host says whose token it is |
//! | RFC 7644 | 3.12, 3.14 | errors with every `scimType`; ETag, `If-Match`, `If-None-Match` |
//! | RFC 7644 | 3.13 | another version in the path is `invalidVers` |
//! | RFC 9865 | | cursors forward and back; `previousCursor` leads back as far as a cursor remembers the way, some dozens of pages. `totalResults` is left out where it is not known |
//! | RFC 9967 | 2.4 | events `prov:*` as notices; no `full`, no `feed` |
//! | RFC 9967 | 2.5, 3, 4 | asynchronous requests, `Set-Txn`, `misc:asyncresp`, `securityEvents`, where a connection allows them |
//! | RFC 7240 | 4.1, 4.3 | `Prefer: respond-async`, `wait`: whoever can wait for a second is answered when it is done |
//! | RFC 7644 | | as a client: search, read, create, replace, patch, delete; index pagination; `Retry-After` |
//!
//! # Differences from the letter
//!
//! - `displayName` of a group is unique in the organization: directories match groups by it.
//! - `PATCH` of members answers 204 without a body unless attributes are asked for.
//! - A group of more members than are listed in one response is refused with `tooMany` unless it is asked for without them:
//!   never a list that is cut short.
//! - A change of more than 48 members (15 where groups give roles) is several commits, each whole; everything is checked before
//!   the first, and sending it again completes it.
//! - Members and groups are filtered by `value` with `eq` and `ne`, and by `pr` of them and of what is in them.
//! - How many match is counted by the store where its index values say exactly that, else by looking at each. It is refused
//!   with `tooMany` where that would be too many, and never guessed.
//! - An attribute of `PATCH` paths that is not known is refused under every profile: silence would look like success.
