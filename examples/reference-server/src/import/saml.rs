//! SAML, as import files describe it: services that people sign in to from here, and identity providers that they come from.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use ciam_core::account::IdentifierKey;
use ciam_saml::{
    cert::der_of_pem,
    metadata::{EntityDescriptor, MetadataTrust},
};
use serde::Deserialize;
use url::Url;

use super::{ImportFile, is_loopback};
use crate::saml::Released;

/// A service that people sign in to from here by SAML.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamlServiceEntry {
    /// Its entity id. It names the service.
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// Its metadata.
    pub metadata: Option<String>,
    /// The file with its metadata, beside this one.
    pub metadata_file: Option<PathBuf>,
    /// Where its metadata is, when it is fetched again and again.
    pub remote: Option<RemoteEntry>,
    /// What it may know of people: `mail`, `displayName`, `givenName`, `sn`.
    #[serde(default)]
    pub attributes: BTreeSet<String>,
    /// The names that people may have there, the default first: `persistent`, `transient`, `email`. Default: `persistent`.
    #[serde(default)]
    pub name_ids: Vec<String>,
    /// It belongs to the operator: people are not asked whether it may know of them.
    #[serde(default)]
    pub first_party: bool,
    /// Sign-in may start here, without a request of the service.
    #[serde(default)]
    pub unsolicited: bool,
    /// Responses are signed as well as assertions.
    #[serde(default)]
    pub sign_responses: bool,
}

/// An identity provider of an organization, that its people sign in with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamlConnectionEntry {
    /// Its name here, in addresses and in policies of organizations.
    pub name: String,
    /// What the button says. Default: the name.
    pub label: Option<String>,
    /// The metadata of the identity provider. Without it there is our own metadata for it, and nobody can sign in yet.
    pub metadata: Option<String>,
    /// The file with that metadata, beside this one.
    pub metadata_file: Option<PathBuf>,
    /// Where that metadata is, when it is fetched again and again. With the entity id.
    pub remote: Option<RemoteEntry>,
    /// The domains of which its word for e-mail addresses counts. Default: none.
    #[serde(default)]
    pub domains: BTreeSet<String>,
    /// The attribute that names a person for ever, where the name itself is another each time.
    pub subject: Option<String>,
    /// Other names of attributes than the usual: `mail`, `displayName`, `givenName`, `sn`.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Whether there is a button for everybody. Default no: organizations lead there.
    #[serde(default)]
    pub button: bool,
    /// It is asked to answer by artifact.
    #[serde(default)]
    pub artifacts: bool,
    /// Who signs out here is signed out there. Default no: people use their organization's sign-in for more than this.
    #[serde(default)]
    pub sign_out_there: bool,
    /// Sign-in may start there. Whoever has a response of their own can then sign another person's browser in to their account.
    #[serde(default)]
    pub dangerous_unsolicited: bool,
}

/// Metadata that is fetched: by a `url`, or by a `query`, signed with the key of a certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteEntry {
    /// Where it is: of the entity alone, or the aggregate of a federation.
    pub url: Option<String>,
    /// The address of a service of the metadata query protocol (MDQ).
    pub query: Option<String>,
    /// Whether it is asked by the SHA-1 of the entity id.
    #[serde(default)]
    pub transformed_ids: bool,
    /// The certificate of whoever signs it (PEM).
    pub certificate: String,
    /// The entity. A service has its own `id`.
    pub entity_id: Option<String>,
    /// The largest document, in MB. Default 4; a federation of federations has 100.
    pub max_megabytes: Option<u16>,
}

impl RemoteEntry {
    /// The certificate, DER.
    ///
    /// # Errors
    ///
    /// It is no PEM.
    pub fn certificate(&self) -> Result<Vec<u8>, String> {
        der_of_pem(&self.certificate).ok_or_else(|| "is no certificate (PEM)".to_owned())
    }

    /// The largest document, in bytes.
    pub fn bytes(&self) -> usize {
        self.max_megabytes.map_or(MetadataTrust::DEFAULT_BYTES, |it| usize::from(it) << 20)
    }

