//! What messages say.

use std::sync::Arc;

use askama::Template;
use ciam_core::{
    error::PortError,
    notify::{Message, MessageCode},
};

use crate::i18n::{Catalogues, Language, Texts};

/// Writes messages in the recipient's language.
#[derive(Clone, Debug)]
pub struct Writer {
    catalogues: Arc<Catalogues>,
    product: String,
    sign_in: String,
}

/// A message as it goes out.
#[derive(Clone)]
pub struct Letter {
    /// The subject.
    pub subject: String,
    /// The message as plain text.
    pub text: String,
    /// The message for mail programs that show HTML.
    pub html: String,
    /// The code in it, for the catcher.
    pub code: Option<String>,
}

/// It may hold a code.
impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Letter(..)")
    }
}

/// The parts of a letter, for both templates.
struct Parts {
    subject: String,
    before: Vec<String>,
    highlight: Option<String>,
    is_link: bool,
    after: Vec<String>,
}

impl Writer {
    /// A writer in the name of a product, whose pages begin at `sign_in`.
    pub fn new(catalogues: Arc<Catalogues>, product: impl Into<String>, sign_in: impl Into<String>) -> Self {
        Self { catalogues, product: product.into(), sign_in: sign_in.into() }
    }

    /// Writes one message.
    ///
    /// # Errors
    ///
    /// A template fails, or the message lacks a parameter.
    pub fn write(&self, message: &Message) -> Result<Letter, PortError> {
        let language = message.languages.iter().find_map(|tag| Language::from_tag(tag)).unwrap_or_default();
        let texts = self.catalogues.of(language);
        let parts = self.parts(texts, message)?;
        let greeting = texts.mail.greeting.to_string();
        let footer = texts.mail.footer.with("name", &self.product);
        let text = TextLetter {
            greeting: &greeting,
            before: &parts.before,
            highlight: parts.highlight.as_deref(),
            after: &parts.after,
            footer: &footer,
        };
        let html = HtmlLetter {
            language,
            product: &self.product,
            subject: &parts.subject,
            greeting: &greeting,
            before: &parts.before,
            highlight: parts.highlight.as_deref(),
            is_link: parts.is_link,
            after: &parts.after,
            footer: &footer,
        };
        Ok(Letter {
            text: text.render().map_err(PortError::permanent)?,
            html: html.render().map_err(PortError::permanent)?,
            code: parts.highlight.filter(|_| !parts.is_link),
            subject: parts.subject,
        })
    }

    fn parts(&self, texts: &Texts, message: &Message) -> Result<Parts, PortError> {
        let t = &texts.mail;
        let name = self.product.as_str();
        let parameter = |key: &str| {
            let found = message.parameters.get(key).cloned();
            found.ok_or_else(|| PortError::permanent(format!("the message lacks the parameter `{key}`")))
        };
        Ok(match message.code {
            MessageCode::VerifyRegistration => {
                let (code, minutes) = (parameter("code")?, parameter("minutes")?);
                Parts {
                    subject: t.code_subject.fill(&[("code", code.as_str()), ("name", name)]),
                    before: vec![t.code_body.with("name", name)],
                    highlight: Some(code),
                    is_link: false,
                    after: vec![
                        t.code_valid.fill(&[("minutes", minutes.as_str()), ("name", name)]),
                        t.code_ignore.to_string(),
                    ],
                }
            }
            MessageCode::AccountExists => Parts {
                subject: t.exists_subject.with("name", name),
                before: vec![t.exists_body.with("name", name), t.exists_action.to_string()],
                highlight: Some(self.sign_in.clone()),
                is_link: true,
                after: vec![t.exists_ignore.to_string()],
            },
            // A newer library may send what this server has no words for yet: say so rather than nothing.
            _ => Parts {
                subject: t.other_subject.with("name", name),
                before: vec![t.other_body.with("name", name)],
                highlight: Some(self.sign_in.clone()),
                is_link: true,
                after: Vec::new(),
            },
        })
    }
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct TextLetter<'a> {
    greeting: &'a str,
    before: &'a [String],
    highlight: Option<&'a str>,
    after: &'a [String],
    footer: &'a str,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct HtmlLetter<'a> {
    language: Language,
    product: &'a str,
    subject: &'a str,
    greeting: &'a str,
    before: &'a [String],
    highlight: Option<&'a str>,
    is_link: bool,
    after: &'a [String],
    footer: &'a str,
}
