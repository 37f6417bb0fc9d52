//! What commands are told.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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

/// What to do with the signing keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum KeysAction {
    /// List them, one in a line, as JSON: algorithm, name, state, and when the state changes.
    List,
    /// Make new keys: they are published now and sign later; the old ones stay published as long as what they signed is good.
    ///
    /// Without `--soon` a new key signs after a day, when every application has it. To do it twice makes no second key.
    Rotate {
        /// The new keys sign in some minutes, as soon as every node publishes them
        ///
        /// An application that keeps our keys and does not look again when it meets an unknown one refuses tokens until it does,
        /// for an hour at most.
        #[arg(long)]
        soon: bool,
        /// Only this algorithm, such as ES256 [default: every one]
        #[arg(long, value_name = "NAME")]
        algorithm: Option<String>,
    },
    /// Take a key out at once, because it may be in other hands. What it signed is worth nothing from then on.
    ///
    /// Nodes follow within a minute.
    Withdraw {
        /// Its name, as `list` prints it
        kid: String,
    },
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
