//! SAML profiles, sections 4.1 and 4.4: the identity provider, with this crate's service provider as its peer.

use std::sync::Arc;

use ciam_core::entropy::SystemEntropy;
use ciam_core::http::BrowserId;
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::testkit::ManualClock;
use ciam_saml::binding::{Direction, PostMessage, RedirectMessage};
use ciam_saml::dsig::SignatureError;
use ciam_saml::enc::{ContentAlgorithm, DecryptionKey, DecryptionKeys, KeyTransport, Recipient};
use ciam_saml::idp::{
    IdentityProvider, IdentityProviderConfig, IssueError, NameIdFormat, Person, RequestRefused, SignOn,
    SpPartner,
};
use ciam_saml::logout::LogoutError;
use ciam_saml::metadata::EntityDescriptor;
use ciam_saml::model::{Attribute, Status, StatusCode};
use ciam_saml::names::{ATTRNAME_BASIC, NAMEID_PERSISTENT, NAMEID_TRANSIENT};
use ciam_saml::sp::{IdpPartner, Reject, ServiceProvider, Start};
use ciam_saml::transport::{Binding, Incoming, Outgoing};
use ciam_saml::xml::{Doc, Limits};
use time::Duration;

use crate::sealed::SP_KEY;
use crate::support::*;
use crate::world::{ACS, IDP_ID, PASSWORD, SAML, SAMLP, SP, at, block_on, config};

const SSO: &str = "https://idp.example/sso";
const SLO: &str = "https://idp.example/slo";
const SECOND: &str = "https://second.example/metadata";

struct Both {
    clock: Arc<ManualClock>,
    ports: Ports,
    idp: IdentityProvider,
    browser: BrowserId,
}

fn service(entity_id: &str) -> SpPartner {
    SpPartner::new(entity_id, ACS)
        .unwrap()
        .with_consumer(7, "https://sp.example/saml/other")
        .unwrap()
        .with_keys(SP_KEY.trusted())
        .with_formats([NameIdFormat::Persistent, NameIdFormat::Transient, NameIdFormat::Email])
        .with_released(["mail", "evil"])
        .with_logout(Binding::Redirect, "https://sp.example/saml/slo")
        .unwrap()
}

impl Both {
    fn new(partner: SpPartner) -> Self {
        let clock = Arc::new(ManualClock::default());
        let ports =
            memory::ports_with(clock.clone(), Arc::new(SystemEntropy::new())).with_crypto(CRYPTO.clone());
        let config = IdentityProviderConfig::new(IDP_ID, SSO, IDP.signer()).with_logout_url(SLO);
        let secret = SecretBytes::new(vec![1; 32]);
        let idp = IdentityProvider::new(ports.clone(), config, &secret, [partner, service(SECOND)]).unwrap();
        let browser = BrowserId::generate(&SystemEntropy::new()).unwrap();
        Self { clock, ports, idp, browser }
    }

    fn sp(&self, sign: bool) -> ServiceProvider {
        let partner = IdpPartner::new(IDP_ID, IDP.trusted())
            .with_sign_on(Binding::Redirect, SSO)
            .with_logout(Binding::Redirect, SLO)
            .dangerous_allow_unsolicited();
        let partner = if sign { partner.with_signed_requests() } else { partner };
        let key = DecryptionKey::new(SP_KEY.pkcs8.expose(), &SP_KEY.certificate).unwrap();
        let config =
            config().with_signer(SP_KEY.signer()).with_decryption_keys(DecryptionKeys::new(vec![key]));
        ServiceProvider::new(self.ports.clone(), config, [partner])
    }

    fn person(&self) -> Person {
        let now = ciam_core::clock::Clock::now(&*self.clock);
        Person::new("account-1", "session-1", now, PASSWORD)
            .with_email("ada@example.com")
            .with_session_end(now + Duration::hours(8))
            .with_attributes([
                Attribute::new("mail", ATTRNAME_BASIC, ["ada@example.com"]).with_friendly_name("Mail"),
                Attribute::new("salary", ATTRNAME_BASIC, ["a lot"]),
            ])
    }

