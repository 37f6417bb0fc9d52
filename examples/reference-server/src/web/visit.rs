//! What is known of a request before any handler looks at it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::extract::FromRequestParts;
use ciam_core::{
    entropy::Entropy,
    error::PortError,
    http::{BrowserId, Params, ParamsLimits, Peer, cookie},
};
use http::{
    HeaderMap, HeaderValue, Method, Uri,
    header::{ACCEPT_LANGUAGE, USER_AGENT},
    request::Parts,
};
use time::{OffsetDateTime, macros::format_description};

use super::Failure;
use crate::{
    i18n::Language,
    pages::{
        Fault,
        parts::{Action, LanguageLink},
    },
};

/// The cookie that remembers a chosen language.
pub(super) const LANGUAGE_COOKIE: &str = "__Host-ciam-language";

/// One request: who, from where, in which language.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The reference under which the log has this request.
    pub reference: String,
    /// The other side.
    pub peer: Peer,
    /// The language of the pages.
    pub language: Language,
    /// The language was chosen by a link on the page, and is to be remembered.
    pub(super) chosen: bool,
    headers: HeaderMap,
    uri: Uri,
    is_get: bool,
    browser: BrowserId,
    fresh: bool,
    used: Arc<AtomicBool>,
}

impl Visit {
    /// Reads what is known from the head of a request.
    pub(super) fn new(parts: &Parts, peer: Peer, entropy: &dyn Entropy) -> Result<Self, PortError> {
        let known = BrowserId::from_headers(&parts.headers);
        let fresh = known.is_none();
        let browser = known.map_or_else(|| BrowserId::generate(entropy), Ok)?;
        let asked = parts.uri.query().and_then(ui_locales);
        let text = |name| parts.headers.get(name).and_then(|it: &HeaderValue| it.to_str().ok());
        let before = cookie(&parts.headers, LANGUAGE_COOKIE);
        let language = Language::negotiate(asked.as_deref(), before, text(ACCEPT_LANGUAGE));
        Ok(Self {
            reference: reference(entropy)?,
            peer,
            language: language.unwrap_or_default(),
            chosen: asked.as_deref().and_then(Language::from_ui_locales).is_some(),
            headers: parts.headers.clone(),
            uri: parts.uri.clone(),
            is_get: matches!(parts.method, Method::GET | Method::HEAD),
            browser,
            fresh,
            used: Arc::new(AtomicBool::new(false)),
        })
    }

    /// The browser, to bind something to it. From now on it has a cookie.
    pub fn browser(&self) -> &BrowserId {
        self.used.store(true, Ordering::Relaxed);
        &self.browser
    }

    /// The browser, if it had a cookie when it came.
    pub fn known_browser(&self) -> Option<&BrowserId> {
        (!self.fresh).then_some(&self.browser)
    }

    /// The cookie to give to a browser that has something bound to it now and had none before.
    pub(super) fn new_cookie(&self) -> Result<Option<HeaderValue>, PortError> {
        let needed = self.fresh && self.used.load(Ordering::Relaxed);
        needed.then(|| self.browser.set_cookie()).transpose()
    }

    /// The anti-forgery token for a form that posts to `action`.
    pub fn csrf(&self, action: &str) -> String {
        self.browser().token_for(action).to_text()
    }

    /// A form that posts to `path`, with its anti-forgery token.
    pub fn action(&self, path: &str) -> Action {
        Action::new(path, self.csrf(path))
    }

    /// Whether `token` is the anti-forgery token of this browser for a form that posts to `action`.
    pub(super) fn is_csrf(&self, action: &str, token: &str) -> bool {
        let expected = self.browser.token_for(action).to_text();
        !self.fresh && ciam_core::secret::ct_eq(expected.as_bytes(), token.as_bytes())
    }

    /// Whether a form was sent, or the like.
    pub fn is_post(&self) -> bool {
        !self.is_get
    }

    /// The path of the request.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// The headers of the request.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The browser's `User-Agent`.
    pub fn user_agent(&self) -> Option<&str> {
        self.headers.get(USER_AGENT).and_then(|it| it.to_str().ok())
    }

    /// The value of a parameter in the query; empty ones and those that are there twice count as missing.
    pub fn query(&self, name: &str) -> Option<String> {
        let params = Params::parse(self.uri.query()?, ParamsLimits::default()).ok()?;
        params.one(name).ok()?.map(str::to_owned)
    }

