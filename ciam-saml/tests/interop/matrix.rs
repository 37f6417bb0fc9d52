//! What was tried with whom, and how it went.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::peer::KINDS;

/// What the peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// A service provider; we are the identity provider.
    Service,
    /// An identity provider; we are the service provider.
    Provider,
}

impl Role {
    const fn title(self) -> &'static str {
        match self {
            Self::Service => "The peer is the service provider",
            Self::Provider => "The peer is the identity provider",
        }
    }
}

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Feature {
    ReadsOurs,
    IsRead,
    SignIn,
    SignedRedirect,
    SignedPost,
    Encrypted,
    Forged,
    TheyAskByRedirect,
    TheyAskByPost,
    WeAskByRedirect,
    WeAskByPost,
    Artifact,
    TheyAskDirectly,
    WeAskDirectly,
}

impl Feature {
    pub(crate) const ALL: [Self; 14] = [
        Self::ReadsOurs,
        Self::IsRead,
        Self::SignIn,
        Self::SignedRedirect,
        Self::SignedPost,
        Self::Encrypted,
        Self::Forged,
        Self::TheyAskByRedirect,
        Self::TheyAskByPost,
        Self::WeAskByRedirect,
        Self::WeAskByPost,
        Self::Artifact,
        Self::TheyAskDirectly,
        Self::WeAskDirectly,
    ];

    const fn title(self) -> &'static str {
        match self {
            Self::ReadsOurs => "it reads our metadata",
            Self::IsRead => "we read its metadata",
            Self::SignIn => "sign-in: redirect, and back by POST",
            Self::SignedRedirect => "signed request by redirect",
            Self::SignedPost => "signed request by POST",
            Self::Encrypted => "encrypted assertion",
            Self::Forged => "a changed assertion is refused",
            Self::TheyAskByRedirect => "logout, it asks by redirect",
            Self::TheyAskByPost => "logout, it asks by POST",
            Self::WeAskByRedirect => "logout, we ask by redirect",
            Self::WeAskByPost => "logout, we ask by POST",
            Self::Artifact => "sign-in, and back by artifact",
            Self::TheyAskDirectly => "logout, it asks from server to server",
            Self::WeAskDirectly => "logout, we ask from server to server",
        }
    }
}

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The peer cannot do it, and says why.
    Lacks(String),
    /// It should have worked.
    Failed(String),
}

impl Trouble {
    pub(crate) fn failed(what: &str, error: impl std::fmt::Debug) -> Self {
        Self::Failed(format!("{what}: {error:?}"))
    }
}

pub(crate) type Outcome = Result<(), Trouble>;

/// All of it.
#[derive(Default)]
pub(crate) struct Matrix {
    cells: BTreeMap<(Role, Feature, &'static str), Outcome>,
    versions: BTreeMap<&'static str, String>,
    skipped: BTreeSet<&'static str>,
}

impl Matrix {
    pub(crate) fn add(&mut self, peer: &'static str, role: Role, feature: Feature, outcome: Outcome) {
        self.cells.insert((role, feature, peer), outcome);
    }

    pub(crate) fn version(&mut self, peer: &'static str, version: String) {
        self.versions.insert(peer, version);
    }

    pub(crate) fn skip(&mut self, peer: &'static str) {
        self.skipped.insert(peer);
    }

    /// The tables, as the manual has them, and what is wrong with them.
    fn render(&self) -> (String, Vec<String>) {
        let (mut text, mut wrong, mut reasons) = (String::new(), Vec::new(), Vec::<String>::new());
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        for role in [Role::Service, Role::Provider] {
            let _ = writeln!(text, "# {}\n", role.title());
            let _ = writeln!(text, "| | {} |\n| --- |{}", names.join(" | "), " --- |".repeat(names.len()));
            for feature in Feature::ALL {
                let cells: Vec<String> = KINDS
                    .iter()
                    .map(|kind| match self.cells.get(&(role, feature, kind.name)) {
                        Some(Ok(())) => "yes".to_owned(),
                        Some(Err(Trouble::Lacks(why))) => {
                            let reason = format!("{} lacks it: {why}.", kind.name);
                            let at = reasons.iter().position(|known| *known == reason);
                            let at = at.unwrap_or_else(|| {
                                reasons.push(reason);
                                reasons.len() - 1
                            });
                            format!("no ({})", at + 1)
                        }
                        Some(Err(Trouble::Failed(why))) => {
                            wrong.push(format!("{} ({role:?}), {}: {why}", kind.name, feature.title()));
                            "FAILED".to_owned()
                        }
                        None => {
                            if !self.skipped.contains(kind.name) {
                                wrong.push(format!(
                                    "{} ({role:?}), {}: not tried",
                                    kind.name,
                                    feature.title()
                                ));
                            }
                            "not tried".to_owned()
                        }
                    })
                    .collect();
                let _ = writeln!(text, "| {} | {} |", feature.title(), cells.join(" | "));
            }
            text.push('\n');
        }
        for (at, reason) in reasons.iter().enumerate() {
            let _ = writeln!(text, "{}. {reason}", at + 1);
        }
        (text, wrong)
    }

    pub(crate) fn finish(self) {
        let (text, mut wrong) = self.render();
        println!("{text}");
        for (peer, version) in &self.versions {
            println!("{peer} {version}");
        }
        let count = |right: fn(&Outcome) -> bool| self.cells.values().filter(|it| right(it)).count();
        let works = count(|it| it.is_ok());
        let lacks = count(|it| matches!(it, Err(Trouble::Lacks(_))));
        let all = KINDS.len() * 2 * Feature::ALL.len();
        println!("interop: {} of {all} tried, {works} work, {lacks} the peer lacks", self.cells.len());
        if self.skipped.is_empty() && wrong.is_empty() && !in_manual(&text) {
            wrong.push("the manual has another table: src/manual/_03_interop.rs".to_owned());
        }
        for one in &wrong {
            println!("FAILED: {one}");
        }
        assert!(wrong.is_empty(), "{} of the table are wrong", wrong.len());
    }
}

/// Whether the manual says the same.
fn in_manual(text: &str) -> bool {
    let manual = include_str!("../../src/manual/_03_interop.rs");
    let lines: Vec<&str> = manual.lines().map(|line| line.trim_start_matches("//!").trim()).collect();
    lines.join("\n").contains(text.trim())
}
