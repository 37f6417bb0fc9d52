//! Applying a checked patch to a resource.

use serde_json::{Map, Value};

use super::compile::{Action, Chosen, Op, Patch};
use crate::error::{ScimError, ScimType};
use crate::normalize::{not_too_many, one_primary};
use crate::schema::{AttrId, AttributeType, Node, ResourceType};

impl Patch {
    /// Applies all operations to a resource, in order. Returns whether one of them changed anything.
    ///
    /// # Errors
    ///
    /// Fails with `noTarget` when a filter chooses nothing, and with `invalidValue` when too many values would be there. The
    /// resource is of no use then: the caller keeps the one that it had.
    pub fn apply(&self, kind: &ResourceType, resource: &mut Map<String, Value>) -> Result<bool, ScimError> {
        let mut changed = false;
        for action in &self.actions {
            let Some(node) = kind.node(action.attribute) else { continue };
            changed |= self.one(kind, node, action, resource)?;
        }
        Ok(changed)
    }

    fn one(
        &self,
        kind: &ResourceType,
        node: &Node,
        action: &Action,
        resource: &mut Map<String, Value>,
    ) -> Result<bool, ScimError> {
        let names: Vec<&str> = node.names.iter().map(String::as_str).collect();
        let parent = node.parent.and_then(|parent| kind.node(parent));
        let extension = parent
            .filter(|it| it.is_extension)
            .or_else(|| parent.and_then(|it| it.parent).and_then(|id| kind.node(id)));
        let (holder, names) = match (extension, names.as_slice()) {
            (Some(extension), [_, names @ ..]) => {
                let entry = resource
                    .entry(extension.attribute.name.clone())
                    .or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(holder) = entry else { return Ok(false) };
                (holder, names.to_vec())
            }
            _ => (&mut *resource, names),
        };
        let changed = match (names.as_slice(), &action.chosen) {
            ([name], Some(chosen)) => self.elements(kind, node, chosen, action, holder, name)?,
            ([name], None) => whole(node, action, holder, name)?,
            ([name, sub], _) => inner(parent, action, holder, name, sub)?,
            _ => false,
        };
        if let Some(extension) = extension {
            let empty = |it: &Value| it.as_object().is_some_and(Map::is_empty);
            if resource.get(&extension.attribute.name).is_some_and(empty) {
                resource.remove(&extension.attribute.name);
            }
        }
        Ok(changed)
    }

    /// Changes the elements that a filter chooses.
    fn elements(
        &self,
        kind: &ResourceType,
        node: &Node,
        chosen: &Chosen,
        action: &Action,
        holder: &mut Map<String, Value>,
        name: &str,
    ) -> Result<bool, ScimError> {
        let sub = chosen.sub.and_then(|sub| kind.node(sub)).map(|sub| sub.attribute.name.as_str());
        let mut values = match holder.remove(name) {
            Some(Value::Array(values)) => values,
            Some(single) => vec![single],
            None => Vec::new(),
        };
        let mut changed = false;
        let mut touched = Vec::new();
        let mut found = false;
        for (at, value) in values.iter_mut().enumerate() {
            let Value::Object(element) = value else { continue };
            if !chosen.filter.matches(element) {
                continue;
            }
            found = true;
            touched.push(at);
            changed |= element_changes(element, sub, action);
        }
        if !found {
            match (action.op, &chosen.template) {
                (Op::Remove, _) if self.lenient => {}
                (Op::Add | Op::Replace, Some(template)) if action.value.is_some() => {
                    let mut element = template.clone();
                    element_changes(&mut element, sub, &Action { op: Op::Add, ..action.clone() });
                    touched.push(values.len());
                    values.push(Value::Object(element));
                    changed = true;
                }
                (Op::Add | Op::Replace, Some(_)) => {}
                _ => {
                    return Err(ScimError::new(ScimType::NoTarget, "the filter of the path chooses nothing"));
                }
            }
        }
        // Where a primary one was set, the others are none.
        if changed && action.op != Op::Remove {
            not_too_many(node, &values)?;
            settle_primary(&mut values, &touched)?;
        }
        values.retain(|it| it.as_object().is_none_or(|members| !members.is_empty()));
        put_back(node, holder, name, values);
        Ok(changed)
    }
}

/// Changes one element; `true` when it is another then. Removing an element empties it.
fn element_changes(element: &mut Map<String, Value>, sub: Option<&str>, action: &Action) -> bool {
    match (sub, &action.value, action.op) {
        (Some(sub), None, _) | (Some(sub), _, Op::Remove) => element.remove(sub).is_some(),
        (Some(sub), Some(value), _) => set(element, sub, value),
        (None, None, _) | (None, _, Op::Remove) => {
            let was = !element.is_empty();
            element.clear();
            was
        }
        (None, Some(Value::Object(members)), Op::Replace) => {
            let other = element != members;
            if other {
                element.clone_from(members);
            }
            other
        }
        (None, Some(Value::Object(members)), Op::Add) => merge(element, members),
        (None, Some(_), _) => false,
    }
}

/// Changes an attribute as a whole.
fn whole(
    node: &Node,
    action: &Action,
    holder: &mut Map<String, Value>,
    name: &str,
) -> Result<bool, ScimError> {
    let Some(value) = &action.value else { return Ok(holder.remove(name).is_some()) };
    match (action.op, value) {
        (Op::Remove, Value::Array(selected)) => Ok(remove_selected(holder, name, selected)),
        (Op::Add, Value::Array(added)) if node.attribute.multi_valued => {
            add_values(node, holder, name, added)
        }
        (Op::Add | Op::Replace, Value::Object(members)) if node.attribute.kind == AttributeType::Complex => {
            match holder.get_mut(name) {
                Some(Value::Object(known)) => Ok(merge(known, members)),
                _ => Ok(set(holder, name, value)),
            }
        }
        _ => Ok(set(holder, name, value)),
    }
}