    fn ask(&self, sp: &ServiceProvider, start: Start) -> Result<SignOn, RequestRefused> {
        let started = block_on(sp.start(&self.browser, IDP_ID, start)).unwrap();
        self.idp.receive(Incoming::Redirect(&redirected(&started.outgoing)))
    }

    fn answer(&self, sp: &ServiceProvider, sign_on: &SignOn) -> Result<ciam_saml::sp::Accepted, Reject> {
        let issued = block_on(self.idp.issue(sign_on, &self.person())).unwrap();
        block_on(sp.accept(Some(&self.browser), &posted(issued.outgoing.form().unwrap())))
    }
}

fn redirected(outgoing: &Outgoing) -> RedirectMessage {
    let Outgoing::Redirect(url) = outgoing else { panic!() };
    RedirectMessage::from_raw_query(url.split_once('?').unwrap().1).unwrap()
}

fn posted(form: &ciam_saml::binding::PostForm) -> PostMessage {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.append_pair(form.direction.parameter(), &form.message);
    if let Some(relay_state) = &form.relay_state {
        body.append_pair("RelayState", relay_state);
    }
    PostMessage::parse(body.finish().as_bytes()).unwrap()
}

#[test]
fn sign_on_round_trips_with_every_way_to_sign_and_encrypt() {
    let recipient = || Recipient::from_certificate(&SP_KEY.certificate).unwrap();
    for (what, partner) in [
        ("plain", service(SP)),
        ("response signed", service(SP).with_signed_response()),
        ("requests signed", service(SP).with_signed_requests()),
        ("encrypted", service(SP).with_encryption(recipient())),
        (
            "encrypted, the newest way",
            service(SP).with_signed_response().with_encryption(
                recipient()
                    .with_content(ContentAlgorithm::Aes256Gcm)
                    .unwrap()
                    .with_transport(KeyTransport::SHA256),
            ),
        ),
    ] {
        let both = Both::new(partner);
        let sp = both.sp(what == "requests signed");
        let sign_on = both.ask(&sp, Start::new()).unwrap();
        let accepted = both.answer(&sp, &sign_on).unwrap_or_else(|reject| panic!("{what}: {reject:?}"));
        assert_eq!(accepted.person.values("mail").collect::<Vec<_>>(), ["ada@example.com"], "{what}");
        assert_eq!(accepted.person.values("salary").count(), 0, "what is not released is not sent");
        assert_eq!(accepted.person.authn_context.as_deref(), Some(PASSWORD));
    }
    assert!(recipient().with_content(ContentAlgorithm::Aes128Cbc).is_err());
}

#[test]
fn a_query_that_a_peer_reads_and_writes_again_is_the_one_that_was_signed() {
    // pysaml2 and others verify the signature over what they write themselves, with the escapes of forms.
    let both = Both::new(service(SP));
    let started = block_on(both.sp(true).start(&both.browser, IDP_ID, Start::new())).unwrap();
    let Outgoing::Redirect(url) = started.outgoing else { panic!() };
    let query = url.split_once('?').unwrap().1;
    let mut again = url::form_urlencoded::Serializer::new(String::new());
    again.extend_pairs(url::form_urlencoded::parse(query.as_bytes()));
    assert_eq!(again.finish(), query);
}

#[test]
fn an_identity_provider_may_want_the_requests_of_all_services_signed() {
    let both = Both::new(service(SP));
    let config = IdentityProviderConfig::new(IDP_ID, SSO, IDP.signer()).with_signed_requests();
    let secret = SecretBytes::new(vec![1; 32]);
    let idp = IdentityProvider::new(both.ports.clone(), config, &secret, [service(SP)]).unwrap();
    let metadata = idp.metadata(both.ports.now() + Duration::days(1)).unwrap();
    let entity = EntityDescriptor::parse(metadata.as_bytes()).unwrap();
    assert!(entity.idp.unwrap().wants_signed_requests);
    let both = Both { idp, ..both };
    let unsigned = both.ask(&both.sp(false), Start::new()).unwrap_err();
    assert_eq!(unsigned, RequestRefused::Signature(SignatureError::Unsigned));
    both.ask(&both.sp(true), Start::new()).unwrap();
}

