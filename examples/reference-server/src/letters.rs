//! What messages to people say.

use std::sync::Arc;

use ciam_adapters::mail_text::{MailText, MailTexts};
use ciam_core::{
    error::PortError,
    notify::{Channel, Message, MessageCode},
};

use serde::Serialize;

mod journey;
mod request;
mod risk;

use crate::{
    i18n::{Language, MailTexts as Words, Message as Text},
    templates::Templates,
};

/// Writes messages in the recipient's language, in the words of the catalogue.
#[derive(Clone, Debug)]
pub struct Letters {
    templates: Arc<Templates>,
    product: String,
    sign_in: String,
    link: String,
}

/// The template of all letters.
#[derive(Serialize)]
struct Letter<'a> {
    before: Vec<String>,
    highlight: &'a str,
    after: Vec<String>,
    footer: String,
}

impl Letters {
    /// Letters in the name of a product, where people sign in at `sign_in`.
    pub fn new(templates: Arc<Templates>, product: impl Into<String>, sign_in: impl Into<String>) -> Self {
        // A name is one line wherever it stands, in a subject above all.
        let product = product.into().replace(char::is_control, " ");
        let sign_in = sign_in.into();
        let link = format!("{}/link?token=", sign_in.trim_end_matches("/sign-in"));
        Self { templates, product, sign_in, link }
    }

    fn code(&self, language: Language, t: &Words, message: &Message) -> Result<(String, String), PortError> {
        let name = self.product.as_str();
        let (code, minutes) = (parameter(message, "code")?, parameter(message, "minutes")?);
        let letter = Letter {
            before: vec![t.code_body.with("name", name)],
            highlight: code,
            after: self.with_link(
                language,
                message,
                vec![t.code_valid.fill(&[("minutes", minutes), ("name", name)]), t.code_ignore.to_string()],
            ),
            footer: t.footer.with("name", name),
        };
        Ok((t.code_subject.fill(&[("code", code), ("name", name)]), self.write(language, &letter)?))
    }

    fn exists(&self, language: Language, t: &Words) -> Result<(String, String), PortError> {
        let name = self.product.as_str();
        let letter = Letter {
            before: vec![t.exists_body.with("name", name), t.exists_action.to_string()],
            highlight: &self.sign_in,
            after: vec![t.exists_ignore.to_string()],
            footer: t.footer.with("name", name),
        };
        Ok((t.exists_subject.with("name", name), self.write(language, &letter)?))
    }

    /// What happened to an account, as its owner is told.
    fn about_account(
        &self,
        language: Language,
        t: &Words,
        code: MessageCode,
        message: &Message,
    ) -> Result<Option<(String, String)>, PortError> {
        let name = self.product.as_str();
        let plain = |subject: &Text, body: &Text| {
            let body = body.with("name", name);
            self.told(language, t, subject.with("name", name), body, &self.sign_in, Vec::new())
        };
        let vouched = |subject: &Text, body: &Text| {
            let body = body.fill(&[("issuer", parameter(message, "issuer")?), ("name", name)]);
            self.told(language, t, subject.with("name", name), body, &self.sign_in, Vec::new())
        };
        // The day is enough, and read the same everywhere.
        let dated = |subject: &Text, body: &Text| {
            let date: String = parameter(message, "date")?.chars().take(10).collect();
            let body = body.fill(&[("date", date.as_str()), ("name", name)]);
            self.told(language, t, subject.with("name", name), body, &self.sign_in, Vec::new())
        };
        let written = match code {
            MessageCode::ConfirmIdentifier => self.confirm(language, t, message)?,
            MessageCode::IdentifierInUse => plain(&t.in_use_subject, &t.in_use_body)?,
            MessageCode::PasswordChanged => plain(&t.password_subject, &t.password_body)?,
            MessageCode::PasswordRemoved => plain(&t.password_removed_subject, &t.password_removed_body)?,
            MessageCode::IdentifierAdded => plain(&t.added_subject, &t.added_body)?,
            MessageCode::IdentityLinked => vouched(&t.linked_subject, &t.linked_body)?,
            MessageCode::IdentityUnlinked => vouched(&t.unlinked_subject, &t.unlinked_body)?,
            MessageCode::AccountClosed => dated(&t.closed_subject, &t.closed_body)?,
            MessageCode::AccountInactive => dated(&t.inactive_subject, &t.inactive_body)?,
            MessageCode::IdentifierGone => {
                let link = self.link("/identifier/revert?token=", parameter(message, "revert")?);
                let body = t.gone_body.fill(&[("hours", parameter(message, "hours")?), ("name", name)]);
                let after = vec![t.gone_ignore.to_string()];
                self.told(language, t, t.gone_subject.with("name", name), body, &link, after)?
            }
            _ => return Ok(None),
        };
        Ok(Some(written))
    }

