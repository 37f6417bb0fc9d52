//! S11: what an attacker, another tab or another person can do to an interaction. Nothing.

use ciam_core::http::BROWSER_COOKIE;
use ciam_core::interaction::{Ask, Interactions};
use ciam_oauth::authorize::{ConsentDecision, InteractionAnswer, Visitor};
use ciam_oauth::error::AnswerError;
use http::StatusCode;
use time::Duration;

use crate::support::{Browser, CALLBACK, World, handle, request};

async fn signed_in(world: &World) -> Browser {
    let mut browser = Browser::new();
    browser.sign_in(world, &world.account().await).await;
    browser
}

async fn ask(world: &World, browser: &Browser, text: &str) -> Ask {
    let visitor = browser.visitor(world).await;
    world.server.interaction(&handle(text), visitor.browser.as_ref()).await.unwrap().ask
}

async fn allow(world: &World, browser: &Browser, text: &str) -> Result<String, AnswerError> {
    let visitor = browser.visitor(world).await;
    world.server.answer_consent(&handle(text), &visitor, ConsentDecision::AllowAll).await
}

/// (a) Started in one browser, it is nothing in another: neither shown, nor answered, nor resumed.
#[tokio::test]
async fn s11_a_another_browser_can_do_nothing() {
    let world = World::new().await;
    let mut attacker = signed_in(&world).await;
    let text = attacker.authorize(&world, &request("web", &[])).await.handle();
    let mut victim = signed_in(&world).await;
    let own_cookie = {
        victim.authorize(&world, &request("web", &[])).await;
        victim.binding().unwrap().to_owned()
    };
    for cookie in [None, Some(own_cookie), Some("x".repeat(43)), Some(String::new())] {
        match cookie {
            Some(cookie) => victim.cookies.insert(BROWSER_COOKIE.to_owned(), cookie),
            None => victim.cookies.remove(BROWSER_COOKIE),
        };
        let visitor = victim.visitor(&world).await;
        assert!(world.server.interaction(&handle(&text), visitor.browser.as_ref()).await.is_err());
        assert!(matches!(allow(&world, &victim, &text).await, Err(AnswerError::Interaction)));
        assert!(world.server.cancel(&handle(&text), visitor.browser.as_ref()).await.is_err());
        let reply = victim.resume(&world, &text).await;
        assert_eq!(reply.status(), StatusCode::GONE);
        assert_eq!(reply.location(), None);
    }
    assert!(matches!(ask(&world, &attacker, &text).await, Ask::Consent(_)), "it is untouched");
}

/// (a) What another protocol asks is not an authorization request, whatever it looks like: its own browser gets nothing of it here.
#[tokio::test]
async fn s11_a_an_interaction_of_another_protocol_is_none_of_ours() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    let text = browser.authorize(&world, &request("web", &[])).await.handle();
    let visitor = browser.visitor(&world).await;
    let interactions = Interactions::new(world.ports.clone());
    let read = interactions.load(&handle(&text), visitor.browser.as_ref()).await.unwrap();
    let mut next = read.clone();
    next.protocol = "saml".to_owned();
    let next = interactions.update(&handle(&text), &read, next).await.unwrap();
    assert!(world.server.interaction(&handle(&text), visitor.browser.as_ref()).await.is_err());
    assert!(matches!(allow(&world, &browser, &text).await, Err(AnswerError::Interaction)));
    assert!(world.server.cancel(&handle(&text), visitor.browser.as_ref()).await.is_err());
    assert_eq!(browser.resume(&world, &text).await.status(), StatusCode::GONE);
    // It is that, and nothing else.
    let mut ours = next.clone();
    ours.protocol = read.protocol.clone();
    interactions.update(&handle(&text), &next, ours).await.unwrap();
    assert!(matches!(ask(&world, &browser, &text).await, Ask::Consent(_)));
}

/// A page of the same process spares the browser a redirect, and nothing else: everything is checked as at the resume endpoint.
#[tokio::test]
async fn s11_a_going_on_in_place_is_resuming() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    let text = browser.authorize(&world, &request("web", &[])).await.handle();
    let visitor = browser.visitor(&world).await;
    let stranger = signed_in(&world).await.visitor(&world).await;

    let early = world.server.go_on(&handle(&text), &visitor).await;
    let location = early.headers()["location"].to_str().unwrap();
    assert!(location.ends_with(&text), "nobody has allowed anything: {location}");
    allow(&world, &browser, &text).await.unwrap();
    assert_eq!(world.server.go_on(&handle(&text), &stranger).await.status(), StatusCode::GONE);
    let done = world.server.go_on(&handle(&text), &visitor).await;
    assert_eq!(done.status(), StatusCode::SEE_OTHER);
    let location = done.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(&format!("{CALLBACK}?code=")), "{location}");
    assert_eq!(done.headers()["cache-control"], "no-store");
    assert_eq!(world.server.go_on(&handle(&text), &visitor).await.status(), StatusCode::GONE, "once");
    assert_eq!(browser.resume(&world, &text).await.status(), StatusCode::GONE);
}

