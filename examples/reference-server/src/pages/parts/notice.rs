//! Messages, and questions before something that cannot be undone.

use serde::Serialize;

use super::{Action, Complains};

/// A message above a form: `{{ kit.notice(notice) }}`.
#[derive(Clone, Debug, Serialize)]
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

    /// Something to know, which nobody did.
    pub fn info(text: impl Into<String>) -> Self {
        Self { tone: Tone::Info, text: text.into() }
    }

    /// The tone of the message.
    pub fn tone(&self) -> Tone {
        self.tone
    }
}

impl Complains for Notice {
    fn complains(&self) -> bool {
        self.tone == Tone::Bad
    }
}

/// The tone of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// A complaint, which interrupts a screen reader.
    Bad,
    /// A confirmation, which waits.
    Good,
    /// Something to know.
    Info,
}

/// A button for something that cannot be undone, behind a question that opens when it is asked for:
/// `{{ kit.confirm(delete) }}`, or with fields inside, `{% call kit.confirm(delete) %} … {% endcall %}`.
///
/// It works without JavaScript.
#[derive(Clone, Debug, Serialize)]
pub struct Confirm {
    action: Action,
    ask: String,
    question: String,
    submit: String,
    hidden: Vec<(String, String)>,
    danger: bool,
    subject: Option<String>,
}

impl Confirm {
    /// The button `ask` opens `question`, whose button `submit` posts to `action`.
    pub fn new(
        action: Action,
        ask: impl Into<String>,
        question: impl Into<String>,
        submit: impl Into<String>,
    ) -> Self {
        Self {
            action,
            ask: ask.into(),
            question: question.into(),
            submit: submit.into(),
            hidden: Vec::new(),
            danger: false,
            subject: None,
        }
    }

    /// A value that is posted with it.
    #[must_use]
    pub fn with_hidden(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.hidden.push((name.into(), value.into()));
        self
    }

    /// Shows the buttons in the colour of danger.
    #[must_use]
    pub fn dangerous(mut self) -> Self {
        self.danger = true;
        self
    }

    /// What it is about, for a screen reader, where several buttons of the same name stand in a list.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}
