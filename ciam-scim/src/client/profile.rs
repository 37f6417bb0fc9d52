//! How service providers differ from the standard, and from each other.

/// What a service provider understands. Each difference is a switch; the constructors have the known ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetProfile {
    /// It understands `PATCH`. Otherwise everything is `PUT`, a group with all of its members.
    pub patch: bool,
    /// A `PATCH` without a path may have several attributes. Otherwise each is an operation with a path of its own.
    pub patch_without_path: bool,
    /// The most members that one request names.
    pub members_per_request: usize,
    /// It can be asked by `externalId`.
    pub finds_external_id: bool,
    /// Whoever leaves is switched off. Otherwise deleted.
    pub deactivates: bool,
    /// The size of a page that is asked for.
    pub page_size: usize,
}

impl TargetProfile {
    /// What the standard says.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            patch: true,
            patch_without_path: true,
            members_per_request: 1_000,
            finds_external_id: true,
            deactivates: true,
            page_size: 100,
        }
    }

    /// AWS IAM Identity Center: at most 100 members in a request, one attribute in an operation, small pages.
    #[must_use]
    pub const fn aws_identity_center() -> Self {
        Self { patch_without_path: false, members_per_request: 100, page_size: 50, ..Self::standard() }
    }

    /// A service provider without `PATCH`, as that of VMware vCenter.
    #[must_use]
    pub const fn put_only() -> Self {
        Self { patch: false, ..Self::standard() }
    }

    /// Sets the most members that one request names; at least one.
    #[must_use]
    pub const fn with_members_per_request(mut self, most: usize) -> Self {
        self.members_per_request = if most == 0 { 1 } else { most };
        self
    }

    /// Sets whether it can be asked by `externalId`.
    #[must_use]
    pub const fn with_external_id(mut self, finds: bool) -> Self {
        self.finds_external_id = finds;
        self
    }

    /// Sets whether whoever leaves is switched off, and not deleted.
    #[must_use]
    pub const fn with_deactivation(mut self, deactivates: bool) -> Self {
        self.deactivates = deactivates;
        self
    }
}

impl Default for TargetProfile {
    fn default() -> Self {
        Self::standard()
    }
}
