//! Decisions by [Cedar](https://www.cedarpolicy.com) policies, behind the feature `cedar`.
//!
//! # How a question is put
//!
//! | Cedar | what it is |
//! | --- | --- |
//! | `principal` | `Ciam::Account::"<account id>"`, or `Ciam::System::"<name>"` when the tenant itself acts |
//! | its parents | `Ciam::Role::"<name>"` for each of its roles in the organization, with those that are inherited |
//! | `principal.permissions` | a set of strings: what its roles allow, such as `"invoice:approve"` |
//! | `principal.everything` | `true` for the tenant itself, which holds every permission |
//! | `action` | `Ciam::Action::"<resource>:<action>"`, such as `Ciam::Action::"member:remove"` |
//! | `resource` | `Ciam::Resource::"<kind>/<id>"`, with `kind`, `id` and what the caller knows as attributes |
//! | its parent | `Ciam::Organization::"<organization id>"` |
//! | `context` | what the caller gave, and `context.ciam.action`, the action as a string |
//!
//! [`CedarDecisions::RBAC`] decides as the library does without Cedar; add policies to it, above all `forbid`, or write others.
//!
//! # Security
//!
//! It fails closed. Cedar leaves out a policy whose evaluation fails; here one that fails, or a question that cannot be put,
//! denies: a `forbid` that could not be evaluated has not been passed. Above every policy stand the rules of
//! [`Decision`].

use std::str::FromStr as _;

use async_trait::async_trait;
use cedar_policy::{
    Authorizer, Context, Decision as Outcome, Entities, EntityId, EntityTypeName, EntityUid, PolicySet,
    Request,
};
use ciam_core::actor::Actor;
use ciam_core::error::PortError;
use ciam_core::organization::{Decision, Held, Question, Verdict};
use serde_json::{Value, json};

/// Decides by Cedar policies.
#[derive(Debug)]
pub struct CedarDecisions {
    authorizer: Authorizer,
    policies: PolicySet,
}

impl CedarDecisions {
    /// Who holds the permission may: what the library decides by without Cedar.
    pub const RBAC: &'static str = r#"
        @id("rbac")
        permit (principal, action, resource)
        when { principal.everything || principal.permissions.contains(context.ciam.action) };
    "#;

    /// Decides by these policies. Without any, everything is denied.
    ///
    /// # Errors
    ///
    /// Fails when the text is not a set of Cedar policies.
    pub fn new(policies: &str) -> Result<Self, PortError> {
        let policies = PolicySet::from_str(policies).map_err(PortError::permanent)?;
        Ok(Self { authorizer: Authorizer::new(), policies })
    }

    /// The name of a policy in reasons: its annotation `@id`, else its place in the text.
    fn name(&self, id: &cedar_policy::PolicyId) -> String {
        let given = self.policies.annotation(id, "id").map(ToOwned::to_owned);
        format!("cedar:{}", given.unwrap_or_else(|| id.to_string()))
    }
}

#[async_trait]
impl Decision for CedarDecisions {
    async fn decide(&self, question: &Question<'_>) -> Result<Verdict, PortError> {
        let (request, entities) = translate(question)?;
        let response = self.authorizer.is_authorized(&request, &self.policies, &entities);
        let diagnostics = response.diagnostics();
        if diagnostics.errors().next().is_some() {
            return Ok(Verdict::deny(vec!["cedar:error".to_owned()]));
        }
        let mut reasons: Vec<String> = diagnostics.reason().map(|id| self.name(id)).collect();
        reasons.sort_unstable();
        Ok(match response.decision() {
            Outcome::Allow => Verdict::allow(reasons),
            Outcome::Deny if reasons.is_empty() => Verdict::deny(vec!["cedar:no_permit".to_owned()]),
            Outcome::Deny => Verdict::deny(reasons),
        })
    }
}

/// The question in Cedar's words.
fn translate(question: &Question<'_>) -> Result<(Request, Entities), PortError> {
    let (kind, id) = match question.actor {
        Actor::Account(account) => ("Ciam::Account", account.to_string()),
        Actor::System(name) => ("Ciam::System", name.to_string()),
        _ => return Err(PortError::permanent("an actor of an unknown kind")),
    };
    let resource = question.resource;
    let organization = resource.organization.to_string();
    let name = format!("{}/{}", resource.kind, resource.id);
    let entities = entities(question, (kind, &id), (&name, &organization));
    let entities = Entities::from_json_value(entities, None).map_err(PortError::permanent)?;
    let mut context = question.context.clone();
    context.insert("ciam".to_owned(), json!({ "action": question.action.as_str() }));
    let context = Context::from_json_value(Value::Object(context), None).map_err(PortError::permanent)?;
    let principal = uid(kind, &id)?;
    let action = uid("Ciam::Action", question.action.as_str())?;
    let resource = uid("Ciam::Resource", &name)?;
    let request = Request::new(principal, action, resource, context, None).map_err(PortError::permanent)?;
    Ok((request, entities))
}

fn entities(question: &Question<'_>, principal: (&str, &str), resource: (&str, &str)) -> Value {
    let role = |name: &str| json!({ "type": "Ciam::Role", "id": name });
    let roles: Vec<Value> = question.roles.iter().map(|name| role(name.as_str())).collect();
    let (everything, permissions) = match question.held {
        Held::Only(held) => (false, held.iter().map(|it| it.as_str().to_owned()).collect()),
        _ => (matches!(question.held, Held::Everything), Vec::new()),
    };
    let mut attributes = question.resource.attributes.clone();
    attributes.insert("kind".to_owned(), json!(question.resource.kind));
    attributes.insert("id".to_owned(), json!(question.resource.id));
    let organization = json!({ "type": "Ciam::Organization", "id": resource.1 });
    let mut all = vec![
        json!({
            "uid": { "type": principal.0, "id": principal.1 },
            "attrs": { "permissions": permissions, "everything": everything },
            "parents": roles,
        }),
        json!({
            "uid": { "type": "Ciam::Resource", "id": resource.0 },
            "attrs": attributes,
            "parents": [organization],
        }),
        json!({ "uid": organization, "attrs": {}, "parents": [] }),
    ];
    all.extend(roles.iter().map(|role| json!({ "uid": role, "attrs": {}, "parents": [] })));
    Value::Array(all)
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, PortError> {
    let kind = EntityTypeName::from_str(kind).map_err(PortError::permanent)?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}
