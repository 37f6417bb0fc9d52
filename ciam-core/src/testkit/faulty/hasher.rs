//! Broken password hashers: of salted SHA-256, which is no password hash, but quick.

use crate::crypto;
use crate::encoding::base64url;
use crate::error::PortError;
use crate::password::PasswordHasher;
use crate::secret::{Secret, SecretBytes};

use super::Faulty;

/// One wrong decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Cuts72Bytes,
    StopsAtNul,
    FoldsCase,
    Trims,
    RefusesEmoji,
    EmptyHashIsOpen,
    TakesPlainText,
    ComparesStart,
    TrimsHash,
    OneSalt,
    ShowsPassword,
    NoPhcString,
    AlwaysStale,
    RecognisesAll,
    RecognisesNothing,
}

/// Each fault with the clause that it breaks.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::RefusesEmoji, "verify.right"),
    (Fault::Cuts72Bytes, "verify.wrong"),
    (Fault::StopsAtNul, "verify.wrong"),
    (Fault::FoldsCase, "verify.wrong"),
    (Fault::Trims, "verify.wrong"),
    (Fault::EmptyHashIsOpen, "verify.foreign"),
    (Fault::TakesPlainText, "verify.foreign"),
    (Fault::ComparesStart, "verify.altered"),
    (Fault::TrimsHash, "verify.altered"),
    (Fault::OneSalt, "hash.salted"),
    (Fault::ShowsPassword, "hash.hides"),
    (Fault::NoPhcString, "hash.hides"),
    (Fault::AlwaysStale, "hash.current"),
    (Fault::RecognisesAll, "hash.current"),
    (Fault::RecognisesNothing, "hash.current"),
];

/// Every fault, in a hasher of its own.
pub(super) fn hashers() -> Vec<Faulty<dyn PasswordHasher>> {
    let faulty = |(fault, breaks): &(Fault, &'static str)| {
        let fault = *fault;
        let make = move || -> Box<dyn PasswordHasher> { Box::new(Broken(fault)) };
        Faulty::new(format!("{fault:?}"), breaks, make)
    };
    FAULTS.iter().map(faulty).collect()
}

#[derive(Debug)]
struct Broken(Fault);

impl Broken {
    fn prefix(&self) -> &'static str {
        if self.0 == Fault::NoPhcString { "sha256$" } else { "$testkit$" }
    }

    fn text<'p>(&self, password: &'p Secret) -> &'p [u8] {
        let text = password.expose();
        match self.0 {
            Fault::Cuts72Bytes => text.as_bytes().get(..72).unwrap_or(text.as_bytes()),
            Fault::StopsAtNul => text.split('\0').next().unwrap_or_default().as_bytes(),
            Fault::Trims => text.trim().as_bytes(),
            _ => text.as_bytes(),
        }
    }

    fn hashed(&self, salt: &str, password: &Secret) -> String {
        let mut text = self.text(password).to_vec();
        if self.0 == Fault::FoldsCase {
            text.make_ascii_lowercase();
        }
        let digest = crypto::sha256(&[salt.as_bytes(), b"\0", &text].concat());
        let shown = match self.0 {
            Fault::ShowsPassword => base64url::encode(&text) + ".",
            _ => String::new(),
        };
        format!("{}{salt}${shown}{}", self.prefix(), base64url::encode(&digest))
    }
}

impl PasswordHasher for Broken {
    fn hash(&self, password: &Secret) -> Result<String, PortError> {
        let salt = match self.0 {
            Fault::OneSalt => "c2FsdA".to_owned(),
            _ => base64url::encode(SecretBytes::random(&crate::entropy::SystemEntropy::new(), 16)?.expose()),
        };
        Ok(self.hashed(&salt, password))
    }

    fn verify(&self, password: &Secret, hash: &str) -> bool {
        let hash = if self.0 == Fault::TrimsHash { hash.trim() } else { hash };
        match self.0 {
            Fault::EmptyHashIsOpen if hash.is_empty() => return true,
            Fault::TakesPlainText if !hash.starts_with('$') => return hash == password.expose(),
            Fault::RefusesEmoji if password.expose().contains('\u{1f40e}') => return false,
            _ => {}
        }
        let Some((salt, digest)) = hash.strip_prefix(self.prefix()).and_then(|rest| rest.split_once('$'))
        else {
            return false;
        };
        let right = self.hashed(salt, password);
        if self.0 == Fault::ComparesStart {
            right.starts_with(hash) && digest.len() > 20
        } else {
            right == hash
        }
    }

    fn needs_rehash(&self, _hash: &str) -> bool {
        self.0 == Fault::AlwaysStale
    }

    fn recognises(&self, hash: &str) -> bool {
        match self.0 {
            Fault::RecognisesAll => true,
            Fault::RecognisesNothing => false,
            _ => hash.starts_with(self.prefix()),
        }
    }
}
