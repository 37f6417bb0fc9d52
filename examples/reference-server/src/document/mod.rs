//! TOML and JSON files read into types, with errors that name the file, the line and the key.
//!
//! What the types refuse is reported by serde with its place. What only a comparison of several keys can refuse
//! is reported by [`Document::problem`] for a path, whose line is looked up in the text.

mod json;

use std::{fmt, path::Path};

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use toml::de::{DeTable, DeValue};

/// The language of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON.
    Json,
}

impl Format {
    /// The format by the file's ending; TOML unless it is `.json`.
    pub fn of(file: &Path) -> Self {
        match file.extension() {
            Some(ending) if ending.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Toml,
        }
    }
}

/// A file that was read, kept to find the line of a key.
#[derive(Clone)]
pub struct Document {
    name: String,
    text: String,
    format: Format,
}

/// The text may hold passwords.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Document {
    /// A text that stands in the file `name`.
    pub fn new(name: impl Into<String>, text: impl Into<String>, format: Format) -> Self {
        Self { name: name.into(), text: text.into(), format }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read or is not UTF-8.
    pub fn read(file: &Path) -> Result<Self, Problem> {
        let name = file.display().to_string();
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Self::new(name, text, Format::of(file))),
            Err(error) => Err(Problem { file: name, line: None, key: None, message: error.to_string() }),
        }
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads the text into a type.
    ///
    /// # Errors
    ///
    /// The first thing that the type refuses, or that is not well formed.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        match self.format {
            Format::Toml => self.parse_toml(),
            Format::Json => self.parse_json(),
        }
    }

    /// A problem with the value at `path`.
    pub fn problem(&self, path: &KeyPath, message: impl Into<String>) -> Problem {
        Problem {
            file: self.name.clone(),
            line: self.locate(path).map(|at| self.line(at)),
            key: Some(path.to_string()),
            message: message.into(),
        }
    }

    fn parse_toml<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let input = toml::Deserializer::parse(&self.text).map_err(|error| {
            let line = error.span().map(|span| self.line(span.start));
            self.malformed(line, error.message())
        })?;
        serde_path_to_error::deserialize(input)
            .map_err(|error| self.refusal(error.path(), error.inner().message()))
    }

    fn parse_json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        // The place is told apart from the message, in the same words for both formats.
        let bare = |error: &serde_json::Error| {
            let text = error.to_string();
            text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
        };
        let mut input = serde_json::Deserializer::from_str(&self.text);
        let value = serde_path_to_error::deserialize(&mut input).map_err(|error| {
            // Of a key that is there twice the path leads to the first.
            if error.inner().is_data() && !bare(error.inner()).starts_with("duplicate field") {
                self.refusal(error.path(), &bare(error.inner()))
            } else {
                self.malformed(Some(error.inner().line()), &bare(error.inner()))
            }
        })?;
        input.end().map_err(|error| self.malformed(Some(error.line()), &bare(&error)))?;
        Ok(value)
    }

    fn malformed(&self, line: Option<usize>, message: &str) -> Problem {
        let message = message.lines().next().unwrap_or_default().to_owned();
        Problem { file: self.name.clone(), line, key: None, message }
    }

    /// What a type said of a value; not the value, when the key is one of secrets.
    fn refusal(&self, path: &serde_path_to_error::Path, message: &str) -> Problem {
        let path = KeyPath::from(path);
        match path.0.last() {
            Some(Step::Key(key)) if SECRETS.contains(&key.as_str()) => self.problem(&path, "must be a text"),
            _ => self.problem(&path, message.lines().next().unwrap_or_default()),
        }
    }

    /// Where the value at `path` begins; of a missing key, where the table begins in which it would be.
    fn locate(&self, path: &KeyPath) -> Option<usize> {
        match self.format {
            Format::Toml => locate_toml(&self.text, path),
            Format::Json => json::locate(&self.text, path),
        }
    }

    fn line(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|it| *it == b'\n').count() + 1
    }
}

/// Says what is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The key, such as `clients[0].redirect_uris[1]`.
    pub key: Option<String>,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        match self.key.as_deref().filter(|key| !key.is_empty()) {
            Some(key) => write!(f, ": {key}: {}", self.message),
            None => write!(f, ": {}", self.message),
        }
    }
}

impl std::error::Error for Problem {}

/// The path to a value, from the top of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl KeyPath {
    /// The value at a key of the top.
    pub fn of(key: &str) -> Self {
        Self::default().key(key)
    }

    /// The value at a key of this one.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let mut longer = self.clone();
        longer.0.push(Step::Key(key.to_owned()));
        longer
    }

    /// The value at a position of this one.
    #[must_use]
    pub fn at(&self, index: usize) -> Self {
        let mut longer = self.clone();
        longer.0.push(Step::Index(index));
        longer
    }
}

impl From<&serde_path_to_error::Path> for KeyPath {
    fn from(path: &serde_path_to_error::Path) -> Self {
        let step = |segment: &Segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        };
        Self(path.iter().filter_map(step).collect())
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn locate_toml(text: &str, path: &KeyPath) -> Option<usize> {
    let top = DeTable::parse(text).ok()?;
    let mut place = top.span().start;
    let mut value: Option<&DeValue<'_>> = None;
    for step in &path.0 {
        let found = match (step, value) {
            (Step::Key(key), None) => top.get_ref().get(key.as_str()),
            (Step::Key(key), Some(DeValue::Table(table))) => table.get(key.as_str()),
            (Step::Index(index), Some(DeValue::Array(array))) => array.get(*index),
            _ => None,
        };
        let Some(found) = found else { break };
        place = found.span().start;
        value = Some(found.get_ref());
    }
    Some(place)
}

/// Keys whose values are never printed.
const SECRETS: &[&str] = &["password", "secret", "client_secret", "smtp_url", "database_url"];

#[cfg(test)]
mod tests;
