//! What is stored is what is read, every field of it.

use std::fmt::Debug;

use serde_json::json;

use super::{StoreHarness, Trial, insert};
use crate::account::{Account, AccountStatus};
use crate::assurance::AuthenticationContext;
use crate::credential::{Credential, CredentialState};
use crate::id::CredentialId;
use crate::organization::{OrganizationStatus, RoleName};
use crate::session::{Session, SessionEnd, SessionState};
use crate::store::{IndexValue, Record, Store, Versioned, Write};
use crate::testkit::sample::{HOSTILE, NOTE, OWNER, SERIAL, Samples, TAG, TOKEN, odd};
use crate::testkit::suite::{Clause, Violation, clause};

pub(super) const CLAUSES: &[Clause<dyn StoreHarness>] = &[
    clause!(Trial<'_>, "round_trip.account", account, "Every field of an account is read as it was written."),
    clause!(
        Trial<'_>,
        "round_trip.credential",
        credential,
        "Every field of a credential is read as it was written."
    ),
    clause!(
        Trial<'_>,
        "round_trip.organization",
        organization,
        "Every field of an organization is read as it was written."
    ),
    clause!(
        Trial<'_>,
        "round_trip.membership",
        membership,
        "Every field of a membership is read as it was written."
    ),
    clause!(Trial<'_>, "round_trip.session", session, "Every field of a session is read as it was written."),
    clause!(
        Trial<'_>,
        "round_trip.record",
        record,
        "Every field of a record is read as it was written: key, schema, body, counter, index values, expiry."
    ),
];

async fn account(trial: &Trial<'_>) -> Result<(), Violation> {
    use AccountStatus::{Active, Deactivated, Erased, Locked, Pending, Suspended};

    let (store, now) = (trial.store().await?, trial.now());
    let statuses = [Pending, Active, Suspended, Locked, Deactivated, Erased];
    for (text, status) in texts().into_iter().zip(statuses.into_iter().cycle()) {
        let mut account = trial.samples.account(now)?;
        account.status = status;
        let set = account.profile.set("x'\"\u{e9} %", json!({ "text": HOSTILE }));
        set.and_then(|()| account.profile.set("nickname", text))
            .map_err(|error| Violation::new(error.to_string()))?;
        insert(&store, [Write::PutAccount(account.clone())]).await?;
        same(store.account(account.id).await?, &account)?;
    }
    let bare = Account::new(trial.samples.account_id(), now);
    insert(&store, [Write::PutAccount(bare.clone())]).await?;
    same(store.account(bare.id).await?, &bare)
}

async fn credential(trial: &Trial<'_>) -> Result<(), Violation> {
    let (store, now) = (trial.store().await?, trial.now());
    let account = trial.samples.account(now)?;
    insert(&store, [Write::PutAccount(account.clone())]).await?;
    let states = [CredentialState::Pending, CredentialState::Active, CredentialState::Revoked];
    let counters = [0, -1, i64::MAX, i64::MIN];
    for (number, text) in texts().into_iter().enumerate() {
        let mut credential = trial.samples.credential(account.id, now);
        credential.state = pick(&states, number)?;
        credential.counter = pick(&counters, number)?;
        credential.factor.push_str(&text);
        credential.data = json!({ "text": &text, &text: [1, -1, u64::MAX, 0.5, null, true, {}] });
        credential.label = Some(text);
        insert(&store, [Write::PutCredential(credential.clone())]).await?;
        same(credential_of(&store, &credential).await?, &credential)?;
    }
    let id = CredentialId::from_uuid(trial.samples.uuid());
    let bare = Credential::new(id, account.id, "password", json!(null), now);
    insert(&store, [Write::PutCredential(bare.clone())]).await?;
    same(credential_of(&store, &bare).await?, &bare)
}

async fn credential_of(
    store: &dyn Store,
    credential: &Credential,
) -> Result<Option<Versioned<Credential>>, Violation> {
    let found = store.credentials_of(credential.account).await?;
    Ok(found.into_iter().find(|found| found.value.id == credential.id))
}

async fn organization(trial: &Trial<'_>) -> Result<(), Violation> {
    let (store, now) = (trial.store().await?, trial.now());
    let statuses = [OrganizationStatus::Active, OrganizationStatus::Suspended];
    for (text, status) in texts().into_iter().zip(statuses.into_iter().cycle()) {
        let mut organization = trial.samples.organization(now)?;
        organization.name = text;
        organization.status = status;
        insert(&store, [Write::PutOrganization(organization.clone())]).await?;
        same(store.organization(organization.id).await?, &organization)?;
        same(store.organization_by_slug(organization.slug.as_str()).await?, &organization)?;
    }
    Ok(())
}

async fn membership(trial: &Trial<'_>) -> Result<(), Violation> {
    let (store, now) = (trial.store().await?, trial.now());
    let account = trial.samples.account(now)?;
    insert(&store, [Write::PutAccount(account.clone())]).await?;
    for roles in [vec![], vec!["owner"], vec!["a.b-c_d:e", "0", "viewer"]] {
        let organization = trial.samples.organization(now)?;
        let mut membership = Samples::membership(organization.id, account.id, now)?;
        membership.roles = roles
            .into_iter()
            .map(RoleName::new)
            .collect::<Result<_, _>>()
            .map_err(|error| Violation::new(error.to_string()))?;
        insert(&store, [Write::PutOrganization(organization), Write::PutMembership(membership.clone())])
            .await?;
        same(store.membership(membership.organization, membership.account).await?, &membership)?;
    }
    Ok(())
}

async fn session(trial: &Trial<'_>) -> Result<(), Violation> {
    let (store, now) = (trial.store().await?, trial.now());
    let account = trial.samples.account(now)?;
    insert(&store, [Write::PutAccount(account.clone())]).await?;
    let states = [
        SessionState::Active,
        SessionState::Ended { at: now - odd(1), reason: SessionEnd::SignedOut },
        SessionState::Ended { at: now - odd(2), reason: SessionEnd::Revoked },
        SessionState::Ended { at: now - odd(3), reason: SessionEnd::Replaced },
    ];
    for (text, state) in texts().into_iter().zip(states.into_iter().cycle()) {
        let mut session = trial.samples.session(account.id, now);
        session.state = state;
        session.user_agent = Some(text.chars().take(100).collect());
        session.expires_at = now + odd(5);
        insert(&store, [Write::PutSession(session.clone())]).await?;
        same(store.session(session.id).await?, &session)?;
    }
    let model = trial.samples.session(account.id, now);
    let context = AuthenticationContext::default();
    let bare = Session::new(model.id, account.id, model.token_digest, context, now, now + odd(1));
    insert(&store, [Write::PutSession(bare.clone())]).await?;
    same(store.session(bare.id).await?, &bare)
}

async fn record(trial: &Trial<'_>) -> Result<(), Violation> {
    let (store, now) = (trial.store().await?, trial.now());
    let schemas = [1, 0, u16::MAX];
    let counters = [0, -1, i64::MAX, i64::MIN];
    for (number, text) in texts().into_iter().enumerate() {
        let unique = trial.samples.text();
        let mut record = trial.samples.record();
        record.key = text.chars().take(100).chain(unique.chars()).collect();
        record.schema = pick(&schemas, number)?;
        record.counter = pick(&counters, number)?;
        record.body = json!({ "text": text, "list": [1, u64::MAX, null] }).to_string();
        record.expires_at = Some(now + odd(5));
        let short: String = text.chars().take(100).collect();
        record.indexes = vec![
            IndexValue::new(OWNER, &short),
            IndexValue::new(TAG, "one"),
            IndexValue::new(TAG, &short),
            IndexValue::new(TOKEN, format!("{short}{unique}")),
            IndexValue::new(SERIAL, unique),
        ];
        insert(&store, [Write::PutRecord(record.clone())]).await?;
        let found = store.record(NOTE, &record.key).await?;
        same(found.map(|found| found.map(in_order)), &in_order(record))?;
    }
    let bare = trial.samples.record();
    insert(&store, [Write::PutRecord(bare.clone())]).await?;
    same(store.record(NOTE, &bare.key).await?, &bare)
}

/// The index values of a record are a set: their order says nothing.
fn in_order(mut record: Record) -> Record {
    record
        .indexes
        .sort_by(|left, right| (left.index.name(), &left.value).cmp(&(right.index.name(), &right.value)));
    record
}

/// Whether what was read is what was written. Says nothing of the version.
fn same<T: PartialEq + Debug>(found: Option<Versioned<T>>, written: &T) -> Result<(), Violation> {
    match found {
        Some(found) if found.value == *written => Ok(()),
        // What differs may not be in here: entities print no secrets and no personal data.
        Some(found) => Err(Violation::new(format!("read {:?} in place of {written:?}", found.value))),
        None => Err(Violation::new("what was just written is absent")),
    }
}

/// The hostile texts, and long ones.
fn texts() -> Vec<String> {
    let long = ["x".repeat(4_000), "\u{1f469}".repeat(1_000)];
    HOSTILE.iter().map(|text| (*text).to_owned()).chain(long).collect()
}

fn pick<T: Copy>(from: &[T], number: usize) -> Result<T, Violation> {
    let found = number.checked_rem(from.len()).and_then(|number| from.get(number));
    found.copied().ok_or_else(|| Violation::new("nothing to pick from"))
}
