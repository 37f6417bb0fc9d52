//! What can be wrong with a store, and which clause says so.

use super::alter::{ALTERATIONS, Alteration, OUTBOX_ALTERATIONS, OutboxAlteration};
use crate::store::{EntityRef, Write};

/// One wrong decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    Alters(Alteration),
    AltersOutbox(OutboxAlteration),
    WrongName,
    ReadCrosses(Read),
    WriteCrosses(Kind),
    DeleteCrosses(Kind),
    VersionCrosses(Kind),
    CounterCrosses(Kind),
    IdentifierCrosses,
    SlugCrosses,
    IndexCrosses,
    ClaimCrosses,
    AcknowledgeCrosses,
    PruneCrosses,
    CountsByTwo(Kind),
    CountsBatches,
    ResumesAfterDeletion(Kind),
    ResumesAfterExpiry(Kind),
    IgnoresAbsent(Kind),
    IgnoresNewerVersions(Kind),
    AbsentIsVersionZero(Kind),
    BelowOrEqual,
    EverythingHasACounter,
    NamesLastCondition,
    CountsConditionsFromOne,
    AppliesRefused(Kind),
    DeletesRefused(Kind),
    KeepsBeforeTaken(Kind),
    DeletesFirst,
    DeletesLast,
    RefusesToDeleteAbsent(Kind),
    NoWriteLimit,
    NoPreconditionLimit,
    LowerLimit,
    LimitIsTransient,
    CutsAtLimit,
    PublishesLater,
    StaysBusy,
    WritesOneByOne,
    UnverifiedIsFree,
    ChecksNewAccountsOnly,
    IdentifierInBatchIsFree,
    ChecksBeforeTheBatch,
    ChecksAfterTheBatch,
    NeverFreesIdentifiers,
    SlugInBatchIsFree,
    NeverFreesSlugs,
    IndexInBatchIsFree,
    ChecksNewRecordsOnly,
    NeverFreesRewritten,
    NeverFreesDeleted,
    ExpiredOwnerBlocks,
    IndexesShareValues,
    KindsShareValues,
    TakenNamesFirstWrite,
    FindsVerifiedOnly,
    FindsFormerIdentifiers,
    FindsFormerSlugs,
    CredentialsOfOthers,
    SessionsOfOthers,
    CutsCredentials,
    UnorderedCredentials,
    FindsFirstValueOnly,
    FindsFormerValues,
    UndeclaredIndexIsEmpty,
    FoldsKeys,
    FoldsIndexValues,
    FoldsIdentifiers,
    MixesRecordKinds,
    MixesIndexes,
    MixesIdentifierKinds,
    OddSlugIsAnError,
    CachesAccounts,
    IgnoresQueries,
    CountsTheWindow,
    IgnoresSkips,
    UndeclaredIsFalse,
    ReadsAtTheEnd(Kind),
    ReadsExpired(Kind),
    ListsExpired(Read),
    RequiresExpired(Kind),
    ExpiredIsPresent(Kind),
    CountsExpired,
    ForgetsOldRecords,
    SkipsAtBoundary(Read),
    RepeatsAtBoundary(Read),
    Unordered(Read),
    AtLeastThree,
    FullPagesHaveANext,
    FoldsOrder,
    CountsOffsets(Read),
    ShortCursors,
    PublishesRefused,
    PublishesTaken,
    OrdersBySubject,
    IgnoresSubjects,
    MixesSubjects,
    HalvesLeases,
    NeverAgain,
    CountsNoAttempts,
    AcknowledgesSome,
    AcknowledgesInTimeOnly,
    UnknownIdIsAnError,
    ZeroIsNoLimit,
    PrunesBeforeOnly,
    PrunesUpToNow,
    PrunesLive,
    PrunesWithoutLimit,
    Races(Aspect),
    LosesOverwrites,
    ReportsDeadlocks,
    ClaimsTwice,
}

/// What a fault concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Account,
    Identifier,
    Credential,
    Organization,
    Membership,
    Session,
    Record,
}

impl Kind {
    pub(super) const fn of(entity: &EntityRef) -> Self {
        match entity {
            EntityRef::Account(_) => Self::Account,
            EntityRef::Identifier(_) => Self::Identifier,
            EntityRef::Credential(_) => Self::Credential,
            EntityRef::Organization(_) => Self::Organization,
            EntityRef::Membership(..) => Self::Membership,
            EntityRef::Session(_) => Self::Session,
            EntityRef::Record(..) => Self::Record,
        }
    }
}

