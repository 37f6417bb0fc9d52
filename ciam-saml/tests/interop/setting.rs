//! What both roles have in common: ports, keys, addresses.

use std::sync::{Arc, LazyLock};

use ciam_core::clock::SystemClock;
use ciam_core::entropy::SystemEntropy;
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_saml::dsig::SignatureAlgorithm;
use ciam_saml::transport::Binding;
use serde_json::{Value, json};

use crate::support::{CRYPTO, IDP, Pair, b64};

pub(crate) const SP_ID: &str = "https://sp.example/metadata";
pub(crate) const ACS: &str = "https://sp.example/saml/acs";
pub(crate) const SP_SLO: &str = "https://sp.example/saml/slo";
pub(crate) const IDP_ID: &str = "https://idp.example/metadata";
pub(crate) const SSO: &str = "https://idp.example/saml/sso";
pub(crate) const IDP_SLO: &str = "https://idp.example/saml/slo";
pub(crate) const IDP_SOAP: &str = "https://idp.example/saml/soap";
pub(crate) const SP_SOAP: &str = "https://sp.example/saml/soap";
pub(crate) const ARTIFACTS: &str = "https://idp.example/saml/artifacts";
pub(crate) const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
/// A value that has to be escaped, in XML and in pages.
pub(crate) const MAIL: &str = "ada+\u{e9}<&>@example.com";
/// A relay state that has to be escaped in a query.
pub(crate) const RELAY_STATE: &str = "to/there?a=1&b=2";

pub(crate) static SERVICE: LazyLock<Pair> = LazyLock::new(|| Pair::generate(SignatureAlgorithm::RsaSha256));

/// What is agreed on with the peer.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    /// How requests go, and messages of logout.
    pub(crate) binding: Binding,
    /// Whether requests for sign-in are signed, and have to be.
    pub(crate) signed: bool,
    /// Whether assertions are encrypted.
    pub(crate) encrypted: bool,
    /// Whether answers go by artifact.
    pub(crate) by_artifact: bool,
}

impl Terms {
    pub(crate) const PLAIN: Self =
        Self { binding: Binding::Redirect, signed: false, encrypted: false, by_artifact: false };

    pub(crate) const fn signed(binding: Binding) -> Self {
        Self { binding, signed: true, ..Self::PLAIN }
    }

    pub(crate) const fn answer_name(self) -> &'static str {
        if self.by_artifact { "artifact" } else { "post" }
    }

    pub(crate) const fn binding_name(self) -> &'static str {
        match self.binding {
            Binding::Redirect => "redirect",
            Binding::Post => "post",
        }
    }

    /// How the peer is set up, in a role.
    pub(crate) fn setup(self, role: &str) -> Value {
        let (pair, entity_id, slo, soap) = if role == "sp" {
            (&*SERVICE, SP_ID, SP_SLO, SP_SOAP)
        } else {
            (&*IDP, IDP_ID, IDP_SLO, IDP_SOAP)
        };
        json!({
            "role": role,
            "entity_id": entity_id,
            "acs": ACS,
            "sso": SSO,
            "slo": slo,
            "soap": soap,
            "artifacts": ARTIFACTS,
            "key": pem("PRIVATE KEY", pair.pkcs8.expose()),
            "certificate": pem("CERTIFICATE", &pair.certificate),
            "binding": self.binding_name(),
            "signed": self.signed,
            "encrypted": self.encrypted,
        })
    }
}

pub(crate) fn ports() -> Ports {
    memory::ports_with(Arc::new(SystemClock::new()), Arc::new(SystemEntropy::new()))
        .with_crypto(CRYPTO.clone())
}

pub(crate) fn pem(what: &str, der: &[u8]) -> String {
    let text = b64(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The values of all attributes, whatever the peer calls them.
pub(crate) fn says_mail(attributes: &Value) -> bool {
    attributes.as_object().is_some_and(|all| all.values().any(|values| *values == json!([MAIL])))
}
