//! Remembered devices: browsers in which an account has signed in before.
//!
//! A browser keeps `<device id>.<secret>` in a `__Host-` cookie of its own, which outlives the session. The secret changes
//! each time it is presented; the one before is taken for a minute longer, for tabs that sign in at once. An older one that
//! comes back was copied: the device is forgotten, and its sessions end.
//!
//! A device that is known spares its owner the notice of a new device. One that is [trusted](RememberedDevices::trust) spares
//! the further factor as well that is asked for [because the account has one](crate::journey::SecondFactor::WhenEnrolled), and
//! never more than that: neither one that a risk asks for nor one that a level of assurance needs. A change of the account's
//! epoch (a new password, a recovery, a suspension) forgets every device.

use http::header::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::{SessionEnd, SessionManager};
use crate::account::Account;
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::http::{DEVICE_COOKIE, cookie, set_cookie};
use crate::id::{AccountId, DeviceId};
use crate::place::Place;
use crate::ports::Ports;
use crate::risk::PresentedDevice;
use crate::secret::{Secret, TokenDigest};
use crate::store::{
    Batch, EntityRef, IndexDeclaration, IndexValue, OWNER_INDEX, Page, PageRequest, RecordKind, StoredRecord,
    Version, Versioned, Write, load,
};

/// How devices are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DevicePolicy {
    /// How long the secret before the present one is taken. Default 60 seconds.
    pub grace: Duration,
    /// A device is forgotten after this time without a sign-in. Default 180 days.
    pub forgotten_after: Duration,
    /// How long a device is trusted when its person says so. Default 30 days.
    pub trusted_for: Duration,
}

impl Default for DevicePolicy {
    fn default() -> Self {
        Self {
            grace: Duration::seconds(60),
            forgotten_after: Duration::days(180),
            trusted_for: Duration::days(30),
        }
    }
}

/// The cookie of a remembered device: `<device id>.<secret>`.
#[derive(Clone, Debug)]
pub struct DeviceCookie {
    id: DeviceId,
    secret: Secret,
}

impl DeviceCookie {
    /// The browser's cookie; `None` when it has none, or one of another form.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Self::from_token(cookie(headers, DEVICE_COOKIE)?)
    }

    /// What an application without cookies presents instead; `None` when it has another form.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        let (id, secret) = token.split_once('.')?;
        Some(Self { id: id.parse().ok()?, secret: Secret::of_random_form(secret)? })
    }

    /// The device that it claims to be.
    #[must_use]
    pub const fn id(&self) -> DeviceId {
        self.id
    }

    /// What it presents to a risk engine.
    #[must_use]
    pub fn presented(&self) -> PresentedDevice {
        PresentedDevice::new(self.id, self.secret.digest())
    }

    /// The text for an application without cookies, which keeps it as long as it is installed.
    #[must_use]
    pub fn token(&self) -> Secret {
        Secret::from(format!("{}.{}", self.id, self.secret.expose()))
    }

    /// The `Set-Cookie` value that gives it to the browser for `max_age`.
    ///
    /// # Errors
    ///
    /// Never for a cookie of ours; the signature is that of [`set_cookie`].
    pub fn set_cookie(&self, max_age: Duration) -> Result<HeaderValue, PortError> {
        set_cookie(DEVICE_COOKIE, &format!("{}.{}", self.id, self.secret.expose()), Some(max_age))
    }
}

/// A browser in which an account has signed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RememberedDevice {
    /// The id.
    pub id: DeviceId,
    /// Whose device it is.
    pub account: AccountId,
    /// The account's session epoch under which it is known.
    pub epoch: u32,
    /// The digest of the secret that the browser holds.
    current: TokenDigest,
    /// The digests of the secrets before, the newest first, with the time at which each was replaced.
    retired: Vec<Retired>,
    /// The browser's `User-Agent` at the last sign-in.
    pub user_agent: Option<String>,
    /// Where it was at the last sign-in.
    pub place: Option<Place>,
    /// Until when a further factor may be spared; `None` when its person never said so.
    #[serde(with = "time::serde::rfc3339::option")]
    pub trusted_until: Option<OffsetDateTime>,
    /// When it was first seen.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When somebody last signed in with it.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
    /// When it is forgotten.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Retired {
    digest: TokenDigest,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

