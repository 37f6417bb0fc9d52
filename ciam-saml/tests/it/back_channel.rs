//! SAML bindings, sections 3.2 and 3.6: messages that go from server to server, over the outbound HTTP port.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use ciam_core::clock::Clock as _;
use ciam_core::entropy::SystemEntropy;
use ciam_core::error::PortError;
use ciam_core::http::BrowserId;
use ciam_core::memory;
use ciam_core::outbound::{HttpClient, OutboundError, OutboundRequest};
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::testkit::ManualClock;
use ciam_saml::binding::{ArtifactMessage, RedirectMessage, SoapError, SoapMessage, SoapReply};
use ciam_saml::idp::{
    IdentityProvider, IdentityProviderConfig, Person, RequestRefused, ResolveRefused, SignOn, SpPartner,
};
use ciam_saml::logout::LogoutError;
use ciam_saml::metadata::EntityDescriptor;
use ciam_saml::model::{Status, StatusCode};
use ciam_saml::sp::{Accepted, IdpPartner, Reject, ServiceProvider, ServiceProviderConfig, Start};
use ciam_saml::transport::{Binding, Incoming, Outgoing};
use time::Duration;

use crate::sealed::SP_KEY;
use crate::support::*;
use crate::world::{ACS, ARTIFACTS, IDP_ID, PASSWORD, SP, SP_SOAP, block_on};

const SSO: &str = "https://idp.example/sso";
const IDP_SOAP: &str = "https://idp.example/soap";
const SECOND: &str = "https://second.example/metadata";
const SECOND_SOAP: &str = "https://second.example/soap";
const THIRD: &str = "https://third.example/metadata";

/// The way between the servers: what each address answers.
#[derive(Default)]
struct Wire {
    servers: OnceLock<(IdentityProvider, BTreeMap<String, ServiceProvider>)>,
    /// What an address answers instead.
    instead: Mutex<BTreeMap<String, http::Response<Bytes>>>,
    sent: Mutex<Vec<String>>,
    /// Services say that they did not end a session.
    refusing: AtomicBool,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

#[async_trait]
impl HttpClient for Wire {
    async fn resolve(&self, _host: &str, port: u16) -> Result<Vec<SocketAddr>, PortError> {
        Ok(vec![SocketAddr::from(([8, 8, 8, 8], port))])
    }

