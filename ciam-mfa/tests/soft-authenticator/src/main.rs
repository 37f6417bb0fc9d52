//! A browser with an authenticator of others: `passkey-client`, which is told on its standard input what to do, a line of JSON at a
//! time, and says what came of it.
//!
//! `{"origin", "create": options}`, `{"origin", "get": options}`, or `{"verified": false}` from when on it recognises nobody. It
//! keeps one passkey. Answers are `{"ok": credential}` or `{"refused": why}`.

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_executor::block_on;
use passkey_authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod};
use passkey_client::{Client, DefaultClientData};
use passkey_crypto::AvailableBackend;
use passkey_types::Passkey;
use passkey_types::ctap2::{Aaguid, Ctap2Error};
use serde_json::{Value, json};
use url::Url;

type Failure = Box<dyn std::error::Error>;

/// Somebody who touches the authenticator, and is recognised by it or not.
struct Person(Arc<AtomicBool>);

#[async_trait]
impl UserValidationMethod for Person {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        hint: UiHint<'a, Passkey>,
        presence: bool,
        verification: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        match hint {
            UiHint::InformExcludedCredentialFound(_) => Err(Ctap2Error::CredentialExcluded),
            _ => Ok(UserCheck { presence, verification: verification && self.0.load(Ordering::SeqCst) }),
        }
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(self.0.load(Ordering::SeqCst))
    }
}

fn main() -> Result<(), Failure> {
    let verified = Arc::new(AtomicBool::new(true));
    let store: Option<Passkey> = None;
    let person = Person(verified.clone());
    let authenticator = Authenticator::new(Aaguid::new_empty(), store, person, AvailableBackend);
    let mut client = Client::new(authenticator);
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line?)?;
        if let Some(recognised) = asked["verified"].as_bool() {
            verified.store(recognised, Ordering::SeqCst);
        }
        let origin = asked["origin"].as_str().map(Url::parse).transpose()?;
        let options = |kind: &str| json!({ "publicKey": asked[kind] });
        let answer = match origin {
            Some(origin) if asked["create"].is_object() => {
                let request = serde_json::from_value(options("create"))?;
                told(block_on(client.register(&origin, request, DefaultClientData)))?
            }
            Some(origin) => {
                let request = serde_json::from_value(options("get"))?;
                told(block_on(client.authenticate(&origin, request, DefaultClientData)))?
            }
            None => json!({ "ok": null }),
        };
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn told<T: serde::Serialize, E: std::fmt::Debug>(made: Result<T, E>) -> Result<Value, Failure> {
    Ok(match made {
        Ok(credential) => json!({ "ok": serde_json::to_value(credential)? }),
        Err(error) => json!({ "refused": format!("{error:?}") }),
    })
}
