//! Bound tokens at a resource server: RFC 9449, sections 7 to 9; RFC 8705, section 3; S19 and S22.

use std::sync::Arc;

use ciam_core::entropy::SystemEntropy;
use ciam_core::http::Peer;
use ciam_core::jose::LocalSigner;
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_core::testkit::{Failure, ManualClock, Probe, SeededEntropy};
use ciam_oauth::confirmation::CertificateThumbprint;
use ciam_oauth::dpop::{DPOP, DPOP_NONCE, DpopChecker, DpopError, DpopNonces, DpopSigner, ProofRequest};
use ciam_oauth::validate::{
    CachingValidator, Presented, Requirements, ResourceRequest, ResourceServer, SenderConstraint,
    TokenCachePolicy, ValidateError, Validator,
};
use futures_util::future::join_all;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use time::Duration;

use super::API;
use super::validate::{NOW, good, keys, signer, token};
use crate::support::ISSUER;

const URL: &str = "https://api.example/orders";
const CERTIFICATE: &[u8] = b"the certificate of the connection";

/// An issuer, a client with a key, and a resource.
struct Setting {
    clock: Arc<ManualClock>,
    ports: Ports,
    issuer: LocalSigner,
    client: DpopSigner,
}

impl Setting {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(NOW));
        let ports = memory::ports_with(clock.clone(), Arc::new(SeededEntropy::new(1)));
        Self { clock, ports, issuer: signer(), client: DpopSigner::new(signer()).unwrap() }
    }

    fn validator(&self) -> Validator {
        Validator::new(ISSUER.parse().unwrap(), API, keys(&self.issuer))
    }

    fn caching(&self) -> CachingValidator {
        CachingValidator::new(self.validator(), TokenCachePolicy::default(), &SystemEntropy::new()).unwrap()
    }

    fn server(&self) -> ResourceServer {
        ResourceServer::new(self.ports.clone(), "https://api.example")
            .with_caching_validator(self.caching())
            .with_dpop(DpopChecker::new(self.ports.clone()))
    }

    async fn token(&self, cnf: Option<Value>) -> String {
        let mut claims = good();
        if let Some(cnf) = cnf {
            claims["cnf"] = cnf;
        }
        token(&self.issuer, &claims).await
    }

    async fn bound_token(&self) -> String {
        self.token(Some(json!({ "jkt": self.client.thumbprint() }))).await
    }

    async fn proof(&self, client: &DpopSigner, nonce: Option<&str>, token: &str) -> String {
        client.proof(&self.ports, &Method::GET, URL, nonce, Some(token)).await.unwrap()
    }

    async fn headers(&self, scheme: &str, token: &str, nonce: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("{scheme} {token}").parse().unwrap());
        headers.insert(&DPOP, self.proof(&self.client, nonce, token).await.parse().unwrap());
        headers
    }
}

async fn admit(server: &ResourceServer, headers: &HeaderMap) -> Result<String, ValidateError> {
    let request = ResourceRequest::new(&Method::GET, "/orders", headers);
    let admitted = server.admit(&request, &Requirements::new()).await;
    admitted.map(|it| it.access.subject().to_owned()).map_err(|refusal| refusal.error)
}

