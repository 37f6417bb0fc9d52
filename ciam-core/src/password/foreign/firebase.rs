//! Firebase's modified scrypt ([its sources](https://github.com/firebase/scrypt)).

use std::fmt;

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit as _, StreamCipher as _};

use super::limits::ForeignLimits;
use super::text::{Phc, base64, unbase64};
use super::{ForeignHashError, ForeignKind, scrypt};
use crate::secret::{SecretBytes, ct_eq};

/// The parameters of a Firebase project, as its console shows them under *Password hash parameters*.
///
/// The signer key is a secret of the project and is not in the hashes. Keep it where other secrets are, apart from the
/// database: without it the hashes cannot even be guessed at.
#[derive(Clone)]
pub struct FirebaseProject {
    signer_key: SecretBytes,
    salt_separator: Vec<u8>,
    rounds: u32,
    memory_cost: u8,
}

impl FirebaseProject {
    /// The parameters; both texts in base64 as the console shows them.
    ///
    /// # Errors
    ///
    /// Fails when a text is not base64, the signer key has fewer than 16 or more than 512 bytes, or a number is beyond
    /// what Firebase accepts: 1 to 8 rounds, a memory cost of 1 to 14.
    pub fn new(
        signer_key: &str,
        salt_separator: &str,
        rounds: u32,
        memory_cost: u8,
    ) -> Result<Self, InvalidFirebaseProject> {
        let signer_key = unbase64(signer_key).ok_or(InvalidFirebaseProject)?;
        let salt_separator = unbase64(salt_separator).ok_or(InvalidFirebaseProject)?;
        let possible = (16..=512).contains(&signer_key.len())
            && salt_separator.len() <= 64
            && (1..=8).contains(&rounds)
            && (1..=14).contains(&memory_cost);
        if !possible {
            return Err(InvalidFirebaseProject);
        }
        Ok(Self { signer_key: SecretBytes::new(signer_key), salt_separator, rounds, memory_cost })
    }
}

/// Shows the costs only.
impl fmt::Debug for FirebaseProject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirebaseProject")
            .field("rounds", &self.rounds)
            .field("memory_cost", &self.memory_cost)
            .finish_non_exhaustive()
    }
}

/// The parameters are not those of a Firebase project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the password hash parameters of a Firebase project")]
#[non_exhaustive]
pub struct InvalidFirebaseProject;

/// A hash of a Firebase project: `$firebase-scrypt$project=NAME$salt$hash`.
#[derive(Clone)]
pub(super) struct Firebase {
    pub(super) project: String,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Firebase {
    pub(super) const PREFIX: &str = "$firebase-scrypt$";

    pub(super) fn new(project: &str, salt: Vec<u8>, hash: Vec<u8>) -> Option<Self> {
        let name_ok = (1..=64).contains(&project.len())
            && project.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        name_ok.then(|| Self { project: project.to_owned(), salt, hash })
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let phc = Phc::parse(text).filter(|phc| phc.version.is_none() && phc.has_only(&["project"]))?;
        Self::new(phc.parameter("project")?, phc.salt, phc.hash)
    }

    pub(super) fn check(
        &self,
        project: Option<&FirebaseProject>,
        limits: &ForeignLimits,
    ) -> Result<(), ForeignHashError> {
        let project = project.ok_or(ForeignHashError::UnknownProject)?;
        super::check_lengths(&self.salt, &self.hash, limits, ForeignKind::FirebaseScrypt)?;
        if self.hash.len() != project.signer_key.expose().len() {
            return Err(ForeignHashError::Malformed(ForeignKind::FirebaseScrypt));
        }
        scrypt::check_cost(project.memory_cost, project.rounds, 1, limits, ForeignKind::FirebaseScrypt)
    }

    /// The signer key, encrypted under what scrypt makes of the password.
    pub(super) fn verify(&self, project: &FirebaseProject, password: &[u8]) -> bool {
        let Ok(params) = ::scrypt::Params::new(project.memory_cost, project.rounds, 1) else { return false };
        let salt = [self.salt.as_slice(), &project.salt_separator].concat();
        let mut key = [0; 64];
        if ::scrypt::scrypt(password, &salt, &params, &mut key).is_err() {
            return false;
        }
        let Some(Ok(mut cipher)) =
            key.get(..32).map(|key| Ctr128BE::<Aes256>::new_from_slices(key, &[0; 16]))
        else {
            return false;
        };
        let mut text = project.signer_key.expose().to_vec();
        cipher.apply_keystream(&mut text);
        ct_eq(&text, &self.hash)
    }

    pub(super) fn write(&self) -> String {
        let (salt, hash) = (base64(&self.salt), base64(&self.hash));
        format!("{}project={}${salt}${hash}", Self::PREFIX, self.project)
    }
}
