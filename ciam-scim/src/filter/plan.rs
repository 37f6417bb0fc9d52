//! What of a filter a store can answer, and how exactly.
//!
//! A store that can look things up says for each comparison what it would find: exactly what matches, more than that, or
//! nothing that helps. The rules by which these answers combine are here and not the store's to get wrong: a wrong total would
//! be the outcome. Of `and` a side that does not help may be dropped; of `or` none may; below `not` only what is exact counts,
//! for the opposite of too much is too little.

use super::bind::{BoundCompare, BoundFilter, BoundTerm};
use crate::schema::AttrId;

/// How well what a store finds fits what matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the rules are complete for these three")]
pub enum Exactness {
    /// All that matches, and nothing else.
    Exact,
    /// All that matches, and perhaps more: each has to be looked at.
    Superset,
    /// Nothing that could be relied on.
    Unsupported,
}

/// What a store would look up, and how well that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan<P> {
    /// The look-up; `None` where it is of no use.
    pub pushed: Option<P>,
    /// How well it fits.
    pub exactness: Exactness,
}

impl<P> Plan<P> {
    /// A look-up that finds what matches and nothing else.
    pub const fn exact(pushed: P) -> Self {
        Self { pushed: Some(pushed), exactness: Exactness::Exact }
    }

    /// A look-up that finds all that matches and perhaps more.
    pub const fn superset(pushed: P) -> Self {
        Self { pushed: Some(pushed), exactness: Exactness::Superset }
    }

    /// No look-up.
    #[must_use]
    pub const fn unsupported() -> Self {
        Self { pushed: None, exactness: Exactness::Unsupported }
    }

    /// What is made of parts fits no better than the worst of them.
    fn no_better_than(self, worst: Exactness) -> Self {
        Self { exactness: self.exactness.max(worst), ..self }
    }
}

/// A store's way of looking things up.
pub trait FilterCompiler {
    /// A look-up.
    type Predicate;

    /// What a comparison comes to.
    fn leaf(&mut self, compare: &BoundCompare) -> Plan<Self::Predicate>;

    /// What a value path comes to, all of whose comparisons are given, where they must all hold of one element.
    fn value_path(&mut self, attribute: AttrId, all: &[&BoundCompare]) -> Plan<Self::Predicate>;

    /// Both look-ups at once; exactly what both find. May find more where it says so by returning a superset.
    fn all(&mut self, left: Self::Predicate, right: Self::Predicate) -> Plan<Self::Predicate>;

    /// What one of the look-ups finds.
    fn any(&mut self, left: Self::Predicate, right: Self::Predicate) -> Plan<Self::Predicate>;

    /// What an exact look-up does not find.
    fn not(&mut self, of: Self::Predicate) -> Plan<Self::Predicate>;
}

/// Plans a filter for a store.
pub fn plan<C: FilterCompiler>(filter: &BoundFilter, compiler: &mut C) -> Plan<C::Predicate> {
    let mut stack: Vec<Plan<C::Predicate>> = Vec::new();
    for term in filter.terms() {
        let next = match term {
            BoundTerm::Compare(at) => {
                filter.compare(*at).map_or_else(Plan::unsupported, |it| compiler.leaf(it))
            }
            BoundTerm::ValuePath(at) => match (filter.value_path(*at), filter.conjunction_of(*at)) {
                (Some(attribute), Some(all)) => compiler.value_path(attribute, &all),
                _ => Plan::unsupported(),
            },
            BoundTerm::Not => match stack.pop() {
                Some(Plan { pushed: Some(of), exactness: Exactness::Exact }) => compiler.not(of),
                _ => Plan::unsupported(),
            },
            BoundTerm::And => {
                let (left, right) = operands(&mut stack);
                both(left, right, compiler)
            }
            BoundTerm::Or => {
                let (left, right) = operands(&mut stack);
                either(left, right, compiler)
            }
        };
        stack.push(next);
    }
    stack.pop().unwrap_or_else(Plan::unsupported)
}

fn operands<P>(stack: &mut Vec<Plan<P>>) -> (Plan<P>, Plan<P>) {
    let (right, left) = (stack.pop(), stack.pop());
    (left.unwrap_or_else(Plan::unsupported), right.unwrap_or_else(Plan::unsupported))
}

fn both<C: FilterCompiler>(
    left: Plan<C::Predicate>,
    right: Plan<C::Predicate>,
    compiler: &mut C,
) -> Plan<C::Predicate> {
    let worst = left.exactness.max(right.exactness);
    match (left.pushed, right.pushed) {
        (Some(left), Some(right)) => compiler.all(left, right).no_better_than(worst),
        // What the other side would have taken away is still in it.
        (Some(one), None) | (None, Some(one)) => Plan::superset(one),
        (None, None) => Plan::unsupported(),
    }
}

