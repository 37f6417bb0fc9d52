//! SAML profiles, section 4.1: what a service provider accepts, and what it refuses.

use ciam_saml::dsig::SignatureError;
use ciam_saml::model::{ShapeError, StatusCode};
use ciam_saml::sp::{Reject, Required, Start, StartError};
use ciam_saml::transport::Outgoing;
use time::Duration;

use crate::support::*;
use crate::world::*;

type Way = fn(&Says, &Pair) -> String;

/// The three places of signatures.
const WAYS: [(&str, Way); 3] =
    [("assertion", Says::by_assertion), ("response", Says::by_response), ("both", Says::by_both)];

fn refused(what: &str, change: impl Fn(&World, &mut Says), expected: fn(&Reject) -> bool) {
    for (way, sign) in WAYS {
        let world = World::new();
        let request = world.start();
        let mut says = Says::new(&world, Some(&request));
        change(&world, &mut says);
        match world.accept(&sign(&says, &IDP)) {
            Err(reject) => assert!(expected(&reject), "{what}, {way} signed: {reject:?}"),
            Ok(accepted) => panic!("{what}, {way} signed: {accepted:?}"),
        }
    }
}

#[test]
fn a_person_comes_back_authenticated() {
    for (way, sign) in WAYS {
        let world = World::new();
        let request = world.start();
        let accepted = world.accept(&sign(&Says::new(&world, Some(&request)), &IDP)).unwrap();
        let person = accepted.person;
        assert_eq!(person.name_id.value, "ada@example.com", "{way}");
        assert_eq!(person.idp, IDP_ID);
        assert_eq!(person.values("mail").collect::<Vec<_>>(), ["ada@example.com"]);
        assert_eq!(person.authn_context.as_deref(), Some(PASSWORD));
        assert_eq!(person.session_index.as_deref(), Some("_s1"));
        assert_eq!(person.authenticated_at, world.now());
        assert_eq!(accepted.target.as_deref(), Some("/inbox"));
        assert!(accepted.unsolicited.is_none());
    }
}

