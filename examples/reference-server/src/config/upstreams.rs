//! Providers that people can sign in with, as they are configured.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use ciam_core::{
    crypto,
    jose::{Algorithm, LocalSigner},
    secret::Secret,
};
use ciam_oidc::rp::{
    Authentication, HostedDomains, RelyingPartyConfig,
    known::{Credential, KnownProvider, Setup, SetupError},
    oauth::{EmailSource, EmailTrust, OAuthProvider, ProfileMapping, ProfileRequest, SubjectKind},
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use url::Url;

use super::{Mode, UpstreamOAuthSettings, UpstreamSettings};
use crate::import::is_loopback;

/// A provider that people can sign in with.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// Its name here.
    pub name: String,
    /// What the button says.
    pub label: String,
    /// What it is.
    pub kind: UpstreamKind,
    /// Whether its word counts for the factors that it names.
    pub trust_factors: bool,
    /// Whether there is a button for everybody.
    pub button: bool,
}

/// What a provider is. Where its answers arrive is said when it is used.
#[derive(Clone, Debug)]
pub enum UpstreamKind {
    /// An OpenID Provider, and how this server is registered there.
    OpenId(Box<RelyingPartyConfig>),
    /// A provider of OAuth 2.0 and a profile, and how this server is registered there.
    OAuth(Box<OAuthProvider>, Box<RelyingPartyConfig>),
    /// A well-known one.
    Known(&'static KnownProvider, Box<Setup>),
}

/// The place of a provider that cannot be used, its key, and why.
pub(super) type Refused = (usize, &'static str, String);
/// The key that cannot be used, and why.
type Problem = (&'static str, String);

impl UpstreamConfig {
    /// What the file in this folder says.
    pub(super) fn from_file(
        file: &[UpstreamSettings],
        mode: Mode,
        folder: &Path,
    ) -> Result<Vec<Self>, Vec<Refused>> {
        let (mut refused, mut names, mut all) = (Vec::new(), BTreeSet::new(), Vec::new());
        for (at, it) in file.iter().enumerate() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if !(1..=40).contains(&it.name.len()) || !it.name.chars().all(plain) {
                refused.push((at, "name", "must be 1 to 40 lower-case letters, digits and `-`".to_owned()));
            }
            if !names.insert(it.name.clone()) {
                refused.push((at, "name", format!("`{}` is there twice", it.name)));
            }
            if it.client_id.is_empty() {
                refused.push((at, "client_id", "must not be empty".to_owned()));
            }
            match it.kind(mode, folder) {
                Ok(kind) => all.push(Self::of(it, kind)),
                Err((key, why)) => refused.push((at, key, why)),
            }
        }
        if refused.is_empty() { Ok(all) } else { Err(refused) }
    }

    fn of(it: &UpstreamSettings, kind: UpstreamKind) -> Self {
        let known = match &kind {
            UpstreamKind::Known(row, _) => row.name,
            _ => it.name.as_str(),
        };
        Self {
            name: it.name.clone(),
            label: it.label.clone().unwrap_or_else(|| known.to_owned()),
            kind,
            trust_factors: it.trust_factors.unwrap_or(false),
            button: it.button.unwrap_or(true),
        }
    }

    /// The addresses that are asked, as far as the file says them.
    pub fn addresses(&self) -> Vec<&str> {
        match &self.kind {
            UpstreamKind::OpenId(config) => vec![&config.issuer],
            UpstreamKind::OAuth(provider, _) => vec![&provider.token_endpoint, &provider.profile.url],
            UpstreamKind::Known(..) => Vec::new(),
        }
    }
}

impl UpstreamSettings {
    fn kind(&self, mode: Mode, folder: &Path) -> Result<UpstreamKind, Problem> {
        if let Some(id) = &self.provider {
            return self.known(id, folder);
        }
        let only = "is of a well-known provider: say which with `provider`".to_owned();
        let said = [
            ("values", !self.values.is_empty()),
            ("tenants", !self.tenants.is_empty()),
            ("hosted_domains", !self.hosted_domains.is_empty()),
            ("key_file", self.key_file.is_some()),
            ("key_id", self.key_id.is_some()),
            ("team", self.team.is_some()),
        ];
        if let Some((key, _)) = said.into_iter().find(|(_, said)| *said) {
            return Err((key, only));
        }
        let issuer = self.issuer.as_deref().ok_or_else(|| {
            ("issuer", "is missing: say it, or a well-known provider with `provider`".to_owned())
        })?;
        address("issuer", issuer, mode)?;
        let (id, secret) = (self.client_id.as_str(), self.secret());
        match &self.oauth {
            None => {
                let authentication = secret.map_or(Authentication::None, Authentication::SecretBasic);
                let config = RelyingPartyConfig::new(issuer, id, authentication, "")
                    .with_scope(self.scope.as_deref().unwrap_or("openid profile email"));
                Ok(UpstreamKind::OpenId(Box::new(config)))
            }
            Some(oauth) => {
                let provider = oauth.provider(issuer, mode)?;
                let authentication = secret.map_or(Authentication::None, Authentication::SecretPost);
                let config = provider.client(id, authentication, "");
                let config = config.with_plain_scope(self.scope.as_deref().unwrap_or_default());
                provider.check(&config).map_err(|error| ("oauth", error.to_string()))?;
                Ok(UpstreamKind::OAuth(Box::new(provider), Box::new(config)))
            }
        }
    }

    fn known(&self, id: &str, folder: &Path) -> Result<UpstreamKind, Problem> {
        let row = KnownProvider::find(id).ok_or_else(|| {
            let ids: Vec<&str> = KnownProvider::all().into_iter().map(|row| row.id).collect();
            ("provider", format!("`{id}` is none of {}", ids.join(", ")))
        })?;
        for (key, said) in [("issuer", self.issuer.is_some()), ("oauth", self.oauth.is_some())] {
            if said {
                return Err((key, "is known of a well-known provider".to_owned()));
            }
        }
        let mut setup = Setup::new(&*self.client_id, "").with_tenants(self.tenants.iter().cloned());
        setup.values.clone_from(&self.values);
        setup.scope.clone_from(&self.scope);
        setup.credential = self.credential(folder)?;
        setup.hosted_domains = match self.hosted_domains.as_slice() {
            [] => HostedDomains::Unasked,
            [any] if any == "*" => HostedDomains::Any,
            domains => HostedDomains::Only(domains.to_vec()),
        };
        row.check(&setup).map_err(|error| {
            let key = match &error {
                SetupError::MissingValue(_) | SetupError::UnknownValue(_) => "values",
                SetupError::Value("tenants") | SetupError::NoTenants => "tenants",
                SetupError::Value(_) => "values",
                SetupError::Credential => "client_secret",
                SetupError::NoHostedDomains => "hosted_domains",
                _ => "provider",
            };
            (key, error.to_string())
        })?;
        Ok(UpstreamKind::Known(row, Box::new(setup)))
    }

    fn credential(&self, folder: &Path) -> Result<Credential, Problem> {
        let Some(file) = &self.key_file else {
            return Ok(self.secret().map_or(Credential::None, Credential::Secret));
        };
        if self.client_secret.is_some() {
            return Err(("client_secret", "is signed with `key_file`: say one of the two".to_owned()));
        }
        let (Some(kid), Some(team)) = (&self.key_id, &self.team) else {
            return Err(("key_file", "needs `key_id` and `team` beside it".to_owned()));
        };
        let path = folder.join(file);
        let unreadable = |why: String| ("key_file", format!("`{}` {why}", path.display()));
        let pem = fs::read(&path).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
        let no_key = |_| unreadable("is no PEM file with a P-256 key".to_owned());
        let key = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|_| no_key(()))?;
        let signer = LocalSigner::from_pkcs8(&*crypto::ring(), Algorithm::Es256, key.secret_pkcs8_der())
            .map_err(|_| no_key(()))?;
        Ok(Credential::Key { signer: Arc::new(signer.with_kid(kid.as_str())), team: team.clone() })
    }

    fn secret(&self) -> Option<Secret> {
        self.client_secret.as_ref().map(|secret| Secret::from(secret.expose()))
    }
}

impl UpstreamOAuthSettings {
    fn provider(&self, issuer: &str, mode: Mode) -> Result<OAuthProvider, Problem> {
        for place in [&self.authorization_endpoint, &self.token_endpoint, &self.profile] {
            address("oauth", place, mode)?;
        }
        let kind = if self.subject_is_number { SubjectKind::Number } else { SubjectKind::Text };
        let mut mapping = ProfileMapping::new(self.subject.as_deref().unwrap_or("/id"), kind);
        mapping.name.clone_from(&self.display_name);
        mapping.email = match (&self.email, &self.email_verified) {
            (None, None) => EmailSource::Nowhere,
            (None, Some(_)) => return Err(("oauth", "has `email_verified` and no `email`".to_owned())),
            (Some(at), flag) => {
                let trust = flag.clone().map_or(EmailTrust::Never, EmailTrust::Flag);
                EmailSource::Profile { at: at.clone(), trust }
            }
        };
        let profile = ProfileRequest::get(&*self.profile);
        let provider = OAuthProvider::new(
            issuer,
            &*self.authorization_endpoint,
            &*self.token_endpoint,
            profile,
            mapping,
        );
        Ok(provider)
    }
}

/// On the web, or, while developing, on this machine.
fn address(key: &'static str, text: &str, mode: Mode) -> Result<(), Problem> {
    let local = |url: &Url| mode == Mode::Development && url.scheme() == "http" && is_loopback(url);
    match Url::parse(text).is_ok_and(|url| url.scheme() == "https" || local(&url)) {
        true => Ok(()),
        false => Err((key, format!("`{text}` must be an https URL"))),
    }
}
