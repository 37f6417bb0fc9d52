//! No kind of record that belongs to accounts is without an exporter, and so without an erasure: found in the sources, so that
//! a new kind that nobody thought of fails here.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    reason = "a test that panics is a test that fails"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use reference_server::privacy::kinds;

/// A kind of record as it is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Declared {
    name: String,
    owned: bool,
    /// The constant: `KIND` of a type, or one of its own.
    constant: String,
}

#[test]
fn every_kind_that_belongs_to_accounts_has_an_exporter() {
    let exported: BTreeSet<&str> = kinds().all().iter().map(|kind| kind.kind().name()).collect();
    let server = fs::read_to_string(root().join("examples/reference-server/Cargo.toml")).unwrap();
    let mut owned = BTreeSet::new();
    for library in libraries().into_iter().chain([root().join("examples/reference-server")]) {
        let name = library.file_name().unwrap().to_string_lossy().into_owned();
        let texts = sources(&library.join("src"));
        // A library that this server does not use lists its kinds for whoever does. The server has some of its own.
        let linked = name == "reference-server"
            || server.contains(&format!("\n{name}."))
            || server.contains(&format!("\n{name} ="));
        let list = |text: &String| {
            Some(
                text.split("fn personal_kinds")
                    .nth(1)?
                    .split(
                        "
}",
                    )
                    .next()?
                    .to_owned(),
            )
        };
        let listed: String = texts.iter().filter_map(list).collect();
        // A feature that this server leaves out leaves out its kind.
        let left_out = |constant: &str| {
            listed.split("#[cfg(feature").skip(1).any(|it| it.split("),").next().unwrap().contains(constant))
        };
        let names: BTreeSet<&str> =
            listed.split(|it: char| !it.is_alphanumeric() && it != '_' && it != ':').collect();
        for kind in declared(&texts).into_iter().filter(|kind| kind.owned) {
            let told = !linked && names.contains(kind.constant.as_str());
            let known = exported.contains(kind.name.as_str()) || told || left_out(&kind.constant);
            assert!(known, "{name}: `{}` belongs to accounts, and no export or erasure knows it", kind.name);
            owned.insert(kind.name);
        }
    }
    // Those of which it is known that they do.
    for kind in ["core.consent", "core.device", "core.federated_identity", "oauth.grant", "oidc.login"] {
        assert!(owned.contains(kind), "{kind} was not found: the search is broken");
    }
    let unknown: Vec<_> = exported.iter().filter(|name| !owned.contains(**name)).collect();
    assert!(unknown.is_empty(), "declared nowhere, or without an index `account`: {unknown:?}");
}

#[test]
fn the_search_finds_kinds_however_they_are_written() {
    let text = r#"
        /// const EXAMPLE: RecordKind = RecordKind::new("app.example", &[]);
        const MINE: IndexDeclaration = IndexDeclaration::many(OWNER_INDEX);
        pub(super) const OTHER: IndexDeclaration = IndexDeclaration::unique("account").hashed();
        const TOKEN: IndexDeclaration = IndexDeclaration::unique("token");
        impl StoredRecord for One {
            const KIND: RecordKind = RecordKind::new("a.one", &[TOKEN, MINE]);
        }
        pub const TWO: RecordKind =
            RecordKind::new("a.two", &[OTHER]).private();
        const THREE: RecordKind = RecordKind::new("a.three", &[TOKEN]);
        const FOUR: RecordKind = RecordKind::new("a.four", &[]);
    "#;
    let found = declared(&[text.to_owned()]);
    let expected: Vec<_> = [
        ("a.one", true, "One::KIND"),
        ("a.two", true, "TWO"),
        ("a.three", false, "THREE"),
        ("a.four", false, "FOUR"),
    ]
    .iter()
    .map(|(name, owned, constant)| Declared {
        name: (*name).to_owned(),
        owned: *owned,
        constant: (*constant).to_owned(),
    })
    .collect();
    assert_eq!(found, expected);
}

#[test]
#[should_panic(expected = "NOWHERE")]
fn an_index_that_is_declared_nowhere_is_not_passed_over() {
    declared(&[r#"const KIND: RecordKind = RecordKind::new("a.one", &[NOWHERE]);"#.to_owned()]);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn libraries() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ciam-")))
        .collect();
    all.sort();
    assert!(all.len() >= 6, "{all:?}");
    all
}

/// The text of every source file, but for those that tests are made of.
fn sources(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "testkit" && name != "tests" {
            all.extend(sources(&path));
        } else if name.ends_with(".rs") && name != "tests.rs" {
            all.push(fs::read_to_string(&path).unwrap());
        }
    }
    all
}

/// Every kind that is declared, with whether it has an index of accounts.
fn declared(texts: &[String]) -> Vec<Declared> {
    let code: Vec<String> = texts
        .iter()
        .map(|text| {
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            lines.collect::<Vec<_>>().join(" ")
        })
        .collect();
    let everywhere: BTreeMap<String, bool> = code.iter().flat_map(|text| indexes(text)).collect();
    let mut found = Vec::new();
    for text in &code {
        let here = indexes(text);
        for (at, found_at) in text.match_indices("RecordKind::new(") {
            let tail = &text[at..];
            let part = &tail[found_at.len()..];
            let Some((name, rest)) = part.trim_start().strip_prefix('"').and_then(|it| it.split_once('"'))
            else {
                continue;
            };
            let listed = rest.split_once("&[").and_then(|(_, rest)| rest.split_once(']'));
            let (listed, _) = listed.unwrap_or_else(|| panic!("{name}: the indexes are not listed"));
            let owned = listed.split(',').map(str::trim).filter(|it| !it.is_empty()).any(|index| {
                let known = here.get(index).or_else(|| everywhere.get(index));
                *known.unwrap_or_else(|| panic!("{name}: the index {index} is declared nowhere"))
            });
            let before = &text[..text.len() - tail.len()];
            found.push(Declared { name: name.to_owned(), owned, constant: constant_before(before) });
        }
    }
    found
}

/// What the constant is called that a declaration stands behind.
fn constant_before(text: &str) -> String {
    let after_last = |word: &str| text.rsplit_once(word).map(|(_, rest)| rest);
    let constant = after_last("const ").and_then(|rest| rest.split(':').next()).unwrap_or_default().trim();
    match after_last("StoredRecord for ").and_then(|rest| rest.split([' ', '{']).next()) {
        Some(owner) if constant == "KIND" => format!("{owner}::KIND"),
        _ => constant.to_owned(),
    }
}

/// The declared indexes by the names of their constants: whether their values are accounts.
fn indexes(text: &str) -> BTreeMap<String, bool> {
    let mut all = BTreeMap::new();
    for part in text.split("const ").skip(1) {
        let Some((name, rest)) = part.split_once(": IndexDeclaration =") else { continue };
        let Some((_, rest)) = rest.split_once('(') else { continue };
        let argument = rest.split(')').next().unwrap_or_default().trim();
        all.insert(name.trim().to_owned(), argument == "\"account\"" || argument.ends_with("OWNER_INDEX"));
    }
    all
}
