//! The command line.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand};

/// An identity server for your customers: sign-up, sign-in, OpenID Connect, OAuth 2.x.
///
/// With no arguments it runs in development mode on http://localhost:8080, with a SQLite file in the working
/// directory, a demo client, a demo account and a mail catcher, and prints what to do next.
#[derive(Clone, Debug, Parser)]
#[command(name = "reference-server", version, after_long_help = MORE, max_term_width = 100)]
pub struct Cli {
    /// What to do; `serve` unless said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings, for every command.
    #[command(flatten)]
    pub flags: Flags,
}

/// What the program does.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the server (the default).
    Serve,
    /// Read configuration and import files, say what they come to, and stop.
    ///
    /// Nothing is started, opened or written. The exit status is 0 when `serve` would start with them.
    CheckConfig,
    /// Verify, write out or sign the audit log.
    Audit {
        /// What to do with it.
        #[command(subcommand)]
        action: AuditAction,
    },
    /// Erase an account now, without a grace period: at a legal request.
    Erase {
        /// The id of the account
        account: String,
        /// Why, as a code of lower-case letters, digits, `_`, `.` and `-`
        #[arg(long, default_value = "legal_request")]
        reason: String,
    },
    /// Take every factor but the password from an account whose owner has lost them, and has shown you who they are.
    ///
    /// Their sessions end, they get a letter, and the audit log has the reason.
    ResetFactors {
        /// The id or the mail address of the account
        account: String,
        /// Why, as a code of lower-case letters, digits, `_`, `.` and `-`
        #[arg(long)]
        reason: String,
    },
    /// Say what the sign-ins of one account need beside what everybody's do; with nothing named, nothing more.
    Demand {
        /// The id or the mail address of the account
        account: String,
        /// What is demanded.
        #[command(flatten)]
        demanded: Demanded,
    },
    /// Invite a person: they get a letter with a link, and make their account with it.
    ///
    /// The running server sends the letter. To invite somebody again makes the letters of before worthless.
    Invite {
        /// Their address
        email: String,
        /// What they are called
        #[arg(long)]
        name: Option<String>,
        /// The language of the letter, as a tag such as en, fr or de
        #[arg(long, default_value = "en", value_name = "TAG")]
        language: String,
    },
    /// Make a token with which a client registers itself, and print it. It is not shown again.
    InitialAccess {
        /// For whom it is: written to the audit log
        name: String,
        /// How many clients it registers
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// How many days it is good
        #[arg(long, default_value_t = 1)]
        days: u32,
    },
    /// Look at events that a webhook or the message bus did not take, and deliver them again.
    DeadLetters {
        /// What to do with them.
        #[command(subcommand)]
        action: DeadLetterAction,
    },
    /// Bring in what another system exported.
    #[command(subcommand)]
    Import(ImportCommand),
}

/// What the sign-ins of one account need.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Demanded {
    /// It must have this factor, or one of these: passkey, totp, push
    #[arg(long = "factor", value_name = "NAME")]
    pub factors: Vec<String>,
    /// Until when its owner may put that off, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME", requires = "factors")]
    pub until: Option<String>,
    /// Its sign-ins must reach this level of assurance, such as urn:ciam:acr:aal2
    #[arg(long, value_name = "LEVEL")]
    pub acr: Option<String>,
}

/// What to do with the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum AuditAction {
    /// Recompute the chain from its first entry to its last, and name the first one that is not what was written.
    ///
    /// The exit status is 0 when the log is whole, and 1 when it is not. What was cut off the end together with the stored
    /// head is noticed by a head that was written down elsewhere: give one, or a signed checkpoint.
    Verify {
        /// A head that was written down elsewhere, as `verify` prints it: NUMBER:HASH
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Vec<String>,
        /// A file with a checkpoint, as `audit checkpoint` printed it
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
    },
    /// Write out every entry, one line of JSON for each.
    Export,
    /// Sign the end of the log with the server's signing key: keep it where the database's administrators cannot write.
    Checkpoint,
}

/// What to do with dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum DeadLetterAction {
    /// List them, one in a line, as JSON.
    List {
        /// Only those of one destination, such as `webhook:shop` or `nats`
        #[arg(long, value_name = "NAME")]
        destination: Option<String>,
    },
    /// Queue them again; the running server delivers them.
    Redrive {
        /// The destination, such as `webhook:shop` or `nats`
        #[arg(long, value_name = "NAME")]
        destination: String,
        /// Only this event
        #[arg(long, value_name = "ID")]
        event: Option<String>,
    },
    /// Throw them away.
    Discard {
        /// The destination, such as `webhook:shop` or `nats`
        #[arg(long, value_name = "NAME")]
        destination: String,
        /// Only this event
        #[arg(long, value_name = "ID")]
        event: Option<String>,
    },
}

