//! Keeping a service provider in step with a [`Source`].
//!
//! A run makes what is missing, changes what differs from what was written, adds and removes members, and at last sees off
//! who is not wanted any more, unless that are more than may be. What was written is recorded, not what was answered: some
//! answer nothing, some answer something else. A run that ends early loses nothing; the next one goes on.

mod drift;
mod members;
mod record;
mod report;
mod source;
mod written;

use std::collections::BTreeSet;

use ciam_core::ephemeral::EphemeralKey;
use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::store::{Batch, EntityRef, PageRequest, Version, Versioned, Write, load};
use serde_json::{Map, Value, json};
use time::Duration;

use self::record::Link;
pub use self::record::{SYNC_LINK, SYNC_MEMBER};
pub use self::report::{Counts, Drift, DriftReport, Held, SyncError, SyncFailure, SyncReport};
pub use self::source::{DesiredGroup, DesiredUser, ListSource, Source, SourcePage};
use self::written::{Update, digests, may_leave, update};
use super::{ClientError, GROUPS, Remote, ScimClient, USERS};
use crate::schema::{GROUP, USER};

/// A service provider was brought into step. Details: counts of `created`, `updated`, `removed`, `members`, `failed`, and whether
/// it is `complete`.
pub const SYNC_FINISHED: EventType = EventType::new("ciam.scim.sync.finished.v1");

/// How a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncPolicy {
    /// So many may leave in one run, of users and of groups each. Default 10.
    pub max_leaving: usize,
    /// And so many per cent of those that are there. Default 5.
    pub max_leaving_percent: u8,
    /// After this time another run may begin, though this one has not said that it is done. Default 1 hour.
    pub longest_run: Duration,
}

impl Default for SyncPolicy {
    fn default() -> Self {
        Self { max_leaving: 10, max_leaving_percent: 5, longest_run: Duration::HOUR }
    }
}

impl SyncPolicy {
    /// Sets how many may leave in one run: in number, and in per cent of those that are there. The larger one counts.
    #[must_use]
    pub const fn with_max_leaving(mut self, most: usize, percent: u8) -> Self {
        self.max_leaving = most;
        self.max_leaving_percent = percent;
        self
    }
}

/// Keeps one service provider in step. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct SyncEngine {
    client: ScimClient,
    target: String,
    policy: SyncPolicy,
}

impl SyncEngine {
    /// An engine for the service provider of a client. What was written there is recorded under the name `target`: letters,
    /// digits, `-`, `_` and `.`; others are left out.
    #[must_use]
    pub fn new(client: ScimClient, target: &str) -> Self {
        let target = target.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        Self { client, target, policy: SyncPolicy::default() }
    }

