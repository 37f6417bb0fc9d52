//! Searching ([RFC 7644, section 3.4.2]): which resources match, in which order, and which page of them.
//!
//! What the store's index values say exactly, the store counts and cuts itself. What they say nearly it finds, and everything
//! that it finds is looked at again here: a total is never wrong. A search that would look at more resources than the limit is
//! refused and never cut short.
//!
//! [RFC 7644, section 3.4.2]: https://www.rfc-editor.org/rfc/rfc7644#section-3.4.2

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use ciam_core::secret::TokenDigest;
use ciam_core::store::{Cursor, IndexDeclaration, Page, PageRequest, Window};
use serde_json::{Map, Value, json};

use super::context::{Cx, Found, Reply, is_group};
use super::cursor::{Place, Position};
use super::lookup::{Counting, EdgeNeeds, Lookup, Source, counting, edge_needs, lookup};
use crate::error::{ScimError, ScimType};
use crate::filter::{BindPolicy, BoundFilter, Filter};
use crate::project::Projection;
use crate::schema::ResourceType;
use crate::sort::{Sort, SortKey};
use crate::store::{EDGE, EQUAL, Edge, LIST, RESOURCE, Stored, group_value, list_value};

/// What is searched for.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pub(super) filter: Option<String>,
    pub(super) sort_by: Option<String>,
    pub(super) sort_order: Option<String>,
    pub(super) start: Option<i128>,
    pub(super) count: Option<i128>,
    pub(super) cursor: Option<String>,
    pub(super) attributes: Option<String>,
    pub(super) excluded: Option<String>,
}

/// One kind of resource that is searched, with the query as it means it.
struct Searched<'k> {
    kind: &'k ResourceType,
    filter: Option<BoundFilter>,
    needs: EdgeNeeds,
    sort: Option<Sort>,
    lookup: Option<Lookup>,
    counting: Option<Counting>,
    projection: Projection,
}

impl Searched<'_> {
    /// What the store counts: where the order is its own, and more is found than is read at once.
    fn counted(&self) -> Option<&Counting> {
        let small = self.lookup.as_ref().is_some_and(Lookup::is_small);
        self.counting.as_ref().filter(|_| self.sort.is_none() && !small)
    }

    /// The one place of the store where everything is that matches, in the store's order.
    fn place(&self, cx: &Cx<'_>) -> Option<(IndexDeclaration, String)> {
        match &self.lookup {
            None => Some((LIST, list_value(cx.organization(), self.kind.name()))),
            Some(lookup) if lookup.is_small() => None,
            Some(lookup) => lookup.as_one_value().map(|value| (EQUAL, value.to_owned())),
        }
    }
}

/// A resource that matches.
struct Match {
    kind: usize,
    key: Option<SortKey>,
    found: Found,
}