/// What is brought in.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ImportCommand {
    /// Accounts, with the passwords that the other system hashed.
    ///
    /// Reads the file row by row, however long it is. It can be stopped at any time, by force too: the next run with the
    /// same file goes on behind the last accounts that were stored. Accounts that exist are left as they are. Rows that
    /// are refused are written to a file with line and reason, and nothing of them is shown.
    Accounts(ImportAccounts),
}

/// An import of accounts.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ImportAccounts {
    /// The file: one JSON object a line, or a JSON array of objects
    pub file: PathBuf,

    /// How the file is written
    #[arg(long)]
    pub format: AccountFormat,

    /// The name of the other system, under which its ids are found again [default: the format's name]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,

    /// Judge every row and store nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Take every address for verified, whatever the file says
    ///
    /// Only for a system that let nobody in before their address was verified: whoever registered another's address there
    /// keeps it here.
    #[arg(long)]
    pub trust_addresses: bool,

    /// Leave out attributes that the tenant does not keep, and say how many, instead of refusing their rows
    ///
    /// What it keeps are the usual names and claims and what import files declare (--import). Metadata of other systems is
    /// mostly neither.
    #[arg(long)]
    pub leave_out_unknown: bool,

    /// Where refused rows go [default: the file's name with .refused.jsonl]
    #[arg(long, value_name = "FILE")]
    pub refused: Option<PathBuf>,

    /// Write line and reason of refused rows only, without the rows themselves
    #[arg(long)]
    pub without_rows: bool,
}

/// How a file of accounts is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum AccountFormat {
    /// Auth0: its export, its password hash export, its bulk import form
    Auth0,
    /// Okta: the objects of its Users API
    Okta,
    /// One account a line, in the form of this server
    Jsonl,
}

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

/// The `CIAM_*` variables that mean something.
pub fn variables() -> Vec<String> {
    let command = Cli::command();
    let name = |it: &clap::Arg| it.get_env().map(|name| name.to_string_lossy().into_owned());
    command.get_arguments().filter_map(name).collect()
}

/// The variables that are set, mean nothing, and look like a setting that was misspelt: each with what was meant.
///
/// Others that begin with `CIAM_` belong to somebody else, such as a secret that an import file names.
pub fn misspelt_variables(set: impl IntoIterator<Item = OsString>) -> Vec<(String, String)> {
    let known = variables();
    let mut found = Vec::new();
    for name in set.into_iter().filter_map(|it| it.into_string().ok()) {
        if !name.starts_with("CIAM") || known.contains(&name) {
            continue;
        }
        let near = known.iter().map(|it| (distance(&name, it), it)).min();
        if let Some((_, meant)) = near.filter(|(distance, _)| *distance <= NEAR) {
            found.push((name, meant.clone()));
        }
    }
    found.sort();
    found
}

