use ciam_core::account::schema::AttributeSchema;
use std::{collections::BTreeSet, fs, path::Path};

use super::*;

#[test]
fn every_language_is_complete_and_says_which_it_is() {
    let catalogues = Catalogues::load().unwrap();
    for language in Language::ALL {
        assert_eq!(catalogues.of(*language).meta.code.as_str(), language.code());
    }
}

/// A word may be the same in two languages; a sentence is not, it was forgotten.
#[test]
fn sentences_are_translated() {
    let catalogues = Catalogues::load().unwrap();
    for (one, other) in
        [(Language::En, Language::De), (Language::En, Language::Fr), (Language::Fr, Language::De)]
    {
        let (ours, theirs) = (catalogues.of(one).entries(), catalogues.of(other).entries());
        for (ours, theirs) in ours.iter().zip(theirs) {
            let sentence = ours.2.as_str().split(' ').count() > 2;
            assert!(!sentence || ours.2 != theirs.2, "{}.{} in {one} and {other}", ours.0, ours.1);
        }
    }
}

#[test]
fn a_value_is_never_read_as_a_parameter() {
    let message = Message("{client} and {client}, not {other} or {".into());
    assert_eq!(message.with("client", "A{other}"), "A{other} and A{other}, not {other} or {");
    let both = message.fill(&[("client", "{other}"), ("other", "{client}")]);
    assert_eq!(both, "{other} and {other}, not {client} or {");
    assert_eq!(message.parameters().into_iter().collect::<Vec<_>>(), ["client", "other"]);
}

/// What comes of one change to the German texts of the verification page.
fn changed(from: &str, to: &str) -> CatalogueError {
    let sources = Sources::embedded();
    let read = |name: &str| {
        let text = sources.get(name)?;
        if name != "i18n/de/verify.toml" {
            return Some(text.to_owned());
        }
        assert!(text.contains(from));
        Some(text.replace(from, to)).filter(|it| !it.is_empty())
    };
    Catalogues::read(&read).unwrap_err()
}

#[test]
fn an_incomplete_catalogue_is_refused() {
    let whole = Sources::embedded().get("i18n/de/verify.toml").unwrap().to_owned();
    for (from, to, reason) in [
        ("resend = ", "# ", "missing field `resend`"),
        ("resend = ", "resend_it = \"x\"\nresend = ", "resend_it"),
        ("{minutes}", "{hours}", "`hint` has the parameters {\"digits\", \"hours\"}"),
        (" {minutes}", "", "`hint` has the parameters {\"digits\"}"),
        ("\"neuen Code senden\"", "\" \"", "must not be empty"),
        ("\"neuen Code senden\"", "7", "invalid type"),
        (whole.as_str(), "", "the file is missing"),
    ] {
        let error = changed(from, to);
        assert_eq!(error.file, "i18n/de/verify.toml");
        assert!(error.reason.contains(reason), "{error}");
    }
}

/// A text that nothing shows is a text that nobody keeps correct.
#[test]
fn every_text_is_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    for folder in ["src", "templates"] {
        collect(&root.join(folder), &mut sources);
    }
    let words: BTreeSet<&str> =
        sources.split(|it: char| !it.is_alphanumeric() && it != '_' && it != '.').collect();
    let catalogues = Catalogues::load().unwrap();
    let unused: Vec<_> = catalogues
        .of(Language::En)
        .entries()
        .iter()
        // The names of attributes are looked up by what the schema says.
        .filter(|(section, key, _)| {
            *section != "attributes" || AttributeSchema::standard().get(key).is_none()
        })
        .filter(|(section, key, _)| {
            let (whole, short) = (format!("{section}.{key}"), format!("t.{key}"));
            let names = |word: &str| {
                let word = word.strip_prefix("frame.").unwrap_or(word);
                let word = word.strip_suffix(".as_str").or(word.strip_suffix(".to_string")).unwrap_or(word);
                let word = word.strip_suffix(".with").or(word.strip_suffix(".fill")).unwrap_or(word);
                word.ends_with(&whole) || word == short
            };
            !words.iter().any(|word| names(word))
        })
        .map(|(section, key, _)| format!("{section}.{key}"))
        .collect();
    assert!(unused.is_empty(), "unused texts: {unused:?}");
}

fn collect(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|it| it == "rs" || it == "html" || it == "txt") {
            into.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}
