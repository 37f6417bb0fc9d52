//! What a sign-in costs in round trips, and what becomes of a commit whose answer is lost.

use std::sync::Arc;

use ciam_adapters::postgres::{PostgresDatabase, PostgresStore};
use ciam_core::account::{AccountStatus, Identifier, IdentifierKey, NewAccount};
use ciam_core::error::PortErrorKind;
use ciam_core::http::{BrowserId, Peer};
use ciam_core::journey::{Answer, Journeys, Requirements, Step, Visitor};
use ciam_core::memory::MemoryEphemeralDatabase;
use ciam_core::password::{Argon2idHasher, PasswordFactor};
use ciam_core::ports::Ports;
use ciam_core::secret::{Secret, SecretBytes};
use ciam_core::session::SessionManager;
use ciam_core::store::{Batch, Record, RecordKind, Store as _, Version, Write};
use ciam_core::vault::{KeyEncryptionKey, LocalKeyVault};

use crate::postgres_proxy::Proxy;
use crate::postgres_support::Schema;
use crate::support::{account, clock, other_tenant};

const PASSWORD: &str = "quiet-river-lantern-42";

/// A sign-in by password on a database behind a proxy; says how many round trips it took, the second time.
async fn sign_in(proxy: &Proxy, ports: Ports) -> usize {
    let hasher = Arc::new(Argon2idHasher::dangerous_fast().unwrap());
    let email = IdentifierKey::email("ada@example.com").unwrap();
    let password = PasswordFactor::new(&ports, hasher).await.unwrap();
    let hash = password.accept(&ports, &Secret::new(PASSWORD.to_owned()), &[]).await.unwrap();
    let new = NewAccount::new(Identifier::verified(email, ports.now())).with_password(hash);
    assert_eq!(new.create(&ports).await.unwrap().status, AccountStatus::Active);
    let journeys = Journeys::new(ports.clone(), SessionManager::new(ports.clone()), password);
    let mut trips = 0;
    for _ in 0..3 {
        let browser = BrowserId::generate(ports.entropy()).unwrap();
        let visitor = Visitor::new(&browser, Peer::new([127, 0, 0, 1].into()));
        let (handle, _) = journeys.begin_sign_in(&visitor, Requirements::default()).await.unwrap();
        proxy.executed();
        let answer = Answer::credentials("ada@example.com", PASSWORD);
        let step = journeys.answer(&handle, &visitor, answer).await.unwrap();
        assert!(matches!(step, Step::Done(_)), "{step:?}");
        trips = proxy.executed();
    }
    trips
}

async fn behind(proxy: &Proxy, schema: &Schema) -> PostgresDatabase {
    PostgresDatabase::connect(&proxy.url(), schema.options()).await.unwrap()
}

fn ports(store: PostgresStore, ephemeral: Arc<dyn ciam_core::ephemeral::Ephemeral>) -> Ports {
    let key = KeyEncryptionKey::new(SecretBytes::new((0..32).collect())).unwrap();
    let vault = Arc::new(LocalKeyVault::new(ciam_core::store::Store::tenant(&store), key));
    Ports::new(Arc::new(store), ephemeral, vault).with_clock(clock())
}

/// By hand it would be: the account by its address, its password, the terms in force, `BEGIN`, the session, the event,
/// `COMMIT`. Seven.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_takes_four_round_trips_for_what_stays() {
    let Some(schema) = Schema::new() else { return };
    let proxy = Proxy::before(schema.url()).await;
    let database = behind(&proxy, &schema).await;
    let tenant = other_tenant();
    let ephemeral = Arc::new(MemoryEphemeralDatabase::new().tenant(tenant, clock()));
    let trips = sign_in(&proxy, ports(database.tenant(tenant, clock()), ephemeral)).await;
    assert!(trips <= 4, "{trips} round trips");
}

/// With what is short-lived in PostgreSQL too: attempt counters and the journey itself take about twenty verbs, and a
/// verb is one statement.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_on_postgresql_alone_takes_one_statement_more_for_each_verb() {
    let Some(schema) = Schema::new() else { return };
    let proxy = Proxy::before(schema.url()).await;
    let database = behind(&proxy, &schema).await;
    let tenant = other_tenant();
    let ephemeral = Arc::new(database.ephemeral(tenant, clock()));
    let trips = sign_in(&proxy, ports(database.tenant(tenant, clock()), ephemeral)).await;
    assert!(trips <= 24, "{trips} round trips");
}

/// Every change is one round trip, whatever is in the batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_one_round_trip() {
    const NOTE: RecordKind = RecordKind::new("test.note", &[]);
    let Some(schema) = Schema::new() else { return };
    let proxy = Proxy::before(schema.url()).await;
    let store = behind(&proxy, &schema).await.tenant(other_tenant(), clock());
    let batch = |name: &str| {
        (0..20).fold(Batch::new().write(Write::PutAccount(account(name))), |batch, number| {
            batch.write(Write::PutRecord(Record::new(NOTE, format!("{name} {number}"), 1, "{}")))
        })
    };
    assert!(store.commit(batch("warm@example.com")).await.unwrap().is_applied());
    proxy.executed();
    assert!(store.commit(batch("ada@example.com")).await.unwrap().is_applied());
    assert_eq!(proxy.executed(), 1);
}

/// Nobody knows whether it was applied, so it is not sent again; and the next call finds a new connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_not_repeated() {
    const NOTE: RecordKind = RecordKind::new("test.note", &[]);
    let Some(schema) = Schema::new() else { return };
    let proxy = Proxy::before(schema.url()).await;
    let store = behind(&proxy, &schema).await.tenant(other_tenant(), clock());
    let put = || Batch::new().write(Write::PutRecord(Record::new(NOTE, "1", 1, "{}")));
    // The first use of a connection prepares the statement.
    assert!(store.commit(put()).await.unwrap().is_applied());
    proxy.executed();
    proxy.cut_next();
    let error = store.commit(put()).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Transient, "{error:?}");
    assert_eq!(proxy.executed(), 1, "it was sent once");
    let found = store.record(NOTE, "1").await.unwrap().unwrap();
    assert_eq!(found.version, Version::new(2), "it was applied, once");
}
