//! The authorization request, parsed.

use std::collections::BTreeSet;

use ciam_core::assurance::Acr;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::response_type::ResponseType;
use crate::authorization_details::AuthorizationDetail;
use crate::client::ClientId;
use crate::confirmation::JwkThumbprint;
use crate::device::DeviceReference;
use crate::pkce::CodeChallenge;
use crate::redirect_uri::RedirectUri;
use crate::resource::ResourceIndicator;
use crate::scope::ScopeSet;

/// An authorization request, validated against its client and frozen. Interactions and pushed requests keep this, never
/// what the browser carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuthorizeRequest {
    /// The client.
    pub client: ClientId,
    /// Where the response goes.
    pub redirect_uri: RedirectUri,
    /// Whether the request named it; otherwise it is the client's only one.
    pub redirect_uri_named: bool,
    /// How the response goes there.
    pub response_mode: ResponseMode,
    /// What it is to be answered with.
    #[serde(default)]
    pub response_type: ResponseType,
    /// The client's own value, given back as it is.
    pub state: Option<String>,
    /// The challenge that the code exchange must answer; `None` only where the server's
    /// [profile](crate::server::Profile) lets confidential clients go without.
    pub challenge: Option<CodeChallenge>,
    /// The requested scope values that the server knows; the client may ask for all of them.
    pub scopes: ScopeSet,
    /// The resources that tokens will be for: the named ones, or the default.
    pub resources: BTreeSet<ResourceIndicator>,
    /// Whether the request named resources.
    pub resources_named: bool,
    /// What the person must be asked, whatever was asked before.
    pub prompt: PromptSet,
    /// How old the authentication may be, in seconds.
    pub max_age: Option<u32>,
    /// The levels of assurance that the client would like, best first.
    pub acr_values: Vec<Acr>,
    /// Which person the client expects; shown to the person, never trusted.
    pub login_hint: Option<String>,
    /// The person's languages as BCP 47 tags, best first.
    pub ui_locales: Vec<String>,
    /// What kind of page the client would like.
    pub display: Option<Display>,
    /// The organization that the request is about, by id or slug.
    #[serde(default)]
    pub organization: Option<String>,
    /// The key that the code exchange must prove to have
    /// ([RFC 9449, section 10](https://www.rfc-editor.org/rfc/rfc9449#section-10)).
    #[serde(default)]
    pub dpop_key: Option<JwkThumbprint>,
    /// The attested key of the instance of the client that pushed the request; the code exchange must prove it.
    #[serde(default)]
    pub instance: Option<JwkThumbprint>,
    /// The device that it is the request of, if it came by
    /// [device authorization](crate::device) or through the [back channel](crate::backchannel): then nothing goes to the
    /// redirect URI.
    #[serde(default)]
    pub device: Option<DeviceReference>,
    /// What else the client wants to be allowed ([RFC 9396](https://www.rfc-editor.org/rfc/rfc9396)).
    #[serde(default)]
    pub details: Vec<AuthorizationDetail>,
    /// Whether the request was a request object that the client signed.
    #[serde(default)]
    pub signed: bool,
    /// What the [`Extension`](crate::extension::Extension) read.
    pub extension: Map<String, Value>,
}

/// How the authorization response goes to the client
/// ([specification](https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html#ResponseModes)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In its fragment.
    Fragment,
    /// By a form that the browser posts
    /// ([specification](https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html)).
    FormPost,
    /// By a message to the window or the frame that opened this one
    /// ([draft](https://datatracker.ietf.org/doc/html/draft-sakimura-oauth-wmrm-00)), for the origin of the redirect URI alone; the client
    /// is registered to be called from there by [`allowed_origins`](crate::client::Client::allowed_origins).
    WebMessage,
    /// In a signed JWT in the query ([JARM, section 2.3.1](https://openid.net/specs/oauth-v2-jarm.html)). `jwt` is another name
    /// of it, because the response type is always `code`.
    QueryJwt,
    /// In a signed JWT in the fragment.
    FragmentJwt,
    /// In a signed JWT in a form.
    FormPostJwt,
}

impl ResponseMode {
    /// Every mode that this library supports.
    pub const ALL: [Self; 7] = [
        Self::Query,
        Self::Fragment,
        Self::FormPost,
        Self::WebMessage,
        Self::QueryJwt,
        Self::FragmentJwt,
        Self::FormPostJwt,
    ];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
            Self::WebMessage => "web_message",
            Self::QueryJwt => "query.jwt",
            Self::FragmentJwt => "fragment.jwt",
            Self::FormPostJwt => "form_post.jwt",
        }
    }

    /// The mode with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == Self::JWT {
            return Some(Self::QueryJwt);
        }
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }

    /// The name of the mode that is a JWT in the default place of the response type.
    pub const JWT: &str = "jwt";

    /// Whether the response is a signed JWT.
    #[must_use]
    pub const fn is_jwt(self) -> bool {
        matches!(self, Self::QueryJwt | Self::FragmentJwt | Self::FormPostJwt)
    }

    /// Where the parameters go, whether they are in a JWT or not.
    pub(super) const fn place(self) -> Self {
        match self {
            Self::Query | Self::QueryJwt => Self::Query,
            Self::Fragment | Self::FragmentJwt => Self::Fragment,
            Self::FormPost | Self::FormPostJwt => Self::FormPost,
            Self::WebMessage => Self::WebMessage,
        }
    }
}

/// What the person must be asked
/// ([OpenID Connect Core, section 3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Prompt {
    /// Nothing may be asked.
    None,
    /// To sign in again.
    Login,
    /// To consent again.
    Consent,
    /// To choose an account.
    SelectAccount,
    /// To register
    /// ([specification](https://openid.net/specs/openid-connect-prompt-create-1_0.html)).
    Create,
    /// To choose an [organization](crate::organization).
    SelectOrganization,
}

impl Prompt {
    /// Every value that this library supports.
    pub const ALL: [Self; 6] =
        [Self::None, Self::Login, Self::Consent, Self::SelectAccount, Self::Create, Self::SelectOrganization];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
            Self::Create => "create",
            Self::SelectOrganization => "select_organization",
        }
    }
}

/// A set of [`Prompt`] values; `none` stands alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PromptSet(BTreeSet<Prompt>);

impl PromptSet {
    /// The set of these values; `None` when `none` is not alone.
    #[must_use]
    pub fn new(values: impl IntoIterator<Item = Prompt>) -> Option<Self> {
        let values: BTreeSet<Prompt> = values.into_iter().collect();
        let contradicts = values.contains(&Prompt::None) && values.len() > 1;
        (!contradicts).then_some(Self(values))
    }

    /// Whether a value is in the set.
    #[must_use]
    pub fn contains(&self, prompt: Prompt) -> bool {
        self.0.contains(&prompt)
    }
}

/// What kind of page the client would like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Display {
    /// A full page.
    Page,
    /// A pop-up window.
    Popup,
    /// A touch interface.
    Touch,
    /// A feature phone.
    Wap,
}

impl Display {
    /// Every value that this library supports.
    pub const ALL: [Self; 4] = [Self::Page, Self::Popup, Self::Touch, Self::Wap];

    /// The registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Popup => "popup",
            Self::Touch => "touch",
            Self::Wap => "wap",
        }
    }
}
