//! What is to be confirmed.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is to be confirmed, as the `authorization_details` of [RFC 9396](https://www.rfc-editor.org/rfc/rfc9396#section-2).
///
/// `Debug` prints the types alone: amounts and names are of a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TransactionDetails {
    text: String,
    items: Vec<Value>,
}

/// The text is no details of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("details are one to 32 JSON objects with a type each, of 16 KiB together")]
#[non_exhaustive]
pub struct InvalidDetails;

impl TransactionDetails {
    /// The longest text, in bytes.
    pub const MAX_LENGTH: usize = 16 * 1024;
    /// At most this many objects.
    pub const MAX_ITEMS: usize = 32;

    /// Reads details from JSON.
    ///
    /// # Errors
    ///
    /// Fails when it is no array of objects with a `type` each, is empty, or is too large.
    pub fn parse(json: &str) -> Result<Self, InvalidDetails> {
        if json.len() > Self::MAX_LENGTH {
            return Err(InvalidDetails);
        }
        let items: Vec<Value> = serde_json::from_str(json).map_err(|_| InvalidDetails)?;
        let has_type = |item: &Value| kind(item).is_some_and(|kind| (1..=256).contains(&kind.len()));
        if !(1..=Self::MAX_ITEMS).contains(&items.len()) || !items.iter().all(has_type) {
            return Err(InvalidDetails);
        }
        // What was read is what is shown and signed: of a member that came twice the one that counted.
        let text = serde_json::to_string(&items).map_err(|_| InvalidDetails)?;
        Ok(Self { text, items })
    }

    /// The objects, to be shown.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        &self.items
    }

    /// The types of the objects, in their order.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(kind)
    }

    /// The text that is signed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn kind(item: &Value) -> Option<&str> {
    item.as_object()?.get("type")?.as_str()
}

impl fmt::Debug for TransactionDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.types()).finish()
    }
}

impl TryFrom<String> for TransactionDetails {
    type Error = InvalidDetails;

    fn try_from(text: String) -> Result<Self, InvalidDetails> {
        Self::parse(&text)
    }
}

impl From<TransactionDetails> for String {
    fn from(details: TransactionDetails) -> Self {
        details.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_objects_with_a_type() {
        for bad in
            ["", "{}", "[]", "[1]", "[{}]", r#"[{"type":""}]"#, r#"[{"type":1}]"#, r#"[{"type":"a"},{}]"#]
        {
            assert_eq!(TransactionDetails::parse(bad), Err(InvalidDetails), "{bad}");
        }
        let many = |count: usize| format!("[{}]", vec![r#"{"type":"a"}"#; count].join(","));
        assert!(
            TransactionDetails::parse(&many(32)).is_ok() && TransactionDetails::parse(&many(33)).is_err()
        );
        let long = format!(r#"[{{"type":"a","x":"{}"}}]"#, "x".repeat(TransactionDetails::MAX_LENGTH));
        assert!(TransactionDetails::parse(&long).is_err());
    }

    #[test]
    fn what_is_signed_is_what_is_shown() {
        let details =
            TransactionDetails::parse(r#"[ { "type": "a", "amount": "1", "amount": "2" } ]"#).unwrap();
        assert_eq!(details.items()[0]["amount"], "2");
        assert!(details.as_str().contains(r#""amount":"2""#) && !details.as_str().contains(r#""1""#));
        assert_eq!(TransactionDetails::parse(details.as_str()).as_ref(), Ok(&details));
        assert_eq!(format!("{details:?}"), r#"["a"]"#);
    }
}
