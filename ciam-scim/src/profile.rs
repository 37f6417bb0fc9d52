//! How far a connection tolerates what real directories send.
//!
//! A directory that is answered with an error gives up, and one whose request is read by the letter of the standard may lose
//! data: a `remove` of `members` with a value means that member to Entra ID, and all members to [RFC 7644]. Each tolerance is
//! a switch, and the switches are set by name.
//!
//! [RFC 7644]: https://www.rfc-editor.org/rfc/rfc7644

use serde::{Deserialize, Serialize};

/// The name of a set of tolerances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Profile {
    /// What the standard says, and nothing else.
    Strict,
    /// As Microsoft Entra ID sends it.
    Entra,
    /// As Okta sends it.
    Okta,
    /// Whatever is not ambiguous, and the meaning that loses no data where it is. The default.
    #[default]
    Interop,
}

impl Profile {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Entra => "entra",
            Self::Okta => "okta",
            Self::Interop => "interop",
        }
    }

    /// The switches.
    #[must_use]
    pub const fn tolerance(self) -> Tolerance {
        match self {
            Self::Strict => Tolerance {
                op_case: false,
                bool_strings: false,
                create_on_unmatched_filter: false,
                remove_value_selects: false,
                dotted_keys: false,
                complex_from_text: false,
                unknown_schemas: Unknown::Reject,
                unknown_attributes: Unknown::Reject,
                unknown_member: UnknownMember::Reject,
                inactive_conflict: InactiveConflict::Refuse,
            },
            Self::Entra | Self::Interop => Tolerance {
                op_case: true,
                bool_strings: true,
                create_on_unmatched_filter: true,
                remove_value_selects: true,
                dotted_keys: true,
                complex_from_text: true,
                unknown_schemas: Unknown::Ignore,
                unknown_attributes: Unknown::Ignore,
                unknown_member: UnknownMember::Skip,
                inactive_conflict: InactiveConflict::Refuse,
            },
            Self::Okta => {
                Tolerance { inactive_conflict: InactiveConflict::Reactivate, ..Self::Interop.tolerance() }
            }
        }
    }
}

/// What is tolerated, one switch for each thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tolerance {
    /// `Add` is `add`, in any case.
    pub op_case: bool,
    /// `"True"` is `true` where a Boolean belongs, in values and in filters.
    pub bool_strings: bool,
    /// `emails[type eq "work"].value` makes the work address that is not there yet. Only for comparisons with `eq` joined by
    /// `and`: nothing else says what to make.
    pub create_on_unmatched_filter: bool,
    /// `remove` with a path and a value removes that value, and not all.
    pub remove_value_selects: bool,
    /// `name.givenName` and `urn:…:User:department` as keys of a value without a path are paths.
    pub dotted_keys: bool,
    /// A text where a complex value belongs is its `value`: `"manager": "7"`.
    pub complex_from_text: bool,
    /// What becomes of the identifier of a schema that is not known.
    pub unknown_schemas: Unknown,
    /// What becomes of an attribute that is not known.
    pub unknown_attributes: Unknown,
    /// What becomes of a member that is not known.
    pub unknown_member: UnknownMember,
    /// What becomes of a new user who has the name of an inactive one.
    pub inactive_conflict: InactiveConflict,
}

/// What becomes of something that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unknown {
    /// The request is refused.
    Reject,
    /// It is as if it were not there.
    Ignore,
}

/// What becomes of a member that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnknownMember {
    /// The request is refused.
    Reject,
    /// It is left out, and the event of the change counts it.
    Skip,
}

/// What becomes of a new user who has the name of an inactive one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InactiveConflict {
    /// 409, as for an active one.
    Refuse,
    /// The inactive one becomes the new one, and active.
    Reactivate,
}