/// RFC 9449, section 7.1: a bound token with a proof for it, made by its key for this request, once.
#[tokio::test]
async fn rfc9449_7_1_a_bound_token_needs_its_proof() {
    let setting = Setting::new();
    let server = setting.server();
    let token = setting.bound_token().await;
    for scheme in ["DPoP", "dpop"] {
        let headers = setting.headers(scheme, &token, None).await;
        assert_eq!(admit(&server, &headers).await, Ok("alice".to_owned()));
        let again = admit(&server, &headers).await;
        assert_eq!(again, Err(ValidateError::Proof(DpopError::Replayed)), "once");
    }

    let mut none = setting.headers("DPoP", &token, None).await;
    none.remove(&DPOP);
    assert_eq!(admit(&server, &none).await, Err(ValidateError::Proof(DpopError::Missing)));
    let mut two = setting.headers("DPoP", &token, None).await;
    two.append(&DPOP, setting.proof(&setting.client, None, &token).await.parse().unwrap());
    assert_eq!(admit(&server, &two).await, Err(ValidateError::Proof(DpopError::Repeated)));
    let mut foreign = setting.headers("DPoP", &token, None).await;
    let thief = DpopSigner::new(signer()).unwrap();
    foreign.insert(&DPOP, setting.proof(&thief, None, &token).await.parse().unwrap());
    assert_eq!(admit(&server, &foreign).await, Err(ValidateError::WrongProof));
    let mut for_another = setting.headers("DPoP", &token, None).await;
    for_another.insert(&DPOP, setting.proof(&setting.client, None, "other").await.parse().unwrap());
    assert_eq!(admit(&server, &for_another).await, Err(ValidateError::Proof(DpopError::Token)));
    let elsewhere = setting.headers("DPoP", &token, None).await;
    let request = ResourceRequest::new(&Method::GET, "/payments", &elsewhere);
    let refused = server.admit(&request, &Requirements::new()).await.unwrap_err();
    assert_eq!(refused.error, ValidateError::Proof(DpopError::Target));
    let request = ResourceRequest::new(&Method::POST, "/orders", &elsewhere);
    let refused = server.admit(&request, &Requirements::new()).await.unwrap_err();
    assert_eq!(refused.error, ValidateError::Proof(DpopError::Method));
    assert!(admit(&server, &elsewhere).await.is_ok(), "what was refused was not used up");
}

/// RFC 9449, section 7.2; S22: neither a bound token as a bearer token, nor the reverse; remembered or not.
#[tokio::test]
async fn s22_no_downgrade() {
    let setting = Setting::new();
    let server = setting.server();
    let bound = setting.bound_token().await;
    for round in 0..3 {
        let bearer = setting.headers("Bearer", &bound, None).await;
        assert_eq!(admit(&server, &bearer).await, Err(ValidateError::ProofRequired), "round {round}");
        assert!(
            admit(&server, &setting.headers("DPoP", &bound, None).await).await.is_ok(),
            "it is cached now"
        );
    }
    let unbound = setting.token(None).await;
    assert_eq!(
        admit(&server, &setting.headers("DPoP", &unbound, None).await).await,
        Err(ValidateError::NotBound)
    );
    assert!(admit(&server, &setting.headers("Bearer", &unbound, None).await).await.is_ok());
    assert_eq!(
        admit(&server, &setting.headers("DPoP", &unbound, None).await).await,
        Err(ValidateError::NotBound)
    );
}

/// Whoever calls the validators with a token alone has proved nothing, a hit in the cache included.
#[tokio::test]
async fn a_bound_token_without_proof_is_refused_by_every_validator() {
    let setting = Setting::new();
    let (validator, caching) = (setting.validator(), setting.caching());
    let checker = DpopChecker::new(setting.ports.clone());
    for cnf in [
        json!({ "jkt": setting.client.thumbprint() }),
        json!({ "x5t#S256": CertificateThumbprint::of(CERTIFICATE) }),
        json!({ "jkt": setting.client.thumbprint(), "x5t#S256": CertificateThumbprint::of(CERTIFICATE) }),
    ] {
        let token = setting.token(Some(cnf.clone())).await;
        let mut headers = HeaderMap::new();
        headers.insert(&DPOP, setting.proof(&setting.client, None, &token).await.parse().unwrap());
        let request = ProofRequest::new(&Method::GET, URL).with_token(&token);
        let key = checker.check(&headers, &request).await.unwrap();
        let certificate = CertificateThumbprint::of(CERTIFICATE);
        let whole = match (cnf.get("jkt"), cnf.get("x5t#S256")) {
            (Some(_), None) => Presented::dpop(&token, &key),
            (None, Some(_)) => Presented::bearer(&token).with_certificate(certificate),
            _ => Presented::dpop(&token, &key).with_certificate(certificate),
        };
        assert_eq!(caching.validate(whole, NOW).unwrap().subject(), "alice");
        assert!(caching.validate(whole, NOW).unwrap().was_cached());
        assert!(validator.validate(whole, NOW).is_ok());
        let required = ValidateError::ProofRequired;
        assert_eq!(caching.validate(&token, NOW).unwrap_err(), required, "{cnf}");
        assert_eq!(caching.validate_or_fetch(&token, NOW).await.unwrap_err(), required, "{cnf}");
        assert_eq!(validator.validate(&token, NOW).unwrap_err(), required, "{cnf}");
        assert_eq!(validator.validate_or_fetch(&token, NOW).await.unwrap_err(), required, "{cnf}");
        if cnf.get("jkt").is_some() && cnf.get("x5t#S256").is_some() {
            assert_eq!(validator.validate(Presented::dpop(&token, &key), NOW).unwrap_err(), required, "half");
            let half = Presented::bearer(&token).with_certificate(certificate);
            assert_eq!(validator.validate(half, NOW).unwrap_err(), required, "the other half");
        }
    }
}

