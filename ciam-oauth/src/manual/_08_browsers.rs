//! Which endpoints scripts of other origins can call
//! ([CORS](https://fetch.spec.whatwg.org/#http-cors-protocol)).
//!
//! | endpoint | origins | with | a script reads |
//! | --- | --- | --- | --- |
//! | metadata, both documents | every one | `GET`, `HEAD` | the document |
//! | JWK Set, status lists (`draft-status-list`) | every one | `GET`, `HEAD` | the document |
//! | token, revocation, device authorization, pushed requests | those that the client of the form's `client_id` registered | `POST`; `authorization`, `content-type`, `dpop` | the answer, `DPoP-Nonce`, `Retry-After`, `WWW-Authenticate` |
//! | registration | every one | `POST`; `authorization`, `content-type`, `dpop` | the answer |
//! | UserInfo, WebFinger (`ciam-oidc`) | every one: what they ask for is a token, or nothing | `GET`, UserInfo `POST` too; `authorization`, `content-type`, `dpop` | the answer, `DPoP-Nonce`, `WWW-Authenticate` |
//! | authorization, its return, sign-out | none: a browser goes there | | |
//! | introspection | none: resource servers are no scripts | | |
//! | one registration, to read, change and delete | none: its token is kept by a server | | |
//! | backchannel authentication | none: its clients keep a secret | | |
//! | authorization challenge (`draft-first-party-apps`) | none: it is for apps that are no pages | | |
//! | challenges for attested clients (`draft-attested-clients`) | none: so are they | | |
//!
//! Cookies are never allowed with any of them (`Access-Control-Allow-Credentials` is not sent), so a page of another origin acts for
//! nobody. A client registers its origins ([`Client::allowed_origins`](crate::client::Client::allowed_origins)); one that registers
//! itself without authentication, or publishes what it is, has the origins of its redirect URIs. A preflight names no client, and is
//! answered to every origin: it lets a script send what every program can send, and read nothing.
