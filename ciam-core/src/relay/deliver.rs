//! From the queues to their destinations.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::task::Poll;

use futures_util::future::{Either, select};
use futures_util::{StreamExt as _, stream};
use time::OffsetDateTime;

use super::dead::DeadLetter;
use super::policy::Retry;
use super::queue::{DELIVERY, Delivery, IN_LANE, LANE, Lane, QUEUE, Turn};
use super::{Relay, RelayReport, Route};
use crate::error::{PortError, PortErrorKind};
use crate::id::EventId;
use crate::store::{
    Batch, Commit, Cursor, EntityRef, OutboxPayload, PageRequest, StoredRecord as _, Version, Write, load,
};

/// How a destination has been, in this relay's eyes.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// The lanes that failed since the last success, as many as it takes to see that it is not one of them.
    failing: BTreeSet<String>,
    /// Passes in which it was down.
    probes: u32,
    /// When it is probed next, while it is down.
    paused_until: Option<OffsetDateTime>,
    /// Where the walk through the waiting lanes goes on.
    waiting: Option<Cursor>,
}

impl Health {
    pub(super) fn is_paused(&self, now: OffsetDateTime) -> bool {
        self.paused_until.is_some_and(|until| until > now)
    }
}

/// What one relay did in one lane.
#[derive(Clone, Debug, Default)]
struct LaneReport {
    counts: RelayReport,
    /// The lane, when its destination failed.
    failed: Option<String>,
}

/// How the delivery of one item ended.
enum Ending {
    Delivered,
    /// A message of no use any more.
    Expired,
    Failed(PortError),
}

impl Relay {
    /// Delivers what is due at one destination, up to a page of lanes.
    pub(super) async fn serve(&self, route: &Route) -> Result<RelayReport, PortError> {
        let mut health = self.health_of(route.name());
        let now = self.ports.now();
        if health.is_paused(now) {
            return Ok(RelayReport::default());
        }
        let down = self.is_down(&health);
        let mut lanes = self.due(route.name(), &mut health).await?;
        if down {
            lanes.truncate(1);
        }
        let mut report = RelayReport::default();
        let turns = self.take_turns(route.name(), &lanes).await?;
        let mine = lanes.into_iter().filter_map(|key| {
            let turn = turns.get(&Lane::share(&key, SHARES))?;
            Some(self.serve_lane(route, key, turn.0))
        });
        let outcomes: Vec<_> =
            stream::iter(mine).buffer_unordered(self.policy.concurrency.max(1)).collect().await;
        self.end_turns(route.name(), &turns).await;
        let mut broken = None;
        for outcome in outcomes {
            match outcome {
                Ok(lane) => {
                    report.add(lane.counts);
                    if lane.counts.delivered > 0 {
                        health.failing.clear();
                    }
                    if !self.is_down(&health) {
                        health.failing.extend(lane.failed);
                    }
                }
                // One lane that cannot be read keeps no other from being served.
                Err(error) => broken = Some(error),
            }
        }
        self.judge(route, &mut health, &mut report).await?;
        self.remember(route.name(), health);
        broken.map_or(Ok(report), Err)
    }

    /// Whether so many lanes have failed that it is not for what is in them.
    fn is_down(&self, health: &Health) -> bool {
        health.failing.len() >= self.policy.down_after.max(1)
    }

    /// Pauses a destination that is down, and gives up what has waited for it too long.
    async fn judge(
        &self,
        route: &Route,
        health: &mut Health,
        report: &mut RelayReport,
    ) -> Result<(), PortError> {
        health.paused_until = None;
        if !self.is_down(health) {
            health.probes = 0;
            return Ok(());
        }
        health.probes = health.probes.saturating_add(1);
        let now = self.ports.now();
        let pause = self.policy.retry.delay(health.probes, self.chance()?).min(PROBE_AT_LEAST_EVERY);
        health.paused_until = Some(now.saturating_add(pause));
        self.bury_old(route.name(), report).await
    }

