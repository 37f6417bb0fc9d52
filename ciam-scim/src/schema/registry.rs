//! The kinds of resources of one connection, and the documents that tell of them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::attribute::Schema;
use super::compile::{InvalidSchemaError, ResourceType};
use super::core;

/// The kinds of resources that a connection serves. Cloning is cheap; each customer may have another one.
#[derive(Clone, Debug)]
pub struct Registry(Arc<Vec<ResourceType>>);

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// Users with the enterprise extension, and groups.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(vec![ResourceType::user(), ResourceType::group()]))
    }

    /// With another extension of users.
    ///
    /// # Errors
    ///
    /// Fails when the extension cannot be.
    pub fn with_user_extension(&self, schema: &Schema, required: bool) -> Result<Self, InvalidSchemaError> {
        let mut types = (*self.0).clone();
        for known in types.iter_mut().filter(|known| known.name() == "User") {
            *known = known.with_extension(schema.clone(), required)?;
        }
        Ok(Self(Arc::new(types)))
    }

    /// With another kind of resource.
    ///
    /// # Errors
    ///
    /// Fails when there is one of that name or endpoint.
    pub fn with_type(&self, kind: ResourceType) -> Result<Self, InvalidSchemaError> {
        const RESERVED: [&str; 6] =
            ["/schemas", "/resourcetypes", "/serviceproviderconfig", "/bulk", "/me", "/requests"];
        let reserved = RESERVED.iter().any(|name| kind.endpoint().eq_ignore_ascii_case(name));
        if reserved || self.by_endpoint(kind.endpoint()).is_some() || self.by_name(kind.name()).is_some() {
            return Err(InvalidSchemaError::Twice(kind.name().to_owned()));
        }
        let mut types = (*self.0).clone();
        types.push(kind);
        Ok(Self(Arc::new(types)))
    }

    /// The kinds, in order.
    pub fn types(&self) -> impl Iterator<Item = &ResourceType> {
        self.0.iter()
    }

    /// The kind of a name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&ResourceType> {
        self.0.iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// The kind of an endpoint.
    #[must_use]
    pub fn by_endpoint(&self, endpoint: &str) -> Option<&ResourceType> {
        self.0.iter().find(|kind| kind.endpoint().eq_ignore_ascii_case(endpoint))
    }

    /// Every schema once: those of the kinds and their extensions.
    #[must_use]
    pub fn schemas(&self) -> Vec<&Schema> {
        let mut found: Vec<&Schema> = Vec::new();
        for kind in self.0.iter() {
            for schema in kind.schema().into_iter().chain(kind.extensions().map(|(schema, _)| schema)) {
                if !found.iter().any(|known| known.id == schema.id) {
                    found.push(schema);
                }
            }
        }
        found
    }

    /// The document of a schema ([RFC 7643, section 8.7](https://www.rfc-editor.org/rfc/rfc7643#section-8.7)).
    #[must_use]
    pub fn schema_document(&self, id: &str, base: &str) -> Option<Value> {
        let schema = self.schemas().into_iter().find(|schema| schema.id.eq_ignore_ascii_case(id))?;
        let mut document = serde_json::to_value(schema).ok()?;
        let object = document.as_object_mut()?;
        object.insert("schemas".to_owned(), json!(["urn:ietf:params:scim:schemas:core:2.0:Schema"]));
        let location = format!("{base}/Schemas/{}", schema.id);
        object.insert("meta".to_owned(), json!({ "resourceType": "Schema", "location": location }));
        Some(document)
    }

    /// The document of a kind ([RFC 7643, section 6](https://www.rfc-editor.org/rfc/rfc7643#section-6)).
    #[must_use]
    pub fn type_document(&self, name: &str, base: &str) -> Option<Value> {
        let kind = self.by_name(name)?;
        let extensions: Vec<Value> = kind
            .extensions()
            .map(|(schema, required)| json!({ "schema": schema.id, "required": required }))
            .collect();
        Some(json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": kind.name(),
            "name": kind.name(),
            "endpoint": kind.endpoint(),
            "description": kind.description(),
            "schema": kind.schema().map_or("", |schema| &schema.id),
            "schemaExtensions": extensions,
            "meta": {
                "resourceType": "ResourceType",
                "location": format!("{base}/ResourceTypes/{}", kind.name()),
            },
        }))
    }

    /// The kind of users.
    #[must_use]
    pub fn user(&self) -> Option<&ResourceType> {
        self.0.iter().find(|kind| kind.schema().is_some_and(|schema| schema.id == core::USER))
    }

    /// The kind of groups.
    #[must_use]
    pub fn group(&self) -> Option<&ResourceType> {
        self.0.iter().find(|kind| kind.schema().is_some_and(|schema| schema.id == core::GROUP))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Attribute, AttributeType, ENTERPRISE_USER, USER};

    #[test]
    fn documents_tell_what_is_served() {
        let registry = Registry::new();
        let user = registry.schema_document(USER, "https://x/scim/v2").unwrap();
        assert_eq!(user["attributes"][0]["name"], "userName");
        assert_eq!(user["attributes"][0]["uniqueness"], "server");
        assert_eq!(user["meta"]["location"], format!("https://x/scim/v2/Schemas/{USER}"));
        assert!(!user.to_string().contains("null"), "no nulls in schemas");
        let kind = registry.type_document("User", "https://x/scim/v2").unwrap();
        assert_eq!(kind["schemaExtensions"][0]["schema"], ENTERPRISE_USER);
        assert_eq!(registry.schemas().len(), 3);
    }

    #[test]
    fn a_schema_document_reads_back_as_the_schema() {
        let registry = Registry::new();
        for schema in registry.schemas() {
            let document = registry.schema_document(&schema.id, "").unwrap();
            let read: Schema = serde_json::from_value(document).unwrap();
            assert_eq!(&read, schema);
        }
    }

    #[test]
    fn endpoints_of_the_protocol_stay_free() {
        let schema = Schema::new("urn:x:Bulk", "B", vec![Attribute::new("a", AttributeType::String)]);
        for (name, endpoint) in [("Bulk", "/Bulk"), ("Me", "/Me"), ("User", "/People"), ("Other", "/users")] {
            let kind = ResourceType::new(name, endpoint, schema.clone()).compile().unwrap();
            assert!(Registry::new().with_type(kind).is_err(), "{endpoint}");
        }
    }
}
