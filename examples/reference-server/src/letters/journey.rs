//! Letters with codes and links to prove oneself with.

use ciam_core::{
    error::PortError,
    notify::{Message, MessageCode},
};

use super::{Letter, Letters, parameter};
use crate::i18n::{Language, MailTexts as Words};

impl Letters {
    /// A code and a link to sign in or to choose a new password with.
    pub(super) fn proof(
        &self,
        language: Language,
        words: &Words,
        message: &Message,
    ) -> Result<(String, String), PortError> {
        let t = &self.templates.texts(language).journey_mail;
        let (subject, body) = match message.code {
            MessageCode::RecoveryCode => (&t.recovery_subject, &t.recovery_body),
            _ => (&t.sign_in_subject, &t.sign_in_body),
        };
        let name = self.product.as_str();
        let (code, minutes) = (parameter(message, "code")?, parameter(message, "minutes")?);
        let valid = words.code_valid.fill(&[("minutes", minutes), ("name", name)]);
        let letter = Letter {
            before: vec![body.with("name", name)],
            highlight: code,
            after: self.with_link(language, message, vec![valid, t.ignore.to_string()]),
            footer: words.footer.with("name", name),
        };
        Ok((subject.fill(&[("code", code), ("name", name)]), self.write(language, &letter)?))
    }

    /// A password was replaced because it was forgotten.
    pub(super) fn recovered(&self, language: Language, words: &Words) -> Result<(String, String), PortError> {
        let t = &self.templates.texts(language).journey_mail;
        let name = self.product.as_str();
        let recover = format!("{}/recover", self.sign_in.trim_end_matches("/sign-in"));
        let letter = Letter {
            before: vec![t.recovered_body.with("name", name)],
            highlight: &recover,
            after: Vec::new(),
            footer: words.footer.with("name", name),
        };
        Ok((t.recovered_subject.with("name", name), self.write(language, &letter)?))
    }

    /// A text message whose last line lets the browser fill the code in: `@host #code`
    /// ([origin-bound one-time codes](https://wicg.github.io/sms-one-time-codes/)).
    pub(super) fn text_message(
        &self,
        language: Language,
        message: &Message,
    ) -> Result<(String, String), PortError> {
        let t = &self.templates.texts(language).journey_mail;
        let code = parameter(message, "code")?;
        let host = self.sign_in.split("://").last().unwrap_or_default();
        let host = host.split(['/', ':']).next().unwrap_or_default();
        let text = t.sms.fill(&[("code", code), ("name", self.product.as_str())]);
        Ok((text.clone(), format!("{text}\n\n@{host} #{code}")))
    }

    /// What stands below a code, with the link that is as good as it.
    pub(super) fn with_link(&self, language: Language, message: &Message, after: Vec<String>) -> Vec<String> {
        let Some(link) = message.parameters.get("link") else { return after };
        let lead = self.templates.texts(language).journey_mail.link.to_string();
        [vec![lead, format!("{}{link}", self.link)], after].concat()
    }
}
