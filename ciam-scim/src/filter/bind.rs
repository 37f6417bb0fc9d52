//! A filter, bound to the attributes of a resource type.

use std::ops::Deref;
use std::sync::Arc;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::parse::{Compare, Filter, Literal, Operator, Term};
use crate::error::{ScimError, ScimType};
use crate::fold::fold;
use crate::schema::{AttrId, AttributeType, ResourceType, Returned};

/// How a filter is bound.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct BindPolicy {
    /// An attribute that the type does not have is absent, instead of a mistake: for searches over several kinds.
    pub unknown_is_absent: bool,
    /// `"True"` and `"False"` stand for the values of Booleans.
    pub bool_strings: bool,
}

impl BindPolicy {
    /// Everything must be right.
    #[must_use]
    pub const fn strict() -> Self {
        Self { unknown_is_absent: false, bool_strings: false }
    }

    /// Sets whether an unknown attribute is absent.
    #[must_use]
    pub const fn with_unknown_absent(mut self, absent: bool) -> Self {
        self.unknown_is_absent = absent;
        self
    }

    /// Sets whether texts stand for the values of Booleans.
    #[must_use]
    pub const fn with_bool_strings(mut self, accepted: bool) -> Self {
        self.bool_strings = accepted;
        self
    }
}

/// A filter that can be evaluated on resources of one type.
#[derive(Clone, Debug)]
pub struct BoundFilter {
    terms: Vec<BoundTerm>,
    pub(super) code: Vec<Step>,
    /// The value paths' own code.
    pub(super) paths: Vec<(AttrId, Names, Vec<Step>)>,
    pub(super) compares: Vec<BoundCompare>,
}

/// One step of a bound filter, in postfix order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoundTerm {
    /// The comparison of this number.
    Compare(usize),
    /// The value path of this number.
    ValuePath(usize),
    /// The opposite of the term before.
    Not,
    /// Both of the two terms before.
    And,
    /// One of the two terms before.
    Or,
}

/// What the evaluator does. It has one truth value, and never more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Compare(usize),
    ValuePath(usize),
    Not,
    /// Goes to a step when it is true.
    IfTrue(usize),
    /// Goes to a step when it is false.
    IfFalse(usize),
}

/// A comparison with an attribute of the type.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BoundCompare {
    /// The attribute; `None` for one that the type does not have.
    pub attribute: Option<AttrId>,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub operand: Operand,
    /// The names from where it is asked down to the attribute.
    pub(super) names: Names,
    /// The text as it was written, where the operand is one that was folded.
    text: Option<String>,
}

impl BoundCompare {
    /// The name of the attribute itself.
    pub(crate) fn last_name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The text as it was written, where it was folded.
    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

/// The names from a place down to an attribute: a part of what the schema has.
#[derive(Clone, Debug)]
pub(super) struct Names {
    all: Arc<[String]>,
    skipped: usize,
}

impl Names {
    /// Of an attribute that is nowhere.
    fn nowhere() -> Self {
        Self { all: Arc::from([String::new()]), skipped: 0 }
    }
}

impl Deref for Names {
    type Target = [String];

    fn deref(&self) -> &[String] {
        self.all.get(self.skipped..).unwrap_or_default()
    }
}

/// What an attribute is compared with, as a value of its type.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Operand {
    /// `null`, and nothing for `pr`.
    Null,
    /// A Boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A moment.
    Moment(OffsetDateTime),
    /// A text of a case-exact attribute.
    Exact(String),
    /// A text of any other, folded.
    Folded(String),
}

