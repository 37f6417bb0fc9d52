//! A service provider in memory, and an identity provider that writes whatever a test wants.

use std::sync::Arc;

use ciam_core::clock::Clock as _;
use ciam_core::entropy::SystemEntropy;
use ciam_core::http::BrowserId;
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::testkit::ManualClock;
use ciam_saml::binding::PostMessage;
use ciam_saml::sp::{Accepted, IdpPartner, Reject, ServiceProvider, ServiceProviderConfig, Start};
use ciam_saml::transport::Binding;
use time::{Duration, OffsetDateTime};

use crate::support::*;

pub(crate) const SP: &str = "https://sp.example/metadata";
pub(crate) const ACS: &str = "https://sp.example/saml/acs";
pub(crate) const IDP_ID: &str = "https://idp.example/metadata";
pub(crate) const OTHER_ID: &str = "https://other.example/metadata";
pub(crate) const ARTIFACTS: &str = "https://idp.example/artifacts";
pub(crate) const SP_SOAP: &str = "https://sp.example/saml/soap";
pub(crate) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(crate) const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(crate) const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

pub(crate) struct World {
    pub(crate) ports: Ports,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) sp: ServiceProvider,
    pub(crate) browser: BrowserId,
}

pub(crate) fn partner(id: &str, pair: &Pair) -> IdpPartner {
    IdpPartner::new(id, pair.trusted())
        .with_sign_on(Binding::Redirect, "https://idp.example/sso")
        .with_logout(Binding::Redirect, "https://idp.example/slo")
        .with_artifact_resolution(0, ARTIFACTS)
}

pub(crate) fn config() -> ServiceProviderConfig {
    ServiceProviderConfig::new(SP, ACS)
        .with_logout_url("https://sp.example/saml/slo")
        .with_soap_logout_url(SP_SOAP)
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(config(), partner(IDP_ID, &IDP))
    }

    pub(crate) fn with(config: ServiceProviderConfig, idp: IdpPartner) -> Self {
        let clock = Arc::new(ManualClock::default());
        let ports =
            memory::ports_with(clock.clone(), Arc::new(SystemEntropy::new())).with_crypto(CRYPTO.clone());
        let sp = ServiceProvider::new(ports.clone(), config, [idp, partner(OTHER_ID, &OTHER)]);
        let browser = BrowserId::generate(&SystemEntropy::new()).unwrap();
        Self { ports, clock, sp, browser }
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    pub(crate) fn start(&self) -> String {
        self.start_with(Start::new().with_target("/inbox"))
    }

    pub(crate) fn start_with(&self, start: Start) -> String {
        block_on(self.sp.start(&self.browser, IDP_ID, start)).unwrap().request_id
    }

    pub(crate) fn accept(&self, xml: &str) -> Result<Accepted, Reject> {
        self.accept_from(Some(&self.browser), xml)
    }

    pub(crate) fn accept_from(&self, browser: Option<&BrowserId>, xml: &str) -> Result<Accepted, Reject> {
        block_on(self.sp.accept(browser, &post("SAMLResponse", xml)))
    }
}

pub(crate) fn post(field: &str, xml: &str) -> PostMessage {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair(field, &b64(xml.as_bytes()))
        .finish();
    PostMessage::parse(form.as_bytes()).unwrap()
}

pub(crate) fn envelope(xml: &str) -> String {
    format!(
        r#"<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>{xml}</soap:Body></soap:Envelope>"#
    )
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) fn at(when: OffsetDateTime) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    when.format(format).unwrap()
}

/// What an identity provider says; change a field to say something else.
#[derive(Clone)]
pub(crate) struct Says {
    pub(crate) response_id: String,
    pub(crate) assertion_id: String,
    pub(crate) in_response_to: Option<String>,
    pub(crate) confirmed_request: Option<String>,
    pub(crate) issued: String,
    pub(crate) assertion_issued: String,
    pub(crate) destination: Option<String>,
    pub(crate) response_issuer: Option<String>,
    pub(crate) issuer: String,
    pub(crate) status: String,
    pub(crate) version: String,
    pub(crate) name_id: String,
    pub(crate) method: String,
    pub(crate) recipient: Option<String>,
    pub(crate) confirmation_extra: String,
    pub(crate) confirmation_end: Option<String>,
    pub(crate) more_confirmations: String,
    pub(crate) not_before: String,
    pub(crate) not_on_or_after: String,
    pub(crate) conditions: String,
    pub(crate) authn_instant: String,
    pub(crate) session_end: String,
    pub(crate) class: String,
    pub(crate) attributes: String,
    pub(crate) advice: String,
}

