//! SAML between two instances of this server: one is the identity provider, the other the service of an organization's people.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, sync::Arc};

use axum::{body::Body, extract::ConnectInfo};
use bytes::Bytes;
use ciam_core::{
    account::IdentifierKey,
    actor::Actor,
    consent::Consent,
    http::{BrowserId, SESSION_COOKIE},
    memory::{self, MemoryDns, MemoryHttpClient},
    organization::{OrganizationPolicy, Slug},
    outbound::OutboundPolicy,
    ports::Ports,
    session::Session,
    store::{PageRequest, load},
};
use ciam_saml::{sp::Start, transport::Outgoing};
use http::{HeaderMap, Request, StatusCode, header};
use tower::ServiceExt as _;

use crate::{
    app::App,
    routes,
    testing::{Browser, PASSWORD, Seen, account_of, app_on, sign_in, sign_up},
};

pub(super) const ADA: &str = "ada@acme.example";
const THERE: &str = "http://localhost:8080";
pub(super) const HERE: &str = "http://localhost:9090";
const ACS: &str = "http://localhost:9090/saml/sp/acme/acs";
const IDP: &str = "http://localhost:8080/saml/metadata";
pub(super) const SP: &str = "http://localhost:9090/saml/sp/acme";
/// An application of the identity provider that speaks OpenID Connect.
const APP: &str = "http://127.0.0.1:9/here";
pub(super) const TENANT: Actor = Actor::system("test");

/// How the two are set up.
pub(super) struct Setup<'s> {
    pub(super) name: &'static str,
    /// More keys of the service at the identity provider.
    pub(super) service: &'static str,
    /// More keys of the connection here, and more entries.
    pub(super) connection: &'s str,
    /// The service says that it can only be reached through the browser.
    pub(super) front_only: bool,
    /// The metadata of the identity provider is fetched from it.
    pub(super) fetched: bool,
    /// With the certificate of somebody else.
    pub(super) wrong_key: bool,
}

impl Setup<'_> {
    pub(super) fn new(name: &'static str) -> Self {
        let (service, connection) = ("first_party = true", "");
        Self { name, service, connection, front_only: false, fetched: false, wrong_key: false }
    }
}

/// Two servers, and a network between them.
pub(super) struct Two {
    pub(super) there: App,
    pub(super) here: App,
    network: MemoryHttpClient,
    dns: Arc<MemoryDns>,
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ciam-saml-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

impl Two {
    pub(super) async fn new(setup: Setup<'_>) -> Self {
        let folder = folder(setup.name);
        let write = |name: &str, text: &str| {
            let file = folder.join(name);
            std::fs::write(&file, text).unwrap();
            file.to_str().unwrap().to_owned()
        };
        let (network, dns) = (MemoryHttpClient::new(), Arc::new(MemoryDns::new()));
        let ports = || {
            let policy = OutboundPolicy::default()
                .dangerous_trust_host("localhost", 8080)
                .dangerous_trust_host("localhost", 9090);
            memory::ports()
                .with_http_client(Arc::new(network.clone()))
                .with_outbound_policy(policy)
                .with_dns(dns.clone())
        };
        let (ports_here, ports_there) = (ports(), ports());
        let config = write("here.toml", "listen = \"127.0.0.1:9090\"\n[ui]\nidentifier_first = false\n");
        let here = async |connection: &str| {
            let import = write("connection.toml", connection);
            app_on(&["--config", &config, "--import", &import], ports_here.clone()).await
        };
        // Each needs to know the other: the service says first who it is, without a provider yet.
        let keys = setup.connection;
        let early = here(&format!("[[saml_connections]]\nname = \"acme\"\n{keys}\n")).await;
        let mut metadata = Browser::new(&early).get("/saml/sp/acme").await.text;
        assert!(metadata.contains(&format!("entityID=\"{SP}\"")), "{metadata}");
        if setup.front_only {
            let soap = "<md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:SOAP\"";
            let (before, rest) = metadata.split_once(soap).unwrap();
            let (_, after) = rest.split_once("</md:SingleLogoutService>").unwrap();
            metadata = format!("{before}{after}");
        }
        let service = setup.service;
        let import = write(
            "there.toml",
            &format!(
                "[[accounts]]\nemail = \"{ADA}\"\nname = \"Ada Lovelace\"\npassword = \"{PASSWORD}\"\n\
                 [[saml_services]]\nid = \"{SP}\"\nname = \"Payroll\"\nattributes = [\"mail\", \"displayName\"]\n\
                 {service}\nmetadata = '''{metadata}'''\n\
                 [[clients]]\nid = \"app\"\nname = \"App\"\nauthentication = \"none\"\nscopes = [\"openid\"]\n\
                 redirect_uris = [\"{APP}\"]\npost_logout_redirect_uris = [\"{APP}\"]\n"
            ),
        );
        let there = app_on(&["--import", &import], ports_there).await;
        let provider = Browser::new(&there).get("/saml/metadata").await.text;
        write("idp.xml", &provider);
        let of = if setup.wrong_key { &metadata } else { &provider };
        let certificate = of.split("<ds:X509Certificate>").nth(1).unwrap().split('<').next().unwrap();
        let source = if setup.fetched {
            format!(
                "remote = {{ url = \"{IDP}\", entity_id = \"{IDP}\", certificate = \"-----BEGIN CERTIFICATE-----\\n\
                 {certificate}\\n-----END CERTIFICATE-----\" }}"
            )
        } else {
            "metadata_file = \"idp.xml\"".to_owned()
        };
        let here = here(&format!(
            "[[saml_connections]]\nname = \"acme\"\nlabel = \"Acme\"\n{source}\n\
             domains = [\"acme.example\"]\nbutton = true\n{keys}\n"
        ))
        .await;
        for (authority, app) in [("localhost:8080", there.clone()), ("localhost:9090", here.clone())] {
            network.serve(authority, move |request| {
                let app = app.clone();
                Box::pin(async move { answer(&app, request).await })
            });
        }
        std::fs::remove_dir_all(folder).unwrap();
        Self { there, here, network, dns }
    }

