//! The notice of a sign-in in a browser in which the account had not been seen.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::{Device, Session};
use crate::account::Account;
use crate::error::PortError;
use crate::notify::{Message, MessageCode};
use crate::ports::Ports;
use crate::risk::Assessment;

/// The message to the owner; `None` when they have no verified address.
pub(super) fn new_device(
    ports: &Ports,
    account: &Account,
    session: &Session,
    risk: Option<&Assessment>,
) -> Result<Option<Message>, PortError> {
    let message = Message::to_owner(ports, account, MessageCode::NewDevice, ports.now() + LIFETIME)?;
    let Some(message) = message else { return Ok(None) };
    let mut message = message.with("time", at(session.created_at));
    if let Some(device) = session.user_agent.as_deref().and_then(Device::of) {
        message = message.with("device", device.to_string());
    }
    if let Some(place) = &session.place {
        message = message.with("place", place.to_string());
    }
    if let Some(risk) = risk.filter(|risk| !risk.reasons.is_empty()) {
        message = message.with("reasons", risk.reasons.join(" "));
    }
    let languages = account.profile.text("locale").map(ToOwned::to_owned);
    Ok(Some(message.with_languages(languages.into_iter().collect())))
}

fn at(time: OffsetDateTime) -> String {
    time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_default()
}

/// An account that was made so short a time ago is signed in to for the first time.
pub(super) const FRESH: Duration = Duration::minutes(1);

/// News of yesterday is of no use.
const LIFETIME: Duration = Duration::days(1);
