//! A small world: one tenant in memory with two organizations, and requests to their services.

use std::sync::Arc;

use bytes::Bytes;
use ciam_core::actor::Actor;
use ciam_core::event::Event;
use ciam_core::id::{OrganizationId, TenantId};
use ciam_core::memory::{self, MemoryDatabase, MemoryDns};
use ciam_core::organization::{Organizations, Slug};
use ciam_core::password::{Argon2idHasher, PasswordFactor};
use ciam_core::ports::Ports;
use ciam_core::session::SessionManager;
use ciam_core::store::OutboxPayload;
use ciam_core::testkit::{ManualClock, Probe, SeededEntropy};
use ciam_scim::connection::Connection;
use ciam_scim::profile::Profile;
use ciam_scim::service::{Caller, ScimService};
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use time::Duration;

pub(crate) const BASE: &str = "https://id.example/scim/v2";
pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const TENANT: Actor = Actor::system("test");

fn tenant() -> TenantId {
    TenantId::from_uuid(uuid::Uuid::from_u128(7))
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) ports: Ports,
    database: MemoryDatabase,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) dns: Arc<MemoryDns>,
    pub(crate) organizations: Organizations,
    pub(crate) sessions: SessionManager,
    pub(crate) service: ScimService,
    pub(crate) acme: OrganizationId,
    pub(crate) other: OrganizationId,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The status and the kind of the error; the body's status must say the same.
    pub(crate) fn error(&self) -> (u16, &str) {
        assert_eq!(self.body["status"], self.status.to_string(), "{}", self.body);
        assert_eq!(self.body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
        (self.status, self.body["scimType"].as_str().unwrap_or_default())
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id: {} {}", self.status, self.body)).to_owned()
    }

    pub(crate) fn etag(&self) -> String {
        self.headers["etag"].to_str().unwrap().to_owned()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let dns = Arc::new(MemoryDns::new());
        let database = MemoryDatabase::new();
        let ports = memory::ports_of(tenant(), &database, clock.clone(), Arc::new(SeededEntropy::new(7)))
            .with_dns(dns.clone());
        let hasher = Arc::new(Argon2idHasher::dangerous_fast().unwrap());
        let password = PasswordFactor::new(&ports, hasher).await.unwrap();
        let organizations = Organizations::new(ports.clone());
        let sessions = SessionManager::new(ports.clone());
        let make = |slug: &str| {
            let (organizations, slug) = (organizations.clone(), Slug::new(slug).unwrap());
            async move { organizations.create(&TENANT, slug.clone(), slug.as_str(), None).await.unwrap().id }
        };
        let (acme, other) = (make("acme").await, make("other").await);
        let service = ScimService::new(ports.clone(), organizations.clone(), sessions.clone(), password);
        Self { ports, database, clock, dns, organizations, sessions, service, acme, other }
    }

    /// The same world on the same store, whose vault has another key.
    pub(crate) async fn with_another_key(mut self) -> Self {
        let entropy = Arc::new(SeededEntropy::new(8));
        self.ports = memory::ports_of(tenant(), &self.database, self.clock.clone(), entropy);
        self.watched().await.0
    }

    /// The same world, with every call of the service seen by a probe.
    pub(crate) async fn watched(mut self) -> (Self, Probe) {
        let probe = Probe::new();
        let ports = probe.watch(&self.ports);
        let hasher = Arc::new(Argon2idHasher::dangerous_fast().unwrap());
        let password = PasswordFactor::new(&ports, hasher).await.unwrap();
        self.organizations = Organizations::new(ports.clone());
        self.sessions = SessionManager::new(ports.clone());
        self.service = ScimService::new(ports, self.organizations.clone(), self.sessions.clone(), password);
        (self, probe)
    }

    /// Acme proves a domain.
    pub(crate) async fn prove(&self, domain: &str) {
        let claim = self.organizations.claim_domain(&TENANT, self.acme, domain).await.unwrap();
        self.dns.publish(&claim.txt_name(), claim.txt_value());
        self.organizations.verify_domain(&TENANT, self.acme, &claim.domain).await.unwrap();
    }

    pub(crate) fn directory(&self, profile: Profile) -> Directory {
        Directory { world: self.clone(), connection: Connection::new(self.acme).with_profile(profile) }
    }

    pub(crate) fn elsewhere(&self) -> Directory {
        Directory { world: self.clone(), connection: Connection::new(self.other) }
    }

    /// The events since the last time.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let items = self.ports.store().claim_outbox(Duration::minutes(1), 100).await.unwrap();
            if items.is_empty() {
                return events;
            }
            for item in items {
                if let OutboxPayload::Event(event) = &item.payload {
                    self.ports.store().acknowledge(&[event.id]).await.unwrap();
                    events.push(event.clone());
                }
            }
        }
    }
}

/// A directory of an organization.
#[derive(Clone)]
pub(crate) struct Directory {
    pub(crate) world: World,
    pub(crate) connection: Connection,
}

impl Directory {
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("{BASE}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let caller = Caller::new(&self.connection, BASE);
        let response = self.world.service.handle(&caller, request).await;
        let (parts, body) = response.into_parts();
        if !body.is_empty() {
            assert_eq!(parts.headers["content-type"], "application/scim+json");
        }
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", &escape(path), &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/scim+json")], body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = patch_of(operations).to_string();
        self.send("PATCH", path, &[("content-type", "application/scim+json; charset=utf-8")], body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "").await
    }

    /// Makes a user; its id.
    pub(crate) async fn user(&self, name: &str) -> String {
        // Ids have the order in which they were made.
        self.world.clock.advance(Duration::milliseconds(1));
        let made = self.post("/Users", json!({ "schemas": [USER], "userName": name })).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.id()
    }

    /// Makes a group of these members; its id.
    pub(crate) async fn group(&self, name: &str, members: &[&str]) -> String {
        self.world.clock.advance(Duration::milliseconds(1));
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        let body = json!({ "schemas": [GROUP], "displayName": name, "members": members });
        let made = self.post("/Groups", body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.id()
    }

    /// The ids of the members of a group.
    pub(crate) async fn members(&self, group: &str) -> Vec<String> {
        let found = self.get(&format!("/Groups/{group}")).await;
        let members = found.body["members"].as_array().cloned().unwrap_or_default();
        members.iter().map(|it| it["value"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) fn patch_of(operations: Value) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations })
}

/// Percent-encodes what a test writes plainly.
pub(crate) fn escape(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b' ' => out.push_str("%20"),
            b'"'
            | b'['
            | b']'
            | b'\\'
            | b'<'
            | b'>'
            | b'{'
            | b'}'
            | b'^'
            | b'`'
            | b'|'
            | 0x80..
            | 0..0x20 => {
                out.push_str(&format!("%{byte:02X}"));
            }
            other => out.push(char::from(other)),
        }
    }
    out
}
