//! `oidcc-basic-certification-test-plan`, `oidcc-hybrid-certification-test-plan` and `oidcc-implicit-certification-test-plan`, each with
//! its plan for `form_post`.

use bytes::Bytes;
use ciam_core::interaction::Ask;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use super::suite::{Browser, CALLBACK, Flow, SECRET, Suite, encode, in_modes};

in_modes!([query: QUERY, form_post: FORM_POST] [
    oidcc_server,
    oidcc_response_type_missing,
    oidcc_idtoken_signature,
    oidcc_userinfo_get,
    oidcc_userinfo_post_header,
    oidcc_userinfo_post_body,
    oidcc_ensure_request_without_nonce_succeeds_for_code_flow,
    oidcc_scope_profile,
    oidcc_scope_email,
    oidcc_scope_address,
    oidcc_scope_phone,
    oidcc_scope_all,
    oidcc_alternate_happy_flow,
    oidcc_display_page,
    oidcc_display_popup,
    oidcc_prompt_login,
    oidcc_prompt_none_not_logged_in,
    oidcc_prompt_none_logged_in,
    oidcc_max_age_1,
    oidcc_max_age_10000,
    oidcc_ensure_request_with_unknown_parameter_succeeds,
    oidcc_id_token_hint,
    oidcc_login_hint,
    oidcc_ui_locales,
    oidcc_claims_locales,
    oidcc_ensure_request_with_acr_values_succeeds,
    oidcc_codereuse,
    oidcc_codereuse_30seconds,
    oidcc_ensure_registered_redirect_uri,
    oidcc_ensure_post_request_succeeds,
    oidcc_server_client_secret_post,
    oidcc_claims_essential,
    oidcc_refresh_token,
    oidcc_ensure_request_with_valid_pkce_succeeds,
    skipped_because_unsigned_objects_and_tokens_are_not_advertised,
]);

in_modes!([hybrid: HYBRID, hybrid_form_post: HYBRID_FORM_POST] [
    oidcc_server,
    oidcc_response_type_missing,
    oidcc_idtoken_signature,
    oidcc_userinfo_get,
    oidcc_userinfo_post_header,
    oidcc_userinfo_post_body,
    oidcc_scope_profile,
    oidcc_scope_email,
    oidcc_scope_address,
    oidcc_scope_phone,
    oidcc_scope_all,
    oidcc_alternate_happy_flow,
    oidcc_display_page,
    oidcc_display_popup,
    oidcc_prompt_login,
    oidcc_prompt_none_not_logged_in,
    oidcc_prompt_none_logged_in,
    oidcc_max_age_1,
    oidcc_max_age_10000,
    oidcc_ensure_request_with_unknown_parameter_succeeds,
    oidcc_id_token_hint,
    oidcc_login_hint,
    oidcc_ui_locales,
    oidcc_claims_locales,
    oidcc_ensure_request_with_acr_values_succeeds,
    oidcc_codereuse,
    oidcc_codereuse_30seconds,
    oidcc_ensure_registered_redirect_uri,
    oidcc_ensure_post_request_succeeds,
    oidcc_server_client_secret_post,
    oidcc_claims_essential,
    oidcc_refresh_token,
    oidcc_ensure_request_with_valid_pkce_succeeds,
    skipped_because_unsigned_objects_and_tokens_are_not_advertised,
    oidcc_ensure_request_without_nonce_fails,
]);

in_modes!([implicit: IMPLICIT, implicit_form_post: IMPLICIT_FORM_POST] [
    oidcc_server,
    oidcc_response_type_missing,
    oidcc_idtoken_signature,
    oidcc_scope_profile,
    oidcc_scope_email,
    oidcc_scope_address,
    oidcc_scope_phone,
    oidcc_scope_all,
    oidcc_alternate_happy_flow,
    oidcc_display_page,
    oidcc_display_popup,
    oidcc_prompt_login,
    oidcc_prompt_none_not_logged_in,
    oidcc_prompt_none_logged_in,
    oidcc_max_age_1,
    oidcc_max_age_10000,
    oidcc_ensure_request_with_unknown_parameter_succeeds,
    oidcc_id_token_hint,
    oidcc_login_hint,
    oidcc_ui_locales,
    oidcc_claims_locales,
    oidcc_ensure_request_with_acr_values_succeeds,
    oidcc_ensure_registered_redirect_uri,
    oidcc_ensure_post_request_succeeds,
    oidcc_claims_essential,
    skipped_because_unsigned_objects_and_tokens_are_not_advertised,
    oidcc_ensure_request_without_nonce_fails,
]);