    /// A browser that is signed in at the identity provider.
    pub(super) async fn there(&self) -> Browser {
        let mut there = Browser::new(&self.there);
        sign_in(&mut there, ADA, PASSWORD).await;
        there
    }

    /// Goes there from a page here, and gives what the identity provider shows in the end.
    pub(super) async fn go(&self, here: &mut Browser, start: &str, there: &mut Browser) -> Seen {
        let away = here.get(start).await;
        let target = away.location().unwrap_or_else(|| panic!("{} {}", away.path, away.text));
        there.get(target.strip_prefix(THERE).unwrap_or_else(|| panic!("{target}"))).await
    }

    /// The whole way, signed in there.
    pub(super) async fn sign_in(&self, here: &mut Browser, there: &mut Browser, start: &str) -> Seen {
        let form = self.go(here, start, there).await;
        carry(here, &form).await
    }

    /// A request that the button does not make.
    async fn ask(&self, here: &mut Browser, start: Start, there: &mut Browser) -> Seen {
        here.get("/upstream/acme").await;
        let connection = self.here.services().saml.connection("acme").unwrap();
        let started = connection.party.start(&browser_of(here), IDP, start).await.unwrap();
        let Outgoing::Redirect(url) = started.outgoing else { panic!() };
        there.get(url.strip_prefix(THERE).unwrap()).await
    }

    async fn sessions(&self, email: &str) -> Vec<Session> {
        let key = IdentifierKey::email(email).unwrap();
        let Some(account) = self.here.ports().store().account_by_identifier(&key).await.unwrap() else {
            return Vec::new();
        };
        let sessions = &self.here.services().sessions;
        let page = sessions.list(account.value.id, PageRequest::first(10)).await.unwrap();
        page.items.into_iter().map(|it| it.value).collect()
    }
}

fn browser_of(browser: &Browser) -> BrowserId {
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, cookies.join("; ").parse().unwrap());
    BrowserId::from_headers(&headers).unwrap()
}

/// Sends the form of a page that leads here, and goes on.
pub(super) async fn carry(here: &mut Browser, form: &Seen) -> Seen {
    let fields = form.hidden(ACS);
    let seen = here.post("/saml/sp/acme/acs", &fields).await;
    here.follow(seen).await
}

