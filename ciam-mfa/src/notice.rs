//! Messages to the owner of an account about its factors.

use ciam_core::account::{Account, Identifier, IdentifierKind};
use ciam_core::error::PortError;
use ciam_core::notify::{Channel, Message, MessageCode};
use ciam_core::ports::Ports;
use time::Duration;

/// A message to an account's owner, by mail where they have a verified address, else by text message; `None` where there is
/// neither.
pub(crate) fn notice(
    ports: &Ports,
    account: &Account,
    code: MessageCode,
    languages: &[String],
) -> Result<Option<Message>, PortError> {
    let verified = |kind| {
        let mut held = account.held();
        held.find(move |it: &&Identifier| it.key.kind() == kind && it.is_verified())
    };
    let email = verified(IdentifierKind::Email).map(|it| (Channel::Email, it));
    let Some((channel, to)) = email.or_else(|| verified(IdentifierKind::Phone).map(|it| (Channel::Sms, it)))
    else {
        return Ok(None);
    };
    let message = Message::new(ports, code, channel, to.key.as_str(), ports.now() + LIFETIME)?;
    Ok(Some(message.with_account(account.id).with_languages(languages.to_vec())))
}

/// A notice that could not be delivered for so long is of no use.
const LIFETIME: Duration = Duration::days(3);
