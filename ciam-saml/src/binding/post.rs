//! The HTTP POST binding ([SAML bindings, section 3.5](https://docs.oasis-open.org/security/saml/v2.0/saml-bindings-2.0-os.pdf)).

use memchr::{memchr, memchr2, memchr3};
use percent_encoding::percent_decode;

use super::{BindingError, Direction, RelayState};
use crate::dsig::{decode_packed, encode, is_space};
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
        for (name, value) in fields(form) {
            let direction = match &*name {
                "SAMLRequest" => Direction::Request,
                "SAMLResponse" => Direction::Response,
                "RelayState" => {
                    let value = RelayState::to_echo(&text(value))?;
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
        let xml = packed(value).and_then(decode_packed).ok_or(BindingError::Encoding)?;
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

/// The fields of a form: their names, and their values as they are written.
fn fields(form: &[u8]) -> impl Iterator<Item = (String, &[u8])> {
    let mut rest = form;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = piece(&mut rest, b'&');
        let mut value = field;
        let name = piece(&mut value, b'=');
        Some((text(name), value))
    })
}

/// Takes what is before a separator, or everything.
fn piece<'f>(rest: &mut &'f [u8], separator: u8) -> &'f [u8] {
    let (piece, tail) = match memchr(separator, rest).and_then(|at| rest.split_at_checked(at)) {
        Some((piece, tail)) => (piece, tail.get(1..).unwrap_or_default()),
        None => (*rest, &[][..]),
    };
    *rest = tail;
    piece
}

/// A name or a value as it reads ([URL standard, section 5.1](https://url.spec.whatwg.org/#urlencoded-parsing)).
fn text(written: &[u8]) -> String {
    let spaced: Vec<u8> = written.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

/// A value of base64 as it reads, without white space, which a plus sign is here.
fn packed(written: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some((plain, tail)) = memchr2(b'%', b'+', rest).and_then(|at| rest.split_at_checked(at)) {
        out.extend_from_slice(plain);
        rest = match tail {
            [b'%', high, low, tail @ ..] => {
                let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
                out.push(digit(high)? << 4 | digit(low)?);
                tail
            }
            [b'+', tail @ ..] => tail,
            _ => return None,
        };
    }
    out.extend_from_slice(rest);
    if memchr3(b' ', b'\r', b'\n', &out).or_else(|| memchr(b'\t', &out)).is_some() {
        out.retain(|byte| !is_space(*byte));
    }
    Some(out)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_may_be_wrapped_and_escaped_but_not_otherwise_written() {
        let xml = |form: &str| PostMessage::parse(form.as_bytes()).map(|message| message.xml);
        for form in [
            "SAMLResponse=PGE%2FPg%3D%3D",
            "&x&&SAMLResponse=PGE%2fPg==&=&RelayState=%41",
            "SAMLResponse=PG%0D%0AE%2FPg%3D%3D",
            "SAMLResponse=+PG+E/Pg==+\n",
            "%53AMLResponse=PGE/Pg==",
        ] {
            assert_eq!(xml(form).as_deref(), Ok(&b"<a?>"[..]), "{form}");
        }
        for form in [
            "SAMLResponse=PGE%2FPg%3D",
            "SAMLResponse=PGE%2FPg%3D%3",
            "SAMLResponse=PGE%2FPg%3D%",
            "SAMLResponse=PGE%2GPg==",
            "SAMLResponse=PGE%C3%A9Pg==",
            "SAMLResponse=PGE/Pg==%00",
        ] {
            assert_eq!(xml(form), Err(BindingError::Encoding), "{form}");
        }
    }

    #[test]
    fn a_page_escapes_every_value() {
        let form = PostForm::new("https://x.example/?a&\"'<>", Direction::Response, "<a/>", Some("\"'<&>"));
        let page = form.html("n\"");
        let escaped = "&quot;&#39;&lt;&amp;&gt;";
        assert!(page.contains(&format!("name=\"RelayState\" value=\"{escaped}\">")), "{page}");
        assert!(page.contains("action=\"https://x.example/?a&amp;&quot;&#39;&lt;&gt;\">"), "{page}");
        assert!(page.contains("<script nonce=\"n&quot;\">"), "{page}");
    }

    proptest! {
        #[test]
        fn fields_are_those_of_the_url_standard(form in "([A-Za-z0-9%+/&=]|%[0-9A-F]{2}|\\PC){0,60}") {
            let ours = fields(form.as_bytes()).map(|(name, value)| (name, text(value)));
            // An empty field is none to us or to them, or has neither name nor value.
            let ours: Vec<_> = ours.filter(|(name, value)| !(name.is_empty() && value.is_empty())).collect();
            let theirs = url::form_urlencoded::parse(form.as_bytes()).into_owned();
            let theirs: Vec<_> = theirs.filter(|(name, value)| !(name.is_empty() && value.is_empty())).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
