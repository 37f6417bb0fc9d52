//! The statements on the host's table.

use async_trait::async_trait;
use ciam_adapters::postgres::{AccountKey, AccountPut, AccountTable};
use ciam_core::account::{Account, AccountStatus, IdentifierKey, IdentifierKind};
use ciam_core::id::AccountId;
use ciam_core::store::{Version, Versioned};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use crate::mapping::UserRow;

/// The `users` table of one tenant.
#[derive(Clone, Debug)]
pub struct UsersTable {
    by_id: String,
    by_email: String,
    by_phone: String,
    by_other: String,
    list: String,
    put: String,
    taken: String,
    clear_beside: String,
    put_beside: String,
}

impl UsersTable {
    /// The table `users` of a schema, and `user_identifiers` beside it.
    ///
    /// Our connections look for names in our own schema, so those of the host's say theirs.
    ///
    /// # Errors
    ///
    /// Fails when the name would need quotes.
    pub fn in_schema(schema: &str) -> Result<Self, InvalidSchema> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if schema.is_empty() || !schema.chars().all(plain) {
            return Err(InvalidSchema);
        }
        let (users, beside) = (format!("{schema}.users"), format!("{schema}.user_identifiers"));
        let select = format!(
            "SELECT account_id, account_version, email, email_confirmed_at, phone, full_name, created_at, account_rest \
             FROM {users} u"
        );
        Ok(Self {
            by_id: format!("{select} WHERE account_id = $1"),
            by_email: format!(
                "{select} WHERE lower(email) = $1 OR account_id = (\
                 SELECT account_id FROM {beside} WHERE kind = 'email' AND value = $1)"
            ),
            by_phone: format!(
                "{select} WHERE phone = $1 OR account_id = (\
                 SELECT account_id FROM {beside} WHERE kind = 'phone' AND value = $1)"
            ),
            by_other: format!(
                "{select} WHERE account_id = (SELECT account_id FROM {beside} WHERE kind = $2 AND value = $1)"
            ),
            list: format!("{select} WHERE account_id > $1 ORDER BY account_id LIMIT $2"),
            put: format!(
                "INSERT INTO {users} AS u (account_id, email, email_confirmed_at, phone, full_name, created_at, account_rest) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7) \
                 ON CONFLICT (account_id) DO UPDATE SET account_version = u.account_version + 1, \
                 email = excluded.email, email_confirmed_at = excluded.email_confirmed_at, phone = excluded.phone, \
                 full_name = excluded.full_name, account_rest = excluded.account_rest, \
                 password_digest = CASE WHEN $8 THEN NULL ELSE u.password_digest END"
            ),
            taken: format!(
                "SELECT EXISTS (SELECT 1 FROM unnest($2::text[], $3::text[]) AS x(kind, value) WHERE \
                 EXISTS (SELECT 1 FROM {beside} b WHERE b.kind = x.kind AND b.value = x.value AND b.account_id <> $1) \
                 OR x.kind = 'email' AND EXISTS (\
                 SELECT 1 FROM {users} u WHERE lower(u.email) = x.value AND u.account_id <> $1) \
                 OR x.kind = 'phone' AND EXISTS (\
                 SELECT 1 FROM {users} u WHERE u.phone = x.value AND u.account_id <> $1))"
            ),
            clear_beside: format!("DELETE FROM {beside} WHERE account_id = $1"),
            put_beside: format!(
                "INSERT INTO {beside} (account_id, kind, value) \
                 SELECT $1, kind, value FROM unnest($2::text[], $3::text[]) AS x(kind, value)"
            ),
        })
    }

    async fn find(
        &self,
        connection: &mut PgConnection,
        key: AccountKey<'_>,
        lock: &str,
    ) -> Result<Option<PgRow>, sqlx::Error> {
        let statement = match key {
            AccountKey::Id(_) => &self.by_id,
            AccountKey::Identifier(key) => match key.kind() {
                IdentifierKind::Email => &self.by_email,
                IdentifierKind::Phone => &self.by_phone,
                _ => &self.by_other,
            },
        };
        // Nothing but the schema's name, which was checked, is put into a statement.
        let query = sqlx::query(AssertSqlSafe(format!("{statement}{lock}")));
        let query = match key {
            AccountKey::Id(id) => query.bind(*id.as_uuid()),
            AccountKey::Identifier(key) => match key.kind() {
                IdentifierKind::Email | IdentifierKind::Phone => query.bind(key.as_str()),
                _ => query.bind(key.as_str()).bind(key.kind().as_str()),
            },
        };
        query.fetch_optional(connection).await
    }

    async fn is_taken(&self, connection: &mut PgConnection, account: &Account) -> Result<bool, sqlx::Error> {
        let (kinds, values) = kinds_and_values(account.identifiers.iter().map(|identifier| &identifier.key));
        sqlx::query_scalar(AssertSqlSafe(self.taken.clone()))
            .bind(*account.id.as_uuid())
            .bind(kinds)
            .bind(values)
            .fetch_one(connection)
            .await
    }
}