fn either<C: FilterCompiler>(
    left: Plan<C::Predicate>,
    right: Plan<C::Predicate>,
    compiler: &mut C,
) -> Plan<C::Predicate> {
    let worst = left.exactness.max(right.exactness);
    match (left.pushed, right.pushed) {
        (Some(left), Some(right)) => compiler.any(left, right).no_better_than(worst),
        _ => Plan::unsupported(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::filter::{BindPolicy, Filter, Operand};
    use crate::schema::ResourceType;

    /// A store of eight resources: bit n of its number says whether resource n has attribute `title` = letter.
    struct Bits {
        resources: Vec<Map<String, Value>>,
        /// How each of the letters is answered.
        fits: [Exactness; 3],
    }

    impl Bits {
        fn new(fits: [Exactness; 3]) -> Self {
            let resources = (0_u8..8).map(|n| {
                let roles: Vec<Value> = (0..3)
                    .filter(|bit| n & (1 << bit) != 0)
                    .map(|bit| json!({ "value": letter(bit) }))
                    .collect();
                json!({ "id": n.to_string(), "roles": roles }).as_object().unwrap().clone()
            });
            Self { resources: resources.collect(), fits }
        }
    }

    fn letter(bit: usize) -> &'static str {
        ["a", "b", "c"][bit]
    }

    impl FilterCompiler for Bits {
        type Predicate = BTreeSet<usize>;

        fn leaf(&mut self, compare: &BoundCompare) -> Plan<BTreeSet<usize>> {
            let Operand::Folded(text) = &compare.operand else { return Plan::unsupported() };
            let bit = (0..3).find(|bit| letter(*bit) == text).unwrap();
            let found = (0..8).filter(|n| n & (1 << bit) != 0);
            match self.fits[bit] {
                Exactness::Exact => Plan::exact(found.collect()),
                Exactness::Superset => Plan::superset(found.chain([0, 7]).collect()),
                Exactness::Unsupported => Plan::unsupported(),
            }
        }

        fn value_path(&mut self, _: AttrId, all: &[&BoundCompare]) -> Plan<BTreeSet<usize>> {
            match all {
                [one] => self.leaf(one),
                _ => Plan::unsupported(),
            }
        }

        fn all(&mut self, left: BTreeSet<usize>, right: BTreeSet<usize>) -> Plan<BTreeSet<usize>> {
            Plan::exact(&left & &right)
        }

        fn any(&mut self, left: BTreeSet<usize>, right: BTreeSet<usize>) -> Plan<BTreeSet<usize>> {
            Plan::exact(&left | &right)
        }

        fn not(&mut self, of: BTreeSet<usize>) -> Plan<BTreeSet<usize>> {
            Plan::exact((0..8).filter(|n| !of.contains(n)).collect())
        }
    }

    fn filters() -> impl Strategy<Value = String> {
        let leaf = (0_usize..3, any::<bool>()).prop_map(|(bit, path)| match path {
            true => format!("roles[value eq \"{}\"]", letter(bit)),
            false => format!("roles eq \"{}\"", letter(bit)),
        });
        leaf.prop_recursive(5, 24, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|it| format!("not ({it})")),
                (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l}) and ({r})")),
                (inner.clone(), inner).prop_map(|(l, r)| format!("({l}) or ({r})")),
            ]
        })
    }

    fn exactness() -> impl Strategy<Value = Exactness> {
        prop::sample::select(vec![Exactness::Exact, Exactness::Superset, Exactness::Unsupported])
    }

    proptest! {
        #[test]
        fn nothing_that_matches_is_lost_and_exact_means_exact(
            text in filters(),
            fits in (exactness(), exactness(), exactness()),
        ) {
            let bound = Filter::parse(&text).unwrap().bind(&ResourceType::user(), BindPolicy::strict()).unwrap();
            let mut store = Bits::new([fits.0, fits.1, fits.2]);
            let matching: BTreeSet<usize> =
                (0..8).filter(|n| bound.matches(&store.resources[*n])).collect();
            let made = plan(&bound, &mut store);
            match made.pushed {
                Some(found) if made.exactness == Exactness::Exact => prop_assert_eq!(found, matching),
                Some(found) => prop_assert!(found.is_superset(&matching), "{} {:?}", text, found),
                None => prop_assert_eq!(made.exactness, Exactness::Unsupported),
            }
        }
    }
}
