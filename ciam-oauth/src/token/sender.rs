//! What the tokens of a request are bound to.

use super::TokenRequest;
use crate::client::Client;
use crate::confirmation::{CertificateThumbprint, Confirmation};
use crate::dpop::{DpopError, ProvenKey};
use crate::error::{GrantProblem, TokenError};
use crate::grant::Grant;
use crate::server::Config;
use crate::validate::SenderConstraint;

/// What the access token of a request is bound to: the key that was proved, and the certificate where the client or the
/// server wants that.
///
/// # Errors
///
/// Fails when the client or the server demands more than the sender has shown.
pub(super) fn confirmation(
    config: &Config,
    client: &Client,
    request: &TokenRequest,
    certificate: Option<&[u8]>,
) -> Result<Option<Confirmation>, TokenError> {
    let key = request.key.as_ref().map(ProvenKey::thumbprint);
    if client.dpop_bound_access_tokens && key.is_none() {
        return Err(DpopError::Missing.into());
    }
    let demanded = config.sender_constraint;
    let by_rule = match demanded {
        SenderConstraint::MutualTls => true,
        // A certificate will do where no key was shown.
        SenderConstraint::Any => key.is_none() && certificate.is_some(),
        SenderConstraint::None | SenderConstraint::Dpop => false,
    };
    let wanted = config.mutual_tls.is_some() && (client.certificate_bound_access_tokens || by_rule);
    let certificate = match (wanted, certificate) {
        (false, _) => None,
        (true, Some(der)) => Some(CertificateThumbprint::of(der)),
        (true, None) => return Err(TokenError::CertificateRequired),
    };
    let bound = Confirmation { key, certificate };
    let met = match demanded {
        SenderConstraint::None => true,
        SenderConstraint::Any => bound.is_provable(),
        SenderConstraint::Dpop => bound.key.is_some(),
        SenderConstraint::MutualTls => bound.certificate.is_some(),
    };
    match met {
        true => Ok(bound.is_provable().then_some(bound)),
        false if config.dpop.is_some() => Err(DpopError::Missing.into()),
        false => Err(TokenError::CertificateRequired),
    }
}

/// Whether the sender of a refresh token proved what the grant is bound to.
pub(super) fn check_grant(grant: &Grant, shown: Option<Confirmation>) -> Result<(), GrantProblem> {
    let Some(bound) = grant.confirmation else { return Ok(()) };
    let shown = shown.unwrap_or_default();
    let key = bound.key.is_none() || bound.key == shown.key;
    let certificate = bound.certificate.is_none() || bound.certificate == shown.certificate;
    if key && certificate && bound.is_provable() { Ok(()) } else { Err(GrantProblem::OtherSender) }
}