/// A server's answer to a request from elsewhere.
async fn answer(app: &App, request: Request<Bytes>) -> http::Response<Bytes> {
    let (mut parts, body) = request.into_parts();
    parts.headers.insert("host", app.config().issuer.authority().parse().unwrap());
    parts.uri = parts.uri.path_and_query().unwrap().as_str().parse().unwrap();
    parts.extensions.insert(ConnectInfo("127.0.0.1:4712".parse::<SocketAddr>().unwrap()));
    let request = Request::from_parts(parts, Body::from(body));
    let (parts, body) = routes::router(app.clone()).oneshot(request).await.unwrap().into_parts();
    http::Response::from_parts(parts, axum::body::to_bytes(body, usize::MAX).await.unwrap())
}

#[tokio::test]
async fn a_person_of_an_organization_signs_in_with_its_identity_provider() {
    let two = Two::new(Setup::new("sign-in")).await;
    let (mut here, mut there) = (Browser::new(&two.here), Browser::new(&two.there));
    let page = here.get("/sign-in").await;
    assert!(
        page.says("Continue with Acme") && page.text.contains("href=\"/upstream/acme\""),
        "{}",
        page.text
    );
    let page = two.go(&mut here, "/upstream/acme?continue=%2Faccount%2Fsecurity", &mut there).await;
    assert!(page.path.starts_with("/sign-in?continue=saml."), "{} {}", page.path, page.text);
    assert!(page.says("Payroll"), "who asks is said: {}", page.text);
    let form = there.submit(&page, "/sign-in", &[("identifier", ADA), ("password", PASSWORD)]).await;
    assert!(form.says("On to localhost") && form.text.contains("/assets/submit.js"), "{}", form.text);
    assert!(form.header("content-security-policy").contains("form-action 'self' http://localhost:9090;"));
    assert!(form.header("content-security-policy").contains("script-src 'self'"));
    let seen = carry(&mut here, &form).await;
    assert_eq!((seen.path.as_str(), seen.status), ("/account/security", StatusCode::OK), "{}", seen.text);
    assert!(seen.says("Acme") && seen.says("Unlink"), "the account is linked: {}", seen.text);
    assert!(here.get("/account").await.says("Ada Lovelace"));
    // Whoever is signed in there is not asked again, and comes back to the same account.
    let seen = two.sign_in(&mut Browser::new(&two.here), &mut there, "/upstream/acme").await;
    assert_eq!(seen.path, "/account", "{}", seen.text);
    assert_eq!(two.sessions(ADA).await.len(), 2);
}

#[tokio::test]
async fn the_people_of_a_domain_are_led_to_their_organization_s_identity_provider() {
    let two = Two::new(Setup::new("realm")).await;
    let owner = "owner@elsewhere.example";
    sign_up(&two.here, &mut Browser::new(&two.here), owner).await;
    let owner = account_of(&two.here, owner).await;
    let organizations = &two.here.services().organizations;
    let acme = Slug::new("acme").unwrap();
    let acme = organizations.create(&TENANT, acme, "Acme Ltd", Some(owner)).await.unwrap().id;
    let claim = organizations.claim_domain(&TENANT, acme, "acme.example").await.unwrap();
    two.dns.publish(&claim.txt_name(), claim.txt_value());
    organizations.verify_domain(&TENANT, acme, &claim.domain).await.unwrap();
    let mut policy = OrganizationPolicy::default();
    policy.connection = Some("acme".to_owned());
    organizations.set_policy(&TENANT, acme, &policy).await.unwrap();
    let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
    let page = here.get("/sign-in").await;
    let sent = here.submit(&page, "/sign-in", &[("identifier", ADA), ("password", "irrelevant")]).await;
    assert!(sent.says("Sign in with Acme Ltd"), "{} {}", sent.path, sent.text);
    let link = sent.text.split("href=\"").find(|it| it.starts_with("/upstream/acme?journey=")).unwrap();
    let link = link.split('"').next().unwrap().replace("&#38;", "&");
    let seen = two.sign_in(&mut here, &mut there, &link).await;
    assert_eq!(seen.path, "/account", "{}", seen.text);
    assert_eq!(two.sessions(ADA).await.len(), 1);
}

