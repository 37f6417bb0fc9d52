//! Users and groups by the names of their attributes ([RFC 7643, section 4]).
//!
//! A resource is JSON, because schemas are data. Who works with the standard's own attributes reads them with a view, and writes
//! them with a draft: thin, borrowed, and nothing is kept twice.
//!
//! ```
//! use ciam_scim::view::{GroupView, UserDraft, UserView};
//!
//! let kim = UserDraft::new("kim@corp.example")
//!     .with_name("Kim", "Carver")
//!     .with_email("kim@corp.example", "work", true)
//!     .with_department("Ops")
//!     .build();
//! let view = UserView::new(&kim);
//! assert_eq!(view.user_name(), Some("kim@corp.example"));
//! assert_eq!(view.primary_email(), Some("kim@corp.example"));
//! assert_eq!(view.enterprise().and_then(|it| it.department()), Some("Ops"));
//! assert!(view.is_active());
//!
//! let group = serde_json::json!({ "displayName": "Ops", "members": [{ "value": "7", "type": "User" }] });
//! let view = GroupView::new(group.as_object().unwrap());
//! assert_eq!(view.members().filter_map(|it| it.value()).collect::<Vec<_>>(), ["7"]);
//! ```
//!
//! [RFC 7643, section 4]: https://www.rfc-editor.org/rfc/rfc7643#section-4

use serde_json::{Map, Value, json};

use crate::schema::{ENTERPRISE_USER, USER};

/// Reads a user ([RFC 7643, section 4.1](https://www.rfc-editor.org/rfc/rfc7643#section-4.1)).
#[derive(Clone, Copy, Debug)]
pub struct UserView<'a>(&'a Map<String, Value>);

impl<'a> UserView<'a> {
    /// A view of a resource, in the canonical spelling of names: as this crate answers and keeps it.
    #[must_use]
    pub const fn new(resource: &'a Map<String, Value>) -> Self {
        Self(resource)
    }

    /// The id that the service provider gave.
    #[must_use]
    pub fn id(&self) -> Option<&'a str> {
        text(self.0, "id")
    }

    /// What the directory calls it.
    #[must_use]
    pub fn external_id(&self) -> Option<&'a str> {
        text(self.0, "externalId")
    }

    /// The name that is one user's alone.
    #[must_use]
    pub fn user_name(&self) -> Option<&'a str> {
        text(self.0, "userName")
    }

    /// The name that people read.
    #[must_use]
    pub fn display_name(&self) -> Option<&'a str> {
        text(self.0, "displayName")
    }

    /// The given name.
    #[must_use]
    pub fn given_name(&self) -> Option<&'a str> {
        text(object(self.0, "name")?, "givenName")
    }

    /// The family name.
    #[must_use]
    pub fn family_name(&self) -> Option<&'a str> {
        text(object(self.0, "name")?, "familyName")
    }

    /// The whole name, as it is written.
    #[must_use]
    pub fn formatted_name(&self) -> Option<&'a str> {
        text(object(self.0, "name")?, "formatted")
    }

    /// The title.
    #[must_use]
    pub fn title(&self) -> Option<&'a str> {
        text(self.0, "title")
    }

    /// What the person is to the organization.
    #[must_use]
    pub fn user_type(&self) -> Option<&'a str> {
        text(self.0, "userType")
    }

    /// The language that the person prefers.
    #[must_use]
    pub fn preferred_language(&self) -> Option<&'a str> {
        text(self.0, "preferredLanguage")
    }

    /// Whether the person may act: unless it says otherwise.
    #[must_use]
    pub fn is_active(&self) -> bool {
        crate::store::is_active(self.0)
    }

    /// The e-mail addresses.
    pub fn emails(&self) -> impl Iterator<Item = ValueView<'a>> {
        elements(self.0, "emails")
    }

    /// The preferred address, else the first.
    #[must_use]
    pub fn primary_email(&self) -> Option<&'a str> {
        let first = || self.emails().next();
        self.emails().find(ValueView::is_primary).or_else(first).and_then(|it| it.value())
    }

    /// The phone numbers.
    pub fn phone_numbers(&self) -> impl Iterator<Item = ValueView<'a>> {
        elements(self.0, "phoneNumbers")
    }

    /// The roles that the directory says.
    pub fn roles(&self) -> impl Iterator<Item = ValueView<'a>> {
        elements(self.0, "roles")
    }

    /// The groups, where they were read.
    pub fn groups(&self) -> impl Iterator<Item = ValueView<'a>> {
        elements(self.0, "groups")
    }

    /// What the enterprise extension says.
    #[must_use]
    pub fn enterprise(&self) -> Option<EnterpriseView<'a>> {
        object(self.0, ENTERPRISE_USER).map(EnterpriseView)
    }
}

