//! Inviting a person from the command line.

use anyhow::Context as _;
use ciam_core::{
    account::{IdentifierKey, Profile},
    actor::Actor,
    journey::AccountInvitations,
    ports::Ports,
};

use crate::i18n::Language;

/// Invites a person to the tenant, and says until when the invitation is good.
///
/// # Errors
///
/// The address, the name or the language is none, somebody has the address, or a port fails.
pub async fn invite(
    ports: &Ports,
    email: &str,
    name: Option<&str>,
    language: &str,
) -> anyhow::Result<String> {
    let key = IdentifierKey::email(email).with_context(|| format!("`{email}` is not a mail address"))?;
    let language =
        Language::from_tag(language).with_context(|| format!("there are no letters in `{language}`"))?;
    let mut profile = Profile::new();
    if let Some(name) = name {
        let name = name.trim();
        let length = name.chars().count();
        anyhow::ensure!(
            (1..=MAX_NAME).contains(&length) && !name.chars().any(char::is_control),
            "a name has 1 to {MAX_NAME} characters"
        );
        profile.set("name", name)?;
    }
    let invitations = AccountInvitations::new(ports.clone());
    let languages = vec![language.code().to_owned()];
    let account = invitations
        .invite(&key, profile, languages, &Actor::system("command_line"))
        .await
        .with_context(|| format!("`{email}` is not invited"))?;
    Ok(format!("{} is invited; the running server sends the letter", account.id))
}

/// The longest name to be called by, in characters.
const MAX_NAME: usize = 128;

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::testing::{Browser, PASSWORD, account_of, app, mail};

    #[tokio::test]
    async fn an_invited_person_makes_their_account_where_nobody_may_register() {
        let app = app(&[]).await;
        let said = invite(app.ports(), "Grace@Example.com", Some("Grace Hopper"), "de").await.unwrap();
        let id = account_of(&app, "grace@example.com").await;
        assert!(said.starts_with(&id.to_string()), "{said}");
        let (subject, _) = mail(&app, "grace@example.com").await;
        assert!(subject.contains("Einladung") || subject.contains("eingeladen"), "{subject}");
        let text = app.catcher().unwrap().messages()[0].text.text.clone();
        let path = text.split_once("/invitation?token=").unwrap().1.split_whitespace().next().unwrap();
        let mut grace = Browser::new(&app);
        let page = grace.get(&format!("/invitation?token={path}")).await;
        let fields = [("action", "join"), ("name", ""), ("password", PASSWORD)];
        let seen = grace.submit(&page, "/invitation", &fields).await;
        assert_eq!((seen.path.as_str(), seen.status), ("/account", StatusCode::OK), "{}", seen.text);
        assert!(seen.says("Grace Hopper"), "{}", seen.text);
        assert_eq!(account_of(&app, "grace@example.com").await, id);
        // Who has an account is not invited again, and who was is not let in twice.
        assert!(invite(app.ports(), "grace@example.com", None, "en").await.is_err());
        assert_eq!(
            Browser::new(&app).get(&format!("/invitation?token={path}")).await.status,
            StatusCode::GONE
        );
    }

    #[tokio::test]
    async fn nonsense_is_not_invited() {
        let app = app(&[]).await;
        let long = "n".repeat(129);
        for (email, name, language) in [
            ("nonsense", None, "en"),
            ("a@example.com", Some(""), "en"),
            ("a@example.com", Some("a\u{7}b"), "en"),
            ("a@example.com", Some(long.as_str()), "en"),
            ("a@example.com", None, "tlh"),
        ] {
            assert!(invite(app.ports(), email, name, language).await.is_err(), "{email} {name:?} {language}");
        }
    }
}