#[tokio::test]
async fn people_are_asked_what_a_service_may_know_once() {
    let two = Two::new(Setup { service: "", ..Setup::new("consent") }).await;
    let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
    let page = two.go(&mut here, "/upstream/acme", &mut there).await;
    assert!(page.path.starts_with("/saml/consent?handle="), "{} {}", page.path, page.text);
    assert!(
        page.says("Payroll") && page.says("Your email address") && page.says("Your name"),
        "{}",
        page.text
    );
    assert!(!page.says("Your family name"), "what is not released is not shown");
    // Another browser cannot answer, and nothing is told before the answer.
    let mut eve = Browser::new(&two.there);
    sign_up(&two.there, &mut eve, "eve@example.com").await;
    let stolen = eve.get(&page.path).await;
    assert!(stolen.says("This page has expired"), "{}", stolen.text);
    let denied = there.submit(&page, "/saml/consent", &[("decision", "deny")]).await;
    let seen = carry(&mut here, &denied).await;
    assert!(seen.says("You did not sign in there"), "{}", seen.text);

    let page = two.go(&mut here, "/upstream/acme", &mut there).await;
    let form = there.submit(&page, "/saml/consent", &[("decision", "allow")]).await;
    assert_eq!(carry(&mut here, &form).await.path, "/account");
    let account = account_of(&two.there, ADA).await;
    let key = Consent::record_key(account, &format!("saml:{SP}"));
    let consent = load::<Consent>(two.there.ports().store(), &key).await.unwrap().unwrap().value;
    assert_eq!(
        consent.allowed.iter().map(String::as_str).collect::<Vec<_>>(),
        ["displayName", "identifier", "mail"]
    );
    let again = two.sign_in(&mut Browser::new(&two.here), &mut there, "/upstream/acme").await;
    assert_eq!(again.path, "/account", "asked once: {}", again.text);
}

#[tokio::test]
async fn an_answer_is_good_once_in_the_browser_that_asked_and_as_it_was_signed() {
    let two = Two::new(Setup::new("answers")).await;
    let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
    let form = two.go(&mut here, "/upstream/acme", &mut there).await;
    let mut eve = Browser::new(&two.here);
    sign_up(&two.here, &mut eve, "eve@example.com").await;
    let stolen = carry(&mut eve, &form).await;
    assert!(stolen.says("This page has expired"), "{}", stolen.text);
    let mut bent = form.hidden(ACS);
    let flipped = if bent[0].1.as_bytes()[2000] == b'A' { "B" } else { "A" };
    bent[0].1.replace_range(2000..2001, flipped);
    let seen = here.post("/saml/sp/acme/acs", &bent).await;
    let seen = here.follow(seen).await;
    assert!(seen.says("We could not sign you in"), "{}", seen.text);
    assert_eq!(carry(&mut here, &form).await.path, "/account");
    let again = carry(&mut here, &form).await;
    assert!(again.says("This page has expired"), "used up: {}", again.text);
    assert_eq!(two.sessions(ADA).await.len(), 1);
    for nothing in [Vec::new(), vec![("SAMLResponse".to_owned(), "!".to_owned())]] {
        let seen = here.post("/saml/sp/acme/acs", &nothing).await;
        assert!(seen.status != StatusCode::OK, "{}", seen.text);
    }
}

#[tokio::test]
async fn a_form_from_another_site_comes_without_cookies_and_is_sent_again_from_here() {
    let two = Two::new(Setup::new("cookies")).await;
    let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
    let form = two.go(&mut here, "/upstream/acme", &mut there).await;
    let fields = form.hidden(ACS);
    let mut bare = Browser::new(&two.here);
    let again = bare.post("/saml/sp/acme/acs", &fields).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text);
    let kept = again.hidden(ACS);
    assert!(kept.iter().any(|(name, _)| name == "again"), "{}", again.text);
    // A browser without cookies at all is not sent round and round.
    let seen = bare.post("/saml/sp/acme/acs", &kept).await;
    assert!(seen.says("This page has expired"), "{}", seen.text);
    let seen = here.post("/saml/sp/acme/acs", &kept).await;
    assert_eq!(here.follow(seen).await.path, "/account");
}

