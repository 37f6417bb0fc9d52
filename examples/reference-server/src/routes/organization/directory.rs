//! The directory of an organization: where it connects, by which token, and what it has asked for lately.

use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::get,
};
use ciam_core::{error::PortError, organization::Permission, secret::Secret};
use ciam_oauth::{
    Endpoint,
    client::{Client, ClientAuthentication, ClientId, ClientSecret, GrantType},
};
use ciam_scim::{
    connection::{Access, Connection},
    profile::Profile,
};
use http::StatusCode;
use time::Duration;

use super::{super::SCIM, Console};
use crate::{
    app::App,
    directory::{self, DirectoryRequest},
    i18n::ConsoleTexts,
    pages::{
        Fault,
        organization::{FormPart, Panel, Section},
        parts::{Cell, Confirm, Notice, Row, Select, Table},
    },
    web::{Failure, Form, Visit, moment},
};

pub(super) fn routes() -> Router<App> {
    Router::new().route("/organizations/{slug}/directory", get(show).post(submit))
}

/// How long the tokens of before stay good.
const OVERLAP: Duration = Duration::DAY;

/// A directory makes, stops and removes members, so whoever connects one must be allowed to do all of that.
fn may_connect(console: &Console) -> bool {
    let needed = [Permission::MEMBER_INVITE, Permission::MEMBER_UPDATE, Permission::MEMBER_REMOVE];
    needed.iter().all(|permission| console.may(permission))
}

async fn show(State(app): State<App>, visit: Visit, Path(slug): Path<String>) -> Result<Response, Failure> {
    match Console::open(&app, &visit, &slug).await? {
        Ok(console) => render(&app, &visit, &console, None).await,
        Err(response) => Ok(response),
    }
}

async fn submit(
    State(app): State<App>,
    visit: Visit,
    Path(slug): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let console = match Console::open(&app, &visit, &slug).await? {
        Ok(console) => console,
        Err(response) => return Ok(response),
    };
    let t = &app.texts(visit.language).console;
    if !may_connect(&console) {
        let denied = (StatusCode::FORBIDDEN, Notice::bad(t.error_denied.as_str()));
        return render(&app, &visit, &console, Some(denied)).await;
    }
    let (connections, actor, id) = (&app.services().connections, &console.actor, console.id);
    match form.text("do") {
        what @ ("rotate" | "rotate_read") => {
            let access = if what == "rotate" { Access::Manage } else { Access::Read };
            let token = connections.rotate(id, access, OVERLAP, actor).await?;
            let text = format!("{} {}", t.directory_your_token.as_str(), token.expose());
            return render(&app, &visit, &console, Some((StatusCode::OK, Notice::good(text)))).await;
        }
        "client" => {
            let known = connections.of(id).await?.map(|it| it.clients.len()).unwrap_or_default();
            if known >= Connection::MAX_CLIENTS {
                let notice = Notice::bad(t.error_too_many.as_str());
                let said = Some((StatusCode::UNPROCESSABLE_ENTITY, notice));
                return render(&app, &visit, &console, said).await;
            }
            let text = new_client(&app, &console, t).await?;
            return render(&app, &visit, &console, Some((StatusCode::OK, Notice::good(text)))).await;
        }
        "client_remove" => {
            let known = connections.of(id).await?.map(|it| it.clients).unwrap_or_default();
            let client = known.into_iter().find(|it| it == form.text("client")).ok_or(Fault::BadRequest)?;
            connections.remove_client(id, &client, actor).await?;
            app.services().server.clients().delete(&client_id(&client)?).await?;
        }
        what @ ("later" | "later_not") => connections.allow_later(id, what == "later", actor).await?,
        "revoke" => connections.revoke(id, actor).await?,
        "profile" => {
            let chosen = PROFILES.into_iter().find(|it| it.as_str() == form.text("profile"));
            let roles = connections.of(id).await?.map(|it| it.group_roles).unwrap_or_default();
            connections.configure(id, chosen.ok_or(Fault::BadRequest)?, roles, actor).await?;
        }
        _ => return Err(Fault::BadRequest.into()),
    }
    console.done(Section::Directory)
}

/// Makes an OAuth client that acts for the directory, and says what is said once.
async fn new_client(app: &App, console: &Console, t: &ConsoleTexts) -> Result<String, Failure> {
    let (server, entropy) = (&app.services().server, app.ports().entropy());
    let random = Secret::random(entropy)?;
    let name: String = random.expose().chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    let (id, secret) = (client_id(&format!("scim-{name}"))?, ClientSecret::generate(entropy)?);
    let scopes = [Access::Read, Access::Manage].map(Access::scope).join(" ");
    let resource = app.config().issuer.join(SCIM);
    let client = Client::confidential(id.clone(), ClientAuthentication::basic(&secret))
        .with_name(format!("{}: {}", console.name, t.directory.as_str()))
        .with_grant(GrantType::ClientCredentials)
        .with_scopes(scopes.parse().map_err(PortError::permanent)?)
        .with_resource(resource.parse().map_err(PortError::permanent)?);
    server.clients().register(client).await.map_err(PortError::permanent)?;
    app.services().connections.add_client(console.id, id.as_str(), &console.actor).await?;
    Ok(t.directory_your_client.fill(&[("id", id.as_str()), ("secret", secret.expose())]))
}

