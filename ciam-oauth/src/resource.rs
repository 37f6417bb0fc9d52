//! Resource indicators ([RFC 8707](https://www.rfc-editor.org/rfc/rfc8707)).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

/// The name of a protected resource: an absolute URI without a fragment, compared byte for byte.
///
/// It becomes the audience (`aud`) of access tokens for that resource.
///
/// ```
/// use ciam_oauth::resource::ResourceIndicator;
///
/// let api: ResourceIndicator = "https://api.example/orders".parse()?;
/// assert!("https://api.example/#part".parse::<ResourceIndicator>().is_err());
/// # Ok::<(), ciam_oauth::resource::InvalidResource>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceIndicator(String);

impl ResourceIndicator {
    /// A resource indicator is at most this long, in bytes.
    pub const MAX_LENGTH: usize = 512;
    /// At most this many resources in one request.
    pub const MAX_PER_REQUEST: usize = 8;

    /// The exact string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResourceIndicator {
    type Err = InvalidResource;

    fn from_str(text: &str) -> Result<Self, InvalidResource> {
        if text.len() > Self::MAX_LENGTH || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidResource);
        }
        let url = Url::parse(text).map_err(|_| InvalidResource)?;
        if url.fragment().is_some() { Err(InvalidResource) } else { Ok(Self(text.to_owned())) }
    }
}

impl TryFrom<String> for ResourceIndicator {
    type Error = InvalidResource;

    fn try_from(text: String) -> Result<Self, InvalidResource> {
        text.parse()
    }
}

impl From<ResourceIndicator> for String {
    fn from(resource: ResourceIndicator) -> Self {
        resource.0
    }
}

impl fmt::Display for ResourceIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ResourceIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceIndicator({})", self.0)
    }
}

/// The text is not an absolute URI without a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid resource indicator")]
#[non_exhaustive]
pub struct InvalidResource;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_an_absolute_uri_without_fragment() {
        for good in ["https://api.example", "https://api.example/a?b=c", "urn:example:api"] {
            assert_eq!(good.parse::<ResourceIndicator>().unwrap().as_str(), good);
        }
        for bad in
            ["", "/relative", "api.example", "https://api.example/#f", "https://api.example/a b", "urn:ü"]
        {
            assert_eq!(bad.parse::<ResourceIndicator>(), Err(InvalidResource), "{bad:?}");
        }
    }
}
