//! `login_hint_token`: whom a client means, in the word of somebody whom the operator trusts for it
//! ([CIBA Core, section 7.1](https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html#rfc.section.7.1)).
//!
//! The document leaves the token's form to the server. Here it is a JWT of the configured issuer for this one, with `exp` at most
//! an hour away and `sub_id`, a subject identifier ([RFC 9493](https://www.rfc-editor.org/rfc/rfc9493)) of the format `email` or
//! `phone_number`. A token that was made for something else has no such member.

use std::collections::BTreeMap;

use anyhow::Context as _;
use ciam_core::{
    account::IdentifierKey,
    error::PortError,
    jose::{
        AlgorithmSet, AudienceRule, ClaimRules, ClaimsError, JwsError, KeySet, PublicJwkSet,
        RegisteredClaims, RemoteKeys, TokenType, VerifiedJws, Verifier,
    },
    ports::Ports,
};
use ciam_oauth::{backchannel::HintProblem, client::ClientId};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use crate::{config::Config, import::HintTokenEntry};

/// Whose word counts, for each client that may bring it.
#[derive(Clone, Debug, Default)]
pub(crate) struct HintIssuers(BTreeMap<ClientId, HintIssuer>);

#[derive(Clone, Debug)]
struct HintIssuer {
    issuer: String,
    keys: HintKeys,
}

#[derive(Clone, Debug)]
enum HintKeys {
    Known(KeySet),
    Published(RemoteKeys),
}

/// What a token says.
#[derive(Deserialize)]
struct Said {
    sub_id: SubjectId,
}

/// A subject identifier of a format that people are known by here.
#[derive(Deserialize)]
#[serde(tag = "format", rename_all = "snake_case")]
enum SubjectId {
    Email { email: String },
    PhoneNumber { phone_number: String },
}

impl HintIssuers {
    /// Those of the import files.
    ///
    /// # Errors
    ///
    /// Keys of a file are none.
    pub(crate) fn new(config: &Config, ports: &Ports) -> anyhow::Result<Self> {
        let mut all = BTreeMap::new();
        for client in config.imports.iter().flat_map(|it| &it.content().clients) {
            let entry = client.backchannel.as_ref().and_then(|it| it.login_hint_tokens.as_ref());
            if let Some(entry) = entry {
                let issuer = HintIssuer::new(entry, ports);
                let issuer = issuer.with_context(|| format!("`login_hint_tokens` of `{}`", client.id))?;
                all.insert(client.id.clone(), issuer);
            }
        }
        Ok(Self(all))
    }

    /// What a token says that its person is known by.
    ///
    /// # Errors
    ///
    /// The keys cannot be fetched.
    pub(super) async fn read(
        &self,
        ports: &Ports,
        client: &ClientId,
        token: &str,
        here: &str,
    ) -> Result<Result<IdentifierKey, HintProblem>, PortError> {
        let Some(trusted) = self.0.get(client) else { return Ok(Err(HintProblem::Unknown)) };
        let read = |keys: &KeySet| match verifier().verify(token, keys) {
            Ok(verified) => Ok(trusted.person(&verified, here, ports.now())),
            Err(error) => Err(error),
        };
        let person = match &trusted.keys {
            HintKeys::Known(keys) => read(keys),
            HintKeys::Published(remote) => {
                let known = remote.keys().await.map_err(PortError::transient)?;
                match read(&known) {
                    Err(JwsError::UnknownKey) => {
                        read(&*remote.keys_after(&known).await.map_err(PortError::transient)?)
                    }
                    person => person,
                }
            }
        };
        Ok(person.unwrap_or(Err(HintProblem::Unknown)))
    }
}

impl HintIssuer {
    fn new(entry: &HintTokenEntry, ports: &Ports) -> anyhow::Result<Self> {
        let keys = match (&entry.jwks, &entry.jwks_uri) {
            (Some(jwks), None) => {
                let jwks = PublicJwkSet::try_from(jwks.clone())?;
                HintKeys::Known(KeySet::from_jwks(ports.crypto(), &jwks)?)
            }
            (None, Some(url)) => HintKeys::Published(RemoteKeys::new(ports.clone(), url.as_str())),
            _ => anyhow::bail!("exactly one of `jwks` and `jwks_uri`"),
        };
        Ok(Self { issuer: entry.issuer.clone(), keys })
    }

    fn person(
        &self,
        verified: &VerifiedJws<'_>,
        here: &str,
        now: OffsetDateTime,
    ) -> Result<IdentifierKey, HintProblem> {
        let registered: RegisteredClaims<'_> = verified.claims().map_err(|_| HintProblem::Unknown)?;
        let rules = ClaimRules::new(self.issuer.as_str(), AudienceRule::Only(here.to_owned()));
        match rules.with_max_lifetime(LONGEST).check(&registered, now) {
            Ok(()) => {}
            Err(ClaimsError::Expired) => return Err(HintProblem::Expired),
            Err(_) => return Err(HintProblem::Unknown),
        }
        let said: Said = verified.claims().map_err(|_| HintProblem::Unknown)?;
        let key = match said.sub_id {
            SubjectId::Email { email } => IdentifierKey::email(&email),
            SubjectId::PhoneNumber { phone_number } => IdentifierKey::phone(&phone_number),
        };
        key.map_err(|_| HintProblem::Unknown)
    }
}

/// Any algorithm with a private key: which one it is, the issuer's keys say.
fn verifier() -> Verifier {
    Verifier::new(AlgorithmSet::ASYMMETRIC, TokenType::one_of(&["JWT", "login-hint+jwt"]).or_absent())
}

/// A hint is for now.
const LONGEST: Duration = Duration::HOUR;
