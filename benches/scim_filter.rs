//! What a filter and a patch of SCIM cost, from the text of a request: read, bound to the schema, and applied.
//!
//! The peer is `scim_v2`, which reads the whole grammar and binds nothing: a program of its own in `peers/`, built on demand.
//! `CIAM_BENCH_PEERS=0` leaves it out. The limit of a patch is a copy of the user.

use std::cell::RefCell;
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use ciam_benches::contest::{Contest, Rounds, is_measuring};
use ciam_benches::fixtures::Failure;
use ciam_benches::gates::{Bound, Gates};
use ciam_scim::filter::{BindPolicy, Filter};
use ciam_scim::patch::Patch;
use ciam_scim::profile::Profile;
use ciam_scim::schema::ResourceType;
use serde_json::{Map, Value, json};

const FILTERS: [(&str, &str); 3] = [
    ("simple", "userName eq \"bjensen@example.com\""),
    (
        "value path",
        "emails[type eq \"work\" and value co \"@example.com\"] or ims[type eq \"xmpp\" and value co \"@foo.com\"]",
    ),
    (
        "RFC 7644",
        "userType eq \"Employee\" and not (emails co \"example.com\" or emails.value co \"example.org\")",
    ),
];
const OURS: &str = "ciam-scim: read and bound";
const PEER: &str = "scim_v2: read";
const COPY: &str = "serde_json: a copy of the user";
const APPLIED: &str = "ciam-scim: read, bound, applied";
const ROUNDS: usize = 101;
const TURN: Duration = Duration::from_millis(5);

fn main() -> Result<(), Failure> {
    let mut gates = Gates::new();
    let kind = ResourceType::user();
    against_the_peer(&kind, &mut gates)?;
    in_linear_time(&kind, &mut gates)?;
    patches(&kind, &mut gates)?;
    if is_measuring() {
        println!("{gates}");
    }
    Ok(())
}

fn read(kind: &ResourceType, text: &str) -> bool {
    Filter::parse(black_box(text)).is_ok_and(|filter| filter.bind(kind, BindPolicy::strict()).is_ok())
}

fn against_the_peer(kind: &ResourceType, gates: &mut Gates) -> Result<(), Failure> {
    let peer = Peer::start()?.map(RefCell::new);
    for (at, (name, text)) in FILTERS.into_iter().enumerate() {
        if !read(kind, text) {
            return Err(format!("{text} is not read").into());
        }
        let mut contest = Contest::new(format!("filter, {name}")).candidate(OURS, || read(kind, text));
        if let Some(peer) = &peer {
            contest = contest.timed(PEER, move |batch| peer.borrow_mut().turn(at, batch).unwrap_or_default());
        }
        if let (Some(rounds), Some(_)) = (measured(contest), &peer) {
            // The simple filter and the value path are what was promised.
            if at < 2 {
                gates.add(
                    format!("filter, {name}: scim_v2 / ours"),
                    rounds.ratio(PEER, OURS),
                    Bound::AtLeast(10.0),
                );
            }
        }
    }
    Ok(())
}

/// The longest filters of each kind, against a simple one.
fn in_linear_time(kind: &ResourceType, gates: &mut Gates) -> Result<(), Failure> {
    let most = 64 << 10;
    let fill = |piece: &str, joint: &str| {
        let count = (most / (piece.len() + joint.len())).min(1_024);
        vec![piece; count].join(joint)
    };
    let blank = format!("userName{}pr", " ".repeat(most - 20));
    let wide = format!("userName eq \"{}\"", "a".repeat(8_000));
    for (name, text) in [
        ("1024 comparisons", fill("emails[type eq \"work\" and value co \"example.com\"]", " or ")),
        ("long values", [wide.as_str(); 8].join(" or ")),
        ("blanks", blank),
        ("open brackets", "(".repeat(most)),
        ("nots", "not (".repeat(most / 5)),
        ("dots", "a.".repeat(most / 2)),
        ("quotes", format!("userName eq \"{}", "\\\"".repeat(most / 2 - 10))),
    ] {
        let simple = FILTERS.first().map_or("", |it| it.1);
        let contest = Contest::new(format!("filter, 64 KiB, {name}"))
            .candidate("simple", || read(kind, simple))
            .candidate("64 KiB", || read(kind, &text));
        if let Some(rounds) = measured(contest) {
            gates.add(
                format!("64 KiB of {name} / simple"),
                rounds.ratio("64 KiB", "simple"),
                Bound::AtMost(2_000.0),
            );
        }
    }
    Ok(())
}

