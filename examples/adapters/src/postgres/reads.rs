//! Reads through the pool.

use ciam_core::error::PortError;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgPool, Postgres, Row as _};
use uuid::Uuid;

use super::error::port_error;
use crate::sql::{Columns, Param, Reader};

/// A statement with its parameters.
pub(super) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// A statement of a tenant, which is its first parameter.
pub(super) fn statement<'q>(sql: &'static str, tenant: Uuid) -> Statement<'q> {
    sqlx::query(sql).bind(tenant)
}

fn bound(query: Statement<'_>, params: Vec<Param>) -> Statement<'_> {
    params.into_iter().fold(query, |query, param| match param {
        Param::Id(id) => query.bind(id),
        // No id is nil: they carry the time at which they were made.
        Param::After(id) => query.bind(id.unwrap_or_default()),
        Param::Text(text) => query.bind(text),
        Param::Number(number) => query.bind(number),
    })
}

impl Reader for PgPool {
    type Row = PgRow;

    async fn fetch(
        &self,
        sql: &'static str,
        tenant: Uuid,
        params: Vec<Param>,
    ) -> Result<Vec<PgRow>, PortError> {
        // There is nothing to find.
        if params.iter().any(|param| matches!(param, Param::Text(text) if !Self::holds(text))) {
            return Ok(Vec::new());
        }
        bound(statement(sql, tenant), params).fetch_all(self).await.map_err(port_error)
    }

    async fn fetch_once(
        &self,
        sql: String,
        tenant: Uuid,
        params: Vec<Param>,
    ) -> Result<Vec<PgRow>, PortError> {
        // Made of words of this crate and numbers of parameters. It is not kept: there are as many as there are queries.
        let query = sqlx::query(AssertSqlSafe(sql)).persistent(false).bind(tenant);
        bound(query, params).fetch_all(self).await.map_err(port_error)
    }

    fn holds(text: &str) -> bool {
        !text.contains('\0')
    }

    fn index_value(value: &str) -> String {
        super::batch::index_value(value)
    }
}

impl Columns for PgRow {
    fn id(&self, column: &str, _table: &'static str) -> Result<Uuid, PortError> {
        self.try_get(column).map_err(port_error)
    }

    fn text(&self, column: &str) -> Result<&str, PortError> {
        self.try_get(column).map_err(port_error)
    }

    fn number(&self, column: &str) -> Result<i64, PortError> {
        self.try_get(column).map_err(port_error)
    }

    fn optional_number(&self, column: &str) -> Result<Option<i64>, PortError> {
        self.try_get(column).map_err(port_error)
    }
}
