//! Types of authorization details, configured.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ConfigError, ServerBuilder};
use crate::authorization_details::{AuthorizationDetail, DetailType};

impl ServerBuilder {
    /// Adds a type of [authorization details](crate::authorization_details) that clients may be registered for.
    pub fn detail_type(mut self, known: Arc<dyn DetailType>) -> Self {
        self.detail_types.push(known);
        self
    }
}

pub(super) fn unique_details(
    known: &[Arc<dyn DetailType>],
) -> Result<BTreeMap<String, Arc<dyn DetailType>>, ConfigError> {
    let mut unique = BTreeMap::new();
    for one in known {
        let fits = (1..=AuthorizationDetail::MAX_TYPE).contains(&one.name().len());
        if !fits || unique.insert(one.name().to_owned(), Arc::clone(one)).is_some() {
            return Err(ConfigError::Contradiction("types of authorization details need different names"));
        }
    }
    Ok(unique)
}
