//! Broken checks: a number is to be added to itself, by a service that may be down.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::human_check::HumanCheckHarness;
use super::Faulty;
use crate::abuse::{HumanChallenge, HumanCheck};
use crate::error::PortError;
use crate::ports::Ports;

/// One wrong decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NameChanges,
    NameWithSpaces,
    RefusesEverybody,
    StateIsLost,
    EmptyPasses,
    PrefixPasses,
    StatePasses,
    OneChallenge,
    AnyAnswerOfItsOwn,
    NullIsPassed,
    UnknownIsPassed,
    SilencePasses,
    SilenceRefuses,
}

/// Each fault with the clause that it breaks.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::NameChanges, "name.stable"),
    (Fault::NameWithSpaces, "name.stable"),
    (Fault::RefusesEverybody, "verify.right"),
    (Fault::StateIsLost, "verify.right"),
    (Fault::EmptyPasses, "verify.wrong"),
    (Fault::PrefixPasses, "verify.wrong"),
    (Fault::StatePasses, "verify.wrong"),
    (Fault::OneChallenge, "verify.once"),
    (Fault::AnyAnswerOfItsOwn, "verify.once"),
    (Fault::NullIsPassed, "verify.state"),
    (Fault::UnknownIsPassed, "verify.state"),
    (Fault::SilencePasses, "verify.outage"),
    (Fault::SilenceRefuses, "verify.outage"),
];

/// Every fault, in a check of its own.
pub(super) fn checks() -> Vec<Faulty<dyn HumanCheckHarness>> {
    let faulty = |(fault, breaks): &(Fault, &'static str)| {
        let fault = *fault;
        let make = move || -> Box<dyn HumanCheckHarness> { Box::new(Harness::new(fault)) };
        Faulty::new(format!("{fault:?}"), breaks, make)
    };
    FAULTS.iter().map(faulty).collect()
}

#[derive(Debug)]
struct Harness {
    check: Arc<Broken>,
    down: Arc<Broken>,
    ports: Ports,
}

impl Harness {
    fn new(fault: Fault) -> Self {
        let of = |down| Arc::new(Broken { fault, down, asked: AtomicU64::new(1), answers: Mutex::default() });
        Self { check: of(false), down: of(true), ports: crate::memory::ports() }
    }
}

#[async_trait]
impl HumanCheckHarness for Harness {
    fn check(&self) -> Arc<dyn HumanCheck> {
        self.check.clone()
    }

    fn ports(&self) -> &Ports {
        &self.ports
    }

    async fn solve(&self, public: &Value) -> String {
        let answer = public.get("number").and_then(Value::as_u64).map(|number| number * 2);
        answer.map(|answer| answer.to_string()).unwrap_or_default()
    }

    fn out_of_reach(&self) -> Option<(Arc<dyn HumanCheck>, Ports)> {
        Some((self.down.clone(), self.ports.clone()))
    }
}

#[derive(Debug)]
struct Broken {
    fault: Fault,
    down: bool,
    asked: AtomicU64,
    answers: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl HumanCheck for Broken {
    fn name(&self) -> &'static str {
        match self.fault {
            Fault::NameChanges if self.asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) => "even",
            Fault::NameWithSpaces => "add the numbers",
            _ => "addition",
        }
    }

    async fn challenge(&self, _: &Ports) -> Result<HumanChallenge, PortError> {
        let number = match self.fault {
            Fault::OneChallenge => 7_000_000,
            _ => 7_000_000 + self.asked.fetch_add(1, Ordering::SeqCst),
        };
        let answer = (number * 2).to_string();
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(answer);
        let state = if self.fault == Fault::StateIsLost { Value::Null } else { json!({ "number": number }) };
        Ok(HumanChallenge::new(json!({ "number": number }), state))
    }

    async fn verify(&self, _: &Ports, state: &Value, answer: &str, _: IpAddr) -> Result<bool, PortError> {
        if self.down {
            return match self.fault {
                Fault::SilencePasses => Ok(true),
                Fault::SilenceRefuses => Ok(false),
                _ => Err(PortError::transient("the service is down")),
            };
        }
        let known =
            |answer: &str| self.answers.lock().unwrap_or_else(PoisonError::into_inner).contains(answer);
        let Some(number) = state.get("number").and_then(Value::as_u64) else {
            return Ok(match self.fault {
                Fault::NullIsPassed => state.is_null() && known(answer),
                Fault::UnknownIsPassed => !state.is_null() && known(answer),
                _ => false,
            });
        };
        let right = (number * 2).to_string();
        Ok(match self.fault {
            Fault::RefusesEverybody => false,
            Fault::EmptyPasses if answer.is_empty() => true,
            Fault::PrefixPasses => answer.starts_with(&right),
            Fault::StatePasses if serde_json::from_str(answer).is_ok_and(|it: Value| it == *state) => true,
            Fault::AnyAnswerOfItsOwn => known(answer),
            _ => answer == right,
        })
    }
}
