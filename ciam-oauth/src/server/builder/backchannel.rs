//! Backchannel authentication, configured.

use time::Duration;

use super::{ConfigError, ServerBuilder, between};
use crate::backchannel::{BackchannelSettings, Delivery};
use crate::client::GrantType;
use crate::issuer::Issuer;
use crate::redirect_uri::RedirectUri;
use crate::validate::SenderConstraint;

impl ServerBuilder {
    /// Turns [authentication through the back channel](crate::backchannel) on, with the host's people and page for it.
    pub fn backchannel(mut self, settings: BackchannelSettings) -> Self {
        self.backchannel = Some(settings);
        self.grants.insert(GrantType::Ciba);
        self
    }

    /// The settings with an absolute address.
    pub(super) fn configured_backchannel(
        &self,
        issuer: &Issuer,
    ) -> Result<Option<BackchannelSettings>, ConfigError> {
        let Some(settings) = &self.backchannel else {
            return if self.grants.contains(&GrantType::Ciba) {
                Err(ConfigError::Missing("backchannel"))
            } else {
                Ok(None)
            };
        };
        between("backchannel longest", settings.longest, Duration::seconds(10), Duration::HOUR)?;
        between("backchannel", settings.lifetime, Duration::seconds(10), settings.longest)?;
        between("backchannel interval", settings.interval, Duration::SECOND, Duration::MINUTE)?;
        if settings.delivery.is_empty() {
            return Err(ConfigError::Contradiction("nobody can hear of a backchannel authentication"));
        }
        if settings.delivery.contains(&Delivery::Push) && self.sender_constraint != SenderConstraint::None {
            return Err(ConfigError::Contradiction("tokens that are pushed cannot be bound to their sender"));
        }
        let done_url = issuer.page(&settings.done_url).ok_or(ConfigError::Page("backchannel"))?;
        if done_url.parse::<RedirectUri>().is_err() {
            return Err(ConfigError::Page("backchannel"));
        }
        Ok(Some(BackchannelSettings { done_url, ..settings.clone() }))
    }
}
