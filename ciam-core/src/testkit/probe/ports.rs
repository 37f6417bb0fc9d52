//! The other ports, behind a probe.

use std::net::SocketAddr;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Map, Value};

use super::Probed;
use crate::account::{Account, IdentifierKey, Profile};
use crate::entropy::Entropy;
use crate::error::PortError;
use crate::hooks::{HookDecision, Hooks, TokenIssue};
use crate::notify::{Message, Notifier};
use crate::outbound::{HttpClient, OutboundRequest};
use crate::password::{BreachedPasswords, PasswordHasher};
use crate::risk::{Assessment, Confirmed, Observation, RiskEngine};
use crate::secret::Secret;
use crate::session::Session;
use crate::store::Batch;

impl PasswordHasher for Probed<dyn PasswordHasher> {
    fn hash(&self, password: &Secret) -> Result<String, PortError> {
        match self.probe.enter("hasher.hash", String::new()) {
            Some(failure) => Err(failure.error()),
            None => self.inner.hash(password),
        }
    }

    fn verify(&self, password: &Secret, hash: &str) -> bool {
        let _cannot_fail = self.probe.enter("hasher.verify", String::new());
        self.inner.verify(password, hash)
    }

    fn needs_rehash(&self, hash: &str) -> bool {
        // Looks at the parameters of a hash and costs nothing: not a call that anybody could time.
        self.inner.needs_rehash(hash)
    }

    fn recognises(&self, hash: &str) -> bool {
        // The same.
        self.inner.recognises(hash)
    }
}

impl Entropy for Probed<dyn Entropy> {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), PortError> {
        match self.probe.enter("entropy.fill", format!("{} bytes", buffer.len())) {
            Some(failure) => Err(failure.error()),
            None => self.inner.fill(buffer),
        }
    }
}

#[async_trait]
impl Notifier for Probed<dyn Notifier> {
    async fn send(&self, message: &Message) -> Result<(), PortError> {
        let detail = message.code.as_str().to_owned();
        self.probe.call("notifier.send", detail, self.inner.send(message)).await
    }
}

#[async_trait]
impl BreachedPasswords for Probed<dyn BreachedPasswords> {
    async fn occurrences(&self, sha1_hex: &str) -> Result<u64, PortError> {
        let work = self.inner.occurrences(sha1_hex);
        self.probe.call("breached_passwords.occurrences", String::new(), work).await
    }
}

#[async_trait]
impl RiskEngine for Probed<dyn RiskEngine> {
    async fn assess(&self, observation: &Observation) -> Result<Assessment, PortError> {
        let detail = format!("{:?}", observation.action);
        self.probe.call("risk.assess", detail, self.inner.assess(observation)).await
    }

    fn learn(&self, confirmed: &Confirmed<'_>) -> Result<Batch, PortError> {
        self.inner.learn(confirmed)
    }

    async fn refused(&self, assessment: &Assessment) -> Result<(), PortError> {
        self.probe.call("risk.refused", String::new(), self.inner.refused(assessment)).await
    }
}

#[async_trait]
impl HttpClient for Probed<dyn HttpClient> {
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        let detail = format!("{host}:{port}");
        self.probe.call("http_client.resolve", detail, self.inner.resolve(host, port)).await
    }

    async fn send(&self, request: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        let detail = format!("{} {}", request.request.method(), request.request.uri());
        self.probe.call("http_client.send", detail, self.inner.send(request)).await
    }
}

#[async_trait]
impl Hooks for Probed<dyn Hooks> {
    async fn before_registration(
        &self,
        identifier: &IdentifierKey,
        profile: &mut Profile,
    ) -> Result<HookDecision, PortError> {
        let detail = identifier.kind().as_str().to_owned();
        let work = self.inner.before_registration(identifier, profile);
        self.probe.call("hooks.before_registration", detail, work).await
    }

    async fn before_session(&self, account: &Account, session: &Session) -> Result<HookDecision, PortError> {
        let work = self.inner.before_session(account, session);
        self.probe.call("hooks.before_session", String::new(), work).await
    }

    async fn before_token(
        &self,
        issue: &TokenIssue<'_>,
        claims: &mut Map<String, Value>,
    ) -> Result<HookDecision, PortError> {
        let work = self.inner.before_token(issue, claims);
        self.probe.call("hooks.before_token", issue.kind.to_owned(), work).await
    }
}
