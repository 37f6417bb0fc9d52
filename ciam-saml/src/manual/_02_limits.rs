//! Every limit and default, with its reason.
//!
//! | What | Value | Where it is set | Why |
//! | --- | --- | --- | --- |
//! | Bytes of a message | 256 KiB | [`Limits::MESSAGE`] | Real responses have 3 to 30 KB. |
//! | Elements inside each other | 48 | [`Limits::depth`] | Real messages have 12. |
//! | Attributes of one element | 48 | [`Limits::attributes`] | Names are compared in pairs. |
//! | Namespaces in scope | 32 | [`Limits::namespaces`] | Each prefix is looked up among them. |
//! | Bytes of a name | 128 | [`Limits::name`] | |
//! | Bytes of a namespace's name | 256 | [`Limits::namespace_name`] | Canonical forms repeat it. |
//! | Bytes of an attribute's value | 16 KiB | [`Limits::value`] | |
//! | Nodes of a document | 256, and one for 12 bytes | [`Limits::nodes`] | Memory stays below ten times the input. |
//! | Bytes of a canonical form | 64 KiB, and four times the document | fixed | Declarations that are repeated in each child. |
//! | Prefixes of `InclusiveNamespaces` | 32 | fixed | |
//! | Keys of one peer | 8 | [`TrustedKeys::MAX`] | Two are enough to change them over. |
//! | RSA modulus | 2048 to 8192 bits, exponent from 65537 | core | |
//! | Recipients of an encrypted element | 8 | fixed | |
//! | Private-key operations for one encrypted element | 8 | fixed | |
//! | Encrypted attributes of an assertion | 16 | fixed | |
//! | Our keys for decryption | 3 | [`DecryptionKeys::MAX`] | |
//! | Bytes of a certificate | 16 KiB | fixed | Those of 4096-bit keys have 2 KB. |
//! | Inflated message | 256 KiB | [`Limits::MESSAGE`] | Checked while inflating. |
//! | Bytes of a form | 1.25 MiB | fixed | base64, percent-encoded in full. |
//! | Relay state that is handed back | 1024 bytes, no control characters | [`RelayState::MAX_ECHOED`] | The standard's 80 are ignored by services. |
//! | Clock skew | 1 minute | [`ServiceProviderConfig::with_skew`] | |
//! | Age of a response, assertion, request or logout message | 10 minutes | [`ServiceProviderConfig::with_max_age`] | Bounds the memory of replays. |
//! | Lifetime of a request for authentication | 30 minutes | [`ServiceProviderConfig::with_request_lifetime`] | People look for their second factor. |
//! | Lifetime of an assertion of ours | 5 minutes | [`IdentityProviderConfig::with_lifetime`] | One redirect. |
//! | Memory of who was told of a session | 24 hours, 64 services | [`IdentityProviderConfig::with_session_lifetime`] | As long as sessions last. |
//! | Answer to a request for logout | 10 minutes | fixed | |
//! | How long a message waits for its artifact | 1 minute | [`IdentityProviderConfig::with_artifact_lifetime`] | One redirect. |
//! | Memory of artifacts that were asked for | 1 hour | fixed | Longer than any message waits. |
//! | Bytes of a query with an artifact | 8 KiB | fixed | An artifact has 60. |
//! | Bytes of an envelope | 256 KiB | [`Limits::MESSAGE`], core's outbound policy | As any message. |
//! | Time for an exchange from server to server | 5 seconds | core's outbound policy | |
//! | Bytes of fetched metadata | 4 MiB | [`MetadataTrust::with_bytes`] | [`MetadataTrust::FEDERATION_BYTES`] (128 MiB) for federations. |
//! | Bytes of one entity | 1 MiB | fixed | Larger ones are left out of an aggregate. |
//! | Entities of an aggregate | 100,000 | fixed | The largest federation has 10,000; each name is remembered as 32 bytes. |
//! | Bytes of the tags of groups around an entity | 64 KiB | fixed | They are read again with each entity. |
//! | Pieces of white space and comments before the signature of an aggregate | 16 | fixed | They wait for it. |
//! | Validity of fetched metadata | 28 days at most, and never none | [`MetadataTrust::with_longest`] | A stolen key is out of use by then. |
//! | Time between fetches | 6 hours, 5 minutes at least | `cacheDuration` | |
//! | Time for a fetch of metadata | 2 minutes | [`RefreshPolicy::deadline`] | Nobody waits for it. |
//! | Pause after a fetch | 1 minute; after each that failed twice as long, 1 hour at most | [`RefreshPolicy::cooldown`] | |
//! | Age of metadata that cannot be fetched again | 7 days | [`RefreshPolicy::stale_after`] | Although it says that it is valid. |
//!
//! [`Limits::MESSAGE`]: crate::xml::Limits::MESSAGE
//! [`Limits::depth`]: crate::xml::Limits::depth
//! [`Limits::attributes`]: crate::xml::Limits::attributes
//! [`Limits::namespaces`]: crate::xml::Limits::namespaces
//! [`Limits::name`]: crate::xml::Limits::name
//! [`Limits::namespace_name`]: crate::xml::Limits::namespace_name
//! [`Limits::value`]: crate::xml::Limits::value
//! [`Limits::nodes`]: crate::xml::Limits::nodes
//! [`TrustedKeys::MAX`]: crate::dsig::TrustedKeys::MAX
//! [`DecryptionKeys::MAX`]: crate::enc::DecryptionKeys::MAX
//! [`RelayState::MAX_ECHOED`]: crate::binding::RelayState::MAX_ECHOED
//! [`ServiceProviderConfig::with_skew`]: crate::sp::ServiceProviderConfig::with_skew
//! [`ServiceProviderConfig::with_max_age`]: crate::sp::ServiceProviderConfig::with_max_age
//! [`ServiceProviderConfig::with_request_lifetime`]: crate::sp::ServiceProviderConfig::with_request_lifetime
//! [`IdentityProviderConfig::with_lifetime`]: crate::idp::IdentityProviderConfig::with_lifetime
//! [`IdentityProviderConfig::with_session_lifetime`]: crate::idp::IdentityProviderConfig::with_session_lifetime
//! [`IdentityProviderConfig::with_artifact_lifetime`]: crate::idp::IdentityProviderConfig::with_artifact_lifetime
//! [`MetadataTrust::with_bytes`]: crate::metadata::MetadataTrust::with_bytes
//! [`MetadataTrust::FEDERATION_BYTES`]: crate::metadata::MetadataTrust::FEDERATION_BYTES
//! [`RefreshPolicy::deadline`]: crate::metadata::RefreshPolicy::deadline
//! [`RefreshPolicy::cooldown`]: crate::metadata::RefreshPolicy::cooldown
//! [`RefreshPolicy::stale_after`]: crate::metadata::RefreshPolicy::stale_after
//! [`MetadataTrust::with_longest`]: crate::metadata::MetadataTrust::with_longest
