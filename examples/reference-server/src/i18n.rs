//! Texts and the choice of a language.
//!
//! A text stands in `templates/i18n/<language>/<section>.toml`. The types are made from the English files when the
//! program is built, so Rust code that names a text that does not exist does not compile; a language that lacks a
//! text, has one too many or another parameter does not start. Adding a language is one folder and two lines in
//! [`Language`].

mod language;

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, de, de::DeserializeOwned};

pub use language::Language;

use crate::templates::Sources;

/// One text of the catalogue. It may hold parameters, written `{name}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(String);

impl Message {
    /// The text with the parameter `{name}` replaced by `value`.
    ///
    /// The result is plain text: templates escape it like any other value.
    pub fn with(&self, name: &str, value: impl fmt::Display) -> String {
        self.fill(&[(name, value)])
    }

    /// The text with each named parameter replaced by its value, in one pass: what a value contains is not
    /// looked at again.
    pub fn fill<T: fmt::Display>(&self, values: &[(&str, T)]) -> String {
        let mut filled = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let named = after.split_once('}');
            match named.and_then(|(name, tail)| Some((values.iter().find(|it| it.0 == name)?, tail))) {
                Some(((_, value), tail)) => {
                    filled.push_str(&value.to_string());
                    rest = tail;
                }
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        filled
    }

    /// The text as it stands.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names of the parameters in the text.
    pub fn parameters(&self) -> BTreeSet<&str> {
        self.0.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect()
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Message> for String {
    fn from(message: Message) -> Self {
        message.0
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() {
            return Err(de::Error::custom("a text must not be empty"));
        }
        Ok(Self(text))
    }
}

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// The files of one language.
struct Source<'a> {
    language: Language,
    file: &'a dyn Fn(&str) -> Option<String>,
}

impl Source<'_> {
    fn section<T: DeserializeOwned>(&self, section: &str) -> Result<T, CatalogueError> {
        let name = format!("i18n/{}/{section}.toml", self.language);
        let refuse = |reason: String| CatalogueError { file: name.clone(), reason };
        let text = (self.file)(&name).ok_or_else(|| refuse("the file is missing".to_owned()))?;
        toml::from_str(&text).map_err(|error| refuse(error.to_string().trim_end().to_owned()))
    }
}

/// The catalogues of every language.
#[derive(Clone, Debug)]
pub struct Catalogues {
    default: Texts,
    all: Vec<(Language, Texts)>,
}

impl Catalogues {
    /// Reads the catalogues that are part of the program.
    ///
    /// # Errors
    ///
    /// A catalogue lacks a text or has one too many, a parameter differs from the English text, or a file is not
    /// TOML.
    pub fn load() -> Result<Self, CatalogueError> {
        let sources = Sources::embedded();
        Self::read(&|name| sources.get(name).map(str::to_owned))
    }

    /// Reads the catalogues from the files that `file` finds by name, such as `i18n/en/home.toml`.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn read(file: &dyn Fn(&str) -> Option<String>) -> Result<Self, CatalogueError> {
        let read = |language: Language| Texts::read(&Source { language, file });
        let default = read(Language::default())?;
        let mut all = Vec::new();
        for language in Language::ALL {
            let texts = read(*language)?;
            for ((section, key, ours), (_, _, theirs)) in default.entries().into_iter().zip(texts.entries()) {
                if ours.parameters() != theirs.parameters() {
                    let file = format!("i18n/{language}/{section}.toml");
                    let reason = format!(
                        "`{key}` has the parameters {:?}, the English text {:?}",
                        theirs.parameters(),
                        ours.parameters()
                    );
                    return Err(CatalogueError { file, reason });
                }
            }
            all.push((*language, texts));
        }
        Ok(Self { default, all })
    }

    /// The texts of a language.
    pub fn of(&self, language: Language) -> &Texts {
        self.all.iter().find(|(it, _)| *it == language).map_or(&self.default, |(_, texts)| texts)
    }
}

/// A file of texts that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct CatalogueError {
    /// The file, such as `i18n/en/home.toml`.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

#[cfg(test)]
mod tests;
