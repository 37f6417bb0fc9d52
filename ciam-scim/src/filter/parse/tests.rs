use proptest::prelude::*;

use super::*;

fn shape(text: &str) -> String {
    let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let words = filter.terms().iter().map(|term| match term {
        Term::Compare(it) => it.path.to_owned(),
        Term::Open(path) => format!("{path}["),
        Term::Close => "]".to_owned(),
        Term::Not => "!".to_owned(),
        Term::And => "&".to_owned(),
        Term::Or => "|".to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn and_binds_more_tightly_than_or_and_not_is_for_a_group() {
    for (text, expected) in [
        ("a pr or b pr and c pr", "a b c & |"),
        ("a pr and b pr or c pr", "a b & c |"),
        ("a pr and (b pr or c pr)", "a b c | &"),
        ("(a pr or b pr) and c pr", "a b | c &"),
        ("not (a pr) and b pr", "a ! b &"),
        ("not(a pr or not (b pr))", "a b ! | !"),
        ("a pr or b pr or c pr", "a b | c |"),
        ("e[t eq \"w\" and v pr] or x pr", "e[ t v & ] x |"),
        ("e[t eq \"w\"].v eq \"x\"", "e[ t v & ]"),
        ("e[t eq \"w\" or t eq \"h\"].v pr", "e[ t t | v & ]"),
        ("((a pr))", "a"),
        ("A PR aNd b EQ 1", "A b &"),
        ("a\teq  1", "a"),
        ("members.$ref pr", "members.$ref"),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"J\"",
            "urn:ietf:params:scim:schemas:core:2.0:User:userName",
        ),
    ] {
        assert_eq!(shape(text), expected, "{text}");
    }
}

#[test]
fn the_examples_of_the_standard_are_read() {
    for text in [
        "userName eq \"bjensen\"",
        "name.familyName co \"O'Malley\"",
        "userName sw \"J\"",
        "title pr",
        "meta.lastModified gt \"2011-05-13T04:42:34Z\"",
        "title pr and userType eq \"Employee\"",
        "schemas eq \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\"",
        "userType eq \"Employee\" and (emails co \"example.com\" or emails.value co \"example.org\")",
        "userType ne \"Employee\" and not (emails co \"example.com\" or emails.value co \"example.org\")",
        "userType eq \"Employee\" and emails[type eq \"work\" and value co \"@example.com\"]",
        "emails[type eq \"work\" and value co \"@example.com\"] or ims[type eq \"xmpp\" and value co \"@foo.com\"]",
    ] {
        shape(text);
    }
}

#[test]
fn what_is_no_filter_is_refused() {
    let parentheses = |n: usize| format!("{}a eq 1{}", "(".repeat(n), ")".repeat(n));
    for n in [15, 22, 64] {
        assert!(Filter::parse(&parentheses(n)).is_ok(), "{n} parentheses");
    }
    let chain = |n: usize| vec!["a eq 1"; n].join(" or ");
    assert!(Filter::parse(&chain(1024)).is_ok());
    let rows = [
        parentheses(65),
        parentheses(10_000),
        "not (".repeat(1_000),
        "(".repeat(60_000),
        chain(1_025),
        format!("a eq \"{}\"", "x".repeat(60_000)),
        format!("a eq \"{}\"", "x".repeat(70_000)),
    ];
    let texts = [
        "",
        " ",
        "a",
        "a eq",
        "a eq ",
        "and",
        "a eq 1 and",
        "a eq 1 and ",
        "a eq 1 or",
        "a[b[c eq 1]]",
        "a[]",
        "a[",
        "a[b eq 1",
        "a b",
        "a eq \"unterminated",
        "a eq \"\\",
        "a eq \"\\u0000\"",
        "a eq \"\\ud800\"",
        "a eq \"\\x\"",
        "a eq \"b\u{0}\"",
        "a eq \"b\nc\"",
        "a eq 1 garbage",
        "a eq 1)",
        "a eq 1]",
        "(a eq 1",
        "a eq 'x'",
        "a eq x",
        "a eq {}",
        "a eq []",
        "a eq 1e400",
        "a eq 01",
        "a eq -",
        "a eq 1.",
        "a eq 1x",
        "eq 1",
        "1 eq 1",
        "a xx 1",
        "a eq1",
        "a eq\"x\"",
        "not a eq 1",
        "not",
        "a pr b pr",
        "a pr and and b pr",
        "a eq 1and b eq 2",
        "a eq 1 andb eq 2",
        "ä eq 1",
        "a[b eq 1) and (c eq 1]",
        "a[b eq 1].c",
        "a[b eq 1].",
        "()",
        "not ()",
        "a eq 1 and ()",
        ".a eq 1",
        "a eq \"\\\"",
    ];
    for text in texts.iter().map(|it| (*it).to_owned()).chain(rows) {
        let shown: String = text.chars().take(40).collect();
        let error = Filter::parse(&text).map(|_| ()).unwrap_err();
        let error = ScimError::from(error);
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidFilter)), "{shown}");
    }
}

