//! Status lists: whatever is read is no larger than allowed, says something of every index in it and of none beyond, and is the same
//! after it was packed again.

#![no_main]

use ciam_oauth::status_list::{StatusBits, StatusList, TokenStatus};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 4_096;

fuzz_target!(|input: (u8, &str)| {
    let (width, text) = input;
    let Some(bits) = StatusBits::from_count(u64::from(width % 9)) else { return };
    let Ok(list) = StatusList::decompress(bits, text, LIMIT) else { return };
    let per_byte = usize::from(8 / bits.count());
    assert!(list.len() <= LIMIT * per_byte);
    assert_eq!(list.get(list.len()), None);
    assert_eq!(list.get(usize::MAX), None);
    let highest = u8::MAX >> (8 - bits.count());
    for index in 0..list.len() {
        let status = list.get(index).expect("it is in the list");
        assert!(status.number() <= highest);
    }
    let again = StatusList::decompress(bits, &list.compress(), LIMIT).expect("its own list");
    assert!(again == list);
    if !list.is_empty() {
        let mut changed = list.clone();
        changed.set(0, TokenStatus::Invalid);
        assert_eq!(changed.get(0), Some(TokenStatus::Invalid));
        assert!((1..list.len()).all(|index| changed.get(index) == list.get(index)));
    }
});
