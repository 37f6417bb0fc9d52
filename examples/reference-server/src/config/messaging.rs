//! What nodes share beside the database: Redis and a message bus.

use ciam_adapters::{nats::NatsOptions, redis::RedisOptions};
use url::Url;

use crate::import::SecretText;

/// Where what is short-lived is kept.
#[derive(Clone, Debug)]
pub enum ShortLived {
    /// Where it fits the database: in this process beside a file, in the database beside others.
    WithDatabase,
    /// In Redis.
    Redis {
        /// The server, with its password.
        url: SecretText,
        /// Prefix and time limits.
        options: RedisOptions,
    },
}

impl ShortLived {
    /// What a URL names.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL. It is not repeated: it may hold a password.
    pub(super) fn from_url(url: String, options: RedisOptions) -> Result<Self, &'static str> {
        if has_host(&url, "redis") {
            Ok(Self::Redis { url: url.into(), options })
        } else {
            Err("must be redis://USER:PASSWORD@HOST:PORT/DATABASE")
        }
    }

    /// For people: without the user and the password.
    pub fn name(&self) -> String {
        match self {
            Self::WithDatabase => "with the database".to_owned(),
            Self::Redis { url, options } => format!("{}, prefix {}", host_of("redis", url), options.prefix),
        }
    }
}

/// A message bus.
#[derive(Clone, Debug)]
pub struct Bus {
    /// The NATS server, with its password.
    pub url: SecretText,
    /// Stream, prefix and time limits.
    pub options: NatsOptions,
}

impl Bus {
    /// What a URL names.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL or the stream. The URL is not repeated: it may hold a password.
    pub(super) fn from_url(url: String, stream: &str) -> Result<Self, &'static str> {
        let plain = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
        if !(1..=64).contains(&stream.len()) || !stream.chars().all(plain) {
            return Err("the stream must be 1 to 64 letters, digits, `-` and `_`");
        }
        if !has_host(&url, "nats") {
            return Err("must be nats://USER:PASSWORD@HOST:PORT");
        }
        let options = NatsOptions::default().with_stream(stream).with_prefix(stream.to_ascii_lowercase());
        Ok(Self { url: url.into(), options })
    }

    /// For people: without the user and the password.
    pub fn name(&self) -> String {
        format!("{}, stream {}", host_of("nats", &self.url), self.options.stream)
    }
}

fn has_host(url: &str, scheme: &str) -> bool {
    Url::parse(url)
        .is_ok_and(|it| it.scheme() == scheme && it.host_str().is_some_and(|host| !host.is_empty()))
}

fn host_of(scheme: &str, url: &SecretText) -> String {
    let host = Url::parse(url.expose()).ok().and_then(|it| it.host_str().map(ToOwned::to_owned));
    format!("{scheme}://{}", host.unwrap_or_default())
}
