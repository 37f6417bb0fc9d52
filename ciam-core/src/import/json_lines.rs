//! Our own form: one JSON object a line.

use serde_json::Value;
use time::OffsetDateTime;

use super::ImportFormat;
use super::fields::{Fields, bytes};
use super::row::{ImportRow, RowProblem};
use crate::account::{AccountStatus, IdentifierKind};
use crate::migration::ExternalId;
use crate::password::foreign::{ForeignHash, SaltPosition};

/// One account a line, in the form that anything can be brought into:
///
/// ```json
/// {"id": "customer-4711", "email": "ada@example.com", "email_verified": true, "username": "ada",
///  "attributes": {"name": "Ada Lovelace"}, "password_hash": "$2b$10$…", "created_at": "2019-04-01T12:00:00Z"}
/// ```
///
/// | field | meaning |
/// | --- | --- |
/// | `id` | the external id, 1 to 255 bytes |
/// | `email`, `email_verified`; `phone`, `phone_verified`; `username` | identifiers |
/// | `emails`, `phones` | more of them: objects with `value` and `verified` |
/// | `attributes` | the profile |
/// | `password_hash` | a text in any form that [`foreign`](crate::password::foreign) lists; or an object, of which one of `keycloak` (its credential), `firebase` (`project`, `salt`, `hash`) or `salted` (`digest`, `position`, `salt`, `hash`, `encoding`) |
/// | `status` | `active`, `pending`, `suspended`, `deactivated` |
/// | `migrate` | `true` asks the [old system](crate::migration) for the password at the first sign-in |
/// | `created_at` | when the account was made (RFC 3339) |
///
/// A field that is not listed is refused: what is lost should not be lost by a misspelling.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct JsonLines;

impl JsonLines {
    /// The format.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl ImportFormat for JsonLines {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn parse(&self, row: &str, now: OffsetDateTime) -> Result<ImportRow, RowProblem> {
        let mut fields = Fields::parse(row)?;
        let mut account = ImportRow::new();
        if let Some(id) = fields.text("id")? {
            account.external_id = Some(ExternalId::new(id)?);
        }
        for (kind, one, verified, many) in [
            (IdentifierKind::Email, "email", "email_verified", "emails"),
            (IdentifierKind::Phone, "phone", "phone_verified", "phones"),
        ] {
            let verified = fields.flag(verified)?;
            if let Some(text) = fields.text(one)? {
                account.add(kind, &text, verified.then_some(now))?;
            }
            for value in fields.list(many)? {
                let Value::Object(more) = value else { return Err(RowProblem::in_field(many)) };
                let mut more = Fields::from(more);
                let (text, verified) = (more.required("value")?, more.flag("verified")?);
                more.nothing_else()?;
                account.add(kind, &text, verified.then_some(now))?;
            }
        }
        if let Some(username) = fields.text("username")? {
            account.add(IdentifierKind::Username, &username, Some(now))?;
        }
        for (name, value) in fields.object("attributes")?.into_iter().flat_map(Fields::rest) {
            account.set(&name, value)?;
        }
        account.password = password(&mut fields)?;
        account.status = match fields.text("status")?.as_deref() {
            None => None,
            Some("active") => Some(AccountStatus::Active),
            Some("pending") => Some(AccountStatus::Pending),
            Some("suspended") => Some(AccountStatus::Suspended),
            Some("deactivated") => Some(AccountStatus::Deactivated),
            Some(_) => return Err(RowProblem::in_field("status")),
        };
        account.ask_old_system = fields.flag("migrate")?;
        account.created_at = fields.time("created_at")?;
        fields.nothing_else()?;
        Ok(account)
    }
}

fn password(fields: &mut Fields) -> Result<Option<ForeignHash>, RowProblem> {
    let mut structured = match fields.take("password_hash") {
        None => return Ok(None),
        Some(Value::String(text)) => return Ok(Some(ForeignHash::parse(&text)?)),
        Some(Value::Object(structured)) => Fields::from(structured),
        Some(_) => return Err(RowProblem::in_field("password_hash")),
    };
    let hash = if let Some(keycloak) = structured.take("keycloak") {
        ForeignHash::keycloak(&keycloak.to_string())?
    } else if let Some(mut firebase) = structured.object("firebase")? {
        let (project, salt) = (firebase.required("project")?, firebase.text("salt")?.unwrap_or_default());
        let hash = firebase.required("hash")?;
        firebase.nothing_else()?;
        ForeignHash::firebase(&project, &salt, &hash)?
    } else if let Some(salted) = structured.object("salted")? {
        salted_hash(salted)?
    } else {
        return Err(RowProblem::in_field("password_hash"));
    };
    structured.nothing_else()?;
    Ok(Some(hash))
}

fn salted_hash(mut salted: Fields) -> Result<ForeignHash, RowProblem> {
    let encoding = salted.text("encoding")?.unwrap_or_else(|| "base64".to_owned());
    let decode =
        |text: &str| bytes(text, &encoding).ok_or_else(|| RowProblem::in_field("password_hash.encoding"));
    let position = match salted.required("position")?.as_str() {
        "prefix" => SaltPosition::Prefix,
        "suffix" => SaltPosition::Suffix,
        _ => return Err(RowProblem::in_field("password_hash.position")),
    };
    let salt = decode(&salted.text("salt")?.unwrap_or_default())?;
    let (digest, hash) = (salted.required("digest")?, decode(&salted.required("hash")?)?);
    salted.nothing_else()?;
    Ok(ForeignHash::salted(&digest, position, salt, hash)?)
}
