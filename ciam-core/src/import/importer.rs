//! Reads rows, judges them, and makes accounts of them in batches.

use std::collections::HashSet;
use std::fmt;
use std::io::BufRead;
use std::sync::Arc;

use super::patience::ImportRetry;
use super::reader::{RawRow, RowReader};
use super::records::{ImportCheckpoint, Tally};
use super::refusals::Refusals;
use super::row::{ImportRow, RowProblem};
use super::{ImportError, ImportFormat, ImportReport};
use crate::account::schema::AttributeSchema;
use crate::account::{Account, AccountStatus, Identifier};
use crate::actor::Actor;
use crate::error::PortError;
use crate::event::{Event, EventType};
use crate::id::AccountId;
use crate::migration::{self, ExternalAccount, Named};
use crate::password::PasswordFactor;
use crate::password::foreign::ForeignHashes;
use crate::ports::Ports;
use crate::secret::TokenDigest;
use crate::store::{
    Batch, Commit, Conflict, EntityRef, Precondition, Record, Version, Versioned, Write, load,
};

/// Called now and then with what has become of the rows so far.
type Progress = Arc<dyn Fn(&ImportCheckpoint) + Send + Sync>;

/// A check of the host on each row.
type Check = Arc<dyn Fn(&ImportRow) -> Result<(), RowProblem> + Send + Sync>;

/// Makes accounts of the rows of a file. See [the module](super).
#[derive(Clone)]
#[must_use = "nothing is imported before `run`"]
pub struct Importer {
    ports: Ports,
    format: Arc<dyn ImportFormat>,
    source: String,
    hashes: ForeignHashes,
    dry_run: bool,
    trust_addresses: bool,
    schema: Option<AttributeSchema>,
    leave_out_unknown: bool,
    retry: ImportRetry,
    progress: Option<Progress>,
    check: Option<Check>,
}

impl Importer {
    /// Rows are committed at the latest after this many, accounts among them or not.
    const MAX_ROWS: u64 = 256;

    /// An importer of this format, whose name is the source's unless it is [set](Self::with_source).
    pub fn new(ports: Ports, format: Arc<dyn ImportFormat>) -> Self {
        let source = format.name().to_owned();
        Self {
            ports,
            format,
            source,
            hashes: ForeignHashes::new(),
            dry_run: false,
            trust_addresses: false,
            schema: None,
            leave_out_unknown: false,
            retry: ImportRetry::default(),
            progress: None,
            check: None,
        }
    }

    /// Names the system that the accounts come from, under which their external ids are found again.
    pub fn with_source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// Sets what hashes are accepted: the limits, and the Firebase projects.
    pub fn with_hashes(mut self, hashes: ForeignHashes) -> Self {
        self.hashes = hashes;
        self
    }

    /// Judges every row and writes nothing. Remembers eight bytes for each identifier of the file, to find the repeated.
    pub const fn as_dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Takes every address and number for verified, whatever the rows say.
    ///
    /// # Security
    ///
    /// Whoever registered another's address in the old system keeps it here, and signs in with it. Only for a system that
    /// let nobody in before their address was verified and does not say so in its export.
    pub const fn dangerous_trust_addresses(mut self) -> Self {
        self.trust_addresses = true;
        self
    }

    /// Judges the attributes of each row by the tenant's schema and brings them into its form, as it is done everywhere else.
    /// A row with one that the schema refuses is refused. Nothing is required: what is missing, people are asked for when they
    /// sign in.
    pub fn with_schema(mut self, schema: AttributeSchema) -> Self {
        self.schema = Some(schema);
        self
    }

    /// Leaves attributes out that the [schema](Self::with_schema) does not have, and counts them by name, instead of refusing
    /// their rows.
    pub const fn leaving_out_unknown(mut self) -> Self {
        self.leave_out_unknown = true;
        self
    }

    /// Sets how often a port is asked again that failed for the moment.
    pub const fn with_retry(mut self, retry: ImportRetry) -> Self {
        self.retry = retry;
        self
    }