const PROFILE: [&str; 14] = [
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
];
const EMAIL: [&str; 2] = ["email", "email_verified"];
const PHONE: [&str; 2] = ["phone_number", "phone_number_verified"];

/// The claims that an ID token may have when none were asked for singly.
const OF_THE_TOKEN: [&str; 13] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "acr",
    "amr",
    "sid",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
];

async fn oidcc_server(suite: &Suite) {
    let flow = suite.flow(&mut Browser::default(), &[]).await;
    for name in flow.claims.as_object().unwrap().keys() {
        assert!(OF_THE_TOKEN.contains(&name.as_str()), "not asked for: {name}");
    }
    if suite.mode.kind.has_code() {
        // 128 bits at least, which are 22 characters of base64url; RFC 6749, section 10.10.
        assert!(flow.code.len() >= 22, "{}", flow.code);
        let another = suite.flow(&mut Browser::default(), &[]).await;
        assert_ne!(flow.code, another.code);
        suite.claims_of_userinfo(&flow).await;
    }
}

/// Core, sections 3.2.2.1 and 3.3.2.11: an ID token that comes through the browser needs the client's own value.
async fn oidcc_ensure_request_without_nonce_fails(suite: &Suite) {
    let back = Browser::default().authorize(suite, &suite.request(&[("nonce", "")])).await;
    assert_eq!(back.error(), "invalid_request");
}

async fn oidcc_response_type_missing(suite: &Suite) {
    let back = Browser::default().authorize(suite, &suite.request(&[("response_type", "")])).await;
    let error = back.error();
    assert!(["invalid_request", "unsupported_response_type"].contains(&error.as_str()), "{error}");
}

async fn oidcc_idtoken_signature(suite: &Suite) {
    let flow = suite.flow(&mut Browser::default(), &[]).await;
    let header = crate::world::header_of(&flow.id_token);
    assert_eq!(header["alg"], "RS256");
    assert!(header["kid"].as_str().is_some_and(|kid| !kid.is_empty()));
}

async fn oidcc_userinfo_get(suite: &Suite) {
    let flow = suite.flow(&mut Browser::default(), &[]).await;
    suite.claims_of_userinfo(&flow).await;
}

async fn oidcc_userinfo_post_header(suite: &Suite) {
    let flow = suite.flow(&mut Browser::default(), &[]).await;
    let request = Request::post("/userinfo").header(AUTHORIZATION, format!("Bearer {}", flow.access_token()));
    same_subject(&flow, &suite.send(request, String::new()).await);
}

async fn oidcc_userinfo_post_body(suite: &Suite) {
    let flow = suite.flow(&mut Browser::default(), &[]).await;
    let request = Request::post("/userinfo").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = suite.send(request, encode(&[("access_token", flow.access_token())])).await;
    same_subject(&flow, &response);
}

fn same_subject(flow: &Flow, response: &Response<Bytes>) {
    assert_eq!(response.status(), StatusCode::OK);
    let claims: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(claims["sub"], flow.claims["sub"]);
}

async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow(suite: &Suite) {
    let flow = suite.flow(&mut Browser::default(), &[("nonce", "")]).await;
    assert_eq!(flow.claims.get("nonce"), None);
}

async fn scope(suite: &Suite, scope: &str, expected: &[&str]) {
    let flow = suite.flow(&mut Browser::default(), &[("scope", scope)]).await;
    // Without an access token the claims are in the ID token (Core, section 5.4).
    let has_code = suite.mode.kind.has_code();
    let userinfo = if has_code { suite.claims_of_userinfo(&flow).await } else { flow.claims.clone() };
    let of_the_token = |name: &&str| !has_code && *name != "sub" && OF_THE_TOKEN.contains(name);
    let names = userinfo.as_object().unwrap().keys().map(String::as_str);
    let mut found: Vec<&str> = names.filter(|name| !of_the_token(name)).collect();
    let mut wanted: Vec<&str> = expected.iter().copied().chain(["sub"]).collect();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    for name in expected {
        assert!(!userinfo[name].is_null() && userinfo[name] != "", "{name}");
        // With an access token the claims are at UserInfo, not in the ID token (Core, section 5.4).
        assert_eq!(flow.claims.get(name).is_some(), !has_code, "{name}");
    }
    // Section 5.1 gives some of them a type.
    for (name, is_right) in [
        ("updated_at", Value::is_number as fn(&Value) -> bool),
        ("email_verified", Value::is_boolean),
        ("phone_number_verified", Value::is_boolean),
        ("address", Value::is_object),
    ] {
        assert!(userinfo.get(name).is_none_or(is_right), "{name}");
    }
}

