//! Searching ([RFC 7644, section 3.4.2]): which resources match, in which order, and which page of them.
//!
//! The store answers what it can by its indexes; everything it answers is looked at again here, so a total is never wrong. A
//! search that would look at more resources than the limit is refused and never cut short.
//!
//! [RFC 7644, section 3.4.2]: https://www.rfc-editor.org/rfc/rfc7644#section-3.4.2

use std::cmp::Ordering;
use std::collections::BTreeMap;

use ciam_core::secret::TokenDigest;
use ciam_core::store::{Cursor, Page, PageRequest};
use serde_json::{Map, Value, json};

use super::context::{Cx, Found, Reply, is_group};
use super::cursor::{Place, Position};
use super::lookup::{EdgeNeeds, Lookup, Source, edge_needs, lookup};
use crate::error::{ScimError, ScimType};
use crate::filter::{BindPolicy, BoundFilter, Filter};
use crate::project::Projection;
use crate::schema::ResourceType;
use crate::sort::{Sort, SortKey};
use crate::store::{EDGE, Edge, LIST, RESOURCE, Stored, group_value, list_value};

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
    projection: Projection,
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
            searched.push(Searched { kind, filter: bound, needs, sort, lookup, projection });
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
        let matches = self.all(searched, Some((skipped, count))).await?;
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
            [one] if one.sort.is_none() && one.lookup.is_none() => Some(one),
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
        let mut window = Vec::new();
        let mut looked_at = 0;
        loop {
            let room = count.saturating_sub(window.len());
            let limit = u32::try_from(room).unwrap_or(1).max(1);
            let request = match after.take() {
                Some(cursor) => PageRequest::after(cursor, limit),
                None => PageRequest::first(limit),
            };
            let page = self.page_of(searched.kind, request).await?;
            looked_at += page.items.len();
            for stored in page.items {
                window.extend(self.matching(searched, 0, stored).await?);
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

    async fn page_of(&self, kind: &ResourceType, request: PageRequest) -> Result<Page<Stored>, ScimError> {
        let value = list_value(self.organization(), kind.name());
        let page = self.store().records_by(RESOURCE, LIST.name(), &value, request).await?;
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
            let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
            loop {
                let page = self.page_of(one.kind, request).await?;
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
        let value = group_value(self.organization(), group);
        let mut found = Vec::new();
        let mut request = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let page = self.store().records_by(EDGE, "group", &value, request).await?;
            for record in page.items {
                let edge: Edge = record.value.decode()?;
                found.extend(self.stored(kind.name(), &edge.member).await?);
            }
            if found.len() > room {
                return Ok(None);
            }
            match page.next {
                Some(next) => request = PageRequest::after(next, PageRequest::MAX_LIMIT),
                None => return Ok(Some(found)),
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
        for other in ids {
            let (group, member) = if of_group { (id, other.as_str()) } else { (other.as_str(), id) };
            let key = Edge::key_of(self.organization(), group, member);
            if self.store().record(EDGE, &key).await?.is_some() {
                present.push(json!({ "value": other }));
            }
        }
        if *any && present.is_empty() {
            let index = if of_group { "group" } else { "member" };
            let value = group_value(self.organization(), id);
            let page = self.store().records_by(EDGE, index, &value, PageRequest::first(1)).await?;
            if !page.items.is_empty() {
                // No filter can compare with this text.
                present.push(json!({ "value": "\u{0}" }));
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
