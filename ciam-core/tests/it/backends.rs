//! Cryptographic backends are named in one folder.

use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Whether a line of code uses a crate by its path: `ring::`, but not `String::`.
fn names(line: &str, backend: &str) -> bool {
    let path = format!("{backend}::");
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices(&path).any(|(at, _)| {
        !code.as_bytes()[..at].last().is_some_and(|before| before.is_ascii_alphanumeric() || *before == b'_')
    })
}

#[test]
fn nothing_but_the_backends_names_a_backend() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(workspace).unwrap() {
        let folder = entry.unwrap().path();
        if folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ciam-")) {
            sources(&folder.join("src"), &mut found);
        }
    }
    let mut naming = Vec::new();
    for file in &found {
        let text = std::fs::read_to_string(file).unwrap();
        let backends = ["ring", "aws_lc_rs", "sha2", "hmac", "p256", "ed25519_dalek"];
        if text.lines().any(|line| backends.iter().any(|backend| names(line, backend))) {
            naming.push(file.strip_prefix(workspace).unwrap().to_path_buf());
        }
    }
    assert!(found.len() > 50, "only {} files were read", found.len());
    naming.sort();
    let mut backends = BACKENDS.map(|file| Path::new("ciam-core/src/crypto").join(file)).to_vec();
    backends.push(PathBuf::from(OAEP));
    assert_eq!(naming, backends);
}

/// Each backend, and what they share.
const BACKENDS: [&str; 7] = [
    "aws_lc_backend.rs",
    "aws_lc_encryption.rs",
    "content.rs",
    "password_digests.rs",
    "primitives.rs",
    "ring_backend.rs",
    "software_agreement.rs",
];

/// RSA-OAEP with two hashes, which encrypted assertions come with and no backend has.
const OAEP: &str = "ciam-saml/src/enc/rsa_oaep.rs";

#[test]
fn the_check_sees_what_it_looks_for() {
    assert!(names("use ring::digest;", "ring"));
    assert!(names("    let x = ::ring::rand::SystemRandom::new();", "ring"));
    assert!(!names("let text = String::new(); // ring::digest", "ring"));
}
