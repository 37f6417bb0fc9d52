//! Bulk requests (RFC 7644, section 3.7).

use ciam_core::account::Identifier;
use ciam_core::store::PageRequest;
use ciam_scim::profile::Profile;
use futures_util::future::join;
use serde_json::{Value, json};

use crate::world::{Answer, Directory, ENTERPRISE, GROUP, TENANT, USER, World};

async fn bulk(directory: &Directory, operations: Value, extra: Value) -> Answer {
    let mut body =
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    directory.post("/Bulk", body).await
}

fn user(name: &str) -> Value {
    json!({ "schemas": [USER], "userName": name })
}

fn post(path: &str, bulk_id: &str, data: Value) -> Value {
    json!({ "method": "POST", "path": path, "bulkId": bulk_id, "data": data })
}

fn group(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
    json!({ "schemas": [GROUP], "displayName": name, "members": members })
}

fn statuses(answer: &Answer) -> Vec<String> {
    let operations = answer.body["Operations"].as_array().unwrap();
    operations.iter().map(|it| it["status"].as_str().unwrap().to_owned()).collect()
}

fn id_of(answer: &Answer, at: usize) -> String {
    let location = answer.body["Operations"][at]["location"].as_str().unwrap();
    location.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_named_before_it_is_there_is_made_first() {
    let directory = World::new().await.directory(Profile::Strict);
    let answer = bulk(
        &directory,
        json!([
            post("/Groups", "g", group("G", &["bulkId:a", "bulkId:b"])),
            post("/Users", "a", user("a")),
            post("/Users", "b", user("b")),
            { "method": "PATCH", "path": "/Users/bulkId:a", "data": { "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{ "op": "add", "path": "title", "value": "x" }] } },
            { "method": "PATCH", "path": "/Groups/bulkId:g", "data": { "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{ "op": "remove", "path": "members[value eq \"bulkId:b\"]" }] } },
        ]),
        json!({}),
    )
    .await;
    assert_eq!(statuses(&answer), ["201", "201", "201", "200", "204"], "{}", answer.body);
    assert_eq!(answer.body["Operations"][0]["bulkId"], "g", "the order is that of the request");
    assert_eq!(directory.members(&id_of(&answer, 0)).await, [id_of(&answer, 1)]);
    assert_eq!(directory.get(&format!("/Users/{}", id_of(&answer, 1))).await.body["title"], "x");
}

#[tokio::test]
async fn circles_are_closed_when_all_are_there() {
    let directory = World::new().await.directory(Profile::Strict);
    let answer = bulk(
        &directory,
        json!([
            post("/Groups", "x", group("X", &["bulkId:y"])),
            post("/Groups", "y", group("Y", &["bulkId:z"])),
            post("/Groups", "z", group("Z", &["bulkId:x"])),
        ]),
        json!({}),
    )
    .await;
    assert_eq!(statuses(&answer), ["201", "201", "201"], "{}", answer.body);
    for (at, member) in [(0, 1), (1, 2), (2, 0)] {
        assert_eq!(directory.members(&id_of(&answer, at)).await, [id_of(&answer, member)]);
    }
    let managed = |name: &str, by: &str| json!({ "schemas": [USER, ENTERPRISE], "userName": name, ENTERPRISE: { "manager": { "value": format!("bulkId:{by}") } } });
    let answer = bulk(
        &directory,
        json!([post("/Users", "p", managed("p", "q")), post("/Users", "q", managed("q", "p"))]),
        json!({}),
    )
    .await;
    assert_eq!(statuses(&answer), ["201", "201"], "{}", answer.body);
    let p = directory.get(&format!("/Users/{}", id_of(&answer, 0))).await.body;
    assert_eq!(p[ENTERPRISE]["manager"]["value"], id_of(&answer, 1));
    let own = bulk(&directory, json!([post("/Users", "m", managed("m", "m"))]), json!({})).await;
    assert_eq!(statuses(&own), ["409"]);
    assert_eq!(directory.get("/Users?filter=userName eq \"m\"").await.body["totalResults"], 0);
}

#[tokio::test]
async fn errors_are_counted_and_then_it_stops() {
    let directory = World::new().await.directory(Profile::Strict);
    directory.user("taken").await;
    let operations = || {
        json!([
            post("/Users", "1", user("a1")),
            post("/Users", "2", user("taken")),
            post("/Users", "3", user("taken")),
            post("/Users", "4", user("a4")),
        ])
    };
    let run = |fail: Value| {
        let directory = directory.clone();
        async move {
            let answer = bulk(&directory, operations(), fail).await;
            for at in 0..answer.body["Operations"].as_array().unwrap().len() {
                if let Some(location) = answer.body["Operations"][at]["location"].as_str() {
                    directory.delete(location.strip_prefix(crate::world::BASE).unwrap()).await;
                }
            }
            statuses(&answer)
        }
    };
    assert_eq!(run(json!({})).await, ["201", "409", "409", "201"]);
    assert_eq!(run(json!({ "failOnErrors": 1 })).await, ["201", "409"]);
    assert_eq!(run(json!({ "failOnErrors": 0 })).await, ["201", "409"]);
    assert_eq!(run(json!({ "failOnErrors": 2 })).await, ["201", "409", "409"]);
}

#[tokio::test]
async fn of_two_of_one_name_the_first_is_made() {
    let world = World::new().await;
    let (world, probe) = world.watched().await;
    // What is done at once meets between any two calls.
    probe.interleave();
    let directory = world.directory(Profile::Strict);
    let mut operations: Vec<Value> =
        ["a", "b", "A", "c"].iter().map(|name| post("/Users", name, user(name))).collect();
    operations.extend((0..40).map(|n| post("/Users", &format!("n{n}"), user(&format!("n{n}")))));
    operations.push(post("/Groups", "g", group("a", &["bulkId:n39"])));
    operations.push(post("/Groups", "h", group("A", &[])));
    let answer = bulk(&directory, json!(operations), json!({})).await;
    let statuses = statuses(&answer);
    let refused: Vec<usize> = (0..statuses.len()).filter(|at| statuses[*at] == "409").collect();
    assert_eq!((statuses.len(), refused), (46, vec![2, 45]), "{}", answer.body);
    for at in 4..44 {
        let made = directory.get(&format!("/Users/{}", id_of(&answer, at))).await.body;
        assert_eq!(made["userName"], format!("n{}", at - 4), "each outcome is of its own operation");
    }
    assert_eq!(directory.members(&id_of(&answer, 44)).await, [id_of(&answer, 43)]);
}

/// So many users, of addresses that the organization has proved and of others, by turns.
fn of_two_domains(count: usize) -> Value {
    let address = |n: usize| format!("n{n}@{}.example", if n.is_multiple_of(2) { "corp" } else { "mail" });
    json!((0..count).map(|n| post("/Users", &n.to_string(), user(&address(n)))).collect::<Vec<_>>())
}

/// How many accounts have an address that is theirs for sure.
async fn verified(world: &World) -> usize {
    let accounts = world.ports.store().accounts(PageRequest::first(100)).await.unwrap().items;
    accounts.iter().filter(|it| it.value.identifiers.iter().any(Identifier::is_verified)).count()
}

#[tokio::test]
async fn what_is_common_is_looked_up_once_and_each_is_judged_by_its_own_domain() {
    let (world, probe) = World::new().await.watched().await;
    world.prove("corp.example").await;
    let directory = world.directory(Profile::Strict);
    probe.clear();
    let answer = bulk(&directory, of_two_domains(40), json!({})).await;
    assert_eq!(statuses(&answer), ["201"; 40], "{}", answer.body);
    assert_eq!(verified(&world).await, 20);
    // Where the directory stands, and whose the one proved domain is.
    assert_eq!(probe.count("store.organization"), 2);
    assert_eq!(probe.count("store.commit"), 40);
    assert_eq!(probe.count("store.record"), 0, "what was made is not read again");
}

#[tokio::test]
async fn what_is_common_and_changes_meanwhile_is_looked_up_again() {
    let mut met = false;
    for calls in 0..16 {
        let (world, probe) = World::new().await.watched().await;
        world.prove("corp.example").await;
        let directory = world.directory(Profile::Strict);
        probe.clear();
        probe.interleave();
        let rename = async {
            for _ in 0..calls {
                tokio::task::yield_now().await;
            }
            world.organizations.rename(&TENANT, world.acme, "Another name").await.unwrap();
        };
        let (answer, ()) = join(bulk(&directory, of_two_domains(8), json!({})), rename).await;
        assert_eq!(statuses(&answer), ["201"; 8], "{calls}: {}", answer.body);
        assert_eq!(verified(&world).await, 4, "{calls}");
        // One of the rename.
        met |= probe.count("store.commit") > 9;
    }
    assert!(met, "at some moment the rename comes between");
}
