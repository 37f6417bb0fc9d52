//! A password credential of Keycloak, as its realm export holds it.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::argon2::ForeignArgon2;
use super::pbkdf2::{Pbkdf2, digest_of};
use super::text::{number, unbase64};
use super::{ForeignHash, Form};

/// Today's form: two JSON texts inside one object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    credential_data: Nested<CredentialData>,
    secret_data: Nested<SecretData>,
}

/// JSON, or a text that holds JSON.
#[derive(Deserialize)]
#[serde(untagged)]
enum Nested<T> {
    Text(String),
    Plain(T),
}

impl<T: for<'de> Deserialize<'de>> Nested<T> {
    fn open(self) -> Option<T> {
        match self {
            Self::Text(text) => serde_json::from_str(&text).ok(),
            Self::Plain(value) => Some(value),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialData {
    algorithm: String,
    hash_iterations: u32,
    #[serde(default)]
    additional_parameters: Map<String, Value>,
}

#[derive(Deserialize)]
struct SecretData {
    value: String,
    salt: String,
}

pub(super) fn parse(text: &str) -> Option<ForeignHash> {
    let credential: Credential = serde_json::from_str(text).ok()?;
    let (data, secret) = (credential.credential_data.open()?, credential.secret_data.open()?);
    let (salt, hash) = (unbase64(&secret.salt)?, unbase64(&secret.value)?);
    if data.algorithm == "argon2" {
        return argon2(&data, salt, hash);
    }
    let digest = digest_of(&data.algorithm)?;
    let iterations = data.hash_iterations.try_into().ok()?;
    Some(ForeignHash(Form::Pbkdf2(Pbkdf2::new(digest, iterations, salt, hash))))
}

fn argon2(data: &CredentialData, salt: Vec<u8>, hash: Vec<u8>) -> Option<ForeignHash> {
    let parameter = |name: &str| match data.additional_parameters.get(name)? {
        Value::Array(values) => values.first()?.as_str(),
        value => value.as_str(),
    };
    let version = match parameter("version")? {
        "1.0" => 0x10,
        "1.3" => 0x13,
        _ => return None,
    };
    let id = format!("argon2{}", parameter("type")?);
    let costs = [number(parameter("memory")?)?, data.hash_iterations, number(parameter("parallelism")?)?];
    ForeignArgon2::new(&id, version, costs, salt, hash).map(|hash| ForeignHash(Form::Argon2(hash)))
}
