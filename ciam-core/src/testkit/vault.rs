//! The contract of [`KeyVault`].

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use super::race::{RACERS, race};
use super::sample::Samples;
use super::suite::{Clause, Report, Suite, Violation, clause, ensure, ensure_eq};
use crate::error::{PortError, PortErrorKind};
use crate::id::{AccountId, TenantId};
use crate::vault::{KeyVault, SealScope, Sealed, is_shredded};

/// How the suite drives an implementation of [`KeyVault`].
///
/// ```
/// use std::sync::Arc;
///
/// use ciam_core::error::PortError;
/// use ciam_core::id::TenantId;
/// use ciam_core::memory::MemoryVaultDatabase;
/// use ciam_core::secret::SecretBytes;
/// use ciam_core::testkit::{self, ManualClock, VaultHarness};
/// use ciam_core::vault::{EnvelopeVault, KeyCachePolicy, KeyEncryptionKey, KeyVault, LocalKeyEncryption};
/// use futures_util::future::BoxFuture;
///
/// struct Harness(KeyEncryptionKey, MemoryVaultDatabase, Arc<ManualClock>);
///
/// #[async_trait::async_trait]
/// impl VaultHarness for Harness {
///     async fn open(&self, tenant: TenantId) -> Result<Arc<dyn KeyVault>, PortError> {
///         let wrapping = Arc::new(LocalKeyEncryption::new(self.0.clone()));
///         let vault = EnvelopeVault::new(tenant, wrapping, Arc::new(self.1.tenant(tenant)));
///         Ok(Arc::new(vault.with_clock(self.2.clone())))
///     }
///
///     async fn forget(&self) {
///         self.2.advance(KeyCachePolicy::default().lifetime);
///     }
///
///     fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
///         let task = tokio::spawn(task);
///         Box::pin(async move { drop(task.await) })
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() {
/// let key = KeyEncryptionKey::new(SecretBytes::new((0..32).collect())).unwrap();
/// testkit::vault(&Harness(key, MemoryVaultDatabase::new(), Arc::default())).await.assert_kept();
/// # }
/// ```
#[async_trait]
pub trait VaultHarness: Send + Sync {
    /// Opens a handle on a tenant. All handles of a harness are on the same backend.
    ///
    /// The suite makes up tenants and accounts that nobody has used before.
    ///
    /// # Errors
    ///
    /// Fails when the backend does.
    async fn open(&self, tenant: TenantId) -> Result<Arc<dyn KeyVault>, PortError>;

    /// Lets the time pass after which every handle has forgotten a key that another one shredded. By default there is none.
    async fn forget(&self) {}

    /// Runs a task beside the caller, as the host's runtime does; completes when the task is done.
    fn spawn(&self, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()>;
}

/// Runs the contract of [`KeyVault`] against an implementation.
pub async fn vault(harness: &(dyn VaultHarness + 'static)) -> Report {
    vault_suite().run(harness).await
}

/// The contract of [`KeyVault`], clause by clause.
#[must_use]
pub fn vault_suite() -> Suite<dyn VaultHarness> {
    Suite::new("KeyVault", &[CLAUSES])
}

const CLAUSES: &[Clause<dyn VaultHarness>] = &[
    clause!(Trial<'_>, "seal.opens", opens, "What was sealed opens to the same bytes."),
    clause!(Trial<'_>, "seal.handles", handles, "What one handle has sealed, another opens."),
    clause!(Trial<'_>, "seal.hides", hides, "A sealed value does not show what is in it."),
    clause!(Trial<'_>, "seal.differs", differs, "The same value is sealed differently each time."),
    clause!(Trial<'_>, "bound.tenant", to_tenant, "A sealed value opens in no other tenant."),
    clause!(Trial<'_>, "bound.scope", to_scope, "A sealed value opens in no other scope."),
    clause!(Trial<'_>, "bound.purpose", to_purpose, "A sealed value opens for no other purpose."),
    clause!(Trial<'_>, "open.altered", altered, "A value that was altered anyhow fails permanently."),
    clause!(Trial<'_>, "open.foreign", foreign, "A text that no vault has made fails permanently."),
    clause!(
        Trial<'_>,
        "lookup.same",
        same_hash,
        "A value has the same look-up hash each time and through every handle."
    ),
    clause!(
        Trial<'_>,
        "lookup.keyed",
        keyed_hash,
        "Another tenant, another purpose and another value have other look-up hashes."
    ),
    clause!(
        Trial<'_>,
        "shred.opens",
        shredded_opens,
        "After an account's key was shredded, nothing that was sealed for it opens, and the error says why."
    ),
    clause!(
        Trial<'_>,
        "shred.seals",
        shredded_seals,
        "After an account's key was shredded, nothing is sealed for it any more."
    ),
    clause!(
        Trial<'_>,
        "shred.unused",
        shredded_unused,
        "An account for which nothing was sealed yet can be shredded; nothing is sealed for it afterwards."
    ),
    clause!(Trial<'_>, "shred.again", shredded_again, "Shredding an account once more is fine."),
    clause!(
        Trial<'_>,
        "shred.others",
        shredded_others,
        "Shredding touches no other account, not the tenant, and no account of another tenant."
    ),
    clause!(
        Trial<'_>,
        "shred.race",
        shredded_race,
        "Of values that are sealed while their account is shredded, none opens afterwards."
    ),
    clause!(
        Trial<'_>,
        "race.first",
        first,
        "Of an account's first values, sealed at the same moment, every one opens."
    ),
];

const PURPOSE: &str = "testkit.purpose";

/// What one clause works with: a vault that is known to keep tenants apart.
struct Trial<'h> {
    harness: &'h dyn VaultHarness,
    samples: Samples,
    tenant: TenantId,
    vault: Arc<dyn KeyVault>,
    other: Arc<dyn KeyVault>,
}

impl<'h> Trial<'h> {
    async fn open(harness: &'h dyn VaultHarness) -> Result<Self, Violation> {
        let samples = Samples::new()?;
        let tenant = samples.tenant();
        let (vault, other) = (harness.open(tenant).await?, harness.open(samples.tenant()).await?);
        let sealed = vault.seal(&SealScope::Tenant, PURPOSE, b"whose").await?;
        ensure!(
            other.open(&SealScope::Tenant, PURPOSE, &sealed).await.is_err(),
            "tenants are not kept apart"
        );
        Ok(Self { harness, samples, tenant, vault, other })
    }

    /// The scopes that a value may have.
    fn scopes(&self) -> [SealScope; 2] {
        [SealScope::Tenant, SealScope::Account(self.samples.account_id())]
    }

    /// A sealed value fails to open, and trying again would not help.
    async fn refuses(
        &self,
        vault: &dyn KeyVault,
        scope: &SealScope,
        purpose: &str,
        sealed: &Sealed,
        what: &str,
    ) -> Result<(), Violation> {
        match vault.open(scope, purpose, sealed).await {
            Ok(_) => Err(Violation::new(format!("{what} opens"))),
            Err(error) if error.kind() == PortErrorKind::Permanent => Ok(()),
            Err(error) => Err(Violation::new(format!("{what} fails as if it might open later: {error:?}"))),
        }
    }
}

async fn opens(trial: &Trial<'_>) -> Result<(), Violation> {
    let every: Vec<u8> = (0..=u8::MAX).collect();
    let values: [Vec<u8>; 5] = [vec![], vec![0], b"a short one".to_vec(), every.clone(), every.repeat(256)];
    for scope in trial.scopes() {
        for value in &values {
            let sealed = trial.vault.seal(&scope, PURPOSE, value).await?;
            let opened = trial.vault.open(&scope, PURPOSE, &sealed).await?;
            ensure!(opened.expose() == value, "{} bytes open as other bytes", value.len());
        }
    }
    Ok(())
}

async fn handles(trial: &Trial<'_>) -> Result<(), Violation> {
    for scope in trial.scopes() {
        let sealed = trial.vault.seal(&scope, PURPOSE, b"shared").await?;
        // As it comes back from a database.
        let sealed = Sealed::from_text(sealed.as_str().to_owned());
        let another = trial.harness.open(trial.tenant).await?;
        let opened = another.open(&scope, PURPOSE, &sealed).await?;
        ensure_eq!(opened.expose(), b"shared", "what another handle opens");
    }
    Ok(())
}

async fn hides(trial: &Trial<'_>) -> Result<(), Violation> {
    let secret = trial.samples.text();
    for scope in trial.scopes() {
        let sealed = trial.vault.seal(&scope, PURPOSE, secret.as_bytes()).await?;
        let shown = shows(sealed.as_str(), secret.as_bytes());
        ensure!(!shown, "the sealed text shows the value");
    }
    Ok(())
}

/// Whether a text contains bytes as they are, in hexadecimal or in base64 at any offset.
fn shows(text: &str, bytes: &[u8]) -> bool {
    use crate::encoding::base64url;

    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let plain = String::from_utf8_lossy(bytes);
    // Of four characters of base64, those that the bytes beside the value decide are left out.
    let in_base64 = (0..3).map(|offset| {
        let encoded = base64url::encode(&[&vec![0; offset], bytes].concat());
        let from = if offset == 0 { 0 } else { 4 };
        encoded.get(from..encoded.len().saturating_sub(4)).unwrap_or_default().to_owned()
    });
    let plus = text.replace('+', "-").replace('/', "_");
    text.contains(&*plain)
        || text.to_lowercase().contains(&hex)
        || in_base64.into_iter().any(|part| plus.contains(&part))
}

async fn differs(trial: &Trial<'_>) -> Result<(), Violation> {
    for scope in trial.scopes() {
        let mut seen = BTreeSet::new();
        for _ in 0..20 {
            seen.insert(trial.vault.seal(&scope, PURPOSE, b"again").await?.as_str().to_owned());
        }
        ensure_eq!(seen.len(), 20, "how many texts 20 sealings of one value make");
    }
    Ok(())
}

async fn to_tenant(trial: &Trial<'_>) -> Result<(), Violation> {
    for scope in trial.scopes() {
        let sealed = trial.vault.seal(&scope, PURPOSE, b"mine").await?;
        trial.refuses(&*trial.other, &scope, PURPOSE, &sealed, "a value of another tenant").await?;
        // Also where the other tenant has sealed something in the same scope.
        trial.other.seal(&scope, PURPOSE, b"theirs").await?;
        trial.refuses(&*trial.other, &scope, PURPOSE, &sealed, "a value of another tenant").await?;
    }
    Ok(())
}

async fn to_scope(trial: &Trial<'_>) -> Result<(), Violation> {
    let [of_tenant, of_account] = trial.scopes();
    let of_another = SealScope::Account(trial.samples.account_id());
    for scope in [of_tenant, of_account, of_another] {
        let sealed = trial.vault.seal(&scope, PURPOSE, b"bound").await?;
        for other in [of_tenant, of_account, of_another].iter().filter(|other| **other != scope) {
            let what = format!("a value of {scope:?} in {other:?}");
            trial.refuses(&*trial.vault, other, PURPOSE, &sealed, &what).await?;
        }
    }
    Ok(())
}

async fn to_purpose(trial: &Trial<'_>) -> Result<(), Violation> {
    let purposes = ["testkit.a", "testkit.b", "testkit.A", "testkit.a ", "testkit", "testkit.", ""];
    for scope in trial.scopes() {
        for purpose in purposes {
            let sealed = trial.vault.seal(&scope, purpose, b"bound").await?;
            for other in purposes.into_iter().filter(|other| *other != purpose) {
                let what = format!("a value for {purpose:?} as one for {other:?}");
                trial.refuses(&*trial.vault, &scope, other, &sealed, &what).await?;
            }
        }
    }
    Ok(())
}

async fn altered(trial: &Trial<'_>) -> Result<(), Violation> {
    for scope in trial.scopes() {
        let [one, two] = [
            trial.vault.seal(&scope, PURPOSE, b"the first value").await?,
            trial.vault.seal(&scope, PURPOSE, b"another value..").await?,
        ];
        let text = one.as_str();
        let mut texts: Vec<String> = (0..text.len()).filter_map(|at| replaced(text, at)).collect();
        texts.extend((1..text.len()).filter_map(|end| text.get(..end)).map(str::to_owned));
        texts.extend([" ", "\n", "=", "A", ".", "\0"].map(|tail| format!("{text}{tail}")));
        texts.extend([format!(" {text}"), format!("{text}{text}"), text.to_uppercase(), text.to_lowercase()]);
        let half = text.len() / 2;
        texts.extend(
            text.get(..half).zip(two.as_str().get(half..)).map(|(head, tail)| format!("{head}{tail}")),
        );
        for changed in texts.into_iter().filter(|changed| changed != text && changed != two.as_str()) {
            let sealed = Sealed::from_text(changed.clone());
            trial
                .refuses(&*trial.vault, &scope, PURPOSE, &sealed, &format!("{changed:?} for {text:?}"))
                .await?;
        }
    }
    Ok(())
}

/// The text with another character of base64 at this place.
fn replaced(text: &str, at: usize) -> Option<String> {
    let (head, tail) = (text.get(..at)?, text.get(at..)?);
    let mut rest = tail.chars();
    let character = if rest.next()? == 'A' { 'B' } else { 'A' };
    Some(format!("{head}{character}{}", rest.as_str()))
}

async fn foreign(trial: &Trial<'_>) -> Result<(), Violation> {
    let texts = ["", " ", ".", "..", "v1", "v1..", "null", "{}", "\0", "\u{e9}\u{301}", &"A".repeat(100_000)];
    for scope in trial.scopes() {
        trial.vault.seal(&scope, PURPOSE, b"").await?;
        for text in texts {
            let sealed = Sealed::from_text(text);
            let what = format!("a foreign text of {} bytes", text.len());
            trial.refuses(&*trial.vault, &scope, PURPOSE, &sealed, &what).await?;
        }
    }
    Ok(())
}

async fn first(trial: &Trial<'_>) -> Result<(), Violation> {
    for _ in 0..4 {
        let scope = SealScope::Account(trial.samples.account_id());
        let mut racers: Vec<BoxFuture<'static, Result<_, PortError>>> = Vec::with_capacity(RACERS);
        for racer in 0..RACERS {
            let vault = trial.harness.open(trial.tenant).await?;
            racers.push(Box::pin(async move {
                let sealed = vault.seal(&scope, PURPOSE, racer.to_string().as_bytes()).await?;
                Ok((vault, sealed))
            }));
        }
        let sealed = race(&|task| trial.harness.spawn(task), racers).await?;
        for (racer, sealed) in sealed.into_iter().enumerate() {
            let (vault, sealed) = sealed?;
            let opened = vault.open(&scope, PURPOSE, &sealed).await?;
            ensure!(opened.expose() == racer.to_string().as_bytes(), "a racer's value opens as another");
        }
    }
    Ok(())
}

async fn same_hash(trial: &Trial<'_>) -> Result<(), Violation> {
    for value in [&b""[..], b"ada@example.com", &[0; 300]] {
        let first = trial.vault.lookup_hash(PURPOSE, value).await?;
        for _ in 0..3 {
            let another = trial.harness.open(trial.tenant).await?;
            ensure_eq!(another.lookup_hash(PURPOSE, value).await?, first, "the hash through another handle");
        }
    }
    Ok(())
}

async fn keyed_hash(trial: &Trial<'_>) -> Result<(), Violation> {
    let long = [7; 300];
    let values = [&b""[..], b"a", b"A", b"a ", b"ab", &long, long.get(..299).unwrap_or_default()];
    let mut seen = BTreeSet::new();
    let mut made = 0;
    for vault in [&trial.vault, &trial.other] {
        for purpose in ["testkit.a", "testkit.b", "testkit.", "testkit"] {
            for value in values {
                seen.insert(*vault.lookup_hash(purpose, value).await?.as_bytes());
                made += 1;
            }
        }
    }
    ensure_eq!(seen.len(), made, "how many hashes {made} values of all tenants and purposes have");
    let plain = crate::crypto::sha256(b"a");
    ensure!(!seen.contains(&plain), "a look-up hash is a plain digest");
    Ok(())
}

/// An account with a value that was sealed for it.
async fn with_value(trial: &Trial<'_>) -> Result<(AccountId, Sealed), Violation> {
    let account = trial.samples.account_id();
    let sealed = trial.vault.seal(&SealScope::Account(account), PURPOSE, b"gone").await?;
    Ok((account, sealed))
}

/// A sealed value does not open, through any handle, and the error says that its key was shredded.
async fn is_gone(trial: &Trial<'_>, account: AccountId, sealed: &Sealed) -> Result<(), Violation> {
    for vault in [Arc::clone(&trial.vault), trial.harness.open(trial.tenant).await?] {
        match vault.open(&SealScope::Account(account), PURPOSE, sealed).await {
            Ok(_) => return Err(Violation::new("a value opens whose key was shredded")),
            Err(error) if error.kind() == PortErrorKind::Permanent && is_shredded(&error) => {}
            Err(error) => return Err(Violation::new(format!("the error does not say shredded: {error:?}"))),
        }
    }
    Ok(())
}

async fn shredded_opens(trial: &Trial<'_>) -> Result<(), Violation> {
    let (account, sealed) = with_value(trial).await?;
    // Another handle has the key in memory and shreds it.
    let another = trial.harness.open(trial.tenant).await?;
    let _in_memory = another.open(&SealScope::Account(account), PURPOSE, &sealed).await;
    another.shred(account).await?;
    let gone = another.open(&SealScope::Account(account), PURPOSE, &sealed).await;
    ensure!(gone.is_err(), "a value opens through the handle that shredded its key");
    trial.harness.forget().await;
    is_gone(trial, account, &sealed).await
}

async fn shredded_seals(trial: &Trial<'_>) -> Result<(), Violation> {
    let (account, _) = with_value(trial).await?;
    trial.harness.open(trial.tenant).await?.shred(account).await?;
    trial.harness.forget().await;
    seals_no_more(trial, account).await
}

async fn seals_no_more(trial: &Trial<'_>, account: AccountId) -> Result<(), Violation> {
    for vault in [Arc::clone(&trial.vault), trial.harness.open(trial.tenant).await?] {
        match vault.seal(&SealScope::Account(account), PURPOSE, b"late").await {
            Ok(_) => return Err(Violation::new("a value is sealed for an account whose key was shredded")),
            Err(error) if error.kind() == PortErrorKind::Permanent && is_shredded(&error) => {}
            Err(error) => return Err(Violation::new(format!("the error does not say shredded: {error:?}"))),
        }
    }
    Ok(())
}

async fn shredded_unused(trial: &Trial<'_>) -> Result<(), Violation> {
    let account = trial.samples.account_id();
    trial.vault.shred(account).await?;
    trial.harness.forget().await;
    seals_no_more(trial, account).await
}

async fn shredded_again(trial: &Trial<'_>) -> Result<(), Violation> {
    let (account, _) = with_value(trial).await?;
    for _ in 0..2 {
        trial.vault.shred(account).await?;
        trial.harness.open(trial.tenant).await?.shred(account).await?;
    }
    Ok(())
}

async fn shredded_others(trial: &Trial<'_>) -> Result<(), Violation> {
    let (account, _) = with_value(trial).await?;
    let (other, kept) = with_value(trial).await?;
    let of_tenant = trial.vault.seal(&SealScope::Tenant, PURPOSE, b"gone").await?;
    let elsewhere = trial.other.seal(&SealScope::Account(account), PURPOSE, b"gone").await?;
    trial.vault.shred(account).await?;
    trial.harness.forget().await;
    for (vault, scope, sealed, what) in [
        (&trial.vault, SealScope::Account(other), &kept, "a value of another account"),
        (&trial.vault, SealScope::Tenant, &of_tenant, "a value of the tenant"),
        (&trial.other, SealScope::Account(account), &elsewhere, "a value of another tenant"),
    ] {
        let opened = vault.open(&scope, PURPOSE, sealed).await;
        ensure!(opened.is_ok_and(|opened| opened.expose() == b"gone"), "{what} does not open any more");
    }
    Ok(())
}

async fn shredded_race(trial: &Trial<'_>) -> Result<(), Violation> {
    // Whether shredding closes anything at all is another clause.
    let control = trial.samples.account_id();
    let closed = trial.other.seal(&SealScope::Account(control), PURPOSE, b"control").await?;
    trial.other.shred(control).await?;
    trial.harness.forget().await;
    if trial.other.open(&SealScope::Account(control), PURPOSE, &closed).await.is_ok() {
        return Ok(());
    }
    for round in 0..4 {
        let (tenant, account) = (trial.samples.tenant(), trial.samples.account_id());
        let scope = SealScope::Account(account);
        let vault = trial.harness.open(tenant).await?;
        if round % 2 == 0 {
            vault.seal(&scope, PURPOSE, b"before").await?;
        }
        let mut racers: Vec<BoxFuture<'static, Result<Option<Sealed>, PortError>>> = Vec::new();
        for racer in 0..RACERS {
            let vault = trial.harness.open(tenant).await?;
            racers.push(Box::pin(async move {
                if racer == RACERS / 2 {
                    return vault.shred(account).await.map(|()| None);
                }
                match vault.seal(&scope, PURPOSE, b"late").await {
                    Ok(sealed) => Ok(Some(sealed)),
                    Err(error) if is_shredded(&error) => Ok(None),
                    Err(error) => Err(error),
                }
            }));
        }
        let sealed = race(&|task| trial.harness.spawn(task), racers).await?;
        trial.harness.forget().await;
        for sealed in sealed {
            if let Some(sealed) = sealed? {
                let opened = vault.open(&scope, PURPOSE, &sealed).await;
                ensure!(opened.is_err(), "a value opens that was sealed while its account was shredded");
            }
        }
    }
    Ok(())
}
