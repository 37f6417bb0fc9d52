use proptest::prelude::*;

use super::*;
use crate::id::OrganizationId;

const ACME: RoleScope = RoleScope::Organization(OrganizationId::from_uuid(uuid::Uuid::nil()));

fn name(text: &str) -> RoleName {
    RoleName::new(text).unwrap()
}

fn permission(text: &str) -> Permission {
    Permission::new(text).unwrap()
}

fn names(texts: &[&str]) -> BTreeSet<RoleName> {
    texts.iter().map(|text| name(text)).collect()
}

fn role(scope: RoleScope, text: &str, permissions: &[&str], inherits: &[&str]) -> Role {
    Role::new(scope, name(text), permissions.iter().map(|text| permission(text)))
        .with_inherited(names(inherits))
}

fn held(book: &RoleBook, roles: &[&str]) -> Held {
    Held::Only(book.resolve(&names(roles)).permissions)
}

#[test]
fn a_role_has_what_it_inherits_over_many_steps() {
    let book = RoleBook::new([
        role(RoleScope::Tenant, "clerk", &["invoice:read"], &[]),
        role(RoleScope::Tenant, "chief", &["invoice:approve"], &["clerk"]),
        role(ACME, "boss", &["report:read"], &["chief"]),
    ]);
    let resolved = book.resolve([&name("boss")]);
    assert_eq!(resolved.roles, names(&["boss", "chief", "clerk"]));
    let texts: Vec<String> = resolved.permissions.into_iter().map(String::from).collect();
    assert_eq!(texts, ["invoice:approve", "invoice:read", "report:read"]);
}

#[test]
fn names_that_mean_nothing_give_nothing() {
    let book = RoleBook::new([role(RoleScope::Tenant, "clerk", &["invoice:read"], &["gone"])]);
    assert_eq!(book.resolve([&name("gone")]), Resolved::default());
    assert_eq!(book.resolve([&name("clerk")]).roles, names(&["clerk"]));
}

#[test]
fn cycles_are_refused_when_written_and_harmless_when_read() {
    let a = role(ACME, "a", &["x:a"], &["b"]);
    let b = role(ACME, "b", &["x:b"], &["a"]);
    let book = RoleBook::new([role(ACME, "b", &["x:b"], &[])]);
    assert_eq!(book.check(&a), Ok(()));
    assert_eq!(RoleBook::new([a.clone()]).check(&role(ACME, "a", &[], &["a"])), Err(RoleProblem::Cycle));
    assert_eq!(RoleBook::new([a.clone(), role(ACME, "b", &[], &[])]).check(&b), Err(RoleProblem::Cycle));

    let closed = RoleBook::new([a, b]);
    assert_eq!(closed.resolve([&name("a")]).roles, names(&["a", "b"]));
}

#[test]
fn chains_have_an_end() {
    let link = |i: usize, next: Option<usize>| {
        let inherits: Vec<String> = next.iter().map(|next| format!("r{next}")).collect();
        let inherits: Vec<&str> = inherits.iter().map(String::as_str).collect();
        role(ACME, &format!("r{i}"), &[&format!("x:p{i}")], &inherits)
    };
    let chain = |length: usize| (0..=length).map(move |i| link(i, (i < length).then_some(i + 1)));
    let whole = RoleBook::new(chain(RoleBook::MAX_DEPTH));
    assert_eq!(whole.check(&link(0, Some(1))), Ok(()));
    assert_eq!(whole.resolve([&name("r0")]).roles.len(), RoleBook::MAX_DEPTH + 1);
    // One more in front of all, and one more behind all.
    let before = role(ACME, "before", &[], &["r0"]);
    assert_eq!(whole.check(&before), Err(RoleProblem::TooDeep));
    let longer = RoleBook::new(chain(RoleBook::MAX_DEPTH).chain([role(ACME, "end", &[], &[])]));
    let last = role(ACME, &format!("r{}", RoleBook::MAX_DEPTH), &[], &["end"]);
    assert_eq!(longer.check(&last), Err(RoleProblem::TooDeep));
    // Read, what is too far away gives nothing.
    let resolved = RoleBook::new(chain(100)).resolve([&name("r0")]);
    assert_eq!(resolved.permissions.len(), RoleBook::MAX_DEPTH + 1);
}

