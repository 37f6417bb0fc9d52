//! Attributes of people in forms: what they are called, what they take, and what is wrong with a value.

use ciam_core::account::schema::{AttributeProblem, AttributeType};

use crate::{
    app::App,
    i18n::{Language, Texts},
    pages::parts::Input,
};

/// What an attribute is called: as the operator's file says in this language, or in English where it does not; by the text of
/// its label or name; else by the label or name itself.
pub(super) fn label(app: &App, language: Language, name: &str, label: Option<&str>) -> String {
    let files = || app.config().imports.iter().rev();
    let said = |language: Language| {
        files().find_map(|it| it.content().attribute_labels.get(name)?.get(language.code()).cloned())
    };
    if let Some(said) = said(language).or_else(|| said(Language::En)) {
        return said;
    }
    let key = label.unwrap_or(name);
    let entries = app.texts(language).entries();
    let words = entries.iter().find(|(section, known, _)| *section == "attributes" && *known == key);
    words.map_or_else(|| key.to_owned(), |(_, _, text)| text.to_string())
}

/// What a field of an attribute takes.
pub(super) fn input_of(name: &str, kind: &AttributeType) -> Input {
    match kind {
        AttributeType::Text { .. } if name == "name" => Input::Name,
        AttributeType::Text { max } => Input::Text { max: u16::try_from(*max).unwrap_or(u16::MAX) },
        AttributeType::Url => Input::Url,
        AttributeType::Date => Input::Date,
        AttributeType::Phone => Input::Phone,
        AttributeType::Integer { .. } => Input::Number,
        AttributeType::List { .. } => Input::Lines { max: 4000 },
        _ => Input::Text { max: 64 },
    }
}

/// What is wrong with a value.
pub(super) fn complaint(t: &Texts, problem: &AttributeProblem) -> String {
    match problem {
        AttributeProblem::Required => t.attributes.required.to_string(),
        AttributeProblem::TooLong { max } => t.attributes.too_long.with("max", max),
        AttributeProblem::Control => t.attributes.control.to_string(),
        AttributeProblem::OutOfRange { min, max } => {
            t.attributes.out_of_range.fill(&[("min", min), ("max", max)])
        }
        AttributeProblem::NotListed => t.attributes.not_listed.to_string(),
        AttributeProblem::TooMany { max } => t.attributes.too_many.with("max", max),
        AttributeProblem::Unknown | AttributeProblem::NotWritable => t.attributes.refused.to_string(),
        AttributeProblem::Format { format } => match *format {
            "url" => t.attributes.format_url.to_string(),
            "date" => t.attributes.format_date.to_string(),
            "locale" => t.attributes.format_locale.to_string(),
            "zoneinfo" => t.attributes.format_zoneinfo.to_string(),
            "phone" => t.attributes.format_phone.to_string(),
            _ => t.attributes.wrong_type.to_string(),
        },
        _ => t.attributes.wrong_type.to_string(),
    }
}
