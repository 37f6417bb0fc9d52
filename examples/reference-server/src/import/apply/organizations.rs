//! Organizations of an import file.

use std::collections::BTreeSet;

use ciam_core::{
    account::IdentifierKey,
    error::PortError,
    event::{Event, EventType},
    id::{AccountId, OrganizationId},
    organization::{Membership, Organization, RoleName, Slug},
    ports::Ports,
    store::{Batch, EntityRef, Write},
};

use super::{Done, Report, settle};
use crate::{
    document::{KeyPath, Problem},
    import::{Import, MemberEntry, OrganizationEntry},
};

/// Every member is an account of one of the files, or exists.
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
        for (position, member) in organization.members.iter().enumerate() {
            let Some(key) = email(&member.email) else { continue };
            if imported.contains(&key) || ports.store().account_by_identifier(&key).await?.is_some() {
                continue;
            }
            let path = KeyPath::of("organizations").at(index).key("members").at(position).key("email");
            problems.push(import.document().problem(&path, "there is no account with this address"));
        }
    }
    Ok(())
}

/// Creates the organization or updates it where it differs, then its members.
pub(super) async fn apply(
    ports: &Ports,
    entry: &OrganizationEntry,
    report: &mut Report,
) -> Result<(), PortError> {
    report.count(settle(ports, || organization(ports, entry)).await?);
    let Some(organization) = ports.store().organization_by_slug(&entry.slug).await? else {
        return Err(PortError::transient("an imported organization is gone"));
    };
    for member in &entry.members {
        report.count(settle(ports, || membership(ports, organization.value.id, member)).await?);
    }
    Ok(())
}

async fn organization(ports: &Ports, entry: &OrganizationEntry) -> Result<(Batch, Done), PortError> {
    let event = |id: OrganizationId| -> Result<Event, PortError> {
        let event = Event::new(ports, EventType::ORGANIZATION_CHANGED, format!("organization:{id}"))?;
        Ok(event.with("by", "import"))
    };
    match ports.store().organization_by_slug(&entry.slug).await? {
        Some(found) if found.value.name == entry.name => Ok((Batch::new(), Done::Unchanged)),
        Some(found) => {
            let mut organization = found.value;
            organization.name.clone_from(&entry.name);
            let batch = Batch::new()
                .require_version(EntityRef::Organization(organization.id), found.version)
                .event(event(organization.id)?)
                .write(Write::PutOrganization(organization));
            Ok((batch, Done::Updated))
        }
        None => {
            let id = OrganizationId::generate(ports.clock(), ports.entropy())?;
            let slug = Slug::new(entry.slug.as_str()).map_err(PortError::permanent)?;
            let organization = Organization::new(id, slug, entry.name.as_str(), ports.now());
            let batch = Batch::new()
                .require_absent(EntityRef::Organization(id))
                .write(Write::PutOrganization(organization))
                .event(event(id)?);
            Ok((batch, Done::Created))
        }
    }
}

async fn membership(
    ports: &Ports,
    organization: OrganizationId,
    entry: &MemberEntry,
) -> Result<(Batch, Done), PortError> {
    let account = account(ports, entry).await?;
    let roles: BTreeSet<RoleName> =
        entry.roles.iter().filter_map(|it| RoleName::new(it.as_str()).ok()).collect();
    let place = EntityRef::Membership(organization, account);
    let found = ports.store().membership(organization, account).await?;
    let event = Event::new(ports, EventType::MEMBERSHIP_CHANGED, format!("account:{account}"))?
        .with("organization", organization.to_string())
        .with("by", "import");
    match found {
        Some(found) if found.value.roles == roles => Ok((Batch::new(), Done::Unchanged)),
        Some(found) => {
            let mut membership = found.value;
            membership.roles = roles;
            let batch = Batch::new().require_version(place, found.version);
            Ok((batch.write(Write::PutMembership(membership)).event(event), Done::Updated))
        }
        None => {
            let membership = Membership::new(organization, account, roles, ports.now());
            let batch = Batch::new().require_absent(place);
            Ok((batch.write(Write::PutMembership(membership)).event(event), Done::Created))
        }
    }
}

async fn account(ports: &Ports, entry: &MemberEntry) -> Result<AccountId, PortError> {
    let key = IdentifierKey::email(&entry.email).map_err(PortError::permanent)?;
    let found = ports.store().account_by_identifier(&key).await?;
    found.map(|it| it.value.id).ok_or_else(|| PortError::transient("an imported member is gone"))
}
