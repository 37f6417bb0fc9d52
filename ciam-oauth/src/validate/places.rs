//! Where the texts of a payload stand in it.

use super::payload::Payload;

/// A string of a payload that is kept beside it: where it stands, or the text itself when it had an escape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    At(Span),
    Unescaped(Box<str>),
}

/// From one byte to before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) const EMPTY: Self = Self { start: 0, end: 0 };

    /// Where a slice of the payload stands: its addresses say.
    fn of(text: &str, payload: &str) -> Option<Self> {
        let start = (text.as_ptr() as usize).checked_sub(payload.as_ptr() as usize)?;
        let end = start.checked_add(text.len())?;
        // A text that was unescaped is somewhere else, and so is what was found by chance.
        payload.get(start..end).filter(|found| *found == text)?;
        Some(Self { start: start.try_into().ok()?, end: end.try_into().ok()? })
    }

    fn text(self, payload: &Payload) -> &str {
        payload.text(self.start as usize..self.end as usize)
    }
}

impl Place {
    /// Finds a text in the payload that it was read from.
    pub(super) fn of(text: &str, payload: &str) -> Self {
        Span::of(text, payload).map_or_else(|| Self::Unescaped(text.into()), Self::At)
    }

    pub(super) fn text<'p>(&'p self, payload: &'p Payload) -> &'p str {
        match self {
            Self::At(span) => span.text(payload),
            Self::Unescaped(text) => text,
        }
    }
}

/// The strings of a claim that is a string or an array of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Places {
    None,
    One(Place),
    /// More than one, none with an escape, as they stand beside each other: from the first one's first byte to the last one's
    /// last, with quotes, a comma and maybe white space between two.
    Row(Span),
    Many(Vec<Place>),
}

impl Places {
    /// Adds the next string of an array.
    pub(super) fn push(&mut self, next: Place, payload: &str) {
        *self = match (std::mem::replace(self, Self::None), next) {
            (Self::None, next) => Self::One(next),
            (Self::One(Place::At(row)) | Self::Row(row), Place::At(next)) if follows(next, row, payload) => {
                Self::Row(Span { start: row.start, end: next.end })
            }
            (Self::One(one), next) => Self::Many(vec![one, next]),
            (Self::Row(row), next) => {
                let text = payload.get(row.start as usize..row.end as usize).unwrap_or_default();
                Self::Many(split(text).map(|text| Place::of(text, payload)).chain([next]).collect())
            }
            (Self::Many(mut many), next) => {
                many.push(next);
                Self::Many(many)
            }
        };
    }

    pub(super) fn texts<'p>(&'p self, payload: &'p Payload) -> impl Iterator<Item = &'p str> {
        let (row, places) = match self {
            Self::None => (None, [].as_slice()),
            Self::One(one) => (None, std::slice::from_ref(one)),
            Self::Row(row) => (Some(row.text(payload)), [].as_slice()),
            Self::Many(many) => (None, many.as_slice()),
        };
        row.into_iter().flat_map(split).chain(places.iter().map(|place| place.text(payload)))
    }
}

/// Whether nothing but the end of one string, and the begin of the next, stands between two.
fn follows(next: Span, row: Span, payload: &str) -> bool {
    let between = payload.get(row.end as usize..next.start as usize).unwrap_or_default();
    let inner = between.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| inner.trim_matches([' ', '\t', '\r', '\n']) == ",")
}

/// The strings of a row. None has a quote in it: that would be an escape.
fn split(row: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(row);
    std::iter::from_fn(move || {
        let (text, after) = match rest?.split_once('"') {
            Some((text, after)) => (text, after.split_once('"').map(|(_, next)| next)),
            None => (rest?, None),
        };
        rest = after;
        Some(text)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_of_elsewhere_is_copied() {
        let payload = Payload::from(b"payload".as_slice());
        let place = Place::of("elsewhere", "payload");
        assert!(matches!(place, Place::Unescaped(_)));
        assert_eq!(place.text(&payload), "elsewhere");
        let text = "payload";
        assert!(matches!(Place::of(text.strip_prefix("pay").unwrap(), text), Place::At(_)));
    }

    /// Reads an array as the claims are read.
    fn places(array: &str) -> Places {
        let texts: Vec<ciam_core::jose::Text<'_>> = serde_json::from_str(array).unwrap();
        let mut places = Places::None;
        for text in &texts {
            places.push(Place::of(text.as_str(), array), array);
        }
        places
    }

    fn texts(array: &str) -> Vec<String> {
        let payload = Payload::from(array.as_bytes());
        places(array).texts(&payload).map(str::to_owned).collect()
    }

    #[test]
    fn a_row_is_kept_as_it_stands() {
        for (array, expected) in [
            ("[]", [].as_slice()),
            (r#"["a"]"#, &["a"]),
            (r#"[""]"#, &[""]),
            (r#"["a","b"]"#, &["a", "b"]),
            (r#"["","",""]"#, &["", "", ""]),
            (r#"[ "a" , "b","","[,]" ]"#, &["a", "b", "", "[,]"]),
        ] {
            assert_eq!(texts(array), expected, "{array}");
            assert!(!matches!(places(array), Places::Many(_)), "{array}");
        }
        for (array, expected) in [
            (r#"["a","\u0062"]"#, ["a", "b"].as_slice()),
            (r#"["\"","b","c"]"#, &["\"", "b", "c"]),
            (r#"["a","b","\n","d"]"#, &["a", "b", "\n", "d"]),
        ] {
            assert_eq!(texts(array), expected, "{array}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_strings_they_come_back(strings in prop::collection::vec(".{0,6}|[\"\\\\,\\[\\] a]{0,5}", 0..8)) {
            prop_assert_eq!(texts(&serde_json::to_string(&strings).unwrap()), strings.clone());
            prop_assert_eq!(texts(&serde_json::to_string_pretty(&strings).unwrap()), strings);
        }
    }
}
