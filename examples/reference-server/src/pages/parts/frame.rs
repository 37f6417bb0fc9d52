//! What surrounds a page.

use serde::Serialize;

use crate::{
    i18n::{Language, Texts},
    templates::Templates,
};

/// What surrounds a page.
#[derive(Clone, Debug, Serialize)]
pub struct Frame<'a> {
    /// The texts in the person's language; templates know them as `t`.
    #[serde(skip)]
    pub t: &'a Texts,
    /// What the page is rendered with.
    #[serde(skip)]
    pub templates: &'a Templates,
    /// The person's language.
    pub language: Language,
    /// The same page in the other languages.
    pub languages: Vec<LanguageLink>,
    /// The name of the product, as the operator set it.
    pub product: &'a str,
    /// Address of the stylesheet.
    pub style: &'a str,
    /// Address of the operator's stylesheet.
    pub theme: Option<&'a str>,
    /// The server runs with demonstration data and shows the mail catcher.
    pub development: bool,
    /// Somebody is signed in.
    pub signed_in: bool,
    /// The form that signs out, when somebody is signed in.
    pub sign_out: Option<Action>,
}

/// A link to the same page in another language.
#[derive(Clone, Debug, Serialize)]
pub struct LanguageLink {
    /// The language tag.
    pub code: &'static str,
    /// The language's name, in that language.
    pub name: String,
    /// Where the page is in that language.
    pub href: String,
    /// The page is in this language.
    pub current: bool,
}

/// Where a form posts to, with its anti-forgery token: `{% call kit.form(save) %} … {% endcall %}`.
///
/// A handler makes one with [`Visit::action`](crate::web::Visit::action).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    /// The path.
    pub path: String,
    /// The token, good for this path in this browser only.
    pub csrf: String,
}

impl Action {
    /// A form with its token.
    pub fn new(path: impl Into<String>, csrf: impl Into<String>) -> Self {
        Self { path: path.into(), csrf: csrf.into() }
    }
}

/// The navigation beside the pages of an area: `area.html` shows the field `nav` of its page.
#[derive(Clone, Debug, Serialize)]
pub struct Nav {
    /// What the area is called.
    pub label: String,
    /// Its pages.
    pub items: Vec<NavItem>,
}

/// A page in the navigation.
#[derive(Clone, Debug, Serialize)]
pub struct NavItem {
    /// Its address.
    pub href: String,
    /// Its name.
    pub label: String,
    /// It is the one that is shown.
    pub current: bool,
}
