//! Templates: ours, part of the program, or the operator's, from a folder.
//!
//! A template is a [Jinja](https://docs.rs/minijinja) file in `templates/`. It is given the page's view model, and the
//! texts of the person's language as `t`: `{{ t.home.title }}`, or `{{ t.verify.lead(email=email) }}` for a text with a
//! parameter. A name that is not there is an error, not an empty place: [`Templates::load`] renders every page with made-up
//! data in every language before the server starts.
//!
//! # Security
//!
//! Every value is escaped in every template whose name does not end in `.txt`, and there is no way to turn that off: the
//! `safe` filter and the `autoescape` block do not exist. HTML comes from templates alone.

mod sources;
mod text;

use std::{collections::BTreeMap, fmt, path::Path};

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, syntax::SyntaxConfig,
    value::Serde,
};
use serde::Serialize;
pub use sources::{SourceError, Sources};

use self::text::{Text, texts};
use crate::{
    i18n::{CatalogueError, Catalogues, Language, Texts},
    pages::{Page, samples::Samples},
};

/// Everything that pages and letters are rendered with.
pub struct Templates {
    environment: Environment<'static>,
    catalogues: Catalogues,
    values: BTreeMap<&'static str, Value>,
}

impl Templates {
    /// Ours alone.
    ///
    /// # Errors
    ///
    /// They are broken, which the tests would have found.
    pub fn embedded() -> Result<Self, TemplateError> {
        Self::new(&Sources::embedded())
    }

    /// Ours, with those of the folder in their place, each tried with made-up data in every language.
    ///
    /// # Errors
    ///
    /// A file of the folder has no namesake among ours, cannot be read, or does not fit its page.
    pub fn load(folder: Option<&Path>) -> Result<Self, TemplateError> {
        let Some(folder) = folder else { return Self::embedded() };
        let templates = Self::new(&Sources::with_overrides(folder)?)?;
        templates.check()?;
        Ok(templates)
    }

    fn new(sources: &Sources) -> Result<Self, TemplateError> {
        let catalogues = Catalogues::read(&|name| sources.get(name).map(str::to_owned))?;
        for (language, section) in sources.texts() {
            let known = Language::ALL.iter().any(|it| it.code() == language);
            let texts = catalogues.of(Language::default());
            if !known || !texts.entries().iter().any(|it| it.0 == section) {
                let file = format!("i18n/{language}/{section}.toml");
                let reason = "no text of this section or language is used".to_owned();
                return Err(CatalogueError { file, reason }.into());
            }
        }
        let mut environment = Environment::new();
        environment.set_syntax(syntax()?);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| {
            if name.ends_with(".txt") { AutoEscape::None } else { AutoEscape::Html }
        });
        environment.set_formatter(write_value);
        environment.remove_filter("safe");
        environment.add_filter("letter", |name: &str| letter(name));
        for (name, source) in sources.templates() {
            environment.add_template_owned(name.to_owned(), source.to_owned())?;
        }
        let values = Language::ALL.iter().map(|it| (it.code(), texts(catalogues.of(*it)))).collect();
        Ok(Self { environment, catalogues, values })
    }

    /// Renders every page with made-up data in every language.
    ///
    /// # Errors
    ///
    /// The first that fails.
    pub fn check(&self) -> Result<(), TemplateError> {
        for language in Language::ALL {
            Samples::new(self, *language).pages()?;
        }
        Ok(())
    }

    /// The texts in every language.
    pub fn catalogues(&self) -> &Catalogues {
        &self.catalogues
    }

    /// The texts in a language.
    pub fn texts(&self, language: Language) -> &Texts {
        self.catalogues.of(language)
    }

    /// Renders a page.
    ///
    /// # Errors
    ///
    /// The template names something that is not there.
    pub fn page(&self, page: &impl Page) -> Result<String, TemplateError> {
        let around = Around { t: self.value(page.frame().language), failed: page.failed() };
        let context = minijinja::context! { ..Value::from(Serde(around)), ..Value::from(Serde(page)) };
        Ok(self.environment.get_template(page.template())?.render(context)?)
    }

    /// Renders something else than a page: a letter.
    ///
    /// # Errors
    ///
    /// The template names something that is not there.
    pub fn plain(
        &self,
        template: &str,
        language: Language,
        data: &impl Serialize,
    ) -> Result<String, TemplateError> {
        let around = Around { t: self.value(language), failed: false };
        let context = minijinja::context! { ..Value::from(Serde(around)), ..Value::from(Serde(data)) };
        Ok(self.environment.get_template(template)?.render(context)?)
    }

    fn value(&self, language: Language) -> Value {
        self.values.get(language.code()).cloned().unwrap_or_default()
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").finish_non_exhaustive()
    }
}

/// What every template has beside its page.
#[derive(Serialize)]
struct Around {
    t: Value,
    failed: bool,
}

/// A template or a text that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A file of the operator's folder.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A text.
    #[error(transparent)]
    Text(#[from] CatalogueError),
    /// A template.
    #[error("{}", describe(.0))]
    Template(#[source] Error),
}

impl From<Error> for TemplateError {
    fn from(error: Error) -> Self {
        Self::Template(error)
    }
}

/// File, line and reason, those of the innermost template first: that is the one to look at.
fn describe(error: &Error) -> String {
    let mut texts = Vec::new();
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<Error>() {
            let place = match (error.name(), error.line()) {
                (Some(name), Some(line)) => format!("{name}:{line}: "),
                (Some(name), None) => format!("{name}: "),
                _ => String::new(),
            };
            let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            texts.push(format!("{place}{reason}"));
        } else {
            texts.push(error.to_string());
        }
        next = error.source();
    }
    texts.reverse();
    texts.join("; in ")
}

fn syntax() -> Result<SyntaxConfig, Error> {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()
}

/// Writes a value, escaped unless it is the output of a template.
fn write_value(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if let Some(text) = value.downcast_object_ref::<Text>() {
        return Err(text.unfilled());
    }
    if value.is_none() {
        return Err(Error::new(
            ErrorKind::UndefinedError,
            "the value is not there: ask for it with `if` first",
        ));
    }
    if value.is_safe() || matches!(state.auto_escape(), AutoEscape::None) {
        return write!(out, "{value}").map_err(|_| ErrorKind::WriteFailure.into());
    }
    let text = value.to_string();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (before, after) = rest.split_at(at);
        let special = after.bytes().next().unwrap_or_default();
        write!(out, "{before}&#{special};").map_err(|_| Error::from(ErrorKind::WriteFailure))?;
        rest = after.strip_prefix(char::from(special)).unwrap_or_default();
    }
    out.write_str(rest).map_err(|_| ErrorKind::WriteFailure.into())
}

/// The first letter or digit of a name, as a stand-in for a picture.
fn letter(name: &str) -> String {
    name.chars()
        .find(|it| it.is_alphanumeric())
        .map_or_else(|| "•".to_owned(), |it| it.to_uppercase().collect())
}

#[cfg(test)]
mod tests;
