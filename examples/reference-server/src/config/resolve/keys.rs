//! Signing keys.

use super::{Place, Resolve};
use crate::{
    config::{KeyTimes, Settings, Span},
    document::KeyPath,
};

impl Resolve<'_> {
    pub(super) fn keys(&mut self, file: &Settings) -> KeyTimes {
        let section = KeyPath::of("keys");
        let rotate_after = file.keys.rotate_after.unwrap_or(Span::days(90));
        if rotate_after < Span::days(2) {
            let place = Place::Key(section.key("rotate_after"));
            self.refuse(&place, "must be at least 2d: applications keep the old keys for a day");
        }
        let look_after = file.keys.look_after.unwrap_or(Span::minutes(1));
        if !(Span::seconds(1)..=Span::minutes(15)).contains(&look_after) {
            let place = Place::Key(section.key("look_after"));
            self.refuse(&place, "must be between 1s and 15m");
        }
        KeyTimes { rotate_after, look_after }
    }
}
