//! What waits for a person's answer.

use ciam_core::ephemeral;
use ciam_core::error::PortError;
use ciam_core::id::AccountId;
use ciam_core::secret::Secret;
use time::OffsetDateTime;

use crate::AuthorizationServer;
use crate::client::ClientId;
use crate::device::DeviceReference;
use crate::scope::ScopeSet;

/// A backchannel authentication that waits for its person's answer, as a list of the host's shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackchannelQuestion {
    /// Who is asked.
    pub account: AccountId,
    /// Who asks.
    pub client: ClientId,
    /// What the client shows on its side, for the person to compare.
    pub binding_message: Option<String>,
    /// The scope values that are asked for.
    pub scopes: ScopeSet,
    /// Until when the person can answer.
    pub expires_at: OffsetDateTime,
}

impl AuthorizationServer {
    /// What a person is asked, by the handle that [`BackchannelPeople::reach`](super::BackchannelPeople::reach) gave them; `None`
    /// when it was answered, when its time is over, and when there never was such a question.
    ///
    /// # Security
    ///
    /// The host shows it to [its account](BackchannelQuestion::account) alone. It changes nothing: an answer is given behind
    /// [`open_backchannel`](Self::open_backchannel).
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn backchannel_question(
        &self,
        handle: &Secret,
    ) -> Result<Option<BackchannelQuestion>, PortError> {
        let Some(found) = self.ports().ephemeral().get(&DeviceReference::handle(handle)).await? else {
            return Ok(None);
        };
        let reference: DeviceReference = ephemeral::decode(&found)?;
        let (Some(account), Some((_, record, request))) =
            (reference.person, self.waiting_device(&reference).await?)
        else {
            return Ok(None);
        };
        Ok(Some(BackchannelQuestion {
            account,
            client: record.client,
            binding_message: Some(reference.user_code).filter(|message| !message.is_empty()),
            scopes: request.scopes,
            expires_at: record.expires_at,
        }))
    }
}
