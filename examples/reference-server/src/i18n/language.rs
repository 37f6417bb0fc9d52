//! The languages that the pages exist in, and how one is chosen.

use std::fmt;

use serde::{Serialize, Serializer};

/// A language of the user interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
    /// German.
    De,
}

impl Language {
    /// Every language, in the order in which they are offered.
    pub const ALL: &'static [Self] = &[Self::En, Self::Fr, Self::De];

    /// The language tag ([RFC 5646](https://www.rfc-editor.org/rfc/rfc5646)).
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
            Self::De => "de",
        }
    }

    /// The language for a tag such as `de-AT`: regions share the texts of their language.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or(tag);
        Self::ALL.iter().copied().find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// The first known one of a list of tags in order of preference, separated by spaces (`ui_locales`).
    pub fn from_ui_locales(tags: &str) -> Option<Self> {
        tags.split(' ').take(MAX_TAGS).find_map(Self::from_tag)
    }

    /// The best known language of an `Accept-Language` header
    /// ([RFC 9110, section 12.5.4](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4)).
    pub fn from_accept_language(header: &str) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        for range in header.split(',').take(MAX_TAGS) {
            let mut parts = range.split(';');
            let Some(language) = parts.next().map(str::trim).and_then(Self::from_tag) else { continue };
            let quality = parts.find_map(|it| it.trim().strip_prefix("q=")).map_or(1000, quality);
            if quality > 0 && best.is_none_or(|(top, _)| quality > top) {
                best = Some((quality, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// What the application asked for, else what the person chose here before, else what the browser prefers.
    pub fn negotiate(ui_locales: Option<&str>, chosen: Option<&str>, accept: Option<&str>) -> Option<Self> {
        ui_locales
            .and_then(Self::from_ui_locales)
            .or_else(|| chosen.and_then(Self::from_tag))
            .or_else(|| accept.and_then(Self::from_accept_language))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// A quality value in thousandths; what cannot be read counts as unwanted.
fn quality(text: &str) -> u16 {
    let value: f32 = text.trim().parse().unwrap_or(0.0);
    if !(0.0..=1.0).contains(&value) {
        return 0;
    }
    // In range by the check above: at most 1000.
    (value * 1000.0).round() as u16
}

/// A browser sends a handful; the rest of a longer list is not looked at.
const MAX_TAGS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_uses_the_texts_of_its_language() {
        assert_eq!(Language::from_tag("de-AT"), Some(Language::De));
        assert_eq!(Language::from_tag("DE"), Some(Language::De));
        assert_eq!(Language::from_tag("den"), None);
        assert_eq!(Language::from_tag(""), None);
    }

    #[test]
    fn ui_locales_are_in_order_of_preference() {
        assert_eq!(Language::from_ui_locales("fr-CA de en"), Some(Language::Fr));
        assert_eq!(Language::from_ui_locales("es it"), None);
    }

    #[test]
    fn accept_language_is_weighed() {
        let of = Language::from_accept_language;
        assert_eq!(of("en;q=0.5, de-CH;q=0.9, fr;q=0.8"), Some(Language::De));
        assert_eq!(of("de;q=0, en;q=0.1"), Some(Language::En));
        assert_eq!(of("de, en"), Some(Language::De));
        assert_eq!(of("de;q=nonsense"), None);
        assert_eq!(of("*"), None);
        assert_eq!(of("de;q=NaN,en;q=7"), None);
    }

    #[test]
    fn the_application_comes_before_the_choice_and_the_browser() {
        let of = Language::negotiate;
        assert_eq!(of(Some("de"), Some("en"), Some("en")), Some(Language::De));
        assert_eq!(of(Some("xx"), Some("de"), Some("en")), Some(Language::De));
        assert_eq!(of(None, None, Some("de")), Some(Language::De));
        assert_eq!(of(None, None, None), None);
    }
}
