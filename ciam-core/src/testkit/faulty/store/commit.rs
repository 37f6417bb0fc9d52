//! Wrong ways to apply a batch.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::fault::{Aspect, Fault, Kind, target};
use super::rules::{Wrong, with_version};
use super::{Broken, Past};
use crate::account::Account;
use crate::error::PortError;
use crate::id::{AccountId, TenantId};
use crate::memory::apply::{apply_by, publish, row};
use crate::memory::tables::Tables;
use crate::store::{
    Batch, Commit, Conflict, EntityRef, OutboxPayload, Precondition, Store as _, Version, Versioned, Write,
};
use crate::testkit::race::step_aside;

impl Broken {
    pub(super) async fn commit_wrongly(&self, batch: Batch) -> Result<Commit, PortError> {
        let batch = self.altered(&batch);
        match self.world.fault {
            Some(Fault::Races(aspect)) => self.check_then_act(&batch, aspect).await,
            Some(Fault::LosesOverwrites) => self.insert_or_ignore(&batch).await,
            Some(Fault::ReportsDeadlocks) => self.report_deadlocks(&batch).await,
            Some(Fault::PublishesLater) => self.publish_later(&batch).await,
            Some(Fault::StaysBusy) => self.stay_busy(&batch).await,
            Some(Fault::WritesOneByOne) => self.write_one_by_one(&batch).await,
            Some(
                Fault::NoWriteLimit
                | Fault::NoPreconditionLimit
                | Fault::LimitIsTransient
                | Fault::CutsAtLimit,
            ) if batch.check_size().is_err() => self.pass_limit(&batch),
            Some(Fault::LowerLimit) if batch.writes().len() >= Batch::MAX_WRITES => {
                Err(PortError::permanent("too large"))
            }
            _ => self.apply(&batch, None),
        }
    }

    /// Applies a batch by the store's wrong rules.
    fn apply(&self, batch: &Batch, checked: Option<Aspect>) -> Result<Commit, PortError> {
        let mut database = self.world.database.lock();
        let tenant = self.honest.tenant();
        let mut own = database.remove(&tenant).unwrap_or_default();
        let outcome = {
            let others = database.values().collect();
            let mut past = self.world.past();
            let past = past.entry(tenant).or_default();
            let rules = &mut Wrong::new(self, &own, others, past, checked);
            apply_by(rules, &mut own, batch, self.now())
        };
        if let Ok(outcome) = &outcome {
            self.act_on(*outcome, &mut own, &mut database, batch);
        }
        database.insert(tenant, own);
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(self.misreport(outcome?, batch))
    }

    /// What is done wrongly once it is clear what becomes of a batch.
    fn act_on(
        &self,
        outcome: Commit,
        own: &mut Tables,
        database: &mut BTreeMap<TenantId, Tables>,
        batch: &Batch,
    ) {
        let now = self.now();
        match (outcome, self.world.fault) {
            (Commit::Conflict(Conflict::Precondition(_)), Some(Fault::PublishesRefused))
            | (Commit::Conflict(Conflict::Unique(_)), Some(Fault::PublishesTaken)) => publish(own, batch),
            (Commit::Conflict(Conflict::Precondition(_)), Some(fault)) => {
                for write in batch.writes() {
                    let (entity, deletes) = target(write);
                    let kind = Kind::of(&entity);
                    if fault == Fault::AppliesRefused(kind) && !deletes
                        || fault == Fault::DeletesRefused(kind) && deletes
                    {
                        let row = row(own, write, now);
                        own.replace(row);
                    }
                }
            }
            (Commit::Applied, _) => {
                self.remember(batch);
                for other in database.values_mut() {
                    self.spill(other, batch);
                }
            }
            _ => {}
        }
    }

    /// Notes what the tenant has now, and what it has deleted.
    fn remember(&self, batch: &Batch) {
        self.with_past(|past| remember(past, batch));
    }

    fn with_past<T>(&self, work: impl FnOnce(&mut Past) -> T) -> T {
        work(self.world.past().entry(self.honest.tenant()).or_default())
    }
    /// Lets a batch reach the rows of another tenant.
    fn spill(&self, other: &mut Tables, batch: &Batch) {
        let now = self.now();
        for write in batch.writes() {
            let (entity, deletes) = target(write);
            let kind = Kind::of(&entity);
            let Some(version) = other.version(&entity, now) else { continue };
            if deletes && self.has(Fault::DeleteCrosses(kind)) {
                let row = row(other, write, now);
                other.replace(row);
            }
            if !deletes && self.has(Fault::WriteCrosses(kind)) {
                // As an update that forgets the tenant: it changes the content and counts nothing.
                let row = with_version(row(other, write, now), version);
                other.replace(row);
            }
        }
    }

