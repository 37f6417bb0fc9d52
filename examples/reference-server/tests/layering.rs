//! The direction of dependencies, asserted on what cargo says about the workspace.
//!
//! An arrow never points up or sideways: oauth, mfa, saml and scim know only core, oidc knows oauth and core, and no library
//! knows a runtime, a server, a database or a template engine.

use std::process::Command;

use serde_json::{Value, json};

/// The six published libraries, each with the libraries that it may depend on.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("ciam-core", &[]),
    ("ciam-oauth", &["ciam-core"]),
    ("ciam-mfa", &["ciam-core"]),
    ("ciam-saml", &["ciam-core"]),
    ("ciam-scim", &["ciam-core"]),
    ("ciam-oidc", &["ciam-core", "ciam-oauth"]),
];

/// Unpublished library packages, which may depend on every library but not on each other.
const GLUE: &[&str] = &["ciam-adapters", "ciam-axum"];

/// Programs, which may depend on libraries and glue, and on which nothing may depend.
const PROGRAMS: &[&str] = &[
    "actix-login",
    "ciam-benches",
    "ciam-counts",
    "ciam-risk-simulation",
    "embedded-login",
    "own-users-table",
    "reference-server",
    "relying-party",
    "resource-server",
    "saml-sp",
    "scim-push",
];

/// The exception: one login, mounted a second time on another server to show that it needs neither.
const MOUNTED_AGAIN: (&str, &str) = ("actix-login", "embedded-login");

/// What no library may depend on, directly or through somebody else.
const FORBIDDEN: &[&str] = &[
    "actix-web",
    "askama",
    "async-std",
    "axum",
    "hyper",
    "lettre",
    "minijinja",
    "mio",
    "native-tls",
    "openssl",
    "redis",
    "reqwest",
    "rusqlite",
    "rustls",
    "smol",
    "sqlx",
    "sqlx-core",
    "tokio",
    "tower",
    "warp",
];

/// What of those a library's tests may use all the same.
const FORBIDDEN_EXCEPT_IN_TESTS: &[&str] = &["tokio"];

type Failure = Box<dyn std::error::Error>;

#[test]
fn dependencies_point_inward() -> Result<(), Failure> {
    assert_eq!(violations(&metadata()?), Vec::<String>::new());
    Ok(())
}

#[test]
fn no_library_brings_a_runtime_or_a_server_along() -> Result<(), Failure> {
    for (library, _) in LIBRARIES {
        let tree = dependency_tree(library)?;
        assert!(tree.iter().any(|name| name == library), "the tree of {library} is empty");
        let found: Vec<_> = tree.iter().filter(|name| FORBIDDEN.contains(&name.as_str())).collect();
        assert!(found.is_empty(), "{library} brings {found:?} along");
    }
    Ok(())
}

/// The rules above reject what they are there to reject: each row adds one dependency to the real metadata.
#[test]
fn each_rule_rejects_its_violation() -> Result<(), Failure> {
    let sound = metadata()?;
    let rows = [
        ("ciam-core", json!({"name": "ciam-oauth", "kind": null, "req": "=0.1.0"})),
        ("ciam-mfa", json!({"name": "ciam-oauth", "kind": null, "req": "=0.1.0"})),
        ("ciam-scim", json!({"name": "ciam-saml", "kind": "dev", "req": "=0.1.0"})),
        ("ciam-oauth", json!({"name": "ciam-oidc", "kind": "dev", "req": "=0.1.0"})),
        ("ciam-oauth", json!({"name": "tokio", "kind": null, "req": "^1"})),
        ("ciam-oauth", json!({"name": "axum", "kind": "dev", "req": "^0.8"})),
        ("ciam-oidc", json!({"name": "ciam-adapters", "kind": "dev", "req": "*"})),
        ("ciam-adapters", json!({"name": "ciam-axum", "kind": null, "req": "*"})),
        ("relying-party", json!({"name": "reference-server", "kind": null, "req": "*"})),
        ("ciam-oidc", json!({"name": "ciam-core", "kind": null, "req": "^0.1.0"})),
    ];
    for (package, dependency) in rows {
        let mut broken = sound.clone();
        let added = packages_mut(&mut broken)
            .find(|candidate| candidate["name"] == package)
            .and_then(|candidate| candidate["dependencies"].as_array_mut())
            .map(|dependencies| dependencies.push(dependency.clone()));
        assert!(added.is_some(), "no package {package}");
        assert_eq!(violations(&broken).len(), 1, "{package} with {dependency}");
    }

    let mut unknown = sound.clone();
    for package in packages_mut(&mut unknown).filter(|package| package["name"] == "ciam-mfa") {
        package["name"] = json!("ciam-everything");
    }
    assert!(violations(&unknown).iter().any(|text| text.contains("ciam-everything")));
    assert!(violations(&unknown).iter().any(|text| text.contains("ciam-mfa")));

    let mut published = sound;
    for package in packages_mut(&mut published).filter(|package| package["name"] == "ciam-adapters") {
        package["publish"] = json!(null);
    }
    assert_eq!(violations(&published).len(), 1);
    Ok(())
}

