//! OpenID Providers that people can sign in with, as they are configured.

use std::collections::BTreeSet;

use url::Url;

use super::{Mode, UpstreamSettings};
use crate::import::{SecretText, is_loopback};

/// An OpenID Provider that people can sign in with.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// Its name here.
    pub name: String,
    /// What the button says.
    pub label: String,
    /// Its issuer.
    pub issuer: String,
    /// The client id.
    pub client_id: String,
    /// The secret.
    pub client_secret: Option<SecretText>,
    /// What it is asked for.
    pub scope: String,
    /// Whether its word counts for the factors that it names.
    pub trust_factors: bool,
    /// Whether there is a button for everybody.
    pub button: bool,
}

/// The place of a provider that cannot be used, its key, and why.
pub(super) type Refused = (usize, &'static str, String);

impl UpstreamConfig {
    /// What the file says.
    pub(super) fn from_file(file: &[UpstreamSettings], mode: Mode) -> Result<Vec<Self>, Vec<Refused>> {
        let (mut refused, mut names) = (Vec::new(), BTreeSet::new());
        for (at, it) in file.iter().enumerate() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if !(1..=40).contains(&it.name.len()) || !it.name.chars().all(plain) {
                refused.push((at, "name", "must be 1 to 40 lower-case letters, digits and `-`".to_owned()));
            }
            if !names.insert(it.name.clone()) {
                refused.push((at, "name", format!("`{}` is there twice", it.name)));
            }
            let local = |url: &Url| mode == Mode::Development && url.scheme() == "http" && is_loopback(url);
            let good = Url::parse(&it.issuer).is_ok_and(|url| url.scheme() == "https" || local(&url));
            if !good {
                refused.push((at, "issuer", format!("`{}` must be an https URL", it.issuer)));
            }
            if it.client_id.is_empty() {
                refused.push((at, "client_id", "must not be empty".to_owned()));
            }
        }
        if refused.is_empty() { Ok(file.iter().map(Self::of).collect()) } else { Err(refused) }
    }

    fn of(it: &UpstreamSettings) -> Self {
        Self {
            name: it.name.clone(),
            label: it.label.clone().unwrap_or_else(|| it.name.clone()),
            issuer: it.issuer.clone(),
            client_id: it.client_id.clone(),
            client_secret: it.client_secret.clone(),
            scope: it.scope.clone().unwrap_or_else(|| "openid profile email".to_owned()),
            trust_factors: it.trust_factors.unwrap_or(false),
            button: it.button.unwrap_or(true),
        }
    }
}
