//! TXT records by [hickory](https://docs.rs/hickory-resolver), for the verification of domains.

use std::fmt;
use std::net::SocketAddr;

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_core::organization::DnsTxt;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

/// Looks TXT records up.
pub struct HickoryDns(TokioResolver);

impl HickoryDns {
    /// A name with more records than this is not looked through further.
    const MAX_RECORDS: usize = 100;

    /// The resolvers that the system is configured with.
    ///
    /// # Errors
    ///
    /// Fails when the system's configuration cannot be read.
    pub fn from_system() -> Result<Self, PortError> {
        let builder = TokioResolver::builder_tokio().map_err(PortError::permanent)?;
        Ok(Self(builder.build().map_err(PortError::permanent)?))
    }

    /// These resolvers and no others.
    ///
    /// # Errors
    ///
    /// Fails when no resolver can be made of them.
    pub fn with_servers(servers: &[SocketAddr]) -> Result<Self, PortError> {
        let server = |at: &SocketAddr| {
            let mut server = NameServerConfig::new(at.ip(), true, Vec::new());
            server.connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].into();
            server.connections.iter_mut().for_each(|connection| connection.port = at.port());
            server
        };
        let config = ResolverConfig::from_name_servers(servers.iter().map(server).collect());
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        Ok(Self(builder.build().map_err(PortError::permanent)?))
    }

    /// A resolver that was made elsewhere.
    #[must_use]
    pub const fn new(resolver: TokioResolver) -> Self {
        Self(resolver)
    }
}

impl fmt::Debug for HickoryDns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HickoryDns")
    }
}

#[async_trait]
impl DnsTxt for HickoryDns {
    async fn txt(&self, name: &str) -> Result<Vec<String>, PortError> {
        // With a dot at its end the name is whole: no search list of this machine is tried.
        let lookup = match self.0.txt_lookup(format!("{}.", name.trim_end_matches('.'))).await {
            Ok(lookup) => lookup,
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            Err(error) => return Err(PortError::transient(error)),
        };
        let texts = lookup.answers().iter().filter_map(|record| match &record.data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        });
        Ok(texts.take(Self::MAX_RECORDS).collect())
    }
}
