//! Roles and organizations of an import file.

use std::collections::BTreeSet;

use ciam_core::{
    account::IdentifierKey,
    actor::Actor,
    error::PortError,
    id::{AccountId, OrganizationId},
    organization::{OrganizationError, Organizations, RoleBook, RoleName, Slug},
    ports::Ports,
};

use super::{Done, Report};
use crate::{
    document::{KeyPath, Problem},
    import::{Import, MemberEntry, OrganizationEntry, RoleEntry},
};

/// Who imports.
const IMPORT: Actor = Actor::system("import");

/// Every member is an account of one of the files, or exists; every role means something.
pub(super) async fn check_members(
    ports: &Ports,
    import: &Import,
    imports: &[Import],
    problems: &mut Vec<Problem>,
) -> Result<(), PortError> {
    let email = |text: &str| IdentifierKey::email(text).ok();
    let imported: BTreeSet<_> =
        imports.iter().flat_map(|it| &it.content().accounts).filter_map(|it| email(&it.email)).collect();
    for (index, organization) in import.content().organizations.iter().enumerate() {
        let book = book_of(ports, organization, imports).await?;
        for (position, member) in organization.members.iter().enumerate() {
            let path = KeyPath::of("organizations").at(index).key("members").at(position);
            let names = member.roles.iter().filter_map(|it| RoleName::new(it.as_str()).ok());
            if let Some(unknown) = names.into_iter().find(|it| !book.knows(it)) {
                let message = format!("there is no role `{}`", unknown.as_str());
                problems.push(import.document().problem(&path.key("roles"), message));
            }
            let Some(key) = email(&member.email) else { continue };
            if imported.contains(&key) || ports.store().account_by_identifier(&key).await?.is_some() {
                continue;
            }
            problems
                .push(import.document().problem(&path.key("email"), "there is no account with this address"));
        }
    }
    Ok(())
}

/// The roles that an organization will have once everything is imported.
async fn book_of(
    ports: &Ports,
    entry: &OrganizationEntry,
    imports: &[Import],
) -> Result<RoleBook, PortError> {
    let organizations = Organizations::new(ports.clone());
    let known = ports.store().organization_by_slug(&entry.slug).await?.map(|found| found.value.id);
    let stored = organizations.role_book(known).await?;
    let imported = imports.iter().flat_map(|it| &it.content().roles).filter_map(|it| it.role().ok());
    Ok(RoleBook::new(stored.iter().cloned().chain(imported)))
}

/// Writes a role for every organization, where it differs.
pub(super) async fn apply_role(
    organizations: &Organizations,
    entry: &RoleEntry,
    report: &mut Report,
) -> Result<(), PortError> {
    let role = entry.role().map_err(PortError::permanent)?;
    let known = organizations.role_book(None).await?.get(&role.name).cloned();
    if known.as_ref() == Some(&role) {
        report.count(Done::Unchanged);
        return Ok(());
    }
    organizations.save_template(&IMPORT, role).await.map_err(failed)?;
    report.count(if known.is_some() { Done::Updated } else { Done::Created });
    Ok(())
}

/// Creates the organization or updates it where it differs, then its members.
pub(super) async fn apply(
    organizations: &Organizations,
    ports: &Ports,
    entry: &OrganizationEntry,
    report: &mut Report,
) -> Result<(), PortError> {
    let id = organization(organizations, ports, entry, report).await?;
    if let Some(policy) = &entry.policy {
        let policy = policy.policy().map_err(PortError::permanent)?;
        organizations.set_policy(&IMPORT, id, &policy).await.map_err(failed)?;
    }
    for member in &entry.members {
        report.count(membership(organizations, ports, id, member).await?);
    }
    Ok(())
}

async fn organization(
    organizations: &Organizations,
    ports: &Ports,
    entry: &OrganizationEntry,
    report: &mut Report,
) -> Result<OrganizationId, PortError> {
    if ports.store().organization_by_slug(&entry.slug).await?.is_none() {
        let slug = Slug::new(entry.slug.as_str()).map_err(PortError::permanent)?;
        match organizations.create(&IMPORT, slug, &entry.name, None).await {
            Ok(made) => {
                report.count(Done::Created);
                return Ok(made.id);
            }
            // Another node was faster.
            Err(OrganizationError::SlugTaken) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let found = ports.store().organization_by_slug(&entry.slug).await?;
    let found = found.ok_or_else(|| PortError::transient("an imported organization is gone"))?.value;
    if found.name == entry.name {
        report.count(Done::Unchanged);
    } else {
        organizations.rename(&IMPORT, found.id, &entry.name).await.map_err(failed)?;
        report.count(Done::Updated);
    }
    Ok(found.id)
}

async fn membership(
    organizations: &Organizations,
    ports: &Ports,
    organization: OrganizationId,
    entry: &MemberEntry,
) -> Result<Done, PortError> {
    let account = account(ports, entry).await?;
    let roles: BTreeSet<RoleName> =
        entry.roles.iter().filter_map(|it| RoleName::new(it.as_str()).ok()).collect();
    for _ in 0..super::RACES {
        match ports.store().membership(organization, account).await? {
            Some(found) if found.value.roles == roles => return Ok(Done::Unchanged),
            Some(_) => {
                organizations.set_roles(&IMPORT, organization, account, roles).await.map_err(failed)?;
                return Ok(Done::Updated);
            }
            None => match organizations.add_member(&IMPORT, organization, account, roles.clone()).await {
                Ok(_) => return Ok(Done::Created),
                // Another node was faster.
                Err(OrganizationError::AlreadyMember) => {}
                Err(error) => return Err(failed(error)),
            },
        }
    }
    Err(PortError::transient("an imported member kept changing"))
}

async fn account(ports: &Ports, entry: &MemberEntry) -> Result<AccountId, PortError> {
    let key = IdentifierKey::email(&entry.email).map_err(PortError::permanent)?;
    let found = ports.store().account_by_identifier(&key).await?;
    found.map(|it| it.value.id).ok_or_else(|| PortError::transient("an imported member is gone"))
}

/// What the library refuses is a defect of the file that only the store could show, such as the last owner's demotion.
fn failed(error: OrganizationError) -> PortError {
    match error {
        OrganizationError::Port(error) => error,
        OrganizationError::Busy => PortError::transient("an imported organization kept changing"),
        other => PortError::permanent(other),
    }
}
