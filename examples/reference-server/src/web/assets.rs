//! Stylesheets, the mark, and the scripts.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use ciam_core::secret::TokenDigest;
use http::{
    Uri,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};

use super::Failure;
use crate::{app::App, pages::Fault};

const STYLE: &str = include_str!("../../assets/style.css");
const PASSKEY: &str = include_str!("../../assets/passkey.js");
const MARK: &str = include_str!("../../assets/mark.svg");
const CHECK: &str = include_str!("../../assets/check.js");
const SUBMIT: &str = include_str!("../../assets/submit.js");
const PUSH: &str = include_str!("../../assets/push.js");

/// The addresses of the assets, which change with their contents so that browsers may keep them for ever.
#[derive(Clone, Debug)]
pub struct Assets {
    style: String,
    check: String,
    submit: String,
    passkey: String,
    push: String,
    theme: Option<String>,
    theme_text: String,
}

impl Assets {
    /// The assets, with the operator's stylesheet.
    pub fn new(theme: Option<&str>) -> Self {
        let address = |name: &str, text: &str| {
            let digest = TokenDigest::of(text).to_text();
            format!("/assets/{name}?v={}", digest.get(..12).unwrap_or(&digest))
        };
        Self {
            style: address("style.css", STYLE),
            check: address("check.js", CHECK),
            submit: address("submit.js", SUBMIT),
            passkey: address("passkey.js", PASSKEY),
            push: address("push.js", PUSH),
            theme: theme.map(|text| address("theme.css", text)),
            theme_text: theme.unwrap_or_default().to_owned(),
        }
    }

    /// The address of the stylesheet.
    pub fn style(&self) -> &str {
        &self.style
    }

    /// The address of the script that does a proof of work.
    pub fn check(&self) -> &str {
        &self.check
    }

    /// The address of the script that sends a form by itself.
    pub fn submit(&self) -> &str {
        &self.submit
    }

    /// The address of the script of passkeys.
    pub fn passkey(&self) -> &str {
        &self.passkey
    }

    /// The address of the script that waits for an approval on a phone.
    pub fn push(&self) -> &str {
        &self.push
    }

    /// The address of the operator's stylesheet.
    pub fn theme(&self) -> Option<&str> {
        self.theme.as_deref()
    }
}

/// The routes of the assets.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(
            "/assets/style.css",
            get(async |uri: Uri| asset(&uri, "text/css; charset=utf-8", STYLE.into())),
        )
        .route(
            "/assets/check.js",
            get(async |uri: Uri| asset(&uri, "text/javascript; charset=utf-8", CHECK.into())),
        )
        .route(
            "/assets/submit.js",
            get(async |uri: Uri| asset(&uri, "text/javascript; charset=utf-8", SUBMIT.into())),
        )
        .route(
            "/assets/passkey.js",
            get(async |uri: Uri| asset(&uri, "text/javascript; charset=utf-8", PASSKEY.into())),
        )
        .route(
            "/assets/push.js",
            get(async |uri: Uri| asset(&uri, "text/javascript; charset=utf-8", PUSH.into())),
        )
        .route("/assets/mark.svg", get(async |uri: Uri| asset(&uri, "image/svg+xml", MARK.into())))
        .route("/favicon.ico", get(async |uri: Uri| asset(&uri, "image/svg+xml", MARK.into())))
        .route("/assets/theme.css", get(theme))
}

async fn theme(State(app): State<App>, uri: Uri) -> Result<Response, Failure> {
    let assets = app.assets();
    assets.theme().ok_or(Fault::NotFound)?;
    Ok(asset(&uri, "text/css; charset=utf-8", assets.theme_text.clone()))
}

fn asset(uri: &Uri, kind: &'static str, text: String) -> Response {
    let versioned = uri.query().is_some_and(|it| it.starts_with("v="));
    let keep = if versioned { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, keep)], text).into_response()
}