impl Filter<'_> {
    /// Binds the filter to a type.
    ///
    /// # Errors
    ///
    /// Fails with `invalidFilter` when the type has no such attribute, or the attribute cannot be compared like that; with
    /// `sensitive` when the attribute is never returned.
    ///
    /// # Security
    ///
    /// An attribute that is never returned cannot be asked for either: a filter would tell about its value, bit by bit.
    pub fn bind(&self, kind: &ResourceType, policy: BindPolicy) -> Result<BoundFilter, ScimError> {
        self.bind_in(kind, None, policy)
    }

    /// Binds a filter whose paths are those of the sub-attributes of one attribute.
    pub(crate) fn bind_in(
        &self,
        kind: &ResourceType,
        parent: Option<AttrId>,
        policy: BindPolicy,
    ) -> Result<BoundFilter, ScimError> {
        let mut binder = Binder {
            kind,
            policy,
            parent,
            keeps_text: parent.is_some(),
            bound: BoundFilter {
                terms: Vec::with_capacity(self.terms().len()),
                code: Vec::new(),
                paths: Vec::new(),
                compares: Vec::with_capacity(self.terms().len() / 2 + 1),
            },
            outer: Vec::new(),
        };
        for term in self.terms() {
            binder.term(term)?;
        }
        let mut bound = binder.bound;
        bound.code = assemble(&bound.terms);
        Ok(bound)
    }
}

impl BoundFilter {
    /// The program, in postfix order.
    #[must_use]
    pub fn terms(&self) -> &[BoundTerm] {
        &self.terms
    }

    /// A comparison.
    #[must_use]
    pub fn compare(&self, at: usize) -> Option<&BoundCompare> {
        self.compares.get(at)
    }

    /// The attribute of a value path.
    #[must_use]
    pub fn value_path(&self, at: usize) -> Option<AttrId> {
        self.paths.get(at).map(|(id, _, _)| *id)
    }

    /// Every comparison, those within value paths included.
    pub fn compares(&self) -> impl Iterator<Item = &BoundCompare> {
        self.compares.iter()
    }

    /// The comparisons within a value path all of which must hold, where it is made of such alone.
    pub(crate) fn conjunction_of(&self, at: usize) -> Option<Vec<&BoundCompare>> {
        let (_, _, code) = self.paths.get(at)?;
        let mut all = Vec::new();
        for step in code {
            match step {
                Step::Compare(at) => all.push(self.compares.get(*at)?),
                Step::IfFalse(_) => {}
                Step::Not | Step::IfTrue(_) | Step::ValuePath(_) => return None,
            }
        }
        Some(all)
    }

    /// The comparisons that must all hold, where the filter is made of such alone: of one in brackets.
    pub(crate) fn conjunction(&self) -> Option<Vec<&BoundCompare>> {
        let mut all = Vec::new();
        for term in &self.terms {
            match term {
                BoundTerm::Compare(at) => all.push(self.compares.get(*at)?),
                BoundTerm::And => {}
                BoundTerm::Not | BoundTerm::Or | BoundTerm::ValuePath(_) => return None,
            }
        }
        Some(all)
    }
}

struct Binder<'k> {
    kind: &'k ResourceType,
    policy: BindPolicy,
    parent: Option<AttrId>,
    /// Only a patch makes values out of comparisons.
    keeps_text: bool,
    bound: BoundFilter,
    /// The terms around the value path that is open.
    outer: Vec<(Option<AttrId>, Vec<BoundTerm>)>,
}

