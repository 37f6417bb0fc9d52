//! Users of Okta: the list that its Users API gives, and the objects that it takes.

use serde_json::Value;
use time::OffsetDateTime;

use super::ImportFormat;
use super::fields::{Fields, bytes};
use super::row::{ImportRow, RowProblem};
use crate::account::{AccountStatus, IdentifierKey, IdentifierKind};
use crate::migration::ExternalId;
use crate::password::foreign::{ForeignHash, ForeignHashError, SaltPosition};

/// Users of [Okta](https://developer.okta.com/docs/api/openapi/okta-management/management/tag/User/), as its API lists them
/// (an array, or one object a line). Okta gives no hashes out; where a tool has put them in, in the form in which Okta takes
/// them in, they are read.
///
/// | field | becomes |
/// | --- | --- |
/// | `id` | the external id |
/// | `profile.email`, `login`, `secondEmail`, `mobilePhone` | identifiers; verified where `credentials.emails` says so |
/// | `profile.firstName`, `lastName`, `displayName`, `nickName`, `locale`, `timezone` | `given_name`, `family_name`, `name`, `nickname`, `locale`, `zoneinfo` |
/// | other fields of `profile` | attributes, by their names |
/// | `credentials.password.hash` | the password: BCRYPT, PBKDF2, SHA-1, SHA-256, SHA-512; MD5 is refused |
/// | `status` | SUSPENDED is suspended, DEPROVISIONED deactivated, STAGED and PROVISIONED pending |
/// | `created` | when the account was made |
///
/// Everything else is left out and counted by name.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct OktaExport;

impl OktaExport {
    /// The format.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl ImportFormat for OktaExport {
    fn name(&self) -> &'static str {
        "okta"
    }

    fn parse(&self, row: &str, now: OffsetDateTime) -> Result<ImportRow, RowProblem> {
        let mut fields = Fields::parse(row)?;
        let mut account = ImportRow::new();
        if let Some(id) = fields.text("id")? {
            account.external_id = Some(ExternalId::new(id)?);
        }
        account.created_at = fields.time("created")?;
        account.status = status(&mut fields)?;
        let mut credentials = fields.object("credentials")?;
        let verified = match &mut credentials {
            Some(credentials) => verified_emails(&credentials.list("emails")?),
            None => Vec::new(),
        };
        let profile = fields.object("profile")?.ok_or_else(|| RowProblem::in_field("profile"))?;
        read_profile(&mut account, profile, &verified, now)?;
        let password = match &mut credentials {
            Some(credentials) => credentials.object("password")?,
            None => None,
        };
        let hash = match password {
            Some(mut password) => password.object("hash")?,
            None => None,
        };
        account.password = hash.map(read_hash).transpose()?;
        account.ignored = fields.rest_names();
        let credentials = credentials.map(Fields::rest_names).unwrap_or_default();
        account.ignored.extend(credentials.into_iter().map(|name| format!("credentials.{name}")));
        Ok(account)
    }
}

fn status(fields: &mut Fields) -> Result<Option<AccountStatus>, RowProblem> {
    Ok(match fields.text("status")?.as_deref() {
        None | Some("ACTIVE" | "RECOVERY" | "PASSWORD_EXPIRED" | "LOCKED_OUT") => None,
        Some("STAGED" | "PROVISIONED") => Some(AccountStatus::Pending),
        Some("SUSPENDED") => Some(AccountStatus::Suspended),
        Some("DEPROVISIONED") => Some(AccountStatus::Deactivated),
        Some(_) => return Err(RowProblem::in_field("status")),
    })
}

/// The addresses of `credentials.emails` that Okta has verified, in their normal form.
fn verified_emails(emails: &[Value]) -> Vec<IdentifierKey> {
    let verified = |email: &Value| email.get("status").and_then(Value::as_str) == Some("VERIFIED");
    let key = |email: &Value| IdentifierKey::email(email.get("value")?.as_str()?).ok();
    emails.iter().filter(|email| verified(email)).filter_map(key).collect()
}

fn read_profile(
    account: &mut ImportRow,
    mut profile: Fields,
    verified: &[IdentifierKey],
    now: OffsetDateTime,
) -> Result<(), RowProblem> {
    let when = |text: &str| {
        let key = IdentifierKey::email(text).ok()?;
        verified.contains(&key).then_some(now)
    };
    for name in ["email", "secondEmail"] {
        if let Some(text) = profile.text(name)? {
            account.add(IdentifierKind::Email, &text, when(&text))?;
        }
    }
    if let Some(login) = profile.text("login")? {
        let kind = if login.contains('@') { IdentifierKind::Email } else { IdentifierKind::Username };
        let at = if kind == IdentifierKind::Email { when(&login) } else { Some(now) };
        account.add(kind, &login, at)?;
    }
    if let Some(phone) = profile.text("mobilePhone")? {
        account.add(IdentifierKind::Phone, &phone, None)?;
    }
    for (theirs, ours) in [
        ("firstName", "given_name"),
        ("lastName", "family_name"),
        ("displayName", "name"),
        ("nickName", "nickname"),
        ("locale", "locale"),
        ("timezone", "zoneinfo"),
    ] {
        if let Some(text) = profile.text(theirs)? {
            account.set(ours, text)?;
        }
    }
    for (name, value) in profile.rest() {
        account.set(&name, value)?;
    }
    Ok(())
}

fn read_hash(mut hash: Fields) -> Result<ForeignHash, RowProblem> {
    let algorithm = hash.required("algorithm")?;
    let value = hash.required("value")?;
    let base64 =
        |text: &str| bytes(text, "base64").ok_or_else(|| RowProblem::in_field("credentials.password.hash"));
    let salt = hash.text("salt")?;
    match algorithm.as_str() {
        "BCRYPT" => {
            let cost: u8 = hash.number("workFactor")?.unwrap_or(10);
            Ok(ForeignHash::parse(&format!("$2a${cost:02}${}{value}", salt.unwrap_or_default()))?)
        }
        "PBKDF2" => {
            let digest = match hash.required("digestAlgorithm")?.as_str() {
                "SHA256_HMAC" => "sha256",
                "SHA512_HMAC" => "sha512",
                "SHA1_HMAC" => "sha1",
                _ => return Err(ForeignHashError::Unknown.into()),
            };
            let iterations = hash.number("iterationCount")?;
            let iterations =
                iterations.ok_or_else(|| RowProblem::in_field("credentials.password.hash.iterationCount"))?;
            let salt = base64(&salt.unwrap_or_default())?;
            Ok(ForeignHash::pbkdf2(digest, iterations, salt, base64(&value)?)?)
        }
        "SHA-1" | "SHA-256" | "SHA-512" => {
            let position = match hash.text("saltOrder")?.as_deref() {
                None | Some("PREFIX") => SaltPosition::Prefix,
                Some("POSTFIX") => SaltPosition::Suffix,
                Some(_) => return Err(RowProblem::in_field("credentials.password.hash.saltOrder")),
            };
            let digest = algorithm.to_ascii_lowercase().replace('-', "");
            let salt = base64(&salt.unwrap_or_default())?;
            Ok(ForeignHash::salted(&digest, position, salt, base64(&value)?)?)
        }
        _ => Err(ForeignHashError::Unknown.into()),
    }
}
