//! Adapters for the ciam ports: what a server on one machine needs, and what a host copies from.
//!
//! | port | adapter |
//! | --- | --- |
//! | [`Store`](ciam_core::store::Store) | [`sqlite::SqliteStore`], [`postgres::PostgresStore`] |
//! | [`Ephemeral`](ciam_core::ephemeral::Ephemeral) | [`sqlite::SqliteEphemeral`], [`postgres::PostgresEphemeral`], [`redis::RedisEphemeral`] |
//! | [`VaultStore`](ciam_core::vault::VaultStore) | [`sqlite::SqliteVault`], [`postgres::PostgresVault`] |
//! | [`Notifier`](ciam_core::notify::Notifier) | [`smtp::SmtpNotifier`], [`sms_gateway::SmsGateway`], [`mail_catcher::MailCatcher`] |
//! | [`HttpClient`](ciam_core::outbound::HttpClient) | [`http_client::ReqwestHttpClient`] |
//! | [`DnsTxt`](ciam_core::organization::DnsTxt) | [`dns::HickoryDns`] |
//! | [`HumanCheck`](ciam_core::abuse::HumanCheck) | [`captcha::Captcha`] |
//! | [`Decision`](ciam_core::organization::Decision) | `cedar::CedarDecisions`, with the feature `cedar` |
//! | [`Runtime`](ciam_core::runtime::Runtime) | [`tokio_runtime::TokioRuntime`] |
//!
//! Beside them: [`rsa_keys`] generates the key for RS256, and [`key_file`] keeps the key-encryption key of the vault.
//!
//! The stores are certified by the contract suites of `ciam_core::testkit`; `tests/it` runs them.

pub mod captcha;
#[cfg(feature = "cedar")]
pub mod cedar;
pub mod dns;
pub mod http_client;
pub mod key_file;
pub mod mail_catcher;
pub mod mail_text;
pub mod nats;
pub mod postgres;
pub mod redis;
pub mod rsa_keys;
pub mod sms_gateway;
pub mod smtp;
mod sql;
pub mod sqlite;
pub mod tokio_runtime;
