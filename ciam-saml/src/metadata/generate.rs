//! Writing our own.

use time::OffsetDateTime;

use crate::dsig::{KeyError, Unsigned, encode};
use crate::idp::{ENDPOINT, IdentityProvider};
use crate::instant;
use crate::model::new_id;
use crate::names::{
    BINDING_ARTIFACT, BINDING_POST, BINDING_REDIRECT, BINDING_SOAP, DISCOVERY, DSIG, METADATA, PROTOCOL,
};
use crate::sp::ServiceProvider;
use crate::xml::XmlWriter;

impl ServiceProvider {
    /// The metadata of this service provider, signed where there is a key to sign with.
    ///
    /// # Errors
    ///
    /// Fails when the entropy source or the key does.
    pub fn metadata(&self, valid_until: OffsetDateTime) -> Result<String, KeyError> {
        let (config, crypto) = (&self.config, self.ports.crypto());
        let id = new_id(self.ports.entropy()).map_err(|_| KeyError::Failed)?;
        let (mut xml, signature_at) = open(&config.entity_id, &id, valid_until);
        let signs = if config.signer.is_some() { "true" } else { "false" };
        xml.open(
            "md:SPSSODescriptor",
            &[
                ("AuthnRequestsSigned", signs),
                ("WantAssertionsSigned", "true"),
                ("protocolSupportEnumeration", PROTOCOL),
            ],
        );
        if let Some(url) = &config.discovery_url {
            xml.open("md:Extensions", &[]);
            xml.leaf(
                "idpdisc:DiscoveryResponse",
                &[("xmlns:idpdisc", DISCOVERY), ("Binding", DISCOVERY), ("Location", url), ("index", "0")],
                "",
            );
            xml.close();
        }
        if let Some(signer) = &config.signer {
            key(&mut xml, "signing", signer.certificate());
        }
        for one in config.decryption.iter().take(1) {
            // Peers encrypt for the current key; those before it are for what is on its way.
            key(&mut xml, "encryption", one.certificate());
        }
        logout_endpoints(&mut xml, config.logout_url.as_deref(), config.soap_logout_url.as_deref());
        xml.leaf(
            "md:AssertionConsumerService",
            &[
                ("Binding", BINDING_POST),
                ("Location", &config.acs_url),
                ("index", "0"),
                ("isDefault", "true"),
            ],
            "",
        );
        if config.artifacts {
            xml.leaf(
                "md:AssertionConsumerService",
                &[("Binding", BINDING_ARTIFACT), ("Location", &config.acs_url), ("index", "1")],
                "",
            );
        }
        let unsigned = Unsigned { xml: xml.finish(), signature_at, id };
        match &config.signer {
            Some(signer) => unsigned.sign(crypto, signer),
            None => Ok(unsigned.xml),
        }
    }
}

impl IdentityProvider {
    /// The signed metadata of this identity provider.
    ///
    /// # Errors
    ///
    /// Fails when the entropy source or the key does.
    pub fn metadata(&self, valid_until: OffsetDateTime) -> Result<String, KeyError> {
        let config = &self.config;
        let id = new_id(self.ports.entropy()).map_err(|_| KeyError::Failed)?;
        let (mut xml, signature_at) = open(&config.entity_id, &id, valid_until);
        let mut attributes = vec![("protocolSupportEnumeration", PROTOCOL)];
        if config.signed_requests {
            attributes.insert(0, ("WantAuthnRequestsSigned", "true"));
        }
        xml.open("md:IDPSSODescriptor", &attributes);
        key(&mut xml, "signing", config.signer.certificate());
        if let Some(url) = &config.artifact_url {
            let index = ENDPOINT.to_string();
            xml.leaf(
                "md:ArtifactResolutionService",
                &[("Binding", BINDING_SOAP), ("Location", url), ("index", &index), ("isDefault", "true")],
                "",
            );
        }
        logout_endpoints(&mut xml, config.logout_url.as_deref(), config.soap_logout_url.as_deref());
        endpoints(&mut xml, "md:SingleSignOnService", &config.sign_on_url);
        Unsigned { xml: xml.finish(), signature_at, id }.sign(self.ports.crypto(), &config.signer)
    }
}

fn open(entity_id: &str, id: &str, valid_until: OffsetDateTime) -> (XmlWriter, usize) {
    let mut xml = XmlWriter::new();
    let until = instant::format(valid_until);
    xml.open(
        "md:EntityDescriptor",
        &[("xmlns:md", METADATA), ("ID", id), ("entityID", entity_id), ("validUntil", &until)],
    );
    let signature_at = xml.position();
    (xml, signature_at)
}

fn key(xml: &mut XmlWriter, purpose: &str, certificate: &[u8]) {
    xml.open("md:KeyDescriptor", &[("use", purpose)]);
    xml.open("ds:KeyInfo", &[("xmlns:ds", DSIG)]);
    xml.open("ds:X509Data", &[]);
    xml.leaf("ds:X509Certificate", &[], &encode(certificate));
    xml.close();
    xml.close();
    xml.close();
}

fn logout_endpoints(xml: &mut XmlWriter, front: Option<&str>, back: Option<&str>) {
    if let Some(url) = back {
        xml.leaf("md:SingleLogoutService", &[("Binding", BINDING_SOAP), ("Location", url)], "");
    }
    if let Some(url) = front {
        endpoints(xml, "md:SingleLogoutService", url);
    }
}

fn endpoints(xml: &mut XmlWriter, name: &'static str, url: &str) {
    for binding in [BINDING_REDIRECT, BINDING_POST] {
        xml.leaf(name, &[("Binding", binding), ("Location", url)], "");
    }
}
