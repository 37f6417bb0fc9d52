//! The look of a name: what names that a person takes for one another have in common.
//!
//! In the manner of the skeletons of [UTS #39, section 4](https://www.unicode.org/reports/tr39/#Confusable_Detection), with
//! a table of the letters and digits that are confused in names, not with all of Unicode's. What is no Latin look-alike stays
//! what it is.

use unicode_normalization::UnicodeNormalization as _;

/// The look of a name, which is already in lower case. Not to be shown to anybody.
pub(crate) fn skeleton(name: &str) -> String {
    // Without accents and with separators as one: `j.doe`, `j_doe` and `jdoe` are three names and one look.
    let plain: String =
        name.nfd().filter(|c| !is_mark(*c) && !matches!(c, '.' | '-' | '_')).map(prototype).collect();
    plain.replace("rn", "m").replace("vv", "w").replace("cl", "d")
}

/// Combining marks of the Latin, Greek and Cyrillic scripts.
const fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}')
}

const fn prototype(c: char) -> char {
    match c {
        '0' | '\u{3bf}' | '\u{43e}' | '\u{585}' | '\u{660}' | '\u{6f0}' => 'o',
        '1' | 'i' | '|' | '\u{131}' | '\u{3b9}' | '\u{456}' | '\u{4cf}' | '\u{57c}' | '\u{661}' => 'l',
        '5' | '\u{455}' => 's',
        '\u{430}' | '\u{3b1}' | '\u{251}' => 'a',
        '\u{432}' | '\u{3b2}' | '\u{185}' => 'b',
        '\u{441}' | '\u{3f2}' => 'c',
        '\u{501}' => 'd',
        '\u{435}' | '\u{454}' | '\u{3b5}' => 'e',
        '\u{4bb}' | '\u{570}' => 'h',
        '\u{458}' | '\u{3f3}' => 'j',
        '\u{43a}' | '\u{3ba}' => 'k',
        '\u{43c}' => 'm',
        '\u{43f}' | '\u{3b7}' | '\u{578}' => 'n',
        '\u{440}' | '\u{3c1}' => 'p',
        '\u{51b}' => 'q',
        '\u{433}' => 'r',
        '\u{442}' | '\u{3c4}' => 't',
        '\u{3c5}' | '\u{57d}' => 'u',
        '\u{3bd}' | '\u{475}' => 'v',
        '\u{51d}' | '\u{3c9}' => 'w',
        '\u{445}' | '\u{3c7}' => 'x',
        '\u{443}' | '\u{3b3}' | '\u{4af}' => 'y',
        '\u{142}' => 'l',
        '\u{f8}' => 'o',
        '\u{111}' => 'd',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_the_same_have_one_look() {
        for (name, twin) in [
            ("paypal", "\u{440}\u{430}ypal"),
            ("paypal", "paypa1"),
            ("admin", "adm1n"),
            ("admin", "\u{430}dmin"),
            ("ada.lovelace", "ada_lovelace"),
            ("ada.lovelace", "adal0velace"),
            ("modern", "modem"),
            ("jos\u{e9}", "jose"),
            ("bill", "biii"),
        ] {
            assert_eq!(skeleton(name), skeleton(twin), "{name} and {twin}");
        }
        for (name, other) in
            [("ada", "eve"), ("anna", "hanna"), ("\u{5e2}\u{5d3}", "\u{5d3}\u{5e2}"), ("max", "may")]
        {
            assert_ne!(skeleton(name), skeleton(other), "{name} and {other}");
        }
    }
}