/// Removes the values that are like those given: with the same `value` where there is one, else equal.
fn remove_selected(holder: &mut Map<String, Value>, name: &str, selected: &[Value]) -> bool {
    let Some(Value::Array(values)) = holder.get_mut(name) else { return false };
    let before = values.len();
    values.retain(|known| {
        !selected.iter().any(|it| match (it.get("value"), known.get("value")) {
            (Some(it), Some(known)) => it == known,
            _ => it == known,
        })
    });
    let changed = values.len() != before;
    if values.is_empty() {
        holder.remove(name);
    }
    changed
}

fn add_values(
    node: &Node,
    holder: &mut Map<String, Value>,
    name: &str,
    added: &[Value],
) -> Result<bool, ScimError> {
    let mut values = match holder.remove(name) {
        Some(Value::Array(values)) => values,
        Some(single) => vec![single],
        None => Vec::new(),
    };
    let mut touched = Vec::new();
    for value in added {
        if !values.contains(value) {
            touched.push(values.len());
            values.push(value.clone());
        }
    }
    not_too_many(node, &values)?;
    settle_primary(&mut values, &touched)?;
    holder.insert(name.to_owned(), Value::Array(values));
    Ok(!touched.is_empty())
}

/// Changes a sub-attribute: of the one value, or of all.
fn inner(
    parent: Option<&Node>,
    action: &Action,
    holder: &mut Map<String, Value>,
    name: &str,
    sub: &str,
) -> Result<bool, ScimError> {
    let change = |element: &mut Map<String, Value>| match (&action.value, action.op) {
        (None, _) | (_, Op::Remove) => element.remove(sub).is_some(),
        (Some(value), _) => set(element, sub, value),
    };
    let mut changed = false;
    match holder.get_mut(name) {
        Some(Value::Array(values)) => {
            for value in values.iter_mut() {
                changed |= value.as_object_mut().is_some_and(change);
            }
            values.retain(|it| it.as_object().is_none_or(|members| !members.is_empty()));
            // All of them cannot be the preferred one.
            one_primary(values)?;
        }
        Some(Value::Object(element)) => changed = change(element),
        _ => {
            let Some(value) = action.value.as_ref().filter(|_| action.op != Op::Remove) else {
                return Ok(false);
            };
            let element = Value::Object(Map::from_iter([(sub.to_owned(), value.clone())]));
            let many = parent.is_some_and(|it| it.attribute.multi_valued);
            holder.insert(name.to_owned(), if many { Value::Array(vec![element]) } else { element });
            return Ok(true);
        }
    }
    let empty = match holder.get(name) {
        Some(Value::Array(values)) => values.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
        _ => false,
    };
    if empty {
        holder.remove(name);
    }
    Ok(changed)
}

fn put_back(node: &Node, holder: &mut Map<String, Value>, name: &str, mut values: Vec<Value>) {
    if values.is_empty() {
        return;
    }
    let value = if node.attribute.multi_valued { Value::Array(values) } else { values.swap_remove(0) };
    holder.insert(name.to_owned(), value);
}

/// Takes `primary` from all but those that were just set.
fn settle_primary(values: &mut [Value], touched: &[usize]) -> Result<(), ScimError> {
    let is_primary = |it: &Value| it.get("primary") == Some(&Value::Bool(true));
    let set: Vec<usize> =
        touched.iter().copied().filter(|at| values.get(*at).is_some_and(is_primary)).collect();
    if set.len() > 1 {
        return Err(ScimError::value("two values are primary"));
    }
    let Some(set) = set.first() else { return one_primary(values) };
    for (at, value) in values.iter_mut().enumerate() {
        if at != *set
            && is_primary(value)
            && let Value::Object(element) = value
        {
            element.insert("primary".to_owned(), Value::Bool(false));
        }
    }
    Ok(())
}

fn set(holder: &mut Map<String, Value>, name: &str, value: &Value) -> bool {
    if holder.get(name) == Some(value) {
        return false;
    }
    holder.insert(name.to_owned(), value.clone());
    true
}

fn merge(into: &mut Map<String, Value>, members: &Map<String, Value>) -> bool {
    members.iter().fold(false, |changed, (name, value)| set(into, name, value) || changed)
}

/// Says that an immutable attribute is another than before ([RFC 7643, section 7]).
///
/// [RFC 7643, section 7]: https://www.rfc-editor.org/rfc/rfc7643#section-7
pub(crate) fn check_immutable(
    kind: &ResourceType,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<(), ScimError> {
    use crate::schema::Mutability::Immutable;
    let at = |root: &Map<String, Value>, id: AttrId| -> Option<Value> {
        let node = kind.node(id)?;
        let mut names = node.names.iter();
        let mut found = root.get(names.next()?)?;
        for name in names {
            found = found.get(name)?;
        }
        Some(found.clone())
    };
    for (id, node) in kind.nodes() {
        let parent = node.parent.and_then(|parent| kind.node(parent));
        let in_many = parent.is_some_and(|it| it.attribute.multi_valued);
        if node.attribute.mutability != Immutable || in_many {
            continue;
        }
        if let Some(known) = at(before, id)
            && at(after, id).as_ref() != Some(&known)
        {
            return Err(ScimError::new(ScimType::Mutability, format!("`{}` cannot be changed", node.path)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
