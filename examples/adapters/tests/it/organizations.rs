//! The flows of organizations on real databases, races included: the logic is the library's, and whether it holds together
//! under concurrency is the store's.

use std::collections::BTreeSet;
use std::sync::Arc;

use ciam_adapters::postgres::PostgresDatabase;
use ciam_adapters::sqlite::{SqliteDatabase, SqliteOptions};
use ciam_core::account::{Identifier, IdentifierKey, NewAccount};
use ciam_core::actor::Actor;
use ciam_core::http::{BrowserId, Peer};
use ciam_core::id::{AccountId, OrganizationId, TenantId};
use ciam_core::journey::{Acceptance, Answer, Challenge, Journeys, Requirements, Step, Visitor};
use ciam_core::memory::{MemoryDns, MemoryEphemeralDatabase};
use ciam_core::organization::{
    Invitation, OrganizationError, OrganizationPolicy, Organizations, RoleName, Slug,
};
use ciam_core::password::{Argon2idHasher, PasswordFactor};
use ciam_core::ports::Ports;
use ciam_core::secret::{Secret, SecretBytes};
use ciam_core::session::SessionManager;
use ciam_core::store::{OutboxPayload, PageRequest};
use ciam_core::vault::{KeyEncryptionKey, LocalKeyVault};
use futures_util::future::join_all;
use time::Duration;

use crate::postgres_support::Schema;
use crate::support::{TempDir, clock, other_tenant};

const TENANT: Actor = Actor::system("test");
const PASSWORD: &str = "correct horse battery staple";

/// Nodes on one database.
struct Nodes {
    ports: Vec<Ports>,
    dns: Arc<MemoryDns>,
}

enum Database {
    Sqlite(Vec<SqliteDatabase>),
    Postgres(Vec<PostgresDatabase>),
}

impl Nodes {
    fn on(database: &Database, tenant: TenantId) -> Self {
        let key = KeyEncryptionKey::new(SecretBytes::new((0..32).collect())).unwrap();
        let vault = Arc::new(LocalKeyVault::new(tenant, key));
        let (dns, short) = (Arc::new(MemoryDns::new()), MemoryEphemeralDatabase::new());
        let ports = |store| {
            let ephemeral = Arc::new(short.tenant(tenant, clock()));
            Ports::new(store, ephemeral, vault.clone()).with_clock(clock()).with_dns(dns.clone())
        };
        let ports = match database {
            Database::Sqlite(all) => {
                all.iter().map(|it| ports(Arc::new(it.tenant(tenant, clock())))).collect()
            }
            Database::Postgres(all) => {
                all.iter().map(|it| ports(Arc::new(it.tenant(tenant, clock())))).collect()
            }
        };
        Self { ports, dns: dns.clone() }
    }

    fn first(&self) -> &Ports {
        &self.ports[0]
    }

    /// The service on each node in turn.
    fn node(&self, n: usize) -> Organizations {
        Organizations::new(self.ports[n % self.ports.len()].clone())
    }

    async fn account(&self, email: &str) -> AccountId {
        let identifier = Identifier::verified(key(email), self.first().now());
        NewAccount::new(identifier).create(self.first()).await.unwrap().id
    }

    async fn organization(&self, slug: &str, owner: AccountId) -> OrganizationId {
        let slug = Slug::new(slug).unwrap();
        self.node(0).create(&TENANT, slug, "Acme Ltd", Some(owner)).await.unwrap().id
    }

    /// The token of the newest invitation in the outbox, which is emptied.
    async fn token(&self) -> Secret {
        let mut found = None;
        loop {
            let items = self.first().store().claim_outbox(Duration::seconds(30), 100).await.unwrap();
            if items.is_empty() {
                return found.unwrap();
            }
            for item in &items {
                if let OutboxPayload::Message(message) = &item.payload {
                    let message = message.open(self.first()).await.unwrap();
                    found = message.parameters.get("token").map(|it| Secret::from(it.as_str())).or(found);
                }
            }
            let ids: Vec<_> = items.iter().map(|item| item.id).collect();
            self.first().store().acknowledge(&ids).await.unwrap();
        }
    }

    async fn invited(&self, organization: OrganizationId, email: &str) -> Secret {
        self.node(0).invite(&TENANT, organization, email, names(&["member"]), Vec::new()).await.unwrap();
        self.token().await
    }
}

fn key(email: &str) -> IdentifierKey {
    IdentifierKey::email(email).unwrap()
}

fn names(roles: &[&str]) -> BTreeSet<RoleName> {
    roles.iter().map(|role| RoleName::new(*role).unwrap()).collect()
}

fn count<T, E>(results: &[Result<T, E>]) -> usize {
    results.iter().filter(|result| result.is_ok()).count()
}

/// One slug: of many who create it at once one does.
async fn created_once(nodes: &Nodes) {
    let owner = nodes.account("founder@example.com").await;
    let create = |n| {
        let node = nodes.node(n);
        async move { node.create(&TENANT, Slug::new("wanted").unwrap(), "Wanted", Some(owner)).await }
    };
    let results = join_all((0..12).map(create)).await;
    assert_eq!(count(&results), 1, "{results:?}");
    let taken = |it: &Result<_, OrganizationError>| matches!(it, Ok(_) | Err(OrganizationError::SlugTaken));
    assert!(results.iter().all(taken), "{results:?}");
}

