//! What nodes share beside the database: Redis and a message bus; and the gateway for text messages.

use ciam_adapters::{nats::NatsOptions, redis::RedisOptions};
use url::Url;

use super::{Mail, SmsSettings};
use crate::import::{SecretText, is_loopback};

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

/// Text messages.
#[derive(Clone, Debug, Default)]
pub struct Sms {
    /// Where they go out; without one they are caught with the mail.
    pub gateway: Option<Gateway>,
    /// Whether people sign in with a code by text message.
    pub sign_in: bool,
}

/// A gateway for text messages.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Where it takes messages.
    pub url: String,
    /// Its token.
    pub token: SecretText,
}

impl Sms {
    /// What the file says.
    ///
    /// # Errors
    ///
    /// The key that cannot be used, and why.
    pub(super) fn from_file(
        file: &SmsSettings,
        mail: Option<&Mail>,
    ) -> Result<Self, (&'static str, &'static str)> {
        let gateway = match (&file.url, &file.token) {
            (Some(url), Some(token)) => {
                let good = Url::parse(url)
                    .is_ok_and(|it| it.scheme() == "https" || (it.scheme() == "http" && is_loopback(&it)));
                if !good {
                    return Err(("url", "must be https; plain http is for localhost only"));
                }
                Some(Gateway { url: url.clone(), token: token.clone() })
            }
            (None, None) => None,
            (Some(_), None) => return Err(("url", "needs the gateway's token")),
            (None, Some(_)) => return Err(("token", "is of use with url only")),
        };
        let sign_in = file.sign_in.unwrap_or(false);
        if sign_in && gateway.is_none() && !matches!(mail, Some(Mail::Catcher)) {
            return Err(("sign_in", "needs a gateway: url and token"));
        }
        Ok(Self { gateway, sign_in })
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
