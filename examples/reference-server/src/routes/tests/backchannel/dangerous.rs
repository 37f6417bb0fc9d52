//! Answers for anybody, where the configuration dangerously says so.

use super::*;

fn answer(id: &str, action: &str) -> String {
    format!("/dangerous/answer?auth_req_id={id}&action={action}")
}

async fn post(shop: &Shop, path: &str) -> StatusCode {
    Browser::new(&shop.app).send(Request::post(path), "").await.status
}

#[tokio::test]
async fn a_suite_answers_for_its_person() {
    let shop = Shop::with("[dangerous]\nanswer_backchannel = true\n", "").await;
    let (yes, no) = (shop.begun("till", "").await, shop.begun("till", "").await);
    for (id, action) in [("made-up", "allow"), (yes.as_str(), "perhaps"), (yes.as_str(), "")] {
        assert!(post(&shop, &answer(id, action)).await.is_client_error(), "{id} {action}");
    }
    assert_eq!(post(&shop, &answer(&yes, "allow")).await, StatusCode::NO_CONTENT);
    assert_eq!(post(&shop, &answer(&no, "deny")).await, StatusCode::NO_CONTENT);
    assert!(post(&shop, &answer(&no, "allow")).await.is_client_error(), "of several answers one counts");
    assert_eq!(shop.poll("till", &yes).await.0, StatusCode::OK);
    assert_eq!(shop.refused("till", &no).await, "access_denied");
}

#[tokio::test]
async fn nobody_answers_for_anybody_elsewhere() {
    let shop = Shop::new().await;
    let id = shop.begun("till", "").await;
    assert_eq!(post(&shop, &answer(&id, "allow")).await, StatusCode::NOT_FOUND);
    assert_eq!(shop.refused("till", &id).await, "authorization_pending");
}

/// How often a person is asked is configured.
#[tokio::test]
async fn a_person_is_asked_as_often_as_configured() {
    let shop = Shop::with("requests_per_person = 2\n", "").await;
    for _ in 0..2 {
        shop.begun("till", "").await;
    }
    assert_eq!(shop.begin("till", "").await.0, StatusCode::TOO_MANY_REQUESTS);
    let person = "scope=openid&login_hint=grace%40example.com";
    assert_eq!(shop.send("till", "/bc-authorize", person).await.0, StatusCode::BAD_REQUEST, "nobody");
}
