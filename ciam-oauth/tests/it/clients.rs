//! The registry of clients.

use ciam_core::store::PageRequest;
use ciam_oauth::client::{ClientAuthentication, ClientSecret, ClientsError, Put};
use time::Duration;

use crate::support::{World, app, web};

#[tokio::test]
async fn an_import_twice_changes_nothing() {
    let world = World::new().await;
    let clients = world.server.clients();
    world.events().await;
    let before = world.client("web").await;
    assert_eq!(clients.put(web()).await.unwrap(), Put::Unchanged);
    let after = world.client("web").await;
    assert_eq!(before, after, "same record, same version, same dates");
    assert!(world.events().await.is_empty());

    world.clock.advance(Duration::minutes(1));
    assert_eq!(clients.put(web().with_name("Other")).await.unwrap(), Put::Updated);
    let changed = world.client("web").await.value;
    assert_eq!(changed.created_at, before.value.created_at);
    assert_eq!(changed.updated_at, world.ports.now());
    assert_eq!(world.event_names().await, ["ciam.oauth.client.updated.v1"]);
    let mut new = app();
    new.id = "new".parse().unwrap();
    assert_eq!(clients.put(new).await.unwrap(), Put::Registered);
}

#[tokio::test]
async fn a_refused_registration_leaves_no_trace() {
    let world = World::new().await;
    world.events().await;
    let clients = world.server.clients();
    let bad = web().with_scopes("admin".parse().unwrap());
    assert!(matches!(clients.put(bad.clone()).await, Err(ClientsError::Problem(_))));
    assert!(matches!(clients.register(bad).await, Err(ClientsError::Problem(_))));
    let read = world.client("web").await;
    let mut worse = read.value.clone();
    worse.display.logo_uri = Some("javascript:alert(1)".to_owned());
    assert!(matches!(clients.update(&read, worse).await, Err(ClientsError::Problem(_))));
    assert_eq!(world.client("web").await, read);
    assert!(world.events().await.is_empty());
}

#[tokio::test]
async fn ids_are_taken_once_and_updates_see_each_other() {
    let world = World::new().await;
    let clients = world.server.clients();
    assert!(matches!(clients.register(web()).await, Err(ClientsError::Taken)));
    let read = world.client("web").await;
    clients.update(&read, read.value.clone().with_name("First")).await.unwrap();
    let lost = clients.update(&read, read.value.clone().with_name("Second")).await;
    assert!(matches!(lost, Err(ClientsError::Changed)));
    let other = world.client("own").await.value;
    assert!(matches!(clients.update(&read, other).await, Err(ClientsError::Changed)));
}

#[tokio::test]
async fn clients_are_listed_in_pages_and_deleted() {
    let world = World::new().await;
    let clients = world.server.clients();
    let first = clients.list(PageRequest::first(3)).await.unwrap();
    let rest = clients.list(PageRequest::after(first.next.unwrap(), 3)).await.unwrap();
    let ids: Vec<String> =
        first.items.iter().chain(&rest.items).map(|client| client.id.to_string()).collect();
    assert_eq!(ids, ["app", "own", "pushes", "web"]);
    world.events().await;
    let id = "web".parse().unwrap();
    clients.delete(&id).await.unwrap();
    clients.delete(&id).await.unwrap();
    assert!(clients.get(&id).await.unwrap().is_none());
    assert_eq!(world.event_names().await, ["ciam.oauth.client.deleted.v1"]);
}

#[tokio::test]
async fn a_new_secret_overlaps_with_the_old() {
    let world = World::new().await;
    let clients = world.server.clients();
    let id = "web".parse().unwrap();
    let old = world.client("web").await.value.authentication.secrets()[0].digest;
    let first = clients.rotate_secret(&id, Duration::hours(1)).await.unwrap();
    let stored = world.client("web").await.value.authentication;
    let [newest, previous] = stored.secrets() else { panic!() };
    assert_eq!((newest.digest, newest.expires_at), (first.digest(), None));
    assert_eq!((previous.digest, previous.expires_at), (old, Some(world.ports.now() + Duration::hours(1))));
    // Again: the oldest is gone.
    let second = clients.rotate_secret(&id, Duration::hours(1)).await.unwrap();
    let stored = world.client("web").await.value.authentication;
    let digests: Vec<_> = stored.secrets().iter().map(|secret| secret.digest).collect();
    assert_eq!(digests, [second.digest(), first.digest()]);
    assert!(matches!(
        clients.rotate_secret(&"app".parse().unwrap(), Duration::ZERO).await,
        Err(ClientsError::NoSecret)
    ));
    assert!(matches!(
        clients.rotate_secret(&"nobody".parse().unwrap(), Duration::ZERO).await,
        Err(ClientsError::NotFound)
    ));
}

/// S32: neither the record nor what is printed of it has a secret.
#[tokio::test]
async fn the_store_holds_no_secret() {
    let world = World::new().await;
    let secret = ClientSecret::new(crate::support::SECRET).unwrap();
    let client = world.client("web").await.value;
    let stored = serde_json::to_string(&client).unwrap();
    for text in [stored, format!("{client:?}"), format!("{secret:?}")] {
        assert!(!text.contains(crate::support::SECRET));
    }
    assert!(matches!(client.authentication, ClientAuthentication::ClientSecretBasic { .. }));
}
