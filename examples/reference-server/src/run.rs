//! Carries out a command.

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::{
    accounts_import, audit,
    cli::{self, AuditAction, Command, DeadLetterAction, Flags, ImportAccounts, ImportCommand, KeysAction},
    config::{Config, Log},
    dead_letters, greeting, initial_access, invite, keys, privacy, serve,
    services::Services,
    storage::Storage,
    support,
};

/// Carries out a command, and says on the terminal what is wrong when it cannot.
pub fn run(command: Command, flags: &Flags) -> ExitCode {
    let misspelt = cli::misspelt_variables(std::env::vars_os().map(|(name, _)| name));
    for (variable, meant) in &misspelt {
        eprintln!("error: {variable} is not a setting; did you mean {meant}?");
    }
    if !misspelt.is_empty() {
        return ExitCode::from(USAGE);
    }
    let config = match Config::load(flags) {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems {
                eprintln!("error: {problem}");
            }
            return ExitCode::from(USAGE);
        }
    };
    match command {
        Command::CheckConfig => {
            print!("{}", greeting::summary(&config));
            ExitCode::SUCCESS
        }
        Command::Serve => ended(serve(config)),
        Command::Audit { action } => ended(audit(&config, &action)),
        Command::Erase { account, reason } => ended(erase(&config, &account, reason)),
        Command::ResetFactors { account, reason } => ended(support(&config, async |services| {
            support::reset_factors(services, &account, &reason).await
        })),
        Command::Demand { account, demanded } => {
            ended(support(&config, async |services| support::demand(services, &account, &demanded).await))
        }
        Command::Invite { email, name, language } => {
            ended(invite(&config, &email, name.as_deref(), &language))
        }
        Command::InitialAccess { name, uses, days } => ended(initial_access(&config, &name, uses, days)),
        Command::Keys { action } => ended(signing_keys(&config, &action)),
        Command::DeadLetters { action } => ended(dead_letters(&config, &action)),
        Command::Import(ImportCommand::Accounts(what)) => ended(import(&config, &what)),
    }
}

fn ended(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn audit(config: &Config, action: &AuditAction) -> anyhow::Result<()> {
    with_storage(config, async |storage| {
        audit::run(&storage.ports, config, action, &mut std::io::stdout()).await
    })
}

fn erase(config: &Config, account: &str, reason: String) -> anyhow::Result<()> {
    with_storage(config, async |storage| privacy::erase(&storage.ports, account, reason).await)
}

/// Does something for a person, and says what.
fn support(
    config: &Config,
    work: impl AsyncFnOnce(&Services) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let said = with_storage(config, async |storage| {
        let services = Services::new(config, storage.ports.clone()).await?;
        work(&services).await
    })?;
    println!("{said}");
    Ok(())
}

fn invite(config: &Config, email: &str, name: Option<&str>, language: &str) -> anyhow::Result<()> {
    let said =
        with_storage(config, async |storage| invite::invite(&storage.ports, email, name, language).await)?;
    println!("{said}");
    Ok(())
}

fn initial_access(config: &Config, name: &str, uses: u32, days: u32) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let token = runtime.block_on(async {
        let storage = Storage::open(config).await?;
        let services = Services::new(config, storage.ports.clone()).await?;
        let outcome = initial_access::issue(&services.server, name, uses, days).await;
        storage.database.close().await;
        storage.keys.close().await;
        outcome
    })?;
    println!("{token}");
    Ok(())
}

fn signing_keys(config: &Config, action: &KeysAction) -> anyhow::Result<()> {
    with_storage(config, async |storage| {
        keys::run(&storage.ports, config.keys, action, &mut std::io::stdout()).await
    })
}

fn dead_letters(config: &Config, action: &DeadLetterAction) -> anyhow::Result<()> {
    with_storage(config, async |storage| {
        dead_letters::run(&storage.ports, action, &mut std::io::stdout()).await
    })
}

/// Opens the storage for one piece of work, and closes it whatever comes of that.
fn with_storage<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Storage) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let storage = Storage::open(config).await?;
        let outcome = work(&storage).await;
        storage.database.close().await;
        storage.keys.close().await;
        outcome
    })
}

fn import(config: &Config, what: &ImportAccounts) -> anyhow::Result<()> {
    log(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let summary = runtime.block_on(accounts_import::import(config, what))?;
    print!("{summary}");
    Ok(())
}

fn serve(config: Config) -> anyhow::Result<()> {
    log(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve::serve(config))
}

/// Logs go to the standard error, so that what the server says to people stays apart.
fn log(log: &Log) -> anyhow::Result<()> {
    let filter: EnvFilter = log.filter.parse()?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = if log.json { subscriber.json().try_init() } else { subscriber.try_init() };
    set.map_err(|error| anyhow::anyhow!(error))
}

/// The exit status for what the person who started the program can put right.
const USAGE: u8 = 2;
