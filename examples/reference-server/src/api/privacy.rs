//! What the person agreed to, what happened to their account, and everything that is kept of them.

use axum::{
    extract::{Path, State},
    response::Response,
};
use ciam_core::{
    audit::{AuditEntry, AuditLog},
    consent::{ConsentEntry, ConsentProof},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use super::{Caller, Code, DONE, Json, List, Listing, Moment, Problem, Resource};
use crate::{
    agreements::{Agreed, Recipient},
    app::App,
    routes::exported,
};

#[derive(OpenApi)]
#[openapi(paths(
    list_consents,
    list_consent_history,
    list_purposes,
    give_purpose,
    withdraw_purpose,
    withdraw_client,
    withdraw_service,
    list_accepted_terms,
    list_activity,
    export
))]
struct Document;

pub(super) fn resource() -> Resource {
    Resource::new(Document::openapi())
        .get("/consents", list_consents)
        .get("/consents/history", list_consent_history)
        .delete("/consents/clients/{id}", withdraw_client)
        .delete("/consents/services/{id}", withdraw_service)
        .get("/purposes", list_purposes)
        .put("/purposes/{id}/consent", give_purpose)
        .delete("/purposes/{id}/consent", withdraw_purpose)
        .get("/terms", list_accepted_terms)
        .get("/activity", list_activity)
        .get("/export", export)
}

/// To whom something was allowed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ConsentRecipient)]
struct RecipientView {
    /// `purpose`: the house itself, for a purpose; `client`: an application; `service`: one that speaks SAML; `other` for what is known here no more.
    kind: &'static str,
    /// The name of the purpose, the client, or the entity id of the service.
    id: String,
}

/// What proves a consent: what was shown, and how it was answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ConsentProof)]
struct ProofView {
    /// The version of the text.
    #[schema(required)]
    version: Option<String>,
    /// In which language it was shown.
    #[schema(required)]
    locale: Option<String>,
    /// The SHA-256 digest of what was shown, in base64url.
    #[schema(required)]
    digest: Option<String>,
    /// How the person answered: `consent_page`, `account_page`, `api`, or a word of the operator's.
    how: String,
    /// When.
    at: Moment,
}

/// A consent that holds.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Consent)]
struct ConsentView {
    /// To whom.
    recipient: RecipientView,
    /// What that is called.
    name: String,
    /// What is allowed: scopes, and `<resource> <scope>` where it is for one resource only; of a purpose its name.
    allowed: Vec<String>,
    /// When it was first given.
    given_at: Moment,
    /// When it was last extended.
    updated_at: Moment,
    /// What proves it.
    #[schema(required)]
    proof: Option<ProofView>,
}

/// A step of how consents came to be what they are.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ConsentStep {
    /// To whom.
    recipient: RecipientView,
    /// What is allowed from then on; nothing when it was taken back.
    allowed: Vec<String>,
    /// What proves it.
    proof: ProofView,
}

/// A purpose for which the person is asked.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Purpose {
    /// Its name.
    id: String,
    /// The version of the words.
    version: String,
    /// What it is called, in the language of the request.
    title: String,
    /// What is agreed to.
    text: String,
    /// The person consents, to these words.
    consented: bool,
    /// The person consented to other words, and is to be asked again.
    changed: bool,
}

/// Every purpose.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Purposes {
    /// The purposes.
    items: Vec<Purpose>,
}

/// Terms that the person accepted.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct AcceptedTerms {
    /// The document.
    document: String,
    /// The version.
    version: String,
    /// What it is called, where that is known.
    #[schema(required)]
    title: Option<String>,
    /// Where it can be read.
    #[schema(required)]
    url: Option<String>,
    /// In which language it was shown.
    #[schema(required)]
    locale: Option<String>,
    /// The SHA-256 digest of what was shown, in base64url.
    #[schema(required)]
    digest: Option<String>,
    /// How it was accepted: `sign_up`, `sign_in`, `account_page`, `import`.
    how: &'static str,
    /// When.
    accepted_at: Moment,
}

/// All that was accepted.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct AllAcceptedTerms {
    /// The newest first.
    items: Vec<AcceptedTerms>,
}

/// Something that happened to the account.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Activity {
    /// The name of the event, such as `ciam.session.started.v1`.
    #[serde(rename = "type")]
    kind: String,
    /// When.
    at: Moment,
    /// The details.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
}

/// Lists what is allowed now, to purposes and to applications.
#[utoipa::path(get, path = "/consents", params(Listing), responses((status = 200, body = List<ConsentView>)))]
async fn list_consents(
    State(app): State<App>,
    caller: Caller,
    listing: Listing,
) -> Result<Json<List<ConsentView>>, Problem> {
    let account = caller.viewer.account.value.id;
    let page = app.agreed(account, caller.visit.language, listing.request()).await?;
    Ok(Json(List::of(page, consent)))
}

/// Lists every consent that was given or taken back, the oldest first.
#[utoipa::path(get, path = "/consents/history", params(Listing), responses((status = 200, body = List<ConsentStep>)))]
async fn list_consent_history(
    State(app): State<App>,
    caller: Caller,
    listing: Listing,
) -> Result<Json<List<ConsentStep>>, Problem> {
    let account = caller.viewer.account.value.id;
    let page = app.services().consents().history(account, listing.request()).await?;
    let show = |it: ConsentEntry| ConsentStep {
        recipient: recipient(&it.recipient),
        proof: proof(&it.proof, it.at.into()),
        allowed: it.allowed.into_iter().collect(),
    };
    Ok(Json(List::of(page, show)))
}

