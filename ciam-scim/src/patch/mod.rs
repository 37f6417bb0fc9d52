//! Partial changes ([RFC 7644, section 3.5.2]): read, compiled against a resource type, applied.
//!
//! [`Patch::compile`] checks every operation, its path, its value and whether it may be written, before anything is touched.
//! [`Patch::apply`] changes a resource, all of it or nothing: the caller keeps what it had until all was applied. What happens
//! to the members of a group is kept apart, as [`MemberChange`]s: a group is never loaded with its members.
//!
//! # What it means
//!
//! Where the standard leaves a choice, or directories read it otherwise:
//!
//! | | |
//! | --- | --- |
//! | `replace` of a complex attribute | merges the sub-attributes that are given |
//! | `replace` with a value filter and no sub-attribute | the elements that match become the value |
//! | `replace` with a sub-attribute of a multi-valued attribute and no filter | all elements |
//! | `add` of a value that is there, byte for byte | changes nothing |
//! | A value filter that matches nothing | `noTarget`; under the tolerant profiles the element is made from the comparisons with `eq`, and a removal of nothing is done |
//! | `remove` with a value | removes that value under the tolerant profiles; `invalidValue` under Strict, where it would remove all |
//! | `null`, `""`, `[]` | unassigned, as by `remove` |
//! | A required attribute that would be unassigned | `mutability` |
//! | `primary` set on one element | taken from the others |
//! | `id` in a value without a path | accepted when it is the resource's own, else `mutability` |
//!
//! [RFC 7644, section 3.5.2]: https://www.rfc-editor.org/rfc/rfc7644#section-3.5.2

mod apply;
mod compile;
mod members;

pub(crate) use self::apply::check_immutable;
pub use self::compile::Patch;
pub(crate) use self::compile::{group_members, member};
pub use self::members::MemberChange;
pub(crate) use self::members::ids_of;
