//! A request that was started elsewhere, answered.

use serde::Serialize;

use super::{
    Frame, page,
    samples::{Gallery, Samples},
};

/// Says how it went.
#[derive(Clone, Debug, Serialize)]
pub struct RequestDonePage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Whether the person allowed it.
    pub approved: bool,
}

page!(RequestDonePage, "request_done.html");

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    for (name, approved) in [("request-approved", true), ("request-refused", false)] {
        out.add(name, &RequestDonePage { frame: s.frame(true), approved });
    }
}
