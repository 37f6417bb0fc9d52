//! What the SCIM service costs at a size: a member of a large group, a name among many, a bulk request.
//!
//!     cargo bench -p ciam-benches --bench scim_service            # SQLite: groups of 100 and 100,000, a bulk of 1,000
//!     CIAM_BENCH_POSTGRES=postgres://… cargo bench -p ciam-benches --bench scim_service
//!                                                                 # and PostgreSQL: 1,000 and 1,000,000 users; it takes an hour to
//!                                                                 # make them, once: CIAM_BENCH_SCHEMA names the schema that is kept
//!     cargo bench -p ciam-benches --bench scim_service -- --test  # small, to see that it runs
//!
//! `CIAM_BENCH_USERS` makes the large sizes others than these.

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

/// How large it gets, and how often each thing is done.
fn sizes(large: usize) -> (usize, usize, usize) {
    let wanted = std::env::var("CIAM_BENCH_USERS").ok().and_then(|it| it.parse().ok());
    if is_measuring() { (100, wanted.unwrap_or(large), 201) } else { (3, 6, 2) }
}

async fn on_sqlite(gates: &mut Gates) -> Result<(), Failure> {
    let file = std::env::temp_dir().join(format!("ciam-bench-scim-{}.db", std::process::id()));
    let database = SqliteDatabase::open(&file, SqliteOptions::default()).await?;
    let clock = Arc::new(SystemClock::new());
    let world = World::new(Arc::new(database.tenant(tenant()?, clock))).await?;
    let (small, large, times) = sizes(100_000);
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
    let kept = std::env::var("CIAM_BENCH_SCHEMA").unwrap_or_else(|_| "ciam_bench_scim".to_owned());
    let options = PostgresOptions::default().with_schema(&kept).with_max_connections(4);
    let database = PostgresDatabase::connect(url, options).await?;
    let (_, large, times) = sizes(1_000_000);
    let small = large.min(1_000);
    let mut medians = Vec::new();
    // Each size is a tenant of its own in one database, as they would be.
    for size in [small, large] {
        let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(u128::try_from(size)?));
        let world = World::new(Arc::new(database.tenant(tenant, Arc::new(SystemClock::new())))).await?;
        let there = world.count().await?;
        world.users_from("person", there, size).await?;
        let mut took = Vec::new();
        for n in 0..times {
            // All over the place.
            let name = format!("person{}@corp.example", n * 7_919 % size);
            let begin = Instant::now();
            let found =
                world.ask("GET", &format!("/Users?filter=userName%20eq%20%22{name}%22"), Value::Null).await?;
            took.push(begin.elapsed().as_secs_f64() * 1e3);
            if found.get("totalResults") != Some(&json!(1)) {
                return Err(format!("{name}: {found}").into());
            }
        }
        println!("userName eq at {size} users: {:.3} ms", median(took.clone()));
        medians.push(median(took));
    }
    let ratio = medians.last().unwrap_or(&f64::NAN) / medians.first().unwrap_or(&f64::NAN);
    gates.add(format!("userName eq at {large} users / at {small}"), ratio, Bound::AtMost(1.5));
    Ok(())
}

fn tenant() -> Result<TenantId, Failure> {
    Ok("01930000-0000-7000-8000-000000000001".parse()?)
}

fn users(name: &str, from: usize, to: usize) -> Vec<Value> {
    let one = |n: usize| {
        let user = json!({ "schemas": [USER], "userName": format!("{name}{n}@corp.example"), "displayName": "Somebody", "active": true });
        json!({ "method": "POST", "path": "/Users", "bulkId": n.to_string(), "data": user })
    };
    (from..to).map(one).collect()
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

    async fn users_from(&self, name: &str, from: usize, to: usize) -> Result<(), Failure> {
        let (begin, mut at) = (Instant::now(), from);
        while at < to {
            let next = (at + 1_000).min(to);
            self.bulk(users(name, at, next)).await?;
            at = next;
            if at % 50_000 == 0 {
                println!("{at} users, {:?}", Duration::from_secs(begin.elapsed().as_secs()));
            }
        }
        Ok(())
    }

    async fn count(&self) -> Result<usize, Failure> {
        // As many as there are names: they were made in order.
        let (mut low, mut high) = (0_usize, 1 << 24);
        while low < high {
            let middle = low.midpoint(high);
            let path = format!("/Users?filter=userName%20eq%20%22person{middle}%40corp.example%22");
            let found = self.ask("GET", &path, Value::Null).await?;
            if found.get("totalResults") == Some(&json!(1)) { low = middle + 1 } else { high = middle }
        }
        Ok(low)
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
