//! Interactions: where a protocol needs a person.
//!
//! The protocol stops and stores what is asked for and why, bound to the browser, under a random handle. The host shows
//! its own pages and sends the browser back; the protocol resumes from the record, not from anything the browser carried,
//! and checks everything again. The same mechanism serves OAuth and OpenID Connect authorization, SAML single sign-on and
//! device verification.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::{Duration, OffsetDateTime};

use crate::assurance::Acr;
use crate::ephemeral::{self, EphemeralKey};
use crate::error::PortError;
use crate::http::BrowserId;
use crate::ports::Ports;
use crate::secret::{Secret, TokenDigest};

/// A stored interaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interaction {
    /// The protocol that asked, such as `oauth`.
    pub protocol: String,
    /// The protocol's request, validated and frozen; only the protocol reads it.
    pub request: Json,
    /// What is asked of the person now.
    pub ask: Ask,
    /// What the person answered so far; only the protocol writes it.
    pub answers: Option<Json>,
    /// Where the host sends the browser when the person is done.
    pub resume_url: String,
    /// The digest of the browser's binding secret.
    browser: TokenDigest,
    /// How often the record was changed.
    revision: u32,
    /// As it was read or written.
    #[serde(skip)]
    stored: Vec<u8>,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// What a protocol keeps with an interaction: JSON as text, which nobody takes apart who only hands it on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// Writes a value.
    ///
    /// # Errors
    ///
    /// Fails when the value has no form in JSON, such as a map whose keys are no text.
    pub fn of<T: Serialize>(value: &T) -> Result<Self, PortError> {
        serde_json::value::to_raw_value(value).map(Self).map_err(PortError::permanent)
    }

    /// Reads the value back.
    ///
    /// # Errors
    ///
    /// Fails when it is a value of another kind.
    pub fn read<'de, T: Deserialize<'de>>(&'de self) -> Result<T, PortError> {
        serde_json::from_str(self.0.get()).map_err(PortError::permanent)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

/// What is asked of the person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
#[non_exhaustive]
pub enum Ask {
    /// Sign in, or sign in again.
    SignIn(SignInAsk),
    /// Allow a client what it asks for.
    Consent(ConsentAsk),
    /// Choose which account to go on with.
    SelectAccount(SignInAsk),
    /// Say whether to sign out.
    SignOut(SignOutAsk),
    /// Choose for which organization to go on.
    SelectOrganization(OrganizationAsk),
}

/// At most so many languages of a person are heeded.
const MAX_LANGUAGES: usize = 16;

/// A person's language preferences as a client sends them in `ui_locales`: BCP 47 tags with spaces between, best first
/// ([OpenID Connect Core, section 3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)). They are a wish:
/// what is no tag is left out, and so is what follows the first 16.
///
/// ```
/// assert_eq!(ciam_core::interaction::languages("de-AT fr <b> en"), ["de-AT", "fr", "en"]);
/// ```
#[must_use]
pub fn languages(ui_locales: &str) -> Vec<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_tag = |tag: &&str| (1..=35).contains(&tag.len()) && tag.bytes().all(plain);
    ui_locales.split(' ').filter(is_tag).take(MAX_LANGUAGES).map(str::to_owned).collect()
}

/// For whom an organization is to be chosen. Which ones there are to choose from is for the host to look up:
/// [`Organizations::choices`](crate::organization::Organizations::choices).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrganizationAsk {
    /// The name of the client that asks, for the page.
    pub client_name: Option<String>,
    /// The person's language preferences as BCP 47 tags, best first.
    pub ui_locales: Vec<String>,
}

/// Who wants the person to sign out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignOutAsk {
    /// The name of the client that asks, for the page.
    pub client_name: Option<String>,
    /// The person's language preferences as BCP 47 tags, best first.
    pub ui_locales: Vec<String>,
}

impl SignOutAsk {
    /// A question on behalf of a client.
    #[must_use]
    pub const fn new(client_name: Option<String>, ui_locales: Vec<String>) -> Self {
        Self { client_name, ui_locales }
    }
}

