use std::{fs, path::PathBuf};

use super::*;

/// A folder of templates, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ciam-templates-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).unwrap();
        for (name, text) in files {
            let file = root.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(root)
    }

    fn load(&self) -> Result<Templates, TemplateError> {
        Templates::load(Some(&self.0))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn home(templates: &Templates) -> String {
    let pages = Samples::filled_with(templates, Language::En, "<b>").pages().unwrap();
    pages.into_iter().find(|(name, _)| *name == "home-signed-in").unwrap().1
}

#[test]
fn ours_fit_their_pages_in_every_language() {
    Templates::embedded().unwrap().check().unwrap();
}

#[test]
fn a_file_takes_the_place_of_ours_and_may_include_its_own() {
    let folder = Folder::with(&[
        (
            "home.html",
            "{% extends \"base.html\" %}{% block main %}{% include \"own/banner.html\" %}{% endblock %}",
        ),
        ("own/banner.html", "<h1>Hello {{ viewer or \"stranger\" }}</h1>"),
        (
            "i18n/en/frame.toml",
            &Sources::embedded().get("i18n/en/frame.toml").unwrap().replace("Sign out", "Leave"),
        ),
        ("README.md", "not a template"),
    ]);
    let html = home(&folder.load().unwrap());
    assert!(html.contains("<h1>Hello &#60;b&#62;</h1>") && html.contains(">Leave</button>"), "{html}");
}

#[test]
fn what_does_not_fit_is_refused_with_file_and_line() {
    let texts = Sources::embedded().get("i18n/en/home.toml").unwrap().to_owned();
    for (name, text, expected) in [
        ("home.html", "<p>\n{{ viewre }}", "home.html:2: "),
        ("home.html", "\n\n{{ t.home.titel }}", "home.html:3: "),
        ("home.html", "{{ t.nothing.title }}", "home.html:1: "),
        ("home.html", "{{ t.home.lead }}", "the text home.lead needs its parameters: name=…"),
        ("home.html", "{{ t.home.lead(nmae=1) }}", "home.html:1: "),
        ("home.html", "{{ t.home.lead(name=1, more=2) }}", "home.html:1: "),
        ("home.html", "{{ t.home.title(name=1) }}", "home.html:1: "),
        ("home.html", "{{ viewer }}", "home.html:1: "),
        ("home.html", "{{ frame.product", "home.html:1: "),
        ("home.html", "{% include \"own/missing.html\" %}", "home.html:1: "),
        ("home.html", "\n{{ frame.product|safe }}", "home.html:2: "),
        (
            "home.html",
            "\n{% autoescape false %}x{% endautoescape %}",
            "line 2: escaping cannot be turned off",
        ),
        ("home.html", "{%-\n autoescape false %}x{% endautoescape %}", "escaping cannot be turned off"),
        ("hmoe.html", "x", "takes the place of nothing"),
        ("i18n/xx/home.toml", "x", "takes the place of nothing"),
        ("i18n/en/home.toml", "x = 1", "i18n/en/home.toml: "),
        ("i18n/en/home.toml", &texts.replace("{name} signs", "{nmae} signs"), "i18n/fr/home.toml: `lead`"),
    ] {
        let error = Folder::with(&[(name, text)]).load().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(Templates::load(Some(Path::new("/nowhere/at/all"))).is_err());
}

#[test]
fn values_are_escaped_and_templates_are_not() {
    let folder = Folder::with(&[(
        "home.html",
        "{% macro b(x) %}<i>{{ x }}</i>{% endmacro %}{{ b(viewer or \"-\") }}{{ (viewer or \"-\")|upper }}",
    )]);
    assert_eq!(home(&folder.load().unwrap()), "<i>&#60;b&#62;</i>&#60;B&#62;");
}

#[test]
fn a_letter_is_the_first_that_can_be_read() {
    for (name, expected) in [("ada", "A"), ("  «élan»", "É"), ("7up", "7"), ("!?", "•"), ("", "•")] {
        assert_eq!(letter(name), expected);
    }
}
