//! The stored journey.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::realm::Realm;
use super::types::Requirements;
use crate::account::{IdentifierKey, Profile};
use crate::assurance::Proof;
use crate::ephemeral::EphemeralKey;
use crate::id::{AccountId, CredentialId, SessionId};
use crate::notify::Channel;
use crate::password::PasswordHash;
use crate::risk::{Assessment, RiskLevel};
use crate::secret::{Secret, TokenDigest};
use crate::store::Version;
use crate::terms::TermsDue;
use crate::vault::Sealed;

/// The random name of a journey, carried in the host's forms. Useless without the browser's cookie.
#[derive(Clone, Debug)]
pub struct JourneyHandle(Secret);

impl JourneyHandle {
    pub(super) const fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// Takes a handle from a form.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(Secret::from(text))
    }

    /// The text for a form: 43 characters of base64url.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    pub(super) fn key(&self) -> EphemeralKey {
        EphemeralKey::new("core.journey", self.0.digest().to_text())
    }

    /// Where the guesses at the code or challenge with this number are counted.
    pub(super) fn guess_key(&self, number: u32) -> EphemeralKey {
        EphemeralKey::new("core.journey_guess", format!("{}.{number}", self.0.digest().to_text()))
    }

    /// Where the answers are counted that a passed check is good for, and the wrong answers to a check.
    pub(super) fn check_key(&self, what: &str, number: u32) -> EphemeralKey {
        EphemeralKey::new("core.journey_check", format!("{}.{what}.{number}", self.0.digest().to_text()))
    }

    /// The digest of a code of this journey. The handle is not stored, so the few digits of a code cannot be searched for.
    pub(super) fn code_digest(&self, code: &str) -> TokenDigest {
        TokenDigest::of(&format!("{}\n{code}", self.0.expose()))
    }
}

/// A journey as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Journey {
    pub(super) browser: TokenDigest,
    pub(super) revision: u32,
    pub(super) requirements: Requirements,
    pub(super) stage: Stage,
    /// A check that is to be passed before the stage goes on.
    #[serde(default)]
    pub(super) human: Option<HumanStage>,
    /// The challenges of the factors that a sign-in can begin with.
    #[serde(default)]
    pub(super) first: Vec<FirstStage>,
    /// How many checks were asked for.
    #[serde(default)]
    pub(super) checks: u32,
    /// What the organization demands whose domain was typed.
    #[serde(default)]
    pub(super) realm: Option<Realm>,
    /// What the person says of the browser: whether it is their own.
    #[serde(default)]
    pub(super) own_device: Option<bool>,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) expires_at: OffsetDateTime,
}

/// The challenge of a factor that a sign-in can begin with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FirstStage {
    pub(super) factor: String,
    pub(super) state: Value,
    pub(super) public: Value,
}

/// Where a journey stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub(super) enum Stage {
    /// Asked for identifier and password, or for a code.
    Credentials,
    /// The first factor is proved; one more is asked for.
    Factor(FactorStage),
    /// Asked for a registration.
    Registration,
    /// Asked for the acceptance of an invitation.
    Invitation,
    /// A code was sent.
    Code(CodeStage),
    /// Asked whose password is forgotten.
    Recovery,
    /// What a recovery needs is proved; asked for a new password.
    NewPassword(Held),
    /// All is proved; asked whether to take a closed account back.
    TakeBack(TakeBackStage),
    /// All is proved; asked to accept terms.
    Terms(TermsStage),
    /// All is proved; asked for attributes that are missing.
    Profile(ProfileStage),
    /// All is proved; asked to add a further factor.
    Enrol(EnrolStage),
    /// Somebody is committing the end of it.
    Finishing,
}

/// Where the person may begin anew, perhaps as somebody else.
impl Stage {
    pub(super) const fn takes_credentials(&self) -> bool {
        match self {
            Self::Code(code) => matches!(code.purpose, Purpose::Prove { .. } | Purpose::Confirm { .. }),
            _ => self.is_of_a_sign_in(),
        }
    }

    pub(super) fn takes_identifier(&self) -> bool {
        self.is_of_a_sign_in() || self.waits_for_code(Goal::Session)
    }

    pub(super) fn sends_code(&self) -> bool {
        matches!(self, Self::Credentials | Self::Factor(_)) || self.waits_for_code(Goal::Session)
    }

    pub(super) fn recovers(&self) -> bool {
        matches!(self, Self::Recovery) || self.waits_for_code(Goal::Recovery)
    }

    const fn is_of_a_sign_in(&self) -> bool {
        matches!(
            self,
            Self::Credentials
                | Self::Factor(_)
                | Self::TakeBack(_)
                | Self::Terms(_)
                | Self::Profile(_)
                | Self::Enrol(_)
        )
    }

