//! On to another site, with a form or a link.

use serde::Serialize;

use super::{
    Frame, page,
    samples::{Gallery, Samples},
};

/// Sends a message to another site: by itself where a script runs, else by a button. Without fields it leads there, and needs no
/// script.
#[derive(Clone, Debug, Serialize)]
pub struct SamlPostPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The script that sends the form.
    pub script: Option<String>,
    /// Where it goes, as a host name that people recognise.
    pub host: String,
    /// Where it goes.
    pub action: String,
    /// What is sent.
    pub fields: Vec<(&'static str, String)>,
}

page!(SamlPostPage, "saml_post.html");

pub(crate) fn samples(s: &Samples<'_>, out: &mut Gallery<'_>) {
    let page = SamlPostPage {
        frame: s.frame(false),
        // Not run in the gallery: it would send the form.
        script: None,
        host: "app.example".into(),
        action: "https://app.example/saml/acs".into(),
        fields: vec![("SAMLResponse", "PHNhbWxwOlJlc3BvbnNlLz4=".into())],
    };
    out.add("saml-post", &page);
    out.add("saml-away", &SamlPostPage { fields: Vec::new(), ..page });
}
