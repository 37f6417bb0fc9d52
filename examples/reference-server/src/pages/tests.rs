use std::collections::{BTreeMap, BTreeSet};

use super::samples::Samples;
use crate::{
    i18n::{Catalogues, Language},
    pages::{
        MailMessagePage, Page as _, Piece, ScopeLine, SignInPage,
        parts::{Field, Input},
    },
    templates::Templates,
};

const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(2)> '&{client}{name}";

fn pages(text: Option<&str>) -> Vec<(String, String)> {
    let templates = Templates::embedded().unwrap();
    Language::ALL
        .iter()
        .flat_map(|language| {
            let samples = match text {
                Some(text) => Samples::filled_with(&templates, *language, text),
                None => Samples::new(&templates, *language),
            };
            samples.pages().unwrap().into_iter().map(move |(name, html)| (format!("{name}.{language}"), html))
        })
        .collect()
}

/// The opening tags of a page, as written.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag)
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\""))
        .or_else(|| tag.split_once(&format!("\n{name}=\"")))?
        .1
        .split('"')
        .next()
}

#[test]
fn what_a_stranger_writes_is_text() {
    let mut seen = 0;
    for (name, html) in pages(Some(HOSTILE)) {
        assert!(!html.contains("<script"), "{name}");
        assert!(!html.contains("<img"), "{name}");
        seen += usize::from(html.contains("&#60;script&#62;"));
    }
    assert!(seen >= 14, "the text was shown on {seen} pages only");
}

#[test]
fn pages_need_no_script_no_inline_style_and_no_other_host() {
    for (name, html) in pages(None) {
        for tag in tags(&html) {
            assert!(!tag.starts_with("script"), "{name}");
            assert!(!tag.starts_with("style"), "{name}");
            assert!(attribute(tag, "style").is_none(), "{name}: <{tag}>");
            let handler = |word: &str| word.starts_with("on") && word.contains("=\"");
            assert!(!tag.split_whitespace().any(handler), "{name}: <{tag}>");
            if tag.starts_with("link") {
                assert!(attribute(tag, "href").unwrap().starts_with("/assets/"), "{name}: <{tag}>");
            }
        }
    }
}

#[test]
fn every_page_is_a_document_that_assistive_technology_can_read() {
    for (name, html) in pages(None) {
        let language = name.rsplit('.').next().unwrap();
        assert!(html.starts_with(&format!("<!doctype html>\n<html lang=\"{language}\">")), "{name}");
        assert_eq!(tags(&html).filter(|it| *it == "h1").count(), 1, "{name}");
        assert_eq!(tags(&html).filter(|it| it.starts_with("main ")).count(), 1, "{name}");
        assert!(!html.contains("<title> ·") && !html.contains("<title>\n"), "{name}");

        let ids: Vec<_> = tags(&html).filter_map(|it| attribute(it, "id")).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{name}: an id is there twice");
        let labelled: Vec<_> = tags(&html).filter_map(|it| attribute(it, "for")).collect();
        for tag in tags(&html) {
            let input = ["input ", "select ", "textarea "].iter().any(|it| tag.starts_with(it));
            if input && attribute(tag, "type") != Some("hidden") {
                assert!(labelled.contains(&attribute(tag, "id").unwrap()), "{name}: <{tag}> has no label");
                let filled = tag.starts_with("select ") || attribute(tag, "autocomplete").is_some();
                assert!(filled, "{name}: <{tag}>");
            }
            for reference in ["aria-describedby", "aria-labelledby"] {
                for id in attribute(tag, reference).unwrap_or_default().split_whitespace() {
                    assert!(ids.contains(&id), "{name}: {reference} names {id}, which is not there");
                }
            }
        }
    }
}

#[test]
fn every_form_of_ours_carries_the_token() {
    let mut forms = 0;
    for (name, html) in pages(None) {
        for form in html.split("<form").skip(1).map(|it| it.split("</form>").next().unwrap()) {
            assert!(form.contains("method=\"post\""), "{name}");
            let ours = form.contains("action=\"/");
            assert_eq!(ours, form.contains("name=\"csrf\" value=\"token\""), "{name}: {form}");
            forms += 1;
        }
    }
    assert!(forms > 20);
}

#[test]
fn a_failed_form_says_so_in_the_title_at_the_field_and_to_screen_readers() {
    for (name, html) in pages(None).into_iter().filter(|(name, _)| name.contains("errors")) {
        let prefix = match name.rsplit('.').next().unwrap() {
            "de" => "<title>Fehler: ",
            "fr" => "<title>Erreur : ",
            _ => "<title>Error: ",
        };
        assert!(html.contains(prefix), "{name}");
        assert!(html.contains("aria-invalid=\"true\"") || html.contains("role=\"alert\""), "{name}");
    }
}

