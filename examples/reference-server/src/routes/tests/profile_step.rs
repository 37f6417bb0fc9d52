//! What is missing in a profile is asked for in words, in the language of the person.

use http::StatusCode;

use crate::testing::{Browser, PASSWORD, Seen, app, mail};

const FILE: &str = r#"
[attributes.company_size]
type = { integer = { min = 1, max = 100000 } }
required = ["at_sign_up"]

[attributes.newsletter]
type = "boolean"
required = ["at_sign_up"]

[attribute_labels.company_size]
en = "People in your company"
fr = "Personnes dans votre entreprise"
de = "Menschen in Ihrem Unternehmen"

[attribute_labels.newsletter]
en = "Send me the newsletter"
"#;

/// The step at which a person is asked, who signs up in this language.
async fn asked(browser: &mut Browser, app: &crate::app::App, language: &str) -> Seen {
    let email = format!("ada.{language}@example.com");
    let page = browser.get(&format!("/sign-up?ui_locales={language}")).await;
    let fields = [("email", email.as_str()), ("name", "Ada"), ("password", PASSWORD)];
    let verify = browser.submit(&page, "/sign-up", &fields).await;
    let (_, code) = mail(app, &email).await;
    browser.submit(&verify, "/verify", &[("code", &code), ("action", "verify")]).await
}

#[tokio::test]
async fn attributes_are_asked_for_by_their_names_and_complained_about_in_words() {
    let folder = std::env::temp_dir().join(format!("ciam-profile-step-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("import.toml");
    std::fs::write(&file, FILE).unwrap();
    let app = app(&["--import", file.to_str().unwrap()]).await;
    for (language, size, news, yes) in [
        ("en", "People in your company", "Send me the newsletter", "Yes"),
        ("fr", "Personnes dans votre entreprise", "Send me the newsletter", "Oui"),
        ("de", "Menschen in Ihrem Unternehmen", "Send me the newsletter", "Ja"),
    ] {
        let mut browser = Browser::new(&app);
        let page = asked(&mut browser, &app, language).await;
        assert!(page.path.starts_with("/complete?journey="), "{} {}", page.path, page.text);
        for words in [size, news, yes] {
            assert!(page.says(&format!(">{words}<")), "{language}: {words} in {}", page.text);
        }
        assert!(!page.says(">company_size<") && !page.says(">newsletter<"), "no raw names");
        let wrong =
            browser.submit(&page, "/complete", &[("company_size", "0"), ("newsletter", "true")]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(wrong.says("100000"), "what would be right is said: {}", wrong.text);
        assert!(
            wrong.text.contains("value=\"0\"") && wrong.text.contains("value=\"true\" selected"),
            "{}",
            wrong.text
        );
        let done =
            browser.submit(&wrong, "/complete", &[("company_size", "12"), ("newsletter", "true")]).await;
        assert_eq!(done.path, "/account", "{}", done.text);
        let profile = browser.get("/account/profile").await;
        assert!(profile.says(size) && profile.says(news), "{language}: {}", profile.text);
    }
    std::fs::remove_dir_all(folder).unwrap();
}