async fn oidcc_scope_profile(suite: &Suite) {
    scope(suite, "openid profile", &PROFILE).await;
}

async fn oidcc_scope_email(suite: &Suite) {
    scope(suite, "openid email", &EMAIL).await;
}

async fn oidcc_scope_address(suite: &Suite) {
    scope(suite, "openid address", &["address"]).await;
}

async fn oidcc_scope_phone(suite: &Suite) {
    scope(suite, "openid phone", &PHONE).await;
}

async fn oidcc_scope_all(suite: &Suite) {
    let all: Vec<&str> = PROFILE.into_iter().chain(EMAIL).chain(PHONE).chain(["address"]).collect();
    scope(suite, "openid email phone address profile", &all).await;
}

async fn oidcc_alternate_happy_flow(suite: &Suite) {
    let mut params = suite.request(&[("scope", "email profile openid")]);
    params.reverse();
    let back = Browser::default().authorize(suite, &params).await;
    if !suite.mode.kind.has_code() {
        assert!(!back.id_token().is_empty());
        return;
    }
    let (status, tokens) = suite.token(&back.code()).await;
    assert_eq!(status, StatusCode::OK);
    assert!(tokens["id_token"].is_string());
}

async fn oidcc_display_page(suite: &Suite) {
    suite.flow(&mut Browser::default(), &[("display", "page")]).await;
}

async fn oidcc_display_popup(suite: &Suite) {
    suite.flow(&mut Browser::default(), &[("display", "popup")]).await;
}

async fn oidcc_prompt_login(suite: &Suite) {
    let mut browser = Browser::default();
    let first = suite.flow(&mut browser, &[]).await;
    suite.pass(1).await;
    let second = suite.flow(&mut browser, &[("prompt", "login")]).await;
    assert_eq!(browser.sign_ins, 2);
    assert!(second.auth_time() > first.auth_time());
    assert_eq!(second.claims["sub"], first.claims["sub"]);
}

async fn oidcc_prompt_none_not_logged_in(suite: &Suite) {
    let mut browser = Browser::default();
    let back = browser.authorize(suite, &suite.request(&[("prompt", "none")])).await;
    let allowed =
        ["login_required", "interaction_required", "consent_required", "account_selection_required"];
    let error = back.error();
    assert!(allowed.contains(&error.as_str()), "{error}");
    assert_eq!(browser.sign_ins, 0);
}

async fn oidcc_prompt_none_logged_in(suite: &Suite) {
    let mut browser = Browser::default();
    let first = suite.flow(&mut browser, &[]).await;
    suite.pass(2).await;
    let asked = browser.asked.len();
    let second = suite.flow(&mut browser, &[("prompt", "none")]).await;
    assert_eq!(browser.asked.len(), asked, "nothing was shown");
    assert_eq!(second.claims["sub"], first.claims["sub"]);
    assert_eq!(second.auth_time(), first.auth_time());
}

async fn oidcc_max_age_1(suite: &Suite) {
    let mut browser = Browser::default();
    let first = suite.flow(&mut browser, &[]).await;
    suite.pass(2).await;
    let second = suite.flow(&mut browser, &[("max_age", "1")]).await;
    assert_eq!(browser.sign_ins, 2);
    assert!(second.auth_time() > first.auth_time());
    assert!(suite.ports.now().unix_timestamp() - second.auth_time() <= 1);
}

async fn oidcc_max_age_10000(suite: &Suite) {
    let mut browser = Browser::default();
    let first = suite.flow(&mut browser, &[("max_age", "15000")]).await;
    suite.pass(2).await;
    let second = suite.flow(&mut browser, &[("max_age", "10000")]).await;
    assert_eq!(browser.sign_ins, 1);
    assert_eq!(second.auth_time(), first.auth_time());
}

