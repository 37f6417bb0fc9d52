//! Names of persons, made for one service
//! ([SAML core, section 8.3](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).

use ciam_core::encoding::base64url;
use ciam_core::error::PortError;

use super::{IdentityProvider, Person};
use crate::model::{NameId, new_id};
use crate::names::{NAMEID_EMAIL, NAMEID_PERSISTENT, NAMEID_TRANSIENT, NAMEID_UNSPECIFIED};

/// A format of names that we make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameIdFormat {
    /// The same at each sign-in, and another for each service.
    Persistent,
    /// Another at each sign-in.
    Transient,
    /// The person's verified address. It is the same everywhere, and may become somebody else's.
    Email,
}

impl NameIdFormat {
    /// The format's name.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Persistent => NAMEID_PERSISTENT,
            Self::Transient => NAMEID_TRANSIENT,
            Self::Email => NAMEID_EMAIL,
        }
    }

    /// Which of a service's formats answers what it asked for: its first, unless it asked for one.
    pub(super) fn choose(asked: Option<&str>, allowed: &[Self]) -> Option<Self> {
        match asked {
            None | Some(NAMEID_UNSPECIFIED) => allowed.first().copied(),
            Some(uri) => allowed.iter().copied().find(|format| format.uri() == uri),
        }
    }
}

impl IdentityProvider {
    /// The name of a person for a service; `None` when there is none in this format.
    pub(super) fn name_for(
        &self,
        sp: &str,
        format: NameIdFormat,
        person: &Person,
    ) -> Result<Option<NameId>, PortError> {
        let value = match format {
            NameIdFormat::Transient => new_id(self.ports.entropy())?,
            NameIdFormat::Email => match &person.email {
                Some(email) => return Ok(Some(NameId::new(email.clone(), format.uri()))),
                None => return Ok(None),
            },
            NameIdFormat::Persistent => {
                // Each part with its length, so that no two triples read alike.
                let mut message = Vec::new();
                for part in [&*self.config.entity_id, sp, &*person.subject] {
                    message.extend_from_slice(&(part.len() as u64).to_be_bytes());
                    message.extend_from_slice(part.as_bytes());
                }
                base64url::encode(self.names.authenticate(&message).as_ref())
            }
        };
        Ok(Some(NameId::new(value, format.uri()).with_qualifiers(&self.config.entity_id, sp)))
    }
}
