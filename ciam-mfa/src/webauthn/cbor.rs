//! CBOR ([RFC 8949](https://www.rfc-editor.org/rfc/rfc8949)) as authenticators write it: the CTAP2 subset, with an end.
//!
//! Definite lengths only, no tags, integers, texts and bytes as keys, each once. Whatever its lengths say, an item takes no
//! more memory than its bytes, and is nested no deeper than [`MAX_DEPTH`].

use minicbor::Decoder;
use minicbor::data::Type;

use super::error::WebauthnError;

/// How deep an item may be nested. Attestation statements need three.
pub const MAX_DEPTH: u8 = 8;
/// How many items an item may have in it.
pub const MAX_ITEMS: u16 = 512;

/// A CBOR item.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An integer.
    Integer(i64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A text.
    Text(&'a str),
    /// A list.
    Array(Vec<Self>),
    /// A map.
    Map(Vec<(Self, Self)>),
    /// True or false.
    Bool(bool),
    /// Nothing.
    Null,
}

impl<'a> Item<'a> {
    /// Reads one item and nothing behind it.
    ///
    /// # Errors
    ///
    /// Fails when it is not encoded as it has to be, has something behind its end, or is too large.
    pub fn read(bytes: &'a [u8], what: &'static str) -> Result<Self, WebauthnError> {
        let (item, rest) = Self::read_first(bytes, what)?;
        if rest.is_empty() { Ok(item) } else { Err(WebauthnError::Malformed { what }) }
    }

    /// Reads one item; gives what is behind it too.
    ///
    /// # Errors
    ///
    /// Fails when it is not encoded as it has to be, or is too large.
    pub fn read_first(bytes: &'a [u8], what: &'static str) -> Result<(Self, &'a [u8]), WebauthnError> {
        let mut reader = Reader { decoder: Decoder::new(bytes), left: MAX_ITEMS, what };
        let item = reader.item(MAX_DEPTH)?;
        let rest = bytes.get(reader.decoder.position()..).unwrap_or_default();
        Ok((item, rest))
    }

    /// The value with a text as its key, of a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries
            .iter()
            .find(|(name, _)| matches!(name, Self::Text(text) if *text == key))
            .map(|(_, value)| value)
    }

    /// The value with a number as its key, of a map.
    #[must_use]
    pub fn at(&self, key: i64) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| *name == Self::Integer(key)).map(|(_, value)| value)
    }

    /// The bytes, if it is some.
    #[must_use]
    pub const fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub const fn text(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    #[must_use]
    pub const fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The items, if it is a list.
    #[must_use]
    pub fn array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }
}

struct Reader<'a> {
    decoder: Decoder<'a>,
    left: u16,
    what: &'static str,
}

