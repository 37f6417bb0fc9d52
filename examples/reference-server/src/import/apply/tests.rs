use ciam_core::{
    account::{Account, IdentifierKey},
    memory,
    password::PasswordFactor,
    ports::Ports,
    store::PageRequest,
};

use super::*;
use crate::{
    document::{Document, Format},
    import::DEMO,
    services::Services,
    testing,
};

/// The services for these files, and the files as imports.
async fn with(ports: &Ports, files: &[&str]) -> (Services, Vec<Import>) {
    let read = |text: &&str| Import::from_document(Document::new("x.toml", *text, Format::Toml)).unwrap();
    let imports: Vec<_> = files.iter().map(read).collect();
    let mut config = testing::config(&["--demo", "false"]);
    config.imports.clone_from(&imports);
    (testing::services(&config, ports).await, imports)
}

async fn import(ports: &Ports, files: &[&str]) -> Result<Report, ImportError> {
    let (services, imports) = with(ports, files).await;
    apply(ports, &services.password, services.server.clients(), &imports).await
}

async fn account(ports: &Ports, email: &str) -> Account {
    let key = IdentifierKey::email(email).unwrap();
    ports.store().account_by_identifier(&key).await.unwrap().unwrap().value
}

fn report(created: usize, updated: usize, unchanged: usize) -> Report {
    Report { created, updated, unchanged }
}

fn refusals(result: Result<Report, ImportError>) -> Vec<String> {
    match result {
        Err(ImportError::Refused(problems)) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn the_same_file_twice_changes_nothing() {
    let ports = memory::ports();
    assert_eq!(import(&ports, &[DEMO]).await.unwrap(), report(4, 0, 0));
    let before = account(&ports, "demo@example.com").await;
    assert_eq!(import(&ports, &[DEMO]).await.unwrap(), report(0, 0, 4));
    assert_eq!(account(&ports, "demo@example.com").await, before);
    assert_eq!(ports.store().credentials_of(before.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_differs_is_updated_and_what_is_not_mentioned_stays() {
    let ports = memory::ports();
    import(&ports, &[DEMO]).await.unwrap();
    let changed = DEMO
        .replace("name = \"Relying Party\"", "name = \"Party\"")
        .replace("given_name = \"Dana\"\n", "username = \"dana\"\n")
        .replace("roles = [\"owner\"]", "roles = [\"owner\", \"admin\"]")
        .replace("name = \"Example Ltd\"", "name = \"Example AG\"");
    assert_eq!(import(&ports, &[&changed]).await.unwrap(), report(0, 4, 0));
    let dana = account(&ports, "demo@example.com").await;
    assert_eq!(dana.profile.text("given_name"), Some("Dana"));
    assert_eq!(dana.identifiers.len(), 2);
    assert!(dana.identifiers.iter().all(|it| it.is_verified()));
    assert_eq!(import(&ports, &[&changed]).await.unwrap(), report(0, 0, 4));
}

#[tokio::test]
async fn a_password_that_the_person_has_is_left_alone() {
    let ports = memory::ports();
    import(&ports, &[DEMO]).await.unwrap();
    let id = account(&ports, "demo@example.com").await.id;
    let before = ports.store().credentials_of(id).await.unwrap();
    let other = DEMO.replace("quiet-river-lantern-42", "another-password-entirely");
    assert_eq!(import(&ports, &[&other]).await.unwrap(), report(0, 0, 4));
    assert_eq!(ports.store().credentials_of(id).await.unwrap(), before);
}

#[tokio::test]
async fn an_account_without_a_password_is_given_its_first() {
    let ports = memory::ports();
    let without = DEMO.replace("password = \"quiet-river-lantern-42\"", "");
    import(&ports, &[&without]).await.unwrap();
    let id = account(&ports, "demo@example.com").await.id;
    assert!(ports.store().credentials_of(id).await.unwrap().is_empty());
    assert_eq!(import(&ports, &[DEMO]).await.unwrap(), report(0, 1, 3));
    assert_eq!(ports.store().credentials_of(id).await.unwrap()[0].value.factor, PasswordFactor::NAME);
}

#[tokio::test]
async fn a_file_is_refused_whole_for_what_only_the_server_knows() {
    let ports = memory::ports();
    for (line, instead, expected) in [
        ("quiet-river-lantern-42", "short", "x.toml:23: accounts[0].password: a password has at least"),
        (
            "\"demo@example.com\", roles",
            "\"nobody@example.com\", roles",
            "x.toml:28: organizations[0].members[0].email: there is no",
        ),
        ("\"notes:read\"]", "\"unheard-of\"]", "x.toml:3: clients[0]: the scope values"),
        (
            "resources = [\"http://localhost:8082\"]",
            "resources = [\"http://localhost:1\"]",
            "x.toml:3: clients[0]: the resource",
        ),
    ] {
        let found = refusals(import(&ports, &[&DEMO.replacen(line, instead, 1)]).await);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(expected), "{instead}\n  gave {found:?}");
    }
    assert!(ports.store().accounts(PageRequest::first(1)).await.unwrap().items.is_empty());
    assert!(ports.store().organizations(PageRequest::first(1)).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn an_identifier_of_somebody_else_is_not_taken() {
    let ports = memory::ports();
    let first = "[[accounts]]\nemail = \"a@example.com\"\nusername = \"shared\"\n";
    let second = "[[accounts]]\nemail = \"b@example.com\"\nusername = \"shared\"\n";
    import(&ports, &[first]).await.unwrap();
    let found = refusals(import(&ports, &[second]).await);
    assert_eq!(found, ["x.toml:3: accounts[0].username: belongs to another account already"]);
}

#[tokio::test]
async fn a_member_may_come_from_another_file() {
    let ports = memory::ports();
    let people = "[[accounts]]\nemail = \"a@example.com\"\n";
    let teams =
        "[[organizations]]\nslug = \"team\"\nname = \"Team\"\nmembers = [{ email = \"A@example.com\" }]\n";
    assert_eq!(import(&ports, &[teams, people]).await.map_err(|it| it.to_string()), Ok(report(3, 0, 0)));
}

#[tokio::test]
async fn several_nodes_start_with_the_same_file_at_once() {
    let ports = memory::ports();
    let nodes: Vec<_> = (0..8)
        .map(|_| {
            let ports = ports.clone();
            tokio::spawn(async move { import(&ports, &[DEMO]).await.unwrap() })
        })
        .collect();
    let mut created = 0;
    for node in nodes {
        created += node.await.unwrap().created;
    }
    assert_eq!(created, 4);
    let id = account(&ports, "demo@example.com").await.id;
    assert_eq!(ports.store().credentials_of(id).await.unwrap().len(), 1);
}

const WEBHOOK: &str = r#"
[[webhooks]]
id = "crm"
url = "https://crm.example/hook"
events = ["ciam.account.*"]
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"#;

#[tokio::test]
async fn webhooks_are_created_changed_and_left_alone() {
    let ports = memory::ports();
    assert_eq!(import(&ports, &[WEBHOOK]).await.unwrap(), report(1, 0, 0));
    assert_eq!(import(&ports, &[WEBHOOK]).await.unwrap(), report(0, 0, 1));
    let off = format!("{WEBHOOK}enabled = false\n");
    assert_eq!(import(&ports, &[&off]).await.unwrap(), report(0, 1, 0));
    // Plain http is for a machine that the host trusts.
    let plain = WEBHOOK.replace("https://crm.example", "http://crm.example");
    let problems = refusals(import(&ports, &[&plain]).await);
    assert!(problems[0].contains("webhooks[0]") && problems[0].contains("https URL"), "{problems:?}");
}
