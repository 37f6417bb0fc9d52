//! The HTTP POST binding ([SAML bindings, section 3.5](https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf)).

use super::{BindingError, Direction, RelayState};
use crate::dsig::{decode_strict, encode};
use crate::xml::Limits;

/// A message that came in a form.
#[derive(Clone, Debug)]
pub struct PostMessage {
    direction: Direction,
    xml: Vec<u8>,
    relay_state: Option<RelayState>,
}

impl PostMessage {
    /// Reads `application/x-www-form-urlencoded`. Fields that do not belong to the binding are passed over.
    ///
    /// # Errors
    ///
    /// Fails when there is not exactly one message and at most one relay state, and when the message is not base64 or is
    /// larger than [`Limits::MESSAGE`] allows.
    pub fn parse(form: &[u8]) -> Result<Self, BindingError> {
        // base64, percent-encoded at worst in full, and as much again for other fields.
        if form.len() > Limits::MESSAGE.bytes * 5 {
            return Err(BindingError::TooLarge);
        }
        let (mut message, mut relay_state) = (None, None);
        for (name, value) in url::form_urlencoded::parse(form) {
            let direction = match &*name {
                "SAMLRequest" => Direction::Request,
                "SAMLResponse" => Direction::Response,
                "RelayState" => {
                    let value = RelayState::to_echo(&value)?;
                    if relay_state.replace(value).is_some() {
                        return Err(BindingError::Duplicate);
                    }
                    continue;
                }
                _ => continue,
            };
            if message.replace((direction, value)).is_some() {
                return Err(BindingError::Duplicate);
            }
        }
        let (direction, value) = message.ok_or(BindingError::Missing)?;
        let xml = decode_strict(&value).ok_or(BindingError::Encoding)?;
        if xml.len() > Limits::MESSAGE.bytes {
            return Err(BindingError::TooLarge);
        }
        Ok(Self { direction, xml, relay_state })
    }

    /// The document, when it is what was expected.
    ///
    /// # Errors
    ///
    /// Fails when it came in the other field.
    pub fn xml(&self, expected: Direction) -> Result<&[u8], BindingError> {
        if self.direction == expected { Ok(&self.xml) } else { Err(BindingError::Direction) }
    }

    /// Which field it came in.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// The relay state.
    #[must_use]
    pub const fn relay_state(&self) -> Option<&RelayState> {
        self.relay_state.as_ref()
    }
}

/// A message to be sent by a form that the browser submits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostForm {
    /// Where to.
    pub action: String,
    /// The field of the message.
    pub direction: Direction,
    /// The message, base64.
    pub message: String,
    /// The relay state.
    pub relay_state: Option<String>,
}

impl PostForm {
    pub(crate) fn new(action: &str, direction: Direction, xml: &str, relay_state: Option<&str>) -> Self {
        Self {
            action: action.to_owned(),
            direction,
            message: encode(xml.as_bytes()),
            relay_state: relay_state.map(str::to_owned),
        }
    }

    /// A whole page that submits itself, or has a button for it. `nonce` is that of the response's
    /// `Content-Security-Policy`; it has to be base64.
    ///
    /// # Security
    ///
    /// Every value is escaped, whoever wrote it.
    #[must_use]
    pub fn html(&self, nonce: &str) -> String {
        let mut page = String::from("<!doctype html><meta charset=\"utf-8\"><title>…</title>");
        page.push_str("<form method=\"post\" action=\"");
        escape(&self.action, &mut page);
        page.push_str("\"><input type=\"hidden\" name=\"");
        page.push_str(self.direction.parameter());
        page.push_str("\" value=\"");
        escape(&self.message, &mut page);
        page.push_str("\">");
        if let Some(relay_state) = &self.relay_state {
            page.push_str("<input type=\"hidden\" name=\"RelayState\" value=\"");
            escape(relay_state, &mut page);
            page.push_str("\">");
        }
        page.push_str("<noscript><button>→</button></noscript></form><script nonce=\"");
        escape(nonce, &mut page);
        page.push_str("\">document.forms[0].submit()</script>");
        page
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}