    /// The lanes with something to deliver: those that do not wait, and those that have waited long enough.
    async fn due(&self, destination: &str, health: &mut Health) -> Result<Vec<String>, PortError> {
        let now = self.ports.now();
        let mut due = Vec::new();
        for _ in 0..WAITING_PAGES {
            let request = health.waiting.take().map_or_else(
                || PageRequest::first(PageRequest::MAX_LIMIT / 4),
                |cursor| PageRequest::after(cursor, PageRequest::MAX_LIMIT / 4),
            );
            let page = self.lanes(destination, true, request).await?;
            health.waiting = page.1;
            due.extend(page.0.iter().filter(|lane| lane.is_due(now)).map(Lane::key));
            if health.waiting.is_none() || due.len() >= LANES as usize {
                break;
            }
        }
        let page = self.lanes(destination, false, PageRequest::first(LANES)).await?;
        due.extend(page.0.iter().map(Lane::key));
        due.truncate(LANES as usize);
        Ok(due)
    }

    async fn lanes(
        &self,
        destination: &str,
        waits: bool,
        request: PageRequest,
    ) -> Result<(Vec<Lane>, Option<Cursor>), PortError> {
        let queue = Lane::queue(destination, waits);
        let page = self.ports.store().records_by(LANE, QUEUE.name(), &queue, request).await?;
        let lanes = page.items.iter().map(|it| it.value.decode()).collect::<Result<_, _>>()?;
        Ok((lanes, page.next))
    }

    /// Takes the turn of every share that these lanes belong to, where nobody else has it; half of them at most, so that
    /// others can work beside this relay.
    async fn take_turns(
        &self,
        destination: &str,
        lanes: &[String],
    ) -> Result<BTreeMap<u8, (OffsetDateTime, Version)>, PortError> {
        let wanted: BTreeSet<u8> = lanes.iter().map(|key| Lane::share(key, SHARES)).collect();
        // Time for two deliveries at least, whatever was configured.
        let until = self.ports.now().saturating_add(self.policy.turn.max(self.deadline() * 2));
        let mut turns = BTreeMap::new();
        for share in wanted {
            if turns.len() >= usize::from(SHARES) / 2 {
                break;
            }
            let turn = Turn { destination: destination.to_owned(), share, until };
            let batch = Batch::new().require_absent(EntityRef::record::<Turn>(turn.key())).put(&turn)?;
            if self.ports.store().commit(batch).await?.is_applied() {
                turns.insert(share, (until, Version::FIRST));
            }
        }
        Ok(turns)
    }

    /// Lets others have their turn. What fails here ends by itself.
    async fn end_turns(&self, destination: &str, turns: &BTreeMap<u8, (OffsetDateTime, Version)>) {
        for (share, (until, version)) in turns {
            let key = Turn::key_of(destination, *share);
            // Somebody else's, when this one took too long.
            if self.ports.now() >= *until {
                continue;
            }
            let batch = Batch::new()
                .require_version(EntityRef::record::<Turn>(key.clone()), *version)
                .write(Write::DeleteRecord(Turn::KIND, key));
            let _ended = self.ports.store().commit(batch).await;
        }
    }

