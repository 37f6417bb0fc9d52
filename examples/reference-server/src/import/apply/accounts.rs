//! Accounts of an import file.

use std::collections::BTreeMap;

use ciam_core::{
    account::{
        Account, AccountStatus, Identifier, IdentifierKey, Profile,
        schema::{AttributeSchema, Party},
    },
    error::PortError,
    event::{Event, EventType},
    id::AccountId,
    password::{PasswordError, PasswordFactor, PasswordHash},
    ports::Ports,
    secret::Secret,
    store::{Batch, EntityRef, Versioned, Write},
};

use serde_json::Value;

use super::{Done, settle};
use crate::{
    document::{KeyPath, Problem},
    import::{AccountEntry, Import},
};

/// An account as the file wants it.
pub(super) struct Plan {
    email: IdentifierKey,
    others: Vec<IdentifierKey>,
    attributes: BTreeMap<String, Value>,
    password: Option<FirstPassword>,
}

/// A password is hashed when the account turns out to have none: hashing is slow, and most starts change nothing.
enum FirstPassword {
    Text(Secret),
    Hash(PasswordHash),
}

/// Reads the entries and asks the store and the password policy what they make of them.
pub(super) async fn plan(
    ports: &Ports,
    password: &PasswordFactor,
    import: &Import,
    schema: &AttributeSchema,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Plan>, PortError> {
    let mut plans = Vec::new();
    for (index, entry) in import.content().accounts.iter().enumerate() {
        let path = KeyPath::of("accounts").at(index);
        // Checked when the file was read.
        let Ok(email) = IdentifierKey::email(&entry.email) else { continue };
        let username = entry.username.as_deref().and_then(|it| IdentifierKey::username(it).ok());
        let phone = entry.phone.as_deref().and_then(|it| IdentifierKey::phone(it).ok());
        let owner = ports.store().account_by_identifier(&email).await?.map(|it| it.value.id);
        let others: Vec<_> = username.into_iter().chain(phone).collect();
        for key in &others {
            let holder = ports.store().account_by_identifier(key).await?.map(|it| it.value.id);
            if holder.is_some() && holder != owner {
                let why = "belongs to another account already";
                problems.push(import.document().problem(&path.key(key.kind().as_str()), why));
            }
        }
        // The same judge as everywhere.
        let attributes = attributes(entry);
        if let Err(errors) = schema.change(&Profile::new(), &attributes, Party::System) {
            for (name, problem) in errors.iter() {
                let own = entry.attributes.contains_key(name);
                let place = if own { path.key("attributes").key(name) } else { path.key(name) };
                problems.push(import.document().problem(&place, problem.to_string()));
            }
        }
        let first = first_password(entry);
        if let Some(FirstPassword::Text(text)) = &first {
            let words: Vec<&str> = attributes.values().filter_map(Value::as_str).collect();
            let text = ciam_core::password::PasswordPolicy::normalise(text);
            if let Err(why) = password.policy().check(&text, &words) {
                let key = if entry.password_env.is_some() { "password_env" } else { "password" };
                problems.push(import.document().problem(&path.key(key), why.to_string()));
            }
        }
        plans.push(Plan { email, others, attributes, password: first });
    }
    Ok(plans)
}

/// Creates the account or updates it where it differs.
pub(super) async fn apply(ports: &Ports, password: &PasswordFactor, plan: Plan) -> Result<Done, PortError> {
    let plan = &plan;
    settle(ports, || async move {
        let found = ports.store().account_by_identifier(&plan.email).await?;
        let id = match &found {
            Some(account) => account.value.id,
            None => AccountId::generate(ports.clock(), ports.entropy())?,
        };
        let has_password = match &found {
            None => false,
            Some(_) => {
                let credentials = ports.store().credentials_of(id).await?;
                credentials.iter().any(|it| it.value.factor == PasswordFactor::NAME)
            }
        };
        let mut batch = put_account(ports, plan, id, found.as_ref())?;
        if let Some(first) = plan.password.as_ref().filter(|_| !has_password) {
            let hash = hash(ports, password, first).await?;
            let credential = PasswordFactor::credential(ports, id, &hash)?;
            batch = batch
                .require_absent(EntityRef::Credential(credential.id))
                .write(Write::PutCredential(credential))
                .event(event(ports, EventType::CREDENTIAL_CHANGED, id)?.with("factor", PasswordFactor::NAME));
            // Two nodes that start at once must not both add a password.
            if let (Some(account), true) = (&found, batch.writes().len() == 1) {
                let version = account.version;
                batch = batch
                    .require_version(EntityRef::Account(id), version)
                    .write(Write::PutAccount(account.value.clone()));
            }
        }
        let done = match (&found, batch.writes().is_empty()) {
            (None, _) => Done::Created,
            (Some(_), true) => Done::Unchanged,
            (Some(_), false) => Done::Updated,
        };
        Ok((batch, done))
    })
    .await
}

/// The account's own part of the batch; empty when nothing differs.
fn put_account(
    ports: &Ports,
    plan: &Plan,
    id: AccountId,
    found: Option<&Versioned<Account>>,
) -> Result<Batch, PortError> {
    let now = ports.now();
    let mut account = found.map_or_else(|| Account::new(id, now), |it| it.value.clone());
    for key in std::iter::once(&plan.email).chain(&plan.others) {
        match account.identifiers.iter_mut().find(|it| it.key == *key) {
            Some(known) => known.verified_at = known.verified_at.or(Some(now)),
            None => account.identifiers.push(Identifier::verified(key.clone(), now)),
        }
    }
    for (name, value) in &plan.attributes {
        account.profile.set(name, value.clone()).map_err(PortError::permanent)?;
    }
    if account.status == AccountStatus::Pending {
        account.status = account.status.transition(AccountStatus::Active).map_err(PortError::permanent)?;
    }
    let (precondition, kind) = match found {
        Some(known) if known.value == account => return Ok(Batch::new()),
        Some(known) => (known.version, EventType::ACCOUNT_UPDATED),
        None => {
            return Ok(Batch::new()
                .require_absent(EntityRef::Account(id))
                .require_absent(EntityRef::Identifier(plan.email.clone()))
                .write(Write::PutAccount(account))
                .event(event(ports, EventType::ACCOUNT_REGISTERED, id)?));
        }
    };
    account.updated_at = now;
    Ok(Batch::new()
        .require_version(EntityRef::Account(id), precondition)
        .write(Write::PutAccount(account))
        .event(event(ports, kind, id)?))
}

async fn hash(
    ports: &Ports,
    password: &PasswordFactor,
    first: &FirstPassword,
) -> Result<PasswordHash, PortError> {
    match first {
        FirstPassword::Hash(hash) => Ok(hash.clone()),
        FirstPassword::Text(text) => password.accept(ports, text, &[]).await.map_err(|error| match error {
            PasswordError::Port(error) => error,
            // The policy was asked before anything was written; only a list of breached passwords is left.
            other => PortError::permanent(other),
        }),
    }
}

fn event(ports: &Ports, kind: EventType, id: AccountId) -> Result<Event, PortError> {
    Ok(Event::new(ports, kind, format!("account:{id}"))?.with("by", "import"))
}

fn attributes(entry: &AccountEntry) -> BTreeMap<String, Value> {
    let usual = [
        ("name", &entry.name),
        ("given_name", &entry.given_name),
        ("family_name", &entry.family_name),
        ("locale", &entry.locale),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), Value::from(value.clone()?))));
    usual.chain(entry.attributes.clone()).collect()
}

fn first_password(entry: &AccountEntry) -> Option<FirstPassword> {
    let text = |text: &str| FirstPassword::Text(Secret::from(text));
    let inline = entry.password.as_ref().map(|it| text(it.expose()));
    let variable = || entry.password_env.as_ref().and_then(|it| std::env::var(it).ok()).map(|it| text(&it));
    let hash =
        || entry.password_hash.as_ref().map(|it| FirstPassword::Hash(PasswordHash::from_phc(it.expose())));
    inline.or_else(variable).or_else(hash)
}
