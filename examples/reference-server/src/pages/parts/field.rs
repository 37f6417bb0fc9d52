//! Form fields.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::Complains;

/// A labelled form field with its hint and its complaint: `{{ kit.field(email) }}`.
#[derive(Clone, Debug)]
pub struct Field {
    id: Cow<'static, str>,
    name: Option<String>,
    label: String,
    kind: Input,
    value: String,
    hint: Option<String>,
    error: Option<String>,
    focus: bool,
    optional: bool,
}

impl Field {
    /// An empty field that must be filled in. `id` is also its name in the form.
    pub fn new(id: impl Into<Cow<'static, str>>, kind: Input, label: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: None,
            label: label.into(),
            kind,
            value: String::new(),
            hint: None,
            error: None,
            focus: false,
            optional: false,
        }
    }

    /// What the person typed before. A password or a code is never sent back.
    #[must_use]
    pub fn with_value(mut self, value: impl Into<String>) -> Self {
        if !self.kind.is_secret() {
            self.value = value.into();
        }
        self
    }

    /// Another name in the form than the id, where two forms of a page have a field of the same name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
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

    /// The field may stay empty.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Whether there is a complaint about the value.
    pub fn is_invalid(&self) -> bool {
        self.error.is_some()
    }
}

impl Complains for Field {
    fn complains(&self) -> bool {
        self.is_invalid()
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_struct("Field", 13)?;
        all.serialize_field("id", &self.id)?;
        all.serialize_field("name", self.name.as_deref().unwrap_or(&self.id))?;
        all.serialize_field("label", &self.label)?;
        all.serialize_field("type", self.kind.html())?;
        all.serialize_field("multiline", &matches!(self.kind, Input::Lines { .. }))?;
        all.serialize_field("autocomplete", self.kind.autocomplete())?;
        all.serialize_field("attributes", &self.kind.attributes())?;
        all.serialize_field("value", &self.value)?;
        all.serialize_field("hint", &self.hint)?;
        all.serialize_field("error", &self.error)?;
        all.serialize_field(
            "described_by",
            &described_by(&self.id, self.error.as_ref(), self.hint.as_ref()),
        )?;
        all.serialize_field("focus", &self.focus)?;
        all.serialize_field("required", &!self.optional)?;
        all.end()
    }
}

/// The ids of the complaint and the hint, for assistive technology, most urgent first.
fn described_by(id: &str, error: Option<&String>, hint: Option<&String>) -> Option<String> {
    let error = error.map(|_| format!("{id}-error"));
    let hint = hint.map(|_| format!("{id}-hint"));
    match (error, hint) {
        (Some(error), Some(hint)) => Some(format!("{error} {hint}")),
        (one, other) => one.or(other),
    }
}

