//! OAuth and OpenID Connect, as configured.

use std::net::SocketAddr;

use ciam_oauth::{
    client::{ClientId, GrantType},
    resource::ResourceIndicator,
    scope::ScopeSet,
    server::Profile,
};
use serde::Deserialize;
use url::Url;

use super::{
    backchannel::{BackchannelRules, BackchannelSection},
    status_lists::StatusListSection,
};

/// OAuth and OpenID Connect, in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuthSettings {
    /// Rules of others that are kept: `oauth-2.1`, `openid-basic`, `openid-hybrid`, `fapi-2.0-security`, `fapi-2.0-message-signing`,
    /// `fapi-ciba` or `mcp`.
    pub profile: Option<String>,
    /// Clients register themselves. Without the section they cannot.
    pub registration: Option<RegistrationSettings>,
    /// Whether every DPoP proof needs a nonce of this server. Default: no.
    #[serde(default)]
    pub dpop_nonces: bool,
    /// Whether request objects are fetched, from addresses that a client registered. Default: no.
    #[serde(default)]
    pub request_uris: bool,
    /// Whether the metadata are signed too. Default: no.
    #[serde(default)]
    pub signed_metadata: bool,
    /// The domains of people's identifiers for which WebFinger names this server. Default: none.
    #[serde(default)]
    pub webfinger: Vec<String>,
    /// Clients are known by documents that they publish. Without the section they are not. Needs a build with
    /// `draft-client-documents`.
    pub client_documents: Option<ClientDocumentSettings>,
    /// Clients may have certificates. Without the section nobody is asked for one.
    pub mutual_tls: Option<MutualTlsSettings>,
    /// Whether clients may authenticate by the attestation of an instance. Default: no. Needs a build with
    /// `draft-attested-clients`.
    #[serde(default)]
    pub attested_clients: bool,
    /// Whether the operator's own apps are authorized without a browser, too. Default: no. Needs a build with
    /// `draft-first-party-apps`.
    #[serde(default)]
    pub authorization_challenge: bool,
    /// Whether the operator's own apps on a device share a sign-in. Default: no. Needs a build with `draft-native-sso`.
    #[serde(default)]
    pub native_sso: bool,
    /// Applications start sign-ins of people who are elsewhere. Without the section they cannot.
    pub backchannel: Option<BackchannelSection>,
    /// Whether clients may authenticate by `client_secret_jwt`. Their secrets are sealed and can be opened, where others are
    /// digests. Default: no.
    #[serde(default)]
    pub client_secret_jwt: bool,
    /// The status of JWT access tokens is published in lists. Without the section it is not. Needs a build with `draft-status-list`.
    pub status_lists: Option<StatusListSection>,
    /// Who may exchange tokens for which resource. Without one nobody can.
    #[serde(default)]
    pub exchange: Vec<ExchangeSettings>,
}

/// Dynamic registration, in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationSettings {
    /// Whether everybody may register, without an initial access token. Default: no.
    #[serde(default)]
    pub open: bool,
    /// The scope values that such clients may have. Default: those of OpenID Connect.
    pub scopes: Option<String>,
}

/// Clients that publish what they are, in the file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ClientDocumentSettings {
    /// The hosts whose documents count. Default: every one.
    pub hosts: Option<Vec<String>>,
    /// The resources that such clients may ask for tokens for. Default: none but this server.
    #[serde(default)]
    pub resources: Vec<ResourceIndicator>,
}

/// Client certificates, in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MutualTlsSettings {
    /// Where clients with a certificate come, when it is another name than the issuer's.
    pub url: Option<String>,
    /// Where this server asks for certificates itself: an address of its own, with the certificate of `[http.tls]`.
    pub listen: Option<String>,
    /// The header by which a trusted proxy passes the certificate on: `client-cert` as RFC 9440 has it, any other name with the
    /// certificate as PEM in percent encoding.
    pub header: Option<String>,
    /// Whether the proxy verifies whose certificates they are, up to an authority that it trusts for clients. Default: no.
    #[serde(default)]
    pub verified_by_proxy: bool,
    /// The authorities, as PEM, whose certificates name clients.
    pub authorities: Option<std::path::PathBuf>,
}

/// An exchange that is allowed, in the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeSettings {
    /// Who exchanges.
    pub client: ClientId,
    /// What the new token is for.
    pub resource: ResourceIndicator,
    /// `delegation`, which names who acts, or `impersonation`, which does not.
    pub kind: Option<String>,
    /// The scope of the new token. Default: what the exchanged one had, as far as it means something there.
    pub scopes: Option<String>,
}