impl Binder<'_> {
    fn term(&mut self, term: &Term<'_>) -> Result<(), ScimError> {
        match term {
            Term::Compare(compare) => {
                let bound = self.compare(compare)?;
                self.bound.terms.push(BoundTerm::Compare(self.bound.compares.len()));
                self.bound.compares.push(bound);
            }
            Term::Open(path) => {
                let id = self.complex(path)?;
                let around = std::mem::take(&mut self.bound.terms);
                self.outer.push((self.parent, around));
                self.parent = id;
            }
            Term::Close => self.close(),
            Term::Not => self.bound.terms.push(BoundTerm::Not),
            Term::And => self.bound.terms.push(BoundTerm::And),
            Term::Or => self.bound.terms.push(BoundTerm::Or),
        }
        Ok(())
    }

    fn close(&mut self) {
        let Some((parent, around)) = self.outer.pop() else { return };
        let inner = std::mem::replace(&mut self.bound.terms, around);
        let at = self.bound.paths.len();
        match self.parent {
            Some(id) if id != UNKNOWN => {
                let names = self.names(id, parent);
                self.bound.paths.push((id, names, assemble(&inner)));
            }
            // Of an attribute that is absent no element matches.
            _ => self.bound.paths.push((UNKNOWN, Names::nowhere(), Vec::new())),
        }
        self.parent = parent;
        self.bound.terms.push(BoundTerm::ValuePath(at));
    }

    fn complex(&self, path: &str) -> Result<Option<AttrId>, ScimError> {
        let found = self.kind.resolve(path).filter(|_| self.parent.is_none());
        let Some(id) = found else {
            if self.policy.unknown_is_absent {
                return Ok(Some(UNKNOWN));
            }
            return Err(wrong("there is no such attribute"));
        };
        let fits = self
            .kind
            .node(id)
            .is_some_and(|node| node.attribute.kind == AttributeType::Complex && !node.is_extension);
        if fits { Ok(Some(id)) } else { Err(wrong("the attribute has no sub-attributes")) }
    }

    fn resolve(&self, path: &str) -> Option<AttrId> {
        match self.parent {
            None => self.kind.resolve(path),
            Some(UNKNOWN) => None,
            Some(parent) => self.kind.child(Some(parent), path),
        }
    }

    fn compare(&self, compare: &Compare<'_>) -> Result<BoundCompare, ScimError> {
        let Some(found) = self.resolve(compare.path) else {
            if self.policy.unknown_is_absent {
                // Absent: not equal to anything but nothing.
                let null = compare.literal == Literal::Null;
                return Ok(BoundCompare {
                    attribute: None,
                    operator: compare.operator,
                    operand: if null { Operand::Null } else { Operand::Bool(false) },
                    names: Names::nowhere(),
                    text: None,
                });
            }
            return Err(wrong("there is no such attribute"));
        };
        let presence = compare.operator == Operator::Pr || compare.literal == Literal::Null;
        let id = if presence { found } else { self.kind.comparable(found) };
        let node = self.kind.node(id).ok_or_else(|| wrong("there is no such attribute"))?;
        if self.is_secret(found) || node.attribute.returned == Returned::Never {
            return Err(ScimError::new(ScimType::Sensitive, "the attribute cannot be searched"));
        }
        let operand = if presence {
            if !matches!(compare.operator, Operator::Pr | Operator::Eq | Operator::Ne) {
                return Err(wrong("`null` is only equal or not"));
            }
            Operand::Null
        } else {
            self.operand(compare, node.attribute.kind, node.attribute.case_exact)?
        };
        let names = self.names(id, self.parent);
        let text = match (&operand, &compare.literal) {
            (Operand::Folded(_), Literal::Text(text)) if self.keeps_text => Some(text.clone().into_owned()),
            _ => None,
        };
        Ok(BoundCompare { attribute: Some(id), operator: compare.operator, operand, names, text })
    }

    fn is_secret(&self, id: AttrId) -> bool {
        let Some(node) = self.kind.node(id) else { return false };
        let above = node.parent.and_then(|parent| self.kind.node(parent));
        [Some(node), above].into_iter().flatten().any(|it| it.attribute.returned == Returned::Never)
    }

    fn names(&self, id: AttrId, parent: Option<AttrId>) -> Names {
        let skipped = parent.and_then(|parent| self.kind.node(parent)).map_or(0, |node| node.names.len());
        match self.kind.node(id) {
            Some(node) => Names { all: Arc::clone(&node.names), skipped },
            None => Names::nowhere(),
        }
    }

    fn operand(
        &self,
        compare: &Compare<'_>,
        kind: AttributeType,
        case_exact: bool,
    ) -> Result<Operand, ScimError> {
        use Operator::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
        let operator = compare.operator;
        let legal = match kind {
            AttributeType::Boolean | AttributeType::Binary => matches!(operator, Eq | Ne),
            AttributeType::Complex => false,
            AttributeType::Decimal | AttributeType::Integer => {
                matches!(operator, Eq | Ne | Gt | Ge | Lt | Le)
            }
            // Texts that begin like a moment can be asked for, but a part of a moment is no moment.
            AttributeType::DateTime => matches!(operator, Eq | Ne | Gt | Ge | Lt | Le),
            AttributeType::String | AttributeType::Reference => {
                matches!(operator, Eq | Ne | Co | Sw | Ew | Gt | Ge | Lt | Le)
            }
        };
        if !legal {
            return Err(wrong("the attribute cannot be compared like that"));
        }
        match (kind, &compare.literal) {
            (AttributeType::Boolean, Literal::Bool(value)) => Ok(Operand::Bool(*value)),
            (AttributeType::Boolean, Literal::Text(text)) if self.policy.bool_strings => {
                bool_of(text).map(Operand::Bool).ok_or_else(|| wrong("a Boolean was expected"))
            }
            (AttributeType::Decimal | AttributeType::Integer, Literal::Number(number)) => {
                number.as_f64().map(Operand::Number).ok_or_else(|| wrong("a number was expected"))
            }
            (AttributeType::DateTime, Literal::Text(text)) => {
                moment_of(text).map(Operand::Moment).ok_or_else(|| wrong("a date and time was expected"))
            }
            (
                AttributeType::String | AttributeType::Reference | AttributeType::Binary,
                Literal::Text(text),
            ) => Ok(if case_exact || kind == AttributeType::Binary {
                Operand::Exact(text.clone().into_owned())
            } else {
                Operand::Folded(fold(text).into_owned())
            }),
            _ => Err(wrong("the value is not of the attribute's type")),
        }
    }
}

