//! Certification: the modules of the OpenID Foundation's plans, each with its verdict.
//!
//! Each module is a test of its name in `tests/it/certification`, over HTTP, with what the public suite asserts. They are not a
//! run of the suite itself, and nothing here is certified: this table says that the tests exist and pass. *Skipped* is what the
//! suite itself skips, because the metadata do not advertise it.
//!
//! The server has the profile [`OpenId`](ciam_oauth::server::Profile::OpenId), an RSA key and the clients of the suite.
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
//! # Third-party initiated login: `oidcc-3rdparty-init-login-certification-test-plan`
//!
//! Registered in the program; by dynamic registration the modules are not run yet.
//!
//! | module | verdict |
//! | --- | --- |
//! | `oidcc-3rd_party-init-login` | passed |
//! | `oidcc-3rd_party-init-login-nohttps` | passed |
//!
//! # Not run
//!
//! The plans *dynamic*, *implicit* and *hybrid*, and those of CIBA. Implicit and hybrid flows are not built.
