//! The payload of a token: its decoded bytes, kept in place where they are few.

use std::borrow::Cow;
use std::ops::Range;

use ciam_core::jose::{CompactJws, JwsError};

/// How many bytes are kept in place: room for an access token with twenty claims. A larger one costs an allocation.
const ROOM: usize = 768;

/// The bytes of a payload.
#[derive(Clone)]
pub(super) struct Payload(Bytes);

#[derive(Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "that is what it is for: most are small and cost no allocation"
)]
enum Bytes {
    InPlace { length: u16, room: [u8; ROOM] },
    Apart(Vec<u8>),
}

impl Payload {
    pub(super) const EMPTY: Self = Self(Bytes::Apart(Vec::new()));

    /// Room for a payload.
    const fn with_room() -> Self {
        Self(Bytes::InPlace { length: 0, room: [0; ROOM] })
    }

    /// Becomes the payload of a token, of which nothing is proved by that. It is decoded where it stays: moving it from one place to
    /// the next would cost as much as decoding it.
    pub(super) fn become_of(&mut self, jws: &CompactJws<'_>) -> Result<(), JwsError> {
        *self = Self::with_room();
        if let Bytes::InPlace { length, room } = &mut self.0 {
            match jws.unverified_payload_in(room)? {
                Cow::Borrowed(decoded) => *length = as_length(decoded),
                Cow::Owned(decoded) => self.0 = Bytes::Apart(decoded),
            }
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::InPlace { length, room } => room.get(..usize::from(*length)).unwrap_or_default(),
            Bytes::Apart(bytes) => bytes,
        }
    }

    /// What stands at a place that was found in the payload's text.
    pub(super) fn text(&self, place: Range<usize>) -> &str {
        self.bytes().get(place).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        let mut room = [0; ROOM];
        match room.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Self(Bytes::InPlace { length: as_length(bytes), room })
            }
            None => Self(Bytes::Apart(bytes.to_vec())),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "no more than there is room for")]
const fn as_length(in_place: &[u8]) -> u16 {
    in_place.len() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_same_wherever_they_are_kept() {
        for length in [0, 1, ROOM - 1, ROOM, ROOM + 1, 10 * ROOM] {
            let text = "ä".repeat(length / 2) + &"x".repeat(length % 2);
            let payload = Payload::from(text.as_bytes());
            assert_eq!(payload.bytes(), text.as_bytes());
            assert_eq!(payload.clone().text(0..length), text);
            assert_eq!(matches!(payload.0, Bytes::InPlace { .. }), length <= ROOM, "{length}");
        }
    }

    #[test]
    fn a_place_that_is_none_is_empty() {
        let payload = Payload::from("aä".as_bytes());
        assert_eq!(payload.text(1..3), "ä");
        for place in [1..2, 0..9, 3..4] {
            assert_eq!(payload.text(place), "");
        }
        assert_eq!(Payload::EMPTY.text(0..1), "");
    }
}
