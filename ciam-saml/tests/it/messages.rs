//! What every message has to be, however well it is signed: of its kind, in its time, of the peer that was asked.

use std::sync::Arc;

use async_trait::async_trait;
use ciam_core::ephemeral::{Ephemeral, EphemeralKey};
use ciam_core::error::PortError;
use ciam_core::ports::Ports;
use ciam_saml::idp::{IssueError, Person, SignOn};
use ciam_saml::sp::{Reject, ServiceProvider};
use ciam_saml::transport::Incoming;
use time::Duration;

use crate::support::*;
use crate::targets::*;
use crate::world::*;

/// What becomes of a message that was changed before it was signed.
fn signed_as(target: &Target, change: impl Fn(&Scene, String) -> String) -> Result<String, String> {
    let scene = Scene::new();
    let element = |signature: &str| change(&scene, (target.element)(&scene, signature));
    let signature = Recipe::new(&(target.id)(&scene)).signature((target.signer)(), &element(""));
    (target.judge)(&scene, &(target.around)(&scene, &element(&signature)))
}

fn replaced(target: &Target, from: &str, to: &str) -> Result<String, String> {
    signed_as(target, |_, xml| {
        assert!(xml.contains(from), "{}: {from}", target.name);
        xml.replace(from, to)
    })
}

const OF_PROTOCOL: [(Target, &str); 7] = [
    (BY_RESPONSE, "samlp:Response"),
    (LOGOUT_REQUEST, "samlp:LogoutRequest"),
    (LOGOUT_RESPONSE, "samlp:LogoutResponse"),
    (AUTHN_REQUEST, "samlp:AuthnRequest"),
    (SOAP_LOGOUT, "samlp:LogoutRequest"),
    (ARTIFACT_RESPONSE, "samlp:ArtifactResponse"),
    (ARTIFACT_RESOLVE, "samlp:ArtifactResolve"),
];

#[test]
fn a_message_of_another_name_is_another_message() {
    let others = [(BY_ASSERTION, "saml:Assertion"), (METADATA, "md:EntityDescriptor")];
    for (target, name) in OF_PROTOCOL.into_iter().chain(others) {
        replaced(&target, name, name).unwrap_or_else(|error| panic!("{}: {error}", target.name));
        replaced(&target, name, &format!("{name}s")).unwrap_err();
    }
    for (target, _) in OF_PROTOCOL {
        replaced(&target, SAMLP, "urn:oasis:names:tc:SAML:1.0:protocol").unwrap_err();
    }
}

#[test]
fn what_was_issued_long_ago_or_will_be_is_refused() {
    for target in OF_PROTOCOL.into_iter().map(|(target, _)| target).chain([BY_ASSERTION]) {
        for (moved, accepted) in [(0, true), (-3600, false), (3600, false)] {
            let issued = |scene: &Scene, xml: String| {
                let now = format!("IssueInstant=\"{}\"", at(scene.now()));
                assert!(xml.contains(&now), "{}", target.name);
                let then = format!("IssueInstant=\"{}\"", at(scene.now() + Duration::seconds(moved)));
                xml.replacen(&now, &then, 1)
            };
            let result = signed_as(&target, issued);
            assert_eq!(result.is_ok(), accepted, "{} by {moved} s: {result:?}", target.name);
        }
    }
}

#[test]
fn an_issuer_is_an_entity_and_the_one_that_signed() {
    const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";
    const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
    for (target, _) in OF_PROTOCOL {
        let format = |format: &str| {
            let issuer = format!("<saml:Issuer Format=\"{format}\">");
            signed_as(&target, |_, xml| xml.replacen("<saml:Issuer>", &issuer, 1))
        };
        format(ENTITY).unwrap_or_else(|error| panic!("{}: {error}", target.name));
        format(EMAIL).unwrap_err();
    }
    // Both are known here; the other answers what the one was asked, or speaks for it: by the keys of either.
    for target in [BY_RESPONSE, LOGOUT_RESPONSE, ARTIFACT_RESPONSE] {
        for target in [target, Target { signer: || &OTHER, ..target }] {
            replaced(&target, &format!(">{IDP_ID}<"), &format!(">{OTHER_ID}<")).unwrap_err();
        }
    }
    for target in [LOGOUT_REQUEST, SOAP_LOGOUT, AUTHN_REQUEST, ARTIFACT_RESOLVE] {
        let known = if target.name == AUTHN_REQUEST.name || target.name == ARTIFACT_RESOLVE.name {
            SP
        } else {
            IDP_ID
        };
        replaced(&target, &format!(">{known}<"), ">https://nobody.example<").unwrap_err();
    }
}

#[test]
fn there_is_nothing_more_in_an_element_than_the_schema_has() {
    let more = "<x:more xmlns:x=\"urn:x\"></x:more>";
    for (target, end) in [
        (BY_ASSERTION, "</saml:Subject>"),
        (BY_ASSERTION, "</saml:SubjectConfirmation>"),
        (BY_ASSERTION, "</saml:AuthnStatement>"),
        (BY_ASSERTION, "</saml:AttributeStatement>"),
        (BY_ASSERTION, "</saml:Assertion>"),
        (BY_ASSERTION, "</saml:AudienceRestriction>"),
        (BY_RESPONSE, "</samlp:Response>"),
        (LOGOUT_REQUEST, "</samlp:LogoutRequest>"),
        (LOGOUT_RESPONSE, "</samlp:LogoutResponse>"),
        (AUTHN_REQUEST, "</samlp:AuthnRequest>"),
        (ARTIFACT_RESOLVE, "</samlp:ArtifactResolve>"),
        (ARTIFACT_RESPONSE, "</samlp:ArtifactResponse>"),
    ] {
        let result = replaced(&target, end, &format!("{more}{end}"));
        assert!(result.is_err(), "{} before {end}", target.name);
    }
}

