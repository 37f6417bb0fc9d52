//! The peer is an identity provider, and we are the service provider.

use std::sync::Arc;

use ciam_core::http::BrowserId;
use ciam_core::ports::Ports;
use ciam_saml::binding::{Direction, PostMessage};
use ciam_saml::enc::{DecryptionKey, DecryptionKeys};
use ciam_saml::metadata::EntityDescriptor;
use ciam_saml::model::Status;
use ciam_saml::sp::{Accepted, Authenticated, Reject, ServiceProvider, ServiceProviderConfig, Start};
use ciam_saml::transport::Binding;
use serde_json::{Value, json};
use time::Duration;

use crate::matrix::{Feature, Outcome, Trouble};
use crate::peer::{Brought, Peer, Wire, artifact, brought, soap, text};
use crate::setting::*;
use crate::support::{CRYPTO, b64};

const NAME: &str = "ada-of-the-peer";

pub(crate) fn try_out(peer: &Peer, feature: Feature) -> Outcome {
    use Binding::{Post, Redirect};
    match feature {
        Feature::ReadsOurs => Here::new(peer, Terms::PLAIN)?.known,
        Feature::IsRead => Here::new(peer, Terms::PLAIN).map(|_| ()),
        Feature::SignIn => Here::new(peer, Terms::PLAIN)?.sign_in(peer).map(|_| ()),
        Feature::SignedRedirect => Here::new(peer, Terms::signed(Redirect))?.sign_in(peer).map(|_| ()),
        Feature::SignedPost => Here::new(peer, Terms::signed(Post))?.sign_in(peer).map(|_| ()),
        Feature::Encrypted => {
            Here::new(peer, Terms { encrypted: true, ..Terms::PLAIN })?.sign_in(peer).map(|_| ())
        }
        Feature::Forged => Here::new(peer, Terms::PLAIN)?.forge(peer),
        Feature::TheyAskByRedirect => Here::new(peer, Terms::signed(Redirect))?.they_ask(peer),
        Feature::TheyAskByPost => Here::new(peer, Terms::signed(Post))?.they_ask(peer),
        Feature::WeAskByRedirect => Here::new(peer, Terms::signed(Redirect))?.we_ask(peer),
        Feature::WeAskByPost => Here::new(peer, Terms::signed(Post))?.we_ask(peer),
        Feature::Artifact => {
            let terms = Terms { by_artifact: true, ..Terms::signed(Redirect) };
            Here::new(peer, terms)?.sign_in(peer).map(|_| ())
        }
        Feature::TheyAskDirectly => Here::new(peer, Terms::signed(Redirect))?.they_ask_directly(peer),
        Feature::WeAskDirectly => Here::new(peer, Terms::signed(Redirect))?.we_ask_directly(peer),
    }
}

/// Us, with the peer as the only identity provider.
struct Here {
    terms: Terms,
    sp: ServiceProvider,
    browser: BrowserId,
    wire: Arc<Wire>,
    known: Outcome,
}

impl Here {
    fn new(peer: &Peer, terms: Terms) -> Result<Self, Trouble> {
        let wire = Wire::to(peer);
        let ports = ports().with_http_client(wire.clone());
        let setup = peer.ask("setup", terms.setup("idp"))?;
        let metadata = setup.get("metadata").map(text).unwrap_or_default();
        let entity = EntityDescriptor::parse(metadata.trim().as_bytes())
            .map_err(|error| Trouble::failed("we cannot read its metadata", error))?;
        let sp = service(&ports, entity, terms)?;
        let until = ports.now() + Duration::days(7);
        let metadata = sp.metadata(until).unwrap();
        let known = peer.ask("know", json!({ "metadata": metadata, "entity_id": SP_ID })).map(|_| ());
        let browser = BrowserId::generate(ports.entropy()).unwrap();
        Ok(Self { terms, sp, browser, wire, known })
    }

