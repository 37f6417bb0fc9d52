//! Tokens that are seen for the first time: what accepting one adds to the check of its signature.

use std::hint::black_box;
use std::time::Duration;

use ciam_core::jose::{Algorithm as Jose, AlgorithmSet, JwkSetLimits, KeySet, PublicJwkSet, VerificationKey};
use ciam_core::secret::SecretBytes;
use ciam_oauth::validate::Validator;
use time::OffsetDateTime;

use crate::contest::{Contest, Rounds};
use crate::fixtures::{ASYMMETRIC, AUDIENCE, Algorithm, Failure, ISSUED_AT, ISSUER, Key, decode};
use crate::gates::{Bound, Gates};
use crate::peer::Decoder;
use crate::peer_programs::PeerCandidate;
use crate::raw::{BACKENDS, Backend};

/// By how much the signature may be exceeded, in checks of RS256 on `ring`.
const OVERHEAD: Bound = Bound::AtMost(0.12);
/// How much faster a peer on the same code may be.
const SAME_PRIMITIVE: Bound = Bound::AtMost(1.03);
/// How many times `jsonwebtoken`'s speed HS256 must have.
const HS256: Bound = Bound::AtLeast(2.2);
/// The same for RS256, both on `aws-lc-rs`.
const RS256_AWS_LC: Bound = Bound::AtLeast(1.2);
/// How often an accepted token may allocate.
const ALLOCATIONS: Bound = Bound::AtMost(5.0);

const ROUNDS: usize = 151;
const TURN: Duration = Duration::from_millis(5);
const UNIT: &str = "ring: the RS256 signature alone";
/// How often what validation adds is looked at, and for how long: one operation, if it is a slow one.
const CLOSE_ROUNDS: usize = 2001;
const CLOSE_TAKE: Duration = Duration::from_micros(200);

/// All algorithms, those with a public key first.
pub fn algorithms() -> impl Iterator<Item = Algorithm> {
    ASYMMETRIC.into_iter().chain([Algorithm::Hs256])
}

/// A key, its token, and a validator on each backend that accepts it.
#[derive(Debug)]
pub struct Setting {
    /// The key.
    pub key: Key,
    /// An access token that it signed.
    pub token: String,
    /// When it is looked at.
    pub now: OffsetDateTime,
    validators: [Validator; 2],
}

impl Setting {
    /// With a new key.
    ///
    /// # Errors
    ///
    /// Fails when a validator does not accept the token.
    pub fn new(algorithm: Algorithm) -> Result<Self, Failure> {
        let key = Key::generate(algorithm)?;
        let token = key.access_token()?;
        let now = OffsetDateTime::from_unix_timestamp(ISSUED_AT)? + time::Duration::minutes(5);
        let [ring, aws_lc] = BACKENDS;
        let validators = [validator(ring, &key)?, validator(aws_lc, &key)?];
        let setting = Self { key, token, now, validators };
        for backend in BACKENDS {
            setting.validator(backend).validate(&setting.token, now)?;
        }
        Ok(setting)
    }

    /// The validator on a backend.
    pub const fn validator(&self, backend: Backend) -> &Validator {
        let [ring, aws_lc] = &self.validators;
        match backend {
            Backend::Ring => ring,
            Backend::AwsLc => aws_lc,
        }
    }

    /// What is signed, and the signature.
    ///
    /// # Errors
    ///
    /// Fails when the token is none.
    pub fn signed(&self) -> Result<(&str, Vec<u8>), Failure> {
        let (message, signature) = self.token.rsplit_once('.').ok_or("no signature")?;
        Ok((message, decode(signature)?))
    }
}

/// A validator as a resource server has it.
///
/// # Errors
///
/// Fails when the backend refuses the key.
pub fn validator(backend: Backend, key: &Key) -> Result<Validator, Failure> {
    let crypto = backend.crypto();
    if key.algorithm == Algorithm::Hs256 {
        let secret = SecretBytes::new(key.public.clone());
        let keys = KeySet::from(VerificationKey::from_secret(&*crypto, &secret, Some(&key.kid))?);
        let validator = Validator::new(ISSUER.parse()?, AUDIENCE, keys);
        return Ok(validator.with_algorithms(AlgorithmSet::of(&[Jose::Hs256])));
    }
    let jwks = serde_json::json!({"keys": [key.jwk()?]}).to_string();
    let keys = KeySet::from_jwks(&*crypto, &PublicJwkSet::parse(&jwks, &JwkSetLimits::default())?)?;
    Ok(Validator::new(ISSUER.parse()?, AUDIENCE, keys))
}

