//! What applications ask the account's owner from elsewhere: for an app of the operator's that asks in place of the page.

use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{Caller, Code, DONE, Json, List, Moment, Problem, Resource};
use crate::{
    app::App,
    backchannel::{self, Answered},
};

#[derive(OpenApi)]
#[openapi(paths(list_requests, answer_request))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi()).get("/requests", list_requests).post("/requests/{id}", answer_request)
}

/// What an application waits for.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Request)]
struct RequestView {
    /// Which it is.
    id: String,
    /// The application that asks.
    client: Asking,
    /// What the application shows on its side, for the person to compare. Show it as it is.
    #[schema(required)]
    message: Option<String>,
    /// The scope values that it asks for.
    scopes: Vec<String>,
    /// Until when it can be answered.
    expires_at: Moment,
}

/// An application.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Asking {
    /// Its `client_id`.
    id: String,
    /// What people know it by.
    #[schema(required)]
    name: Option<String>,
}

/// What the person says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAnswer {
    /// Yes, to all that is asked, or no.
    decision: Decision,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Decision {
    /// Yes.
    Allow,
    /// No.
    Deny,
}

/// Lists what waits for an answer, what ends first first.
#[utoipa::path(get, path = "/requests", responses((status = 200, body = List<RequestView>)))]
async fn list_requests(State(app): State<App>, caller: Caller) -> Result<Json<List<RequestView>>, Problem> {
    let mut items = Vec::new();
    for (id, asked) in backchannel::waiting(app.services(), caller.viewer.account.value.id).await? {
        let Some(client) = app.services().server.clients().get(&asked.client).await? else { continue };
        items.push(RequestView {
            id,
            client: Asking { id: asked.client.to_string(), name: client.value.display.name },
            message: asked.binding_message,
            scopes: asked.scopes.iter().map(ToString::to_string).collect(),
            expires_at: asked.expires_at.into(),
        });
    }
    Ok(Json(List { items, next: None }))
}

/// Answers. `conflict` says that it was answered meanwhile or is over; `step_up_required` that more is asked than yes or no, which is
/// done on the pages.
#[utoipa::path(
    post,
    path = "/requests/{id}",
    params(("id" = String, Path, description = "The request.")),
    request_body = NewAnswer,
    responses((status = 204))
)]
async fn answer_request(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Json(answer): Json<NewAnswer>,
) -> Result<StatusCode, Problem> {
    let account = caller.viewer.account.value.id;
    let handle = backchannel::handle_of(app.ports(), account, &id).await?.ok_or(Code::NotFound)?;
    let decision = match answer.decision {
        Decision::Allow => backchannel::Decision::Allow,
        Decision::Deny => backchannel::Decision::Deny,
    };
    match backchannel::answer(app.services(), caller.viewer, &handle, decision).await? {
        Answered::Done => Ok(DONE),
        Answered::Gone => Err(Code::Conflict.into()),
        Answered::MoreIsAsked => Err(Code::StepUpRequired.into()),
    }
}
