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

    /// The payload of a token. Nothing of it is proved by that.
    pub(super) fn of(jws: &CompactJws<'_>) -> Result<Self, JwsError> {
        let mut room = [0; ROOM];
        let length = match jws.unverified_payload_in(&mut room)? {
            Cow::Borrowed(decoded) => decoded.len(),
            Cow::Owned(decoded) => return Ok(Self(Bytes::Apart(decoded))),
        };
        Ok(Self::in_place(length, room))
    }

    #[expect(clippy::cast_possible_truncation, reason = "no more than there is room for")]
    const fn in_place(length: usize, room: [u8; ROOM]) -> Self {
        Self(Bytes::InPlace { length: length as u16, room })
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
                Self::in_place(bytes.len(), room)
            }
            None => Self(Bytes::Apart(bytes.to_vec())),
        }
    }
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
