//! Resource types, compiled once into flat tables.

use std::collections::HashMap;
use std::sync::Arc;

use super::attribute::{Attribute, AttributeType, Schema, Uniqueness};
use super::core;

/// The number of an attribute in its resource type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttrId(pub(crate) u32);

/// A compiled attribute: one of the schema, of an extension, a sub-attribute, or the root of an extension.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Node {
    /// The attribute, without its sub-attributes.
    pub attribute: Attribute,
    /// The complex attribute or extension that it is in.
    pub parent: Option<AttrId>,
    /// What is in it.
    pub children: Vec<AttrId>,
    /// The schema that it is of; `None` for those that every resource has.
    pub schema: Option<usize>,
    /// Whether it is the root of an extension.
    pub is_extension: bool,
    /// The canonical path, such as `name.givenName`.
    pub path: String,
    /// The names from the resource down to it.
    pub(crate) names: Arc<[String]>,
}

/// A kind of resource: its endpoint, its schema and its extensions ([RFC 7643, section 6]).
///
/// Compiled when it is made, and checked: parsing, binding, validation and projection work on its tables. Cloning is cheap.
///
/// [RFC 7643, section 6]: https://www.rfc-editor.org/rfc/rfc7643#section-6
#[derive(Clone, Debug)]
pub struct ResourceType(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    name: String,
    endpoint: String,
    description: String,
    schemas: Vec<(Schema, bool)>,
    nodes: Vec<Node>,
    by_name: ByName,
    extensions: Vec<AttrId>,
    common: Common,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Common {
    pub(crate) schemas: AttrId,
    pub(crate) id: AttrId,
    pub(crate) external_id: AttrId,
}

/// The schema cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSchemaError {
    /// A name is empty, too long or not of letters, digits, `-`, `_` and a leading `$`.
    #[error("`{0}` cannot be the name of an attribute")]
    Name(String),
    /// Two attributes of one place have one name.
    #[error("`{0}` is there twice")]
    Twice(String),
    /// A complex attribute is in another one, or has no sub-attributes, or a simple one has some.
    #[error("`{0}` nests what cannot be nested")]
    Nesting(String),
    /// The identifier of a schema is not a URN or URI, or is longer than 256 bytes.
    #[error("`{0}` cannot be the identifier of a schema")]
    Id(String),
    /// There are more than [`ResourceType::MAX_ATTRIBUTES`] attributes.
    #[error("there are too many attributes")]
    TooMany,
}

impl ResourceType {
    /// At most this many attributes, with sub-attributes and extensions.
    pub const MAX_ATTRIBUTES: usize = 1024;

    /// Users with the enterprise extension.
    #[must_use]
    pub fn user() -> Self {
        Self::known(Self::new("User", "/Users", core::user()).extended(core::enterprise_user(), false))
    }

    /// Groups.
    #[must_use]
    pub fn group() -> Self {
        Self::known(Self::new("Group", "/Groups", core::group()))
    }

    /// Describes a kind of resource; the name is also the type in `meta.resourceType`.
    #[expect(clippy::new_ret_no_self, reason = "the type is made by `compile`, which may refuse")]
    pub fn new(name: impl Into<String>, endpoint: impl Into<String>, schema: Schema) -> ResourceTypeBuilder {
        ResourceTypeBuilder {
            name: name.into(),
            endpoint: endpoint.into(),
            description: schema.description.clone(),
            schemas: vec![(schema, true)],
        }
    }

    /// The crate's own schemas compile: a test says so.
    fn known(builder: ResourceTypeBuilder) -> Self {
        builder.compile().unwrap_or_else(|_| Self::empty())
    }

    fn empty() -> Self {
        let common = Common { schemas: AttrId(0), id: AttrId(0), external_id: AttrId(0) };
        Self(Arc::new(Compiled {
            name: String::new(),
            endpoint: String::new(),
            description: String::new(),
            schemas: Vec::new(),
            nodes: Vec::new(),
            by_name: ByName::default(),
            extensions: Vec::new(),
            common,
        }))
    }

    /// The same kind with another extension, as a customer's own attributes are.
    ///
    /// # Errors
    ///
    /// Fails when the extension cannot be.
    pub fn with_extension(&self, schema: Schema, required: bool) -> Result<Self, InvalidSchemaError> {
        let mut schemas = self.0.schemas.clone();
        schemas.push((schema, required));
        ResourceTypeBuilder {
            name: self.0.name.clone(),
            endpoint: self.0.endpoint.clone(),
            description: self.0.description.clone(),
            schemas,
        }
        .compile()
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The endpoint, such as `/Users`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.0.description
    }

    /// The schema.
    #[must_use]
    pub fn schema(&self) -> Option<&Schema> {
        self.0.schemas.first().map(|(schema, _)| schema)
    }