/// Every breach of the rules, in words.
fn violations(metadata: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let expected = LIBRARIES.iter().map(|(name, _)| *name).chain(GLUE.iter().chain(PROGRAMS).copied());
    for name in expected {
        if !packages.iter().any(|package| package["name"] == name) {
            found.push(format!("{name} is not in the workspace"));
        }
    }
    for package in packages {
        let name = text(&package["name"]);
        match LIBRARIES.iter().find(|(library, _)| *library == name) {
            Some((_, allowed)) => library_violations(package, allowed, &mut found),
            None => host_violations(package, &mut found),
        }
    }
    found
}

fn library_violations(package: &Value, allowed: &[&str], found: &mut Vec<String>) {
    let name = text(&package["name"]);
    if !package["publish"].is_null() {
        found.push(format!("{name} cannot be published"));
    }
    for dependency in dependencies(package) {
        let to = text(&dependency["name"]);
        let dev = dependency["kind"] == "dev";
        if FORBIDDEN.contains(&to) && !(dev && FORBIDDEN_EXCEPT_IN_TESTS.contains(&to)) {
            found.push(format!("{name} depends on {to}"));
        }
        if !is_member(to) || (dev && to == name) {
            continue;
        }
        if !allowed.contains(&to) {
            found.push(format!("{name} depends on {to}, which is not below it"));
        } else if dependency["req"] != format!("={}", text(&package["version"])) {
            found.push(format!("{name} does not require exactly its own version of {to}"));
        }
    }
}

fn host_violations(package: &Value, found: &mut Vec<String>) {
    let name = text(&package["name"]);
    let glue = GLUE.contains(&name);
    if !glue && !PROGRAMS.contains(&name) {
        found.push(format!("{name} has no place in the table of layers"));
    }
    if package["publish"] != json!([]) {
        found.push(format!("{name} could be published"));
    }
    for dependency in dependencies(package) {
        let to = text(&dependency["name"]);
        if (name, to) == MOUNTED_AGAIN {
            continue;
        }
        if PROGRAMS.contains(&to) || (glue && GLUE.contains(&to)) {
            found.push(format!("{name} depends on {to}, which is not below it"));
        }
    }
}

fn is_member(name: &str) -> bool {
    LIBRARIES.iter().any(|(library, _)| *library == name) || GLUE.contains(&name) || PROGRAMS.contains(&name)
}

fn dependencies(package: &Value) -> &[Value] {
    package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn packages_mut(metadata: &mut Value) -> impl Iterator<Item = &mut Value> {
    metadata["packages"].as_array_mut().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn metadata() -> Result<Value, Failure> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"])?;
    Ok(serde_json::from_str(&output)?)
}

/// The names of everything that is compiled into a program that uses the library with all its features.
fn dependency_tree(library: &str) -> Result<Vec<String>, Failure> {
    let output = cargo(&[
        "tree",
        "--package",
        library,
        "--all-features",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ])?;
    Ok(output.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

fn cargo(arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--locked", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
