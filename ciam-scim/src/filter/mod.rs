//! Filters ([RFC 7644, section 3.4.2.2]): read, bound to a schema, evaluated, and pushed down to a store.
//!
//! [`Filter::parse`] reads the text into a flat program, without recursion and in linear time, whatever is sent.
//! [`Filter::bind`] checks it against a [`ResourceType`](crate::schema::ResourceType): paths become attributes, literals
//! become values of the attribute's type. [`BoundFilter::matches`] evaluates it on a resource. [`plan`] says which part of it
//! a store can answer, and how exactly.
//!
//! # What it means
//!
//! | | |
//! | --- | --- |
//! | An attribute that is absent | every comparison is false, but `ne`, which is true |
//! | `eq null`, `ne null` | absent, present |
//! | A multi-valued attribute | true when one value does; `ne` is the opposite of `eq`: no value is equal |
//! | `emails[type eq "work" and value co "x"]` | one element has both |
//! | A complex attribute without a sub-attribute | its `value` |
//! | `emails[type eq "work"].value eq "x"` | as `emails[type eq "work" and value eq "x"]`; not in the standard, directories send it |
//! | `not (…)` | also `not(…)` |
//! | Case | of names and operators never matters; of values where the attribute is not case-exact [`fold`](crate::fold::fold) decides |
//! | Dates | compared as moments, not as text |
//! | An unknown attribute | `invalidFilter`; matches nothing where several kinds are searched at once |
//! | `password` and whatever is never returned | `sensitive` or `invalidFilter`: it would tell about its value |
//!
//! [RFC 7644, section 3.4.2.2]: https://www.rfc-editor.org/rfc/rfc7644#section-3.4.2.2

mod bind;
mod eval;
mod parse;
pub mod plan;

pub use self::bind::{BindPolicy, BoundCompare, BoundFilter, BoundTerm, Operand};
pub(crate) use self::bind::{bool_of, moment_of};
pub(crate) use self::parse::Parser;
pub use self::parse::{Compare, Filter, FilterError, Literal, Operator, Term};