/// A key that was proved for one token says nothing about another token of the same key.
#[tokio::test]
async fn a_proof_is_for_one_token() {
    let setting = Setting::new();
    let (first, mut claims) = (setting.bound_token().await, good());
    claims["jti"] = json!("2");
    claims["cnf"] = json!({ "jkt": setting.client.thumbprint() });
    let second = token(&setting.issuer, &claims).await;
    let mut headers = HeaderMap::new();
    headers.insert(&DPOP, setting.proof(&setting.client, None, &first).await.parse().unwrap());
    let request = ProofRequest::new(&Method::GET, URL).with_token(&first);
    let key = DpopChecker::new(setting.ports.clone()).check(&headers, &request).await.unwrap();
    assert!(setting.validator().validate(Presented::dpop(&first, &key), NOW).is_ok());
    let swapped = setting.validator().validate(Presented::dpop(&second, &key), NOW);
    assert_eq!(swapped.unwrap_err(), ValidateError::WrongProof);
}

/// RFC 7800, section 3.1: what the token is bound to must be understood.
#[tokio::test]
async fn rfc7800_3_1_a_binding_that_is_not_understood() {
    let setting = Setting::new();
    for (cnf, error) in [
        (json!({ "kid": "k" }), ValidateError::UnknownBinding),
        (json!({}), ValidateError::UnknownBinding),
        (json!({ "jwk": { "kty": "OKP" } }), ValidateError::UnknownBinding),
        (json!({ "jkt": "short" }), ValidateError::Malformed),
        (json!("jkt"), ValidateError::Malformed),
        (Value::Null, ValidateError::Malformed),
    ] {
        let token = setting.token(Some(cnf.clone())).await;
        assert_eq!(setting.validator().validate(&token, NOW).unwrap_err(), error, "{cnf}");
    }
}