#[tokio::test]
async fn what_a_service_asks_for_is_honoured_or_refused() {
    let two = Two::new(Setup::new("asked")).await;
    let mut here = Browser::new(&two.here);
    // Nobody is signed in, and nobody may be asked.
    let form = two.ask(&mut here, Start::new().with_passive(), &mut Browser::new(&two.there)).await;
    let seen = carry(&mut here, &form).await;
    assert!(seen.says("You did not sign in there"), "{}", seen.text);
    // A fresh sign-in, though there is a session.
    let mut there = two.there().await;
    let page = two.ask(&mut here, Start::new().with_force_authn(), &mut there).await;
    assert!(page.path.starts_with("/sign-in?continue=saml."), "{} {}", page.path, page.text);
    let form = there.submit(&page, "/sign-in", &[("identifier", ADA), ("password", PASSWORD)]).await;
    assert_eq!(carry(&mut here, &form).await.path, "/account");
    // What was reached already.
    let password = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
    let form = two.ask(&mut here, Start::new().with_authn_context([password]), &mut there).await;
    assert_eq!(carry(&mut here, &form).await.path, "/account");
    // What there is not.
    here.cookies.remove(SESSION_COOKIE);
    for class in ["urn:oasis:names:tc:SAML:2.0:ac:classes:Smartcard"] {
        let form = two.ask(&mut here, Start::new().with_authn_context([class]), &mut there).await;
        let seen = carry(&mut here, &form).await;
        assert!(seen.says("You did not sign in there"), "{class}: {}", seen.text);
    }
    let format = "urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos";
    let form = two.ask(&mut here, Start::new().with_name_id_format(format), &mut there).await;
    assert!(carry(&mut here, &form).await.says("You did not sign in there"));
}

#[tokio::test]
async fn requests_that_do_not_hold_are_answered_here_and_nowhere_else() {
    let two = Two::new(Setup::new("requests")).await;
    let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
    let away = here.get("/upstream/acme").await;
    let path = away.location().unwrap().strip_prefix(THERE).unwrap().to_owned();
    let unsigned = path.split("&SigAlg=").next().unwrap().to_owned();
    let relayed = path.replace("&SigAlg=", "&RelayState=https%3A%2F%2Fevil.example&SigAlg=");
    for bad in [
        unsigned,
        relayed,
        "/saml/sso".into(),
        "/saml/sso?SAMLRequest=x".into(),
        format!("{path}&SAMLRequest=x"),
    ] {
        let seen = there.get(&bad).await;
        assert_eq!(seen.status, StatusCode::BAD_REQUEST, "{bad}: {}", seen.text);
        assert!(!seen.text.contains("SAMLResponse"));
    }
    for nowhere in
        ["/upstream/other", "/saml/sp/other", "/saml/sp/other/acs", "/saml/start?service=x", "/saml/start"]
    {
        assert_eq!(here.get(nowhere).await.status, StatusCode::NOT_FOUND, "{nowhere}");
    }
    // Sign-in that starts at the provider is for those who want it, on both sides.
    assert_eq!(there.get(&format!("/saml/start?service={SP}")).await.status, StatusCode::BAD_REQUEST);
    let setup = Setup { service: "first_party = true\nunsolicited = true", ..Setup::new("unsolicited") };
    let two = Two::new(setup).await;
    let form = two.there().await.get(&format!("/saml/start?service={SP}")).await;
    let seen = carry(&mut here_of(&two).await, &form).await;
    assert!(seen.says("We could not sign you in"), "{}", seen.text);
    let setup = Setup {
        service: "first_party = true\nunsolicited = true",
        connection: "dangerous_unsolicited = true",
        ..Setup::new("both-unsolicited")
    };
    let two = Two::new(setup).await;
    let form = two.there().await.get(&format!("/saml/start?service={SP}")).await;
    assert_eq!(carry(&mut here_of(&two).await, &form).await.path, "/account");
}

/// A browser that has been here.
async fn here_of(two: &Two) -> Browser {
    let mut here = Browser::new(&two.here);
    here.get("/upstream/acme").await;
    here
}

#[tokio::test]
async fn answers_come_by_artifact_where_it_is_wanted() {
    let two = Two::new(Setup { connection: "artifacts = true", ..Setup::new("artifacts") }).await;
    let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
    let sent = two.go(&mut here, "/upstream/acme", &mut there).await;
    let back =
        sent.location().unwrap_or_else(|| panic!("{}", sent.text)).strip_prefix(HERE).unwrap().to_owned();
    assert!(back.starts_with("/saml/sp/acme/acs?SAMLart="), "{back}");
    let seen = here.get(&back).await;
    assert_eq!(seen.path, "/account", "{}", seen.text);
    here.cookies.remove(SESSION_COOKIE);
    let again = here.get(&back).await;
    assert!(again.says("We could not sign you in"), "{}", again.text);
    // What fetches a message has to be the service.
    let fetched = two.network.requests();
    let fetched: Vec<_> = fetched.iter().filter(|it| it.uri().path() == "/saml/artifacts").collect();
    assert_eq!(fetched.len(), 1);
    let replayed = answer(&two.there, fetched[0].clone()).await;
    assert!(!String::from_utf8_lossy(replayed.body()).contains("Assertion"), "given out once");
    for body in ["", "<x/>", "nonsense"] {
        let request = Request::post("http://localhost:8080/saml/artifacts").body(Bytes::from(body)).unwrap();
        let refused = answer(&two.there, request).await;
        assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(String::from_utf8_lossy(refused.body()).contains("soap:Fault"));
    }
}

