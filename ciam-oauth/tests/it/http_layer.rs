//! Methods, content types, bodies, origins: what every endpoint does the same way.

use bytes::Bytes;
use http::{Request, StatusCode};

use crate::support::{Browser, World, query, request};

#[tokio::test]
async fn other_methods_are_refused_with_the_allowed_ones() {
    let world = World::new().await;
    for (method, path, allow) in [
        ("PUT", "/authorize", "GET, POST"),
        ("HEAD", "/authorize", "GET, POST"),
        ("POST", "/authorize/resume/x", "GET"),
        ("GET", "/token", "POST"),
        ("GET", "/par", "POST"),
        ("OPTIONS", "/introspect", "POST"),
        ("GET", "/revoke", "POST"),
        ("GET", "/introspect", "POST"),
        ("DELETE", "/jwks", "GET, HEAD"),
        ("POST", "/.well-known/oauth-authorization-server", "GET, HEAD"),
    ] {
        let request = Request::builder().method(method).uri(path);
        let reply = Browser::new().send(&world, request, Bytes::new()).await;
        assert_eq!(reply.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let world = World::new().await;
    for path in [
        "/",
        "/authorize/",
        "/Authorize",
        "/token/x",
        "/authorize/resume",
        "/.well-known/openid-configuration",
    ] {
        let reply = Browser::new().get(&world, path).await;
        assert_eq!(reply.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

/// OpenID Connect Core, section 3.1.2.1: GET and POST. A form that another site posts comes without `SameSite` cookies; the
/// browser is sent round to bring them.
#[tokio::test]
async fn a_posted_request_without_cookies_goes_round_by_get() {
    let world = World::new().await;
    let mut signed_in = Browser::new();
    signed_in.sign_in(&world, &world.account().await).await;
    let params = request("own", &[("state", Some("a b&c"))]);

    let reply = Browser::new().post(&world, "/authorize", &params).await;
    assert_eq!(reply.status(), StatusCode::SEE_OTHER);
    // What was posted is in the address now: of this browser alone, and of nobody whom a page links to (S4).
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
    let location = reply.location().unwrap();
    assert!(location.as_str().starts_with("https://id.example/authorize?"));
    let path = location.as_str().strip_prefix("https://id.example").unwrap();
    let reply = signed_in.get(&world, path).await;
    assert_eq!(reply.param("state").as_deref(), Some("a b&c"));
    reply.code();

    // With cookies the post is answered as it is.
    signed_in.post(&world, "/authorize", &params).await.code();
}

/// What is too long for an address stays in the body: it is answered as if nobody were signed in.
#[tokio::test]
async fn a_posted_request_that_is_too_long_for_an_address_does_not_become_one() {
    let world = World::new().await;
    for (length, goes_round) in [(1_800, true), (2_100, false)] {
        let long = "x".repeat(length);
        let more = ["a", "b", "c", "d"].map(|name| (name, Some(long.as_str())));
        let params = request("own", &more);
        let reply = Browser::new().post(&world, "/authorize", &params).await;
        assert_eq!(reply.status(), StatusCode::SEE_OTHER);
        let location = reply.location().unwrap();
        assert_eq!(location.path() == "/authorize", goes_round, "{length} {location}");
        assert_eq!(location.path().starts_with("/interaction/"), !goes_round, "{length} {location}");
        assert!(location.as_str().len() < 9 * 1024);
    }
}

/// S3: a query beside a body is a second place to look.
#[tokio::test]
async fn a_post_with_a_query_or_another_content_type_is_refused() {
    let world = World::new().await;
    let mut browser = Browser::new();
    let reply = browser.post(&world, "/authorize?state=1", &request("own", &[])).await;
    assert_eq!((reply.status(), reply.location()), (StatusCode::BAD_REQUEST, None));
    for content_type in ["application/json", "multipart/form-data", "text/plain", ""] {
        let request_ = Request::post("/authorize").header("content-type", content_type);
        let reply = browser.send(&world, request_, Bytes::from(query(&request("own", &[])))).await;
        assert_eq!((reply.status(), reply.location()), (StatusCode::BAD_REQUEST, None), "{content_type}");
    }
    let huge = vec![("x", "y"); 20_000];
    let reply = browser.post(&world, "/authorize", &huge).await;
    assert_eq!((reply.status(), reply.location()), (StatusCode::BAD_REQUEST, None));
}

/// Every page and redirect of the authorization endpoint is for this browser, now, and in no frame.
#[tokio::test]
async fn s4_headers_of_pages_and_redirects() {
    let world = World::new().await;
    let mut browser = Browser::new();
    let interaction = browser.authorize(&world, &request("own", &[])).await;
    let page = browser.authorize(&world, &request("nobody", &[])).await;
    let error = browser.authorize(&world, &request("own", &[("scope", None)])).await;
    browser.sign_in(&world, &world.account().await).await;
    let code = browser.authorize(&world, &request("own", &[])).await;
    for reply in [interaction, page, error, code] {
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(reply.header("x-frame-options"), Some("DENY"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(reply.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
        if reply.location().is_some() {
            assert_eq!(reply.status(), StatusCode::SEE_OTHER, "303, never 307 (RFC 9700, section 4.12)");
        }
    }
}

/// The request's own headers never reach a URL of ours.
#[tokio::test]
async fn urls_come_of_the_issuer_alone() {
    let world = World::new().await;
    let request_ = Request::get(format!("https://evil.example/authorize?{}", query(&request("own", &[]))))
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example");
    let reply = Browser::new().send(&world, request_, Bytes::new()).await;
    assert!(reply.location().unwrap().as_str().starts_with("https://id.example/interaction/"));
    let request_ = Request::get("http://evil.example/.well-known/oauth-authorization-server")
        .header("host", "evil.example");
    let reply = Browser::new().send(&world, request_, Bytes::new()).await;
    assert!(!reply.body().contains("evil"));
}

#[tokio::test]
async fn public_documents_answer_a_preflight() {
    let world = World::new().await;
    let request_ = Request::builder()
        .method("OPTIONS")
        .uri("/.well-known/oauth-authorization-server")
        .header("origin", "https://spa.example");
    let reply = Browser::new().send(&world, request_, Bytes::new()).await;
    assert_eq!(reply.status(), StatusCode::NO_CONTENT);
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
}

/// A browser application of a registered origin reads the answers of the token endpoint; any other page does not.
#[tokio::test]
async fn a_registered_origin_reads_the_token_endpoint() {
    let world = World::new().await;
    world
        .change_client("app", |client| {
            client.allowed_origins = ["https://spa.example".to_owned()].into_iter().collect();
        })
        .await;
    let post = |origin: Option<&'static str>, client: &'static str| {
        let mut request_ =
            Request::post("/token").header("content-type", "application/x-www-form-urlencoded");
        if let Some(origin) = origin {
            request_ = request_.header("origin", origin);
        }
        let body = query(&[("grant_type", "authorization_code"), ("code", "x"), ("client_id", client)]);
        (request_, Bytes::from(body))
    };
    for (origin, client, allowed) in [
        (Some("https://spa.example"), "app", Some("https://spa.example")),
        (Some("https://spa.example"), "web", None),
        (Some("https://spa.example"), "nobody", None),
        (Some("https://evil.example"), "app", None),
        (Some("https://spa.example.evil.example"), "app", None),
        (Some("null"), "app", None),
        (None, "app", None),
    ] {
        let (request_, body) = post(origin, client);
        let reply = Browser::new().send(&world, request_, body).await;
        assert_eq!(reply.header("access-control-allow-origin"), allowed, "{origin:?} {client}");
        assert_eq!(reply.header("vary"), Some("Origin"));
        assert_eq!(reply.header("access-control-allow-credentials"), None);
    }
}

/// Which pages of other origins may call what: documents are everybody's, what applications in browsers call is for the origins that they
/// registered, and the rest is for no script.
#[tokio::test]
async fn every_endpoint_has_its_rule_for_other_origins() {
    let world = World::with(|builder| {
        builder
            .device(ciam_oauth::device::DeviceSettings::new(
                "https://id.example/device",
                "https://id.example/done",
            ))
            .registration(ciam_oauth::registration::RegistrationSettings::default().open())
            .status_lists(ciam_oauth::status_list::StatusListSettings::new())
    })
    .await;
    world
        .change_client("app", |client| {
            client.allowed_origins = ["https://spa.example".to_owned()].into_iter().collect();
        })
        .await;
    for (path, preflight, methods) in [
        ("/jwks", 204, Some("GET, HEAD")),
        ("/.well-known/oauth-authorization-server", 204, Some("GET, HEAD")),
        ("/status/x", 204, Some("GET, HEAD")),
        ("/token", 204, Some("POST")),
        ("/revoke", 204, Some("POST")),
        ("/par", 204, Some("POST")),
        ("/device_authorization", 204, Some("POST")),
        ("/introspect", 405, None),
        ("/authorize", 405, None),
        ("/authorize/resume/x", 405, None),
    ] {
        let asks = Request::builder().method("OPTIONS").uri(path).header("origin", "https://spa.example");
        let reply = Browser::new().send(&world, asks, Bytes::new()).await;
        assert_eq!(reply.status().as_u16(), preflight, "{path}");
        assert_eq!(reply.header("access-control-allow-methods"), methods, "{path}");
        assert_eq!(reply.header("access-control-allow-credentials"), None, "{path}");
        if methods != Some("POST") {
            continue;
        }
        for (origin, allowed) in
            [("https://spa.example", Some("https://spa.example")), ("https://evil.example", None)]
        {
            let posts = Request::post(path)
                .header("content-type", "application/x-www-form-urlencoded")
                .header("origin", origin);
            let body = Bytes::from(query(&[("client_id", "app"), ("token", "x")]));
            let reply = Browser::new().send(&world, posts, body).await;
            assert_eq!(reply.header("access-control-allow-origin"), allowed, "{path} {origin}");
        }
    }
}

#[tokio::test]
async fn the_public_keys_are_served() {
    let world = World::new().await;
    let reply = Browser::new().get(&world, "/jwks").await;
    assert_eq!(reply.status(), StatusCode::OK);
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert!(reply.header("cache-control").unwrap().starts_with("public, max-age="));
    let set: serde_json::Value = serde_json::from_str(reply.body()).unwrap();
    let keys = set["keys"].as_array().unwrap();
    assert!(!keys.is_empty());
    for key in keys {
        assert!(key.get("d").is_none() && key.get("k").is_none(), "a private member");
        assert!(key["kid"].is_string() && key["alg"].is_string());
    }
}

/// The typed methods can be spawned on a runtime of many threads.
#[tokio::test]
async fn the_futures_are_send() {
    fn assert_send<T: Send>(_: &T) {}
    let world = World::new().await;
    let (params, visitor) = (crate::support::owned(&[]), ciam_oauth::authorize::Visitor::default());
    let handle = crate::support::handle("x");
    let peer = ciam_core::http::Peer::new([127, 0, 0, 1].into());
    let decision = ciam_oauth::authorize::ConsentDecision::AllowAll;
    assert_send(&world.server.authorize(&params, &visitor));
    assert_send(&world.server.resume(&handle, &visitor));
    assert_send(&world.server.answer_consent(&handle, &visitor, decision));
    assert_send(&world.server.handle(Request::get("/").body(Bytes::new()).unwrap(), &peer));
    assert_send(&world.server.clients().get(&"web".parse().unwrap()));
}