fn client_id(text: &str) -> Result<ClientId, PortError> {
    text.parse().map_err(PortError::permanent)
}

/// The OAuth clients that act for the directory.
fn clients(app: &App, visit: &Visit, console: &Console, connection: &Connection) -> Panel {
    let t = &app.texts(visit.language).console;
    let action = || visit.action(&console.path(Section::Directory));
    let hint = t.directory_clients_hint.with("endpoint", app.services().server.url(Endpoint::Token));
    let mut panel = Panel::new("clients", t.directory_clients.as_str()).with_hint(hint);
    for client in &connection.clients {
        let label = t.directory_client_remove.as_str();
        let question = t.directory_revoke_question.as_str();
        panel = panel.with_line(client.as_str(), "").with_confirm(
            Confirm::new(action(), label, question, label)
                .with_hidden("do", "client_remove")
                .with_hidden("client", client.as_str())
                .about(client.clone())
                .dangerous(),
        );
    }
    panel.with_form(
        FormPart::new(action(), t.directory_client_make.as_str()).with_hidden("do", "client").quiet(),
    )
}

const PROFILES: [Profile; 4] = [Profile::Interop, Profile::Entra, Profile::Okta, Profile::Strict];

async fn render(
    app: &App,
    visit: &Visit,
    console: &Console,
    said: Option<(StatusCode, Notice)>,
) -> Result<Response, Failure> {
    let panels = if may_connect(console) {
        panels(app, visit, console).await?
    } else {
        let t = &app.texts(visit.language).console;
        vec![Panel::new("denied", t.directory.as_str()).with_hint(t.error_denied.as_str())]
    };
    console.page(app, visit, Section::Directory, panels, said)
}

async fn panels(app: &App, visit: &Visit, console: &Console) -> Result<Vec<Panel>, PortError> {
    let t = &app.texts(visit.language).console;
    let known = app.services().connections.of(console.id).await?;
    let connection = known.unwrap_or_else(|| Connection::new(console.id));
    let action = || visit.action(&console.path(Section::Directory));
    let mut profile = Select::new("profile", t.directory_profile.as_str());
    for it in PROFILES {
        profile = profile.with(it.as_str(), it.as_str(), it == connection.profile);
    }
    let settings =
        FormPart::new(action(), t.directory_save.as_str()).with_hidden("do", "profile").with(profile).quiet();
    let endpoint = app.config().issuer.join(SCIM);
    let rotate = FormPart::new(action(), t.directory_rotate.as_str()).with_hidden("do", "rotate");
    let rotate_read = FormPart::new(action(), t.directory_rotate_read.as_str());
    let rotate_read = rotate_read.with_hidden("do", "rotate_read").quiet();
    let mut tokens =
        Panel::new("token", t.directory_tokens.as_str()).with_hint(t.directory_token_hint.as_str());
    for token in &connection.tokens {
        let until = token.expires_at.map(|at| t.directory_token_until.with("time", moment(at)));
        let since = t.directory_token_since.with("time", moment(token.created_at));
        let since = format!("{since} ({})", token.access.scope());
        tokens = tokens.with_line(since, until.unwrap_or_default());
    }
    if connection.tokens.is_empty() {
        tokens = tokens.with_line(t.directory_no_tokens.as_str(), "");
    } else {
        let question = t.directory_revoke_question.as_str();
        let label = t.directory_revoke.as_str();
        let revoke = Confirm::new(action(), label, question, label).with_hidden("do", "revoke").dangerous();
        tokens = tokens.with_confirm(revoke);
    }
    let (what, label) = if connection.later {
        ("later_not", t.directory_later_not.as_str())
    } else {
        ("later", t.directory_later.as_str())
    };
    let later = FormPart::new(action(), label).with_hidden("do", what).quiet();
    let requests = directory::remembered(app.ports(), console.id).await?;
    Ok(vec![
        Panel::new("endpoint", t.directory.as_str())
            .with_line(t.directory_endpoint.as_str(), endpoint)
            .with_hint(t.directory_later_hint.as_str())
            .with_form(settings)
            .with_form(later),
        tokens.with_form(rotate).with_form(rotate_read),
        clients(app, visit, console, &connection),
        Panel::new("requests", t.directory_requests.as_str()).with_table(table(t, &requests)),
    ])
}

fn table(t: &ConsoleTexts, requests: &[DirectoryRequest]) -> Table {
    let columns = [&t.directory_time, &t.directory_request, &t.directory_outcome];
    let columns = columns.map(|it| it.as_str().to_owned()).to_vec();
    let rows = requests.iter().map(|it| {
        Row::new(vec![
            Cell::text(moment(it.at)),
            Cell::text(format!("{} {}", it.method, it.path)),
            Cell::text(it.status.to_string()),
        ])
    });
    Table::new(t.directory_requests.as_str(), columns, t.directory_no_requests.as_str())
        .with_rows(rows.collect())
}
