//! SAML beyond a sign-in: consents that are taken back, sessions that end in other ways, metadata that is fetched, and requests
//! that are handed on to an organization's identity provider.

use std::sync::Arc;

use ciam_core::{
    account::ReasonCode,
    entropy::SystemEntropy,
    http::BrowserId,
    memory::{self, MemoryNotifier},
    relay::Relay,
    session::SessionEnd,
    store::PageRequest,
};
use ciam_saml::{
    binding::PostMessage,
    metadata::EntityDescriptor,
    sp::{ServiceProvider, ServiceProviderConfig, Start},
    transport::Outgoing,
};
use http::StatusCode;
use time::Duration;
use url::form_urlencoded::Serializer;

use super::saml::{ADA, HERE, SP, Setup, TENANT, Two, carry};
use crate::{
    app::App,
    testing::{Browser, account_of},
};

/// Delivers what is in the outbox, and the events that come of it.
async fn relay(app: &App) {
    let relay = Relay::new(app.ports().clone(), Arc::new(MemoryNotifier::new()))
        .with_source(Arc::new(app.services().saml.clone()));
    for _ in 0..5 {
        relay.deliver_pending().await.unwrap();
    }
}

#[tokio::test]
async fn a_consent_is_taken_back_where_it_is_listed() {
    let two = Two::new(Setup { service: "", ..Setup::new("withdraw") }).await;
    let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
    let recipient = format!("saml:{SP}");
    for (path, fields) in [
        ("/account/privacy", [("action", "withdraw"), ("recipient", recipient.as_str())]),
        ("/account/applications", [("client", recipient.as_str()), ("x", "")]),
    ] {
        let ask = two.go(&mut here, "/upstream/acme", &mut there).await;
        assert!(ask.path.starts_with("/saml/consent?handle="), "asked again: {} {}", ask.path, ask.text);
        let form = there.submit(&ask, "/saml/consent", &[("decision", "allow")]).await;
        carry(&mut here, &form).await;
        let page = there.get(path).await;
        assert!(page.says("Payroll") && page.says("Your email address"), "{path}: {}", page.text);
        assert!(!page.says("Your family name"), "{path}");
        let done = there.submit_one(&page, path, &fields).await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.text);
        assert!(!done.says("Payroll"), "{path}: {}", done.text);
    }
    let ask = two.go(&mut here, "/upstream/acme", &mut there).await;
    assert!(ask.path.starts_with("/saml/consent?handle="));
}

#[tokio::test]
async fn a_session_that_ends_in_another_way_ends_at_the_services() {
    let two = Two::new(Setup::new("ends")).await;
    let account = account_of(&two.there, ADA).await;
    for suspended in [false, true] {
        let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
        two.sign_in(&mut here, &mut there, "/upstream/acme").await;
        relay(&two.there).await;
        assert_eq!(here.get("/account").await.path, "/account");
        let services = two.there.services();
        if suspended {
            let reason = ReasonCode::new("abuse").unwrap();
            services.accounts.suspend(account, &TENANT, &reason, None).await.unwrap();
        } else {
            let sessions = services.sessions.list(account, PageRequest::first(10)).await.unwrap().items;
            for session in sessions {
                services.sessions.end(session.value.id, SessionEnd::Revoked).await.unwrap();
            }
        }
        assert_eq!(here.get("/account").await.path, "/account", "nobody has told yet");
        relay(&two.there).await;
        assert!(here.get("/account").await.path.starts_with("/sign-in"), "suspended: {suspended}");
    }
}

#[tokio::test]
async fn metadata_is_fetched_and_believed_from_the_pinned_key() {
    let two = Two::new(Setup { fetched: true, ..Setup::new("fetched") }).await;
    let mut here = Browser::new(&two.here);
    assert!(!here.get("/sign-in").await.says("Continue with Acme"), "nobody can go there yet");
    assert_eq!(here.get("/upstream/acme").await.status, StatusCode::NOT_FOUND);
    two.here.services().saml.refresh().await;
    assert!(here.get("/sign-in").await.says("Continue with Acme"));
    let mut there = two.there().await;
    let seen = two.sign_in(&mut here, &mut there, "/upstream/acme").await;
    assert_eq!(seen.path, "/account", "{}", seen.text);
    // Somebody else's certificate, and nothing is believed.
    let two = Two::new(Setup { fetched: true, wrong_key: true, ..Setup::new("fetched-wrong") }).await;
    two.here.services().saml.refresh().await;
    assert_eq!(Browser::new(&two.here).get("/upstream/acme").await.status, StatusCode::NOT_FOUND);
}

/// A service asks us, and the person signs in with their organization's identity provider: we are both roles at once.
#[tokio::test]
async fn a_request_is_handed_on_to_an_organization_s_identity_provider() {
    let (id, acs) = ("https://third.example/saml", "https://third.example/acs");
    let config = || ServiceProviderConfig::new(id, acs);
    let ports = memory::ports();
    let unready = ServiceProvider::new(ports.clone(), config(), []);
    let metadata = unready.metadata(ports.now() + Duration::days(1)).unwrap();
    let more = format!(
        "\n[[saml_services]]\nid = \"{id}\"\nname = \"Third\"\nfirst_party = true\nattributes = [\"mail\"]\nmetadata = '''{metadata}'''\n"
    );
    let two = Two::new(Setup { connection: &more, ..Setup::new("proxy") }).await;
    let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
    let ours = EntityDescriptor::parse(here.get("/saml/metadata").await.text.as_bytes()).unwrap();
    let partner = ours.idp_partner(ports.crypto()).unwrap();
    let third = ServiceProvider::new(ports.clone(), config(), [partner]);
    let browser = BrowserId::generate(&SystemEntropy::new()).unwrap();
    let started = third.start(&browser, &format!("{HERE}/saml/metadata"), Start::new()).await.unwrap();
    let Outgoing::Redirect(url) = started.outgoing else { panic!() };
    let page = here.get(url.strip_prefix(HERE).unwrap()).await;
    assert!(page.path.starts_with("/sign-in?continue=saml."), "{} {}", page.path, page.text);
    let link = page.text.split("href=\"").find(|it| it.starts_with("/upstream/acme?")).unwrap();
    let link = link.split('"').next().unwrap().replace("&#38;", "&");
    let form = two.go(&mut here, &link, &mut there).await;
    let form = carry(&mut here, &form).await;
    let fields = form.hidden(acs);
    let body = Serializer::new(String::new()).extend_pairs(&fields).finish();
    let message = PostMessage::parse(body.as_bytes()).unwrap();
    let person = third.accept(Some(&browser), &message).await.unwrap().person;
    assert_eq!(person.idp, format!("{HERE}/saml/metadata"));
    assert_eq!(person.values("urn:oid:0.9.2342.19200300.100.1.3").collect::<Vec<_>>(), [ADA]);
}
