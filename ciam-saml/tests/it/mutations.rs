//! Any single change to an accepted document is refused, or changes nothing of what is accepted.

use std::sync::LazyLock;

use ciam_saml::model::{Attribute, NameId};
use ciam_saml::sp::Accepted;
use proptest::prelude::*;
use time::Duration;

use crate::support::*;
use crate::targets::{ALL, Scene};
use crate::world::*;

/// Everything that is given out of a response.
fn given_out(accepted: &Accepted) -> String {
    let (person, target) = (&accepted.person, &accepted.target);
    let name = (&person.idp, &person.name_id, &person.attributes, &person.assertion_id);
    let session = (&person.session_index, person.session_not_on_or_after);
    format!("{name:?} {:?} {:?} {session:?} {target:?}", person.authenticated_at, person.authn_context)
}

/// What is given out of a response that says this.
fn said(world: &World, says: &Says) -> String {
    let name_id = NameId::new(&*says.name_id, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress");
    let mut mail = Attribute::new("mail", "", ["ada@example.com"]);
    mail.name_format = None;
    let name = (IDP_ID, name_id, [mail], &says.assertion_id);
    let session = (Some("_s1"), Some(world.now() + Duration::hours(8)));
    format!("{name:?} {:?} {:?} {session:?} {:?}", world.now(), Some(&says.class), Some("/inbox"))
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
        if let Ok(accepted) = world.accept(&change.apply(&xml)) {
            prop_assert_eq!(given_out(&accepted), said(&world, &says), "{:?}", change);
        }
    }

    #[test]
    fn so_it_is_with_every_message_and_with_metadata(change in change(), which in 0..ALL.len()) {
        let (target, scene) = (ALL[which], Scene::new());
        if let Ok(said) = (target.judge)(&scene, &change.apply(&target.good(&scene))) {
            prop_assert_eq!(&said, &SAID[which], "{} by {:?}", target.name, change);
        }
    }
}

/// What each message says as it was signed.
static SAID: LazyLock<[String; ALL.len()]> = LazyLock::new(|| {
    ALL.map(|target| {
        let scene = Scene::new();
        (target.judge)(&scene, &target.good(&scene)).unwrap()
    })
});

/// Every character of a response in turn, whatever a generator would choose.
#[test]
fn no_character_of_a_response_can_be_another() {
    // Without a request, so that what was accepted once is open to be accepted in the next world.
    let open = || World::with(config(), partner(IDP_ID, &IDP).dangerous_allow_unsolicited());
    let mut world = open();
    let xml = Says::new(&world, None).by_both(&IDP);
    let right = given_out(&world.accept(&xml).unwrap());
    world = open();
    for (at, is) in xml.char_indices() {
        let becomes = if is == '0' { "1" } else { "0" };
        let changed = format!("{}{becomes}{}", &xml[..at], &xml[at + is.len_utf8()..]);
        if let Ok(accepted) = world.accept(&changed) {
            assert_eq!(given_out(&accepted), right, "{is} at {at}");
            world = open();
        }
    }
    assert_eq!(given_out(&world.accept(&xml).unwrap()), right, "it was open all the time");
}