    fn confirm(
        &self,
        language: Language,
        t: &Words,
        message: &Message,
    ) -> Result<(String, String), PortError> {
        let name = self.product.as_str();
        let (code, minutes) = (parameter(message, "code")?, parameter(message, "minutes")?);
        let after = vec![
            t.code_valid.fill(&[("minutes", minutes), ("name", name)]),
            t.confirm_link.to_string(),
            self.link("/account/identifiers/confirm?change=", parameter(message, "change")?),
            t.confirm_ignore.to_string(),
        ];
        let subject = t.confirm_subject.fill(&[("code", code), ("name", name)]);
        self.told(language, t, subject, t.confirm_body.with("name", name), code, after)
    }

    fn told(
        &self,
        language: Language,
        t: &Words,
        subject: String,
        body: String,
        highlight: &str,
        after: Vec<String>,
    ) -> Result<(String, String), PortError> {
        let footer = t.footer.with("name", &self.product);
        let letter = Letter { before: vec![body], highlight, after, footer };
        Ok((subject, self.write(language, &letter)?))
    }

    fn invitation(
        &self,
        language: Language,
        t: &Words,
        message: &Message,
    ) -> Result<(String, String), PortError> {
        let organization = parameter(message, "organization")?.replace(char::is_control, " ");
        let names = [("organization", organization.as_str()), ("name", self.product.as_str())];
        let link = self.link("/invitation?token=", parameter(message, "token")?);
        let after = vec![t.invitation_valid.with("days", parameter(message, "days")?)];
        let subject = t.invitation_subject.fill(&names);
        self.told(language, t, subject, t.invitation_body.fill(&names), &link, after)
    }

    /// An account was prepared for somebody.
    fn account_invitation(
        &self,
        language: Language,
        t: &Words,
        message: &Message,
    ) -> Result<(String, String), PortError> {
        let link = self.link("/invitation?token=", parameter(message, "token")?);
        let after = vec![t.invitation_valid.with("days", parameter(message, "days")?)];
        let (name, words) = (self.product.as_str(), t);
        let t = &self.templates.texts(language).journey_mail;
        let (subject, body) = (t.invited_subject.with("name", name), t.invited_body.with("name", name));
        self.told(language, words, subject, body, &link, after)
    }

    fn new_device(
        &self,
        language: Language,
        t: &Words,
        message: &Message,
    ) -> Result<(String, String), PortError> {
        let name = self.product.as_str();
        let known = |name: &str, unknown: &Text| {
            message.parameters.get(name).cloned().unwrap_or_else(|| unknown.to_string())
        };
        let (device, place) = (known("device", &t.device_unknown), known("place", &t.device_nowhere));
        let time = parameter(message, "time")?.replace('T', " ").replace('Z', " UTC");
        let values = [("name", name), ("device", &device), ("place", &place), ("time", &time)];
        let letter = Letter {
            before: self.with_reasons(
                language,
                message,
                vec![t.device_body.fill(&values), t.device_action.to_string()],
            ),
            highlight: &self.link("/account/sessions", ""),
            after: vec![t.device_ignore.to_string()],
            footer: t.footer.with("name", name),
        };
        Ok((t.device_subject.with("name", name), self.write(language, &letter)?))
    }

    /// An address of this server.
    fn link(&self, path: &str, token: &str) -> String {
        let base = self.sign_in.strip_suffix("/sign-in").unwrap_or(&self.sign_in);
        format!("{base}{path}{token}")
    }

    fn write(&self, language: Language, letter: &Letter<'_>) -> Result<String, PortError> {
        self.templates.plain("letter.txt", language, letter).map_err(PortError::permanent)
    }

    /// A newer library may send what this server has no words for yet: rather something than nothing.
    fn other(&self, language: Language, t: &Words) -> Result<(String, String), PortError> {
        let name = self.product.as_str();
        let letter = Letter {
            before: vec![t.other_body.with("name", name)],
            highlight: &self.sign_in,
            after: Vec::new(),
            footer: t.footer.with("name", name),
        };
        Ok((t.other_subject.with("name", name), self.write(language, &letter)?))
    }
}

impl MailTexts for Letters {
    fn render(&self, message: &Message) -> Result<MailText, PortError> {
        let language = message.languages.iter().find_map(|tag| Language::from_tag(tag)).unwrap_or_default();
        let words = &self.templates.texts(language).mail;
        let (subject, text) = match message.code {
            _ if message.channel == Channel::Sms && message.parameters.contains_key("code") => {
                self.text_message(language, message)?
            }
            MessageCode::VerifyRegistration => self.code(language, words, message)?,
            MessageCode::SignInCode | MessageCode::RecoveryCode => self.proof(language, words, message)?,
            MessageCode::ConfirmSignIn => self.confirm_sign_in(language, words, message)?,
            MessageCode::PasswordRecovered => self.recovered(language, words)?,
            MessageCode::AccountExists => self.exists(language, words)?,
            MessageCode::Invitation => self.invitation(language, words, message)?,
            MessageCode::AccountInvitation => self.account_invitation(language, words, message)?,
            MessageCode::NewDevice => self.new_device(language, words, message)?,
            MessageCode::ApplicationAsks => self.application_asks(language, words, message)?,
            code => match self.about_account(language, words, code, message)? {
                Some(written) => written,
                None => self.other(language, words)?,
            },
        };
        Ok(MailText::new(language.code(), subject, text))
    }
}

