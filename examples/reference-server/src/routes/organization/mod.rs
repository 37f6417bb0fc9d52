//! The console of an organization: a file for each section.
//!
//! Who is no active member of the organization finds nothing here, and who does not meet its policy is asked to sign in as it
//! demands. What an administrator may do is decided by the library; pages only leave out what would be refused.

mod directory;
mod domains;
mod invitations;
mod member;
mod member_factors;
mod members;
mod policy;
mod roles;
mod settings;

use axum::{Router, response::Response};
use ciam_core::{
    actor::Actor,
    id::OrganizationId,
    organization::{
        ActingError, Held, OrganizationError, Permission, PolicyDemand, RoleBook, RoleName, SignInFacts,
        Standing,
    },
    session::Authenticated,
};
use http::StatusCode;

use super::step_up;
use crate::{
    app::App,
    i18n::Texts,
    pages::{
        Fault,
        organization::{ConsolePage, Panel, Section},
        parts::{Checkbox, Notice},
    },
    web::{Failure, Form, Visit, page, see_other},
};

/// The routes of every section.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .merge(settings::routes())
        .merge(members::routes())
        .merge(member::routes())
        .merge(member_factors::routes())
        .merge(invitations::routes())
        .merge(roles::routes())
        .merge(domains::routes())
        .merge(policy::routes())
        .merge(directory::routes())
}

/// Somebody in the console of their organization.
struct Console {
    viewer: Authenticated,
    actor: Actor,
    id: OrganizationId,
    slug: String,
    name: String,
    standing: Standing,
}

/// The console, or what is answered in its place.
type Opened = Result<Result<Console, Response>, Failure>;

impl Console {
    async fn open(app: &App, visit: &Visit, slug: &str) -> Opened {
        let Some(viewer) = app.viewer(visit).await? else { return Ok(Err(see_other("/sign-in")?)) };
        let organizations = &app.services().organizations;
        let id = organizations.named(slug).await?.ok_or(Fault::NotFound)?;
        let actor = Actor::Account(viewer.account.value.id);
        let standing = match organizations.standing(&actor, id).await {
            Ok(standing) => standing,
            Err(OrganizationError::Port(error)) => return Err(error.into()),
            Err(_) => return Err(Fault::NotFound.into()),
        };
        let organization = &standing.organization.value;
        let (slug, name) = (organization.slug.as_str().to_owned(), organization.name.clone());
        let console = Self { viewer, actor, id, slug, name, standing };
        let now = app.ports().now();
        let facts = SignInFacts::of_session(&console.viewer.session.value, now);
        let account = console.viewer.account.value.id;
        match organizations.admitted(id, account, &facts, now).await {
            Ok(_) => Ok(Ok(console)),
            Err(ActingError::Demands(demand)) => {
                let t = app.texts(visit.language);
                let notice = Notice::bad(demand_text(t, &demand));
                let here = visit.path().to_owned();
                let panel = Panel::new("step-up", t.console.step_up.as_str())
                    .with_link(step_up::path(&console.slug, &here), t.console.step_up.as_str());
                let complaint = Some((StatusCode::FORBIDDEN, notice));
                Ok(Err(console.page(app, visit, Section::Settings, vec![panel], complaint)?))
            }
            Err(ActingError::Port(error)) => Err(error.into()),
            Err(_) => Err(Fault::NotFound.into()),
        }
    }

    fn may(&self, permission: &Permission) -> bool {
        self.standing.held.holds(permission)
    }

    fn path(&self, section: Section) -> String {
        section.path(&self.slug)
    }

    fn page(
        &self,
        app: &App,
        visit: &Visit,
        section: Section,
        panels: Vec<Panel>,
        complaint: Option<(StatusCode, Notice)>,
    ) -> Result<Response, Failure> {
        let frame = app.frame(visit, true);
        let done = visit.query("done").map(|_| Notice::good(frame.t.console.saved.as_str()));
        let (status, notice) = match complaint {
            Some((status, notice)) => (status, Some(notice)),
            None => (StatusCode::OK, done),
        };
        let (title, lead) = section.words(frame.t);
        let shown = ConsolePage {
            nav: section.nav(frame.t, &self.slug, &self.name),
            organization: self.name.clone(),
            title: title.to_string(),
            lead: lead.to_string(),
            notice,
            panels,
            frame,
        };
        page(status, &shown)
    }

