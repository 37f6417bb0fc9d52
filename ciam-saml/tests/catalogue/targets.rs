//! The messages that are attacked: how each is written, and who judges it.

use std::sync::{Arc, OnceLock};

use ciam_core::clock::Clock as _;
use ciam_core::entropy::SystemEntropy;
use ciam_core::http::BrowserId;
use ciam_core::memory;
use ciam_core::secret::{Secret, SecretBytes};
use ciam_core::testkit::ManualClock;
use ciam_saml::binding::{ArtifactMessage, SoapMessage};
use ciam_saml::idp::{IdentityProvider, IdentityProviderConfig, Person, SpPartner};
use ciam_saml::metadata::MetadataTrust;
use ciam_saml::sp::{Accepted, Resolution, ServiceProvider};
use ciam_saml::transport::{Binding, Incoming, Outgoing};
use time::{Duration, OffsetDateTime};

use crate::sealed::{SP_KEY, Sealed, keys};
use crate::support::*;
use crate::world::*;

pub(crate) const SSO: &str = "https://idp.example/sso";
pub(crate) const SLO: &str = "https://sp.example/saml/slo";
pub(crate) const SECOND: &str = "https://second.example/metadata";
pub(crate) const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

/// A fresh pair of providers, with one request open.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) idp: IdentityProvider,
    pub(crate) says: Says,
    pub(crate) logout_id: OnceLock<String>,
    /// The identifier of what is around a response, or asks for one.
    pub(crate) outer_id: String,
    resolution: OnceLock<Resolution>,
    artifact: OnceLock<String>,
    browser: BrowserId,
}

pub(crate) fn fresh_id() -> String {
    format!("_{}", Secret::random(&SystemEntropy::new()).unwrap().expose())
}

impl Scene {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let ports =
            memory::ports_with(clock.clone(), Arc::new(SystemEntropy::new())).with_crypto(CRYPTO.clone());
        let config = config().with_signer(SP_KEY.signer()).with_decryption_keys(keys());
        let sp =
            ServiceProvider::new(ports.clone(), config, [partner(IDP_ID, &IDP), partner(OTHER_ID, &OTHER)]);
        let idp_config =
            IdentityProviderConfig::new(IDP_ID, SSO, IDP.signer()).with_logout_url("https://idp.example/slo");
        let idp_config = idp_config.with_artifact_url(ARTIFACTS);
        let service = SpPartner::new(SP, ACS)
            .unwrap()
            .with_keys(SP_KEY.trusted())
            .with_signed_requests()
            .with_released(["mail"])
            .with_logout(Binding::Redirect, SLO)
            .unwrap()
            .with_artifact_consumer(1, ACS)
            .unwrap();
        let secret = SecretBytes::new(vec![1; 32]);
        let second = SpPartner::new(SECOND, ACS).unwrap().with_keys(OTHER.trusted());
        let idp = IdentityProvider::new(ports.clone(), idp_config, &secret, [service, second]).unwrap();
        let browser = BrowserId::generate(&SystemEntropy::new()).unwrap();
        let world = World { ports, clock, sp, browser: browser.clone() };
        let request = world.start();
        let says = Says::new(&world, Some(&request));
        Self {
            world,
            idp,
            says,
            logout_id: OnceLock::new(),
            outer_id: fresh_id(),
            resolution: OnceLock::new(),
            artifact: OnceLock::new(),
            browser,
        }
    }

    /// A request for the message of an artifact that is open.
    pub(crate) fn resolution(&self) -> &Resolution {
        self.resolution.get_or_init(|| {
            let artifact = artifact_of(IDP_ID, 0, 7);
            block_on(self.world.sp.start_resolution(Some(&self.browser), &artifact)).unwrap()
        })
    }

    /// An artifact that the identity provider has given out, and keeps a message for.
    pub(crate) fn artifact(&self) -> &str {
        self.artifact.get_or_init(|| {
            let mut sign_on =
                self.idp.receive(Incoming::Post(&post("SAMLRequest", &AUTHN_REQUEST.good(self)))).unwrap();
            sign_on.by_artifact = true;
            let person = Person::new("account", "session", self.now(), PASSWORD);
            let issued = block_on(self.idp.issue(&sign_on, &person)).unwrap();
            let Outgoing::Redirect(url) = issued.outgoing else { unreachable!() };
            let message = ArtifactMessage::parse(url.split_once('?').unwrap().1.as_bytes()).unwrap();
            message.artifact().to_text()
        })
    }

    /// A request for logout that is open.
    fn ask_logout(&self) -> String {
        // Somebody signed in before, through a world of their own request.
        let request = self.world.start();
        let says = Says::new(&self.world, Some(&request));
        let person = self.world.accept(&says.by_both(&IDP)).unwrap().person;
        block_on(self.world.sp.start_logout(&self.browser, &person)).unwrap().request_id
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.world.clock.now()
    }
}

