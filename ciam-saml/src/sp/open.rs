//! From a document to an assertion that somebody signed.

use ciam_core::crypto::Crypto;
use ciam_core::entropy::Entropy;
use ciam_core::secret::TokenDigest;

use super::{IdpPartner, Reject};
use crate::dsig::{SignatureError, Signed, is_signed, verify};
use crate::enc::{Around, DecryptError, DecryptionKeys, decrypt};
use crate::model::{Assertion, Attribute, Content, Header, NameId, Response, SubjectId};
use crate::names::ASSERTION;
use crate::xml::Element;

/// What it takes to open a response.
pub(super) struct Opener<'o> {
    pub(super) crypto: &'o dyn Crypto,
    pub(super) entropy: &'o dyn Entropy,
    pub(super) decryption: &'o DecryptionKeys,
    pub(super) partner: &'o IdpPartner,
}

/// A response whose assertion was signed by the partner, directly or with the response.
#[derive(Debug)]
pub(super) struct Opened {
    /// Whether the response's own header was signed; if not, it may only make us refuse.
    pub(super) response_signed: bool,
    pub(super) header: Header,
    pub(super) in_response_to: Option<String>,
    pub(super) assertion: Assertion<'static>,
    pub(super) key: TokenDigest,
}

impl Opener<'_> {
    pub(super) fn open(&self, root: Element<'_>) -> Result<Opened, Reject> {
        let signed = if is_signed(root) {
            Some(self.verify(root)?)
        } else if self.partner.required.response() {
            return Err(SignatureError::Unsigned.into());
        } else {
            None
        };
        // From here on, what is signed is read from what was hashed.
        let root = signed.as_ref().map_or(Ok(root), Signed::root)?;
        let response = Response::read(root)?;
        if !response.status.is_success() {
            return Err(Reject::Status(response.status));
        }
        let (assertion, key) = match response.content {
            Content::None => return Err(Reject::NoAssertion),
            Content::Plain(element) => self.assertion(element, signed.as_ref())?,
            Content::Encrypted(element) => {
                let around = signed.as_ref().map_or(Around::Nothing, Around::Signed);
                let decrypted = decrypt(self.crypto, self.entropy, self.decryption, element, around)?;
                self.assertion(decrypted.element()?, signed.as_ref())?
            }
        };
        Ok(Opened {
            response_signed: signed.is_some(),
            header: response.header,
            in_response_to: response.in_response_to,
            assertion,
            key,
        })
    }

    fn verify(&self, element: Element<'_>) -> Result<Signed, SignatureError> {
        verify(self.crypto, element, &self.partner.keys, &self.partner.policy)
    }

    /// The assertion, from its own signed octets, or from those of the response around it.
    fn assertion(
        &self,
        element: Element<'_>,
        response: Option<&Signed>,
    ) -> Result<(Assertion<'static>, TokenDigest), Reject> {
        if !element.is(ASSERTION, "Assertion") {
            return Err(crate::model::ShapeError::Structure.into());
        }
        if is_signed(element) {
            let signed = self.verify(element)?;
            let assertion = Assertion::read(signed.root()?)?;
            return Ok((self.reveal(assertion, &signed)?, *signed.key()));
        }
        match response {
            Some(response) if !self.partner.required.assertion() => {
                let assertion = Assertion::read(element)?;
                Ok((self.reveal(assertion, response)?, *response.key()))
            }
            _ => Err(SignatureError::Unsigned.into()),
        }
    }

    /// Decrypts what is encrypted inside of what was signed.
    fn reveal(&self, assertion: Assertion<'_>, signed: &Signed) -> Result<Assertion<'static>, Reject> {
        let open =
            |element| decrypt(self.crypto, self.entropy, self.decryption, element, Around::Signed(signed));
        let subject = match assertion.subject {
            SubjectId::None => SubjectId::None,
            SubjectId::Plain(name) => SubjectId::Plain(name),
            SubjectId::Encrypted(element) => {
                let decrypted = open(element)?;
                let name = decrypted.element()?;
                if !name.is(ASSERTION, "NameID") {
                    return Err(DecryptError.into());
                }
                SubjectId::Plain(NameId::read(name)?)
            }
        };
        if assertion.encrypted_attributes.len() > MAX_ENCRYPTED {
            return Err(DecryptError.into());
        }
        let mut attributes = assertion.attributes;
        for element in assertion.encrypted_attributes {
            let decrypted = open(element)?;
            let attribute = decrypted.element()?;
            if !attribute.is(ASSERTION, "Attribute") {
                return Err(DecryptError.into());
            }
            attributes.push(Attribute::read(attribute)?);
        }
        Ok(Assertion {
            id: assertion.id,
            issue_instant: assertion.issue_instant,
            issuer: assertion.issuer,
            subject,
            confirmations: assertion.confirmations,
            conditions: assertion.conditions,
            authentications: assertion.authentications,
            attributes,
            encrypted_attributes: Vec::new(),
        })
    }
}

/// Most encrypted attributes: each costs an operation with a private key.
const MAX_ENCRYPTED: usize = 16;
