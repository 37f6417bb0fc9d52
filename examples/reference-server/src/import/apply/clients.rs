//! Clients of an import file.

use ciam_core::{error::PortError, ports::Ports};
use ciam_oauth::authorize::ResponseType;
use ciam_oauth::backchannel::BackchannelClient;
use ciam_oauth::client::{
    AuthMethod, Client, ClientAuthentication, ClientKeys, ClientSecret, Clients, ClientsError, GrantType, Put,
};
use ciam_oauth::confirmation::CertificateThumbprint;
use ciam_oauth::mtls::CertificateSubject;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::Done;
use crate::{
    document::{KeyPath, Problem},
    import::{BackchannelEntry, ClientEntry, Import},
};

/// Reads the entries and asks the registry what it makes of them.
pub(super) async fn plan(
    ports: &Ports,
    clients: &Clients,
    import: &Import,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Client>, PortError> {
    let mut plans = Vec::new();
    for (index, entry) in import.content().clients.iter().enumerate() {
        let path = KeyPath::of("clients").at(index);
        let authentication = match proof(entry) {
            Ok(Proof::Shared(secret)) => Ok(shared(ports, clients, entry, &secret).await?),
            Ok(Proof::Other(other)) => Ok(other),
            Err(why) => Err(why),
        };
        let planned =
            authentication.and_then(|it| client(entry, it)).and_then(|client| match clients.check(&client) {
                Ok(()) => Ok(client),
                Err(why) => Err(why.to_string()),
            });
        match planned {
            Ok(client) => plans.push(client),
            Err(why) => problems.push(import.document().problem(&path, why)),
        }
    }
    Ok(plans)
}

/// How a client proves itself.
enum Proof {
    /// By a secret that has to be sealed.
    Shared(ClientSecret),
    Other(ClientAuthentication),
}

/// The secret of `client_secret_jwt`, sealed: once, so that the same file twice changes nothing.
async fn shared(
    ports: &Ports,
    clients: &Clients,
    entry: &ClientEntry,
    secret: &ClientSecret,
) -> Result<ClientAuthentication, PortError> {
    let stored = clients.get(&entry.id).await?.map(|found| found.value.authentication);
    match stored.filter(|it| it.method() == AuthMethod::ClientSecretJwt) {
        Some(known) if known.is_secret(ports, secret).await? => Ok(known),
        _ => ClientAuthentication::client_secret_jwt(ports, secret).await,
    }
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

fn client(entry: &ClientEntry, authentication: ClientAuthentication) -> Result<Client, String> {
    let mut client = match authentication {
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
    client.frontchannel_logout_uri.clone_from(&entry.frontchannel_logout_uri);
    client.display.initiate_login_uri.clone_from(&entry.initiate_login_uri);
    client.messages.require_signed_requests = entry.require_signed_requests;
    client.messages.request_uris.clone_from(&entry.request_uris);
    if !entry.has_keys_to_authenticate() {
        client.messages.keys = keys(entry);
    }
    for name in &entry.response_types {
        let known = ResponseType::from_name(name);
        client
            .response_types
            .insert(known.ok_or_else(|| format!("the response type `{name}` is not known"))?);
    }
    client.certificate_bound_access_tokens = entry.certificate_bound_access_tokens;
    client.scopes = entry.scopes.iter().cloned().collect();
    client.resources.clone_from(&entry.resources);
    client.serves.clone_from(&entry.serves);
    client.allowed_origins.clone_from(&entry.allowed_origins);
    client.first_party = entry.first_party;
    client.require_pushed_requests = entry.require_pushed_requests;
    client.authorization_details_types.clone_from(&entry.authorization_details_types);
    client.dpop_bound_access_tokens = entry.dpop_bound_access_tokens;
    client.backchannel = entry.backchannel.as_ref().map(backchannel);
    if client.backchannel.is_some() {
        client.grants.insert(GrantType::Ciba);
    }
    client.subject_type = entry.subjects;
    client.sector_identifier.clone_from(&entry.sector_identifier);
    client.refresh_rotation = entry.refresh_rotation;
    Ok(client)
}

fn backchannel(entry: &BackchannelEntry) -> BackchannelClient {
    let mut client = BackchannelClient::poll();
    client.delivery = entry.delivery;
    client.endpoint.clone_from(&entry.endpoint);
    client.request_alg = entry.request_alg;
    client.user_code = entry.user_code;
    client
}

fn keys(entry: &ClientEntry) -> Option<ClientKeys> {
    let jwks = entry.jwks.clone().map(ClientKeys::Jwks);
    jwks.or_else(|| entry.jwks_uri.clone().map(ClientKeys::JwksUri))
}

fn subject(entry: &ClientEntry) -> Option<CertificateSubject> {
    let named = entry.certificate.as_ref()?;
    let mut all = [
        named.subject_dn.clone().map(CertificateSubject::DistinguishedName),
        named.san_dns.clone().map(CertificateSubject::Dns),
        named.san_uri.clone().map(CertificateSubject::Uri),
        named.san_ip.map(CertificateSubject::Ip),
        named.san_email.clone().map(CertificateSubject::Email),
    ]
    .into_iter()
    .flatten();
    all.next().filter(|_| all.next().is_none())
}

fn proof(entry: &ClientEntry) -> Result<Proof, String> {
    let secret = || {
        let inline = entry.secret.as_ref().map(|it| it.expose().to_owned());
        let variable = || entry.secret_env.as_ref().and_then(|it| std::env::var(it).ok());
        let text = inline.or_else(variable).ok_or("the secret is missing")?;
        ClientSecret::new(text.as_str()).map_err(|why| why.to_string())
    };
    Ok(Proof::Other(match entry.authentication {
        AuthMethod::None => ClientAuthentication::None,
        AuthMethod::ClientSecretBasic => ClientAuthentication::basic(&secret()?),
        AuthMethod::ClientSecretPost => ClientAuthentication::post(&secret()?),
        AuthMethod::ClientSecretJwt => return Ok(Proof::Shared(secret()?)),
        AuthMethod::PrivateKeyJwt => {
            let keys = keys(entry).ok_or("the keys are missing")?;
            let token_endpoint_audience = entry.token_endpoint_audience;
            ClientAuthentication::PrivateKeyJwt { keys, alg: None, token_endpoint_audience }
        }
        #[cfg(feature = "draft-attested-clients")]
        AuthMethod::AttestJwtClientAuth => {
            ClientAuthentication::attested(keys(entry).ok_or("the keys of its attesters are missing")?)
        }
        AuthMethod::TlsClientAuth => {
            ClientAuthentication::tls(subject(entry).ok_or("`certificate` needs exactly one name")?)
        }
        AuthMethod::SelfSignedTlsClientAuth => {
            let thumbprint = |pem: &String| {
                CertificateDer::from_pem_slice(pem.as_bytes()).ok().map(|der| CertificateThumbprint::of(&der))
            };
            let known: Option<Vec<_>> = entry.certificates.iter().map(thumbprint).collect();
            ClientAuthentication::self_signed_tls(known.ok_or("a certificate is not PEM")?)
        }
        other => return Err(format!("the method `{}` is not known", other.as_str())),
    }))
}
