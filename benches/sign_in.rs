//! What a sign-in by password costs in PostgreSQL, with a thousand accounts and with a million.
//!
//! The same sign-in runs on a small database, on a large one and in memory, in turns. The password hash is the fastest that
//! there is, so that the database shows; what memory takes is what is not the database, and is taken off both. Accounts are
//! picked at random, so that the large one finds no row warm.
//!
//! It needs a server at `CIAM_TEST_POSTGRES_URL`, and says so when there is none. The rows are made by the server itself from
//! one account that signed up for real ([`Fixture`]); `CIAM_BENCH_ACCOUNTS` sets how many.

use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ciam_adapters::postgres::{PostgresDatabase, PostgresOptions};
use ciam_benches::contest::is_measuring;
use ciam_benches::fixtures::Failure;
use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
use ciam_core::clock::SystemClock;
use ciam_core::entropy::SystemEntropy;
use ciam_core::http::{BrowserId, Peer};
use ciam_core::id::{AccountId, TenantId};
use ciam_core::journey::{Answer, Journeys, Requirements, Step, Visitor};
use ciam_core::memory::{self, MemoryEphemeralDatabase};
use ciam_core::password::{Argon2idHasher, PasswordFactor};
use ciam_core::ports::Ports;
use ciam_core::secret::{Secret, SecretBytes};
use ciam_core::session::SessionManager;
use ciam_core::vault::{KeyEncryptionKey, LocalKeyVault};
use sqlx::{AssertSqlSafe, PgPool};

const SMALL: u32 = 1_000;
const LARGE: u32 = 1_000_000;
const PASSWORD: &str = "quiet-river-lantern-42";
const TEMPLATE: &str = "template@example.com";
/// What the database's part may grow by at most.
const LIMIT: f64 = 1.5;

fn main() -> Result<(), Failure> {
    let Ok(url) = std::env::var("CIAM_TEST_POSTGRES_URL") else {
        if std::env::var_os("CIAM_REQUIRE_ALL").is_some() {
            return Err("CIAM_TEST_POSTGRES_URL is not set, and CIAM_REQUIRE_ALL is".into());
        }
        std::io::stderr().write_all(b"\nSKIPPED: CIAM_TEST_POSTGRES_URL is not set\n")?;
        return Ok(());
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(&url))
}

async fn run(url: &str) -> Result<(), Failure> {
    let (small, large, rounds) = if is_measuring() { (SMALL, large_number(), 600) } else { (50, 200, 3) };
    let begin = Instant::now();
    let small = Fixture::new(url, "ciam_bench_small", small).await?;
    let large = Fixture::new(url, "ciam_bench_large", large).await?;
    if is_measuring() {
        println!("made {} and {} accounts in {:.0?}", small.accounts, large.accounts, begin.elapsed());
    }
    let memory = World::new(memory::ports()).await?;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds + rounds / 10 {
        let turns = [
            memory.sign_in(TEMPLATE, round).await?,
            small.sign_in(round).await?,
            large.sign_in(round).await?,
        ];
        // The first tenth warms up: connections, plans, caches.
        if round >= rounds / 10 {
            times.iter_mut().zip(turns).for_each(|(times, time)| times.push(time));
        }
    }
    let growth = if is_measuring() { report(&small, &large, times) } else { 1.0 };
    small.drop().await?;
    large.drop().await?;
    if growth < LIMIT { Ok(()) } else { Err(format!("{growth:.2} is not below {LIMIT}").into()) }
}

/// Prints the times; says by what the database's part grows.
fn report(small: &Fixture, large: &Fixture, times: [Vec<Duration>; 3]) -> f64 {
    let [memory, on_small, on_large] = times.map(Times::of);
    println!("\n{:<44} {:>10} {:>10} {:>10}", "sign-in by password", "median", "p95", "database");
    let line = |name: String, times: &Times| {
        let database = times.median.saturating_sub(memory.median);
        println!("  {name:<42} {:>10.2?} {:>10.2?} {database:>10.2?}", times.median, times.p95);
    };
    line("in memory".to_owned(), &memory);
    line(format!("PostgreSQL, {} accounts", small.accounts), &on_small);
    line(format!("PostgreSQL, {} accounts", large.accounts), &on_large);
    let part = |times: &Times| times.median.saturating_sub(memory.median).as_secs_f64();
    let growth = part(&on_large) / part(&on_small).max(1e-9);
    println!("  the database's part grows by {growth:.2}, and may by less than {LIMIT}");
    growth
}

fn large_number() -> u32 {
    std::env::var("CIAM_BENCH_ACCOUNTS").ok().and_then(|number| number.parse().ok()).unwrap_or(LARGE)
}

struct Times {
    median: Duration,
    p95: Duration,
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
        Self { median: at(50), p95: at(95) }
    }
}

/// People who sign in.
struct World {
    ports: Ports,
    journeys: Journeys,
}