#[test]
fn profiles_4_1_4_1_the_request_says_what_is_wanted() {
    let world =
        World::with(config().with_signer(OTHER.signer()), partner(IDP_ID, &IDP).with_signed_requests());
    let start = Start::new()
        .with_force_authn()
        .with_passive()
        .with_authn_context([PASSWORD])
        .with_name_id_format("f");
    let started = block_on(world.sp.start(&world.browser, IDP_ID, start)).unwrap();
    let Outgoing::Redirect(url) = started.outgoing else { panic!() };
    let query = url.strip_prefix("https://idp.example/sso?").unwrap();
    let message = ciam_saml::binding::RedirectMessage::from_raw_query(query).unwrap();
    message.verify(&OTHER.trusted(), &Default::default()).unwrap();
    assert_eq!(message.verify(&IDP.trusted(), &Default::default()).unwrap_err(), SignatureError::Invalid);
    let xml = std::str::from_utf8(message.xml(ciam_saml::binding::Direction::Request).unwrap()).unwrap();
    for part in [
        r#"ForceAuthn="true""#,
        r#"IsPassive="true""#,
        r#"Version="2.0""#,
        &format!(r#"AssertionConsumerServiceURL="{ACS}""#),
        r#"Destination="https://idp.example/sso""#,
        &format!("<saml:Issuer>{SP}</saml:Issuer>"),
        &format!("<saml:AuthnContextClassRef>{PASSWORD}</saml:AuthnContextClassRef>"),
        &started.request_id,
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
    let error = block_on(world.sp.start(&world.browser, "https://nobody.example", Start::new())).unwrap_err();
    assert!(matches!(error, StartError::UnknownIdp));
}

#[test]
fn nothing_is_accepted_without_a_signature_of_the_right_key() {
    let unsigned = |r: &Reject| matches!(r, Reject::Signature(SignatureError::Unsigned));
    let invalid = |r: &Reject| matches!(r, Reject::Signature(SignatureError::Invalid));
    let world = World::new();
    let request = world.start();
    let says = Says::new(&world, Some(&request));
    assert!(unsigned(&world.accept(&says.response("", &says.assertion(""))).unwrap_err()));
    for (_, sign) in WAYS {
        assert!(invalid(&world.accept(&sign(&says, &OTHER)).unwrap_err()));
    }
    for required in [Required::Response, Required::Both] {
        let world = World::with(config(), partner(IDP_ID, &IDP).with_required(required));
        let says = Says::new(&world, Some(&world.start()));
        assert!(unsigned(&world.accept(&says.by_assertion(&IDP)).unwrap_err()));
        world.accept(&says.by_both(&IDP)).unwrap();
    }
    for required in [Required::Assertion, Required::Both] {
        let world = World::with(config(), partner(IDP_ID, &IDP).with_required(required));
        let says = Says::new(&world, Some(&world.start()));
        assert!(unsigned(&world.accept(&says.by_response(&IDP)).unwrap_err()));
    }
}

#[test]
fn each_check_refuses_for_its_own_reason() {
    refused(
        "another audience",
        |_, s| s.conditions = s.conditions.replace(SP, OTHER_ID),
        |r| matches!(r, Reject::Audience),
    );
    refused("no audience", |_, s| s.conditions.clear(), |r| matches!(r, Reject::Audience));
    refused(
        "audience with spaces",
        |_, s| s.conditions = s.conditions.replace(SP, &format!(" {SP} ")),
        |r| matches!(r, Reject::Audience),
    );
    refused(
        "two restrictions are both to hold",
        |_, s| {
            let other = s.conditions.replace(SP, OTHER_ID);
            s.conditions.push_str(&other);
        },
        |r| matches!(r, Reject::Audience),
    );
    refused(
        "an unknown condition",
        |_, s| s.conditions.push_str(r#"<x:Weather xmlns:x="urn:x"></x:Weather>"#),
        |r| matches!(r, Reject::Condition),
    );
    refused(
        "another recipient",
        |_, s| s.recipient = Some(format!("{ACS}/")),
        |r| matches!(r, Reject::Confirmation),
    );
    refused("no recipient", |_, s| s.recipient = None, |r| matches!(r, Reject::Confirmation));
    refused(
        "another method",
        |_, s| s.method = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches".into(),
        |r| matches!(r, Reject::Confirmation),
    );
    refused(
        "a bearer with a beginning",
        |w, s| s.confirmation_extra = format!(r#" NotBefore="{}""#, at(w.now())),
        |r| matches!(r, Reject::Confirmation),
    );
    refused(
        "a bearer without an end",
        |_, s| s.confirmation_end = None,
        |r| matches!(r, Reject::Confirmation),
    );
    refused(
        "the confirmation is over",
        |w, s| s.confirmation_end = Some(at(w.now() - Duration::minutes(1))),
        |r| matches!(r, Reject::Confirmation),
    );
    refused(
        "the confirmation is for no request",
        |_, s| s.confirmed_request = None,
        |r| matches!(r, Reject::Confirmation),
    );
    refused(
        "the confirmation is for another request",
        |_, s| s.confirmed_request = Some("_x".into()),
        |r| matches!(r, Reject::Confirmation),
    );
    for destination in
        ["https://sp.example/saml/acs.evil", "https://SP.example/saml/acs", "https://sp.example:443/saml/acs"]
    {
        refused(
            destination,
            |_, s| s.destination = Some(destination.into()),
            |r| matches!(r, Reject::Destination),
        );
    }
    refused("the assertion's issuer", |_, s| s.issuer = OTHER_ID.into(), |r| matches!(r, Reject::Issuer));
    refused(
        "the issuer with a space",
        |_, s| s.issuer = format!("{IDP_ID} "),
        |r| matches!(r, Reject::Issuer),
    );
    refused(
        "the response's issuer",
        |_, s| s.response_issuer = Some(OTHER_ID.into()),
        |r| matches!(r, Reject::Issuer),
    );
    refused(
        "version 1.1",
        |_, s| s.version = "1.1".into(),
        |r| matches!(r, Reject::Shape(ShapeError::Version)),
    );
    refused(
        "not yet valid",
        |w, s| s.not_before = at(w.now() + Duration::minutes(2)),
        |r| matches!(r, Reject::Time),
    );
    refused(
        "no longer valid",
        |w, s| s.not_on_or_after = at(w.now() - Duration::minutes(1)),
        |r| matches!(r, Reject::Time),
    );
    refused(
        "issued in the future",
        |w, s| s.assertion_issued = at(w.now() + Duration::minutes(2)),
        |r| matches!(r, Reject::Time),
    );
    refused(
        "issued long ago",
        |w, s| s.assertion_issued = at(w.now() - Duration::minutes(11)),
        |r| matches!(r, Reject::Time),
    );
    refused(
        "the response is old",
        |w, s| s.issued = at(w.now() - Duration::minutes(11)),
        |r| matches!(r, Reject::Time),
    );
    refused(
        "the session is over",
        |w, s| s.session_end = at(w.now() - Duration::minutes(1)),
        |r| matches!(r, Reject::Time),
    );
    refused(
        "authenticated in the future",
        |w, s| s.authn_instant = at(w.now() + Duration::minutes(2)),
        |r| matches!(r, Reject::Time),
    );
    refused(
        "no instant",
        |_, s| s.authn_instant.clear(),
        |r| matches!(r, Reject::Shape(ShapeError::Instant)),
    );
    refused(
        "a failure with an assertion",
        |_, s| s.status = s.status.replace("Success", "Responder"),
        |r| matches!(r, Reject::Status(status) if status.code == StatusCode::Responder),
    );
    refused(
        "a name that is no name",
        |_, s| s.assertion_id = "1x".into(),
        |r| matches!(r, Reject::Shape(ShapeError::Id)),
    );
}

#[test]
fn a_signed_response_has_to_say_where_it_goes() {
    let world = World::new();
    let mut says = Says::new(&world, Some(&world.start()));
    says.destination = None;
    assert!(matches!(world.accept(&says.by_response(&IDP)), Err(Reject::Destination)));
    world.accept(&says.by_assertion(&IDP)).unwrap();
}

#[test]
fn clocks_may_be_a_minute_apart_and_no_more() {
    for (offset, accepted) in [(59, true), (60, true), (61, false)] {
        let world = World::new();
        let mut says = Says::new(&world, Some(&world.start()));
        says.not_before = at(world.now() + Duration::seconds(offset));
        assert_eq!(world.accept(&says.by_assertion(&IDP)).is_ok(), accepted, "not before, {offset} s");
        let world = World::new();
        let mut says = Says::new(&world, Some(&world.start()));
        says.not_on_or_after = at(world.now() - Duration::seconds(offset));
        assert_eq!(
            world.accept(&says.by_assertion(&IDP)).is_ok(),
            offset < 60,
            "not on or after, {offset} s"
        );
    }
}

#[test]
fn one_acceptable_confirmation_among_several_is_enough() {
    let world = World::new();
    let mut says = Says::new(&world, Some(&world.start()));
    says.more_confirmations =
        r#"<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"></saml:SubjectConfirmation>"#.into();
    world.accept(&says.by_assertion(&IDP)).unwrap();
}

#[test]
fn an_answer_is_for_one_request_of_one_browser_and_is_taken_once() {
    let world = World::new();
    let request = world.start();
    let says = Says::new(&world, Some(&request));
    let other = ciam_core::http::BrowserId::generate(world.ports.entropy()).unwrap();
    let xml = says.by_assertion(&IDP);
    assert!(matches!(world.accept_from(Some(&other), &xml), Err(Reject::OtherBrowser)));
    assert!(matches!(world.accept_from(None, &xml), Err(Reject::OtherBrowser)));
    world.accept(&xml).unwrap();
    assert!(matches!(world.accept(&xml), Err(Reject::InResponseTo)));
    // The same assertion for another request: the confirmation is for the first.
    let again = world.start();
    let mut wrapped = says.clone();
    wrapped.in_response_to = Some(again);
    wrapped.response_id = "_another".into();
    let moved = wrapped.response("", &says.signed_assertion(&IDP));
    assert!(matches!(world.accept(&moved), Err(Reject::Confirmation)));
    assert!(matches!(
        world.accept(&Says::new(&world, Some("_unknown")).by_both(&IDP)),
        Err(Reject::InResponseTo)
    ));
}

#[test]
fn a_request_is_open_for_half_an_hour() {
    let world = World::new();
    let request = world.start();
    world.clock.advance(Duration::minutes(31));
    assert!(matches!(
        world.accept(&Says::new(&world, Some(&request)).by_both(&IDP)),
        Err(Reject::InResponseTo)
    ));
}

#[test]
fn a_refused_answer_leaves_the_request_open() {
    let world = World::new();
    let request = world.start();
    let says = Says::new(&world, Some(&request));
    assert!(world.accept(&says.by_assertion(&OTHER)).is_err());
    world.accept(&says.by_assertion(&IDP)).unwrap();
}

#[test]
fn unsolicited_answers_need_a_switch_and_are_taken_once() {
    let world = World::new();
    let says = Says::new(&world, None);
    assert!(matches!(world.accept(&says.by_both(&IDP)), Err(Reject::Unsolicited)));

    let world = World::with(config(), partner(IDP_ID, &IDP).dangerous_allow_unsolicited());
    let xml = Says::new(&world, None).by_both(&IDP);
    let accepted = world.accept_from(None, &xml).unwrap();
    assert!(accepted.unsolicited.is_some() && accepted.target.is_none());
    assert!(matches!(world.accept(&xml), Err(Reject::Replay)));
    for minutes in 1..12 {
        world.clock.advance(Duration::minutes(1));
        assert!(world.accept(&xml).is_err(), "after {minutes} minutes");
    }
    // An answer to somebody's request is not unsolicited, whoever took the attribute off.
    let says = Says::new(&world, Some("_theirs"));
    let mut off = says.clone();
    off.in_response_to = None;
    let xml = off.response("", &says.signed_assertion(&IDP));
    assert!(matches!(world.accept(&xml), Err(Reject::Confirmation)));
    let unknown = Says { response_issuer: Some("https://nobody.example".into()), ..Says::new(&world, None) };
    assert!(matches!(world.accept(&unknown.by_both(&IDP)), Err(Reject::UnknownIdp)));
}

#[test]
fn the_keys_are_those_of_the_provider_that_was_asked() {
    // Both are known; one signs in the name of the other, for a request to the other.
    let world = World::new();
    let request = world.start();
    let says = Says::new(&world, Some(&request));
    for (_, sign) in WAYS {
        assert!(matches!(
            world.accept(&sign(&says, &OTHER)),
            Err(Reject::Signature(SignatureError::Invalid))
        ));
    }
    let mut own_name = says.clone();
    own_name.issuer = OTHER_ID.into();
    own_name.response_issuer = Some(OTHER_ID.into());
    for (_, sign) in WAYS {
        assert!(matches!(
            world.accept(&sign(&own_name, &OTHER)),
            Err(Reject::Signature(SignatureError::Invalid))
        ));
    }
}

#[test]
fn what_was_asked_for_is_what_is_answered() {
    let world = World::new();
    let request = world.start_with(Start::new().with_force_authn());
    let mut says = Says::new(&world, Some(&request));
    says.authn_instant = at(world.now() - Duration::minutes(2));
    assert!(matches!(world.accept(&says.by_both(&IDP)), Err(Reject::NotFresh)));
    says.authn_instant = at(world.now());
    world.accept(&says.by_both(&IDP)).unwrap();

    let request = world.start_with(Start::new().with_authn_context(["https://refeds.org/profile/mfa"]));
    let mut says = Says::new(&world, Some(&request));
    assert!(matches!(world.accept(&says.by_both(&IDP)), Err(Reject::AuthnContext)));
    says.class = "https://refeds.org/profile/mfa".into();
    world.accept(&says.by_both(&IDP)).unwrap();
}

#[test]
fn advice_and_unsigned_words_are_never_read() {
    let world = World::new();
    let mut says = Says::new(&world, Some(&world.start()));
    let evil = Says { name_id: "eve@example.com".into(), assertion_id: "_advice".into(), ..says.clone() };
    says.advice = format!("<saml:Advice>{}</saml:Advice>", evil.assertion(""));
    let accepted = world.accept(&says.by_assertion(&IDP)).unwrap();
    assert_eq!(accepted.person.name_id.value, "ada@example.com");
}

#[test]
fn hostile_values_are_values() {
    let world = World::new();
    let mut says = Says::new(&world, Some(&world.start()));
    says.name_id = "a&amp;b&lt;/saml:NameID&gt;<![CDATA[<!-- -->]]>".into();
    let accepted = world.accept(&says.by_assertion(&IDP)).unwrap();
    assert_eq!(accepted.person.name_id.value, "a&b</saml:NameID><!-- -->");
    fn assert_send<T: Send>(_: T) {}
    assert_send(world.sp.accept(None, &post("SAMLResponse", "<a/>")));
}

#[test]
fn attributes_have_our_names_by_theirs() {
    let world = World::new();
    let mut says = Says::new(&world, Some(&world.start()));
    let attribute = |name: &str, friendly: &str, values: &[&str]| {
        let values: String =
            values.iter().map(|it| format!("<saml:AttributeValue>{it}</saml:AttributeValue>")).collect();
        format!(
            r#"<saml:Attribute FriendlyName="{friendly}" Name="{name}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri">{values}</saml:Attribute>"#
        )
    };
    says.attributes = [
        attribute("urn:oid:0.9.2342.19200300.100.1.3", "mail", &["ada@example.com"]),
        attribute("email", "x", &["ada@example.com"]),
        attribute("memberOf", "groups", &["one", "two"]),
        attribute("urn:other", "role", &["admin"]),
    ]
    .concat();
    let person = world.accept(&says.by_assertion(&IDP)).unwrap().person;
    let mapping = ciam_saml::sp::AttributeMapping::new()
        .with("mail", ["urn:oid:0.9.2342.19200300.100.1.3", "email"])
        .with("groups", ["memberOf"])
        .with("role", ["role"]);
    assert_eq!(mapping.one(&person, "mail"), Some("ada@example.com"));
    assert_eq!(mapping.values(&person, "groups"), ["one", "two"]);
    assert_eq!(mapping.one(&person, "groups"), None);
    assert_eq!(mapping.one(&person, "role"), None, "a friendly name is no name");
    assert_eq!(mapping.apply(&person).keys().copied().collect::<Vec<_>>(), ["groups", "mail"]);
}