#[async_trait]
impl AccountTable for UsersTable {
    async fn read(
        &self,
        connection: &mut PgConnection,
        key: AccountKey<'_>,
    ) -> Result<Option<Versioned<Account>>, sqlx::Error> {
        self.find(connection, key, "").await?.as_ref().map(account).transpose()
    }

    async fn list(
        &self,
        connection: &mut PgConnection,
        after: Option<AccountId>,
        limit: i64,
    ) -> Result<Vec<Versioned<Account>>, sqlx::Error> {
        let after = after.map(|id| *id.as_uuid()).unwrap_or_default();
        let list = sqlx::query(AssertSqlSafe(self.list.clone())).bind(after).bind(limit);
        list.fetch_all(connection).await?.iter().map(account).collect()
    }

    async fn lock(
        &self,
        connection: &mut PgConnection,
        key: AccountKey<'_>,
    ) -> Result<Option<Version>, sqlx::Error> {
        let row = self.find(connection, key, " FOR UPDATE OF u").await?;
        row.map(|row| row.try_get("account_version").map(Version::new)).transpose()
    }

    async fn put(&self, connection: &mut PgConnection, account: &Account) -> Result<AccountPut, sqlx::Error> {
        if self.is_taken(connection, account).await? {
            return Ok(AccountPut::Taken);
        }
        let row = UserRow::of(account).map_err(damaged)?;
        sqlx::query(AssertSqlSafe(self.put.clone()))
            .bind(row.account_id)
            .bind(row.email)
            .bind(row.email_confirmed_at)
            .bind(row.phone)
            .bind(row.full_name)
            .bind(row.created_at)
            .bind(row.rest)
            // The digest of before is not needed for anything that an erased account does.
            .bind(account.status == AccountStatus::Erased)
            .execute(&mut *connection)
            .await?;
        let clear = sqlx::query(AssertSqlSafe(self.clear_beside.clone())).bind(row.account_id);
        clear.execute(&mut *connection).await?;
        let (kinds, values) = kinds_and_values(UserRow::beside(account));
        if !kinds.is_empty() {
            let put = sqlx::query(AssertSqlSafe(self.put_beside.clone()));
            put.bind(row.account_id).bind(kinds).bind(values).execute(connection).await?;
        }
        Ok(AccountPut::Written)
    }
}

fn kinds_and_values<'k>(keys: impl Iterator<Item = &'k IdentifierKey>) -> (Vec<&'static str>, Vec<&'k str>) {
    keys.map(|key| (key.kind().as_str(), key.as_str())).unzip()
}

fn account(row: &PgRow) -> Result<Versioned<Account>, sqlx::Error> {
    let user = UserRow {
        account_id: row.try_get("account_id")?,
        email: row.try_get("email")?,
        email_confirmed_at: row.try_get("email_confirmed_at")?,
        phone: row.try_get("phone")?,
        full_name: row.try_get("full_name")?,
        created_at: row.try_get("created_at")?,
        rest: row.try_get("account_rest")?,
    };
    let version = Version::new(row.try_get("account_version")?);
    Ok(Versioned::new(user.account().map_err(damaged)?, version))
}

/// The cause could quote the person, and the error goes to the log.
fn damaged(_: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Decode("a row of table `users` is damaged".into())
}

/// The name of a schema has letters in lower case, digits and `_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a schema is named with lower-case letters, digits and `_`")]
pub struct InvalidSchema;
