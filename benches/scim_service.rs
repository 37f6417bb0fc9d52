//! What the SCIM service costs at a size: a member of a large group, a name among many, a bulk request.
//!
//!     cargo bench -p ciam-benches --bench scim_service            # SQLite: groups of 100 and 100,000, a bulk of 1,000
//!     CIAM_BENCH_POSTGRES=postgres://… cargo bench -p ciam-benches --bench scim_service
//!                                                                 # and PostgreSQL: 1,000 and 1,000,000 users, of which the
//!                                                                 # database makes the rows itself: some minutes and 5 GB
//!     cargo bench -p ciam-benches --bench scim_service -- --test  # small, to see that it runs
//!
//! `CIAM_BENCH_MEMBERS` and `CIAM_BENCH_USERS` make the large sizes others than these.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ciam_adapters::postgres::{PostgresDatabase, PostgresOptions};
use ciam_adapters::sqlite::{SqliteDatabase, SqliteOptions};
use ciam_benches::contest::{is_measuring, median};
use ciam_benches::fixtures::Failure;
use ciam_benches::gates::{Bound, Gates};
use ciam_core::actor::Actor;
use ciam_core::clock::SystemClock;
use ciam_core::id::{OrganizationId, TenantId};
use ciam_core::memory::MemoryEphemeralDatabase;
use ciam_core::organization::{Organizations, Slug};
use ciam_core::password::{Argon2idHasher, PasswordFactor};
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::session::SessionManager;
use ciam_core::store::Store;
use ciam_core::vault::{KeyEncryptionKey, LocalKeyVault};
use ciam_scim::connection::Connection;
use ciam_scim::schema::{GROUP, USER};
use ciam_scim::service::{Caller, ScimService};
use http::Request;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

const BASE: &str = "https://id.example/scim/v2";

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut gates = Gates::new();
    runtime.block_on(on_sqlite(&mut gates))?;
    if let Ok(url) = std::env::var("CIAM_BENCH_POSTGRES") {
        runtime.block_on(on_postgres(&url, &mut gates))?;
    }
    if is_measuring() {
        println!("{gates}");
    }
    Ok(())
}

/// How large it gets, which a variable may say, and how often each thing is done.
fn sizes(variable: &str, large: usize) -> (usize, usize, usize) {
    let wanted = std::env::var(variable).ok().and_then(|it| it.parse().ok());
    if is_measuring() { (100, wanted.unwrap_or(large), 201) } else { (3, 6, 2) }
}

