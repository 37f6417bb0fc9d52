//! Why a configuration makes no server.

use ciam_core::error::PortError;
use ciam_core::jose::Algorithm;
use ciam_core::keys::KeyRingError;
use time::Duration;

use crate::resource::ResourceIndicator;
use crate::scope::Scope;
use crate::server::Profile;

/// The configuration cannot make a server.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Something required is missing.
    #[error("`{0}` is not configured")]
    Missing(&'static str),
    /// The interaction URL is neither an absolute `https` URL nor a path, or does not end with `/` or `=`.
    #[error("the interaction URL must be an https URL or a path, and end with `/` or `=`")]
    InteractionUrl,
    /// The address of a page is neither an absolute `https` URL nor a path below the issuer.
    #[error("the pages for `{0}` must be https URLs or paths")]
    Page(&'static str),
    /// A scope value is configured twice, or is the extension's.
    #[error("the scope `{0}` is configured twice")]
    DuplicateScope(Scope),
    /// A scope value belongs to no resource, so that it would be in no token.
    #[error("the scope `{0}` belongs to no resource")]
    ScopeOfNoResource(Scope),
    /// A resource is configured twice.
    #[error("the resource `{0}` is configured twice")]
    DuplicateResource(ResourceIndicator),
    /// A resource has a scope value that is not configured.
    #[error("the resource `{resource}` has the scope `{scope}`, which is not configured")]
    UnknownScope {
        /// The resource.
        resource: ResourceIndicator,
        /// The scope value.
        scope: Scope,
    },
    /// The default resource is not one of the configured ones.
    #[error("the default resource is not configured")]
    DefaultResource,
    /// A JWS algorithm that the server does not sign with.
    #[error("`{0}` is not a supported algorithm")]
    Algorithm(Algorithm),
    /// The key ring keeps a key published for a shorter time than an access token can live.
    #[error("access tokens can live longer than the key ring's `token_lifetime`")]
    KeyLifetime,
    /// A lifetime is too short or too long.
    #[error("the lifetime `{name}` must be between {least} and {most}")]
    OutOfRange {
        /// Which.
        name: &'static str,
        /// The shortest.
        least: Duration,
        /// The longest.
        most: Duration,
    },
    /// The configuration contradicts the profile.
    #[error("the profile `{profile}` cannot be kept: {reason}")]
    Profile {
        /// The profile.
        profile: Profile,
        /// What contradicts it.
        reason: &'static str,
    },
    /// Two settings cannot hold together.
    #[error("{0}")]
    Contradiction(&'static str),
    /// There is no key for an algorithm that is to sign tokens, or the keys cannot be read.
    #[error("the signing keys cannot be used")]
    Keys(#[from] KeyRingError),
    /// A port failed.
    #[error("the server's state cannot be read or made")]
    Port(#[from] PortError),
}