#[tokio::test]
async fn who_signs_out_there_is_signed_out_here() {
    let two = Two::new(Setup::new("slo")).await;
    let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
    two.sign_in(&mut here, &mut there, "/upstream/acme").await;
    let mut other = Browser::new(&two.here);
    let mut elsewhere = two.there().await;
    two.sign_in(&mut other, &mut elsewhere, "/upstream/acme").await;
    let page = there.get("/account").await;
    let seen = there.submit(&page, "/sign-out", &[]).await;
    assert_eq!(seen.path, "/signed-out", "{}", seen.text);
    assert!(here.get("/account").await.path.starts_with("/sign-in"), "it ended there");
    assert_eq!(other.get("/account").await.path, "/account", "another session of the same person did not");
    let told = two.network.requests();
    let told: Vec<_> = told.iter().filter(|it| it.uri().path() == "/saml/sp/acme/slo/soap").collect();
    assert_eq!(told.len(), 1);
    let replayed = answer(&two.here, told[0].clone()).await;
    assert!(String::from_utf8_lossy(replayed.body()).contains("soap:Fault"), "once");
    for body in ["", "<x/>"] {
        for path in ["/saml/sp/acme/slo/soap", "/saml/slo/soap"] {
            let app = if path.starts_with("/saml/sp") { &two.here } else { &two.there };
            let request = Request::post(path).body(Bytes::from(body)).unwrap();
            assert!(String::from_utf8_lossy(answer(app, request).await.body()).contains("soap:Fault"));
        }
    }
}

/// Where a page leads on by itself, after a form: browsers would not follow a redirect to where no form of the page leads.
fn led_on(seen: &Seen, origin: &str) -> String {
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    let target = seen.header("refresh").strip_prefix("0; url=").unwrap();
    assert!(seen.says("Continue") && !seen.header("content-security-policy").contains(THERE));
    target.strip_prefix(origin).unwrap_or_else(|| panic!("{target}")).to_owned()
}

#[tokio::test]
async fn who_signs_out_here_is_signed_out_there_where_that_is_wanted() {
    let two = Two::new(Setup { connection: "sign_out_there = true", ..Setup::new("leave") }).await;
    let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
    two.sign_in(&mut here, &mut there, "/upstream/acme").await;
    let page = here.get("/account").await;
    let sent = here.submit(&page, "/sign-out", &[]).await;
    assert!(
        here.get("/account").await.path.starts_with("/sign-in"),
        "here at once, whatever comes of the rest"
    );
    let leave = led_on(&sent, HERE);
    let away = here.get(&leave).await;
    let path = away.location().unwrap().strip_prefix(THERE).unwrap();
    assert!(path.starts_with("/saml/slo?SAMLRequest="), "{path}");
    assert!(here.get(&leave).await.says("This page has expired"), "once");
    let answered = there.get(path).await;
    assert!(there.get("/account").await.path.starts_with("/sign-in"), "and there");
    let back = answered.location().unwrap().strip_prefix(HERE).unwrap().to_owned();
    assert!(here_of(&two).await.get(&back).await.says("This page has expired"), "for the browser that asked");
    assert_eq!(here.get(&back).await.path, "/signed-out");
    assert!(here.get(&back).await.says("This page has expired"), "once");

    // What leads there is for the browser that signed out.
    two.sign_in(&mut here, &mut two.there().await, "/upstream/acme").await;
    let page = here.get("/account").await;
    let leave = led_on(&here.submit(&page, "/sign-out", &[]).await, HERE);
    assert!(here_of(&two).await.get(&leave).await.says("This page has expired"));

    let two = Two::new(Setup::new("stay")).await;
    let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
    two.sign_in(&mut here, &mut there, "/upstream/acme").await;
    let page = here.get("/account").await;
    assert_eq!(here.submit(&page, "/sign-out", &[]).await.path, "/signed-out");
    assert_eq!(there.get("/account").await.path, "/account", "they use it for more than this");
}

