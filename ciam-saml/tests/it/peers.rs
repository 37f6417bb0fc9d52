//! Other implementations, in Python: libxmlsec, lasso in both roles, and python3-saml as a service provider.
//!
//! A peer that is not installed is skipped with a line that says so, and where `CIAM_REQUIRE_ALL` is set that is a failure.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use ciam_core::clock::SystemClock;
use ciam_core::entropy::SystemEntropy;
use ciam_core::http::BrowserId;
use ciam_core::memory;
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_saml::binding::{PostMessage, RedirectMessage};
use ciam_saml::enc::Recipient;
use ciam_saml::idp::{IdentityProvider, IdentityProviderConfig, NameIdFormat, Person, SpPartner};
use ciam_saml::metadata::EntityDescriptor;
use ciam_saml::model::{Attribute, Status};
use ciam_saml::names::ATTRNAME_BASIC;
use ciam_saml::sp::{ServiceProvider, Start};
use ciam_saml::transport::{Binding, Incoming, Outgoing};
use time::Duration;

use crate::sealed::{SP_KEY, keys};
use crate::support::*;
use crate::world::*;

const SSO: &str = "https://idp.example/sso";
const SLO: &str = "https://idp.example/slo";
const FORMATS: [NameIdFormat; 3] = [NameIdFormat::Persistent, NameIdFormat::Transient, NameIdFormat::Email];
const SP_SLO: &str = "https://sp.example/saml/slo";

/// The Python that has the peers: Debian's own, where there is one.
pub(crate) fn python() -> String {
    let system = "/usr/bin/python3";
    let default = if std::path::Path::new(system).exists() { system } else { "python3" };
    std::env::var("CIAM_SAML_PYTHON").unwrap_or_else(|_| default.to_owned())
}

/// Says on the standard error that something was not tried: what passing tests print is not shown.
pub(crate) fn skipped(why: &str) {
    std::io::stderr().write_all(format!("\nSKIPPED: {why}\n").as_bytes()).unwrap();
}

