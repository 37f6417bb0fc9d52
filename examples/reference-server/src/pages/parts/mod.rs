//! What pages are made of. Each part has a macro of the same name in `templates/parts/kit.html` that shows it.

mod field;
mod frame;
mod list;
mod notice;

pub use field::{Checkbox, Choice, Field, Input, Select};
pub use frame::{Action, Frame, LanguageLink, Nav, NavItem};
pub use list::{Cell, Pager, Row, Table};
pub use notice::{Confirm, Notice, Tone};

/// Something that may complain about what was typed.
pub trait Complains {
    /// Whether it does.
    fn complains(&self) -> bool;
}

impl<T: Complains> Complains for Option<T> {
    fn complains(&self) -> bool {
        self.as_ref().is_some_and(T::complains)
    }
}

impl<T: Complains> Complains for Vec<T> {
    fn complains(&self) -> bool {
        self.iter().any(T::complains)
    }
}
