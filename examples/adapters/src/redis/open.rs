//! Connecting, and whether the server can be relied upon.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use redis::{Client, FromRedisValue, IntoConnectionInfo as _};
use url::Url;

use super::ephemeral::RedisEphemeral;
use super::error::{OpenError, port_error};
use super::options::RedisOptions;

/// A Redis server, shared by the handles of all tenants. Cloning gives another handle on the same connection.
#[derive(Clone)]
pub struct RedisDatabase {
    connection: ConnectionManager,
    options: Arc<RedisOptions>,
}

impl RedisDatabase {
    /// Connects to the server that a `redis://USER:PASSWORD@HOST:PORT/DATABASE` URL names, and checks that it keeps
    /// what it is given.
    ///
    /// # Errors
    ///
    /// Fails when the URL is not of that form, when the server does not answer, and when it evicts, is too old or is a
    /// replica: see [the requirements](super#what-the-server-must-be).
    pub async fn open(url: &str, options: RedisOptions) -> Result<Self, OpenError> {
        let tcp = TcpSettings::default().set_nodelay(true);
        // A server that is gone without a word is noticed by what it does not acknowledge.
        #[cfg(target_os = "linux")]
        let tcp = tcp.set_user_timeout(options.deadline.saturating_mul(2));
        let info = parse(url)?.set_tcp_settings(tcp);
        let client = Client::open(info).map_err(|_| OpenError::Url)?;
        // No retries inside: a call fails in time, and the next one connects.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.deadline));
        let connection = ConnectionManager::new_lazy_with_config(client, config).map_err(port_error)?;
        let database = Self { connection, options: Arc::new(options) };
        database.check().await?;
        Ok(database)
    }

    /// Asks the server whether it answers and keeps what it is given: for readiness probes.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn check(&self) -> Result<(), OpenError> {
        let mut info = redis::cmd("INFO");
        let text: String = self.call(&mut info).await?;
        judge(&text)
    }

    /// The ephemeral store of one tenant.
    #[must_use]
    pub fn ephemeral(&self, tenant: TenantId) -> RedisEphemeral {
        RedisEphemeral::new(self.clone(), tenant)
    }

    pub(super) fn prefix(&self) -> &str {
        &self.options.prefix
    }

    /// One command.
    pub(super) async fn call<T: FromRedisValue>(&self, command: &mut redis::Cmd) -> Result<T, PortError> {
        let mut connection = self.connection.clone();
        self.in_time(command.query_async(&mut connection)).await
    }

    /// One script.
    pub(super) async fn invoke<T: FromRedisValue>(
        &self,
        invocation: &redis::ScriptInvocation<'_>,
    ) -> Result<T, PortError> {
        let mut connection = self.connection.clone();
        self.in_time(invocation.invoke_async(&mut connection)).await
    }

    async fn in_time<T>(&self, call: impl Future<Output = redis::RedisResult<T>>) -> Result<T, PortError> {
        match tokio::time::timeout(self.options.deadline, call).await {
            Ok(answer) => answer.map_err(port_error),
            Err(_) => Err(PortError::transient("the Redis server did not answer in time")),
        }
    }
}

impl fmt::Debug for RedisDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisDatabase").field("options", &self.options).finish_non_exhaustive()
    }
}

fn parse(url: &str) -> Result<redis::ConnectionInfo, OpenError> {
    let parsed = Url::parse(url).map_err(|_| OpenError::Url)?;
    let plain = parsed.scheme() == "redis" && parsed.host_str().is_some_and(|host| !host.is_empty());
    if !plain {
        return Err(OpenError::Url);
    }
    url.into_connection_info().map_err(|_| OpenError::Url)
}

/// Whether a server that says this of itself keeps what it is given.
fn judge(info: &str) -> Result<(), OpenError> {
    let facts: BTreeMap<&str, &str> = info.lines().filter_map(|line| line.split_once(':')).collect();
    let fact = |name: &str| facts.get(name).map_or("unknown", |value| value.trim());
    let version = fact("redis_version");
    if !is_new_enough(version) {
        return Err(OpenError::Version { found: version.to_owned() });
    }
    if fact("role") == "slave" {
        return Err(OpenError::Replica);
    }
    match fact("maxmemory_policy") {
        "noeviction" => Ok(()),
        policy => Err(OpenError::Evicts { policy: policy.to_owned() }),
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    let major = numbers.next().flatten();
    let minor = numbers.next().flatten();
    (major, minor) >= (Some(6), Some(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(version: &str, role: &str, policy: &str) -> String {
        format!(
            "# Server\r\nredis_version:{version}\r\n# Memory\r\nmaxmemory_policy:{policy}\r\nrole:{role}\r\n"
        )
    }

    #[test]
    fn a_server_that_keeps_what_it_is_given_is_accepted() {
        for version in ["6.2.0", "7.0.15", "7.2.4", "10.0.0"] {
            judge(&info(version, "master", "noeviction")).unwrap();
        }
    }

    #[test]
    fn a_server_that_evicts_is_old_or_a_replica_is_refused() {
        for policy in ["allkeys-lru", "volatile-ttl", "volatile-random", "allkeys-lfu", ""] {
            let refused = judge(&info("7.0.15", "master", policy)).unwrap_err();
            assert!(matches!(refused, OpenError::Evicts { policy: found } if found == policy));
        }
        for version in ["6.0.16", "5.0.14", "6", "", "x.y"] {
            let refused = judge(&info(version, "master", "noeviction")).unwrap_err();
            assert!(matches!(refused, OpenError::Version { .. }), "{version}");
        }
        assert!(matches!(judge(&info("7.0.15", "slave", "noeviction")), Err(OpenError::Replica)));
        assert!(
            matches!(judge("redis_version:7.0.15\r\n"), Err(OpenError::Evicts { policy }) if policy == "unknown")
        );
        assert!(judge("").is_err());
    }

    #[test]
    fn other_urls_are_refused_without_being_repeated() {
        for url in [
            "",
            "127.0.0.1:6379",
            "http://user:secret@host",
            "redis://",
            "redis:///0",
            "redis://u:secret@h/x",
        ] {
            let refused = parse(url).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("secret"), "{url}");
        }
        for url in ["redis://127.0.0.1", "redis://user:secret@host:1/3", "redis://[::1]:6379/0"] {
            parse(url).unwrap();
        }
    }
}