/// How many letters must be put in, taken out or changed to make one text of another.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut next = vec![line + 1];
        for ((column, known), above) in other.iter().enumerate().zip(row.iter().skip(1)) {
            let diagonal = row.get(column).map_or(usize::MAX, |it| it + usize::from(letter != *known));
            let left = next.last().map_or(usize::MAX, |it| it + 1);
            next.push(diagonal.min(left).min(above + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Two letters: more is another word.
const NEAR: usize = 2;

const MORE: &str = "\
Where a setting comes from:
  A flag comes before its variable, the variable before the configuration file, the file before the default.
  Unknown keys in a file and misspelt CIAM_* variables are refused: no setting is skipped silently.

Try it:
  reference-server                                  then open http://localhost:8080
  cargo run -p relying-party                        an application that signs people in with it
  cargo run -p resource-server                      an API that accepts its tokens

Let a person in where nobody may register:
  reference-server invite --name 'Grace Hopper' --language de grace@example.com

Bring accounts from elsewhere:
  reference-server import accounts --format auth0 --dry-run users.json
  reference-server import accounts --format auth0 users.json

Run it for real, behind a TLS proxy:
  reference-server --issuer https://id.example.com --listen 127.0.0.1:8080 \\
      --database-url sqlite:/var/lib/ciam/ciam.db --import /etc/ciam/clients.toml \\
      --smtp-url smtps://user:password@mail.example.com --mail-from 'Example <no-reply@example.com>'

A configuration file (every key is optional):
  listen = \"127.0.0.1:8080\"
  issuer = \"https://id.example.com\"
  database_url = \"sqlite:/var/lib/ciam/ciam.db\"
  key_file = \"/var/lib/ciam/ciam.key\"
  vault_url = \"sqlite:/var/lib/ciam-vault/ciam.vault\"
  mode = \"production\"
  import = [\"clients.toml\"]
  saml = true                       # metadata at /saml/metadata before a service is known [default: with one]
  [database]                        # only for postgres://
  connections = 16                  # of this node, at most
  schema = \"ciam\"
  acquire_timeout = \"2s\"            # a request waits for a connection
  statement_timeout = \"5s\"
  lock_timeout = \"2s\"
  [ephemeral]
  url = \"redis://redis.internal:6379/0\"
  prefix = \"ciam\"
  [nats]
  url = \"nats://nats.internal:4222\"
  stream = \"CIAM\"
  [mail]
  smtp_url = \"smtps://user:password@mail.example.com\"     # better: CIAM_SMTP_URL
  from = \"Example <no-reply@example.com>\"
  [sms]
  url = \"https://sms.example.com/v1/messages\"    # takes {id, to, text} as JSON
  token = \"…\"
  sign_in = true                    # people may sign in with a code by text message [default: no]
  [ui]
  name = \"Example ID\"
  theme = \"theme.css\"
  templates = \"templates\"           # files here take the place of the server's own
  sign_up = true                    # false: accounts come from imports only
  identifier_first = true           # who, before how [default: where people may come from elsewhere]
  [sessions]
  idle = \"24h\"                      # sign-in ends without use
  lifetime = \"30d\"                  # sign-in ends in any case
  most = 20                         # an account has at most so many sessions at once [default: any number]
  at_limit = \"end_oldest\"           # or refuse: what happens to one more
  [retention]
  unverified = \"30d\"                # an account of which nobody proved an address is erased
  inactive = \"1095d\"                # an account that nobody uses is closed, and erased later [default: kept]
  warning = \"30d\"                   # so long before, its owner is told
  grace = \"30d\"                     # so long after, they can sign in and take it back
  audit = \"400d\"                    # the audit log forgets what is older [default: never]
  [human_check]
  kind = \"proof_of_work\"            # or turnstile, hcaptcha, recaptcha (with site_key, secret), none
  bits = 18                         # how much work
  always = [\"sign_up\"]              # sign_in, recovery [default: only under pressure]
  [factors]
  required = [\"passkey\", \"totp\"]  # everybody must have one of these [default: nobody must]
  since = \"2026-12-01T00:00:00Z\"   # from then on [default: always]
  grace = \"14d\"                    # so long people may put it off [default: not at all]
  related_origins = [\"https://example.de\"]  # pages of other domains that may ask for our passkeys
  [[upstream]]                      # an OpenID Provider to sign in with
  name = \"partner\"                  # of /upstream/partner/callback
  label = \"Partner\"
  issuer = \"https://login.partner.example\"
  client_id = \"ciam\"
  client_secret = \"…\"
  [tokens]
  access = \"10m\"                    # access tokens are valid this long
  [passwords]
  floor_ms = 300                    # while there are imported hashes: no sign-in is answered sooner
  [passwords.firebase.shop]         # of a Firebase project: its password hash parameters
  signer_key = \"jxspr8Ki0RYycVU8zykbdL…\"
  salt_separator = \"Bw==\"
  rounds = 8
  memory_cost = 14
  [keys]
  rotate_after = \"90d\"              # a new signing key takes over
  [http]
  trusted_proxies = [\"127.0.0.1\"]
  shutdown_grace = \"20s\"            # requests in flight may finish
  [dns]
  servers = [\"10.0.0.2:53\"]         # who is asked whose a domain is [default: the system's resolvers]
  [log]
  format = \"json\"
  filter = \"info\"

An import file (the whole schema is in examples/reference-server/README.md):
  [[clients]]
  id = \"shop\"
  name = \"The Shop\"
  authentication = \"client_secret_basic\"   # none, client_secret_post, private_key_jwt
  secret_env = \"SHOP_SECRET\"
  redirect_uris = [\"https://shop.example.com/callback\"]
  [[accounts]]
  email = \"ada@example.com\"
  name = \"Ada Lovelace\"
  password_env = \"ADA_PASSWORD\"
  [[webhooks]]
  id = \"crm\"
  url = \"https://crm.example.com/hooks/ciam\"
  events = [\"ciam.account.*\"]               # every event without it
  secret_env = \"CRM_WEBHOOK_SECRET\"         # whsec_ and base64
  [[saml_services]]                         # a service that people sign in to from here
  id = \"https://payroll.example.com/saml\"
  name = \"Payroll\"
  metadata_file = \"payroll.xml\"            # beside this file
  attributes = [\"mail\", \"displayName\"]   # what it may know
  [[saml_connections]]                      # an organization's identity provider: our metadata at /saml/sp/acme
  name = \"acme\"
  metadata_file = \"acme.xml\"
  domains = [\"acme.example\"]              # where its word for addresses counts
  # Instead of a file, metadata that is fetched: remote = { url = \"https://…\", certificate = \"-----BEGIN …\" },
  # or { query = \"https://mdq.…\", … }; for a connection with entity_id
  [[organizations]]
  slug = \"engines\"
  name = \"Analytical Engines\"
  members = [{ email = \"ada@example.com\", roles = [\"owner\"] }]
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_what_happens_without_a_command_and_flags_stand_anywhere() {
        let cli = Cli::try_parse_from(["x", "--listen", "[::1]:1"]).unwrap();
        assert_eq!((cli.command, cli.flags.listen.as_deref()), (None, Some("[::1]:1")));
        for order in [["x", "serve", "--listen", "a"], ["x", "--listen", "a", "serve"]] {
            let cli = Cli::try_parse_from(order).unwrap();
            assert_eq!((cli.command, cli.flags.listen.as_deref()), (Some(Command::Serve), Some("a")));
        }
    }

    #[test]
    fn several_files_are_imported() {
        let cli = Cli::try_parse_from(["x", "--import", "a.toml", "--import", "b.json,c.toml"]).unwrap();
        assert_eq!(cli.flags.import, ["a.toml", "b.json", "c.toml"].map(PathBuf::from));
    }

    #[test]
    fn every_flag_has_its_variable() {
        let names = variables();
        assert!(names.contains(&"CIAM_DATABASE_URL".to_owned()));
        for argument in Cli::command().get_arguments() {
            let id = argument.get_id().as_str();
            if !["help", "version"].contains(&id) {
                assert!(names.contains(&format!("CIAM_{}", id.to_uppercase())), "{id}");
            }
        }
    }

    #[test]
    fn a_misspelt_variable_is_found_and_others_are_left_alone() {
        let set = ["CIAM_LISTEN", "CIAM_LISTENN", "CIAM_DATABSE_URL", "CIAMDEMO", "CIAM_SHOP_SECRET", "PATH"];
        let found = misspelt_variables(set.map(OsString::from));
        let pairs = [
            ("CIAMDEMO", "CIAM_DEMO"),
            ("CIAM_DATABSE_URL", "CIAM_DATABASE_URL"),
            ("CIAM_LISTENN", "CIAM_LISTEN"),
        ];
        assert_eq!(found, pairs.map(|(name, meant)| (name.to_owned(), meant.to_owned())));
    }

    #[test]
    fn distances_count_letters() {
        for (one, other, expected) in
            [("", "", 0), ("abc", "", 3), ("abc", "abd", 1), ("abc", "xabc", 1), ("ab", "ba", 2)]
        {
            assert_eq!(distance(one, other), expected);
            assert_eq!(distance(other, one), expected);
        }
    }

    #[test]
    fn help_never_prints_a_secret() {
        for argument in Cli::command().get_arguments() {
            if ["smtp_url", "database_url", "ephemeral_url", "nats_url"].contains(&argument.get_id().as_str())
            {
                assert!(argument.is_hide_env_values_set(), "{}", argument.get_id());
            }
        }
    }

    #[test]
    fn the_files_in_the_help_are_valid() {
        let section = |from: &str, to: &str| {
            let text = MORE.split_once(from).unwrap().1.split_once('\n').unwrap().1;
            text.split(to).next().unwrap().to_owned()
        };
        let config = section("A configuration file", "\n\n");
        toml::from_str::<crate::config::Settings>(&config).unwrap();
        let import = section("An import file", "\u{0}");
        toml::from_str::<crate::import::ImportFile>(&import).unwrap();
    }
}