    /// Calls this after each commit.
    pub fn with_progress(mut self, progress: impl Fn(&ImportCheckpoint) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Asks this for each row, after the schema: such as whether an address is of a company that may come.
    pub fn with_check(
        mut self,
        check: impl Fn(&ImportRow) -> Result<(), RowProblem> + Send + Sync + 'static,
    ) -> Self {
        self.check = Some(Arc::new(check));
        self
    }

    /// Imports what is not imported yet. `digest` is the SHA-256 digest of the whole file: it says which file this is.
    ///
    /// # Errors
    ///
    /// Fails when the file or the refusals cannot be read or written, when a port fails and goes on failing, and when the same
    /// file is being imported by somebody else at the same time. What was committed stays; the next run goes on behind it.
    pub async fn run<R: BufRead + Send>(
        &self,
        mut rows: RowReader<R>,
        digest: [u8; 32],
        refusals: &mut dyn Refusals,
    ) -> Result<ImportReport, ImportError> {
        let mut run = Run::begin(self, digest, refusals).await?;
        let resumed_at = run.checkpoint.rows;
        for _ in 0..resumed_at {
            if rows.next_row().map_err(ImportError::Input)?.is_none() {
                break;
            }
        }
        if !run.checkpoint.finished {
            while let Some(row) = rows.next_row().map_err(ImportError::Input)? {
                run.take(row).await?;
            }
            run.checkpoint.finished = true;
            run.flush().await?;
        }
        Ok(ImportReport {
            rows: run.checkpoint.rows,
            resumed_at,
            tally: run.checkpoint.tally,
            dry_run: self.dry_run,
        })
    }

    fn judge(&self, row: &RawRow) -> Result<ImportRow, RowProblem> {
        let now = self.ports.now();
        let mut parsed = self.format.parse(row.text()?, now)?;
        if parsed.identifiers.is_empty() {
            return Err(RowProblem::NoIdentifier);
        }
        if let Some(hash) = &parsed.password {
            self.hashes.judge(hash)?;
        }
        if let Some(schema) = &self.schema {
            parsed.fit(schema, self.leave_out_unknown)?;
        }
        if let Some(check) = &self.check {
            check(&parsed)?;
        }
        if self.trust_addresses {
            for identifier in &mut parsed.identifiers {
                identifier.verified_at = identifier.verified_at.or(Some(now));
            }
        }
        Ok(parsed)
    }

    async fn stored_checkpoint(
        &self,
        input: &TokenDigest,
    ) -> Result<Option<Versioned<ImportCheckpoint>>, PortError> {
        let (store, key) = (self.ports.store(), input.to_text());
        self.retry.read(self.ports.runtime().as_ref(), || load::<ImportCheckpoint>(store, &key)).await
    }

    /// The account of a row, and all that is written for it.
    async fn prepare(&self, row: RawRow, mut parsed: ImportRow) -> Result<Prepared, PortError> {
        let (ports, now) = (&self.ports, self.ports.now());
        let id = AccountId::generate(ports.clock(), ports.entropy())?;
        let first = parsed.identifiers.first().map_or("", |identifier| identifier.key.as_str());
        let name = parsed.external_id.as_ref().map_or(Named::Identifier(first), Named::Id);
        let external = ExternalAccount::new(ports, &self.source, &name, id).await?;
        let mut account = Account::new(id, now);
        let verified = parsed.identifiers.iter().any(Identifier::is_verified);
        let usual = if verified { AccountStatus::Active } else { AccountStatus::Pending };
        account.status = parsed.status.unwrap_or(usual);
        account.created_at = parsed.created_at.unwrap_or(now);
        account.identifiers = std::mem::take(&mut parsed.identifiers);
        account.profile = std::mem::take(&mut parsed.profile);
        let event = Event::new(ports, EventType::ACCOUNT_REGISTERED, account.event_subject())?
            .by(&Actor::system("import"))
            .with("source", self.source.clone());

        let external = Record::encode(&external)?;
        let mut require = vec![Precondition::Absent(EntityRef::Record(external.kind, external.key.clone()))];
        let of_identifier =
            |identifier: &Identifier| Precondition::Absent(EntityRef::Identifier(identifier.key.clone()));
        require.extend(account.identifiers.iter().map(of_identifier));
        let external_key = external.key.clone();
        let mut writes = vec![Write::PutRecord(external), Write::PutAccount(account)];
        if let Some(hash) = &parsed.password {
            let credential = PasswordFactor::credential(ports, id, &hash.to_hash())?;
            writes.push(Write::PutCredential(credential));
        } else if parsed.ask_old_system {
            writes.push(Write::PutCredential(migration::marker(ports, id)?));
        }
        let password = parsed.password.as_ref().map(crate::password::foreign::ForeignHash::describe);
        Ok(Prepared { row, external_key, require, writes, event, password })
    }
}

impl fmt::Debug for Importer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Importer")
            .field("format", &self.format)
            .field("source", &self.source)
            .field("dry_run", &self.dry_run)
            .field("trust_addresses", &self.trust_addresses)
            .finish_non_exhaustive()
    }
}

/// A row that is to become an account.
struct Prepared {
    row: RawRow,
    external_key: String,
    require: Vec<Precondition>,
    writes: Vec<Write>,
    event: Event,
    password: Option<String>,
}

