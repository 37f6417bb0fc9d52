//! What attributes hold.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::Date;
use time::macros::format_description;
use url::Url;

use super::AttributeProblem;
use crate::account::{IdentifierKey, Profile};

/// What an attribute holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum AttributeType {
    /// One line of text.
    Text {
        /// The most characters.
        max: usize,
    },
    /// An absolute `https` or `http` address.
    Url,
    /// A day, as `2026-11-26`.
    Date,
    /// A language, as `de-AT`.
    Locale,
    /// A time zone, as `Europe/Vienna`.
    Zoneinfo,
    /// A phone number that nobody has verified, in E.164 form.
    Phone,
    /// Yes or no.
    Boolean,
    /// A whole number.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// One of these values.
    OneOf(Vec<String>),
    /// Several values of a type that is itself no list.
    List {
        /// What each one is.
        of: Box<Self>,
        /// The most values.
        max: usize,
    },
}

impl AttributeType {
    /// One line of text of at most so many characters.
    #[must_use]
    pub const fn text(max: usize) -> Self {
        Self::Text { max }
    }

    /// One of these values.
    #[must_use]
    pub fn one_of<T: Into<String>>(values: impl IntoIterator<Item = T>) -> Self {
        Self::OneOf(values.into_iter().map(Into::into).collect())
    }

    /// At most so many values of a type.
    #[must_use]
    pub fn list(of: Self, max: usize) -> Self {
        Self::List { of: Box::new(of), max }
    }

    /// The stable name, as serialized.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Url => "url",
            Self::Date => "date",
            Self::Locale => "locale",
            Self::Zoneinfo => "zoneinfo",
            Self::Phone => "phone",
            Self::Boolean => "boolean",
            Self::Integer { .. } => "integer",
            Self::OneOf(_) => "one_of",
            Self::List { .. } => "list",
        }
    }

    /// Why nothing could ever be of this type.
    pub(super) fn contradiction(&self) -> Option<&'static str> {
        match self {
            Self::Text { max } if !(1..=Profile::MAX_VALUE_LENGTH / 4).contains(max) => {
                Some("a text has between 1 and 1024 characters at most")
            }
            Self::Integer { min, max } if min > max => Some("its smallest number is larger than its largest"),
            Self::OneOf(values) if values.is_empty() => Some("there is nothing to choose from"),
            Self::List { max: 0, .. } => Some("a list of nothing"),
            Self::List { of, .. } if matches!(**of, Self::List { .. }) => Some("a list of lists"),
            Self::List { of, .. } => of.contradiction(),
            _ => None,
        }
    }

    /// Judges a value and brings it into its form; `null` for what is empty.
    pub(super) fn accept(&self, value: &Value) -> Result<Value, AttributeProblem> {
        match (self, value) {
            (_, Value::Null) => Ok(Value::Null),
            (Self::Boolean, Value::Bool(_)) => Ok(value.clone()),
            (Self::Integer { min, max }, Value::Number(number)) => {
                let (min, max) = (*min, *max);
                let number = number.as_i64().ok_or(AttributeProblem::WrongType)?;
                let fits = (min..=max).contains(&number);
                if fits { Ok(number.into()) } else { Err(AttributeProblem::OutOfRange { min, max }) }
            }
            (Self::List { of, max }, Value::Array(values)) => {
                if values.len() > *max {
                    return Err(AttributeProblem::TooMany { max: *max });
                }
                let values = values.iter().map(|value| of.accept(value)).collect::<Result<Vec<_>, _>>()?;
                let values: Vec<Value> = values.into_iter().filter(|value| !value.is_null()).collect();
                Ok(if values.is_empty() { Value::Null } else { Value::Array(values) })
            }
            (Self::Boolean | Self::Integer { .. } | Self::List { .. }, _) => Err(AttributeProblem::WrongType),
            (_, Value::String(text)) => self.accept_text(text),
            _ => Err(AttributeProblem::WrongType),
        }
    }

    /// Makes a value out of what a form sent: a list has one value on each line.
    pub fn parse_text(&self, text: &str) -> Result<Value, AttributeProblem> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            // A box that is not ticked is not sent, or sent without anything in it.
            return Ok(if matches!(self, Self::Boolean) { Value::Bool(false) } else { Value::Null });
        }
        match self {
            Self::Boolean => Ok(Value::Bool(matches!(trimmed, "true" | "on" | "yes" | "1"))),
            Self::Integer { .. } => {
                trimmed.parse::<i64>().map(Value::from).map_err(|_| AttributeProblem::WrongType)
            }
            Self::List { of, max } => {
                // One more than the most is enough to see that there are too many.
                let lines = trimmed.lines().filter(|line| !line.trim().is_empty()).take(max + 1);
                Ok(Value::Array(lines.map(|line| of.parse_text(line)).collect::<Result<_, _>>()?))
            }
            _ => Ok(Value::String(text.to_owned())),
        }
    }

    fn accept_text(&self, text: &str) -> Result<Value, AttributeProblem> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Value::Null);
        }
        let max = if let Self::Text { max } = self { *max } else { MAX_FORMATTED };
        if text.chars().nth(max).is_some() {
            return Err(AttributeProblem::TooLong { max });
        }
        if text.chars().any(is_invisible) {
            return Err(AttributeProblem::Control);
        }
        let format = self.as_str();
        let formed = match self {
            Self::Url => Url::parse(text).is_ok_and(|url| {
                matches!(url.scheme(), "https" | "http") && url.has_host() && url.username().is_empty()
            }),
            Self::Date => Date::parse(text, format_description!("[year]-[month]-[day]")).is_ok(),
            Self::Locale => is_locale(text),
            Self::Zoneinfo => is_zone(text),
            Self::Phone => {
                let key = IdentifierKey::phone(text).map_err(|_| AttributeProblem::Format { format })?;
                return Ok(key.as_str().into());
            }
            Self::OneOf(values) => {
                return if values.iter().any(|value| value == text) {
                    Ok(text.into())
                } else {
                    Err(AttributeProblem::NotListed)
                };
            }
            _ => true,
        };
        if formed { Ok(text.into()) } else { Err(AttributeProblem::Format { format }) }
    }
}

/// The longest value that has a format, in characters.
const MAX_FORMATTED: usize = 1000;

/// Control characters, line and paragraph separators, and what turns the direction of the text around it.
fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The form of a BCP 47 tag.
fn is_locale(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    (2..=8).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_alphabetic())
        && text.len() <= 35
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The form of a name of the time zone database.
fn is_zone(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+-".contains(&b);
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.split('/').all(|part| !part.is_empty() && part.bytes().all(allowed))
}
