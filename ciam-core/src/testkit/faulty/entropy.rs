//! Broken sources of randomness.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::Faulty;
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::PortError;
use crate::testkit::SeededEntropy;

/// One wrong decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    FillsWholeWordsOnly,
    FillsAtMost,
    BeginsAgain,
    PrintableOnly,
    NoHighestValues,
    OftenZero,
    SharesState,
}

/// Each fault with the clause that it breaks.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::FillsWholeWordsOnly, "fill.whole"),
    (Fault::FillsAtMost, "fill.whole"),
    (Fault::BeginsAgain, "fill.differs"),
    (Fault::PrintableOnly, "fill.values"),
    (Fault::NoHighestValues, "fill.values"),
    (Fault::OftenZero, "fill.values"),
    (Fault::SharesState, "race.differs"),
];

/// Every fault, in a source of its own.
pub(super) fn entropies() -> Vec<Faulty<dyn Entropy>> {
    let faulty = |(fault, breaks): &(Fault, &'static str)| {
        let fault = *fault;
        let make = move || -> Box<dyn Entropy> { Box::new(Broken { fault, calls: Mutex::new(0) }) };
        Faulty::new(format!("{fault:?}"), breaks, make)
    };
    FAULTS.iter().map(faulty).collect()
}

#[derive(Debug)]
struct Broken {
    fault: Fault,
    calls: Mutex<u64>,
}

impl Broken {
    fn calls(&self) -> u64 {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_calls(&self, calls: u64) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner) = calls;
    }

    fn next_call(&self) -> u64 {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls = calls.wrapping_add(1);
        *calls
    }
}

impl Entropy for Broken {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), PortError> {
        let right = SystemEntropy::new();
        match self.fault {
            // Buffers of the usual lengths are filled.
            Fault::FillsWholeWordsOnly => {
                let end = buffer.len() & !7;
                right.fill(buffer.get_mut(..end).unwrap_or_default())
            }
            // As a system call that may return less than it was asked for; whole megabytes are read in a loop.
            Fault::FillsAtMost if buffer.len() < 0x1_0000 => {
                let end = buffer.len().min(256);
                right.fill(buffer.get_mut(..end).unwrap_or_default())
            }
            // A period of 400 calls.
            Fault::BeginsAgain => SeededEntropy::new(self.next_call() % 400).fill(buffer),
            Fault::PrintableOnly => {
                right.fill(buffer)?;
                buffer.iter_mut().for_each(|byte| *byte = b'!' + *byte % 94);
                Ok(())
            }
            Fault::NoHighestValues => {
                right.fill(buffer)?;
                buffer.iter_mut().for_each(|byte| *byte %= 251);
                Ok(())
            }
            Fault::OftenZero => {
                let mut other = vec![0; buffer.len()];
                right.fill(&mut other)?;
                right.fill(buffer)?;
                // One byte in eight.
                buffer
                    .iter_mut()
                    .zip(other)
                    .filter(|(_, other)| other % 8 == 0)
                    .for_each(|(byte, _)| *byte = 0);
                Ok(())
            }
            // Reads the state, and writes the next one when it is done.
            Fault::SharesState => {
                let state = self.calls();
                thread::sleep(Duration::from_micros(200));
                SeededEntropy::new(state).fill(buffer)?;
                self.set_calls(state.wrapping_add(1));
                Ok(())
            }
            Fault::FillsAtMost => right.fill(buffer),
        }
    }
}