/// OAuth and OpenID Connect, checked.
#[derive(Clone, Debug, Default)]
pub struct OAuthRules {
    /// Rules of others that are kept.
    pub profile: Profile,
    /// How clients register themselves.
    pub registration: Option<Registration>,
    /// Whether every DPoP proof needs a nonce.
    pub dpop_nonces: bool,
    /// Whether request objects are fetched.
    pub request_uris: bool,
    /// Whether the metadata are signed too.
    pub signed_metadata: bool,
    /// The domains for which WebFinger names this server.
    pub webfinger: Vec<String>,
    /// Which clients are known by documents that they publish.
    pub client_documents: Option<ClientDocumentSettings>,
    /// How clients show certificates.
    pub mutual_tls: Option<Certificates>,
    /// Whether clients may authenticate by the attestation of an instance.
    pub attested_clients: bool,
    /// Whether the operator's own apps are authorized without a browser, too.
    pub authorization_challenge: bool,
    /// Whether the operator's own apps on a device share a sign-in.
    pub native_sso: bool,
    /// How applications start sign-ins of people who are elsewhere.
    pub backchannel: Option<BackchannelRules>,
    /// Whether clients may authenticate by `client_secret_jwt`.
    pub client_secret_jwt: bool,
    /// How the status of access tokens is published.
    #[cfg(feature = "draft-status-list")]
    pub status_lists: Option<ciam_oauth::status_list::StatusListSettings>,
    /// Which exchanges are allowed.
    pub exchanges: Vec<ExchangeRule>,
}

/// How clients register themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Everybody may.
    pub open: bool,
    /// What they may ask for.
    pub scopes: ScopeSet,
}

/// How clients show certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates {
    /// Where they come, when it is another origin than the issuer's.
    pub base: Option<String>,
    /// Where this server asks for them.
    pub listen: Option<SocketAddr>,
    /// By which header a trusted proxy passes them on.
    pub header: Option<http::HeaderName>,
    /// Whether the proxy verifies whose they are.
    pub verified_by_proxy: bool,
    /// Whose certificates name clients.
    pub authorities: Option<std::path::PathBuf>,
}

/// An exchange that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeRule {
    /// Who exchanges.
    pub client: ClientId,
    /// What the new token is for.
    pub resource: ResourceIndicator,
    /// Whether the new token does not say who acts.
    pub impersonates: bool,
    /// The scope of the new token.
    pub scopes: Option<ScopeSet>,
}

impl OAuthRules {
    /// What the file says, or under which key it is wrong and why.
    ///
    /// # Errors
    ///
    /// A key, and a sentence.
    pub(super) fn from_file(file: &OAuthSettings) -> Result<Self, (&'static str, String)> {
        let profile = match &file.profile {
            None => Profile::default(),
            Some(name) => Profile::from_name(name).ok_or_else(|| {
                let names: Vec<&str> = Profile::ALL.into_iter().map(Profile::as_str).collect();
                ("profile", format!("`{name}` must be one of {}", names.join(", ")))
            })?,
        };
        for (asked, key, feature, built) in [
            (
                file.client_documents.is_some(),
                "client_documents",
                "draft-client-documents",
                cfg!(feature = "draft-client-documents"),
            ),
            (
                file.attested_clients,
                "attested_clients",
                "draft-attested-clients",
                cfg!(feature = "draft-attested-clients"),
            ),
            (
                file.authorization_challenge,
                "authorization_challenge",
                "draft-first-party-apps",
                cfg!(feature = "draft-first-party-apps"),
            ),
            (file.native_sso, "native_sso", "draft-native-sso", cfg!(feature = "draft-native-sso")),
            (
                file.status_lists.is_some(),
                "status_lists",
                "draft-status-list",
                cfg!(feature = "draft-status-list"),
            ),
        ] {
            if asked && !built {
                return Err((key, format!("needs a build with `{feature}`")));
            }
        }
        Ok(Self {
            profile,
            registration: file.registration.as_ref().map(Registration::from_file).transpose()?,
            dpop_nonces: file.dpop_nonces,
            request_uris: file.request_uris,
            signed_metadata: file.signed_metadata,
            webfinger: file.webfinger.clone(),
            client_documents: file.client_documents.clone(),
            mutual_tls: file.mutual_tls.as_ref().map(Certificates::from_file).transpose()?,
            attested_clients: file.attested_clients,
            authorization_challenge: file.authorization_challenge,
            native_sso: file.native_sso,
            backchannel: file.backchannel.as_ref().map(BackchannelRules::from_file).transpose()?,
            client_secret_jwt: file.client_secret_jwt,
            #[cfg(feature = "draft-status-list")]
            status_lists: file.status_lists.as_ref().map(StatusListSection::settings).transpose()?,
            exchanges: file.exchange.iter().map(ExchangeRule::from_file).collect::<Result<_, _>>()?,
        })
    }