/// An artifact of an entity, as it comes in a query.
pub(crate) fn artifact_of(entity_id: &str, endpoint: u8, handle: u8) -> ArtifactMessage {
    use sha1::Digest as _;
    let source = sha1::Sha1::digest(entity_id.as_bytes());
    let bytes = [&[0, 4, 0, endpoint][..], &source, &[handle; 20]].concat();
    let query =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("SAMLart", &b64(&bytes)).finish();
    ArtifactMessage::parse(query.as_bytes()).unwrap()
}

/// A kind of message.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Who signs it.
    pub(crate) signer: fn() -> &'static Pair,
    /// The identifier of the element that is signed.
    pub(crate) id: fn(&Scene) -> String,
    /// The element that is signed, with something where its signature goes.
    pub(crate) element: fn(&Scene, &str) -> String,
    /// What is around that element.
    pub(crate) around: fn(&Scene, &str) -> String,
    /// What it says, or why it is refused.
    pub(crate) judge: fn(&Scene, &str) -> Result<String, String>,
}

impl Target {
    /// The message, signed by a recipe.
    pub(crate) fn build(&self, scene: &Scene, change: impl FnOnce(&mut Recipe)) -> String {
        let element = (self.element)(scene, "");
        let mut recipe = Recipe::new(&(self.id)(scene));
        change(&mut recipe);
        let signature = recipe.signature((self.signer)(), &element);
        (self.around)(scene, &(self.element)(scene, &signature))
    }

    pub(crate) fn good(&self, scene: &Scene) -> String {
        self.build(scene, |_| {})
    }
}

fn idp() -> &'static Pair {
    &IDP
}

fn sp() -> &'static Pair {
    &SP_KEY
}

pub(crate) fn said(accepted: &Accepted) -> String {
    let person = &accepted.person;
    format!("{:?} {:?} {:?}", person.idp, person.name_id.value, person.attributes)
}

fn judge_response(scene: &Scene, xml: &str) -> Result<String, String> {
    scene.world.accept(xml).map(|accepted| said(&accepted)).map_err(|reject| reason(&reject))
}

/// The name of a reason, without its detail.
pub(crate) fn reason(error: &dyn std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let end = text.find(['{', '"']).unwrap_or(text.len());
    text[..end].trim().trim_end_matches('(').to_owned()
}

fn logout_request(scene: &Scene, signature: &str) -> String {
    let now = at(scene.now());
    format!(
        r#"<samlp:LogoutRequest xmlns:saml="{SAML}" xmlns:samlp="{SAMLP}" Destination="{SLO}" ID="{}" IssueInstant="{now}" Version="2.0"><saml:Issuer>{IDP_ID}</saml:Issuer>{signature}<saml:NameID>ada@example.com</saml:NameID></samlp:LogoutRequest>"#,
        scene.says.response_id
    )
}

fn judge_logout_request(scene: &Scene, xml: &str) -> Result<String, String> {
    let message = post("SAMLRequest", xml);
    block_on(scene.world.sp.accept_logout_request(Incoming::Post(&message)))
        .map(|demand| format!("{:?} {:?} {:?}", demand.peer, demand.name_id, demand.session_indexes))
        .map_err(|error| reason(&error))
}

fn logout_response(scene: &Scene, signature: &str) -> String {
    let now = at(scene.now());
    format!(
        r#"<samlp:LogoutResponse xmlns:saml="{SAML}" xmlns:samlp="{SAMLP}" Destination="{SLO}" ID="{}" InResponseTo="{}" IssueInstant="{now}" Version="2.0"><saml:Issuer>{IDP_ID}</saml:Issuer>{signature}<samlp:Status>{}</samlp:Status></samlp:LogoutResponse>"#,
        scene.says.response_id,
        scene.logout_id.get_or_init(|| scene.ask_logout()),
        scene.says.status
    )
}

fn judge_logout_response(scene: &Scene, xml: &str) -> Result<String, String> {
    let message = post("SAMLResponse", xml);
    block_on(scene.world.sp.accept_logout_answer(&scene.browser, Incoming::Post(&message)))
        .map(|answer| format!("{:?} {:?}", answer.peer, answer.status))
        .map_err(|error| reason(&error))
}

