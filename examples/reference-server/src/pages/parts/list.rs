//! Tables, and the way from one page of a list to the next.

use serde::Serialize;

use super::Confirm;

/// A table that turns into cards on a phone: `{{ kit.table(members) }}`.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    caption: String,
    columns: Vec<String>,
    rows: Vec<Row>,
    empty: String,
    pager: Option<Pager>,
}

impl Table {
    /// A table. `caption` names it for a screen reader, `empty` is said when there is no row.
    pub fn new(caption: impl Into<String>, columns: Vec<String>, empty: impl Into<String>) -> Self {
        Self { caption: caption.into(), columns, rows: Vec::new(), empty: empty.into(), pager: None }
    }

    /// Its rows; each has as many cells as there are columns.
    #[must_use]
    pub fn with_rows(mut self, rows: Vec<Row>) -> Self {
        self.rows = rows;
        self
    }

    /// The way to the other rows.
    #[must_use]
    pub fn with_pager(mut self, pager: Option<Pager>) -> Self {
        self.pager = pager;
        self
    }
}

/// A row of a table. The first cell names it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    cells: Vec<Cell>,
}

impl Row {
    /// A row of these cells.
    pub fn new(cells: Vec<Cell>) -> Self {
        Self { cells }
    }
}

/// What stands in a cell. Every field may be left out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cell {
    text: Option<String>,
    hint: Option<String>,
    href: Option<String>,
    tags: Vec<String>,
    confirm: Option<Confirm>,
}

impl Cell {
    /// An empty cell.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// Text that leads somewhere.
    pub fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { text: Some(text.into()), href: Some(href.into()), ..Self::default() }
    }

    /// Small text below.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A word in a frame, such as a role or a state.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// A button that asks first.
    #[must_use]
    pub fn with_confirm(mut self, confirm: Confirm) -> Self {
        self.confirm = Some(confirm);
        self
    }
}

/// Links from one page of a list to another: `{{ kit.pager(pager) }}`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Pager {
    first: Option<String>,
    next: Option<String>,
}

impl Pager {
    /// Of a list at `path`, which was asked for after the cursor `after` and goes on after `next`. `None` when there is nothing
    /// to page.
    pub fn new(path: &str, after: Option<&str>, next: Option<&str>) -> Option<Self> {
        let link = |cursor: &str| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            format!("{path}?{}", query.append_pair("after", cursor).finish())
        };
        let first = after.map(|_| path.to_owned());
        let next = next.map(link);
        (first.is_some() || next.is_some()).then_some(Self { first, next })
    }
}