/// What a write writes, and whether it deletes it.
pub(super) fn target(write: &Write) -> (EntityRef, bool) {
    match write {
        Write::PutAccount(account) => (EntityRef::Account(account.id), false),
        Write::PutCredential(credential) => (EntityRef::Credential(credential.id), false),
        Write::DeleteCredential(id) => (EntityRef::Credential(*id), true),
        Write::PutOrganization(organization) => (EntityRef::Organization(organization.id), false),
        Write::PutMembership(membership) => {
            (EntityRef::Membership(membership.organization, membership.account), false)
        }
        Write::DeleteMembership(organization, account) => {
            (EntityRef::Membership(*organization, *account), true)
        }
        Write::PutSession(session) => (EntityRef::Session(session.id), false),
        Write::DeleteSession(id) => (EntityRef::Session(*id), true),
        Write::PutRecord(record) => (EntityRef::Record(record.kind, record.key.clone()), false),
        Write::DeleteRecord(kind, key) => (EntityRef::Record(*kind, key.clone()), true),
    }
}

/// The reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Account,
    AccountByIdentifier,
    Accounts,
    CredentialsOf,
    Organization,
    OrganizationBySlug,
    Organizations,
    Membership,
    MembersOf,
    MembershipsOf,
    Session,
    SessionsOf,
    Record,
    Records,
    RecordsBy,
}

/// What a commit checks before its transaction instead of in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aspect {
    Absent,
    Version,
    Counter,
    Identifier,
    Slug,
    Index,
    VersionOfAnother,
    AbsenceOfAnother,
}

/// Every fault, with the clause that it breaks.
pub(super) fn faults() -> impl Iterator<Item = (Fault, &'static str)> {
    let alters = ALTERATIONS.iter().map(|alteration| (Fault::Alters(*alteration), alteration.breaks));
    let outbox =
        OUTBOX_ALTERATIONS.iter().map(|alteration| (Fault::AltersOutbox(*alteration), "outbox.delivers"));
    let lists =
        [TENANCY, VERSIONS, PRECONDITIONS, COMMITS, UNIQUENESS, READS, EXPIRY, PAGES, OUTBOX, PRUNE, RACES];
    alters.chain(outbox).chain(lists.into_iter().flatten().copied())
}

type Faults = &'static [(Fault, &'static str)];

const TENANCY: Faults = &[
    (Fault::WrongName, "tenant.name"),
    (Fault::ReadCrosses(Read::Account), "tenant.reads"),
    (Fault::ReadCrosses(Read::AccountByIdentifier), "tenant.reads"),
    (Fault::ReadCrosses(Read::Accounts), "tenant.reads"),
    (Fault::ReadCrosses(Read::CredentialsOf), "tenant.reads"),
    (Fault::ReadCrosses(Read::Organization), "tenant.reads"),
    (Fault::ReadCrosses(Read::OrganizationBySlug), "tenant.reads"),
    (Fault::ReadCrosses(Read::Organizations), "tenant.reads"),
    (Fault::ReadCrosses(Read::Membership), "tenant.reads"),
    (Fault::ReadCrosses(Read::MembersOf), "tenant.reads"),
    (Fault::ReadCrosses(Read::MembershipsOf), "tenant.reads"),
    (Fault::ReadCrosses(Read::Session), "tenant.reads"),
    (Fault::ReadCrosses(Read::SessionsOf), "tenant.reads"),
    (Fault::ReadCrosses(Read::Record), "tenant.reads"),
    (Fault::ReadCrosses(Read::Records), "tenant.reads"),
    (Fault::ReadCrosses(Read::RecordsBy), "tenant.reads"),
    (Fault::WriteCrosses(Kind::Account), "tenant.writes"),
    (Fault::WriteCrosses(Kind::Credential), "tenant.writes"),
    (Fault::WriteCrosses(Kind::Organization), "tenant.writes"),
    (Fault::WriteCrosses(Kind::Membership), "tenant.writes"),
    (Fault::WriteCrosses(Kind::Session), "tenant.writes"),
    (Fault::WriteCrosses(Kind::Record), "tenant.writes"),
    (Fault::DeleteCrosses(Kind::Credential), "tenant.writes"),
    (Fault::DeleteCrosses(Kind::Membership), "tenant.writes"),
    (Fault::DeleteCrosses(Kind::Session), "tenant.writes"),
    (Fault::DeleteCrosses(Kind::Record), "tenant.writes"),
    (Fault::VersionCrosses(Kind::Account), "tenant.preconditions"),
    (Fault::VersionCrosses(Kind::Identifier), "tenant.preconditions"),
    (Fault::VersionCrosses(Kind::Credential), "tenant.preconditions"),
    (Fault::VersionCrosses(Kind::Organization), "tenant.preconditions"),
    (Fault::VersionCrosses(Kind::Membership), "tenant.preconditions"),
    (Fault::VersionCrosses(Kind::Session), "tenant.preconditions"),
    (Fault::VersionCrosses(Kind::Record), "tenant.preconditions"),
    (Fault::CounterCrosses(Kind::Credential), "tenant.preconditions"),
    (Fault::CounterCrosses(Kind::Record), "tenant.preconditions"),
    (Fault::IdentifierCrosses, "tenant.uniqueness"),
    (Fault::SlugCrosses, "tenant.uniqueness"),
    (Fault::IndexCrosses, "tenant.uniqueness"),
    (Fault::ClaimCrosses, "tenant.outbox"),
    (Fault::AcknowledgeCrosses, "tenant.outbox"),
    (Fault::PruneCrosses, "tenant.prune"),
];

