//! The command line.

mod actions;
mod flags;
mod help;
mod variables;

use clap::{Parser, Subcommand};

pub use actions::{
    AccountFormat, AuditAction, DeadLetterAction, Demanded, ImportAccounts, ImportCommand, KeysAction,
};
pub use flags::Flags;
use help::MORE;
pub use variables::{misspelt_variables, variables};

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
    /// List, rotate and withdraw the keys that tokens are signed with, while the server runs.
    Keys {
        /// What to do with them.
        #[command(subcommand)]
        action: KeysAction,
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

#[cfg(test)]
mod tests;