#[test]
fn names_are_pairwise_stable_or_of_one_use() {
    let both = Both::new(service(SP));
    let name = |sp: &str, format: &str, subject: &str| {
        let mut sign_on = SignOnFor(sp).make(&both);
        sign_on.name_id_format = Some(format.into());
        let mut person = both.person();
        person.subject = subject.into();
        block_on(both.idp.issue(&sign_on, &person)).unwrap().name_id
    };
    let one = name(SP, NAMEID_PERSISTENT, "account-1");
    assert_eq!(one, name(SP, NAMEID_PERSISTENT, "account-1"));
    assert_ne!(one.value, name(SECOND, NAMEID_PERSISTENT, "account-1").value);
    assert_ne!(one.value, name(SP, NAMEID_PERSISTENT, "account-2").value);
    assert!(!one.value.contains("account"));
    assert_ne!(name(SP, NAMEID_TRANSIENT, "account-1"), name(SP, NAMEID_TRANSIENT, "account-1"));
    let mut sign_on = SignOnFor(SP).make(&both);
    sign_on.name_id_format = Some("urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos".into());
    assert!(!both.idp.offers_format(&sign_on));
    assert!(matches!(block_on(both.idp.issue(&sign_on, &both.person())), Err(IssueError::NameId)));
}

struct SignOnFor<'s>(&'s str);

impl SignOnFor<'_> {
    fn make(&self, both: &Both) -> SignOn {
        let request = request(both, self.0, "");
        both.idp.receive(Incoming::Post(&crate::world::post("SAMLRequest", &request))).unwrap()
    }
}

fn request(both: &Both, issuer: &str, attributes: &str) -> String {
    let now = at(ciam_core::clock::Clock::now(&*both.clock));
    let id = ciam_core::secret::Secret::random(&SystemEntropy::new()).unwrap();
    let id = id.expose();
    format!(
        r#"<samlp:AuthnRequest xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="_{id}" Version="2.0" IssueInstant="{now}"{attributes}><saml:Issuer>{issuer}</saml:Issuer></samlp:AuthnRequest>"#
    )
}