impl World {
    /// A world with one account: the template of all others.
    async fn new(ports: Ports) -> Result<Self, Failure> {
        let hasher = Arc::new(Argon2idHasher::dangerous_fast()?);
        let password = PasswordFactor::new(&ports, hasher).await?;
        let hash = password.accept(&ports, &Secret::new(PASSWORD.to_owned()), &[]).await?;
        let email = Identifier::verified(IdentifierKey::email(TEMPLATE)?, ports.now());
        NewAccount::new(email).with_password(hash).create(&ports).await?;
        let journeys = Journeys::new(ports.clone(), SessionManager::new(ports.clone()), password);
        Ok(Self { ports, journeys })
    }

    /// From the answer of the form to the session.
    async fn sign_in(&self, email: &str, round: u32) -> Result<Duration, Failure> {
        let browser = BrowserId::generate(self.ports.entropy())?;
        let [_, b, c, d] = round.to_be_bytes();
        let visitor = Visitor::new(&browser, Peer::new(IpAddr::from([10, b, c, d])));
        let (handle, _) = self.journeys.begin_sign_in(&visitor, Requirements::default()).await?;
        let answer = Answer::credentials(email, PASSWORD);
        let begin = Instant::now();
        let step = self.journeys.answer(&handle, &visitor, answer).await?;
        let time = begin.elapsed();
        match step {
            Step::Done(_) => Ok(time),
            other => Err(format!("{email} cannot sign in: {other:?}").into()),
        }
    }
}

/// A database with so many accounts, each with a password and a session.
struct Fixture {
    database: PostgresDatabase,
    schema: &'static str,
    accounts: u32,
    world: World,
}

impl Fixture {
    async fn new(url: &str, schema: &'static str, accounts: u32) -> Result<Self, Failure> {
        let options = PostgresOptions::default()
            .with_schema(schema)
            .with_max_connections(2)
            .with_statement_timeout(Duration::from_secs(3_600));
        let database = PostgresDatabase::connect(url, options.clone()).await?;
        // What a run before left when it was cut short.
        execute(database.pool(), format!("DROP SCHEMA {schema} CASCADE")).await?;
        database.close().await;
        let database = PostgresDatabase::connect(url, options).await?;
        let clock = Arc::new(SystemClock::new());
        let tenant = TenantId::generate(&*clock, &SystemEntropy::new())?;
        let key = KeyEncryptionKey::new(SecretBytes::new((0..32).collect()))?;
        let ports = Ports::new(
            Arc::new(database.tenant(tenant, clock.clone())),
            Arc::new(MemoryEphemeralDatabase::new().tenant(tenant, clock)),
            Arc::new(LocalKeyVault::new(tenant, key)),
        );
        let world = World::new(ports).await?;
        world.sign_in(TEMPLATE, 0).await?;
        let email = IdentifierKey::email(TEMPLATE)?;
        let template = world.ports.store().account_by_identifier(&email).await?.ok_or("no template")?;
        multiply(database.pool(), template.value.id, accounts).await?;
        Ok(Self { database, schema, accounts, world })
    }

    async fn sign_in(&self, round: u32) -> Result<Duration, Failure> {
        // A prime far from any power of two goes all over the table.
        let account = round.wrapping_mul(2_654_435_761) % self.accounts + 1;
        self.world.sign_in(&format!("{account}@example.com"), round).await
    }

    async fn drop(self) -> Result<(), Failure> {
        execute(self.database.pool(), format!("DROP SCHEMA {} CASCADE", self.schema)).await?;
        self.database.close().await;
        Ok(())
    }
}

/// Makes many of one: the rows of the template with other ids and another address.
async fn multiply(pool: &PgPool, template: AccountId, accounts: u32) -> Result<(), Failure> {
    // Ids that grow, as real ones do.
    let id = |kind: u8| format!("('0193{kind:04}-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid");
    let (account, credential, session) = (id(1), id(2), id(3));
    let rows = format!("generate_series(1, {accounts}) AS n");
    let of = |document: &str| format!("replace({document}, '{template}', {account}::text)");
    for statement in [
        format!(
            "INSERT INTO accounts SELECT tenant, {account}, 1, \
             replace({}, '{TEMPLATE}', n || '@example.com') FROM accounts, {rows} WHERE id = '{template}'",
            of("document")
        ),
        format!(
            "INSERT INTO identifiers SELECT tenant, kind, n || '@example.com', {account} FROM identifiers, {rows} \
             WHERE account = '{template}'"
        ),
        format!(
            "INSERT INTO credentials SELECT tenant, {credential}, {account}, counter, 1, \
             replace({}, id::text, {credential}::text) FROM credentials, {rows} WHERE account = '{template}'",
            of("document")
        ),
        format!(
            "INSERT INTO sessions SELECT tenant, {session}, {account}, expires_at + n, 1, \
             replace({}, id::text, {session}::text) FROM sessions, {rows} WHERE account = '{template}'",
            of("document")
        ),
        "ANALYZE accounts, identifiers, credentials, sessions".to_owned(),
    ] {
        execute(pool, statement).await?;
    }
    Ok(())
}

async fn execute(pool: &PgPool, sql: String) -> Result<(), Failure> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await?;
    Ok(())
}
