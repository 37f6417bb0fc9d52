//! Supported specifications.
//!
//! | specification | status |
//! | --- | --- |
//! | [RFC 6749](https://www.rfc-editor.org/rfc/rfc6749) OAuth 2.0 | authorization code, client credentials, refresh tokens. No access tokens from the authorization endpoint (4.2), no password grant (4.3). |
//! | [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750) Bearer tokens | header only; no token in a form or query. |
//! | [RFC 7009](https://www.rfc-editor.org/rfc/rfc7009) Revocation | yes; refresh tokens take their grant with them. |
//! | [RFC 7523](https://www.rfc-editor.org/rfc/rfc7523) JWT client authentication | section 2.2, `private_key_jwt`, and by name `client_secret_jwt`; section 2.1 with trusted issuers and a policy. |
//! | [RFC 7636](https://www.rfc-editor.org/rfc/rfc7636) PKCE | `S256`, required of every client. No `plain`. |
//! | [RFC 7662](https://www.rfc-editor.org/rfc/rfc7662) Introspection | yes; answers those whom the token concerns. A resource server asks with a bounded memory. |
//! | [RFC 7800](https://www.rfc-editor.org/rfc/rfc7800) Confirmation | `jkt` and `x5t#S256`; a token that is bound to anything else is refused. |
//! | [RFC 8252](https://www.rfc-editor.org/rfc/rfc8252) Native apps | claimed `https`, private-use schemes with a dot, loopback with any port; confirmation by the person (8.6). |
//! | [RFC 8414](https://www.rfc-editor.org/rfc/rfc8414) Server metadata | yes, derived from what is on; signed metadata (2.1) where they are turned on. |
//! | [RFC 8707](https://www.rfc-editor.org/rfc/rfc8707) Resource indicators | several at authorization, one for each token. |
//! | [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068) JWT access tokens | yes, and validation; signed and then encrypted (2, 4) for a resource that wants that, by its registered or published key. |
//! | [RFC 9126](https://www.rfc-editor.org/rfc/rfc9126) Pushed authorization requests | yes; required by client or server. No unregistered redirect URIs (2.4). |
//! | [RFC 9207](https://www.rfc-editor.org/rfc/rfc9207) `iss` in responses | always. |
//! | [RFC 9700](https://www.rfc-editor.org/rfc/rfc9700) Security best practice | all that touches the above. |
//! | [Multiple response types](https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html) | `code`, and `id_token` and `code id_token` by the [profile](crate::server::Profile) for certification; response modes `query` and `fragment`, and `web_message` for origins that the client registered (its draft has expired, and browsers keep the cookies of other sites from a frame). |
//! | [Form post](https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html) | yes. |
//! | [Prompt create](https://openid.net/specs/openid-connect-prompt-create-1_0.html) | yes, as a sign-in that asks for registration. |
//! | [Unmet authentication requirements](https://openid.net/specs/openid-connect-unmet-authentication-requirements-1_0.html) | yes. |
//! | [RFC 9101](https://www.rfc-editor.org/rfc/rfc9101) Request objects | by value, signed or nested in a JWE, at the authorization endpoint and pushed; by reference as pushed requests, or where it is turned on from registered addresses. Nothing unsigned. |
//! | [RFC 7591](https://www.rfc-editor.org/rfc/rfc7591) Dynamic registration | yes, with initial access tokens, software statements and a policy; `response_types` as the [profile](crate::server::Profile) has them. Texts in several languages are left out. |
//! | [RFC 7592](https://www.rfc-editor.org/rfc/rfc7592) Registration management | yes; the token stays the same. |
//! | [RFC 8628](https://www.rfc-editor.org/rfc/rfc8628) Device grant | yes, with `verification_uri_complete`. |
//! | [RFC 8693](https://www.rfc-editor.org/rfc/rfc8693) Token exchange | access tokens of this server, for access tokens; `act` (4.1), and `may_act` (4.4) by the hook of the host. No SAML or ID tokens. |
//! | [RFC 8705](https://www.rfc-editor.org/rfc/rfc8705) Mutual TLS | authentication by a certificate's name or by the certificate (2.1, 2.2), bound tokens (3, 4), metadata and aliases (5). Certificates of 2.2 are registered by thumbprint. |
//! | [RFC 9396](https://www.rfc-editor.org/rfc/rfc9396) Rich authorization requests | by types of the host, in authorization, device, token and introspection; not for clients that act for themselves. |
//! | [RFC 9449](https://www.rfc-editor.org/rfc/rfc9449) DPoP | at the authorization server and at a resource server, with nonces; `dpop_jkt` and proofs at the push (10). |
//! | [RFC 9470](https://www.rfc-editor.org/rfc/rfc9470) Step-up challenges | at a resource server. |
//! | [RFC 9701](https://www.rfc-editor.org/rfc/rfc9701) Introspection as JWT | signed, and encrypted where that is registered (4 to 7). A resource server here asks for JSON. |
//! | [RFC 9728](https://www.rfc-editor.org/rfc/rfc9728) Protected resource metadata | yes, published, signed where that is wanted (2.2), and read by clients, who demand that it is about the resource that they asked about (3.3). |
//! | [JARM](https://openid.net/specs/oauth-v2-jarm.html) | yes: `query.jwt`, `fragment.jwt`, `form_post.jwt`, `jwt`; encrypted for clients that register it. |
//! | [CIBA Core 1.0](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html) | poll, ping and push, signed requests, by [`backchannel`](crate::backchannel). `user_code` where the host keeps codes; `id_token_hint` while its session is known; no push of `expired_token`. |
//! | [Client ID Metadata Document](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-02), revision 02 | with the feature `draft-client-documents`, by `client_document`: public clients and `private_key_jwt`. |
//! | [Attestation-based client authentication](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-attestation-based-client-auth-10), revision 10 | with the feature `draft-attested-clients`: `attest_jwt_client_auth` with registered attesters; refresh tokens and pushed codes are the instance's. Challenges where they are turned on. No proof by DPoP. |
//! | [Token Status List](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-status-list-21), revision 21 | with the feature `draft-status-list`, by [`status_lists`](crate::ServerBuilder::status_lists) at the server and `StatusChecker` at a resource: lists as JWT (4, 5.1), the claim `status` (6.2), the endpoint (8.1, 8.2), validation (8.3). No CWT, no aggregation (9), no lists of former times (8.4). |
//! | [Transaction tokens](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-transaction-tokens-09), revision 09 | with the feature `draft-transaction-tokens`, by `transaction_tokens` at the server and `TransactionValidator` at a service: access tokens of this server as subject tokens, and transaction tokens where they may be replaced (13.15), with the workloads before in `act`. Not what workloads say of themselves (`self_signed`, `unsigned_json`, 11.2), nor tokens of other issuers. |
//! | [First-party apps](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-first-party-apps), revision 03 | with the feature `draft-first-party-apps`: the challenge endpoint for the operator's own clients, with the session as `auth_session`; `redirect_to_web` with a pushed request. How a person signs in is the host's. |
//! | [Native SSO 1.0](https://openid.net/specs/openid-connect-native-sso-1_0-06.html), draft 06 | with the feature `draft-native-sso` here and in `ciam-oidc`, for the operator's own clients. |
//! | [MCP authorization](https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization) | by the [profile](crate::server::Profile): PKCE, resource indicators, metadata of server and resource, published and registered clients. |
//! | [FAPI 2.0 Message Signing](https://openid.net/specs/fapi-message-signing-2_0-final.html) | requests (5.3) and authorization responses (5.4), by the [profile](crate::server::Profile) and the response mode. |
//! | [FAPI: Client Initiated Backchannel Authentication](https://openid.net/specs/openid-financial-api-ciba.html) | by the [profile](crate::server::Profile): signed requests, poll and ping, tokens bound to certificates. |
