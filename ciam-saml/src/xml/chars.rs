//! Characters: which may stand where, and how references are read.

use super::XmlError;

/// Where the first byte is that is wanted. Blocks without one are passed over as a whole, which compilers do in registers.
pub(super) fn first(bytes: &[u8], wanted: impl Fn(u8) -> bool + Copy) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let none = |block: &&[u8; BLOCK]| !block.iter().fold(false, |any, byte| any | wanted(*byte));
    let skipped = blocks.iter().take_while(none).count() * BLOCK;
    let rest = bytes.get(skipped..)?;
    rest.iter().position(|byte| wanted(*byte)).map(|at| skipped + at)
}

const BLOCK: usize = 32;

/// Whether `Char` of [XML 1.0](https://www.w3.org/TR/xml/#charsets) holds for every character of the text.
pub(super) fn all_allowed(text: &str) -> bool {
    let bytes = text.as_bytes();
    if first(bytes, |b| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')).is_some() {
        return false;
    }
    // U+FFFE and U+FFFF begin with this byte, as they are encoded, and little else does.
    let mut rest = bytes;
    while let Some(at) = first(rest, |b| b == 0xEF) {
        rest = rest.get(at..).unwrap_or_default();
        if matches!(rest, [0xEF, 0xBF, 0xBE | 0xBF, ..]) {
            return false;
        }
        rest = rest.get(1..).unwrap_or_default();
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

/// Whether a text is an `NCName`.
pub(crate) fn is_ncname(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(starts_name) && chars.all(continues_name)
}

/// The length of the qualified name at the beginning of a text; whether it is one is for [`is_ncname`] to say.
pub(super) fn name_length(text: &str) -> usize {
    let ascii = text
        .bytes()
        .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b':' | b'-' | b'_' | b'.')))
        .unwrap_or(text.len());
    if text.as_bytes().get(ascii).is_none_or(u8::is_ascii) {
        return ascii;
    }
    text.char_indices().find(|(_, c)| *c != ':' && !continues_name(*c)).map_or(text.len(), |(at, _)| at)
}

/// Whether a text has to be decoded: it has references or line ends to be normalized.
pub(super) fn needs_decoding(text: &str, attribute: bool) -> bool {
    if attribute {
        return first(text.as_bytes(), |b| matches!(b, b'&' | b'\r' | b'\n' | b'\t')).is_some();
    }
    first(text.as_bytes(), |b| matches!(b, b'&' | b'\r')).is_some()
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
