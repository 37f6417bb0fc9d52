//! Counting and cutting what a query over index values holds of.

use ciam_core::error::PortError;
use ciam_core::store::{Counted, IndexQuery, IndexTerm, Record, RecordKind, Versioned, Window};

use super::reads::{Columns as _, Param, Reader, Reads, record, text};

impl<R: Reader> Reads<R> {
    /// Of the records with a value in an index those of which a query holds.
    pub(crate) async fn records_where(
        &self,
        kind: RecordKind,
        index: &str,
        value: &str,
        query: &IndexQuery,
        window: Window,
    ) -> Result<Counted<Versioned<Record>>, PortError> {
        let index = kind
            .index(index)
            .ok_or_else(|| PortError::permanent("the record kind does not declare this index"))?;
        if !query.is_for(kind) {
            return Err(PortError::permanent("the query is none of this kind of record"));
        }
        if !R::holds(value) {
            return Ok(Counted::new(Vec::new(), 0));
        }
        let value = Param::Text(R::index_value(value));
        let mut params = vec![text(kind.name()), text(index.name()), value, self.now()];
        let from = format!("{FROM} AND {}", condition::<R>(query, &mut params));
        let skip = i64::try_from(window.skip).unwrap_or(i64::MAX);
        let mut items = Vec::new();
        if window.limit > 0 {
            let (limit, offset) = (params.len() + 2, params.len() + 3);
            let sql = format!(
                "SELECT r.key, r.schema, r.counter, r.expires_at, r.version, r.index_values, r.body FROM \
                 (SELECT i.key {from} ORDER BY i.key LIMIT ${limit} OFFSET ${offset}) found \
                 JOIN records r ON r.tenant = $1 AND r.kind = $2 AND r.key = found.key ORDER BY r.key"
            );
            let mut params = params.clone();
            params.extend([Param::Number(i64::from(window.limit)), Param::Number(skip)]);
            items = self.all_once(sql, params, |row| record(row, kind)).await?;
        }
        let found = u64::try_from(items.len()).unwrap_or(u64::MAX);
        // A window that is not full ends where the list does.
        if found < u64::from(window.limit) && (found > 0 || window.skip == 0) {
            return Ok(Counted::new(items, window.skip.saturating_add(found)));
        }
        let sql = format!("SELECT count(*) AS total {from}");
        let counts = self.all_once(sql, params, |row| row.number("total")).await?;
        let total = counts.first().copied().unwrap_or_default();
        Ok(Counted::new(items, u64::try_from(total).unwrap_or_default()))
    }
}

/// The records with a value, but for those that have expired: few have, and those have an index of their own.
const FROM: &str = "\
    FROM record_indexes i WHERE i.tenant = $1 AND i.kind = $2 AND i.name = $3 AND i.value = $4 \
    AND i.key NOT IN (SELECT e.key FROM records e WHERE e.tenant = $1 AND e.kind = $2 \
    AND e.expires_at IS NOT NULL AND e.expires_at <= $5)";

/// The condition that a query is, its values behind the parameters that are there already. The tenant is one before them.
fn condition<R: Reader>(query: &IndexQuery, params: &mut Vec<Param>) -> String {
    let mut stack: Vec<String> = Vec::new();
    for term in query.terms() {
        let next = match term {
            IndexTerm::Always => "1 = 1".to_owned(),
            IndexTerm::Has(value) if !R::holds(&value.value) => "1 = 0".to_owned(),
            IndexTerm::Has(value) => {
                params.extend([text(value.index.name()), Param::Text(R::index_value(&value.value))]);
                let at = params.len();
                format!(
                    "EXISTS (SELECT 1 FROM record_indexes x WHERE x.tenant = $1 AND x.kind = $2 AND x.name = ${at} \
                     AND x.value = ${} AND x.key = i.key)",
                    at + 1
                )
            }
            IndexTerm::Not => format!("NOT ({})", stack.pop().unwrap_or_default()),
            IndexTerm::And | IndexTerm::Or => {
                let word = if *term == IndexTerm::And { "AND" } else { "OR" };
                let (right, left) = (stack.pop().unwrap_or_default(), stack.pop().unwrap_or_default());
                format!("({left} {word} {right})")
            }
        };
        stack.push(next);
    }
    stack.pop().unwrap_or_default()
}
