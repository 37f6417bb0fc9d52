//! The settings that flags and variables have.

use std::path::PathBuf;

use clap::Args;

/// Settings given as flags or variables. Each takes the place of the key in the configuration file.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// Configuration file (TOML); every key is optional
    #[arg(long, global = true, value_name = "FILE", env = "CIAM_CONFIG")]
    pub config: Option<PathBuf>,

    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS", env = "CIAM_LISTEN")]
    pub listen: Option<String>,

    /// What browsers and applications call this server [default: http://localhost:PORT]
    ///
    /// It must be the exact origin that people see, such as `https://id.example.com`, without a path. Every URL the
    /// server makes begins with it, and requests for other host names are redirected to it. TLS is terminated
    /// in front of the server; plain http is accepted for localhost only.
    #[arg(long, global = true, value_name = "URL", env = "CIAM_ISSUER")]
    pub issuer: Option<String>,

    /// Where accounts, clients, sessions and keys are kept [default: sqlite:ciam.db]
    ///
    /// `sqlite:PATH` is a file that is created, readable by its owner only, when it does not exist: for one node.
    /// `postgres://USER:PASSWORD@HOST/DATABASE` is a PostgreSQL server, for any number of nodes; the tables are made
    /// and migrated in its schema `ciam`. Nodes share the key file too.
    #[arg(long, global = true, value_name = "URL", env = "CIAM_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// How many connections to a PostgreSQL server this node has at most [default: 16]
    #[arg(long, global = true, value_name = "NUMBER", env = "CIAM_DATABASE_CONNECTIONS")]
    pub database_connections: Option<u32>,

    /// Where what is short-lived is kept: codes, attempts, limits [default: memory beside a file, else the database]
    ///
    /// `redis://USER:PASSWORD@HOST:PORT/DATABASE` is a Redis server that nodes share. It must not evict: a server whose
    /// maxmemory-policy is not noeviction is refused.
    #[arg(long, global = true, value_name = "URL", env = "CIAM_EPHEMERAL_URL", hide_env_values = true)]
    pub ephemeral_url: Option<String>,

    /// What every key in Redis begins with, where systems share a server [default: ciam]
    #[arg(long, global = true, value_name = "TEXT", env = "CIAM_EPHEMERAL_PREFIX")]
    pub ephemeral_prefix: Option<String>,

    /// NATS server with JetStream that gets every event: nats://USER:PASSWORD@HOST:PORT
    #[arg(long, global = true, value_name = "URL", env = "CIAM_NATS_URL", hide_env_values = true)]
    pub nats_url: Option<String>,

    /// The stream that events are put into; subjects begin with its name in lower case [default: CIAM]
    #[arg(long, global = true, value_name = "NAME", env = "CIAM_NATS_STREAM")]
    pub nats_stream: Option<String>,

    /// File with the key that seals private keys and undelivered mail [default: the database's name with .key]
    ///
    /// It is created, readable by its owner only, on first start. Back it up apart from the database: without it
    /// the signing keys in the database cannot be opened.
    #[arg(long, global = true, value_name = "FILE", env = "CIAM_KEY_FILE")]
    pub key_file: Option<PathBuf>,

    /// Where the keys of accounts are kept, wrapped by the key file [default: the key file's name with .vault]
    ///
    /// `sqlite:PATH`, or `postgres://…` when several nodes share it: another database than that of the accounts. Erasing an
    /// account destroys its key here, so that no backup of the accounts' database brings the person back. Keep it out of
    /// those backups, and do not lose it: without it nothing personal can be read.
    #[arg(long, global = true, value_name = "URL", env = "CIAM_VAULT_URL", hide_env_values = true)]
    pub vault_url: Option<String>,

    /// Rules of others that are kept, such as fapi-2.0-security [default: oauth-2.1]
    #[arg(long, global = true, value_name = "NAME", env = "CIAM_PROFILE")]
    pub profile: Option<String>,

    /// `development` or `production` [default: development on localhost, else production]
    ///
    /// Development mode keeps mail at /dev/mail instead of sending it and brings a demo client and account. It is
    /// refused for an issuer that is not on localhost.
    #[arg(long, global = true, value_name = "MODE", env = "CIAM_MODE")]
    pub mode: Option<String>,

    /// File with clients, resources, accounts and organizations that must exist; may be repeated
    ///
    /// TOML, or JSON when the name ends in .json. Applied at each start: what is missing is created, what differs
    /// is updated, what is not mentioned stays. A file with a mistake is refused whole.
    #[arg(long, global = true, value_name = "FILE", env = "CIAM_IMPORT", value_delimiter = ',')]
    pub import: Vec<PathBuf>,

    /// Import the demo client and account [default: true in development mode when nothing else is imported]
    #[arg(long, global = true, value_name = "BOOL", env = "CIAM_DEMO")]
    pub demo: Option<bool>,

    /// Mail server: smtps://USER:PASSWORD@HOST, or smtp:// for STARTTLS
    #[arg(long, global = true, value_name = "URL", env = "CIAM_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,

    /// Sender of mail, such as "Example <no-reply@example.com>"
    #[arg(long, global = true, value_name = "ADDRESS", env = "CIAM_MAIL_FROM")]
    pub mail_from: Option<String>,

    /// The name that people see on pages and in mail [default: Ciam]
    #[arg(long, global = true, value_name = "NAME", env = "CIAM_PRODUCT_NAME")]
    pub product_name: Option<String>,

    /// Stylesheet that is loaded after the server's own, to set its --ciam-* custom properties
    #[arg(long, global = true, value_name = "FILE", env = "CIAM_THEME")]
    pub theme: Option<PathBuf>,

    /// Folder with templates and texts that take the place of the server's own, by name
    ///
    /// A file that has no namesake in the server, or does not fit its page, is refused at start with its line.
    #[arg(long, global = true, value_name = "DIR", env = "CIAM_TEMPLATES")]
    pub templates: Option<PathBuf>,

    /// Addresses of proxies whose X-Forwarded-For is believed, separated by commas
    #[arg(long, global = true, value_name = "IP", env = "CIAM_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<String>,

    /// `text` or `json` [default: text]
    #[arg(long, global = true, value_name = "FORMAT", env = "CIAM_LOG_FORMAT")]
    pub log_format: Option<String>,

    /// What is logged, such as info or warn,ciam_oauth=debug [default: info]
    #[arg(long, global = true, value_name = "FILTER", env = "CIAM_LOG_FILTER")]
    pub log_filter: Option<String>,
}
