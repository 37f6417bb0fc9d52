//! The contract of [`PasswordHasher`].

use std::collections::BTreeSet;

use super::suite::{Clause, Report, Suite, Violation, ensure, ensure_eq};
use crate::password::PasswordHasher;
use crate::secret::Secret;

/// Runs the contract of [`PasswordHasher`] against an implementation.
///
/// Each clause hashes a few passwords: give parameters that are fast in tests.
///
/// ```
/// # #[cfg(feature = "argon2")]
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use ciam_core::password::Argon2idHasher;
/// use ciam_core::testkit;
///
/// testkit::hasher(&Argon2idHasher::dangerous_fast().unwrap()).await.assert_kept();
/// # });
/// ```
pub async fn hasher(hasher: &(dyn PasswordHasher + 'static)) -> Report {
    hasher_suite().run(hasher).await
}

/// The contract of [`PasswordHasher`], clause by clause.
#[must_use]
pub fn hasher_suite() -> Suite<dyn PasswordHasher> {
    Suite::new("PasswordHasher", &[CLAUSES])
}

macro_rules! clause {
    ($name:literal, $check:path, $docs:literal) => {
        Clause::new($name, $docs, |hasher| Box::pin(async move { $check(hasher) }))
    };
}

const CLAUSES: &[Clause<dyn PasswordHasher>] = &[
    clause!("verify.right", right, "A password is verified against its own hash, whatever its characters."),
    clause!("verify.wrong", wrong, "Any other password is not, however alike."),
    clause!("verify.foreign", foreign, "A text that it does not recognise verifies nobody."),
    clause!("verify.altered", altered, "An altered hash verifies nobody."),
    clause!("hash.salted", salted, "Each hash has a salt of its own."),
    clause!("hash.hides", hides, "A hash is a PHC string and shows nothing of the password."),
    clause!("hash.current", current, "It recognises its own hashes, and they need no rehash."),
];

const PASSWORD: &str = "correct horse battery staple";

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn hash(hasher: &dyn PasswordHasher, password: &str) -> Result<String, Violation> {
    Ok(hasher.hash(&secret(password))?)
}

fn right(hasher: &dyn PasswordHasher) -> Result<(), Violation> {
    let longest = "\u{1f40e}".repeat(256);
    for password in
        ["x", PASSWORD, " spaced ", "\u{e9}\u{301}\u{df}\u{3a9}", "nul\0inside", "$argon2id$", &longest]
    {
        let hash = hash(hasher, password)?;
        ensure!(hasher.verify(&secret(password), &hash), "a password of {} bytes is wrong", password.len());
    }
    Ok(())
}

fn wrong(hasher: &dyn PasswordHasher) -> Result<(), Violation> {
    let long = "long and longer ".repeat(16);
    let pairs = [
        (PASSWORD, "Correct horse battery staple".to_owned()),
        (PASSWORD, format!("{PASSWORD} ")),
        (PASSWORD, format!(" {PASSWORD}")),
        (PASSWORD, "correct horse battery stapl".to_owned()),
        (PASSWORD, String::new()),
        ("nul\0inside", "nul\0outside".to_owned()),
        ("nul\0inside", "nul".to_owned()),
        ("\u{e9}", "e\u{301}".to_owned()),
        ("\u{e9}", "e".to_owned()),
        (&long, format!("{long}!")),
        (&long, long.get(..72).unwrap_or_default().to_owned()),
    ];
    for (password, other) in pairs {
        let hash = hash(hasher, password)?;
        ensure!(!hasher.verify(&secret(&other), &hash), "{other:?} counts as {password:?}");
    }
    Ok(())
}

fn foreign(hasher: &dyn PasswordHasher) -> Result<(), Violation> {
    let texts = [
        "",
        " ",
        "$",
        "$$$$",
        PASSWORD,
        "*",
        "!",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$argon2id$",
        "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
        "$unheard-of$v=1$c2FsdHNhbHQ$aGFzaGhhc2g",
    ];
    for text in texts {
        for password in ["", PASSWORD, text] {
            ensure!(!hasher.verify(&secret(password), text), "{password:?} is right for {text:?}");
        }
    }
    Ok(())
}

fn altered(hasher: &dyn PasswordHasher) -> Result<(), Violation> {
    let hash = hash(hasher, PASSWORD)?;
    let last = |from: usize| hash.len().saturating_sub(from);
    let mut texts: Vec<String> =
        [1, 2, 8].into_iter().filter_map(|n| Some(hash.get(..last(n))?.to_owned())).collect();
    for at in [last(2), last(10)] {
        let (Some(head), Some(tail)) = (hash.get(..at), hash.get(at..)) else { continue };
        let mut rest = tail.chars();
        let other = if rest.next() == Some('A') { 'B' } else { 'A' };
        texts.push(format!("{head}{other}{}", rest.as_str()));
    }
    texts.extend([format!("{hash}A"), format!("{hash} "), format!(" {hash}"), hash.to_uppercase()]);
    // The digest part emptied.
    texts.extend(hash.rsplit_once('$').map(|(head, _)| format!("{head}$")));
    for text in texts.into_iter().filter(|text| *text != hash) {
        ensure!(!hasher.verify(&secret(PASSWORD), &text), "{text:?} verifies for {hash:?}");
    }
    Ok(())
}

fn salted(hasher: &dyn PasswordHasher) -> Result<(), Violation> {
    let hashes = (0..8).map(|_| hash(hasher, PASSWORD)).collect::<Result<BTreeSet<_>, _>>()?;
    ensure_eq!(hashes.len(), 8, "how many hashes eight times the same password has");
    Ok(())
}

fn hides(hasher: &dyn PasswordHasher) -> Result<(), Violation> {
    let hash = hash(hasher, PASSWORD)?;
    let name = hash.strip_prefix('$').and_then(|rest| rest.split_once('$')).map(|(name, _)| name);
    ensure!(name.is_some_and(|name| !name.is_empty()), "{hash:?} is no PHC string");
    ensure!(hash.is_ascii() && !hash.contains(char::is_whitespace), "{hash:?} is no PHC string");
    let shown = crate::encoding::base64url::encode(PASSWORD.as_bytes());
    for part in [PASSWORD, "horse", shown.get(..30).unwrap_or_default()] {
        ensure!(!hash.contains(part), "{hash:?} shows the password");
    }
    Ok(())
}

fn current(hasher: &dyn PasswordHasher) -> Result<(), Violation> {
    let hash = hash(hasher, PASSWORD)?;
    ensure!(hasher.recognises(&hash), "its own hash is not recognised");
    ensure!(!hasher.needs_rehash(&hash), "its own hash is to be replaced");
    for foreign in ["", "5f4dcc3b5aa765d61d8327deb882cf99", "$unheard-of$v=1$c2FsdHNhbHQ$aGFzaGhhc2g"] {
        ensure!(!hasher.recognises(foreign), "{foreign:?} is recognised");
    }
    Ok(())
}