fn authn_request(scene: &Scene, signature: &str) -> String {
    let now = at(scene.now());
    format!(
        r#"<samlp:AuthnRequest xmlns:saml="{SAML}" xmlns:samlp="{SAMLP}" Destination="{SSO}" ID="{}" IssueInstant="{now}" Version="2.0"><saml:Issuer>{SP}</saml:Issuer>{signature}<samlp:NameIDPolicy AllowCreate="true"></samlp:NameIDPolicy></samlp:AuthnRequest>"#,
        scene.says.response_id
    )
}

fn judge_authn_request(scene: &Scene, xml: &str) -> Result<String, String> {
    let message = post("SAMLRequest", xml);
    scene
        .idp
        .receive(Incoming::Post(&message))
        .map(|sign_on| format!("{:?} {:?} {:?}", sign_on.sp, sign_on.consumer, sign_on.force_authn))
        .map_err(|error| reason(&error))
}

fn soap_logout_request(scene: &Scene, signature: &str) -> String {
    logout_request(scene, signature).replace(SLO, SP_SOAP)
}

fn enveloped(_: &Scene, xml: &str) -> String {
    envelope(xml)
}

fn judge_soap_logout(scene: &Scene, xml: &str) -> Result<String, String> {
    let message = SoapMessage::parse(xml.as_bytes()).map_err(|error| reason(&error))?;
    block_on(scene.world.sp.accept_soap_logout(&message))
        .map(|demand| format!("{:?} {:?} {:?}", demand.peer, demand.name_id, demand.session_indexes))
        .map_err(|error| reason(&error))
}

/// An answer around something.
pub(crate) fn artifact_response(scene: &Scene, signature: &str, content: &str) -> String {
    let (now, id) = (at(scene.now()), scene.resolution().request_id());
    format!(
        r#"<samlp:ArtifactResponse xmlns:saml="{SAML}" xmlns:samlp="{SAMLP}" ID="{}" InResponseTo="{id}" IssueInstant="{now}" Version="2.0"><saml:Issuer>{IDP_ID}</saml:Issuer>{signature}<samlp:Status>{}</samlp:Status>{content}</samlp:ArtifactResponse>"#,
        scene.outer_id, scene.says.status
    )
}

/// An answer around something, signed by somebody.
pub(crate) fn signed_artifact_response(scene: &Scene, pair: &Pair, content: &str) -> String {
    let signature = Recipe::new(&scene.outer_id).signature(pair, &artifact_response(scene, "", content));
    envelope(&artifact_response(scene, &signature, content))
}

pub(crate) fn judge_artifact_response(scene: &Scene, xml: &str) -> Result<String, String> {
    let message = SoapMessage::parse(xml.as_bytes()).map_err(|error| reason(&error))?;
    block_on(scene.world.sp.finish_resolution(Some(&scene.browser), scene.resolution(), &message))
        .map(|accepted| said(&accepted))
        .map_err(|reject| reason(&reject))
}

fn artifact_resolve(scene: &Scene, signature: &str) -> String {
    let (now, artifact) = (at(scene.now()), scene.artifact());
    format!(
        r#"<samlp:ArtifactResolve xmlns:saml="{SAML}" xmlns:samlp="{SAMLP}" Destination="{ARTIFACTS}" ID="{}" IssueInstant="{now}" Version="2.0"><saml:Issuer>{SP}</saml:Issuer>{signature}<samlp:Artifact>{artifact}</samlp:Artifact></samlp:ArtifactResolve>"#,
        scene.outer_id
    )
}

pub(crate) fn judge_artifact_resolve(scene: &Scene, xml: &str) -> Result<String, String> {
    let message = SoapMessage::parse(xml.as_bytes()).map_err(|error| reason(&error))?;
    let reply = block_on(scene.idp.resolve(&message)).map_err(|refused| reason(&refused))?;
    if reply.xml().contains("<samlp:Response ") { Ok("a message".into()) } else { Err("no message".into()) }
}

fn entity(scene: &Scene, signature: &str) -> String {
    let until = at(scene.now() + Duration::days(7));
    format!(
        r#"<md:EntityDescriptor xmlns:md="{MD}" ID="{}" entityID="{OTHER_ID}" validUntil="{until}">{signature}<md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}"><md:KeyDescriptor><ds:KeyInfo xmlns:ds="{DSIG}"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://other.example/sso"></md:SingleSignOnService></md:IDPSSODescriptor></md:EntityDescriptor>"#,
        scene.says.response_id,
        b64(&OTHER.certificate)
    )
}

