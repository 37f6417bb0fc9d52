//! Organizations: those of the account, and the administration of one.
//!
//! What the console does, by the same rules: an organization that the caller does not belong to is not there,
//! and a sign-in that does not meet its policy is asked for more.

mod own;
mod people;
mod rules;

use ciam_core::{
    actor::Actor,
    id::OrganizationId,
    organization::{ActingError, OrganizationError, RoleName, SignInFacts},
};

use super::{Caller, Code, Problem, Resource};
use crate::app::App;

pub(super) fn resources() -> Vec<Resource> {
    vec![own::resource(), people::resource(), rules::resource()]
}

/// The actor and the organization of a call, if the caller may act for it at all.
async fn place(app: &App, caller: &Caller, id: &str) -> Result<(Actor, OrganizationId), Problem> {
    let id: OrganizationId = id.parse().map_err(|_| Code::NotFound)?;
    let account = caller.viewer.account.value.id;
    let now = app.ports().now();
    let facts = SignInFacts::of_session(&caller.viewer.session.value, now);
    match app.services().organizations.admitted(id, account, &facts, now).await {
        Ok(_) => Ok((Actor::Account(account), id)),
        Err(error) => Err(refused(error)),
    }
}

/// Why nobody acts for an organization.
fn refused(error: ActingError) -> Problem {
    match error {
        ActingError::Demands(demand) => Problem::new(Code::StepUpRequired, demand.reasons.join(" ")),
        ActingError::Changed => Code::Conflict.into(),
        ActingError::Denied { .. } => Code::NotAllowed.into(),
        ActingError::Port(error) => error.into(),
        _ => Code::NotFound.into(),
    }
}

impl From<OrganizationError> for Problem {
    fn from(error: OrganizationError) -> Self {
        let code = error.code();
        match error {
            OrganizationError::Port(error) => error.into(),
            OrganizationError::Denied { .. } | OrganizationError::Grant(_) => {
                Self::new(Code::NotAllowed, code)
            }
            OrganizationError::LastOwner
            | OrganizationError::AlreadyMember
            | OrganizationError::SlugTaken
            | OrganizationError::DomainTaken
            | OrganizationError::Busy => Self::new(Code::Conflict, code),
            OrganizationError::Limited { retry_after } => {
                Self::slow_down(u64::try_from(retry_after.whole_seconds()).unwrap_or_default() + 1)
            }
            OrganizationError::Invalid(field) => Self::unacceptable([(field, "invalid")]),
            OrganizationError::Role(_) => Self::unacceptable([("role", code)]),
            OrganizationError::TooMany => Self::new(Code::Unacceptable, code),
            OrganizationError::DomainRefused => Self::unacceptable([("domain", code)]),
            OrganizationError::NotAdmitted => Self::unacceptable([("email", code)]),
            _ => Code::NotFound.into(),
        }
    }
}

/// Names of roles as they came.
fn role_names(
    names: impl IntoIterator<Item = String>,
) -> Result<std::collections::BTreeSet<RoleName>, Problem> {
    let names: Result<_, _> = names.into_iter().map(RoleName::new).collect();
    names.map_err(|_| Problem::unacceptable([("roles", "invalid")]))
}

fn texts<'a>(roles: impl IntoIterator<Item = &'a RoleName>) -> Vec<String> {
    roles.into_iter().map(|role| role.as_str().to_owned()).collect()
}

#[cfg(test)]
mod tests;