const VERSIONS: Faults = &[
    (Fault::CountsByTwo(Kind::Account), "version.counts"),
    (Fault::CountsByTwo(Kind::Credential), "version.counts"),
    (Fault::CountsByTwo(Kind::Organization), "version.counts"),
    (Fault::CountsByTwo(Kind::Membership), "version.counts"),
    (Fault::CountsByTwo(Kind::Session), "version.counts"),
    (Fault::CountsByTwo(Kind::Record), "version.counts"),
    (Fault::CountsBatches, "version.counts"),
    (Fault::ResumesAfterDeletion(Kind::Credential), "version.after_deletion"),
    (Fault::ResumesAfterDeletion(Kind::Membership), "version.after_deletion"),
    (Fault::ResumesAfterDeletion(Kind::Session), "version.after_deletion"),
    (Fault::ResumesAfterDeletion(Kind::Record), "version.after_deletion"),
    (Fault::ResumesAfterExpiry(Kind::Session), "version.after_expiry"),
    (Fault::ResumesAfterExpiry(Kind::Record), "version.after_expiry"),
];

const PRECONDITIONS: Faults = &[
    (Fault::IgnoresAbsent(Kind::Account), "require.absent"),
    (Fault::IgnoresAbsent(Kind::Identifier), "require.absent"),
    (Fault::IgnoresAbsent(Kind::Credential), "require.absent"),
    (Fault::IgnoresAbsent(Kind::Organization), "require.absent"),
    (Fault::IgnoresAbsent(Kind::Membership), "require.absent"),
    (Fault::IgnoresAbsent(Kind::Session), "require.absent"),
    (Fault::IgnoresNewerVersions(Kind::Account), "require.version"),
    (Fault::IgnoresNewerVersions(Kind::Identifier), "require.version"),
    (Fault::IgnoresNewerVersions(Kind::Credential), "require.version"),
    (Fault::IgnoresNewerVersions(Kind::Organization), "require.version"),
    (Fault::IgnoresNewerVersions(Kind::Membership), "require.version"),
    (Fault::IgnoresNewerVersions(Kind::Session), "require.version"),
    (Fault::AbsentIsVersionZero(Kind::Account), "require.version"),
    (Fault::AbsentIsVersionZero(Kind::Record), "require.version"),
    (Fault::BelowOrEqual, "require.counter"),
    (Fault::EverythingHasACounter, "require.counter"),
    (Fault::NamesLastCondition, "require.position"),
    (Fault::CountsConditionsFromOne, "require.position"),
];