#[test]
fn literals_are_what_json_says() {
    let literal = |text: &str| {
        let text = format!("a eq {text}");
        match Filter::parse(&text).unwrap().terms() {
            [Term::Compare(it)] => format!("{:?}", it.literal),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(literal("\"a\\\"b\\u00e9\""), "Text(\"a\\\"bé\")");
    assert_eq!(literal("True"), "Bool(true)");
    assert_eq!(literal("null"), "Null");
    assert_eq!(literal("-0"), "Number(Number(-0.0))");
    assert_eq!(literal("9223372036854775808"), "Number(Number(9223372036854775808))");
}

#[test]
fn a_long_filter_takes_linear_time() {
    let unit = "(a eq 1) or not(b[c eq \"x\"]) or ";
    let build = |n: usize| format!("{}d pr", unit.repeat(n));
    let count = |n: usize| Filter::parse(&build(n)).unwrap().terms().len();
    assert_eq!(count(100) - count(50), 50 * (count(2) - count(1)));
}

#[test]
fn paths_of_patches_have_three_parts() {
    for (text, expected) in [
        ("a", ("a", None, None)),
        ("a.b", ("a.b", None, None)),
        ("emails[type eq \"work\"]", ("emails", Some(1), None)),
        ("emails[type eq \"work\"].value", ("emails", Some(1), Some("value"))),
        ("emails[(type eq \"work\") or not (primary eq true)].Value", ("emails", Some(4), Some("Value"))),
    ] {
        let (path, filter, sub) = Parser::path(text).unwrap();
        assert_eq!((path, filter.map(|it| it.terms().len()), sub), expected, "{text}");
    }
    for text in [
        "",
        " ",
        "a b",
        "a[",
        "a[b eq 1",
        "a[b eq 1]c",
        "a[b eq 1].",
        "a[b eq 1].c d",
        "a[b[c eq 1]]",
        "[a eq 1]",
        "a[b eq 1][c eq 1]",
        "a]",
    ] {
        assert!(Parser::path(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_stops_the_parser(text in ".{0,200}") {
        let _either = Filter::parse(&text);
        let _either = Parser::path(&text);
    }

    #[test]
    fn no_soup_of_words_stops_the_parser(
        words in prop::collection::vec(
            prop::sample::select(vec!["a", "not", "(", ")", "[", "]", "and", "or", "eq", "pr", "\"x\"", "1", ".", "b.c", " "]),
            0..60,
        ),
        glue in prop::sample::select(vec!["", " "]),
    ) {
        let text = words.join(glue);
        if let Ok(filter) = Filter::parse(&text) {
            // What was read has an operand for each operator.
            let mut height = 0_i32;
            for term in filter.terms() {
                match term {
                    Term::Compare(_) => height += 1,
                    Term::And | Term::Or => height -= 1,
                    Term::Not | Term::Open(_) | Term::Close => {}
                }
                prop_assert!(height >= 0);
            }
            prop_assert_eq!(height, 1);
        }
    }
}
