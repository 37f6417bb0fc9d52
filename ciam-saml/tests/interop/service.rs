//! The peer is a service provider, and we are the identity provider.

use ciam_core::http::BrowserId;
use ciam_core::ports::Ports;
use ciam_core::secret::SecretBytes;
use ciam_saml::binding::Direction;
use ciam_saml::idp::{IdentityProvider, IdentityProviderConfig, Issued, NameIdFormat, Person};
use ciam_saml::metadata::EntityDescriptor;
use ciam_saml::model::{Attribute, Status};
use ciam_saml::names::ATTRNAME_BASIC;
use ciam_saml::transport::{Binding, Outgoing};
use serde_json::{Value, json};
use time::Duration;

use crate::matrix::{Feature, Outcome, Trouble};
use crate::peer::{Brought, Peer, Wire, brought, soap, text};
use crate::setting::*;
use crate::support::{CRYPTO, IDP};

const SESSION: &str = "session-1";

pub(crate) fn try_out(peer: &Peer, feature: Feature) -> Outcome {
    use Binding::{Post, Redirect};
    match feature {
        Feature::ReadsOurs => Here::new(peer, Terms::PLAIN)?.known,
        Feature::IsRead => Here::new(peer, Terms::PLAIN).map(|_| ()),
        Feature::SignIn => Here::new(peer, Terms::PLAIN)?.sign_in(peer),
        Feature::SignedRedirect => Here::new(peer, Terms::signed(Redirect))?.sign_in(peer),
        Feature::SignedPost => Here::new(peer, Terms::signed(Post))?.sign_in(peer),
        Feature::Encrypted => Here::new(peer, Terms { encrypted: true, ..Terms::PLAIN })?.sign_in(peer),
        Feature::Forged => Here::new(peer, Terms::PLAIN)?.forge(peer),
        Feature::TheyAskByRedirect => Here::new(peer, Terms::signed(Redirect))?.they_ask(peer, Redirect),
        Feature::TheyAskByPost => Here::new(peer, Terms::signed(Redirect))?.they_ask(peer, Post),
        Feature::WeAskByRedirect => Here::new(peer, Terms::signed(Redirect))?.we_ask(peer, Redirect),
        Feature::WeAskByPost => Here::new(peer, Terms::signed(Redirect))?.we_ask(peer, Post),
        Feature::Artifact => {
            Here::new(peer, Terms { by_artifact: true, ..Terms::signed(Redirect) })?.sign_in(peer)
        }
        Feature::TheyAskDirectly => Here::new(peer, Terms::signed(Redirect))?.they_ask_directly(peer),
        Feature::WeAskDirectly => Here::new(peer, Terms::signed(Redirect))?.we_ask_directly(peer),
    }
}

/// Us, with the peer as the only service.
struct Here {
    ports: Ports,
    terms: Terms,
    entity: EntityDescriptor,
    idp: IdentityProvider,
    browser: BrowserId,
    known: Outcome,
}

impl Here {
    fn new(peer: &Peer, terms: Terms) -> Result<Self, Trouble> {
        let ports = ports();
        let setup = peer.ask("setup", terms.setup("sp"))?;
        let metadata = setup.get("metadata").map(text).unwrap_or_default();
        let entity = EntityDescriptor::parse(metadata.trim().as_bytes())
            .map_err(|error| Trouble::failed("we cannot read its metadata", error))?;
        let idp = provider(&ports, &entity, terms, terms.binding)?;
        let until = ports.now() + Duration::days(7);
        let known = peer.ask(
            "know",
            json!({
                "metadata": idp.metadata(until).unwrap(),
                "entity_id": IDP_ID,
                "sso": SSO,
                "slo": IDP_SLO,
                "certificate": pem("CERTIFICATE", &IDP.certificate),
            }),
        );
        let known = match known {
            // What it cannot read can be copied by hand.
            Err(Trouble::Failed(why)) => return Err(Trouble::Failed(why)),
            other => other.map(|_| ()),
        };
        let browser = BrowserId::generate(ports.entropy()).unwrap();
        Ok(Self { ports, terms, entity, idp, browser, known })
    }

