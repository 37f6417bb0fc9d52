//! Making signatures.

use ciam_core::crypto::Crypto;

use super::algorithm::digest_uri;
use super::{KeyError, Signer, encode};
use crate::names::{DSIG, ENVELOPED, EXC_C14N};
use crate::xml::{Canonical, Doc, Limits, XmlWriter, canonicalize};

/// An element of our own that is ready to be signed.
#[derive(Debug)]
pub(crate) struct Unsigned {
    /// The element, with every namespace that it uses declared in it.
    pub(crate) xml: String,
    /// Where the signature goes.
    pub(crate) signature_at: usize,
    /// The value of its `ID`.
    pub(crate) id: String,
}

impl Unsigned {
    /// Signs the element and puts the signature into it.
    pub(crate) fn sign(&self, crypto: &dyn Crypto, signer: &Signer) -> Result<String, KeyError> {
        let limits = Limits { bytes: self.xml.len(), ..Limits::MESSAGE };
        let doc = Doc::parse(self.xml.as_bytes(), limits).map_err(|_| KeyError::Failed)?;
        let root = doc.root().map_err(|_| KeyError::Failed)?;
        let octets = canonicalize(root, Canonical::default()).map_err(|_| KeyError::Failed)?;
        let hash = signer.algorithm().digest();
        let digest = encode(crypto.digest(hash, octets.as_bytes()).as_ref());
        let info = signed_info(signer, digest_uri(hash), &self.id, &digest);
        let signature = encode(&signer.sign(info.as_bytes())?);
        let mut xml = XmlWriter::new();
        xml.open("ds:Signature", &[("xmlns:ds", DSIG)]);
        // What was signed declares the namespace itself: inside the signature it does not have to.
        xml.raw(&info.replacen(&format!(" xmlns:ds=\"{DSIG}\""), "", 1));
        xml.leaf("ds:SignatureValue", &[], &signature);
        xml.open("ds:KeyInfo", &[]);
        xml.open("ds:X509Data", &[]);
        xml.leaf("ds:X509Certificate", &[], &encode(signer.certificate()));
        let signature = xml.finish();
        let (before, after) = self.xml.split_at_checked(self.signature_at).ok_or(KeyError::Failed)?;
        Ok([before, &signature, after].concat())
    }
}

fn signed_info(signer: &Signer, digest_method: &str, id: &str, digest: &str) -> String {
    let mut xml = XmlWriter::new();
    xml.open("ds:SignedInfo", &[("xmlns:ds", DSIG)]);
    xml.leaf("ds:CanonicalizationMethod", &[("Algorithm", EXC_C14N)], "");
    xml.leaf("ds:SignatureMethod", &[("Algorithm", signer.algorithm().uri())], "");
    xml.open("ds:Reference", &[("URI", &format!("#{id}"))]);
    xml.open("ds:Transforms", &[]);
    xml.leaf("ds:Transform", &[("Algorithm", ENVELOPED)], "");
    xml.leaf("ds:Transform", &[("Algorithm", EXC_C14N)], "");
    xml.close();
    xml.leaf("ds:DigestMethod", &[("Algorithm", digest_method)], "");
    xml.leaf("ds:DigestValue", &[], digest);
    xml.finish()
}
