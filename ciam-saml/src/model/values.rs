//! Names and attributes.

use serde::{Deserialize, Serialize};

use super::shape::{ShapeError, text};
use crate::names::ASSERTION;
use crate::xml::{Element, XmlWriter};

/// The name of a person ([SAML core, section 2.2.3](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NameId {
    /// The name itself, exactly as it was written.
    pub value: String,
    /// Its format.
    pub format: Option<String>,
    /// The identity provider in whose realm the name is unique.
    pub name_qualifier: Option<String>,
    /// The service provider for whom it was made.
    pub sp_name_qualifier: Option<String>,
}

impl NameId {
    /// A name with a format.
    #[must_use]
    pub fn new(value: impl Into<String>, format: &str) -> Self {
        Self {
            value: value.into(),
            format: Some(format.to_owned()),
            name_qualifier: None,
            sp_name_qualifier: None,
        }
    }

    /// Adds the realm, and for whom the name was made.
    #[must_use]
    pub fn with_qualifiers(mut self, idp: &str, sp: &str) -> Self {
        self.name_qualifier = Some(idp.to_owned());
        self.sp_name_qualifier = Some(sp.to_owned());
        self
    }

    /// The same name with the qualifiers that may be left out between these two
    /// ([SAML core, section 8.3.7](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)): compare names that come
    /// in different messages by it.
    #[must_use]
    pub fn qualified(&self, idp: &str, sp: &str) -> Self {
        let mut name = self.clone();
        name.name_qualifier.get_or_insert_with(|| idp.to_owned());
        name.sp_name_qualifier.get_or_insert_with(|| sp.to_owned());
        name
    }

    /// Whether this is the same person as another name: value, format and qualifiers.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self == other
    }

    pub(crate) fn read(element: Element<'_>) -> Result<Self, ShapeError> {
        let attribute = |name: &str| element.attribute(name).map(str::to_owned);
        Ok(Self {
            value: text(element)?,
            format: attribute("Format"),
            name_qualifier: attribute("NameQualifier"),
            sp_name_qualifier: attribute("SPNameQualifier"),
        })
    }

    pub(crate) fn write(&self, xml: &mut XmlWriter) {
        let mut attributes: Vec<(&'static str, &str)> = Vec::new();
        for (name, value) in [
            ("Format", &self.format),
            ("NameQualifier", &self.name_qualifier),
            ("SPNameQualifier", &self.sp_name_qualifier),
        ] {
            if let Some(value) = value {
                attributes.push((name, value));
            }
        }
        xml.leaf("saml:NameID", &attributes, &self.value);
    }
}

/// Something that is said about a person
/// ([SAML core, section 2.7.3.1](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attribute {
    /// Its name; often a URI.
    pub name: String,
    /// How the name is to be read.
    pub name_format: Option<String>,
    /// A name for people, which identifies nothing.
    pub friendly_name: Option<String>,
    /// Its values that are text, or a name.
    pub values: Vec<String>,
}

impl Attribute {
    /// An attribute.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        name_format: &str,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            name: name.into(),
            name_format: Some(name_format.to_owned()),
            friendly_name: None,
            values: values.into_iter().map(Into::into).collect(),
        }
    }

    /// Adds a name for people.
    #[must_use]
    pub fn with_friendly_name(mut self, name: impl Into<String>) -> Self {
        self.friendly_name = Some(name.into());
        self
    }

    pub(crate) fn read(element: Element<'_>) -> Result<Self, ShapeError> {
        let mut values = Vec::new();
        for value in element.only_children()? {
            if !value.is(ASSERTION, "AttributeValue") {
                return Err(ShapeError::Structure);
            }
            values.extend(value_of(value));
        }
        let name = element.attribute("Name").filter(|name| !name.is_empty()).ok_or(ShapeError::Structure)?;
        Ok(Self {
            name: name.to_owned(),
            name_format: element.attribute("NameFormat").map(str::to_owned),
            friendly_name: element.attribute("FriendlyName").map(str::to_owned),
            values,
        })
    }

    pub(crate) fn write(&self, xml: &mut XmlWriter) {
        let mut attributes: Vec<(&'static str, &str)> = Vec::new();
        if let Some(friendly) = &self.friendly_name {
            attributes.push(("FriendlyName", friendly));
        }
        attributes.push(("Name", &self.name));
        if let Some(format) = &self.name_format {
            attributes.push(("NameFormat", format));
        }
        xml.open("saml:Attribute", &attributes);
        for value in &self.values {
            xml.leaf("saml:AttributeValue", &[], value);
        }
        xml.close();
    }
}

/// A value that is text, or holds one name (as `eduPersonTargetedID` does); others are passed over, and so is nothing.
fn value_of(value: Element<'_>) -> Option<String> {
    const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
    if value.attribute_in(INSTANCE, "nil").is_some_and(|nil| nil != "false" && nil != "0") {
        return None;
    }
    if let Ok(text) = value.simple_text() {
        return Some(text.to_owned());
    }
    let mut children = value.only_children().ok()?;
    let name = children.next().filter(|child| child.is(ASSERTION, "NameID"))?;
    children.next().is_none().then_some(())?;
    name.simple_text().ok().map(str::to_owned)
}
