//! Messages that are fetched: 45, and what 53, 54, 55 and 60 say of artifacts.

use ciam_saml::binding::ArtifactMessage;
use time::Duration;

use crate::report::Report;
use crate::sealed::SP_KEY;
use crate::support::*;
use crate::targets::*;
use crate::world::*;

pub(crate) fn run(report: &mut Report) {
    confusion(report);
    contents(report);
    headers(report);
    asked_once(report);
    kept(report);
}

/// A response is not genuine because of what it came in.
fn confusion(report: &mut Report) {
    let name = ARTIFACT_RESPONSE.name;
    type Content = fn(&Scene) -> String;
    let cases: [(&str, &Pair, Content); 8] = [
        ("another's response in it, unsigned", &IDP, |scene| {
            by_other(scene).response("", &by_other(scene).assertion(""))
        }),
        ("another's response in it, signed by the other", &IDP, |scene| by_other(scene).by_both(&OTHER)),
        ("another's response in it, signed by the first", &IDP, |scene| by_other(scene).by_both(&IDP)),
        ("its own response in it, unsigned", &IDP, |scene| {
            scene.says.response("", &scene.says.assertion(""))
        }),
        ("its own response in it, signed by another", &IDP, |scene| scene.says.by_both(&OTHER)),
        ("signed by another", &OTHER, |scene| scene.says.by_both(&IDP)),
        ("signed by another, around the other's", &OTHER, |scene| by_other(scene).by_both(&OTHER)),
        ("signed by us", &SP_KEY, |scene| scene.says.by_both(&IDP)),
    ];
    for (what, pair, content) in cases {
        let scene = Scene::new();
        let xml = signed_artifact_response(&scene, pair, &content(&scene));
        report.refused(45, name, what, judge_artifact_response(&scene, &xml));
    }
    let scene = Scene::new();
    let xml = envelope(&artifact_response(&scene, "", &scene.says.by_both(&IDP)));
    report.refused(45, name, "unsigned, around what is signed", judge_artifact_response(&scene, &xml));
    // The request was to the first provider; the artifact is one of the second, which answers for itself: with a response of its
    // own, or with one of the first that it came by.
    for first in [false, true] {
        let scene = Scene::new();
        let artifact = artifact_of(OTHER_ID, 0, 3);
        let browser = Some(&scene.world.browser);
        let resolution = block_on(scene.world.sp.start_resolution(browser, &artifact)).unwrap();
        let content = if first { scene.says.by_both(&IDP) } else { by_other(&scene).by_both(&OTHER) };
        let written = |signature: &str| {
            artifact_response(&scene, signature, &content)
                .replace(scene.resolution().request_id(), resolution.request_id())
                .replacen(IDP_ID, OTHER_ID, 1)
        };
        let signature = Recipe::new(&scene.outer_id).signature(&OTHER, &written(""));
        let message =
            ciam_saml::binding::SoapMessage::parse(envelope(&written(&signature)).as_bytes()).unwrap();
        let outcome = block_on(scene.world.sp.finish_resolution(browser, &resolution, &message));
        let outcome = outcome.map(|accepted| said(&accepted)).map_err(|reject| reason(&reject));
        report.refused(45, name, "the artifact is of another than was asked", outcome);
    }
    for (what, xml) in [
        ("the right one is accepted", (|scene: &Scene| scene.says.by_both(&IDP)) as Content),
        ("with an assertion that is signed", |scene| scene.says.by_assertion(&IDP)),
        ("without a destination", |scene| Says { destination: None, ..scene.says.clone() }.by_both(&IDP)),
    ] {
        let scene = Scene::new();
        let xml = signed_artifact_response(&scene, &IDP, &xml(&scene));
        report.holds(45, name, what, judge_artifact_response(&scene, &xml).is_ok());
    }
}

fn by_other(scene: &Scene) -> Says {
    Says { issuer: OTHER_ID.into(), response_issuer: Some(OTHER_ID.into()), ..scene.says.clone() }
}

/// There is one response in it, and nothing else.
fn contents(report: &mut Report) {
    let name = ARTIFACT_RESPONSE.name;
    type Content = fn(&Scene) -> String;
    let cases: [(u32, &str, Content); 7] = [
        (45, "nothing", |_| String::new()),
        (45, "an assertion", |scene| scene.says.signed_assertion(&IDP)),
        (45, "a request for logout", |scene| LOGOUT_REQUEST.good(scene)),
        (45, "an answer in the answer", |scene| {
            let inner = signed_artifact_response(scene, &IDP, &scene.says.by_both(&IDP));
            inner[inner.find("<samlp:ArtifactResponse").unwrap()..inner.find("</soap:Body>").unwrap()]
                .replace(&scene.outer_id, &fresh_id())
        }),
        (10, "two responses", |scene| {
            let mut second = scene.says.clone();
            (second.response_id, second.assertion_id) = (fresh_id(), fresh_id());
            format!("{}{}", scene.says.by_both(&IDP), second.by_both(&IDP))
        }),
        (57, "a failure", |scene| {
            let status = scene.says.status.replace("Success", "Responder");
            Says { status, ..scene.says.clone() }.by_both(&IDP)
        }),
        (53, "a response to another request", |scene| Says::new(&scene.world, Some("_x")).by_both(&IDP)),
    ];
    for (number, what, content) in cases {
        let scene = Scene::new();
        let xml = signed_artifact_response(&scene, &IDP, &content(&scene));
        report.refused(number, name, what, judge_artifact_response(&scene, &xml));
    }
    let scene = Scene::new();
    let good = ARTIFACT_RESPONSE.good(&scene);
    let body = good.replace("<soap:Body>", "<soap:Body><x></x>");
    report.refused(45, name, "something beside it", judge_artifact_response(&scene, &body));
    let fault = envelope("<soap:Fault><faultcode>soap:Server</faultcode></soap:Fault>");
    report.refused(45, name, "a fault", judge_artifact_response(&scene, &fault));
}

