//! Strict JSON: one value, no member twice, bounded depth.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::error::JwsError;

/// How deep objects and arrays may be nested.
pub(super) const MAX_DEPTH: usize = 16;

/// Why bytes are not strict JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonProblem {
    /// No JSON object, or something after it, or too deep.
    Malformed,
    /// An object has a member twice, at any depth.
    DuplicateMember,
}

/// Checks that bytes are one JSON object in which no object has a member twice.
///
/// Parsers disagree about which of two members counts, so a value that passes one check and is used by another is an attack
/// ([RFC 7515, section 4](https://www.rfc-editor.org/rfc/rfc7515#section-4),
/// [RFC 7519, section 4](https://www.rfc-editor.org/rfc/rfc7519#section-4)).
pub(super) fn check_object(bytes: &[u8]) -> Result<(), JsonProblem> {
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(JsonProblem::Malformed);
    }
    read(bytes, |deserializer, duplicate| {
        deserializer.deserialize_any(Strict { depth: MAX_DEPTH, duplicate })
    })
}

/// Picks members out of a JSON object that is read once and strictly: see [`read_members`].
pub trait MemberReader<'p> {
    /// Reads the value of the member `name` with [`MapAccess::next_value`] and gives `true`; or leaves it alone and gives
    /// `false`, and it is checked and skipped.
    ///
    /// # Errors
    ///
    /// Fails when the value is not what it must be.
    fn member<A: MapAccess<'p>>(&mut self, name: &str, object: &mut A) -> Result<bool, A::Error>;
}

/// Reads a JSON object in one pass, by the rules of every part of a token: no member twice, at any depth that was skipped.
///
/// For claims that are looked at at every request, where reading them once to check and once to use would be twice the work.
///
/// # Errors
///
/// Fails with [`JwsError::DuplicateMember`] when a member is there twice, and with [`JwsError::Malformed`] when the text is not
/// one JSON object, or the reader refuses a member.
pub fn read_members<'p, R: MemberReader<'p>>(text: &'p str, reader: &mut R) -> Result<(), JwsError> {
    struct Members<'c, R> {
        reader: &'c mut R,
        duplicate: &'c Cell<bool>,
    }

    impl<'de, R: MemberReader<'de>> Visitor<'de> for Members<'_, R> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
            let mut seen = Seen::new();
            while let Some(name) = object.next_key_seed(Name)? {
                if !self.reader.member(&name, &mut object)? {
                    object.next_value_seed(Strict { depth: MAX_DEPTH - 1, duplicate: self.duplicate })?;
                }
                seen.add(name, self.duplicate)?;
            }
            Ok(())
        }
    }

    let duplicate = Cell::new(false);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer
        .deserialize_map(Members { reader, duplicate: &duplicate })
        .and_then(|()| deserializer.end())
        .map_err(|_| if duplicate.get() { JwsError::DuplicateMember } else { JwsError::Malformed })
}

/// Runs a visitor over bytes and says whether it failed for a duplicate.
pub(super) fn read<'de, T>(
    bytes: &'de [u8],
    visit: impl FnOnce(
        &mut serde_json::Deserializer<serde_json::de::SliceRead<'de>>,
        &Cell<bool>,
    ) -> Result<T, serde_json::Error>,
) -> Result<T, JsonProblem> {
    let duplicate = Cell::new(false);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    visit(&mut deserializer, &duplicate)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|_| if duplicate.get() { JsonProblem::DuplicateMember } else { JsonProblem::Malformed })
}

/// Consumes any value, checking it.
#[derive(Clone, Copy)]
pub(super) struct Strict<'c> {
    pub(super) depth: usize,
    pub(super) duplicate: &'c Cell<bool>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen = Seen::new();
        while let Some(name) = members.next_key_seed(Name)? {
            seen.add(name, self.duplicate)?;
            members.next_value_seed(inner)?;
        }
        Ok(())
    }
}

/// The names of an object's members so far.
pub(super) struct Seen<'de> {
    few: [Cow<'de, str>; FEW],
    filled: usize,
    /// A bit for each name: where it is not set, the name is new without a look at the others.
    marks: u64,
    many: HashSet<Cow<'de, str>>,
}

/// Up to this many names are kept in place and compared one by one.
const FEW: usize = 16;

impl<'de> Seen<'de> {
    pub(super) fn new() -> Self {
        Self { few: [const { Cow::Borrowed("") }; FEW], filled: 0, marks: 0, many: HashSet::new() }
    }

