//! Finding out a person's identity provider
//! ([Identity Provider Discovery Service Protocol](https://docs.oasis-open.org/security/saml/Post2.0/sstc-saml-idp-discovery.html)).
//!
//! A service that believes many identity providers sends the browser to a discovery service, which asks the person and sends it
//! back with the name of one. Both sides are here; the page that asks is the host's.
//!
//! ```
//! use ciam_saml::discovery::{DiscoveryRequest, chosen};
//!
//! let ask = DiscoveryRequest::new("https://sp.example/metadata", "https://sp.example/chosen?state=7");
//! let url = ask.url("https://discovery.example/")?;
//!
//! // At the discovery service, which knows the service's metadata:
//! let asked = DiscoveryRequest::parse(url.split_once('?').map_or("", |(_, query)| query))?;
//! let back = asked.answer(&["https://sp.example/chosen".to_owned()], Some("https://idp.example/metadata"))?;
//! assert_eq!(back, "https://sp.example/chosen?state=7&entityID=https%3A%2F%2Fidp.example%2Fmetadata");
//!
//! // And back at the service, which believes that provider or does not:
//! assert_eq!(chosen("state=7&entityID=https%3A%2F%2Fidp.example%2Fmetadata")?.as_deref(), Some("https://idp.example/metadata"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Security
//!
//! The answer is nobody's word: it says which provider to ask, and [`start`](crate::sp::ServiceProvider::start) asks none that is
//! not known. A discovery service sends browsers to addresses of the service's metadata and to no others.

use ciam_core::http::{Params, ParamsLimits};
use url::Url;

use crate::idp::{NotAnAddress, checked};

/// A service asks for a person's identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiscoveryRequest {
    /// The service that asks.
    pub service: String,
    /// Where the browser goes with the answer; the default of the service's metadata when there is none.
    pub return_url: Option<String>,
    /// The parameter that the answer is in.
    pub id_parameter: String,
    /// The person must not be asked.
    pub is_passive: bool,
}

impl DiscoveryRequest {
    /// A request of a service, to be answered at this address.
    #[must_use]
    pub fn new(service: impl Into<String>, return_url: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            return_url: Some(return_url.into()),
            id_parameter: ID.to_owned(),
            is_passive: false,
        }
    }

    /// Asks without asking the person.
    #[must_use]
    pub const fn with_passive(mut self) -> Self {
        self.is_passive = true;
        self
    }

    /// Where to send the browser.
    ///
    /// # Errors
    ///
    /// Fails when the discovery service has no address that is one.
    pub fn url(&self, discovery_service: &str) -> Result<String, NotAnAddress> {
        let mut url = address(discovery_service)?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair(ID, &self.service);
            if let Some(back) = &self.return_url {
                query.append_pair("return", back);
            }
            if self.id_parameter != ID {
                query.append_pair("returnIDParam", &self.id_parameter);
            }
            if self.is_passive {
                query.append_pair("isPassive", "true");
            }
        }
        Ok(url.into())
    }

    /// Reads a request, from the query.
    ///
    /// # Errors
    ///
    /// Fails when a parameter is there twice, is missing, or asks for what there is not.
    pub fn parse(query: &str) -> Result<Self, DiscoveryError> {
        let params = Params::parse(query, ParamsLimits::default()).map_err(|_| DiscoveryError::Malformed)?;
        let one = |name: &str| params.one(name).map_err(|_| DiscoveryError::Malformed);
        let service = one(ID)?.filter(|id| !id.is_empty() && id.len() <= 1024);
        if one("policy")?.is_some_and(|policy| policy != SINGLE) {
            return Err(DiscoveryError::Policy);
        }
        let is_passive = match one("isPassive")? {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(DiscoveryError::Malformed),
        };
        let id_parameter = one("returnIDParam")?.unwrap_or(ID);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if id_parameter.is_empty() || id_parameter.len() > 64 || !id_parameter.chars().all(plain) {
            return Err(DiscoveryError::Malformed);
        }
        Ok(Self {
            service: service.ok_or(DiscoveryError::Malformed)?.to_owned(),
            return_url: one("return")?.map(str::to_owned),
            id_parameter: id_parameter.to_owned(),
            is_passive,
        })
    }

    /// Where to send the browser with what was chosen, if anything was. `registered` are the addresses of the service's metadata
    /// ([`SpRole::discovery`](crate::metadata::SpRole::discovery)), the default first.
    ///
    /// # Errors
    ///
    /// Fails when the request wants the answer elsewhere: nobody is sent there.
    pub fn answer(&self, registered: &[String], chosen: Option<&str>) -> Result<String, DiscoveryError> {
        let wanted =
            self.return_url.as_ref().or_else(|| registered.first()).ok_or(DiscoveryError::Elsewhere)?;
        let mut url = address(wanted).map_err(|_| DiscoveryError::Elsewhere)?;
        // Whatever the query is, which is the service's own; everything before it has to be the same.
        let before = |url: &Url| {
            let mut url = url.clone();
            url.set_query(None);
            url
        };
        let known = registered.iter().filter_map(|known| Url::parse(known).ok());
        if url.fragment().is_some() || !known.into_iter().any(|known| before(&known) == before(&url)) {
            return Err(DiscoveryError::Elsewhere);
        }
        if let Some(chosen) = chosen {
            url.query_pairs_mut().append_pair(&self.id_parameter, chosen);
        }
        Ok(url.into())
    }
}

