//! The rules of the profiles: 51 to 66 and 70 to 72.

use ciam_saml::binding::{PostMessage, RedirectMessage};
use ciam_saml::idp::{Person, SpPartner};
use ciam_saml::metadata::{EntityDescriptor, MetadataTrust, Seen};
use ciam_saml::model::Attribute;
use ciam_saml::sp::Start;
use ciam_saml::transport::{Incoming, Outgoing};
use time::Duration;

use crate::report::Report;
use crate::support::*;
use crate::targets::*;
use crate::world::*;

type Change = fn(&Scene, &mut Says);

const RULES: [(u32, &str, Change); 36] = [
    (51, "another audience", |_, s| s.conditions = s.conditions.replace(SP, OTHER_ID)),
    (51, "no restriction", |_, s| s.conditions.clear()),
    (51, "an empty restriction", |_, s| {
        s.conditions = "<saml:AudienceRestriction></saml:AudienceRestriction>".into()
    }),
    (51, "two restrictions", |_, s| {
        s.conditions = format!("{0}{1}", s.conditions, s.conditions.replace(SP, OTHER_ID))
    }),
    (52, "another recipient", |_, s| s.recipient = Some("https://sp.example/".into())),
    (52, "no recipient", |_, s| s.recipient = None),
    (52, "a longer recipient", |_, s| s.recipient = Some(format!("{ACS}.evil"))),
    (52, "a slash more", |_, s| s.recipient = Some(format!("{ACS}/"))),
    (52, "another destination", |_, s| s.destination = Some(format!("{ACS}.evil"))),
    (52, "a destination in capitals", |_, s| s.destination = Some(ACS.to_uppercase())),
    (52, "a destination with a port", |_, s| s.destination = Some("https://sp.example:443/saml/acs".into())),
    (53, "no request", |_, s| s.in_response_to = None),
    (53, "an unknown request", |_, s| s.in_response_to = Some("_x".into())),
    (53, "confirmed for another", |_, s| s.confirmed_request = Some("_x".into())),
    (53, "confirmed for none", |_, s| s.confirmed_request = None),
    (55, "not before", |w, s| s.not_before = at(w.now() + Duration::minutes(3))),
    (55, "not on or after", |w, s| s.not_on_or_after = at(w.now() - Duration::minutes(3))),
    (55, "the session is over", |w, s| s.session_end = at(w.now() - Duration::minutes(3))),
    (55, "no time zone", |_, s| s.not_before = "2026-01-01T12:00:00".into()),
    (55, "a leap second", |_, s| s.not_before = "2016-12-31T23:59:60Z".into()),
    (55, "an absurd year", |_, s| s.not_on_or_after = "99999-01-01T00:00:00Z".into()),
    (55, "thirteen digits", |_, s| s.not_before = "2026-01-01T12:00:00.0000000000000Z".into()),
    (55, "issued long ago", |w, s| s.assertion_issued = at(w.now() - Duration::days(1))),
    (56, "sender vouches", |_, s| s.method = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches".into()),
    (56, "holder of key", |_, s| s.method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key".into()),
    (56, "a bearer with a beginning", |w, s| {
        s.confirmation_extra = format!(r#" NotBefore="{}""#, at(w.now()))
    }),
    (56, "a bearer without an end", |_, s| s.confirmation_end = None),
    (57, "a failure", |_, s| s.status = s.status.replace("Success", "Responder")),
    (57, "an unknown status", |_, s| s.status = s.status.replace("Success", "Successful")),
    (57, "no status", |_, s| s.status.clear()),
    (58, "version 1.1", |_, s| s.version = "1.1".into()),
    (58, "an identifier that is none", |_, s| s.assertion_id = "1".into()),
    (58, "an empty identifier", |_, s| s.assertion_id = String::new()),
    (58, "no instant", |_, s| s.assertion_issued = String::new()),
    (59, "an unknown condition", |_, s| s.conditions.push_str(r#"<x:Weather xmlns:x="urn:x"></x:Weather>"#)),
    (59, "a condition by type", |_, s| s.conditions.push_str("<saml:Condition></saml:Condition>")),
];

pub(crate) fn run(report: &mut Report) {
    for target in RESPONSES {
        for (number, what, change) in RULES {
            let mut scene = Scene::new();
            let mut says = scene.says.clone();
            change(&scene, &mut says);
            scene.says = says;
            report.refused(number, target.name, what, (target.judge)(&scene, &target.good(&scene)));
        }
        replays(report, target);
        freshness(report, target);
    }
    relay_states(report);
    consumers(report);
    injection(report);
    redirects(report);
    logout(report);
    metadata(report);
}

fn replays(report: &mut Report, target: Target) {
    let scene = Scene::new();
    let xml = target.good(&scene);
    report.holds(54, target.name, "the first is accepted", (target.judge)(&scene, &xml).is_ok());
    report.refused(54, target.name, "again", (target.judge)(&scene, &xml));
    for minutes in [1, 4, 6, 12] {
        scene.world.clock.advance(Duration::minutes(minutes));
        report.refused(54, target.name, "later", (target.judge)(&scene, &xml));
    }
    let scene = Scene::new();
    let other = ciam_core::http::BrowserId::generate(scene.world.ports.entropy()).unwrap();
    for browser in [Some(&other), None] {
        let outcome = scene.world.accept_from(browser, &target.good(&scene));
        let outcome = outcome.map(|accepted| said(&accepted)).map_err(|reject| reason(&reject));
        report.refused(60, target.name, "in another browser", outcome);
    }
    let mut scene = Scene::new();
    scene.says.in_response_to = None;
    scene.says.confirmed_request = None;
    report.refused(60, target.name, "that nobody asked for", (target.judge)(&scene, &target.good(&scene)));
}

fn freshness(report: &mut Report, target: Target) {
    let mut scene = Scene::new();
    let request = scene.world.start_with(Start::new().with_force_authn());
    scene.says = Says::new(&scene.world, Some(&request));
    scene.says.authn_instant = at(scene.now() - Duration::minutes(5));
    report.refused(55, target.name, "an old authentication", (target.judge)(&scene, &target.good(&scene)));
}

fn relay_states(report: &mut Report) {
    let message = b64(b"<a/>").replace('=', "%3D");
    for bad in ["a%0d%0aLocation:x", "%00", &"x".repeat(1025)] {
        let form = format!("SAMLResponse={message}&RelayState={bad}");
        let outcome =
            PostMessage::parse(form.as_bytes()).map(|_| "read".to_owned()).map_err(|error| reason(&error));
        report.refused(61, "POST", "control characters or too long", outcome);
    }
    // An address that comes with an answer is not where the person is sent.
    let scene = Scene::new();
    let accepted = scene.world.accept(&scene.says.by_both(&IDP)).unwrap();
    report.holds(61, "POST", "the target is our own", accepted.target.as_deref() == Some("/inbox"));
    let started =
        block_on(scene.world.sp.start(&scene.world.browser, IDP_ID, Start::new().with_target("/secret")))
            .unwrap();
    let Outgoing::Redirect(url) = started.outgoing else { return };
    report.holds(
        61,
        "Redirect",
        "the target is not sent",
        !url.contains("secret") && !url.contains("RelayState"),
    );
}

fn consumers(report: &mut Report) {
    let scene = Scene::new();
    for (what, attribute) in [
        ("another address", r#" AssertionConsumerServiceURL="https://evil.example/""#),
        ("a script", r#" AssertionConsumerServiceURL="javascript:alert(1)""#),
        ("an index that is not there", r#" AssertionConsumerServiceIndex="9""#),
    ] {
        let element = |signature: &str| {
            (AUTHN_REQUEST.element)(&scene, signature).replacen(
                " Destination=",
                &format!("{attribute} Destination="),
                1,
            )
        };
        let signature = Recipe::new(&scene.says.response_id).signature(&crate::sealed::SP_KEY, &element(""));
        let outcome = (AUTHN_REQUEST.judge)(&scene, &element(&signature));
        report.refused(62, AUTHN_REQUEST.name, what, outcome);
    }
    for url in ["javascript:alert(1)", "http://sp.example/", "data:text/html,x"] {
        report.holds(
            62,
            METADATA.name,
            "an address that is none is refused",
            SpPartner::new(SP, url).is_err(),
        );
        let entity = (METADATA.element)(&scene, "").replace("https://other.example/sso", url);
        report.holds(
            62,
            METADATA.name,
            "an address that is none is refused",
            EntityDescriptor::parse(entity.as_bytes()).is_err(),
        );
    }
}

fn injection(report: &mut Report) {
    let scene = Scene::new();
    let started = block_on(scene.world.sp.start(&scene.world.browser, IDP_ID, Start::new())).unwrap();
    let Outgoing::Redirect(url) = started.outgoing else { return };
    let _query = RedirectMessage::from_raw_query(url.split_once('?').unwrap().1).unwrap();
    let xml = AUTHN_REQUEST.good(&scene);
    let mut sign_on = scene.idp.receive(Incoming::Post(&post("SAMLRequest", &xml))).unwrap();
    sign_on.request_id = Some(started.request_id);
    let hostile = "</saml:AttributeValue></saml:Attribute><saml:Attribute Name=\"admin\">\"'&<!--";
    let person = Person::new("account", "session", scene.now(), PASSWORD).with_attributes([Attribute::new(
        "mail",
        "f",
        [hostile],
    )]);
    let issued = block_on(scene.idp.issue(&sign_on, &person)).unwrap();
    let body = format!(
        "SAMLResponse={}",
        issued.outgoing.form().unwrap().message.replace('+', "%2B").replace('=', "%3D")
    );
    let accepted = block_on(
        scene.world.sp.accept(Some(&scene.world.browser), &PostMessage::parse(body.as_bytes()).unwrap()),
    );
    let same = accepted.is_ok_and(|accepted| accepted.person.values("mail").eq([hostile]));
    report.holds(63, BY_ASSERTION.name, "a hostile value stays a value", same);
    let mut form = issued.outgoing.form().unwrap().clone();
    form.relay_state = Some("\"><script>alert(1)</script>".into());
    form.action = "https://sp.example/'\"><script>".into();
    let page = form.html("bm9uY2U=");
    report.holds(
        64,
        "POST",
        "nothing breaks out of the page",
        page.matches("<script").count() == 1 && !page.contains("'\""),
    );
}

fn redirects(report: &mut Report) {
    let escape = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pack = |bytes: &[u8]| escape(&b64(&miniz_oxide::deflate::compress_to_vec(bytes, 9)));
    let message = pack(b"<a/>");
    let unsigned = format!("SAMLRequest={message}&RelayState=x&SigAlg={}", escape(RSA_SHA256));
    let good = format!("{unsigned}&Signature={}", escape(&b64(&IDP.sign(unsigned.as_bytes()))));
    let verify = |query: &str| {
        let message = RedirectMessage::from_raw_query(query).map_err(|error| reason(&error))?;
        message
            .verify(&IDP.trusted(), &Default::default())
            .map(|_| "verified".to_owned())
            .map_err(|error| reason(&error))
    };
    report.holds(65, "Redirect", "the query itself is verified", verify(&good).is_ok());
    for bad in [
        format!("{good}&SAMLResponse={message}"),
        format!("{good}&SAMLRequest={message}"),
        format!("{good}&RelayState=y"),
        format!("{good}&SigAlg=x"),
        format!("{good}&SAML%52esponse={message}"),
        good.replace("RelayState=x", "RelayState=y"),
        good.replace("&RelayState=x", ""),
        good.replace("sha256", "sha512"),
        good.replace("SAMLRequest", "SAMLResponse"),
    ] {
        report.refused(65, "Redirect", "smuggled", verify(&bad));
    }
    let zlib = escape(&b64(&miniz_oxide::deflate::compress_to_vec_zlib(b"<a/>", 6)));
    let mut trailing = miniz_oxide::deflate::compress_to_vec(b"<a/>", 6);
    trailing.push(0);
    for bad in [pack(&vec![b'x'; 32 * 1024 * 1024]), zlib, escape(&b64(&trailing))] {
        let outcome = RedirectMessage::from_raw_query(&format!("SAMLRequest={bad}"));
        report.refused(
            66,
            "Redirect",
            "a bomb",
            outcome.map(|_| "read".to_owned()).map_err(|error| reason(&error)),
        );
    }
}

fn logout(report: &mut Report) {
    let name = LOGOUT_REQUEST.name;
    let scene = Scene::new();
    let good = LOGOUT_REQUEST.good(&scene);
    report.holds(70, name, "the request itself is accepted", (LOGOUT_REQUEST.judge)(&scene, &good).is_ok());
    report.refused(70, name, "again", (LOGOUT_REQUEST.judge)(&scene, &good));
    let with = |change: &dyn Fn(String) -> String| {
        let scene = Scene::new();
        let element = |signature: &str| change((LOGOUT_REQUEST.element)(&scene, signature));
        let signature = Recipe::new(&scene.says.response_id).signature(&IDP, &element(""));
        (LOGOUT_REQUEST.judge)(&scene, &element(&signature))
    };
    report.refused(70, name, "another destination", with(&|text| text.replace(SLO, "https://sp.example/")));
    report.refused(
        70,
        name,
        "no destination",
        with(&|text| text.replace(&format!(r#" Destination="{SLO}""#), "")),
    );
    report.refused(
        70,
        name,
        "over",
        with(&|text| text.replace(" ID=", r#" NotOnOrAfter="2025-01-01T00:00:00Z" ID="#)),
    );
    report.refused(70, name, "another issuer", with(&|text| text.replace(IDP_ID, OTHER_ID)));
    let scene = Scene::new();
    scene.logout_id.set("_none".to_owned()).unwrap();
    let xml = LOGOUT_RESPONSE.good(&scene);
    report.refused(70, LOGOUT_RESPONSE.name, "to no request", (LOGOUT_RESPONSE.judge)(&scene, &xml));
    let scene = Scene::new();
    let xml = LOGOUT_RESPONSE.good(&scene);
    report.holds(
        70,
        LOGOUT_RESPONSE.name,
        "the answer itself is accepted",
        (LOGOUT_RESPONSE.judge)(&scene, &xml).is_ok(),
    );
    report.refused(70, LOGOUT_RESPONSE.name, "again", (LOGOUT_RESPONSE.judge)(&scene, &xml));
}

fn metadata(report: &mut Report) {
    let name = METADATA.name;
    let scene = Scene::new();
    let load = |text: &str, seen: Option<&Seen>, id: &str| {
        MetadataTrust::new(IDP.trusted())
            .load_entity(&**CRYPTO, text.as_bytes(), id, seen, scene.now())
            .map(|_| "loaded".to_owned())
            .map_err(|error| reason(&error))
    };
    let with = |change: &dyn Fn(String) -> String| {
        let element = |signature: &str| change((METADATA.element)(&scene, signature));
        element(&Recipe::new(&scene.says.response_id).signature(&IDP, &element("")))
    };
    let until = format!(r#" validUntil="{}""#, at(scene.now() + Duration::days(7)));
    report.refused(71, name, "no end", load(&with(&|text| text.replace(&until, "")), None, OTHER_ID));
    let past = until.replace("2026-01-08", "2025-01-08");
    report.refused(71, name, "over", load(&with(&|text| text.replace(&until, &past)), None, OTHER_ID));
    let far = until.replace("2026-01-08", "2036-01-08");
    report.refused(71, name, "too far", load(&with(&|text| text.replace(&until, &far)), None, OTHER_ID));
    report.refused(71, name, "another entity", load(&with(&|text| text), None, IDP_ID));
    let newer = MetadataTrust::new(IDP.trusted())
        .load(&**CRYPTO, with(&|text| text).as_bytes(), None, scene.now())
        .unwrap()
        .seen;
    let older = until.replace("2026-01-08", "2026-01-07");
    report.refused(
        71,
        name,
        "an older one",
        load(&with(&|text| text.replace(&until, &older)), Some(&newer), OTHER_ID),
    );
    let group = |content: &str| {
        let id = fresh_id();
        let element = |signature: &str| {
            format!(
                r#"<md:EntitiesDescriptor xmlns:md="{MD}" ID="{id}"{until}>{signature}{content}</md:EntitiesDescriptor>"#
            )
        };
        element(&Recipe::new(&id).signature(&IDP, &element("")))
    };
    let bare = (METADATA.element)(&scene, "").replace(&format!(r#" ID="{}""#, scene.says.response_id), "");
    report.refused(71, name, "an entity twice", load(&group(&bare.repeat(2)), None, OTHER_ID));
    let inner = with(&|text| text);
    let around =
        format!(r#"<md:EntitiesDescriptor xmlns:md="{MD}" ID="_o"{until}>{inner}</md:EntitiesDescriptor>"#);
    report.refused(71, name, "signed inside only", load(&around, None, OTHER_ID));
    let big = format!("<a>{}</a>", "x".repeat(5 * 1024 * 1024));
    report.refused(71, name, "too large", load(&big, None, OTHER_ID));
    // What the peer says about ciphers does not weaken ours.
    let sp = format!(
        r#"<md:EntityDescriptor xmlns:md="{MD}" entityID="{SP}"><md:SPSSODescriptor protocolSupportEnumeration="{SAMLP}"><md:KeyDescriptor use="encryption"><ds:KeyInfo xmlns:ds="{DSIG}"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo><md:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#tripledes-cbc"></md:EncryptionMethod></md:KeyDescriptor><md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{ACS}" index="0"></md:AssertionConsumerService></md:SPSSODescriptor></md:EntityDescriptor>"#,
        b64(&crate::sealed::SP_KEY.certificate)
    );
    let partner = EntityDescriptor::parse(sp.as_bytes()).unwrap().sp_partner(&**CRYPTO).unwrap();
    let partner = format!("{partner:?}");
    report.holds(
        72,
        name,
        "a weak cipher in metadata is not used",
        partner.contains("Aes128Gcm") && !partner.contains("Cbc"),
    );
}