/// The same entity in the aggregate of a federation, which signs the whole.
fn aggregate(scene: &Scene, signature: &str) -> String {
    let (id, until) = (&scene.says.response_id, at(scene.now() + Duration::days(7)));
    let own = [format!(r#" ID="{id}""#), format!(r#" validUntil="{until}""#)];
    let entity = own.iter().fold(entity(scene, ""), |entity, attribute| entity.replace(attribute, ""));
    format!(
        r#"<md:EntitiesDescriptor xmlns:md="{MD}" ID="{id}" validUntil="{until}">{signature}{entity}</md:EntitiesDescriptor>"#
    )
}

fn judge_metadata(scene: &Scene, xml: &str) -> Result<String, String> {
    MetadataTrust::new(IDP.trusted())
        .load_entity(&**CRYPTO, xml.as_bytes(), OTHER_ID, None, scene.now())
        .map(|loaded| format!("{:?}", loaded.entities))
        .map_err(|error| reason(&error))
}

fn itself(_: &Scene, xml: &str) -> String {
    xml.to_owned()
}

pub(crate) const BY_ASSERTION: Target = Target {
    name: "Response, assertion",
    signer: idp,
    id: |scene| scene.says.assertion_id.clone(),
    element: |scene, signature| scene.says.assertion(signature),
    around: |scene, assertion| scene.says.response("", assertion),
    judge: judge_response,
};

pub(crate) const BY_RESPONSE: Target = Target {
    name: "Response, whole",
    signer: idp,
    id: |scene| scene.says.response_id.clone(),
    element: |scene, signature| scene.says.response(signature, &scene.says.assertion("")),
    around: itself,
    judge: judge_response,
};

pub(crate) const BY_BOTH: Target = Target {
    name: "Response, both",
    element: |scene, signature| scene.says.response(signature, &scene.says.signed_assertion(&IDP)),
    ..BY_RESPONSE
};

pub(crate) const ENCRYPTED: Target = Target {
    name: "Response, encrypted",
    around: |scene, assertion| scene.says.response("", &Sealed::new(assertion).xml("EncryptedAssertion")),
    ..BY_ASSERTION
};

pub(crate) const LOGOUT_REQUEST: Target = Target {
    name: "LogoutRequest",
    signer: idp,
    id: |scene| scene.says.response_id.clone(),
    element: logout_request,
    around: itself,
    judge: judge_logout_request,
};

pub(crate) const LOGOUT_RESPONSE: Target = Target {
    name: "LogoutResponse",
    element: logout_response,
    judge: judge_logout_response,
    ..LOGOUT_REQUEST
};

pub(crate) const AUTHN_REQUEST: Target = Target {
    name: "AuthnRequest",
    signer: sp,
    element: authn_request,
    judge: judge_authn_request,
    ..LOGOUT_REQUEST
};

pub(crate) const SOAP_LOGOUT: Target = Target {
    name: "LogoutRequest, SOAP",
    element: soap_logout_request,
    around: enveloped,
    judge: judge_soap_logout,
    ..LOGOUT_REQUEST
};

pub(crate) const ARTIFACT_RESPONSE: Target = Target {
    name: "ArtifactResponse",
    signer: idp,
    id: |scene| scene.outer_id.clone(),
    element: |scene, signature| artifact_response(scene, signature, &scene.says.by_assertion(&IDP)),
    around: enveloped,
    judge: judge_artifact_response,
};

pub(crate) const ARTIFACT_RESOLVE: Target = Target {
    name: "ArtifactResolve",
    signer: sp,
    id: |scene| scene.outer_id.clone(),
    element: artifact_resolve,
    around: enveloped,
    judge: judge_artifact_resolve,
};

pub(crate) const METADATA: Target =
    Target { name: "metadata", element: entity, judge: judge_metadata, ..LOGOUT_REQUEST };

pub(crate) const AGGREGATE: Target =
    Target { name: "metadata, aggregate", element: aggregate, judge: judge_metadata, ..LOGOUT_REQUEST };

pub(crate) const ALL: [Target; 12] = [
    BY_ASSERTION,
    BY_RESPONSE,
    BY_BOTH,
    ENCRYPTED,
    LOGOUT_REQUEST,
    LOGOUT_RESPONSE,
    AUTHN_REQUEST,
    METADATA,
    AGGREGATE,
    SOAP_LOGOUT,
    ARTIFACT_RESPONSE,
    ARTIFACT_RESOLVE,
];

/// Those whose signed element can be written to: all but the encrypted one.
pub(crate) fn open() -> impl Iterator<Item = Target> {
    ALL.into_iter().filter(|target| target.name != ENCRYPTED.name)
}

pub(crate) const RESPONSES: [Target; 4] = [BY_ASSERTION, BY_RESPONSE, BY_BOTH, ENCRYPTED];
