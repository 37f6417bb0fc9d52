//! The configuration: a TOML file, overridden by variables and flags, checked as a whole before anything starts.

mod backchannel;
mod checks;
mod dangerous;
mod database;
mod duration;
mod factors;
mod messaging;
mod oauth;
mod resolve;
mod retention;
mod risk;
mod settings;
mod status_lists;
mod upstreams;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

pub use backchannel::{BackchannelRules, BackchannelSection};
pub use checks::{CaptchaKind, HumanChecks, HumanKind};
use ciam_core::password::foreign::ForeignHashes;
use ciam_core::privacy::RetentionPolicy;
use ciam_core::session::SessionLimit;
pub use dangerous::{DangerousRules, DangerousSettings};
pub use database::Database;
pub use duration::{InvalidSpan, Span};
pub use factors::{FactorRules, FactorSettings};
pub use messaging::{Bus, Gateway, ShortLived, Sms};
pub use oauth::{Certificates, ExchangeRule, OAuthRules, OAuthSettings, Registration};
pub use retention::RetentionSettings;
pub use risk::{NetworkSettings, RiskRules, RiskSettings};
pub use settings::{
    DatabaseSettings, EphemeralSettings, FirebaseSettings, HttpSettings, HumanCheckSettings, KeySettings,
    LogSettings, MailSettings, NatsSettings, PasswordSettings, SessionSettings, Settings, SmsSettings,
    TlsSettings, TokenSettings, UiSettings, UpstreamOAuthSettings, UpstreamSettings,
};
pub use upstreams::{UpstreamConfig, UpstreamKind};
use url::Url;

use crate::{
    import::{Import, SecretText},
    keeping::KeysPlace,
};

/// The configuration that the server runs with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// What browsers and applications call the server.
    pub issuer: Origin,
    /// Whether it is for trying or for use.
    pub mode: Mode,
    /// Where state is kept.
    pub database: Database,
    /// Where what is short-lived is kept.
    pub ephemeral: ShortLived,
    /// The message bus that gets every event.
    pub bus: Option<Bus>,
    /// The key that seals secrets at rest.
    pub key_file: PathBuf,
    /// Where the wrapped keys of accounts are kept: never in the database.
    pub vault: KeysPlace,
    /// What must exist, in the order in which it is applied.
    pub imports: Vec<Import>,
    /// Whether the first import is the demo data.
    pub demo: bool,
    /// How mail goes out.
    pub mail: Mail,
    /// How text messages go out.
    pub sms: Sms,
    /// How pages look.
    pub ui: Ui,
    /// The check that costs a machine something, and where everybody is asked for it.
    pub human_check: HumanChecks,
    /// Further factors, as they are demanded and accepted.
    pub factors: FactorRules,
    /// How unusual sign-ins are dealt with.
    pub risk: RiskRules,
    /// Providers that people can sign in with.
    pub upstreams: Vec<UpstreamConfig>,
    /// Whether there is a SAML identity provider before an import file names a service.
    pub saml: bool,
    /// How long sign-in lasts.
    pub sessions: Sessions,
    /// How long what is kept.
    pub retention: RetentionPolicy,
    /// OAuth and OpenID Connect.
    pub oauth: OAuthRules,
    /// What lowers security, for trying things out.
    pub dangerous: DangerousRules,
    /// TLS, when it is terminated here.
    pub tls: Option<TlsFiles>,
    /// How long access tokens are valid.
    pub access_tokens: Span,
    /// What passwords of other systems are accepted.
    pub passwords: Passwords,
    /// How signing keys change.
    pub keys: KeyTimes,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// The resolvers that are asked who holds a domain; none for those of the system.
    pub dns_servers: Vec<SocketAddr>,
    /// How long requests in flight may take to finish.
    pub shutdown_grace: Span,
    /// The log.
    pub log: Log,
}

/// How signing keys change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTimes {
    /// After what time a new one takes over.
    pub rotate_after: Span,
    /// After what time a node looks whether another one, or an operator, changed them.
    pub look_after: Span,
}

/// The certificate and the key by which this server terminates TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain, as PEM.
    pub certificate: PathBuf,
    /// The private key, as PEM.
    pub key: PathBuf,
    /// Whether they are made when they are not there.
    pub self_signed: bool,
}

/// The origin that the server is known by, such as `https://id.example.com`: an issuer without a path.
#[derive(Clone, PartialEq, Eq)]
pub struct Origin(Url);

impl Origin {
    /// The origin as it is written in tokens: without a slash at the end.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The URL of a path below it, which begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.as_str())
    }

    /// Host and port as browsers send them in `Host`.
    pub fn authority(&self) -> &str {
        self.as_str().split_once("://").map_or("", |(_, authority)| authority)
    }

    /// The host as the name of a page's origin has it.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Whether the traffic is encrypted.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        crate::import::is_loopback(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Config {
    /// Whether people may create organizations: where it is not said, in development mode.
    pub fn may_create_organizations(&self) -> bool {
        self.ui.create_organizations.unwrap_or(self.mode == Mode::Development)
    }
}

/// What the server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For trying: mail is caught, demo data exists.
    Development,
    /// For use.
    Production,
}

/// How mail goes out.
#[derive(Clone, Debug)]
pub enum Mail {
    /// It does not: it is shown at `/dev/mail`.
    Catcher,
    /// To a mail server.
    Smtp {
        /// The server, with its password.
        url: SecretText,
        /// The sender.
        from: String,
    },
}

/// How pages look.
#[derive(Clone, Debug)]
pub struct Ui {
    /// The name that people see.
    pub product: String,
    /// The operator's stylesheet.
    pub theme: Option<String>,
    /// The folder with templates and texts of the operator's.
    pub templates: Option<PathBuf>,
    /// Anybody may create an account.
    pub sign_up: bool,
    /// People may create organizations.
    pub create_organizations: Option<bool>,
    /// People say who they are before they are asked for a password.
    pub identifier_first: bool,
}

/// How long sign-in lasts.
#[derive(Clone, Copy, Debug)]
pub struct Sessions {
    /// Without use.
    pub idle: Span,
    /// In any case.
    pub lifetime: Span,
    /// How many sessions an account may have at once, and what happens to one more.
    pub limit: Option<SessionLimit>,
}

/// What passwords of other systems are accepted.
#[derive(Clone, Debug, Default)]
pub struct Passwords {
    /// The kinds and projects.
    pub hashes: ForeignHashes,
    /// No password is answered sooner.
    pub floor: Duration,
}

/// The log.
#[derive(Clone, Debug)]
pub struct Log {
    /// Lines for machines rather than for people.
    pub json: bool,
    /// What is logged.
    pub filter: String,
}

#[cfg(test)]
mod tests;