impl Cx<'_> {
    /// Searches one kind, or several at once.
    pub(super) async fn search(&self, kinds: &[&ResourceType], query: &Query) -> Result<Reply, ScimError> {
        let searched = self.bind(kinds, query)?;
        let limits = &self.service.limits;
        let ceiling = i128::try_from(limits.max_page).unwrap_or(i128::MAX);
        let asked = query.count.map(|count| usize::try_from(count.clamp(0, ceiling)).unwrap_or(0));
        let count = asked.unwrap_or_else(|| limits.default_page.min(limits.max_page));
        match &query.cursor {
            Some(cursor) => {
                if query.start.is_some() {
                    let detail = "`cursor` and `startIndex` exclude each other";
                    return Err(ScimError::new(ScimType::InvalidCursor, detail));
                }
                self.by_cursor(&searched, query, cursor, count).await
            }
            None => self.by_index(&searched, query, count).await,
        }
    }

    fn bind<'k>(&self, kinds: &[&'k ResourceType], query: &Query) -> Result<Vec<Searched<'k>>, ScimError> {
        let filter = query.filter.as_deref().map(Filter::parse).transpose()?;
        let several = kinds.len() > 1;
        let policy =
            BindPolicy::strict().with_unknown_absent(several).with_bool_strings(self.tolerance.bool_strings);
        let mut searched = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let bound = filter.as_ref().map(|filter| filter.bind(kind, policy)).transpose()?;
            let needs = bound.as_ref().map(|it| edge_needs(kind, it)).transpose()?.unwrap_or_default();
            let by = query.sort_by.as_deref().filter(|by| !several || kind.resolve(by).is_some());
            let sort = by.map(|by| Sort::parse(kind, by, query.sort_order.as_deref())).transpose()?;
            let lookup =
                bound.as_ref().and_then(|it| lookup(kind, self.organization(), self.service.ports.now(), it));
            let projection = Projection::parse(kind, query.attributes.as_deref(), query.excluded.as_deref())?;
            let counting = counting(kind, self.organization(), bound.as_ref(), lookup.as_ref());
            searched.push(Searched { kind, filter: bound, needs, sort, lookup, counting, projection });
        }
        Ok(searched)
    }

    async fn by_index(
        &self,
        searched: &[Searched<'_>],
        query: &Query,
        count: usize,
    ) -> Result<Reply, ScimError> {
        let start = query.start.unwrap_or(1).max(1);
        let skipped = usize::try_from(start - 1).unwrap_or(usize::MAX);
        let counted = match searched {
            [one] if count <= PageRequest::MAX_LIMIT as usize => one.counted(),
            _ => None,
        };
        let matches = match counted {
            Some(counting) => self.count(searched, counting, skipped, count).await?,
            None => self.all(searched, Some((skipped, count))).await?,
        };
        let total = matches.total;
        let window = if matches.is_window {
            matches.items
        } else {
            matches.items.into_iter().skip(skipped).take(count).collect()
        };
        let resources = self.show_all(searched, &window).await?;
        let mut body = list(resources);
        body.insert("totalResults".to_owned(), total.into());
        // What was asked for is said back, as far as it is a number of JSON.
        body.insert("startIndex".to_owned(), u64::try_from(start).unwrap_or(u64::MAX).into());
        Ok(Reply::new(200, Some(Value::Object(body))))
    }

    /// A window of what the store's values say exactly, and how much that is.
    async fn count(
        &self,
        searched: &[Searched<'_>],
        counting: &Counting,
        skipped: usize,
        count: usize,
    ) -> Result<Matches, ScimError> {
        let window = Window::new(
            u64::try_from(skipped).unwrap_or(u64::MAX),
            u32::try_from(count).unwrap_or(PageRequest::MAX_LIMIT),
        );
        let Counting { index, value, query } = counting;
        let found = self.store().records_where(RESOURCE, index.name(), value, query, window).await?;
        let mut items = Vec::with_capacity(found.items.len());
        for record in found.items {
            let stored = Stored::decode(&record.value, record.version)?;
            let of_group = searched.first().is_some_and(|it| is_group(it.kind));
            let touch = if of_group { self.touch(&stored.body.id).await? } else { None };
            items.push(Match { kind: 0, key: None, found: Found { stored, touch } });
        }
        let total = usize::try_from(found.total).unwrap_or(usize::MAX);
        Ok(Matches { items, total, is_window: true })
    }

    async fn by_cursor(
        &self,
        searched: &[Searched<'_>],
        query: &Query,
        cursor: &str,
        count: usize,
    ) -> Result<Reply, ScimError> {
        let count = count.max(1);
        let name = fingerprint(searched, query);
        let place = match cursor {
            "" => Place::default(),
            cursor => self.open_cursor(cursor, &name, count).await?,
        };
        let position = place.position.clone();
        let streamed = match searched {
            [one] if one.sort.is_none() && one.place(self).is_some() => Some(one),
            _ => None,
        };
        let (window, total, next) = match streamed {
            Some(one) => self.stream(one, position, count).await?,
            None => {
                let matches = self.all(searched, None).await?;
                let rest: Vec<Match> = match position {
                    Some(position) => {
                        let behind = |it: &Match| is_behind(searched, it, &position);
                        matches.items.into_iter().filter(behind).collect()
                    }
                    None => matches.items,
                };
                let more = rest.len() > count;
                let window: Vec<Match> = rest.into_iter().take(count).collect();
                let next = window.last().filter(|_| more).map(|it| Position::After {
                    kind: it.kind,
                    key: it.key.clone(),
                    id: it.found.stored.body.id.clone(),
                });
                (window, Some(matches.total), next)
            }
        };
        let mut body = list(self.show_all(searched, &window).await?);
        if let Some(total) = total {
            body.insert("totalResults".to_owned(), total.into());
        }
        if let Some(next) = next {
            let next = self.seal_cursor(&name, count, place.next(next)).await?;
            body.insert("nextCursor".to_owned(), next.into());
        }
        if let Some(previous) = place.previous() {
            let previous = self.seal_cursor(&name, count, previous).await?;
            body.insert("previousCursor".to_owned(), previous.into());
        }
        Ok(Reply::new(200, Some(Value::Object(body))))
    }

    /// A page in the store's own order: what was listed before is not looked at again. The total is not known then, and not
    /// told.
    async fn stream(
        &self,
        searched: &Searched<'_>,
        position: Option<Position>,
        count: usize,
    ) -> Result<(Vec<Match>, Option<usize>, Option<Position>), ScimError> {
        let wrong = || ScimError::new(ScimType::InvalidCursor, "the cursor is not one of this query");
        let mut after = match position {
            None => None,
            Some(Position::Store(text)) => Some(Cursor::new(text).map_err(|_| wrong())?),
            Some(Position::After { .. }) => return Err(wrong()),
        };
        let (index, value) = searched.place(self).ok_or_else(wrong)?;
        let read = |after: Option<Cursor>, limit: usize| {
            let limit = u32::try_from(limit).unwrap_or(PageRequest::MAX_LIMIT);
            let request = after.map_or_else(|| PageRequest::first(limit), |it| PageRequest::after(it, limit));
            self.page_of(index, &value, request)
        };
        // Where few match, a page is looked at for each that is found.
        let ahead = if searched.filter.is_some() { LOOK_AHEAD } else { 1 };
        let mut window = Vec::new();
        let mut looked_at = 0;
        loop {
            let room = count.saturating_sub(window.len());
            let page = read(after.clone(), room.max(ahead)).await?;
            let (there, mut seen) = (page.items.len(), 0);
            for stored in page.items {
                seen += 1;
                window.extend(self.matching(searched, 0, stored).await?);
                if window.len() >= count {
                    break;
                }
            }
            looked_at += seen;
            if seen < there {
                // It goes on within what was read.
                let next = read(after, seen).await?.next;
                return Ok((window, None, next.map(|it| Position::Store(it.as_str().to_owned()))));
            }
            match page.next {
                None => return Ok((window, None, None)),
                Some(next) if window.len() >= count => {
                    return Ok((window, None, Some(Position::Store(next.as_str().to_owned()))));
                }
                Some(_) if looked_at > self.service.limits.max_scan => return Err(too_many()),
                Some(next) => after = Some(next),
            }
        }
    }

    async fn page_of(
        &self,
        index: IndexDeclaration,
        value: &str,
        request: PageRequest,
    ) -> Result<Page<Stored>, ScimError> {
        let page = self.store().records_by(RESOURCE, index.name(), value, request).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for record in page.items {
            items.push(Stored::decode(&record.value, record.version)?);
        }
        Ok(Page::new(items, page.next))
    }

    /// Everything that matches, in order. Where the order is the store's, only the window is kept.
    async fn all(
        &self,
        searched: &[Searched<'_>],
        window: Option<(usize, usize)>,
    ) -> Result<Matches, ScimError> {
        let sorted = searched.iter().any(|it| it.sort.is_some());
        let window = window.filter(|_| !sorted);
        let mut matches = Matches { items: Vec::new(), total: 0, is_window: window.is_some() };
        let mut looked_at = 0;
        for (at, one) in searched.iter().enumerate() {
            if let Some(lookup) = &one.lookup {
                let room = self.service.limits.max_scan.saturating_sub(looked_at);
                let candidates = self.candidates_of(one.kind, lookup, room).await?.ok_or_else(too_many)?;
                looked_at += candidates.len();
                for stored in candidates.into_values() {
                    let found = self.matching(one, at, stored).await?;
                    matches.take(found, window);
                }
                continue;
            }
            let value = list_value(self.organization(), one.kind.name());
            let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
            loop {
                let page = self.page_of(LIST, &value, request).await?;
                looked_at += page.items.len();
                if looked_at > self.service.limits.max_scan {
                    return Err(too_many());
                }
                for stored in page.items {
                    let found = self.matching(one, at, stored).await?;
                    matches.take(found, window);
                }
                match page.next {
                    Some(next) => request = PageRequest::after(next, PageRequest::MAX_LIMIT),
                    None => break,
                }
            }
        }
        if sorted {
            matches.items.sort_by(|left, right| order(searched, left, right));
        }
        Ok(matches)
    }

    /// What the store finds by its indexes, by id; `None` when that is too much.
    async fn candidates_of(
        &self,
        kind: &ResourceType,
        lookup: &Lookup,
        room: usize,
    ) -> Result<Option<BTreeMap<String, Stored>>, ScimError> {
        let mut found = BTreeMap::new();
        for source in &lookup.0 {
            let next = match source {
                Source::Id(id) => self.stored(kind.name(), id).await?.into_iter().collect(),
                Source::Equal(value) | Source::Many(value) => match self.found_by(value, room).await? {
                    Some(found) => found,
                    None => return Ok(None),
                },
                Source::GroupsOf(member) => {
                    let mut groups = Vec::new();
                    for id in self.group_ids_of(member).await? {
                        groups.extend(self.stored(kind.name(), &id).await?);
                    }
                    groups
                }
                Source::MembersOf(group) => match self.members_by(kind, group, room).await? {
                    Some(found) => found,
                    None => return Ok(None),
                },
            };
            found.extend(next.into_iter().map(|it| (it.body.id.clone(), it)));
            if found.len() > room {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    async fn members_by(
        &self,
        kind: &ResourceType,
        group: &str,
        room: usize,
    ) -> Result<Option<Vec<Stored>>, ScimError> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::from([group.to_owned()]);
        let mut level = vec![group.to_owned()];
        for depth in 0..=self.service.nested {
            let mut next = Vec::new();
            for group in level {
                let Some(members) = self.edges_of(&group, room).await? else { return Ok(None) };
                for edge in members {
                    match self.stored(kind.name(), &edge.member).await? {
                        Some(member) => found.push(member),
                        // A group in the group, if it is one that counts.
                        None if depth < self.service.nested && seen.insert(edge.member.clone()) => {
                            next.push(edge.member);
                        }
                        None => {}
                    }
                }
                if found.len() > room || seen.len() > room {
                    return Ok(None);
                }
            }
            level = next;
        }
        Ok(Some(found))
    }

    /// The members of a group; `None` when they are too many.
    async fn edges_of(&self, group: &str, room: usize) -> Result<Option<Vec<Edge>>, ScimError> {
        let value = group_value(self.organization(), group);
        let mut edges = Vec::new();
        let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let page = self.store().records_by(EDGE, "group", &value, request).await?;
            for record in page.items {
                edges.push(record.value.decode()?);
            }
            if edges.len() > room {
                return Ok(None);
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PageRequest::MAX_LIMIT),
                None => return Ok(Some(edges)),
            }
        }
    }

    /// The resource, if it matches.
    async fn matching(
        &self,
        searched: &Searched<'_>,
        kind: usize,
        stored: Stored,
    ) -> Result<Option<Match>, ScimError> {
        if stored.body.deleting || stored.body.kind != searched.kind.name() {
            return Ok(None);
        }
        let touch = if is_group(searched.kind) { self.touch(&stored.body.id).await? } else { None };
        let found = Found { stored, touch };
        if searched.filter.is_none() && searched.sort.is_none() {
            return Ok(Some(Match { kind, key: None, found }));
        }
        let mut whole = self.whole(searched.kind, &found);
        if let Some(filter) = &searched.filter {
            self.add_edges(searched, &found.stored.body.id, &mut whole).await?;
            if !filter.matches(&whole) {
                return Ok(None);
            }
        }
        let key = searched.sort.as_ref().and_then(|sort| sort.key(&whole));
        Ok(Some(Match { kind, key, found }))
    }

    /// Adds the members, or groups, that a filter asks for, and no others.
    async fn add_edges(
        &self,
        searched: &Searched<'_>,
        id: &str,
        whole: &mut Map<String, Value>,
    ) -> Result<(), ScimError> {
        let EdgeNeeds { name, ids, any } = &searched.needs;
        let Some(name) = name else { return Ok(()) };
        let of_group = is_group(searched.kind);
        let mut present: Vec<Value> = Vec::new();
        let nested = !of_group && self.service.nested > 0 && !ids.is_empty();
        let above: BTreeSet<String> = match nested {
            true => self.groups_above(id).await?.into_iter().map(|(group, _)| group).collect(),
            false => BTreeSet::new(),
        };
        for other in ids {
            if nested {
                present.extend(above.contains(other).then(|| edge(other, of_group)));
                continue;
            }
            let (group, member) = if of_group { (id, other.as_str()) } else { (other.as_str(), id) };
            let key = Edge::key_of(self.organization(), group, member);
            if self.store().record(EDGE, &key).await?.is_some() {
                present.push(edge(other, of_group));
            }
        }
        if *any && present.is_empty() {
            let index = if of_group { "group" } else { "member" };
            let value = group_value(self.organization(), id);
            let page = self.store().records_by(EDGE, index, &value, PageRequest::first(1)).await?;
            if !page.items.is_empty() {
                // No filter can compare with this text.
                present.push(edge("\u{0}", of_group));
            }
        }
        if !present.is_empty() {
            whole.insert((*name).to_owned(), Value::Array(present));
        }
        Ok(())
    }

    async fn show_all(&self, searched: &[Searched<'_>], window: &[Match]) -> Result<Vec<Value>, ScimError> {
        let mut resources = Vec::with_capacity(window.len());
        for it in window {
            if let Some(one) = searched.get(it.kind) {
                resources.push(self.shown(one.kind, &it.found, &one.projection).await?);
            }
        }
        Ok(resources)
    }
}

/// A member, or a group, as a filter sees it: only its `value` is compared, of the rest it is asked whether it is there.
fn edge(value: &str, of_group: bool) -> Value {
    let mut edge = json!({ "value": value, "$ref": value, "type": value });
    if let (false, Some(members)) = (of_group, edge.as_object_mut()) {
        members.insert("display".to_owned(), value.into());
    }
    edge
}

/// So many are read at once where not all of them match.
const LOOK_AHEAD: usize = 100;

struct Matches {
    items: Vec<Match>,
    total: usize,
    is_window: bool,
}

impl Matches {
    fn take(&mut self, found: Option<Match>, window: Option<(usize, usize)>) {
        let Some(found) = found else { return };
        let at = self.total;
        self.total += 1;
        match window {
            Some((skipped, count)) if at < skipped || self.items.len() >= count => {}
            _ => self.items.push(found),
        }
    }
}

fn order(searched: &[Searched<'_>], left: &Match, right: &Match) -> Ordering {
    let sort = searched.iter().find_map(|it| it.sort.as_ref());
    let id = |it: &Match| it.found.stored.body.id.clone();
    match sort {
        Some(sort) => sort
            .order((&left.key, &id(left)), (&right.key, &id(right)))
            .then_with(|| left.kind.cmp(&right.kind)),
        None => left.kind.cmp(&right.kind).then_with(|| id(left).cmp(&id(right))),
    }
}

fn is_behind(searched: &[Searched<'_>], it: &Match, position: &Position) -> bool {
    let Position::After { kind, key, id } = position else { return false };
    let own = &it.found.stored.body.id;
    let sort = searched.iter().find_map(|it| it.sort.as_ref());
    let order = match sort {
        Some(sort) => sort.order((&it.key, own), (key, id)).then_with(|| it.kind.cmp(kind)),
        None => it.kind.cmp(kind).then_with(|| own.cmp(id)),
    };
    order == Ordering::Greater
}

/// What a cursor is bound to: the kinds, the filter and the order.
fn fingerprint(searched: &[Searched<'_>], query: &Query) -> String {
    let kinds: Vec<&str> = searched.iter().map(|it| it.kind.name()).collect();
    let filter = query.filter.as_deref().and_then(|text| Filter::parse(text).ok()).map(|it| it.canonical());
    let sort: Vec<String> = searched.iter().filter_map(|it| it.sort.as_ref()).map(Sort::canonical).collect();
    TokenDigest::of(&format!("{kinds:?} {filter:?} {sort:?}")).to_text()
}

fn list(resources: Vec<Value>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("schemas".to_owned(), json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
    body.insert("itemsPerPage".to_owned(), resources.len().into());
    body.insert("Resources".to_owned(), Value::Array(resources));
    body
}

fn too_many() -> ScimError {
    ScimError::new(ScimType::TooMany, "the search would look at too many resources")
}