async fn oidcc_ensure_request_with_unknown_parameter_succeeds(suite: &Suite) {
    suite.flow(&mut Browser::default(), &[("extra", "foobar")]).await;
}

async fn oidcc_id_token_hint(suite: &Suite) {
    let mut browser = Browser::default();
    let first = suite.flow(&mut browser, &[]).await;
    let second =
        suite.flow(&mut browser, &[("prompt", "none"), ("id_token_hint", first.id_token.as_str())]).await;
    assert_eq!(second.claims["sub"], first.claims["sub"]);
}

async fn oidcc_login_hint(suite: &Suite) {
    let mut browser = Browser::default();
    suite.flow(&mut browser, &[("login_hint", "ada@example.com")]).await;
    let Some(Ask::SignIn(ask)) = browser.asked.first() else { panic!() };
    assert_eq!(ask.login_hint.as_deref(), Some("ada@example.com"));
}

async fn oidcc_ui_locales(suite: &Suite) {
    let mut browser = Browser::default();
    suite.flow(&mut browser, &[("ui_locales", "se")]).await;
    let Some(Ask::SignIn(ask)) = browser.asked.first() else { panic!() };
    assert_eq!(ask.ui_locales, ["se"]);
}

async fn oidcc_claims_locales(suite: &Suite) {
    suite.flow(&mut Browser::default(), &[("claims_locales", "se")]).await;
}

async fn oidcc_ensure_request_with_acr_values_succeeds(suite: &Suite) {
    for wanted in ["1 2", "urn:ciam:acr:aal1"] {
        let flow = suite.flow(&mut Browser::default(), &[("acr_values", wanted)]).await;
        // What was reached, whatever was asked.
        assert_eq!(flow.claims["acr"], "urn:ciam:acr:aal1");
    }
}

async fn oidcc_codereuse(suite: &Suite) {
    let flow = suite.flow(&mut Browser::default(), &[]).await;
    let (status, body) = suite.token(&flow.code).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
}

async fn oidcc_codereuse_30seconds(suite: &Suite) {
    let flow = suite.flow(&mut Browser::default(), &[]).await;
    assert_eq!(suite.userinfo(flow.access_token()).await.status(), StatusCode::OK);
    suite.pass(30).await;
    let (status, body) = suite.token(&flow.code).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
    assert!(suite.userinfo(flow.access_token()).await.status().is_client_error());
}

async fn oidcc_ensure_registered_redirect_uri(suite: &Suite) {
    let bad = format!("{CALLBACK}foobar");
    let back = Browser::default().authorize(suite, &suite.request(&[("redirect_uri", &bad)])).await;
    assert!(back.is_error_page(), "{back:?}");
}

/// By POST, as a form of the client's page would: without the server's cookies, which the browser keeps for navigations.
async fn oidcc_ensure_post_request_succeeds(suite: &Suite) {
    let mut browser = Browser::default();
    let request = Request::post("/authorize").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let first = suite.send(request, encode(&suite.request(&[]))).await;
    let back = browser.follow(suite, first).await;
    assert_eq!(back.param("state").as_deref(), Some("st4te"));
    if suite.mode.kind.has_code() {
        assert_eq!(suite.token(&back.code()).await.0, StatusCode::OK);
    }
}

async fn oidcc_server_client_secret_post(suite: &Suite) {
    let back = Browser::default().authorize(suite, &suite.request(&[("client_id", "post")])).await;
    let code = back.code();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("client_id", "post"),
        ("client_secret", SECRET),
    ];
    let request = Request::post("/token").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = suite.send(request, encode(&form)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let tokens: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(crate::world::claims_of(tokens["id_token"].as_str().unwrap())["aud"], "post");
}

/// The claim is asked for at UserInfo and comes there: with the scope value that releases it, as the person is shown.
async fn oidcc_claims_essential(suite: &Suite) {
    let claims = r#"{"userinfo":{"name":{"essential":true}}}"#;
    if !suite.mode.kind.has_code() {
        let claims = r#"{"id_token":{"name":{"essential":true}}}"#;
        let flow =
            suite.flow(&mut Browser::default(), &[("claims", claims), ("scope", "openid profile")]).await;
        assert_eq!(flow.claims["name"], "Ada Lovelace");
        return;
    }
    let flow = suite.flow(&mut Browser::default(), &[("claims", claims), ("scope", "openid profile")]).await;
    let userinfo = suite.claims_of_userinfo(&flow).await;
    assert_eq!(userinfo["name"], "Ada Lovelace");
    assert_eq!(flow.claims.get("name"), None);
}

