//! From a document to a client (section 4 of the draft): a pure decision.

use serde_json::{Map, Value};
use url::Url;

use super::ClientDocuments;
use crate::authorize::ResponseType;
use crate::client::{
    ApplicationType, AuthMethod, Client, ClientAuthentication, ClientId, ClientProblem, GrantType,
};
use crate::redirect_uri::{RedirectUri, RedirectUriKind};
use crate::registration::{ClientMetadata, RegistrationError, RegistrationSettings, Wanted};
use crate::scope::ScopeSet;

/// Why a document makes no client. For logs: a request is told that the client is not known.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentProblem {
    /// It cannot be fetched, or is not JSON of status 200.
    #[error("the client's document cannot be fetched")]
    Fetch(#[from] ciam_core::outbound::OutboundError),
    /// Too many are fetched.
    #[error("too many documents are fetched")]
    TooMany,
    /// It is no JSON object with each member once.
    #[error("the client's document is malformed")]
    Malformed,
    /// It is another client's.
    #[error("the client's document is of another client")]
    ClientId,
    /// It has a secret, or a method of authentication that needs one or a certificate.
    #[error("a client that publishes what it is proves a key or nothing")]
    Authentication,
    /// A redirect URI is at another origin than the client's.
    #[error("a redirect URI is at another origin than the client's")]
    Redirect,
    /// What it says cannot be registered.
    #[error("the client's document cannot be registered")]
    Registration(#[source] RegistrationError),
    /// The registration breaks a rule.
    #[error("the client's document breaks a rule")]
    Problem(#[from] ClientProblem),
}

/// What a document makes of a client, before the server's own rules are applied to it.
pub(super) fn read(
    id: &ClientId,
    url: &Url,
    body: &[u8],
    settings: &ClientDocuments,
    known: &ScopeSet,
) -> Result<Client, DocumentProblem> {
    // Read as what it is meant to be first: that refuses a member that is there twice.
    let mut metadata: ClientMetadata =
        serde_json::from_slice(body).map_err(|_| DocumentProblem::Malformed)?;
    let members: Map<String, Value> = serde_json::from_slice(body).map_err(|_| DocumentProblem::Malformed)?;
    if metadata.client_id.as_deref() != Some(id.as_str()) {
        return Err(DocumentProblem::ClientId);
    }
    if members.contains_key("client_secret") || members.contains_key("client_secret_expires_at") {
        return Err(DocumentProblem::Authentication);
    }
    if metadata.sector_identifier_uri.is_some() {
        let text = "sector_identifier_uri is not looked at";
        return Err(DocumentProblem::Registration(RegistrationError::InvalidMetadata(text)));
    }
    let authentication = authentication(&mut metadata)?;
    keep_supported(&mut metadata, settings);
    let mut client = match authentication {
        ClientAuthentication::None => Client::public(id.clone()),
        proof => Client::confidential(id.clone(), proof),
    };
    let mut registration = RegistrationSettings::default().with_grants(settings.grants.iter().copied());
    registration.scopes.clone_from(&settings.scopes);
    metadata.apply(&mut client, &registration, known).map_err(DocumentProblem::Registration)?;
    let on_device = |uri: &RedirectUri| uri.kind() != RedirectUriKind::Https;
    if metadata.application_type.is_none() && client.redirect_uris.iter().any(on_device) {
        client.application_type = ApplicationType::Native;
    }
    client.resources.clone_from(&settings.resources);
    let own = url.origin().ascii_serialization();
    let foreign = |uri: &RedirectUri| !on_device(uri) && uri.origin().as_ref() != Some(&own);
    let mut all = client.redirect_uris.iter().chain(&client.post_logout_redirect_uris);
    if !settings.foreign_redirects && all.any(foreign) {
        return Err(DocumentProblem::Redirect);
    }
    Ok(client)
}

/// By a key that it publishes, or by nothing: there is no secret that both sides could know.
fn authentication(metadata: &mut ClientMetadata) -> Result<ClientAuthentication, DocumentProblem> {
    let named =
        metadata.token_endpoint_auth_method.get_or_insert_with(|| AuthMethod::None.as_str().to_owned());
    let method = AuthMethod::from_name(named);
    if !method.is_some_and(|method| matches!(method, AuthMethod::None | AuthMethod::PrivateKeyJwt)) {
        return Err(DocumentProblem::Authentication);
    }
    match metadata.authentication().map_err(DocumentProblem::Registration)? {
        Wanted::Given(authentication) => Ok(authentication),
        Wanted::Secret(_) => Err(DocumentProblem::Authentication),
    }
}

/// One document is read by many servers: what this one does not have is left out, not refused.
fn keep_supported(metadata: &mut ClientMetadata, settings: &ClientDocuments) {
    if let Some(grants) = &mut metadata.grant_types {
        grants
            .retain(|name| GrantType::from_name(name).is_some_and(|grant| settings.grants.contains(&grant)));
    }
    if let Some(types) = &mut metadata.response_types {
        types.retain(|name| ResponseType::from_name(name) == Some(ResponseType::Code));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "https://app.example/client.json";

    fn client(change: impl FnOnce(&mut Value)) -> Result<Client, DocumentProblem> {
        let mut document = json!({
            "client_id": ID, "client_name": "App", "redirect_uris": ["https://app.example/cb"],
            "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
        });
        change(&mut document);
        with(&ClientDocuments::default(), &document.to_string())
    }

    fn with(settings: &ClientDocuments, body: &str) -> Result<Client, DocumentProblem> {
        let known = "orders:read orders:write".parse().unwrap();
        read(&ID.parse().unwrap(), &Url::parse(ID).unwrap(), body.as_bytes(), settings, &known)
    }

    #[test]
    fn a_document_is_a_registration() {
        let made = client(|document| document["scope"] = json!("orders:read unheard-of")).unwrap();
        assert!(made.is_public() && !made.first_party && made.serves.is_empty());
        assert_eq!(made.scopes.to_string(), "orders:read");
        assert_eq!(made.display.name.as_deref(), Some("App"));
        assert!(made.allows(GrantType::RefreshToken));
        assert_eq!(made.application_type, ApplicationType::Web);
        let unsaid =
            client(|document| drop(document.as_object_mut().unwrap().remove("token_endpoint_auth_method")));
        assert!(unsaid.unwrap().is_public(), "a secret that nobody has is not the default");
        let more = client(|document| document["grant_types"] = json!(["authorization_code", "password"]));
        assert!(!more.unwrap().allows(GrantType::RefreshToken));
        let app = client(|document| {
            document["redirect_uris"] = json!(["http://127.0.0.1/cb", "http://localhost:3/cb"])
        });
        assert_eq!(app.unwrap().application_type, ApplicationType::Native);
    }

    /// Sections 4 and 8.1 of the draft.
    #[test]
    fn what_a_document_must_not_say() {
        type Case = (fn(&mut Value), &'static str);
        let cases: [Case; 12] = [
            (|it| it["client_id"] = json!("https://app.example/client.json?"), "another client"),
            (|it| it["client_id"] = json!("https://APP.example/client.json"), "another client"),
            (|it| drop(it.as_object_mut().unwrap().remove("client_id")), "another client"),
            (|it| it["client_secret"] = json!("s"), "proves a key"),
            (|it| it["client_secret_expires_at"] = json!(0), "proves a key"),
            (|it| it["token_endpoint_auth_method"] = json!("client_secret_basic"), "proves a key"),
            (|it| it["token_endpoint_auth_method"] = json!("client_secret_jwt"), "proves a key"),
            (|it| it["token_endpoint_auth_method"] = json!("tls_client_auth"), "proves a key"),
            (|it| it["token_endpoint_auth_method"] = json!("private_key_jwt"), "cannot be registered"),
            (|it| it["redirect_uris"] = json!(["https://evil.example/cb"]), "another origin"),
            (|it| it["redirect_uris"] = json!(["javascript:alert(1)"]), "cannot be registered"),
            (|it| it["post_logout_redirect_uris"] = json!(["https://evil.example/"]), "another origin"),
        ];
        for (change, reason) in cases {
            let problem = client(change).unwrap_err();
            assert!(problem.to_string().contains(reason), "{problem}, not {reason}");
        }
        let settings = ClientDocuments::default();
        for body in ["", "[]", "{}", "null", r#"{"client_id":"a","client_id":"b"}"#] {
            assert!(with(&settings, body).is_err(), "{body}");
        }
        let elsewhere = format!(r#"{{"client_id":"{ID}","redirect_uris":["https://other.example/cb"]}}"#);
        assert!(with(&settings.with_foreign_redirects(), &elsewhere).is_ok());
    }
}
