//! The ephemeral store: one command or one script of one key per verb.

use std::fmt;
use std::sync::LazyLock;

use async_trait::async_trait;
use ciam_core::ephemeral::{Ephemeral, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use redis::{Script, cmd};
use time::Duration;

use super::open::RedisDatabase;

/// The ephemeral store of one tenant. Cloning gives another handle on the same data.
#[derive(Clone)]
pub struct RedisEphemeral {
    database: RedisDatabase,
    tenant: TenantId,
}

impl RedisEphemeral {
    pub(super) const fn new(database: RedisDatabase, tenant: TenantId) -> Self {
        Self { database, tenant }
    }

    fn value(&self, key: &EphemeralKey) -> String {
        redis_key(self.database.prefix(), "value", self.tenant, key)
    }

    fn counter(&self, key: &EphemeralKey) -> String {
        redis_key(self.database.prefix(), "count", self.tenant, key)
    }
}

impl fmt::Debug for RedisEphemeral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisEphemeral").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

#[async_trait]
impl Ephemeral for RedisEphemeral {
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError> {
        let key = self.value(key);
        match milliseconds(ttl) {
            Some(ttl) => self.database.call(cmd("SET").arg(key).arg(value).arg("PX").arg(ttl)).await,
            None => self.database.call(cmd("DEL").arg(key)).await,
        }
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        self.database.call(cmd("GET").arg(self.value(key))).await
    }

    async fn take(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        self.database.call(cmd("GETDEL").arg(self.value(key))).await
    }

    async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        let key = self.value(key);
        match milliseconds(ttl) {
            Some(ttl) => {
                self.database.call(cmd("SET").arg(key).arg(value).arg("NX").arg("PX").arg(ttl)).await
            }
            // Stored, and gone at once.
            None => self.database.call(cmd("EXISTS").arg(key)).await.map(|there: bool| !there),
        }
    }

    async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError> {
        let mut call = INCREMENT.prepare_invoke();
        call.key(self.counter(key)).arg(milliseconds(window).unwrap_or_default());
        self.database.invoke(&call).await
    }

    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        old: &[u8],
        new: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        let mut call = SWAP.prepare_invoke();
        call.key(self.value(key)).arg(old).arg(new).arg(milliseconds(ttl).unwrap_or_default());
        self.database.invoke(&call).await
    }
}

/// The length of the namespace keeps `a` with `b:c` apart from `a:b` with `c`.
fn redis_key(prefix: &str, holds: &str, tenant: TenantId, key: &EphemeralKey) -> String {
    let namespace = key.namespace();
    format!("{prefix}:{holds}:{tenant}:{}:{namespace}:{}", namespace.len(), key.name())
}

/// A time to live as Redis takes it, rounded up; `None` when it is not positive.
fn milliseconds(ttl: Duration) -> Option<i64> {
    if !ttl.is_positive() {
        return None;
    }
    let whole = ttl.whole_milliseconds();
    let rounded_up = whole + i128::from(ttl.subsec_nanoseconds() % 1_000_000 != 0);
    Some(i64::try_from(rounded_up).unwrap_or(LONGEST).min(LONGEST))
}

/// A hundred years. Redis adds a time to live to its clock, and refuses what does not fit.
const LONGEST: i64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// Adds one; the first gives the counter its window. A window of nothing leaves nothing.
static INCREMENT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local count = redis.call('INCR', KEYS[1])\n\
         if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end\n\
         return count",
    )
});

/// Replaces a value that is exactly the old one. A time to live of nothing leaves nothing.
static SWAP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n\
         if tonumber(ARGV[3]) > 0 then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])\n\
         else redis.call('DEL', KEYS[1]) end\n\
         return 1",
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_to_live_are_whole_milliseconds_rounded_up() {
        for (ttl, expected) in [
            (Duration::ZERO, None),
            (Duration::nanoseconds(-1), None),
            (Duration::MIN, None),
            (Duration::nanoseconds(1), Some(1)),
            (Duration::milliseconds(1), Some(1)),
            (Duration::microseconds(1_001), Some(2)),
            (Duration::SECOND, Some(1_000)),
            (Duration::MAX, Some(LONGEST)),
        ] {
            assert_eq!(milliseconds(ttl), expected, "{ttl}");
        }
    }

    #[test]
    fn keys_of_different_namespaces_never_meet() {
        let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(7));
        let key =
            |namespace, name: &str| redis_key("p", "value", tenant, &EphemeralKey::new(namespace, name));
        assert_ne!(key("a", "b:c"), key("a:b", "c"));
        assert_ne!(key("a", "1:a:x"), key("a:1:a", "x"));
        assert_eq!(key("core.code", "x"), "p:value:00000000-0000-0000-0000-000000000007:9:core.code:x");
    }
}
