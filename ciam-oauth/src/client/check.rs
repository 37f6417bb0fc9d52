//! What a registration must satisfy before it is stored.

use std::collections::BTreeSet;

use ciam_core::crypto::Crypto;
use ciam_core::jose::jwe::{EncryptionJwkSet, KeyManagement};
use ciam_core::jose::{Algorithm, AlgorithmSet, JwkSetLimits, KeySet, PublicJwkSet};
use ciam_core::store::StoredRecord as _;
use serde_json::Value;
use url::Url;

use super::authentication::{AuthMethod, ClientAuthentication, ClientKeys};
use super::messages::TokenEncryption;
use super::model::{ApplicationType, Client, GrantType, RefreshRotation, SubjectType};
use crate::backchannel::Delivery;
use crate::redirect_uri::{RedirectUri, RedirectUriKind};
use crate::resource::ResourceIndicator;
use crate::scope::ScopeSet;
use crate::server::Profile;

/// What the server that clients are registered at supports.
#[derive(Clone, Debug)]
pub(crate) struct Supported {
    pub(crate) scopes: ScopeSet,
    pub(crate) resources: BTreeSet<ResourceIndicator>,
    pub(crate) grants: BTreeSet<GrantType>,
    pub(crate) custom_grants: BTreeSet<String>,
    pub(crate) authentication: BTreeSet<AuthMethod>,
    pub(crate) dpop: bool,
    pub(crate) mutual_tls: bool,
    /// What the server signs with.
    pub(crate) signing: Vec<Algorithm>,
    /// What ID tokens are signed with, of those.
    pub(crate) id_tokens: Vec<Algorithm>,
    /// How it encrypts for clients.
    pub(crate) encryption: Vec<KeyManagement>,
    /// What request objects may be signed with; nothing when there are none.
    pub(crate) request_objects: AlgorithmSet,
    /// How they may be encrypted for it.
    pub(crate) decryption: Vec<KeyManagement>,
    /// The types of authorization details that it knows.
    pub(crate) detail_types: BTreeSet<String>,
    /// How it tells clients of the end of a backchannel authentication.
    pub(crate) backchannel: BTreeSet<Delivery>,
    /// Whether people have codes without which they are not asked through it.
    pub(crate) user_codes: bool,
    /// Whether they are fetched.
    pub(crate) by_reference: bool,
    /// The rules of others that the server keeps.
    pub(crate) profile: Profile,
}

impl Default for Supported {
    fn default() -> Self {
        Self {
            scopes: ScopeSet::default(),
            resources: BTreeSet::new(),
            grants: BTreeSet::new(),
            custom_grants: BTreeSet::new(),
            authentication: BTreeSet::new(),
            dpop: false,
            mutual_tls: false,
            signing: Vec::new(),
            id_tokens: Vec::new(),
            encryption: Vec::new(),
            request_objects: AlgorithmSet::of(&[]),
            decryption: Vec::new(),
            detail_types: BTreeSet::new(),
            backchannel: BTreeSet::new(),
            user_codes: false,
            by_reference: false,
            profile: Profile::OAuth21,
        }
    }
}

