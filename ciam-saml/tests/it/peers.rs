//! Another implementation of signatures and encryption: libxmlsec, in Python. Those of the profiles are in the target `interop`.
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
use ciam_saml::enc::Recipient;
use ciam_saml::idp::{IdentityProvider, IdentityProviderConfig, Person, SpPartner};
use ciam_saml::sp::ServiceProvider;
use time::Duration;

use crate::sealed::{SP_KEY, keys};
use crate::support::*;
use crate::world::*;

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

fn idp(ports: &Ports, partner: SpPartner) -> IdentityProvider {
    let config = IdentityProviderConfig::new(IDP_ID, "https://idp.example/sso", IDP.signer());
    IdentityProvider::new(ports.clone(), config, &SecretBytes::new(vec![1; 32]), [partner]).unwrap()
}

fn sp(ports: &Ports) -> ServiceProvider {
    let config = config().with_signer(SP_KEY.signer()).with_decryption_keys(keys());
    ServiceProvider::new(ports.clone(), config, [partner(IDP_ID, &IDP)])
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
    let service = SpPartner::new(SP, ACS).unwrap();
    let idp = idp(&ports, service.with_signed_response().with_unsolicited().with_encryption(recipient));
    let person = Person::new("account-1", "session-1", ports.now(), PASSWORD);
    let issued = block_on(idp.issue(&idp.start(SP).unwrap(), &person)).unwrap();
    peer.say(&issued.outgoing.form().unwrap().message);
    assert_eq!(peer.hear(), issued.name_id.value);
    let metadata = idp.metadata(ports.now() + Duration::days(7)).unwrap();
    peer.say(&metadata);
    assert_eq!(peer.hear(), "verified");
    // And the other way round, with each cipher that it has and we read.
    for cipher in ["AES128_GCM", "AES256_GCM"] {
        let clock = Arc::new(ciam_core::testkit::ManualClock::new(ports.now()));
        let browser = BrowserId::generate(ports.entropy()).unwrap();
        let world = World { ports: ports.clone(), clock, sp: sp(&ports), browser };
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
