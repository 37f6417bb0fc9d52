//! CBOR as authenticators write it: whatever comes is an item or an error, within bounds, and never larger than what it was
//! read from.

#![no_main]

use ciam_mfa::webauthn::cbor::{Item, MAX_DEPTH, MAX_ITEMS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok((item, rest)) = Item::read_first(input, "item") else {
        assert!(Item::read(input, "item").is_err());
        return;
    };
    assert!(rest.len() < input.len(), "an item has a byte at least");
    assert_eq!(Item::read(input, "item").is_ok(), rest.is_empty());
    let (whole, read) = (&input[..input.len() - rest.len()], Item::read_first(input, "item"));
    assert_eq!(Item::read(whole, "item").as_ref(), Ok(&item), "what is behind it changes nothing");
    assert!(read.is_ok());
    let mut items = 0;
    walk(&item, 0, &mut items);
    assert!(items <= u32::from(MAX_ITEMS));
});

fn walk(item: &Item<'_>, depth: u8, items: &mut u32) {
    assert!(depth <= MAX_DEPTH);
    *items += 1;
    match item {
        Item::Array(all) => all.iter().for_each(|it| walk(it, depth + 1, items)),
        Item::Map(entries) => {
            for (at, (key, value)) in entries.iter().enumerate() {
                assert!(matches!(key, Item::Integer(_) | Item::Text(_) | Item::Bytes(_)));
                assert!(entries[..at].iter().all(|(known, _)| known != key), "a key twice");
                if let Item::Text(name) = key {
                    assert_eq!(item.get(name), Some(value));
                }
                walk(key, depth + 1, items);
                walk(value, depth + 1, items);
            }
        }
        _ => {}
    }
}