async fn on_sqlite(gates: &mut Gates) -> Result<(), Failure> {
    let file = std::env::temp_dir().join(format!("ciam-bench-scim-{}.db", std::process::id()));
    let database = SqliteDatabase::open(&file, SqliteOptions::default()).await?;
    let clock = Arc::new(SystemClock::new());
    let world = World::new(Arc::new(database.tenant(tenant()?, clock))).await?;
    let (small, large, times) = sizes("CIAM_BENCH_MEMBERS", 100_000);
    let bulk = if is_measuring() { 1_000 } else { 3 };

    let mut took = Vec::new();
    for round in 0..if is_measuring() { 5 } else { 1 } {
        let operations = users(&format!("bulk{round}-"), 0, bulk);
        let begin = Instant::now();
        world.bulk(operations).await?;
        took.push(begin.elapsed().as_secs_f64());
    }
    println!("bulk of {bulk} users on SQLite: {:.3} s", median(took.clone()));
    gates.add(format!("bulk of {bulk} creates on SQLite, s"), median(took), Bound::AtMost(1.0));

    let extra = world.users("late-", times).await?;
    let (mut medians, mut group) = (Vec::new(), String::new());
    let mut there = 0;
    for size in [small, large] {
        if group.is_empty() {
            group = world.group("Everybody").await?;
        }
        let more = world.users(&format!("member{size}-"), size - there).await?;
        for piece in more.chunks(5_000) {
            world.members(&group, "add", piece).await?;
        }
        there = size;
        let mut times = Vec::new();
        for id in &extra {
            let begin = Instant::now();
            world.members(&group, "add", std::slice::from_ref(id)).await?;
            times.push(begin.elapsed().as_secs_f64() * 1e3);
            world.remove(&group, id).await?;
        }
        println!("add a member at {size} members: {:.3} ms", median(times.clone()));
        medians.push(median(times));
    }
    let ratio = medians.last().unwrap_or(&f64::NAN) / medians.first().unwrap_or(&f64::NAN);
    gates.add(format!("add a member at {large} members / at {small}"), ratio, Bound::AtMost(1.5));

    let mut times = Vec::new();
    for _ in 0..extra.len() {
        let begin = Instant::now();
        world.ask("GET", &format!("/Groups/{group}?excludedAttributes=members"), Value::Null).await?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    gates.add(format!("the group of {large} without members, ms"), median(times), Bound::AtMost(1.0));
    drop(world);
    for ending in ["", "-wal", "-shm"] {
        let _left = std::fs::remove_file(PathBuf::from(format!("{}{ending}", file.display())));
    }
    Ok(())
}

async fn on_postgres(url: &str, gates: &mut Gates) -> Result<(), Failure> {
    let (_, large, times) = sizes("CIAM_BENCH_USERS", 1_000_000);
    let sizes = [large.min(1_000), large];
    // Each in a schema of its own: nothing of the large one is in the indexes of the small one.
    let few = Many::new(url, "ciam_bench_scim_few", large.min(1_000)).await?;
    let many = Many::new(url, "ciam_bench_scim_many", large).await?;
    let mut took = [Vec::new(), Vec::new()];
    // By turns, so that whatever the machine does happens to both. The first tenth warms up.
    for round in 0..times + times / 10 {
        for (it, took) in [&few, &many].into_iter().zip(&mut took) {
            let time = it.look_up(round).await?;
            if round >= times / 10 {
                took.push(time);
            }
        }
    }
    let medians: Vec<f64> = took.into_iter().map(median).collect();
    for (size, median) in sizes.iter().zip(&medians) {
        println!("userName eq at {size} users on PostgreSQL: {median:.3} ms");
    }
    let ratio = medians.last().unwrap_or(&f64::NAN) / medians.first().unwrap_or(&f64::NAN);
    gates.add(format!("userName eq at {large} users / at {}", large.min(1_000)), ratio, Bound::AtMost(1.5));
    let begin = Instant::now();
    let page =
        many.world.ask("GET", &format!("/Users?startIndex={}&count=100", large / 2), Value::Null).await?;
    if page.get("totalResults") != Some(&json!(large)) {
        return Err(format!("a page of {large}: {:?}", page.get("totalResults")).into());
    }
    println!(
        "a page of 100 in the middle of {large}, counted: {:.0} ms",
        begin.elapsed().as_secs_f64() * 1e3
    );
    few.drop().await?;
    many.drop().await
}

/// A database with an organization of so many users.
struct Many {
    database: PostgresDatabase,
    schema: &'static str,
    users: usize,
    world: World,
}

impl Many {
    async fn new(url: &str, schema: &'static str, users: usize) -> Result<Self, Failure> {
        let patience = Duration::from_secs(3_600);
        let options = PostgresOptions::default().with_schema(schema).with_max_connections(2);
        let options = options.with_statement_timeout(patience);
        let database = PostgresDatabase::connect(url, options.clone()).await?;
        // What a run before left when it was cut short.
        execute(database.pool(), format!("DROP SCHEMA {schema} CASCADE")).await?;
        database.close().await;
        let database = PostgresDatabase::connect(url, options).await?;
        let tenant = tenant()?;
        let world = World::new(Arc::new(database.tenant(tenant, Arc::new(SystemClock::new())))).await?;
        let made = world.bulk(vec![user(TEMPLATE, 0)]).await?;
        let begin = Instant::now();
        multiply(database.pool(), made.first().ok_or("no template")?, users).await?;
        println!("{users} users on PostgreSQL, made in {:?}", begin.elapsed());
        Ok(Self { database, schema, users, world })
    }

    /// How long it takes to find somebody by name, all over the place.
    async fn look_up(&self, round: usize) -> Result<f64, Failure> {
        let name = format!("person{}@corp.example", round * 7_919 % (self.users - 1) + 1);
        let path = format!("/Users?filter=userName%20eq%20%22{name}%22");
        let begin = Instant::now();
        let found = self.world.ask("GET", &path, Value::Null).await?;
        let took = begin.elapsed().as_secs_f64() * 1e3;
        if found.get("totalResults") == Some(&json!(1)) {
            Ok(took)
        } else {
            Err(format!("{name}: {found}").into())
        }
    }

    async fn drop(self) -> Result<(), Failure> {
        execute(self.database.pool(), format!("DROP SCHEMA {} CASCADE", self.schema)).await?;
        self.database.close().await;
        Ok(())
    }
}

/// The user that all others are made of.
const TEMPLATE: &str = "person00@corp.example";

/// Makes many of one: the rows of the template with other ids and another name. The template is one of them.
async fn multiply(pool: &PgPool, template: &str, users: usize) -> Result<(), Failure> {
    let account: String = sqlx::query_scalar("SELECT id::text FROM accounts").fetch_one(pool).await?;
    // Ids that grow, as real ones do.
    let id = |kind: u8| format!("('0193{kind:04}-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))");
    let (user, owner) = (id(1), id(2));
    let name = "('person' || n || '@corp.example')";
    let rows = format!("generate_series(1, {}) AS n", users - 1);
    // A name is looked up by its beginnings as well.
    let of = |text: &str| {
        format!(
            "replace(replace(replace(replace({text}, '^person00', '^' || left({name}, 8)), '{TEMPLATE}', {name}), \
             '{template}', {user}), '{account}', {owner})"
        )
    };
    for statement in [
        format!(
            "INSERT INTO accounts SELECT tenant, {owner}::uuid, version, {} FROM accounts, {rows}",
            of("document")
        ),
        format!(
            "INSERT INTO identifiers SELECT tenant, kind, {}, {owner}::uuid FROM identifiers, {rows}",
            of("value")
        ),
        format!(
            "INSERT INTO memberships SELECT tenant, organization, {owner}::uuid, version, {} FROM memberships, {rows}",
            of("document")
        ),
        format!(
            "INSERT INTO record_indexes SELECT tenant, kind, name, {}, {}, is_unique FROM record_indexes, {rows} \
             WHERE kind IN ('scim.resource', 'scim.owner')",
            of("value"),
            of("key")
        ),
        format!(
            "INSERT INTO records SELECT tenant, kind, {}, schema, counter, expires_at, version, {}, {} \
             FROM records, {rows} WHERE kind IN ('scim.resource', 'scim.owner')",
            of("key"),
            of("index_values"),
            of("body")
        ),
        "ANALYZE accounts, identifiers, memberships, records, record_indexes".to_owned(),
    ] {
        execute(pool, statement).await?;
    }
    Ok(())
}

async fn execute(pool: &PgPool, sql: String) -> Result<(), Failure> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await?;
    Ok(())
}

