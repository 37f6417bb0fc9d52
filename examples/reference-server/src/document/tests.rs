use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Top {
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    name: String,
    #[serde(default)]
    sizes: Vec<u8>,
}

const TOML: &str =
    "# a comment\n[[items]]\nname = \"one\"\n\n[[items]]\nname = \"two\"\nsizes = [\n  1,\n  2,\n]\n";
const JSON: &str = r#"{
  "other": {"items": "]}\"{", "x": [1, {"y": []}]},
  "items": [
    {"name": "one"},
    {
      "name": "tw\u006f",
      "sizes": [
        1,
        2
      ]
    }
  ]
}"#;

fn toml(text: &str) -> Document {
    Document::new("x.toml", text, Format::Toml)
}

fn json(text: &str) -> Document {
    Document::new("x.json", text, Format::Json)
}

#[test]
fn both_formats_read_into_the_same_type() {
    let only_items = JSON.replacen("\"other\": {\"items\": \"]}\\\"{\", \"x\": [1, {\"y\": []}]},", "", 1);
    for document in [toml(TOML), json(&only_items)] {
        let top: Top = document.parse().unwrap();
        let names: Vec<_> = top.items.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["one", "two"]);
        assert_eq!(top.items[1].sizes, [1, 2]);
    }
}

#[test]
fn a_secret_of_the_wrong_type_is_not_repeated() {
    #[derive(Debug, Deserialize)]
    struct Sealed {
        #[serde(rename = "password")]
        _password: String,
    }
    let found = toml("password = 90210").parse::<Sealed>().unwrap_err();
    assert_eq!(found.to_string(), "x.toml:1: password: must be a text");
    let found = json("{\"password\": 90210}").parse::<Sealed>().unwrap_err();
    assert_eq!(found.to_string(), "x.json:1: password: must be a text");
}

#[test]
fn a_key_is_found_in_toml() {
    let line = |path: &KeyPath| toml(TOML).problem(path, "no").line;
    let second = KeyPath::of("items").at(1);
    assert_eq!(line(&second.key("name")), Some(6));
    assert_eq!(line(&second.key("sizes").at(1)), Some(9));
    assert_eq!(line(&second.key("missing")), Some(5));
    assert_eq!(line(&KeyPath::of("missing")), Some(1));
}

#[test]
fn a_key_is_found_in_json() {
    let line = |path: &KeyPath| json(JSON).problem(path, "no").line;
    let second = KeyPath::of("items").at(1);
    assert_eq!(line(&second), Some(5));
    assert_eq!(line(&second.key("name")), Some(6));
    assert_eq!(line(&second.key("sizes").at(1)), Some(9));
    assert_eq!(line(&second.key("missing")), Some(5));
    assert_eq!(line(&KeyPath::of("items").at(7)), Some(3));
    assert_eq!(line(&KeyPath::of("missing")), Some(1));
}

#[test]
fn a_problem_reads_like_a_compiler_error() {
    let problem = toml(TOML).problem(&KeyPath::of("items").at(1).key("name"), "is taken");
    assert_eq!(problem.to_string(), "x.toml:6: items[1].name: is taken");
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let found = toml("[[items]]\nname = \"a\"\nnmae = 1\n").parse::<Top>().unwrap_err();
    assert_eq!((found.line, found.key.as_deref()), (Some(3), Some("items[0].nmae")));
    assert_eq!(found.message, "unknown field `nmae`, expected `name` or `sizes`");
    let found = json("{\"items\": [\n{\"name\": \"a\",\n\"nmae\": 1}]}").parse::<Top>().unwrap_err();
    assert_eq!((found.line, found.key.as_deref()), (Some(3), Some("items[0].nmae")));
}

#[test]
fn a_wrong_type_is_refused_with_its_line() {
    let found = toml("[[items]]\nname = \"a\"\nsizes = [1,\n 300]\n").parse::<Top>().unwrap_err();
    assert_eq!((found.line, found.key.as_deref()), (Some(4), Some("items[0].sizes[1]")));
    let found = json("{\"items\": [{\"name\": \"a\", \"sizes\": [1,\n 300]}]}").parse::<Top>().unwrap_err();
    assert_eq!((found.line, found.key.as_deref()), (Some(2), Some("items[0].sizes[1]")));
}

#[test]
fn what_is_not_well_formed_is_refused_with_its_line() {
    assert_eq!(toml("a = 1\nb = \n").parse::<Top>().unwrap_err().line, Some(2));
    assert_eq!(json("{\n\"items\": [}\n").parse::<Top>().unwrap_err().line, Some(2));
    let trailing = json("{\"items\": []}\n{}").parse::<Top>().unwrap_err();
    assert_eq!((trailing.line, trailing.message.as_str()), (Some(2), "trailing characters"));
    let twice = json("{\"items\": [],\n\"items\": []}").parse::<Top>().unwrap_err();
    assert_eq!((twice.line, twice.message.as_str()), (Some(2), "duplicate field `items`"));
}

#[test]
fn a_missing_file_is_named() {
    let found = Document::read(Path::new("/nonexistent/x.toml")).unwrap_err();
    assert!(found.to_string().starts_with("/nonexistent/x.toml: "), "{found}");
}

#[test]
fn the_format_is_known_by_the_ending() {
    assert_eq!(Format::of(Path::new("a.JSON")), Format::Json);
    assert_eq!(Format::of(Path::new("a.toml")), Format::Toml);
    assert_eq!(Format::of(Path::new("a")), Format::Toml);
}

proptest::proptest! {
    /// The search never panics nor runs past the end, whatever it is given.
    #[test]
    fn the_search_survives_anything(text in "[\\[\\]{}\",:a\\\\ \n1]{0,40}", index in 0_usize..4) {
        let path = KeyPath::of("a").at(index).key("1");
        let _place = json(&text).problem(&path, "x");
        let _place = toml(&text).problem(&path, "x");
    }
}