    /// Delivers what is in one lane, in order, up to the first failure.
    async fn serve_lane(
        &self,
        route: &Route,
        key: String,
        until: OffsetDateTime,
    ) -> Result<LaneReport, PortError> {
        let mut report = LaneReport::default();
        let Some(lane) = load::<Lane>(self.ports.store(), &key).await? else { return Ok(report) };
        let lane = lane.value;
        if !lane.is_due(self.ports.now()) {
            return Ok(report);
        }
        let request = PageRequest::first(RUN);
        let page = self.ports.store().records_by(DELIVERY, IN_LANE.name(), &key, request).await?;
        let (mut ended, mut failure) = (Vec::new(), None);
        for found in &page.items {
            let delivery: Delivery = found.value.decode()?;
            // Time for this one, or it is for the next turn.
            let enough = self.ports.now().saturating_add(self.deadline()) < until;
            if !enough || self.stopping.load(Ordering::Relaxed) {
                break;
            }
            if delivery.number >= lane.head {
                match self.hand_over(route, &delivery).await {
                    Ending::Delivered => report.counts.delivered += 1,
                    Ending::Expired => report.counts.dropped += 1,
                    Ending::Failed(error) => {
                        failure = Some((delivery, error));
                        break;
                    }
                }
            }
            ended.push(delivery);
        }
        let transient = failure.as_ref().is_some_and(|(_, error)| error.kind() == PortErrorKind::Transient);
        report.failed = transient.then(|| key.clone());
        let nothing_there = page.items.is_empty().then_some(lane.next);
        if ended.is_empty() && failure.is_none() && nothing_there.is_none() {
            return Ok(report);
        }
        self.settle(&key, &ended, failure.as_ref(), nothing_there, &mut report.counts).await?;
        Ok(report)
    }

    async fn hand_over(&self, route: &Route, delivery: &Delivery) -> Ending {
        let sending = async {
            match (&delivery.payload, route) {
                (OutboxPayload::Message(message), Route::Messages(notifier)) => {
                    if message.expires_at <= self.ports.now() {
                        return Ok(Ending::Expired);
                    }
                    let message = message.open(&self.ports).await?;
                    notifier.send(&message).await?;
                }
                (OutboxPayload::Event(event), Route::Sink(sink)) => sink.deliver(event).await?,
                _ => return Err(PortError::permanent("an item is queued for another kind of destination")),
            }
            Ok(Ending::Delivered)
        };
        let mut sending = std::pin::pin!(sending);
        // What is done at once needs no clock.
        let at_once = poll_fn(|context| Poll::Ready(sending.as_mut().poll(context))).await;
        if let Poll::Ready(done) = at_once {
            return done.unwrap_or_else(Ending::Failed);
        }
        let deadline = self.ports.runtime().sleep(self.policy.deadline);
        match select(sending, deadline).await {
            Either::Left((done, _)) => done.unwrap_or_else(Ending::Failed),
            Either::Right(_) => Ending::Failed(PortError::transient("the delivery took too long")),
        }
    }

    fn deadline(&self) -> time::Duration {
        time::Duration::try_from(self.policy.deadline).unwrap_or(time::Duration::MAX)
    }

    /// Writes down how the deliveries of a lane ended. What others queue meanwhile stays.
    async fn settle(
        &self,
        key: &str,
        ended: &[Delivery],
        failure: Option<&(Delivery, PortError)>,
        nothing_before: Option<u64>,
        counts: &mut RelayReport,
    ) -> Result<(), PortError> {
        let chance = self.chance()?;
        for _ in 0..RACES {
            let now = self.ports.now();
            let Some(found) = load::<Lane>(self.ports.store(), key).await? else { return Ok(()) };
            let mut lane = found.value;
            let mut batch = Batch::new().require_version(EntityRef::record::<Lane>(key), found.version);
            for delivery in ended {
                lane.ended(delivery.number, now);
                batch = batch.write(Write::DeleteRecord(DELIVERY, delivery.key()));
            }
            if let Some(next) = nothing_before.and_then(|next| next.checked_sub(1)) {
                lane.ended(next, now);
            }
            let mut given_up = false;
            if let Some((delivery, error)) = failure {
                let retry = lane.failed(now, &self.policy, chance);
                given_up = retry == Retry::Never || error.kind() == PortErrorKind::Permanent;
                if given_up {
                    batch = self.bury(batch, &mut lane, delivery, error)?;
                }
            }
            match self.ports.store().commit(batch.put(&lane)?).await? {
                Commit::Applied => {
                    if let Some((delivery, error)) = failure {
                        counts.dropped += u32::from(given_up);
                        counts.postponed += u32::from(!given_up);
                        log_failure(&lane.destination, delivery.id, lane.attempts, given_up, error);
                    }
                    return Ok(());
                }
                Commit::Conflict(_) => {}
            }
        }
        Err(PortError::transient("a lane kept changing"))
    }

