//! The words of messages.

use std::fmt;

use ciam_core::error::PortError;
use ciam_core::notify::{Message, MessageCode};

/// A message in words.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailText {
    /// The language that it is in, as a BCP 47 tag.
    pub language: String,
    /// The subject, one line.
    pub subject: String,
    /// The body: plain text, paragraphs with an empty line between them.
    pub text: String,
}

impl MailText {
    /// A message in words.
    #[must_use]
    pub fn new(language: impl Into<String>, subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { language: language.into(), subject: subject.into(), text: text.into() }
    }
}

/// Prints the language only: the words may hold a one-time code.
impl fmt::Debug for MailText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailText").field("language", &self.language).finish_non_exhaustive()
    }
}

/// Finds the words for a message. Implement it to have your own.
///
/// # Security
///
/// Parameters may have been written by strangers. Put them into plain text only, and never into an address to open.
pub trait MailTexts: fmt::Debug + Send + Sync {
    /// Renders a message in the best of the recipient's languages that there is.
    ///
    /// # Errors
    ///
    /// Fails permanently when there are no words for the message's code, or when a parameter is missing.
    fn render(&self, message: &Message) -> Result<MailText, PortError>;
}

/// Short texts in English and German.
///
/// ```
/// use ciam_adapters::mail_text::{MailTexts, PlainTexts};
/// use ciam_core::clock::{Clock as _, SystemClock};
/// use ciam_core::memory;
/// use ciam_core::notify::{Channel, Message, MessageCode};
///
/// let ports = memory::ports();
/// let expires_at = ports.now() + time::Duration::minutes(10);
/// let message = Message::new(&ports, MessageCode::VerifyRegistration, Channel::Email, "ada@example.com", expires_at)?
///     .with("code", "042137")
///     .with("minutes", "10")
///     .with_languages(vec!["de-AT".to_owned()]);
/// let text = PlainTexts::new("Example").render(&message)?;
/// assert_eq!(text.subject, "042137 ist Ihr Bestätigungscode für Example");
/// # Ok::<(), ciam_core::error::PortError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PlainTexts {
    service: String,
    fallback: MailLanguage,
}

impl PlainTexts {
    /// Texts that call the service by this name; English when the recipient prefers neither language.
    #[must_use]
    pub fn new(service: impl Into<String>) -> Self {
        // A name is one line wherever it stands, in a subject above all.
        let service = service.into().replace(char::is_control, " ");
        Self { service, fallback: MailLanguage::English }
    }

    /// Sets the language for those who prefer neither.
    #[must_use]
    pub const fn with_fallback(mut self, language: MailLanguage) -> Self {
        self.fallback = language;
        self
    }
}

impl MailTexts for PlainTexts {
    fn render(&self, message: &Message) -> Result<MailText, PortError> {
        let language = MailLanguage::choose(&message.languages).unwrap_or(self.fallback);
        let service = &self.service;
        let (subject, text) = match (message.code, language) {
            (MessageCode::VerifyRegistration, MailLanguage::English) => {
                let (code, minutes) = (parameter(message, "code")?, parameter(message, "minutes")?);
                (
                    format!("{code} is your verification code for {service}"),
                    format!(
                        "Hello,\n\nsomeone, hopefully you, is creating an account at {service} with this address. \
                         The verification code is:\n\n{code}\n\nIt is valid for {minutes} minutes. Never tell it to \
                         anybody.\n\nIf this was not you, ignore this message: without the code, no account is made.\n"
                    ),
                )
            }
            (MessageCode::VerifyRegistration, MailLanguage::German) => {
                let (code, minutes) = (parameter(message, "code")?, parameter(message, "minutes")?);
                (
                    format!("{code} ist Ihr Bestätigungscode für {service}"),
                    format!(
                        "Guten Tag,\n\njemand, hoffentlich Sie, erstellt mit dieser Adresse ein Konto bei {service}. \
                         Der Bestätigungscode lautet:\n\n{code}\n\nEr gilt {minutes} Minuten. Geben Sie ihn niemandem \
                         weiter.\n\nWenn Sie das nicht waren, beachten Sie diese Nachricht nicht: Ohne den Code \
                         entsteht kein Konto.\n"
                    ),
                )
            }
            (MessageCode::AccountExists, MailLanguage::English) => (
                format!("You already have an account at {service}"),
                format!(
                    "Hello,\n\nsomeone, hopefully you, tried to create an account at {service} with this address. You \
                     already have one, so nothing was changed. Sign in with it as usual.\n\nIf this was not you, you \
                     need not do anything.\n"
                ),
            ),
            (MessageCode::AccountExists, MailLanguage::German) => (
                format!("Sie haben bereits ein Konto bei {service}"),
                format!(
                    "Guten Tag,\n\njemand, hoffentlich Sie, wollte mit dieser Adresse ein Konto bei {service} \
                     erstellen. Sie haben bereits eines, es wurde also nichts verändert. Melden Sie sich damit an wie \
                     gewohnt.\n\nWenn Sie das nicht waren, müssen Sie nichts tun.\n"
                ),
            ),
            _ => return Err(PortError::permanent("there are no words for this message code")),
        };
        Ok(MailText::new(language.tag(), subject, text))
    }
}

