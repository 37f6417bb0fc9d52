//! A process that is killed in the middle of its commits.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use ciam_core::account::IdentifierKey;
use ciam_core::credential::Credential;
use ciam_core::entropy::SystemEntropy;
use ciam_core::id::CredentialId;
use ciam_core::store::{Batch, EntityRef, Store as _, Write};

use crate::support::{TempDir, account, clock, open, store};

const FILE: &str = "CIAM_TEST_KILLED_FILE";

#[tokio::test]
async fn what_was_acknowledged_survives_and_nothing_is_half_there() {
    let directory = TempDir::new();
    let path = directory.file("ciam.db");
    let mut acknowledged = BTreeSet::new();
    for round in 0..5 {
        acknowledged.extend(commit_until_killed(&path, 20 + round * 37));
    }
    assert!(acknowledged.len() >= 100);

    let store = store(&open(&path).await);
    for number in 0..acknowledged.len() * 20 {
        let key = IdentifierKey::email(&format!("{number}@example.com")).unwrap();
        let found = store.account_by_identifier(&key).await.unwrap();
        assert!(found.is_some() || !acknowledged.contains(&number), "{number} was acknowledged");
        if let Some(found) = found {
            let credentials = store.credentials_of(found.value.id).await.unwrap();
            assert_eq!(credentials.len(), 1, "{number} is half there");
        }
    }
}

/// Starts this test binary once more to commit, and kills it after so many acknowledgements.
fn commit_until_killed(path: &Path, acknowledgements: usize) -> Vec<usize> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite_killed::commit_for_ever", "--nocapture"])
        .env(FILE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut numbers = lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok());
    let mut acknowledged: Vec<usize> = numbers.by_ref().take(acknowledgements).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    // What it still said before it died counts as well.
    acknowledged.extend(numbers);
    assert!(acknowledged.len() >= acknowledgements);
    acknowledged
}

/// What the test above starts and kills; nothing by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commit_for_ever() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let store = store(&open(Path::new(&path)).await);
    let mut running = tokio::task::JoinSet::new();
    for number in 0_usize.. {
        let store = store.clone();
        running.spawn(async move {
            let address = format!("{number}@example.com");
            let person = account(&address);
            let id = CredentialId::generate(&*clock(), &SystemEntropy::new()).unwrap();
            let data = serde_json::json!({ "phc": "x".repeat(100) });
            let password = Credential::new(id, person.id, "password", data, person.created_at);
            let batch = Batch::new()
                .require_absent(EntityRef::Identifier(person.identifiers[0].key.clone()))
                .write(Write::PutAccount(person))
                .write(Write::PutCredential(password));
            (number, store.commit(batch).await.unwrap().is_applied())
        });
        while running.len() >= 16 {
            let (number, applied) = running.join_next().await.unwrap().unwrap();
            if applied {
                println!("acknowledged {number}");
            }
        }
    }
}
