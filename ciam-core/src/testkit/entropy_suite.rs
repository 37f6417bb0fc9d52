//! The contract of [`Entropy`].

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use super::suite::{Clause, Report, Suite, Violation, ensure, ensure_eq};
use crate::entropy::Entropy;
use crate::error::PortError;

/// Runs the contract of [`Entropy`] against a source.
///
/// It finds sources that are broken, never that one is unpredictable: no test can.
///
/// ```
/// use ciam_core::entropy::SystemEntropy;
/// use ciam_core::testkit;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// testkit::entropy(&SystemEntropy::new()).await.assert_kept();
/// # });
/// ```
pub async fn entropy(source: &(dyn Entropy + 'static)) -> Report {
    entropy_suite().run(source).await
}

/// The contract of [`Entropy`], clause by clause.
#[must_use]
pub fn entropy_suite() -> Suite<dyn Entropy> {
    Suite::new("Entropy", &[CLAUSES])
}

macro_rules! clause {
    ($name:literal, $check:path, $docs:literal) => {
        Clause::new($name, $docs, |source| Box::pin(async move { $check(source) }))
    };
}

const CLAUSES: &[Clause<dyn Entropy>] = &[
    clause!("fill.whole", whole, "`fill` fills the whole buffer, whatever its length."),
    clause!("fill.differs", differs, "`fill` never repeats itself."),
    clause!(
        "fill.values",
        values,
        "Bytes have every value, and each of their bits is set about as often as not."
    ),
    clause!("race.differs", at_once, "Calls at the same moment get different bytes."),
];

fn whole(source: &dyn Entropy) -> Result<(), Violation> {
    for length in (1..=40).chain([255, 1_000, 4_099]) {
        // A byte that is zero 16 times is one that is not filled: by chance, that is once in 2^128.
        let mut ever = vec![0_u8; length];
        for _ in 0..16 {
            let mut buffer = vec![0_u8; length];
            source.fill(&mut buffer)?;
            ever.iter_mut().zip(buffer).for_each(|(ever, byte)| *ever |= byte);
        }
        let missed = ever.iter().filter(|byte| **byte == 0).count();
        ensure_eq!(missed, 0, "how many of {length} bytes are never filled");
    }
    source.fill(&mut [])?;
    Ok(())
}

fn differs(source: &dyn Entropy) -> Result<(), Violation> {
    let mut seen = BTreeSet::new();
    for count in 0..500 {
        let mut buffer = [0_u8; 16];
        source.fill(&mut buffer)?;
        ensure!(seen.insert(buffer), "the bytes of call {count} have been there before");
    }
    Ok(())
}

fn values(source: &dyn Entropy) -> Result<(), Violation> {
    const BYTES: usize = 0x1_0000;
    let mut buffer = vec![0_u8; BYTES];
    source.fill(&mut buffer)?;
    // Each value is expected 256 times: that one is absent happens once in e^250.
    let different: BTreeSet<u8> = buffer.iter().copied().collect();
    ensure_eq!(different.len(), 256, "how many values the bytes have");
    for bit in 0..8 {
        let set = buffer.iter().filter(|byte| **byte >> bit & 1 == 1).count();
        // Ten standard deviations.
        ensure!(set.abs_diff(BYTES / 2) < 1_280, "bit {bit} is set in {set} of {BYTES} bytes");
    }
    Ok(())
}

fn at_once(source: &dyn Entropy) -> Result<(), Violation> {
    const THREADS: usize = 8;
    const CALLS: usize = 20;
    let start = Barrier::new(THREADS);
    let call = || -> Result<Vec<[u8; 16]>, PortError> {
        start.wait();
        (0..CALLS)
            .map(|_| {
                let mut buffer = [0_u8; 16];
                source.fill(&mut buffer).map(|()| buffer)
            })
            .collect()
    };
    let found = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(call)).collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut different = BTreeSet::new();
    for found in found {
        different.extend(found.map_err(|_| Violation::new("a call panicked"))??);
    }
    ensure_eq!(different.len(), THREADS * CALLS, "how many calls at once got bytes of their own");
    Ok(())
}