fn tenant() -> Result<TenantId, Failure> {
    Ok("01930000-0000-7000-8000-000000000001".parse()?)
}

fn users(name: &str, from: usize, to: usize) -> Vec<Value> {
    (from..to).map(|n| user(&format!("{name}{n}@corp.example"), n)).collect()
}

fn user(name: &str, n: usize) -> Value {
    let user = json!({ "schemas": [USER], "userName": name, "displayName": "Somebody", "active": true });
    json!({ "method": "POST", "path": "/Users", "bulkId": n.to_string(), "data": user })
}

/// A service with one organization.
struct World {
    service: ScimService,
    connection: Connection,
}

impl World {
    async fn new(store: Arc<dyn Store>) -> Result<Self, Failure> {
        let tenant = store.tenant();
        let clock = Arc::new(SystemClock::new());
        let vault = LocalKeyVault::new(tenant, KeyEncryptionKey::new(SecretBytes::new((0..32).collect()))?);
        let ephemeral = MemoryEphemeralDatabase::new().tenant(tenant, clock);
        let ports = Ports::new(store, Arc::new(ephemeral), Arc::new(vault));
        let password = PasswordFactor::new(&ports, Arc::new(Argon2idHasher::new()?)).await?;
        let organizations = Organizations::new(ports.clone());
        let organization = match organizations.named("bench").await? {
            Some(known) => known,
            None => {
                organizations.create(&Actor::system("bench"), Slug::new("bench")?, "Bench", None).await?.id
            }
        };
        Ok(Self::of(ports, organizations, password, organization))
    }

    fn of(
        ports: Ports,
        organizations: Organizations,
        password: PasswordFactor,
        organization: OrganizationId,
    ) -> Self {
        let service = ScimService::new(ports.clone(), organizations, SessionManager::new(ports), password);
        Self { service, connection: Connection::new(organization) }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Result<Value, Failure> {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = Request::builder().method(method).uri(format!("{BASE}{path}")).body(body)?;
        let response = self.service.handle(&Caller::new(&self.connection, BASE), request).await;
        if !response.status().is_success() {
            return Err(format!("{method} {path}: {} {:?}", response.status(), response.body()).into());
        }
        Ok(serde_json::from_slice(response.body()).unwrap_or_default())
    }

    /// The locations of what was made.
    async fn bulk(&self, operations: Vec<Value>) -> Result<Vec<String>, Failure> {
        let count = operations.len();
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations });
        let answer = self.ask("POST", "/Bulk", body).await?;
        let outcomes = answer.get("Operations").and_then(Value::as_array).ok_or("no outcomes")?;
        let location = |it: &Value| {
            it.get("location").and_then(Value::as_str).and_then(|it| it.rsplit('/').next()).map(str::to_owned)
        };
        let ids: Vec<String> = outcomes.iter().filter_map(location).collect();
        if ids.len() == count { Ok(ids) } else { Err(format!("{} of {count} were made", ids.len()).into()) }
    }

    async fn users(&self, name: &str, count: usize) -> Result<Vec<String>, Failure> {
        let mut ids = Vec::with_capacity(count);
        let mut at = 0;
        while at < count {
            let to = (at + 1_000).min(count);
            ids.extend(self.bulk(users(name, at, to)).await?);
            at = to;
        }
        Ok(ids)
    }

    async fn group(&self, name: &str) -> Result<String, Failure> {
        let made = self.ask("POST", "/Groups", json!({ "schemas": [GROUP], "displayName": name })).await?;
        Ok(made.get("id").and_then(Value::as_str).ok_or("no id")?.to_owned())
    }

    async fn members(&self, group: &str, op: &str, ids: &[String]) -> Result<(), Failure> {
        let members: Vec<Value> = ids.iter().map(|id| json!({ "value": id })).collect();
        self.change(group, json!([{ "op": op, "path": "members", "value": members }])).await
    }

    async fn remove(&self, group: &str, id: &str) -> Result<(), Failure> {
        self.change(group, json!([{ "op": "remove", "path": format!("members[value eq \"{id}\"]") }])).await
    }

    async fn change(&self, group: &str, operations: Value) -> Result<(), Failure> {
        let body =
            json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        self.ask("PATCH", &format!("/Groups/{group}"), body).await?;
        Ok(())
    }
}
