//! What of a filter the store's indexes answer.

use ciam_core::id::OrganizationId;
use ciam_core::store::{IndexDeclaration, IndexQuery};
use time::{OffsetDateTime, UtcOffset};

use super::context::{is_group, is_id, is_user};
use crate::error::{ScimError, ScimType};
use crate::filter::plan::{Exactness, FilterCompiler, Plan, plan};
use crate::filter::{BoundCompare, BoundFilter, Operand, Operator};
use crate::schema::{AttrId, ResourceType};
use crate::store::{
    Day, EQUAL, LIST, active_value, day_value, indexed, is_of_many, is_whole_prefix, list_value,
    lookup_value, overflow_value, prefix_value,
};

/// Where the store looks: all that matches is found in one of these places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lookup(pub(super) Vec<Source>);

/// A place where the store looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The resource of an id.
    Id(String),
    /// An index value that few have.
    Equal(String),
    /// An index value that many may have.
    Many(String),
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
            Self::Many(_) => 100,
            Self::MembersOf(_) => 1_000,
        }
    }
}

/// What the store looks up for a filter; `None` when it has to look at everything.
pub(super) fn lookup(
    kind: &ResourceType,
    organization: OrganizationId,
    now: OffsetDateTime,
    filter: &BoundFilter,
) -> Option<Lookup> {
    plan(filter, &mut Indexes { kind, organization, now }).pushed
}

struct Indexes<'k> {
    kind: &'k ResourceType,
    organization: OrganizationId,
    now: OffsetDateTime,
}

impl Indexes<'_> {
    /// What begins with a text, who is switched off, what happened since a moment.
    fn beyond_equality(&self, compare: &BoundCompare, id: AttrId) -> Option<Lookup> {
        let (kind, organization) = (self.kind, self.organization);
        let name = |name: &str| kind.resolve(name) == Some(id);
        match (compare.operator, &compare.operand) {
            (Operator::Sw, Operand::Folded(text)) if kind.unique().any(|it| it == id) => {
                Some(Lookup(vec![Source::Many(prefix_value(kind, organization, id, text)?)]))
            }
            (Operator::Eq, Operand::Bool(false)) if is_user(kind) && name("active") => {
                Some(Lookup(vec![Source::Many(active_value(kind, organization, false))]))
            }
            (Operator::Gt | Operator::Ge, Operand::Moment(since)) => {
                let day = if name("meta.created") {
                    Day::Created
                // A group is changed by its members as well, and these are kept elsewhere.
                } else if name("meta.lastModified") && !is_group(kind) {
                    Day::Modified
                } else {
                    return None;
                };
                self.days(day, *since)
            }
            _ => None,
        }
    }

    fn days(&self, what: Day, since: OffsetDateTime) -> Option<Lookup> {
        let utc = |at: OffsetDateTime| at.to_offset(UtcOffset::UTC).date();
        // The clock of another node may be ahead.
        let last = utc(self.now).next_day()?;
        let mut day = utc(since);
        let mut sources = Vec::new();
        while day <= last {
            if sources.len() >= MAX_DAYS {
                return None;
            }
            sources.push(Source::Many(day_value(self.kind, self.organization, what, day)));
            day = day.next_day()?;
        }
        Some(Lookup(sources))
    }
}

/// The most days that are looked at for one search.
const MAX_DAYS: usize = 64;

/// The most places that are looked at for one search.
const MAX_SOURCES: usize = 256;

impl FilterCompiler for Indexes<'_> {
    type Predicate = Lookup;

    fn leaf(&mut self, compare: &BoundCompare) -> Plan<Lookup> {
        let Some(id) = compare.attribute else { return Plan::unsupported() };
        if let Some(found) = self.beyond_equality(compare, id) {
            return Plan::superset(found);
        }
        if compare.operator != Operator::Eq {
            return Plan::unsupported();
        }
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
            None => Plan::unsupported(),
            Some(value) => {
                let mut sources = vec![Source::Equal(value)];
                // Of very many values some are not looked up by.
                if is_of_many(self.kind, id) {
                    sources.push(Source::Equal(overflow_value(self.kind, self.organization)));
                }
                Plan::superset(Lookup(sources))
            }
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

    /// Whether what is found is little: it is read whole then.
    pub(super) fn is_small(&self) -> bool {
        self.0.iter().all(|it| matches!(it, Source::Id(_) | Source::Equal(_) | Source::GroupsOf(_)))
    }

    /// The one index value that everything is found by.
    pub(super) fn as_one_value(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Source::Equal(value) | Source::Many(value)] => Some(value),
            _ => None,
        }
    }
}