/// Lets the signature alone, ourselves and the peers take turns, for each algorithm. Prints the standings and adds the rows of
/// what was promised.
///
/// # Errors
///
/// Fails when somebody does not accept the token.
pub fn contests(
    settings: &[Setting],
    peers: &[PeerCandidate],
    measuring: bool,
    gates: &mut Gates,
) -> Result<(), Failure> {
    let unit = settings.iter().find(|setting| setting.key.algorithm == Algorithm::Rs256).ok_or("no RS256")?;
    for setting in settings {
        let name = setting.key.algorithm.name();
        let peers: Vec<_> = peers.iter().filter(|peer| peer.algorithm == name).collect();
        let contest = contest(setting, unit, &peers)?;
        if measuring {
            let rounds = contest.measure(ROUNDS, TURN);
            println!("{}", rounds.standings());
            for backend in BACKENDS.into_iter().filter(|_| setting.key.algorithm != Algorithm::Hs256) {
                judge_added(setting.key.algorithm, backend, added(setting, unit, backend)?, gates);
            }
            judge(setting.key.algorithm, &rounds, &peers, gates);
        } else {
            contest.try_out();
        }
    }
    Ok(())
}

fn contest<'a>(
    setting: &'a Setting,
    unit: &'a Setting,
    peers: &[&PeerCandidate],
) -> Result<Contest<'a>, Failure> {
    let mut contest = Contest::new(format!("accept an access token, {}", setting.key.algorithm.name()));
    contest = signature_alone(contest, UNIT, Backend::Ring, unit)?;
    for backend in BACKENDS {
        let (validator, token, now) = (setting.validator(backend), setting.token.as_str(), setting.now);
        contest = signature_alone(contest, &raw(backend), backend, setting)?
            .candidate(ours(backend), move || validator.validate(black_box(token), now));
    }
    let peer = Decoder::new(&setting.key);
    peer.decode(&setting.token)?;
    contest = contest.candidate(IN_HERE, move || peer.decode(black_box(&setting.token)));
    for peer in peers {
        let (name, peer) = (theirs(peer), PeerCandidate::clone(peer));
        // A program that has died is infinitely slow.
        contest = contest.timed(name, move |batch| peer.turn(batch).unwrap_or(Duration::MAX));
    }
    Ok(contest)
}

/// What validation adds to the signature, in raw checks of RS256 on `ring`. It is a small difference between two large numbers, so
/// the three are measured next to each other.
fn added(setting: &Setting, unit: &Setting, backend: Backend) -> Result<f64, Failure> {
    let (validator, token, now) = (setting.validator(backend), setting.token.as_str(), setting.now);
    let contest = signature_alone(Contest::new("added"), UNIT, Backend::Ring, unit)?;
    let contest = signature_alone(contest, &raw(backend), backend, setting)?
        .candidate(ours(backend), move || validator.validate(black_box(token), now));
    let rounds = contest.measure_closely(CLOSE_ROUNDS, CLOSE_TAKE);
    Ok(rounds.excess(&ours(backend), &raw(backend), UNIT))
}

fn judge_added(algorithm: Algorithm, backend: Backend, added: f64, gates: &mut Gates) {
    let (name, on) = (algorithm.name(), backend.name());
    gates.add(format!("cold, {name} on {on}: added to the signature, in raw RS256"), added, OVERHEAD);
}

fn signature_alone<'a>(
    contest: Contest<'a>,
    name: &str,
    backend: Backend,
    setting: &'a Setting,
) -> Result<Contest<'a>, Failure> {
    let check = backend.check(&setting.key)?;
    let (message, signature) = setting.signed()?;
    if !check(message.as_bytes(), &signature) {
        return Err("the floor does not hold".into());
    }
    Ok(contest.candidate(name, move || check(black_box(message.as_bytes()), &signature)))
}

fn judge(algorithm: Algorithm, rounds: &Rounds, peers: &[&PeerCandidate], gates: &mut Gates) {
    let name = algorithm.name();
    for backend in BACKENDS {
        let (ours, on) = (ours(backend), backend.name());
        let in_here = (backend == Backend::Ring).then(|| IN_HERE.to_owned());
        let same = peers.iter().filter(|peer| peer.primitive == on).map(|peer| theirs(peer));
        for peer in in_here.into_iter().chain(same) {
            let ratio = rounds.ratio(&ours, &peer);
            gates.add(format!("cold, {name} on {on}: to {peer}"), ratio, SAME_PRIMITIVE);
        }
    }
    let (bound, backends, wanted): (_, &[Backend], _) = match algorithm {
        Algorithm::Hs256 => (HS256, &BACKENDS, ["aws-lc", "Rust code"].as_slice()),
        Algorithm::Rs256 => (RS256_AWS_LC, &[Backend::AwsLc], ["aws-lc"].as_slice()),
        _ => return,
    };
    for backend in backends {
        for primitive in wanted {
            let peer =
                peers.iter().find(|it| it.name.starts_with(JSONWEBTOKEN) && it.primitive == *primitive);
            let speed = peer.map_or(f64::NAN, |peer| rounds.ratio(&theirs(peer), &ours(*backend)));
            let on = backend.name();
            gates.add(format!("{name} on {on}: times as fast as jsonwebtoken 11, {primitive}"), speed, bound);
        }
    }
}