fn parameter<'m>(message: &'m Message, name: &'static str) -> Result<&'m str, PortError> {
    let value = message.parameters.get(name).map(String::as_str);
    value.ok_or_else(|| PortError::permanent(format!("the message has no parameter `{name}`")))
}

#[cfg(test)]
mod tests {
    use ciam_core::memory;

    use super::*;

    fn letters() -> Letters {
        Letters::new(Arc::new(Templates::embedded().unwrap()), "Ex\r\nBcc: a@b", "https://id.example/sign-in")
    }

    fn message(code: MessageCode, languages: &[&str]) -> Message {
        let ports = memory::ports();
        Message::new(&ports, code, Channel::Email, "ada@example.com", ports.now())
            .unwrap()
            .with_languages(languages.iter().map(|tag| (*tag).to_owned()).collect())
    }

    #[test]
    fn a_code_stands_alone_in_its_paragraph_in_every_language() {
        for (tag, word) in [("en-GB", "minutes"), ("de", "Minuten"), ("xx", "minutes")] {
            let message = message(MessageCode::VerifyRegistration, &[tag]);
            let text = letters().render(&message.with("code", "042137").with("minutes", "15")).unwrap();
            assert!(
                text.text.contains("\n\n042137\n\n") && text.text.contains(&format!("15 {word}")),
                "{}",
                text.text
            );
            assert!(text.subject.starts_with("042137 ") && !text.subject.contains(['\r', '\n']));
        }
    }

    #[test]
    fn an_existing_account_is_told_where_to_sign_in() {
        let text = letters().render(&message(MessageCode::AccountExists, &["de"])).unwrap();
        assert!(text.text.contains("https://id.example/sign-in\n") && text.language == "de");
    }

    #[test]
    fn links_lead_to_this_server_and_every_notice_has_words_of_its_own() {
        let of = |code, pairs: &[(&str, &str)]| {
            let message = message(code, &["fr"]);
            let message = pairs.iter().fold(message, |message, (name, value)| message.with(name, *value));
            letters().render(&message).unwrap()
        };
        let gone = of(MessageCode::IdentifierGone, &[("revert", "abc"), ("hours", "72")]);
        assert!(
            gone.text.contains("\n\nhttps://id.example/identifier/revert?token=abc\n\n"),
            "{}",
            gone.text
        );
        let pairs = [("code", "042137"), ("minutes", "15"), ("change", "xyz")];
        let confirm = of(MessageCode::ConfirmIdentifier, &pairs);
        assert!(confirm.text.contains("https://id.example/account/identifiers/confirm?change=xyz\n"));
        let closed = of(MessageCode::AccountClosed, &[("date", "2026-12-26T08:14:00Z")]);
        assert!(closed.text.contains("2026-12-26") && !closed.text.contains("08:14"));
        let other = letters().templates.texts(Language::from_tag("fr").unwrap()).mail.other_subject.clone();
        for code in [
            MessageCode::PasswordChanged,
            MessageCode::PasswordRemoved,
            MessageCode::IdentifierInUse,
            MessageCode::IdentifierAdded,
            MessageCode::IdentityLinked,
            MessageCode::IdentityUnlinked,
        ] {
            let written = of(code, &[("issuer", "https://up.example"), ("kind", "email")]);
            assert_ne!(written.subject, other.with("name", &letters().product), "{code:?}");
        }
    }

    #[test]
    fn an_invitation_holds_its_link_alone_and_a_name_stays_one_line() {
        for language in ["en", "de", "fr"] {
            let message = message(MessageCode::Invitation, &[language])
                .with("token", "t0ken")
                .with("organization", "Acme\r\nBcc: a@b")
                .with("days", "7");
            let text = letters().render(&message).unwrap();
            assert!(text.text.contains("\n\nhttps://id.example/invitation?token=t0ken\n\n"), "{}", text.text);
            assert!(text.text.contains('7') && !text.subject.contains(['\r', '\n']));
            assert_eq!(text.language, language);
        }
    }

    #[test]
    fn a_message_without_its_parameters_is_an_error() {
        assert!(letters().render(&message(MessageCode::VerifyRegistration, &[])).is_err());
    }
}