    /// Gives up the delivery at the head of a lane. An event is kept as a dead letter; a message is of no use later.
    fn bury(
        &self,
        batch: Batch,
        lane: &mut Lane,
        delivery: &Delivery,
        error: &PortError,
    ) -> Result<Batch, PortError> {
        let now = self.ports.now();
        let attempts = lane.attempts;
        lane.ended(delivery.number, now);
        let batch = batch.write(Write::DeleteRecord(DELIVERY, delivery.key()));
        let OutboxPayload::Event(event) = &delivery.payload else { return Ok(batch) };
        let expires_at = now.saturating_add(self.policy.keep_dead_letters);
        let letter = DeadLetter::new(&lane.destination, event, delivery.queued_at, now, expires_at)
            .because(attempts, error);
        Ok(batch.put(&letter)?)
    }

    /// A destination that is down is not tried with every lane. What has waited for it as long as the schedule lasts
    /// becomes a dead letter all the same, a few at a time.
    async fn bury_old(&self, destination: &str, report: &mut RelayReport) -> Result<(), PortError> {
        let error = PortError::transient("the destination was down all the time");
        let mut lanes = self.lanes(destination, false, PageRequest::first(LANES)).await?.0;
        lanes.extend(self.lanes(destination, true, PageRequest::first(LANES)).await?.0);
        for key in lanes.iter().map(Lane::key) {
            let request = PageRequest::first(RUN);
            let page = self.ports.store().records_by(DELIVERY, IN_LANE.name(), &key, request).await?;
            let Some(found) = load::<Lane>(self.ports.store(), &key).await? else { continue };
            let mut lane = found.value;
            let mut batch = Batch::new().require_version(EntityRef::record::<Lane>(&key), found.version);
            let mut buried = 0;
            for found in &page.items {
                let delivery: Delivery = found.value.decode()?;
                let end = delivery.queued_at.saturating_add(self.policy.retry.give_up_after);
                if delivery.number != lane.head || end > self.ports.now() {
                    break;
                }
                batch = self.bury(batch, &mut lane, &delivery, &error)?;
                buried += 1;
            }
            if buried > 0 && self.ports.store().commit(batch.put(&lane)?).await?.is_applied() {
                report.dropped += buried;
                log_buried(destination, buried);
            }
        }
        Ok(())
    }

    fn chance(&self) -> Result<u32, PortError> {
        let mut bytes = [0; 4];
        self.ports.entropy().fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
}

/// Into how many shares a destination is cut, so that several relays can serve it at once.
const SHARES: u8 = 8;
/// How many lanes are served in one pass.
const LANES: u32 = 64;
/// How many pages of waiting lanes are looked through in one pass.
const WAITING_PAGES: usize = 4;
/// How many deliveries of one lane are made in one pass.
const RUN: u32 = 16;
const RACES: usize = 10;
/// A destination that is down is probed at least this often.
const PROBE_AT_LEAST_EVERY: time::Duration = time::Duration::minutes(2);

#[cfg(feature = "tracing")]
fn log_failure(destination: &str, id: EventId, attempts: u32, given_up: bool, error: &PortError) {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if given_up {
        tracing::error!(destination, %id, attempts, cause, "a delivery was given up");
    } else {
        tracing::warn!(destination, %id, attempts, cause, "a delivery failed and will be tried again");
    }
}

#[cfg(not(feature = "tracing"))]
const fn log_failure(_destination: &str, _id: EventId, _attempts: u32, _given_up: bool, _error: &PortError) {}

#[cfg(feature = "tracing")]
fn log_buried(destination: &str, number: u32) {
    tracing::error!(destination, number, "deliveries were given up: the destination was down all the time");
}

#[cfg(not(feature = "tracing"))]
const fn log_buried(_destination: &str, _number: u32) {}
