//! Whether the sender of a token is the one that it is bound to.

use super::error::ValidateError;
use super::presented::Presented;
use super::token::AccessToken;
use crate::confirmation::Confirmation;

/// What tokens must be bound to, beyond what they say themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SenderConstraint {
    /// A token that is bound to nothing is accepted from whoever has it.
    #[default]
    None,
    /// Every token must be bound to a key or to a certificate.
    Any,
    /// Every token must be bound to a key ([RFC 9449](https://www.rfc-editor.org/rfc/rfc9449)).
    Dpop,
    /// Every token must be bound to a certificate ([RFC 8705](https://www.rfc-editor.org/rfc/rfc8705)).
    MutualTls,
}

/// Checks that whatever a token is bound to was proved, and that it is bound to what is demanded.
///
/// [RFC 9449, section 7.2](https://www.rfc-editor.org/rfc/rfc9449#section-7.2): a bound token is never taken as a bearer token,
/// and a proof never makes a bound token of an unbound one.
pub(super) fn check_binding(
    token: &AccessToken,
    presented: &Presented<'_>,
    demanded: SenderConstraint,
) -> Result<(), ValidateError> {
    check_confirmation(token.confirmation(), presented, demanded)
}

/// The same for what a token of any form says that it is bound to.
pub(crate) fn check_confirmation(
    confirmation: Option<&Confirmation>,
    presented: &Presented<'_>,
    demanded: SenderConstraint,
) -> Result<(), ValidateError> {
    let bound = confirmation.copied().unwrap_or_default();
    if confirmation.is_some() && !bound.is_provable() {
        return Err(ValidateError::UnknownBinding);
    }
    match (bound.key, presented.key) {
        (None, None) => {}
        (None, Some(_)) => return Err(ValidateError::NotBound),
        (Some(_), None) => return Err(ValidateError::ProofRequired),
        (Some(key), Some(proven)) => {
            if proven.thumbprint() != key || !proven.is_for(presented.token) {
                return Err(ValidateError::WrongProof);
            }
        }
    }
    match (bound.certificate, presented.certificate) {
        // A certificate that the token does not speak of is the connection's business.
        (None, _) => {}
        (Some(_), None) => return Err(ValidateError::ProofRequired),
        (Some(wanted), Some(actual)) if wanted == actual => {}
        (Some(_), Some(_)) => return Err(ValidateError::WrongProof),
    }
    let met = match demanded {
        SenderConstraint::None => true,
        SenderConstraint::Any => bound.is_provable(),
        SenderConstraint::Dpop => bound.key.is_some(),
        SenderConstraint::MutualTls => bound.certificate.is_some(),
    };
    if met { Ok(()) } else { Err(ValidateError::NotBound) }
}
