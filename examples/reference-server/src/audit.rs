//! The commands for the audit log.

use std::io::Write;

use anyhow::Context as _;
use ciam_core::{
    audit::{AuditHead, AuditLog, AuditVerdict, ChainDigest, Expected},
    jose::AlgorithmSet,
    ports::Ports,
    store::PageRequest,
};

use crate::{
    cli::AuditAction,
    config::Config,
    keys::{self, ALGORITHMS, ServerKeys},
};

/// Carries out the command, and writes what it found.
///
/// # Errors
///
/// The log is broken, the store fails, a head or a checkpoint is none, or nothing can be written.
pub(crate) async fn run(
    ports: &Ports,
    config: &Config,
    action: &AuditAction,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let log = AuditLog::new(ports.clone());
    match action {
        AuditAction::Verify { head, checkpoint } => {
            let mut expected = Expected::nothing();
            for text in head {
                expected = expected.with(parse(text)?);
            }
            if !checkpoint.is_empty() {
                let ring = ring(ports, config).await?;
                for file in checkpoint {
                    let token = std::fs::read_to_string(file)
                        .with_context(|| format!("cannot read `{}`", file.display()))?;
                    let snapshot = ring.keys().await?;
                    let algorithms = AlgorithmSet::of(&ALGORITHMS);
                    let head = log.open_checkpoint(token.trim(), algorithms, snapshot.remembered_keys());
                    let head =
                        head.with_context(|| format!("`{}` was not signed by this server", file.display()))?;
                    expected = expected.with(head);
                }
            }
            verify(&log, &expected, out).await
        }
        AuditAction::Export => export(&log, out).await,
        AuditAction::Checkpoint => {
            let [algorithm, ..] = ALGORITHMS;
            let signer = ring(ports, config).await?.signer(algorithm).await?;
            writeln!(out, "{}", log.checkpoint(&*signer).await?)?;
            Ok(())
        }
    }
}

async fn ring(ports: &Ports, config: &Config) -> anyhow::Result<ciam_core::keys::KeyRing> {
    let source = std::sync::Arc::new(ServerKeys::new());
    Ok(keys::open(ports, source, config.keys).await?)
}

async fn verify(log: &AuditLog, expected: &Expected, out: &mut impl Write) -> anyhow::Result<()> {
    match log.verify(expected).await? {
        AuditVerdict::Intact(head) => {
            writeln!(out, "The audit log is whole: {} entries.", head.sequence)?;
            writeln!(
                out,
                "Its head, to be written down elsewhere: {}:{}",
                head.sequence,
                head.digest.to_text()
            )?;
            Ok(())
        }
        AuditVerdict::Broken { sequence, problem } => {
            anyhow::bail!("the audit log is broken: entry {sequence} {problem}")
        }
    }
}

async fn export(log: &AuditLog, out: &mut impl Write) -> anyhow::Result<()> {
    let mut request = PageRequest::first(PAGE);
    loop {
        let page = log.entries(request).await?;
        for entry in &page.items {
            writeln!(out, "{}", serde_json::to_string(entry)?)?;
        }
        match page.next {
            Some(next) => request = PageRequest::after(next, PAGE),
            None => return Ok(()),
        }
    }
}

/// Reads `NUMBER:HASH`.
fn parse(text: &str) -> anyhow::Result<AuditHead> {
    let parsed = text.split_once(':').and_then(|(number, hash)| {
        Some(AuditHead::new(number.parse().ok()?, ChainDigest::try_from(hash.to_owned()).ok()?))
    });
    parsed.with_context(|| format!("`{text}` is not a head: NUMBER:HASH"))
}

const PAGE: u32 = 500;
