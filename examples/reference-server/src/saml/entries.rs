//! What import files say of peers, and what is made of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use ciam_core::ports::Ports;
use ciam_saml::{
    dsig::{TrustedKey, TrustedKeys},
    idp::{IdentityProvider, IdentityProviderConfig},
    metadata::{EntityDescriptor, MetadataQuery, MetadataTrust, RemoteMetadata},
};

use super::{ARTIFACTS, Connection, Inner, LOGOUT, METADATA, SIGN_ON, SOAP_LOGOUT, Service, keys::SamlKeys};
use crate::{
    config::Config,
    import::{
        SamlConnectionEntry, SamlServiceEntry,
        saml::{RemoteEntry, metadata},
    },
};

/// The entries of all files, each with its metadata or where that is.
#[derive(Debug)]
pub(super) struct Entries {
    config: Config,
    ports: Ports,
    keys: SamlKeys,
    services: Vec<(SamlServiceEntry, Source)>,
    connections: Vec<(SamlConnectionEntry, Source)>,
    remotes: Vec<RemoteMetadata>,
}

/// Where the metadata of an entry is.
#[derive(Debug)]
enum Source {
    /// Nowhere yet.
    Missing,
    Here(Box<EntityDescriptor>),
    /// Fetched, with the name of the entity in it.
    There(RemoteMetadata, String),
}

impl Source {
    fn entity(&self) -> Option<EntityDescriptor> {
        match self {
            Self::Missing => None,
            Self::Here(entity) => Some((**entity).clone()),
            Self::There(remote, name) => remote.current()?.entities.get(name).cloned(),
        }
    }
}

/// What becomes of an entry whose metadata cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnTrouble {
    /// The server does not start.
    Fail,
    /// The others go on: what was fetched is nobody's mistake here.
    LeaveOut,
}

impl Entries {
    pub(super) fn read(config: &Config, ports: &Ports, keys: SamlKeys) -> anyhow::Result<Self> {
        let mut remotes = Remotes::of(config, ports)?;
        let (mut services, mut connections) = (Vec::new(), Vec::new());
        let mut names = BTreeSet::new();
        for import in &config.imports {
            let (file, name) = (import.content(), import.document().name());
            let here = |text: &Option<String>, path: &Option<std::path::PathBuf>| {
                metadata(text.as_deref(), path.as_deref(), name).map_err(anyhow::Error::msg)
            };
            for entry in &file.saml_services {
                let source = match (here(&entry.metadata, &entry.metadata_file)?, &entry.remote) {
                    (Some(entity), _) => Source::Here(Box::new(entity)),
                    (None, Some(remote)) => remotes.source(remote, &entry.id)?,
                    (None, None) => bail!("the service `{}` has no metadata", entry.id),
                };
                if !names.insert(("service", entry.id.clone())) {
                    bail!("the service `{}` is in the import files twice", entry.id);
                }
                services.push((entry.clone(), source));
            }
            for entry in &file.saml_connections {
                let source = match (here(&entry.metadata, &entry.metadata_file)?, &entry.remote) {
                    (Some(entity), _) => Source::Here(Box::new(entity)),
                    (None, Some(remote)) => {
                        let id = remote.entity_id.as_deref().context("`remote.entity_id` is missing")?;
                        remotes.source(remote, id)?
                    }
                    (None, None) => Source::Missing,
                };
                let twice = config.upstreams.iter().any(|it| it.name == entry.name);
                if !names.insert(("connection", entry.name.clone())) || twice {
                    bail!("there are two connections of the name `{}`", entry.name);
                }
                connections.push((entry.clone(), source));
            }
        }
        let remotes = remotes.made.into_values().collect();
        Ok(Self { config: config.clone(), ports: ports.clone(), keys, services, connections, remotes })
    }

    /// What is fetched.
    pub(super) fn sources(&self) -> impl Iterator<Item = &RemoteMetadata> {
        self.remotes.iter()
    }

