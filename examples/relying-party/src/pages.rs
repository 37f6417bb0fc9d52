//! The pages, as plain as can be.

use axum::response::Html;
use ciam_oidc::rp::SignInError;
use serde_json::{Map, Value};

use crate::visits::Visit;

pub(crate) fn welcome() -> Html<String> {
    page("Welcome", "<p>You are not signed in.</p>\n<p><a class=button href=\"/login\">Sign in</a></p>")
}

pub(crate) fn signed_in(visit: &Visit, userinfo: Option<&Map<String, Value>>, api: &str) -> Html<String> {
    let claims = &visit.tokens.claims;
    let userinfo = userinfo.map_or_else(|| "<p>UserInfo did not answer.</p>".to_owned(), table);
    page(
        "You are signed in",
        &format!(
            "<section id=claims><h2>ID token</h2>{}<h2>UserInfo</h2>{userinfo}</section>\n\
             <section><h2>The API said</h2><pre id=api>{}</pre></section>\n\
             <form method=post action=\"/clear\"><button>Delete all notes</button></form>\n\
             <form method=post action=\"/logout\"><button>Sign out</button></form>",
            table(&claims.all),
            escape(api),
        ),
    )
}

pub(crate) fn cleared(api: &str) -> Html<String> {
    page(
        "Delete all notes",
        &format!(
            "<section><h2>The API said</h2><pre id=api>{}</pre></section>\n<p><a class=button href=\"/\">Back</a></p>",
            escape(api)
        ),
    )
}

pub(crate) fn failure(error: &SignInError) -> String {
    let text = escape(&error.to_string());
    page(
        "That did not work",
        &format!("<p>{text}.</p>\n<p><a class=button href=\"/login\">Try again</a></p>"),
    )
    .0
}

fn table(members: &Map<String, Value>) -> String {
    let row = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        format!("<tr><th scope=row>{}<td>{}", escape(name), escape(&value))
    };
    format!("<table>{}</table>", members.iter().map(row).collect::<String>())
}

fn page(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n<main>\n<h1>{title}</h1>\n{body}\n</main>\n</html>\n"
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = "\
    :root{color-scheme:light dark;font:16px/1.6 system-ui,sans-serif}\
    body{margin:0}\
    main{max-width:42rem;margin:3rem auto;padding:0 1.25rem}\
    table{border-collapse:collapse;width:100%;table-layout:fixed}\
    th,td{text-align:left;vertical-align:top;padding:.4rem .6rem .4rem 0;border-bottom:1px solid color-mix(in srgb,currentColor 15%,transparent);overflow-wrap:anywhere}\
    th{width:9rem;font-weight:600}\
    form{margin:1rem 0}\
    pre{white-space:pre-wrap;overflow-wrap:anywhere}\
    .button,button{display:inline-block;padding:.6rem 1.2rem;border:0;border-radius:.5rem;background:#2f5d50;color:#fff;font:inherit;text-decoration:none;cursor:pointer}";
