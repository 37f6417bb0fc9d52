//! What the tests on PostgreSQL share: a server, and a schema for each test.

use std::time::Duration;

use ciam_adapters::postgres::{PostgresDatabase, PostgresOptions};
use sqlx::{Connection as _, PgConnection};

use crate::support::{skip, test_service, unique};

/// Where the server is.
const URL: &str = "CIAM_TEST_POSTGRES_URL";

/// A schema that goes with its test.
pub(crate) struct Schema {
    url: String,
    name: String,
}

impl Schema {
    /// A schema for a test; `None`, said in a line, when there is no server.
    pub(crate) fn new() -> Option<Self> {
        let url = test_service(URL)?;
        let answers = on_runtime(async { PgConnection::connect(&url).await.map(drop) });
        if let Err(error) = answers {
            skip(&format!("no PostgreSQL answers at {URL}: {error}"));
            return None;
        }
        Some(Self { url, name: unique("ciam_test").replace('-', "_") })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The options of tests: few connections, short waits.
    pub(crate) fn options(&self) -> PostgresOptions {
        PostgresOptions::default()
            .with_schema(&self.name)
            .with_max_connections(6)
            .with_min_connections(0)
            .with_acquire_timeout(Duration::from_secs(20))
            .with_statement_timeout(Duration::from_secs(20))
            .with_lock_timeout(Duration::from_secs(20))
    }

    pub(crate) async fn open(&self) -> PostgresDatabase {
        PostgresDatabase::connect(&self.url, self.options()).await.unwrap()
    }

    /// A connection beside the adapter's.
    pub(crate) async fn connection(&self) -> PgConnection {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        execute(&mut connection, &format!("SET search_path = {}", self.name)).await;
        connection
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let (url, drop) = (self.url.clone(), format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name));
        on_runtime(async move {
            if let Ok(mut connection) = PgConnection::connect(&url).await {
                let _stays = sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut connection).await;
            }
        });
    }
}

/// Runs statements of a test's own making.
pub(crate) async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(connection).await.unwrap();
}

/// Runs to the end on a thread of its own, from within a runtime or not.
pub(crate) fn on_runtime<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
        });
        thread.join().unwrap()
    })
}