/// Stands for an attribute that the type does not have.
const UNKNOWN: AttrId = AttrId(u32::MAX);

/// `True` and `False` as directories write them.
pub(crate) fn bool_of(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A moment as [RFC 7643, section 2.3.5](https://www.rfc-editor.org/rfc/rfc7643#section-2.3.5) writes it; one without a zone
/// is taken as UTC.
pub(crate) fn moment_of(text: &str) -> Option<OffsetDateTime> {
    if text.len() > 64 {
        return None;
    }
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
        .ok()
}

fn wrong(detail: &str) -> ScimError {
    ScimError::new(ScimType::InvalidFilter, detail)
}

/// Turns the postfix program into one that stops as soon as the outcome is known. The operand before the last one of a word
/// is followed by a jump behind the last one.
fn assemble(terms: &[BoundTerm]) -> Vec<Step> {
    // Where each operand begins that no word has taken yet.
    let mut code: Vec<Step> = Vec::with_capacity(terms.len());
    let mut begins: Vec<usize> = Vec::new();
    // For each word, the step behind which its jump comes: known only when the word is met, so the jumps are put in at the end.
    let mut jumps: Vec<(usize, usize, bool)> = Vec::new();
    for term in terms {
        match term {
            BoundTerm::Compare(at) => {
                begins.push(code.len());
                code.push(Step::Compare(*at));
            }
            BoundTerm::ValuePath(at) => {
                begins.push(code.len());
                code.push(Step::ValuePath(*at));
            }
            BoundTerm::Not => code.push(Step::Not),
            BoundTerm::And | BoundTerm::Or => {
                let Some(right) = begins.pop() else { continue };
                jumps.push((right, code.len(), *term == BoundTerm::Or));
            }
        }
    }
    if jumps.is_empty() { code } else { with_jumps(&code, jumps) }
}

/// Puts jumps into a program: before a step, to another one, if true or if false.
fn with_jumps(code: &[Step], mut jumps: Vec<(usize, usize, bool)>) -> Vec<Step> {
    // Of several jumps before one step the one of the innermost word, which was met first, comes first.
    jumps.sort_by_key(|(before, _, _)| *before);
    let mut moved = Vec::with_capacity(code.len() + 1);
    let mut at = 0;
    for step in 0..=code.len() {
        moved.push(step + at);
        while jumps.get(at).is_some_and(|(before, _, _)| *before == step) {
            at += 1;
        }
    }
    let mut out = Vec::with_capacity(code.len() + jumps.len());
    let mut pending = jumps.into_iter().peekable();
    for (at, step) in code.iter().enumerate() {
        while let Some((_, to, if_true)) = pending.next_if(|(before, _, _)| *before == at) {
            // A jump to a step goes before the jumps that stand before it.
            let to = moved.get(to).copied().unwrap_or(usize::MAX);
            out.push(if if_true { Step::IfTrue(to) } else { Step::IfFalse(to) });
        }
        out.push(*step);
    }
    out
}