    /// The extensions, and whether a resource must have them.
    pub fn extensions(&self) -> impl Iterator<Item = (&Schema, bool)> {
        self.0.schemas.iter().skip(1).map(|(schema, required)| (schema, *required))
    }

    /// The attribute of a number of this type.
    #[must_use]
    pub fn node(&self, id: AttrId) -> Option<&Node> {
        self.0.nodes.get(id.0 as usize)
    }

    /// All attributes.
    pub fn nodes(&self) -> impl Iterator<Item = (AttrId, &Node)> {
        self.0
            .nodes
            .iter()
            .enumerate()
            .map(|(at, node)| (AttrId(u32::try_from(at).unwrap_or(u32::MAX)), node))
    }

    /// The attribute of a path: a name, a name with a sub-attribute, and either behind the identifier of a schema.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<AttrId> {
        let (root, rest) = self.split_schema(path);
        match (root, rest) {
            (Root::Unknown, _) => None,
            (Root::Extension(id), None) => Some(id),
            (Root::Core, None) => None,
            (Root::Extension(id), Some(rest)) => self.descend(Some(id), rest),
            (Root::Core, Some(rest)) => self.descend(None, rest),
        }
    }

    /// The attribute of this name in a complex attribute or an extension; without one, in the resource.
    #[must_use]
    pub fn child(&self, parent: Option<AttrId>, name: &str) -> Option<AttrId> {
        if name.len() > MAX_ATTRIBUTE_NAME {
            return None;
        }
        self.0.by_name.get(parent, name)
    }

    fn descend(&self, parent: Option<AttrId>, path: &str) -> Option<AttrId> {
        let mut at = parent;
        // Deeper than extension, attribute and sub-attribute there is nothing.
        for name in path.split('.') {
            at = Some(self.child(at, name)?);
        }
        at
    }

    /// Cuts the identifier of a schema off a path.
    fn split_schema<'p>(&self, path: &'p str) -> (Root, Option<&'p str>) {
        if !path.contains(':') {
            return (Root::Core, Some(path));
        }
        for (at, (schema, _)) in self.0.schemas.iter().enumerate() {
            let Some(head) = path.get(..schema.id.len()) else { continue };
            if !head.eq_ignore_ascii_case(&schema.id) {
                continue;
            }
            let root = match at.checked_sub(1).and_then(|at| self.0.extensions.get(at)) {
                Some(id) => Root::Extension(*id),
                None => Root::Core,
            };
            match path.get(schema.id.len()..) {
                Some("") | None => return (root, None),
                Some(rest) => {
                    if let Some(rest) = rest.strip_prefix(':') {
                        return (root, Some(rest));
                    }
                }
            }
        }
        (Root::Unknown, None)
    }

    /// The root of an extension, by its identifier in any case.
    #[must_use]
    pub fn extension(&self, schema: &str) -> Option<AttrId> {
        let position = self.extensions().position(|(known, _)| known.id.eq_ignore_ascii_case(schema))?;
        self.0.extensions.get(position).copied()
    }

    /// Whether it is the identifier of one of its schemas, in any case.
    #[must_use]
    pub fn knows_schema(&self, id: &str) -> bool {
        self.0.schemas.iter().any(|(schema, _)| schema.id.eq_ignore_ascii_case(id))
    }

    pub(crate) fn common(&self) -> Common {
        self.0.common
    }

    /// The `value` of a complex attribute, by which it is compared; of any other, itself.
    pub(crate) fn comparable(&self, id: AttrId) -> AttrId {
        match self.node(id) {
            Some(node) if node.attribute.kind == AttributeType::Complex => {
                self.child(Some(id), "value").unwrap_or(id)
            }
            _ => id,
        }
    }

    /// The attributes whose values are one resource's alone.
    pub(crate) fn unique(&self) -> impl Iterator<Item = AttrId> {
        let unique = |node: &Node| node.attribute.uniqueness != Uniqueness::None;
        let id = self.0.common.id;
        self.nodes().filter(move |(at, node)| *at != id && unique(node)).map(|(at, _)| at)
    }
}

enum Root {
    Core,
    Extension(AttrId),
    Unknown,
}

/// A kind of resource that is being described.
#[derive(Clone, Debug)]
#[must_use = "nothing is made before `compile`"]
pub struct ResourceTypeBuilder {
    name: String,
    endpoint: String,
    description: String,
    schemas: Vec<(Schema, bool)>,
}