    async fn send(&self, request: OutboundRequest) -> Result<http::Response<Bytes>, PortError> {
        let to = request.request.uri().to_string();
        assert_eq!(request.request.headers()["content-type"], "text/xml; charset=utf-8");
        self.sent.lock().unwrap().push(to.clone());
        if let Some(instead) = self.instead.lock().unwrap().get(&to) {
            return Ok(instead.clone());
        }
        let (idp, services) = self.servers.get().unwrap();
        let message = SoapMessage::parse(request.request.body()).unwrap();
        let reply = if to == ARTIFACTS {
            idp.resolve(&message).await.unwrap_or_else(|_| SoapReply::fault())
        } else if to == IDP_SOAP {
            match idp.accept_soap_logout(&message).await {
                Ok((demand, sessions)) => {
                    assert_eq!(sessions, ["session-1"]);
                    let mut left = idp.propagation("session-1", Some(&demand.peer)).await.unwrap();
                    idp.ask_all(&mut left).await;
                    idp.answer_soap_logout(&demand, left.status()).unwrap()
                }
                Err(_) => SoapReply::fault(),
            }
        } else {
            let sp = services.get(&to).ok_or_else(|| PortError::transient("nobody is there"))?;
            match sp.accept_soap_logout(&message).await {
                Ok(demand) => {
                    let status = match self.refusing.load(Ordering::SeqCst) {
                        true => Status::new(StatusCode::Responder, None),
                        false => Status::success(),
                    };
                    sp.answer_soap_logout(&demand, status).unwrap()
                }
                Err(_) => SoapReply::fault(),
            }
        };
        Ok(reply.into_response())
    }
}

struct World {
    clock: Arc<ManualClock>,
    ports: Ports,
    wire: Arc<Wire>,
    idp: IdentityProvider,
    sp: ServiceProvider,
    browser: BrowserId,
}

fn provider(ports: &Ports, entity_id: &str, soap: Option<&str>) -> ServiceProvider {
    let config = ServiceProviderConfig::new(entity_id, ACS).with_signer(SP_KEY.signer()).with_artifacts();
    let config = match soap {
        Some(url) => config.with_soap_logout_url(url),
        None => config.with_logout_url("https://third.example/slo"),
    };
    let idp = IdpPartner::new(IDP_ID, IDP.trusted())
        .with_sign_on(Binding::Redirect, SSO)
        .with_artifact_resolution(0, ARTIFACTS)
        .with_answers_by_artifact()
        .with_signed_requests()
        .with_soap_logout(IDP_SOAP);
    ServiceProvider::new(ports.clone(), config, [idp])
}

impl World {
    fn new() -> Self {
        let (clock, wire) = (Arc::new(ManualClock::default()), Arc::new(Wire::default()));
        let ports = memory::ports_with(clock.clone(), Arc::new(SystemEntropy::new()))
            .with_crypto(CRYPTO.clone())
            .with_http_client(wire.clone());
        // What the services say of themselves is what the identity provider knows of them.
        let known = |sp: &ServiceProvider| {
            let metadata = sp.metadata(clock.now() + Duration::days(1)).unwrap();
            EntityDescriptor::parse(metadata.as_bytes()).unwrap().sp_partner(&**CRYPTO).unwrap()
        };
        let sp = provider(&ports, SP, Some(SP_SOAP));
        let second = provider(&ports, SECOND, Some(SECOND_SOAP));
        let third = provider(&ports, THIRD, None);
        let partners: Vec<SpPartner> = [&sp, &second, &third].into_iter().map(known).collect();
        let config = IdentityProviderConfig::new(IDP_ID, SSO, IDP.signer())
            .with_artifact_url(ARTIFACTS)
            .with_soap_logout_url(IDP_SOAP)
            .with_logout_url("https://idp.example/slo");
        let idp =
            IdentityProvider::new(ports.clone(), config, &SecretBytes::new(vec![1; 32]), partners).unwrap();
        let services = BTreeMap::from([(SP_SOAP.into(), sp.clone()), (SECOND_SOAP.into(), second)]);
        assert!(wire.servers.set((idp.clone(), services)).is_ok());
        let browser = BrowserId::generate(&SystemEntropy::new()).unwrap();
        Self { clock, ports, wire, idp, sp, browser }
    }

    fn ask(&self) -> SignOn {
        let started =
            block_on(self.sp.start(&self.browser, IDP_ID, Start::new().with_target("/in"))).unwrap();
        let Outgoing::Redirect(url) = started.outgoing else { panic!() };
        let message = RedirectMessage::from_raw_query(url.split_once('?').unwrap().1).unwrap();
        self.idp.receive(Incoming::Redirect(&message)).unwrap()
    }

    /// A response that waits, and the artifact for it.
    fn artifact(&self) -> ArtifactMessage {
        let mut sign_on = self.ask();
        assert!(sign_on.by_artifact, "the service asks for it");
        sign_on.relay_state = Some("a&b".into());
        by_artifact(&block_on(self.idp.issue(&sign_on, &self.person())).unwrap().outgoing)
    }

    fn person(&self) -> Person {
        Person::new("account-1", "session-1", self.clock.now(), PASSWORD)
    }

    fn accept(&self, artifact: &ArtifactMessage) -> Result<Accepted, Reject> {
        block_on(self.sp.accept_artifact(Some(&self.browser), artifact))
    }

    /// The person signs in to a service that starts here.
    fn tell(&self, sp: &str) {
        let mut sign_on = self.ask();
        (sign_on.sp, sign_on.by_artifact) = (sp.into(), false);
        block_on(self.idp.issue(&sign_on, &self.person())).unwrap();
    }