/// RFC 9449, section 9: a nonce is demanded, given, rotated.
#[tokio::test]
async fn rfc9449_9_nonces() {
    let setting = Setting::new();
    let nonces =
        |secret| DpopNonces::new(setting.ports.crypto(), &SecretBytes::new(vec![secret; 32])).unwrap();
    let checker = DpopChecker::new(setting.ports.clone()).with_nonces(nonces(7));
    let server = ResourceServer::new(setting.ports.clone(), "https://api.example")
        .with_validator(setting.validator())
        .with_dpop(checker);
    let token = setting.bound_token().await;

    let headers = setting.headers("DPoP", &token, None).await;
    let request = ResourceRequest::new(&Method::GET, "/orders", &headers);
    let refusal = server.admit(&request, &Requirements::new()).await.unwrap_err().to_response();
    assert_eq!(refusal.status(), 401);
    let challenges: Vec<_> = refusal.headers().get_all(WWW_AUTHENTICATE).iter().collect();
    assert!(challenges[1].to_str().unwrap().contains(r#"error="use_dpop_nonce""#), "{challenges:?}");
    let nonce = refusal.headers()[DPOP_NONCE].to_str().unwrap().to_owned();

    let with = setting.headers("DPoP", &token, Some(&nonce)).await;
    let request = ResourceRequest::new(&Method::GET, "/orders", &with);
    let admitted = server.admit(&request, &Requirements::new()).await.unwrap();
    assert_eq!(admitted.nonce.unwrap(), nonce.as_str(), "the next one, which is still this one");

    setting.clock.advance(Duration::minutes(1));
    let with = setting.headers("DPoP", &token, Some(&nonce)).await;
    let request = ResourceRequest::new(&Method::GET, "/orders", &with);
    let admitted = server.admit(&request, &Requirements::new()).await.unwrap();
    let mut response = HeaderMap::new();
    admitted.complete(&mut response);
    assert_ne!(response[DPOP_NONCE], nonce.as_str(), "rotated before the old one is refused");
    setting.clock.advance(Duration::minutes(1));
    let foreign = nonces(8).current(setting.ports.now()).to_str().unwrap().to_owned();
    for refused in [nonce.as_str(), foreign.as_str(), ""] {
        let headers = setting.headers("DPoP", &token, Some(refused)).await;
        let error = admit(&server, &headers).await.unwrap_err();
        assert_eq!(error.code(), Some("use_dpop_nonce"), "{refused}");
    }
}

/// S22: of one proof that is sent a hundred times at once, one is accepted; and it is refused for as long as it is of now.
#[tokio::test]
async fn s22_a_proof_is_accepted_once() {
    let setting = Setting::new();
    let server = setting.server();
    let token = setting.bound_token().await;
    let headers = setting.headers("DPoP", &token, None).await;
    let all = join_all((0..100).map(|_| admit(&server, &headers))).await;
    assert_eq!(all.iter().filter(|result| result.is_ok()).count(), 1);
    for seconds in [1, 30, 29] {
        setting.clock.advance(Duration::seconds(seconds));
        assert_eq!(admit(&server, &headers).await, Err(ValidateError::Proof(DpopError::Replayed)));
    }
    setting.clock.advance(Duration::seconds(1));
    assert_eq!(admit(&server, &headers).await, Err(ValidateError::Proof(DpopError::Time)));
}

/// A stranger without a good token puts nothing into the memory of used proofs.
#[tokio::test]
async fn proofs_of_strangers_are_not_remembered() {
    let setting = Setting::new();
    let server = setting.server();
    let good = setting.bound_token().await;
    let stolen_from_elsewhere = format!("{good}x");
    let headers = setting.headers("DPoP", &stolen_from_elsewhere, None).await;
    for _ in 0..2 {
        let error = admit(&server, &headers).await.unwrap_err();
        assert_ne!(error, ValidateError::Proof(DpopError::Replayed));
        assert_eq!(error.code(), Some("invalid_token"));
    }
}

/// Where nobody can say whether a proof was used, it counts as used.
#[tokio::test]
async fn when_the_memory_of_used_proofs_is_down_nobody_passes() {
    let setting = Setting::new();
    let probe = Probe::new();
    let broken = probe.watch(&setting.ports);
    let server = ResourceServer::new(setting.ports.clone(), "https://api.example")
        .with_validator(setting.validator())
        .with_dpop(DpopChecker::new(broken));
    let token = setting.bound_token().await;
    let headers = setting.headers("DPoP", &token, None).await;
    let request = ResourceRequest::new(&Method::GET, "/orders", &headers);
    probe.clear();
    probe.fail_call(1, Failure::Transient);
    let refusal = server.admit(&request, &Requirements::new()).await.unwrap_err();
    assert!(matches!(refusal.error, ValidateError::Proof(DpopError::Unavailable(_))));
    assert_eq!(refusal.to_response().status(), 503);
}

/// RFC 8705, section 3; S19: the certificate is the connection's, and no header's.
#[tokio::test]
async fn s19_tokens_that_are_bound_to_a_certificate() {
    let setting = Setting::new();
    let server = setting.server();
    let token = setting.token(Some(json!({ "x5t#S256": CertificateThumbprint::of(CERTIFICATE) }))).await;
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    for name in
        ["x-ssl-cert", "client-cert", "x-forwarded-client-cert", "ssl-client-cert", "x-client-certificate"]
    {
        headers.insert(name, "the certificate of the connection".parse().unwrap());
    }
    let peer = |certificate: Option<&[u8]>| {
        let peer = Peer::new([192, 0, 2, 7].into());
        match certificate {
            Some(der) => peer.with_certificate(der.to_vec()),
            None => peer,
        }
    };
    for _ in 0..2 {
        for (certificate, outcome) in [
            (Some(CERTIFICATE), Ok(())),
            (None, Err(ValidateError::ProofRequired)),
            (Some(b"another certificate".as_slice()), Err(ValidateError::WrongProof)),
            (Some(b"".as_slice()), Err(ValidateError::WrongProof)),
        ] {
            let peer = peer(certificate);
            let request = ResourceRequest::new(&Method::GET, "/orders", &headers).with_peer(&peer);
            let result = server.admit(&request, &Requirements::new()).await;
            assert_eq!(result.map(|_| ()).map_err(|refusal| refusal.error), outcome, "{certificate:?}");
        }
    }
    let unbound = setting.token(None).await;
    headers.insert(AUTHORIZATION, format!("Bearer {unbound}").parse().unwrap());
    let peer = peer(Some(CERTIFICATE));
    let request = ResourceRequest::new(&Method::GET, "/orders", &headers).with_peer(&peer);
    assert!(
        server.admit(&request, &Requirements::new()).await.is_ok(),
        "a certificate binds nothing by itself"
    );
}

#[tokio::test]
async fn a_resource_can_demand_bound_tokens() {
    let setting = Setting::new();
    let certificate = CertificateThumbprint::of(CERTIFICATE);
    let unbound = setting.token(None).await;
    let to_certificate = setting.token(Some(json!({ "x5t#S256": certificate }))).await;
    let by_certificate = Presented::bearer(&to_certificate).with_certificate(certificate);
    for (constraint, certificate_is_enough) in
        [(SenderConstraint::Any, true), (SenderConstraint::MutualTls, true), (SenderConstraint::Dpop, false)]
    {
        let validator = setting.validator().with_sender_constraint(constraint);
        assert_eq!(validator.validate(&unbound, NOW).unwrap_err(), ValidateError::NotBound, "{constraint:?}");
        assert_eq!(validator.validate(by_certificate, NOW).is_ok(), certificate_is_enough, "{constraint:?}");
    }
    let server = ResourceServer::new(setting.ports.clone(), "https://api.example")
        .with_validator(setting.validator().with_sender_constraint(SenderConstraint::Dpop))
        .with_dpop(DpopChecker::new(setting.ports.clone()));
    let refusal = server
        .admit(&ResourceRequest::new(&Method::GET, "/orders", &HeaderMap::new()), &Requirements::new())
        .await
        .unwrap_err();
    let challenges: Vec<_> = refusal.headers.get_all(WWW_AUTHENTICATE).iter().collect();
    assert_eq!(challenges.len(), 1, "the scheme Bearer is not offered");
    assert!(challenges[0].to_str().unwrap().starts_with("DPoP"));
}

/// Without DPoP configured, the scheme is not one of ours, and a bound token does not pass by it.
#[tokio::test]
async fn without_dpop_no_token_that_is_bound_to_a_key_passes() {
    let setting = Setting::new();
    let server =
        ResourceServer::new(setting.ports.clone(), "https://api.example").with_validator(setting.validator());
    let token = setting.bound_token().await;
    assert_eq!(
        admit(&server, &setting.headers("DPoP", &token, None).await).await,
        Err(ValidateError::Missing)
    );
    let bearer = setting.headers("Bearer", &token, None).await;
    assert_eq!(admit(&server, &bearer).await, Err(ValidateError::ProofRequired));
}
