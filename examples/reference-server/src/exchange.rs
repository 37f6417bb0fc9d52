//! Which tokens are exchanged: what the configuration says, and nothing else.

use async_trait::async_trait;
use ciam_core::error::PortError;
use ciam_oauth::exchange::{Exchange, ExchangeDecision, ExchangePolicy, ExchangeTerms};

use crate::config::ExchangeRule;

/// The exchanges of the configuration.
#[derive(Clone, Debug)]
pub struct ConfiguredExchanges {
    rules: Vec<ExchangeRule>,
}

impl ConfiguredExchanges {
    /// These and no others.
    pub const fn new(rules: Vec<ExchangeRule>) -> Self {
        Self { rules }
    }
}

#[async_trait]
impl ExchangePolicy for ConfiguredExchanges {
    async fn decide(&self, asked: &Exchange<'_>) -> Result<ExchangeDecision, PortError> {
        let named = |rule: &&ExchangeRule| {
            rule.client == asked.client.id && rule.resource == asked.resource.identifier
        };
        let Some(rule) = self.rules.iter().find(named) else { return Ok(ExchangeDecision::Refuse) };
        let terms = match &rule.scopes {
            Some(scopes) => ExchangeTerms::default().with_scopes(scopes.clone()),
            None => ExchangeTerms::default(),
        };
        Ok(match rule.impersonates {
            true => ExchangeDecision::Impersonate(terms),
            false => ExchangeDecision::Delegate(terms),
        })
    }
}
