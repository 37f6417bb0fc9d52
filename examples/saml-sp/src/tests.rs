//! The whole walk, against the identity provider of the library.

use axum::body::Body;
use axum::http::Request;
use ciam_core::secret::SecretBytes;
use ciam_saml::idp::{IdentityProvider, IdentityProviderConfig, Person};
use ciam_saml::transport::Binding;
use tower::ServiceExt as _;

use super::*;

const BASE: &str = "http://localhost:8083";
const IDP: &str = "http://localhost:8080/saml/metadata";

async fn call(
    app: &App,
    request: axum::http::request::Builder,
    body: &str,
) -> (StatusCode, HeaderMap, String) {
    let response =
        router(app.clone()).oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned())
}

fn pair(headers: &HeaderMap) -> String {
    headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_person_signs_in_once_and_out() {
    let ports = memory::ports();
    let (crypto, algorithm) = (ports.crypto(), SignatureAlgorithm::EcdsaSha256);
    let key = crypto.generate_signing_key(algorithm.scheme()).unwrap();
    let until = ports.now() + Duration::days(1);
    let certificate = cert::self_signed(crypto, algorithm, key.expose(), "idp", ports.now(), until).unwrap();
    let signer = Signer::new(crypto, algorithm, key.expose(), certificate).unwrap();
    let config = IdentityProviderConfig::new(IDP, "http://localhost:8080/saml/sso", signer)
        .with_logout_url("http://localhost:8080/saml/slo");
    let secret = SecretBytes::new(vec![1; 32]);
    let alone = IdentityProvider::new(ports.clone(), config.clone(), &secret, []).unwrap();
    let metadata = EntityDescriptor::parse(alone.metadata(until).unwrap().as_bytes()).unwrap();
    let sp = service(&ports, BASE, &metadata).unwrap();
    let app = App { ports: ports.clone(), sp, idp: IDP.to_owned(), sessions: Arc::default() };
    let (_, _, ours) = call(&app, Request::get("/saml"), "").await;
    let partner = EntityDescriptor::parse(ours.as_bytes()).unwrap().sp_partner(crypto).unwrap();
    let idp = IdentityProvider::new(ports.clone(), config, &secret, [partner]).unwrap();

    let (_, headers, _) = call(&app, Request::get("/login"), "").await;
    let (browser, to) = (pair(&headers), headers[header::LOCATION].to_str().unwrap().to_owned());
    let message = RedirectMessage::from_raw_query(to.split_once('?').unwrap().1).unwrap();
    let sign_on = idp.receive(Incoming::Redirect(&message)).unwrap();
    let person = Person::new("account", "session", ports.now(), "urn:x");
    let issued = idp.issue(&sign_on, &person).await.unwrap();
    let message = &issued.outgoing.form().unwrap().message;
    let form =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("SAMLResponse", message).finish();
    // From another site it comes without cookies, and is sent again; without them for good it is refused.
    let (status, _, page) = call(&app, Request::post("/saml/acs"), &form).await;
    assert!(status == StatusCode::OK && page.contains("name=\"again\""), "{page}");
    let again = format!("{form}&again=");
    assert_eq!(call(&app, Request::post("/saml/acs"), &again).await.0, StatusCode::BAD_REQUEST);
    let request = || Request::post("/saml/acs").header(header::COOKIE, &browser);
    let (status, headers, _) = call(&app, request(), &again).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(call(&app, request(), &again).await.0, StatusCode::BAD_REQUEST, "once");
    let cookies = format!("{browser}; {}", pair(&headers));
    let home = || Request::get("/").header(header::COOKIE, &cookies);
    assert!(call(&app, home(), "").await.2.contains(&issued.name_id.value));

    // The identity provider ends the session.
    let mut left = idp.propagation("session", None).await.unwrap();
    let known = ciam_core::http::BrowserId::generate(ports.entropy()).unwrap();
    let asked = idp.ask_next(&known, &mut left).await.unwrap().unwrap();
    let Outgoing::Redirect(url) = asked.outgoing else { panic!("{:?}", Binding::Redirect) };
    let path = url.strip_prefix(BASE).unwrap();
    let (_, headers, _) = call(&app, Request::get(path), "").await;
    assert!(headers[header::LOCATION].to_str().unwrap().contains("SAMLResponse="));
    assert!(call(&app, home(), "").await.2.contains("Sign in"));
    let bare = path.split("&SigAlg=").next().unwrap();
    assert_eq!(call(&app, Request::get(bare), "").await.0, StatusCode::BAD_REQUEST);
}
