//! What an import file may say.
//!
//! This is the whole schema: a key that is not here is refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use ciam_core::{account::schema::AttributeSchema, jose::Algorithm};
use ciam_oauth::{
    backchannel::Delivery,
    client::{ApplicationType, AuthMethod, ClientId, GrantType, RefreshRotation, SubjectType},
    redirect_uri::RedirectUri,
    resource::ResourceIndicator,
    scope::Scope,
};
use serde::{Deserialize, Deserializer, de};

use super::saml::{SamlConnectionEntry, SamlServiceEntry};
use crate::i18n::Language;

/// An import file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportFile {
    /// Applications that sign people in, and programs that call APIs.
    #[serde(default)]
    pub clients: Vec<ClientEntry>,
    /// APIs that accept access tokens.
    #[serde(default)]
    pub resources: Vec<ResourceEntry>,
    /// People.
    #[serde(default)]
    pub accounts: Vec<AccountEntry>,
    /// What is kept of people beside the usual: attributes by name, with type, who may read and write, and when they are
    /// required. One of a usual name takes its place.
    #[serde(default)]
    pub attributes: AttributeSchema,
    /// What those attributes are called, by name and by language.
    #[serde(default)]
    pub attribute_labels: BTreeMap<String, BTreeMap<String, String>>,
    /// What members of organizations may do: roles that every organization has.
    #[serde(default)]
    pub roles: Vec<RoleEntry>,
    /// Companies, teams and their members.
    #[serde(default)]
    pub organizations: Vec<OrganizationEntry>,
    /// Programs elsewhere that are told what happens.
    #[serde(default)]
    pub webhooks: Vec<WebhookEntry>,
    /// What people may consent to beside what applications ask for.
    #[serde(default)]
    pub purposes: Vec<PurposeEntry>,
    /// Services that people sign in to from here by SAML.
    #[serde(default)]
    pub saml_services: Vec<SamlServiceEntry>,
    /// Identity providers of organizations that people come from by SAML.
    #[serde(default)]
    pub saml_connections: Vec<SamlConnectionEntry>,
}

impl ImportFile {
    /// Whether organizations can send their people to an identity provider of their own.
    pub const fn has_connections(&self) -> bool {
        !self.saml_connections.is_empty()
    }
}

/// A purpose for which people may let the house use what it knows of them, such as a newsletter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurposeEntry {
    /// Its name in records and in the API.
    pub id: String,
    /// The version of the words. Change it with them.
    pub version: String,
    /// What it is called.
    pub title: String,
    /// What people agree to.
    pub text: String,
    /// The same in other languages than the first, by their codes.
    #[serde(default)]
    pub translations: BTreeMap<String, PurposeWords>,
}

impl PurposeEntry {
    /// Title and text in a language, or as they are.
    pub fn words(&self, language: Language) -> (&str, &str) {
        match self.translations.get(language.code()) {
            Some(words) => (&words.title, &words.text),
            None => (&self.title, &self.text),
        }
    }
}

/// A purpose in another language.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurposeWords {
    /// What it is called.
    pub title: String,
    /// What people agree to.
    pub text: String,
}

/// A program elsewhere that is told what happens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookEntry {
    /// Its name: an entry with the id of an existing webhook updates that one.
    pub id: String,
    /// Where requests go.
    pub url: String,
    /// Which events it gets: names, and families such as `ciam.account.*`. Every event without it.
    #[serde(default)]
    pub events: Vec<String>,
    /// What requests are signed with: `whsec_` and base64. A new one signs beside the one before for a day.
    pub secret: Option<SecretText>,
    /// The environment variable that holds the secret.
    pub secret_env: Option<String>,
    /// Whether it gets events at present.
    #[serde(default = "default_enabled")]
    pub enabled: bool,
}

const fn default_enabled() -> bool {
    true
}

/// A role that every organization has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleEntry {
    /// Its name. An entry with the name of an existing role replaces that one.
    pub name: String,
    /// What people read.
    #[serde(default)]
    pub description: String,
    /// What it allows: `resource:action`.
    #[serde(default)]
    pub permissions: BTreeSet<String>,
    /// The roles whose permissions it has as well.
    #[serde(default)]
    pub inherits: BTreeSet<String>,
    /// Whether administrators of an organization may give it to members.
    #[serde(default = "yes")]
    pub assignable: bool,
}

const fn yes() -> bool {
    true
}

