//! Accounts from a file of another system, by the million: `import accounts`.
//!
//! The library does the work ([`ciam_core::import`]); here are the file, the refused rows beside it, and what is said.

mod refused;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::Context as _;
use ciam_core::import::{
    Auth0Export, ImportFormat, ImportReport, Importer, JsonLines, OktaExport, RowReader, digest_of,
};

pub use self::refused::RefusedFile;
use crate::{
    cli::{AccountFormat, ImportAccounts},
    config::Config,
    import::attribute_schema,
    storage::Storage,
};

/// Imports a file, and says what became of it.
///
/// # Errors
///
/// The file cannot be read, the refused rows cannot be written, or the database fails. What was stored stays.
pub async fn import(config: &Config, what: &ImportAccounts) -> anyhow::Result<String> {
    let open = || File::open(&what.file).with_context(|| format!("cannot read `{}`", what.file.display()));
    let digest = digest_of(open()?)?;
    let path = what.refused.clone().unwrap_or_else(|| refused_path(&what.file, &digest, what.dry_run));
    let mut refused = RefusedFile::open(&path, !what.without_rows)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    let storage = Storage::open(config).await?;
    let mut importer = Importer::new(storage.ports.clone(), format(what.format))
        .with_hashes(config.passwords.hashes.clone())
        .with_schema(attribute_schema(&config.imports));
    if let Some(source) = &what.source {
        importer = importer.with_source(source.as_str());
    }
    if what.dry_run {
        importer = importer.as_dry_run();
    }
    if what.trust_addresses {
        importer = importer.dangerous_trust_addresses();
    }
    if what.leave_out_unknown {
        importer = importer.leaving_out_unknown();
    }
    let told = AtomicU64::new(0);
    let importer = importer.with_progress(move |checkpoint| {
        let thousands = checkpoint.rows / 10_000;
        if told.swap(thousands, Ordering::Relaxed) < thousands {
            tracing::info!(rows = checkpoint.rows, created = checkpoint.tally.created, "importing");
        }
    });
    let rows = RowReader::new(BufReader::with_capacity(1 << 20, open()?));
    let report = importer.run(rows, digest, &mut refused).await?;
    refused.close(&path)?;
    Ok(summary(&report, &path))
}

fn format(format: AccountFormat) -> Arc<dyn ImportFormat> {
    match format {
        AccountFormat::Auth0 => Arc::new(Auth0Export::new()),
        AccountFormat::Okta => Arc::new(OktaExport::new()),
        AccountFormat::Jsonl => Arc::new(JsonLines::new()),
    }
}

/// Beside the file. Another content of the file has another name, so that no run writes over what another refused.
fn refused_path(file: &Path, digest: &[u8], dry_run: bool) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    name.push(format!(".{short}{}.refused.jsonl", if dry_run { ".dry-run" } else { "" }));
    file.with_file_name(name)
}

/// What became of the rows, in numbers.
fn summary(report: &ImportReport, refused: &Path) -> String {
    let tally = &report.tally;
    let mut text = String::new();
    let done = if report.dry_run { "would be made" } else { "made" };
    // Writing to a text cannot fail.
    let _infallible = writeln!(
        text,
        "{} rows: {} accounts {done}, {} existed already, {} refused",
        report.rows, tally.created, tally.existing, tally.refused
    );
    if report.resumed_at > 0 {
        let _infallible = writeln!(text, "{} of the rows were done by earlier runs", report.resumed_at);
    }
    table(&mut text, "passwords", &tally.passwords);
    table(&mut text, "refused because of", &tally.codes);
    table(&mut text, "left out", &tally.ignored);
    if tally.refused > 0 {
        let _infallible = writeln!(text, "the refused rows are in {}", refused.display());
    }
    if let Some(memory) = peak_memory() {
        let _infallible = writeln!(text, "peak memory: {memory}");
    }
    text
}

fn table(text: &mut String, title: &str, rows: &BTreeMap<String, u64>) {
    for (name, number) in rows {
        let _infallible = writeln!(text, "{title}: {name}: {number}");
    }
}

/// The most memory that this process has had, where the system says.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}