    /// Both roles, with the metadata that there is now.
    pub(super) fn make(&self, trouble: OnTrouble) -> anyhow::Result<Inner> {
        let (config, ports, keys) = (&self.config, &self.ports, &self.keys);
        let (mut partners, mut services, mut connections) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for (entry, source) in &self.services {
            let Some(entity) = source.entity() else { continue };
            match Service::of(entry, &entity, ports) {
                Ok((partner, service)) => {
                    partners.push(partner);
                    services.insert(entry.id.clone(), Arc::new(service));
                }
                Err(error) if trouble == OnTrouble::Fail => {
                    return Err(error.context(format!("the service `{}` cannot be used", entry.id)));
                }
                Err(error) => tracing::warn!(service = entry.id, %error, "its metadata cannot be used"),
            }
        }
        for (entry, source) in &self.connections {
            let entity = source.entity();
            let made = match Connection::of(config, ports, keys, entry, entity.as_ref()) {
                Err(error) if trouble == OnTrouble::LeaveOut => {
                    tracing::warn!(connection = entry.name, %error, "its metadata cannot be used");
                    Connection::of(config, ports, keys, entry, None)
                }
                made => made,
            };
            let made = made.with_context(|| format!("the connection `{}` cannot be used", entry.name))?;
            connections.insert(entry.name.clone(), Arc::new(made));
        }
        let url = |path: &str| config.issuer.join(path);
        let settings = IdentityProviderConfig::new(url(METADATA), url(SIGN_ON), keys.signer.clone())
            .with_logout_url(url(LOGOUT))
            .with_soap_logout_url(url(SOAP_LOGOUT))
            .with_artifact_url(url(ARTIFACTS))
            .with_session_lifetime(config.sessions.lifetime.time());
        let idp = IdentityProvider::new(ports.clone(), settings, &keys.names, partners)?;
        Ok(Inner { idp, services, connections })
    }
}

/// Each document once, however many entries are in it.
struct Remotes<'c> {
    ports: &'c Ports,
    /// The entities that entries name, by the document that they are in.
    wanted: BTreeMap<String, BTreeSet<String>>,
    made: BTreeMap<String, RemoteMetadata>,
}

impl<'c> Remotes<'c> {
    fn of(config: &Config, ports: &'c Ports) -> anyhow::Result<Self> {
        let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for file in config.imports.iter().map(|it| it.content()) {
            let services =
                file.saml_services.iter().filter_map(|it| Some((it.remote.as_ref()?, Some(&it.id))));
            let connections = file.saml_connections.iter().filter_map(|it| it.remote.as_ref());
            let all = services.chain(connections.map(|it| (it, it.entity_id.as_ref())));
            for (url, id) in all.filter_map(|(it, id)| Some((it.url.clone()?, id?))) {
                wanted.entry(url).or_default().insert(id.clone());
            }
        }
        Ok(Self { ports, wanted, made: BTreeMap::new() })
    }

    fn source(&mut self, entry: &RemoteEntry, entity: &str) -> anyhow::Result<Source> {
        let certificate = entry.certificate().map_err(anyhow::Error::msg)?;
        let key = TrustedKey::from_certificate(self.ports.crypto(), &certificate)
            .context("the certificate of a federation cannot be used")?;
        let print = key.fingerprint().to_text();
        let mut trust = MetadataTrust::new(TrustedKeys::new(vec![key])?).with_bytes(entry.bytes());
        let remote = match (&entry.url, &entry.query) {
            (Some(url), None) => {
                trust = trust.with_only(self.wanted.get(url).into_iter().flatten().cloned());
                RemoteMetadata::new(self.ports.clone(), url, trust)
            }
            (None, Some(base)) => {
                let query = MetadataQuery::new(base);
                let query = if entry.transformed_ids { query.with_transformed_ids() } else { query };
                RemoteMetadata::of_entity(self.ports.clone(), &query, entity, trust)
            }
            _ => bail!("metadata elsewhere is at a `url`, or with a `query`"),
        };
        // One document under two keys is two: each entry believes its own.
        let remote = self.made.entry(format!("{} {print}", remote.url())).or_insert(remote).clone();
        Ok(Source::There(remote, entity.to_owned()))
    }
}
