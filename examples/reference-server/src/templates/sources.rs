//! The files: ours, and those that take their place.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Files by name, such as `account/profile.html` or `i18n/en/home.toml`.
#[derive(Clone, Debug)]
pub struct Sources(BTreeMap<String, Cow<'static, str>>);

impl Sources {
    /// Those that are part of the program.
    pub fn embedded() -> Self {
        Self(EMBEDDED.iter().map(|(name, text)| ((*name).to_owned(), Cow::Borrowed(*text))).collect())
    }

    /// Ours, with the files of `folder` in the place of those with the same name. Below `own/` it may hold templates of its
    /// own, for those to include.
    ///
    /// # Errors
    ///
    /// A file cannot be read, is too large, or takes the place of nothing: a misspelt name must not be skipped silently.
    pub fn with_overrides(folder: &Path) -> Result<Self, SourceError> {
        let mut sources = Self::embedded();
        sources.add(folder, folder)?;
        Ok(sources)
    }

    fn add(&mut self, root: &Path, folder: &Path) -> Result<(), SourceError> {
        let refuse = |path: &Path, reason: String| SourceError { path: path.to_owned(), reason };
        let failed = |path: &Path, error: std::io::Error| refuse(path, error.to_string());
        for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
            let path = entry.map_err(|error| failed(folder, error))?.path();
            let hidden = path.file_name().and_then(|it| it.to_str()).is_some_and(|it| it.starts_with('.'));
            let metadata = fs::metadata(&path).map_err(|error| failed(&path, error))?;
            if hidden || path.extension().is_some_and(|it| it == "md") {
                continue;
            }
            if metadata.is_dir() {
                self.add(root, &path)?;
                continue;
            }
            let name =
                path.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or_default().replace('\\', "/");
            if !self.0.contains_key(&name) && !name.starts_with(OWN) {
                return Err(refuse(
                    &path,
                    format!("takes the place of nothing: there is no template {name}"),
                ));
            }
            if metadata.len() > MAX_FILE {
                return Err(refuse(&path, format!("is larger than {MAX_FILE} bytes")));
            }
            let text = fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
            if let Some(line) = turns_escaping_off(&text) {
                let reason = format!("line {line}: escaping cannot be turned off");
                return Err(refuse(&path, reason));
            }
            self.0.insert(name, Cow::Owned(text));
        }
        Ok(())
    }

    /// The text of a file.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref)
    }

    /// The templates: everything that is no text.
    pub fn templates(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_ref())).filter(|it| !it.0.starts_with(TEXTS))
    }

    /// Language and section of each file of texts.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.keys().filter_map(|it| it.strip_prefix(TEXTS)?.strip_suffix(".toml")?.split_once('/'))
    }
}

/// The line with an `autoescape` tag, which is not part of our language.
fn turns_escaping_off(text: &str) -> Option<usize> {
    let tag = |line: &str| {
        line.split("{%").skip(1).any(|it| {
            let it = it.trim_start_matches(['-', '+']).trim_start();
            it.starts_with("autoescape")
        })
    };
    // A tag may begin on one line and go on on the next.
    let whole = text
        .split("{%")
        .skip(1)
        .any(|it| it.trim_start_matches(['-', '+']).trim_start().starts_with("autoescape"));
    whole.then(|| text.lines().position(tag).map_or(1, |it| it + 1))
}

/// A file of the operator's folder that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct SourceError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));
const TEXTS: &str = "i18n/";
const OWN: &str = "own/";

/// The largest of ours has a tenth of it.
const MAX_FILE: u64 = 256 * 1024;
