//! What differs there from what was written: looked at, and not changed.

use std::collections::BTreeSet;

use ciam_core::error::PortError;
use ciam_core::store::PageRequest;

use super::record::{Link, SYNC_LINK};
use super::written::drifted;
use super::{Drift, DriftReport, GROUPS, SyncEngine, USERS};
use crate::client::ClientError;

impl SyncEngine {
    /// Compares what is there with what was written, and changes nothing.
    ///
    /// # Errors
    ///
    /// Fails when the service provider cannot be reached, or lists what cannot be read.
    pub async fn drift(&self) -> Result<DriftReport, ClientError> {
        let mut report = DriftReport::default();
        for endpoint in [USERS, GROUPS] {
            let mut there = BTreeSet::new();
            let mut start = 1;
            loop {
                let page = self.client.page(endpoint, start).await?;
                let count = page.resources.len();
                for remote in page.resources {
                    if !there.insert(remote.id.clone()) {
                        continue;
                    }
                    report.compared += 1;
                    match self.link_of(endpoint, &remote.id).await? {
                        None => report
                            .drifts
                            .push(Drift::Foreign { endpoint: endpoint.to_owned(), id: remote.id }),
                        Some(link) => {
                            let attributes = drifted(&link.written, &remote.attributes);
                            if !attributes.is_empty() {
                                let endpoint = endpoint.to_owned();
                                report.drifts.push(Drift::Changed { endpoint, key: link.key, attributes });
                            }
                        }
                    }
                }
                start += count;
                let total = page.total.and_then(|it| usize::try_from(it).ok());
                if count == 0 || total.is_some_and(|total| start > total) {
                    break;
                }
            }
            self.missing(endpoint, &there, &mut report).await?;
        }
        Ok(report)
    }

    async fn missing(
        &self,
        endpoint: &str,
        there: &BTreeSet<String>,
        report: &mut DriftReport,
    ) -> Result<(), ClientError> {
        let value = Link::target_value(&self.target, endpoint);
        let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let page = self.client.ports.store().records_by(SYNC_LINK, "target", &value, request).await?;
            for record in page.items {
                let link: Link = record.value.decode().map_err(PortError::from)?;
                if !link.left && !there.contains(&link.remote) {
                    report.drifts.push(Drift::Missing { endpoint: endpoint.to_owned(), key: link.key });
                }
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PageRequest::MAX_LIMIT),
                None => return Ok(()),
            }
        }
    }
}