/// What kind of sign-in is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignInAsk {
    /// Why, as stable codes: `no_session`, `prompt_login`, `max_age`, `acr`, `id_token_hint`,
    /// `organization_method`, `organization_acr`, `organization_session`.
    pub reasons: Vec<String>,
    /// The name of the client that asks, for the page.
    pub client_name: Option<String>,
    /// Which identifier the client expects; to be shown, never trusted.
    pub login_hint: Option<String>,
    /// The session must have been authenticated at or after this time; `None` when any live session will do.
    #[serde(with = "time::serde::rfc3339::option")]
    pub authenticated_since: Option<OffsetDateTime>,
    /// One of these levels of assurance is asked for, best first; empty when any will do.
    pub acr_values: Vec<Acr>,
    /// The person's language preferences as BCP 47 tags, best first.
    pub ui_locales: Vec<String>,
    /// The person asked to register rather than sign in (`prompt=create`).
    pub create: bool,
}

/// What a client wants to be allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConsentAsk {
    /// The client's id.
    pub client_id: String,
    /// The client's name, for the page.
    pub client_name: Option<String>,
    /// Addresses of the client's logo, policy and terms, for the page.
    pub client_logo: Option<String>,
    /// The address of the client's privacy policy.
    pub client_policy: Option<String>,
    /// The address of the client's terms of service.
    pub client_terms: Option<String>,
    /// Scope values that are not allowed yet. Empty when everything was allowed before and the person is to confirm it, as for
    /// an app on their device.
    pub scopes: Vec<String>,
    /// Scope values that were allowed before, and will be granted with the others: the page shows them too.
    pub already_allowed: Vec<String>,
    /// What else is asked for, each in a sentence; allowed with the rest or not at all.
    #[serde(default)]
    pub details: Vec<String>,
    /// The resources that the tokens will be for.
    pub resources: Vec<String>,
    /// The person's language preferences as BCP 47 tags, best first.
    pub ui_locales: Vec<String>,
    /// The code that a device shows which waits for the answer: the page shows it, for the person to compare, and says that
    /// nobody should go on who does not have such a device before them.
    #[serde(default)]
    pub user_code: Option<String>,
}

impl ConsentAsk {
    /// A question for consent to scope values.
    #[must_use]
    pub fn new(client_id: impl Into<String>, scopes: Vec<String>) -> Self {
        Self {
            client_id: client_id.into(),
            client_name: None,
            client_logo: None,
            client_policy: None,
            client_terms: None,
            scopes,
            already_allowed: Vec::new(),
            details: Vec::new(),
            resources: Vec::new(),
            ui_locales: Vec::new(),
            user_code: None,
        }
    }
}

/// The random name of an interaction, carried in the host's URLs. Useless without the browser's cookie.
#[derive(Clone, Debug)]
pub struct InteractionHandle(Secret);

impl InteractionHandle {
    /// Takes a handle from a URL.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(Secret::from(text))
    }

    /// The text for a URL: 43 characters of base64url.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    fn key(&self) -> EphemeralKey {
        EphemeralKey::new("core.interaction", self.0.digest().to_text())
    }
}

/// Opens, reads, changes and finishes interactions.
#[derive(Clone, Debug)]
pub struct Interactions {
    ports: Ports,
    lifetime: Duration,
}

impl Interactions {
    /// How long a person has, unless configured otherwise.
    pub const DEFAULT_LIFETIME: Duration = Duration::minutes(30);

    /// Interactions with the default lifetime of 30 minutes.
    #[must_use]
    pub const fn new(ports: Ports) -> Self {
        Self { ports, lifetime: Self::DEFAULT_LIFETIME }
    }

