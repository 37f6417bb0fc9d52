//! What identity providers call things, and what we call them.

use std::collections::BTreeMap;

use super::Authenticated;

/// Our names for attributes, each with the names under which identity providers send it.
///
/// Names are compared exactly. `FriendlyName` is for people to read and decides nothing
/// ([SAML core, section 2.7.3.1](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
///
/// ```
/// use ciam_saml::sp::AttributeMapping;
///
/// let mapping = AttributeMapping::new()
///     .with("mail", ["urn:oid:0.9.2342.19200300.100.1.3", "mail", "email"])
///     .with("groups", ["memberOf"]);
/// assert_eq!(mapping.ours("email"), Some("mail"));
/// assert_eq!(mapping.ours("Email"), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeMapping(BTreeMap<String, Vec<String>>);

impl AttributeMapping {
    /// No names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the names under which an attribute of ours is sent.
    #[must_use]
    pub fn with(
        mut self,
        ours: impl Into<String>,
        theirs: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.0.insert(ours.into(), theirs.into_iter().map(Into::into).collect());
        self
    }

    /// Our name for one of theirs.
    #[must_use]
    pub fn ours(&self, theirs: &str) -> Option<&str> {
        let named = |(_, names): &(&String, &Vec<String>)| names.iter().any(|name| name == theirs);
        self.0.iter().find(named).map(|(ours, _)| ours.as_str())
    }

    /// The values of an attribute of ours, from every attribute that is sent for it, in their order.
    #[must_use]
    pub fn values<'p>(&self, person: &'p Authenticated, ours: &str) -> Vec<&'p str> {
        let names = self.0.get(ours).map(Vec::as_slice).unwrap_or_default();
        let sent = person.attributes.iter().filter(|attribute| names.contains(&attribute.name));
        sent.flat_map(|attribute| attribute.values.iter().map(String::as_str)).collect()
    }

    /// The value of an attribute of ours that has exactly one, under however many names; several are none, because nobody said
    /// which counts.
    #[must_use]
    pub fn one<'p>(&self, person: &'p Authenticated, ours: &str) -> Option<&'p str> {
        let values = self.values(person, ours);
        let (first, rest) = values.split_first()?;
        rest.iter().all(|other| other == first).then_some(*first)
    }

    /// Everything that has a name of ours.
    #[must_use]
    pub fn apply<'p>(&self, person: &'p Authenticated) -> BTreeMap<&str, Vec<&'p str>> {
        let all = self.0.keys().map(|ours| (ours.as_str(), self.values(person, ours)));
        all.filter(|(_, values)| !values.is_empty()).collect()
    }
}
