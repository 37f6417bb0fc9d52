//! What of a filter the store's indexes answer.

use ciam_core::id::OrganizationId;

use super::context::{is_group, is_id, is_user};
use crate::error::{ScimError, ScimType};
use crate::filter::plan::{FilterCompiler, Plan, plan};
use crate::filter::{BoundCompare, BoundFilter, Operand, Operator};
use crate::schema::{AttrId, ResourceType};
use crate::store::{indexed, lookup_value};

/// Where the store looks: all that matches is found in one of these places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lookup(pub(super) Vec<Source>);

/// A place where the store looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The resource of an id.
    Id(String),
    /// An index value.
    Equal(String),
    /// The groups that somebody is a member of.
    GroupsOf(String),
    /// The members of a group.
    MembersOf(String),
}

impl Source {
    /// How much is found there, by guess: the less, the better.
    const fn cost(&self) -> usize {
        match self {
            Self::Id(_) => 0,
            Self::Equal(_) => 1,
            Self::GroupsOf(_) => 10,
            Self::MembersOf(_) => 1_000,
        }
    }
}

/// What the store looks up for a filter; `None` when it has to look at everything.
pub(super) fn lookup(
    kind: &ResourceType,
    organization: OrganizationId,
    filter: &BoundFilter,
) -> Option<Lookup> {
    plan(filter, &mut Indexes { kind, organization }).pushed
}

struct Indexes<'k> {
    kind: &'k ResourceType,
    organization: OrganizationId,
}

/// The most places that are looked at for one search.
const MAX_SOURCES: usize = 256;

impl FilterCompiler for Indexes<'_> {
    type Predicate = Lookup;

    fn leaf(&mut self, compare: &BoundCompare) -> Plan<Lookup> {
        let (Operator::Eq, Some(id)) = (compare.operator, compare.attribute) else {
            return Plan::unsupported();
        };
        let (Operand::Exact(text) | Operand::Folded(text)) = &compare.operand else {
            return Plan::unsupported();
        };
        if id == self.kind.common().id {
            return Plan::exact(Lookup(vec![Source::Id(text.clone())]));
        }
        if edge_attribute(self.kind).is_some_and(|(_, value)| value == id) {
            if !is_id(text) {
                return Plan::exact(Lookup(Vec::new()));
            }
            let source = if is_group(self.kind) {
                Source::GroupsOf(text.clone())
            } else {
                Source::MembersOf(text.clone())
            };
            return Plan::superset(Lookup(vec![source]));
        }
        if !indexed(self.kind).any(|it| it == id) {
            return Plan::unsupported();
        }
        match lookup_value(self.kind, self.organization, id, text) {
            Some(value) => Plan::superset(Lookup(vec![Source::Equal(value)])),
            None => Plan::unsupported(),
        }
    }

    fn value_path(&mut self, _attribute: AttrId, all: &[&BoundCompare]) -> Plan<Lookup> {
        let found = all.iter().filter_map(|compare| self.leaf(compare).pushed);
        found.min_by_key(Lookup::cost).map_or_else(Plan::unsupported, Plan::superset)
    }

    fn all(&mut self, left: Lookup, right: Lookup) -> Plan<Lookup> {
        Plan::superset(if left.cost() <= right.cost() { left } else { right })
    }

    fn any(&mut self, mut left: Lookup, right: Lookup) -> Plan<Lookup> {
        left.0.extend(right.0);
        if left.0.len() > MAX_SOURCES { Plan::unsupported() } else { Plan::superset(left) }
    }

    fn not(&mut self, _of: Lookup) -> Plan<Lookup> {
        Plan::unsupported()
    }
}

impl Lookup {
    fn cost(&self) -> usize {
        self.0.iter().map(Source::cost).sum()
    }
}

