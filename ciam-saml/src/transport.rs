//! Messages on their way in and out: which signature speaks for them, and in what they are sent.

use ciam_core::crypto::Crypto;

use crate::binding::{BindingError, Direction, PostForm, PostMessage, RedirectMessage, redirect_url};
use crate::dsig::{
    KeyError, SignatureError, SignaturePolicy, Signed, Signer, TrustedKeys, Unsigned, is_signed, verify,
};
use crate::xml::{Doc, Element, Limits, XmlError};

/// A message as it arrived.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the front channel has these two bindings")]
pub enum Incoming<'m> {
    /// In a query.
    Redirect(&'m RedirectMessage),
    /// In a form.
    Post(&'m PostMessage),
}

impl Incoming<'_> {
    pub(crate) fn doc(&self, direction: Direction) -> Result<Doc, BindingError> {
        let xml = match self {
            Self::Redirect(message) => message.xml(direction)?,
            Self::Post(message) => message.xml(direction)?,
        };
        Ok(Doc::parse(xml, Limits::MESSAGE)?)
    }

    /// Whether there is a signature, good or bad.
    pub(crate) fn is_signed(&self, doc: &Doc) -> Result<bool, XmlError> {
        match self {
            Self::Redirect(message) => Ok(message.is_signed()),
            Self::Post(_) => Ok(is_signed(doc.root()?)),
        }
    }

    /// The message, once its signature is verified: over the octets of the query, or over the root element.
    pub(crate) fn prove(
        &self,
        crypto: &dyn Crypto,
        doc: Doc,
        keys: &TrustedKeys,
        policy: &SignaturePolicy,
    ) -> Result<Proven, SignatureError> {
        match self {
            Self::Redirect(message) => {
                message.verify(keys, policy)?;
                Ok(Proven::ByQuery(doc))
            }
            Self::Post(_) => Ok(Proven::ByRoot(verify(crypto, doc.root()?, keys, policy)?)),
        }
    }
}

/// A message whose root was signed by a known key, as a whole.
#[derive(Debug)]
pub(crate) enum Proven {
    ByQuery(Doc),
    ByRoot(Signed),
}

impl Proven {
    pub(crate) fn root(&self) -> Result<Element<'_>, XmlError> {
        match self {
            Self::ByQuery(doc) => doc.root(),
            Self::ByRoot(signed) => signed.root(),
        }
    }
}

/// The bindings of the front channel by which this crate sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the front channel has these two bindings")]
pub enum Binding {
    /// In a query.
    Redirect,
    /// In a form.
    Post,
}

impl Binding {
    /// The binding's name.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Redirect => crate::names::BINDING_REDIRECT,
            Self::Post => crate::names::BINDING_POST,
        }
    }

    /// The binding with this name.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        [Self::Redirect, Self::Post].into_iter().find(|binding| binding.uri() == uri)
    }
}

/// A message to be sent through the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the front channel has these two bindings")]
pub enum Outgoing {
    /// Redirect the browser to this address.
    Redirect(String),
    /// Show this form, which submits itself.
    Post(PostForm),
}

impl Outgoing {
    /// The form, when it is one.
    #[must_use]
    pub const fn form(&self) -> Option<&PostForm> {
        match self {
            Self::Redirect(_) => None,
            Self::Post(form) => Some(form),
        }
    }

    /// Signs and packs a message.
    pub(crate) fn pack(
        crypto: &dyn Crypto,
        (binding, to): (Binding, &str),
        direction: Direction,
        message: &Unsigned,
        relay_state: Option<&str>,
        signer: Option<&Signer>,
    ) -> Result<Self, KeyError> {
        match binding {
            Binding::Redirect => {
                redirect_url(to, direction, &message.xml, relay_state, signer).map(Self::Redirect)
            }
            Binding::Post => {
                let xml = match signer {
                    Some(signer) => message.sign(crypto, signer)?,
                    None => message.xml.clone(),
                };
                Ok(Self::Post(PostForm::new(to, direction, &xml, relay_state)))
            }
        }
    }
}
