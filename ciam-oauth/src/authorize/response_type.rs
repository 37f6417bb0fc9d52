//! What an authorization request asks to be answered with.

use serde::{Deserialize, Serialize};

use super::request::ResponseMode;

/// What an authorization request asks to be answered with
/// ([specification](https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html)).
///
/// # Security
///
/// Everything but a code goes through the browser with what it is worth: that is on only where the server's
/// [profile](crate::server::Profile) says so, for clients that are registered for it. Access tokens never go that way
/// ([RFC 9700, section 2.1.2](https://www.rfc-editor.org/rfc/rfc9700#section-2.1.2)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResponseType {
    /// `code`.
    #[default]
    Code,
    /// `id_token`: the implicit flow of OpenID Connect, for a client that wants to know who somebody is and nothing more.
    IdToken,
    /// `code id_token`: the hybrid flow.
    CodeIdToken,
}

impl ResponseType {
    /// Every type that this library supports.
    pub const ALL: [Self; 3] = [Self::Code, Self::IdToken, Self::CodeIdToken];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::IdToken => "id_token",
            Self::CodeIdToken => "code id_token",
        }
    }

    /// The type with this name; the order of its words does not matter.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut words: Vec<&str> = name.split(' ').collect();
        words.sort_unstable();
        match *words.as_slice() {
            ["code"] => Some(Self::Code),
            ["id_token"] => Some(Self::IdToken),
            ["code", "id_token"] => Some(Self::CodeIdToken),
            _ => None,
        }
    }

    /// Whether a code is part of the response.
    #[must_use]
    pub const fn has_code(self) -> bool {
        matches!(self, Self::Code | Self::CodeIdToken)
    }

    /// Whether an ID token is part of the response.
    #[must_use]
    pub const fn has_id_token(self) -> bool {
        matches!(self, Self::IdToken | Self::CodeIdToken)
    }

    /// How the response goes to the client when the request does not say.
    #[must_use]
    pub const fn default_mode(self) -> ResponseMode {
        match self {
            Self::Code => ResponseMode::Query,
            Self::IdToken | Self::CodeIdToken => ResponseMode::Fragment,
        }
    }

    /// The mode with this name, for this type. What is more than a code does not go in a query, which ends up in logs
    /// ([section 3](https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html#Combinations)).
    #[must_use]
    pub fn mode(self, name: &str) -> Option<ResponseMode> {
        let mode = match (name, self.default_mode()) {
            (ResponseMode::JWT, ResponseMode::Fragment) => Some(ResponseMode::FragmentJwt),
            _ => ResponseMode::from_name(name),
        };
        let in_query = |mode: &ResponseMode| matches!(mode, ResponseMode::Query | ResponseMode::QueryJwt);
        mode.filter(|mode| !(self.has_id_token() && in_query(mode)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sets_of_words() {
        for known in ResponseType::ALL {
            assert_eq!(ResponseType::from_name(known.as_str()), Some(known));
        }
        assert_eq!(ResponseType::from_name("id_token code"), Some(ResponseType::CodeIdToken));
        for bad in
            ["", "token", "none", "code token", "code id_token token", "code  id_token", "code code", "CODE"]
        {
            assert_eq!(ResponseType::from_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_more_than_a_code_stays_out_of_queries() {
        assert_eq!(ResponseType::Code.mode("jwt"), Some(ResponseMode::QueryJwt));
        assert_eq!(ResponseType::Code.mode("query"), Some(ResponseMode::Query));
        for kind in [ResponseType::IdToken, ResponseType::CodeIdToken] {
            assert_eq!(kind.default_mode(), ResponseMode::Fragment);
            assert_eq!(kind.mode("jwt"), Some(ResponseMode::FragmentJwt));
            assert_eq!(kind.mode("form_post"), Some(ResponseMode::FormPost));
            for bad in ["query", "query.jwt", "web"] {
                assert_eq!(kind.mode(bad), None, "{bad}");
            }
        }
    }
}
