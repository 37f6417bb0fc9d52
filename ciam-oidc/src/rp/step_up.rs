//! What an API wants of the person before it does what was asked
//! ([RFC 9470](https://www.rfc-editor.org/rfc/rfc9470)).

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

use super::sign_in::SignInOptions;

/// A challenge of an API: the person has to authenticate again, or better
/// ([RFC 9470, section 3](https://www.rfc-editor.org/rfc/rfc9470#section-3)).
///
/// ```
/// use ciam_oidc::rp::{SignInOptions, StepUp};
///
/// let mut headers = http::HeaderMap::new();
/// let said = r#"Bearer error="insufficient_user_authentication", acr_values="phr aal2", max_age="300""#;
/// headers.insert("www-authenticate", said.parse()?);
/// let wanted = StepUp::from_headers(&headers).ok_or("no challenge")?;
/// let options = SignInOptions::new().for_step_up(&wanted);
/// assert_eq!((options.acr_values, options.max_age), (vec!["phr".to_owned(), "aal2".to_owned()], Some(300)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepUp {
    /// The levels of assurance that are wanted, best first; empty when any will do.
    pub acr_values: Vec<String>,
    /// How old the authentication may be, in seconds.
    pub max_age: Option<u32>,
}

impl StepUp {
    /// Reads it from an API's refusal; `None` when that asks for no step-up.
    ///
    /// # Security
    ///
    /// Believe it of an API that the application calls with its own token, over TLS. It decides nothing but what the person is
    /// asked for: whether they have shown it is in the token that the API sees next.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter().take(MANY).filter_map(|it| it.to_str().ok());
        values.flat_map(challenges).find_map(|challenge| Self::of(&challenge))
    }

    fn of(challenge: &[(String, String)]) -> Option<Self> {
        let one = |name: &str| challenge.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
        if one("error") != Some("insufficient_user_authentication") {
            return None;
        }
        let acr_values = one("acr_values").unwrap_or_default();
        Some(Self {
            acr_values: acr_values.split_ascii_whitespace().take(MANY).map(str::to_owned).collect(),
            max_age: one("max_age").and_then(|it| it.parse().ok()),
        })
    }
}

impl SignInOptions {
    /// Asks for what an API wants of the person.
    #[must_use]
    pub fn for_step_up(mut self, wanted: &StepUp) -> Self {
        self.acr_values.clone_from(&wanted.acr_values);
        self.max_age = wanted.max_age;
        self
    }
}

/// The parameters of each challenge in a header
/// ([RFC 9110, section 11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1)).
pub(super) fn challenges(header: &str) -> Vec<Vec<(String, String)>> {
    let mut all: Vec<Vec<(String, String)>> = Vec::new();
    for part in parts(header) {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (part.trim(), None),
        };
        // A scheme stands before the first parameter of its challenge, or alone.
        let name = match name.split_once(char::is_whitespace) {
            Some((_scheme, name)) => {
                all.push(Vec::new());
                name.trim()
            }
            None if value.is_none() => {
                all.push(Vec::new());
                continue;
            }
            None => name,
        };
        if let (Some(challenge), Some(value)) = (all.last_mut(), value) {
            challenge.push((name.to_ascii_lowercase(), unquoted(value)));
        }
    }
    all
}

/// What stands between the commas that are in no quotes.
fn parts(header: &str) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for character in header.chars() {
        match character {
            ',' if !quoted => parts.push(std::mem::take(&mut part)),
            _ => {
                quoted ^= character == '"' && !escaped;
                escaped = quoted && character == '\\' && !escaped;
                part.push(character);
            }
        }
    }
    parts.push(part);
    parts.retain(|it| !it.trim().is_empty());
    parts
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|it| it.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut text = String::with_capacity(inner.len());
    let mut escaped = false;
    for character in inner.chars() {
        escaped = character == '\\' && !escaped;
        if !escaped {
            text.push(character);
        }
    }
    text
}

/// So many headers and levels are looked at.
const MANY: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Option<StepUp> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        StepUp::from_headers(&headers)
    }

    fn step_up(acr_values: &[&str], max_age: Option<u32>) -> StepUp {
        StepUp { acr_values: acr_values.iter().map(ToString::to_string).collect(), max_age }
    }

    /// The example of RFC 9470, section 3, and what else can be written.
    #[test]
    fn rfc9470_3_a_challenge_is_found_wherever_it_stands() {
        let example = "Bearer error=\"insufficient_user_authentication\", \
                       error_description=\"A different authentication level is required\", acr_values=\"myACR\"";
        assert_eq!(read(&[example]), Some(step_up(&["myACR"], None)));
        let fresh = "Bearer error=\"insufficient_user_authentication\", max_age=\"5\"";
        assert_eq!(read(&["Basic realm=\"a\"", fresh]), Some(step_up(&[], Some(5))));
        let after = "Basic realm=\"a, error=\\\"x\\\"\", DPoP algs=\"ES256\", error=insufficient_user_authentication, \
                     acr_values=\"a b\", max_age=60";
        assert_eq!(read(&[after]), Some(step_up(&["a", "b"], Some(60))));
        let capitals = "bearer ERROR=\"insufficient_user_authentication\", ACR_VALUES=\"a\"";
        assert_eq!(read(&[capitals]), Some(step_up(&["a"], None)));
    }

    #[test]
    fn what_asks_for_no_step_up_is_none() {
        for other in [
            "Bearer",
            "Bearer, DPoP algs=\"ES256\"",
            "Bearer error=\"invalid_token\", acr_values=\"a\"",
            "Bearer realm=\"error=insufficient_user_authentication\"",
            "error=\"insufficient_user_authentication\"",
            "",
            ",,=,\"",
            "Bearer error=\"insufficient_user_authentication",
        ] {
            assert_eq!(read(&[other]), None, "{other}");
        }
        assert_eq!(read(&[]), None);
        // What belongs to one challenge is none of another's.
        let mixed = "Bearer error=\"invalid_token\", acr_values=\"a\", DPoP error=\"insufficient_user_authentication\"";
        assert_eq!(read(&[mixed]), Some(step_up(&[], None)));
    }
}