/// The answer's own words are held against what was asked.
fn headers(report: &mut Report) {
    let name = ARTIFACT_RESPONSE.name;
    for (number, what, from, to) in [
        (
            44,
            "another issuer",
            format!("<saml:Issuer>{IDP_ID}</saml:Issuer><samlp:Status>"),
            format!("<saml:Issuer>{OTHER_ID}</saml:Issuer><samlp:Status>"),
        ),
        (53, "to another request", "InResponseTo=\"_".to_owned(), "InResponseTo=\"_x".to_owned()),
        (55, "issued long ago", "IssueInstant=\"2026".to_owned(), "IssueInstant=\"2025".to_owned()),
        (57, "a failure", "status:Success".to_owned(), "status:Requester".to_owned()),
        (58, "another version", "Version=\"2.0\"".to_owned(), "Version=\"2.1\"".to_owned()),
    ] {
        let scene = Scene::new();
        let content = scene.says.by_both(&IDP);
        let element = artifact_response(&scene, "", &content).replacen(&from, &to, 1);
        let signature = Recipe::new(&scene.outer_id).signature(&IDP, &element);
        let xml = envelope(&element.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1));
        report.refused(number, name, what, judge_artifact_response(&scene, &xml));
    }
}

/// An artifact is asked for once, of those that are set up, for a browser.
fn asked_once(report: &mut Report) {
    let name = "artifact";
    let scene = Scene::new();
    let ask = |browser: bool, artifact: &ArtifactMessage| {
        let browser = browser.then_some(&scene.world.browser);
        block_on(scene.world.sp.start_resolution(browser, artifact))
            .map(|resolution| resolution.to().to_owned())
            .map_err(|reject| reason(&reject))
    };
    let asked = ask(true, &artifact_of(IDP_ID, 0, 1)) == Ok(ARTIFACTS.to_owned());
    report.holds(45, name, "it is asked for where its provider keeps it", asked);
    report.refused(54, name, "again", ask(true, &artifact_of(IDP_ID, 0, 1)));
    report.refused(45, name, "of nobody", ask(true, &artifact_of("https://nobody.example", 0, 2)));
    report.refused(45, name, "at an address that is not there", ask(true, &artifact_of(IDP_ID, 9, 2)));
    report.refused(60, name, "without a browser", ask(false, &artifact_of(IDP_ID, 0, 3)));
    // In another browser than the request's, the response is refused.
    let scene = Scene::new();
    let other = ciam_core::http::BrowserId::generate(scene.world.ports.entropy()).unwrap();
    let message = ciam_saml::binding::SoapMessage::parse(ARTIFACT_RESPONSE.good(&scene).as_bytes()).unwrap();
    let outcome = block_on(scene.world.sp.finish_resolution(Some(&other), scene.resolution(), &message));
    let outcome = outcome.map(|accepted| said(&accepted)).map_err(|reject| reason(&reject));
    report.refused(60, ARTIFACT_RESPONSE.name, "in another browser", outcome);
}

/// A message is given out once, to whom it is for, while it is kept.
fn kept(report: &mut Report) {
    let name = ARTIFACT_RESOLVE.name;
    let scene = Scene::new();
    let with = |change: &dyn Fn(String) -> String, pair: &Pair| {
        let id = fresh_id();
        let element = |signature: &str| {
            change((ARTIFACT_RESOLVE.element)(&scene, signature)).replace(&scene.outer_id, &id)
        };
        judge_artifact_resolve(&scene, &envelope(&element(&Recipe::new(&id).signature(pair, &element("")))))
    };
    let same = |text: String| text;
    report.refused(45, name, "by another service", with(&|text| text.replace(SP, SECOND), &OTHER));
    report.refused(45, name, "for another service", with(&|text| text.replace(SP, SECOND), &SP_KEY));
    report.refused(45, name, "at another address", with(&|text| text.replace(ARTIFACTS, SSO), &SP_KEY));
    report.refused(
        45,
        name,
        "another artifact",
        with(&|text| text.replace(scene.artifact(), "AAQAAA=="), &SP_KEY),
    );
    report.refused(
        55,
        name,
        "of yesterday",
        with(&|text| text.replace("IssueInstant=\"2026", "IssueInstant=\"2025"), &SP_KEY),
    );
    report.holds(45, name, "the service gets it", with(&same, &SP_KEY).is_ok());
    report.refused(54, name, "again", with(&same, &SP_KEY));
    let scene = Scene::new();
    let xml = ARTIFACT_RESOLVE.good(&scene);
    scene.world.clock.advance(Duration::seconds(61));
    report.refused(54, name, "too late", judge_artifact_resolve(&scene, &xml));
}