impl ResourceTypeBuilder {
    /// Sets what it is for.
    pub fn described(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Adds an extension, and whether a resource must have it.
    pub fn extended(mut self, schema: Schema, required: bool) -> Self {
        self.schemas.push((schema, required));
        self
    }

    /// Checks and compiles it.
    ///
    /// # Errors
    ///
    /// Fails when the schema cannot be.
    pub fn compile(self) -> Result<ResourceType, InvalidSchemaError> {
        check_name(&self.name)?;
        if !self.endpoint.starts_with('/') || check_name(self.endpoint.trim_start_matches('/')).is_err() {
            return Err(InvalidSchemaError::Name(self.endpoint));
        }
        let mut table = Table::default();
        for attribute in core::common() {
            table.add(None, None, &attribute)?;
        }
        let mut extensions = Vec::new();
        for (at, (schema, required)) in self.schemas.iter().enumerate() {
            check_id(&schema.id)?;
            let root = if at == 0 { None } else { Some(table.root(at, schema, *required)?) };
            extensions.extend(root);
            for attribute in &schema.attributes {
                table.add(root, Some(at), attribute)?;
            }
        }
        let find = |name: &str| table.by_name.get(None, name);
        let found = (find("schemas"), find("id"), find("externalId"));
        let (Some(schemas), Some(id), Some(external_id)) = found else {
            return Err(InvalidSchemaError::TooMany);
        };
        Ok(ResourceType(Arc::new(Compiled {
            name: self.name,
            endpoint: self.endpoint,
            description: self.description,
            schemas: self.schemas,
            nodes: table.nodes,
            by_name: table.by_name,
            extensions,
            common: Common { schemas, id, external_id },
        })))
    }
}

#[derive(Debug, Default)]
struct Table {
    nodes: Vec<Node>,
    by_name: ByName,
}

/// Attributes by their names: those of the resource, and those in each attribute.
#[derive(Debug, Default)]
struct ByName(Vec<HashMap<String, AttrId>>);

impl ByName {
    fn place(parent: Option<AttrId>) -> usize {
        parent.map_or(0, |parent| (parent.0 as usize).saturating_add(1))
    }

    fn get(&self, parent: Option<AttrId>, name: &str) -> Option<AttrId> {
        let names = self.0.get(Self::place(parent))?;
        // Most write a name as the schema does.
        names.get(name).or_else(|| names.get(&name.to_ascii_lowercase())).copied()
    }

    /// Adds a name; `false` when it is there already, in any case.
    fn add(&mut self, parent: Option<AttrId>, name: &str, id: AttrId) -> bool {
        let place = Self::place(parent);
        if self.0.len() <= place {
            self.0.resize_with(place + 1, HashMap::new);
        }
        let Some(names) = self.0.get_mut(place) else { return false };
        if names.insert(name.to_ascii_lowercase(), id).is_some() {
            return false;
        }
        names.insert(name.to_owned(), id);
        true
    }
}

impl Table {
    fn root(&mut self, at: usize, schema: &Schema, required: bool) -> Result<AttrId, InvalidSchemaError> {
        let mut attribute = Attribute::new(schema.id.clone(), AttributeType::Complex);
        attribute.required = required;
        self.push(None, Some(at), attribute, true)
    }

    /// Adds an attribute and its sub-attributes. There is no third level.
    fn add(
        &mut self,
        parent: Option<AttrId>,
        schema: Option<usize>,
        attribute: &Attribute,
    ) -> Result<(), InvalidSchemaError> {
        check_name(&attribute.name)?;
        let complex = attribute.kind == AttributeType::Complex;
        if complex == attribute.sub_attributes.is_empty() {
            return Err(InvalidSchemaError::Nesting(attribute.name.clone()));
        }
        let id = self.push(parent, schema, bare(attribute), false)?;
        for sub in &attribute.sub_attributes {
            check_name(&sub.name)?;
            if sub.kind == AttributeType::Complex || !sub.sub_attributes.is_empty() {
                return Err(InvalidSchemaError::Nesting(format!("{}.{}", attribute.name, sub.name)));
            }
            self.push(Some(id), schema, sub.clone(), false)?;
        }
        Ok(())
    }