/// Takes back what an application was allowed, and ends its access.
#[utoipa::path(
    delete,
    path = "/consents/clients/{id}",
    params(("id" = String, Path, description = "The client.")),
    responses((status = 204, description = "It is allowed nothing."))
)]
async fn withdraw_client(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let client = id.parse().map_err(|_| Code::NotFound)?;
    withdraw(&app, &caller, &Recipient::Client(client)).await
}

/// Takes back what a service that speaks SAML may know: it is asked again at the next sign-in.
#[utoipa::path(
    delete,
    path = "/consents/services/{id}",
    params(("id" = String, Path, description = "The entity id of the service.")),
    responses((status = 204, description = "It may know nothing."))
)]
async fn withdraw_service(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    withdraw(&app, &caller, &Recipient::Service(id)).await
}

/// Lists what the person is asked for beside what applications ask for.
#[utoipa::path(get, path = "/purposes", responses((status = 200, body = Purposes)))]
async fn list_purposes(State(app): State<App>, caller: Caller) -> Result<Json<Purposes>, Problem> {
    let (account, consents) = (caller.viewer.account.value.id, app.services().consents());
    let mut items = Vec::new();
    for purpose in app.purposes() {
        let (title, text) = purpose.words(caller.visit.language);
        let consent = consents.to_purpose(account, &purpose.id).await?;
        let current = consent.as_ref().is_some_and(|it| it.is_to(&purpose.version));
        items.push(Purpose {
            id: purpose.id.clone(),
            version: purpose.version.clone(),
            title: title.to_owned(),
            text: text.to_owned(),
            consented: current,
            changed: consent.is_some() && !current,
        });
    }
    Ok(Json(Purposes { items }))
}

/// Consents to a purpose, in the words that `GET /purposes` gives in the language of this request.
#[utoipa::path(
    put,
    path = "/purposes/{id}/consent",
    params(("id" = String, Path, description = "The purpose.")),
    responses((status = 204, description = "It is recorded."))
)]
async fn give_purpose(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let purpose = app.purpose(&id).ok_or(Code::NotFound)?;
    app.allow_purpose(caller.viewer.account.value.id, purpose, caller.visit.language, HOW).await?;
    Ok(DONE)
}

/// Takes a consent to a purpose back.
#[utoipa::path(
    delete,
    path = "/purposes/{id}/consent",
    params(("id" = String, Path, description = "The purpose.")),
    responses((status = 204, description = "It is taken back."))
)]
async fn withdraw_purpose(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    withdraw(&app, &caller, &Recipient::Purpose(id)).await
}

/// Lists the terms that were accepted.
#[utoipa::path(get, path = "/terms", responses((status = 200, body = AllAcceptedTerms)))]
async fn list_accepted_terms(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<AllAcceptedTerms>, Problem> {
    let languages = [caller.visit.language.code().to_owned()];
    let accepted = app.accepted_terms(caller.viewer.account.value.id).await?;
    let items = accepted.into_iter().map(|(it, version)| {
        let text = version.as_ref().and_then(|it| it.text_for(&languages)).map(|(_, text)| text);
        AcceptedTerms {
            title: text.and_then(|it| it.title.clone()),
            url: text.and_then(|it| it.url.clone()),
            document: it.document.as_str().to_owned(),
            version: it.version,
            locale: it.locale,
            digest: it.digest.map(|it| it.to_text()),
            how: it.how.as_str(),
            accepted_at: it.accepted_at.into(),
        }
    });
    Ok(Json(AllAcceptedTerms { items: items.collect() }))
}

/// Lists what happened to the account, the oldest first.
#[utoipa::path(get, path = "/activity", params(Listing), responses((status = 200, body = List<Activity>)))]
async fn list_activity(
    State(app): State<App>,
    caller: Caller,
    listing: Listing,
) -> Result<Json<List<Activity>>, Problem> {
    let subject = format!("account:{}", caller.viewer.account.value.id);
    let page = AuditLog::new(app.ports().clone()).entries_about(&subject, listing.request()).await?;
    let show = |it: AuditEntry| Activity { kind: it.event_type, at: it.time.into(), data: it.data };
    Ok(Json(List::of(page, show)))
}

/// Everything that is kept about the person, as one document of the schema `urn:ciam:export:1`.
#[utoipa::path(
    get,
    path = "/export",
    responses((status = 200, content_type = "application/json", body = Object))
)]
async fn export(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    Ok(exported(&app, &caller.viewer))
}

async fn withdraw(app: &App, caller: &Caller, recipient: &Recipient) -> Result<StatusCode, Problem> {
    let was = app.withdraw(caller.viewer.account.value.id, recipient, HOW).await?;
    if was { Ok(DONE) } else { Err(Code::NotFound.into()) }
}

fn consent(it: Agreed) -> ConsentView {
    ConsentView {
        recipient: recipient(&it.recipient.text()),
        name: it.name,
        allowed: it.consent.allowed.into_iter().collect(),
        given_at: it.consent.given_at.into(),
        updated_at: it.consent.updated_at.into(),
        proof: it.proof.map(|entry| proof(&entry.proof, entry.at.into())),
    }
}

fn recipient(text: &str) -> RecipientView {
    let (kind, id) = match Recipient::of(text) {
        Some(Recipient::Purpose(name)) => ("purpose", name),
        Some(Recipient::Client(id)) => ("client", id.as_str().to_owned()),
        Some(Recipient::Service(id)) => ("service", id),
        None => ("other", text.to_owned()),
    };
    RecipientView { kind, id }
}

fn proof(of: &ConsentProof, at: Moment) -> ProofView {
    ProofView {
        version: of.version.clone(),
        locale: of.locale.clone(),
        digest: of.digest.map(|it| it.to_text()),
        how: of.how.clone(),
        at,
    }
}

/// How a consent that is changed here was changed.
const HOW: &str = "api";
