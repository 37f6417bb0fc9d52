//! What adds a factor in the middle of a sign-in.

use ciam_core::account::Account;
use ciam_core::actor::Actor;
use ciam_core::credential::Credential;
use ciam_core::error::PortError;
use ciam_core::event::{Event, EventType};
use ciam_core::notify::MessageCode;
use ciam_core::ports::Ports;
use ciam_core::store::{Batch, EntityRef, Write};

use crate::notice::notice;

/// The credential, its event, and the message to the owner.
pub(crate) async fn added(
    ports: &Ports,
    account: &Account,
    credential: Credential,
    languages: &[String],
) -> Result<Batch, PortError> {
    let event = Event::new(ports, EventType::CREDENTIAL_CHANGED, account.event_subject())?
        .by(&Actor::Account(account.id))
        .with("factor", credential.factor.as_str())
        .with("credential", credential.id.to_string())
        .with("change", "added");
    let message = notice(ports, account, MessageCode::FactorAdded, languages)?;
    let factor = credential.factor.clone();
    let batch = Batch::new()
        .require_absent(EntityRef::Credential(credential.id))
        .write(Write::PutCredential(credential))
        .event(event);
    Ok(match message {
        Some(message) => batch.message(message.with("factor", factor).seal(ports).await?),
        None => batch,
    })
}