/// What was chosen, from the query with which the browser comes back; `None` when nothing was.
///
/// # Errors
///
/// Fails when the parameter is there twice.
pub fn chosen(query: &str) -> Result<Option<String>, DiscoveryError> {
    let params = Params::parse(query, ParamsLimits::default()).map_err(|_| DiscoveryError::Malformed)?;
    let found = params.one(ID).map_err(|_| DiscoveryError::Malformed)?;
    Ok(found.filter(|id| !id.is_empty() && id.len() <= 1024).map(str::to_owned))
}

fn address(text: &str) -> Result<Url, NotAnAddress> {
    Url::parse(&checked(text)?).map_err(|_| NotAnAddress)
}

/// Why nobody is sent anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// A parameter is missing, malformed, or there twice.
    #[error("the request is malformed")]
    Malformed,
    /// The request asks for another policy than that of one provider.
    #[error("the policy is not known")]
    Policy,
    /// The answer is wanted at an address that is not the service's.
    #[error("the answer is wanted elsewhere")]
    Elsewhere,
}

const ID: &str = "entityID";
const SINGLE: &str = "urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol:single";

#[cfg(test)]
mod tests {
    use super::*;

    const SP: &str = "https://sp.example/metadata";
    const BACK: &str = "https://sp.example/chosen";

    fn back(url: &str) -> Result<String, DiscoveryError> {
        DiscoveryRequest::new(SP, url).answer(&[BACK.to_owned()], Some("urn:idp"))
    }

    #[test]
    fn a_browser_is_sent_back_to_the_service_and_nowhere_else() {
        assert_eq!(back(BACK).unwrap(), format!("{BACK}?entityID=urn%3Aidp"));
        assert_eq!(back(&format!("{BACK}?a=b")).unwrap(), format!("{BACK}?a=b&entityID=urn%3Aidp"));
        for evil in [
            "https://evil.example/chosen",
            "https://sp.example.evil/chosen",
            "https://sp.example/chosen/more",
            "https://sp.example:444/chosen",
            "http://sp.example/chosen",
            "https://user@sp.example/chosen",
            "https://sp.example/chosen#x",
            "javascript:alert(1)",
            "//evil.example/",
            "",
        ] {
            assert_eq!(back(evil), Err(DiscoveryError::Elsewhere), "{evil}");
        }
        let none = DiscoveryRequest { return_url: None, ..DiscoveryRequest::new(SP, "") };
        assert_eq!(none.answer(&[BACK.to_owned()], None).unwrap(), BACK);
        assert_eq!(none.answer(&[], None), Err(DiscoveryError::Elsewhere));
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let mut ask = DiscoveryRequest::new(SP, "https://sp.example/chosen?x=1&y=2").with_passive();
        ask.id_parameter = "idp".to_owned();
        let url = ask.url("https://discovery.example/?tenant=1").unwrap();
        assert_eq!(DiscoveryRequest::parse(url.split_once('?').unwrap().1).unwrap(), ask);
        assert!(ask.url("javascript:alert(1)").is_err());
        for (bad, error) in [
            ("", DiscoveryError::Malformed),
            ("entityID=", DiscoveryError::Malformed),
            ("entityID=a&entityID=b", DiscoveryError::Malformed),
            ("entityID=a&isPassive=maybe", DiscoveryError::Malformed),
            ("entityID=a&returnIDParam=%0d%0a", DiscoveryError::Malformed),
            ("entityID=a&policy=urn:other", DiscoveryError::Policy),
        ] {
            assert_eq!(DiscoveryRequest::parse(bad), Err(error), "{bad}");
        }
        assert_eq!(chosen("a=b"), Ok(None));
        assert_eq!(chosen("entityID=a&entityID=b"), Err(DiscoveryError::Malformed));
    }
}