/// A program that answers a line with a line.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(module: &str, program: &str) -> Option<Self> {
        let there = Command::new(python()).args(["-c", &format!("import {module}")]).output();
        if !there.is_ok_and(|output| output.status.success()) {
            assert!(std::env::var_os("CIAM_REQUIRE_ALL").is_none(), "python3 with {module} is required");
            skipped(&format!("{module} is not installed"));
            return None;
        }
        let mut child = Command::new(python())
            .args(["-c", program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Some(Self { child, input, output })
    }

    fn say(&mut self, text: &str) {
        writeln!(self.input, "{}", b64(text.as_bytes())).unwrap();
        self.input.flush().unwrap();
    }

    fn hear(&mut self) -> String {
        use base64::Engine as _;
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(line.trim()).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn end(mut self) {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
    }
}

/// How each program speaks.
const SPEECH: &str = r"
import sys, base64
def hear():
    return base64.b64decode(sys.stdin.readline()).decode()
def say(text):
    print(base64.b64encode(text.encode()).decode(), flush=True)
";

fn pem(what: &str, der: &[u8]) -> String {
    let text = b64(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}

fn ports() -> Ports {
    memory::ports_with(Arc::new(SystemClock::new()), Arc::new(SystemEntropy::new()))
        .with_crypto(CRYPTO.clone())
}

fn service() -> SpPartner {
    SpPartner::new(SP, ACS)
        .unwrap()
        .with_keys(SP_KEY.trusted())
        .with_formats(FORMATS)
        .with_released(["mail"])
        .with_logout(Binding::Redirect, SP_SLO)
        .unwrap()
}

fn idp(ports: &Ports, partner: SpPartner) -> IdentityProvider {
    let config = IdentityProviderConfig::new(IDP_ID, SSO, IDP.signer()).with_logout_url(SLO);
    IdentityProvider::new(ports.clone(), config, &SecretBytes::new(vec![1; 32]), [partner]).unwrap()
}

fn sp(ports: &Ports, decrypts: bool) -> ServiceProvider {
    let partner = partner(IDP_ID, &IDP).with_signed_requests();
    let config = config().with_signer(SP_KEY.signer());
    let config = if decrypts { config.with_decryption_keys(keys()) } else { config };
    ServiceProvider::new(ports.clone(), config, [partner])
}

fn person(ports: &Ports) -> Person {
    Person::new("account-1", "session-1", ports.now(), PASSWORD)
        .with_email("ada@example.com")
        .with_session_end(ports.now() + Duration::hours(8))
        .with_attributes([Attribute::new("mail", ATTRNAME_BASIC, ["ada+\u{e9}<&>@example.com"])])
}

fn query_of(url: &str) -> &str {
    url.split_once('?').unwrap().1
}

fn posted(message: &str) -> PostMessage {
    let form =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("SAMLResponse", message).finish();
    PostMessage::parse(form.as_bytes()).unwrap()
}

#[test]
fn libxmlsec_verifies_and_decrypts_ours_and_we_verify_and_decrypt_its() {
    let Some(mut peer) = Peer::start("xmlsec, lxml.etree", &format!("{SPEECH}{XMLSEC}")) else { return };
    peer.say(&pem("CERTIFICATE", &IDP.certificate));
    peer.say(&pem("PRIVATE KEY", IDP.pkcs8.expose()));
    peer.say(&pem("CERTIFICATE", &SP_KEY.certificate));
    peer.say(&pem("PRIVATE KEY", SP_KEY.pkcs8.expose()));
    let ports = ports();
    let recipient = Recipient::from_certificate(&SP_KEY.certificate).unwrap();
    let idp = idp(&ports, service().with_signed_response().with_unsolicited().with_encryption(recipient));
    let issued = block_on(idp.issue(&idp.start(SP).unwrap(), &person(&ports))).unwrap();
    peer.say(&issued.outgoing.form().unwrap().message);
    assert_eq!(peer.hear(), issued.name_id.value);
    let metadata = idp.metadata(ports.now() + Duration::days(7)).unwrap();
    peer.say(&metadata);
    assert_eq!(peer.hear(), "verified");
    // And the other way round, with each cipher that it has and we read.
    for cipher in ["AES128_GCM", "AES256_GCM"] {
        let clock = Arc::new(ciam_core::testkit::ManualClock::new(ports.now()));
        let browser = BrowserId::generate(ports.entropy()).unwrap();
        let world = World { ports: ports.clone(), clock, sp: sp(&ports, true), browser };
        let says = Says::new(&world, Some(&world.start()));
        peer.say(cipher);
        peer.say(&says.assertion(""));
        let encrypted = peer.hear();
        let around =
            format!(r#"<saml:EncryptedAssertion xmlns:saml="{SAML}">{encrypted}</saml:EncryptedAssertion>"#);
        let accepted =
            world.accept(&says.response("", &around)).unwrap_or_else(|reject| panic!("{cipher}: {reject:?}"));
        assert_eq!(accepted.person.name_id.value, "ada@example.com");
    }
    peer.end();
}

const XMLSEC: &str = r"
import xmlsec
from lxml import etree
NS = {'saml': 'urn:oasis:names:tc:SAML:2.0:assertion', 'ds': 'http://www.w3.org/2000/09/xmldsig#',
      'xenc': 'http://www.w3.org/2001/04/xmlenc#'}
idp_cert, idp_key, sp_cert, sp_key = hear(), hear(), hear(), hear()
def private(text):
    return xmlsec.Key.from_memory(text, xmlsec.KeyFormat.PEM)
def verify(element):
    xmlsec.tree.add_ids(element, ['ID'])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(idp_cert, xmlsec.KeyFormat.CERT_PEM)
    context.verify(element.find('ds:Signature', NS))
root = etree.fromstring(base64.b64decode(hear()))
verify(root)
manager = xmlsec.KeysManager()
manager.add_key(private(sp_key))
data = root.find('saml:EncryptedAssertion/xenc:EncryptedData', NS)
assertion = xmlsec.EncryptionContext(manager).decrypt(data)
alone = etree.fromstring(etree.tostring(assertion))
verify(alone)
say(alone.find('saml:Subject/saml:NameID', NS).text)
verify(etree.fromstring(hear()))
say('verified')
while True:
    cipher = hear()
    if not cipher:
        break
    assertion = etree.fromstring(hear())
    signature = xmlsec.template.create(assertion, xmlsec.Transform.EXCL_C14N, xmlsec.Transform.RSA_SHA256)
    assertion.insert(1, signature)
    reference = xmlsec.template.add_reference(signature, xmlsec.Transform.SHA256, uri='#' + assertion.get('ID'))
    xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
    xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
    xmlsec.tree.add_ids(assertion, ['ID'])
    context = xmlsec.SignatureContext()
    context.key = private(idp_key)
    context.sign(signature)
    around = etree.Element('around')
    around.append(assertion)
    data = xmlsec.template.encrypted_data_create(around, getattr(xmlsec.Transform, cipher),
        type=xmlsec.EncryptionType.ELEMENT, ns='xenc')
    xmlsec.template.encrypted_data_ensure_cipher_value(data)
    info = xmlsec.template.encrypted_data_ensure_key_info(data, ns='ds')
    key = xmlsec.template.add_encrypted_key(info, xmlsec.Transform.RSA_OAEP)
    xmlsec.template.encrypted_data_ensure_cipher_value(key)
    manager = xmlsec.KeysManager()
    manager.add_key(xmlsec.Key.from_memory(sp_cert, xmlsec.KeyFormat.CERT_PEM))
    context = xmlsec.EncryptionContext(manager)
    size = 128 if '128' in cipher else 256
    context.key = xmlsec.Key.generate(xmlsec.KeyData.AES, size, xmlsec.KeyDataType.SESSION)
    say(etree.tostring(context.encrypt_xml(data, assertion)).decode())
";

#[test]
fn lasso_signs_in_with_us_and_out_again() {
    for encrypted in [false, true] {
        let Some(mut peer) = Peer::start("lasso", &format!("{SPEECH}{LASSO_SP}")) else { return };
        let ports = ports();
        let until = ports.now() + Duration::days(7);
        let sp_metadata = sp(&ports, false).metadata(until).unwrap();
        let entity = EntityDescriptor::parse(sp_metadata.as_bytes()).unwrap();
        let mut partner = entity.sp_partner(&**CRYPTO).unwrap().with_released(["mail"]).with_formats(FORMATS);
        if encrypted {
            partner = partner.with_encryption(Recipient::from_certificate(&SP_KEY.certificate).unwrap());
        }
        let idp = idp(&ports, partner);
        peer.say(&sp_metadata);
        peer.say(&pem("PRIVATE KEY", SP_KEY.pkcs8.expose()));
        peer.say(&idp.metadata(until).unwrap());
        let url = peer.hear();
        let message = RedirectMessage::from_raw_query(query_of(&url)).unwrap();
        let sign_on = idp.receive(Incoming::Redirect(&message)).unwrap();
        assert!(sign_on.force_authn);
        let issued = block_on(idp.issue(&sign_on, &person(&ports))).unwrap();
        peer.say(&issued.outgoing.form().unwrap().message);
        assert_eq!(peer.hear(), issued.name_id.value);
        assert_eq!(peer.hear(), "ada+\u{e9}<&>@example.com");
        let url = peer.hear();
        let message = RedirectMessage::from_raw_query(query_of(&url)).unwrap();
        let (demand, sessions) = block_on(idp.accept_logout_request(Incoming::Redirect(&message))).unwrap();
        assert_eq!(sessions, ["session-1"]);
        let Outgoing::Redirect(url) = idp.answer_logout(&demand, Status::success()).unwrap() else {
            panic!()
        };
        peer.say(query_of(&url));
        assert_eq!(peer.hear(), "out");
        peer.end();
    }
}

const LASSO_SP: &str = r"
import lasso
server = lasso.Server.newFromBuffers(hear(), hear())
server.signatureMethod = lasso.SIGNATURE_METHOD_RSA_SHA256
server.addProviderFromBuffer(lasso.PROVIDER_ROLE_IDP, hear())
login = lasso.Login(server)
login.initAuthnRequest('https://idp.example/metadata', lasso.HTTP_METHOD_REDIRECT)
login.request.protocolBinding = lasso.SAML2_METADATA_BINDING_POST
login.request.forceAuthn = True
login.buildAuthnRequestMsg()
say(login.msgUrl)
login.processAuthnResponseMsg(hear())
login.acceptSso()
say(login.nameIdentifier.content)
say(login.assertion.attributeStatement[0].attribute[0].attributeValue[0].any[0].content)
logout = lasso.Logout(server)
logout.setSessionFromDump(login.session.dump())
logout.initRequest('https://idp.example/metadata', lasso.HTTP_METHOD_REDIRECT)
logout.buildRequestMsg()
say(logout.msgUrl)
logout.processResponseMsg(hear())
say('out')
";

#[test]
fn we_sign_in_with_lasso() {
    for encrypted in [false, true] {
        let Some(mut peer) = Peer::start("lasso", &format!("{SPEECH}{LASSO_IDP}")) else { return };
        let ports = ports();
        let until = ports.now() + Duration::days(7);
        // Its metadata is like ours: the roles are the same, and the key.
        let idp_metadata = idp(&ports, service()).metadata(until).unwrap();
        let entity = EntityDescriptor::parse(idp_metadata.as_bytes()).unwrap();
        let partner = entity.idp_partner(&**CRYPTO).unwrap().with_signed_requests();
        let sp_config = config().with_signer(SP_KEY.signer());
        let sp_config = if encrypted {
            let key = ciam_saml::enc::DecryptionKey::new(SP_KEY.pkcs8.expose(), &SP_KEY.certificate).unwrap();
            sp_config.with_decryption_keys(ciam_saml::enc::DecryptionKeys::new(vec![key]))
        } else {
            sp_config
        };
        let sp = ServiceProvider::new(ports.clone(), sp_config, [partner]);
        peer.say(&idp_metadata);
        peer.say(&pem("PRIVATE KEY", IDP.pkcs8.expose()));
        peer.say(&sp.metadata(until).unwrap());
        peer.say(if encrypted { "encrypted" } else { "plain" });
        let browser = BrowserId::generate(ports.entropy()).unwrap();
        let Outgoing::Redirect(url) = block_on(sp.start(&browser, IDP_ID, Start::new())).unwrap().outgoing
        else {
            panic!()
        };
        peer.say(query_of(&url));
        let name = peer.hear();
        let accepted = block_on(sp.accept(Some(&browser), &posted(&peer.hear()))).unwrap();
        assert_eq!(accepted.person.name_id.value, name);
        assert_eq!(accepted.person.authn_context.as_deref(), Some(PASSWORD));
        let asked = block_on(sp.start_logout(&browser, &accepted.person)).unwrap();
        let Outgoing::Redirect(url) = asked.outgoing else { panic!() };
        peer.say(query_of(&url));
        let answer = peer.hear();
        let answer = RedirectMessage::from_raw_query(query_of(&answer)).unwrap();
        let answer = block_on(sp.accept_logout_answer(&browser, Incoming::Redirect(&answer))).unwrap();
        assert!(answer.status.is_success());
        peer.end();
    }
}

const LASSO_IDP: &str = r"
import lasso, datetime
server = lasso.Server.newFromBuffers(hear(), hear())
server.signatureMethod = lasso.SIGNATURE_METHOD_RSA_SHA256
server.addProviderFromBuffer(lasso.PROVIDER_ROLE_SP, hear())
if hear() == 'encrypted':
    provider = server.getProvider('https://sp.example/metadata')
    provider.setEncryptionMode(lasso.ENCRYPTION_MODE_ASSERTION)
    provider.setEncryptionSymKeyType(lasso.ENCRYPTION_SYM_KEY_TYPE_AES_128)
login = lasso.Login(server)
login.processAuthnRequestMsg(hear())
login.validateRequestMsg(True, True)
now = datetime.datetime.utcnow()
iso = lambda at: at.strftime('%Y-%m-%dT%H:%M:%SZ')
login.buildAssertion(lasso.SAML2_AUTHN_CONTEXT_PASSWORD_PROTECTED_TRANSPORT, iso(now), None,
    iso(now - datetime.timedelta(minutes=1)), iso(now + datetime.timedelta(minutes=5)))
say(login.assertion.subject.nameId.content)
login.buildAuthnResponseMsg()
say(login.msgBody)
logout = lasso.Logout(server)
logout.setSessionFromDump(login.session.dump())
logout.processRequestMsg(hear())
logout.validateRequest()
logout.buildResponseMsg()
say(logout.msgUrl)
";

#[test]
fn python3_saml_accepts_what_we_issue() {
    for encrypted in [false, true] {
        let Some(mut peer) = Peer::start("onelogin.saml2.response", &format!("{SPEECH}{PYTHON3_SAML}"))
        else {
            return;
        };
        let ports = ports();
        let mut partner = service().with_signed_response();
        if encrypted {
            partner = partner.with_encryption(Recipient::from_certificate(&SP_KEY.certificate).unwrap());
        }
        let idp = idp(&ports, partner);
        peer.say(&b64(&IDP.certificate));
        peer.say(&b64(&SP_KEY.certificate));
        peer.say(&b64(SP_KEY.pkcs8.expose()));
        peer.say(if encrypted { "encrypted" } else { "plain" });
        let url = peer.hear();
        let message = RedirectMessage::from_raw_query(query_of(&url)).unwrap();
        let sign_on = idp.receive(Incoming::Redirect(&message)).unwrap();
        let issued = block_on(idp.issue(&sign_on, &person(&ports))).unwrap();
        peer.say(&issued.outgoing.form().unwrap().message);
        assert_eq!(peer.hear(), "valid", "encrypted: {encrypted}");
        assert_eq!(peer.hear(), issued.name_id.value);
        assert_eq!(peer.hear(), "ada+\u{e9}<&>@example.com");
        peer.end();
    }
}

const PYTHON3_SAML: &str = r"
from onelogin.saml2.auth import OneLogin_Saml2_Auth
idp_cert, sp_cert, sp_key, mode = hear(), hear(), hear(), hear()
settings = {
    'strict': True,
    'sp': {'entityId': 'https://sp.example/metadata',
           'assertionConsumerService': {'url': 'https://sp.example/saml/acs',
               'binding': 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'},
           'NameIDFormat': 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
           'x509cert': sp_cert, 'privateKey': sp_key},
    'idp': {'entityId': 'https://idp.example/metadata', 'x509cert': idp_cert,
            'singleSignOnService': {'url': 'https://idp.example/sso',
                'binding': 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect'}},
    'security': {'authnRequestsSigned': True, 'wantMessagesSigned': True, 'wantAssertionsSigned': True,
                 'wantAssertionsEncrypted': mode == 'encrypted', 'requestedAuthnContext': False,
                 'signatureAlgorithm': 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
                 'digestAlgorithm': 'http://www.w3.org/2001/04/xmlenc#sha256'},
}
request = {'https': 'on', 'http_host': 'sp.example', 'script_name': '/saml/acs', 'server_port': '443',
           'get_data': {}, 'post_data': {}}
auth = OneLogin_Saml2_Auth(request, settings)
say(auth.login())
sent = auth.get_last_request_id()
request['post_data'] = {'SAMLResponse': hear()}
auth = OneLogin_Saml2_Auth(request, settings)
auth.process_response(request_id=sent)
say('valid' if not auth.get_errors() else str(auth.get_last_error_reason()))
say(auth.get_nameid() or '')
say((auth.get_attributes().get('mail') or [''])[0])
";
