//! Encrypted tokens: what there is, and when to use it. Crate feature `jwe`.
//!
//! # When
//!
//! TLS already hides a token on its way. Encryption is for tokens that pass through hands which must not read them: an
//! id_token in a browser's URL, a UserInfo answer behind a proxy, a request object with personal data in it. It says nothing
//! about who made the token, because everybody can encrypt for a public key: **sign first, then encrypt**, and look at the
//! signature after opening ([RFC 7519, section 11.2](https://www.rfc-editor.org/rfc/rfc7519#section-11.2)).
//!
//! ```
//! # #[cfg(feature = "jwe")]
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use ciam_core::crypto::{self, DecryptionKeyKind};
//! use ciam_core::jose::jwe::{self, ContentEncryption, Decrypter, DecryptionKey, KeyManagement, Recipient};
//! use ciam_core::jose::{Algorithm, AlgorithmSet, KeySet, LocalSigner, TokenType, Verifier, sign};
//!
//! let crypto = crypto::ring();
//! let issuer = LocalSigner::generate(&*crypto, Algorithm::Es256)?;
//!
//! // The recipient has a key, and publishes its public part with `use: enc`.
//! let pkcs8 = crypto.encryption().ok_or("none")?.generate_decryption_key(DecryptionKeyKind::P256)?;
//! let key = DecryptionKey::from_pkcs8(&*crypto, KeyManagement::EcdhEs, pkcs8.expose())?.with_kid("enc-1");
//! let published = key.public_jwk().ok_or("none")?;
//!
//! // The issuer signs, then encrypts.
//! let signed = sign(&issuer, "JWT", &serde_json::json!({ "sub": "alice" })).await?;
//! let recipient = Recipient::new(&published, KeyManagement::EcdhEs, ContentEncryption::A256Gcm)?;
//! let token = jwe::encrypt(&*crypto, &recipient, Some("JWT"), signed.as_bytes())?;
//!
//! // The recipient opens, then verifies.
//! let opened = Decrypter::new(crypto.clone(), vec![key]).decrypt(&token)?;
//! let verifier = Verifier::new(AlgorithmSet::of(&[Algorithm::Es256]), TokenType::exactly("JWT"));
//! let keys = KeySet::from(issuer.verification_key(&*crypto)?);
//! let claims: serde_json::Value = verifier.verify(opened.nested()?, &keys)?.claims()?;
//! assert_eq!(claims["sub"], "alice");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # What there is
//!
//! | `alg` | encrypts with | decrypts with | for |
//! | --- | --- | --- | --- |
//! | `ECDH-ES`, `ECDH-ES+A256KW` | `ring`, `aws-lc-rs` | `ring`, `aws-lc-rs` | the default: P-256 and P-384 |
//! | `RSA-OAEP`, `RSA-OAEP-256` | `aws-lc-rs` | `aws-lc-rs` | partners with RSA keys |
//! | `dir` | both | both | parties that share a secret as long as the content's key |
//!
//! | `enc` | |
//! | --- | --- |
//! | `A128GCM`, `A256GCM` | the default |
//! | `A128CBC-HS256`, `A256CBC-HS512` | what OpenID Connect makes the default of its metadata |
//!
//! # What there is not
//!
//! `RSA1_5` (padding oracles), `PBES2` (a stranger chooses how much work we do), AES and GCM key wrap by shared secrets (`dir` does
//! that), `zip` (it leaks lengths and explodes), the JSON serialization, 192-bit keys. A token that asks for one is refused by name,
//! before any key is touched.
//!
//! # What is bounded
//!
//! | what | limit | where |
//! | --- | --- | --- |
//! | an encrypted token | 64 KiB, its header 8 KiB | `JweLimits` |
//! | keys tried for a token that names none | 4 | `Decrypter::MAX_TRIED` |
