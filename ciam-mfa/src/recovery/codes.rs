//! Making, storing and finding codes.

use ciam_core::credential::{Credential, CredentialState};
use ciam_core::entropy::Entropy;
use ciam_core::error::PortError;
use ciam_core::id::{AccountId, CredentialId};
use ciam_core::ports::Ports;
use ciam_core::secret::{Secret, SecretBytes};
use ciam_core::store::Versioned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::factor::RecoveryCodeFactor;

/// A sheet of codes, to be shown once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecoveryCodes {
    /// The codes, as `XXXX-XXXX-XXXX`.
    pub codes: Vec<Secret>,
}

impl RecoveryCodes {
    /// How many codes a sheet has.
    pub const COUNT: usize = 10;

    fn generate(entropy: &dyn Entropy) -> Result<Self, PortError> {
        let code = |_| -> Result<Secret, PortError> {
            let random = SecretBytes::random(entropy, LETTERS)?;
            let letters = random.expose().iter().map(|byte| {
                let letter = ALPHABET.get(usize::from(byte & 0x1f)).copied();
                char::from(letter.unwrap_or_default())
            });
            let mut text = String::with_capacity(LETTERS + 2);
            for (position, letter) in letters.enumerate() {
                if position > 0 && position % 4 == 0 {
                    text.push('-');
                }
                text.push(letter);
            }
            Ok(Secret::new(text))
        };
        Ok(Self { codes: (0..Self::COUNT).map(code).collect::<Result<_, _>>()? })
    }
}

/// How many codes of an account's sheet are left; `None` where it has none.
#[must_use]
pub fn remaining(credentials: &[Versioned<Credential>]) -> Option<usize> {
    let (_, stored) = active(credentials)?;
    Some(stored.codes.iter().filter(|code| code.used_at.is_none()).count())
}

/// What a credential holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredSheet {
    pub(super) codes: Vec<StoredCode>,
}

/// A code of a sheet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredCode {
    pub(super) hash: String,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) used_at: Option<OffsetDateTime>,
}

/// A new sheet, and the credential that keeps it.
pub(crate) async fn sheet(
    ports: &Ports,
    account: AccountId,
) -> Result<(RecoveryCodes, Credential), PortError> {
    let codes = RecoveryCodes::generate(ports.entropy())?;
    let id = CredentialId::generate(ports.clock(), ports.entropy())?;
    let mut stored = StoredSheet { codes: Vec::with_capacity(codes.codes.len()) };
    for code in &codes.codes {
        let hash = hash(ports, id, code.expose()).await?.ok_or_else(|| PortError::permanent("a bad code"))?;
        stored.codes.push(StoredCode { hash, used_at: None });
    }
    let data = serde_json::to_value(stored).map_err(PortError::permanent)?;
    Ok((codes, Credential::new(id, account, RecoveryCodeFactor::NAME, data, ports.now())))
}

/// The active sheet of an account.
pub(super) fn active(credentials: &[Versioned<Credential>]) -> Option<(&Versioned<Credential>, StoredSheet)> {
    let found = credentials.iter().find(|it| {
        it.value.factor == RecoveryCodeFactor::NAME && it.value.state == CredentialState::Active
    })?;
    Some((found, serde_json::from_value(found.value.data.clone()).ok()?))
}

/// The hash of a typed code of a sheet; `None` when it cannot be a code.
pub(super) async fn hash(
    ports: &Ports,
    sheet: CredentialId,
    typed: &str,
) -> Result<Option<String>, PortError> {
    let Some(code) = normalise(typed) else { return Ok(None) };
    let value = format!("{sheet}|{}", code.expose());
    Ok(Some(ports.vault().lookup_hash(PURPOSE, value.as_bytes()).await?.to_text()))
}

/// What people read wrongly is taken for what was meant.
fn normalise(typed: &str) -> Option<Secret> {
    if typed.len() > 64 {
        return None;
    }
    let letters = typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
    let code: String = letters
        .map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            letter => letter,
        })
        .collect();
    let right = code.len() == LETTERS && code.bytes().all(|letter| ALPHABET.contains(&letter));
    right.then(|| Secret::new(code))
}

const LETTERS: usize = 12;
/// Crockford's: without I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PURPOSE: &str = "mfa.recovery_code";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_as_people_type_it() {
        for typed in ["0123-4567-89AB", "0123456789ab", " o1234567 89aB ", "OI23-4567-89AB", "0l23-4567-89ab"]
        {
            let expected = if typed.contains("o1234567") { "01234567" } else { "0123456789AB" };
            let found = normalise(typed);
            if expected.len() == LETTERS {
                assert_eq!(found.unwrap().expose(), expected, "{typed}");
            } else {
                assert_eq!(found.map(|code| code.expose().to_owned()).as_deref(), Some("0123456789AB"));
            }
        }
        for wrong in
            ["", "0123-4567-89A", "0123-4567-89ABC", "0123-4567-89AU", "0123-4567-89Aé", &"0".repeat(100)]
        {
            assert!(normalise(wrong).is_none(), "{wrong}");
        }
    }
}
