//! Sign-in with a code by text message.

use ciam_core::account::{Identifier, IdentifierKey};
use ciam_core::assurance::Amr;
use ciam_core::store::{Batch, PageRequest, Write};
use http::StatusCode;

use crate::{
    app::App,
    testing::{Browser, Seen, account_of, app, mail, person},
};

const ADA: &str = "ada@example.com";
const PHONE: &str = "+436641234567";

async fn with_text_messages() -> App {
    let folder = std::env::temp_dir().join(format!("ciam-sms-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ciam.toml");
    std::fs::write(&file, "[sms]\nsign_in = true\n").unwrap();
    let app = app(&["--config", file.to_str().unwrap()]).await;
    person(&app, ADA).await;
    let store = app.ports().store();
    let mut account = store.account(account_of(&app, ADA).await).await.unwrap().unwrap().value;
    let phone = IdentifierKey::phone(PHONE).unwrap();
    account.identifiers.push(Identifier::verified(phone, app.ports().now()));
    assert!(store.commit(Batch::new().write(Write::PutAccount(account))).await.unwrap().is_applied());
    app
}

async fn ask(browser: &mut Browser, identifier: &str) -> Seen {
    let form = browser.get("/sign-in").await;
    let fields = [("identifier", identifier), ("password", ""), ("action", "sms")];
    browser.submit(&form, "/sign-in", &fields).await
}

#[tokio::test]
async fn a_code_by_text_message_signs_in_by_number_and_by_address() {
    let app = with_text_messages().await;
    let form = Browser::new(&app).get("/sign-in").await;
    assert!(form.says("Text me a code") && form.says("Email, phone number or username"), "{}", form.text);
    for identifier in ["+43 664 1234567", ADA] {
        let mut browser = Browser::new(&app);
        let verify = ask(&mut browser, identifier).await;
        assert!(verify.path.starts_with("/verify?journey="), "{}: {}", verify.path, verify.text);
        assert!(verify.says("Check your phone") && verify.says(identifier), "{}", verify.text);
        assert!(verify.text.contains("autocomplete=\"one-time-code\""), "{}", verify.text);
        let (_, code) = mail(&app, PHONE).await;
        let text = app.catcher().unwrap().messages()[0].text.text.clone();
        assert!(text.ends_with(&format!("@localhost #{code}")), "{text}");
        let done = browser.submit(&verify, "/verify", &[("code", &code), ("action", "verify")]).await;
        assert_eq!(done.path, "/account", "{}", done.text);
    }
    let sessions = &app.services().sessions;
    let list = sessions.list(account_of(&app, ADA).await, PageRequest::first(10)).await.unwrap().items;
    let by_sms = list.iter().filter(|it| it.value.context.proofs.iter().any(|proof| proof.amr == Amr::SMS));
    assert_eq!(by_sms.count(), 2);
}

#[tokio::test]
async fn whoever_asks_sees_the_same_and_a_number_without_an_account_gets_nothing() {
    let app = with_text_messages().await;
    let page = async |identifier: &str| {
        let mut browser = Browser::new(&app);
        let seen = ask(&mut browser, identifier).await;
        let hidden = seen.hidden("/verify");
        let text = seen.text.replace(identifier, "X");
        (seen.status, hidden.iter().fold(text, |text, (_, value)| text.replace(value.as_str(), "Y")))
    };
    let known = page(PHONE).await;
    assert_eq!(page("+436649999999").await, known);
    assert_eq!(page("nobody@example.com").await, known);
    mail(&app, PHONE).await;
    let to: Vec<_> = app.catcher().unwrap().messages().iter().map(|it| it.to.clone()).collect();
    assert!(!to.iter().any(|to| to.contains("999999") || to.contains("nobody")), "{to:?}");
}

#[tokio::test]
async fn where_it_is_not_set_up_there_is_no_button_and_no_way_around_it() {
    let app = app(&[]).await;
    person(&app, ADA).await;
    assert!(!Browser::new(&app).get("/sign-in").await.says("Text me a code"));
    let seen = ask(&mut Browser::new(&app), ADA).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(seen.says("This way to sign in is not available here"), "{}", seen.text);
}
