//! Entries of an import file as the library's roles and policies.

use ciam_core::{
    assurance::{Acr, AcrLadder},
    organization::{DomainName, OrganizationPolicy, Permission, Role, RoleName, RoleScope},
};

use super::schema::{PolicyEntry, RoleEntry};

impl RoleEntry {
    /// The role, or what is wrong with the entry.
    pub(super) fn role(&self) -> Result<Role, String> {
        let name = RoleName::new(self.name.as_str()).map_err(|why| why.to_string())?;
        let permissions: Result<Vec<_>, _> =
            self.permissions.iter().map(|it| Permission::new(it.as_str())).collect();
        let inherits: Result<Vec<_>, _> = self.inherits.iter().map(|it| RoleName::new(it.as_str())).collect();
        let permissions = permissions.map_err(|why| why.to_string())?;
        let inherits = inherits.map_err(|why| why.to_string())?;
        let role = Role::new(RoleScope::Tenant, name, permissions)
            .with_inherited(inherits)
            .with_description(self.description.as_str());
        Ok(if self.assignable { role } else { role.for_the_tenant_to_assign() })
    }
}

impl PolicyEntry {
    /// The policy, or the field that is wrong.
    pub(super) fn policy(&self) -> Result<OrganizationPolicy, &'static str> {
        let domains: Result<_, _> = self.join_domains.iter().map(DomainName::new).collect();
        let role = self.auto_join_role.as_deref().map(RoleName::new).transpose();
        let mut policy = OrganizationPolicy::default();
        policy.methods.clone_from(&self.methods);
        policy.acr = self.acr.as_deref().map(Acr::new);
        policy.session_idle = self.session_idle;
        policy.session_absolute = self.session_absolute;
        policy.join_domains = domains.map_err(|_| "join_domains")?;
        policy.auto_join_role = role.map_err(|_| "auto_join_role")?;
        policy.connection.clone_from(&self.connection);
        policy.validate(&AcrLadder::default())?;
        Ok(policy)
    }
}