/// One run over one file.
struct Run<'a> {
    importer: &'a Importer,
    refusals: &'a mut dyn Refusals,
    checkpoint: ImportCheckpoint,
    /// The checkpoint's version in the store.
    version: Option<Version>,
    /// How many rows of the checkpoint are not committed yet.
    uncommitted: u64,
    pending: Vec<Prepared>,
    /// What the pending rows want to be the first of, and for a dry run what all rows wanted.
    wanted: HashSet<u64>,
}

impl<'a> Run<'a> {
    async fn begin(
        importer: &'a Importer,
        digest: [u8; 32],
        refusals: &'a mut dyn Refusals,
    ) -> Result<Self, ImportError> {
        let (source, format) = (&importer.source, importer.format.name());
        let input = TokenDigest::of_bytes(&[&digest, format.as_bytes(), b"\n", source.as_bytes()].concat());
        let known = if importer.dry_run { None } else { importer.stored_checkpoint(&input).await? };
        let version = known.as_ref().map(|known| known.version);
        let checkpoint = known.map_or_else(|| ImportCheckpoint::new(input, source), |known| known.value);
        refusals.resume(checkpoint.refusals).map_err(ImportError::Refusals)?;
        let (pending, wanted) = (Vec::new(), HashSet::new());
        Ok(Self { importer, refusals, checkpoint, version, uncommitted: 0, pending, wanted })
    }

    /// Takes one row, and commits when there are enough.
    async fn take(&mut self, row: RawRow) -> Result<(), ImportError> {
        let prepared = match self.importer.judge(&row) {
            Ok(parsed) => {
                for name in &parsed.ignored {
                    Tally::count(&mut self.checkpoint.tally.ignored, name);
                }
                Some(self.importer.prepare(row, parsed).await?)
            }
            Err(problem) => {
                self.refuse(&row, &problem)?;
                None
            }
        };
        if self.importer.dry_run {
            if let Some(prepared) = prepared {
                self.try_out(prepared).await?;
            }
            self.checkpoint.rows = self.checkpoint.rows.saturating_add(1);
            return Ok(());
        }
        if let Some(prepared) = prepared {
            let wants = wants(&prepared);
            // Two rows that want the same are told apart by the store, not inside one batch.
            if !self.fits(&prepared) || wants.iter().any(|it| self.wanted.contains(it)) {
                self.flush().await?;
            }
            self.wanted.extend(wants);
            self.pending.push(prepared);
        }
        self.checkpoint.rows = self.checkpoint.rows.saturating_add(1);
        self.uncommitted = self.uncommitted.saturating_add(1);
        if self.uncommitted >= Importer::MAX_ROWS {
            self.flush().await?;
        }
        Ok(())
    }

    fn fits(&self, next: &Prepared) -> bool {
        let all = || self.pending.iter().chain([next]);
        // One of each is the checkpoint's.
        let require: usize = 1 + all().map(|it| it.require.len()).sum::<usize>();
        let writes: usize = 1 + all().map(|it| it.writes.len()).sum::<usize>();
        require <= Batch::MAX_PRECONDITIONS && writes <= Batch::MAX_WRITES
    }

    /// Commits the pending rows with the checkpoint; those that conflict leave, and the others are tried again.
    async fn flush(&mut self) -> Result<(), ImportError> {
        if self.importer.dry_run {
            self.refusals.sync().map_err(ImportError::Refusals)?;
            return Ok(());
        }
        loop {
            self.checkpoint.refusals = self.refusals.sync().map_err(ImportError::Refusals)?;
            let mut next = self.checkpoint.clone();
            for prepared in &self.pending {
                next.tally.created = next.tally.created.saturating_add(1);
                let password = prepared.password.as_deref().unwrap_or("none");
                Tally::count(&mut next.tally.passwords, password);
            }
            match self.commit(&next).await? {
                Commit::Applied => {
                    self.version = Some(self.next_version());
                    self.checkpoint = next;
                    self.uncommitted = 0;
                    self.pending.clear();
                    self.wanted.clear();
                    if let Some(progress) = &self.importer.progress {
                        progress(&self.checkpoint);
                    }
                    return Ok(());
                }
                Commit::Conflict(conflict) => {
                    let at = self.row_of(conflict).ok_or(ImportError::Elsewhere)?;
                    let prepared = self.pending.remove(at);
                    self.settle(&prepared).await?;
                }
            }
        }
    }

    /// Commits the pending rows, and again while the store fails for the moment.
    ///
    /// A store may fail after it has committed, when its answer is lost. Then the next attempt conflicts, and the checkpoint,
    /// which is of the same commit, says whether this one or somebody else's was before it.
    async fn commit(&mut self, next: &ImportCheckpoint) -> Result<Commit, ImportError> {
        let importer = self.importer;
        let (ports, retry) = (&importer.ports, &importer.retry);
        let mut failed = 0_u32;
        loop {
            match ports.store().commit(self.batch(next)?).await {
                Ok(Commit::Conflict(_)) if failed > 0 && self.is_committed(next).await? => {
                    return Ok(Commit::Applied);
                }
                Ok(outcome) => return Ok(outcome),
                Err(error) => {
                    failed = failed.saturating_add(1);
                    retry.wait(ports.runtime().as_ref(), error, failed).await?;
                }
            }
        }
    }

