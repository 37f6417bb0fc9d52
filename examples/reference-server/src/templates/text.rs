//! Texts as values of a template.

use std::{collections::BTreeMap, fmt, sync::Arc};

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{Kwargs, Object, ObjectRepr, from_args},
};

use crate::i18n::{Message, Texts};

/// A text with parameters, which a template fills by calling it: `t.verify.lead(email=email)`.
#[derive(Debug)]
pub(super) struct Text {
    name: String,
    message: Message,
}

impl Text {
    /// What happens when a template shows it as it is.
    pub(super) fn unfilled(&self) -> Error {
        let parameters: Vec<_> = self.message.parameters().into_iter().map(|it| format!("{it}=…")).collect();
        let detail = format!("the text {} needs its parameters: {}", self.name, parameters.join(", "));
        Error::new(ErrorKind::InvalidOperation, detail)
    }
}

impl Object for Text {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (values,): (Kwargs,) = from_args(args)?;
        let mut filled = Vec::new();
        for name in self.message.parameters() {
            let value: Value = values.get(name)?;
            if value.is_none() || value.is_undefined() {
                let detail = format!("`{name}` of the text {} is not there", self.name);
                return Err(Error::new(ErrorKind::UndefinedError, detail));
            }
            filled.push((name, value.to_string()));
        }
        values.assert_all_used()?;
        Ok(Value::from(self.message.fill(&filled)))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.as_str())
    }
}

/// The texts of a language, by section and key.
pub(super) fn texts(texts: &Texts) -> Value {
    let mut sections: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
    for (section, key, message) in texts.entries() {
        let value = if message.parameters().is_empty() {
            Value::from(message.as_str())
        } else {
            Value::from_object(Text { name: format!("{section}.{key}"), message: message.clone() })
        };
        sections.entry(section).or_default().insert(key, value);
    }
    Value::from_pairs(sections.into_iter().map(|(name, texts)| (name, Value::from_pairs(texts))))
}
