//! Numbers of a profile as one text: read at each assessment, so their form is one that is read fast.

use ciam_core::encoding::base64url;
use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

use super::profile::{KnownDevice, Mark};

/// What is packed into so many bytes.
pub(super) trait Packed: Sized {
    fn pack(&self, into: &mut Vec<u8>);
    /// Reads one from the beginning; `None` where there is none.
    fn unpack(bytes: &[u8]) -> Option<(Self, &[u8])>;
}

/// How often, and the day.
fn pack_use(times: u16, day: u32, into: &mut Vec<u8>) {
    times.pack(into);
    day.pack(into);
}

fn unpack_use(bytes: &[u8]) -> Option<(u16, u32, &[u8])> {
    let (times, rest) = u16::unpack(bytes)?;
    let (day, rest) = u32::unpack(rest)?;
    Some((times, day, rest))
}

impl<M: Packed> Packed for Mark<M> {
    fn pack(&self, into: &mut Vec<u8>) {
        self.0.pack(into);
        pack_use(self.1, self.2, into);
    }

    fn unpack(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (mark, rest) = M::unpack(bytes)?;
        let (times, day, rest) = unpack_use(rest)?;
        Some((Self(mark, times, day), rest))
    }
}

impl Packed for KnownDevice {
    fn pack(&self, into: &mut Vec<u8>) {
        let marks: Vec<u64> = self.0.iter().copied().take(usize::from(u8::MAX)).collect();
        into.extend(u8::try_from(marks.len()).map_or([0], u8::to_be_bytes));
        into.extend(marks.iter().flat_map(|mark| mark.to_be_bytes()));
        pack_use(self.1, self.2, into);
    }

    fn unpack(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&count, mut rest) = bytes.split_first()?;
        let mut marks = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let (mark, behind) = u64::unpack(rest)?;
            marks.push(mark);
            rest = behind;
        }
        let (times, day, rest) = unpack_use(rest)?;
        Some((Self(marks, times, day), rest))
    }
}

/// Numbers, the highest byte first.
macro_rules! packed_numbers {
    ($($number:ty),*) => {$(
        impl Packed for $number {
            fn pack(&self, into: &mut Vec<u8>) {
                into.extend(self.to_be_bytes());
            }

            fn unpack(bytes: &[u8]) -> Option<(Self, &[u8])> {
                bytes.split_first_chunk().map(|(number, rest)| (Self::from_be_bytes(*number), rest))
            }
        }
    )*};
}

packed_numbers!(u8, u16, u32, u64);

pub(super) fn serialize<T: Packed, S: Serializer>(all: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::new();
    all.iter().for_each(|it| it.pack(&mut bytes));
    serializer.serialize_str(&base64url::encode(&bytes))
}

pub(super) fn deserialize<'de, T: Packed, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    let bytes = base64url::decode(&text).map_err(D::Error::custom)?;
    let (mut rest, mut all) = (bytes.as_slice(), Vec::new());
    while !rest.is_empty() {
        let (one, behind) = T::unpack(rest).ok_or_else(|| D::Error::custom("cut short"))?;
        all.push(one);
        rest = behind;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round<T: Packed + Clone + PartialEq + std::fmt::Debug>(all: &[T]) {
        let text = serialize(all, serde_json::value::Serializer).unwrap();
        assert_eq!(deserialize::<T, _>(text.clone()).unwrap(), all);
        let short = text.as_str().unwrap();
        if let Some(short) = short.get(..short.len().saturating_sub(2)) {
            let cut = deserialize::<T, _>(serde_json::Value::from(short));
            assert!(cut.is_err() || cut.unwrap().len() < all.len() || all.is_empty());
        }
    }

    #[test]
    fn what_is_packed_comes_out_again() {
        round(&[Mark(u64::MAX, 7, 20_000), Mark(0, u16::MAX, u32::MAX)]);
        round(&[Mark(3215_u32, 1, 20_000)]);
        round(&[KnownDevice(vec![1, 2, u64::MAX], 3, 20_000), KnownDevice(Vec::new(), 0, 0)]);
        round::<u8>(&[0, 255, 7]);
        round::<Mark<u64>>(&[]);
    }
}
