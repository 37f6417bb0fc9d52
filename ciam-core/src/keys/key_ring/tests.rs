use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::clock::Clock as _;
use crate::id::TenantId;
use crate::jose::{AlgorithmSet, JwsError, KeySet, LocalSigner, TokenType, Verifier, sign};
use crate::keys::KeyState;
use crate::memory::{MemoryDatabase, MemoryEphemeralDatabase};
use crate::store::OutboxPayload;
use crate::testkit::{Failure, ManualClock, Probe};
use crate::vault::{KeyEncryptionKey, LocalKeyVault};

const RSA_2048: &[u8] = include_bytes!("../../../tests/data/rsa-2048.pk8");

/// Nodes that share a database, a clock and a key-encryption key.
struct World {
    database: MemoryDatabase,
    clock: Arc<ManualClock>,
    key: KeyEncryptionKey,
}

impl World {
    fn new() -> Self {
        let key = KeyEncryptionKey::new(SecretBytes::new((0..32).collect())).unwrap();
        Self { database: MemoryDatabase::new(), clock: Arc::new(ManualClock::default()), key }
    }

    fn tenant() -> TenantId {
        TenantId::from_uuid(Uuid::from_u128(1))
    }

    fn ports(&self) -> Ports {
        let (tenant, clock) = (Self::tenant(), self.clock.clone());
        Ports::new(
            Arc::new(self.database.tenant(tenant, clock.clone())),
            Arc::new(MemoryEphemeralDatabase::new().tenant(tenant, clock.clone())),
            Arc::new(LocalKeyVault::new(tenant, self.key.clone())),
        )
        .with_clock(clock)
    }

    fn builder(&self) -> KeyRingBuilder {
        KeyRing::builder(self.ports(), [Algorithm::Es256])
    }

    async fn node(&self) -> KeyRing {
        self.builder().open().await.unwrap()
    }
}

fn states(ring: &KeyRing) -> Vec<&'static str> {
    let keys = ring.snapshot();
    let mut states: Vec<_> =
        keys.jwks().keys().iter().map(|jwk| keys.state(jwk.kid().unwrap()).unwrap().name()).collect();
    states.sort_unstable();
    states
}

fn current(ring: &KeyRing) -> String {
    ring.snapshot().signer(Algorithm::Es256).unwrap().kid().unwrap().to_owned()
}

async fn token(ring: &KeyRing) -> String {
    let signer = ring.signer(Algorithm::Es256).await.unwrap();
    sign(&*signer, "at+jwt", &json!({ "sub": "alice" })).await.unwrap()
}

fn verify(token: &str, keys: &KeySet) -> Result<(), JwsError> {
    Verifier::new(AlgorithmSet::ASYMMETRIC, TokenType::exactly("at+jwt")).verify(token, keys).map(|_| ())
}

