//! Interactions: single-use, bound to the browser, decided once.

use std::sync::Arc;

use ciam_core::http::BrowserId;
use ciam_core::interaction::{Ask, InteractionError, InteractionHandle, Interactions, Json, SignInAsk};
use ciam_core::memory;
use ciam_core::testkit::{ManualClock, SeededEntropy};
use futures_util::future::join_all;
use serde_json::json;
use time::Duration;

struct Setting {
    clock: Arc<ManualClock>,
    interactions: Interactions,
    browser: BrowserId,
    other: BrowserId,
    handle: InteractionHandle,
}

async fn setting() -> Setting {
    let clock = Arc::new(ManualClock::default());
    let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(3)));
    let browser = BrowserId::generate(ports.entropy()).unwrap();
    let other = BrowserId::generate(ports.entropy()).unwrap();
    let interactions = Interactions::new(ports);
    let ask = Ask::SignIn(SignInAsk::default());
    let resume = |handle: &InteractionHandle| format!("/resume/{}", handle.expose());
    let request = Json::of(&json!({ "scope": "openid" })).unwrap();
    let handle = interactions.open(&browser, "test", request, ask, resume).await.unwrap();
    Setting { clock, interactions, browser, other, handle }
}

#[tokio::test]
async fn only_the_browser_that_began_it_sees_it() {
    let s = setting().await;
    let found = s.interactions.load(&s.handle, Some(&s.browser)).await.unwrap();
    assert_eq!(found.resume_url, format!("/resume/{}", s.handle.expose()));
    for browser in [Some(&s.other), None] {
        let refused = s.interactions.load(&s.handle, browser).await;
        assert!(matches!(refused, Err(InteractionError::OtherBrowser)), "{refused:?}");
    }
    let unknown = InteractionHandle::from_text("unheard-of");
    let missing = s.interactions.load(&unknown, Some(&s.browser)).await;
    assert!(matches!(missing, Err(InteractionError::NotFound)), "{missing:?}");
}

#[tokio::test]
async fn of_many_tabs_one_changes_it_and_one_finishes_it() {
    let s = setting().await;
    let read = s.interactions.load(&s.handle, Some(&s.browser)).await.unwrap();
    let changes = join_all((0..16).map(|n| {
        let mut next = read.clone();
        next.answers = Some(Json::of(&json!({ "tab": n })).unwrap());
        s.interactions.update(&s.handle, &read, next)
    }))
    .await;
    assert_eq!(changes.iter().filter(|change| change.is_ok()).count(), 1);
    let stale = s.interactions.finish(&s.handle, &read).await;
    assert!(matches!(stale, Err(InteractionError::Changed)), "{stale:?}");
    let read = s.interactions.load(&s.handle, Some(&s.browser)).await.unwrap();
    let ends = join_all((0..16).map(|_| s.interactions.finish(&s.handle, &read))).await;
    assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1);
    let replayed = s.interactions.load(&s.handle, Some(&s.browser)).await;
    assert!(matches!(replayed, Err(InteractionError::NotFound)), "{replayed:?}");
}

#[tokio::test]
async fn it_ends_when_its_time_is_over_and_changes_do_not_prolong_it() {
    let s = setting().await;
    s.clock.advance(Duration::minutes(29));
    let read = s.interactions.load(&s.handle, Some(&s.browser)).await.unwrap();
    s.interactions.update(&s.handle, &read, read.clone()).await.unwrap();
    s.clock.advance(Duration::minutes(1));
    let late = s.interactions.load(&s.handle, Some(&s.browser)).await;
    assert!(matches!(late, Err(InteractionError::NotFound)), "{late:?}");
}