#[test]
fn requests_are_held_against_what_is_known_of_the_service() {
    use RequestRefused as R;
    let both = Both::new(service(SP));
    let receive = |xml: &str| both.idp.receive(Incoming::Post(&crate::world::post("SAMLRequest", xml)));
    let consumer =
        |attributes: &str| receive(&request(&both, SP, attributes)).map(|sign_on| sign_on.consumer);
    assert_eq!(consumer(""), Ok(ACS.into()));
    assert_eq!(consumer(&format!(r#" AssertionConsumerServiceURL="{ACS}""#)), Ok(ACS.into()));
    assert_eq!(consumer(r#" AssertionConsumerServiceIndex="7""#), Ok("https://sp.example/saml/other".into()));
    for (attributes, expected) in [
        (r#" AssertionConsumerServiceURL="https://evil.example/""#, R::Consumer),
        (r#" AssertionConsumerServiceURL="https://sp.example/saml/acs/""#, R::Consumer),
        (r#" AssertionConsumerServiceURL="javascript:alert(1)""#, R::Consumer),
        (r#" AssertionConsumerServiceIndex="8""#, R::Consumer),
        (
            r#" AssertionConsumerServiceIndex="7" AssertionConsumerServiceURL="https://sp.example/saml/other""#,
            R::Consumer,
        ),
        (r#" Destination="https://other.example/sso""#, R::Destination),
        (r#" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact""#, R::ProtocolBinding),
    ] {
        assert_eq!(consumer(attributes), Err(expected), "{attributes}");
    }
    assert_eq!(receive(&request(&both, "https://nobody.example", "")).unwrap_err(), R::UnknownSp);
    let old = request(&both, SP, "");
    both.clock.advance(Duration::minutes(11));
    assert_eq!(receive(&old).unwrap_err(), R::Time);
}

#[test]
fn a_signature_that_is_there_has_to_be_good() {
    let both = Both::new(service(SP).with_signed_requests());
    let error = both.ask(&both.sp(false), Start::new()).unwrap_err();
    assert_eq!(error, RequestRefused::Signature(SignatureError::Unsigned));
    let both = Both::new(service(SP).with_keys(OTHER.trusted()));
    let error = both.ask(&both.sp(true), Start::new()).unwrap_err();
    assert_eq!(error, RequestRefused::Signature(SignatureError::Invalid));
}

#[test]
fn what_was_asked_for_is_honoured_or_refused() {
    let both = Both::new(service(SP));
    let sp = both.sp(false);
    let sign_on = both.ask(&sp, Start::new().with_force_authn()).unwrap();
    let mut person = both.person();
    person.authenticated_at -= Duration::seconds(1);
    assert!(matches!(block_on(both.idp.issue(&sign_on, &person)), Err(IssueError::NotFresh)));
    let sign_on = both.ask(&sp, Start::new().with_authn_context(["urn:mfa"])).unwrap();
    assert!(matches!(block_on(both.idp.issue(&sign_on, &both.person())), Err(IssueError::AuthnContext)));
    let status = Status::new(StatusCode::Responder, Some(StatusCode::NoAuthnContext));
    let answered = block_on(both.idp.fail(&sign_on, &status)).unwrap();
    let reject = block_on(sp.accept(Some(&both.browser), &posted(answered.form().unwrap()))).unwrap_err();
    assert!(matches!(reject, Reject::Status(answered) if answered == status));
}

#[test]
fn sign_in_starts_here_only_where_the_service_allows_it() {
    let both = Both::new(service(SP));
    assert_eq!(both.idp.start(SP), Err(RequestRefused::Unsolicited));
    let both = Both::new(service(SP).with_unsolicited());
    let accepted = both.answer(&both.sp(false), &both.idp.start(SP).unwrap()).unwrap();
    assert!(accepted.unsolicited.is_some());
}

#[test]
fn hostile_attributes_stay_values() {
    let hostile = "</saml:AttributeValue><saml:AttributeValue>admin\"'<!--]]>&\r\n\u{0}\u{fffe}";
    let both = Both::new(service(SP));
    let sp = both.sp(false);
    let sign_on = both.ask(&sp, Start::new()).unwrap();
    let person = both.person().with_attributes([Attribute::new("evil", ATTRNAME_BASIC, [hostile])]);
    let issued = block_on(both.idp.issue(&sign_on, &person)).unwrap();
    let accepted =
        block_on(sp.accept(Some(&both.browser), &posted(issued.outgoing.form().unwrap()))).unwrap();
    let expected = hostile.replace(['\u{0}', '\u{fffe}'], "\u{fffd}");
    assert_eq!(accepted.person.values("evil").collect::<Vec<_>>(), [&*expected]);
    let mut form = issued.outgoing.form().unwrap().clone();
    form.relay_state = Some("\"><script>alert(1)</script>".into());
    form.action = "https://sp.example/\"><script>".into();
    let page = form.html("bm9uY2U=");
    assert_eq!(page.matches("<script").count(), 1, "{page}");
}

#[test]
fn addresses_are_https() {
    for bad in [
        "javascript:alert(1)",
        "http://sp.example/",
        "ftp://sp.example/",
        "",
        "//sp.example/",
        "https://u:p@sp.example/",
    ] {
        assert!(SpPartner::new(SP, bad).is_err(), "{bad}");
    }
    SpPartner::new(SP, "http://localhost:8080/acs").unwrap();
}

#[test]
fn profiles_4_4_one_service_asks_and_the_others_are_told() {
    let both = Both::new(service(SP));
    let sp = both.sp(false);
    let sign_on = both.ask(&sp, Start::new()).unwrap();
    let accepted = both.answer(&sp, &sign_on).unwrap();
    block_on(both.idp.issue(&SignOnFor(SECOND).make(&both), &both.person())).unwrap();

    let asked = block_on(sp.start_logout(&both.browser, &accepted.person)).unwrap();
    let incoming = redirected(&asked.outgoing);
    let (demand, sessions) = block_on(both.idp.accept_logout_request(Incoming::Redirect(&incoming))).unwrap();
    assert_eq!(sessions, ["session-1"]);
    let again = block_on(both.idp.accept_logout_request(Incoming::Redirect(&incoming))).unwrap_err();
    assert!(matches!(again, LogoutError::Replay));

    let mut propagation = block_on(both.idp.propagation("session-1", Some(SP))).unwrap();
    let told = block_on(both.idp.ask_next(&both.browser, &mut propagation)).unwrap().unwrap();
    assert_eq!(told.peer, SECOND);
    assert!(block_on(both.idp.ask_next(&both.browser, &mut propagation)).unwrap().is_none());
    // The second service takes it for what it is.
    let second_config = ciam_saml::sp::ServiceProviderConfig::new(SECOND, ACS)
        .with_logout_url("https://sp.example/saml/slo")
        .with_signer(SP_KEY.signer());
    let idp = IdpPartner::new(IDP_ID, IDP.trusted()).with_logout(Binding::Redirect, SLO);
    let second = ServiceProvider::new(both.ports.clone(), second_config, [idp]);
    let at_second =
        block_on(second.accept_logout_request(Incoming::Redirect(&redirected(&told.outgoing)))).unwrap();
    let failing = Status::new(StatusCode::Responder, None);
    let answer = second.answer_logout(&at_second, failing).unwrap();
    let answer =
        block_on(both.idp.accept_logout_answer(&both.browser, Incoming::Redirect(&redirected(&answer))))
            .unwrap();
    propagation.record(&answer);
    assert_eq!(propagation.failed, [SECOND]);
    assert_eq!(propagation.status().detail, Some(StatusCode::PartialLogout));

    let answer = both.idp.answer_logout(&demand, propagation.status()).unwrap();
    let incoming = redirected(&answer);
    let other = BrowserId::generate(&SystemEntropy::new()).unwrap();
    let error = block_on(sp.accept_logout_answer(&other, Incoming::Redirect(&incoming))).unwrap_err();
    assert!(matches!(error, LogoutError::InResponseTo));
    let answer = block_on(sp.accept_logout_answer(&both.browser, Incoming::Redirect(&incoming))).unwrap();
    assert_eq!(answer.status.detail, Some(StatusCode::PartialLogout));
    let error = block_on(sp.accept_logout_answer(&both.browser, Incoming::Redirect(&incoming))).unwrap_err();
    assert!(matches!(error, LogoutError::InResponseTo));
    block_on(both.idp.forget("session-1")).unwrap();
    assert!(block_on(both.idp.participants("session-1")).unwrap().is_empty());
}

#[test]
fn nobody_ends_sessions_of_others() {
    let both = Both::new(service(SP));
    let sp = both.sp(false);
    let sign_on = both.ask(&sp, Start::new()).unwrap();
    let accepted = both.answer(&sp, &sign_on).unwrap();
    let now = at(ciam_core::clock::Clock::now(&*both.clock));
    let name = |value: &str| {
        let name = &accepted.person.name_id;
        format!(
            r#"<saml:NameID Format="{NAMEID_PERSISTENT}" NameQualifier="{}" SPNameQualifier="{}">{value}</saml:NameID>"#,
            name.name_qualifier.as_ref().unwrap(),
            name.sp_name_qualifier.as_ref().unwrap()
        )
    };
    let write = |id: &str, attributes: &str, issuer: &str, name: &str, signature: &str, rest: &str| {
        format!(
            r#"<samlp:LogoutRequest xmlns:saml="{SAML}" xmlns:samlp="{SAMLP}"{attributes} ID="{id}" IssueInstant="{now}" Version="2.0"><saml:Issuer>{issuer}</saml:Issuer>{signature}{name}{rest}</samlp:LogoutRequest>"#
        )
    };
    let signed = |id: &str, attributes: &str, issuer: &str, name: &str, rest: &str, pair: &Pair| {
        let signature = Recipe::new(id).signature(pair, &write(id, attributes, issuer, name, "", rest));
        write(id, attributes, issuer, name, &signature, rest)
    };
    let receive = |xml: &str| {
        block_on(both.idp.accept_logout_request(Incoming::Post(&crate::world::post("SAMLRequest", xml))))
            .map(|(_, sessions)| sessions)
    };
    let to = format!(r#" Destination="{SLO}""#);
    let right = name(&accepted.person.name_id.value);
    let index = format!(
        "<samlp:SessionIndex>{}</samlp:SessionIndex>",
        accepted.person.session_index.as_ref().unwrap()
    );
    assert_eq!(receive(&signed("_1", &to, SP, &right, &index, &SP_KEY)).unwrap(), ["session-1"]);
    assert_eq!(receive(&signed("_2", &to, SP, &right, "", &SP_KEY)).unwrap(), ["session-1"]);
    assert!(receive(&signed("_3", &to, SP, &name("somebody else"), &index, &SP_KEY)).unwrap().is_empty());
    assert!(receive(&signed("_4", &to, SECOND, &right, &index, &SP_KEY)).unwrap().is_empty());
    // Some leave out what is known from the message around it; what is said has to be right.
    let named = |qualifiers: &str| {
        let value = &accepted.person.name_id.value;
        format!(r#"<saml:NameID Format="{NAMEID_PERSISTENT}"{qualifiers}>{value}</saml:NameID>"#)
    };
    assert_eq!(receive(&signed("_10", &to, SP, &named(""), &index, &SP_KEY)).unwrap(), ["session-1"]);
    for (id, of_others) in
        [("_11", r#" NameQualifier="https://x""#), ("_12", r#" SPNameQualifier="https://x""#)]
    {
        assert!(receive(&signed(id, &to, SP, &named(of_others), &index, &SP_KEY)).unwrap().is_empty());
    }
    let wrong = "<samlp:SessionIndex>_guess</samlp:SessionIndex>";
    assert!(receive(&signed("_5", &to, SP, &right, wrong, &SP_KEY)).unwrap().is_empty());
    let unsigned = receive(&write("_6", &to, SP, &right, "", &index)).unwrap_err();
    assert!(matches!(unsigned, LogoutError::Signature(SignatureError::Unsigned)));
    let stranger = receive(&signed("_7", &to, SP, &right, &index, &OTHER)).unwrap_err();
    assert!(matches!(stranger, LogoutError::Signature(SignatureError::Invalid)));
    assert!(matches!(receive(&signed("_8", "", SP, &right, &index, &SP_KEY)), Err(LogoutError::Destination)));
    let over = format!(r#"{to} NotOnOrAfter="2025-01-01T00:00:00Z""#);
    assert!(matches!(receive(&signed("_9", &over, SP, &right, &index, &SP_KEY)), Err(LogoutError::Time)));
    assert!(matches!(receive(&signed("_1", &to, SP, &right, &index, &SP_KEY)), Err(LogoutError::Replay)));
}

#[test]
fn what_is_issued_has_the_schema_s_order() {
    let both = Both::new(service(SP).with_signed_response());
    let sign_on = both.ask(&both.sp(false), Start::new()).unwrap();
    let issued = block_on(both.idp.issue(&sign_on, &both.person())).unwrap();
    let message = posted(issued.outgoing.form().unwrap());
    let doc = Doc::parse(message.xml(Direction::Response).unwrap(), Limits::MESSAGE).unwrap();
    let names = |element: ciam_saml::xml::Element<'_>| {
        element.children().map(|child| child.local_name().to_owned()).collect::<Vec<_>>()
    };
    let root = doc.root().unwrap();
    assert_eq!(names(root), ["Issuer", "Signature", "Status", "Assertion"]);
    let assertion = root.children().last().unwrap();
    let expected = ["Issuer", "Signature", "Subject", "Conditions", "AuthnStatement", "AttributeStatement"];
    assert_eq!(names(assertion), expected);
}