    fn answer_instead(&self, to: &str, answer: http::Response<Bytes>) {
        self.wire.instead.lock().unwrap().insert(to.into(), answer);
    }
}

fn by_artifact(outgoing: &Outgoing) -> ArtifactMessage {
    let Outgoing::Redirect(url) = outgoing else { panic!() };
    assert!(url.starts_with(&format!("{ACS}?SAMLart=")), "{url}");
    ArtifactMessage::parse(url.split_once('?').unwrap().1.as_bytes()).unwrap()
}

#[test]
fn a_response_is_fetched_by_its_artifact_once() {
    let world = World::new();
    let artifact = world.artifact();
    assert_eq!(artifact.relay_state().unwrap().as_str(), "a&b");
    let accepted = world.accept(&artifact).unwrap();
    assert_eq!((accepted.person.idp.as_str(), accepted.target.as_deref()), (IDP_ID, Some("/in")));
    assert!(matches!(world.accept(&artifact), Err(Reject::Replay)));
    assert_eq!(*world.wire.sent.lock().unwrap(), [ARTIFACTS], "an artifact is asked for once");
    // Another node that does not remember is told that there is none.
    let other = World::new();
    assert!(matches!(other.accept(&artifact), Err(Reject::NoAssertion)));
}

#[test]
fn a_message_is_kept_for_a_minute() {
    let world = World::new();
    let artifact = world.artifact();
    world.clock.advance(Duration::seconds(61));
    assert!(matches!(world.accept(&artifact), Err(Reject::NoAssertion)));
}

#[test]
fn a_failure_comes_by_artifact_too() {
    let world = World::new();
    let status = Status::new(StatusCode::Responder, Some(StatusCode::NoPassive));
    let outgoing = block_on(world.idp.fail(&world.ask(), &status)).unwrap();
    assert!(matches!(world.accept(&by_artifact(&outgoing)), Err(Reject::Status(it)) if it == status));
}

#[test]
fn only_what_can_be_fetched_is_offered() {
    let world = World::new();
    let config = IdentityProviderConfig::new(IDP_ID, SSO, IDP.signer());
    let ports =
        memory::ports_with(world.clock.clone(), Arc::new(SystemEntropy::new())).with_crypto(CRYPTO.clone());
    let keyed =
        SpPartner::new(SP, ACS).unwrap().with_keys(SP_KEY.trusted()).with_artifact_consumer(1, ACS).unwrap();
    let keyless = SpPartner::new(SP, ACS).unwrap().with_artifact_consumer(1, ACS).unwrap();
    for (config, partner, expected) in [
        (config.clone(), keyed.clone(), Err(RequestRefused::ProtocolBinding)),
        (config.clone().with_artifact_url(ARTIFACTS), keyless, Err(RequestRefused::Consumer)),
        (config.with_artifact_url(ARTIFACTS), keyed, Ok(true)),
    ] {
        let secret = SecretBytes::new(vec![1; 32]);
        let idp = IdentityProvider::new(ports.clone(), config, &secret, [partner]).unwrap();
        let started = block_on(world.sp.start(&world.browser, IDP_ID, Start::new())).unwrap();
        let Outgoing::Redirect(url) = started.outgoing else { panic!() };
        let query = url.split_once('?').unwrap().1.to_owned();
        // Without its signature: one of the services has no key.
        let query = query.split_once("&SigAlg").map_or(query.as_str(), |(before, _)| before).to_owned();
        let message = RedirectMessage::from_raw_query(&query).unwrap();
        assert_eq!(idp.receive(Incoming::Redirect(&message)).map(|it| it.by_artifact), expected);
    }
}

#[test]
fn answers_that_are_no_envelope_are_refused() {
    let text = |status: u16, kind: &str, body: &str| {
        http::Response::builder()
            .status(status)
            .header("content-type", kind)
            .body(Bytes::from(body.to_owned()))
            .unwrap()
    };
    type Right = fn(&SoapError) -> bool;
    let cases: [(http::Response<Bytes>, Right); 6] = [
        (text(500, "text/xml", SoapReply::fault().xml()), |it| {
            matches!(it, SoapError::Outbound(OutboundError::Status(_)))
        }),
        (text(200, "text/xml", SoapReply::fault().xml()), |it| matches!(it, SoapError::Binding(_))),
        (text(200, "text/html", "<html></html>"), |it| {
            matches!(it, SoapError::Outbound(OutboundError::ContentType))
        }),
        (text(200, "text/xml", "<html></html>"), |it| matches!(it, SoapError::Binding(_))),
        (text(302, "text/xml", ""), |it| matches!(it, SoapError::Outbound(OutboundError::Redirect))),
        (text(200, "text/xml", &"<a>".repeat(90_000)), |it| {
            matches!(it, SoapError::Binding(_) | SoapError::Outbound(OutboundError::Body))
        }),
    ];
    for (answer, right) in cases {
        let world = World::new();
        let artifact = world.artifact();
        let what = format!("{answer:.80?}");
        world.answer_instead(ARTIFACTS, answer);
        match world.accept(&artifact).unwrap_err() {
            Reject::Exchange(error) => assert!(right(&error), "{what}: {error:?}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn an_unsigned_request_for_a_message_is_refused() {
    let world = World::new();
    let resolution = block_on(world.sp.start_resolution(Some(&world.browser), &world.artifact())).unwrap();
    let signed = resolution.message();
    let start = signed.find("<ds:Signature ").unwrap();
    let end = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let bare = signed.replace(&signed[start..end], "");
    let message = SoapMessage::parse(crate::world::envelope(&bare).as_bytes()).unwrap();
    assert!(matches!(block_on(world.idp.resolve(&message)), Err(ResolveRefused::Signature(_))));
}

#[test]
fn a_service_signs_out_from_server_to_server_and_the_others_are_told() {
    let world = World::new();
    let accepted = world.accept(&world.artifact()).unwrap();
    world.tell(SECOND);
    let answer = block_on(world.sp.ask_logout(&accepted.person)).unwrap();
    assert!(answer.status.is_success());
    assert_eq!(answer.status.detail, None, "everybody was reached");
    assert_eq!(*world.wire.sent.lock().unwrap(), [ARTIFACTS, IDP_SOAP, SECOND_SOAP]);
}

#[test]
fn whoever_is_not_reached_is_reported() {
    // One service has only a browser between it and us.
    let world = World::new();
    let accepted = world.accept(&world.artifact()).unwrap();
    world.tell(SECOND);
    world.tell(THIRD);
    let answer = block_on(world.sp.ask_logout(&accepted.person)).unwrap();
    assert_eq!(answer.status.detail, Some(StatusCode::PartialLogout));
    // One refuses, and one is not there.
    let gone = http::Response::builder().status(404).body(Bytes::new()).unwrap();
    for answer in [SoapReply::fault().into_response(), gone] {
        let world = World::new();
        let _accepted = world.accept(&world.artifact()).unwrap();
        world.tell(SECOND);
        world.tell(THIRD);
        world.answer_instead(SECOND_SOAP, answer);
        let mut left = block_on(world.idp.propagation("session-1", None)).unwrap();
        assert_eq!(left.waiting.len(), 3);
        block_on(world.idp.ask_all(&mut left));
        assert_eq!((left.done.clone(), left.failed.clone()), (vec![SP.to_owned()], vec![SECOND.to_owned()]));
        assert_eq!(left.waiting.iter().map(|one| one.sp.as_str()).collect::<Vec<_>>(), [THIRD]);
        assert_eq!(left.status().detail, Some(StatusCode::PartialLogout));
        // The third is asked through the browser.
        let asked = block_on(world.idp.ask_next(&world.browser, &mut left)).unwrap().unwrap();
        assert_eq!(asked.peer, THIRD);
        assert!(block_on(world.idp.ask_next(&world.browser, &mut left)).unwrap().is_none());
        let kept = serde_json::to_string(&left).unwrap();
        assert_eq!(serde_json::from_str::<ciam_saml::idp::Propagation>(&kept).unwrap(), left);
    }
}

#[test]
fn an_answer_from_server_to_server_is_to_the_request_and_signed() {
    let world = World::new();
    let accepted = world.accept(&world.artifact()).unwrap();
    // The answer to an earlier request, which was genuine.
    let request = crate::world::SAMLP;
    let earlier = format!(
        r#"<samlp:LogoutResponse xmlns:saml="{}" xmlns:samlp="{request}" ID="_r" InResponseTo="_earlier" IssueInstant="{}" Version="2.0"><saml:Issuer>{IDP_ID}</saml:Issuer>SIG<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode></samlp:Status></samlp:LogoutResponse>"#,
        crate::world::SAML,
        crate::world::at(world.clock.now()),
    );
    let sign = |pair: &Pair| {
        let signature = Recipe::new("_r").signature(pair, &earlier.replace("SIG", ""));
        crate::world::envelope(&earlier.replace("SIG", &signature))
    };
    type Right = fn(&LogoutError) -> bool;
    let cases: [(String, Right); 3] = [
        (sign(&IDP), |it| matches!(it, LogoutError::InResponseTo)),
        (sign(&OTHER), |it| matches!(it, LogoutError::Signature(_))),
        (crate::world::envelope(&earlier.replace("SIG", "")), |it| matches!(it, LogoutError::Signature(_))),
    ];
    for (xml, right) in cases {
        let answer =
            http::Response::builder().header("content-type", "text/xml").body(Bytes::from(xml)).unwrap();
        world.answer_instead(IDP_SOAP, answer);
        let error = block_on(world.sp.ask_logout(&accepted.person)).unwrap_err();
        assert!(right(&error), "{error:?}");
    }
}

/// Delivers what is in the outbox, and the events that come of it.
fn relay(world: &World) -> (Vec<String>, u32) {
    let notifier = Arc::new(memory::MemoryNotifier::new());
    let seen = Arc::new(Unreached::default());
    let mut relay = ciam_core::relay::Relay::new(world.ports.clone(), notifier).with_sink(seen.clone());
    for sink in world.idp.session_sinks() {
        relay = relay.with_sink(sink);
    }
    let mut dropped = 0;
    for _ in 0..6 {
        dropped += block_on(relay.deliver_pending()).unwrap().dropped;
    }
    (seen.0.lock().unwrap().clone(), dropped)
}

/// The services that could not be asked.
#[derive(Debug, Default)]
struct Unreached(Mutex<Vec<String>>);

#[async_trait]
impl ciam_core::relay::EventSink for Unreached {
    fn name(&self) -> &'static str {
        "test"
    }

    async fn deliver(&self, event: &ciam_core::event::Event) -> Result<(), PortError> {
        assert!(!serde_json::to_string(&event.data).unwrap().contains('@'), "no names of people: {event:?}");
        if event.event_type == ciam_saml::idp::LOGOUT_UNREACHED {
            self.0.lock().unwrap().push(event.data["service"].as_str().unwrap().to_owned());
        }
        Ok(())
    }
}

fn ended(world: &World, session: &str) {
    use ciam_core::event::{Event, EventType};
    let event = Event::new(&world.ports, EventType::SESSION_ENDED, "account:ada").unwrap();
    let batch = ciam_core::store::Batch::new().event(event.with("session", session));
    assert!(block_on(world.ports.store().commit(batch)).unwrap().is_applied());
}

#[test]
fn services_are_asked_when_a_session_ends_by_itself() {
    let world = World::new();
    let _accepted = world.accept(&world.artifact()).unwrap();
    world.tell(SECOND);
    world.tell(THIRD);
    world.wire.sent.lock().unwrap().clear();
    ended(&world, "another");
    assert_eq!(relay(&world), (vec![], 0));
    assert!(world.wire.sent.lock().unwrap().is_empty(), "of another session");
    ended(&world, "session-1");
    assert_eq!(relay(&world), (vec![THIRD.to_owned()], 0), "there is no browser to go there with");
    let mut sent = world.wire.sent.lock().unwrap().clone();
    sent.sort();
    assert_eq!(sent, [SECOND_SOAP, SP_SOAP]);
}

#[test]
fn a_service_that_fails_is_asked_again_and_one_that_refuses_is_not() {
    let answer = |status: u16| http::Response::builder().status(status).body(Bytes::new()).unwrap();
    for (status, again) in [(503, true), (429, true), (404, false), (400, false)] {
        let world = World::new();
        world.tell(SECOND);
        world.answer_instead(SECOND_SOAP, answer(status));
        ended(&world, "session-1");
        let (_, dropped) = relay(&world);
        assert_eq!(dropped > 0, !again, "{status}");
        let before = world.wire.sent.lock().unwrap().len();
        world.wire.instead.lock().unwrap().clear();
        world.clock.advance(Duration::hours(1));
        relay(&world);
        assert_eq!(world.wire.sent.lock().unwrap().len() > before, again, "{status}");
    }
}

#[test]
fn a_service_that_says_that_it_did_not_is_not_counted_as_asked() {
    let world = World::new();
    world.tell(SECOND);
    world.wire.refusing.store(true, Ordering::SeqCst);
    ended(&world, "session-1");
    let (_, dropped) = relay(&world);
    assert_eq!(dropped, 1, "the relay keeps what failed for good");
}

/// The host that tells everybody itself forgets first, and nobody is asked twice.
#[test]
fn nobody_is_asked_when_the_host_has_asked_everybody() {
    let world = World::new();
    world.tell(SECOND);
    block_on(world.idp.forget("session-1")).unwrap();
    ended(&world, "session-1");
    assert_eq!(relay(&world), (vec![], 0));
    assert!(world.wire.sent.lock().unwrap().is_empty());
}
