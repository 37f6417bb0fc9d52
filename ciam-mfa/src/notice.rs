//! Messages to the owner of an account about its factors.

use ciam_core::account::Account;
use ciam_core::error::PortError;
use ciam_core::notify::{Message, MessageCode};
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
    let message = Message::to_owner(ports, account, code, ports.now() + LIFETIME)?;
    Ok(message.map(|message| message.with_languages(languages.to_vec())))
}

/// A notice that could not be delivered for so long is of no use.
const LIFETIME: Duration = Duration::days(3);