/// The attribute that is made of edges, and its `value`.
fn edge_attribute(kind: &ResourceType) -> Option<(AttrId, AttrId)> {
    let name = if is_group(kind) {
        "members"
    } else if is_user(kind) {
        "groups"
    } else {
        return None;
    };
    let id = kind.child(None, name)?;
    Some((id, kind.child(Some(id), "value")?))
}

/// Which edges a filter asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct EdgeNeeds {
    /// The attribute; `None` when the filter asks for none.
    pub(super) name: Option<&'static str>,
    /// The ids that are asked for.
    pub(super) ids: Vec<String>,
    /// Whether there is one at all is asked.
    pub(super) any: bool,
}

/// Which edges a filter asks for. Edges are asked for by `value` and by presence: anything else would read all of them.
pub(super) fn edge_needs(kind: &ResourceType, filter: &BoundFilter) -> Result<EdgeNeeds, ScimError> {
    let mut needs = EdgeNeeds::default();
    let Some((whole, value)) = edge_attribute(kind) else { return Ok(needs) };
    for compare in filter.compares() {
        let Some(id) = compare.attribute else { continue };
        let within = kind.node(id).and_then(|node| node.parent) == Some(whole);
        if id != whole && !within {
            continue;
        }
        needs.name = Some(if is_group(kind) { "members" } else { "groups" });
        match (&compare.operand, compare.operator) {
            (Operand::Null, _) if id == whole || id == value => needs.any = true,
            (Operand::Exact(text), Operator::Eq | Operator::Ne) if id == value => {
                if needs.ids.len() >= MAX_SOURCES {
                    return Err(ScimError::new(ScimType::TooMany, "the filter names too many members"));
                }
                needs.ids.push(text.clone());
            }
            _ => {
                let detail = "members and groups are compared by `value`, with `eq` and `ne`";
                return Err(ScimError::new(ScimType::InvalidFilter, detail));
            }
        }
    }
    Ok(needs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{BindPolicy, Filter};

    fn sources(kind: &ResourceType, text: &str) -> Option<usize> {
        let bound = Filter::parse(text).unwrap().bind(kind, BindPolicy::strict()).unwrap();
        let organization = OrganizationId::from_uuid(uuid::Uuid::nil());
        lookup(kind, organization, &bound).map(|it| it.0.len())
    }

    #[test]
    fn what_has_an_index_is_looked_up_and_the_rest_looked_at() {
        let (user, group) = (ResourceType::user(), ResourceType::group());
        for (kind, text, expected) in [
            (&user, "userName eq \"kim\"", Some(1)),
            (&user, "externalId eq \"x\"", Some(1)),
            (&user, "emails eq \"k@x\"", Some(1)),
            (&user, "emails[type eq \"work\"].value eq \"k@x\"", Some(1)),
            (&user, "userName eq \"kim\" and active eq true", Some(1)),
            (&user, "title eq \"x\" and (userName eq \"a\" or userName eq \"b\")", Some(2)),
            (&user, "userName eq \"kim\" or active eq true", None),
            (&user, "not (userName eq \"kim\")", None),
            (&user, "userName sw \"kim\"", None),
            (&user, "active eq true", None),
            (&user, "groups eq \"g7\"", Some(1)),
            (&group, "id eq \"g7\" and members eq \"u9\"", Some(1)),
            (&group, "members.value eq \"u9\"", Some(1)),
            (&group, "displayName eq \"Ops\"", Some(1)),
        ] {
            assert_eq!(sources(kind, text), expected, "{text}");
        }
    }

    #[test]
    fn members_are_asked_for_one_by_one() {
        let group = ResourceType::group();
        for (text, good) in [
            ("members eq \"u9\"", true),
            ("members pr", true),
            ("members[value eq \"u9\"]", true),
            ("not (members ne \"u9\")", true),
            ("members.type eq \"User\"", false),
            ("members co \"u\"", false),
        ] {
            let bound = Filter::parse(text).unwrap().bind(&group, BindPolicy::strict()).unwrap();
            assert_eq!(edge_needs(&group, &bound).is_ok(), good, "{text}");
        }
    }
}