/// An answer that goes on in place is checked as one that is stored, and gives one code.
#[tokio::test]
async fn s11_a_answering_in_place_is_answering() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    let text = browser.authorize(&world, &request("web", &[])).await.handle();
    let name = handle(&text);
    let visitor = browser.visitor(&world).await;
    let stranger = signed_in(&world).await.visitor(&world).await;
    let other = Visitor::new(visitor.browser.clone(), stranger.signed_in.clone());
    let nobody = Visitor::new(visitor.browser.clone(), None);
    let all = || InteractionAnswer::Consent(ConsentDecision::AllowAll);
    let too_much = InteractionAnswer::Consent(ConsentDecision::Allow("orders:read".parse().unwrap()));

    let go_on = |visitor, answer| world.server.go_on_with(&name, visitor, answer);
    assert!(matches!(go_on(&stranger, all()).await, Err(AnswerError::Interaction)));
    assert!(matches!(go_on(&other, all()).await, Err(AnswerError::OtherAccount)));
    assert!(matches!(go_on(&nobody, all()).await, Err(AnswerError::SignedOut)));
    assert!(matches!(go_on(&visitor, InteractionAnswer::Account).await, Err(AnswerError::NotAsked)));
    assert!(matches!(go_on(&visitor, InteractionAnswer::CannotStepUp).await, Err(AnswerError::NotAsked)));
    assert!(matches!(go_on(&visitor, too_much).await, Err(AnswerError::ScopeNotAsked)));

    let attempts = (0..32).map(|_| go_on(&visitor, all()));
    let replies: Vec<_> =
        futures_util::future::join_all(attempts).await.into_iter().filter_map(Result::ok).collect();
    let codes = replies.iter().filter(|reply| leads_to(reply, &format!("{CALLBACK}?code=")));
    assert_eq!(codes.count(), 1);
    assert!(replies.iter().all(|reply| reply.headers()["cache-control"] == "no-store"));
    assert!(matches!(go_on(&visitor, all()).await, Err(AnswerError::Interaction)), "once");

    let again = request("web", &[("prompt", Some("consent"))]);
    let refused = browser.authorize(&world, &again).await.handle();
    let no = InteractionAnswer::Consent(ConsentDecision::Deny);
    let reply = world.server.go_on_with(&handle(&refused), &visitor, no).await.unwrap();
    assert!(leads_to(&reply, &format!("{CALLBACK}?error=access_denied")), "{reply:?}");
}

/// What was answered in place is not asked again when something else is asked.
#[tokio::test]
async fn s11_b_answers_in_place_add_up() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    let params = request("web", &[("prompt", Some("select_account"))]);
    let text = browser.authorize(&world, &params).await.handle();
    let visitor = browser.visitor(&world).await;
    assert!(matches!(ask(&world, &browser, &text).await, Ask::SelectAccount(_)));
    let next = world.server.go_on_with(&handle(&text), &visitor, InteractionAnswer::Account).await.unwrap();
    assert!(next.headers()["location"].to_str().unwrap().ends_with(&text), "{next:?}");
    assert!(matches!(ask(&world, &browser, &text).await, Ask::Consent(_)));
    let all = InteractionAnswer::Consent(ConsentDecision::AllowAll);
    let done = world.server.go_on_with(&handle(&text), &visitor, all).await.unwrap();
    assert!(leads_to(&done, &format!("{CALLBACK}?code=")), "{done:?}");
}

fn leads_to(response: &http::Response<bytes::Bytes>, place: &str) -> bool {
    response.headers().get("location").is_some_and(|it| it.to_str().unwrap().starts_with(place))
}

