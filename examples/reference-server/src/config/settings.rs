//! The configuration file as it is written.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

use super::{
    dangerous::DangerousSettings, duration::Span, factors::FactorSettings, oauth::OAuthSettings,
    retention::RetentionSettings, risk::RiskSettings,
};
use crate::import::SecretText;

/// A configuration file. Every key is optional, and a key that is not here is refused.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address and port to listen on.
    pub listen: Option<String>,
    /// What browsers and applications call this server.
    pub issuer: Option<String>,
    /// `development` or `production`.
    pub mode: Option<String>,
    /// Where state is kept.
    pub database_url: Option<SecretText>,
    /// File with the key that seals secrets at rest.
    pub key_file: Option<PathBuf>,
    /// Where the wrapped keys of accounts are kept.
    pub vault_url: Option<SecretText>,
    /// Files to import at start.
    #[serde(default)]
    pub import: Vec<PathBuf>,
    /// Whether the demo data is imported.
    pub demo: Option<bool>,
    /// Connections to a database server.
    #[serde(default)]
    pub database: DatabaseSettings,
    /// Where what is short-lived is kept.
    #[serde(default)]
    pub ephemeral: EphemeralSettings,
    /// A message bus.
    #[serde(default)]
    pub nats: NatsSettings,
    /// Mail.
    #[serde(default)]
    pub mail: MailSettings,
    /// Text messages.
    #[serde(default)]
    pub sms: SmsSettings,
    /// Pages.
    #[serde(default)]
    pub ui: UiSettings,
    /// The check that costs a machine something.
    #[serde(default)]
    pub human_check: HumanCheckSettings,
    /// Further factors.
    #[serde(default)]
    pub factors: FactorSettings,
    /// How unusual sign-ins are dealt with.
    #[serde(default)]
    pub risk: RiskSettings,
    /// OpenID Providers that people can sign in with.
    #[serde(default)]
    pub upstream: Vec<UpstreamSettings>,
    /// Whether there is a SAML identity provider before an import file names a service: its metadata is at `/saml/metadata`.
    pub saml: Option<bool>,
    /// Sign-in sessions.
    #[serde(default)]
    pub sessions: SessionSettings,
    /// How long what is kept.
    #[serde(default)]
    pub retention: RetentionSettings,
    /// Tokens.
    #[serde(default)]
    pub tokens: TokenSettings,
    /// OAuth and OpenID Connect.
    #[serde(default)]
    pub oauth: OAuthSettings,
    /// What lowers security, for trying things out.
    #[serde(default)]
    pub dangerous: DangerousSettings,
    /// Passwords.
    #[serde(default)]
    pub passwords: PasswordSettings,
    /// Signing keys.
    #[serde(default)]
    pub keys: KeySettings,
    /// The HTTP server.
    #[serde(default)]
    pub http: HttpSettings,
    /// Looking up who holds a domain.
    #[serde(default)]
    pub dns: DnsSettings,
    /// The log.
    #[serde(default)]
    pub log: LogSettings,
}

/// Connections to a database server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// How many connections this node has at most.
    pub connections: Option<u32>,
    /// The schema that holds the tables.
    pub schema: Option<String>,
    /// How long a request waits for a connection.
    pub acquire_timeout: Option<Span>,
    /// How long one statement may run.
    pub statement_timeout: Option<Span>,
    /// How long one lock is waited for.
    pub lock_timeout: Option<Span>,
}

/// Where what is short-lived is kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EphemeralSettings {
    /// The Redis server.
    pub url: Option<SecretText>,
    /// What every key begins with.
    pub prefix: Option<String>,
}

/// A message bus.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsSettings {
    /// The NATS server.
    pub url: Option<SecretText>,
    /// The stream.
    pub stream: Option<String>,
}

/// Mail.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// The mail server.
    pub smtp_url: Option<SecretText>,
    /// The sender.
    pub from: Option<String>,
}

/// Text messages.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsSettings {
    /// Where the gateway takes messages.
    pub url: Option<String>,
    /// The gateway's token.
    pub token: Option<SecretText>,
    /// Whether people sign in with a code by text message. Default: no.
    pub sign_in: Option<bool>,
}

/// Pages.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UiSettings {
    /// The name that people see.
    pub name: Option<String>,
    /// The operator's stylesheet.
    pub theme: Option<PathBuf>,
    /// A folder with templates and texts that take the place of the server's own.
    pub templates: Option<PathBuf>,
    /// Anybody may create an account.
    pub sign_up: Option<bool>,
    /// People may create organizations. Default: in development mode.
    pub create_organizations: Option<bool>,
    /// People say who they are before they are asked for a password. Default: where organizations can send theirs to an
    /// identity provider of their own.
    pub identifier_first: Option<bool>,
}

