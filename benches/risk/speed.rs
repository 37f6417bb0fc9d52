//! How long an assessment takes of an account of which fifty things are known, with everything in memory.

use std::sync::Arc;
use std::time::Instant;

use ciam_core::account::Account;
use ciam_core::assurance::{Amr, AuthenticationContext, FactorKind, Proof};
use ciam_core::id::{AccountId, SessionId};
use ciam_core::memory;
use ciam_core::place::Place;
use ciam_core::risk::{Confirmed, Observation, RiskAction, RiskEngine as _};
use ciam_core::secret::TokenDigest;
use ciam_core::session::Session;
use ciam_mfa::risk::{AdaptiveRisk, Coordinates, NetworkFacts, NetworkKind, NetworkTable};
use time::Duration;
use uuid::Uuid;

use crate::Failure;

const BROWSERS: [&str; 4] = [
    "Firefox/145.0 (X11; Linux)",
    "Chrome/142.0 (Windows NT 10.0)",
    "Safari/605 (iPhone)",
    "Edg/142 (Windows NT)",
];

/// The median of many, in microseconds.
pub(crate) async fn assessment(measuring: bool) -> Result<f64, Failure> {
    let ports = memory::ports();
    let mut table = NetworkTable::new();
    for number in 0..12_u8 {
        let facts = NetworkFacts::new()
            .with_system(u32::from(number % 8))
            .with_kind(NetworkKind::Home)
            .with_place(
                Place::country(format!("{}X", char::from(b'A' + number % 8)))
                    .with_city(format!("City {number}")),
            )
            .with_coordinates(Coordinates::new(45.0 + f64::from(number), 4.8));
        table = table.with([10, number, 0, 0].into(), 16, facts);
    }
    let engine = AdaptiveRisk::new(&ports).with_networks(Arc::new(table));
    let account = Account::new(AccountId::from_uuid(Uuid::from_u128(9)), ports.now());
    let look = |number: u8| {
        let browser = usize::from(number) % BROWSERS.len();
        Observation::new(RiskAction::SignIn, Some(account.id), [10, number % 12, number, 7].into())
            .with_user_agent(BROWSERS.get(browser).map(|text| (*text).to_owned()))
            .with_epoch(Some(0))
            .with_browser(TokenDigest::of(&format!("{number}")), None)
    };
    // 12 devices, 16 networks, 8 operators, 8 countries, 12 cities and 4 kinds of browsers: 60.
    for number in 0..24 {
        let assessment = engine.assess(&look(number)).await?;
        let proof = |amr, kind| Proof::new(amr, [kind], ports.now());
        let proofs = [proof(Amr::PASSWORD, FactorKind::Knowledge), proof(Amr::OTP, FactorKind::Possession)];
        let (now, id) = (ports.now(), SessionId::from_uuid(Uuid::from_u128(1)));
        let context = AuthenticationContext::new(proofs);
        let session =
            Session::new(id, account.id, TokenDigest::of("s"), context, now, now + Duration::days(1));
        let learned = engine.learn(&Confirmed::new(&account, &session, &assessment))?;
        if !ports.store().commit(learned).await?.is_applied() {
            return Err("what was learned was refused".into());
        }
    }
    let observation = look(23);
    let (batches, each) = if measuring { (400, 250) } else { (1, 1) };
    let mut times = Vec::with_capacity(batches);
    for _ in 0..batches {
        let began = Instant::now();
        for _ in 0..each {
            std::hint::black_box(engine.assess(std::hint::black_box(&observation)).await?);
        }
        times.push(began.elapsed().as_secs_f64() * 1e6 / f64::from(each));
    }
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
    println!("an assessment with 60 stored signals, in memory: {median:.1} µs (median)");
    Ok(median)
}