/// (b) Coming back is not a proof: everything is checked again, against what is true now.
#[tokio::test]
async fn s11_b_every_check_runs_again_at_resume() {
    let world = World::new().await;
    for (change, outcome) in [
        ("redirect_uri", "page"),
        ("grant", "unauthorized_client"),
        ("scope", "invalid_scope"),
        ("resource", "invalid_target"),
        ("push", "invalid_request"),
        ("delete", "page"),
    ] {
        let mut browser = signed_in(&world).await;
        let original = world.client("web").await.value;
        let params =
            request("web", &[("resource", Some("https://stock.example")), ("scope", Some("orders:read"))]);
        let text = browser.authorize(&world, &params).await.handle();
        allow(&world, &browser, &text).await.unwrap();
        if change == "delete" {
            world.server.clients().delete(&original.id).await.unwrap();
        } else {
            world
                .change_client("web", |client| match change {
                    "redirect_uri" => client.redirect_uris = vec!["https://app.example/2".parse().unwrap()],
                    "grant" => client.grants.clear(),
                    "scope" => client.scopes = "profile:read".parse().unwrap(),
                    "resource" => client.resources.clear(),
                    _ => client.require_pushed_requests = true,
                })
                .await;
        }
        let reply = browser.resume(&world, &text).await;
        if outcome == "page" {
            assert_eq!(reply.location(), None, "{change}");
            assert_eq!(reply.status(), StatusCode::BAD_REQUEST, "{change}");
        } else {
            assert_eq!(reply.error(), outcome, "{change}");
        }
        world.server.clients().put(original).await.unwrap();
    }
}

/// (b) A session that ended meanwhile is a session that there is not.
#[tokio::test]
async fn s11_b_signing_out_in_between_asks_again() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    let text = browser.authorize(&world, &request("web", &[])).await.handle();
    allow(&world, &browser, &text).await.unwrap();
    let session = browser.visitor(&world).await.session().unwrap().id;
    world.server.sessions().end(session, ciam_core::session::SessionEnd::SignedOut).await.unwrap();
    assert_eq!(browser.resume(&world, &text).await.handle(), text);
    assert!(matches!(ask(&world, &browser, &text).await, Ask::SignIn(_)));
}

/// (b) Consent of one person is not another's, and not that of the same person in another session.
#[tokio::test]
async fn s11_b_a_new_sign_in_does_not_inherit_the_consent() {
    let world = World::new().await;
    let person = world.account().await;
    let mut browser = Browser::new();
    browser.sign_in(&world, &person).await;
    let text = browser.authorize(&world, &request("web", &[])).await.handle();
    allow(&world, &browser, &text).await.unwrap();
    browser.sign_out();
    assert_eq!(browser.resume(&world, &text).await.handle(), text);
    world.clock.advance(Duration::seconds(1));
    browser.sign_in(&world, &world.account().await).await;
    assert_eq!(browser.resume(&world, &text).await.handle(), text);
    assert!(matches!(ask(&world, &browser, &text).await, Ask::Consent(_)));
}

/// (c), (d) Two tabs, or the same request twice: one code.
#[tokio::test]
async fn s11_d_concurrent_resumes_make_one_code() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    let text = browser.authorize(&world, &request("web", &[])).await.handle();
    allow(&world, &browser, &text).await.unwrap();
    let attempts = (0..32).map(|_| {
        let (mut tab, text, world) = (browser.clone(), text.clone(), &world);
        async move { tab.resume(world, &text).await }
    });
    let replies = futures_util::future::join_all(attempts).await;
    let codes = replies.iter().filter(|reply| reply.param("code").is_some()).count();
    assert_eq!(codes, 1);
    for reply in replies.iter().filter(|reply| reply.location().is_none()) {
        assert_eq!(reply.status(), StatusCode::GONE);
    }
    // (d) And never again.
    assert_eq!(browser.resume(&world, &text).await.status(), StatusCode::GONE);
}

/// (c) Of two answers from two tabs one is taken.
#[tokio::test]
async fn s11_c_concurrent_answers_one_wins() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    let text = browser.authorize(&world, &request("web", &[])).await.handle();
    let visitor = browser.visitor(&world).await;
    let name = handle(&text);
    let (yes, no) = tokio::join!(
        world.server.answer_consent(&name, &visitor, ConsentDecision::AllowAll),
        world.server.answer_consent(&name, &visitor, ConsentDecision::Deny),
    );
    // In-memory calls do not interleave by themselves; either both were taken in turn, or one lost.
    let reply = browser.resume(&world, &text).await;
    match (yes, no) {
        (Ok(_), Err(AnswerError::Interaction)) => drop(reply.code()),
        _ => assert_eq!(reply.error(), "access_denied", "a refusal is never lost"),
    }
}