impl<'a> Reader<'a> {
    fn item(&mut self, depth: u8) -> Result<Item<'a>, WebauthnError> {
        let what = self.what;
        let bad = |_| WebauthnError::Malformed { what };
        self.left = self.left.checked_sub(1).ok_or(WebauthnError::TooLarge { what })?;
        let decoder = &mut self.decoder;
        Ok(match decoder.datatype().map_err(bad)? {
            Type::U8
            | Type::U16
            | Type::U32
            | Type::U64
            | Type::I8
            | Type::I16
            | Type::I32
            | Type::I64
            | Type::Int => Item::Integer(decoder.i64().map_err(bad)?),
            Type::Bytes => Item::Bytes(decoder.bytes().map_err(bad)?),
            Type::String => Item::Text(decoder.str().map_err(bad)?),
            Type::Bool => Item::Bool(decoder.bool().map_err(bad)?),
            Type::Null => {
                decoder.null().map_err(bad)?;
                Item::Null
            }
            Type::Array => Item::Array(self.array(depth)?),
            Type::Map => Item::Map(self.map(depth)?),
            _ => return Err(WebauthnError::Malformed { what }),
        })
    }

    fn array(&mut self, depth: u8) -> Result<Vec<Item<'a>>, WebauthnError> {
        let what = self.what;
        let length = self.decoder.array().map_err(|_| WebauthnError::Malformed { what })?;
        let depth = depth.checked_sub(1).ok_or(WebauthnError::TooLarge { what })?;
        // Room is made as items come, not as the length says.
        let mut items = Vec::new();
        for _ in 0..length.ok_or(WebauthnError::Malformed { what })? {
            items.push(self.item(depth)?);
        }
        Ok(items)
    }

    fn map(&mut self, depth: u8) -> Result<Vec<(Item<'a>, Item<'a>)>, WebauthnError> {
        let what = self.what;
        let length = self.decoder.map().map_err(|_| WebauthnError::Malformed { what })?;
        let depth = depth.checked_sub(1).ok_or(WebauthnError::TooLarge { what })?;
        let mut entries: Vec<(Item<'a>, Item<'a>)> = Vec::new();
        for _ in 0..length.ok_or(WebauthnError::Malformed { what })? {
            let key = self.item(depth)?;
            let is_key = matches!(key, Item::Integer(_) | Item::Text(_) | Item::Bytes(_));
            if !is_key || entries.iter().any(|(known, _)| *known == key) {
                return Err(WebauthnError::Malformed { what });
            }
            let value = self.item(depth)?;
            entries.push((key, value));
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Item<'_>, WebauthnError> {
        Item::read(bytes, "item")
    }

    #[test]
    fn items_are_read() {
        let bytes = [0xa3, 0x01, 0x38, 0x06, 0x61, b'a', 0x82, 0x42, 1, 2, 0xf5, 0x20, 0xf6];
        let item = read(&bytes).unwrap();
        assert_eq!(item.at(1).unwrap().integer(), Some(-7));
        assert_eq!(item.get("a").unwrap().array().unwrap(), [Item::Bytes(&[1, 2]), Item::Bool(true)]);
        assert_eq!(item.at(-1), Some(&Item::Null));
        let (first, rest) = Item::read_first(&[0x01, 0x02], "item").unwrap();
        assert_eq!((first, rest), (Item::Integer(1), &[0x02][..]));
    }

    #[test]
    fn what_is_no_item_of_an_authenticator_is_refused() {
        let malformed: &[&[u8]] = &[
            &[],
            &[0x01, 0x02],                                           // something behind the end
            &[0x18],                                                 // cut short
            &[0x42, 1],                                              // bytes that are cut short
            &[0x5f, 0x41, 1, 0xff],                                  // bytes of indefinite length
            &[0x9f, 0xff],                                           // a list of indefinite length
            &[0xbf, 0xff],                                           // a map of indefinite length
            &[0xc0, 0x01],                                           // a tag
            &[0xa2, 0x01, 0x01, 0x01, 0x02],                         // a key twice
            &[0xa1, 0x80, 0x01],                                     // a list as a key
            &[0x61, 0xff],                                           // no UTF-8
            &[0xfb, 0, 0, 0, 0, 0, 0, 0, 0],                         // a floating-point number
            &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], // a number that does not fit
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], // a list of 2^64 items
            &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], // 2^64 bytes
            &[0xf7],                                                 // undefined
        ];
        for bytes in malformed {
            assert!(read(bytes).is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn bombs_do_not_go_off() {
        let too_large = Err(WebauthnError::TooLarge { what: "item" });
        let mut nested = vec![0x81; 100_000];
        nested.push(0x01);
        assert_eq!(read(&nested), too_large);
        let mut wide = vec![0x99, 0xff, 0xff];
        wide.extend([0x01; 0xffff]);
        assert_eq!(read(&wide), too_large);
        // A map whose keys are compared with each other.
        let mut map = vec![0xb9, 0xff, 0xff];
        for key in 0..u16::MAX {
            map.extend([&[0x19][..], &key.to_be_bytes(), &[0x01]].concat());
        }
        assert!(read(&map).is_err());
        let mut deepest = vec![0x81; usize::from(MAX_DEPTH)];
        deepest.push(0x01);
        assert!(read(&deepest).is_ok());
        deepest.insert(0, 0x81);
        assert_eq!(read(&deepest), too_large);
        let maps = |depth: usize| [[0xa1, 0x01].repeat(depth), vec![0x01]].concat();
        assert!(read(&maps(usize::from(MAX_DEPTH))).is_ok());
        assert_eq!(read(&maps(usize::from(MAX_DEPTH) + 1)), too_large);
    }
}