    fn waits_for_code(&self, wanted: Goal) -> bool {
        matches!(self, Self::Code(CodeStage { purpose: Purpose::Prove { goal, .. }, .. }) if *goal == wanted)
    }
}

/// Whose journey it is and what was proved in it, between two steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) account: AccountId,
    /// What it is to end with.
    pub(super) goal: Goal,
    /// The run of attempts that becomes a known browser when the sign-in ends well.
    pub(super) known_as: Option<String>,
    /// The session that a step-up began with. Without it, what it has proved does not count.
    pub(super) step_up_of: Option<SessionId>,
    /// The identifier that a code has proved; it must still be the account's.
    pub(super) reached: Option<IdentifierKey>,
    /// What was proved in this journey.
    pub(super) proofs: Vec<Proof>,
    /// The credentials that proved it; they must not have changed when the session begins.
    pub(super) relied_on: Vec<(CredentialId, Version)>,
    pub(super) risk: StoredRisk,
    /// The account was made in this journey.
    #[serde(default)]
    pub(super) signed_up: bool,
    /// The versions of terms that the person put off.
    #[serde(default)]
    pub(super) postponed: Vec<String>,
}

/// A closed account may be taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TakeBackStage {
    pub(super) held: Held,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) erase_after: OffsetDateTime,
}

/// Terms are to be accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TermsStage {
    pub(super) held: Held,
    pub(super) due: Vec<TermsDue>,
}

/// Attributes are missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ProfileStage {
    pub(super) held: Held,
    pub(super) attributes: Vec<String>,
}

/// A further factor is to be added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct EnrolStage {
    pub(super) held: Held,
    /// The factors that may be added.
    pub(super) offered: Vec<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) postponable_until: Option<OffsetDateTime>,
    pub(super) begun: Option<EnrolmentBegun>,
}

/// The factor that was chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct EnrolmentBegun {
    pub(super) factor: String,
    pub(super) state: Value,
    /// What the page shows, under the account's key.
    pub(super) public: Sealed,
    /// Which enrolment this is; the answers are counted for each.
    pub(super) number: u32,
}

/// What a journey is to end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Goal {
    /// A session.
    Session,
    /// A new password, and then a session as far as what was proved allows.
    Recovery,
}

/// A check is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct HumanStage {
    pub(super) name: String,
    pub(super) state: Value,
    pub(super) public: Value,
}

/// One more factor is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FactorStage {
    pub(super) held: Held,
    pub(super) factor: String,
    pub(super) state: Value,
    pub(super) public: Value,
    /// The factors that may be proved in its place.
    #[serde(default)]
    pub(super) others: Vec<String>,
    /// Which challenge this is; the answers are counted for each, and together where another factor was chosen.
    pub(super) number: u32,
}

/// What the risk engine said at the beginning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredRisk {
    pub(super) level: RiskLevel,
    pub(super) reasons: Vec<String>,
    pub(super) degraded: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) score: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) memo: Option<Value>,
}

impl From<&Assessment> for StoredRisk {
    fn from(risk: &Assessment) -> Self {
        Self {
            level: risk.level,
            reasons: risk.reasons.clone(),
            degraded: risk.degraded,
            score: risk.score,
            memo: risk.memo.clone(),
        }
    }
}

impl From<&StoredRisk> for Assessment {
    fn from(risk: &StoredRisk) -> Self {
        let mut assessment = Self::new(risk.level, risk.reasons.clone());
        assessment.degraded = risk.degraded;
        assessment.score = risk.score;
        assessment.memo = risk.memo.clone();
        assessment
    }
}

/// A code was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CodeStage {
    pub(super) sent: Sent,
    #[serde(rename = "for")]
    pub(super) purpose: Purpose,
}

/// A code, its link, and to whom they went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sent {
    /// What was typed, in its normal form.
    pub(super) identifier: IdentifierKey,
    /// What was typed, to show it.
    pub(super) typed: String,
    pub(super) channel: Channel,
    pub(super) code: TokenDigest,
    pub(super) link: TokenDigest,
    /// Which code this is; the guesses are counted for each.
    pub(super) number: u32,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) expires_at: OffsetDateTime,
}

/// What a code is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "purpose")]
pub(super) enum Purpose {
    /// To make an account.
    Register { profile: Profile, password: Option<PasswordHash> },
    /// To sign in, or to recover. It went to an address of this account, or, where there is none that it could go to, to
    /// nobody.
    Prove { goal: Goal, recipient: Option<Recipient> },
    /// To confirm a sign-in that looks unlike its owner, where the account has no further factor.
    Confirm { held: Box<Held> },
}

/// To whom a code went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Recipient {
    pub(super) account: AccountId,
    pub(super) identifier: IdentifierKey,
}