/// (f) Somebody else signed in meanwhile: the page says so before anything goes on.
#[tokio::test]
async fn s11_f_a_change_of_account_is_put_before_the_person() {
    let world = World::new().await;
    let (first, second) = (world.account().await, world.account().await);
    let mut browser = Browser::new();
    browser.sign_in(&world, &first).await;
    let text = browser.authorize(&world, &request("web", &[])).await.handle();
    // In another tab, by another site's doing perhaps.
    world.clock.advance(Duration::seconds(1));
    browser.sign_in(&world, &second).await;

    assert!(matches!(allow(&world, &browser, &text).await, Err(AnswerError::OtherAccount)));
    assert_eq!(browser.resume(&world, &text).await.handle(), text);
    let Ask::SelectAccount(asked) = ask(&world, &browser, &text).await else { panic!() };
    assert_eq!(asked.reasons, ["account_changed"]);
    let visitor = browser.visitor(&world).await;
    world.server.answer_account(&handle(&text), &visitor).await.unwrap();
    assert_eq!(browser.resume(&world, &text).await.handle(), text);
    assert!(matches!(ask(&world, &browser, &text).await, Ask::Consent(_)), "the second person is asked");
    allow(&world, &browser, &text).await.unwrap();
    let code = browser.resume(&world, &text).await.code();
    assert_eq!(world.code(&code).await.account, second.value.id);
}

#[tokio::test]
async fn stopping_is_access_denied_at_any_question() {
    let world = World::new().await;
    let person = world.account().await;
    for signed_in in [false, true] {
        let mut browser = Browser::new();
        if signed_in {
            browser.sign_in(&world, &person).await;
        }
        let text = browser.authorize(&world, &request("web", &[])).await.handle();
        let visitor = browser.visitor(&world).await;
        let back = world.server.cancel(&handle(&text), visitor.browser.as_ref()).await.unwrap();
        assert_eq!(back, format!("https://id.example/authorize/resume/{text}"));
        let reply = browser.resume(&world, &text).await;
        assert!(reply.location().unwrap().as_str().starts_with(CALLBACK));
        assert_eq!(reply.error(), "access_denied");
        assert_eq!(browser.resume(&world, &text).await.status(), StatusCode::GONE);
    }
}

#[tokio::test]
async fn only_what_is_asked_can_be_answered() {
    let world = World::new().await;
    let mut browser = Browser::new();
    let sign_in = browser.authorize(&world, &request("web", &[])).await.handle();
    let nobody = browser.visitor(&world).await;
    assert!(matches!(allow(&world, &browser, &sign_in).await, Err(AnswerError::NotAsked)));
    assert!(matches!(
        world.server.answer_account(&handle(&sign_in), &nobody).await,
        Err(AnswerError::NotAsked)
    ));
    assert!(matches!(
        world.server.answer_cannot_step_up(&handle(&sign_in), nobody.browser.as_ref()).await,
        Err(AnswerError::NotAsked)
    ));
    browser.sign_in(&world, &world.account().await).await;
    browser.resume(&world, &sign_in).await;
    browser.sign_out();
    assert!(matches!(allow(&world, &browser, &sign_in).await, Err(AnswerError::SignedOut)));
}

#[tokio::test]
async fn an_interaction_ends_after_its_time() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    let text = browser.authorize(&world, &request("web", &[])).await.handle();
    world.clock.advance(Duration::minutes(29));
    assert_eq!(browser.resume(&world, &text).await.handle(), text);
    world.clock.advance(Duration::minutes(2));
    let reply = browser.resume(&world, &text).await;
    assert_eq!(reply.status(), StatusCode::GONE);
    assert!(reply.body().contains("expired"));
}

#[tokio::test]
async fn a_handle_that_never_was_is_a_page() {
    let world = World::new().await;
    let mut browser = signed_in(&world).await;
    browser.authorize(&world, &request("web", &[])).await.handle();
    for text in ["x", &"A".repeat(43), "..%2f..", &"x".repeat(5000)] {
        let reply = browser.resume(&world, text).await;
        assert_eq!(reply.status(), StatusCode::GONE, "{text}");
        assert_eq!(reply.location(), None);
    }
}

/// The browser's secret is set once and kept: a second request does not end the first.
#[tokio::test]
async fn two_interactions_share_the_browsers_cookie() {
    let world = World::new().await;
    let mut browser = Browser::new();
    let first = browser.authorize(&world, &request("own", &[])).await.handle();
    let cookie = browser.binding().unwrap().to_owned();
    let again = browser.authorize(&world, &request("own", &[])).await;
    assert_eq!(again.header("set-cookie"), None);
    assert_eq!(browser.binding(), Some(cookie.as_str()));
    browser.sign_in(&world, &world.account().await).await;
    browser.resume(&world, &first).await.code();
    browser.resume(&world, &again.handle()).await.code();
}
