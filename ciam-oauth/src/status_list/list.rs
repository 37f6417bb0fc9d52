//! The list itself: a status for each index, packed and compressed.

use ciam_core::encoding::base64url;
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

/// What the status of a token is (section 7 of the draft).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenStatus {
    /// It is what it says.
    Valid,
    /// It was revoked, and stays so.
    Invalid,
    /// It is not to be used now; that may pass.
    Suspended,
    /// Something that an application or a later revision gives a meaning. Not understood here.
    Other(u8),
}

impl TokenStatus {
    /// The status with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Valid,
            1 => Self::Invalid,
            2 => Self::Suspended,
            other => Self::Other(other),
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Suspended => 2,
            Self::Other(number) => number,
        }
    }
}

/// How many bits a status has: what numbers there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a byte has no other equal parts")]
pub enum StatusBits {
    /// Valid and invalid.
    One,
    /// Suspended as well.
    Two,
    /// Sixteen.
    Four,
    /// A byte.
    Eight,
}

impl StatusBits {
    /// The number of bits.
    #[must_use]
    pub const fn count(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    /// The width with this number of bits.
    #[must_use]
    pub const fn from_count(count: u64) -> Option<Self> {
        match count {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            4 => Some(Self::Four),
            8 => Some(Self::Eight),
            _ => None,
        }
    }

    /// The number of statuses in a byte.
    const fn per_byte(self) -> usize {
        match self {
            Self::One => 8,
            Self::Two => 4,
            Self::Four => 2,
            Self::Eight => 1,
        }
    }

    const fn mask(self) -> u8 {
        match self {
            Self::One => 0b1,
            Self::Two => 0b11,
            Self::Four => 0b1111,
            Self::Eight => 0xff,
        }
    }
}

/// A status for each of many indexes (section 4 of the draft): the least significant bits of a byte are the lowest index.
///
/// ```
/// use ciam_oauth::status_list::{StatusBits, StatusList, TokenStatus};
///
/// let mut list = StatusList::new(StatusBits::Two, 1_000);
/// list.set(42, TokenStatus::Suspended);
/// let read = StatusList::decompress(StatusBits::Two, &list.compress(), 1_024)?;
/// assert_eq!(read.get(42), Some(TokenStatus::Suspended));
/// assert_eq!(read.get(43), Some(TokenStatus::Valid));
/// assert_eq!(read.get(1_000), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct StatusList {
    bits: StatusBits,
    bytes: Vec<u8>,
}

impl StatusList {
    /// A list with room for this many, rounded up to whole bytes, all valid.
    #[must_use]
    pub fn new(bits: StatusBits, size: usize) -> Self {
        Self { bits, bytes: vec![0; size.div_ceil(bits.per_byte())] }
    }

    /// How many bits a status has.
    #[must_use]
    pub const fn bits(&self) -> StatusBits {
        self.bits
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len() * self.bits.per_byte()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The status at an index; `None` beyond the end.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<TokenStatus> {
        let byte = self.bytes.get(index / self.bits.per_byte())?;
        Some(TokenStatus::from_number(byte >> self.shift(index) & self.bits.mask()))
    }

    /// Sets the status at an index. One that has no number in so few bits is [`TokenStatus::Invalid`]; an index beyond the end is
    /// left out.
    pub fn set(&mut self, index: usize, status: TokenStatus) {
        let (shift, mask) = (self.shift(index), self.bits.mask());
        let fits = status.number() <= mask;
        let number = if fits { status.number() } else { TokenStatus::Invalid.number() };
        if let Some(byte) = self.bytes.get_mut(index / self.bits.per_byte()) {
            *byte = *byte & !(mask << shift) | number << shift;
        }
    }

    /// The list as it stands in a Status List Token: DEFLATE in the ZLIB format, and base64url (section 4.2).
    #[must_use]
    pub fn compress(&self) -> String {
        base64url::encode(&compress_to_vec_zlib(&self.bytes, LEVEL))
    }

    /// Reads a list.
    ///
    /// # Security
    ///
    /// Never more than `max_bytes` are unpacked, whatever a small text would become.
    ///
    /// # Errors
    ///
    /// Fails when the text is not base64url of a ZLIB stream, and when more than `max_bytes` come of it.
    pub fn decompress(bits: StatusBits, text: &str, max_bytes: usize) -> Result<Self, StatusListProblem> {
        let packed = base64url::decode(text).map_err(|_| StatusListProblem::Malformed)?;
        let bytes = decompress_to_vec_zlib_with_limit(&packed, max_bytes);
        match bytes {
            Ok(bytes) => Ok(Self { bits, bytes }),
            Err(error) if error.status == miniz_oxide::inflate::TINFLStatus::HasMoreOutput => {
                Err(StatusListProblem::TooLarge)
            }
            Err(_) => Err(StatusListProblem::Malformed),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "it is below 8")]
    const fn shift(&self, index: usize) -> u8 {
        (index % self.bits.per_byte()) as u8 * self.bits.count()
    }
}

impl std::fmt::Debug for StatusList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusList").field("bits", &self.bits).field("len", &self.len()).finish()
    }
}

/// The draft recommends the highest level.
const LEVEL: u8 = 9;