/// A language of [`PlainTexts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailLanguage {
    /// English.
    English,
    /// German.
    German,
}

impl MailLanguage {
    /// The BCP 47 tag.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The first of these BCP 47 tags that is a language of ours, whatever the region.
    #[must_use]
    pub fn choose(tags: &[String]) -> Option<Self> {
        tags.iter().find_map(|tag| {
            let primary = tag.split(['-', '_']).next().unwrap_or_default();
            [Self::English, Self::German]
                .into_iter()
                .find(|language| language.tag().eq_ignore_ascii_case(primary))
        })
    }
}

fn parameter<'m>(message: &'m Message, name: &'static str) -> Result<&'m str, PortError> {
    let value = message.parameters.get(name).map(String::as_str);
    value.ok_or_else(|| PortError::permanent(format!("the message has no parameter `{name}`")))
}

#[cfg(test)]
mod tests {
    use ciam_core::memory;
    use ciam_core::notify::Channel;

    use super::*;

    fn message(code: MessageCode, languages: &[&str]) -> Message {
        let ports = memory::ports();
        Message::new(&ports, code, Channel::Email, "ada@example.com", ports.now())
            .unwrap()
            .with_languages(languages.iter().map(|tag| (*tag).to_owned()).collect())
    }

    fn verification(languages: &[&str]) -> Message {
        message(MessageCode::VerifyRegistration, languages).with("code", "042137").with("minutes", "10")
    }

    #[test]
    fn the_first_known_language_is_taken() {
        let texts = PlainTexts::new("Example");
        for (languages, expected) in [
            (&[][..], "en"),
            (&["de"], "de"),
            (&["fr-CH", "DE-ch", "en"], "de"),
            (&["en-GB", "de"], "en"),
            (&["deu", "fr"], "en"),
        ] {
            assert_eq!(texts.render(&verification(languages)).unwrap().language, expected, "{languages:?}");
        }
        let german = texts.with_fallback(MailLanguage::German);
        assert_eq!(german.render(&verification(&["fr"])).unwrap().language, "de");
    }

    #[test]
    fn every_code_has_words_in_every_language() {
        let texts = PlainTexts::new("Example");
        for language in ["en", "de"] {
            let text = texts.render(&verification(&[language])).unwrap();
            assert!(text.text.contains("\n\n042137\n\n") && text.text.contains(" 10 "), "{}", text.text);
            assert!(text.subject.contains("042137") && text.subject.contains("Example"));
            let text = texts.render(&message(MessageCode::AccountExists, &[language])).unwrap();
            assert!(text.text.contains("Example") && !text.text.contains('{'));
        }
    }

    #[test]
    fn a_missing_parameter_is_an_error_that_names_it() {
        let error =
            PlainTexts::new("Example").render(&message(MessageCode::VerifyRegistration, &[])).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, "the message has no parameter `code`");
    }

    #[test]
    fn a_name_cannot_add_a_line_and_debug_prints_no_code() {
        let text = PlainTexts::new("Example\r\nBcc: eve@example.com").render(&verification(&[])).unwrap();
        assert!(!text.subject.contains(['\r', '\n']), "{}", text.subject);
        assert!(!format!("{text:?}").contains("042137"));
    }
}
