use std::collections::BTreeMap;

use ciam_core::assurance::AcrLadder;
use ciam_core::http::ParamsLimits;
use proptest::prelude::*;

use super::*;
use crate::authorize::Prompt;
use crate::client::GrantType;
use crate::server::{Lifetimes, Limits, ResourceServer, SupportedScope};

fn config() -> Config {
    let scopes = ["a", "b", "c"].map(|value| {
        let scope: crate::scope::Scope = value.parse().unwrap();
        (scope.clone(), SupportedScope::new(scope, value))
    });
    let api: ResourceIndicator = "https://api.example".parse().unwrap();
    Config {
        lifetimes: Lifetimes::default(),
        limits: Limits::default(),
        interaction_url: "https://id.example/interaction/".to_owned(),
        scopes: BTreeMap::from(scopes),
        protocol_scopes: ScopeSet::new(),
        resources: BTreeMap::from([(
            api.clone(),
            ResourceServer::new(api.clone(), "a b c".parse().unwrap()),
        )]),
        default_resource: api,
        acr: AcrLadder::default(),
        grants: BTreeSet::from(GrantType::ALL),
        without: BTreeSet::new(),
        require_pushed_requests: false,
        device: None,
        backchannel: None,
        client_authentication: BTreeSet::new(),
        dpop: None,
        mutual_tls: None,
        sender_constraint: crate::validate::SenderConstraint::None,
        registration: false,
        detail_types: BTreeMap::new(),
        #[cfg(feature = "draft-first-party-apps")]
        authorization_challenge: false,
        #[cfg(feature = "draft-attested-clients")]
        attestation_challenges: None,
        #[cfg(feature = "draft-status-list")]
        status_lists: None,
        signed_metadata: false,
        profile: crate::server::Profile::OAuth21,
        request_objects: None,
    }
}

fn client() -> Client {
    Client::public("app".parse().unwrap())
        .with_redirect_uri("https://app.example/cb".parse().unwrap())
        .with_grant(GrantType::AuthorizationCode)
        .with_scopes("a b".parse().unwrap())
}

const GOOD: &str = "response_type=code&client_id=app&redirect_uri=https://app.example/cb&scope=a\
                    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

fn read(query: &str) -> Result<AuthorizeRequest, AuthorizeError> {
    let params = Params::parse(query, ParamsLimits::default()).unwrap();
    let client = client();
    let address = locate(&client, &config(), &params).unwrap();
    parse(&client, &config(), &params, &address)
}

fn with(more: &str) -> Result<AuthorizeRequest, AuthorizeError> {
    read(&format!("{GOOD}&{more}"))
}

#[test]
fn reads_every_parameter() {
    let request = with(
        "state=s&response_mode=form_post&prompt=consent%20%20login&max_age=60&acr_values=x+y&login_hint=Ada%20L\
         &ui_locales=de-CH+fr&display=popup&unknown=1",
    )
    .unwrap();
    assert_eq!(request.state.as_deref(), Some("s"));
    assert_eq!(request.response_mode, ResponseMode::FormPost);
    assert!(request.prompt.contains(Prompt::Consent) && request.prompt.contains(Prompt::Login));
    assert_eq!(request.max_age, Some(60));
    assert_eq!(request.acr_values, [Acr::new("x"), Acr::new("y")]);
    assert_eq!(request.login_hint.as_deref(), Some("Ada L"));
    assert_eq!(request.ui_locales, ["de-CH", "fr"]);
    assert_eq!(request.display, Some(Display::Popup));
    assert!(request.redirect_uri_named);
    assert!(!request.resources_named);
}

#[test]
fn wishes_that_are_unknown_are_no_errors() {
    let request = with("display=hologram&ui_locales=%3Cscript%3E+de").unwrap();
    assert_eq!(request.display, None);
    assert_eq!(request.ui_locales, ["de"]);
    assert_eq!(with("max_age=4294967295").unwrap().max_age, Some(u32::MAX));
    assert_eq!(with("max_age=4294967296").unwrap().max_age, Some(u32::MAX));
}

#[test]
fn lists_are_bounded() {
    let many = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join("+");
    assert!(with(&format!("acr_values={}", many(16))).is_ok());
    assert!(with(&format!("acr_values={}", many(17))).is_err());
    assert_eq!(with(&format!("ui_locales={}", many(40))).unwrap().ui_locales.len(), 16);
}

#[test]
fn the_frozen_form_is_read_back_as_it_was() {
    let request = with("state=%22%3C&max_age=5&prompt=login&resource=https://api.example").unwrap();
    let stored = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<AuthorizeRequest>(&stored).unwrap(), request);
}

proptest! {
    /// Whatever is added to a good request: no panic, and never another client, address or challenge.
    #[test]
    fn additions_never_move_the_address(
        more in proptest::collection::vec(("[a-z_]{1,12}", "\\PC{0,24}"), 0..6),
    ) {
        let extra = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(more).finish();
        let params = Params::parse(&format!("{GOOD}&{extra}"), ParamsLimits::default()).unwrap();
        let client = client();
        if let Ok(address) = locate(&client, &config(), &params) {
            prop_assert_eq!(address.redirect_uri.as_str(), "https://app.example/cb");
            if let Ok(request) = parse(&client, &config(), &params, &address) {
                prop_assert!(request.scopes.is_subset(&client.scopes));
                prop_assert_eq!(request.redirect_uri.as_str(), "https://app.example/cb");
                prop_assert_eq!(request.challenge.unwrap().to_string(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
            }
        }
    }

    /// A parameter of the request given again, with any value, is refused or shown, never chosen between.
    #[test]
    fn a_repeated_parameter_is_never_read(name in "[a-z_]{1,16}", value in "[ -~]{1,16}") {
        let twice = [(name.as_str(), value.as_str()), (name.as_str(), "other")];
        let extra = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(twice).finish();
        let params = Params::parse(&format!("{GOOD}&{extra}"), ParamsLimits::default()).unwrap();
        let client = client();
        let read = locate(&client, &config(), &params).map(|address| parse(&client, &config(), &params, &address).is_ok());
        prop_assert!(name == "resource" || !matches!(read, Ok(true)));
    }

    #[test]
    fn garbage_never_panics(query in "\\PC{0,300}") {
        if let Ok(params) = Params::parse(&query, ParamsLimits::default()) {
            let client = client();
            if let Ok(address) = locate(&client, &config(), &params) {
                let _ = parse(&client, &config(), &params, &address);
            }
        }
    }
}