    /// The grants that clients which register themselves may ask for.
    pub fn registered_grants(&self) -> [GrantType; 3] {
        [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials]
    }
}

impl Registration {
    fn from_file(file: &RegistrationSettings) -> Result<Self, (&'static str, String)> {
        let text = file.scopes.as_deref().unwrap_or(OF_OPENID_CONNECT);
        let scopes = text.parse().map_err(|_| ("registration", format!("`{text}` is no scope")))?;
        Ok(Self { open: file.open, scopes })
    }
}

const OF_OPENID_CONNECT: &str = "openid profile email address phone offline_access";

impl Certificates {
    fn from_file(file: &MutualTlsSettings) -> Result<Self, (&'static str, String)> {
        let refuse = |why: String| ("mutual_tls", why);
        let base = match &file.url {
            None => None,
            Some(text) => {
                let origin = Url::parse(text).ok().map(|url| url.origin().ascii_serialization());
                let same = origin.filter(|origin| origin == text.trim_end_matches('/'));
                Some(same.ok_or_else(|| {
                    refuse(format!("`{text}` must be an origin such as https://mtls.id.example"))
                })?)
            }
        };
        let listen = file
            .listen
            .as_ref()
            .map(|text| text.parse().map_err(|_| refuse(format!("`{text}` must be an address and a port"))));
        let header = file.header.as_ref().map(|text| {
            http::HeaderName::from_bytes(text.as_bytes())
                .map_err(|_| refuse(format!("`{text}` is no header")))
        });
        let (listen, header) = (listen.transpose()?, header.transpose()?);
        if listen.is_none() && header.is_none() {
            return Err(refuse("needs `listen` or `header`: who asks for certificates?".to_owned()));
        }
        if header.is_none() && file.verified_by_proxy {
            return Err(refuse("`verified_by_proxy` means nothing without `header`".to_owned()));
        }
        Ok(Self {
            base,
            listen,
            header,
            verified_by_proxy: file.verified_by_proxy,
            authorities: file.authorities.clone(),
        })
    }
}

impl ExchangeRule {
    fn from_file(file: &ExchangeSettings) -> Result<Self, (&'static str, String)> {
        let refuse = |why: String| ("exchange", why);
        let impersonates = match file.kind.as_deref() {
            None | Some("delegation") => false,
            Some("impersonation") => true,
            Some(other) => return Err(refuse(format!("`{other}` must be delegation or impersonation"))),
        };
        let scopes = file
            .scopes
            .as_ref()
            .map(|text| text.parse().map_err(|_| refuse(format!("`{text}` is no scope"))));
        Ok(Self {
            client: file.client.clone(),
            resource: file.resource.clone(),
            impersonates,
            scopes: scopes.transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<OAuthRules, (&'static str, String)> {
        OAuthRules::from_file(&toml::from_str(text).unwrap())
    }

    #[test]
    fn nothing_is_on_that_was_not_named() {
        let rules = read("").unwrap();
        assert_eq!(rules.profile, Profile::OAuth21);
        assert!(rules.registration.is_none() && rules.mutual_tls.is_none() && rules.exchanges.is_empty());
        assert!(!rules.dpop_nonces && !rules.request_uris && !rules.client_secret_jwt);
        assert!(rules.backchannel.is_none());
        let registration = read("[registration]").unwrap().registration.unwrap();
        assert!(!registration.open && registration.scopes.contains("openid"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, key) in [
            ("profile = \"fapi\"", "profile"),
            ("[registration]\nscopes = \"a\\\"b\"", "registration"),
            ("[backchannel]\ndelivery = []", "backchannel"),
            ("[backchannel]\nlifetime = \"2h\"", "backchannel"),
            ("[backchannel]\nrequests_per_person = 0", "backchannel"),
            ("[mutual_tls]", "mutual_tls"),
            ("[mutual_tls]\nlisten = \"8443\"", "mutual_tls"),
            ("[mutual_tls]\nheader = \"client cert\"", "mutual_tls"),
            ("[mutual_tls]\nheader = \"client-cert\"\nurl = \"https://mtls.id.example/path\"", "mutual_tls"),
            ("[mutual_tls]\nlisten = \"127.0.0.1:8443\"\nverified_by_proxy = true", "mutual_tls"),
            (
                "[[exchange]]\nclient = \"gw\"\nresource = \"https://api.example\"\nkind = \"both\"",
                "exchange",
            ),
        ] {
            assert_eq!(read(text).unwrap_err().0, key, "{text}");
        }
    }
}