const ACCOUNT: IndexDeclaration = IndexDeclaration::many(OWNER_INDEX);

impl StoredRecord for RememberedDevice {
    const KIND: RecordKind = RecordKind::new("core.device", &[ACCOUNT]);
    const SCHEMA: u16 = 1;

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn indexes(&self) -> Vec<IndexValue> {
        vec![IndexValue::new(ACCOUNT, self.account.to_string())]
    }

    fn expires_at(&self) -> Option<OffsetDateTime> {
        Some(self.expires_at)
    }
}

/// What a presented secret is to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presented {
    /// The one that the browser should have, or the one before, within its grace.
    Good,
    /// One that was replaced too long ago: somebody has a copy.
    Stolen,
    /// None of the device's, or the device is not known to this account any more.
    Unknown,
}

impl RememberedDevice {
    /// Whether its person has said that it may be trusted, and not too long ago.
    #[must_use]
    pub fn is_trusted(&self, now: OffsetDateTime) -> bool {
        self.trusted_until.is_some_and(|until| now < until)
    }

    fn judge(
        &self,
        account: &Account,
        digest: TokenDigest,
        grace: Duration,
        now: OffsetDateTime,
    ) -> Presented {
        if self.account != account.id || self.epoch != account.session_epoch || now >= self.expires_at {
            return Presented::Unknown;
        }
        if self.current == digest {
            return Presented::Good;
        }
        match self.retired.iter().position(|it| it.digest == digest) {
            Some(0) if self.retired.first().is_some_and(|it| now - it.at <= grace) => Presented::Good,
            Some(_) => Presented::Stolen,
            None => Presented::Unknown,
        }
    }

    fn rotated(mut self, next: TokenDigest, now: OffsetDateTime) -> Self {
        self.retired.insert(0, Retired { digest: self.current, at: now });
        self.retired.truncate(RETIRED);
        self.current = next;
        self
    }
}

/// What a sign-in does to the browser's device.
#[derive(Debug)]
pub(super) struct Greeting {
    pub(super) batch: Batch,
    pub(super) id: DeviceId,
    pub(super) cookie: DeviceCookie,
    /// The account has not been seen in this browser before.
    pub(super) is_new: bool,
}

/// Who signs in, where.
#[derive(Debug)]
pub(super) struct Guest<'a> {
    pub(super) account: &'a Account,
    pub(super) cookie: Option<&'a DeviceCookie>,
    pub(super) user_agent: Option<String>,
    pub(super) place: Option<Place>,
    /// They say that the browser is their own, and have proved more than a first factor.
    pub(super) trust: bool,
}

/// The devices that accounts remember.
#[derive(Clone, Debug)]
pub struct RememberedDevices {
    ports: Ports,
    policy: DevicePolicy,
}

impl RememberedDevices {
    /// The devices of a tenant's accounts.
    #[must_use]
    pub const fn new(ports: Ports, policy: DevicePolicy) -> Self {
        Self { ports, policy }
    }

