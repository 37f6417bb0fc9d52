//! Connecting a device.

use serde::Serialize;

use super::{
    Frame, page,
    parts::{Action, Field, Input},
    samples::{Gallery, Samples},
};
use crate::i18n::Texts;

/// Asks for the code that a device shows.
#[derive(Clone, Debug, Serialize)]
pub struct DevicePage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where the form goes.
    pub send: Action,
    /// The code.
    pub code: Field,
}

page!(DevicePage, "device.html", code);

impl DevicePage<'_> {
    /// The field for the code, with what was typed or came with the address.
    pub fn field(t: &Texts, typed: &str) -> Field {
        Field::new("user_code", Input::Text { max: 64 }, t.device.code.to_string())
            .with_value(typed)
            .with_hint(t.device.code_hint.to_string())
            .with_focus(true)
    }
}

/// Says how it went.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceDonePage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Whether the person allowed it.
    pub approved: bool,
}

page!(DeviceDonePage, "device_done.html");

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let frame = s.frame(false);
    let (t, send) = (frame.t, s.action("/device"));
    let code = DevicePage::field(t, &s.client);
    out.add("device", &DevicePage { frame: frame.clone(), send: send.clone(), code: code.clone() });
    let code = code.with_error(Some(t.device.unknown.to_string()));
    out.add("device-errors", &DevicePage { frame, send, code });
    for (name, approved) in [("device-approved", true), ("device-refused", false)] {
        out.add(name, &DeviceDonePage { frame: s.frame(true), approved });
    }
}