fn with_field(field: Field) -> String {
    let templates = Templates::embedded().unwrap();
    let page = SignInPage {
        frame: Samples::new(&templates, Language::En).frame(false),
        csrf: "token".into(),
        notice: None,
        client: None,
        identifier: field,
        password: Some(Field::new("password", Input::CurrentPassword, "Password")),
        passkey: None,
        code: true,
        sms: false,
        own: None,
        organization: None,
        upstreams: Vec::new(),
        journey: None,
        continuation: None,
        recover: "/recover".into(),
        sign_up: None,
    };
    assert!(!page.failed());
    templates.page(&page).unwrap()
}

#[test]
fn a_secret_is_never_sent_back() {
    for kind in [Input::CurrentPassword, Input::NewPassword { min: 15 }, Input::Code { digits: 6 }] {
        let html = with_field(Field::new("x", kind, "X").with_value("s3cret"));
        assert!(html.contains("id=\"x\"") && !html.contains("s3cret"), "{html}");
    }
    assert!(with_field(Field::new("x", Input::Name, "X").with_value("Ada")).contains("value=\"Ada\""));
}

#[test]
fn scopes_have_words_and_an_unknown_one_is_named() {
    let catalogues = Catalogues::load().unwrap();
    let texts = catalogues.of(Language::En);
    assert_eq!(ScopeLine::new(texts, "email", Some("ignored")).title, "See your email address");
    assert_eq!(ScopeLine::new(texts, "notes:read", Some("Read your notes")).title, "Read your notes");
    assert_eq!(ScopeLine::new(texts, "notes:read", None).title, "Use the permission “notes:read”");
}

#[test]
fn a_message_shows_its_code_and_its_links() {
    let found = MailMessagePage::paragraphs(
        "Hi,\r\n\r\nopen https://x.example/a\nor type\n\n493027\n",
        Some("493027"),
    );
    let text = |text: &str| Piece::Text(text.into());
    let paragraphs = [
        vec![text("Hi,")],
        vec![text("open "), Piece::Link("https://x.example/a".into()), text(" or type")],
        vec![Piece::Code("493027".into()), text(" ")],
    ];
    assert_eq!(found, paragraphs);
}

/// WCAG 2.2, 1.4.3 and 1.4.11: text needs 4.5:1, borders of inputs and the focus ring 3:1.
#[test]
fn colours_have_enough_contrast_in_both_schemes() {
    let css = include_str!("../../assets/style.css");
    let (light, dark) = css.split_once("@media (prefers-color-scheme: dark)").unwrap();
    let light = colours(light);
    let dark: BTreeMap<_, _> =
        light.clone().into_iter().chain(colours(dark.split("\n}\n").next().unwrap())).collect();
    for (scheme, palette) in [("light", light), ("dark", dark)] {
        for (front, back, least) in [
            ("text", "page", 4.5),
            ("text", "surface", 4.5),
            ("text", "tint", 4.5),
            ("text", "danger-tint", 4.5),
            ("muted", "page", 4.5),
            ("muted", "surface", 4.5),
            ("accent", "page", 4.5),
            ("accent", "surface", 4.5),
            ("accent", "tint", 3.0),
            ("accent-strong", "surface", 4.5),
            ("accent-strong", "tint", 4.5),
            ("on-accent", "accent", 4.5),
            ("on-accent", "accent-strong", 4.5),
            ("danger", "surface", 4.5),
            ("on-danger", "danger", 4.5),
            ("muted", "tint", 4.5),
            ("danger", "danger-tint", 4.5),
            ("input", "surface", 3.0),
            ("input", "page", 3.0),
        ] {
            let ratio = contrast(palette[front], palette[back]);
            assert!(ratio >= least, "{scheme}: {front} on {back} is {ratio:.2}, must be {least}");
        }
    }
}

fn colours(css: &str) -> BTreeMap<&str, [f64; 3]> {
    css.lines()
        .filter_map(|line| line.trim().strip_prefix("--ciam-")?.split_once(": #"))
        .map(|(name, hex)| {
            let channel = |at: usize| {
                let value = f64::from(u8::from_str_radix(hex.get(at..at + 2).unwrap(), 16).unwrap()) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            (name, [channel(0), channel(2), channel(4)])
        })
        .collect()
}

fn contrast(front: [f64; 3], back: [f64; 3]) -> f64 {
    let luminance = |it: [f64; 3]| 0.2126 * it[0] + 0.7152 * it[1] + 0.0722 * it[2];
    let (a, b) = (luminance(front), luminance(back));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}