/// Reads the enterprise extension of a user ([RFC 7643, section 4.3](https://www.rfc-editor.org/rfc/rfc7643#section-4.3)).
#[derive(Clone, Copy, Debug)]
pub struct EnterpriseView<'a>(&'a Map<String, Value>);

impl<'a> EnterpriseView<'a> {
    /// The number of the employee.
    #[must_use]
    pub fn employee_number(&self) -> Option<&'a str> {
        text(self.0, "employeeNumber")
    }

    /// The cost center.
    #[must_use]
    pub fn cost_center(&self) -> Option<&'a str> {
        text(self.0, "costCenter")
    }

    /// The organization.
    #[must_use]
    pub fn organization(&self) -> Option<&'a str> {
        text(self.0, "organization")
    }

    /// The division.
    #[must_use]
    pub fn division(&self) -> Option<&'a str> {
        text(self.0, "division")
    }

    /// The department.
    #[must_use]
    pub fn department(&self) -> Option<&'a str> {
        text(self.0, "department")
    }

    /// The id of the manager.
    #[must_use]
    pub fn manager(&self) -> Option<&'a str> {
        text(object(self.0, "manager")?, "value")
    }
}

/// Reads a group ([RFC 7643, section 4.2](https://www.rfc-editor.org/rfc/rfc7643#section-4.2)).
#[derive(Clone, Copy, Debug)]
pub struct GroupView<'a>(&'a Map<String, Value>);

impl<'a> GroupView<'a> {
    /// A view of a resource.
    #[must_use]
    pub const fn new(resource: &'a Map<String, Value>) -> Self {
        Self(resource)
    }

    /// The id that the service provider gave.
    #[must_use]
    pub fn id(&self) -> Option<&'a str> {
        text(self.0, "id")
    }

    /// What the directory calls it.
    #[must_use]
    pub fn external_id(&self) -> Option<&'a str> {
        text(self.0, "externalId")
    }

    /// The name.
    #[must_use]
    pub fn display_name(&self) -> Option<&'a str> {
        text(self.0, "displayName")
    }

    /// The members, where they were read.
    pub fn members(&self) -> impl Iterator<Item = ValueView<'a>> {
        elements(self.0, "members")
    }
}

/// Reads one of many values ([RFC 7643, section 2.4](https://www.rfc-editor.org/rfc/rfc7643#section-2.4)).
#[derive(Clone, Copy, Debug)]
pub struct ValueView<'a>(&'a Map<String, Value>);

impl<'a> ValueView<'a> {
    /// The value.
    #[must_use]
    pub fn value(&self) -> Option<&'a str> {
        text(self.0, "value")
    }

    /// What it is for, such as `work`; of a member `User` or `Group`.
    #[must_use]
    pub fn kind(&self) -> Option<&'a str> {
        text(self.0, "type")
    }

    /// The name that people read.
    #[must_use]
    pub fn display(&self) -> Option<&'a str> {
        text(self.0, "display")
    }

    /// Whether it is the preferred one.
    #[must_use]
    pub fn is_primary(&self) -> bool {
        self.0.get("primary") == Some(&Value::Bool(true))
    }
}

/// Writes a user.
#[derive(Clone, Debug)]
pub struct UserDraft(Map<String, Value>);