/// What the store counts and cuts by itself: it holds of exactly those that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counting {
    /// Among those of this value, in this index,
    pub(super) index: IndexDeclaration,
    pub(super) value: String,
    /// those of which this holds.
    pub(super) query: IndexQuery,
}

/// What the store counts by itself; `None` where somebody has to look at what it finds.
pub(super) fn counting(
    kind: &ResourceType,
    organization: OrganizationId,
    filter: Option<&BoundFilter>,
    lookup: Option<&Lookup>,
) -> Option<Counting> {
    let query = match filter {
        None => IndexQuery::everything(),
        Some(filter) => {
            let plan = plan(filter, &mut Exactly { kind, organization });
            plan.pushed.filter(|query| {
                plan.exactness == Exactness::Exact && query.terms().len() <= IndexQuery::MAX_TERMS
            })?
        }
    };
    Some(match lookup.and_then(Lookup::as_one_value) {
        Some(value) => Counting { index: EQUAL, value: value.to_owned(), query },
        None => Counting { index: LIST, value: list_value(organization, kind.name()), query },
    })
}

/// What index values say exactly.
struct Exactly<'k> {
    kind: &'k ResourceType,
    organization: OrganizationId,
}

impl Exactly<'_> {
    fn value(&self, compare: &BoundCompare) -> Option<String> {
        let (kind, organization) = (self.kind, self.organization);
        let id = compare.attribute?;
        match (compare.operator, &compare.operand) {
            (Operator::Sw, Operand::Folded(text))
                if kind.unique().any(|it| it == id) && is_whole_prefix(text) =>
            {
                prefix_value(kind, organization, id, text)
            }
            (Operator::Eq | Operator::Ne, Operand::Bool(active))
                if is_user(kind) && kind.resolve("active") == Some(id) =>
            {
                Some(active_value(kind, organization, *active))
            }
            // Of very many values some are not looked up by.
            (Operator::Eq | Operator::Ne, Operand::Exact(text) | Operand::Folded(text))
                if !is_of_many(kind, id) && indexed(kind).any(|it| it == id) =>
            {
                lookup_value(kind, organization, id, text)
            }
            _ => None,
        }
    }
}

