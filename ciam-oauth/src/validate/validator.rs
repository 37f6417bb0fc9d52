//! The validator.

use std::sync::Arc;

use ciam_core::jose::{AlgorithmSet, CompactForm, CompactJws, JwsError, KeySet, TokenType, Verifier};
use time::{Duration, OffsetDateTime};

use super::binding::SenderConstraint;
use super::decryption::{Signed, TokenDecryption};
use super::deny_list::DenyList;
use super::error::ValidateError;
use super::presented::Presented;
use super::requirements::ClaimRule;
use super::rules::TokenRules;
#[cfg(feature = "draft-status-list")]
use super::status::{Fetch, StatusChecker};
use super::token::AccessToken;
use super::trust::{Keys, Snapshot, Trusted};
use crate::issuer::Issuer;
use crate::scope::ScopeSet;

/// Decides whether a JWT access token ([RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)) lets its bearer in.
///
/// Make one for each resource, keep it, and share it between threads: keys stay parsed, and validation takes no lock and
/// waits for nothing.
///
/// # Security
///
/// - Only tokens of type `at+jwt` pass, so that neither an id_token nor a logout token is taken for an access token
///   ([RFC 8725, section 3.11](https://www.rfc-editor.org/rfc/rfc8725#section-3.11)).
/// - The algorithms and the keys come from here, never from the token.
/// - Where tokens are [encrypted](Self::with_decryption), one that is not is refused, and what was inside is verified all the same.
/// - Issuer and audience are compared byte for byte. A token for another resource is refused. Of several issuers, each one's
///   keys verify its own tokens and no other's.
/// - A token that is bound to a key or a certificate is refused without the proof: see [`Presented`]. A plain `&str` has none.
/// - A token that was revoked passes until it expires, unless a [deny list](Self::with_deny_list) is told of it, or its issuer lists the
///   status of tokens and the validator [looks there](crate::status_list); or ask
///   [introspection](crate::introspect).
#[derive(Clone, Debug)]
pub struct Validator {
    trusted: Vec<Trusted>,
    verifier: Verifier,
    decryption: Option<TokenDecryption>,
    rules: TokenRules,
    #[cfg(feature = "draft-status-list")]
    statuses: Option<StatusChecker>,
}

impl Validator {
    /// A validator of an issuer's tokens for one audience: any algorithm with a public key, any scope, clocks that differ
    /// by 10 seconds.
    #[must_use]
    pub fn new(issuer: Issuer, audience: impl Into<String>, keys: impl Into<Keys>) -> Self {
        Self {
            trusted: vec![Trusted { issuer, keys: keys.into() }],
            verifier: verifier(AlgorithmSet::ASYMMETRIC, TokenType::exactly("at+jwt")),
            decryption: None,
            rules: TokenRules::new(audience),
            #[cfg(feature = "draft-status-list")]
            statuses: None,
        }
    }

    /// Accepts the tokens of another issuer as well, with that issuer's own keys. An issuer that is there already has its keys
    /// replaced.
    ///
    /// Subjects of two issuers may have the same name: tell them apart by [`AccessToken::issuer`].
    #[must_use]
    pub fn with_issuer(mut self, issuer: Issuer, keys: impl Into<Keys>) -> Self {
        self.trusted.retain(|known| known.issuer != issuer);
        self.trusted.push(Trusted { issuer, keys: keys.into() });
        self
    }

    /// Demands these scope values of every token.
    #[must_use]
    pub fn with_required_scopes(mut self, scopes: ScopeSet) -> Self {
        self.rules = self.rules.with_required_scopes(scopes);
        self
    }

    /// Demands a claim of every token.
    #[must_use]
    pub fn with_required_claim(mut self, name: impl Into<Box<str>>, rule: ClaimRule) -> Self {
        self.rules = self.rules.with_required_claim(name, rule);
        self
    }

    /// Demands that every token is bound to its sender.
    #[must_use]
    pub fn with_sender_constraint(mut self, constraint: SenderConstraint) -> Self {
        self.rules = self.rules.with_sender_constraint(constraint);
        self
    }

