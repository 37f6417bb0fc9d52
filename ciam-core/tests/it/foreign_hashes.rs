//! Passwords that another system has hashed: they sign in, and are replaced by ours in the same commit.

use std::sync::{Arc, Mutex};

use ciam_core::account::{Account, Identifier, IdentifierKey, NewAccount};
use ciam_core::error::PortError;
use ciam_core::journey::{JourneyPolicy, Journeys};
use ciam_core::password::foreign::{FirebaseProject, ForeignHash, ForeignHashes, SaltPosition};
use ciam_core::password::{Argon2idHasher, MigratingHasher, PasswordFactor, PasswordHash, PasswordHasher};
use ciam_core::ports::Ports;
use ciam_core::secret::Secret;
use ciam_core::store::{Batch, Commit, OutboxPayload, Write};
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use crate::world::{PASSWORD, World, done, refusal};

/// One of each kind, for the password of this world.
fn hashes() -> Vec<ForeignHash> {
    let texts = [
        "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG",
        "$scrypt$ln=10,r=8,p=1$c2FsdFNBTFRzYWx0$71ONCU4rznkdzKXP1/zEaxoczTe/B2liVYfnJRiH59I",
        "{PBKDF2-SHA256}1000$c2FsdFNBTFRzYWx0$kjlfHVp73g2bGNS.HClC2rNW44GehAk5oVHAoifqz/U",
        "pbkdf2_sha1$1000$saltSALTsalt$RfcZ9cxNYYingWnQAORxDR+qzAo=",
        "$argon2i$v=16$m=64,t=2,p=1$c2FsdHNhbHQ$nBvoda9/wL35xnVJEC4zZKLJRodVRZib",
        "$5$rounds=1000$saltstring$MGHTVAK1OdWrxoC7LJKeycAtdF/rZJH8EE46Glj/aT6",
        "{SSHA}46BnfOtjjVkV2IM1YrlQPStNxk5zYWx0c2FsdA==",
    ];
    let mut hashes: Vec<ForeignHash> = texts.iter().map(|text| ForeignHash::parse(text).unwrap()).collect();
    let digest = ciam_core::crypto::sha256(format!("pepper{PASSWORD}").as_bytes());
    hashes.push(
        ForeignHash::salted("sha256", SaltPosition::Prefix, b"pepper".to_vec(), digest.to_vec()).unwrap(),
    );
    hashes
}

fn hasher(hashes: ForeignHashes) -> MigratingHasher {
    MigratingHasher::new(Arc::new(Argon2idHasher::dangerous_fast().unwrap())).with_verifier(Arc::new(hashes))
}

/// The world's journeys with a hasher that knows the hashes of others.
async fn migrating(world: &World, hashes: ForeignHashes) -> Journeys {
    let hasher = world.probe.hasher(Arc::new(hasher(hashes)));
    let password = PasswordFactor::new(&world.ports, hasher).await.unwrap();
    Journeys::new(world.ports.clone(), world.sessions.clone(), password)
}

async fn world() -> World {
    let mut world = World::with_policy(JourneyPolicy::default()).await;
    world.journeys = migrating(&world, ForeignHashes::new()).await;
    world
}

async fn account_with(world: &World, email: &str, hash: PasswordHash) -> Account {
    let email = Identifier::verified(IdentifierKey::email(email).unwrap(), world.ports.now());
    NewAccount::new(email).with_password(hash).create(&world.ports).await.unwrap()
}

async fn stored_hash(world: &World, account: &Account) -> String {
    let credentials = world.ports.store().credentials_of(account.id).await.unwrap();
    PasswordFactor::credential_in(&credentials).unwrap().value.data["phc"].as_str().unwrap().to_owned()
}

async fn upgrades(world: &World) -> usize {
    let items = world.ports.store().claim_outbox(time::Duration::SECOND, 1000).await.unwrap();
    let is_upgrade = |payload: &OutboxPayload| match payload {
        OutboxPayload::Event(event) => event.data.get("change").is_some_and(|change| change == "upgraded"),
        _ => false,
    };
    items.iter().filter(|item| is_upgrade(&item.payload)).count()
}

#[tokio::test]
async fn every_kind_signs_in_once_with_the_old_hash_and_then_with_ours() {
    let world = world().await;
    for (number, hash) in hashes().into_iter().enumerate() {
        let email = format!("ada{number}@example.com");
        let account = account_with(&world, &email, hash.to_hash()).await;
        assert_eq!(
            refusal(world.sign_in(&world.browser(), &email, "a wrong password!").await),
            "credentials"
        );
        assert!(!stored_hash(&world, &account).await.starts_with("$argon2id$v=19$m=64,t=1"), "{hash:?}");
        done(world.sign_in(&world.browser(), &email, PASSWORD).await);
        let stored = stored_hash(&world, &account).await;
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1"), "{hash:?}: {stored}");
        done(world.sign_in(&world.browser(), &email, PASSWORD).await);
        assert_eq!(stored_hash(&world, &account).await, stored, "no second upgrade");
    }
    assert_eq!(upgrades(&world).await, hashes().len());
}

