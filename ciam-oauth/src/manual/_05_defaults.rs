//! Defaults and limits.
//!
//! # Lifetimes
//!
//! Set with [`ServerBuilder::lifetimes`](crate::ServerBuilder::lifetimes); [`build`](crate::ServerBuilder::build) refuses what is
//! outside the range.
//!
//! | what | default | range | why |
//! | --- | --- | --- | --- |
//! | authorization code | 60 s | 1 s to 10 min | it is exchanged at once or not at all |
//! | mark of a spent code | 1 h | over a minute more than the code | a replay is recognised for as long as anybody may still hold the code |
//! | access token | 10 min | 1 s to 1 day | a JWT cannot be called back |
//! | pushed request | 90 s | 5 s to 10 min | the browser is on its way already |
//! | interaction | 30 min | 1 min to 1 day | a person looks for a second factor |
//! | refresh token, unused | 30 days | 1 min to the absolute | an app that is not opened for a month may ask again |
//! | refresh family | 180 days | 1 min to 10 years | no grant is for ever |
//! | retry of a refresh | 30 s | 0 to 5 min | a phone on a bad network; honoured only while the successor was never used |
//!
//! Set with [`DeviceSettings`](crate::device::DeviceSettings):
//!
//! | what | default | range | why |
//! | --- | --- | --- | --- |
//! | device code and user code | 10 min | 1 to 30 min | a person fetches their phone; a stranger has less time to guess |
//! | interval between polls | 5 s, and 5 s more each time that the device does not wait, up to 5 min | 1 s to 1 min | |
//! | record of a device after its end | 10 min | | a device that asks late is told that it is late |
//!
//! # Limits
//!
//! | what | limit | why |
//! | --- | --- | --- |
//! | query or form | 64 KiB, 64 parameters | `Limits::params` |
//! | one value | 8 KiB | `Limits::max_value`; a `state` of 8 KiB still fits in a redirect |
//! | pushed requests | 1000 for each client and minute; of a public client for each address | `Limits::pushed_requests_per_minute` |
//! | presentations of one code | 20 in 10 minutes for each client and address | `Limits::code_presentations`; a verifier is not guessed |
//! | device authorizations | 100 in 10 minutes for each client; of a public client for each address | `Limits::device_authorizations` |
//! | user codes that are tried | 10 in 10 minutes for each address | `Limits::user_codes`; a code has 34 bits and lives for minutes |
//! | registrations | 20 in an hour from each address, refused ones included | `Limits::registrations` |
//! | … changes to one | 20 in an hour by its client, refused ones included | `Limits::registration_changes`; a change may make the server fetch |
//! | clients kept decoded | 4,000 | `Limits::decoded_clients` |
//! | a registration | 64 KiB | as any request |
//! | initial access token | one client within a day, `InitialAccess::with_uses`, `with_lifetime` | a copy is of little use |
//! | assertion as a grant | valid for 10 minutes at most, clocks 30 s apart; `jti` and `sub` of 512 bytes, used once | `TrustedIssuer::max_lifetime` |
//! | status lists (`draft-status-list`) | off, `ServerBuilder::status_lists` | |
//! | … for a resource | its JWTs are listed, but with `ResourceServer::without_status_list` | a place costs a record in the store; who does not look there needs none |
//! | … tokens in one | 65536, `StatusListSettings::with_capacity`; a power of four from 1024 to 1048576 | the tokens hide among each other; each resource fetches them all, 16 KiB before it is packed |
//! | … one is open for new tokens | 6 h, 1 min to 1 day; it is published for a day longer | no token lives longer |
//! | … others keep one for | 1 min, 1 s to 1 h | with the next row, how late a revocation is seen |
//! | … one is made anew | 5 s after the last time at the earliest | who asks often costs nothing |
//! | … places that a node takes at once | 256 | what it has not given out when it stops is lost to the list |
//! | a list at a resource | 2 MiB signed, 1 MiB unpacked, 64 of them, `StatusPolicy` | a small text can become a large one |
//! | … counts for | what it says, or 5 min; 1 h at most; no longer when it cannot be fetched | `StatusPolicy::stale_for` |
//! | … is fetched again | after three quarters of that; 5 s after a failure | |
//! | transaction tokens (`draft-transaction-tokens`) | off, `ServerBuilder::transaction_tokens` | |
//! | … live for | 2 min, 1 s to 10 min, and no longer than the token that was shown; `TransactionTokens::with_lifetime` | whoever has one can use it again |
//! | … are replaced | never, `TransactionTokens::with_replacements`; for no more than `Limits::actors` workloads one after the other | a replacement is another token for the same thing |
//! | challenges of attested clients (`draft-attested-clients`) | off, `ServerBuilder::attestation_challenges` | each is accepted in its period and the ones beside it |
//! | actors that act for each other | 4 | `Limits::actors`; each makes the token longer |
//! | client assertion | valid for an hour at most, `jti` of 512 bytes | it is remembered until it expires |
//! | request object | 32 KiB signed, 64 KiB encrypted or fetched | |
//! | … how long it may be valid | 60 minutes, begun 60 minutes ago at most | `RequestObjects::LIFETIME`; as FAPI 2.0 wants it |
//! | … clocks of client and server | differ by 30 s | `RequestObjects::SKEW` |
//! | authorization response in a JWT | valid for 5 min | the browser is on its way with it; the standard recommends 10 at most |
//! | encryption keys that clients publish | fetched again after 15 min, used for 24 h while they cannot be; one attempt in 30 s; of 1000 clients | |
//! | keys for encrypted request objects | the newest is published, two are opened | a client has until the second rotation |
//! | posted authorization request that is turned into a GET | 8 KiB | what servers and browsers carry in a URL |
//! | scope values in a request | 64, of 256 bytes | |
//! | resources in a request | 8, of 512 bytes | |
//! | authorization details in a request | 16, each with a type of 256 bytes at most; 8 KiB together | |
//! | `acr_values` | 16 | |
//! | `ui_locales` | the first 16 | |
//! | `login_hint` | 512 bytes, no control characters | it is shown |
//! | client id | 200 bytes | |
//! | redirect URIs of a client | 32 in each list, of 2048 bytes | |
//! | keys of a client | 16 | |
//! | certificates of a client | 8, of 16 KiB | `ClientAuthentication::MAX_CERTIFICATES`; renewals overlap |
//! | record of a client | 64 KiB | |
//! | client secret | 43 to 256 characters | 256 bits, so that a plain digest cannot be searched |
//! | secrets of a client at once | 2 | one, and the one that replaces it |
//! | issuer | 512 bytes | |
//! | backchannel authentication | off, [`ServerBuilder::backchannel`](crate::ServerBuilder::backchannel) | the host finds and reaches people |
//! | … a person has | 5 min, at most 10 min where a client asks for it; 10 s to 1 h | `BackchannelSettings::with_lifetime` |
//! | … a client waits between polls | 5 s, and 5 s more each time that it does not, at most 5 min | 1 s to 1 min |
//! | … ways to hear of the end | poll and ping | what is pushed cannot be bound to its sender |
//! | … requests of a client | 100 in 10 min | `Limits::backchannel_authentications` |
//! | … requests to a person, by all clients together | 10 in 10 min | `Limits::backchannel_people` |
//! | … a client that is sent its tokens is told that nobody answered | for 1 day after the end | where the host calls `end_unanswered` |
//! | … codes by which people let themselves be asked | off, `BackchannelSettings::with_user_codes` | the host keeps them |
//! | … `binding_message`, hint, `client_notification_token`, `user_code` | 128 characters, 4096, 1024 and 128 bytes | |
//!
//! | published clients (`draft-client-documents`) | off, `ServerBuilder::client_documents` | anybody can publish one |
//! | … a document | 16 KiB, in 5 s | a person waits for it |
//! | … fetched again | after 15 min, one attempt in 30 s | `ClientDocuments::REFRESH_AFTER`, `COOLDOWN` |
//! | … used while its host does not answer | 24 h | `ClientDocuments::STALE_AFTER`; when the host says that it is gone, it is gone |
//! | … fetched of one host, and altogether | 30 and 600 in a minute | `ClientDocuments::fetches_of_host`, `fetches` |
//! | … grants | `authorization_code`, `refresh_token` | `ClientDocuments::grants` |
//! | … redirect URIs | at the client's own origin, or on the person's device | `ClientDocuments::with_foreign_redirects` |
//! | attested clients (`draft-attested-clients`) | off, [`ServerBuilder::client_authentication`](crate::ServerBuilder::client_authentication) | somebody has to attest them |
//! | … what an attester says, and what the instance proves | 8 KiB each, header 4 KiB; clocks 30 s apart | they are headers |
//! | … a proof | made 60 s ago at most, `jti` of 512 bytes, used once | |
//! | authorization without a browser (`draft-first-party-apps`) | off, `ServerBuilder::authorization_challenge` | the operator's own apps alone |
//! | … requests of a client | counted with its pushed requests | |
//! | … a sign-in that counts as made for the request | 5 min ago at most | `max_age=0` and `prompt=login` could not be met otherwise |
//! | device secrets (`draft-native-sso`) | off, `ProviderConfig::with_native_sso` in `ciam-oidc` | the operator's own apps alone; they end with the session |
//!
//! # At a resource server
//!
//! | what | default | why |
//! | --- | --- | --- |
//! | clocks of issuer and resource | differ by 10 s | `with_skew` |
//! | JWT access token | 16 KiB, header 8 KiB | what HTTP servers accept as a header line |
//! | opaque access token | 16 KiB | likewise |
//! | keys tried for a token that names none | 4 | a stranger's token costs no more signatures |
//! | keys fetched again | after 15 min | `RemoteKeysPolicy::refresh_after` |
//! | last good keys used while none can be fetched | 24 h | `RemoteKeysPolicy::stale_after` |
//! | fetches for unknown keys | one in 30 s | `RemoteKeysPolicy::cooldown`; made-up key names are no flood |
//! | discovery after one that failed | 5 s | `DiscoveredKeys::COOLDOWN` |
//! | remembered JWTs | 65,536 | `TokenCachePolicy::capacity` |
//! | deny list | 1,000,000 entries of each issuer | `DenyList::MAX_ENTRIES` |
//! | DPoP proof | made 60 s ago at most, 10 s in the future at most | `DpopPolicy`; FAPI 2.0 wants 10 s accepted |
//! | … its size | 8 KiB, header 4 KiB; `jti` and `nonce` 512 bytes; address 8 KiB | it is a header |
//! | … remembered as used | until nobody accepts it | in the ephemeral store |
//! | DPoP nonce | given out for 1 min, accepted for 1 to 2 | `DpopNonces::with_period` |
//! | introspected tokens remembered | 65,536, for 30 s, never past their expiry | `IntrospectionPolicy`: what a revocation takes to arrive |
//! | … that were not active | 16,384, for 10 s | a client that retries is not asked about each time |
//! | … asked about at once | 128 | the rest is refused as busy |
//!
//! # What tokens are bound to
//!
//! | what | default | why |
//! | --- | --- | --- |
//! | DPoP at the authorization server | on, [`ServerBuilder::without_dpop`](crate::ServerBuilder::without_dpop) | a client that does not use it notices nothing |
//! | … proofs | as at a resource server | `DpopSettings::policy` |
//! | … nonces | off; 1 min with `DpopSettings::with_nonces`, 1 s to 1 h | a second request for each client, for proofs that cannot be made in advance |
//! | mutual TLS | off, [`ServerBuilder::mutual_tls`](crate::ServerBuilder::mutual_tls) | the host has to ask for certificates |
//! | bound tokens demanded | of nobody, [`ServerBuilder::require_sender_constraint`](crate::ServerBuilder::require_sender_constraint) | the client says so, or a profile |
//! | `client_secret_jwt` | off, [`ServerBuilder::client_authentication`](crate::ServerBuilder::client_authentication) | its secrets can be opened, where others are digests |
//!
//! # Choices
//!
//! - **The refresh token of a public client with a bound access token is bound too**, to all that was proved, and does not rotate. That
//!   of a confidential client is bound to the client, which may come with another key.
//! - **A device is confirmed always**, whatever was allowed before and whomever the client belongs to: the code may have been sent by
//!   somebody else.
//! - **Token exchange is off** until a policy is given; [`NoExchange`](crate::exchange::NoExchange) refuses. An exchanged token has no
//!   refresh token and ends with the token that it came of.
//! - **Clients register themselves** only where [`ServerBuilder::registration`](crate::ServerBuilder::registration) is given, and then with an
//!   initial access token unless it is opened by name. They are never the operator's own and serve no resource; scope values that are not
//!   known are left out; the secret is told once and the token of the registration does not change.
//! - **JWTs of others are no grants** until issuers and a policy are given; there is no refresh token for them.
//! - **A wrong proof uses nothing up**: neither the code, nor the refresh token, nor the proof of another key.
//! - **PKCE is required of confidential clients too.** It costs them nothing and stops code injection where `nonce` is not checked.
//! - **A scope value that the server does not know is left out**, as OpenID Connect asks; one that the client is not registered
//!   for refuses the request. A request without any is refused unless the client has none.
//! - **Consent is asked once and remembered**, for each client and scope value (and resource, where one was named). First-party clients
//!   are not asked for, except by `prompt=consent`. A public client whose redirect URI is not `https` is confirmed by the person
//!   each time they did not just sign in, whatever was allowed before: any app on the device could have sent the request.
//! - **A grant ends with the session** unless `offline_access` was granted.
//! - **`sub` is computed** with a key of the tenant from the account's id, which it does not tell.
//! - **A fresh sign-in satisfies `max_age` for 5 minutes** when it was made for the same request, because `max_age=0` could not be
//!   satisfied otherwise.
//! - **`acr_values` is a wish**: it is tried once. An essential level is a demand.
//! - **The first configured resource is the default one.** Without any, the issuer itself is.
//! - **Browsers of other origins** may read the metadata and the public keys, and the answers of the token and revocation endpoints
//!   if the client registered the origin.
//! - **Request objects are taken by value and need not be used.** What is beside one means nothing; what cannot be verified is
//!   refused, at a registered address beside it if there is one. `iss`, `aud` and `client_id` must be there; `exp` and `nbf` are checked
//!   where they are, and must be there in the message-signing profile.
//! - **A response in a JWT is signed with RS256** if the client registered nothing and there is such a key, otherwise with the first
//!   algorithm that there is a key for.
//! - **The metadata may be cached for 5 minutes.** They are not signed beside that, unless it is turned on.
//! - **Pages of other origins** read what [the table of browsers](super::_08_browsers) says, and nothing else.
