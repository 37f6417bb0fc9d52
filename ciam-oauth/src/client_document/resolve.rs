//! Fetching documents, and keeping them (section 5 of the draft).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ciam_core::ephemeral::{self, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::outbound::{Outbound, OutboundError};
use ciam_core::ports::Ports;
use ciam_core::ratelimit::{RateLimitError, RateLimiter};
use ciam_core::secret::TokenDigest;
use http::header::ACCEPT;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use url::Url;

use super::ClientDocuments;
use super::document::{DocumentProblem, read};
use super::url::document_url;
use crate::client::{Client, ClientId, Supported};
use crate::trace;

/// Knows clients by their documents.
#[derive(Clone, Debug)]
pub(crate) struct Documents {
    settings: Arc<ClientDocuments>,
}

/// A client as it was published.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    client: Client,
    #[serde(with = "time::serde::rfc3339")]
    fetched_at: OffsetDateTime,
}

impl Documents {
    pub(crate) fn new(settings: ClientDocuments) -> Self {
        Self { settings: Arc::new(settings) }
    }

    /// The client that is published at its id; `None` when there is none, and when it cannot be fetched and is not known.
    ///
    /// Nodes share what they fetched. Of a known document that has become old one node at a time asks for the present one; until
    /// it has it, and while there is no answer, the known one is used.
    pub(crate) async fn client(
        &self,
        ports: &Ports,
        supported: &Supported,
        id: &ClientId,
    ) -> Result<Option<Client>, PortError> {
        let Some(url) = document_url(id.as_str()).filter(|url| self.is_allowed(url)) else { return Ok(None) };
        let name = TokenDigest::of(id.as_str()).to_text();
        let key = EphemeralKey::new("oauth.client_document", name.clone());
        let known = match ports.ephemeral().get(&key).await? {
            Some(bytes) => Some(ephemeral::decode::<Kept>(&bytes)?),
            None => None,
        };
        let now = ports.now();
        if let Some(known) = &known {
            let attempt = EphemeralKey::new("oauth.client_document_attempt", name);
            if now < known.fetched_at + ClientDocuments::REFRESH_AFTER
                || !ports.ephemeral().put_if_absent(&attempt, Vec::new(), ClientDocuments::COOLDOWN).await?
            {
                return Ok(Some(known.client.clone()));
            }
        }
        match self.fetch(ports, supported, id, &url).await {
            Ok(client) => {
                let kept = Kept { client, fetched_at: now };
                ports.ephemeral().put(&key, ephemeral::encode(&kept)?, ClientDocuments::STALE_AFTER).await?;
                Ok(Some(kept.client))
            }
            Err(problem) => {
                trace::refused("invalid_client_document", &problem);
                if !is_answer(&problem) {
                    return Ok(known.map(|known| known.client));
                }
                // It was taken away, or says something else now.
                if known.is_some() {
                    let _gone = ports.ephemeral().take(&key).await?;
                }
                Ok(None)
            }
        }
    }

    fn is_allowed(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        self.settings.hosts.as_ref().is_none_or(|hosts| hosts.contains(host))
    }

    async fn fetch(
        &self,
        ports: &Ports,
        supported: &Supported,
        id: &ClientId,
        url: &Url,
    ) -> Result<Client, DocumentProblem> {
        let limiter = RateLimiter::new(ports.clone());
        let host = url.host_str().unwrap_or_default();
        for (limit, of) in [(&self.settings.fetches_of_host, host), (&self.settings.fetches, "")] {
            match limiter.attempt(limit, of).await {
                Ok(()) => {}
                Err(RateLimitError::Port(error)) => return Err(OutboundError::from(error).into()),
                Err(_) => return Err(DocumentProblem::TooMany),
            }
        }
        let request = http::Request::get(id.as_str()).header(ACCEPT, "application/json").body(Bytes::new());
        let request = request.map_err(|_| OutboundError::Url)?;
        let outbound = Outbound::new(ports.clone()).with_limits(DEADLINE, ClientDocuments::MAX_BYTES);
        let body = outbound.json_of(request).await?;
        let mut client = read(id, url, &body, &self.settings, &supported.scopes)?;
        (client.created_at, client.updated_at) = (ports.now(), ports.now());
        client.check(supported, ports.crypto())?;
        Ok(client)
    }
}

/// How long a document may take: a person waits for it.
const DEADLINE: Duration = Duration::from_secs(5);

/// Whether the host answered, and the answer is that there is no such client.
fn is_answer(problem: &DocumentProblem) -> bool {
    match problem {
        DocumentProblem::TooMany => false,
        DocumentProblem::Fetch(OutboundError::Status(status)) => status.is_client_error(),
        DocumentProblem::Fetch(OutboundError::Port(_) | OutboundError::Address) => false,
        _ => true,
    }
}
