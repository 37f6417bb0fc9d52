//! Why an attribute is not accepted.

use std::collections::BTreeMap;

/// Why an attribute is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttributeProblem {
    /// The schema has no such attribute.
    #[error("there is no such attribute")]
    Unknown,
    /// It is not theirs to change.
    #[error("the attribute is not theirs to change")]
    NotWritable,
    /// It cannot be empty.
    #[error("the attribute is required")]
    Required,
    /// It is of another type.
    #[error("the value is of another type")]
    WrongType,
    /// It is too long.
    #[error("the value has more than {max} characters")]
    TooLong {
        /// The most, in characters.
        max: usize,
    },
    /// It has characters that nobody can see.
    #[error("the value has control characters")]
    Control,
    /// It is not of the form of its type: `url`, `date`, `locale`, `zoneinfo`, `phone`.
    #[error("the value is no {format}")]
    Format {
        /// The type's name.
        format: &'static str,
    },
    /// It is too small or too large.
    #[error("the value is not between {min} and {max}")]
    OutOfRange {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// It is none of the values to choose from.
    #[error("the value is none of those to choose from")]
    NotListed,
    /// There are too many.
    #[error("there are more than {max}")]
    TooMany {
        /// The most.
        max: usize,
    },
}

impl AttributeProblem {
    /// A stable code for pages and APIs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::NotWritable => "not_writable",
            Self::Required => "required",
            Self::WrongType => "wrong_type",
            Self::TooLong { .. } => "too_long",
            Self::Control => "control_characters",
            Self::Format { .. } => "format",
            Self::OutOfRange { .. } => "out_of_range",
            Self::NotListed => "not_listed",
            Self::TooMany { .. } => "too_many",
        }
    }
}

/// Why a change of a profile is not accepted: a problem for each attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{} attributes are not accepted", self.0.len())]
pub struct SchemaErrors(BTreeMap<String, AttributeProblem>);

impl SchemaErrors {
    /// The problem of an attribute.
    #[must_use]
    pub fn problem(&self, name: &str) -> Option<&AttributeProblem> {
        self.0.get(name)
    }

    /// The problems, by the attribute's name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeProblem)> {
        self.0.iter().map(|(name, problem)| (name.as_str(), problem))
    }

    pub(super) fn add(&mut self, name: &str, problem: AttributeProblem) {
        // A name that nobody knows may be of any length; enough of it is said to find it.
        self.0.insert(name.chars().take(64).collect(), problem);
    }

    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}
