use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::error::ScimType;
use crate::filter::{BindPolicy, Filter};
use crate::schema::ResourceType;

fn kim() -> Value {
    json!({
        "id": "1",
        "userName": "Straße.Kim",
        "externalId": "X-1",
        "active": true,
        "name": { "familyName": "Kim", "givenName": "Ada" },
        "emails": [
            { "type": "work", "value": "kim@corp.example", "primary": true },
            { "type": "home", "value": "kim@home.example" },
        ],
        "meta": { "created": "2026-01-02T03:04:05Z" },
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "Ops", "manager": { "value": "7" },
        },
    })
}

fn matches(text: &str) -> Result<bool, ScimType> {
    let policy = BindPolicy::strict().with_bool_strings(true);
    let filter = Filter::parse(text).map_err(|_| ScimType::InvalidFilter)?;
    let bound = filter.bind(&ResourceType::user(), policy).map_err(|it| it.scim_type.unwrap())?;
    Ok(bound.matches(kim().as_object().unwrap()))
}

#[test]
fn the_table_of_meanings_holds() {
    for (text, expected) in [
        ("userName eq \"STRASSE.kim\"", true),
        ("userName sw \"strass\"", true),
        ("userName co \"SSE.K\"", true),
        ("userName ew \"KIM\"", true),
        ("id eq \"1\"", true),
        ("externalId eq \"x-1\"", false),
        ("title eq \"x\"", false),
        ("title ne \"x\"", true),
        ("title pr", false),
        ("title eq null", true),
        ("title ne null", false),
        ("userName eq null", false),
        ("userName ne null", true),
        ("not (title eq \"x\")", true),
        ("emails ne \"kim@home.example\"", false),
        ("emails ne \"other\"", true),
        ("emails eq \"KIM@home.example\"", true),
        ("emails.value co \"home\" and emails.type eq \"work\"", true),
        ("emails[type eq \"work\" and value co \"home\"]", false),
        ("emails[type eq \"home\" and value co \"home\"]", true),
        ("emails[type eq \"home\"].value eq \"kim@home.example\"", true),
        ("emails[type eq \"work\"].value eq \"kim@home.example\"", false),
        ("emails[not (type eq \"work\")]", true),
        ("emails[primary eq \"True\"].value pr", true),
        ("emails pr", true),
        ("phoneNumbers pr", false),
        ("active eq true", true),
        ("active eq \"True\"", true),
        ("active ne false", true),
        ("name.familyName eq \"kim\" and name.givenName eq \"ada\"", true),
        ("meta.created gt \"2026-01-02T03:04:04Z\"", true),
        ("meta.created eq \"2026-01-02T04:04:05+01:00\"", true),
        ("meta.created lt \"2026-01-02T03:04:05\"", false),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"ops\"", true),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager eq \"7\"", true),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value pr", true),
        ("title pr or userName pr and active eq false", false),
        ("(title pr or userName pr) and active eq true", true),
        ("title pr or title pr or not (title pr) and active eq true", true),
        ("not (title pr or active eq true) or id eq \"1\"", true),
    ] {
        assert_eq!(matches(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    for (text, kind) in [
        ("active gt true", ScimType::InvalidFilter),
        ("active co \"t\"", ScimType::InvalidFilter),
        ("active eq \"perhaps\"", ScimType::InvalidFilter),
        ("meta.created gt \"yesterday\"", ScimType::InvalidFilter),
        ("meta.created co \"2026\"", ScimType::InvalidFilter),
        ("userName eq true", ScimType::InvalidFilter),
        ("userName eq 1", ScimType::InvalidFilter),
        ("userName gt null", ScimType::InvalidFilter),
        ("name eq \"x\"", ScimType::InvalidFilter),
        ("nothing eq 1", ScimType::InvalidFilter),
        ("name.nothing eq 1", ScimType::InvalidFilter),
        ("a.b.c eq 1", ScimType::InvalidFilter),
        ("userName[a eq 1]", ScimType::InvalidFilter),
        ("emails[nothing eq 1]", ScimType::InvalidFilter),
        ("emails[emails.type eq \"x\"]", ScimType::InvalidFilter),
        ("password eq \"x\"", ScimType::Sensitive),
        ("password pr", ScimType::Sensitive),
        ("not (password sw \"a\")", ScimType::Sensitive),
    ] {
        assert_eq!(matches(text), Err(kind), "{text}");
    }
}

#[test]
fn unknown_attributes_match_nothing_where_several_kinds_are_searched() {
    let policy = BindPolicy::strict().with_unknown_absent(true);
    for (text, expected) in [
        ("foo eq 1", false),
        ("id eq \"1\" or foo eq 1", true),
        ("foo[a eq 1]", false),
        ("members pr", false),
    ] {
        let bound = Filter::parse(text).unwrap().bind(&ResourceType::user(), policy).unwrap();
        assert_eq!(bound.matches(kim().as_object().unwrap()), expected, "{text}");
    }
}

#[derive(Clone, Debug)]
enum Tree {
    Leaf(bool),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

impl Tree {
    fn text(&self) -> String {
        match self {
            Self::Leaf(true) => "userName pr".to_owned(),
            Self::Leaf(false) => "title pr".to_owned(),
            Self::Not(inner) => format!("not ({})", inner.text()),
            Self::And(left, right) => format!("({}) and ({})", left.text(), right.text()),
            Self::Or(left, right) => format!("({}) or ({})", left.text(), right.text()),
        }
    }

    fn truth(&self) -> bool {
        match self {
            Self::Leaf(truth) => *truth,
            Self::Not(inner) => !inner.truth(),
            Self::And(left, right) => left.truth() && right.truth(),
            Self::Or(left, right) => left.truth() || right.truth(),
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    any::<bool>().prop_map(Tree::Leaf).prop_recursive(6, 40, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|it| Tree::Not(Box::new(it))),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| Tree::And(Box::new(l), Box::new(r))),
            (inner.clone(), inner).prop_map(|(l, r)| Tree::Or(Box::new(l), Box::new(r))),
        ]
    })
}

proptest! {
    #[test]
    fn the_program_has_the_truth_of_the_tree(tree in trees()) {
        prop_assert_eq!(matches(&tree.text()), Ok(tree.truth()), "{}", tree.text());
    }
}