/// A client.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientEntry {
    /// The `client_id`. It names the client: an entry with the id of an existing client updates that one.
    pub id: ClientId,
    /// The name that people see.
    pub name: String,
    /// How the client proves itself at the token endpoint.
    pub authentication: AuthMethod,
    /// The secret, for `client_secret_basic` and `client_secret_post`.
    pub secret: Option<SecretText>,
    /// The environment variable that holds the secret, to keep it out of the file.
    pub secret_env: Option<String>,
    /// The client's public keys, for `private_key_jwt` and signed requests.
    pub jwks: Option<serde_json::Value>,
    /// Where the client publishes its public keys, for `private_key_jwt` and signed requests.
    pub jwks_uri: Option<String>,
    /// Its assertions may name the URL of the token endpoint or of the backchannel authentication endpoint as their audience, beside
    /// the issuer.
    #[serde(default)]
    pub token_endpoint_audience: bool,
    /// Where authorization responses may go. Compared character by character.
    #[serde(default)]
    pub redirect_uris: Vec<RedirectUri>,
    /// Where a browser may go after sign-out.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where it is told that a session has ended.
    pub backchannel_logout_uri: Option<String>,
    /// Where its frame is loaded in the browser when a session has ended: at the origin of a redirect URI.
    pub frontchannel_logout_uri: Option<String>,
    /// Where others can start a sign-in to it.
    pub initiate_login_uri: Option<String>,
    /// The certificate that names the client, for `tls_client_auth`: one of `subject_dn`, `san_dns`, `san_uri`, `san_ip`, `san_email`.
    pub certificate: Option<CertificateEntry>,
    /// The client's own certificates as PEM, for `self_signed_tls_client_auth`.
    #[serde(default)]
    pub certificates: Vec<String>,
    /// Its access tokens are bound to the certificate of its connection (RFC 8705).
    #[serde(default)]
    pub certificate_bound_access_tokens: bool,
    /// How it starts sign-ins of people who are elsewhere (OpenID Connect CIBA); it may then.
    pub backchannel: Option<BackchannelEntry>,
    /// What its authorization requests may ask for beside a code, where the profile has it: `id_token`, `code id_token`.
    #[serde(default)]
    pub response_types: Vec<String>,
    /// Where its request objects may be fetched from.
    #[serde(default)]
    pub request_uris: Vec<String>,
    /// What the client may ask tokens for. Default: `authorization_code` and `refresh_token`.
    #[serde(default = "default_grants")]
    pub grants: BTreeSet<GrantType>,
    /// The scopes that the client may ask for.
    #[serde(default = "default_scopes")]
    pub scopes: BTreeSet<Scope>,
    /// The resources that the client may ask tokens for.
    #[serde(default)]
    pub resources: BTreeSet<ResourceIndicator>,
    /// The resources that this client is: it may introspect their tokens.
    #[serde(default)]
    pub serves: BTreeSet<ResourceIndicator>,
    /// The web origins that may call the token endpoint from a browser.
    #[serde(default)]
    pub allowed_origins: BTreeSet<String>,
    /// Where it runs. Default: `web` for a client that authenticates, else `native`.
    pub application_type: Option<ApplicationType>,
    /// It belongs to the operator: people are not asked for consent.
    #[serde(default)]
    pub first_party: bool,
    /// Authorization requests must be signed with one of the client's keys (RFC 9101).
    #[serde(default)]
    pub require_signed_requests: bool,
    /// Authorization requests must be pushed (RFC 9126).
    #[serde(default)]
    pub require_pushed_requests: bool,
    /// What it may ask people to do once, with its details (RFC 9396): `payment_initiation`. They sign for it with a passkey.
    #[serde(default)]
    pub authorization_details_types: BTreeSet<String>,
    /// Its access tokens must be bound to a key (RFC 9449).
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
    /// What the client sees as `sub`.
    #[serde(default = "default_subjects")]
    pub subjects: SubjectType,
    /// How refresh tokens rotate. Default: those of a client that does not authenticate do.
    #[serde(default = "default_rotation")]
    pub refresh_rotation: RefreshRotation,
    /// The host that pairwise subjects are made for, when the redirect URIs are on several.
    pub sector_identifier: Option<String>,
}

/// What a certificate says of a client: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateEntry {
    /// The whole subject, as RFC 4514 writes it.
    pub subject_dn: Option<String>,
    /// One of its host names.
    pub san_dns: Option<String>,
    /// One of its URIs.
    pub san_uri: Option<String>,
    /// One of its addresses.
    pub san_ip: Option<std::net::IpAddr>,
    /// One of its mail addresses.
    pub san_email: Option<String>,
}

impl ClientEntry {
    /// Whether its keys, or those of its attesters, are what it authenticates with; else they are for signed requests.
    pub(super) fn has_keys_to_authenticate(&self) -> bool {
        #[cfg(feature = "draft-attested-clients")]
        if self.authentication == AuthMethod::AttestJwtClientAuth {
            return true;
        }
        self.authentication == AuthMethod::PrivateKeyJwt
    }
}