    /// Its request, and our answer.
    fn answer(&self, peer: &Peer) -> Result<Issued, Trouble> {
        let asked = peer.ask(
            "login",
            json!({
                "binding": self.terms.binding_name(),
                "signed": self.terms.signed,
                "force": true,
                "relay_state": RELAY_STATE,
                "answer": self.terms.answer_name(),
            }),
        )?;
        let message = Brought::read(&asked, SSO)?;
        let sign_on = self
            .idp
            .receive(message.incoming())
            .map_err(|refused| Trouble::failed("its request is refused", refused))?;
        if !sign_on.force_authn || sign_on.relay_state.as_deref() != Some(RELAY_STATE) {
            return Err(Trouble::Failed(format!("its request is read as {sign_on:?}")));
        }
        let issued = block_on(self.idp.issue(&sign_on, &self.person()))
            .map_err(|error| Trouble::failed("it cannot be answered", error))?;
        if sign_on.by_artifact != self.terms.by_artifact {
            return Err(Trouble::Failed("it asks for another binding".to_owned()));
        }
        if issued.outgoing.form().is_some() {
            let xml = Brought::read(&back(&issued), ACS)?.xml(Direction::Response);
            if xml.contains("EncryptedAssertion") != self.terms.encrypted {
                return Err(Trouble::Failed("its metadata and the terms differ about encryption".to_owned()));
            }
        }
        Ok(issued)
    }

    fn sign_in(&self, peer: &Peer) -> Outcome {
        let issued = self.answer(peer)?;
        let answer = if self.terms.by_artifact {
            let asked = peer.ask("fetch", brought(&issued.outgoing))?;
            let reply = block_on(self.idp.resolve(&soap(&asked)?))
                .map_err(|error| Trouble::failed("its request for the message is refused", error))?;
            json!({ "soap": reply.xml() })
        } else {
            brought(&issued.outgoing)
        };
        let accepted = peer.ask("accept", answer)?;
        if accepted.get("name_id").map(text).as_ref() != Some(&issued.name_id.value) {
            return Err(Trouble::Failed(format!("it knows the person by another name: {accepted}")));
        }
        if !accepted.get("attributes").is_some_and(says_mail) {
            return Err(Trouble::Failed(format!("it reads another attribute: {accepted}")));
        }
        Ok(())
    }

    /// The same answer with another name in it.
    fn forge(&self, peer: &Peer) -> Outcome {
        let issued = self.answer(peer)?;
        let xml = Brought::read(&back(&issued), ACS)?.xml(Direction::Response);
        let name = &issued.name_id.value;
        let forged = xml.replace(name, &name.chars().rev().collect::<String>());
        assert_ne!(xml, forged);
        let fields = json!({ "fields": { "SAMLResponse": crate::support::b64(forged.as_bytes()) } });
        match peer.ask("accept", fields) {
            Err(Trouble::Failed(_)) => Ok(()),
            other => Err(Trouble::Failed(format!("it accepts a changed assertion: {other:?}"))),
        }
    }

    fn they_ask(mut self, peer: &Peer, binding: Binding) -> Outcome {
        self.agree(binding)?;
        self.sign_in(peer)?;
        let terms = Terms { binding, ..self.terms };
        let asked = peer.ask("start_logout", json!({ "binding": terms.binding_name() }))?;
        let message = Brought::read(&asked, IDP_SLO)?;
        let (demand, sessions) = block_on(self.idp.accept_logout_request(message.incoming()))
            .map_err(|error| Trouble::failed("its request for logout is refused", error))?;
        if sessions != [SESSION] {
            return Err(Trouble::Failed(format!("it means the sessions {sessions:?}")));
        }
        let answer = self
            .idp
            .answer_logout(&demand, Status::success())
            .map_err(|error| Trouble::failed("its request for logout cannot be answered", error))?;
        peer.ask("end_logout", brought(&answer)).map(|_| ())
    }