    fn check(&self, has_name: bool, refuse: &mut dyn FnMut(&'static str, &dyn fmt::Display)) {
        match (&self.url, &self.query) {
            (Some(url), None) | (None, Some(url)) => {
                let url = Url::parse(url).ok();
                if !url.is_some_and(|url| url.scheme() == "https" || is_loopback(&url)) {
                    refuse("remote", &"the address must be https");
                }
            }
            _ => refuse("remote", &"has either a `url` or a `query`"),
        }
        if has_name == self.entity_id.is_some() {
            let why = if has_name { "the entity id is the service's `id`" } else { "`entity_id` is missing" };
            refuse("remote", &why);
        }
        if let Err(why) = self.certificate() {
            refuse("remote", &format!("`certificate` {why}"));
        }
        if self.max_megabytes.is_some_and(|it| !(1..=256).contains(&it)) {
            refuse("remote", &"`max_megabytes` must be 1 to 256");
        }
    }
}

/// The metadata of an entry, from the file itself or the one that it names.
///
/// # Errors
///
/// Both are given, the file cannot be read, or it is no metadata.
pub(crate) fn metadata(
    inline: Option<&str>,
    file: Option<&Path>,
    import: &str,
) -> Result<Option<EntityDescriptor>, String> {
    let text = match (inline, file) {
        (None, None) => return Ok(None),
        (Some(text), None) => text.to_owned(),
        (None, Some(file)) => {
            let path = Path::new(import).parent().unwrap_or(Path::new("")).join(file);
            std::fs::read_to_string(&path).map_err(|error| format!("`{}`: {error}", path.display()))?
        }
        (Some(_), Some(_)) => return Err("is given beside `metadata_file`".to_owned()),
    };
    EntityDescriptor::parse(text.trim().as_bytes()).map(Some).map_err(|error| format!("is refused: {error}"))
}

/// What is wrong: the list, the place in it, the key, and why.
pub(super) type Refused = (&'static str, usize, &'static str, String);

/// Checks what a file says of SAML.
pub(super) fn check(file: &ImportFile, name: &str) -> Vec<Refused> {
    let mut refused = Vec::new();
    for (at, it) in file.saml_services.iter().enumerate() {
        let mut refuse =
            |key, why: &dyn fmt::Display| refused.push(("saml_services", at, key, why.to_string()));
        match metadata(it.metadata.as_deref(), it.metadata_file.as_deref(), name) {
            Err(why) => refuse("metadata", &why),
            Ok(Some(_)) if it.remote.is_some() => refuse("metadata", &"is given beside `remote`"),
            Ok(None) => match &it.remote {
                Some(remote) => remote.check(true, &mut refuse),
                None => refuse("metadata", &"is missing"),
            },
            Ok(Some(entity)) if entity.entity_id != it.id => {
                refuse("id", &format!("the metadata is of `{}`", entity.entity_id));
            }
            Ok(Some(entity)) if entity.sp.is_none() => refuse("metadata", &"is of no service provider"),
            Ok(Some(_)) => {}
        }
        if it.name.trim().is_empty() {
            refuse("name", &"must not be empty");
        }
        if let Some(unknown) = it.attributes.iter().find(|name| Released::named(name).is_none()) {
            refuse("attributes", &format!("there is no `{unknown}`"));
        }
        if let Some(unknown) = it.name_ids.iter().find(|name| crate::saml::name_id_format(name).is_none()) {
            refuse("name_ids", &format!("there is no `{unknown}`"));
        }
    }
    for (at, it) in file.saml_connections.iter().enumerate() {
        let mut refuse =
            |key, why: &dyn fmt::Display| refused.push(("saml_connections", at, key, why.to_string()));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=40).contains(&it.name.len()) || !it.name.chars().all(plain) {
            refuse("name", &"must be 1 to 40 lower-case letters, digits and `-`");
        }
        match metadata(it.metadata.as_deref(), it.metadata_file.as_deref(), name) {
            Err(why) => refuse("metadata", &why),
            Ok(Some(_)) if it.remote.is_some() => refuse("metadata", &"is given beside `remote`"),
            Ok(None) if it.remote.is_some() => {
                it.remote.iter().for_each(|remote| remote.check(false, &mut refuse));
            }
            Ok(Some(entity)) if entity.idp.is_none() => refuse("metadata", &"is of no identity provider"),
            Ok(_) => {}
        }
        let domain = |domain: &String| IdentifierKey::email(&format!("x@{domain}")).is_ok();
        if let Some(bad) = it.domains.iter().find(|it| !domain(it)) {
            refuse("domains", &format!("`{bad}` is no domain"));
        }
        if let Some(unknown) = it.attributes.keys().find(|name| Released::named(name).is_none()) {
            refuse("attributes", &format!("there is no `{unknown}`"));
        }
    }
    refused
}