    /// Accepts these algorithms and no other.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: AlgorithmSet) -> Self {
        self.verifier = verifier(algorithms, self.verifier.token_type().clone());
        self
    }

    /// Accepts tokens of these types instead of `at+jwt`, for issuers of the time before RFC 9068.
    ///
    /// # Security
    ///
    /// With `JWT`, every token that the issuer signs for this audience is an access token: id_tokens too.
    #[must_use]
    pub fn dangerous_accept_types(mut self, types: TokenType) -> Self {
        self.verifier = verifier(self.verifier.algorithms(), types);
        self
    }

    /// Demands that tokens are encrypted for this resource, and opens them.
    #[must_use]
    pub fn with_decryption(mut self, decryption: TokenDecryption) -> Self {
        self.decryption = Some(decryption);
        self
    }

    /// Refuses what the lists of its issuer say was revoked or suspended, and what they say nothing of.
    #[cfg(feature = "draft-status-list")]
    #[cfg_attr(docsrs, doc(cfg(feature = "draft-status-list")))]
    #[must_use]
    pub fn with_status_checks(mut self, checker: StatusChecker) -> Self {
        self.statuses = Some(checker);
        self
    }

    /// Sets by how much the clocks of issuer and resource may differ.
    #[must_use]
    pub fn with_skew(mut self, skew: Duration) -> Self {
        self.rules = self.rules.with_skew(skew);
        self
    }

    /// Refuses what this list names. Whoever learns of revocations tells the list; see [`DenyList`].
    #[must_use]
    pub fn with_deny_list(mut self, list: Arc<DenyList>) -> Self {
        self.rules = self.rules.with_deny_list(list);
        self
    }

    /// What it demands of tokens, to demand the same of opaque ones.
    #[must_use]
    pub const fn rules(&self) -> &TokenRules {
        &self.rules
    }

    /// Where the keys of an issuer come from; `None` when its tokens are not accepted.
    #[must_use]
    pub fn keys_of(&self, issuer: &Issuer) -> Option<&Keys> {
        self.trusted.iter().find(|trusted| trusted.issuer == *issuer).map(|trusted| &trusted.keys)
    }

    /// Validates a token at a time, with the keys that are there: nothing is fetched.
    ///
    /// # Errors
    ///
    /// Fails when the token is not good. [`ValidateError::UnknownKey`] and [`ValidateError::StaleKeys`] may pass once the
    /// keys were fetched; [`validate_or_fetch`](Self::validate_or_fetch) does that.
    pub fn validate<'r>(
        &self,
        presented: impl Into<Presented<'r>>,
        now: OffsetDateTime,
    ) -> Result<AccessToken, ValidateError> {
        let mut token = AccessToken::nobody();
        self.validate_here(&presented.into(), now, &mut token)?;
        Ok(token)
    }

    /// Validates a token, and fetches the issuer's keys first when they are due or the token's key is not among them. With
    /// fixed keys this is [`validate`](Self::validate).
    ///
    /// # Errors
    ///
    /// Fails when the token is not good, and with [`ValidateError::StaleKeys`] when there are no keys and none can be
    /// fetched.
    pub async fn validate_or_fetch<'r>(
        &self,
        presented: impl Into<Presented<'r>> + Send,
        now: OffsetDateTime,
    ) -> Result<AccessToken, ValidateError> {
        let mut token = AccessToken::nobody();
        self.validate_fetching(&presented.into(), now, &mut token).await?;
        Ok(token)
    }

    /// [`validate`](Self::validate), into a place of the caller's, which is worth nothing after a failure; and who vouches for it.
    pub(super) fn validate_here(
        &self,
        presented: &Presented<'_>,
        now: OffsetDateTime,
        token: &mut AccessToken,
    ) -> Result<Vouched<Snapshot<'_>>, ValidateError> {
        let signed = self.open(presented.token)?;
        let begun = self.begin(signed.as_str(), token)?;
        let trusted = begun.index;
        let keys = self.snapshot_of(trusted, now)?;
        self.verifier.verify_signature(&begun.jws, &keys).map_err(problem)?;
        self.finish(&begun, presented, now, token)?;
        #[cfg(feature = "draft-status-list")]
        self.check_status(token, now)?;
        Ok(Vouched { keys, trusted })
    }

    pub(super) async fn validate_fetching(
        &self,
        presented: &Presented<'_>,
        now: OffsetDateTime,
        token: &mut AccessToken,
    ) -> Result<Vouched<Arc<KeySet>>, ValidateError> {
        let signed = self.open(presented.token)?;
        let begun = self.begin(signed.as_str(), token)?;
        let mut keys = begun.trusted.keys().await?;
        let verified = self.verifier.verify_signature(&begun.jws, &keys).map_err(problem).map(drop);
        if verified == Err(ValidateError::UnknownKey)
            && let Some(newer) = begun.trusted.keys_after(&keys).await?
        {
            self.verifier.verify_signature(&begun.jws, &newer).map_err(problem)?;
            keys = newer;
        } else {
            verified?;
        }
        let trusted = begun.index;
        self.finish(&begun, presented, now, token)?;
        #[cfg(feature = "draft-status-list")]
        self.check_status_fetching(begun.trusted, token, now).await?;
        Ok(Vouched { keys, trusted })
    }

    /// Whether the list of a token has to be fetched.
    #[cfg(feature = "draft-status-list")]
    pub(super) fn is_list_due(&self, token: &AccessToken, now: OffsetDateTime) -> bool {
        self.statuses.as_ref().is_some_and(|checker| checker.is_due(token, now))
    }

    /// Checks the status of a token that is good otherwise, with the lists that are there.
    #[cfg(feature = "draft-status-list")]
    pub(super) fn check_status(&self, token: &AccessToken, now: OffsetDateTime) -> Result<(), ValidateError> {
        self.statuses.as_ref().map_or(Ok(()), |checker| checker.check(token, now))
    }

    /// Checks the status of a token that is good otherwise, and fetches the list first when that is needed.
    #[cfg(feature = "draft-status-list")]
    pub(super) async fn check_status_fetching(
        &self,
        trusted: &Trusted,
        token: &AccessToken,
        now: OffsetDateTime,
    ) -> Result<(), ValidateError> {
        let Some(checker) = &self.statuses else { return Ok(()) };
        let fetch = Fetch { algorithms: self.verifier.algorithms(), now };
        checker.prepare(trusted, token, fetch).await;
        checker.check(token, now)
    }

    /// The issuer's keys as they are at `now`, to see whether they are still those that a token was found good with.
    pub(super) fn snapshot_of(
        &self,
        trusted: usize,
        now: OffsetDateTime,
    ) -> Result<Snapshot<'_>, ValidateError> {
        self.trusted(trusted).ok_or(ValidateError::Issuer)?.snapshot(now)
    }

    pub(super) fn trusted(&self, index: usize) -> Option<&Trusted> {
        self.trusted.get(index)
    }

    /// Whether a token has the form of those that are validated here.
    pub(super) fn takes_form_of(&self, token: &str) -> bool {
        match CompactForm::of(token) {
            Some(CompactForm::Signed) => true,
            Some(CompactForm::Encrypted) => self.decryption.is_some(),
            None => false,
        }
    }

    /// The signed token, taken out of the encrypted one where tokens are encrypted.
    fn open<'t>(&self, token: &'t str) -> Result<Signed<'t>, ValidateError> {
        match &self.decryption {
            None => Ok(Signed::Plain(token)),
            Some(decryption) => decryption.open(token),
        }
    }

    /// Takes a token apart and finds out whose keys to check it with. Nothing of it is proved yet.
    fn begin<'r>(&'r self, text: &'r str, token: &mut AccessToken) -> Result<Begun<'r>, ValidateError> {
        let jws = self.verifier.parse(text).map_err(problem)?;
        // What cannot be good is not looked into.
        self.verifier.check_header(&jws).map_err(problem)?;
        if let [trusted] = self.trusted.as_slice() {
            return Ok(Begun { jws, trusted, index: 0, is_read: false });
        }
        token.become_of(&jws)?;
        let of_issuer = |known: &(usize, &Trusted)| known.1.issuer.as_str() == token.issuer();
        let (index, trusted) =
            self.trusted.iter().enumerate().find(of_issuer).ok_or(ValidateError::Issuer)?;
        Ok(Begun { jws, trusted, index, is_read: true })
    }

    /// Checks everything else of a token whose signature was checked.
    fn finish(
        &self,
        begun: &Begun<'_>,
        presented: &Presented<'_>,
        now: OffsetDateTime,
        token: &mut AccessToken,
    ) -> Result<(), ValidateError> {
        if !begun.is_read {
            token.become_of(&begun.jws)?;
        }
        if token.issuer() != begun.trusted.issuer.as_str() {
            return Err(ValidateError::Issuer);
        }
        self.rules.check_again(token, presented, now)?;
        self.rules.check(token, now)
    }
}

/// A token that was taken apart, and whose it says it is.
struct Begun<'r> {
    jws: CompactJws<'r>,
    trusted: &'r Trusted,
    index: usize,
    /// Whether its claims had to be read to know.
    is_read: bool,
}

/// With which keys a token was found good.
pub(super) struct Vouched<K> {
    pub(super) keys: K,
    /// Which of the issuers it is of.
    pub(super) trusted: usize,
}

/// A policy that recognises the headers of its issuers: only they sign what it accepts.
fn verifier(algorithms: AlgorithmSet, types: TokenType) -> Verifier {
    Verifier::new(algorithms, types).recognising_headers()
}

pub(super) const fn problem(error: JwsError) -> ValidateError {
    match error {
        JwsError::TooLarge => ValidateError::TooLarge,
        JwsError::WrongType => ValidateError::Type,
        JwsError::AlgorithmNotAllowed | JwsError::UnsupportedAlgorithm => ValidateError::Algorithm,
        JwsError::UnknownKey | JwsError::AmbiguousKey => ValidateError::UnknownKey,
        JwsError::InvalidSignature => ValidateError::Signature,
        _ => ValidateError::Malformed,
    }
}