async fn oidcc_refresh_token(suite: &Suite) {
    let mut browser = Browser::default();
    let flow = suite.flow(&mut browser, &[("scope", "openid offline_access"), ("prompt", "consent")]).await;
    let refresh_token = flow.tokens["refresh_token"].as_str().unwrap();
    // RFC 6749, appendix A.17.
    assert!(refresh_token.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
    suite.pass(1).await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    let (status, body) = suite.token_request("suite", &form).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_ne!(body["access_token"], flow.tokens["access_token"]);
    // Core, section 12.2: the same person, audience and authentication, a new time, no nonce.
    let claims = crate::world::claims_of(body["id_token"].as_str().unwrap());
    for same in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(claims[same], flow.claims[same], "{same}");
    }
    assert!(claims["iat"].as_i64() > flow.claims["iat"].as_i64());
    assert_eq!(claims.get("nonce"), None);
    // A refresh token is its client's.
    let (status, body) = suite.token_request("suite2", &form).await;
    assert_eq!((status, &body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
}

async fn oidcc_ensure_request_with_valid_pkce_succeeds(suite: &Suite) {
    let verifier = crate::world::VERIFIER;
    let pkce = [
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let form = |code: &str, verifier: Option<&str>| {
        let mut form = vec![
            ("grant_type".to_owned(), "authorization_code".to_owned()),
            ("code".to_owned(), code.to_owned()),
            ("redirect_uri".to_owned(), CALLBACK.to_owned()),
        ];
        form.extend(verifier.map(|verifier| ("code_verifier".to_owned(), verifier.to_owned())));
        form
    };
    // S7: what was begun with a challenge ends with its verifier, and what was begun without ends without.
    for (with_challenge, shown, expected) in [
        (true, Some(verifier), StatusCode::OK),
        (true, None, StatusCode::BAD_REQUEST),
        (false, Some(verifier), StatusCode::BAD_REQUEST),
        (false, None, StatusCode::OK),
    ] {
        let params = suite.request(if with_challenge { &pkce } else { &[] });
        let code = Browser::default().authorize(suite, &params).await.code();
        let form = form(&code, shown);
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let (status, body) = suite.token_request("suite", &form).await;
        assert_eq!(status, expected, "{with_challenge} {shown:?} {body}");
    }
    // Another method is refused, challenge or not.
    for bad in [
        vec![("code_challenge_method", "plain")],
        vec![pkce[0], ("code_challenge_method", "plain")],
        vec![pkce[0]],
    ] {
        let back = Browser::default().authorize(suite, &suite.request(&bad)).await;
        assert_eq!(back.error(), "invalid_request", "{bad:?}");
    }
}

/// `oidcc-idtoken-unsigned`, `oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported`,
/// `oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported` and
/// `oidcc-ensure-request-object-with-redirect-uri` are skipped by the suite because `none` is not advertised. What they send is
/// refused.
async fn skipped_because_unsigned_objects_and_tokens_are_not_advertised(suite: &Suite) {
    let metadata = suite.metadata().await;
    for list in ["id_token_signing_alg_values_supported", "request_object_signing_alg_values_supported"] {
        assert!(!metadata[list].as_array().unwrap().contains(&json!("none")), "{list}");
    }
    let unsigned = "eyJhbGciOiJub25lIn0.e30.";
    let by_value = suite.request(&[("request", unsigned)]);
    assert_eq!(Browser::default().authorize(suite, &by_value).await.error(), "invalid_request_object");
    let by_reference = suite.request(&[("request_uri", "https://suite.example/request.jwt")]);
    assert_eq!(Browser::default().authorize(suite, &by_reference).await.error(), "request_uri_not_supported");
    let elsewhere = suite.request(&[("request", unsigned), ("redirect_uri", "https://suite.example/bad")]);
    assert!(Browser::default().authorize(suite, &elsewhere).await.is_error_page());
}
