//! What an application asks a person to do once: shown as it is, and agreed to with a passkey alone.

use http::StatusCode;

use crate::testing::{Browser, Seen, app, sign_in};

const PASSWORD: &str = "quiet-river-lantern-42";
const PAYMENT: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"123.50"},"creditorName":"Merchant <A>","creditorAccount":{"iban":"DE02100100109307118603"},"remittanceInformationUnstructured":"Ref 1"}]"#;

fn request(details: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([
        ("response_type", "code"),
        ("client_id", "relying-party"),
        ("redirect_uri", "http://localhost:8081/callback"),
        ("scope", "openid"),
        ("state", "s"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
        ("authorization_details", details),
    ]);
    format!("/authorize?{}", query.finish())
}

fn callback(seen: &Seen, name: &str) -> Option<String> {
    let url = url::Url::parse(seen.location()?).ok()?;
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn a_payment_is_shown_whole_and_agreed_to_by_nobody_without_a_passkey() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    sign_in(&mut browser, "demo@example.com", PASSWORD).await;
    let page = browser.get(&request(PAYMENT)).await;
    assert!(page.path.starts_with("/consent?handle="), "{} {}", page.path, page.text);
    for text in
        ["EUR 123.50", "Merchant &#60;A&#62;", "DE02100100109307118603", "Ref 1", "Relying Party asks you"]
    {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    assert!(page.says("you have none yet") && !page.text.contains("value=\"allow\""), "{}", page.text);
    // The page has no button for it; what is posted all the same is looked at.
    for more in [vec![], vec![("response", "{}"), ("transaction", "x")]] {
        let fields = [vec![("decision", "allow")], more].concat();
        let refused = browser.submit(&page, "/consent", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{:?}", refused.location());
        assert!(refused.says("That was not confirmed"), "{}", refused.text);
    }
    let denied = browser.submit(&page, "/consent", &[("decision", "deny")]).await;
    assert_eq!(callback(&denied, "error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn what_the_page_could_not_show_is_refused_before_it() {
    let app = app(&[]).await;
    let mut browser = Browser::new(&app);
    sign_in(&mut browser, "demo@example.com", PASSWORD).await;
    for details in [
        PAYMENT.replace("payment_initiation", "account_information"),
        PAYMENT.replace("\"creditorName\"", "\"recurring\":true,\"creditorName\""),
        PAYMENT.replace("123.50", "-1"),
        PAYMENT.replace("Merchant <A>", "A\\u202eB"),
        "[]".to_owned(),
        "{}".to_owned(),
    ] {
        let seen = browser.get(&request(&details)).await;
        assert_eq!(
            callback(&seen, "error").as_deref(),
            Some("invalid_authorization_details"),
            "{details}: {} {}",
            seen.path,
            seen.text
        );
    }
}