/// Adds the rows about allocations: ours as they were counted elsewhere, by algorithm and backend. Prints the peers'.
///
/// # Errors
///
/// Fails when a peer's program does.
pub fn judge_allocations(
    counted: &[(String, u64)],
    peers: &[PeerCandidate],
    gates: &mut Gates,
) -> Result<(), Failure> {
    println!("\nallocations of accepting a token");
    for (name, count) in counted {
        println!("  {name:<42} {count:>12}");
        let bound = if name.starts_with("cached") { Bound::AtMost(0.0) } else { ALLOCATIONS };
        gates.add(format!("{name}: allocations"), *count as f64, bound);
    }
    for peer in peers.iter().filter(|peer| matches!(&*peer.algorithm, "RS256" | "HS256")) {
        let name = format!("{}, {}", theirs(peer), peer.algorithm);
        println!("  {name:<42} {:>12}", peer.allocations()?);
    }
    Ok(())
}

const JSONWEBTOKEN: &str = "jsonwebtoken";
const IN_HERE: &str = "jsonwebtoken 11 (ring)";

fn raw(backend: Backend) -> String {
    format!("{}: the signature alone", backend.name())
}

fn ours(backend: Backend) -> String {
    format!("ciam-oauth ({})", backend.name())
}

fn theirs(peer: &PeerCandidate) -> String {
    format!("{} ({})", peer.name, peer.primitive)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounds in which everybody takes the microseconds that they are given.
    fn rounds(times: &[(&str, u64)]) -> Rounds {
        let contest = times.iter().fold(Contest::new("told"), |contest, (name, micros)| {
            contest.timed(*name, move |batch| Duration::from_micros(*micros) * batch)
        });
        contest.measure(3, TURN)
    }

    fn row(gates: &Gates, what: &str) -> String {
        let table = gates.to_string();
        table
            .lines()
            .find(|line| line.contains(what))
            .unwrap_or_else(|| panic!("{what} is not in {table}"))
            .to_owned()
    }

    #[test]
    fn what_is_added_is_judged_on_each_backend() {
        let mut gates = Gates::new();
        judge_added(Algorithm::Es384, Backend::Ring, 0.12, &mut gates);
        judge_added(Algorithm::Es384, Backend::AwsLc, 0.15, &mut gates);
        judge_added(Algorithm::Rs256, Backend::Ring, f64::NAN, &mut gates);
        assert!(row(&gates, "ES384 on ring").starts_with("PASS"));
        assert!(row(&gates, "ES384 on aws-lc").ends_with("misses it by 25.0 %"));
        assert!(row(&gates, "RS256 on ring").starts_with("MISS"));
    }

    #[test]
    fn a_peer_on_the_same_code_may_not_be_faster() {
        for (ours_takes, verdict) in [(100, "PASS"), (103, "PASS"), (104, "MISS")] {
            let mut gates = Gates::new();
            let times = [(ours(Backend::Ring), ours_takes), (IN_HERE.to_owned(), 100)];
            let times: Vec<_> = times.iter().map(|(name, time)| (name.as_str(), *time)).collect();
            judge(Algorithm::Es256, &rounds(&times), &[], &mut gates);
            assert!(row(&gates, "ES256 on ring: to jsonwebtoken").starts_with(verdict), "{ours_takes}");
        }
    }

    /// A promise that is about somebody who is not there is not kept.
    #[test]
    fn without_the_peer_a_promise_is_not_kept() {
        for algorithm in [Algorithm::Hs256, Algorithm::Rs256] {
            let mut gates = Gates::new();
            judge(
                algorithm,
                &rounds(&[(&ours(Backend::Ring), 1), (&ours(Backend::AwsLc), 1)]),
                &[],
                &mut gates,
            );
            assert!(row(&gates, "times as fast as jsonwebtoken 11, aws-lc").ends_with("was not measured"));
        }
    }

    #[test]
    fn allocations_are_judged_with_a_limit_of_their_own_when_the_token_is_known() {
        let mut gates = Gates::new();
        let counted = [("cold, A", 5), ("cold, B", 6), ("cached", 0), ("cached, digest", 1)];
        let counted = counted.map(|(name, count)| (name.to_owned(), count));
        judge_allocations(&counted, &[], &mut gates).unwrap();
        for (name, verdict) in
            [("cold, A:", "PASS"), ("cold, B:", "MISS"), ("cached:", "PASS"), ("cached, digest:", "MISS")]
        {
            assert!(row(&gates, name).starts_with(verdict), "{name}");
        }
    }

    #[test]
    fn every_algorithm_has_a_token_that_both_backends_accept() {
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
            let setting = Setting::new(algorithm).unwrap();
            let late = OffsetDateTime::from_unix_timestamp(crate::fixtures::EXPIRES_AT).unwrap()
                + time::Duration::hours(2);
            for backend in BACKENDS {
                setting.validator(backend).validate(&setting.token, setting.now).unwrap();
                assert!(setting.validator(backend).validate(&setting.token, late).is_err(), "{algorithm:?}");
            }
        }
    }
}
