//! Headers that were seen before: an issuer writes the same one into all of its tokens.

use std::fmt;
use std::sync::OnceLock;

use super::header::Header;

/// The first few headers of tokens that were found good, so that the next token with the very same one need not be parsed
/// again.
///
/// What a header means depends on its bytes alone, so that recognising it by all of its bytes is the same as parsing it.
/// Only headers of tokens whose signature was good get in: a stranger to the keys can neither fill it nor learn from it. There is
/// room for as many as an issuer's keys have in years; when it is full, headers are parsed as ever.
pub(super) struct KnownHeaders([OnceLock<Known>; ROOM]);

struct Known {
    encoded: Box<str>,
    header: Header,
}

const ROOM: usize = 8;
/// Longer ones, in bytes, are not worth keeping.
const LONGEST: usize = 512;

impl KnownHeaders {
    pub(super) const fn new() -> Self {
        Self([const { OnceLock::new() }; ROOM])
    }

    /// The header of this spelling, if it is known.
    pub(super) fn get(&self, encoded: &str) -> Option<&Header> {
        // They fill up from the front.
        let mut known = self.0.iter().map_while(OnceLock::get);
        known.find(|known| *known.encoded == *encoded).map(|known| &known.header)
    }

    /// Remembers a header that was proved.
    pub(super) fn remember(&self, encoded: &str, header: &Header) {
        if encoded.len() > LONGEST {
            return;
        }
        for slot in &self.0 {
            let known = slot.get_or_init(|| Known { encoded: encoded.into(), header: header.clone() });
            if *known.encoded == *encoded {
                return;
            }
        }
    }
}

impl fmt::Debug for KnownHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownHeaders").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Algorithm;

    fn header(kid: &str) -> Header {
        Header { algorithm: Algorithm::Es256, typ: None, kid: Some(kid.to_owned()) }
    }

    #[test]
    fn a_header_is_recognised_by_all_of_its_bytes() {
        let known = KnownHeaders::new();
        assert_eq!(known.get("abc"), None);
        known.remember("abc", &header("1"));
        known.remember("abcd", &header("2"));
        assert_eq!(known.get("abc"), Some(&header("1")));
        assert_eq!(known.get("abcd"), Some(&header("2")));
        for unknown in ["", "ab", "abcde", "abd"] {
            assert_eq!(known.get(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn there_is_room_for_a_few_and_the_first_stay() {
        let known = KnownHeaders::new();
        for number in 0..ROOM + 3 {
            known.remember(&number.to_string(), &header(&number.to_string()));
            known.remember("0", &header("0"));
        }
        let kept = (0..ROOM + 3).filter(|number| known.get(&number.to_string()).is_some());
        assert_eq!(kept.collect::<Vec<_>>(), (0..ROOM).collect::<Vec<_>>());
        let long = "a".repeat(LONGEST + 1);
        let known = KnownHeaders::new();
        known.remember(&long, &header("long"));
        assert_eq!(known.get(&long), None);
    }
}
