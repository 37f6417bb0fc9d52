//! Clients of an import file.

use ciam_core::error::PortError;
use ciam_oauth::client::{
    AuthMethod, Client, ClientAuthentication, ClientKeys, ClientSecret, Clients, ClientsError, Put,
};

use super::Done;
use crate::{
    document::{KeyPath, Problem},
    import::{ClientEntry, Import},
};

/// Reads the entries and asks the registry what it makes of them.
pub(super) fn plan(clients: &Clients, import: &Import, problems: &mut Vec<Problem>) -> Vec<Client> {
    let mut plans = Vec::new();
    for (index, entry) in import.content().clients.iter().enumerate() {
        let path = KeyPath::of("clients").at(index);
        let planned = client(entry).and_then(|client| match clients.check(&client) {
            Ok(()) => Ok(client),
            Err(why) => Err(why.to_string()),
        });
        match planned {
            Ok(client) => plans.push(client),
            Err(why) => problems.push(import.document().problem(&path, why)),
        }
    }
    plans
}

/// Registers the client or updates it where it differs.
pub(super) async fn apply(clients: &Clients, client: Client) -> Result<Done, PortError> {
    match clients.put(client).await {
        Ok(Put::Registered) => Ok(Done::Created),
        Ok(Put::Updated) => Ok(Done::Updated),
        Ok(_) => Ok(Done::Unchanged),
        Err(ClientsError::Port(error)) => Err(error),
        // Refusals were found by `plan`; what is left is a race that somebody else keeps winning.
        Err(other) => Err(PortError::transient(other)),
    }
}

fn client(entry: &ClientEntry) -> Result<Client, String> {
    let mut client = match authentication(entry)? {
        ClientAuthentication::None => Client::public(entry.id.clone()),
        authentication => Client::confidential(entry.id.clone(), authentication),
    };
    client = client.with_name(entry.name.as_str());
    if let Some(kind) = entry.application_type {
        client = client.with_application_type(kind);
    }
    client.grants.clone_from(&entry.grants);
    client.redirect_uris.clone_from(&entry.redirect_uris);
    client.post_logout_redirect_uris.clone_from(&entry.post_logout_redirect_uris);
    client.backchannel_logout_uri.clone_from(&entry.backchannel_logout_uri);
    client.scopes = entry.scopes.iter().cloned().collect();
    client.resources.clone_from(&entry.resources);
    client.serves.clone_from(&entry.serves);
    client.allowed_origins.clone_from(&entry.allowed_origins);
    client.first_party = entry.first_party;
    client.require_pushed_requests = entry.require_pushed_requests;
    client.dpop_bound_access_tokens = entry.dpop_bound_access_tokens;
    client.subject_type = entry.subjects;
    client.sector_identifier.clone_from(&entry.sector_identifier);
    client.refresh_rotation = entry.refresh_rotation;
    Ok(client)
}

fn authentication(entry: &ClientEntry) -> Result<ClientAuthentication, String> {
    let secret = || {
        let inline = entry.secret.as_ref().map(|it| it.expose().to_owned());
        let variable = || entry.secret_env.as_ref().and_then(|it| std::env::var(it).ok());
        let text = inline.or_else(variable).ok_or("the secret is missing")?;
        ClientSecret::new(text.as_str()).map_err(|why| why.to_string())
    };
    match entry.authentication {
        AuthMethod::None => Ok(ClientAuthentication::None),
        AuthMethod::ClientSecretBasic => Ok(ClientAuthentication::basic(&secret()?)),
        AuthMethod::ClientSecretPost => Ok(ClientAuthentication::post(&secret()?)),
        AuthMethod::PrivateKeyJwt => {
            let jwks = entry.jwks.clone().map(ClientKeys::Jwks);
            let keys = jwks.or_else(|| entry.jwks_uri.clone().map(ClientKeys::JwksUri));
            Ok(ClientAuthentication::private_key_jwt(keys.ok_or("the keys are missing")?))
        }
        other => Err(format!("the method `{}` is not known", other.as_str())),
    }
}
