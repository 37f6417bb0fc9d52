//! Putting a host's values into the addresses of a provider.

use std::collections::BTreeMap;

use url::Url;

use super::connect::SetupError;
use super::{Value, ValueKind};

/// The values of one provider, checked.
#[derive(Debug)]
pub(super) struct Filled(BTreeMap<&'static str, String>);

impl Filled {
    /// Checks what a host said against what the provider needs.
    pub(super) fn new(needed: &'static [Value], said: &BTreeMap<String, String>) -> Result<Self, SetupError> {
        if let Some(unknown) = said.keys().find(|name| !needed.iter().any(|value| value.name == **name)) {
            return Err(SetupError::UnknownValue(unknown.clone()));
        }
        let mut filled = BTreeMap::new();
        for value in needed {
            let text = said.get(value.name).map(String::as_str).or(value.default);
            let text = text.ok_or(SetupError::MissingValue(value.name))?;
            if !value.kind.accepts(text) {
                return Err(SetupError::Value(value.name));
            }
            filled.insert(value.name, text.to_owned());
        }
        Ok(Self(filled))
    }

    /// The address. What is no value of the provider stays as it is.
    pub(super) fn address(&self, template: &str) -> String {
        self.0
            .iter()
            .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }
}

impl ValueKind {
    /// Whether a text is such a value: it stays where it is put, and makes nothing else of the address.
    fn accepts(self, text: &str) -> bool {
        match self {
            Self::Host => Url::parse(&format!("https://{text}/")).is_ok_and(|url| {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                let named = url.host_str().is_some_and(|host| format!("{host}{port}") == text);
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
                named && text.bytes().all(plain) && !text.starts_with('.') && !text.contains("..")
            }),
            Self::Segment => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
                text.len() <= 128 && text.bytes().all(plain) && !text.bytes().all(|byte| byte == b'.')
            }
            Self::TenantId => crate::rp::issuer::is_id(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_makes_nothing_else_of_an_address() {
        for good in
            ["login.example", "login.example:8443", "192.0.2.1", "[2001:db8::1]", "xn--bcher-kva.example"]
        {
            assert!(ValueKind::Host.accepts(good), "{good}");
        }
        for bad in [
            "",
            "login.example/",
            "login.example/x",
            "evil.example#",
            "evil.example?",
            "user@evil.example",
            "LOGIN.example",
            "bücher.example",
            "https://login.example",
            "login.example:443",
            "a b",
            "login.example:",
            "..",
            ".login.example",
            "login..example",
            "{host}",
            "1.1",
        ] {
            assert!(!ValueKind::Host.accepts(bad), "{bad}");
        }
        for good in ["staff", "v23.0", "eu-west-1_Abc", "a~b"] {
            assert!(ValueKind::Segment.accepts(good), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a%2fb", "a?b", "a#b", "a b", "ä", "{tenantid}", &"x".repeat(129)]
        {
            assert!(!ValueKind::Segment.accepts(bad), "{bad}");
        }
        assert!(ValueKind::TenantId.accepts("9188040d-6c67-4c5b-b112-36a304b66dad"));
        for bad in ["common", "contoso.onmicrosoft.com", "9188040D-6C67-4C5B-B112-36A304B66DAD", ""] {
            assert!(!ValueKind::TenantId.accepts(bad), "{bad}");
        }
    }
}