impl FilterCompiler for Exactly<'_> {
    type Predicate = IndexQuery;

    fn leaf(&mut self, compare: &BoundCompare) -> Plan<IndexQuery> {
        match (self.value(compare), compare.operator) {
            (None, _) => Plan::unsupported(),
            // Whatever is not equal, and what is absent.
            (Some(value), Operator::Ne) => Plan::exact(IndexQuery::has(EQUAL, value).negated()),
            (Some(value), _) => Plan::exact(IndexQuery::has(EQUAL, value)),
        }
    }

    fn value_path(&mut self, _attribute: AttrId, _all: &[&BoundCompare]) -> Plan<IndexQuery> {
        Plan::unsupported()
    }

    fn all(&mut self, left: IndexQuery, right: IndexQuery) -> Plan<IndexQuery> {
        Plan::exact(left.and(right))
    }

    fn any(&mut self, left: IndexQuery, right: IndexQuery) -> Plan<IndexQuery> {
        Plan::exact(left.or(right))
    }

    fn not(&mut self, of: IndexQuery) -> Plan<IndexQuery> {
        Plan::exact(of.negated())
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
            // What an edge has every edge has: it is there when one is.
            (Operand::Null, _) => needs.any = true,
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
        let now = time::macros::datetime!(2026-11-26 12:00 UTC);
        lookup(kind, organization, now, &bound).map(|it| it.0.len())
    }

    #[test]
    fn what_has_an_index_is_looked_up_and_the_rest_looked_at() {
        let (user, group) = (ResourceType::user(), ResourceType::group());
        for (kind, text, expected) in [
            (&user, "userName eq \"kim\"", Some(1)),
            (&user, "externalId eq \"x\"", Some(1)),
            (
                &user,
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq \"7\"",
                Some(1),
            ),
            (&user, "emails eq \"k@x\"", Some(2)),
            (&user, "emails[type eq \"work\"].value eq \"k@x\"", Some(2)),
            (&user, "userName eq \"kim\" and active eq true", Some(1)),
            (&user, "title eq \"x\" and (userName eq \"a\" or userName eq \"b\")", Some(2)),
            (&user, "userName eq \"kim\" or active eq true", None),
            (&user, "not (userName eq \"kim\")", None),
            (&user, "userName sw \"kim\"", Some(1)),
            (&user, "userName sw \"k\"", None),
            (&user, "not (userName sw \"kim\")", None),
            (&user, "displayName sw \"kim\"", None),
            (&group, "displayName sw \"kim\"", Some(1)),
            (&user, "active eq false", Some(1)),
            (&user, "active ne true", None),
            (&user, "active eq false and userName eq \"kim\"", Some(1)),
            (&user, "meta.lastModified ge \"2026-11-25T00:00:00Z\"", Some(3)),
            (&user, "meta.lastModified gt \"2026-11-25T23:59:59-02:00\"", Some(2)),
            (&user, "meta.lastModified lt \"2026-11-25T00:00:00Z\"", None),
            (&user, "meta.lastModified gt \"2020-01-01T00:00:00Z\"", None),
            (&group, "meta.lastModified ge \"2026-11-25T00:00:00Z\"", None),
            (&group, "meta.created ge \"2026-11-25T00:00:00Z\"", Some(3)),
            (&user, "meta.created ge \"2026-11-25T00:00:00Z\" or userName sw \"kim\"", Some(4)),
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
    fn the_store_counts_what_its_values_say_exactly() {
        let (user, group) = (ResourceType::user(), ResourceType::group());
        let organization = OrganizationId::from_uuid(uuid::Uuid::nil());
        for (kind, text, expected) in [
            (&user, "userName eq \"kim\"", Some(1)),
            (&user, "userName ne \"kim\"", Some(2)),
            (&user, "externalId eq \"x\" and active eq true", Some(3)),
            (&user, "not (active eq false or userName sw \"ki\")", Some(4)),
            (&user, "userName sw \"kimberly\"", Some(1)),
            (&group, "displayName ne \"Ops\"", Some(2)),
            // More begins like that than what is looked up by.
            (&user, "userName sw \"kim\"", None),
            (&user, "userName co \"ki\"", None),
            (&user, "userName gt \"ki\"", None),
            (&user, "userName pr", None),
            // One of many values may be one that is not looked up by.
            (&user, "emails eq \"k@x\"", None),
            (&user, "emails[value eq \"k@x\"]", None),
            (&user, "title eq \"x\"", None),
            (&user, "active eq true and title eq \"x\"", None),
            (&user, "meta.created ge \"2026-11-25T00:00:00Z\"", None),
            (&group, "members eq \"u9\"", None),
            (&group, "id eq \"g7\"", None),
        ] {
            let bound = Filter::parse(text).unwrap().bind(kind, BindPolicy::strict()).unwrap();
            let found = counting(kind, organization, Some(&bound), None);
            assert_eq!(found.map(|it| it.query.terms().len()), expected, "{text}");
        }
        let everything = counting(&user, organization, None, None).unwrap();
        assert_eq!((everything.index, everything.query), (LIST, IndexQuery::everything()));
        let few = Lookup(vec![Source::Many("v".to_owned())]);
        assert_eq!(counting(&user, organization, None, Some(&few)).unwrap().value, "v");
        let long = vec!["active eq true"; 40].join(" and ");
        let bound = Filter::parse(&long).unwrap().bind(&user, BindPolicy::strict()).unwrap();
        assert_eq!(counting(&user, organization, Some(&bound), None), None, "more than a store takes");
    }

    #[test]
    fn members_are_asked_for_one_by_one() {
        let group = ResourceType::group();
        for (text, good) in [
            ("members eq \"u9\"", true),
            ("members pr", true),
            ("members.$ref pr", true),
            ("members[type pr]", true),
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
