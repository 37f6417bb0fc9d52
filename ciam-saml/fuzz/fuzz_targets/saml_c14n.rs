//! Canonical forms: the canonical form of a canonical form is itself, for the whole and for each element.

#![no_main]

use ciam_saml::xml::{Canonical, Doc, Limits, canonicalize};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(doc) = Doc::parse(input, Limits::MESSAGE) else { return };
    let root = doc.root().expect("a document has a root");
    for element in std::iter::once(root).chain(root.children().take(4)) {
        let Ok(once) = canonicalize(element, Canonical::default()) else { continue };
        assert!(!once.is_empty());
        let limits = Limits::ENTITY;
        let Ok(again) = Doc::parse(once.as_bytes(), limits) else {
            // Only sizes may be in the way: escapes are longer than what they stand for.
            assert!(
                once.len() > input.len() || once.len() > 4096,
                "the canonical form cannot be read: {once}"
            );
            continue;
        };
        let twice = canonicalize(again.root().expect("a document has a root"), Canonical::default());
        assert_eq!(twice.as_deref(), Ok(&*once));
    }
    let listed = ["a", "#default", "b"];
    let _listed = canonicalize(root, Canonical::default().with_inclusive(&listed).with_comments());
});
