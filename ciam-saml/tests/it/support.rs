//! Keys, and documents signed by a hand of their own: what is verified here was not made by what verifies it.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ciam_core::crypto::{self, Crypto, DigestAlgorithm, SignatureScheme};
use ciam_core::secret::SecretBytes;
use ciam_saml::cert;
use ciam_saml::dsig::{SignatureAlgorithm, Signer, TrustedKey, TrustedKeys};
use ciam_saml::xml::{Canonical, Doc, Limits, canonicalize};
use time::macros::datetime;

pub(crate) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(crate) const EXC: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub(crate) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
pub(crate) const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
pub(crate) const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

pub(crate) static CRYPTO: LazyLock<Arc<dyn Crypto>> = LazyLock::new(crypto::aws_lc_rs);

/// A key pair with its certificate.
pub(crate) struct Pair {
    pub pkcs8: SecretBytes,
    pub(crate) certificate: Vec<u8>,
    pub(crate) algorithm: SignatureAlgorithm,
}

impl Pair {
    pub(crate) fn generate(algorithm: SignatureAlgorithm) -> Self {
        let pkcs8 = CRYPTO.generate_signing_key(algorithm.scheme()).unwrap();
        let certificate = cert::self_signed(
            &**CRYPTO,
            algorithm,
            pkcs8.expose(),
            "test",
            datetime!(2025-01-01 0:00 UTC),
            datetime!(2035-01-01 0:00 UTC),
        )
        .unwrap();
        Self { pkcs8, certificate, algorithm }
    }

    pub(crate) fn signer(&self) -> Signer {
        Signer::new(&**CRYPTO, self.algorithm, self.pkcs8.expose(), self.certificate.clone()).unwrap()
    }

    pub(crate) fn trusted(&self) -> TrustedKeys {
        TrustedKeys::new(vec![self.trusted_key()]).unwrap()
    }

    pub(crate) fn trusted_key(&self) -> TrustedKey {
        TrustedKey::from_certificate(&**CRYPTO, &self.certificate).unwrap()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.sign_as(self.algorithm.scheme(), message)
    }

    pub(crate) fn sign_as(&self, scheme: SignatureScheme, message: &[u8]) -> Vec<u8> {
        CRYPTO.signing_key(scheme, self.pkcs8.expose()).unwrap().sign(message).unwrap()
    }
}

pub(crate) static IDP: LazyLock<Pair> = LazyLock::new(|| Pair::generate(SignatureAlgorithm::RsaSha256));
pub(crate) static OTHER: LazyLock<Pair> = LazyLock::new(|| Pair::generate(SignatureAlgorithm::RsaSha256));

pub(crate) fn b64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// What to write into a signature; change a field to make a bad one.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub(crate) uri: String,
    pub(crate) reference_attributes: String,
    pub(crate) method: String,
    pub(crate) method_content: String,
    pub(crate) canonicalization: String,
    pub(crate) canonicalization_content: String,
    pub(crate) transforms: String,
    pub(crate) digest_method: String,
    pub(crate) digest_value: Option<String>,
    pub(crate) extra_reference: String,
    pub(crate) after: String,
    pub(crate) key_info: String,
}

impl Recipe {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            uri: format!("#{id}"),
            reference_attributes: String::new(),
            method: RSA_SHA256.into(),
            method_content: String::new(),
            canonicalization: EXC.into(),
            canonicalization_content: String::new(),
            transforms: format!(
                r#"<ds:Transform Algorithm="{ENVELOPED}"></ds:Transform><ds:Transform Algorithm="{EXC}"></ds:Transform>"#
            ),
            digest_method: SHA256.into(),
            digest_value: None,
            extra_reference: String::new(),
            after: String::new(),
            key_info: String::new(),
        }
    }

    /// The `SignedInfo` over this element.
    pub(crate) fn info(&self, element: &str) -> String {
        let digest = self.digest_value.clone().unwrap_or_else(|| digest_of(element));
        let Self { uri, reference_attributes, method, method_content, canonicalization, .. } = self;
        let Self { canonicalization_content, transforms, digest_method, extra_reference, .. } = self;
        format!(
            r#"<ds:SignedInfo xmlns:ds="{DSIG}"><ds:CanonicalizationMethod Algorithm="{canonicalization}">{canonicalization_content}</ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="{method}">{method_content}</ds:SignatureMethod><ds:Reference{reference_attributes} URI="{uri}"><ds:Transforms>{transforms}</ds:Transforms><ds:DigestMethod Algorithm="{digest_method}"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>{extra_reference}</ds:SignedInfo>"#
        )
    }

    /// The whole signature.
    pub(crate) fn signature(&self, pair: &Pair, element: &str) -> String {
        let info = self.info(element);
        let canonical = Doc::parse(info.as_bytes(), Limits::MESSAGE)
            .and_then(|doc| canonicalize(doc.root()?, Canonical::default()))
            .unwrap_or_else(|_| info.clone());
        let value = b64(&pair.sign(canonical.as_bytes()));
        let Self { after, key_info, .. } = self;
        format!(
            r#"<ds:Signature xmlns:ds="{DSIG}">{info}<ds:SignatureValue>{value}</ds:SignatureValue>{key_info}{after}</ds:Signature>"#
        )
    }
}

/// The digest of an element that stands for itself.
pub(crate) fn digest_of(element: &str) -> String {
    let doc = Doc::parse(element.as_bytes(), Limits::MESSAGE).unwrap();
    let octets = canonicalize(doc.root().unwrap(), Canonical::default()).unwrap();
    b64(CRYPTO.digest(DigestAlgorithm::Sha256, octets.as_bytes()).as_ref())
}