/// A provider that people can sign in with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    /// Its name here, in addresses and in policies of organizations.
    pub name: String,
    /// What the button says. Default: the provider's name as people know it, or the name here.
    pub label: Option<String>,
    /// Which one of the table of well-known providers it is.
    pub provider: Option<String>,
    /// Its issuer, exactly as it writes it; for a well-known one that is known. For one with `oauth`, the address under which
    /// its people are known.
    pub issuer: Option<String>,
    /// What the well-known provider has to be told: its host, its realm.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// The tenants that may sign people in, by their ids. Default any.
    #[serde(default)]
    pub tenants: Vec<String>,
    /// The hosted domains that people must belong to; `*` is any. Default people of none too.
    #[serde(default)]
    pub hosted_domains: Vec<String>,
    /// The key that signs secrets (PEM, PKCS #8), for a provider that wants that.
    pub key_file: Option<PathBuf>,
    /// The name that the provider gave to the key.
    pub key_id: Option<String>,
    /// The team that the key belongs to.
    pub team: Option<String>,
    /// Where everything is at a provider that speaks OAuth 2.0 and not OpenID Connect.
    pub oauth: Option<UpstreamOAuthSettings>,
    /// How this server is registered there.
    pub client_id: String,
    /// The secret; without one this server is a public client there.
    pub client_secret: Option<SecretText>,
    /// What it is asked for. Default: `openid profile email`.
    pub scope: Option<String>,
    /// Whether its word counts for the factors that it names. Default no: what it says is one factor.
    pub trust_factors: Option<bool>,
    /// Whether there is a button for everybody. Default yes; without one, organizations alone lead there.
    pub button: Option<bool>,
}

/// A provider that speaks OAuth 2.0 and not OpenID Connect. Places in the profile are JSON pointers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamOAuthSettings {
    /// The authorization endpoint.
    pub authorization_endpoint: String,
    /// The token endpoint.
    pub token_endpoint: String,
    /// Where the profile is asked for.
    pub profile: String,
    /// The person's lasting name. Default `/id`.
    pub subject: Option<String>,
    /// Whether the lasting name is a number. Default: it is a text.
    #[serde(default)]
    pub subject_is_number: bool,
    /// The full name.
    pub display_name: Option<String>,
    /// The address.
    pub email: Option<String>,
    /// What says whether the address is verified; without it, no address is believed.
    pub email_verified: Option<String>,
}

/// The check that costs a machine something.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HumanCheckSettings {
    /// `proof_of_work`, `turnstile`, `hcaptcha`, `recaptcha` or `none`. Default: a proof of work in production mode.
    pub kind: Option<String>,
    /// How many zero bits a proof of work has.
    pub bits: Option<u32>,
    /// The site key of a captcha.
    pub site_key: Option<String>,
    /// The secret of a captcha.
    pub secret: Option<SecretText>,
    /// Where it is asked of everybody: `sign_in`, `sign_up`, `recovery`. Default nowhere: only where there is pressure.
    #[serde(default)]
    pub always: Vec<String>,
}

/// Sign-in sessions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionSettings {
    /// A session ends without use.
    pub idle: Option<Span>,
    /// A session ends in any case.
    pub lifetime: Option<Span>,
    /// An account has at most so many sessions at once.
    pub most: Option<u32>,
    /// What happens to one more: `end_oldest` or `refuse`.
    pub at_limit: Option<String>,
}

/// Tokens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// Access tokens are valid this long.
    pub access: Option<Span>,
}

/// Passwords.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordSettings {
    /// No password is answered sooner, in milliseconds.
    pub floor_ms: Option<u64>,
    /// Firebase projects whose hashes were imported, by name.
    #[serde(default)]
    pub firebase: BTreeMap<String, FirebaseSettings>,
}

/// The password hash parameters of a Firebase project, as its console shows them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirebaseSettings {
    /// The signer key, in base64.
    pub signer_key: SecretText,
    /// The salt separator, in base64.
    pub salt_separator: String,
    /// The rounds.
    pub rounds: u32,
    /// The memory cost.
    pub memory_cost: u8,
}

/// Signing keys.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// A new signing key takes over.
    pub rotate_after: Option<Span>,
    /// A node looks whether the keys were changed by another one. Default: every minute.
    pub look_after: Option<Span>,
}

/// The HTTP server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// Proxies whose `X-Forwarded-For` is believed.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// Requests in flight may finish.
    pub shutdown_grace: Option<Span>,
    /// TLS is terminated here.
    pub tls: Option<TlsSettings>,
}

/// TLS, terminated by this server.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// The certificate chain, as PEM.
    pub certificate: Option<PathBuf>,
    /// The private key, as PEM.
    pub key: Option<PathBuf>,
    /// Whether a certificate is made for the issuer's host when there is none: in development mode only.
    #[serde(default)]
    pub self_signed: bool,
}

/// Looking up who holds a domain.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsSettings {
    /// The resolvers that are asked, with their ports. Default: those of the system.
    #[serde(default)]
    pub servers: Vec<String>,
}

/// The log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// `text` or `json`.
    pub format: Option<String>,
    /// What is logged.
    pub filter: Option<String>,
}
