//! What roles come to: the pure rules of inheritance and of who may give what to whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::role::{Permission, Role, RoleName, RoleScope};

/// The roles that mean something in one organization: the tenant's templates and the organization's own.
///
/// ```
/// use ciam_core::organization::{Permission, Role, RoleBook, RoleName, RoleScope};
///
/// let clerk = Role::new(RoleScope::Tenant, RoleName::new("clerk")?, [Permission::new("invoice:read")?]);
/// let chief = Role::new(RoleScope::Tenant, RoleName::new("chief")?, [Permission::new("invoice:approve")?])
///     .with_inherited([RoleName::new("clerk")?]);
/// let book = RoleBook::new([clerk, chief]);
/// let resolved = book.resolve([&RoleName::new("chief")?]);
/// assert!(resolved.permissions.contains(&Permission::new("invoice:read")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleBook {
    templates: BTreeMap<RoleName, Role>,
    own: BTreeMap<RoleName, Role>,
}

/// What a set of roles comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// The roles, with those that are inherited. Names that mean nothing are left out.
    pub roles: BTreeSet<RoleName>,
    /// The permissions of all of them.
    pub permissions: BTreeSet<Permission>,
}

impl RoleBook {
    /// Roles inherit roles over at most this many steps; what is further away is not inherited.
    pub const MAX_DEPTH: usize = 8;

    /// The [built-in](Role::built_in) roles and these. Of roles with one name a template comes first, so that an
    /// organization cannot put its own in the place of one.
    #[must_use]
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Self {
        let mut book = Self::default();
        for role in Role::built_in().into_iter().chain(roles) {
            book.insert(role);
        }
        book
    }

    fn insert(&mut self, role: Role) {
        if role.name == RoleName::owner() {
            return;
        }
        let side = match role.scope {
            RoleScope::Tenant => &mut self.templates,
            RoleScope::Organization(_) => &mut self.own,
        };
        side.insert(role.name.clone(), role);
    }

    /// The role with this name; `None` for `owner`, which is no record.
    #[must_use]
    pub fn get(&self, name: &RoleName) -> Option<&Role> {
        self.templates.get(name).or_else(|| self.own.get(name))
    }

    /// All roles but `owner`: templates first, each side by name.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        let shadowed = |role: &&Role| !self.templates.contains_key(&role.name);
        self.templates.values().chain(self.own.values().filter(shadowed))
    }

    /// Whether a name means something here.
    #[must_use]
    pub fn knows(&self, name: &RoleName) -> bool {
        *name == RoleName::owner() || self.get(name).is_some()
    }

    /// Whether administrators of the organization may give this role to members, as far as the role itself says.
    #[must_use]
    pub fn is_assignable(&self, name: &RoleName) -> bool {
        *name == RoleName::owner() || self.get(name).is_some_and(|role| role.assignable)
    }

    /// What roles come to, with everything that they inherit. Cycles, unknown names and chains that are too long do no harm:
    /// each role is counted once, and what is not there gives nothing.
    pub fn resolve<'a>(&self, roles: impl IntoIterator<Item = &'a RoleName>) -> Resolved {
        let mut resolved = Resolved::default();
        let mut queue: VecDeque<(&RoleName, usize)> = roles.into_iter().map(|name| (name, 0)).collect();
        while let Some((name, depth)) = queue.pop_front() {
            if resolved.roles.contains(name) {
                continue;
            }
            if *name == RoleName::owner() {
                resolved.roles.insert(name.clone());
                resolved.permissions.extend(self.of_owners());
                continue;
            }
            let Some(role) = self.get(name) else { continue };
            resolved.roles.insert(name.clone());
            // Stored by hand or by an older release: nobody but an owner owns.
            let held = role.permissions.iter().filter(|held| **held != Permission::ORGANIZATION_OWN);
            resolved.permissions.extend(held.cloned());
            if depth < Self::MAX_DEPTH {
                queue.extend(
                    role.inherits
                        .iter()
                        .filter(|name| self.may_inherit(role, name))
                        .map(|name| (name, depth + 1)),
                );
            }
        }
        resolved
    }

    /// Whether a role may be written as it is.
    ///
    /// # Errors
    ///
    /// Says the first thing that is wrong with it.
    pub fn check(&self, role: &Role) -> Result<(), RoleProblem> {
        let template = matches!(role.scope, RoleScope::Tenant);
        if role.name == RoleName::owner() || !template && self.templates.contains_key(&role.name) {
            return Err(RoleProblem::Reserved);
        }
        if role.permissions.len() > Role::MAX_PERMISSIONS
            || role.inherits.len() > Role::MAX_INHERITED
            || role.description.chars().count() > Role::MAX_DESCRIPTION
        {
            return Err(RoleProblem::TooLarge);
        }
        if role.permissions.contains(&Permission::ORGANIZATION_OWN) || !template && !role.assignable {
            return Err(RoleProblem::Owning);
        }
        let side = if template { &self.templates } else { &self.own };
        if !side.contains_key(&role.name) && side.len() >= Role::MAX_IN_SCOPE {
            return Err(RoleProblem::TooMany);
        }
        let unknown = |name: &&RoleName| **name != role.name && !self.may_inherit(role, name);
        if let Some(name) = role.inherits.iter().find(unknown) {
            return Err(RoleProblem::Unknown(name.clone()));
        }
        let mut book = self.clone();
        book.insert(role.clone());
        book.check_chains()
    }

    /// Whether no chain of inheritance closes or is too long, from wherever it begins.
    fn check_chains(&self) -> Result<(), RoleProblem> {
        let mut heights = BTreeMap::new();
        for role in self.iter() {
            if self.height(role, &mut heights, &mut Vec::new())? > Self::MAX_DEPTH {
                return Err(RoleProblem::TooDeep);
            }
        }
        Ok(())
    }

    /// Over how many steps a role inherits. Recursion ends: a path that comes back is an error.
    fn height<'a>(
        &'a self,
        role: &'a Role,
        known: &mut BTreeMap<&'a RoleName, usize>,
        path: &mut Vec<&'a RoleName>,
    ) -> Result<usize, RoleProblem> {
        if let Some(height) = known.get(&role.name) {
            return Ok(*height);
        }
        if path.contains(&&role.name) {
            return Err(RoleProblem::Cycle);
        }
        if path.len() > Self::MAX_DEPTH {
            return Err(RoleProblem::TooDeep);
        }
        path.push(&role.name);
        let mut height = 0;
        for name in role.inherits.iter().filter(|name| self.may_inherit(role, name)) {
            if let Some(next) = self.get(name) {
                height = height.max(1 + self.height(next, known, path)?);
            }
        }
        path.pop();
        known.insert(&role.name, height);
        Ok(height)
    }

    fn may_inherit(&self, role: &Role, name: &RoleName) -> bool {
        self.templates.contains_key(name)
            || matches!(role.scope, RoleScope::Organization(_)) && self.own.contains_key(name)
    }

    fn of_owners(&self) -> BTreeSet<Permission> {
        // No role inherits `owner`, so this ends.
        let assignable = self.iter().filter(|role| role.assignable);
        let of_roles = assignable.flat_map(|role| self.resolve([&role.name]).permissions);
        Permission::MANAGEMENT.into_iter().chain([Permission::ORGANIZATION_OWN]).chain(of_roles).collect()
    }
}

