//! Opening and closing a database.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ciam_core::clock::Clock;
use ciam_core::error::PortError;
use ciam_core::id::TenantId;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Row as _, SqliteConnection, SqlitePool};

use super::ephemeral::SqliteEphemeral;
use super::error::{OpenError, is_busy, port_error};
use super::migrate::migrate;
use super::options::SqliteOptions;
use super::store::SqliteStore;
use super::writer::Writer;

/// An open database, which holds many tenants. Cloning gives another handle on the same connections.
#[derive(Clone, Debug)]
pub struct SqliteDatabase {
    writer: Writer,
    readers: SqlitePool,
}

impl SqliteDatabase {
    /// Opens a file, makes it if there is none (readable by its owner only), and brings its schema up to date.
    ///
    /// Must be called within a tokio runtime, which then runs the writer.
    ///
    /// # Errors
    ///
    /// Fails when the file is locked, corrupt, of another application or of a newer release.
    pub async fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, OpenError> {
        let path = path.as_ref().to_owned();
        create_private(&path).await.map_err(OpenError::File)?;
        let (writing, reading) = connections(&path, &options);
        let mut connection = connect(&writing, options.busy_timeout).await?;
        check_write_ahead_log(&mut connection).await?;
        migrate(&mut connection).await?;
        let readers = SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(options.readers.max(1))
            .acquire_timeout(options.busy_timeout.max(Duration::from_secs(1)))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(reading)
            .await
            .map_err(port_error)?;
        Ok(Self { writer: Writer::spawn(writing, connection, options.group), readers })
    }

    /// Opens the file of a URL: `sqlite:` and a path, with or without `//`.
    ///
    /// # Errors
    ///
    /// Fails when the URL is of another form, or as [`open`](Self::open) does. There are no parameters, and no databases
    /// in memory, which cannot have readers beside the writer.
    pub async fn open_url(url: &str, options: SqliteOptions) -> Result<Self, OpenError> {
        Self::open(path_of(url)?, options).await
    }

    /// The durable store of one tenant.
    #[must_use]
    pub fn tenant(&self, tenant: TenantId, clock: Arc<dyn Clock>) -> SqliteStore {
        SqliteStore::new(self.writer.clone(), self.readers.clone(), tenant, clock)
    }

    /// The ephemeral store of one tenant.
    #[must_use]
    pub fn ephemeral(&self, tenant: TenantId, clock: Arc<dyn Clock>) -> SqliteEphemeral {
        SqliteEphemeral::new(self.writer.clone(), self.readers.clone(), tenant, clock)
    }

    /// Whether the database answers: for a readiness probe.
    ///
    /// # Errors
    ///
    /// Fails when it does not.
    pub async fn check(&self) -> Result<(), PortError> {
        sqlx::query("SELECT version FROM schema_version LIMIT 1")
            .fetch_optional(&self.readers)
            .await
            .map(drop)
            .map_err(port_error)
    }

    /// Finishes the changes that are under way, writes the log back into the file and closes every connection. Later
    /// calls through any handle are transient errors.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// How the writer connects, and how the readers do.
fn connections(path: &Path, options: &SqliteOptions) -> (SqliteConnectOptions, SqliteConnectOptions) {
    let common = SqliteConnectOptions::new()
        .filename(path)
        // The setting is an `i32` of milliseconds.
        .busy_timeout(options.busy_timeout.min(Duration::from_secs(86_400)))
        .foreign_keys(true)
        .pragma("cell_size_check", "ON")
        .pragma("trusted_schema", "OFF")
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging();
    let writing = common
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // What is deleted, erased accounts included, is overwritten where that costs no extra page.
        .pragma("secure_delete", "FAST")
        .pragma("journal_size_limit", "67108864");
    (writing, common.pragma("query_only", "ON"))
}

/// Connects, and waits for another process that is just making the same file: a change of the journal mode fails at once
/// where other statements wait.
async fn connect(options: &SqliteConnectOptions, patience: Duration) -> Result<SqliteConnection, OpenError> {
    let begun = Instant::now();
    loop {
        match options.connect().await {
            Ok(connection) => return Ok(connection),
            Err(error) if is_busy(&error) && begun.elapsed() < patience => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => return Err(port_error(error).into()),
        }
    }
}

async fn check_write_ahead_log(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let row = sqlx::query("PRAGMA journal_mode").persistent(false).fetch_one(&mut *connection).await;
    let mode: String = row.and_then(|row| row.try_get(0)).map_err(port_error)?;
    if mode == "wal" { Ok(()) } else { Err(OpenError::NoWriteAheadLog) }
}

/// Makes the file before SQLite does, so that nobody but its owner can read it. SQLite gives its log the same permissions.
pub(super) async fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = tokio::fs::OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).await.map(drop)
}

fn path_of(url: &str) -> Result<PathBuf, OpenError> {
    let rest = url.strip_prefix("sqlite:").ok_or(OpenError::Url)?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() || path == ":memory:" || path.contains(['?', '#', '\0']) {
        return Err(OpenError::Url);
    }
    Ok(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn setting(connection: &mut SqliteConnection, sql: &'static str) -> i64 {
        sqlx::query(sql).fetch_one(connection).await.unwrap().get(0)
    }

    #[tokio::test]
    async fn commits_are_synced_and_readers_cannot_write() {
        let path = std::env::temp_dir().join(format!("ciam-open-{}.db", std::process::id()));
        create_private(&path).await.unwrap();
        let (writing, reading) = connections(&path, &SqliteOptions::default());
        let mut writer = writing.connect().await.unwrap();
        check_write_ahead_log(&mut writer).await.unwrap();
        assert_eq!(setting(&mut writer, "PRAGMA synchronous").await, 2, "FULL");
        assert_eq!(setting(&mut writer, "PRAGMA foreign_keys").await, 1);
        assert_eq!(setting(&mut writer, "PRAGMA busy_timeout").await, 5_000);
        let mut reader = reading.connect().await.unwrap();
        assert!(sqlx::query("CREATE TABLE t (x)").execute(&mut reader).await.is_err());
        drop((writer, reader));
        for suffix in ["", "-wal", "-shm"] {
            let _absent = std::fs::remove_file(format!("{}{suffix}", path.display()));
        }
    }

    #[test]
    fn urls_name_a_path_and_nothing_else() {
        for (url, path) in [
            ("sqlite:ciam.db", "ciam.db"),
            ("sqlite://ciam.db", "ciam.db"),
            ("sqlite:///var/lib/ciam.db", "/var/lib/ciam.db"),
            ("sqlite:./a b.db", "./a b.db"),
        ] {
            assert_eq!(path_of(url).unwrap(), Path::new(path), "{url}");
        }
        for url in [
            "",
            "ciam.db",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "postgres://x/y",
            "sqlite:a.db?mode=ro",
        ] {
            assert!(matches!(path_of(url), Err(OpenError::Url)), "{url}");
        }
    }
}
