//! Which versions a person must accept.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::model::{DocumentName, Reacceptance, TermsAcceptance, TermsCatalogue, TermsVersion};

/// A version that a person is to accept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TermsDue {
    /// What is to be accepted.
    pub version: TermsVersion,
    /// Whether the person accepted an older version of the document.
    pub again: bool,
    /// Until when the person may go on without; `None`: not at all.
    #[serde(with = "time::serde::rfc3339::option")]
    pub postponable_until: Option<OffsetDateTime>,
}

impl TermsDue {
    /// Whether the person cannot go on before they accept.
    #[must_use]
    pub const fn is_blocking(&self) -> bool {
        self.postponable_until.is_none()
    }
}

/// What a person who accepted these versions is to accept now, one version for each document, by document.
///
/// The rule, for each document: the *current* version is the one that came into force last. A person who never accepted
/// any version is to accept the current one. A person who did must accept it when a version that needs re-acceptance
/// came into force after the newest one that they accepted; they may postpone that when every such version says until when
/// and none of these times has come.
#[must_use]
pub fn due(catalogue: &TermsCatalogue, accepted: &[TermsAcceptance], now: OffsetDateTime) -> Vec<TermsDue> {
    let documents: BTreeSet<&DocumentName> =
        catalogue.versions().iter().map(|version| &version.document).collect();
    documents.into_iter().filter_map(|document| due_of(catalogue, document, accepted, now)).collect()
}

fn due_of(
    catalogue: &TermsCatalogue,
    document: &DocumentName,
    accepted: &[TermsAcceptance],
    now: OffsetDateTime,
) -> Option<TermsDue> {
    // Published later counts as newer where two came into force at the same moment, so the sort is stable.
    let mut versions: Vec<&TermsVersion> =
        catalogue.versions().iter().filter(|version| version.document == *document).collect();
    versions.sort_by_key(|version| version.in_force_from);
    let has = |version: &TermsVersion| {
        accepted.iter().any(|one| one.document == *document && one.version == version.version)
    };
    let newest_accepted = versions.iter().rposition(|version| has(version));
    let in_force = versions.iter().filter(|version| version.in_force_from <= now).count();
    let current = versions.get(in_force.checked_sub(1)?)?;
    let Some(newest_accepted) = newest_accepted else {
        // Who accepted a version that is no longer in the catalogue has accepted the document before.
        let again = accepted.iter().any(|one| one.document == *document);
        return Some(TermsDue { version: (*current).clone(), again, postponable_until: None });
    };
    let missed = versions.get(newest_accepted.saturating_add(1)..in_force).unwrap_or_default();
    let deadlines: Vec<Option<OffsetDateTime>> = missed
        .iter()
        .filter_map(|version| match version.reacceptance {
            Reacceptance::NotNeeded => None,
            Reacceptance::Needed { by } => Some(by.filter(|by| now < *by)),
        })
        .collect();
    if deadlines.is_empty() {
        return None;
    }
    // One that cannot be postponed decides.
    let all: Option<Vec<OffsetDateTime>> = deadlines.into_iter().collect();
    let postponable_until = all.and_then(|all| all.into_iter().min());
    Some(TermsDue { version: (*current).clone(), again: true, postponable_until })
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::super::model::{AcceptedHow, TermsText};
    use super::*;
    use crate::id::AccountId;

    const T0: OffsetDateTime = datetime!(2026-01-01 0:00 UTC);

    fn document() -> DocumentName {
        DocumentName::new("tos").unwrap()
    }

    fn version(name: &str, day: i64, reacceptance: Reacceptance) -> TermsVersion {
        TermsVersion::new(document(), name, T0 + Duration::days(day)).with_reacceptance(reacceptance)
    }

    fn accepted(name: &str) -> TermsAcceptance {
        TermsAcceptance {
            account: AccountId::from_uuid(uuid::Uuid::nil()),
            document: document(),
            version: name.to_owned(),
            locale: None,
            digest: None,
            how: AcceptedHow::SignIn,
            accepted_at: T0,
        }
    }

    /// What is due on a day: the version, whether it blocks.
    fn on(catalogue: &TermsCatalogue, names: &[&str], day: i64) -> Option<(String, bool)> {
        let accepted: Vec<_> = names.iter().map(|name| accepted(name)).collect();
        let mut due = due(catalogue, &accepted, T0 + Duration::days(day));
        due.pop().map(|due| (due.version.version.clone(), due.is_blocking()))
    }

    #[test]
    fn nothing_is_due_without_a_version_in_force() {
        assert_eq!(on(&TermsCatalogue::default(), &[], 0), None);
        let later = TermsCatalogue::default().with(version("1", 10, Reacceptance::Needed { by: None }));
        assert_eq!(on(&later, &[], 9), None);
        assert_eq!(on(&later, &[], 10), Some(("1".to_owned(), true)));
    }

    #[test]
    fn who_accepted_is_asked_again_only_for_a_version_that_needs_it() {
        let needed = Reacceptance::Needed { by: None };
        let catalogue = TermsCatalogue::default()
            .with(version("1", 0, needed))
            .with(version("1.1", 10, Reacceptance::NotNeeded))
            .with(version("2", 20, needed))
            .with(version("2.1", 30, Reacceptance::NotNeeded));
        for (names, day, expected) in [
            (&[][..], 15, Some("1.1")),
            (&["1"], 15, None),
            (&["1"], 20, Some("2")),
            // The missed version is the reason, the current one is what is shown.
            (&["1"], 35, Some("2.1")),
            (&["2"], 35, None),
            (&["2.1"], 35, None),
            // Accepted before it came into force.
            (&["2"], 15, None),
            // A version that nobody knows any more is an acceptance of the document, and not of this version.
            (&["0"], 15, Some("1.1")),
        ] {
            let found = on(&catalogue, names, day);
            assert_eq!(found, expected.map(|name| (name.to_owned(), true)), "{names:?} on day {day}");
        }
    }

    #[test]
    fn a_person_may_postpone_until_the_first_deadline() {
        let by = |day: i64| Reacceptance::Needed { by: Some(T0 + Duration::days(day)) };
        let catalogue = TermsCatalogue::default()
            .with(version("1", 0, by(1)))
            .with(version("2", 10, by(40)))
            .with(version("3", 20, by(30)));
        assert_eq!(on(&catalogue, &["1"], 25), Some(("3".to_owned(), false)));
        assert_eq!(on(&catalogue, &["1"], 30), Some(("3".to_owned(), true)), "the deadline of 3");
        assert_eq!(
            on(&catalogue, &[], 5),
            Some(("1".to_owned(), true)),
            "a new person has nothing to postpone"
        );
    }

    #[test]
    fn the_text_is_in_the_language_that_the_person_reads_best() {
        let version = version("1", 0, Reacceptance::NotNeeded)
            .with_text("de", TermsText::of("ja"))
            .with_text("en-GB", TermsText::of("yes"));
        let shown = |tags: &[&str]| {
            let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
            version.text_for(&tags).map(|(locale, _)| locale.to_owned())
        };
        assert_eq!(shown(&["en-US", "de"]).as_deref(), Some("en-GB"));
        assert_eq!(shown(&["fr", "DE-at"]).as_deref(), Some("de"));
        assert_eq!(shown(&["fr"]).as_deref(), Some("de"));
    }
}
