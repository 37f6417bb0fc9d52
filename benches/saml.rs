//! What it costs to accept a SAML response, to issue one, and to refuse what is hostile.
//!
//! A response of 5.6 KB with a signed assertion (RSA with 2048 bits, SHA-256) is accepted from the posted form to the typed
//! result: base64, one parse, structure, two canonical forms, digest, signature, the profile's checks. Port calls are
//! excluded: the store remembers nothing and answers at once. libxmlsec1, in a C program of its own, parses and verifies the
//! same bytes with a key that is loaded, and checks nothing else.

use std::cell::RefCell;
use std::future::Future;
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::pin::pin;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ciam_benches::contest::{Contest, is_measuring};
use ciam_benches::fixtures::Failure;
use ciam_benches::gates::{Bound, Gates};
use ciam_benches::raw::Backend;
use ciam_core::crypto::{self, Crypto};
use ciam_core::ephemeral::{Ephemeral, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_saml::binding::PostMessage;
use ciam_saml::cert;
use ciam_saml::dsig::{SignatureAlgorithm, Signer, TrustedKey, TrustedKeys};
use ciam_saml::idp::{IdentityProvider, IdentityProviderConfig, Person, SignOn, SpPartner};
use ciam_saml::model::Attribute;
use ciam_saml::names::ATTRNAME_URI;
use ciam_saml::sp::{IdpPartner, ServiceProvider, ServiceProviderConfig};
use ciam_saml::xml::{Doc, Limits};
use time::macros::datetime;

const IDP: &str = "https://idp.example/metadata";
const SP: &str = "https://sp.example/metadata";
const ACS: &str = "https://sp.example/saml/acs";
const ALGORITHM: SignatureAlgorithm = SignatureAlgorithm::RsaSha256;

fn main() -> Result<(), Failure> {
    let mut gates = Gates::new();
    for backend in [Backend::Ring, Backend::AwsLc] {
        accept_and_issue(backend, &mut gates)?;
    }
    hostile(&mut gates)?;
    if is_measuring() {
        println!("{gates}");
    }
    Ok(())
}

fn accept_and_issue(backend: Backend, gates: &mut Gates) -> Result<(), Failure> {
    let world = World::new(backend)?;
    let (message, signature) = (vec![7_u8; 4096], world.sign(&[7; 4096])?);
    let key = world.crypto.verifying_key(ALGORITHM.scheme(), &world.public)?;
    let xmlsec = Peer::start(&world).map(RefCell::new);
    let (name, raw) = (backend.name(), format!("{}: the signature alone", backend.name()));
    let accepts = || {
        let message = PostMessage::parse(black_box(world.form.as_bytes()));
        message.map(|message| now(world.sp.accept(None, &message)).is_some_and(|it| it.is_ok()))
    };
    if accepts().ok() != Some(true) {
        return Err("the response is not accepted".into());
    }
    let title = format!("accept a response of {} bytes, {name}", world.response.len());
    let mut contest = Contest::new(&*title)
        .candidate(&*raw, || key.verify(black_box(&message), black_box(&signature)).is_ok())
        .candidate("ciam-saml: accept", &accepts);
    if let Ok(peer) = &xmlsec {
        contest = contest.timed("libxmlsec1: parse and verify", |batch| {
            peer.borrow_mut().turn(batch).unwrap_or(Duration::MAX)
        });
    }
    let signer = world.crypto.signing_key(ALGORITHM.scheme(), world.pkcs8.expose())?;
    let raw_sign = format!("{name}: the signature alone, signing");
    let issue = Contest::new(format!("issue a response, {name}"))
        .candidate(&*raw_sign, || signer.sign(black_box(&message)).is_ok())
        .candidate("ciam-saml: issue", || {
            now(world.idp.issue(&world.sign_on, &world.person)).is_some_and(|it| it.is_ok())
        });
    if !is_measuring() {
        contest.try_out();
        issue.try_out();
        return Ok(());
    }
    let rounds = contest.measure(101, Duration::from_millis(10));
    println!("{}", rounds.standings());
    gates.add(
        format!("accept, in raw checks on {name}"),
        rounds.ratio("ciam-saml: accept", &raw),
        Bound::AtMost(3.0),
    );
    match xmlsec {
        Ok(_) => gates.add(
            format!("libxmlsec1 in our accepts on {name}"),
            rounds.ratio("libxmlsec1: parse and verify", "ciam-saml: accept"),
            Bound::AtLeast(1.7),
        ),
        Err(problem) => println!("SKIPPED: libxmlsec1 cannot be built here: {problem}"),
    }
    let rounds = issue.measure(41, Duration::from_millis(20));
    println!("{}", rounds.standings());
    gates.add(
        format!("issue, in raw signatures on {name}"),
        rounds.ratio("ciam-saml: issue", &raw_sign),
        Bound::AtMost(1.15),
    );
    Ok(())
}

/// Both providers and a response.
struct World {
    crypto: Arc<dyn Crypto>,
    pkcs8: SecretBytes,
    public: crypto::PublicKey,
    certificate: Vec<u8>,
    sp: ServiceProvider,
    idp: IdentityProvider,
    sign_on: SignOn,
    person: Person,
    response: Vec<u8>,
    form: String,
}

impl World {
    fn new(backend: Backend) -> Result<Self, Failure> {
        let crypto = backend.crypto();
        // `ring` signs with RSA, and does not make keys.
        let pkcs8 = crypto::aws_lc_rs().generate_signing_key(ALGORITHM.scheme())?;
        let (begin, end) = (datetime!(2025-01-01 0:00 UTC), datetime!(2035-01-01 0:00 UTC));
        let certificate = cert::self_signed(&*crypto, ALGORITHM, pkcs8.expose(), "bench", begin, end)?;
        let public = crypto.signing_key(ALGORITHM.scheme(), pkcs8.expose())?.public_key().clone();
        let ports = memory::ports().with_crypto(crypto.clone()).with_ephemeral(Arc::new(Forgetful));
        let (sp, idp) = providers(&ports, &pkcs8, &certificate)?;
        let attribute = |index: usize| {
            Attribute::new(
                format!("urn:oid:1.3.6.1.4.1.99999.{index}"),
                ATTRNAME_URI,
                ["a value that says something"],
            )
        };
        let person = Person::new(
            "account",
            "session",
            ports.now(),
            "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
        )
        .with_email("ada@example.com")
        .with_attributes((0..9).map(attribute).chain([Attribute::new(
            "mail",
            ATTRNAME_URI,
            ["ada@example.com"],
        )]));
        let sign_on = idp.start(SP)?;
        let issued = now(idp.issue(&sign_on, &person)).ok_or("it waits")??;
        let message = issued.outgoing.form().ok_or("no form")?.message.clone();
        let response = STANDARD.decode(&message)?;
        let form =
            format!("SAMLResponse={}", message.replace('+', "%2B").replace('=', "%3D").replace('/', "%2F"));
        Ok(Self { crypto, pkcs8, public, certificate, sp, idp, sign_on, person, response, form })
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let key = self.crypto.signing_key(ALGORITHM.scheme(), self.pkcs8.expose())?;
        Ok(key.sign(message)?)
    }
}

fn providers(
    ports: &Ports,
    pkcs8: &SecretBytes,
    certificate: &[u8],
) -> Result<(ServiceProvider, IdentityProvider), Failure> {
    let crypto = ports.crypto();
    let keys = TrustedKeys::new(vec![TrustedKey::from_certificate(crypto, certificate)?])?;
    let partner = IdpPartner::new(IDP, keys).dangerous_allow_unsolicited();
    let sp = ServiceProvider::new(ports.clone(), ServiceProviderConfig::new(SP, ACS), [partner]);
    let signer = Signer::new(crypto, ALGORITHM, pkcs8.expose(), certificate.to_vec())?;
    let config = IdentityProviderConfig::new(IDP, "https://idp.example/sso", signer);
    let names = (0..9).map(|index| format!("urn:oid:1.3.6.1.4.1.99999.{index}")).chain(["mail".to_owned()]);
    let service = SpPartner::new(SP, ACS)?.with_unsolicited().with_released(names);
    let idp = IdentityProvider::new(ports.clone(), config, &SecretBytes::new(vec![1; 32]), [service])?;
    Ok((sp, idp))
}

/// A store that remembers nothing, so that its calls cost nothing and one response can be accepted again and again.
#[derive(Debug)]
struct Forgetful;

#[async_trait]
impl Ephemeral for Forgetful {
    async fn put(&self, _: &EphemeralKey, _: Vec<u8>, _: time::Duration) -> Result<(), PortError> {
        Ok(())
    }

    async fn get(&self, _: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        Ok(None)
    }

    async fn take(&self, _: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        Ok(None)
    }

    async fn put_if_absent(
        &self,
        _: &EphemeralKey,
        _: Vec<u8>,
        _: time::Duration,
    ) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn increment(&self, _: &EphemeralKey, _: time::Duration) -> Result<u64, PortError> {
        Ok(1)
    }

    async fn compare_and_swap(
        &self,
        _: &EphemeralKey,
        _: &[u8],
        _: Vec<u8>,
        _: time::Duration,
    ) -> Result<bool, PortError> {
        Ok(true)
    }
}

/// The result of what waits for nothing.
fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// libxmlsec1, in another process.
struct Peer {
    child: Child,
    asking: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start(world: &World) -> Result<Self, Failure> {
        if !is_measuring() || std::env::var("CIAM_BENCH_PEERS").is_ok_and(|wanted| wanted == "0") {
            return Err("it is left out".into());
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/target");
        std::fs::create_dir_all(&folder)?;
        let (program, key, xml) = (folder.join("xmlsec"), folder.join("saml.pem"), folder.join("saml.xml"));
        let flags =
            Command::new("xmlsec1-config").args(["--crypto=openssl", "--cflags", "--libs"]).output()?;
        let flags = String::from_utf8(flags.stdout)?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/xmlsec/verify.c");
        let mut compiler = Command::new("cc");
        compiler.arg("-O2").arg("-o").arg(&program).arg(source).args(flags.split_whitespace());
        if !compiler.status()?.success() {
            return Err("the build failed".into());
        }
        let encoded = STANDARD.encode(&world.certificate);
        std::fs::write(&key, format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n"))?;
        std::fs::write(&xml, &world.response)?;
        let mut command = Command::new(&program);
        let mut child = command.arg(&key).arg(&xml).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let asking = child.stdin.take().ok_or("no input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut peer = Self { child, asking, answers };
        if peer.line()?.trim() == "ready" { Ok(peer) } else { Err("it does not accept the response".into()) }
    }

    fn turn(&mut self, batch: u32) -> Result<Duration, Failure> {
        writeln!(self.asking, "{batch}")?;
        self.asking.flush()?;
        Ok(Duration::from_nanos(self.line()?.trim().parse()?))
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 { Err("it has ended".into()) } else { Ok(line) }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// What is meant to be slow: documents of nearly 256 KiB, each to be refused, or read, in under 5 ms.
fn hostile(gates: &mut Gates) -> Result<(), Failure> {
    for (what, xml) in floods() {
        if xml.len() > Limits::MESSAGE.bytes {
            return Err(format!("{what} has {} bytes", xml.len()).into());
        }
        let world_form =
            format!("SAMLResponse={}", STANDARD.encode(&xml).replace('+', "%2B").replace('=', "%3D"));
        let mut best = f64::MAX;
        for _ in 0..if is_measuring() { 21 } else { 1 } {
            let begin = Instant::now();
            let message = PostMessage::parse(black_box(world_form.as_bytes()))?;
            let doc = Doc::parse(message.xml(ciam_saml::binding::Direction::Response)?, Limits::MESSAGE);
            black_box(doc.is_ok());
            best = best.min(begin.elapsed().as_secs_f64() * 1e3);
        }
        gates.add(format!("hostile, {what}: milliseconds"), best, Bound::AtMost(5.0));
    }
    Ok(())
}

fn floods() -> Vec<(&'static str, String)> {
    let whole = Limits::MESSAGE.bytes - 64;
    let many = |one: &str, around: usize| one.repeat((whole - around) / one.len());
    let numbered = |count: usize, of: &dyn Fn(usize) -> String| (0..count).map(of).collect::<String>();
    vec![
        ("deeply nested", many("<a>", 0)),
        ("many elements", format!("<a>{}</a>", many("<b/>", 7))),
        ("attributes of one element", format!("<a{}/>", numbered(18_000, &|i| format!(" a{i}=\"\"")))),
        (
            "namespaces of one element",
            format!("<a{}/>", numbered(9_000, &|i| format!(" xmlns:a{i}=\"urn:{i}\""))),
        ),
        ("namespaces in scope", {
            let parent = numbered(31, &|i| format!(" xmlns:a{i}=\"urn:{i}\""));
            format!("<a{parent}>{}</a>", many("<a30:b xmlns:z=\"urn:z\" c=\"\"></a30:b>", parent.len() + 8))
        }),
        ("nested namespaces", numbered(6_000, &|i| format!("<a xmlns:a{i}=\"urn:{i}\">"))),
        ("references", format!("<a>{}</a>", many("&#x61;", 7))),
        ("comments", format!("<a>{}</a>", many("<!---->", 7))),
        ("sections", format!("<a>{}</a>", many("<![CDATA[]]>", 7))),
        ("identifiers", format!("<a>{}</a>", numbered(13_000, &|i| format!("<b ID=\"_{i}\"/>")))),
        ("one long value", format!("<a b=\"{}\"/>", "x".repeat(whole - 16))),
        ("one long text", format!("<a>{}</a>", "x".repeat(whole - 16))),
        ("an unclosed tag", format!("<{}", "a".repeat(whole))),
    ]
}