#[tokio::test]
async fn services_are_told_when_an_application_signs_somebody_out() {
    let two = Two::new(Setup::new("application")).await;
    let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
    two.sign_in(&mut here, &mut there, "/upstream/acme").await;
    let ask = there.get(&format!("/logout?client_id=app&post_logout_redirect_uri={APP}")).await;
    let sent = there.submit(&ask, "/sign-out", &[]).await;
    assert_eq!(sent.location(), Some(APP), "{} {}", sent.path, sent.text);
    assert!(here.get("/account").await.path.starts_with("/sign-in"));
}

#[tokio::test]
async fn through_the_browser_too_and_whoever_is_not_reached_keeps_nobody() {
    let two = Two::new(Setup { front_only: true, ..Setup::new("slo-front") }).await;
    let (mut here, mut there) = (Browser::new(&two.here), two.there().await);
    two.sign_in(&mut here, &mut there, "/upstream/acme").await;
    let page = there.get("/account").await;
    let sent = there.submit(&page, "/sign-out", &[]).await;
    let path = &*led_on(&sent, HERE);
    assert!(path.starts_with("/saml/sp/acme/slo?SAMLRequest="), "{path}");
    assert!(
        there.get("/account").await.path.starts_with("/sign-in"),
        "here at once, whatever comes of the rest"
    );
    let answered = here.get(path).await;
    assert!(here.get("/account").await.path.starts_with("/sign-in"));
    let back = answered.location().unwrap().strip_prefix(THERE).unwrap().to_owned();
    let stolen = Browser::new(&two.there).get(&back).await;
    assert!(stolen.says("This page has expired"), "{}", stolen.text);
    let seen = there.get(&back).await;
    assert_eq!(seen.path, "/signed-out", "{}", seen.text);
    assert!(there.get(&back).await.says("This page has expired"), "once");
    // Nobody signs others out with a request of their own.
    let bare = path.split("&SigAlg=").next().unwrap();
    assert_eq!(here.get(bare).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(here.get(path).await.status, StatusCode::BAD_REQUEST, "a request counts once");
}

#[tokio::test]
async fn an_address_counts_only_in_the_domains_of_the_organization() {
    let two = Two::new(Setup::new("domains")).await;
    let victim = "victim@example.com";
    let mut there = Browser::new(&two.there);
    sign_up(&two.there, &mut there, victim).await;
    let mut here = Browser::new(&two.here);
    two.sign_in(&mut here, &mut there, "/upstream/acme").await;
    assert!(two.sessions(victim).await.is_empty(), "nobody got an account with that address");
    // In its own domains, an account that is there is proved before it is linked.
    sign_up(&two.here, &mut Browser::new(&two.here), ADA).await;
    let mut here = Browser::new(&two.here);
    let seen = two.sign_in(&mut here, &mut two.there().await, "/upstream/acme").await;
    assert!(seen.says("There is an account with your address"), "{} {}", seen.path, seen.text);
}

#[tokio::test]
async fn without_a_peer_there_is_no_saml() {
    let app = app_on(&[], memory::ports()).await;
    let mut browser = Browser::new(&app);
    for path in ["/saml/metadata", "/saml/sso?SAMLRequest=x", "/saml/slo?SAMLRequest=x", "/saml/sp/acme"] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn metadata_is_the_same_key_after_a_restart() {
    let ports: Ports = memory::ports();
    let folder = folder("restart");
    let config = folder.join("ciam.toml");
    std::fs::write(&config, "saml = true\n").unwrap();
    let mut keys = BTreeSet::new();
    for _ in 0..2 {
        let app = app_on(&["--config", config.to_str().unwrap()], ports.clone()).await;
        let seen = Browser::new(&app).get("/saml/metadata").await;
        assert_eq!(seen.header("content-type"), "application/samlmetadata+xml");
        let key = seen.text.rsplit("<ds:X509Certificate>").next().unwrap().split('<').next().unwrap();
        keys.insert(key.to_owned());
    }
    assert_eq!(keys.len(), 1);
}
