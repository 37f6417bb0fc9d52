//! `import accounts` as a process: killed in the middle, however often, it ends with exactly the accounts of the file.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ciam_core::store::PageRequest;
use clap::Parser as _;
use reference_server::{cli::Cli, config::Config, storage::Storage};

const ROWS: usize = 3000;

struct Place {
    folder: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ciam-import-{name}-{}", std::process::id()));
        let _absent = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn database(&self) -> String {
        format!("sqlite:{}", self.path("ciam.db").display())
    }

    fn command(&self, arguments: &[&str], file: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reference-server"));
        command
            .args(["import", "accounts", "--database-url", &self.database()])
            .args(arguments)
            .arg(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command
    }

    fn refused(&self) -> Option<PathBuf> {
        let files = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        files.into_iter().find(|path| path.to_string_lossy().ends_with(".refused.jsonl"))
    }

    /// The e-mail addresses of all accounts, each as often as it is there.
    async fn addresses(&self) -> Vec<String> {
        let cli = Cli::try_parse_from(["x", "--database-url", &self.database()]).unwrap();
        let storage = Storage::open(&Config::load(&cli.flags).unwrap()).await.unwrap();
        let mut page = PageRequest::first(1000);
        let mut addresses = Vec::new();
        loop {
            let found = storage.ports.store().accounts(page).await.unwrap();
            let keys = found.items.iter().flat_map(|account| &account.value.identifiers);
            addresses.extend(keys.map(|identifier| identifier.key.as_str().to_owned()));
            match found.next {
                Some(next) => page = PageRequest::after(next, 1000),
                None => return addresses,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.folder);
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits for the process a while; `None` when it still runs, and is killed without a chance to finish anything.
fn killed_after(mut child: Child, patience: Duration) -> Option<Output> {
    let started = Instant::now();
    while started.elapsed() < patience {
        if child.try_wait().unwrap().is_some() {
            return Some(child.wait_with_output().unwrap());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_again_and_again_ends_with_exactly_the_accounts() {
    let place = Place::new("killed");
    let row = |n: usize| match n % 100 {
        99 => format!("{{\"email\":\"nobody {n}\"}}\n"),
        _ => format!("{{\"id\":\"{n}\",\"email\":\"u{n}@example.com\",\"email_verified\":true}}\n"),
    };
    let file = place.write("accounts.jsonl", &(0..ROWS).map(row).collect::<String>());
    let mut kills = 0;
    let output = loop {
        // Each run gets a little longer, so that it ends at last however slow the machine is.
        let patience = Duration::from_millis(300 + 100 * kills);
        let child = place.command(&["--format", "jsonl"], &file).spawn().unwrap();
        match killed_after(child, patience) {
            Some(output) => break output,
            None => kills += 1,
        }
    };
    assert!(kills > 0, "nothing was killed");
    assert!(output.status.success());
    let said = text(&output);
    assert!(said.contains("3000 rows: 2970 accounts made, 0 existed already, 30 refused"), "{said}");
    let addresses = place.addresses().await;
    assert_eq!(addresses.len(), 2970);
    assert_eq!(addresses.iter().collect::<BTreeSet<_>>().len(), 2970);
    let refused = fs::read_to_string(place.refused().unwrap()).unwrap();
    let lines: Vec<serde_json::Value> =
        refused.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<u64> = lines.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=30).map(|n| n * 100).collect::<Vec<_>>(), "each refused row once");
    assert!(lines.iter().all(|line| line["code"] == "email" && line["row"].as_str().is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auth0_export_is_tried_and_then_imported() {
    let place = Place::new("auth0");
    let file = place.write(
        "users.json",
        r#"[{"user_id":"auth0|1","email":"ada@example.com","email_verified":true,
            "passwordHash":"$2b$10$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG","last_ip":"192.0.2.1"},
           {"user_id":"auth0|2","email":"bob@example.com","custom_password_hash":{"algorithm":"md5","hash":{"value":"00"}}}]"#,
    );
    let arguments = ["--format", "auth0", "--without-rows"];
    let tried = place.command(&[&arguments[..], &["--dry-run"]].concat(), &file).output().unwrap();
    let said = text(&tried);
    assert!(
        said.contains("1 accounts would be made") && said.contains("passwords: bcrypt cost 10: 1"),
        "{said}"
    );
    assert!(
        said.contains("refused because of: hash_unknown: 1") && said.contains("left out: last_ip: 1"),
        "{said}"
    );
    assert!(!said.contains("example.com"), "{said}");
    assert!(place.addresses().await.is_empty());
    let done = place.command(&arguments, &file).output().unwrap();
    assert!(done.status.success() && text(&done).contains("1 accounts made"), "{}", text(&done));
    assert_eq!(place.addresses().await, ["ada@example.com"]);
    let refused = fs::read_to_string(place.refused().unwrap()).unwrap();
    assert!(refused.contains("\"line\":3") && !refused.contains("bob"), "{refused}");
}

/// What a tenant keeps of its people is said in its import file, and holds for what comes from elsewhere too.
#[tokio::test(flavor = "multi_thread")]
async fn attributes_are_those_that_the_tenant_keeps() {
    let place = Place::new("attributes");
    let kept = place.write("kept.toml", "[attributes.plan]\ntype = { one_of = [\"basic\", \"pro\"] }\n");
    let file = place.write(
        "users.jsonl",
        "{\"email\":\"a@example.com\",\"attributes\":{\"plan\":\"pro\"}}\n\
         {\"email\":\"b@example.com\",\"attributes\":{\"plan\":\"gold\"}}\n\
         {\"email\":\"c@example.com\",\"attributes\":{\"color\":\"red\"}}\n",
    );
    let kept = kept.display().to_string();
    let arguments = ["--format", "jsonl", "--import", &kept];
    let strict = place.command(&[&arguments[..], &["--dry-run"]].concat(), &file).output().unwrap();
    let said = text(&strict);
    for line in ["1 accounts would be made", "attribute_not_listed: 1", "attribute_unknown: 1"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let done = place.command(&[&arguments[..], &["--leave-out-unknown"]].concat(), &file).output().unwrap();
    let said = text(&done);
    for line in ["2 accounts made", "attribute_not_listed: 1", "left out: attributes.color: 1"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(place.addresses().await.len(), 2);
}
