//! Consents to purposes whose words have changed.

use ciam_core::{memory, ports::Ports};
use http::StatusCode;

use crate::{
    app::App,
    testing::{Browser, PASSWORD, Seen, account_of, app_on, person},
};

const ADA: &str = "ada@example.com";
const PATH: &str = "/agree-again";

/// The server with two purposes in these versions.
async fn app(ports: &Ports, versions: [&str; 2]) -> App {
    let folder = std::env::temp_dir().join(format!("ciam-again-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let name = versions.join("-");
    let file = folder.join(format!("{name}-{}.toml", uuid()));
    let purpose = |(id, version): (&str, &str)| {
        format!(
            "[[purposes]]\nid = \"{id}\"\nversion = \"{version}\"\ntitle = \"The {id}\"\n\
             text = \"Words {version} of the {id}.\"\n"
        )
    };
    let text: String = ["newsletter", "survey"].into_iter().zip(versions).map(purpose).collect();
    std::fs::write(&file, text).unwrap();
    let app = app_on(&["--import", file.to_str().unwrap()], ports.clone()).await;
    std::fs::remove_file(file).unwrap();
    app
}

fn uuid() -> String {
    format!("{:?}", std::thread::current().id()).replace(|it: char| !it.is_alphanumeric(), "")
}

async fn arrive(app: &App) -> (Browser, Seen) {
    let mut browser = Browser::new(app);
    let form = browser.get("/sign-in?continue=%2Faccount%2Fsecurity").await;
    let seen = browser.submit(&form, "/sign-in", &[("identifier", ADA), ("password", PASSWORD)]).await;
    (browser, seen)
}

async fn consented(app: &App, purpose: &str) -> Option<String> {
    let account = account_of(app, ADA).await;
    app.services().consents().to_purpose(account, purpose).await.unwrap()?.version
}

#[tokio::test]
async fn new_words_are_asked_for_at_the_next_sign_in_and_old_ones_stay_until_then() {
    let ports = memory::ports();
    let before = app(&ports, ["1", "1"]).await;
    person(&before, ADA).await;
    let account = account_of(&before, ADA).await;
    for id in ["newsletter", "survey"] {
        let purpose = before.purpose(id).unwrap();
        before.allow_purpose(account, purpose, crate::i18n::Language::default(), "test").await.unwrap();
    }
    let (_, seen) = arrive(&before).await;
    assert_eq!(seen.path, "/account/security", "nothing has changed");

    let after = app(&ports, ["2", "2"]).await;
    let (mut browser, page) = arrive(&after).await;
    assert!(page.path.starts_with(&format!("{PATH}?then=")), "{} {}", page.path, page.text);
    assert!(page.says("Words 2 of the newsletter"), "{}", page.text);
    let list = browser.get("/account/privacy").await;
    assert!(list.says("The text has changed since you agreed to it"), "{}", list.text);
    assert_eq!(consented(&after, "newsletter").await.as_deref(), Some("1"), "nothing is taken for granted");

    // Nobody else goes this way, and a form of other words agrees to nothing.
    let mut eve = person(&after, "eve@example.com").await;
    assert_eq!(eve.get(&page.path).await.path, "/account/privacy");
    let mut stale = page.hidden(PATH);
    stale.iter_mut().filter(|it| it.0 == "version").for_each(|it| it.1 = "1".to_owned());
    stale.push(("action".to_owned(), "give".to_owned()));
    let seen = browser.post(PATH, &stale).await;
    browser.follow(seen).await;
    assert_eq!(consented(&after, "newsletter").await.as_deref(), Some("1"));

    let next = browser.submit(&page, PATH, &[("action", "give")]).await;
    assert_eq!(consented(&after, "newsletter").await.as_deref(), Some("2"));
    assert!(next.says("Words 2 of the survey"), "{}", next.text);
    let later = browser.submit(&next, PATH, &[("action", "later")]).await;
    assert_eq!(later.path, "/account/security", "{}", later.text);
    assert_eq!(consented(&after, "survey").await.as_deref(), Some("1"));

    let (mut browser, page) = arrive(&after).await;
    assert!(page.says("Words 2 of the survey"), "asked at the next sign-in again: {}", page.text);
    let done = browser.submit(&page, PATH, &[("action", "withdraw")]).await;
    assert_eq!(done.path, "/account/security", "{}", done.text);
    assert_eq!(consented(&after, "survey").await, None);
    let (_, seen) = arrive(&after).await;
    assert_eq!(seen.path, "/account/security", "everything is decided");
}

#[tokio::test]
async fn without_a_sign_in_there_is_nothing_to_see() {
    let app = app(&memory::ports(), ["1", "1"]).await;
    assert!(Browser::new(&app).get(&format!("{PATH}?then=x")).await.path.starts_with("/sign-in"));
    let mut ada = person(&app, ADA).await;
    assert_eq!(ada.get(&format!("{PATH}?then=x")).await.path, "/account/privacy");
    assert_eq!(ada.get(PATH).await.path, "/account/privacy");
    let page = ada.get("/account/privacy").await;
    let forged = ada.post(PATH, &page.hidden("/account/privacy")).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN, "the token of another form");
}
