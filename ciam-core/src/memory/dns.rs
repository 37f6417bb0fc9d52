//! TXT records in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::PortError;
use crate::organization::DnsTxt;

/// TXT records in memory, for tests and demonstrations.
#[derive(Debug, Default)]
pub struct MemoryDns(Mutex<BTreeMap<String, Vec<String>>>);

impl MemoryDns {
    /// No records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Publishes a record.
    pub fn publish(&self, name: &str, value: impl Into<String>) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.entry(name.to_ascii_lowercase()).or_default().push(value.into());
    }

    /// Removes the records of a name.
    pub fn remove(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&name.to_ascii_lowercase());
    }
}

#[async_trait]
impl DnsTxt for MemoryDns {
    async fn txt(&self, name: &str) -> Result<Vec<String>, PortError> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(records.get(&name.to_ascii_lowercase()).cloned().unwrap_or_default())
    }
}