    pub(super) fn add<E: serde::de::Error>(
        &mut self,
        name: Cow<'de, str>,
        duplicate: &Cell<bool>,
    ) -> Result<(), E> {
        let mark = mark_of(&name);
        let known = self.marks & mark != 0
            && (self.few.iter().take(self.filled).any(|one| *one == name) || self.many.contains(&name));
        self.marks |= mark;
        if known {
            duplicate.set(true);
            return Err(E::custom("a member appears twice"));
        }
        if let Some(free) = self.few.get_mut(self.filled) {
            *free = name;
            self.filled += 1;
        } else {
            self.many.insert(name);
        }
        Ok(())
    }
}

/// One of 64 bits, by what tells names apart best: how they begin and end, and their length.
fn mark_of(name: &str) -> u64 {
    let (first, last) =
        (name.bytes().next().unwrap_or_default(), name.bytes().next_back().unwrap_or_default());
    let mixed = usize::from(first).wrapping_mul(5) ^ usize::from(last).wrapping_mul(17);
    1 << (mixed.wrapping_add(name.len()) & 63)
}

/// Reads a member's name, borrowed where it has no escapes.
pub(super) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn objects_with_unique_members_pass() {
        for text in [
            "{}",
            " {\"a\":1} \n",
            r#"{"a":{"a":{"a":[1,-2.5,true,null,"x"]}},"b":{"a":1}}"#,
            r#"{"":0,"A":1,"a":2}"#,
        ] {
            assert_eq!(check_object(text.as_bytes()), Ok(()), "{text}");
        }
    }

    #[test]
    fn members_that_appear_twice_are_found_at_any_depth_and_in_any_spelling() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":2,"\u0061":3}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[{"y":[{"a":1,"a":2}]}]}"#,
        ] {
            assert_eq!(check_object(text.as_bytes()), Err(JsonProblem::DuplicateMember), "{text}");
        }
        let many: Vec<String> = (0..200).map(|i| format!("\"m{i}\":{i}")).collect();
        assert_eq!(check_object(format!("{{{}}}", many.join(",")).as_bytes()), Ok(()));
        for twice in [0, 15, 16, 17, 150, 199] {
            let text = format!("{{{},\"m{twice}\":0}}", many.join(","));
            assert_eq!(check_object(text.as_bytes()), Err(JsonProblem::DuplicateMember), "m{twice}");
        }
    }

    #[test]
    fn everything_else_is_malformed() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(16), "]".repeat(16));
        let bottomless = "{\"a\":".repeat(100_000);
        for text in [
            "",
            " ",
            "[]",
            "1",
            "null",
            "\"{}\"",
            "{",
            "{}{}",
            "{},",
            "{a:1}",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\t\"}",
            "\u{feff}{}",
            &deep,
            &bottomless,
        ] {
            assert_eq!(check_object(text.as_bytes()), Err(JsonProblem::Malformed), "{text:.20}");
        }
        assert_eq!(check_object(b"{\"a\":\"\xff\"}"), Err(JsonProblem::Malformed));
    }

    /// Reads `sub` and skips the rest.
    #[derive(Debug, Default, PartialEq)]
    struct Subject(Option<String>);

    impl<'p> MemberReader<'p> for Subject {
        fn member<A: MapAccess<'p>>(&mut self, name: &str, object: &mut A) -> Result<bool, A::Error> {
            if name != "sub" {
                return Ok(false);
            }
            self.0 = Some(object.next_value()?);
            Ok(true)
        }
    }

    #[test]
    fn members_are_picked_out_of_a_strict_object() {
        let read = |text| {
            let mut subject = Subject::default();
            read_members(text, &mut subject).map(|()| subject)
        };
        assert_eq!(read(r#"{"a":{"a":1},"\u0073ub":"x"} "#), Ok(Subject(Some("x".to_owned()))));
        assert_eq!(read("{}"), Ok(Subject(None)));
        for twice in [
            r#"{"sub":"x","sub":"x"}"#,
            r#"{"sub":"x","\u0073ub":"x"}"#,
            r#"{"a":1,"sub":"x","a":1}"#,
            r#"{"sub":"x","a":[{"b":1,"b":1}]}"#,
        ] {
            assert_eq!(read(twice), Err(JwsError::DuplicateMember), "{twice}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(16), "]".repeat(16));
        for bad in ["", "[]", "{}x", "{\"sub\":1}", "null", &deep] {
            assert_eq!(read(bad), Err(JwsError::Malformed), "{bad}");
        }
        assert!(
            read(&deep.replacen('[', "", 1).replacen(']', "", 1)).is_ok(),
            "as deep as `check_object` allows"
        );
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_parser_on_objects_without_duplicates(
            members in prop::collection::btree_map(".*", any::<i64>(), 0..40)
        ) {
            let text = serde_json::to_string(&members).unwrap();
            prop_assert_eq!(check_object(text.as_bytes()), Ok(()));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _any = check_object(&bytes);
        }
    }
}