/// What somebody holds in an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Held {
    /// Everything: the tenant itself acts.
    Everything,
    /// These permissions.
    Only(BTreeSet<Permission>),
}

impl Held {
    /// Whether a permission is among what is held.
    #[must_use]
    pub fn holds(&self, permission: &Permission) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(held) => held.contains(permission),
        }
    }

    /// Whether all of these are among what is held.
    #[must_use]
    pub fn covers(&self, permissions: &BTreeSet<Permission>) -> bool {
        match self {
            Self::Everything => true,
            Self::Only(held) => permissions.is_subset(held),
        }
    }

    /// Whether somebody who holds this may turn one set of roles of a member into another: nobody gives what they do not
    /// hold, and nobody touches a member who holds more than they do.
    ///
    /// # Errors
    ///
    /// Says what stands against it.
    pub fn may_change(
        &self,
        book: &RoleBook,
        before: &BTreeSet<RoleName>,
        after: &BTreeSet<RoleName>,
    ) -> Result<(), GrantProblem> {
        if let Some(name) = after.difference(before).find(|name| !book.knows(name)) {
            return Err(GrantProblem::UnknownRole(name.clone()));
        }
        if matches!(self, Self::Everything) {
            return Ok(());
        }
        // An owner may hold less than the tenant gave to a member.
        if !self.holds(&Permission::ORGANIZATION_OWN) && !self.covers(&book.resolve(before).permissions) {
            return Err(GrantProblem::HoldsMore);
        }
        let given = after.difference(before);
        let taken = before.difference(after);
        // What the tenant gave, the tenant takes.
        let not_theirs = |name: &&RoleName| book.knows(name) && !book.is_assignable(name);
        if let Some(name) = given.clone().chain(taken).find(not_theirs) {
            return Err(GrantProblem::NotAssignable(name.clone()));
        }
        if self.covers(&book.resolve(given).permissions) { Ok(()) } else { Err(GrantProblem::Escalation) }
    }
}

/// A role cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoleProblem {
    /// The name is `owner`, or that of a template.
    #[error("the name of the role is reserved")]
    Reserved,
    /// It has too many permissions or inherited roles, or too long a description.
    #[error("the role is too large")]
    TooLarge,
    /// It would own the organization, or be one of an organization that only the tenant may assign.
    #[error("a role cannot own the organization")]
    Owning,
    /// There are too many roles.
    #[error("there are too many roles")]
    TooMany,
    /// It inherits a role that is not there, or not for it to inherit.
    #[error("the role inherits an unknown role")]
    Unknown(RoleName),
    /// It would inherit itself.
    #[error("the role would inherit itself")]
    Cycle,
    /// A chain of inheritance would be too long.
    #[error("roles would inherit over too many steps")]
    TooDeep,
}

impl RoleProblem {
    /// A stable code for pages and APIs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Reserved => "role_reserved",
            Self::TooLarge => "role_too_large",
            Self::Owning => "role_owning",
            Self::TooMany => "too_many_roles",
            Self::Unknown(_) => "role_unknown",
            Self::Cycle => "role_cycle",
            Self::TooDeep => "role_too_deep",
        }
    }
}

/// Roles cannot be given or taken like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantProblem {
    /// A role means nothing in this organization.
    #[error("the role is unknown")]
    UnknownRole(RoleName),
    /// Only the tenant gives and takes this role.
    #[error("the role is not for the organization to assign")]
    NotAssignable(RoleName),
    /// The roles hold what the one who gives them does not.
    #[error("the roles hold more than the one who gives them")]
    Escalation,
    /// The member holds what the one who would change them does not.
    #[error("the member holds more than the one who would change them")]
    HoldsMore,
}

impl GrantProblem {
    /// A stable code for pages and APIs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownRole(_) => "role_unknown",
            Self::NotAssignable(_) => "role_not_assignable",
            Self::Escalation => "role_escalation",
            Self::HoldsMore => "member_holds_more",
        }
    }
}

#[cfg(test)]
mod tests;
