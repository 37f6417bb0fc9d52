//! Attacks and defences: one paragraph for each, with the check or type that stops it and the tests that try it.
//!
//! Tests are named by file under `tests/it/`; checks are rows of the table in `authorize/checks.rs`.
//!
//! # Where the answer goes
//!
//! **A redirect URI that is almost the registered one.** [`RedirectUri`](crate::redirect_uri::RedirectUri) is compared byte for
//! byte: no normalisation, no pattern, no prefix. The port of `127.0.0.1` and `[::1]` is free for native public clients, and
//! nothing else of them. A mismatch is shown to the person and never redirected
//! ([`SafeError`](crate::error::SafeError)). The comparison is repeated whenever the browser comes back
//! (`redirect_uri_is_registered`). *authorize_errors: `rfc6749_4_1_2_1_…`, one row for each spelling.*
//!
//! **A dangerous redirect URI that is registered.** `FromStr` refuses fragments, `javascript:` and every scheme that is not
//! `https`, loopback `http` or a reversed domain name, user names, dot segments, and queries with names of response parameters
//! ([`RESERVED_PARAMETERS`](crate::redirect_uri::RESERVED_PARAMETERS)). The addresses of logos, policies and keys are checked
//! alike, at registration and at every change ([`Clients`](crate::client::Clients) is the only way into the store). *clients,
//! client/check/tests.*
//!
//! **Two values for one parameter.** Every parameter but `resource` is refused when it is there twice; a query beside a posted
//! body is refused. A repeated `client_id` or `redirect_uri` is not even redirected. *authorize_errors, http_layer.*
//!
//! **Mix-up of authorization servers.** `iss` is in every response, success and error
//! ([RFC 9207](https://www.rfc-editor.org/rfc/rfc9207)): [`AuthorizeResponse`](crate::authorize::AuthorizeResponse) cannot be
//! made without. *authorize, authorize_errors: every row.*
//!
//! **Markup in a response.** The `form_post` page escapes everything, allows one script by its hash, and may post to the client's
//! origin only. *authorize/response.rs, authorize_errors.*
//!
//! **Credentials that are posted on, cached or leaked by referrer.** Redirects are 303; every answer of the front channel says
//! `no-store`, `no-referrer` and may not be framed. *http_layer: `s4_…`.*
//!
//! **A request that was altered on its way through the browser.** A request object is signed by the client and replaces
//! everything beside it; a client or server can demand one (`request_was_signed_if_required`). Its algorithm is registered, its
//! type, issuer and audience are checked so that no other token of the client passes for one, and it can hold no other.
//! *request_objects: `s28_…`.*
//!
//! **A server that is made to fetch.** `request_uri` is a pushed request. Addresses are fetched only where that is turned on, only
//! if the client registered them byte for byte, and by the outbound rules. *request_objects: `rfc9101_5_2_…`.*
//!
//! **A response that was altered or injected.** A client that asks for `jwt` gets its response signed, for it alone and for five
//! minutes ([JARM](https://openid.net/specs/oauth-v2-jarm.html)). When that cannot be done, nothing is sent. *response_jwt.*
//!
//! # The code
//!
//! **Stolen codes.** A code is bound to the client, the redirect URI, the PKCE challenge, the session, the scope and the resources
//! ([`AuthorizationCode`](crate::grant::AuthorizationCode)); the store holds its digest. PKCE with `S256` is required of every
//! client; there is no type for `plain`. *authorize: `a_code_is_bound_to_the_whole_request`.*
//!
//! **PKCE left out or weakened.** No challenge, no method, or another method refuses the request, pushed or not.
//! *authorize_errors, pushed.*
//!
//! **Replayed codes.** A compare-and-swap moves the code from live to spent ([`CodeState`](crate::grant::CodeState)); the id of its
//! grant is fixed beforehand and kept in the spent mark. Who presents it again ends the grant, whether that was committed yet or
//! not.
//!
//! # The person
//!
//! **An interaction in another browser.** It is bound to the browser's `__Host-` cookie: elsewhere it can be neither seen, nor
//! answered, nor resumed. *interactions: `s11_a_…`.*
//!
//! **Answers from before.** Coming back proves nothing. The whole table runs again over what is true now: the client's
//! registration, the session, the account, the consent. A consent counts for the account and session that gave it.
//! *interactions: `s11_b_…`.*
//!
//! **Two tabs, or a replayed return.** Answers and completion are compare-and-swaps on the interaction's revision: one wins, one
//! code is made. *interactions: `s11_c_…`, `s11_d_…`.*
//!
//! **Somebody else's session slipped in.** When another account is signed in than the one that was asked, the person is told
//! before anything goes on (`account_is_the_one_that_was_asked`). *interactions: `s11_f_…`.*
//!
//! **Silence used as a yes.** With `prompt=none` nothing is shown: what would have been asked is the error. *prompts: `s8_…`, and a
//! property over all facts in authorize/checks/tests.*
//!
//! **A malicious app with the honest app's name.** A public client that answers to a private-use scheme or a loopback address can be
//! imitated by any app on the device. Nothing is granted to one without the person's doing, whatever was allowed before
//! (`app_on_a_device_is_confirmed`). *authorize: `rfc8252_8_6_…`.*
//!
//! **A level of assurance that was asked for and not reached.** What tokens say is computed from proofs. A wish is tried once, a
//! demand is met or the request ends. *prompts, extension.*
//!
//! # Pushed requests
//!
//! **Somebody else's, or used again.** A pushed request is bound to its client and found by a 256-bit secret. It is used up when
//! the authorization completes, by whichever of its interactions completes first. *pushed: among others a hundred tabs at
//! once.*
//!
//! **The quota of a public client used up by a stranger.** Everybody can push in the name of a public client, so its pushes are
//! counted for each address; those of a client that authenticates, for the client. *pushed: `s29_…`.*
//!
//! **A request by reference to elsewhere.** `request` and foreign `request_uri` values are refused: the server fetches nothing that
//! a request names. *authorize_errors.*
//!
//! # Devices
//!
//! **A code that somebody else sent.** Nothing is granted to a device without an answer to a page that names the client and shows the
//! code; a link fills the code in and sends nothing. *device: `s12_a_device_is_confirmed_always`; the reference server:
//! `s12_codes_are_not_guessed_and_not_sent_by_links`.*
//!
//! **Guessed codes.** 34 bits, minutes, and tries that are counted for each address before the code is looked at; unknown, expired and
//! used are one answer. *device: `s12_user_codes_are_not_guessed`.*
//!
//! **Two answers, or two polls.** Answers and the handing out of tokens are compare-and-swaps on one record; who asks again afterwards
//! ends the grant. *device: `s12_one_answer_counts`, `s12_a_device_code_is_used_once`.*
//!
//! # Token exchange
//!
//! **More than the caller had.** Scope, audience and lifetime are bounded by the subject token, the resource and the registration,
//! around whatever the policy says; the default policy refuses. *tokens/exchange: `s24_…`.*
//!
//! **Somebody who may not act.** A token that says who may act for its subject is exchanged by nobody else, whatever the policy says.
//! *tokens/exchange: `rfc8693_4_4_…`.*
//!
//! **Somebody else's token.** Only a client that a token was issued to, or that serves a resource which it is for, exchanges it; one of its
//! own that is bound needs its proof. *tokens/exchange: `s24_whose_tokens_are_exchanged`.*
//!
//! # Clients
//!
//! **Guessed or leaked client secrets.** Secrets have at least 256 bits and are stored as SHA-256 digests, compared in constant
//! time; an unknown client costs what a wrong secret costs.
//!
//! **A registration that smuggles.** What a client says of itself goes through the same checks as every registration, at a change as at
//! the first time (CVE-2026-22752): no script in an address, no plain `http`, no scope or grant beyond the configured ones, one
//! member each. A sector's document is fetched by the outbound rules. *registration: `s2_what_is_not_registered`.*
//!
//! **Another client's registration.** It is managed with its own token alone; a missing client, one of the host's and a wrong token are
//! one answer. *registration: `rfc7592_2_management`.*
//!
//! **An assertion for somebody else, or twice.** As a grant it names this server alone as its audience, is of an issuer that is trusted
//! for the client, ends soon, and is used up last. *tokens/jwt_bearer: `rfc7523_3_bad_assertions`, `s14_…`.*
//!
//! **A method downgraded.** A client authenticates by its registered method and no other; two at once are refused.
//!
//! **A certificate that says it is the client's.** A name counts in a certificate whose chain the host verified, and nowhere else
//! ([`Peer::certificate_is_trusted`](ciam_core::http::Peer::certificate_is_trusted)); a self-signed one counts when it is registered,
//! byte for byte. No header is read for it. *tokens/mtls: `rfc8705_2_1_…`, `s19_a_certificate_in_a_header_is_not_read`.*
//!
//! **A stolen code, or refresh token of a browser application.** With `dpop_jkt`, or a proof at the push, the code is exchanged with its
//! key alone; the refresh token of a public client needs every key and certificate that its first token was bound to. Trying
//! without revokes and uses up nothing. *tokens/dpop: `rfc9449_10_…`, `rfc9449_5_…`, `s22_bad_proofs_…`; tokens/mtls: `s20_…`.*
//!
//! # At a resource server
//!
//! **A stolen access token.** A token that is bound to a key or a certificate is refused without the proof, by every validator, a
//! remembered one too ([`Presented`](crate::validate::Presented)). *tokens/sender_constraint: `s22_no_downgrade`,
//! `a_bound_token_without_proof_is_refused_by_every_validator`.*
//!
//! **A stolen proof.** It is for one method, address and token, of the last minute, and accepted once; its memory is asked last, so
//! that strangers cannot fill it. *dpop/proof/tests, tokens/sender_constraint: `s22_a_proof_is_accepted_once`.*
//!
//! **A certificate in a header.** It is an input beside the request; no header is read for it. *tokens/sender_constraint: `s19_…`.*
//!
//! **An access token that is read on its way.** It is encrypted for a resource that wants that; one that is not encrypted is refused there,
//! and encryption is never taken for a signature: anybody can encrypt ([`TokenDecryption`](crate::validate::TokenDecryption)).
//! *tokens/encrypted: `rfc9068_4_…`, `s15_encryption_vouches_for_nothing`.*
//!
//! **A revoked JWT that is still good.** With `draft-status-list` the issuer lists the status of its tokens, and a resource looks there
//! at every request, for a remembered token too. A list that cannot be had, is another's, is too old or does not reach so far lets nothing
//! pass; an older one does not replace a newer one. *tokens/status_lists, tokens/status_checks: `section_8_3_…`.*
//!
//! **A list that explodes.** Its size is bounded before it is unpacked and while it is. *status_list/list.rs, tokens/status_checks:
//! "a bomb"; fuzz target `status_list`.*
//!
//! **Tokens that are told apart by their place in a list.** Every token has a place of its own, drawn by a secret permutation: two resources
//! cannot find out that they serve the same person, nor anybody when a token was issued. *status_list/record.rs.*
//!
//! **A transaction that grows.** With `draft-transaction-tokens`, no token of a transaction has scope that the token shown for it does not
//! have; a replacement keeps transaction, subject and domain, says nothing otherwise than before, ends no later, and names who asked
//! before. *tokens/transaction_tokens: `section_13_6_…`, `section_13_15_…`.*
//!
//! **A transaction token as an access token, or the other way round.** Each has a type of its own, which everybody who takes one demands;
//! outside of its trust domain a transaction token is none. *tokens/transaction_tokens: `section_12_2_…`.*
//!
//! **A resource's metadata that lead elsewhere.** A client takes metadata only when they are about the very resource that it asked about,
//! and where it demands that, only when somebody whom it trusts has signed them. *tokens/resource_discovery: `rfc9728_…`.*
//!
//! **One issuer's key for another's tokens.** Keys belong to their issuer, which must be among the configured ones; the name of a
//! key is no reason to use it. *tokens/trust: `rfc8725_3_8_…`.*
//!
//! **An issuer that is attacked itself.** A key set that hangs, redirects, has no end, or loses keys neither opens the door nor holds
//! up who has good keys. *examples/resource-server: `jwks_…`.*
//!
//! **An introspection endpoint that is down.** The token is refused with a typed error and status 503. *tokens/introspector:
//! `an_endpoint_that_does_not_answer_lets_nobody_in`.*
//!
//! # The server
//!
//! **Names of one thing in the place of another.** Codes, pushed requests and interactions live in namespaces of their own.
//! *pushed: `s31_…`.*
//!
//! **Host headers.** Every URL is the issuer and a path. *http_layer: `urls_come_of_the_issuer_alone`.*
//!
//! **Too much of everything.** Bodies, parameters, values, scope values, resources, levels, languages, redirect URIs, keys and pushes
//! per minute are bounded; see [defaults](super::_05_defaults).
//!
//! **A port that fails.** An error for the client or a page for the person; never a code. *authorize_errors:
//! `a_failing_port_never_grants`, which fails every call in three ways.*
//!
//! **Logs that tell.** `Debug` of secrets, codes and parameters prints no value; error descriptions are fixed texts; events hold ids
//! and reasons.