    /// Our request, and what it says to it.
    fn issued(&self, peer: &Peer) -> Result<Value, Trouble> {
        self.known.clone()?;
        let started = block_on(self.sp.start(&self.browser, IDP_ID, Start::new().with_force_authn()))
            .map_err(|error| Trouble::failed("it cannot be asked", error))?;
        let mut request = brought(&started.outgoing);
        request.as_object_mut().unwrap().insert("signed".to_owned(), self.terms.signed.into());
        let read = peer.ask("receive", request)?;
        if read.get("request_id").map(text) != Some(started.request_id) || read["force"] != true {
            return Err(Trouble::Failed(format!("it reads another request: {read}")));
        }
        let attributes = json!({ "mail": [MAIL] });
        let answer = self.terms.answer_name();
        peer.ask(
            "issue",
            json!({ "name_id": NAME, "attributes": attributes, "relay_state": RELAY_STATE, "answer": answer }),
        )
    }

    /// Our request, and its answer.
    fn answer(&self, peer: &Peer) -> Result<Brought, Trouble> {
        let answer = Brought::read(&self.issued(peer)?, ACS)?;
        if answer.xml(Direction::Response).contains("EncryptedAssertion") != self.terms.encrypted {
            return Err(Trouble::Failed("it does not keep to the terms about encryption".to_owned()));
        }
        Ok(answer)
    }

    fn sign_in(&self, peer: &Peer) -> Result<Authenticated, Trouble> {
        if !self.terms.by_artifact {
            let answer = self.answer(peer)?;
            return self.accept(answer.post()?);
        }
        let message = artifact(&self.issued(peer)?, ACS)?;
        let resolution = block_on(self.sp.start_resolution(Some(&self.browser), &message))
            .map_err(|reject| Trouble::failed("its artifact is refused", reject))?;
        let asked = envelope(resolution.message());
        let answer = peer.ask("resolve", json!({ "soap": asked }))?;
        let answer = soap(&answer)?;
        read(block_on(self.sp.finish_resolution(Some(&self.browser), &resolution, &answer)))
    }

    fn accept(&self, answer: &PostMessage) -> Result<Authenticated, Trouble> {
        read(block_on(self.sp.accept(Some(&self.browser), answer)))
    }

    /// The same answer with another name in it is refused, and the right one is accepted after it.
    fn forge(&self, peer: &Peer) -> Outcome {
        let answer = self.answer(peer)?;
        let forged = answer.xml(Direction::Response).replace(NAME, "eve-of-the-peer");
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("SAMLResponse", &b64(forged.as_bytes()))
            .finish();
        let forged = PostMessage::parse(form.as_bytes()).unwrap();
        match block_on(self.sp.accept(Some(&self.browser), &forged)) {
            Err(Reject::Signature(_)) => self.accept(answer.post()?).map(|_| ()),
            other => Err(Trouble::failed("a changed assertion", other)),
        }
    }

    fn they_ask(self, peer: &Peer) -> Outcome {
        let person = self.sign_in(peer)?;
        let indexes: Vec<&String> = person.session_index.iter().collect();
        let request = json!({ "binding": self.terms.binding_name(), "session_indexes": indexes });
        let asked = Brought::read(&peer.ask("start_logout", request)?, SP_SLO)?;
        let demand = block_on(self.sp.accept_logout_request(asked.incoming()))
            .map_err(|error| Trouble::failed("its request for logout is refused", error))?;
        let same_session = demand.session_indexes.iter().eq(person.session_index.as_ref());
        if demand.name_id.value != NAME || !same_session {
            return Err(Trouble::Failed(format!("it means somebody else: {demand:?}")));
        }
        let answer = self
            .sp
            .answer_logout(&demand, Status::success())
            .map_err(|error| Trouble::failed("its request for logout cannot be answered", error))?;
        peer.ask("end_logout", brought(&answer)).map(|_| ())
    }

    fn they_ask_directly(self, peer: &Peer) -> Outcome {
        let person = self.sign_in(peer)?;
        let indexes: Vec<&String> = person.session_index.iter().collect();
        let asked = peer.ask("start_logout", json!({ "binding": "soap", "session_indexes": indexes }))?;
        let demand = block_on(self.sp.accept_soap_logout(&soap(&asked)?))
            .map_err(|error| Trouble::failed("its request for logout is refused", error))?;
        if demand.name_id.value != NAME {
            return Err(Trouble::Failed(format!("it means somebody else: {demand:?}")));
        }
        let reply = self.sp.answer_soap_logout(&demand, Status::success()).unwrap();
        peer.ask("end_logout", json!({ "soap": reply.xml() })).map(|_| ())
    }