    /// Whether the store has this checkpoint already.
    async fn is_committed(&mut self, next: &ImportCheckpoint) -> Result<bool, ImportError> {
        let stored = self.importer.stored_checkpoint(&next.input).await?;
        Ok(stored.is_some_and(|stored| stored.version == self.next_version() && stored.value == *next))
    }

    fn next_version(&self) -> Version {
        self.version.map_or(Version::FIRST, Version::next)
    }

    fn batch(&self, checkpoint: &ImportCheckpoint) -> Result<Batch, PortError> {
        let of_checkpoint = EntityRef::record::<ImportCheckpoint>(checkpoint.input.to_text());
        let batch = match self.version {
            Some(version) => Batch::new().require_version(of_checkpoint, version),
            None => Batch::new().require_absent(of_checkpoint),
        };
        let mut batch = batch.put(checkpoint)?;
        for prepared in &self.pending {
            batch = prepared.require.iter().cloned().fold(batch, Batch::require);
            batch = prepared.writes.iter().cloned().fold(batch, Batch::write);
            batch = batch.event(prepared.event.clone());
        }
        Ok(batch)
    }

    /// The pending row that a conflict is about; `None` when it is about the checkpoint.
    fn row_of(&self, conflict: Conflict) -> Option<usize> {
        let (position, lengths): (usize, Vec<usize>) = match conflict {
            Conflict::Precondition(position) => {
                (position, self.pending.iter().map(|it| it.require.len()).collect())
            }
            Conflict::Unique(position) => (position, self.pending.iter().map(|it| it.writes.len()).collect()),
        };
        let mut rest = position.checked_sub(1)?;
        lengths.into_iter().position(|length| {
            let here = rest < length;
            rest = rest.saturating_sub(length);
            here
        })
    }

    /// Says of a row that is not to become an account whether it did so before, or is refused.
    async fn settle(&mut self, prepared: &Prepared) -> Result<(), ImportError> {
        let kind = <ExternalAccount as crate::store::StoredRecord>::KIND;
        let importer = self.importer;
        let (store, retry) = (importer.ports.store(), &importer.retry);
        let known = || store.record(kind, &prepared.external_key);
        if retry.read(importer.ports.runtime().as_ref(), known).await?.is_some() {
            self.checkpoint.tally.existing = self.checkpoint.tally.existing.saturating_add(1);
            return Ok(());
        }
        self.refuse(&prepared.row, &RowProblem::Taken)
    }

    /// What a dry run finds out of a row that is fine by itself.
    async fn try_out(&mut self, prepared: Prepared) -> Result<(), ImportError> {
        let importer = self.importer;
        let wants = wants(&prepared);
        let repeated = wants.iter().any(|it| self.wanted.contains(it));
        let mut free = !repeated;
        for required in &prepared.require {
            let Precondition::Absent(EntityRef::Identifier(key)) = required else { continue };
            let (store, retry) = (importer.ports.store(), &importer.retry);
            let holder = || store.account_by_identifier(key);
            free = free && retry.read(importer.ports.runtime().as_ref(), holder).await?.is_none();
        }
        self.wanted.extend(wants);
        if !free {
            return self.settle(&prepared).await;
        }
        let tally = &mut self.checkpoint.tally;
        tally.created = tally.created.saturating_add(1);
        Tally::count(&mut tally.passwords, prepared.password.as_deref().unwrap_or("none"));
        Ok(())
    }

    fn refuse(&mut self, row: &RawRow, problem: &RowProblem) -> Result<(), ImportError> {
        let tally = &mut self.checkpoint.tally;
        tally.refused = tally.refused.saturating_add(1);
        Tally::count(&mut tally.codes, problem.code());
        self.refusals.record(row, problem).map_err(ImportError::Refusals)
    }
}

/// What a row wants to be the first of, as numbers: its external id and its identifiers.
fn wants(prepared: &Prepared) -> Vec<u64> {
    let number = |text: &str| {
        let [a, b, c, d, e, f, g, h, ..] = *TokenDigest::of(text).as_bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    };
    let identifiers = prepared.require.iter().filter_map(|required| match required {
        Precondition::Absent(EntityRef::Identifier(key)) => {
            Some(number(&format!("{}:{}", key.kind().as_str(), key.as_str())))
        }
        _ => None,
    });
    identifiers.chain([number(&prepared.external_key)]).collect()
}