/// Why a registration was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientProblem {
    /// A list is longer than [`Client::MAX_URIS`], or the whole record than 64 KiB.
    #[error("`{0}` is too long")]
    TooLong(&'static str),
    /// A grant needs something that the client does not have.
    #[error("the grant `{grant}` needs {needs}")]
    Grant {
        /// The grant.
        grant: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// A response type that the server's profile does not have, or that the client cannot be answered with.
    #[error("the response types cannot be used: {0}")]
    ResponseType(&'static str),
    /// Backchannel authentication is not set up so that it could work.
    #[error("backchannel authentication cannot be used: {0}")]
    Backchannel(&'static str),
    /// A redirect URI with a scheme of the app's own, for a client that is not on the person's device.
    #[error("`{0}` may only be registered for a native client")]
    NativeOnly(RedirectUri),
    /// A grant of the host's own that the server does not have.
    #[error("a custom grant is not known at the server")]
    CustomGrant,
    /// A method of authentication that is off at the server.
    #[error("the server does not authenticate clients by `{0}`")]
    Method(&'static str),
    /// The certificates of a client are none, or too many, or what one must say cannot be said.
    #[error("the client's certificate is not usable: {0}")]
    Certificate(&'static str),
    /// Bound tokens of a kind that is off at the server.
    #[error("`{0}` needs what is off at the server")]
    Binding(&'static str),
    /// No secret, or more than [`ClientAuthentication::MAX_SECRETS`].
    #[error("a client that authenticates with a secret needs one or two")]
    Secrets,
    /// The keys are not a set of public keys, or their address is not `https`.
    #[error("the client's keys are not usable: {0}")]
    Keys(&'static str),
    /// An algorithm is one that the server has no key for, or that needs a shared secret.
    #[error("`{0}` is not a supported algorithm")]
    Algorithm(&'static str),
    /// An address is not an absolute `https` URL.
    #[error("`{0}` is not an absolute https URL")]
    Url(&'static str),
    /// A text is empty, too long, or has control characters.
    #[error("`{0}` is not a text that can be shown")]
    Text(&'static str),
    /// A scope value that the server does not support.
    #[error("the scope values `{0}` are not supported")]
    Scope(ScopeSet),
    /// A type of authorization details that the server does not know.
    #[error("the authorization details type `{0}` is not known")]
    DetailType(String),
    /// A resource that the server does not know.
    #[error("the resource `{0}` is not known")]
    Resource(ResourceIndicator),
    /// A pairwise client with redirect URIs on several hosts and no sector identifier, or a sector identifier that is not a
    /// host name.
    #[error("a pairwise client with several hosts needs a sector identifier, which is a host name")]
    Sector,
    /// An origin is not spelled as browsers do, or is plain `http`.
    #[error("an allowed origin must be spelled as `https://host[:port]`")]
    Origin,
    /// A lifetime is zero or longer than a day.
    #[error("`access_token_seconds` must be between 1 and 86400")]
    Lifetime,
    /// The server's profile does not allow it.
    #[error("the server's profile does not allow it: {0}")]
    Profile(&'static str),
    /// Only a client that authenticates can be a resource.
    #[error("only a confidential client can serve a resource")]
    Serves,
}

const MAX_RECORD_BYTES: usize = 64 * 1024;
const MAX_KEYS: usize = 16;
const MAX_TEXT: usize = 200;

impl Client {
    /// Checks a registration against itself and against what the server supports.
    pub(crate) fn check(&self, supported: &Supported, crypto: &dyn Crypto) -> Result<(), ClientProblem> {
        if let Some(off) = self.grants.difference(&supported.grants).next() {
            return Err(ClientProblem::Grant { grant: off.as_str(), needs: "to be on at the server" });
        }
        if !self.custom_grants.is_subset(&supported.custom_grants) {
            return Err(ClientProblem::CustomGrant);
        }
        if !self.response_types.iter().all(|kind| supported.profile.response_types().contains(kind)) {
            return Err(ClientProblem::ResponseType("the server's profile does not have one"));
        }
        self.check_grants()?;
        self.check_backchannel(supported)?;
        self.check_uris()?;
        self.check_authentication(supported, crypto)?;
        self.check_binding(supported)?;
        self.check_display()?;
        self.check_sector()?;
        self.check_algorithms(supported)?;
        self.check_messages(supported, crypto)?;
        if supported.profile.is_fapi() {
            self.check_fapi(supported.profile)?;
        }
        let unknown = self.scopes.difference(&supported.scopes);
        if !unknown.is_empty() {
            return Err(ClientProblem::Scope(unknown));
        }
        if let Some(unknown) = self.authorization_details_types.difference(&supported.detail_types).next() {
            return Err(ClientProblem::DetailType(unknown.clone()));
        }
        let mut named = self.resources.iter().chain(&self.serves);
        if let Some(unknown) = named.find(|resource| !supported.resources.contains(*resource)) {
            return Err(ClientProblem::Resource(unknown.clone()));
        }
        if !self.serves.is_empty() && self.is_public() {
            return Err(ClientProblem::Serves);
        }
        if !self.allowed_origins.iter().all(|origin| is_origin(origin)) {
            return Err(ClientProblem::Origin);
        }
        if self.access_token_seconds.is_some_and(|seconds| !(1..=86_400).contains(&seconds)) {
            return Err(ClientProblem::Lifetime);
        }
        match serde_json::to_string(self) {
            Ok(body) if body.len() <= MAX_RECORD_BYTES => Ok(()),
            _ => Err(ClientProblem::TooLong(Self::KIND.name())),
        }
    }

    fn check_grants(&self) -> Result<(), ClientProblem> {
        let needs = |grant: GrantType, needs| Err(ClientProblem::Grant { grant: grant.as_str(), needs });
        if self.allows(GrantType::AuthorizationCode) && self.redirect_uris.is_empty() {
            return needs(GrantType::AuthorizationCode, "a redirect URI");
        }
        let persons = [GrantType::AuthorizationCode, GrantType::DeviceCode, GrantType::Ciba];
        if self.response_types.iter().any(|kind| kind.has_id_token()) && self.redirect_uris.is_empty() {
            return Err(ClientProblem::ResponseType("an ID token needs a redirect URI"));
        }
        if self.allows(GrantType::RefreshToken) && !persons.into_iter().any(|grant| self.allows(grant)) {
            return needs(GrantType::RefreshToken, "a grant that a person gives");
        }
        let confidential =
            [GrantType::ClientCredentials, GrantType::TokenExchange, GrantType::JwtBearer, GrantType::Ciba];
        if let Some(grant) = confidential.into_iter().find(|grant| self.is_public() && self.allows(*grant)) {
            return needs(grant, "client authentication");
        }
        Ok(())
    }

    /// ([CIBA Core, section 4](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.4)).
    fn check_backchannel(&self, supported: &Supported) -> Result<(), ClientProblem> {
        let refuse = |why| Err(ClientProblem::Backchannel(why));
        let Some(backchannel) = &self.backchannel else {
            return if self.allows(GrantType::Ciba) {
                refuse("the grant needs a delivery mode")
            } else {
                Ok(())
            };
        };
        if !supported.backchannel.contains(&backchannel.delivery) {
            return refuse("the server does not deliver so");
        }
        if backchannel.user_code && !supported.user_codes {
            return refuse("people have no codes at this server");
        }
        match (backchannel.delivery, backchannel.endpoint.as_deref()) {
            (Delivery::Poll, None) => {}
            (Delivery::Poll, Some(_)) => return refuse("a client that polls has no notification endpoint"),
            (_, Some(endpoint)) if is_https_url(endpoint) => {}
            _ => return refuse("the notification endpoint must be an absolute https URL"),
        }
        let bound = self.dpop_bound_access_tokens || self.certificate_bound_access_tokens;
        if backchannel.delivery == Delivery::Push && bound {
            return refuse("tokens that are pushed cannot be bound to their sender");
        }
        match backchannel.request_alg {
            None => Ok(()),
            Some(alg) if !supported.request_objects.contains(alg) => {
                Err(ClientProblem::Algorithm("backchannel_authentication_request_signing_alg"))
            }
            Some(_) if self.public_keys().is_none() => {
                Err(ClientProblem::Keys("signed requests need registered keys"))
            }
            Some(_) => Ok(()),
        }
    }

    fn check_uris(&self) -> Result<(), ClientProblem> {
        if self.redirect_uris.len() > Self::MAX_URIS {
            return Err(ClientProblem::TooLong("redirect_uris"));
        }
        if self.post_logout_redirect_uris.len() > Self::MAX_URIS {
            return Err(ClientProblem::TooLong("post_logout_redirect_uris"));
        }
        if self.backchannel_logout_uri.as_deref().is_some_and(|uri| !is_https_url(uri)) {
            return Err(ClientProblem::Url("backchannel_logout_uri"));
        }
        if self.frontchannel_logout_uri.as_deref().is_some_and(|uri| !self.is_own_frame(uri)) {
            return Err(ClientProblem::Url("frontchannel_logout_uri"));
        }
        let private_use = self
            .redirect_uris
            .iter()
            .chain(&self.post_logout_redirect_uris)
            .find(|uri| uri.kind() == RedirectUriKind::PrivateUse);
        match private_use {
            Some(uri) if self.application_type != ApplicationType::Native => {
                Err(ClientProblem::NativeOnly(uri.clone()))
            }
            _ => Ok(()),
        }
    }

    /// An `https` address at the origin of a redirect URI: the standard wants no other
    /// ([Front-Channel Logout, section 2](https://openid.net/specs/openid-connect-frontchannel-1_0.html#RPLogout)).
    fn is_own_frame(&self, uri: &str) -> bool {
        let Ok(url) = Url::parse(uri) else { return false };
        let origin = url.origin().ascii_serialization();
        let own = |known: &RedirectUri| known.origin().as_ref() == Some(&origin);
        is_https_url(uri) && self.redirect_uris.iter().any(own)
    }

    fn check_authentication(&self, supported: &Supported, crypto: &dyn Crypto) -> Result<(), ClientProblem> {
        let method = self.authentication.method();
        if !supported.authentication.contains(&method) {
            return Err(ClientProblem::Method(method.as_str()));
        }
        match &self.authentication {
            ClientAuthentication::None | ClientAuthentication::ClientSecretJwt { .. } => Ok(()),
            ClientAuthentication::TlsClientAuth { subject } if subject.is_well_formed() => Ok(()),
            ClientAuthentication::TlsClientAuth { .. } => {
                Err(ClientProblem::Certificate("the name is not one that a certificate can have"))
            }
            ClientAuthentication::SelfSignedTlsClientAuth { certificates } => {
                if (1..=ClientAuthentication::MAX_CERTIFICATES).contains(&certificates.len()) {
                    Ok(())
                } else {
                    Err(ClientProblem::Certificate("there must be one to eight"))
                }
            }
            ClientAuthentication::ClientSecretBasic { secrets }
            | ClientAuthentication::ClientSecretPost { secrets } => {
                if (1..=ClientAuthentication::MAX_SECRETS).contains(&secrets.len()) {
                    Ok(())
                } else {
                    Err(ClientProblem::Secrets)
                }
            }
            #[cfg(feature = "draft-attested-clients")]
            ClientAuthentication::AttestJwtClientAuth { attesters } => match attesters {
                ClientKeys::Jwks(set) => check_keys(set, crypto, true),
                ClientKeys::JwksUri(uri) if is_https_url(uri) => Ok(()),
                ClientKeys::JwksUri(_) => {
                    Err(ClientProblem::Keys("the attesters' address is not an https URL"))
                }
            },
            ClientAuthentication::PrivateKeyJwt { keys, alg, .. } => {
                if alg.is_some_and(Algorithm::is_symmetric) {
                    return Err(ClientProblem::Algorithm("token_endpoint_auth_signing_alg"));
                }
                match keys {
                    ClientKeys::Jwks(set) => check_keys(set, crypto, true),
                    ClientKeys::JwksUri(uri) if is_https_url(uri) => Ok(()),
                    ClientKeys::JwksUri(_) => Err(ClientProblem::Keys("jwks_uri is not an https URL")),
                }
            }
        }
    }

    fn check_binding(&self, supported: &Supported) -> Result<(), ClientProblem> {
        if self.dpop_bound_access_tokens && !supported.dpop {
            return Err(ClientProblem::Binding("dpop_bound_access_tokens"));
        }
        if self.certificate_bound_access_tokens && !supported.mutual_tls {
            return Err(ClientProblem::Binding("tls_client_certificate_bound_access_tokens"));
        }
        Ok(())
    }

    fn check_display(&self) -> Result<(), ClientProblem> {
        let display = &self.display;
        if let Some(name) = &display.name {
            let fits = !name.trim().is_empty() && name.chars().count() <= MAX_TEXT;
            if !fits || name.chars().any(char::is_control) {
                return Err(ClientProblem::Text("name"));
            }
        }
        let urls = [
            ("logo_uri", &display.logo_uri),
            ("client_uri", &display.client_uri),
            ("policy_uri", &display.policy_uri),
            ("tos_uri", &display.tos_uri),
            ("initiate_login_uri", &display.initiate_login_uri),
        ];
        for (name, url) in urls {
            if url.as_deref().is_some_and(|url| !is_https_url(url)) {
                return Err(ClientProblem::Url(name));
            }
        }
        Ok(())
    }

    fn check_sector(&self) -> Result<(), ClientProblem> {
        if let Some(sector) = &self.sector_identifier {
            let is_host = url::Host::parse(sector).is_ok_and(|host| host.to_string() == *sector);
            return if is_host { Ok(()) } else { Err(ClientProblem::Sector) };
        }
        let hosts: BTreeSet<String> = self.redirect_uris.iter().filter_map(host_of).collect();
        if self.subject_type == SubjectType::Pairwise && hosts.len() != 1 {
            return Err(ClientProblem::Sector);
        }
        Ok(())
    }

    fn check_algorithms(&self, supported: &Supported) -> Result<(), ClientProblem> {
        let algorithms = [
            ("userinfo_signed_response_alg", self.userinfo_alg),
            ("introspection_signed_response_alg", self.introspection_alg),
            ("authorization_signed_response_alg", self.messages.authorization_alg),
        ];
        for (name, alg) in algorithms {
            if alg.is_some_and(|alg| !supported.signing.contains(&alg)) {
                return Err(ClientProblem::Algorithm(name));
            }
        }
        // The key of a resource's tokens is there too, and signs no ID token.
        if self.id_token_alg.is_some_and(|alg| !supported.id_tokens.contains(&alg)) {
            return Err(ClientProblem::Algorithm("id_token_signed_response_alg"));
        }
        Ok(())
    }

    fn check_messages(&self, supported: &Supported, crypto: &dyn Crypto) -> Result<(), ClientProblem> {
        let messages = &self.messages;
        match &messages.keys {
            Some(ClientKeys::JwksUri(uri)) if !is_https_url(uri) => {
                return Err(ClientProblem::Keys("jwks_uri is not an https URL"));
            }
            Some(ClientKeys::Jwks(set)) => check_keys(set, crypto, false)?,
            _ => {}
        }
        for (name, encryption) in messages.encryptions() {
            let Some(encryption) = encryption else { continue };
            if encryption.alg == KeyManagement::Dir || !supported.encryption.contains(&encryption.alg) {
                return Err(ClientProblem::Algorithm(name));
            }
            self.check_recipient(encryption)?;
        }
        if let Some(encryption) = messages.request_object_encryption
            && !supported.decryption.contains(&encryption.alg)
        {
            return Err(ClientProblem::Algorithm("request_object_encryption_alg"));
        }
        if messages.request_object_alg.is_some_and(|alg| !supported.request_objects.contains(alg)) {
            return Err(ClientProblem::Algorithm("request_object_signing_alg"));
        }
        let signs = messages.require_signed_requests || !messages.request_uris.is_empty();
        if signs && self.public_keys().is_none() {
            return Err(ClientProblem::Keys("request objects need registered keys"));
        }
        if messages.request_uris.len() > Self::MAX_URIS {
            return Err(ClientProblem::TooLong("request_uris"));
        }
        // A fragment names the version of the document (OpenID Connect Core, section 6.2).
        let fetched = |uri: &String| {
            let (place, version) = uri.split_once('#').unwrap_or((uri, ""));
            let printable = version.bytes().all(|byte| byte.is_ascii_graphic());
            supported.by_reference && is_https_url(place) && printable && uri.len() <= RedirectUri::MAX_LENGTH
        };
        if messages.request_uris.iter().all(fetched) {
            Ok(())
        } else {
            Err(ClientProblem::Url("request_uris"))
        }
    }

    /// What FAPI 2.0 allows of clients
    /// ([section 5.3.2.1](https://openid.net/specs/fapi-security-profile-2_0-final.html#section-5.3.2.1)).
    fn check_fapi(&self, profile: Profile) -> Result<(), ClientProblem> {
        let refuse = |reason| Err(ClientProblem::Profile(reason));
        match &self.authentication {
            ClientAuthentication::PrivateKeyJwt { alg, token_endpoint_audience, .. } => {
                if *token_endpoint_audience && !profile.lets_assertions_name_endpoints() {
                    return refuse("assertions are for the issuer alone");
                }
                if alg.is_some_and(|alg| !profile.algorithms().contains(alg)) {
                    return refuse("assertions are signed with another algorithm than the profile's");
                }
            }
            ClientAuthentication::TlsClientAuth { .. }
            | ClientAuthentication::SelfSignedTlsClientAuth { .. } => {}
            _ => return refuse("clients prove a private key"),
        }
        if self.redirect_uris.iter().any(|uri| uri.kind() != RedirectUriKind::Https) {
            return refuse("redirect URIs are https");
        }
        if self.refresh_rotation == RefreshRotation::Always {
            return refuse("refresh tokens do not rotate");
        }
        if profile == Profile::Fapi2MessageSigning && self.public_keys().is_none() {
            return refuse("request objects need registered keys");
        }
        if profile == Profile::FapiCiba
            && self.backchannel.as_ref().is_some_and(|it| it.request_alg.is_none())
        {
            return refuse("backchannel requests are signed");
        }
        Ok(())
    }

    /// Whether there is, or may be, a key to encrypt for.
    fn check_recipient(&self, encryption: TokenEncryption) -> Result<(), ClientProblem> {
        match self.public_keys() {
            Some(ClientKeys::JwksUri(_)) => Ok(()),
            Some(ClientKeys::Jwks(set)) => {
                let keys = EncryptionJwkSet::parse(&set.to_string(), &JwkSetLimits::default());
                match keys {
                    Ok(keys) if keys.find(encryption.alg).is_some() => Ok(()),
                    _ => Err(ClientProblem::Keys("no key serves the encryption")),
                }
            }
            None => Err(ClientProblem::Keys("an encrypted response needs registered keys")),
        }
    }

    /// The host name under which pairwise subjects of this client are computed: the registered sector, or the only host of
    /// its redirect URIs.
    #[must_use]
    pub fn sector(&self) -> Option<String> {
        self.sector_identifier.clone().or_else(|| self.redirect_uris.iter().find_map(host_of))
    }
}

fn host_of(uri: &RedirectUri) -> Option<String> {
    match uri.kind() {
        // An app's own scheme is its reversed domain name; there is no host, so the scheme stands for the sector.
        RedirectUriKind::PrivateUse => Some(uri.scheme().to_ascii_lowercase()),
        _ => Url::parse(uri.as_str()).ok()?.host_str().map(str::to_owned),
    }
}

fn is_https_url(text: &str) -> bool {
    let printable =
        text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'));
    printable
        && text.len() <= RedirectUri::MAX_LENGTH
        && text.starts_with("https://")
        && Url::parse(text).is_ok_and(|url| {
            url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.fragment().is_none()
        })
}

fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let secure = url.scheme() == "https" || url.scheme() == "http" && crate::issuer::is_loopback(&url);
        secure && url.origin().ascii_serialization() == text
    })
}

/// A set of public keys, of which some can verify something, or at least be encrypted for: no private member, no symmetric key,
/// and not too many of them.
fn check_keys(set: &Value, crypto: &dyn Crypto, must_verify: bool) -> Result<(), ClientProblem> {
    const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    let keys =
        set.get("keys").and_then(Value::as_array).ok_or(ClientProblem::Keys("jwks is not a JWK Set"))?;
    if keys.is_empty() || keys.len() > MAX_KEYS {
        return Err(ClientProblem::Keys("jwks must have 1 to 16 keys"));
    }
    if keys.iter().any(|key| PRIVATE.iter().any(|member| key.get(member).is_some())) {
        return Err(ClientProblem::Keys("a key has private or symmetric members"));
    }
    let parsed = PublicJwkSet::try_from(set.clone()).and_then(|set| KeySet::from_jwks(crypto, &set));
    match parsed {
        // Keys for encryption and of unknown types may stand beside (RFC 7517, section 5).
        Ok(usable) if !usable.keys().is_empty() => Ok(()),
        Ok(_) if must_verify => Err(ClientProblem::Keys("no key can verify a signature")),
        Ok(_) => match EncryptionJwkSet::parse(&set.to_string(), &JwkSetLimits::default()) {
            Ok(recipients) if !recipients.keys().is_empty() => Ok(()),
            _ => Err(ClientProblem::Keys("no key can be used")),
        },
        Err(_) => Err(ClientProblem::Keys("the keys cannot be told apart")),
    }
}

#[cfg(test)]
mod tests;