    fn we_ask(mut self, peer: &Peer, binding: Binding) -> Outcome {
        self.agree(binding)?;
        self.sign_in(peer)?;
        let mut left = block_on(self.idp.propagation(SESSION, None)).unwrap();
        let name = left.waiting.first().map(|one| one.name_id.value.clone());
        let asked = block_on(self.idp.ask_next(&self.browser, &mut left))
            .map_err(|error| Trouble::failed("it cannot be asked for logout", error))?;
        let asked = asked.ok_or_else(|| Trouble::Failed("it is not asked for logout".to_owned()))?;
        let answer = peer.ask("answer_logout", brought(&asked.outgoing))?;
        if answer.get("name_id").map(text) != name {
            return Err(Trouble::Failed(format!("it signs out somebody else: {answer}")));
        }
        let message = Brought::read(&answer, IDP_SLO)?;
        let answer = block_on(self.idp.accept_logout_answer(&self.browser, message.incoming()))
            .map_err(|error| Trouble::failed("its answer to logout is refused", error))?;
        if answer.status.is_success() { Ok(()) } else { Err(Trouble::failed("it fails", answer.status)) }
    }

    fn they_ask_directly(self, peer: &Peer) -> Outcome {
        self.sign_in(peer)?;
        let asked = peer.ask("start_logout", json!({ "binding": "soap" }))?;
        let (demand, sessions) = block_on(self.idp.accept_soap_logout(&soap(&asked)?))
            .map_err(|error| Trouble::failed("its request for logout is refused", error))?;
        if sessions != [SESSION] {
            return Err(Trouble::Failed(format!("it means the sessions {sessions:?}")));
        }
        let reply = self.idp.answer_soap_logout(&demand, Status::success()).unwrap();
        peer.ask("end_logout", json!({ "soap": reply.xml() })).map(|_| ())
    }

    fn we_ask_directly(mut self, peer: &Peer) -> Outcome {
        let wire = Wire::to(peer);
        self.ports = self.ports.with_http_client(wire.clone());
        self.agree(Binding::Redirect)?;
        self.sign_in(peer)?;
        let mut left = block_on(self.idp.propagation(SESSION, None)).unwrap();
        let name = left.waiting.first().map(|one| one.name_id.value.clone());
        block_on(self.idp.ask_all(&mut left));
        let heard = wire.heard()?;
        if Some(heard) == name && left.done == [SP_ID] {
            return Ok(());
        }
        Err(Trouble::failed("it is not signed out", left))
    }

    /// Uses one binding for logout.
    fn agree(&mut self, binding: Binding) -> Outcome {
        self.idp = provider(&self.ports, &self.entity, self.terms, binding)?;
        Ok(())
    }

    fn person(&self) -> Person {
        let now = self.ports.now();
        Person::new("account-1", SESSION, now, PASSWORD)
            .with_session_end(now + Duration::hours(8))
            .with_attributes([Attribute::new("mail", ATTRNAME_BASIC, [MAIL])])
    }
}

/// Us, as the terms say.
fn provider(
    ports: &Ports,
    entity: &EntityDescriptor,
    terms: Terms,
    logout: Binding,
) -> Result<IdentityProvider, Trouble> {
    let mut entity = entity.clone();
    let role =
        entity.sp.as_mut().ok_or_else(|| Trouble::Failed("its metadata is of no service".to_owned()))?;
    // Some declare one binding, and can do two: an operator adds the other.
    role.logout = vec![(logout, SP_SLO.to_owned())];
    role.soap_logout = Some(SP_SOAP.to_owned());
    if terms.signed != role.signs_requests {
        return Err(Trouble::Failed("its metadata and the terms differ about signatures".to_owned()));
    }
    let partner = entity
        .sp_partner(&**CRYPTO)
        .map_err(|error| Trouble::failed("its metadata cannot be used", error))?
        .with_released(["mail"])
        .with_formats([NameIdFormat::Persistent]);
    let config = IdentityProviderConfig::new(IDP_ID, SSO, IDP.signer())
        .with_logout_url(IDP_SLO)
        .with_soap_logout_url(IDP_SOAP)
        .with_artifact_url(ARTIFACTS);
    let config = if terms.signed { config.with_signed_requests() } else { config };
    Ok(IdentityProvider::new(ports.clone(), config, &SecretBytes::new(vec![1; 32]), [partner]).unwrap())
}

/// Our answer, as something that is sent.
fn back(issued: &Issued) -> Value {
    let Outgoing::Post(form) = &issued.outgoing else { panic!("answers are posted") };
    let mut sent = brought(&issued.outgoing);
    sent.as_object_mut().unwrap().insert("action".to_owned(), form.action.as_str().into());
    sent
}
