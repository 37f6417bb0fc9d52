//! The authorization of devices, configured.

use time::Duration;

use super::{ConfigError, ServerBuilder, between};
use crate::client::GrantType;
use crate::device::DeviceSettings;
use crate::issuer::Issuer;
use crate::redirect_uri::RedirectUri;

impl ServerBuilder {
    /// Turns the [authorization of devices](crate::device) on, with the host's pages for it.
    pub fn device(mut self, settings: DeviceSettings) -> Self {
        self.device = Some(settings);
        self.grants.insert(GrantType::DeviceCode);
        self
    }

    /// The settings with absolute addresses.
    pub(super) fn configured_device(&self, issuer: &Issuer) -> Result<Option<DeviceSettings>, ConfigError> {
        let Some(settings) = &self.device else {
            return if self.grants.contains(&GrantType::DeviceCode) {
                Err(ConfigError::Missing("device"))
            } else {
                Ok(None)
            };
        };
        between("device", settings.lifetime, Duration::MINUTE, Duration::minutes(30))?;
        between("device interval", settings.interval, Duration::SECOND, Duration::MINUTE)?;
        let page = |url: &str| issuer.page(url).ok_or(ConfigError::Page("device"));
        let (verification_url, done_url) = (page(&settings.verification_url)?, page(&settings.done_url)?);
        if done_url.parse::<RedirectUri>().is_err() {
            return Err(ConfigError::Page("device"));
        }
        Ok(Some(DeviceSettings { verification_url, done_url, ..settings.clone() }))
    }
}