    /// Sets the lifetime.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Stores a new interaction for a browser. `resume_url` makes the address that the host sends the browser back to
    /// from the handle.
    ///
    /// # Errors
    ///
    /// Fails when a port does.
    pub async fn open(
        &self,
        browser: &BrowserId,
        protocol: &str,
        request: Json,
        ask: Ask,
        resume_url: impl FnOnce(&InteractionHandle) -> String + Send,
    ) -> Result<InteractionHandle, PortError> {
        let handle = InteractionHandle(Secret::random(self.ports.entropy())?);
        let interaction = Interaction {
            protocol: protocol.to_owned(),
            request,
            ask,
            answers: None,
            resume_url: resume_url(&handle),
            browser: browser.digest(),
            revision: 0,
            stored: Vec::new(),
            expires_at: self.ports.now() + self.lifetime,
        };
        let bytes = ephemeral::encode(&interaction)?;
        if self.ports.ephemeral().put_if_absent(&handle.key(), bytes, self.lifetime).await? {
            Ok(handle)
        } else {
            Err(PortError::permanent("a random handle was made twice"))
        }
    }

    /// Reads an interaction in the browser that it was opened in.
    ///
    /// # Errors
    ///
    /// Fails when there is none under the handle, when the browser is another one, or when a port fails.
    pub async fn load(
        &self,
        handle: &InteractionHandle,
        browser: Option<&BrowserId>,
    ) -> Result<Interaction, InteractionError> {
        let bytes = self.ports.ephemeral().get(&handle.key()).await?;
        // Nothing is left of one that is just being ended.
        let bytes = bytes.filter(|bytes| !bytes.is_empty()).ok_or(InteractionError::NotFound)?;
        let mut interaction: Interaction = ephemeral::decode(&bytes)?;
        interaction.stored = bytes;
        match browser {
            Some(browser) if browser.digest() == interaction.browser => Ok(interaction),
            _ => Err(InteractionError::OtherBrowser),
        }
    }

    /// Replaces an interaction that is still as it was read: of two tabs one wins.
    ///
    /// # Errors
    ///
    /// Fails with [`InteractionError::Changed`] when it has changed or ended meanwhile, or when a port fails.
    pub async fn update(
        &self,
        handle: &InteractionHandle,
        read: &Interaction,
        mut next: Interaction,
    ) -> Result<Interaction, InteractionError> {
        next.browser = read.browser;
        next.expires_at = read.expires_at;
        next.revision = read.revision.saturating_add(1);
        next.stored = ephemeral::encode(&next)?;
        self.swap(handle, read, next.stored.clone()).await?;
        Ok(next)
    }

    /// Ends an interaction that is still as it was read: exactly one caller does.
    ///
    /// # Errors
    ///
    /// Fails with [`InteractionError::Changed`] when somebody else changed or ended it, or when a port fails.
    pub async fn finish(
        &self,
        handle: &InteractionHandle,
        read: &Interaction,
    ) -> Result<(), InteractionError> {
        // The swap decides who finishes; the take only cleans up behind the winner.
        self.swap(handle, read, Vec::new()).await?;
        self.ports.ephemeral().take(&handle.key()).await?;
        Ok(())
    }

    /// Replaces the very bytes that were read.
    async fn swap(
        &self,
        handle: &InteractionHandle,
        read: &Interaction,
        new: Vec<u8>,
    ) -> Result<(), InteractionError> {
        let rest = read.expires_at - self.ports.now();
        let swapped = self.ports.ephemeral().compare_and_swap(&handle.key(), &read.stored, new, rest).await?;
        if swapped { Ok(()) } else { Err(InteractionError::Changed) }
    }
}

/// An interaction cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InteractionError {
    /// There is none under this handle: it never was, has ended, or took too long.
    #[error("there is no such interaction")]
    NotFound,
    /// It was opened in another browser.
    #[error("the interaction belongs to another browser")]
    OtherBrowser,
    /// It was changed or ended meanwhile, in another tab.
    #[error("the interaction has changed meanwhile")]
    Changed,
    /// A port failed.
    #[error("the interaction cannot be read or written")]
    Port(#[from] PortError),
}
