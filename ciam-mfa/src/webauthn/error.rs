//! Why a ceremony failed.

/// A passkey was not registered, or proved nobody.
///
/// For logs and for whoever builds a page: to a stranger every reason of a refused sign-in looks alike, because the journey
/// says no more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebauthnError {
    /// Something is not encoded as it has to be, or is cut short, or goes on behind its end.
    #[error("the {what} is malformed")]
    Malformed {
        /// What.
        what: &'static str,
    },
    /// Something is larger or nested deeper than anything that an authenticator makes.
    #[error("the {what} is too large")]
    TooLarge {
        /// What.
        what: &'static str,
    },
    /// It is the answer to another kind of question.
    #[error("the client data is of another ceremony")]
    Type,
    /// It is the answer to another challenge.
    #[error("the challenge is another one")]
    Challenge,
    /// It was made on a page that is not ours.
    #[error("the origin is not allowed")]
    Origin,
    /// It was made in a frame of a page that may not embed ours.
    #[error("the page was embedded where it may not be")]
    CrossOrigin,
    /// It is for another relying party.
    #[error("the relying party is another one")]
    RpId,
    /// Nobody touched the authenticator.
    #[error("the user was not present")]
    UserPresence,
    /// The authenticator did not verify the person, and had to.
    #[error("the user was not verified")]
    UserVerification,
    /// The flags of backup contradict each other, or what was registered.
    #[error("the backup flags cannot be")]
    BackupFlags,
    /// An algorithm that was not offered.
    #[error("the algorithm was not offered")]
    Algorithm,
    /// The public key is of another type than its algorithm's, or no key.
    #[error("the public key cannot be used")]
    Key,
    /// The signature is not one of the key over this answer.
    #[error("the signature is wrong")]
    Signature,
    /// The credential is not one of those that may answer.
    #[error("the credential is not one that may answer")]
    Credential,
    /// The passkey says that it belongs to another account.
    #[error("the user handle is of another account")]
    UserHandle,
    /// The format of the attestation is not known.
    #[error("the format of the attestation is not known")]
    AttestationFormat,
    /// The attestation does not hold.
    #[error("the attestation does not hold: {reason}")]
    Attestation {
        /// Why.
        reason: &'static str,
    },
    /// The attestation holds, and nobody whom the host trusts vouches for it.
    #[error("nobody whom we trust vouches for the authenticator")]
    Untrusted,
    /// The signature counter did not go up, and the host's policy refuses that.
    #[error("the signature counter did not go up")]
    Counter,
}

impl WebauthnError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::TooLarge { .. } => "too_large",
            Self::Type => "type",
            Self::Challenge => "challenge",
            Self::Origin => "origin",
            Self::CrossOrigin => "cross_origin",
            Self::RpId => "rp_id",
            Self::UserPresence => "user_presence",
            Self::UserVerification => "user_verification",
            Self::BackupFlags => "backup_flags",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Credential => "credential",
            Self::UserHandle => "user_handle",
            Self::AttestationFormat => "attestation_format",
            Self::Attestation { .. } => "attestation",
            Self::Untrusted => "untrusted",
            Self::Counter => "counter",
        }
    }
}
