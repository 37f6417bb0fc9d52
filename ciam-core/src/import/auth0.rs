//! Users of Auth0: its export, its password hash export and its bulk import form.

use serde_json::Value;
use time::OffsetDateTime;

use super::ImportFormat;
use super::fields::{Fields, bytes};
use super::row::{ImportRow, RowProblem};
use crate::account::{AccountStatus, IdentifierKind};
use crate::migration::ExternalId;
use crate::password::foreign::{ForeignHash, ForeignHashError, SaltPosition};

/// Users of [Auth0](https://auth0.com/docs/manage-users/user-migration/bulk-user-import-schema): one JSON object a line, as
/// its export and its support write them, or the array that its bulk import takes.
///
/// | field | becomes |
/// | --- | --- |
/// | `user_id`, or `_id.$oid` of the password hash export | the external id, with `auth0\|` in front when there is no connection |
/// | `email`, `phone_number`, `username` | identifiers, with `email_verified` and `phone_verified` |
/// | `passwordHash`, `password_hash` | the password: bcrypt |
/// | `custom_password_hash` | the password: argon2, bcrypt, ldap, pbkdf2, scrypt, sha1, sha256, sha512; `hmac`, `md4` and `md5` are refused |
/// | `name`, `given_name`, `family_name`, `nickname`, `picture` | attributes |
/// | `user_metadata`, `app_metadata` | attributes, as they are |
/// | `blocked` | suspended |
/// | `created_at` | when the account was made |
///
/// Everything else is left out and counted by name: second factors and identities of other providers among it.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Auth0Export;

impl Auth0Export {
    /// The format.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl ImportFormat for Auth0Export {
    fn name(&self) -> &'static str {
        "auth0"
    }

    fn parse(&self, row: &str, now: OffsetDateTime) -> Result<ImportRow, RowProblem> {
        let mut fields = Fields::parse(row)?;
        let mut account = ImportRow::new();
        account.external_id = external_id(&mut fields)?;
        let verified = |flag| if flag { Some(now) } else { None };
        let email_verified = fields.flag("email_verified")?;
        if let Some(email) = fields.text("email")? {
            account.add(IdentifierKind::Email, &email, verified(email_verified))?;
        }
        let phone_verified = fields.flag("phone_verified")?;
        if let Some(phone) = fields.text("phone_number")? {
            account.add(IdentifierKind::Phone, &phone, verified(phone_verified))?;
        }
        if let Some(username) = fields.text("username")? {
            account.add(IdentifierKind::Username, &username, Some(now))?;
        }
        for name in ["name", "given_name", "family_name", "nickname", "picture"] {
            if let Some(text) = fields.text(name)? {
                account.set(name, text)?;
            }
        }
        for name in ["user_metadata", "app_metadata"] {
            if let Some(value) =
                fields.take(name).filter(|value| *value != Value::Object(serde_json::Map::new()))
            {
                account.set(name, value)?;
            }
        }
        account.password = password(&mut fields)?;
        account.status = fields.flag("blocked")?.then_some(AccountStatus::Suspended);
        account.created_at = fields.time("created_at")?;
        account.ignored = fields.rest_names();
        Ok(account)
    }
}

fn external_id(fields: &mut Fields) -> Result<Option<ExternalId>, RowProblem> {
    let oid = match fields.object("_id")? {
        Some(mut id) => Some(id.required("$oid")?),
        None => None,
    };
    let Some(id) = fields.text("user_id")?.or(oid) else { return Ok(None) };
    let id = if id.contains('|') { id } else { format!("auth0|{id}") };
    Ok(Some(ExternalId::new(id)?))
}

fn password(fields: &mut Fields) -> Result<Option<ForeignHash>, RowProblem> {
    for name in ["passwordHash", "password_hash"] {
        if let Some(hash) = fields.text(name)? {
            return Ok(Some(ForeignHash::parse(&hash)?));
        }
    }
    match fields.object("custom_password_hash")? {
        Some(custom) => Ok(Some(custom_hash(custom)?)),
        None => Ok(None),
    }
}

fn custom_hash(mut custom: Fields) -> Result<ForeignHash, RowProblem> {
    let algorithm = custom.required("algorithm")?;
    let mut hash = custom.object("hash")?.ok_or_else(|| RowProblem::in_field("custom_password_hash"))?;
    if let Some(mut password) = custom.object("password")? {
        let encoding = password.text("encoding")?;
        if !matches!(encoding.as_deref(), None | Some("utf8" | "ascii")) {
            return Err(ForeignHashError::Unknown.into());
        }
    }
    let value = hash.required("value")?;
    match algorithm.as_str() {
        "argon2" | "bcrypt" | "ldap" | "pbkdf2" => Ok(ForeignHash::parse(&value)?),
        "sha1" | "sha256" | "sha512" => {
            let hash = decoded(&value, &mut hash)?;
            let (position, salt) = salt(&mut custom)?;
            Ok(ForeignHash::salted(&algorithm, position, salt, hash)?)
        }
        "scrypt" => {
            let hash = decoded(&value, &mut hash)?;
            let (_, salt) = salt(&mut custom)?;
            let n: u64 = custom.number("cost")?.unwrap_or(16_384);
            let (r, p) =
                (custom.number("blockSize")?.unwrap_or(8), custom.number("parallelization")?.unwrap_or(1));
            let length: usize = custom.number("keylen")?.unwrap_or(hash.len());
            let log_n = n.checked_ilog2().filter(|_| n.is_power_of_two() && length == hash.len());
            let log_n = log_n.and_then(|log_n| u8::try_from(log_n).ok());
            let log_n = log_n.ok_or_else(|| RowProblem::in_field("custom_password_hash.cost"))?;
            Ok(ForeignHash::scrypt(log_n, r, p, salt, hash))
        }
        _ => Err(ForeignHashError::Unknown.into()),
    }
}

/// A value by its `encoding`.
fn decoded(value: &str, object: &mut Fields) -> Result<Vec<u8>, RowProblem> {
    let encoding = object.text("encoding")?.unwrap_or_else(|| "utf8".to_owned());
    bytes(value, &encoding).ok_or_else(|| RowProblem::in_field("custom_password_hash.encoding"))
}

fn salt(custom: &mut Fields) -> Result<(SaltPosition, Vec<u8>), RowProblem> {
    let Some(mut salt) = custom.object("salt")? else { return Ok((SaltPosition::Prefix, Vec::new())) };
    let value = salt.text("value")?.unwrap_or_default();
    let bytes = decoded(&value, &mut salt)?;
    let position = match salt.text("position")?.as_deref() {
        None | Some("prefix") => SaltPosition::Prefix,
        Some("suffix") => SaltPosition::Suffix,
        Some(_) => return Err(RowProblem::in_field("custom_password_hash.salt.position")),
    };
    Ok((position, bytes))
}