/// How a client starts sign-ins of people who are elsewhere.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackchannelEntry {
    /// How it hears of the answer: `poll`, `ping` or `push`.
    pub delivery: Delivery,
    /// Where it is told or sent something: an `https` address. For `ping` and `push`.
    pub endpoint: Option<String>,
    /// The algorithm with which its requests are signed; then they must be.
    pub request_alg: Option<Algorithm>,
    /// It asks people for the code by which they let themselves be asked.
    #[serde(default)]
    pub user_code: bool,
    /// Whose `login_hint_token` it may bring. Without it, nobody's.
    pub login_hint_tokens: Option<HintTokenEntry>,
}

/// Whose word on whom a client means counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HintTokenEntry {
    /// The `iss` of the tokens.
    pub issuer: String,
    /// Its public keys.
    pub jwks: Option<serde_json::Value>,
    /// Where it publishes its public keys.
    pub jwks_uri: Option<String>,
}

/// The format of access tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenFormat {
    /// Signed, checked without asking this server (RFC 9068).
    #[default]
    Jwt,
    /// A random text, checked by introspection (RFC 7662).
    Opaque,
}

/// An API that accepts access tokens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceEntry {
    /// Its identifier: the `resource` that clients ask for and the `aud` of its tokens (RFC 8707).
    pub id: ResourceIndicator,
    /// Its scopes with the words for the consent page.
    #[serde(default)]
    pub scopes: BTreeMap<Scope, String>,
    /// The format of its access tokens.
    #[serde(default)]
    pub access_tokens: TokenFormat,
    /// Whether their status is published, where the server has lists (`[oauth.status_lists]`) and they are signed. Default: yes.
    pub status_list: Option<bool>,
}

/// A person.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountEntry {
    /// The address, taken as verified. It names the account: an entry with the address of an existing account
    /// updates that one.
    pub email: String,
    /// A second name to sign in with.
    pub username: Option<String>,
    /// A phone number, taken as verified.
    pub phone: Option<String>,
    /// What the person is called.
    pub name: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The preferred language, such as `de-AT`.
    pub locale: Option<String>,
    /// Other attributes, as the schema knows them.
    #[serde(default)]
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// The first password. An account that has a password keeps it.
    pub password: Option<SecretText>,
    /// The environment variable that holds the first password.
    pub password_env: Option<String>,
    /// The first password as a PHC string, from another system.
    pub password_hash: Option<SecretText>,
}

/// A company or a team.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationEntry {
    /// Its name in URLs. It names the organization: an entry with the slug of an existing one updates that one.
    pub slug: String,
    /// The name that people read.
    pub name: String,
    /// Its members. Members that are not listed stay.
    #[serde(default)]
    pub members: Vec<MemberEntry>,
    /// What it demands of a sign-in, and who may join. One that is not named stays as it is.
    pub policy: Option<PolicyEntry>,
}

/// What an organization demands of a sign-in, and who may join.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyEntry {
    /// The ways to sign in that count, by their `amr` names; empty for all.
    pub methods: BTreeSet<String>,
    /// The level of assurance that must be reached.
    pub acr: Option<String>,
    /// A session ends without use, in seconds.
    pub session_idle: Option<u32>,
    /// A session ends in any case, in seconds.
    pub session_absolute: Option<u32>,
    /// The e-mail domains that may join; empty for all.
    pub join_domains: BTreeSet<String>,
    /// The role of who joins by a verified domain.
    pub auto_join_role: Option<String>,
    /// The name of the connection that its people sign in by.
    pub connection: Option<String>,
}

/// A member of an organization.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberEntry {
    /// The address of the account, from this file or existing.
    pub email: String,
    /// The member's roles.
    #[serde(default)]
    pub roles: BTreeSet<String>,
}

/// A secret in a file. `Debug` does not print it.
#[derive(Clone)]
pub struct SecretText(ciam_core::secret::Secret);

impl SecretText {
    /// The secret.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Err(de::Error::custom("must not be empty"));
        }
        Ok(text.into())
    }
}

fn default_grants() -> BTreeSet<GrantType> {
    BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken])
}

fn default_scopes() -> BTreeSet<Scope> {
    ["openid", "profile", "email", "offline_access"].iter().filter_map(|it| it.parse().ok()).collect()
}

const fn default_subjects() -> SubjectType {
    SubjectType::Public
}

const fn default_rotation() -> RefreshRotation {
    RefreshRotation::Default
}