    /// Says something else than what was done.
    fn misreport(&self, outcome: Commit, batch: &Batch) -> Commit {
        match (outcome, self.world.fault) {
            (Commit::Conflict(Conflict::Precondition(position)), Some(Fault::CountsConditionsFromOne)) => {
                Commit::Conflict(Conflict::Precondition(position + 1))
            }
            (Commit::Conflict(Conflict::Precondition(position)), Some(Fault::NamesLastCondition)) => {
                let failed = batch.preconditions().get(position);
                let last = batch.preconditions().iter().rposition(|known| Some(known) == failed);
                Commit::Conflict(Conflict::Precondition(last.unwrap_or(position)))
            }
            (Commit::Conflict(Conflict::Unique(_)), Some(Fault::TakenNamesFirstWrite)) => {
                Commit::Conflict(Conflict::Unique(0))
            }
            _ => outcome,
        }
    }

    /// Stores something else than what was asked.
    fn altered(&self, batch: &Batch) -> Batch {
        let mut writes = batch.writes().to_vec();
        let mut outbox = outbox_of(batch);
        match self.world.fault {
            Some(Fault::Alters(alteration)) => writes.iter_mut().for_each(alteration.alter),
            Some(Fault::AltersOutbox(alteration)) => outbox.iter_mut().for_each(alteration.alter),
            Some(Fault::DeletesFirst) => writes.sort_by_key(|write| !target(write).1),
            Some(Fault::DeletesLast) => writes.sort_by_key(|write| target(write).1),
            _ => return batch.clone(),
        }
        rebuilt(batch.preconditions(), &writes, outbox)
    }

    /// Checks in one transaction and writes in another, where one thing is not checked again.
    async fn check_then_act(&self, batch: &Batch, aspect: Aspect) -> Result<Commit, PortError> {
        let checked = self.rehearse(batch)?;
        if !checked.is_applied() {
            return Ok(checked);
        }
        if is_at_stake(batch, aspect) {
            self.world.crowd.linger().await;
        }
        self.apply(batch, Some(aspect))
    }

    /// What would become of a batch now.
    fn rehearse(&self, batch: &Batch) -> Result<Commit, PortError> {
        let mut own = self.tables();
        crate::memory::apply::apply(&mut own, batch, self.now())
    }

    fn tables(&self) -> Tables {
        self.world.database.lock().get(&self.honest.tenant()).cloned().unwrap_or_default()
    }

    /// Inserts where it found nothing, and takes it for done when somebody else was faster.
    async fn insert_or_ignore(&self, batch: &Batch) -> Result<Commit, PortError> {
        let overwriters = || self.world.overwriters.load(Ordering::SeqCst);
        let record = match (batch.preconditions(), batch.writes()) {
            ([], [Write::PutRecord(record)]) if record.indexes.is_empty() => record,
            ([Precondition::Absent(_)], [_, _, ..]) => {
                self.world.crowd.wait_until(|| overwriters() > 0).await;
                return self.apply(batch, None);
            }
            _ => return self.apply(batch, None),
        };
        let find = || self.tables().record(record.kind.name(), &record.key, self.now()).is_some();
        let absent = !find();
        self.world.overwriters.fetch_add(1, Ordering::SeqCst);
        self.world.crowd.wait_until(find).await;
        self.world.overwriters.fetch_sub(1, Ordering::SeqCst);
        if absent && find() { Ok(Commit::Applied) } else { self.apply(batch, None) }
    }

    /// Gives up where two batches wait for each other, and tells the caller.
    async fn report_deadlocks(&self, batch: &Batch) -> Result<Commit, PortError> {
        let order: Vec<EntityRef> = batch.writes().iter().map(|write| target(write).0).collect();
        let number = self.with_past(|past| {
            past.commits += 1;
            past.under_way.push((past.commits, order.clone()));
            past.commits
        });
        if batch.writes().iter().any(|write| matches!(write, Write::PutSession(_))) {
            self.world.crowd.linger().await;
        }
        let crossed = self.with_past(|past| {
            let mut others = past.under_way.iter().filter(|(other, _)| *other != number);
            others.any(|(_, other)| other.len() > 1 && other.iter().rev().eq(order.iter()))
        });
        let outcome =
            if crossed { Err(PortError::transient("deadlock detected")) } else { self.apply(batch, None) };
        self.with_past(|past| past.under_way.retain(|(other, _)| *other != number));
        outcome
    }

    /// Commits the state in one transaction and the outbox in another.
    async fn publish_later(&self, batch: &Batch) -> Result<Commit, PortError> {
        let outcome = self.apply(&rebuilt(batch.preconditions(), batch.writes(), Vec::new()), None)?;
        if outcome.is_applied() && !(batch.events().is_empty() && batch.messages().is_empty()) {
            step_aside().await;
            let mut database = self.world.database.lock();
            publish(database.entry(self.honest.tenant()).or_default(), batch);
        }
        Ok(outcome)
    }