    /// Recognises the browser of a sign-in and gives it the next secret, or remembers it as a new one. What is written goes
    /// into the batch with which the session begins. A copied secret forgets its device at once, and the sign-in is one
    /// from a new device.
    pub(super) async fn greet(
        &self,
        sessions: &SessionManager,
        guest: Guest<'_>,
    ) -> Result<Greeting, PortError> {
        let now = self.ports.now();
        let secret = Secret::random(self.ports.entropy())?;
        if let Some(found) = self.recognise(sessions, guest.account, guest.cookie).await? {
            let mut device = found.value.rotated(secret.digest(), now);
            device.last_seen_at = now;
            device.expires_at = now + self.policy.forgotten_after;
            device.user_agent = guest.user_agent.or(device.user_agent);
            device.place = guest.place.or(device.place);
            let id = device.id;
            let batch = Batch::new().require_version(entity(id), found.version);
            let batch = self.written(batch, device, guest.trust)?;
            return Ok(Greeting { batch, id, cookie: DeviceCookie { id, secret }, is_new: false });
        }
        let id = DeviceId::generate(self.ports.clock(), self.ports.entropy())?;
        let device = RememberedDevice {
            id,
            account: guest.account.id,
            epoch: guest.account.session_epoch,
            current: secret.digest(),
            retired: Vec::new(),
            user_agent: guest.user_agent,
            place: guest.place,
            trusted_until: None,
            created_at: now,
            last_seen_at: now,
            expires_at: now + self.policy.forgotten_after,
        };
        let event = self.event(EventType::DEVICE_ADDED, &device)?;
        let batch =
            self.written(Batch::new().require_absent(entity(id)).event(event), device, guest.trust)?;
        Ok(Greeting { batch, id, cookie: DeviceCookie { id, secret }, is_new: true })
    }

    /// Adds a device to a batch, trusted from now on where that is said.
    fn written(&self, batch: Batch, mut device: RememberedDevice, trust: bool) -> Result<Batch, PortError> {
        if !trust {
            return Ok(batch.put(&device)?);
        }
        device.trusted_until = Some(self.ports.now() + self.policy.trusted_for);
        let event = self.event(EventType::DEVICE_TRUSTED, &device)?;
        Ok(batch.put(&device)?.event(event))
    }

    /// The device of this cookie, if it is one of the account's. A copied secret forgets the device.
    async fn recognise(
        &self,
        sessions: &SessionManager,
        account: &Account,
        cookie: Option<&DeviceCookie>,
    ) -> Result<Option<Versioned<RememberedDevice>>, PortError> {
        let Some(cookie) = cookie else { return Ok(None) };
        let Some(found) = load::<RememberedDevice>(self.ports.store(), &cookie.id.to_string()).await? else {
            return Ok(None);
        };
        let digest = cookie.secret.digest();
        match found.value.judge(account, digest, self.policy.grace, self.ports.now()) {
            Presented::Good => Ok(Some(found)),
            Presented::Unknown => Ok(None),
            Presented::Stolen => {
                self.forget(sessions, found, &Actor::system("device-theft"), "stolen").await?;
                Ok(None)
            }
        }
    }