#[test]
fn a_name_is_not_empty() {
    for target in [BY_ASSERTION, LOGOUT_REQUEST] {
        replaced(&target, ">ada@example.com</saml:NameID>", "></saml:NameID>").unwrap_err();
    }
    replaced(&BY_ASSERTION, &format!("<saml:Audience>{SP}"), "<saml:Audience>").unwrap_err();
}

#[test]
fn an_audience_is_an_audience() {
    let other = format!("<saml:Audience>{SP}</saml:Audience><saml:Other>{SP}</saml:Other>");
    replaced(&BY_ASSERTION, &format!("<saml:Audience>{SP}</saml:Audience>"), &other).unwrap_err();
}

#[test]
fn a_request_asks_for_a_context_exactly_or_not_at_all() {
    let end = "</samlp:AuthnRequest>";
    for (comparison, accepted) in [("exact", true), ("minimum", false), ("better", false), ("maximum", false)]
    {
        let context = format!(
            r#"<samlp:RequestedAuthnContext Comparison="{comparison}"><saml:AuthnContextClassRef>{PASSWORD}</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"#
        );
        let result = replaced(&AUTHN_REQUEST, end, &(context + end));
        assert_eq!(result.is_ok(), accepted, "{comparison}: {result:?}");
    }
}

#[test]
fn what_an_artifact_stands_for_is_the_answer_to_this_request() {
    let other = |scene: &Scene, xml: String| {
        let asked = format!("InResponseTo=\"{}\"", scene.resolution().request_id());
        assert!(xml.contains(&asked));
        xml.replace(&asked, "InResponseTo=\"_another\"")
    };
    signed_as(&ARTIFACT_RESPONSE, other).unwrap_err();
}

/// What was hashed has no comments: what is read is read from that.
#[test]
fn a_signed_response_is_read_as_it_was_hashed() {
    let scene = Scene::new();
    let xml = BY_RESPONSE
        .good(&scene)
        .replace("ada@example.com</saml:NameID>", "ada@<!-- -->example.com</saml:NameID>");
    let accepted = scene.world.accept(&xml).unwrap();
    assert_eq!(accepted.person.name_id.value, "ada@example.com");
}

/// What is kept of a request while a person signs in has to be right still when it is answered.
#[test]
fn an_answer_goes_to_an_address_that_is_registered_now() {
    let scene = Scene::new();
    let request = post("SAMLRequest", &AUTHN_REQUEST.good(&scene));
    let sign_on = scene.idp.receive(Incoming::Post(&request)).unwrap();
    let person = Person::new("account", "session", scene.now(), PASSWORD);
    let issue = |change: fn(&mut SignOn)| {
        let mut changed = sign_on.clone();
        change(&mut changed);
        block_on(scene.idp.issue(&changed, &person)).map(|_| ())
    };
    issue(|_| {}).unwrap();
    for change in [(|it| it.consumer = "https://evil.example/acs".into()) as fn(&mut SignOn), |it| {
        it.sp = "https://nobody.example".into()
    }] {
        let outcome = issue(change);
        assert!(matches!(outcome, Err(IssueError::UnknownSp)), "{outcome:?}");
    }
}

/// Of two answers to one request that come at the same time, both find it open, and one takes it.
#[test]
fn a_request_that_another_answer_has_taken_meanwhile_is_not_answered_again() {
    let world = World::new();
    let taken = world.ports.clone().with_ephemeral(Arc::new(Taken(world.ports.clone())));
    let late = ServiceProvider::new(taken, config(), [partner(IDP_ID, &IDP)]);
    let xml = Says::new(&world, Some(&world.start())).by_both(&IDP);
    let outcome = block_on(late.accept(Some(&world.browser), &post("SAMLResponse", &xml)));
    assert!(matches!(outcome, Err(Reject::InResponseTo)), "{outcome:?}");
    world.accept(&xml).unwrap();
}

/// A store in which somebody else is always first to take.
#[derive(Debug)]
struct Taken(Ports);

#[async_trait]
impl Ephemeral for Taken {
    async fn put(&self, key: &EphemeralKey, value: Vec<u8>, ttl: Duration) -> Result<(), PortError> {
        self.0.ephemeral().put(key, value, ttl).await
    }

    async fn get(&self, key: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        self.0.ephemeral().get(key).await
    }

    async fn take(&self, _: &EphemeralKey) -> Result<Option<Vec<u8>>, PortError> {
        Ok(None)
    }

    async fn put_if_absent(
        &self,
        key: &EphemeralKey,
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        self.0.ephemeral().put_if_absent(key, value, ttl).await
    }

    async fn increment(&self, key: &EphemeralKey, window: Duration) -> Result<u64, PortError> {
        self.0.ephemeral().increment(key, window).await
    }

    async fn compare_and_swap(
        &self,
        key: &EphemeralKey,
        old: &[u8],
        new: Vec<u8>,
        ttl: Duration,
    ) -> Result<bool, PortError> {
        self.0.ephemeral().compare_and_swap(key, old, new, ttl).await
    }
}
