//! Every limit and default.
//!
//! | What | Number | Set with |
//! | --- | --- | --- |
//! | Body of a request | 8 MiB | [`Limits::max_body`](crate::service::Limits::max_body) |
//! | Body of a bulk request | 1 MiB | [`Limits::max_bulk_body`](crate::service::Limits::max_bulk_body) |
//! | Operations of a bulk request | 1000 | [`Limits::max_bulk_operations`](crate::service::Limits::max_bulk_operations) |
//! | Page where none is asked for | 100 | [`Limits::default_page`](crate::service::Limits::default_page) |
//! | Largest page | 1000 | [`Limits::max_page`](crate::service::Limits::max_page) |
//! | Resources that a search looks at, where the store does not count | 100000 | [`Limits::max_scan`](crate::service::Limits::max_scan) |
//! | Members that a response lists | 10000 | [`Limits::max_members_inline`](crate::service::Limits::max_members_inline) |
//! | Members that a request names | 20000 | [`Limits::max_members_per_request`](crate::service::Limits::max_members_per_request) |
//! | Levels of groups in groups by which somebody is in the outer ones | 0 | [`ScimService::with_nested_groups`](crate::service::ScimService::with_nested_groups) |
//! | Life of a cursor | 1 hour | [`Limits::cursor_lifetime`](crate::service::Limits::cursor_lifetime) |
//! | Grace period of a closed account | 30 days | [`ScimService::with_grace`](crate::service::ScimService::with_grace) |
//! | Profile of a connection | Interop | [`Connection::with_profile`](crate::connection::Connection::with_profile) |
//! | Tokens, and OAuth clients, of a connection | 4 | fixed |
//! | How long it can be asked what came of a request that was done later | 1 day | [`LaterRequests::with_kept_for`](crate::service::LaterRequests::with_kept_for) |
//! | Terms of a query that the store counts | 64 | fixed: [`IndexQuery::MAX_TERMS`](ciam_core::store::IndexQuery::MAX_TERMS) |
//! | Beginnings that names are looked up by | 2, 4, 8 characters | fixed |
//! | Days that a search since a moment looks at; before, it looks at everybody | 64 | fixed |
//! | Way back that a cursor remembers | 2 KiB | fixed |
//! | Client: attempts, first and longest wait | 5, 1 s, 60 s | [`RetryPolicy`](crate::client::RetryPolicy) |
//! | Client: members in a request, size of a page | 1000, 100 | [`TargetProfile`](crate::client::TargetProfile) |
//! | Sync: users, and groups, that may leave in one run | 10, or 5 % of them | [`SyncPolicy::with_max_leaving`](crate::client::SyncPolicy::with_max_leaving) |
//! | Sync: how long a run keeps others away | 1 hour | [`SyncPolicy::longest_run`](crate::client::SyncPolicy::longest_run) |
//! | Sync: failures that a report keeps | 100 | fixed |
//! | Mappings of groups to roles | 64 | fixed |
//! | Filter: bytes, comparisons, depth, text | 64 KiB, 1024, 64, 8 KiB | fixed: [`Filter`](crate::filter::Filter) |
//! | Operations of a patch | 1000 | fixed: [`Patch::MAX_OPERATIONS`](crate::patch::Patch::MAX_OPERATIONS) |
//! | JSON: depth, members of an object, name | 32, 1024, 512 bytes | fixed: [`json`](crate::json) |
//! | Values of an attribute, bytes of a text | 1000, 64 KiB | fixed |
//! | Attributes of a resource type | 1024 | fixed: [`ResourceType::MAX_ATTRIBUTES`](crate::schema::ResourceType::MAX_ATTRIBUTES) |
//! | Names in `attributes` | 256 | fixed: [`Projection::MAX_NAMES`](crate::project::Projection::MAX_NAMES) |
//! | Attempts when others change the same thing | 16 | fixed |
//!
//! # Profiles
//!
//! | | Strict | Entra | Okta | Interop |
//! | --- | --- | --- | --- | --- |
//! | `Add` is `add` | no | yes | yes | yes |
//! | `"True"` is `true` | no | yes | yes | yes |
//! | A path whose filter finds nothing makes the element | no | yes | yes | yes |
//! | `remove` with a value | refused | removes that | removes that | removes that |
//! | `name.givenName` as a key | refused | a path | a path | a path |
//! | `"manager": "7"` | refused | its `value` | its `value` | its `value` |
//! | Unknown schemas and attributes | refused | ignored | ignored | ignored |
//! | Unknown members | refused | left out and counted | left out and counted | left out and counted |
//! | A new user with the name of an inactive one | 409 | 409 | the inactive one comes back | 409 |
