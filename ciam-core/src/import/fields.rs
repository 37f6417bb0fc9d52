//! A JSON object whose fields are taken out one by one, so that what is left is what nobody understood.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::row::{RowProblem, shown};

pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn parse(row: &str) -> Result<Self, RowProblem> {
        serde_json::from_str(row).map(Self).map_err(|_| RowProblem::Json)
    }

    /// The value of a field; `null` is none.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// A text; an empty one is none.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, RowProblem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(RowProblem::in_field(name)),
        }
    }

    pub(super) fn required(&mut self, name: &str) -> Result<String, RowProblem> {
        self.text(name)?.ok_or_else(|| RowProblem::in_field(name))
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<bool, RowProblem> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(RowProblem::in_field(name)),
        }
    }

    pub(super) fn number<T: TryFrom<u64>>(&mut self, name: &str) -> Result<Option<T>, RowProblem> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = value.as_u64().and_then(|number| T::try_from(number).ok());
        number.map(Some).ok_or_else(|| RowProblem::in_field(name))
    }

    pub(super) fn object(&mut self, name: &str) -> Result<Option<Self>, RowProblem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Self(fields))),
            Some(_) => Err(RowProblem::in_field(name)),
        }
    }

    pub(super) fn list(&mut self, name: &str) -> Result<Vec<Value>, RowProblem> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => Ok(values),
            Some(_) => Err(RowProblem::in_field(name)),
        }
    }

    pub(super) fn time(&mut self, name: &str) -> Result<Option<OffsetDateTime>, RowProblem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        OffsetDateTime::parse(&text, &Rfc3339).map(Some).map_err(|_| RowProblem::in_field(name))
    }

    /// What was not taken.
    pub(super) fn rest(self) -> impl Iterator<Item = (String, Value)> {
        self.0.into_iter()
    }

    /// The names of what was not taken, as a report may show them.
    pub(super) fn rest_names(self) -> Vec<String> {
        self.0.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| shown(name)).collect()
    }

    /// Nothing may be left.
    pub(super) fn nothing_else(self) -> Result<(), RowProblem> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(RowProblem::UnknownField { name: shown(name) }),
        }
    }
}

impl From<Map<String, Value>> for Fields {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

/// Bytes from hexadecimal digits or base64.
pub(super) fn bytes(text: &str, encoding: &str) -> Option<Vec<u8>> {
    match encoding {
        "hex" => crate::password::foreign::unhex(text),
        "base64" => crate::password::foreign::unbase64(text),
        "utf8" | "ascii" => Some(text.as_bytes().to_vec()),
        _ => None,
    }
}