impl UserDraft {
    /// A user of this name.
    #[must_use]
    pub fn new(user_name: impl Into<String>) -> Self {
        Self(Map::from_iter([("userName".to_owned(), Value::String(user_name.into()))]))
    }

    /// Sets an attribute by its name: one that has no method here, or of another schema.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Sets what the directory calls it.
    #[must_use]
    pub fn with_external_id(self, id: impl Into<String>) -> Self {
        self.with("externalId", id.into())
    }

    /// Sets the name that people read.
    #[must_use]
    pub fn with_display_name(self, name: impl Into<String>) -> Self {
        self.with("displayName", name.into())
    }

    /// Sets given and family name.
    #[must_use]
    pub fn with_name(self, given: &str, family: &str) -> Self {
        self.with("name", json!({ "givenName": given, "familyName": family }))
    }

    /// Sets whether the person may act.
    #[must_use]
    pub fn with_active(self, active: bool) -> Self {
        self.with("active", active)
    }

    /// Adds an e-mail address.
    #[must_use]
    pub fn with_email(mut self, address: &str, kind: &str, primary: bool) -> Self {
        let emails = self.0.entry("emails").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(emails) = emails {
            emails.push(json!({ "value": address, "type": kind, "primary": primary }));
        }
        self
    }

    /// Sets the department of the enterprise extension.
    #[must_use]
    pub fn with_department(self, department: &str) -> Self {
        self.with_enterprise("department", department)
    }

    /// Sets an attribute of the enterprise extension.
    #[must_use]
    pub fn with_enterprise(mut self, name: &str, value: impl Into<Value>) -> Self {
        let extension = self.0.entry(ENTERPRISE_USER).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(extension) = extension {
            extension.insert(name.to_owned(), value.into());
        }
        self
    }

    /// The resource, with its schemas.
    #[must_use]
    pub fn build(self) -> Map<String, Value> {
        let mut resource = self.0;
        let mut schemas = vec![USER];
        if resource.contains_key(ENTERPRISE_USER) {
            schemas.push(ENTERPRISE_USER);
        }
        resource.insert("schemas".to_owned(), json!(schemas));
        resource
    }
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

fn object<'a>(of: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    of.get(name).and_then(Value::as_object)
}

fn elements<'a>(of: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = ValueView<'a>> {
    let values = of.get(name).and_then(Value::as_array);
    values.into_iter().flatten().filter_map(Value::as_object).map(ValueView)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_or_of_another_type_is_nothing() {
        let odd =
            json!({ "userName": 7, "name": "Kim", "emails": "x", "active": false, ENTERPRISE_USER: [] });
        let view = UserView::new(odd.as_object().unwrap());
        assert_eq!((view.user_name(), view.given_name(), view.primary_email()), (None, None, None));
        assert!(!view.is_active() && view.enterprise().is_none());
        let nothing = Map::new();
        assert!(UserView::new(&nothing).is_active(), "unless it says otherwise");
    }

    #[test]
    fn the_primary_address_is_the_preferred_one_else_the_first() {
        let two =
            UserDraft::new("k").with_email("a@x", "home", false).with_email("b@x", "work", true).build();
        assert_eq!(UserView::new(&two).primary_email(), Some("b@x"));
        let first =
            UserDraft::new("k").with_email("a@x", "home", false).with_email("b@x", "work", false).build();
        assert_eq!(UserView::new(&first).primary_email(), Some("a@x"));
    }

    #[test]
    fn a_draft_is_a_resource_that_the_service_reads() {
        let kind = crate::schema::ResourceType::user();
        let draft = UserDraft::new("kim")
            .with_external_id("1")
            .with_display_name("Kim")
            .with_name("Kim", "C")
            .with_active(true)
            .with_enterprise("manager", json!({ "value": "7" }));
        let tolerance = crate::profile::Profile::Strict.tolerance();
        let read = crate::normalize::Normalizer::new(&kind, &tolerance).resource(draft.build()).unwrap();
        assert_eq!(UserView::new(&read).enterprise().and_then(|it| it.manager()), Some("7"));
    }
}