#[tokio::test]
async fn a_firebase_hash_signs_in_where_its_project_is_configured() {
    let mut world = world().await;
    let key = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==";
    let hash = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";
    let hash = ForeignHash::firebase("shop", "42xEC+ixf3L2lw==", hash).unwrap();
    account_with(&world, "ada@example.com", hash.to_hash()).await;
    let refused = world.sign_in(&world.browser(), "ada@example.com", "user1password").await;
    assert_eq!(refusal(refused), "credentials", "without the project's parameters it proves nobody");
    let project = FirebaseProject::new(key, "Bw==", 8, 14).unwrap();
    world.journeys = migrating(&world, ForeignHashes::new().with_firebase("shop", project)).await;
    done(world.sign_in(&world.browser(), "ada@example.com", "user1password").await);
}

#[tokio::test]
async fn sign_ins_at_once_all_succeed_and_upgrade_once() {
    let world = world().await;
    let account = account_with(&world, "ada@example.com", hashes()[0].to_hash()).await;
    let browsers: Vec<_> = (0..4).map(|_| world.browser()).collect();
    let steps =
        join_all(browsers.iter().map(|browser| world.sign_in(browser, "ada@example.com", PASSWORD))).await;
    for step in steps {
        done(step);
    }
    assert!(stored_hash(&world, &account).await.starts_with("$argon2id$"));
    assert_eq!(upgrades(&world).await, 1);
}

/// A hasher during whose first verification the world changes.
#[derive(Debug)]
struct Changing {
    inner: MigratingHasher,
    ports: Ports,
    change: Mutex<Option<Batch>>,
}

impl PasswordHasher for Changing {
    fn hash(&self, password: &Secret) -> Result<String, PortError> {
        self.inner.hash(password)
    }

    fn verify(&self, password: &Secret, hash: &str) -> bool {
        if let Some(change) = self.change.lock().unwrap().take() {
            let committed = self.ports.store().commit(change).now_or_never();
            assert_eq!(committed.unwrap().unwrap(), Commit::Applied);
        }
        self.inner.verify(password, hash)
    }

    fn needs_rehash(&self, hash: &str) -> bool {
        self.inner.needs_rehash(hash)
    }

    fn recognises(&self, hash: &str) -> bool {
        self.inner.recognises(hash)
    }
}

#[tokio::test]
async fn a_password_that_changes_while_the_old_hash_is_verified_wins() {
    let mut world = world().await;
    let account = account_with(&world, "ada@example.com", hashes()[0].to_hash()).await;
    let credentials = world.ports.store().credentials_of(account.id).await.unwrap();
    let credential = PasswordFactor::credential_in(&credentials).unwrap().value.clone();
    let other = ForeignHash::parse("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW").unwrap();
    let change = PasswordFactor::replaced(credential, &other.to_hash());
    let hasher = Changing {
        inner: hasher(ForeignHashes::new()),
        ports: world.ports.clone(),
        change: Mutex::new(Some(Batch::new().write(Write::PutCredential(change)))),
    };
    let password = PasswordFactor::new(&world.ports, Arc::new(hasher)).await.unwrap();
    world.journeys = Journeys::new(world.ports.clone(), world.sessions.clone(), password);
    let step = world.sign_in(&world.browser(), "ada@example.com", PASSWORD).await;
    assert_eq!(refusal(step), "credentials", "the old password is none any more");
    done(world.sign_in(&world.browser(), "ada@example.com", "U*U").await);
}

#[tokio::test]
async fn a_floor_is_waited_for_whoever_signs_in() {
    let mut world = world().await;
    account_with(&world, "ada@example.com", hashes()[0].to_hash()).await;
    let floor = std::time::Duration::from_millis(150);
    let password = PasswordFactor::new(&world.ports, Arc::new(hasher(ForeignHashes::new()))).await.unwrap();
    let journeys = Journeys::new(world.ports.clone(), world.sessions.clone(), password.with_floor(floor));
    world.journeys = journeys;
    for email in ["ada@example.com", "nobody@example.com"] {
        let started = std::time::Instant::now();
        assert_eq!(refusal(world.sign_in(&world.browser(), email, "a wrong password!").await), "credentials");
        assert!(started.elapsed() >= floor, "{email}");
    }
}
