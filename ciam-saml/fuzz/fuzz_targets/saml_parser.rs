//! Documents from anybody: nothing panics, memory is bounded, and what is read has a text or says why not.

#![no_main]

use ciam_saml::xml::{Doc, Limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(doc) = Doc::parse(input, Limits::MESSAGE) else { return };
    assert!(doc.memory() < 32 * 1024 + 10 * input.len(), "{} bytes for {}", doc.memory(), input.len());
    let mut left = vec![doc.root().expect("a document has a root")];
    while let Some(element) = left.pop() {
        assert!(!element.local_name().is_empty() && !element.local_name().contains(':'));
        assert!(element.qualified_name().ends_with(element.local_name()));
        let children: Vec<_> = element.children().collect();
        if element.simple_text().is_ok() {
            assert!(children.is_empty());
        }
        left.extend(children);
    }
});