    fn we_ask_directly(self, peer: &Peer) -> Outcome {
        let person = self.sign_in(peer)?;
        let answer = block_on(self.sp.ask_logout(&person));
        if self.wire.heard()? != NAME {
            return Err(Trouble::Failed("it signs out somebody else".to_owned()));
        }
        let answer = answer.map_err(|error| Trouble::failed("its answer to logout is refused", error))?;
        if answer.status.is_success() { Ok(()) } else { Err(Trouble::failed("it fails", answer.status)) }
    }

    fn we_ask(self, peer: &Peer) -> Outcome {
        let person = self.sign_in(peer)?;
        let asked = block_on(self.sp.start_logout(&self.browser, &person))
            .map_err(|error| Trouble::failed("it cannot be asked for logout", error))?;
        let answer: Value = peer.ask("answer_logout", brought(&asked.outgoing))?;
        if answer.get("name_id").map(text).as_deref() != Some(NAME) {
            return Err(Trouble::Failed(format!("it signs out somebody else: {answer}")));
        }
        let message = Brought::read(&answer, SP_SLO)?;
        let answer = block_on(self.sp.accept_logout_answer(&self.browser, message.incoming()))
            .map_err(|error| Trouble::failed("its answer to logout is refused", error))?;
        if answer.status.is_success() { Ok(()) } else { Err(Trouble::failed("it fails", answer.status)) }
    }
}

/// Who it says that somebody is.
fn read(accepted: Result<Accepted, Reject>) -> Result<Authenticated, Trouble> {
    let person = accepted.map_err(|reject| Trouble::failed("its answer is refused", reject))?.person;
    let mails: Vec<&str> = person.attributes.iter().flat_map(|it| &it.values).map(String::as_str).collect();
    if person.name_id.value != NAME || mails != [MAIL] || person.authn_context.as_deref() != Some(PASSWORD) {
        return Err(Trouble::Failed(format!("its answer is read as {person:?}")));
    }
    Ok(person)
}

fn envelope(message: &str) -> String {
    let soap = "http://schemas.xmlsoap.org/soap/envelope/";
    format!("<soap:Envelope xmlns:soap=\"{soap}\"><soap:Body>{message}</soap:Body></soap:Envelope>")
}

/// Us, as the terms say.
fn service(ports: &Ports, mut entity: EntityDescriptor, terms: Terms) -> Result<ServiceProvider, Trouble> {
    let role = entity.idp.as_mut();
    let role = role.ok_or_else(|| Trouble::Failed("its metadata is of no identity provider".to_owned()))?;
    role.sign_on.retain(|(binding, _)| *binding == terms.binding);
    role.logout.retain(|(binding, _)| *binding == terms.binding);
    role.soap_logout.get_or_insert_with(|| IDP_SOAP.to_owned());
    let partner = entity
        .idp_partner(&**CRYPTO)
        .map_err(|error| Trouble::failed("its metadata cannot be used", error))?;
    let mut config =
        ServiceProviderConfig::new(SP_ID, ACS).with_logout_url(SP_SLO).with_soap_logout_url(SP_SOAP);
    let partner = if terms.signed {
        config = config.with_signer(SERVICE.signer());
        partner.with_signed_requests()
    } else {
        partner
    };
    let partner = if terms.by_artifact {
        config = config.with_artifacts();
        partner.with_answers_by_artifact()
    } else {
        partner
    };
    if terms.encrypted {
        let key = DecryptionKey::new(SERVICE.pkcs8.expose(), &SERVICE.certificate).unwrap();
        config = config.with_decryption_keys(DecryptionKeys::new(vec![key]));
    }
    Ok(ServiceProvider::new(ports.clone(), config, [partner]))
}
