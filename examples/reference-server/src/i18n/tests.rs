use std::{collections::BTreeSet, fs, path::Path};

use super::*;

#[test]
fn every_language_has_every_text_with_the_same_parameters() {
    let catalogues = Catalogues::load().unwrap();
    let english = catalogues.of(Language::En);
    for language in Language::ALL {
        let texts = catalogues.of(*language);
        assert_eq!(texts.meta.code.as_str(), language.code());
        for (ours, theirs) in english.entries().iter().zip(texts.entries()) {
            let place = format!("{} {}.{}", language.code(), ours.0, ours.1);
            assert_eq!(ours.2.parameters(), theirs.2.parameters(), "{place}");
        }
    }
}

#[test]
fn languages_differ() {
    let catalogues = Catalogues::load().unwrap();
    let (english, german) = (catalogues.of(Language::En), catalogues.of(Language::De));
    let same: Vec<_> = english
        .entries()
        .into_iter()
        .zip(german.entries())
        .filter(|(ours, theirs)| ours.2 == theirs.2)
        .map(|(ours, _)| format!("{}.{}", ours.0, ours.1))
        .collect();
    assert_eq!(same, ["account.name", "mailbox.code"], "the words that are the same in both languages");
}

#[test]
fn a_value_is_never_read_as_a_parameter() {
    let message = Message("{client} and {client}, not {other} or {".into());
    assert_eq!(message.with("client", "A{other}"), "A{other} and A{other}, not {other} or {");
    let both = message.fill(&[("client", "{other}"), ("other", "{client}")]);
    assert_eq!(both, "{other} and {other}, not {client} or {");
    assert_eq!(message.parameters().into_iter().collect::<Vec<_>>(), ["client", "other"]);
}

#[test]
fn an_incomplete_catalogue_is_refused() {
    let source = Language::En.source();
    let missing = source.replace("resend = ", "resend_it = ");
    assert!(toml::from_str::<Texts>(&missing).unwrap_err().to_string().contains("resend_it"));
    let empty = source.replace("resend = \"send a new code\"", "resend = \" \"");
    assert!(toml::from_str::<Texts>(&empty).unwrap_err().to_string().contains("must not be empty"));
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
        .filter(|(section, key, _)| {
            let (whole, short) = (format!("{section}.{key}"), format!("t.{key}"));
            let names = |word: &str| {
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
