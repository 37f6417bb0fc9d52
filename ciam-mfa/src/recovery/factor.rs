//! Recovery codes as a factor.

use async_trait::async_trait;
use ciam_core::assurance::{Amr, FactorKind, Proof};
use ciam_core::credential::Credential;
use ciam_core::error::PortError;
use ciam_core::event::Event;
use ciam_core::factor::{Factor, FactorChallenge, FactorProof, FactorSubject};
use ciam_core::notify::MessageCode;
use ciam_core::secret::ct_eq;
use ciam_core::store::{Batch, EntityRef, Versioned, Write};
use serde_json::{Value, json};

use super::codes::{active, hash, remaining};
use crate::event;
use crate::notice::notice;

/// Recovery codes. The answer is a code, as a text or as `{"code":"XXXX-XXXX-XXXX"}`.
///
/// Add it last, so that it is asked for only where nothing else is enrolled, or chosen.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct RecoveryCodeFactor;

impl RecoveryCodeFactor {
    /// The factor's name.
    pub const NAME: &'static str = "recovery_code";

    /// How it is named in `amr`. RFC 8176 has no name for it.
    pub const AMR: Amr = Amr::new("recovery");

    /// The factor.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Factor for RecoveryCodeFactor {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn kinds(&self) -> &'static [FactorKind] {
        &[FactorKind::Possession]
    }

    /// A sheet of which every code is used is none.
    fn is_enrolled(&self, credentials: &[Versioned<Credential>]) -> bool {
        remaining(credentials).is_some_and(|left| left > 0)
    }

    async fn challenge(&self, subject: FactorSubject<'_>) -> Result<FactorChallenge, PortError> {
        let left = remaining(subject.credentials).unwrap_or_default();
        Ok(FactorChallenge::new(json!({ "left": left }), Value::Null))
    }

    async fn verify(
        &self,
        subject: FactorSubject<'_>,
        _state: &Value,
        answer: &Value,
    ) -> Result<Option<FactorProof>, PortError> {
        let (ports, now) = (subject.ports, subject.ports.now());
        let typed = answer.as_str().or_else(|| answer.get("code")?.as_str()).unwrap_or_default();
        let (Some(account), Some((credential, mut sheet))) = (subject.account, active(subject.credentials))
        else {
            return Ok(None);
        };
        let known = &credential.value;
        let Some(typed) = hash(ports, known.id, typed).await? else { return Ok(None) };
        let mut found = false;
        for code in sheet.codes.iter_mut().filter(|code| code.used_at.is_none()) {
            if ct_eq(code.hash.as_bytes(), typed.as_bytes()) {
                code.used_at = Some(now);
                found = true;
            }
        }
        if !found {
            return Ok(None);
        }
        let left = sheet.codes.iter().filter(|code| code.used_at.is_none()).count();
        let mut used = known.clone();
        used.data = serde_json::to_value(sheet).map_err(PortError::permanent)?;
        used.last_used_at = Some(now);
        let event = Event::new(ports, event::RECOVERY_CODE_USED, account.event_subject())?.with("left", left);
        let batch = Batch::new()
            .require_version(EntityRef::Credential(known.id), credential.version)
            .write(Write::PutCredential(used))
            .event(event);
        let batch = match notice(ports, account, MessageCode::RecoveryCodeUsed, &[])? {
            Some(message) => batch.message(message.with("left", left.to_string()).seal(ports).await?),
            None => batch,
        };
        let proof = Proof::new(Self::AMR, self.kinds().iter().copied(), now);
        Ok(Some(FactorProof::new(proof).with_batch(batch)))
    }
}
