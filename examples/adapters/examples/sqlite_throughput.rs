//! Measures the SQLite adapter: sign-up-shaped batches, single-use steps and point reads, alone and by many at once.
//!
//! `cargo run --release -p ciam-adapters --example sqlite_throughput [directory]`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ciam_adapters::sqlite::{SqliteDatabase, SqliteEphemeral, SqliteOptions, SqliteStore};
use ciam_core::account::{Account, Identifier, IdentifierKey};
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::clock::{Clock, SystemClock};
use ciam_core::credential::Credential;
use ciam_core::entropy::SystemEntropy;
use ciam_core::ephemeral::{Ephemeral, EphemeralKey};
use ciam_core::event::{Event, EventType};
use ciam_core::id::{AccountId, CredentialId, SessionId, TenantId};
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::secret::TokenDigest;
use ciam_core::session::Session;
use ciam_core::store::{Batch, EntityRef, Store as _, Write};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome {
    let directory = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    for group in [1, 64] {
        let path = directory.join(format!("ciam-throughput-{}-{group}.db", std::process::id()));
        let database = SqliteDatabase::open(&path, SqliteOptions::default().with_group(group)).await?;
        for callers in [1, 8, 64] {
            measure(&database, group, callers).await?;
        }
        database.close().await;
        for suffix in ["", "-wal", "-shm"] {
            let mut file = path.clone().into_os_string();
            file.push(suffix);
            let _absent = std::fs::remove_file(file);
        }
    }
    Ok(())
}

async fn measure(database: &SqliteDatabase, group: usize, callers: usize) -> Outcome {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let tenant = TenantId::generate(&*clock, &SystemEntropy::new())?;
    let store = database.tenant(tenant, Arc::clone(&clock));
    let ephemeral = database.ephemeral(tenant, clock);
    let rates = [
        ("sign-up batches", rate(callers, |n| sign_up(store.clone(), format!("{callers}-{n}"))).await?),
        ("put and take", rate(callers, |n| put_and_take(ephemeral.clone(), format!("{callers}-{n}"))).await?),
        ("increments", rate(callers, |_| increment(ephemeral.clone())).await?),
        ("reads by identifier", rate(callers, |_| read(store.clone())).await?),
    ];
    for (what, per_second) in rates {
        writeln(&format!("group {group:>2}, {callers:>2} callers: {per_second:>9.0} {what}/s"));
    }
    Ok(())
}

/// How many times a second the work is done when this many callers do it for two seconds.
async fn rate<F, W>(callers: usize, work: F) -> Result<f64, Box<dyn std::error::Error + Send + Sync>>
where
    F: Fn(u64) -> W,
    W: Future<Output = Outcome> + Send + 'static,
{
    let begun = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    let (mut next, mut done) = (0, 0_u32);
    while begun.elapsed() < Duration::from_secs(2) {
        while running.len() < callers {
            running.spawn(work(next));
            next += 1;
        }
        if let Some(outcome) = running.join_next().await {
            outcome??;
            done += 1;
        }
    }
    while let Some(outcome) = running.join_next().await {
        outcome??;
        done += 1;
    }
    Ok(f64::from(done) / begun.elapsed().as_secs_f64())
}

/// What a registration commits: the account with its address, a password, a session, and an event.
async fn sign_up(store: SqliteStore, name: String) -> Outcome {
    let (clock, entropy) = (SystemClock::new(), SystemEntropy::new());
    let now = clock.now();
    let key = IdentifierKey::email(&format!("{name}@example.com"))?;
    let mut account = Account::new(AccountId::generate(&clock, &entropy)?, now);
    account.identifiers.push(Identifier::unverified(key.clone()));
    account.profile.set("name", "Ada Lovelace")?;
    let phc =
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI";
    let data = serde_json::json!({ "phc": phc });
    let password =
        Credential::new(CredentialId::generate(&clock, &entropy)?, account.id, "password", data, now);
    let context = AuthenticationContext::new([Proof::new(Amr::PASSWORD, [FactorKind::Knowledge], now)]);
    let session = Session::new(
        SessionId::generate(&clock, &entropy)?,
        account.id,
        TokenDigest::of(&name),
        context,
        now,
        now + Duration::from_secs(86_400),
    );
    let event = Event::new(&event_ports(), EventType::ACCOUNT_REGISTERED, account.event_subject())?;
    let batch = Batch::new()
        .require_absent(EntityRef::Account(account.id))
        .require_absent(EntityRef::Identifier(key))
        .write(Write::PutAccount(account))
        .write(Write::PutCredential(password))
        .write(Write::PutSession(session))
        .event(event);
    if store.commit(batch).await?.is_applied() { Ok(()) } else { Err("the batch was not applied".into()) }
}

async fn put_and_take(ephemeral: SqliteEphemeral, name: String) -> Outcome {
    let key = EphemeralKey::new("bench.value", name);
    ephemeral.put(&key, vec![7; 300], time::Duration::minutes(1)).await?;
    if ephemeral.take(&key).await?.is_some() { Ok(()) } else { Err("the value is gone".into()) }
}

async fn increment(ephemeral: SqliteEphemeral) -> Outcome {
    ephemeral.increment(&EphemeralKey::new("bench.counter", "n"), time::Duration::minutes(1)).await?;
    Ok(())
}

async fn read(store: SqliteStore) -> Outcome {
    let found = store.account_by_identifier(&IdentifierKey::email("1-0@example.com")?).await?;
    let _missing_for_other_tenants = found;
    Ok(())
}

/// Events take their clock, entropy and tenant from ports; these are made once.
fn event_ports() -> Ports {
    static PORTS: std::sync::OnceLock<Ports> = std::sync::OnceLock::new();
    PORTS.get_or_init(memory::ports).clone()
}

#[expect(clippy::print_stdout, reason = "the report is what it is for")]
fn writeln(line: &str) {
    println!("{line}");
}