    /// Sets how a run goes.
    #[must_use]
    pub const fn with_policy(mut self, policy: SyncPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Brings the service provider into step. What goes wrong with one resource is in the report, and the others go on.
    ///
    /// # Errors
    ///
    /// Fails when another run is under way, and when the source or the store fails; what was done until then is recorded.
    pub async fn run(&self, source: &dyn Source) -> Result<SyncReport, SyncError> {
        let lock = EphemeralKey::new("scim.sync", self.target.clone());
        let ephemeral = self.client.ports.ephemeral();
        if !ephemeral.put_if_absent(&lock, b"1".to_vec(), self.policy.longest_run).await? {
            return Err(SyncError::Running);
        }
        let mut report = SyncReport::default();
        let outcome = self.all(source, &mut report).await;
        ephemeral.take(&lock).await?;
        match outcome {
            Ok(()) => {}
            Err(ClientError::Port(error)) => return Err(error.into()),
            Err(error) => report.interrupted = Some(error),
        }
        self.tell(&report).await?;
        Ok(report)
    }

    async fn all(&self, source: &dyn Source, report: &mut SyncReport) -> Result<(), ClientError> {
        let users = self.users(source, report).await?;
        let groups = self.groups(source, report).await?;
        self.members(source, &groups, report).await?;
        // Groups first: whoever leaves is in none of them.
        self.see_off(GROUPS, &groups, report).await?;
        self.see_off(USERS, &users, report).await
    }

    async fn users(
        &self,
        source: &dyn Source,
        report: &mut SyncReport,
    ) -> Result<BTreeSet<String>, ClientError> {
        let mut seen = BTreeSet::new();
        let mut after: Option<String> = None;
        loop {
            let page = source.users(after.as_deref()).await?;
            for user in page.items {
                let mut wanted = user.attributes;
                wanted.insert("externalId".to_owned(), user.key.clone().into());
                wanted.entry("active".to_owned()).or_insert(Value::Bool(true));
                let outcome = self.settle(USERS, &user.key, &wanted, &mut report.users).await;
                judge(report, USERS, &user.key, outcome)?;
                seen.insert(user.key);
            }
            after = page.next;
            if after.is_none() {
                return Ok(seen);
            }
        }
    }

    async fn groups(
        &self,
        source: &dyn Source,
        report: &mut SyncReport,
    ) -> Result<BTreeSet<String>, ClientError> {
        let mut seen = BTreeSet::new();
        let mut after: Option<String> = None;
        loop {
            let page = source.groups(after.as_deref()).await?;
            for group in page.items {
                let wanted = Map::from_iter([
                    ("displayName".to_owned(), group.display_name.into()),
                    ("externalId".to_owned(), group.key.clone().into()),
                ]);
                let outcome = self.settle(GROUPS, &group.key, &wanted, &mut report.groups).await;
                judge(report, GROUPS, &group.key, outcome)?;
                seen.insert(group.key);
            }
            after = page.next;
            if after.is_none() {
                return Ok(seen);
            }
        }
    }

    /// Makes a resource, or changes it where it differs from what was written.
    async fn settle(
        &self,
        endpoint: &str,
        key: &str,
        wanted: &Map<String, Value>,
        counts: &mut Counts,
    ) -> Result<(), ClientError> {
        let Some(known) = self.link(endpoint, key).await? else {
            return self.establish(endpoint, key, wanted, None, counts).await;
        };
        let there = match update(&known.value.written, wanted, &self.client.profile) {
            Update::Nothing => {
                counts.unchanged += 1;
                return Ok(());
            }
            Update::Put if endpoint == GROUPS => {
                let body = self.body_of_group(key, wanted).await?;
                self.client.replace(endpoint, &known.value.remote, &body).await?
            }
            Update::Put => {
                self.client.replace(endpoint, &known.value.remote, &body_of(endpoint, wanted)).await?
            }
            Update::Patch(operations) => self.client.patch(endpoint, &known.value.remote, operations).await?,
        };
        if !there {
            // Somebody has deleted it there.
            return self.establish(endpoint, key, wanted, Some(known), counts).await;
        }
        let mut next = known.value;
        next.written = digests(wanted);
        next.left = false;
        self.record(&next, Some(known.version)).await?;
        counts.updated += 1;
        Ok(())
    }

    /// Finds a resource there, or makes it.
    async fn establish(
        &self,
        endpoint: &str,
        key: &str,
        wanted: &Map<String, Value>,
        known: Option<Versioned<Link>>,
        counts: &mut Counts,
    ) -> Result<(), ClientError> {
        let body = body_of(endpoint, wanted);
        let mut found = self.counterpart(endpoint, key, wanted).await?;
        if found.is_none() {
            match self.client.create(endpoint, &body).await {
                Ok(made) => {
                    counts.created += 1;
                    self.link_to(endpoint, key, &made.id, wanted, known).await?;
                    return Ok(());
                }
                // It was there all the same, or an attempt without an answer has made it.
                Err(error) => {
                    let unclear = error.is_taken() || matches!(error, ClientError::Unreachable(_));
                    found = if unclear { self.counterpart(endpoint, key, wanted).await? } else { None };
                    if found.is_none() {
                        return Err(error);
                    }
                }
            }
        }
        let Some(found) = found else { return Ok(()) };
        let whole = Update::Patch(vec![json!({ "op": "replace", "value": wanted })]);
        let update = if self.client.profile.patch_without_path && self.client.profile.patch {
            whole
        } else {
            update(&written::Written::new(), wanted, &self.client.profile)
        };
        match update {
            Update::Patch(operations) => self.client.patch(endpoint, &found.id, operations).await?,
            Update::Put | Update::Nothing => self.client.replace(endpoint, &found.id, &body).await?,
        };
        counts.adopted += 1;
        self.link_to(endpoint, key, &found.id, wanted, known).await
    }

    /// The resource there that is the one of ours, unless it is somebody else's already.
    async fn counterpart(
        &self,
        endpoint: &str,
        key: &str,
        wanted: &Map<String, Value>,
    ) -> Result<Option<Remote>, ClientError> {
        let name = if endpoint == USERS { "userName" } else { "displayName" };
        let by_name = wanted.get(name).and_then(Value::as_str);
        let mut questions: Vec<(&str, &str)> = Vec::new();
        if self.client.profile.finds_external_id {
            questions.push(("externalId", key));
        }
        questions.extend(by_name.map(|text| (name, text)));
        for (attribute, text) in questions {
            let found = self.client.find(endpoint, attribute, text).await?;
            if let [one] = found.as_slice() {
                return Ok(match self.link_of(endpoint, &one.id).await? {
                    Some(link) if link.key != key => None,
                    _ => Some(one.clone()),
                });
            }
        }
        Ok(None)
    }

    /// Sees off who is not wanted any more, unless that are more than may be.
    async fn see_off(
        &self,
        endpoint: &str,
        seen: &BTreeSet<String>,
        report: &mut SyncReport,
    ) -> Result<(), ClientError> {
        let (leaving, of) = self.leaving(endpoint, seen).await?;
        let policy = &self.policy;
        if !may_leave(leaving.len(), of, policy.max_leaving, policy.max_leaving_percent) {
            report.held.push(Held { endpoint: endpoint.to_owned(), leaving: leaving.len(), of });
            return Ok(());
        }
        for link in leaving {
            let key = link.value.key.clone();
            let outcome = self.see_one_off(endpoint, link, report).await;
            judge(report, endpoint, &key, outcome)?;
        }
        Ok(())
    }

    async fn leaving(
        &self,
        endpoint: &str,
        seen: &BTreeSet<String>,
    ) -> Result<(Vec<Versioned<Link>>, usize), ClientError> {
        let (mut leaving, mut of) = (Vec::new(), 0);
        let value = Link::target_value(&self.target, endpoint);
        let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let page = self.client.ports.store().records_by(SYNC_LINK, "target", &value, request).await?;
            for record in page.items {
                let link: Link = record.value.decode().map_err(PortError::from)?;
                of += usize::from(!link.left);
                if !link.left && !seen.contains(&link.key) {
                    leaving.push(Versioned::new(link, record.version));
                }
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PageRequest::MAX_LIMIT),
                None => return Ok((leaving, of)),
            }
        }
    }

    async fn see_one_off(
        &self,
        endpoint: &str,
        link: Versioned<Link>,
        report: &mut SyncReport,
    ) -> Result<(), ClientError> {
        let profile = &self.client.profile;
        let remote = link.value.remote.clone();
        if endpoint == USERS && profile.deactivates && profile.patch {
            let operation = if profile.patch_without_path {
                json!({ "op": "replace", "value": { "active": false } })
            } else {
                json!({ "op": "replace", "path": "active", "value": false })
            };
            let there = self.client.patch(endpoint, &remote, vec![operation]).await?;
            if there {
                let mut next = link.value;
                next.left = true;
                // Whoever comes back is written whole.
                next.written.clear();
                self.record(&next, Some(link.version)).await?;
                report.users.deactivated += 1;
                return Ok(());
            }
        } else {
            self.client.delete(endpoint, &remote).await?;
        }
        if endpoint == GROUPS {
            self.forget_members(&link.value.key).await?;
            report.groups.deleted += 1;
        } else {
            report.users.deleted += 1;
        }
        let key = Link::key_of(&self.target, endpoint, &link.value.key);
        let batch = Batch::new().write(Write::DeleteRecord(SYNC_LINK, key));
        let _applied = self.client.ports.store().commit(batch).await?;
        Ok(())
    }

    async fn link(&self, endpoint: &str, key: &str) -> Result<Option<Versioned<Link>>, ClientError> {
        let key = Link::key_of(&self.target, endpoint, key);
        Ok(load(self.client.ports.store(), &key).await?)
    }

    /// Ours that is this resource there.
    async fn link_of(&self, endpoint: &str, remote: &str) -> Result<Option<Link>, ClientError> {
        let value = Link::remote_value(&self.target, endpoint, remote);
        let store = self.client.ports.store();
        let page = store.records_by(SYNC_LINK, "remote", &value, PageRequest::first(1)).await?;
        let found = page.items.into_iter().next();
        Ok(found.map(|it| it.value.decode()).transpose().map_err(PortError::from)?)
    }

    async fn link_to(
        &self,
        endpoint: &str,
        key: &str,
        remote: &str,
        wanted: &Map<String, Value>,
        known: Option<Versioned<Link>>,
    ) -> Result<(), ClientError> {
        if endpoint == GROUPS && known.as_ref().is_some_and(|it| it.value.remote != remote) {
            // Of another one nothing was written yet.
            self.forget_members(key).await?;
        }
        let link = Link {
            target: self.target.clone(),
            endpoint: endpoint.to_owned(),
            key: key.to_owned(),
            remote: remote.to_owned(),
            written: digests(wanted),
            left: false,
        };
        self.record(&link, known.map(|it| it.version)).await
    }

    async fn record(&self, link: &Link, known: Option<Version>) -> Result<(), ClientError> {
        let entity = EntityRef::record::<Link>(Link::key_of(&self.target, &link.endpoint, &link.key));
        let batch = match known {
            Some(version) => Batch::new().require_version(entity, version),
            None => Batch::new().require_absent(entity),
        };
        let batch = batch.put(link).map_err(PortError::from)?;
        if self.client.ports.store().commit(batch).await?.is_applied() {
            return Ok(());
        }
        Err(PortError::transient("another run has written the same").into())
    }

    async fn tell(&self, report: &SyncReport) -> Result<(), PortError> {
        let sum = |count: fn(&Counts) -> usize| count(&report.users) + count(&report.groups);
        let event = Event::new(&self.client.ports, SYNC_FINISHED, format!("scim-target:{}", self.target))?
            .with("created", sum(|it| it.created))
            .with("updated", sum(|it| it.updated + it.adopted))
            .with("removed", sum(|it| it.deactivated + it.deleted))
            .with("members", report.members_added + report.members_removed)
            .with("failed", report.failures)
            .with("complete", report.is_complete());
        let _applied = self.client.ports.store().commit(Batch::new().event(event)).await?;
        Ok(())
    }
}

/// Takes down what went wrong with one resource; what would go wrong with the next as well ends the run.
fn judge(
    report: &mut SyncReport,
    endpoint: &str,
    key: &str,
    outcome: Result<(), ClientError>,
) -> Result<(), ClientError> {
    match outcome {
        Ok(()) => Ok(()),
        Err(error) if error.is_of_one() => {
            report.fail(endpoint, key, error);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn body_of(endpoint: &str, wanted: &Map<String, Value>) -> Map<String, Value> {
    let mut schemas = vec![if endpoint == USERS { USER } else { GROUP }];
    schemas.extend(wanted.keys().filter(|name| name.contains(':')).map(String::as_str));
    let mut body = wanted.clone();
    body.insert("schemas".to_owned(), json!(schemas));
    body
}
