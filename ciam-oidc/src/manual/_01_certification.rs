//! Certification: the modules of the OpenID Foundation's plans, each with its verdict.
//!
//! Each module is a test of its name in `tests/it/certification`, over HTTP, with what the public suite asserts. They are not a
//! run of the suite itself, and nothing here is certified: this table says that the tests exist and pass. *Skipped* is what the
//! suite itself skips, because the metadata do not advertise it.
//!
//! The server has the profile [`OpenId`](ciam_oauth::server::Profile::OpenId), an RSA key and the clients of the suite, unless a
//! section says otherwise. `examples/reference-server/conformance` has the configuration and a guide for the suite itself.
//!
//! # Configuration: `oidcc-config-certification-test-plan`
//!
//! | module | verdict |
//! | --- | --- |
//! | `oidcc-discovery-endpoint-verification` | passed |
//!
//! # Basic and form post: `oidcc-basic-certification-test-plan`, `oidcc-formpost-basic-certification-test-plan`
//!
//! Every module runs in both modes.
//!
//! | module | verdict |
//! | --- | --- |
//! | `oidcc-server` | passed |
//! | `oidcc-response-type-missing` | passed |
//! | `oidcc-idtoken-signature` | passed |
//! | `oidcc-userinfo-get` | passed |
//! | `oidcc-userinfo-post-header` | passed |
//! | `oidcc-userinfo-post-body` | passed |
//! | `oidcc-ensure-request-without-nonce-succeeds-for-code-flow` | passed |
//! | `oidcc-scope-profile` | passed |
//! | `oidcc-scope-email` | passed |
//! | `oidcc-scope-address` | passed |
//! | `oidcc-scope-phone` | passed |
//! | `oidcc-scope-all` | passed |
//! | `oidcc-alternate-happy-flow` | passed |
//! | `oidcc-display-page` | passed |
//! | `oidcc-display-popup` | passed |
//! | `oidcc-prompt-login` | passed |
//! | `oidcc-prompt-none-not-logged-in` | passed |
//! | `oidcc-prompt-none-logged-in` | passed |
//! | `oidcc-max-age-1` | passed |
//! | `oidcc-max-age-10000` | passed |
//! | `oidcc-ensure-request-with-unknown-parameter-succeeds` | passed |
//! | `oidcc-id-token-hint` | passed |
//! | `oidcc-login-hint` | passed |
//! | `oidcc-ui-locales` | passed |
//! | `oidcc-claims-locales` | passed |
//! | `oidcc-ensure-request-with-acr-values-succeeds` | passed |
//! | `oidcc-codereuse` | passed |
//! | `oidcc-codereuse-30seconds` | passed |
//! | `oidcc-ensure-registered-redirect-uri` | passed |
//! | `oidcc-ensure-post-request-succeeds` | passed |
//! | `oidcc-server-client-secret-post` | passed |
//! | `oidcc-claims-essential` | passed |
//! | `oidcc-refresh-token` | passed |
//! | `oidcc-ensure-request-with-valid-pkce-succeeds` | passed |
//! | `oidcc-idtoken-unsigned` | skipped: `none` is not advertised |
//! | `oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported` | skipped: `none` is not advertised |
//! | `oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported` | skipped: `none` is not advertised |
//! | `oidcc-ensure-request-object-with-redirect-uri` | skipped: `none` is not advertised |
//!
//! # Logout: `oidcc-rp-initiated-logout-…`, `oidcc-backchannel-rp-initiated-logout-…`, `oidcc-frontchannel-rp-initiated-logout-…`, `oidcc-session-management-…`
//!
//! | module | verdict |
//! | --- | --- |
//! | `oidcc-rp-initiated-logout-discovery-endpoint-verification` | passed |
//! | `oidcc-rp-initiated-logout` | passed |
//! | `oidcc-rp-initiated-logout-bad-post-logout-redirect-uri` | passed |
//! | `oidcc-rp-initiated-logout-modified-id-token-hint` | passed |
//! | `oidcc-rp-initiated-logout-no-id-token-hint` | passed |
//! | `oidcc-rp-initiated-logout-no-params` | passed |
//! | `oidcc-rp-initiated-logout-no-post-logout-redirect-uri` | passed |
//! | `oidcc-rp-initiated-logout-no-state` | passed |
//! | `oidcc-rp-initiated-logout-only-state` | passed |
//! | `oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri` | passed |
//! | `oidcc-rp-initiated-logout-bad-id-token-hint` | passed |
//! | `oidcc-backchannel-logout-discovery-endpoint-verification` | passed |
//! | `oidcc-backchannel-rp-initiated-logout` | passed |
//! | `oidcc-frontchannel-logout-discovery-endpoint-verification` | passed |
//! | `oidcc-frontchannel-rp-initiated-logout` | passed |
//! | `oidcc-session-management-discovery-endpoint-verification` | passed |
//! | `oidcc-session-management-rp-initiated-logout` | passed; the comparison in the frame's script is made by the test itself |
//!
//! # Hybrid: `oidcc-hybrid-certification-test-plan`, and the same with `form_post`
//!
//! With the profile [`OpenIdHybrid`](ciam_oauth::server::Profile::OpenIdHybrid) and the response type `code id_token`. Response types
//! with `token` are not advertised, so the suite skips them: no access token goes through the browser.
//!
//! | module | verdict |
//! | --- | --- |
//! | `oidcc-server` | passed |
//! | `oidcc-response-type-missing` | passed |
//! | `oidcc-idtoken-signature` | passed |
//! | `oidcc-userinfo-get` | passed |
//! | `oidcc-userinfo-post-header` | passed |
//! | `oidcc-userinfo-post-body` | passed |
//! | `oidcc-ensure-request-without-nonce-fails` | passed |
//! | `oidcc-scope-profile` | passed |
//! | `oidcc-scope-email` | passed |
//! | `oidcc-scope-address` | passed |
//! | `oidcc-scope-phone` | passed |
//! | `oidcc-scope-all` | passed |
//! | `oidcc-alternate-happy-flow` | passed |
//! | `oidcc-display-page` | passed |
//! | `oidcc-display-popup` | passed |
//! | `oidcc-prompt-login` | passed |
//! | `oidcc-prompt-none-not-logged-in` | passed |
//! | `oidcc-prompt-none-logged-in` | passed |
//! | `oidcc-max-age-1` | passed |
//! | `oidcc-max-age-10000` | passed |
//! | `oidcc-ensure-request-with-unknown-parameter-succeeds` | passed |
//! | `oidcc-id-token-hint` | passed |
//! | `oidcc-login-hint` | passed |
//! | `oidcc-ui-locales` | passed |
//! | `oidcc-claims-locales` | passed |
//! | `oidcc-ensure-request-with-acr-values-succeeds` | passed |
//! | `oidcc-codereuse` | passed |
//! | `oidcc-codereuse-30seconds` | passed |
//! | `oidcc-ensure-registered-redirect-uri` | passed |
//! | `oidcc-server-client-secret-post` | passed |
//! | `oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported` | skipped: `none` is not advertised |
//! | `oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported` | skipped: `none` is not advertised |
//! | `oidcc-claims-essential` | passed |
//! | `oidcc-ensure-request-object-with-redirect-uri` | skipped: `none` is not advertised |
//! | `oidcc-refresh-token` | passed |
//! | `oidcc-ensure-request-with-valid-pkce-succeeds` | passed |
//! | `oidcc-ensure-request-without-nonce-succeeds-for-code-flow` | skipped: for the response type `code` |
//!
//! # Implicit: `oidcc-implicit-certification-test-plan`, and the same with `form_post`
//!
//! With the same profile and the response type `id_token`.
//!
//! | module | verdict |
//! | --- | --- |
//! | `oidcc-server` | passed |
//! | `oidcc-idtoken-signature` | passed |
//! | `oidcc-ensure-request-without-nonce-fails` | passed |
//! | `oidcc-scope-profile` | passed |
//! | `oidcc-scope-email` | passed |
//! | `oidcc-scope-address` | passed |
//! | `oidcc-scope-phone` | passed |
//! | `oidcc-scope-all` | passed |
//! | `oidcc-alternate-happy-flow` | passed |
//! | `oidcc-display-page` | passed |
//! | `oidcc-display-popup` | passed |
//! | `oidcc-prompt-login` | passed |
//! | `oidcc-prompt-none-not-logged-in` | passed |
//! | `oidcc-prompt-none-logged-in` | passed |
//! | `oidcc-max-age-1` | passed |
//! | `oidcc-max-age-10000` | passed |
//! | `oidcc-ensure-request-with-unknown-parameter-succeeds` | passed |
//! | `oidcc-id-token-hint` | passed |
//! | `oidcc-login-hint` | passed |
//! | `oidcc-ui-locales` | passed |
//! | `oidcc-claims-locales` | passed |
//! | `oidcc-ensure-request-with-acr-values-succeeds` | passed |
//! | `oidcc-ensure-registered-redirect-uri` | passed |
//! | `oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported` | skipped: `none` is not advertised |
//! | `oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported` | skipped: `none` is not advertised |
//! | `oidcc-ensure-request-object-with-redirect-uri` | skipped: `none` is not advertised |
//! | `oidcc-claims-essential` | passed |
//! | `oidcc-userinfo-get` | skipped: `id_token` comes without an access token |
//! | `oidcc-userinfo-post-header` | skipped: `id_token` comes without an access token |
//! | `oidcc-userinfo-post-body` | skipped: `id_token` comes without an access token |
//! | `oidcc-response-type-missing` | passed |
//!
//! # Dynamic: `oidcc-dynamic-certification-test-plan`
//!
//! Every client registers itself.
//!
//! | module | verdict |
//! | --- | --- |
//! | `oidcc-idtoken-rs256` | passed |
//! | `oidcc-idtoken-unsigned` | skipped: `none` is not advertised |
//! | `oidcc-userinfo-rs256` | passed |
//! | `oidcc-ensure-redirect-uri-in-authorization-request` | passed |
//! | `oidcc-redirect-uri-query-OK` | passed |
//! | `oidcc-redirect-uri-query-mismatch` | passed |
//! | `oidcc-redirect-uri-query-added` | passed |
//! | `oidcc-redirect-uri-regfrag` | passed |
//! | `oidcc-discovery-endpoint-verification` | passed |
//! | `oidcc-server` | passed |
//! | `oidcc-registration-logo-uri` | passed: the host's page is given the address |
//! | `oidcc-registration-policy-uri` | passed: the host's page is given the address |
//! | `oidcc-registration-tos-uri` | passed: the host's page is given the address |
//! | `oidcc-registration-jwks-uri` | passed |
//! | `oidcc-registration-sector-uri` | passed |
//! | `oidcc-registration-sector-bad` | passed |
//! | `oidcc-server-rotate-keys` | passed |
//! | `oidcc-refresh-token-rp-key-rotation` | passed |
//! | `oidcc-request-uri-unsigned` | skipped: `none` is not advertised |
//! | `oidcc-request-uri-signed-rs256` | passed |
//! | `oidcc-ensure-request-object-with-redirect-uri` | passed |
//! | `oidcc-refresh-token` | passed |
//! | `oidcc-ensure-client-assertion-with-iss-aud-succeeds` | passed |
//!
//! # Third-party initiated login: `oidcc-3rdparty-init-login-certification-test-plan`
//!
//! By dynamic registration, and registered in the program.
//!
//! | module | verdict |
//! | --- | --- |
//! | `oidcc-3rd_party-init-login` | passed |
//! | `oidcc-3rd_party-init-login-nohttps` | passed |
//!
//! # FAPI 2.0: `fapi2-security-profile-final-test-plan`, `fapi2-message-signing-final-test-plan`
//!
//! The Security Profile runs in two variants, `private_key_jwt` with DPoP and a certificate for both (`mtls`), and Message Signing
//! with `private_key_jwt`, DPoP, signed requests and JARM. A module about request objects runs where requests are signed, one about
//! assertions or proofs where there are any. What a module says of TLS versions and ciphers is the host's:
//! the reference server's, which a test holds against OpenSSL (`old_tls_and_weak_ciphers_are_refused` in its `serve/tests.rs`).
//!
//! | condition of the modules | verdict |
//! | --- | --- |
//! | `EnsureTLS12OrLater`, `DisallowTLS10`, `DisallowTLS11` | passed by the reference server: TLS 1.2 and 1.3 alone |
//! | `EnsureTLS12WithFAPICiphers`, `DisallowInsecureCipher`, `CheckForBCP195InsecureFAPICiphers` | passed by the reference server: under the FAPI profiles the four suites of TLS 1.2 that RFC 9325 recommends, and those of TLS 1.3 |
//!
//! | module | verdict |
//! | --- | --- |
//! | `fapi2-security-profile-final-ensure-request-object-with-multiple-aud-succeeds` | passed |
//! | `fapi2-security-profile-final-ensure-request-object-without-exp-fails` | passed |
//! | `fapi2-security-profile-final-ensure-request-object-without-nbf-fails` | passed |
//! | `fapi2-security-profile-final-ensure-expired-request-object-fails` | passed |
//! | `fapi2-security-profile-final-ensure-request-object-with-bad-aud-fails` | passed |
//! | `fapi2-security-profile-final-ensure-request-object-with-exp-over-60-fails` | passed |
//! | `fapi2-security-profile-final-ensure-request-object-with-nbf-over-60-fails` | passed |
//! | `fapi2-security-profile-final-ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted` | passed |
//! | `fapi2-security-profile-final-ensure-signed-request-object-with-RS256-fails` | passed |
//! | `fapi2-security-profile-final-ensure-request-object-signature-algorithm-is-not-none` | passed |
//! | `fapi2-security-profile-final-ensure-request-object-with-invalid-signature-fails` | passed |
//! | `fapi2-security-profile-final-ensure-matching-key-in-authorization-request` | passed |
//! | `fapi2-security-profile-final-ensure-unsigned-request-at-par-endpoint-fails` | passed |
//! | `fapi2-security-profile-final-par-authorization-request-containing-request_uri` | passed |
//! | `fapi2-security-profile-final-discovery-end-point-verification` | passed |
//! | `fapi2-security-profile-final-happy-flow` | passed |
//! | `fapi2-security-profile-final-user-rejects-authentication` | passed |
//! | `fapi2-security-profile-final-ensure-authorization-request-without-state-success` | passed |
//! | `fapi2-security-profile-final-ensure-authorization-request-without-nonce-success` | passed |
//! | `fapi2-security-profile-final-ensure-authorization-request-with-64-char-nonce-success` | passed |
//! | `fapi2-security-profile-final-ensure-other-scope-order-succeeds` | passed |
//! | `fapi2-security-profile-final-test-claims-parameter-identity-claims` | passed |
//! | `fapi2-security-profile-final-access-token-type-header-case-sensitivity` | passed |
//! | `fapi2-security-profile-final-check-dpop-proof-nbf-exp` | passed |
//! | `fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-before-succeeds` | passed |
//! | `fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-after-succeeds` | passed |
//! | `fapi2-security-profile-final-ensure-mismatched-dpop-jkt-fails` | passed |
//! | `fapi2-security-profile-final-ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt` | passed |
//! | `fapi2-security-profile-final-ensure-token-endpoint-fails-with-mismatched-dpop-jkt` | passed |
//! | `fapi2-security-profile-final-ensure-dpopproof-at-par-endpoint-binding-success` | passed |
//! | `fapi2-security-profile-final-ensure-dpop-auth-code-binding-success` | passed |
//! | `fapi2-security-profile-final-ensure-different-nonce-inside-and-outside-request-object` | passed: what is outside is ignored |
//! | `fapi2-security-profile-final-ensure-different-state-inside-and-outside-request-object` | passed: what is outside is ignored |
//! | `fapi2-security-profile-final-ensure-authorization-request-with-long-nonce` | passed |
//! | `fapi2-security-profile-final-ensure-authorization-request-with-long-state` | passed |
//! | `fapi2-security-profile-final-state-only-outside-request-object-not-used` | passed |
//! | `fapi2-security-profile-final-ensure-request-object-without-redirect-uri-fails` | passed |
//! | `fapi2-security-profile-final-ensure-registered-redirect-uri` | passed |
//! | `fapi2-security-profile-final-plain-fapi-tolerate-unregistered-redirect-uri` | passed: refused, which the module accepts |
//! | `fapi2-security-profile-final-ensure-unsigned-authorization-request-without-using-par-fails` | passed |
//! | `fapi2-security-profile-final-ensure-redirect-uri-in-authorization-request` | passed |
//! | `fapi2-security-profile-final-ensure-response-type-code-idtoken-fails` | passed: refused when it is pushed |
//! | `fapi2-security-profile-final-ensure-response-type-token-fails` | passed: refused when it is pushed |
//! | `fapi2-security-profile-final-ensure-client-id-in-token-endpoint` | passed |
//! | `fapi2-security-profile-final-ensure-holder-of-key-required` | passed |
//! | `fapi2-security-profile-final-ensure-authorization-code-is-bound-to-client` | passed |
//! | `fapi2-security-profile-final-attempt-reuse-authorization-code-after-one-second` | passed |
//! | `fapi2-security-profile-final-ensure-token-endpoint-fails-with-expired-auth-code` | passed |
//! | `fapi2-security-profile-final-ensure-signed-client-assertion-with-RS256-fails` | passed |
//! | `fapi2-security-profile-final-ensure-client-assertion-in-token-endpoint` | passed |
//! | `fapi2-security-profile-final-ensure-client-assertion-with-exp-is-5-minutes-in-past-fails` | passed |
//! | `fapi2-security-profile-final-ensure-client-assertion-with-wrong-aud-fails` | passed |
//! | `fapi2-security-profile-final-ensure-client-assertion-with-no-sub-fails` | passed |
//! | `fapi2-security-profile-final-dpop-negative-tests` | passed |
//! | `fapi2-security-profile-final-refresh-token` | passed |
//! | `fapi2-security-profile-final-ensure-server-handles-non-matching-intent-id` | skipped: for profiles of Open Banking |
//! | `fapi2-security-profile-final-test-essential-acr-sca-claim` | skipped: for profiles of Open Banking |
//! | `fapi2-security-profile-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds` | passed |
//! | `fapi2-security-profile-final-par-attempt-reuse-request_uri` | passed |
//! | `fapi2-security-profile-final-par-attempt-to-use-expired-request_uri` | passed |
//! | `fapi2-security-profile-final-par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted` | passed |
//! | `fapi2-security-profile-final-par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails` | passed |
//! | `fapi2-security-profile-final-par-attempt-to-use-request_uri-for-different-client` | passed |
//! | `fapi2-security-profile-final-par-authorization-request-containing-request_uri-form-param` | passed |
//! | `fapi2-security-profile-final-par-attempt-invalid-http-method` | passed |
//! | `fapi2-security-profile-final-par-ensure-pkce-required` | passed |
//! | `fapi2-security-profile-final-ensure-pkce-code-verifier-required` | passed |
//! | `fapi2-security-profile-final-incorrect-pkce-code-verifier-rejected` | passed |
//! | `fapi2-security-profile-final-par-plain-pkce-rejected` | passed |
//! | `fapi2-security-profile-final-par-without-duplicate-parameters` | passed |
//! | `fapi2-security-profile-final-par-test-array-as-audience-fails` | passed |
//! | `fapi2-security-profile-final-par-test-par-endpoint-url-as-audience-fails` | passed |
//! | `fapi2-security-profile-final-par-test-token-endpoint-url-as-audience-fails` | passed |
//!
//! # CIBA: `fapi-ciba-id1-test-plan`
//!
//! With the profile [`FapiCiba`](ciam_oauth::server::Profile::FapiCiba) and clients that sign with ES256, in the variants `poll` and
//! `ping`, each with `private_key_jwt` and `mtls`; a module that is not for a variant says so. Tokens are bound to certificates, and
//! assertions name what the suite's do. The modules of ConnectID and of Brazil, which are profiles of one country each, are left out.
//! Push is tested beside the plan, which has it not. What is about TLS is the host's: the reference server's listener.
//!
//! | module | verdict |
//! | --- | --- |
//! | `fapi-ciba-id1-discovery-end-point-verification` | passed |
//! | `fapi-ciba-id1` | passed |
//! | `fapi-ciba-id1-user-rejects-authentication` | passed |
//! | `fapi-ciba-id1-multiple-call-to-token-endpoint` | passed |
//! | `fapi-ciba-id1-auth-req-id-expired` | passed |
//! | `fapi-ciba-id1-ensure-authorization-request-with-binding-message-succeeds` | passed |
//! | `fapi-ciba-id1-ensure-other-scope-order-succeeds` | passed |
//! | `fapi-ciba-id1-ensure-requested-expiry-as-string-succeeds` | passed |
//! | `fapi-ciba-id1-ensure-authorization-request-with-potentially-bad-binding-message` | passed |
//! | `fapi-ciba-id1-ensure-request-object-missing-aud-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-bad-aud-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-missing-iss-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-bad-iss-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-missing-exp-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-expired-exp-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-exp-is-70-minutes-in-future-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-missing-iat-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-missing-nbf-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-nbf-is-10-minutes-in-future-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-nbf-is-70-minutes-in-past-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-missing-jti-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-signature-algorithm-is-none-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-signature-algorithm-is-bad-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-signature-algorithm-is-RS256-fails` | passed |
//! | `fapi-ciba-id1-ensure-request-object-signed-by-other-client-fails` | passed |
//! | `fapi-ciba-id1-ensure-authorization-request-with-multiple-hints-fails` | passed |
//! | `fapi-ciba-id1-ensure-wrong-auth-req-id-in-token-endpoint-request` | passed |
//! | `fapi-ciba-id1-ensure-different-client-id-and-issuer-in-backchannel-authorization-request` | passed; `mtls` alone |
//! | `fapi-ciba-id1-ensure-wrong-client-id-in-token-endpoint-request` | passed; `mtls` alone |
//! | `fapi-ciba-id1-ensure-wrong-client-id-in-backchannel-authorization-request` | passed; `mtls` alone |
//! | `fapi-ciba-id1-ensure-without-client-assertion-in-token-endpoint-request` | passed; `private_key_jwt` alone |
//! | `fapi-ciba-id1-ensure-without-client-assertion-in-backchannel-authorization-request` | passed; `private_key_jwt` alone |
//! | `fapi-ciba-id1-ensure-client-assertion-signature-algorithm-in-backchannel-authorization-request-is-RS256-fails` | passed; `private_key_jwt` alone |
//! | `fapi-ciba-id1-ensure-client-assertion-signature-algorithm-in-token-endpoint-request-is-RS256-fails` | passed; `private_key_jwt` alone |
//! | `fapi-ciba-id1-ensure-client-assertion-with-iss-aud-to-token-endpoint-succeeds` | passed; `private_key_jwt` alone |
//! | `fapi-ciba-id1-ping-backchannel-notification-endpoint-response-has-body` | passed; `ping` alone |
//! | `fapi-ciba-id1-ping-backchannel-notification-endpoint-response-401` | passed; `ping` alone |
//! | `fapi-ciba-id1-ping-backchannel-notification-endpoint-response-403` | passed; `ping` alone |
//! | `fapi-ciba-id1-ping-with-mtls-ciba-notification-endpoint-response-401-and-require-server-does-not-retry` | passed; `ping` alone; the host gives the connection its certificate |
//! | `fapi-ciba-id1-ping-backchannel-notification-endpoint-return-redirect-request` | passed; `ping` alone |
//! | `fapi-ciba-id1-ensure-unsigned-backchannel-authorization-request-fails` | passed |
//! | `fapi-ciba-id1-refresh-token` | passed |
//! | `fapi-ciba-id1-ensure-mtls-holder-of-key-required` | passed; the ciphers are the reference server's |
//!
//! # Client plans
//!
//! The relying party against a provider that follows a script and strays from it in the module's way
//! (`tests/it/certification/client`). What the suite's provider asserts of the client's requests, that one asserts too.
//!
//! ## Basic: `oidcc-client-basic-certification-test-plan`
//!
//! With `client_secret_basic`; `client_secret_post`, `client_secret_jwt`, `private_key_jwt` and a public client are one more test.
//!
//! | module | verdict |
//! | --- | --- |
//! | `oidcc-client-test` | passed |
//! | `oidcc-client-test-invalid-iss` | passed |
//! | `oidcc-client-test-missing-sub` | passed |
//! | `oidcc-client-test-invalid-aud` | passed |
//! | `oidcc-client-test-missing-iat` | passed |
//! | `oidcc-client-test-kid-absent-single-jwks` | passed |
//! | `oidcc-client-test-kid-absent-multiple-jwks` | passed |
//! | `oidcc-client-test-idtoken-sig-rs256` | passed |
//! | `oidcc-client-test-idtoken-sig-none` | skipped: the client does not ask for `none`; that it refuses it is a test |
//! | `oidcc-client-test-invalid-sig-rs256` | passed |
//! | `oidcc-client-test-userinfo-invalid-sub` | passed |
//! | `oidcc-client-test-nonce-invalid` | passed |
//! | `oidcc-client-test-scope-userinfo-claims` | passed |
//! | `oidcc-client-test-client-secret-basic` | passed |
//!
//! ## Dynamic and configuration: `oidcc-client-dynamic-certification-test-plan`, `oidcc-client-config-certification-test-plan`
//!
//! | module | verdict |
//! | --- | --- |
//! | `oidcc-client-test-discovery-webfinger-acct` | passed |
//! | `oidcc-client-test-discovery-webfinger-url` | passed |
//! | `oidcc-client-test-discovery-openid-config` | passed |
//! | `oidcc-client-test-discovery-jwks-uri-keys` | passed |
//! | `oidcc-client-test-discovery-issuer-mismatch` | passed |
//! | `oidcc-client-test-dynamic-registration` | passed |
//! | `oidcc-client-test-request-uri-signed-rs256` | passed |
//! | `oidcc-client-test-request-uri-signed-none` | skipped: request objects are always signed |
//! | `oidcc-client-test-idtoken-sig-none` | skipped: the client does not ask for `none`; that it refuses it is a test |
//! | `oidcc-client-test-signing-key-rotation-just-before-signing` | passed |
//! | `oidcc-client-test-signing-key-rotation` | passed |
//! | `oidcc-client-test-userinfo-signed` | passed |
//!
//! ## Logout: `oidcc-client-back-channel-logout-rp-basic`, `oidcc-client-rp-initiated-logout-rp-basic`
//!
//! Front-channel logout and session management are not offered by the relying party, and their plans are left out.
//!
//! | module | verdict |
//! | --- | --- |
//! | `oidcc-client-test-rp-backchannel-rpinitlogout` | passed |
//! | `oidcc-client-test-rp-backchannel-rpinitlogout-alg-none` | passed |
//! | `oidcc-client-test-rp-backchannel-rpinitlogout-no-event` | passed |
//! | `oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce` | passed |
//! | `oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg` | passed |
//! | `oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud` | passed |
//! | `oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event` | passed |
//! | `oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss` | passed |
//! | `oidcc-client-test-rp-init-logout` | passed |
//! | `oidcc-client-test-rp-init-logout-other-state` | passed |
//! | `oidcc-client-test-rp-init-logout-no-state` | passed |
//!
//! ## FAPI 2.0: `fapi2-security-profile-final-client-test-plan`
//!
//! OpenID Connect, `private_key_jwt`, DPoP, pushed requests; the modules of signed responses (JARM) with signed requests.
//!
//! | module | verdict |
//! | --- | --- |
//! | `fapi2-security-profile-final-client-test-ensure-jarm-without-iss-fails` | passed |
//! | `fapi2-security-profile-final-client-test-ensure-jarm-with-invalid-iss-fails` | passed |
//! | `fapi2-security-profile-final-client-test-ensure-jarm-without-aud-fails` | passed |
//! | `fapi2-security-profile-final-client-test-ensure-jarm-with-invalid-aud-fails` | passed |
//! | `fapi2-security-profile-final-client-test-ensure-jarm-without-exp-fails` | passed |
//! | `fapi2-security-profile-final-client-test-ensure-jarm-with-expired-exp-fails` | passed |
//! | `fapi2-security-profile-final-client-test-ensure-jarm-with-invalid-sig-fails` | passed |
//! | `fapi2-security-profile-final-client-test-ensure-jarm-signature-is-not-none` | passed |
//! | `fapi2-security-profile-final-client-test-happy-path` | passed |
//! | `fapi2-security-profile-final-client-test-happy-path-no-dpop-nonce` | passed |
//! | `fapi2-security-profile-final-client-test-discovery-issuer-mismatch` | passed |
//! | `fapi2-security-profile-final-client-test-invalid-iss` | passed |
//! | `fapi2-security-profile-final-client-test-invalid-aud` | passed |
//! | `fapi2-security-profile-final-client-test-invalid-secondary-aud` | passed |
//! | `fapi2-security-profile-final-client-test-invalid-null-alg` | passed |
//! | `fapi2-security-profile-final-client-test-invalid-alternate-alg` | passed |
//! | `fapi2-security-profile-final-client-test-invalid-expired-exp` | passed |
//! | `fapi2-security-profile-final-client-test-invalid-missing-exp` | passed |
//! | `fapi2-security-profile-final-client-test-invalid-missing-aud` | passed |
//! | `fapi2-security-profile-final-client-test-invalid-missing-iss` | passed |
//! | `fapi2-security-profile-final-client-test-valid-aud-as-array` | passed |
//! | `fapi2-security-profile-final-client-test-invalid-nonce` | passed |
//! | `fapi2-security-profile-final-client-test-invalid-missing-nonce` | passed |
//! | `fapi2-security-profile-final-client-test-invalid-authorization-response-iss` | passed |
//! | `fapi2-security-profile-final-client-test-remove-authorization-response-iss` | passed |
//! | `fapi2-security-profile-final-client-test-ensure-authorization-response-with-invalid-state-fails` | passed |
//! | `fapi2-security-profile-final-client-test-ensure-authorization-response-with-invalid-missing-state-fails` | passed |
//! | `fapi2-security-profile-final-client-test-token-endpoint-response-without-expires_in` | passed |
//! | `fapi2-security-profile-final-client-test-token-type-case-insensitivity` | passed |
//! | `fapi2-security-profile-final-client-test-rs-dpop-auth-scheme-case-insensitivity` | passed |
//! | `fapi2-security-profile-final-client-refresh-token-test` | passed |