    fn push(
        &mut self,
        parent: Option<AttrId>,
        schema: Option<usize>,
        attribute: Attribute,
        is_extension: bool,
    ) -> Result<AttrId, InvalidSchemaError> {
        if self.nodes.len() >= ResourceType::MAX_ATTRIBUTES {
            return Err(InvalidSchemaError::TooMany);
        }
        let id = AttrId(u32::try_from(self.nodes.len()).map_err(|_| InvalidSchemaError::TooMany)?);
        if !self.by_name.add(parent, &attribute.name, id) {
            return Err(InvalidSchemaError::Twice(attribute.name));
        }
        let mut names = Vec::new();
        let mut path = attribute.name.clone();
        if let Some(above) = parent.and_then(|parent| self.nodes.get_mut(parent.0 as usize)) {
            above.children.push(id);
            names.extend_from_slice(&above.names);
            let between = if above.is_extension { ':' } else { '.' };
            path = format!("{}{between}{path}", above.path);
        }
        names.push(attribute.name.clone());
        let names = names.into();
        self.nodes.push(Node { attribute, parent, children: Vec::new(), schema, is_extension, path, names });
        Ok(id)
    }
}

fn bare(attribute: &Attribute) -> Attribute {
    Attribute { sub_attributes: Vec::new(), ..attribute.clone() }
}

/// An attribute's name is at most this long, or a schema's identifier where it stands for an extension.
const MAX_ATTRIBUTE_NAME: usize = 256;

fn check_name(name: &str) -> Result<(), InvalidSchemaError> {
    let rest = name.strip_prefix('$').unwrap_or(name);
    let good = (1..=128).contains(&rest.len())
        && rest.starts_with(|c: char| c.is_ascii_alphabetic())
        && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if good { Ok(()) } else { Err(InvalidSchemaError::Name(name.to_owned())) }
}

fn check_id(id: &str) -> Result<(), InvalidSchemaError> {
    let good = (1..=MAX_ATTRIBUTE_NAME).contains(&id.len())
        && id.contains(':')
        && id.bytes().all(|b| b.is_ascii_graphic() && !b"[]()\"".contains(&b));
    if good { Ok(()) } else { Err(InvalidSchemaError::Id(id.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_attributes_in_any_case() {
        let user = ResourceType::user();
        for (path, canonical) in [
            ("userName", "userName"),
            ("USERNAME", "userName"),
            ("name.GivenName", "name.givenName"),
            ("emails.value", "emails.value"),
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName", "userName"),
            ("URN:ietf:params:scim:schemas:core:2.0:user:name.familyName", "name.familyName"),
            ("meta.lastModified", "meta.lastModified"),
            ("externalid", "externalId"),
            (core::ENTERPRISE_USER, core::ENTERPRISE_USER),
        ] {
            let id = user.resolve(path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(user.node(id).unwrap().path, canonical);
        }
        let manager = format!("{}:manager.value", core::ENTERPRISE_USER);
        assert_eq!(user.node(user.resolve(&manager).unwrap()).unwrap().path, manager);
        for path in
            ["", "nothing", "name.nothing", "userName.value", "emails.value.x", "department", ":", "a:b"]
        {
            assert_eq!(user.resolve(path), None, "{path}");
        }
        let prefix = format!("{}x:department", core::ENTERPRISE_USER);
        assert_eq!(user.resolve(&prefix), None);
    }

    #[test]
    fn the_core_schemas_compile() {
        assert!(ResourceType::user().nodes().count() > 80);
        assert_eq!(ResourceType::group().name(), "Group");
    }

    #[test]
    fn schemas_that_cannot_be_are_refused() {
        let text = |name: &str| Attribute::new(name, AttributeType::String);
        let schema =
            |attributes| ResourceType::new("X", "/Xs", Schema::new("urn:x:X", "X", attributes)).compile();
        let nested = Attribute::complex("a", vec![Attribute::complex("b", vec![text("c")])]);
        assert!(matches!(schema(vec![nested]), Err(InvalidSchemaError::Nesting(_))));
        assert!(matches!(schema(vec![Attribute::complex("a", vec![])]), Err(InvalidSchemaError::Nesting(_))));
        assert!(matches!(schema(vec![text("a"), text("A")]), Err(InvalidSchemaError::Twice(_))));
        assert!(matches!(schema(vec![text("id")]), Err(InvalidSchemaError::Twice(_))));
        for name in ["", "a b", "1a", "a.b", "a:b", "ä", "$"] {
            assert!(matches!(schema(vec![text(name)]), Err(InvalidSchemaError::Name(_))), "{name}");
        }
        let many = (0..1100).map(|n| text(&format!("a{n}"))).collect();
        assert!(matches!(schema(many), Err(InvalidSchemaError::TooMany)));
        assert!(matches!(
            ResourceType::user().with_extension(Schema::new("no uri", "X", vec![text("a")]), false),
            Err(InvalidSchemaError::Id(_))
        ));
    }

    #[test]
    fn a_customers_extension_is_one_more() {
        let schema: Schema = serde_json::from_str(
            r#"{"id":"urn:acme:1.0:User","name":"Acme","attributes":[{"name":"badge","type":"integer"}]}"#,
        )
        .unwrap();
        let user = ResourceType::user().with_extension(schema, false).unwrap();
        assert!(user.resolve("urn:acme:1.0:User:badge").is_some());
        assert!(ResourceType::user().resolve("urn:acme:1.0:User:badge").is_none());
    }
}