#[tokio::test]
async fn the_first_key_signs_at_once() {
    let world = World::new();
    let ring = world.node().await;
    assert_eq!(states(&ring), ["current"]);
    let token = token(&ring).await;
    assert_eq!(verify(&token, ring.keys().await.unwrap().keys()), Ok(()));
    let text = std::str::from_utf8(ring.snapshot().jwks_json()).unwrap().to_owned();
    assert!(text.contains(&current(&ring)) && text.contains(r#""alg":"ES256""#), "{text}");
    // Opened again, and elsewhere, it is the same key.
    assert_eq!(current(&world.node().await), current(&ring));
}

#[tokio::test]
async fn private_keys_are_stored_sealed() {
    let world = World::new();
    let ring = world.node().await;
    let record = world.ports().store().record(AlgorithmKeys::KIND, "ES256").await.unwrap().unwrap().value;
    let keys: AlgorithmKeys = record.decode().unwrap();
    let material = keys.current().unwrap().material.as_ref().unwrap();
    assert!(material.as_str().starts_with(&format!("v1.{}.", world.key.id())));
    assert!(!String::from_utf8_lossy(ring.snapshot().jwks_json()).contains("\"d\""));

    let other = KeyEncryptionKey::new(SecretBytes::new((1..33).collect())).unwrap();
    let stranger = World { key: other, database: world.database.clone(), clock: world.clock.clone() };
    assert!(matches!(stranger.builder().open().await, Err(KeyRingError::Port(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_rotate_at_once_make_one_key_between_them() {
    let world = World::new();
    let open = (0..24).map(|_| tokio::spawn(world.builder().open()));
    let mut rings = Vec::new();
    for ring in open.collect::<Vec<_>>() {
        rings.push(ring.await.unwrap().unwrap());
    }
    let only = current(&rings[0]);
    assert!(rings.iter().all(|ring| current(ring) == only && states(ring) == ["current"]));

    for (days, expected) in
        [(89, &["current", "pending"][..]), (1, &["current", "retiring"]), (2, &["current"])]
    {
        world.clock.advance(Duration::days(days));
        let work: Vec<_> = rings
            .iter()
            .cloned()
            .map(|ring| tokio::spawn(async move { ring.maintain().await.unwrap().changes.len() }))
            .collect();
        let mut changes = 0;
        for work in work {
            changes += work.await.unwrap();
        }
        // Each transition was made by exactly one node.
        assert_eq!(changes, if days == 1 { 2 } else { 1 });
        assert!(rings.iter().all(|ring| states(ring) == expected), "{:?}", states(&rings[0]));
    }
    assert_ne!(current(&rings[0]), only);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_import_rotate_and_withdraw_at_once_end_with_one_current_key() {
    let world = World::new();
    let first = world.node().await;
    let kid = current(&first);
    let mut work = Vec::new();
    for number in 0..30 {
        let (ring, kid) = (world.node().await, kid.clone());
        work.push(tokio::spawn(async move {
            match number % 3 {
                0 => ring.rotate(Algorithm::Es256).await,
                1 => ring.withdraw(&kid).await,
                _ => ring.maintain().await.map(|_| ()),
            }
        }));
    }
    for work in work {
        work.await.unwrap().unwrap();
    }
    first.maintain().await.unwrap();
    assert_ne!(current(&first), kid);
    assert!(matches!(first.snapshot().state(&kid), Some(KeyState::Retired { withdrawn: true, .. })));
    assert!(
        [&["current"][..], &["current", "pending"]].contains(&&states(&first)[..]),
        "{:?}",
        states(&first)
    );
}

/// A relying party that keeps the JWKS for as long as it is allowed to, and fetches it again for an unknown key never.
struct Client {
    keys: KeySet,
    fetched: OffsetDateTime,
}

impl Client {
    async fn fetch(ring: &KeyRing, now: OffsetDateTime) -> Self {
        let jwks = ring.keys().await.unwrap().jwks().clone();
        Self { keys: KeySet::from_jwks(&*crate::crypto::ring(), &jwks).unwrap(), fetched: now }
    }
}

/// 25 days of two nodes, one of which never rotates, and clients that are as lazy as they may be: every token verifies
/// everywhere until it expires.
#[tokio::test]
async fn rotation_in_mid_session_breaks_no_client() {
    let world = World::new();
    let policy = KeyPolicy { rotate_after: Duration::days(4), ..KeyPolicy::default() };
    let busy = world.builder().policy(policy).open().await.unwrap();
    let idle = world.builder().policy(policy).open().await.unwrap();
    // Longer than `jwks_max_age` tells them, at different hours.
    let patience = policy.publish_ahead - policy.max_stale;
    let mut clients = Vec::new();
    for hours in [0, 5, 10, 15, 20, 25, 30] {
        clients.push(Client::fetch(&idle, world.clock.now() - Duration::hours(hours)).await);
    }
    let mut live: Vec<(OffsetDateTime, String)> = Vec::new();
    let mut signers = std::collections::BTreeSet::new();
    for round in 0..(25 * 24 / 5) {
        world.clock.advance(Duration::hours(5));
        let now = world.clock.now();
        busy.maintain().await.unwrap();
        for (client, ring) in clients.iter_mut().zip([&busy, &idle].into_iter().cycle()) {
            if now - client.fetched >= patience {
                *client = Client::fetch(ring, now).await;
            }
        }
        live.retain(|(expiry, _)| *expiry > now);
        for ring in [&busy, &idle] {
            let token = token(ring).await;
            live.push((now + policy.token_lifetime, token));
            signers.insert(current(ring));
        }
        for (expiry, token) in &live {
            let age = policy.token_lifetime - (*expiry - now);
            for keys in [busy.keys().await.unwrap().keys(), idle.keys().await.unwrap().keys()] {
                assert_eq!(verify(token, keys), Ok(()), "round {round}, token of age {age}");
            }
            for client in &clients {
                assert_eq!(verify(token, &client.keys), Ok(()), "round {round}, token of age {age}");
            }
        }
    }
    assert!(signers.len() >= 6, "{} keys in 25 days", signers.len());
}

/// A node that lost sight of the store goes on with what it knows, and what it signs meanwhile stays good.
#[tokio::test]
async fn a_node_without_its_store_goes_on_for_a_while() {
    let world = World::new();
    let policy = KeyPolicy::default();
    let probe = Probe::new();
    let lonely = KeyRing::builder(probe.watch(&world.ports()), [Algorithm::Es256]).open().await.unwrap();
    let busy = world.node().await;
    world.clock.advance(Duration::days(89));
    busy.maintain().await.unwrap();
    lonely.keys().await.unwrap();
    world.clock.advance(Duration::days(1) - Duration::minutes(1));
    lonely.keys().await.unwrap();

    world.clock.advance(Duration::minutes(1));
    busy.maintain().await.unwrap();
    probe.clear();
    probe.fail_next("store.records", Failure::Transient);
    let late = token(&lonely).await;
    assert_ne!(current(&lonely), current(&busy), "it has not seen the rotation");
    assert_eq!(probe.calls().len(), 1, "{:?}", probe.calls());
    assert_eq!(verify(&token(&busy).await, lonely.snapshot().keys()), Ok(()), "but it knows the new key");
    let expiry = world.clock.now() + policy.token_lifetime;
    world.clock.set(expiry - Duration::SECOND);
    busy.maintain().await.unwrap();
    assert_eq!(verify(&late, busy.keys().await.unwrap().keys()), Ok(()));

    // Too old is too old: better no token than one by a key that may have been withdrawn.
    probe.fail_next("store.records", Failure::Transient);
    assert!(matches!(lonely.signer(Algorithm::Es256).await, Err(KeyRingError::Port(_))));
    assert!(lonely.signer(Algorithm::Es256).await.is_ok(), "and it recovers");
    assert_eq!(current(&lonely), current(&busy));
}

/// Whatever call fails, and however, the next attempt ends with one key that signs.
#[tokio::test]
async fn no_failure_leaves_the_keys_half_changed() {
    for failure in [Failure::Transient, Failure::Permanent, Failure::AnswerLost] {
        for number in 1.. {
            let world = World::new();
            let probe = Probe::new();
            let builder = || KeyRing::builder(probe.watch(&world.ports()), [Algorithm::Es256]);
            probe.fail_call(number, failure);
            let opened = builder().open().await;
            probe.clear();
            let failed = opened.is_err();
            let ring = if let Ok(ring) = opened { ring } else { builder().open().await.unwrap() };
            assert_eq!(states(&ring), ["current"], "{failure:?} of call {number}");
            for (days, expected) in [(89, ["current", "pending"]), (1, ["current", "retiring"])] {
                world.clock.advance(Duration::days(days));
                probe.fail_call(number, failure);
                let _any = ring.maintain().await;
                probe.clear();
                ring.maintain().await.unwrap();
                assert_eq!(states(&ring), expected, "{failure:?} of call {number}");
            }
            assert_eq!(verify(&token(&ring).await, ring.snapshot().keys()), Ok(()));
            if !failed {
                assert!(number > 5, "only {number} calls were made to fail");
                break;
            }
        }
    }
}

#[tokio::test]
async fn keys_are_read_once_a_minute_and_parsed_once() {
    let world = World::new();
    let probe = Probe::new();
    let ring = KeyRing::builder(probe.watch(&world.ports()), [Algorithm::Es256]).open().await.unwrap();
    probe.clear();
    for _ in 0..100 {
        ring.signer(Algorithm::Es256).await.unwrap();
    }
    assert!(probe.calls().is_empty());
    let before = ring.snapshot();
    world.clock.advance(Duration::minutes(1));
    for _ in 0..100 {
        ring.signer(Algorithm::Es256).await.unwrap();
    }
    assert_eq!(probe.calls().len(), 1, "{:?}", probe.calls());
    assert!(Arc::ptr_eq(&before, &ring.snapshot()), "nothing changed, so nothing is parsed");
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_but_not_all_the_time() {
    let world = World::new();
    let probe = Probe::new();
    let ring = KeyRing::builder(probe.watch(&world.ports()), [Algorithm::Es256]).open().await.unwrap();
    let other = world.node().await;
    world.clock.advance(Duration::seconds(10));
    other.rotate(Algorithm::Es256).await.unwrap();
    let pending = other.snapshot().jwks().keys()[1].kid().unwrap().to_owned();
    probe.clear();
    let keys = ring.keys_for(Some(&pending)).await.unwrap();
    assert!(matches!(keys.state(&pending), Some(KeyState::Pending { .. })));
    for _ in 0..50 {
        ring.keys_for(Some("never-heard-of")).await.unwrap();
        ring.keys_for(None).await.unwrap();
    }
    assert_eq!(probe.count("store.records"), 1);
}

#[tokio::test]
async fn an_operator_in_a_hurry_rotates_with_overlap() {
    let world = World::new();
    let (ring, other) = (world.node().await, world.node().await);
    let (before, old) = (current(&ring), token(&ring).await);
    let at = ring.rotate_soon(Algorithm::Es256).await.unwrap();
    assert_eq!(at - world.clock.now(), Duration::minutes(2));
    // Published at once, by the other node as soon as it looks; and nobody signs with it before every node has looked.
    assert_eq!(states(&ring), ["current", "pending"]);
    world.clock.advance(Duration::minutes(1));
    assert_eq!(other.keys().await.unwrap().jwks().keys().len(), 2);
    assert_eq!(current(&other), before);
    // To be in a hurry twice makes no second key, and does not put it off.
    world.clock.advance(Duration::seconds(30));
    assert_eq!(other.rotate_soon(Algorithm::Es256).await.unwrap(), at);
    world.clock.advance(Duration::seconds(30));
    for node in [&ring, &other] {
        node.maintain().await.unwrap();
    }
    let new = token(&other).await;
    assert_ne!(current(&other), before);
    assert_eq!(current(&ring), current(&other));
    for node in [&ring, &other] {
        assert_eq!(states(node), ["current", "retiring"]);
        for token in [&old, &new] {
            assert!(verify(token, node.keys().await.unwrap().keys()).is_ok());
        }
    }
}

/// A rotation that began in peace is brought forward.
#[tokio::test]
async fn a_waiting_key_is_brought_forward() {
    let world = World::new();
    let ring = world.node().await;
    ring.rotate(Algorithm::Es256).await.unwrap();
    let waiting = states(&ring);
    world.clock.advance(Duration::hours(1));
    let at = ring.rotate_soon(Algorithm::Es256).await.unwrap();
    assert_eq!((states(&ring), at - world.clock.now()), (waiting, Duration::minutes(2)));
}

#[tokio::test]
async fn a_withdrawn_key_is_gone_at_once() {
    let world = World::new();
    let (ring, other) = (world.node().await, world.node().await);
    let (kid, old) = (current(&ring), token(&ring).await);
    ring.withdraw(&kid).await.unwrap();
    assert_ne!(current(&ring), kid);
    assert_eq!(states(&ring), ["current"]);
    assert_eq!(verify(&old, ring.snapshot().keys()), Err(JwsError::UnknownKey));
    assert_eq!(verify(&old, ring.snapshot().remembered_keys()), Err(JwsError::UnknownKey));
    world.clock.advance(Duration::minutes(1));
    assert_eq!(verify(&old, other.keys().await.unwrap().keys()), Err(JwsError::UnknownKey));
    assert_eq!(current(&other), current(&ring));
    ring.withdraw(&kid).await.unwrap();
    ring.withdraw("unknown").await.unwrap();
}

/// S10: an expired id_token is still a hint.
#[tokio::test]
async fn retired_keys_are_remembered_but_not_published() {
    let world = World::new();
    let ring = world.node().await;
    let old = token(&ring).await;
    for days in [89, 1, 30] {
        world.clock.advance(Duration::days(days));
        ring.maintain().await.unwrap();
    }
    let keys = ring.snapshot();
    assert_eq!(states(&ring), ["current"]);
    assert_eq!(verify(&old, keys.keys()), Err(JwsError::UnknownKey));
    assert_eq!(verify(&old, keys.remembered_keys()), Ok(()));
}

#[tokio::test]
async fn rsa_keys_are_imported() {
    let world = World::new();
    let builder = || KeyRing::builder(world.ports(), [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256]);
    let ring = builder().open().await.unwrap();
    assert_eq!(ring.maintain().await.unwrap().missing, [Algorithm::Rs256, Algorithm::Ps256]);
    assert!(matches!(
        ring.signer(Algorithm::Rs256).await,
        Err(KeyRingError::NoKey { algorithm: Algorithm::Rs256 })
    ));
    assert!(matches!(
        ring.rotate(Algorithm::Rs256).await,
        Err(KeyRingError::CannotGenerate { algorithm: Algorithm::Rs256 })
    ));
    let rsa = || SecretBytes::new(RSA_2048.to_vec());
    assert_eq!(ring.import_pkcs8(Algorithm::Rs256, rsa()).await.unwrap(), Import::Current);
    assert_eq!(ring.import_pkcs8(Algorithm::Rs256, rsa()).await.unwrap(), Import::Known);
    assert_eq!(
        builder().open().await.unwrap().import_pkcs8(Algorithm::Rs256, rsa()).await.unwrap(),
        Import::Known
    );
    let signer = ring.signer(Algorithm::Rs256).await.unwrap();
    let token = sign(&*signer, "at+jwt", &json!({})).await.unwrap();
    assert_eq!(verify(&token, ring.snapshot().keys()), Ok(()));

    // What is refused.
    assert!(matches!(
        ring.import_pkcs8(Algorithm::Ps256, rsa()).await,
        Err(KeyRingError::OtherAlgorithm { algorithm: Algorithm::Rs256 })
    ));
    assert!(matches!(ring.import_pkcs8(Algorithm::Es256, rsa()).await, Err(KeyRingError::Key(_))));
    assert!(matches!(ring.import_pkcs8(Algorithm::EdDsa, rsa()).await, Err(KeyRingError::Key(_))));
    assert!(matches!(
        ring.import_pkcs8(Algorithm::Rs256, SecretBytes::new(vec![1, 2, 3])).await,
        Err(KeyRingError::Key(_))
    ));
    ring.withdraw(signer.kid().unwrap()).await.unwrap();
    assert!(matches!(ring.import_pkcs8(Algorithm::Rs256, rsa()).await, Err(KeyRingError::RetiredKey)));
}

#[tokio::test]
async fn an_imported_successor_is_published_first() {
    let world = World::new();
    let ring = world.node().await;
    let first = current(&ring);
    let pkcs8 = || crate::crypto::ring().generate_signing_key(Algorithm::Es256.scheme().unwrap()).unwrap();
    assert_eq!(ring.import_pkcs8(Algorithm::Es256, pkcs8()).await.unwrap(), Import::Pending);
    assert!(matches!(
        ring.import_pkcs8(Algorithm::Es256, pkcs8()).await,
        Err(KeyRingError::SuccessorWaiting)
    ));
    world.clock.advance(KeyPolicy::default().publish_ahead - Duration::SECOND);
    ring.maintain().await.unwrap();
    assert_eq!(current(&ring), first);
    world.clock.advance(Duration::SECOND);
    ring.maintain().await.unwrap();
    assert_ne!(current(&ring), first);
    assert_eq!(states(&ring), ["current", "retiring"]);
}

#[tokio::test]
async fn every_transition_is_an_event() {
    let world = World::new();
    let ring = world.node().await;
    ring.rotate(Algorithm::Es256).await.unwrap();
    world.clock.advance(KeyPolicy::default().publish_ahead);
    ring.maintain().await.unwrap();
    let ports = world.ports();
    let mut told = Vec::new();
    loop {
        let items = ports.store().claim_outbox(Duration::minutes(1), 64).await.unwrap();
        if items.is_empty() {
            break;
        }
        for item in &items {
            let OutboxPayload::Event(event) = &item.payload else { panic!() };
            assert_eq!(event.event_type, EventType::KEY_ROTATED);
            told.push(event.data["state"].as_str().unwrap().to_owned());
        }
        ports.store().acknowledge(&items.iter().map(|item| item.id).collect::<Vec<_>>()).await.unwrap();
    }
    told.sort_unstable();
    assert_eq!(told, ["current", "current", "pending", "retiring"]);
}

/// A KMS: the material is a name, and signatures are made elsewhere.
#[derive(Debug, Default)]
struct Kms {
    keys: std::sync::Mutex<Vec<LocalSigner>>,
    signatures: Arc<AtomicU32>,
}

#[derive(Debug)]
struct KmsSigner(LocalSigner, Arc<AtomicU32>);

#[async_trait]
impl Signer for KmsSigner {
    fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }

    fn kid(&self) -> Option<&str> {
        self.0.kid()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PortError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.sign_now(message)
    }
}

#[async_trait]
impl KeySource for Kms {
    async fn generate(&self, ports: &Ports, algorithm: Algorithm) -> Result<Option<NewKey>, PortError> {
        let signer = LocalSigner::generate(ports.crypto(), algorithm).map_err(PortError::permanent)?;
        let mut keys = self.keys.lock().unwrap();
        let name = SecretBytes::new(vec![u8::try_from(keys.len()).unwrap()]);
        let public = signer.public_key().cloned().unwrap();
        keys.push(signer);
        Ok(Some(NewKey::external(name, public)))
    }

    async fn open(
        &self,
        _: &Ports,
        _: Algorithm,
        _: &str,
        material: &SecretBytes,
    ) -> Result<Arc<dyn Signer>, PortError> {
        let key = self.keys.lock().unwrap()[usize::from(material.expose()[0])].clone();
        Ok(Arc::new(KmsSigner(key, Arc::clone(&self.signatures))))
    }
}

#[tokio::test]
async fn private_keys_can_be_elsewhere() {
    let world = World::new();
    let kms = Arc::new(Kms::default());
    let ring = world.builder().source(kms.clone()).open().await.unwrap();
    assert_eq!(verify(&token(&ring).await, ring.snapshot().keys()), Ok(()));
    assert_eq!(kms.signatures.load(Ordering::Relaxed), 1);
    // A source that opens another key than the one that is asked for is found out before anything is signed.
    kms.keys.lock().unwrap()[0] = LocalSigner::generate(&*crate::crypto::ring(), Algorithm::Es256).unwrap();
    assert!(matches!(world.builder().source(kms).open().await, Err(KeyRingError::Port(_))));
}

#[tokio::test]
async fn contradictions_are_found_when_the_ring_is_made() {
    let world = World::new();
    let ports = || world.ports();
    assert!(matches!(KeyRing::builder(ports(), []).open().await, Err(KeyRingError::NoAlgorithms)));
    assert!(matches!(
        KeyRing::builder(ports(), [Algorithm::Hs256]).open().await,
        Err(KeyRingError::Symmetric)
    ));
    let policy = KeyPolicy { rotate_after: Duration::hours(1), ..KeyPolicy::default() };
    assert!(matches!(world.builder().policy(policy).open().await, Err(KeyRingError::Policy(_))));
}

#[tokio::test]
async fn looking_after_the_keys_ends_when_told_to() {
    let world = World::new();
    let ring = world.node().await;
    let (stop, stopped) = futures_channel::oneshot::channel::<()>();
    let task = tokio::spawn(async move { ring.run(async { stopped.await.unwrap_or(()) }).await });
    stop.send(()).unwrap();
    tokio::time::timeout(StdDuration::from_secs(5), task).await.unwrap().unwrap();
}

#[test]
fn futures_cross_threads() {
    fn assert_send<T: Send>(_: T) {}
    fn check(ring: &KeyRing) {
        assert_send(ring.keys());
        assert_send(ring.signer(Algorithm::Es256));
        assert_send(ring.maintain());
        assert_send(ring.run(async {}));
        assert_send(ring.import_pkcs8(Algorithm::Rs256, SecretBytes::new(Vec::new())));
        assert_send(ring.withdraw("k"));
    }
    let _check: fn(&KeyRing) = check;
}