    /// Whether this browser may be spared a further factor: it is one of the account's, and its person said so.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn is_trusted(
        &self,
        sessions: &SessionManager,
        account: &Account,
        cookie: Option<&DeviceCookie>,
    ) -> Result<bool, PortError> {
        let found = self.recognise(sessions, account, cookie).await?;
        Ok(found.is_some_and(|it| it.value.is_trusted(self.ports.now())))
    }

    /// Trusts one of an account's devices from now on, because its person says so just after they have proved themselves in
    /// it. `false` when it is none of theirs.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn trust(&self, account: &Account, id: DeviceId) -> Result<bool, PortError> {
        for _ in 0..RACES {
            let Some(found) = self.own(account.id, id).await? else { return Ok(false) };
            if found.value.epoch != account.session_epoch {
                return Ok(false);
            }
            let batch = Batch::new().require_version(entity(id), found.version);
            if self.ports.store().commit(self.written(batch, found.value, true)?).await?.is_applied() {
                return Ok(true);
            }
        }
        Err(PortError::transient("the device kept changing"))
    }

    /// Trusts one of an account's devices no longer; it stays remembered, and its sessions go on. `false` when it is none of
    /// theirs, or was not trusted.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn distrust(&self, account: AccountId, id: DeviceId, actor: &Actor) -> Result<bool, PortError> {
        for _ in 0..RACES {
            let Some(found) = self.own(account, id).await? else { return Ok(false) };
            let mut device = found.value;
            if !device.is_trusted(self.ports.now()) {
                return Ok(false);
            }
            device.trusted_until = None;
            let event = self.event(EventType::DEVICE_DISTRUSTED, &device)?.by(actor);
            let batch = Batch::new().require_version(entity(id), found.version).put(&device)?.event(event);
            if self.ports.store().commit(batch).await?.is_applied() {
                return Ok(true);
            }
        }
        Err(PortError::transient("the device kept changing"))
    }

    /// Adds to the batch with which a session is renewed that its device is trusted from now on. Nothing where the device is
    /// forgotten meanwhile.
    pub(super) async fn trusting(
        &self,
        batch: Batch,
        account: &Account,
        id: DeviceId,
    ) -> Result<Batch, PortError> {
        match self.own(account.id, id).await? {
            Some(found) if found.value.epoch == account.session_epoch => {
                self.written(batch.require_version(entity(id), found.version), found.value, true)
            }
            _ => Ok(batch),
        }
    }

    /// The devices of an account that are still good, a page at a time.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn list(
        &self,
        account: &Account,
        request: PageRequest,
    ) -> Result<Page<RememberedDevice>, PortError> {
        let owner = account.id.to_string();
        let page =
            self.ports.store().records_by(RememberedDevice::KIND, OWNER_INDEX, &owner, request).await?;
        let mut items = Vec::new();
        for record in page.items {
            let device: RememberedDevice = record.value.decode()?;
            if device.epoch == account.session_epoch {
                items.push(device);
            }
        }
        Ok(Page::new(items, page.next))
    }

    /// Forgets one of an account's devices and ends the sessions that began on it. `false` when it is none of theirs.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn revoke(
        &self,
        sessions: &SessionManager,
        account: AccountId,
        id: DeviceId,
        actor: &Actor,
    ) -> Result<bool, PortError> {
        match self.own(account, id).await? {
            Some(found) => self.forget(sessions, found, actor, "revoked").await.map(|()| true),
            None => Ok(false),
        }
    }

    async fn own(
        &self,
        account: AccountId,
        id: DeviceId,
    ) -> Result<Option<Versioned<RememberedDevice>>, PortError> {
        let found = load::<RememberedDevice>(self.ports.store(), &id.to_string()).await?;
        Ok(found.filter(|it| it.value.account == account))
    }

    async fn forget(
        &self,
        sessions: &SessionManager,
        found: Versioned<RememberedDevice>,
        actor: &Actor,
        reason: &str,
    ) -> Result<(), PortError> {
        let device = found.value;
        let mut version: Version = found.version;
        for _ in 0..RACES {
            let event = self.event(EventType::DEVICE_REVOKED, &device)?.by(actor).with("reason", reason);
            let batch = Batch::new()
                .require_version(entity(device.id), version)
                .write(Write::DeleteRecord(RememberedDevice::KIND, device.key()))
                .event(event);
            if self.ports.store().commit(batch).await?.is_applied() {
                break;
            }
            // Another sign-in with it moved the version; to forget must win.
            match load::<RememberedDevice>(self.ports.store(), &device.key()).await? {
                Some(again) => version = again.version,
                None => break,
            }
        }
        let on_it = |session: &super::Session| session.device == Some(device.id);
        sessions.end_matching(device.account, on_it, SessionEnd::DeviceRevoked, Some(actor)).await?;
        Ok(())
    }

    fn event(&self, event_type: EventType, device: &RememberedDevice) -> Result<Event, PortError> {
        let event = Event::new(&self.ports, event_type, crate::account::event_subject(device.account))?;
        Ok(event.with("device", device.id.to_string()))
    }
}

fn entity(id: DeviceId) -> EntityRef {
    EntityRef::record::<RememberedDevice>(id.to_string())
}

/// How many replaced secrets are recognised as such.
const RETIRED: usize = 8;

const RACES: usize = 8;