fn patches(kind: &ResourceType, gates: &mut Gates) -> Result<(), Failure> {
    let user = user()?;
    let body = json!({
        "schemas": [Patch::SCHEMA],
        "Operations": [{ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@example.org" }],
    });
    let body = body.as_object().cloned().ok_or("no object")?;
    let tolerance = Profile::Interop.tolerance();
    let whole = Value::Object(user.clone());
    let patched = RefCell::new(user);
    let turns = std::cell::Cell::new(false);
    let mut other = body.clone();
    if let Some(value) = other.get_mut("Operations").and_then(|it| it.pointer_mut("/0/value")) {
        *value = json!("c@example.org");
    }
    let apply = || {
        // Each time another value, so that each time something changes.
        turns.set(!turns.get());
        let body = if turns.get() { &body } else { &other };
        Patch::compile(black_box(body), kind, &tolerance)
            .and_then(|patch| patch.apply(kind, &mut patched.borrow_mut()))
            .is_ok()
    };
    if !apply() {
        return Err("the patch is refused".into());
    }
    let contest =
        Contest::new("patch with a value filter").candidate(COPY, || whole.clone()).candidate(APPLIED, apply);
    if let Some(rounds) = measured(contest) {
        gates.add(
            "patch with a value filter / copy of the user",
            rounds.ratio(APPLIED, COPY),
            Bound::AtMost(5.0),
        );
    }
    Ok(())
}

/// The user of RFC 7643, section 8.2, as far as it is of the core schema.
fn user() -> Result<Map<String, Value>, Failure> {
    let user = json!({
        "userName": "bjensen@example.com", "externalId": "701984",
        "name": { "formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara", "middleName": "Jane", "honorificPrefix": "Ms.", "honorificSuffix": "III" },
        "displayName": "Babs Jensen", "nickName": "Babs", "profileUrl": "https://login.example.com/bjensen",
        "emails": [{ "value": "bjensen@example.com", "type": "work", "primary": true }, { "value": "babs@jensen.org", "type": "home" }],
        "addresses": [
            { "type": "work", "streetAddress": "100 Universal City Plaza", "locality": "Hollywood", "region": "CA", "postalCode": "91608", "country": "US", "primary": true },
            { "type": "home", "streetAddress": "456 Hollywood Blvd", "locality": "Hollywood", "region": "CA", "postalCode": "91608", "country": "US" }
        ],
        "phoneNumbers": [{ "value": "555-555-5555", "type": "work" }, { "value": "555-555-4444", "type": "mobile" }],
        "userType": "Employee", "title": "Tour Guide", "preferredLanguage": "en-US", "locale": "en-US", "timezone": "America/Los_Angeles", "active": true,
    });
    Ok(user.as_object().cloned().ok_or("no object")?)
}

fn measured(contest: Contest<'_>) -> Option<Rounds> {
    if !is_measuring() {
        contest.try_out();
        return None;
    }
    let rounds = contest.measure(ROUNDS, TURN);
    println!("{}", rounds.standings());
    Some(rounds)
}

/// `scim_v2`, in a program of its own.
struct Peer {
    child: Child,
    asking: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Builds and starts it; `None`, said in a line, where that is not to be.
    fn start() -> Result<Option<Self>, Failure> {
        let wanted = std::env::var("CIAM_BENCH_PEERS").map_or(true, |it| it != "0");
        if !is_measuring() || !wanted {
            return Ok(None);
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let arguments = [
            "build",
            "--locked",
            "--quiet",
            "--release",
            "--package",
            "ciam-peer-scim",
            "--target-dir",
            "target",
        ];
        if !Command::new(cargo).args(arguments).current_dir(&folder).status()?.success() {
            println!("SKIPPED: ciam-peer-scim cannot be built here");
            return Ok(None);
        }
        let program = folder.join("target/release/ciam-peer-scim");
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let asking = child.stdin.take().ok_or("no standard input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut peer = Self { child, asking, answers };
        let filters: Vec<&str> = FILTERS.iter().map(|it| it.1).collect();
        writeln!(peer.asking, "{}", json!(filters))?;
        Ok(Some(peer))
    }

    fn turn(&mut self, at: usize, batch: u32) -> Result<Duration, Failure> {
        writeln!(self.asking, "{at} {batch}")?;
        self.asking.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(Duration::from_nanos(line.trim().parse()?))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
