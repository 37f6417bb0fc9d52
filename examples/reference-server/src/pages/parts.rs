//! What pages are made of: the frame around them, form fields, notices.

use askama::{Template, filters::HtmlSafe};

use crate::i18n::{Language, Texts};

/// What surrounds a page.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// The texts in the person's language.
    pub t: &'a Texts,
    /// The person's language.
    pub language: Language,
    /// The same page in the other languages.
    pub languages: Vec<LanguageLink>,
    /// The name of the product, as the operator set it.
    pub product: &'a str,
    /// Address of the stylesheet.
    pub style: &'a str,
    /// Address of the operator's stylesheet.
    pub theme: Option<&'a str>,
    /// The server runs with demonstration data and shows the mail catcher.
    pub development: bool,
    /// Somebody is signed in.
    pub signed_in: bool,
}

/// A link to the same page in another language.
#[derive(Clone, Debug)]
pub struct LanguageLink {
    /// The language tag.
    pub code: &'static str,
    /// The language's name, in that language.
    pub name: String,
    /// Where the page is in that language.
    pub href: String,
    /// The page is in this language.
    pub current: bool,
}

/// A labelled form field with its hint and its complaint.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/field.html")]
pub struct Field {
    id: &'static str,
    label: String,
    kind: Input,
    value: String,
    hint: Option<String>,
    error: Option<String>,
    focus: bool,
}

impl Field {
    /// An empty field. `id` is also its name in the form.
    pub fn new(id: &'static str, kind: Input, label: impl Into<String>) -> Self {
        Self { id, label: label.into(), kind, value: String::new(), hint: None, error: None, focus: false }
    }

    /// What the person typed before. A password or a code is never sent back.
    #[must_use]
    pub fn with_value(mut self, value: impl Into<String>) -> Self {
        if !self.kind.is_secret() {
            self.value = value.into();
        }
        self
    }

    /// Advice shown below the field.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is wrong with the value.
    #[must_use]
    pub fn with_error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self
    }

    /// Puts the cursor into this field when the page opens.
    #[must_use]
    pub fn with_focus(mut self, focus: bool) -> Self {
        self.focus = focus;
        self
    }

    /// Whether there is a complaint about the value.
    pub fn is_invalid(&self) -> bool {
        self.error.is_some()
    }

    /// The ids of the complaint and the hint, for assistive technology, most urgent first.
    fn described_by(&self) -> Option<String> {
        let error = self.error.as_ref().map(|_| format!("{}-error", self.id));
        let hint = self.hint.as_ref().map(|_| format!("{}-hint", self.id));
        match (error, hint) {
            (Some(error), Some(hint)) => Some(format!("{error} {hint}")),
            (one, other) => one.or(other),
        }
    }
}

impl HtmlSafe for Field {}

/// What a field takes; decides keyboard, autofill and spell-checking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The address of a new account, which password managers will keep as the user name.
    NewEmail,
    /// Any identifier of an existing account.
    Identifier,
    /// A person's name.
    Name,
    /// A password that is being chosen, with its least length.
    NewPassword {
        /// The least number of characters.
        min: u16,
    },
    /// The password of an existing account.
    CurrentPassword,
    /// A code of so many digits from a message.
    Code {
        /// The number of digits.
        digits: u8,
    },
}

impl Input {
    fn is_secret(self) -> bool {
        matches!(self, Self::NewPassword { .. } | Self::CurrentPassword | Self::Code { .. })
    }

    fn html(self) -> &'static str {
        match self {
            Self::NewEmail => "email",
            Self::NewPassword { .. } | Self::CurrentPassword => "password",
            Self::Identifier | Self::Name | Self::Code { .. } => "text",
        }
    }

    fn autocomplete(self) -> &'static str {
        match self {
            Self::NewEmail | Self::Identifier => "username",
            Self::Name => "name",
            Self::NewPassword { .. } => "new-password",
            Self::CurrentPassword => "current-password",
            Self::Code { .. } => "one-time-code",
        }
    }

    fn attributes(self) -> Vec<(&'static str, String)> {
        let plain = || vec![("autocapitalize", "none".to_owned()), ("spellcheck", "false".to_owned())];
        match self {
            Self::NewEmail => plain(),
            Self::Identifier => [plain(), vec![("inputmode", "email".to_owned())]].concat(),
            Self::Name => vec![("maxlength", MAX_NAME.to_string())],
            // `passwordrules` is how password managers learn what to generate.
            Self::NewPassword { min } => {
                vec![("minlength", min.to_string()), ("passwordrules", format!("minlength: {min};"))]
            }
            Self::CurrentPassword => Vec::new(),
            Self::Code { digits } => vec![
                ("inputmode", "numeric".to_owned()),
                // Spaces and dashes are forgiven: people copy codes as messages show them.
                ("maxlength", (usize::from(digits) * 2).to_string()),
            ],
        }
    }
}

/// The longest name that the form takes; core has the last word.
const MAX_NAME: usize = 200;

/// A message above a form.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/notice.html")]
pub struct Notice {
    tone: Tone,
    text: String,
}

impl Notice {
    /// Something did not work.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { tone: Tone::Bad, text: text.into() }
    }

    /// Something worked.
    pub fn good(text: impl Into<String>) -> Self {
        Self { tone: Tone::Good, text: text.into() }
    }

    /// The tone of the message.
    pub fn tone(&self) -> Tone {
        self.tone
    }
}

impl HtmlSafe for Notice {}

/// The tone of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A complaint.
    Bad,
    /// A confirmation.
    Good,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Good => "good",
        }
    }

    /// A complaint interrupts a screen reader, a confirmation waits.
    fn role(self) -> &'static str {
        match self {
            Self::Bad => "alert",
            Self::Good => "status",
        }
    }

    fn is_good(self) -> bool {
        self == Self::Good
    }
}

/// The first letter or digit of a name, as a stand-in for a picture.
pub(super) fn letter(name: &str) -> String {
    name.chars()
        .find(|it| it.is_alphanumeric())
        .map_or_else(|| "•".to_owned(), |it| it.to_uppercase().collect())
}
