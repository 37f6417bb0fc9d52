//! The device asks for its tokens
//! ([RFC 8628, sections 3.4 and 3.5](https://www.rfc-editor.org/rfc/rfc8628#section-3.4)).

use ciam_core::ephemeral;
use ciam_core::error::PortError;
use ciam_core::secret::Secret;
use time::{Duration, OffsetDateTime};

use super::{TokenRequest, TokenResponse};
use crate::AuthorizationServer;
use crate::client::Client;
use crate::confirmation::Confirmation;
use crate::device::{DeviceRecord, DeviceState, PollState};
use crate::error::{GrantProblem, TokenError};

impl AuthorizationServer {
    pub(super) async fn poll_device(
        &self,
        client: &Client,
        kind: &'static str,
        device_code: &Secret,
        request: &TokenRequest,
        bound: Option<Confirmation>,
    ) -> Result<TokenResponse, TokenError> {
        let key = DeviceRecord::key(kind, device_code);
        let stored = self.ports().ephemeral().get(&key).await?.ok_or(GrantProblem::Unknown)?;
        let record: DeviceRecord = ephemeral::decode(&stored)?;
        if record.client != client.id {
            return Err(GrantProblem::OtherClient.into());
        }
        let now = self.ports().now();
        let granted = match &record.state {
            DeviceState::Spent(granted) => return self.refuse_replay(granted).await,
            _ if now >= record.expires_at => return Err(TokenError::ExpiredToken),
            DeviceState::Refused => return Err(TokenError::PersonRefused),
            DeviceState::Pending(_) => return Err(self.pace(kind, device_code, now).await?),
            DeviceState::Approved(granted) => granted.clone(),
        };
        let prepared = self.prepare_exchange(client, &granted, request, bound, now).await?;

        // From here on the code is used up, whatever happens.
        let spent = ephemeral::encode(&record.with_state(DeviceState::Spent(granted.clone())))?;
        let keep = self.config().lifetimes.spent_code;
        if !self.ports().ephemeral().compare_and_swap(&key, &stored, spent, keep).await? {
            return self.refuse_replay(&granted).await;
        }
        self.commit_exchange(prepared).await
    }

    /// A device that nobody has answered yet waits, and one that does not wait is told to.
    async fn pace(
        &self,
        kind: &'static str,
        device_code: &Secret,
        now: OffsetDateTime,
    ) -> Result<TokenError, PortError> {
        let config = self.config();
        let interval = match kind {
            DeviceRecord::BACKCHANNEL => config.backchannel.as_ref().map(|settings| settings.interval),
            _ => config.device.as_ref().map(|settings| settings.interval),
        };
        let interval = interval.unwrap_or(Duration::ZERO);
        let (key, ephemeral) = (PollState::key(device_code), self.ports().ephemeral());
        let stored = ephemeral.get(&key).await?;
        let before = stored.as_deref().map(ephemeral::decode::<PollState>).transpose()?;
        let (in_time, next) = PollState::poll(before, interval, now);
        let (next, ttl) = (ephemeral::encode(&next)?, DeviceRecord::KEPT * 6);
        // Of polls that run side by side one is in time.
        let first = match stored {
            Some(stored) => ephemeral.compare_and_swap(&key, &stored, next, ttl).await?,
            None => ephemeral.put_if_absent(&key, next, ttl).await?,
        };
        Ok(if in_time && first { TokenError::AuthorizationPending } else { TokenError::SlowDown })
    }
}
