//! The letter of a request that an application started elsewhere.

use ciam_core::{error::PortError, notify::Message};

use super::{Letter, Letters, parameter};
use crate::i18n::{Language, MailTexts as Words};

impl Letters {
    /// An application asks for something, and shows on its side what the letter says.
    pub(super) fn application_asks(
        &self,
        language: Language,
        words: &Words,
        message: &Message,
    ) -> Result<(String, String), PortError> {
        let t = &self.templates.texts(language).request;
        let line = |name| parameter(message, name).map(|it| it.replace(char::is_control, " "));
        let (client, minutes, name) =
            (line("client")?, parameter(message, "minutes")?, self.product.as_str());
        let values = [("client", client.as_str()), ("name", name), ("minutes", minutes)];
        let mut before = vec![t.mail_body.fill(&values)];
        if message.parameters.contains_key("message") {
            before.push(t.mail_message.fill(&[("message", line("message")?), ("client", client.clone())]));
        }
        before.push(t.mail_open.to_string());
        let letter = Letter {
            before,
            highlight: &self.link("/request?token=", parameter(message, "token")?),
            after: vec![t.mail_valid.with("minutes", minutes), t.mail_ignore.to_string()],
            footer: words.footer.with("name", name),
        };
        Ok((t.mail_subject.fill(&values), self.write(language, &letter)?))
    }
}