    /// Back to a section after a change.
    fn done(&self, section: Section) -> Result<Response, Failure> {
        see_other(&format!("{}?done=1", self.path(section)))
    }
}

/// What is said of something that was not done; what is no answer for a page is a failure.
pub(super) fn complaint(t: &Texts, error: OrganizationError) -> Result<(StatusCode, Notice), Failure> {
    let t = &t.console;
    let status = match &error {
        OrganizationError::Port(error) => return Err(error.clone().into()),
        OrganizationError::NotFound | OrganizationError::Suspended => return Err(Fault::NotFound.into()),
        OrganizationError::Busy => return Err(Fault::Busy.into()),
        OrganizationError::Denied { .. } | OrganizationError::Grant(_) => StatusCode::FORBIDDEN,
        OrganizationError::Limited { .. } => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let text = match &error {
        OrganizationError::Denied { .. } => &t.error_denied,
        OrganizationError::Grant(_) => &t.error_grant,
        OrganizationError::Role(_) => &t.error_role,
        OrganizationError::LastOwner => &t.error_last_owner,
        OrganizationError::TooMany => &t.error_too_many,
        OrganizationError::AlreadyMember => &t.error_already_member,
        OrganizationError::SlugTaken => &t.error_slug_taken,
        OrganizationError::DomainRefused => &t.error_domain_refused,
        OrganizationError::DomainTaken => &t.error_domain_taken,
        OrganizationError::NotAdmitted => &t.error_not_admitted,
        OrganizationError::Limited { .. } => &t.error_limited,
        _ => &t.error_invalid,
    };
    Ok((status, Notice::bad(text.as_str())))
}

/// What a sign-in lacks, in words.
pub(super) fn demand_text(t: &Texts, demand: &PolicyDemand) -> String {
    let t = &t.console;
    let text = |reason: &&str| match *reason {
        "organization_method" => t.demand_method.with("methods", demand.methods.join(", ")),
        "organization_acr" => t.demand_acr.to_string(),
        _ => t.demand_session.to_string(),
    };
    demand.reasons.iter().map(text).collect::<Vec<_>>().join(" ")
}

/// A box for each role that the actor may give, and those that the member has already.
fn role_boxes<'a>(book: &RoleBook, held: &Held, has: impl Fn(&RoleName) -> bool + 'a) -> Vec<Checkbox> {
    let owner = RoleName::owner();
    let names = [&owner].into_iter().chain(book.iter().map(|role| &role.name));
    let offered = names.filter(|name| {
        has(name) || book.is_assignable(name) && held.covers(&book.resolve([*name]).permissions)
    });
    offered
        .map(|name| {
            let id = format!("role-{}", name.as_str().replace([':', '.'], "-"));
            let described = book.get(name).map(|role| role.description.clone()).filter(|it| !it.is_empty());
            let tick = Checkbox::new(id, name.as_str())
                .named(format!("role.{}", name.as_str()), "yes")
                .checked(has(name));
            match described {
                Some(text) => tick.with_hint(text),
                None => tick,
            }
        })
        .collect()
}

/// The roles that are ticked in a form, of those that mean something.
fn ticked(book: &RoleBook, form: &Form, prefix: &str) -> std::collections::BTreeSet<RoleName> {
    let owner = [RoleName::owner()];
    let names = owner.into_iter().chain(book.iter().map(|role| role.name.clone()));
    names.filter(|name| form.optional(&format!("{prefix}.{}", name.as_str())).is_some()).collect()
}

/// The lines of a text, or its words.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\n', '\r', '\t']).filter(|it| !it.is_empty())
}
