//! Why a sign-in looked unlike its owner, in words.

use ciam_core::{error::PortError, notify::Message};

use super::{Letter, Letters, parameter};
use crate::{
    i18n::{Language, MailTexts as Words, Message as Text},
    reasons::in_words,
};

impl Letters {
    /// A code to confirm a sign-in with.
    pub(super) fn confirm_sign_in(
        &self,
        language: Language,
        words: &Words,
        message: &Message,
    ) -> Result<(String, String), PortError> {
        let t = &self.templates.texts(language).risk;
        let name = self.product.as_str();
        let (code, minutes) = (parameter(message, "code")?, parameter(message, "minutes")?);
        let known = |name: &str, unknown: &Text| {
            message.parameters.get(name).cloned().unwrap_or_else(|| unknown.to_string())
        };
        let (device, place) = (known("device", &words.device_unknown), known("place", &words.device_nowhere));
        let values = [("name", name), ("device", device.as_str()), ("place", place.as_str())];
        let valid = words.code_valid.fill(&[("minutes", minutes), ("name", name)]);
        let letter = Letter {
            before: self.with_reasons(language, message, vec![t.confirm_body.fill(&values)]),
            highlight: code,
            after: self.with_link(language, message, vec![valid, t.confirm_warning.to_string()]),
            footer: words.footer.with("name", name),
        };
        Ok((t.confirm_subject.fill(&[("code", code), ("name", name)]), self.write(language, &letter)?))
    }

    /// Puts what was unusual before the last paragraph.
    pub(super) fn with_reasons(
        &self,
        language: Language,
        message: &Message,
        mut paragraphs: Vec<String>,
    ) -> Vec<String> {
        let t = &self.templates.texts(language).risk;
        let codes = message.parameters.get("reasons").map(String::as_str).unwrap_or_default();
        let told = in_words(t, codes.split(' '));
        if !told.is_empty() {
            let at = paragraphs.len().saturating_sub(1);
            paragraphs.insert(at, t.reasons_lead.with("reasons", told.join("; ")));
        }
        paragraphs
    }
}