impl Says {
    pub(crate) fn new(world: &World, request: Option<&str>) -> Self {
        let (now, soon) = (at(world.now()), at(world.now() + Duration::minutes(5)));
        let id =
            || format!("_{}", ciam_core::secret::Secret::random(&SystemEntropy::new()).unwrap().expose());
        Self {
            response_id: id(),
            assertion_id: id(),
            in_response_to: request.map(str::to_owned),
            confirmed_request: request.map(str::to_owned),
            issued: now.clone(),
            assertion_issued: now.clone(),
            destination: Some(ACS.into()),
            response_issuer: Some(IDP_ID.into()),
            issuer: IDP_ID.into(),
            status: r#"<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode>"#.into(),
            version: "2.0".into(),
            name_id: "ada@example.com".into(),
            method: "urn:oasis:names:tc:SAML:2.0:cm:bearer".into(),
            recipient: Some(ACS.into()),
            confirmation_extra: String::new(),
            confirmation_end: Some(soon.clone()),
            more_confirmations: String::new(),
            not_before: now.clone(),
            not_on_or_after: soon.clone(),
            conditions: format!("<saml:AudienceRestriction><saml:Audience>{SP}</saml:Audience></saml:AudienceRestriction>"),
            authn_instant: now,
            session_end: at(world.now() + Duration::hours(8)),
            class: PASSWORD.into(),
            attributes: r#"<saml:Attribute Name="mail"><saml:AttributeValue>ada@example.com</saml:AttributeValue></saml:Attribute>"#.into(),
            advice: String::new(),
        }
    }

    /// The assertion, with something put where its signature goes.
    pub(crate) fn assertion(&self, signature: &str) -> String {
        let attribute = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!(r#" {name}="{value}""#)).unwrap_or_default()
        };
        let Self { assertion_id, assertion_issued, issuer, name_id, method, conditions, version, .. } = self;
        let Self {
            not_before, not_on_or_after, authn_instant, session_end, class, attributes, advice, ..
        } = self;
        let Self { confirmation_extra, more_confirmations, .. } = self;
        let data = [
            attribute("InResponseTo", &self.confirmed_request),
            attribute("NotOnOrAfter", &self.confirmation_end),
            attribute("Recipient", &self.recipient),
        ]
        .concat();
        format!(
            r#"<saml:Assertion xmlns:saml="{SAML}" ID="{assertion_id}" IssueInstant="{assertion_issued}" Version="{version}"><saml:Issuer>{issuer}</saml:Issuer>{signature}<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress">{name_id}</saml:NameID>{more_confirmations}<saml:SubjectConfirmation Method="{method}"><saml:SubjectConfirmationData{data}{confirmation_extra}></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{not_before}" NotOnOrAfter="{not_on_or_after}">{conditions}</saml:Conditions>{advice}<saml:AuthnStatement AuthnInstant="{authn_instant}" SessionIndex="_s1" SessionNotOnOrAfter="{session_end}"><saml:AuthnContext><saml:AuthnContextClassRef>{class}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"#
        )
    }

    pub(crate) fn signed_assertion(&self, pair: &Pair) -> String {
        self.assertion(&Recipe::new(&self.assertion_id).signature(pair, &self.assertion("")))
    }

    /// The response around something.
    pub(crate) fn response(&self, signature: &str, content: &str) -> String {
        let attribute = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!(r#" {name}="{value}""#)).unwrap_or_default()
        };
        let head = [
            attribute("Destination", &self.destination),
            format!(r#" ID="{}""#, self.response_id),
            attribute("InResponseTo", &self.in_response_to),
        ]
        .concat();
        let issuer =
            self.response_issuer.as_ref().map(|issuer| format!("<saml:Issuer>{issuer}</saml:Issuer>"));
        let (issuer, issued, status, version) =
            (issuer.unwrap_or_default(), &self.issued, &self.status, &self.version);
        format!(
            r#"<samlp:Response xmlns:saml="{SAML}" xmlns:samlp="{SAMLP}"{head} IssueInstant="{issued}" Version="{version}">{issuer}{signature}<samlp:Status>{status}</samlp:Status>{content}</samlp:Response>"#
        )
    }

    /// A response whose assertion is signed.
    pub(crate) fn by_assertion(&self, pair: &Pair) -> String {
        self.response("", &self.signed_assertion(pair))
    }

    /// A response that is signed as a whole, around something.
    pub(crate) fn signed_around(&self, pair: &Pair, content: &str) -> String {
        let signature = Recipe::new(&self.response_id).signature(pair, &self.response("", content));
        self.response(&signature, content)
    }

    /// A response that is signed, with an assertion that is not.
    pub(crate) fn by_response(&self, pair: &Pair) -> String {
        self.signed_around(pair, &self.assertion(""))
    }

    /// A response with two signatures.
    pub(crate) fn by_both(&self, pair: &Pair) -> String {
        self.signed_around(pair, &self.signed_assertion(pair))
    }
}