const COMMITS: Faults = &[
    (Fault::AppliesRefused(Kind::Account), "commit.refused_by_precondition"),
    (Fault::AppliesRefused(Kind::Organization), "commit.refused_by_precondition"),
    (Fault::AppliesRefused(Kind::Membership), "commit.refused_by_precondition"),
    (Fault::AppliesRefused(Kind::Session), "commit.refused_by_precondition"),
    (Fault::DeletesRefused(Kind::Credential), "commit.refused_by_precondition"),
    (Fault::DeletesRefused(Kind::Membership), "commit.refused_by_precondition"),
    (Fault::DeletesRefused(Kind::Session), "commit.refused_by_precondition"),
    (Fault::DeletesRefused(Kind::Record), "commit.refused_by_precondition"),
    (Fault::KeepsBeforeTaken(Kind::Account), "commit.refused_by_uniqueness"),
    (Fault::KeepsBeforeTaken(Kind::Credential), "commit.refused_by_uniqueness"),
    (Fault::KeepsBeforeTaken(Kind::Organization), "commit.refused_by_uniqueness"),
    (Fault::KeepsBeforeTaken(Kind::Membership), "commit.refused_by_uniqueness"),
    (Fault::KeepsBeforeTaken(Kind::Session), "commit.refused_by_uniqueness"),
    (Fault::KeepsBeforeTaken(Kind::Record), "commit.refused_by_uniqueness"),
    (Fault::DeletesFirst, "commit.order"),
    (Fault::DeletesLast, "commit.order"),
    (Fault::RefusesToDeleteAbsent(Kind::Credential), "commit.deletes_absent"),
    (Fault::RefusesToDeleteAbsent(Kind::Membership), "commit.deletes_absent"),
    (Fault::RefusesToDeleteAbsent(Kind::Session), "commit.deletes_absent"),
    (Fault::NoWriteLimit, "commit.limits"),
    (Fault::NoPreconditionLimit, "commit.limits"),
    (Fault::LowerLimit, "commit.limits"),
    (Fault::LimitIsTransient, "commit.limits"),
    (Fault::CutsAtLimit, "commit.limits"),
    (Fault::PublishesLater, "commit.cancelled"),
    (Fault::StaysBusy, "commit.cancelled"),
    (Fault::WritesOneByOne, "commit.never_half_seen"),
];

const UNIQUENESS: Faults = &[
    (Fault::UnverifiedIsFree, "unique.identifier"),
    (Fault::ChecksNewAccountsOnly, "unique.identifier"),
    (Fault::IdentifierInBatchIsFree, "unique.identifier_in_batch"),
    (Fault::ChecksBeforeTheBatch, "unique.identifier_moves"),
    (Fault::ChecksAfterTheBatch, "unique.identifier_moves"),
    (Fault::NeverFreesIdentifiers, "unique.identifier_moves"),
    (Fault::SlugInBatchIsFree, "unique.slug"),
    (Fault::NeverFreesSlugs, "unique.slug"),
    (Fault::IndexInBatchIsFree, "unique.index"),
    (Fault::ChecksNewRecordsOnly, "unique.index"),
    (Fault::NeverFreesRewritten, "unique.index_freed"),
    (Fault::NeverFreesDeleted, "unique.index_freed"),
    (Fault::ExpiredOwnerBlocks, "unique.index_expired"),
    (Fault::IndexesShareValues, "unique.scope"),
    (Fault::KindsShareValues, "unique.scope"),
    (Fault::TakenNamesFirstWrite, "unique.position"),
];

const READS: Faults = &[
    (Fault::FindsVerifiedOnly, "read.by_identifier"),
    (Fault::FindsFormerIdentifiers, "read.by_identifier"),
    (Fault::FindsFormerSlugs, "read.by_slug"),
    (Fault::CredentialsOfOthers, "read.of_owner"),
    (Fault::SessionsOfOthers, "read.of_owner"),
    (Fault::CutsCredentials, "read.credentials"),
    (Fault::UnorderedCredentials, "read.credentials"),
    (Fault::FindsFirstValueOnly, "read.by_index"),
    (Fault::FindsFormerValues, "read.by_index"),
    (Fault::UndeclaredIndexIsEmpty, "read.undeclared_index"),
    (Fault::FoldsKeys, "read.exact"),
    (Fault::FoldsIndexValues, "read.exact"),
    (Fault::FoldsIdentifiers, "read.exact"),
    (Fault::MixesRecordKinds, "read.kinds"),
    (Fault::MixesIndexes, "read.kinds"),
    (Fault::MixesIdentifierKinds, "read.kinds"),
    (Fault::OddSlugIsAnError, "read.odd_slug"),
    (Fault::CachesAccounts, "read.fresh"),
    (Fault::IgnoresQueries, "count.matches"),
    (Fault::CountsTheWindow, "count.window"),
    (Fault::IgnoresSkips, "count.window"),
    (Fault::UndeclaredIsFalse, "count.refused"),
];