    /// Marks the handle as busy, and forgets to take the mark away when it is dropped.
    async fn stay_busy(&self, batch: &Batch) -> Result<Commit, PortError> {
        if std::mem::replace(&mut *self.busy.lock().unwrap_or_else(PoisonError::into_inner), true) {
            return Err(PortError::transient("the connection is in a transaction"));
        }
        step_aside().await;
        let outcome = self.apply(batch, None);
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner) = false;
        outcome
    }

    /// Commits every write by itself.
    async fn write_one_by_one(&self, batch: &Batch) -> Result<Commit, PortError> {
        let only_records = batch.writes().iter().all(|write| matches!(write, Write::PutRecord(_)));
        if !batch.preconditions().is_empty() || !only_records {
            return self.apply(batch, None);
        }
        let outcome = self.rehearse(batch)?;
        if !outcome.is_applied() {
            return Ok(outcome);
        }
        for write in batch.writes() {
            let outcome = self.apply(&Batch::new().write(write.clone()), None)?;
            if !outcome.is_applied() {
                return Ok(outcome);
            }
            // Two readers of four records: one of them has read every record once, and the first one again.
            let enough = self.world.records_read.load(Ordering::SeqCst).saturating_add(12);
            self.world.crowd.wait_until(|| self.world.records_read.load(Ordering::SeqCst) >= enough).await;
        }
        self.apply(&batch_of_outbox(batch), None)
    }

    /// Does something else with a batch that is too large than to refuse it for good.
    fn pass_limit(&self, batch: &Batch) -> Result<Commit, PortError> {
        let writes = batch.writes();
        let first = rebuilt(
            batch.preconditions().get(..Batch::MAX_PRECONDITIONS).unwrap_or_else(|| batch.preconditions()),
            writes.get(..Batch::MAX_WRITES).unwrap_or(writes),
            outbox_of(batch),
        );
        let too_many_writes = writes.len() > Batch::MAX_WRITES;
        match self.world.fault {
            Some(Fault::LimitIsTransient) => Err(PortError::transient("too large")),
            Some(Fault::CutsAtLimit) if too_many_writes => {
                let _part = self.apply(&first, None)?;
                Err(PortError::permanent("too large"))
            }
            Some(Fault::NoWriteLimit) if too_many_writes => {
                let _part = self.apply(&first, None)?;
                let rest = writes.get(Batch::MAX_WRITES..).unwrap_or_default();
                self.apply(&rebuilt(&[], rest, Vec::new()), None)
            }
            Some(Fault::NoPreconditionLimit) if !too_many_writes => self.apply(&first, None),
            _ => Err(PortError::permanent("too large")),
        }
    }

    pub(super) async fn cached_account(
        &self,
        id: AccountId,
    ) -> Result<Option<Versioned<Account>>, PortError> {
        let known = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let found = self.honest.account(id).await?;
        if let Some(found) = &found {
            self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(id, found.clone());
        }
        Ok(found)
    }
}

/// Whether a batch has anything that this aspect is about.
fn is_at_stake(batch: &Batch, aspect: Aspect) -> bool {
    match aspect {
        Aspect::Absent
        | Aspect::Version
        | Aspect::Counter
        | Aspect::VersionOfAnother
        | Aspect::AbsenceOfAnother => !batch.preconditions().is_empty(),
        Aspect::Identifier => batch.writes().iter().any(|write| matches!(write, Write::PutAccount(_))),
        Aspect::Slug => batch.writes().iter().any(|write| matches!(write, Write::PutOrganization(_))),
        Aspect::Index => batch
            .writes()
            .iter()
            .any(|write| matches!(write, Write::PutRecord(record) if !record.indexes.is_empty())),
    }
}

fn outbox_of(batch: &Batch) -> Vec<OutboxPayload> {
    let events = batch.events().iter().cloned().map(OutboxPayload::Event);
    events.chain(batch.messages().iter().cloned().map(OutboxPayload::Message)).collect()
}

fn batch_of_outbox(batch: &Batch) -> Batch {
    rebuilt(&[], &[], outbox_of(batch))
}

fn rebuilt(preconditions: &[Precondition], writes: &[Write], outbox: Vec<OutboxPayload>) -> Batch {
    let mut batch = preconditions.iter().cloned().fold(Batch::new(), Batch::require);
    batch = writes.iter().cloned().fold(batch, Batch::write);
    for payload in outbox {
        batch = match payload {
            OutboxPayload::Event(event) => batch.event(event),
            OutboxPayload::Message(message) => batch.message(message),
        };
    }
    batch
}

fn remember(past: &mut Past, batch: &Batch) {
    for write in batch.writes() {
        match write {
            Write::PutAccount(account) => {
                let keys = account.identifiers.iter().map(|identifier| identifier.key.clone());
                past.identifiers.extend(keys.map(|key| (key, account.id)));
            }
            Write::PutOrganization(organization) => {
                past.slugs.insert(organization.slug.clone(), organization.id);
            }
            Write::PutRecord(record) => {
                for value in &record.indexes {
                    let key = (record.kind.name(), value.index.name(), value.value.clone());
                    past.index_values.entry(key).or_default().insert(record.key.clone());
                }
            }
            _ => {}
        }
        let (entity, deletes) = target(write);
        if deletes {
            // Every deletion of the suite is of a second or later version.
            past.deleted.insert(entity, Version::new(2));
        } else {
            past.deleted.remove(&entity);
        }
    }
}