/// One invitation: of many acceptances at once one joins, and the letter is good no more.
async fn accepted_once(nodes: &Nodes) {
    let (olga, grace) = (nodes.account("olga1@example.com").await, nodes.account("grace@example.com").await);
    let acme = nodes.organization("acme1", olga).await;
    let token = nodes.invited(acme, "grace@example.com").await;
    let accept = |n| {
        let (node, token) = (nodes.node(n), token.clone());
        async move { node.accept_invitation(&token, grace).await }
    };
    let results = join_all((0..12).map(accept)).await;
    assert_eq!(count(&results), 1, "{results:?}");
    let membership = nodes.first().store().membership(acme, grace).await.unwrap().unwrap();
    assert_eq!(membership.value.roles, names(&["member"]));
    assert!(nodes.node(1).invitation(&token).await.unwrap().is_none());
    let open = nodes.node(1).invitations(&TENANT, acme, PageRequest::first(10)).await.unwrap();
    assert!(open.items.is_empty());
}

/// An acceptance and the withdrawal of the invitation at once: whichever is first, and never both.
async fn accepted_or_withdrawn(nodes: &Nodes) {
    let olga = nodes.account("olga2@example.com").await;
    let acme = nodes.organization("acme2", olga).await;
    for n in 0..4 {
        let email = format!("race{n}@example.com");
        let (account, token) = (nodes.account(&email).await, nodes.invited(acme, &email).await);
        let open = nodes.node(0).invitations(&TENANT, acme, PageRequest::first(10)).await.unwrap();
        let id = open.items[0].invitation.id;
        let (joining, leaving) = (nodes.node(n), nodes.node(n + 1));
        let (joined, withdrawn) = futures_util::future::join(
            joining.accept_invitation(&token, account),
            leaving.revoke_invitation(&TENANT, acme, id),
        )
        .await;
        let member = nodes.first().store().membership(acme, account).await.unwrap().is_some();
        assert_eq!(joined.is_ok(), member, "{joined:?} {withdrawn:?}");
        assert!(!(joined.is_ok() && withdrawn.is_ok()), "accepted and withdrawn");
        assert!(joined.is_ok() || withdrawn.is_ok(), "{joined:?} {withdrawn:?}");
        let left: Vec<Invitation> = nodes
            .node(0)
            .invitations(&TENANT, acme, PageRequest::first(10))
            .await
            .unwrap()
            .items
            .into_iter()
            .map(|it| it.invitation)
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Two owners who remove each other at once: one of them stays.
async fn an_owner_stays(nodes: &Nodes) {
    for n in 0..4 {
        let first = nodes.account(&format!("first{n}@example.com")).await;
        let second = nodes.account(&format!("second{n}@example.com")).await;
        let acme = nodes.organization(&format!("owners{n}"), first).await;
        nodes.node(0).add_member(&TENANT, acme, second, names(&["owner"])).await.unwrap();
        let (one, other) = (nodes.node(n), nodes.node(n + 1));
        let (by_first, by_second) = (Actor::Account(first), Actor::Account(second));
        let (a, b) = futures_util::future::join(
            one.remove_member(&by_first, acme, second),
            other.remove_member(&by_second, acme, first),
        )
        .await;
        assert!(!(a.is_ok() && b.is_ok()), "both owners are gone");
        let owners = nodes.first().store().organization(acme).await.unwrap().unwrap().value.owners;
        assert_eq!(owners.len(), 1, "{a:?} {b:?}");
    }
}

/// Two organizations that prove one domain at once: one holds it, and its people sign in as it says.
async fn a_domain_has_one_owner(nodes: &Nodes) {
    let (olga, oscar) = (nodes.account("olga3@example.com").await, nodes.account("oscar@example.com").await);
    let ids = [nodes.organization("acme3", olga).await, nodes.organization("other3", oscar).await];
    for id in ids {
        let claim = nodes.node(0).claim_domain(&TENANT, id, "shared.example").await.unwrap();
        nodes.dns.publish(&claim.txt_name(), claim.txt_value());
        let mut policy = OrganizationPolicy::default();
        policy.methods = BTreeSet::from(["email".to_owned()]);
        nodes.node(0).set_policy(&TENANT, id, &policy).await.unwrap();
    }
    let domain = ciam_core::organization::DomainName::new("shared.example").unwrap();
    let verify = |(n, id): (usize, OrganizationId)| {
        let (node, domain) = (nodes.node(n), domain.clone());
        async move { node.verify_domain(&TENANT, id, &domain).await }
    };
    let results = join_all(ids.into_iter().cycle().take(6).enumerate().map(verify)).await;
    let refused = results.iter().filter(|it| matches!(it, Err(OrganizationError::DomainTaken))).count();
    assert!(count(&results) > 0 && refused > 0, "{results:?}");
    let realm = nodes.node(1).home_realm(&key("who@shared.example")).await.unwrap().unwrap();
    let held: Vec<_> = results.iter().flatten().map(|claim| claim.organization).collect();
    assert!(held.iter().all(|id| *id == realm.organization), "{held:?} {realm:?}");
    // The sign-in on another node follows.
    let journeys = journeys(nodes, 1).await;
    let browser = BrowserId::generate(nodes.first().entropy()).unwrap();
    let visitor = Visitor::new(&browser, Peer::new([192, 0, 2, 1].into()));
    let (handle, _) = journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
    let answer = Answer::identify("who@shared.example");
    let step = journeys.answer(&handle, &visitor, answer).await.unwrap();
    let Step::Challenge(Challenge::Credentials { organization, methods, .. }) = step else {
        panic!("{step:?}");
    };
    assert_eq!(organization.as_deref(), Some("Acme Ltd"));
    assert_eq!(methods.iter().count(), 1);
}

async fn journeys(nodes: &Nodes, n: usize) -> Journeys {
    let ports = nodes.ports[n % nodes.ports.len()].clone();
    let hasher = Arc::new(Argon2idHasher::dangerous_fast().unwrap());
    let password = PasswordFactor::new(&ports, hasher).await.unwrap();
    let sessions = SessionManager::new(ports.clone());
    Journeys::new(ports, sessions, password).with_organizations(nodes.node(n))
}

/// One letter to somebody without an account, followed in many browsers at once: one account, one membership, one session.
async fn signed_up_once(nodes: &Nodes) {
    let olga = nodes.account("olga4@example.com").await;
    let acme = nodes.organization("acme4", olga).await;
    let token = nodes.invited(acme, "ada@example.com").await;
    let walk = |n: usize| {
        let token = token.clone();
        async move {
            let journeys = journeys(nodes, n).await;
            let browser = BrowserId::generate(nodes.first().entropy()).unwrap();
            let visitor = Visitor::new(&browser, Peer::new([192, 0, 2, 1].into()));
            let begun = journeys.begin_invitation(&visitor, Requirements::default()).await.unwrap();
            let acceptance = Acceptance::new(token).with_password(PASSWORD);
            journeys.answer(&begun.0, &visitor, Answer::AcceptInvitation(acceptance)).await
        }
    };
    let steps = join_all((0..6).map(walk)).await;
    let done: Vec<_> = steps
        .iter()
        .filter_map(|step| match step {
            Ok(Step::Done(signed_in)) => Some(signed_in.account.id),
            _ => None,
        })
        .collect();
    assert_eq!(done.len(), 1, "{steps:?}");
    let account = nodes.first().store().account_by_identifier(&key("ada@example.com")).await.unwrap();
    assert_eq!(account.map(|it| it.value.id), Some(done[0]));
    assert!(nodes.first().store().membership(acme, done[0]).await.unwrap().is_some());
    let sessions = SessionManager::new(nodes.first().clone());
    assert_eq!(sessions.list(done[0], PageRequest::first(10)).await.unwrap().items.len(), 1);
}

/// Members, page by page, while others join: everybody who was there before is on a page, once.
async fn pages_hold_everybody(nodes: &Nodes) {
    let olga = nodes.account("olga5@example.com").await;
    let acme = nodes.organization("acme5", olga).await;
    let mut expected = BTreeSet::from([olga]);
    for n in 0..7 {
        let account = nodes.account(&format!("page{n}@example.com")).await;
        nodes.node(n).add_member(&TENANT, acme, account, names(&["member"])).await.unwrap();
        expected.insert(account);
    }
    let (mut seen, mut request) = (Vec::new(), Some(PageRequest::first(3)));
    while let Some(page) = request.take() {
        let found = nodes.node(seen.len()).members(&TENANT, acme, page).await.unwrap();
        seen.extend(found.items.iter().map(|member| member.membership.account));
        request = found.next.map(|next| PageRequest::after(next, 3));
    }
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
}

async fn all(database: &Database) {
    let nodes = Nodes::on(database, other_tenant());
    created_once(&nodes).await;
    accepted_once(&nodes).await;
    accepted_or_withdrawn(&nodes).await;
    an_owner_stays(&nodes).await;
    a_domain_has_one_owner(&nodes).await;
    signed_up_once(&nodes).await;
    pages_hold_everybody(&nodes).await;
    // Another tenant of the same database sees nothing of it.
    let other = Nodes::on(database, other_tenant());
    assert!(other.node(0).named("acme1").await.unwrap().is_none());
    assert!(other.node(0).home_realm(&key("who@shared.example")).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_two_handles_of_a_sqlite_file() {
    let directory = TempDir::new();
    let mut handles = Vec::new();
    for _ in 0..2 {
        let options = SqliteOptions::default();
        handles.push(SqliteDatabase::open(&directory.file("ciam.db"), options).await.unwrap());
    }
    all(&Database::Sqlite(handles)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_two_nodes_of_postgresql() {
    let Some(schema) = Schema::new() else { return };
    let nodes = vec![schema.open().await, schema.open().await];
    all(&Database::Postgres(nodes)).await;
}
