//! Where state is kept.

use std::{fmt, path::PathBuf};

use ciam_adapters::postgres::PostgresOptions;
use url::Url;

use crate::import::SecretText;

/// Where state is kept.
#[derive(Clone, Debug)]
pub enum Database {
    /// In a SQLite file, for one node.
    File(PathBuf),
    /// In PostgreSQL, for any number of nodes.
    Postgres {
        /// The server, with its password.
        url: SecretText,
        /// Pool, time limits and schema.
        options: PostgresOptions,
    },
}

impl Database {
    /// The database that a URL names.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL. It is not repeated: it may hold a password.
    pub fn from_url(url: String, options: PostgresOptions) -> Result<Self, &'static str> {
        if let Some(rest) = url.strip_prefix("sqlite:") {
            return match rest.strip_prefix("//").unwrap_or(rest) {
                path if path.is_empty() || path.contains('?') || path.starts_with(':') => {
                    Err("must be sqlite:PATH, with a file and without parameters")
                }
                path => Ok(Self::File(path.into())),
            };
        }
        match Url::parse(&url) {
            Ok(parsed) if !matches!(parsed.scheme(), "postgres" | "postgresql") => {
                Err("must be sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")
            }
            Ok(parsed) if parsed.has_host() && parsed.path().len() > 1 => {
                Ok(Self::Postgres { url: url.into(), options })
            }
            Ok(_) => Err("must name a host and a database: postgres://USER:PASSWORD@HOST/DATABASE"),
            Err(_) => Err("must be sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE"),
        }
    }

    /// The key file that belongs to it unless another one is named.
    pub(super) fn key_file(&self) -> PathBuf {
        match self {
            Self::File(path) => path.with_extension("key"),
            Self::Postgres { .. } => "ciam.key".into(),
        }
    }
}

/// For people: without the user and the password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Postgres { url, options } => {
                let url = Url::parse(url.expose()).ok();
                let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
                let database = url.as_ref().map_or("", Url::path);
                write!(f, "postgres://{host}{database}, schema {}", options.schema)
            }
        }
    }
}
