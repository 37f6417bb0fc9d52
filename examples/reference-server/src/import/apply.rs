//! Makes true what import files say.
//!
//! Everything that can be refused was refused before the first write, but for what only the store knows. Each entry is
//! one commit, repeated when another node changes the same thing at the same time, so several nodes may start with the
//! same file at once.

mod accounts;
mod clients;
mod organizations;
mod webhooks;

use std::{fmt, future::Future};

use ciam_core::{
    error::PortError,
    organization::Organizations,
    password::PasswordFactor,
    ports::Ports,
    store::{Batch, Commit},
};
use ciam_oauth::client::Clients;

use super::Import;
use crate::document::Problem;

/// How much an import changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that did not exist.
    pub created: usize,
    /// Entries that differed.
    pub updated: usize,
    /// Entries that were as the file says.
    pub unchanged: usize,
}

impl Report {
    fn count(&mut self, done: Done) {
        match done {
            Done::Created => self.created += 1,
            Done::Updated => self.updated += 1,
            Done::Unchanged => self.unchanged += 1,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} created, {} updated, {} unchanged", self.created, self.updated, self.unchanged)
    }
}

/// What happened to one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    Created,
    Updated,
    Unchanged,
}

/// An import that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// An entry cannot be: the file is refused, and nothing of it was written.
    #[error("{}", lines(.0))]
    Refused(Vec<Problem>),
    /// A port failed. What was written stays; the next start goes on.
    #[error("the import cannot be stored")]
    Port(#[from] PortError),
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Applies several files, in order, after all of them were checked against the store.
///
/// # Errors
///
/// An entry cannot be, or a port fails.
pub async fn apply(
    ports: &Ports,
    password: &PasswordFactor,
    clients: &Clients,
    imports: &[Import],
) -> Result<Report, ImportError> {
    let mut problems = Vec::new();
    let schema = super::attribute_schema(imports);
    let (mut registrations, mut people, mut hooks) = (Vec::new(), Vec::new(), Vec::new());
    for import in imports {
        registrations.extend(clients::plan(ports, clients, import, &mut problems).await?);
        people.extend(accounts::plan(ports, password, import, &schema, &mut problems).await?);
        hooks.extend(webhooks::plan(ports, import, &mut problems));
        organizations::check_members(ports, import, imports, &mut problems).await?;
    }
    if !problems.is_empty() {
        return Err(ImportError::Refused(problems));
    }
    let mut report = Report::default();
    for client in registrations {
        report.count(clients::apply(clients, client).await?);
    }
    for account in people {
        report.count(accounts::apply(ports, password, account).await?);
    }
    let service = Organizations::new(ports.clone());
    for role in imports.iter().flat_map(|it| &it.content().roles) {
        organizations::apply_role(&service, role, &mut report).await?;
    }
    for organization in imports.iter().flat_map(|it| &it.content().organizations) {
        organizations::apply(&service, ports, organization, &mut report).await?;
    }
    for webhook in hooks {
        report.count(webhooks::apply(ports, &webhook).await?);
    }
    Ok(report)
}

/// Decides from what is stored and commits, again and again while somebody else is faster.
async fn settle<F, Fut>(ports: &Ports, mut decide: F) -> Result<Done, PortError>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<(Batch, Done), PortError>> + Send,
{
    for _ in 0..RACES {
        let (batch, done) = decide().await?;
        if done == Done::Unchanged {
            return Ok(done);
        }
        match ports.store().commit(batch).await? {
            Commit::Applied => return Ok(done),
            Commit::Conflict(_) => {}
        }
    }
    Err(PortError::transient("an imported entry kept changing"))
}

const RACES: usize = 8;

#[cfg(test)]
mod tests;
