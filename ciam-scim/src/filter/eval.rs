//! Evaluating a bound filter on a resource.

use serde_json::{Map, Value};

use super::bind::{BoundCompare, BoundFilter, Operand, Step, moment_of};
use super::parse::Operator;
use crate::fold::{fold, is_folded};

impl BoundFilter {
    /// Whether a resource matches: in the canonical spelling of names, as it is kept.
    #[must_use]
    pub fn matches(&self, resource: &Map<String, Value>) -> bool {
        self.run(&self.code, resource)
    }

    /// Runs a program. A value path runs another one on each element, and that one has no value paths.
    fn run(&self, code: &[Step], on: &Map<String, Value>) -> bool {
        let mut truth = false;
        let mut at = 0;
        while let Some(step) = code.get(at) {
            at += 1;
            match *step {
                Step::Compare(number) => {
                    truth = self.compares.get(number).is_some_and(|compare| compare.holds(on));
                }
                Step::ValuePath(number) => truth = self.any_element(number, on),
                Step::Not => truth = !truth,
                Step::IfTrue(to) if truth => at = to,
                Step::IfFalse(to) if !truth => at = to,
                Step::IfTrue(_) | Step::IfFalse(_) => {}
            }
        }
        truth
    }

    fn any_element(&self, number: usize, on: &Map<String, Value>) -> bool {
        let Some((_, names, code)) = self.paths.get(number) else { return false };
        let Some((last, above)) = names.split_last() else { return false };
        let mut object = on;
        for name in above {
            let Some(Value::Object(inner)) = object.get(name) else { return false };
            object = inner;
        }
        match object.get(last) {
            Some(Value::Array(elements)) => {
                elements.iter().filter_map(Value::as_object).any(|element| self.run(code, element))
            }
            Some(Value::Object(element)) => self.run(code, element),
            _ => false,
        }
    }
}

impl BoundCompare {
    /// Whether the comparison holds.
    fn holds(&self, on: &Map<String, Value>) -> bool {
        match self.operator {
            Operator::Pr => self.any(on, &|value| is_present(value)),
            Operator::Ne if self.operand == Operand::Null => self.any(on, &|value| is_present(value)),
            Operator::Eq if self.operand == Operand::Null => !self.any(on, &|value| is_present(value)),
            Operator::Ne => !self.any(on, &|value| self.operand.compares(Operator::Eq, value)),
            operator => self.any(on, &|value| self.operand.compares(operator, value)),
        }
    }

    /// Whether a test holds for one of the values: each step of the path may lead to many. There are at most three steps.
    fn any(&self, on: &Map<String, Value>, test: &dyn Fn(&Value) -> bool) -> bool {
        let mut names = self.names.iter();
        let first = names.next().and_then(|name| on.get(name));
        match (first, names.next(), names.next()) {
            (None, _, _) => false,
            (Some(value), None, _) => each(value, test),
            (Some(value), Some(second), None) => inner(value, second, &|found| each(found, test)),
            (Some(value), Some(second), Some(third)) => {
                inner(value, second, &|found| inner(found, third, &|leaf| each(leaf, test)))
            }
        }
    }
}

/// Whether a test holds for a value, or for one of its elements.
fn each(value: &Value, test: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(test),
        single => test(single),
    }
}

/// Whether a test holds for what has a name in an object, or in one of many.
fn inner(value: &Value, name: &str, test: &dyn Fn(&Value) -> bool) -> bool {
    let of = |value: &Value| value.as_object().and_then(|it| it.get(name)).is_some_and(test);
    match value {
        Value::Array(elements) => elements.iter().any(of),
        single => of(single),
    }
}

/// Whether a value is one: `null`, an empty text, array or object is none.
pub(crate) fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

impl Operand {
    fn compares(&self, operator: Operator, value: &Value) -> bool {
        match (self, value) {
            (Self::Folded(operand), Value::String(text)) if operator == Operator::Eq => {
                is_folded(text, operand)
            }
            (Self::Folded(operand), Value::String(text)) => texts(operator, &fold(text), operand),
            (Self::Exact(operand), Value::String(text)) => texts(operator, text, operand),
            (Self::Bool(operand), Value::Bool(value)) => operator == Operator::Eq && operand == value,
            (Self::Number(operand), Value::Number(number)) => {
                number.as_f64().is_some_and(|number| ordered(operator, &number, operand))
            }
            (Self::Moment(operand), Value::String(text)) => {
                moment_of(text).is_some_and(|moment| ordered(operator, &moment, operand))
            }
            _ => false,
        }
    }
}

fn texts(operator: Operator, text: &str, operand: &str) -> bool {
    match operator {
        Operator::Co => text.contains(operand),
        Operator::Sw => text.starts_with(operand),
        Operator::Ew => text.ends_with(operand),
        other => ordered(other, &text, &operand),
    }
}

fn ordered<T: PartialOrd>(operator: Operator, value: &T, operand: &T) -> bool {
    match operator {
        Operator::Eq => value == operand,
        Operator::Gt => value > operand,
        Operator::Ge => value >= operand,
        Operator::Lt => value < operand,
        Operator::Le => value <= operand,
        Operator::Ne | Operator::Co | Operator::Sw | Operator::Ew | Operator::Pr => false,
    }
}

#[cfg(test)]
mod tests;
