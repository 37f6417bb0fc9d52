//! Reading JSON that comes from outside: no depth without end, and no name twice.
//!
//! Two members of an object whose names differ only in case are one attribute to SCIM ([RFC 7643, section 2.1]); a body that
//! has both says two things at once, and is refused.
//!
//! [RFC 7643, section 2.1]: https://www.rfc-editor.org/rfc/rfc7643#section-2.1

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::ScimError;

/// The deepest nesting that is read.
pub const MAX_DEPTH: usize = 32;
/// The most members of one object.
pub const MAX_MEMBERS: usize = 1024;
/// The longest name of a member, in bytes.
pub const MAX_NAME: usize = 512;

/// Reads one JSON text.
///
/// # Errors
///
/// Fails with `invalidSyntax` when the bytes are not JSON in UTF-8, when something follows it, when it is nested deeper than
/// [`MAX_DEPTH`], when an object has more than [`MAX_MEMBERS`] members or the same name twice in any case.
pub fn read(bytes: &[u8]) -> Result<Value, ScimError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Depth(0).deserialize(&mut reader).map_err(|error| refused(&error))?;
    reader.end().map_err(|error| refused(&error))?;
    Ok(value)
}

/// Reads one JSON object.
///
/// # Errors
///
/// As [`read`], and when the text is no object.
pub fn read_object(bytes: &[u8]) -> Result<Map<String, Value>, ScimError> {
    match read(bytes)? {
        Value::Object(object) => Ok(object),
        _ => Err(ScimError::syntax("the body is not a JSON object")),
    }
}

fn refused(error: &serde_json::Error) -> ScimError {
    let what = if error.is_data() { "not acceptable" } else { "not JSON" };
    // What the reader says may repeat what was sent; the place says enough.
    let (line, column) = (error.line(), error.column());
    ScimError::syntax(format!("the body is {what} at line {line} column {column}"))
}

/// Reads a value at a depth. It descends at most [`MAX_DEPTH`] times, whatever is sent.
#[derive(Clone, Copy)]
struct Depth(usize);

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl Depth {
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.0 >= MAX_DEPTH { Err(E::custom("nested too deeply")) } else { Ok(Self(self.0 + 1)) }
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(below)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut object = Map::new();
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.len() > MAX_NAME || object.len() >= MAX_MEMBERS {
                return Err(A::Error::custom("an object is too large"));
            }
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(A::Error::custom("a member occurs twice"));
            }
            object.insert(name, members.next_value_seed(below)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_refused_as_syntax() {
        let deep = "[".repeat(100_000);
        let wide = format!("{{{}}}", (0..2_000).map(|n| format!("\"a{n}\":1")).collect::<Vec<_>>().join(","));
        let rows: &[(&str, &[u8])] = &[
            ("nothing", b""),
            ("deep arrays", deep.as_bytes()),
            ("deep objects", &b"{\"a\":".repeat(50_000)),
            ("wide object", wide.as_bytes()),
            ("the same name", br#"{"a":1,"a":2}"#),
            ("the same name in another case", br#"{"userName":"a","USERNAME":"b"}"#),
            ("the same op", br#"{"Operations":[{"op":"add","op":"remove"}]}"#),
            ("byte order mark", b"\xef\xbb\xbf{}"),
            ("UTF-16", b"\xff\xfe{\0}\0"),
            ("invalid UTF-8", b"{\"a\":\"\xff\"}"),
            ("lone surrogate", br#"{"a":"\ud800"}"#),
            ("not a number", b"{\"a\":NaN}"),
            ("infinite", b"{\"a\":1e999}"),
            ("trailing bytes", b"{} x"),
            ("two values", b"{}{}"),
            ("comment", b"{/**/}"),
        ];
        for (name, bytes) in rows {
            let error = read(bytes).map(|_| ()).unwrap_err();
            assert_eq!(error.to_json()["scimType"], "invalidSyntax", "{name}");
            assert_eq!(error.status, 400, "{name}");
        }
    }

    #[test]
    fn depth_is_counted_at_its_limit() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(read(nested(MAX_DEPTH + 1).as_bytes()).is_err());
    }

    #[test]
    fn an_error_repeats_nothing_of_the_body() {
        let error = read(br#"{"password":"hunter2" "x"}"#).unwrap_err();
        assert!(!error.detail.contains("hunter2"));
    }
}
