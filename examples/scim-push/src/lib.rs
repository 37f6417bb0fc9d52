//! Keeps a SCIM service provider in step with a file of people and groups.
//!
//! ```json
//! {
//!   "users": [{ "key": "1", "userName": "kim@corp.example", "displayName": "Kim" }],
//!   "groups": [{ "key": "ops", "displayName": "Ops", "members": ["1"] }]
//! }
//! ```

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use ciam_adapters::http_client::ReqwestHttpClient;
use ciam_adapters::key_file;
use ciam_adapters::sqlite::{SqliteDatabase, SqliteOptions};
use ciam_adapters::tokio_runtime::TokioRuntime;
use ciam_core::clock::SystemClock;
use ciam_core::entropy::SystemEntropy;
use ciam_core::id::TenantId;
use ciam_core::outbound::OutboundPolicy;
use ciam_core::ports::Ports;
use ciam_core::vault::{KeyEncryptionKey, LocalKeyVault};
use ciam_scim::client::{DesiredGroup, DesiredUser, Drift, DriftReport, ListSource, SyncReport};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The file of people and groups.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    users: Vec<Person>,
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    key: String,
    user_name: String,
    /// Every other attribute, as SCIM names it.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Group {
    key: String,
    display_name: String,
    #[serde(default)]
    members: Vec<String>,
}

impl People {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is not of the form.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        serde_json::from_str(&text).with_context(|| file.display().to_string())
    }

    /// What the service provider is to have.
    pub fn source(self) -> ListSource {
        let mut source = ListSource::new();
        for person in self.users {
            let user = DesiredUser::new(person.key, person.user_name);
            source =
                source.with_user(person.rest.into_iter().fold(user, |user, (name, it)| user.with(&name, it)));
        }
        for group in self.groups {
            source = source.with_group(DesiredGroup::new(group.key, group.display_name), group.members);
        }
        source
    }
}

/// Ports whose state, which is what was written at whom, is in a folder. Plain `http` is for this machine only.
///
/// # Errors
///
/// The folder cannot be used.
pub async fn ports(folder: &Path, target: &str) -> anyhow::Result<Ports> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let tenant: TenantId = "01930000-0000-7000-8000-000000000001".parse()?;
    let key = KeyEncryptionKey::new(key_file::load_or_create(folder.join("key"), &SystemEntropy::new())?)?;
    let database = SqliteDatabase::open(folder.join("state.db"), SqliteOptions::default()).await?;
    let clock = Arc::new(SystemClock::new());
    let store = Arc::new(database.tenant(tenant, clock.clone()));
    let ephemeral = Arc::new(database.ephemeral(tenant, clock));
    let mut policy = OutboundPolicy::default();
    // A page of a hundred people.
    policy.max_body = 8 << 20;
    let url = url::Url::parse(target).context("--url")?;
    if let (Some(host @ ("localhost" | "127.0.0.1")), Some(port)) =
        (url.host_str(), url.port_or_known_default())
    {
        policy = policy.dangerous_trust_host(host, port);
    }
    Ok(Ports::new(store, ephemeral, Arc::new(LocalKeyVault::new(tenant, key)))
        .with_runtime(Arc::new(TokioRuntime::for_this_machine()))
        .with_http_client(Arc::new(ReqwestHttpClient::new()?))
        .with_outbound_policy(policy))
}

/// What a run did, for people.
pub fn told(report: &SyncReport) -> String {
    let mut text = String::new();
    for (name, it) in [("users", &report.users), ("groups", &report.groups)] {
        let _ = writeln!(
            text,
            "{name}: {} created, {} adopted, {} updated, {} unchanged, {} switched off, {} deleted",
            it.created, it.adopted, it.updated, it.unchanged, it.deactivated, it.deleted
        );
    }
    let _ = writeln!(text, "members: {} added, {} removed", report.members_added, report.members_removed);
    for failure in &report.failed {
        let _ = writeln!(text, "failed: {}/{}: {}", failure.endpoint, failure.key, failure.error);
    }
    for held in &report.held {
        let _ = writeln!(
            text,
            "held: {} of {} in {} would leave, which is more than may; raise --max-leaving if it is right",
            held.leaving, held.of, held.endpoint
        );
    }
    if let Some(error) = &report.interrupted {
        let _ = writeln!(text, "interrupted: {error}; run it again to go on");
    }
    text
}

/// What differs, for people.
pub fn differences(report: &DriftReport) -> String {
    let mut text = format!("{} compared, {} differ\n", report.compared, report.drifts.len());
    for drift in &report.drifts {
        let _ = match drift {
            Drift::Missing { endpoint, key } => writeln!(text, "missing: {endpoint}/{key}"),
            Drift::Changed { endpoint, key, attributes } => {
                writeln!(text, "changed: {endpoint}/{key}: {}", attributes.join(", "))
            }
            Drift::Foreign { endpoint, id } => writeln!(text, "not ours: {endpoint}/{id}"),
            _ => Ok(()),
        };
    }
    text
}