const EXPIRY: Faults = &[
    (Fault::ReadsAtTheEnd(Kind::Session), "expiry.reads"),
    (Fault::ReadsAtTheEnd(Kind::Record), "expiry.reads"),
    (Fault::ReadsExpired(Kind::Session), "expiry.reads"),
    (Fault::ReadsExpired(Kind::Record), "expiry.reads"),
    (Fault::ListsExpired(Read::SessionsOf), "expiry.lists"),
    (Fault::ListsExpired(Read::Records), "expiry.lists"),
    (Fault::ListsExpired(Read::RecordsBy), "expiry.lists"),
    (Fault::RequiresExpired(Kind::Session), "expiry.preconditions"),
    (Fault::RequiresExpired(Kind::Record), "expiry.preconditions"),
    (Fault::ExpiredIsPresent(Kind::Session), "expiry.preconditions"),
    (Fault::ExpiredIsPresent(Kind::Record), "expiry.preconditions"),
    (Fault::CountsExpired, "expiry.preconditions"),
    (Fault::ForgetsOldRecords, "expiry.never"),
];

const PAGES: Faults = &[
    (Fault::SkipsAtBoundary(Read::Accounts), "page.once"),
    (Fault::SkipsAtBoundary(Read::Organizations), "page.once"),
    (Fault::SkipsAtBoundary(Read::MembersOf), "page.once"),
    (Fault::SkipsAtBoundary(Read::MembershipsOf), "page.once"),
    (Fault::SkipsAtBoundary(Read::SessionsOf), "page.once"),
    (Fault::RepeatsAtBoundary(Read::Accounts), "page.once"),
    (Fault::RepeatsAtBoundary(Read::Organizations), "page.once"),
    (Fault::RepeatsAtBoundary(Read::MembersOf), "page.once"),
    (Fault::RepeatsAtBoundary(Read::MembershipsOf), "page.once"),
    (Fault::RepeatsAtBoundary(Read::SessionsOf), "page.once"),
    (Fault::Unordered(Read::Accounts), "page.once"),
    (Fault::Unordered(Read::Organizations), "page.once"),
    (Fault::Unordered(Read::MembersOf), "page.once"),
    (Fault::Unordered(Read::MembershipsOf), "page.once"),
    (Fault::Unordered(Read::SessionsOf), "page.once"),
    (Fault::Unordered(Read::RecordsBy), "page.once"),
    (Fault::AtLeastThree, "page.limit"),
    (Fault::FullPagesHaveANext, "page.end"),
    (Fault::FoldsOrder, "page.byte_order"),
    (Fault::CountsOffsets(Read::Records), "page.changes"),
    (Fault::CountsOffsets(Read::RecordsBy), "page.changes"),
    (Fault::ShortCursors, "page.long_keys"),
];

const OUTBOX: Faults = &[
    (Fault::PublishesRefused, "outbox.refused"),
    (Fault::PublishesTaken, "outbox.refused"),
    (Fault::OrdersBySubject, "outbox.order"),
    (Fault::IgnoresSubjects, "outbox.subject"),
    (Fault::MixesSubjects, "outbox.others"),
    (Fault::HalvesLeases, "outbox.lease"),
    (Fault::NeverAgain, "outbox.redelivery"),
    (Fault::CountsNoAttempts, "outbox.redelivery"),
    (Fault::AcknowledgesSome, "outbox.acknowledge"),
    (Fault::AcknowledgesInTimeOnly, "outbox.acknowledge"),
    (Fault::UnknownIdIsAnError, "outbox.acknowledge_ignores"),
    (Fault::ZeroIsNoLimit, "outbox.limit"),
];

const PRUNE: Faults = &[
    (Fault::PrunesBeforeOnly, "prune.removes"),
    (Fault::PrunesUpToNow, "prune.keeps_later"),
    (Fault::PrunesLive, "prune.keeps_live"),
    (Fault::PrunesWithoutLimit, "prune.limit"),
];

const RACES: Faults = &[
    (Fault::Races(Aspect::Absent), "race.absent"),
    (Fault::Races(Aspect::Version), "race.version"),
    (Fault::Races(Aspect::Counter), "race.counter"),
    (Fault::Races(Aspect::Identifier), "race.identifier"),
    (Fault::Races(Aspect::Slug), "race.slug"),
    (Fault::Races(Aspect::Index), "race.index"),
    (Fault::Races(Aspect::VersionOfAnother), "race.version_of_another"),
    (Fault::Races(Aspect::AbsenceOfAnother), "race.absence_of_another"),
    (Fault::LosesOverwrites, "race.overwrite"),
    (Fault::ReportsDeadlocks, "race.opposite_order"),
    (Fault::ClaimsTwice, "race.outbox"),
];