    /// This page in each language.
    pub fn languages(&self, name: impl Fn(Language) -> String) -> Vec<LanguageLink> {
        let kept = if self.is_get { self.uri.query().unwrap_or_default() } else { "" };
        let others = kept.split('&').filter(|it| !it.is_empty() && !it.starts_with("ui_locales="));
        let kept: String = others.map(|it| format!("{it}&")).collect();
        let link = |language: &Language| LanguageLink {
            code: language.code(),
            name: name(*language),
            href: format!("?{kept}ui_locales={language}"),
            current: *language == self.language,
        };
        Language::ALL.iter().map(link).collect()
    }

    /// Speaks the first known of these languages, unless the person chose one here.
    pub fn prefer(&mut self, tags: &[String]) {
        let person = self.chosen || cookie(&self.headers, LANGUAGE_COOKIE).is_some();
        if let Some(language) = tags.iter().find_map(|tag| Language::from_tag(tag)).filter(|_| !person) {
            self.language = language;
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Failure::new(Fault::Internal))
    }
}

/// The value of `ui_locales` in a query, decoded as far as language tags need it.
fn ui_locales(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|it| it.strip_prefix("ui_locales="))?;
    Some(value.replace('+', " ").replace("%20", " "))
}

/// A short reference that a person can read to the support: 50 random bits in letters that are hard to mistake.
fn reference(entropy: &dyn Entropy) -> Result<String, PortError> {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut bytes = [0; 10];
    entropy.fill(&mut bytes)?;
    let letter = |it: &u8| LETTERS.get(usize::from(it & 31)).map_or('0', |it| char::from(*it));
    let (first, second) = bytes.split_at(5);
    let text = |half: &[u8]| half.iter().map(letter).collect::<String>();
    Ok(format!("{}-{}", text(first), text(second)))
}

/// A moment for people: to the minute, in UTC, and the same in every language.
pub fn moment(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ciam_core::entropy::SystemEntropy;
    use http::Request;

    use super::*;

    fn visit(request: http::request::Builder) -> Visit {
        let peer = Peer::new([127, 0, 0, 1].into());
        Visit::new(&request.body(()).unwrap().into_parts().0, peer, &SystemEntropy::new()).unwrap()
    }

    #[test]
    fn a_token_belongs_to_one_browser_and_one_form() {
        let first = visit(Request::get("/"));
        let cookie = first.browser().set_cookie().unwrap();
        let back =
            visit(Request::get("/").header("cookie", cookie.to_str().unwrap().split(';').next().unwrap()));
        let token = first.csrf("/sign-in");
        assert!(back.is_csrf("/sign-in", &token));
        assert!(!back.is_csrf("/consent", &token));
        assert!(!back.is_csrf("/sign-in", ""));
        assert!(!visit(Request::get("/")).is_csrf("/sign-in", &token));
        assert!(!first.is_csrf("/sign-in", &token), "a browser without a cookie has no token");
    }

    #[test]
    fn a_cookie_is_given_once_and_only_when_something_is_bound_to_it() {
        let first = visit(Request::get("/"));
        assert!(first.new_cookie().unwrap().is_none());
        first.csrf("/x");
        let cookie = first.new_cookie().unwrap().unwrap();
        let back =
            visit(Request::get("/").header("cookie", cookie.to_str().unwrap().split(';').next().unwrap()));
        back.csrf("/x");
        assert!(back.new_cookie().unwrap().is_none());
    }

    #[test]
    fn links_to_other_languages_keep_the_rest_of_the_query() {
        let links =
            visit(Request::get("/sign-in?continue=a%26b&ui_locales=de")).languages(|it| it.to_string());
        assert_eq!(links[0].href, "?continue=a%26b&ui_locales=en");
        assert!(links[2].current && !links[0].current);
        let after_post = visit(Request::post("/sign-in?x=y")).languages(|it| it.to_string());
        assert_eq!(after_post[2].href, "?ui_locales=de");
    }

    #[test]
    fn a_chosen_language_is_remembered_over_what_the_application_prefers() {
        let de = [String::from("de-AT")];
        let mut open = visit(Request::get("/"));
        open.prefer(&de);
        assert_eq!(open.language, Language::De);
        let mut chosen = visit(Request::get("/?ui_locales=en"));
        assert!(chosen.chosen);
        chosen.prefer(&de);
        assert_eq!(chosen.language, Language::En);
    }

    #[test]
    fn references_are_short_and_differ() {
        let (one, two) = (visit(Request::get("/")).reference, visit(Request::get("/")).reference);
        assert_ne!(one, two);
        assert_eq!(one.len(), 11);
    }

    #[test]
    fn moments_are_in_utc() {
        let at = time::macros::datetime!(2026-11-23 19:02:11 +2);
        assert_eq!(moment(at), "2026-11-23 17:02 UTC");
    }
}