/// Why a list was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusListProblem {
    /// Not what such a list looks like.
    #[error("malformed status list")]
    Malformed,
    /// More than is looked at.
    #[error("the status list is too large")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn read(bits: StatusBits, text: &str) -> StatusList {
        StatusList::decompress(bits, text, 1 << 20).unwrap()
    }

    /// draft-ietf-oauth-status-list, section 4.1: the examples of one and of two bits, their bytes, and what they become.
    #[test]
    fn section_4_1_examples() {
        let numbers = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1];
        let mut list = StatusList::new(StatusBits::One, 16);
        for (index, number) in numbers.into_iter().enumerate() {
            list.set(index, TokenStatus::from_number(number));
        }
        assert_eq!(list.bytes, [0xb9, 0xa3]);
        assert_eq!(read(StatusBits::One, "eNrbuRgAAhcBXQ"), list);
        assert_eq!(read(StatusBits::One, &list.compress()), list);
        let numbers = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3];
        let mut list = StatusList::new(StatusBits::Two, 12);
        for (index, number) in numbers.into_iter().enumerate() {
            list.set(index, TokenStatus::from_number(number));
        }
        assert_eq!(list.bytes, [0xc9, 0x44, 0xf9]);
        assert_eq!(read(StatusBits::Two, "eNo76fITAAPfAgc"), list);
        assert_eq!(list.get(3), Some(TokenStatus::Other(3)));
    }

    /// draft-ietf-oauth-status-list, appendix C: a million tokens, of which eleven were revoked.
    #[test]
    fn appendix_c_a_million_tokens() {
        const LST: &str = concat!(
            "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAA",
            "AAAAAAAAAJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQAAAACAZC8L2AEb",
        );
        let list = read(StatusBits::One, LST);
        assert_eq!(list.len(), 1 << 20);
        let revoked =
            [0, 1_993, 25_460, 159_495, 495_669, 554_353, 645_645, 723_232, 854_545, 934_534, 1_000_345];
        let found: Vec<usize> =
            (0..list.len()).filter(|index| list.get(*index) == Some(TokenStatus::Invalid)).collect();
        assert_eq!(found, revoked);
        assert_eq!(list.get(list.len()), None);
        let mut own = StatusList::new(StatusBits::One, 1 << 20);
        revoked.iter().for_each(|index| own.set(*index, TokenStatus::Invalid));
        assert!(own == list && own.compress().len() <= 2 * LST.len());
    }

    #[test]
    fn every_width_keeps_its_neighbours() {
        for bits in [StatusBits::One, StatusBits::Two, StatusBits::Four, StatusBits::Eight] {
            assert_eq!(StatusBits::from_count(u64::from(bits.count())), Some(bits));
            let mut list = StatusList::new(bits, 64);
            for index in [0, 3, 4, 7, 63] {
                list.set(index, TokenStatus::Invalid);
            }
            list.set(3, TokenStatus::Valid);
            list.set(1, TokenStatus::Suspended);
            list.set(1_000, TokenStatus::Invalid);
            let read = read(bits, &list.compress());
            let second = if bits == StatusBits::One { TokenStatus::Invalid } else { TokenStatus::Suspended };
            assert_eq!((read.get(1), read.get(3)), (Some(second), Some(TokenStatus::Valid)), "{bits:?}");
            for index in 0..64 {
                let expected = [0, 4, 7, 63].contains(&index);
                assert_eq!(
                    read.get(index) == Some(TokenStatus::Invalid),
                    expected || index == 1 && bits == StatusBits::One
                );
            }
        }
        for count in [0, 3, 5, 16, u64::MAX] {
            assert_eq!(StatusBits::from_count(count), None);
        }
    }

    proptest! {
        /// What was packed is unpacked, at every size and width, and no further than allowed.
        #[test]
        fn what_is_packed_is_unpacked(bytes in vec(any::<u8>(), 0..300), width in 0_usize..4) {
            let bits = [StatusBits::One, StatusBits::Two, StatusBits::Four, StatusBits::Eight][width];
            let list = StatusList { bits, bytes: bytes.clone() };
            let text = list.compress();
            let unpacked = StatusList::decompress(bits, &text, 300).unwrap();
            prop_assert!(unpacked == list);
            prop_assert_eq!(unpacked.get(unpacked.len()), None);
            if let Some(less) = bytes.len().checked_sub(1) {
                prop_assert!(StatusList::decompress(bits, &text, less).is_err());
            }
        }

        /// Whatever text there is, reading it ends.
        #[test]
        fn whatever_is_read_is_no_larger_than_allowed(text in "[A-Za-z0-9_-]{0,40}") {
            if let Ok(list) = StatusList::decompress(StatusBits::Eight, &text, 64) {
                prop_assert!(list.len() <= 64);
                prop_assert!(StatusList::decompress(StatusBits::Eight, &list.compress(), 64).unwrap() == list);
            }
        }
    }

    /// A few kilobytes become gigabytes, if one lets them.
    #[test]
    fn a_decompression_bomb_is_not_unpacked() {
        let bomb = base64url::encode(&compress_to_vec_zlib(&vec![0; 8 << 20], LEVEL));
        assert!(bomb.len() < 20_000);
        let limit = 1 << 17;
        assert_eq!(
            StatusList::decompress(StatusBits::One, &bomb, limit).unwrap_err(),
            StatusListProblem::TooLarge
        );
        let exactly = StatusList::new(StatusBits::Eight, limit);
        assert!(StatusList::decompress(StatusBits::Eight, &exactly.compress(), limit).is_ok());
        let more = StatusList::new(StatusBits::Eight, limit + 1);
        assert_eq!(
            StatusList::decompress(StatusBits::Eight, &more.compress(), limit).unwrap_err(),
            StatusListProblem::TooLarge
        );
    }

    #[test]
    fn what_is_no_list() {
        for bad in ["", "eNrbuRgAAhcBXQ=", "eNrbuRgAAhcBXR", "AAAA", "eNrb", "not base64", "2-0"] {
            let read = StatusList::decompress(StatusBits::One, bad, 1_024);
            assert_eq!(read.unwrap_err(), StatusListProblem::Malformed, "{bad:?}");
        }
    }
}