#[test]
fn what_cannot_be_a_role_is_refused() {
    let book = RoleBook::new([role(ACME, "own", &[], &[])]);
    let many: Vec<String> = (0..=Role::MAX_PERMISSIONS).map(|i| format!("x:p{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (role, problem) in [
        (role(RoleScope::Tenant, "owner", &[], &[]), RoleProblem::Reserved),
        (role(ACME, "admin", &[], &[]), RoleProblem::Reserved),
        (role(ACME, "clerk", &["organization:own"], &[]), RoleProblem::Owning),
        (role(ACME, "clerk", &[], &["owner"]), RoleProblem::Unknown(name("owner"))),
        (role(ACME, "clerk", &[], &["gone"]), RoleProblem::Unknown(name("gone"))),
        (role(RoleScope::Tenant, "clerk", &[], &["own"]), RoleProblem::Unknown(name("own"))),
        (role(ACME, "clerk", &many, &[]), RoleProblem::TooLarge),
        (role(ACME, "clerk", &[], &[]).with_description("d".repeat(10_000)), RoleProblem::TooLarge),
        (role(ACME, "clerk", &[], &[]).for_the_tenant_to_assign(), RoleProblem::Owning),
    ] {
        assert_eq!(book.check(&role), Err(problem), "{role:?}");
    }
    let full = RoleBook::new((0..Role::MAX_IN_SCOPE).map(|i| role(ACME, &format!("r{i}"), &[], &[])));
    assert_eq!(full.check(&role(ACME, "one-more", &[], &[])), Err(RoleProblem::TooMany));
    assert_eq!(full.check(&role(ACME, "r7", &["x:y"], &[])), Ok(()));
}

#[test]
fn an_organization_cannot_put_its_own_role_in_the_place_of_a_template() {
    let template = role(RoleScope::Tenant, "clerk", &["invoice:read"], &[]);
    let own = role(ACME, "clerk", &["invoice:approve"], &[]);
    for book in [RoleBook::new([template.clone(), own.clone()]), RoleBook::new([own, template])] {
        assert!(!book.resolve([&name("clerk")]).permissions.contains(&permission("invoice:approve")));
    }
}

#[test]
fn an_owner_holds_everything_that_can_be_given_and_nobody_else_owns() {
    let book = RoleBook::new([
        role(RoleScope::Tenant, "clerk", &["invoice:read"], &[]),
        role(RoleScope::Tenant, "auditor", &["audit:read"], &[]).for_the_tenant_to_assign(),
    ]);
    let owner = held(&book, &["owner"]);
    assert!(owner.holds(&permission("invoice:read")) && owner.holds(&Permission::ORGANIZATION_OWN));
    assert!(!owner.holds(&permission("audit:read")));
    // Written by hand.
    let forged = RoleBook::new([role(ACME, "forged", &["organization:own"], &["owner"])]);
    assert!(!held(&forged, &["forged"]).holds(&Permission::ORGANIZATION_OWN));
}

/// Who changes which roles of a member into which, and what comes of it.
type Row = (&'static str, &'static [&'static str], &'static [&'static str], Result<(), GrantProblem>);

#[test]
fn nobody_gives_what_they_do_not_hold() {
    let book = RoleBook::new([
        role(RoleScope::Tenant, "clerk", &["invoice:read"], &[]),
        role(RoleScope::Tenant, "chief", &["invoice:approve"], &["clerk"]),
        role(RoleScope::Tenant, "auditor", &["audit:read"], &[]).for_the_tenant_to_assign(),
        role(ACME, "inviter", &["member:invite", "member:update", "invoice:read"], &[]),
    ]);
    let table: [Row; 12] = [
        ("inviter", &[], &["clerk"], Ok(())),
        ("inviter", &[], &["chief"], Err(GrantProblem::Escalation)),
        ("inviter", &[], &["admin"], Err(GrantProblem::Escalation)),
        ("inviter", &["clerk"], &["clerk", "owner"], Err(GrantProblem::Escalation)),
        ("inviter", &["admin"], &[], Err(GrantProblem::HoldsMore)),
        ("admin", &["owner"], &[], Err(GrantProblem::HoldsMore)),
        ("admin", &["admin"], &["member"], Ok(())),
        ("admin", &[], &["gone"], Err(GrantProblem::UnknownRole(name("gone")))),
        ("owner", &["gone"], &["gone", "owner"], Ok(())),
        ("owner", &["auditor"], &["auditor", "chief"], Ok(())),
        ("owner", &[], &["auditor"], Err(GrantProblem::NotAssignable(name("auditor")))),
        ("owner", &["auditor"], &[], Err(GrantProblem::NotAssignable(name("auditor")))),
    ];
    for (who, before, after, expected) in table {
        let found = held(&book, &[who]).may_change(&book, &names(before), &names(after));
        assert_eq!(found, expected, "{who}: {before:?} to {after:?}");
    }
    assert_eq!(Held::Everything.may_change(&book, &names(&[]), &names(&["auditor"])), Ok(()));
    let unknown = Held::Everything.may_change(&book, &names(&[]), &names(&["gone"]));
    assert_eq!(unknown, Err(GrantProblem::UnknownRole(name("gone"))));
}

proptest! {
    /// Whatever was stored: reading ends, and who may give a role ends up with nobody who holds more than they do.
    #[test]
    fn giving_never_adds_to_what_there_is(
        edges in prop::collection::vec((0_u8..8, 0_u8..8), 0..20),
        own in prop::collection::vec(0_u8..8, 1..3),
        given in prop::collection::vec(0_u8..8, 1..3),
    ) {
        let of = |i: &u8| name(&format!("r{i}"));
        let roles = (0_u8..8).map(|i| {
            let inherits = edges.iter().filter(|(from, _)| *from == i).map(|(_, to)| of(to));
            Role::new(ACME, of(&i), [permission(&format!("x:p{i}"))]).with_inherited(inherits)
        });
        let book = RoleBook::new(roles);
        let held = book.resolve(&own.iter().map(of).collect::<BTreeSet<_>>()).permissions;
        let after: BTreeSet<RoleName> = given.iter().map(of).collect();
        if Held::Only(held.clone()).may_change(&book, &BTreeSet::new(), &after).is_ok() {
            prop_assert!(book.resolve(&after).permissions.is_subset(&held));
        }
    }
}
