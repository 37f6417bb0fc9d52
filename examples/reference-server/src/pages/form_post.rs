//! The page behind `response_mode=form_post`.

use askama::Template;

use super::Frame;

/// Carries an authorization response to the application in a form
/// ([OAuth 2.0 Form Post Response Mode](https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html)).
///
/// It works without scripts: the person presses the button.
#[derive(Clone, Debug, Template)]
#[template(path = "form_post.html")]
pub struct FormPostPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The application's name.
    pub client: String,
    /// The application's redirect URI, which was checked against its registration.
    pub action: String,
    /// The parameters of the response.
    pub fields: Vec<(String, String)>,
}
