//! Links that are sent with a code.
//!
//! A mail holds a code and a link, and either is enough. Programs open links in mail before people do, so opening one
//! changes nothing: it leads to a page, and the button on that page to [`Journeys::answer`]. In another browser than the
//! one in which the journey began, the link proves nothing: the page shows the code, to be typed where it was asked for.

use super::challenge::{Answer, Challenge};
use super::service::Journeys;
use super::state::{JourneyHandle, Stage};
use super::types::{JourneyError, Visitor};
use crate::secret::{Secret, TokenDigest};

/// The secret of a link: which journey it belongs to, and the proof that its mail was read.
///
/// The message has it as the parameter `link`; the host makes an address of it, and takes it back with
/// [`from_text`](Self::from_text).
#[derive(Clone, Debug)]
pub struct JourneyLink {
    handle: JourneyHandle,
    proof: Secret,
}

/// What a link is good for in the browser that opened it.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a browser is the one in which the journey began, or another one"
)]
pub enum LinkOpened {
    /// The journey began here: a button may send [`JourneyLink::answer`].
    Here(Challenge),
    /// It began elsewhere: the page shows the code, to be typed there.
    Elsewhere {
        /// The code, as it is in the mail.
        code: Secret,
        /// What it is for.
        challenge: Challenge,
    },
}

impl JourneyLink {
    pub(super) const fn new(handle: JourneyHandle, proof: Secret) -> Self {
        Self { handle, proof }
    }

    /// Takes a link's secret from an address. What is none belongs to no journey.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let (handle, proof) = text.split_once('.').unwrap_or((text, ""));
        Self::new(JourneyHandle::from_text(handle), Secret::from(proof))
    }

    /// The text for an address: 87 characters of base64url and a full stop.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{}.{}", self.handle.expose(), self.proof.expose())
    }

    /// The journey that it belongs to.
    #[must_use]
    pub const fn handle(&self) -> &JourneyHandle {
        &self.handle
    }

    /// What the button on the link's page answers.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer::Link { proof: self.proof.clone() }
    }

    pub(super) fn proof_digest(&self) -> TokenDigest {
        self.proof.digest()
    }

    /// The code that is in the same mail, computed from the link: it is nowhere stored.
    pub(super) fn code(&self, digits: u32) -> Secret {
        let digest = TokenDigest::of(&format!("code\n{}\n{}", self.handle.expose(), self.proof.expose()));
        let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
        // Of 2^64 values, the bias towards small codes is nothing that could be used.
        let value = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 10_u64.pow(digits.clamp(1, 9));
        Secret::new(format!("{value:0width$}", width = digits as usize))
    }
}

impl Journeys {
    /// What a link is good for. Changes nothing, however often it is called.
    ///
    /// # Errors
    ///
    /// Fails with [`JourneyError::NotFound`] when the journey has gone on, another link took this one's place, its time is
    /// over, or there never was such a link; and when a port fails.
    pub async fn open_link(
        &self,
        link: &JourneyLink,
        visitor: &Visitor<'_>,
    ) -> Result<LinkOpened, JourneyError> {
        let journey = self.read(link.handle()).await?;
        let Stage::Code(stage) = &journey.stage else { return Err(JourneyError::NotFound) };
        let live = stage.sent.link == link.proof_digest() && self.ports.now() < stage.sent.expires_at;
        let challenge = self.challenge_of(&journey).filter(|_| live).ok_or(JourneyError::NotFound)?;
        Ok(if journey.browser == visitor.browser.digest() {
            LinkOpened::Here(challenge)
        } else {
            LinkOpened::Elsewhere { code: link.code(self.policy.digits()), challenge }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn a_link_round_trips_and_its_code_has_the_digits() {
        let random = || Secret::random(&SystemEntropy::new()).unwrap();
        let link = JourneyLink::new(JourneyHandle::new(random()), random());
        let text = link.expose();
        assert_eq!(text.len(), 87);
        let back = JourneyLink::from_text(&text);
        assert_eq!(back.proof_digest(), link.proof_digest());
        for digits in 6..=8 {
            let code = link.code(digits);
            assert_eq!(code.expose().len(), digits as usize);
            assert!(back.code(digits).ct_eq(code.expose()));
        }
        assert!(!format!("{link:?}").contains(link.proof.expose()));
        for bad in ["", ".", "a", "a.b.c", "…"] {
            let _no_panic = JourneyLink::from_text(bad).code(6);
        }
    }
}
