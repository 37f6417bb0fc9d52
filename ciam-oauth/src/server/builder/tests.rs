use ciam_core::assurance::AcrLevel;
use ciam_core::memory;

use super::*;

fn complete() -> ServerBuilder {
    AuthorizationServer::builder(memory::ports())
        .issuer("https://id.example/shop".parse().unwrap())
        .interaction_url("/interaction/")
}

fn scope(value: &str) -> SupportedScope {
    SupportedScope::new(value.parse().unwrap(), value)
}

fn resource(identifier: &str, scopes: &str) -> ResourceServer {
    ResourceServer::new(identifier.parse().unwrap(), scopes.parse().unwrap())
}

fn lifetimes(change: fn(&mut Lifetimes)) -> ServerBuilder {
    let mut lifetimes = Lifetimes::default();
    change(&mut lifetimes);
    complete().lifetimes(lifetimes)
}

async fn fails(builder: ServerBuilder) -> String {
    builder.build().await.map(|_| ()).unwrap_err().to_string()
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let ports = memory::ports();
    assert_eq!(fails(AuthorizationServer::builder(ports.clone())).await, "`issuer` is not configured");
    let half = AuthorizationServer::builder(ports).issuer("https://id.example".parse().unwrap());
    assert_eq!(fails(half).await, "`interaction_url` is not configured");
    assert!(complete().build().await.is_ok());
}

#[tokio::test]
async fn without_resources_the_issuer_is_one() {
    let server = complete().scope(scope("a")).build().await.unwrap();
    let config = server.config();
    assert_eq!(config.default_resource.as_str(), "https://id.example/shop");
    assert!(config.resource(&config.default_resource).unwrap().scopes.contains("a"));
    assert_eq!(config.interaction_url, "https://id.example/shop/interaction/");
}

#[tokio::test]
async fn the_first_resource_is_the_default() {
    let two =
        || complete().resource(resource("https://z.example", "")).resource(resource("https://a.example", ""));
    let server = two().build().await.unwrap();
    assert_eq!(server.config().default_resource.as_str(), "https://z.example");
    let named = two().default_resource("https://a.example".parse().unwrap()).build().await.unwrap();
    assert_eq!(named.config().default_resource.as_str(), "https://a.example");
}

#[tokio::test]
async fn contradictions_are_refused() {
    let levels = vec![AcrLevel::new("one", 1, None), AcrLevel::new("one", 2, None)];
    let jwt = |alg: &str| {
        resource("https://a.example", "").with_format(TokenFormat::Jwt { alg: alg.parse().unwrap() })
    };
    let no_limit = Limits { max_value: 0, ..Limits::default() };
    let cases = [
        (complete().interaction_url("interaction/"), "the interaction URL must be"),
        (complete().interaction_url("//evil.example/"), "the interaction URL must be"),
        (complete().interaction_url("http://id.example/"), "the interaction URL must be"),
        (complete().interaction_url("javascript:alert(1)/"), "the interaction URL must be"),
        (complete().interaction_url("https://id.example/i"), "the interaction URL must be"),
        (complete().interaction_url("https://id.example/#/"), "the interaction URL must be"),
        (complete().scope(scope("a")).scope(scope("a")), "the scope `a` is configured twice"),
        (
            complete().scope(scope("a")).resource(resource("https://a.example", "")),
            "the scope `a` belongs to no resource",
        ),
        (
            complete().resource(resource("https://a.example", "b")),
            "the resource `https://a.example` has the scope `b`",
        ),
        (
            complete()
                .resource(resource("https://a.example", ""))
                .resource(resource("https://a.example", "")),
            "the resource `https://a.example` is configured twice",
        ),
        (
            complete().default_resource("https://a.example".parse().unwrap()),
            "the default resource is not configured",
        ),
        (complete().resource(jwt("HS256")), "`HS256` is not a supported algorithm"),
        (lifetimes(|l| l.code = Duration::hours(1)), "the lifetime `code` must be"),
        (lifetimes(|l| l.code = Duration::ZERO), "the lifetime `code` must be"),
        (lifetimes(|l| l.spent_code = l.code), "the lifetime `spent_code` must be"),
        (lifetimes(|l| l.access_token = Duration::days(2)), "the lifetime `access_token` must be"),
        (lifetimes(|l| l.pushed_request = Duration::SECOND), "the lifetime `pushed_request` must be"),
        (lifetimes(|l| l.interaction = Duration::SECOND), "the lifetime `interaction` must be"),
        (lifetimes(|l| l.refresh_idle = l.refresh_absolute * 2), "the lifetime `refresh_idle` must be"),
        (lifetimes(|l| l.refresh_retry = Duration::hours(1)), "the lifetime `refresh_retry` must be"),
        (complete().limits(no_limit), "a limit of zero"),
        (complete().acr(AcrLadder::new(levels)), "levels of assurance need different names"),
        (complete().without(Endpoint::Token), "only optional endpoints"),
        (
            complete().without(Endpoint::PushedAuthorizationRequest).require_pushed_requests(),
            "pushed requests are required and turned off",
        ),
        (complete().grants([GrantType::RefreshToken]), "refresh tokens come of grants by people"),
        (complete().grants([]), "no grant is on"),
    ];
    for (builder, start) in cases {
        let message = fails(builder).await;
        assert!(message.starts_with(start), "{message}");
    }
}
