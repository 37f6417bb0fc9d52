//! Characters: which may stand where, and how references are read.

use super::XmlError;

/// Where the first byte is that is wanted. Blocks without one are passed over as a whole, which compilers do in registers where
/// what is wanted is said without a branch: by `|` and `&`.
pub(super) fn first(bytes: &[u8], wanted: impl Fn(u8) -> bool + Copy) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let skipped = blocks.iter().take_while(|block| !in_block(block, wanted)).count() * BLOCK;
    let rest = bytes.get(skipped..)?;
    rest.iter().position(|byte| wanted(*byte)).map(|at| skipped + at)
}

/// Whether there is a byte that is wanted.
pub(super) fn any(bytes: &[u8], wanted: impl Fn(u8) -> bool + Copy) -> bool {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    // The last block overlaps the one before it, so that nothing is left that is looked at one by one.
    match bytes.last_chunk::<BLOCK>() {
        Some(last) => blocks.iter().any(|block| in_block(block, wanted)) || in_block(last, wanted),
        None => rest.iter().any(|byte| wanted(*byte)),
    }
}

fn in_block(block: &[u8; BLOCK], wanted: impl Fn(u8) -> bool) -> bool {
    block.iter().fold(false, |any, byte| any | wanted(*byte))
}

const BLOCK: usize = 16;

/// Whether `Char` of [XML 1.0](https://www.w3.org/TR/xml/#charsets) holds for every character of the text.
pub(super) fn all_allowed(text: &str) -> bool {
    // U+FFFE and U+FFFF begin with this byte, as they are encoded, and little else does.
    const LAST: u8 = 0xEF;
    let mut rest = text.as_bytes();
    let suspect = |b| (b < 0x20) & (b != b'\t') & (b != b'\n') & (b != b'\r') | (b == LAST);
    while let Some(at) = first(rest, suspect) {
        rest = rest.get(at..).unwrap_or_default();
        match rest {
            [LAST, 0xBF, 0xBE | 0xBF, ..] => return false,
            [LAST, tail @ ..] => rest = tail,
            _ => return false,
        }
    }
    true
}

pub(super) const fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Whether the text is nothing but white space.
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(is_space)
}

/// `NCNameStartChar` of [Namespaces in XML](https://www.w3.org/TR/xml-names/#NT-NCName).
const fn starts_name(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

const fn continues_name(c: char) -> bool {
    starts_name(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// What an ASCII character may be in a name: nothing, its continuation, its beginning as well.
const ASCII: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        let c = byte as char;
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            table[byte as usize] = continues_name(c) as u8 + starts_name(c) as u8;
        }
        byte += 1;
    }
    table
};

fn ascii(byte: u8) -> u8 {
    ASCII.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Whether a text is an `NCName`.
pub(crate) fn is_ncname(text: &str) -> bool {
    if !text.is_ascii() {
        let mut chars = text.chars();
        return chars.next().is_some_and(starts_name) && chars.all(continues_name);
    }
    match text.as_bytes() {
        [initial, rest @ ..] => ascii(*initial) == 2 && rest.iter().all(|byte| ascii(*byte) > 0),
        [] => false,
    }
}

/// The length of the qualified name at the beginning of a text; whether it is one is for [`is_ncname`] to say.
pub(super) fn name_length(text: &str) -> usize {
    let end = text.bytes().position(|byte| ascii(byte) == 0 && byte != b':').unwrap_or(text.len());
    if text.as_bytes().get(end).is_none_or(u8::is_ascii) {
        return end;
    }
    text.char_indices().find(|(_, c)| *c != ':' && !continues_name(*c)).map_or(text.len(), |(at, _)| at)
}

/// Whether a text has to be decoded: it has references or line ends to be normalized.
pub(super) fn needs_decoding(text: &str, attribute: bool) -> bool {
    if attribute {
        return any(text.as_bytes(), |b| (b == b'&') | (b == b'\r') | (b == b'\n') | (b == b'\t'));
    }
    any(text.as_bytes(), |b| (b == b'&') | (b == b'\r'))
}

/// Appends the value of a text or an attribute: references replaced, line ends and (in attributes) white space normalized
/// ([XML 1.0, sections 2.11 and 3.3.3](https://www.w3.org/TR/xml/#AVNormalize)).
pub(super) fn decode(text: &str, attribute: bool, out: &mut String) -> Result<(), XmlError> {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '\r', '\n', '\t']) {
        let (before, special) = rest.split_at_checked(at).ok_or(XmlError::Syntax)?;
        out.push_str(before);
        let mut after = special.get(1..).unwrap_or_default();
        match special.as_bytes().first() {
            Some(b'&') => {
                let (reference, tail) = after.split_once(';').ok_or(XmlError::Reference)?;
                out.push(resolve(reference)?);
                after = tail;
            }
            Some(b'\r') => {
                after = after.strip_prefix('\n').unwrap_or(after);
                out.push(if attribute { ' ' } else { '\n' });
            }
            Some(other) => out.push(if attribute { ' ' } else { char::from(*other) }),
            None => {}
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(())
}

/// The character of a reference, without its ampersand and semicolon.
fn resolve(reference: &str) -> Result<char, XmlError> {
    match reference {
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "amp" => return Ok('&'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        _ => {}
    }
    let number = reference.strip_prefix('#').ok_or(XmlError::Reference)?;
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |hex| (hex, 16));
    if digits.is_empty() || digits.len() > 8 || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(XmlError::Reference);
    }
    u32::from_str_radix(digits, radix)
        .ok()
        .and_then(char::from_u32)
        .filter(|c| is_allowed(*c))
        .ok_or(XmlError::Reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        for length in 0..70 {
            let none = vec![b'x'; length];
            assert!(!any(&none, |b| b == b'&') && first(&none, |b| b == b'&').is_none(), "{length}");
            for at in 0..length {
                let mut one = none.clone();
                one[at] = b'&';
                assert!(any(&one, |b| b == b'&'), "{at} of {length}");
                assert_eq!(first(&one, |b| b == b'&'), Some(at), "{at} of {length}");
            }
        }
    }

    #[test]
    fn characters_are_allowed_wherever_they_stand() {
        let all = (0..0x300).chain(0xD7F0..0xD800).chain(0xE000..0x1_0010).filter_map(char::from_u32);
        for c in all {
            for before in [0, 1, 15, 40] {
                let text = format!("{}{c}{}", "\n".repeat(before), "y".repeat(20));
                assert_eq!(all_allowed(&text), is_allowed(c), "{c:?} after {before}");
            }
        }
    }

    #[test]
    fn names_of_one_alphabet_are_names_as_the_grammar_has_them() {
        let chars = || (0..0x180).filter_map(char::from_u32);
        for (one, two) in chars().flat_map(|one| chars().map(move |two| (one, two))) {
            let name: String = [one, two].into_iter().collect();
            assert_eq!(is_ncname(&name), starts_name(one) && continues_name(two), "{name:?}");
            let part = |c| c == ':' || continues_name(c);
            let length = name.chars().take_while(|c| part(*c)).map(char::len_utf8).sum::<usize>();
            assert_eq!(name_length(&name), length, "{name:?}");
        }
        assert!(!is_ncname(""));
    }
}
