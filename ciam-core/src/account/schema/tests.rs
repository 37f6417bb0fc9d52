use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;

use super::*;

fn schema() -> AttributeSchema {
    AttributeSchema::standard()
        .with("seats", Attribute::new(AttributeType::Integer { min: 1, max: 500 }))
        .with("newsletter", Attribute::new(AttributeType::Boolean))
        .with("plan", Attribute::new(AttributeType::one_of(["basic", "pro"])))
        .with("fax", Attribute::new(AttributeType::Phone))
        .with("interests", Attribute::new(AttributeType::list(AttributeType::text(20), 3)))
        .with("tier", Attribute::new(AttributeType::text(10)).writers(Access::administrators()))
        .with(
            "score",
            Attribute::new(AttributeType::text(10))
                .readers(Access::administrators().with_scope("score"))
                .writers(Access::administrators()),
        )
        .with("country", Attribute::new(AttributeType::text(2)).required(Required::Always))
}

fn changes(pairs: &[(&str, Value)]) -> BTreeMap<String, Value> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn code(name: &str, value: Value, by: Party<'_>) -> &'static str {
    match schema().change(&Profile::new(), &changes(&[(name, value)]), by) {
        Ok(_) => "ok",
        Err(errors) => errors.problem(name).unwrap().code(),
    }
}

#[test]
fn every_type_takes_its_own_and_nothing_else() {
    for (name, value, expected) in [
        ("name", json!("Ada \u{1f469}\u{200d}\u{1f4bb} Lovelace"), "ok"),
        ("name", json!("x".repeat(128)), "ok"),
        ("name", json!("x".repeat(129)), "too_long"),
        ("name", json!("x".repeat(10_000)), "too_long"),
        ("name", json!("\u{1f469}".repeat(128)), "ok"),
        ("name", json!("a\u{0}b"), "control_characters"),
        ("name", json!("a\nb"), "control_characters"),
        ("name", json!("\u{202e}evil"), "control_characters"),
        ("name", json!(7), "wrong_type"),
        ("name", json!(["Ada"]), "wrong_type"),
        ("picture", json!("https://example.com/a.png"), "ok"),
        ("picture", json!("javascript:alert(1)"), "format"),
        ("picture", json!("https://user@example.com/"), "format"),
        ("picture", json!("/a.png"), "format"),
        ("birthdate", json!("1815-12-10"), "ok"),
        ("birthdate", json!("1815-02-30"), "format"),
        ("birthdate", json!("10.12.1815"), "format"),
        ("locale", json!("zh-Hant-TW"), "ok"),
        ("locale", json!("german (Austria)"), "format"),
        ("zoneinfo", json!("America/Argentina/Buenos_Aires"), "ok"),
        ("zoneinfo", json!("../../etc/passwd"), "format"),
        ("fax", json!("+49 30 123456"), "ok"),
        ("fax", json!("030 123456"), "format"),
        ("seats", json!(500), "ok"),
        ("seats", json!(501), "out_of_range"),
        ("seats", json!(1.5), "wrong_type"),
        ("seats", json!("5"), "wrong_type"),
        ("newsletter", json!(true), "ok"),
        ("newsletter", json!("true"), "wrong_type"),
        ("plan", json!("pro"), "ok"),
        ("plan", json!("gold"), "not_listed"),
        ("interests", json!(["a", "b", "c"]), "ok"),
        ("interests", json!(["a", "b", "c", "d"]), "too_many"),
        ("interests", json!([["a"]]), "wrong_type"),
        ("interests", json!(["x".repeat(21)]), "too_long"),
        ("shoe_size", json!(38), "unknown"),
        ("email", json!("eve@example.com"), "unknown"),
    ] {
        assert_eq!(code(name, value.clone(), Party::Owner), expected, "{name}: {value}");
    }
}

#[test]
fn a_refused_change_names_every_problem_and_changes_nothing() {
    let mut before = Profile::new();
    before.set("name", "Ada").unwrap();
    let asked = changes(&[
        ("name", json!("x".repeat(10_000))),
        ("given_name", json!("fine")),
        ("birthdate", json!("yesterday")),
        ("shoe_size", json!(38)),
    ]);
    let errors = schema().change(&before, &asked, Party::Owner).unwrap_err();
    let named: Vec<_> = errors.iter().map(|(name, problem)| (name, problem.code())).collect();
    assert_eq!(named, [("birthdate", "format"), ("name", "too_long"), ("shoe_size", "unknown")]);
    assert_eq!(before.text("name"), Some("Ada"));
}

#[test]
fn who_may_write_and_read_is_kept() {
    assert_eq!(code("tier", json!("gold"), Party::Owner), "not_writable");
    assert_eq!(code("tier", json!("gold"), Party::Administrator), "ok");
    // What they may not see, they do not learn of.
    assert_eq!(code("score", json!("9"), Party::Owner), "unknown");
    let (score, other) = (["score".to_owned()], ["profile".to_owned()]);
    let mut profile = Profile::new();
    for name in ["score", "tier", "left over"] {
        profile.set(name, "9").unwrap();
    }
    let names = |by| schema().readable(&profile, by).into_keys().collect::<Vec<_>>();
    assert_eq!(names(Party::Owner), ["tier"]);
    assert_eq!(names(Party::Administrator), ["score", "tier"]);
    assert_eq!(names(Party::Application { scopes: &score }), ["score"]);
    assert!(names(Party::Application { scopes: &other }).is_empty());
    assert_eq!(schema().check(&profile).unwrap_err().iter().count(), 1, "what the schema does not name");
    assert!(schema().writable(Party::Owner).all(|(name, _)| name != "tier" && name != "score"));
}

#[test]
fn removing_is_a_change_and_what_is_always_required_stays() {
    let mut before = Profile::new();
    before.set("name", "Ada").unwrap();
    before.set("country", "DE").unwrap();
    for empty in [json!(null), json!(""), json!("  ")] {
        let after = schema().change(&before, &changes(&[("name", empty)]), Party::Owner).unwrap();
        assert_eq!(after.get("name"), None);
    }
    let refused = schema().change(&before, &changes(&[("country", json!(""))]), Party::Owner).unwrap_err();
    assert_eq!(refused.problem("country"), Some(&AttributeProblem::Required));
}

#[test]
fn what_is_missing_depends_on_the_occasion() {
    let now = datetime!(2026-11-26 12:00 UTC);
    let text = || Attribute::new(AttributeType::text(9));
    let schema = AttributeSchema::empty()
        .with("always", text().required(Required::Always))
        .with("first", text().required(Required::AtSignUp))
        .with("shop", text().required(Required::ForClient("shop".to_owned())))
        .with("postal", text().required(Required::ForScope("address".to_owned())))
        .with("later", text().required(Required::AfterDays(7)))
        .with("theirs", text().required(Required::Always).writers(Access::administrators()))
        .with("never", text());
    let scopes = ["address".to_owned()];
    let young = Occasion::sign_in(now, now);
    let empty = Profile::new();
    assert_eq!(schema.missing_for(&empty, &Occasion::sign_up()), ["always", "first"]);
    assert_eq!(schema.missing_for(&empty, &young), ["always"]);
    assert_eq!(schema.missing_for(&empty, &young.for_client("shop", &scopes)), ["always", "postal", "shop"]);
    let old = Occasion::sign_in(now - Duration::days(7), now);
    assert_eq!(schema.missing_for(&empty, &old), ["always", "later"]);
    let mut given = Profile::new();
    given.set("always", "x").unwrap();
    assert!(schema.missing_for(&given, &young).is_empty());
}

#[test]
fn forms_send_texts_and_the_schema_knows_what_they_are() {
    let schema = schema();
    for (name, text, value) in [
        ("seats", " 7 ", json!(7)),
        ("seats", "", json!(null)),
        ("newsletter", "on", json!(true)),
        ("newsletter", "", json!(false)),
        ("interests", "a\r\n\r\n b\n", json!(["a", " b"])),
        ("name", "Ada", json!("Ada")),
    ] {
        assert_eq!(schema.parse_text(name, text), Ok(value), "{name}: {text:?}");
    }
    assert_eq!(schema.parse_text("seats", "many"), Err(AttributeProblem::WrongType));
    assert_eq!(schema.parse_text("nobody", "x"), Err(AttributeProblem::Unknown));
}

#[test]
fn a_schema_that_cannot_be_is_refused_when_it_is_read() {
    assert_eq!(schema().validate(), Ok(()));
    for (name, kind) in [
        ("email", AttributeType::text(10)),
        ("Name", AttributeType::text(10)),
        ("", AttributeType::text(10)),
        ("long", AttributeType::text(100_000)),
        ("none", AttributeType::text(0)),
        ("range", AttributeType::Integer { min: 2, max: 1 }),
        ("choice", AttributeType::one_of::<String>([])),
        ("deep", AttributeType::list(AttributeType::list(AttributeType::Date, 2), 2)),
    ] {
        let schema = AttributeSchema::empty().with(name, Attribute::new(kind));
        assert!(schema.validate().is_err(), "{name}");
    }
    let text =
        r#"{"plan":{"type":{"one_of":["a"]},"required":["always",{"after_days":3}],"sensitive":true}}"#;
    let read: AttributeSchema = serde_json::from_str(text).unwrap();
    assert_eq!(read.sensitive().collect::<Vec<_>>(), ["plan"]);
    assert!(serde_json::from_str::<AttributeSchema>(r#"{"plan":{"type":"date","requird":[]}}"#).is_err());
}

proptest! {
    /// Whatever is accepted is accepted again, unchanged.
    #[test]
    fn what_was_accepted_is_a_fixed_point(text in "\\PC{0,300}") {
        for (name, attribute) in schema().iter() {
            if let Ok(value) = attribute.kind.accept(&json!(text)) {
                prop_assert_eq!(attribute.kind.accept(&value), Ok(value), "{}", name);
            }
        }
    }
}
