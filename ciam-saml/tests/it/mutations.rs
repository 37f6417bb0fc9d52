//! Any single change to an accepted document is refused, or changes nothing of what is accepted.

use ciam_saml::sp::Accepted;
use proptest::prelude::*;

use crate::support::*;
use crate::world::*;

fn identity(accepted: &Accepted) -> String {
    let person = &accepted.person;
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        person.idp,
        person.name_id,
        person.attributes,
        person.authenticated_at,
        person.authn_context,
        person.session_index,
        person.session_not_on_or_after,
        person.assertion_id,
        accepted.target
    )
}

/// A change somewhere in a text.
#[derive(Clone, Debug)]
enum Change {
    Replace(prop::sample::Index, &'static str),
    Insert(prop::sample::Index, &'static str),
    Delete(prop::sample::Index, usize),
    /// Copies one tag-to-tag piece to another place, or moves it.
    Piece {
        from: prop::sample::Index,
        to: prop::sample::Index,
        elements: usize,
        moved: bool,
    },
}

const PIECES: [&str; 26] = [
    "a",
    "Z",
    "0",
    " ",
    "\n",
    "<",
    ">",
    "/",
    "&",
    "\"",
    "'",
    "=",
    ":",
    "-",
    "<!---->",
    "<!-- x -->",
    "<?p?>",
    "<x/>",
    "<![CDATA[x]]>",
    "<![CDATA[]]>",
    "&#x41;",
    "&amp;",
    "&#13;",
    " xmlns=\"urn:x\"",
    " ID=\"_x\"",
    "\u{e9}",
];

fn change() -> impl Strategy<Value = Change> {
    let place = any::<prop::sample::Index>;
    let piece = prop::sample::select(&PIECES[..]);
    prop_oneof![
        (place(), piece.clone()).prop_map(|(at, with)| Change::Replace(at, with)),
        (place(), piece).prop_map(|(at, with)| Change::Insert(at, with)),
        (place(), 1..40_usize).prop_map(|(at, length)| Change::Delete(at, length)),
        (place(), place(), 1..6_usize, any::<bool>()).prop_map(|(from, to, elements, moved)| Change::Piece {
            from,
            to,
            elements,
            moved
        }),
    ]
}

impl Change {
    fn apply(&self, text: &str) -> String {
        let place = |at: &prop::sample::Index| {
            let mut at = at.index(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let tags: Vec<usize> = text.match_indices('<').map(|(at, _)| at).collect();
        match self {
            Self::Replace(at, with) => {
                let at = place(at);
                let next = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
                format!("{}{with}{}", &text[..at], &text[next..])
            }
            Self::Insert(at, with) => format!("{}{with}{}", &text[..place(at)], &text[place(at)..]),
            Self::Delete(at, length) => {
                let at = place(at);
                let end = text[at..].char_indices().nth(*length).map_or(text.len(), |(more, _)| at + more);
                format!("{}{}", &text[..at], &text[end..])
            }
            Self::Piece { from, to, elements, moved } => {
                let from = from.index(tags.len());
                let end = tags.get(from + elements).copied().unwrap_or(text.len());
                let (from, to) = (tags[from], tags[to.index(tags.len())]);
                let piece = &text[from..end];
                if *moved && to >= end {
                    format!("{}{}{piece}{}", &text[..from], &text[end..to], &text[to..])
                } else {
                    format!("{}{piece}{}", &text[..to], &text[to..])
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn a_change_is_refused_or_changes_nothing(change in change(), way in 0..3_usize) {
        let world = World::new();
        let says = Says::new(&world, Some(&world.start()));
        let xml = match way {
            0 => says.by_assertion(&IDP),
            1 => says.by_response(&IDP),
            _ => says.by_both(&IDP),
        };
        let changed = change.apply(&xml);
        if let Ok(accepted) = world.accept(&changed) {
            // The same document is still open to be accepted in a world of its own: this is what it says.
            let right = format!("{:?} {:?}", says.name_id, says.assertion_id);
            let is = identity(&accepted);
            prop_assert!(is.contains(&format!("{:?}", says.name_id)), "{right} became {is} by {change:?}");
            prop_assert!(is.contains(&format!("{:?}", says.assertion_id)), "{right} became {is} by {change:?}");
            prop_assert!(is.contains("[\"ada@example.com\"]") && is.contains(PASSWORD) && is.contains("_s1"), "{is}");
            prop_assert_eq!(accepted.target.as_deref(), Some("/inbox"));
            prop_assert_eq!(accepted.person.authenticated_at, world.now());
        }
    }
}