/// What a field takes; decides keyboard, autofill and spell-checking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The address of a new account, which password managers will keep as the user name.
    NewEmail,
    /// An address, of this person or another.
    Email,
    /// Any identifier of an existing account.
    Identifier,
    /// A telephone number.
    Phone,
    /// A name to sign in with.
    Username,
    /// A person's name.
    Name,
    /// A line of text.
    Text {
        /// The greatest number of characters.
        max: u16,
    },
    /// Several lines of text.
    Lines {
        /// The greatest number of characters.
        max: u16,
    },
    /// A date.
    Date,
    /// A number.
    Number,
    /// The address of a web page.
    Url,
    /// What to look for.
    Search,
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
            Self::NewEmail | Self::Email => "email",
            Self::NewPassword { .. } | Self::CurrentPassword => "password",
            Self::Phone => "tel",
            Self::Date => "date",
            Self::Number => "number",
            Self::Url => "url",
            Self::Search => "search",
            Self::Identifier
            | Self::Username
            | Self::Name
            | Self::Text { .. }
            | Self::Lines { .. }
            | Self::Code { .. } => "text",
        }
    }

    fn autocomplete(self) -> &'static str {
        match self {
            Self::NewEmail | Self::Username => "username",
            // Browsers offer passkeys beside the names that they know.
            Self::Identifier => "username webauthn",
            Self::Email => "email",
            Self::Phone => "tel",
            Self::Name => "name",
            Self::Url => "url",
            Self::NewPassword { .. } => "new-password",
            Self::CurrentPassword => "current-password",
            Self::Code { .. } => "one-time-code",
            Self::Text { .. } | Self::Lines { .. } | Self::Date | Self::Number | Self::Search => "off",
        }
    }

    fn attributes(self) -> Vec<(&'static str, String)> {
        let plain = || vec![("autocapitalize", "none".to_owned()), ("spellcheck", "false".to_owned())];
        match self {
            Self::NewEmail | Self::Email | Self::Username | Self::Url => plain(),
            Self::Identifier => [plain(), vec![("inputmode", "email".to_owned())]].concat(),
            Self::Name => vec![("maxlength", MAX_NAME.to_string())],
            Self::Text { max } | Self::Lines { max } => vec![("maxlength", max.to_string())],
            // `passwordrules` is how password managers learn what to generate.
            Self::NewPassword { min } => {
                vec![("minlength", min.to_string()), ("passwordrules", format!("minlength: {min};"))]
            }
            Self::Number => vec![("inputmode", "numeric".to_owned())],
            Self::CurrentPassword | Self::Phone | Self::Date | Self::Search => Vec::new(),
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

/// One of several: `{{ kit.select(role) }}`.
#[derive(Clone, Debug, Serialize)]
pub struct Select {
    id: Cow<'static, str>,
    name: String,
    label: String,
    choices: Vec<Choice>,
    hint: Option<String>,
    error: Option<String>,
    described_by: Option<String>,
}

/// One of the values of a [`Select`].
#[derive(Clone, Debug, Serialize)]
pub struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

impl Select {
    /// A choice. `id` is also its name in the form.
    pub fn new(id: impl Into<Cow<'static, str>>, label: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            name: id.clone().into_owned(),
            id,
            label: label.into(),
            choices: Vec::new(),
            hint: None,
            error: None,
            described_by: None,
        }
    }

    /// Another name in the form than the id.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// One more value.
    #[must_use]
    pub fn with(mut self, value: impl Into<String>, label: impl Into<String>, chosen: bool) -> Self {
        self.choices.push(Choice { value: value.into(), label: label.into(), chosen });
        self
    }

    /// Advice shown below.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self.described_by = described_by(&self.id, self.error.as_ref(), self.hint.as_ref());
        self
    }

    /// What is wrong with the choice.
    #[must_use]
    pub fn with_error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self.described_by = described_by(&self.id, self.error.as_ref(), self.hint.as_ref());
        self
    }
}

impl Complains for Select {
    fn complains(&self) -> bool {
        self.error.is_some()
    }
}

/// Yes or no: `{{ kit.checkbox(terms) }}`.
#[derive(Clone, Debug, Serialize)]
pub struct Checkbox {
    id: Cow<'static, str>,
    name: String,
    value: String,
    label: String,
    checked: bool,
    required: bool,
    hint: Option<String>,
    error: Option<String>,
    described_by: Option<String>,
}

impl Checkbox {
    /// A box that is not ticked. `id` is also its name in the form; its value is `yes`.
    pub fn new(id: impl Into<Cow<'static, str>>, label: impl Into<String>) -> Self {
        let id = id.into();
        Self {
            name: id.clone().into_owned(),
            id,
            value: "yes".to_owned(),
            label: label.into(),
            checked: false,
            required: false,
            hint: None,
            error: None,
            described_by: None,
        }
    }

    /// Another name and value in the form.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.name = name.into();
        self.value = value.into();
        self
    }

    /// Whether it is ticked.
    #[must_use]
    pub fn checked(mut self, checked: bool) -> Self {
        self.checked = checked;
        self
    }

    /// It must be ticked.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Advice shown below.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self.described_by = described_by(&self.id, self.error.as_ref(), self.hint.as_ref());
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn with_error(mut self, error: Option<String>) -> Self {
        self.error = error;
        self.described_by = described_by(&self.id, self.error.as_ref(), self.hint.as_ref());
        self
    }
}

impl Complains for Checkbox {
    fn complains(&self) -> bool {
        self.error.is_some()
    }
}
