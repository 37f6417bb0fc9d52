//! Pages by index and by cursor (RFC 7644, section 3.4.2.4; RFC 9865), projections and order.

use ciam_scim::profile::Profile;
use serde_json::{Value, json};
use time::Duration;

use crate::world::{Directory, GROUP, USER, World};

async fn people(directory: &Directory, count: usize) {
    for n in 0..count {
        let body =
            json!({ "schemas": [USER], "userName": format!("user{n:03}"), "title": format!("{}", n % 3) });
        assert_eq!(directory.post("/Users", body).await.status, 201);
    }
}

fn ids(page: &Value) -> Vec<String> {
    let resources = page["Resources"].as_array().unwrap();
    resources.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

/// Walks with a cursor; what was seen, page by page.
async fn walk(directory: &Directory, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = directory.get(&format!("/Users?count=4&cursor={cursor}{query}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        pages.push(ids(&page.body));
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn cursors_show_everybody_once() {
    let directory = World::new().await.directory(Profile::Interop);
    people(&directory, 11).await;
    for query in [
        "",
        "&filter=title eq \"1\"",
        "&sortBy=title",
        "&sortBy=title&sortOrder=descending",
        "&filter=userName eq \"user001\" or userName eq \"user002\"",
    ] {
        let pages = walk(&directory, query).await;
        let all: Vec<String> = pages.concat();
        let whole = ids(&directory.get(&format!("/Users?count=100{query}")).await.body);
        assert_eq!(all, whole, "{query}");
        assert!(pages.iter().all(|page| page.len() <= 4), "{query}");
    }
}

#[tokio::test]
async fn who_stays_is_seen_once_while_others_come_and_go() {
    let directory = World::new().await.directory(Profile::Interop);
    people(&directory, 12).await;
    let everybody = ids(&directory.get("/Users?count=100").await.body);
    for query in ["", "&sortBy=title"] {
        let first = directory.get(&format!("/Users?count=4&cursor={query}")).await.body;
        let mut seen = ids(&first);
        let gone = seen[0].clone();
        directory.delete(&format!("/Users/{gone}")).await;
        directory.user(&format!("late{}", query.len())).await;
        let mut next = first["nextCursor"].as_str().map(ToOwned::to_owned);
        while let Some(cursor) = next {
            let page = directory.get(&format!("/Users?count=4&cursor={cursor}{query}")).await.body;
            seen.extend(ids(&page));
            next = page["nextCursor"].as_str().map(ToOwned::to_owned);
        }
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "nobody twice");
        let still = ids(&directory.get("/Users?count=100").await.body);
        for id in everybody.iter().filter(|id| still.contains(id)) {
            assert!(seen.contains(id), "nobody is missed");
        }
    }
}

#[tokio::test]
async fn cursors_that_are_not_good() {
    let world = World::new().await;
    let directory = world.directory(Profile::Interop);
    people(&directory, 6).await;
    people(&world.elsewhere(), 6).await;
    let cursor =
        directory.get("/Users?count=2&cursor=").await.body["nextCursor"].as_str().unwrap().to_owned();
    let flipped: String = {
        let mut bytes = cursor.clone().into_bytes();
        let at = bytes.len() / 2;
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let short = cursor.get(..cursor.len() / 2).unwrap();
    let long = "a".repeat(5_000);
    for (query, kind) in [
        (format!("count=2&cursor={flipped}"), "invalidCursor"),
        (format!("count=2&cursor={short}"), "invalidCursor"),
        (format!("count=2&cursor={long}"), "invalidCursor"),
        ("count=2&cursor=x".to_owned(), "invalidCursor"),
        (format!("count=2&cursor={cursor}&filter=title eq \"1\""), "invalidCursor"),
        (format!("count=2&cursor={cursor}&sortBy=title"), "invalidCursor"),
        (format!("count=2&cursor={cursor}&startIndex=1"), "invalidCursor"),
        (format!("count=3&cursor={cursor}"), "invalidCount"),
    ] {
        assert_eq!(directory.get(&format!("/Users?{query}")).await.error(), (400, kind), "{query}");
    }
    let elsewhere = world.elsewhere().get(&format!("/Users?count=2&cursor={cursor}")).await;
    assert_eq!(elsewhere.error(), (400, "invalidCursor"));
    assert_eq!(
        directory.get(&format!("/Groups?count=2&cursor={cursor}")).await.error(),
        (400, "invalidCursor")
    );
    assert_eq!(directory.get(&format!("/Users?count=2&cursor={cursor}")).await.status, 200);
    world.clock.advance(Duration::hours(2));
    assert_eq!(
        directory.get(&format!("/Users?count=2&cursor={cursor}")).await.error(),
        (400, "expiredCursor")
    );
}

#[tokio::test]
async fn a_cursor_of_another_secret_is_none() {
    let world = World::new().await;
    let directory = world.directory(Profile::Interop);
    people(&directory, 6).await;
    let cursor =
        directory.get("/Users?count=2&cursor=").await.body["nextCursor"].as_str().unwrap().to_owned();
    // The same people in the same store, and another key.
    let other = world.clone().with_another_key().await;
    let answer = other.directory(Profile::Interop).get(&format!("/Users?count=2&cursor={cursor}")).await;
    assert_eq!(answer.error(), (400, "invalidCursor"));
    assert_eq!(directory.get(&format!("/Users?count=2&cursor={cursor}")).await.status, 200);
}

#[tokio::test]
async fn what_the_store_counts_has_no_limit() {
    let mut directory = World::new().await.directory(Profile::Interop);
    people(&directory, 12).await;
    let off = directory.user("off").await;
    let deactivate = json!([{ "op": "replace", "path": "active", "value": false }]);
    directory.patch(&format!("/Users/{off}"), deactivate).await;
    let mut limits = *directory.world.service.limits();
    limits.max_scan = 5;
    directory.world.service = directory.world.service.clone().with_limits(limits);
    let everybody = {
        let mut all = Vec::new();
        for start in [1, 6, 11] {
            let page = directory.get(&format!("/Users?startIndex={start}&count=5")).await.body;
            assert_eq!((&page["totalResults"], &page["startIndex"]), (&json!(13), &json!(start)));
            all.extend(ids(&page));
        }
        all
    };
    assert_eq!(everybody.len(), 13);
    for (filter, total) in [
        ("active eq false", 1),
        ("active ne false", 12),
        ("not (active eq false)", 12),
        ("userName ne \"user003\"", 12),
        ("userName sw \"user\"", 12),
        ("userName sw \"user\" and not (userName eq \"user003\" or active eq false)", 11),
    ] {
        let page = directory.get(&format!("/Users?count=2&startIndex=2&filter={filter}")).await;
        assert_eq!(page.body["totalResults"], total, "{filter} {}", page.body);
        let expected = usize::try_from(total - 1).unwrap().min(2);
        assert_eq!(ids(&page.body).len(), expected, "{filter}");
        let only = directory.get(&format!("/Users?count=0&filter={filter}")).await.body;
        assert_eq!((&only["totalResults"], ids(&only).len()), (&json!(total), 0), "{filter}");
    }
    for filter in ["title eq \"1\"", "active ne false and title eq \"1\""] {
        assert_eq!(directory.get(&format!("/Users?filter={filter}")).await.error(), (400, "tooMany"));
    }
}

#[tokio::test]
async fn a_search_that_would_look_at_too_much_is_refused() {
    let mut directory = World::new().await.directory(Profile::Interop);
    people(&directory, 12).await;
    let mut limits = *directory.world.service.limits();
    limits.max_scan = 10;
    directory.world.service = directory.world.service.clone().with_limits(limits);
    assert_eq!(directory.get("/Users?filter=title eq \"1\"").await.error(), (400, "tooMany"));
    // What has an index does not look at everybody, and a cursor goes on where it was.
    assert_eq!(directory.get("/Users?filter=userName eq \"user003\"").await.body["totalResults"], 1);
    assert_eq!(walk(&directory, "").await.concat().len(), 12);
}

#[tokio::test]
async fn several_kinds_are_searched_at_once() {
    let directory = World::new().await.directory(Profile::Interop);
    let user = directory.user("kim").await;
    let group = directory.group("kim", &[&user]).await;
    let found = directory.get("/?filter=userName eq \"kim\" or displayName eq \"kim\"").await;
    assert_eq!(ids(&found.body), [user.clone(), group.clone()]);
    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": format!("id eq \"{group}\""), "attributes": ["displayName"] });
    let found = directory.post("/.search", body).await;
    assert_eq!(found.body["Resources"], json!([{ "schemas": [GROUP], "id": group, "displayName": "kim" }]));
    assert_eq!(directory.get("/?filter=foo eq 1").await.body["totalResults"], 0);
}

#[tokio::test]
async fn a_cursor_leads_back_as_well() {
    let directory = World::new().await.directory(Profile::Interop);
    people(&directory, 11).await;
    for query in ["", "&sortBy=title", "&filter=title eq \"1\" or title eq \"2\""] {
        let forward = walk(&directory, query).await;
        assert!(forward.len() > 1, "{query}");
        let mut page = directory.get(&format!("/Users?count=4&cursor={query}")).await.body;
        assert!(page.get("previousCursor").is_none(), "{query}: nothing is before the first page");
        while let Some(next) = page["nextCursor"].as_str().map(ToOwned::to_owned) {
            page = directory.get(&format!("/Users?count=4&cursor={next}{query}")).await.body;
        }
        let mut back = vec![ids(&page)];
        while let Some(previous) = page["previousCursor"].as_str().map(ToOwned::to_owned) {
            page = directory.get(&format!("/Users?count=4&cursor={previous}{query}")).await.body;
            back.push(ids(&page));
        }
        back.reverse();
        assert_eq!(back, forward, "{query}");
    }
}
