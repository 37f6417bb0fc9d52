//! What Microsoft Entra ID and Okta send, and what they have to be answered. The numbers are those of the list of directory
//! quirks: E for Entra, O for Okta.

use ciam_scim::profile::Profile;
use serde_json::{Value, json};

use crate::world::{ENTERPRISE, GROUP, USER, World};

#[tokio::test]
async fn e01_a_test_connection_finds_nobody() {
    let entra = World::new().await.directory(Profile::Entra);
    for filter in [
        "userName eq \"6f1c-random-guid\"",
        "externalId eq \"9d2e\"",
        "emails[type eq \"work\"].value eq \"a@b.c\"",
    ] {
        let found = entra.get(&format!("/Users?filter={filter}")).await;
        assert_eq!(found.status, 200, "{filter}");
        assert_eq!(found.body["totalResults"], 0);
        assert_eq!(found.body["Resources"], json!([]));
    }
}

#[tokio::test]
async fn e02_e05_e16_e17_create_match_disable_and_delete() {
    let entra = World::new().await.directory(Profile::Entra);
    let body = json!({
        "schemas": [USER, ENTERPRISE], "externalId": "x1", "userName": "Mia@corp.test", "active": true,
        "emails": [{ "primary": true, "type": "work", "value": "Mia.T+x@Corp.test" }],
        "phoneNumbers": [{ "type": "work", "value": " +1 (206) 555 0100" }],
        "meta": { "resourceType": "User", "version": "mine" }, "roles": [],
    });
    let made = entra.post("/Users", body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["meta"]["resourceType"], "User");
    assert_ne!(made.body["meta"]["version"], "mine");
    // Values come back byte for byte; what is not assigned is not there.
    assert_eq!(made.body["emails"][0]["value"], "Mia.T+x@Corp.test");
    assert_eq!(made.body["phoneNumbers"][0]["value"], " +1 (206) 555 0100");
    assert!(made.body.get("roles").is_none());
    assert_eq!(made.headers["location"], made.body["meta"]["location"].as_str().unwrap());
    let id = made.id();
    for filter in [
        "userName eq \"mia@CORP.test\"",
        "externalId eq \"x1\"",
        "emails[type eq \"work\"].value eq \"mia.t%2Bx@corp.test\"",
        "userName eq \"mia@corp.test\" and active eq true",
    ] {
        let found = entra.get(&format!("/Users?filter={filter}")).await;
        assert_eq!((found.status, &found.body["totalResults"]), (200, &json!(1)), "{filter} {}", found.body);
        assert_eq!(found.body["Resources"][0]["id"], id, "{filter}");
    }
    let disabled = entra
        .patch(&format!("/Users/{id}"), json!([{ "op": "Replace", "path": "active", "value": "False" }]))
        .await;
    assert_eq!((disabled.status, &disabled.body["active"]), (200, &json!(false)));
    let found = entra.get("/Users?filter=externalId eq \"x1\"").await;
    assert_eq!(found.body["Resources"][0]["active"], false, "a disabled user is still found");
    let restored = entra
        .patch(&format!("/Users/{id}"), json!([{ "op": "Replace", "path": "active", "value": "True" }]))
        .await;
    assert_eq!(restored.body["active"], true);
    assert_eq!(entra.delete(&format!("/Users/{id}")).await.status, 204);
    assert_eq!(entra.get(&format!("/Users/{id}")).await.error(), (404, ""));
}

#[tokio::test]
async fn e03_e04_e15_groups_are_matched_without_their_members() {
    let entra = World::new().await.directory(Profile::Entra);
    let user = entra.user("u9").await;
    let body = json!({
        "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "g-ext", "displayName": "Ops", "meta": { "resourceType": "Group" },
    });
    let made = entra.post("/Groups", body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let group = made.id();
    let added = entra
        .patch(
            &format!("/Groups/{group}"),
            json!([{ "op": "Add", "path": "members", "value": [{ "$ref": null, "value": user }] }]),
        )
        .await;
    assert_eq!(added.status, 204);
    let found = entra.get("/Groups?excludedAttributes=members&filter=displayName eq \"ops\"").await;
    assert_eq!(found.body["totalResults"], 1);
    assert!(found.body["Resources"][0].get("members").is_none());
    let probe = |member: String| {
        let (entra, group) = (entra.clone(), group.clone());
        async move {
            entra.get(&format!("/Groups?filter=id eq \"{group}\" and members eq \"{member}\"")).await.body["totalResults"].clone()
        }
    };
    assert_eq!(probe(user.clone()).await, 1);
    assert_eq!(probe(group.clone()).await, 0);
    assert_eq!(probe("nobody".to_owned()).await, 0);
}

#[tokio::test]
async fn e06_to_e11_e18_e19_e21_changes_of_a_user() {
    let entra = World::new().await.directory(Profile::Entra);
    type Expected<'a> = &'a [(&'a str, Value)];
    let rows: &[(&str, Value, Expected<'_>)] = &[
        (
            "E6",
            json!([{ "op": "Replace", "path": "displayName", "value": "Mia T" }]),
            &[("/displayName", json!("Mia T"))],
        ),
        (
            "E7",
            json!([{ "op": "Replace", "path": "active", "value": "False" }]),
            &[("/active", json!(false))],
        ),
        (
            "E7 in an object",
            json!([{ "op": "Add", "path": "emails", "value": [{ "primary": "True", "value": "p@x.test" }] }]),
            &[("/emails/0/primary", json!(true))],
        ),
        (
            "E8",
            json!([{ "op": "Add", "path": "emails[type eq \"work\"].value", "value": "m2@corp.test" }]),
            &[("/emails/0", json!({ "type": "work", "value": "m2@corp.test" }))],
        ),
        (
            "E8 by replace",
            json!([{ "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "m3@corp.test" }]),
            &[("/emails/0/value", json!("m3@corp.test"))],
        ),
        (
            "E9",
            json!([{ "op": "Add", "path": format!("{ENTERPRISE}:department"), "value": "Ops" }]),
            &[("/schemas/1", json!(ENTERPRISE))],
        ),
        ("E10", json!([{ "op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "u17" }]), &[]),
        (
            "E11",
            json!([{ "op": "replace", "value": { "displayName": "M", "name.givenName": "Mia", format!("{ENTERPRISE}:employeeNumber"): "77" } }]),
            &[("/displayName", json!("M")), ("/name/givenName", json!("Mia"))],
        ),
        (
            "E19",
            json!([{ "op": "Add", "path": "addresses[type eq \"other\"].Formatted", "value": "Here" }]),
            &[("/addresses/0", json!({ "type": "other", "formatted": "Here" }))],
        ),
        (
            "E19 value",
            json!([{ "op": "Add", "path": "emails[type eq \"other\"].Value", "value": "o@x.test" }]),
            &[("/emails/0/value", json!("o@x.test"))],
        ),
        (
            "E21",
            json!([{ "op": "Add", "path": "roles[primary eq \"True\"].value", "value": "admin" }]),
            &[("/roles/0", json!({ "primary": true, "value": "admin" }))],
        ),
    ];
    for (at, (name, operations, expected)) in rows.iter().enumerate() {
        let id = entra.user(&format!("mia{at}")).await;
        let changed = entra.patch(&format!("/Users/{id}"), operations.clone()).await;
        assert_eq!(changed.status, 200, "{name}: {}", changed.body);
        let read = entra.get(&format!("/Users/{id}")).await.body;
        assert_eq!(read, changed.body, "{name}: the answer is what is stored");
        for (pointer, value) in *expected {
            assert_eq!(read.pointer(pointer), Some(value), "{name}");
        }
    }
    let manager =
        json!({ "schemas": [USER, ENTERPRISE], "userName": "boss", ENTERPRISE: { "manager": "u17" } });
    let made = entra.post("/Users", manager).await;
    assert_eq!(
        made.body[ENTERPRISE]["manager"],
        json!({ "value": "u17" }),
        "E10: the reply has the complex form"
    );
    let path = format!("/Users/{}", made.id());
    let removed = entra
        .patch(&path, json!([{ "op": "Replace", "path": format!("{ENTERPRISE}:manager"), "value": "" }]))
        .await;
    assert!(removed.body.get(ENTERPRISE).is_none(), "{}", removed.body);
    for (name, value) in [("E18 empty", json!("")), ("E18 null", Value::Null)] {
        let set = entra.patch(&path, json!([{ "op": "Replace", "path": "title", "value": "Dr" }])).await;
        assert_eq!(set.body["title"], "Dr");
        let cleared = entra.patch(&path, json!([{ "op": "Replace", "path": "title", "value": value }])).await;
        assert_eq!((cleared.status, cleared.body.get("title")), (200, None), "{name}");
    }
    // E8 where another element is there already.
    let both = entra.post("/Users", json!({ "schemas": [USER], "userName": "two", "emails": [{ "type": "home", "value": "h@x.test" }] })).await;
    let changed = entra
        .patch(
            &format!("/Users/{}", both.id()),
            json!([{ "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "w@x.test" }]),
        )
        .await;
    assert_eq!(
        changed.body["emails"],
        json!([{ "type": "home", "value": "h@x.test" }, { "type": "work", "value": "w@x.test" }])
    );
}

#[tokio::test]
async fn e12_e13_e14_members_are_added_and_removed_one_by_one() {
    let entra = World::new().await.directory(Profile::Entra);
    let (a, b, c) = (entra.user("a").await, entra.user("b").await, entra.user("c").await);
    let group = entra.group("Ops", &[&a, &b]).await;
    let path = format!("/Groups/{group}");
    let removed =
        entra.patch(&path, json!([{ "op": "Remove", "path": "members", "value": [{ "value": b }] }])).await;
    assert_eq!(removed.status, 204);
    assert_eq!(entra.members(&group).await, [a.as_str()], "only the one that is named goes");
    let removed =
        entra.patch(&path, json!([{ "op": "Remove", "path": format!("members[value eq \"{a}\"]") }])).await;
    assert_eq!(removed.status, 204);
    assert!(entra.members(&group).await.is_empty());
    let mixed = json!([
        { "op": "Replace", "path": "displayName", "value": "Ops 2" },
        { "op": "Add", "path": "members", "value": [{ "value": a }, { "value": b }, { "value": c }] },
        { "op": "Remove", "path": "members", "value": [{ "value": a }] },
    ]);
    assert_eq!(entra.patch(&path, mixed).await.status, 204);
    assert_eq!(entra.members(&group).await, [b, c]);
    assert_eq!(entra.get(&path).await.body["displayName"], "Ops 2");
}

#[tokio::test]
async fn e20_the_base_may_have_a_query() {
    let world = World::new().await;
    let entra = world.directory(Profile::Entra);
    let caller =
        ciam_scim::service::Caller::new(&entra.connection, "https://id.example/scim/v2?aadOptscim062020");
    let request = http::Request::get(
        "https://id.example/scim/v2/Users?aadOptscim062020&filter=userName%20eq%20%22x%22",
    );
    let answer = world.service.handle(&caller, request.body(bytes::Bytes::new()).unwrap()).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn o01_o02_o03_o04_o05_a_user_of_okta() {
    let okta = World::new().await.directory(Profile::Okta);
    let found = okta
        .send(
            "GET",
            "/Users?filter=userName%20eq%20%22kim%40corp.test%22&startIndex=1&count=100",
            &[("user-agent", "Okta SCIM Client 1.0.0")],
            "",
        )
        .await;
    assert_eq!((found.status, &found.body["totalResults"]), (200, &json!(0)));
    let body = json!({
        "schemas": [USER], "userName": "kim@corp.test", "name": { "givenName": "Kim", "familyName": "C" },
        "emails": [{ "primary": true, "value": "kim@corp.test", "type": "work" }], "displayName": "Kim C",
        "locale": "en-US", "externalId": "00ukim", "groups": [], "password": "correct horse tmp1", "active": true,
    });
    let made = okta.post("/Users", body.clone()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(made.body.get("password").is_none() && !made.body.to_string().contains("tmp1"));
    assert_eq!(okta.post("/Users", body).await.error(), (409, "uniqueness"));
    let path = format!("/Users/{}", made.id());
    // The whole object comes back, with what is the server's.
    let mut whole = okta.get(&path).await.body;
    whole["displayName"] = json!("Kim D");
    whole["active"] = json!(false);
    let put = okta.put(&path, whole).await;
    assert_eq!(
        (put.status, &put.body["displayName"], &put.body["active"]),
        (200, &json!("Kim D"), &json!(false))
    );
    let activated = okta.patch(&path, json!([{ "op": "replace", "value": { "active": true } }])).await;
    assert_eq!((activated.status, &activated.body["active"]), (200, &json!(true)));
    let password =
        okta.patch(&path, json!([{ "op": "replace", "value": { "password": "n3w correct horse" } }])).await;
    assert_eq!(password.status, 200);
    assert!(!password.body.to_string().contains("n3w"));
}

#[tokio::test]
async fn o06_an_import_sees_everybody_once() {
    let okta = World::new().await.directory(Profile::Okta);
    for n in 0..25 {
        okta.user(&format!("user{n}")).await;
    }
    let mut seen = Vec::new();
    let mut start = 1;
    loop {
        let page = okta.get(&format!("/Users?startIndex={start}&count=10")).await.body;
        assert_eq!(page["totalResults"], 25);
        assert_eq!(page["startIndex"], start);
        let ids: Vec<String> = page["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(page["itemsPerPage"], ids.len());
        if ids.is_empty() {
            break;
        }
        start += ids.len();
        seen.extend(ids);
    }
    let count = seen.len();
    seen.dedup();
    assert_eq!((count, seen.len()), (25, 25));
}

#[tokio::test]
async fn o07_o08_o09_a_group_push() {
    let okta = World::new().await.directory(Profile::Okta);
    let (a, b) = (okta.user("a").await, okta.user("b").await);
    let made = okta.post("/Groups", json!({ "schemas": [GROUP], "displayName": "Ops", "members": [] })).await;
    assert_eq!(made.status, 201);
    let (group, path) = (made.id(), format!("/Groups/{}", made.id()));
    let renamed = okta
        .patch(&path, json!([{ "op": "replace", "value": { "id": group, "displayName": "Ops2" } }]))
        .await;
    assert_eq!((renamed.status, &renamed.body["displayName"]), (200, &json!("Ops2")));
    let wrong =
        okta.patch(&path, json!([{ "op": "replace", "value": { "id": a, "displayName": "Ops3" } }])).await;
    assert_eq!(wrong.error(), (400, "mutability"));
    assert_eq!(okta.get(&path).await.body["displayName"], "Ops2", "nothing changed");
    let members = json!([
        { "op": "remove", "path": format!("members[value eq \"{a}\"]") },
        { "op": "add", "path": "members", "value": [{ "value": b, "display": "kim@corp.test" }] },
    ]);
    assert_eq!(okta.patch(&path, members).await.status, 204);
    assert_eq!(okta.members(&group).await, [b.as_str()]);
    let full = json!([{ "op": "replace", "path": "members", "value": [{ "value": a }] }]);
    assert_eq!(okta.patch(&path, full).await.status, 204);
    assert_eq!(okta.members(&group).await, [a]);
}

#[tokio::test]
async fn o10_who_was_deactivated_comes_back_by_a_post() {
    let world = World::new().await;
    let body = |title: &str| json!({ "schemas": [USER], "userName": "kim@corp.test", "externalId": "00ukim", "title": title });
    let okta = world.directory(Profile::Okta);
    let made = okta.post("/Users", body("A")).await;
    let path = format!("/Users/{}", made.id());
    okta.patch(&path, json!([{ "op": "replace", "value": { "active": false } }])).await;
    let again = okta.post("/Users", body("B")).await;
    assert_eq!((again.status, again.id(), &again.body["title"]), (201, made.id(), &json!("B")));
    assert_ne!(again.body["active"], false);
    // Under the other profiles that is a conflict, and nothing changes.
    okta.patch(&path, json!([{ "op": "replace", "value": { "active": false } }])).await;
    let interop = world.directory(Profile::Interop);
    assert_eq!(interop.post("/Users", body("C")).await.error(), (409, "uniqueness"));
    assert_eq!(okta.get(&path).await.body["title"], "B");
}

#[tokio::test]
async fn o11_a_member_who_is_not_known() {
    let world = World::new().await;
    let okta = world.directory(Profile::Okta);
    let a = okta.user("a").await;
    let group = okta.group("Ops", &[]).await;
    world.events().await;
    let both = json!([{ "op": "add", "path": "members", "value": [{ "value": a }, { "value": "nobody" }] }]);
    assert_eq!(okta.patch(&format!("/Groups/{group}"), both.clone()).await.status, 204);
    assert_eq!(okta.members(&group).await, [a.as_str()]);
    let events = world.events().await;
    let event = events.iter().find(|it| it.event_type.as_str() == "ciam.scim.members.changed.v1").unwrap();
    assert_eq!((event.data["added"].as_u64(), event.data["unknown"].as_u64()), (Some(1), Some(1)));
    let strict = world.directory(Profile::Strict);
    let second = strict.group("Dev", &[]).await;
    assert_eq!(strict.patch(&format!("/Groups/{second}"), both).await.error(), (400, "invalidValue"));
    assert!(strict.members(&second).await.is_empty(), "nothing changed");
}

#[tokio::test]
async fn o12_content_types() {
    let okta = World::new().await.directory(Profile::Okta);
    for (at, (content_type, status)) in [
        ("application/json", 201),
        ("application/scim+json; charset=utf-8", 201),
        ("Application/SCIM+JSON", 201),
        ("text/plain", 415),
        ("application/xml", 415),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({ "schemas": [USER], "userName": format!("u{at}") }).to_string();
        let answer = okta.send("POST", "/Users", &[("content-type", content_type)], body).await;
        assert_eq!(answer.status, status, "{content_type}");
    }
}
