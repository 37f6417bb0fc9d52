//! The mail catcher of development mode.

use serde::Serialize;

use super::{Frame, page};

/// The messages that were caught, newest first.
#[derive(Clone, Debug, Serialize)]
pub struct MailListPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// The messages.
    pub messages: Vec<MailSummary>,
}

page!(MailListPage, "mail_list.html");

/// One caught message.
#[derive(Clone, Debug, Serialize)]
pub struct MailMessagePage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Whom it went to, and when.
    pub message: MailSummary,
    /// The code in it.
    pub code: Option<String>,
    /// The text, by paragraphs.
    pub body: Vec<Vec<Piece>>,
}

page!(MailMessagePage, "mail_message.html");

impl MailMessagePage<'_> {
    /// Cuts a plain-text body into paragraphs, so that `code` and links can be shown as such.
    pub fn paragraphs(body: &str, code: Option<&str>) -> Vec<Vec<Piece>> {
        let cut = |paragraph: &str| {
            let mut pieces = Vec::new();
            for word in paragraph.trim().split_inclusive(char::is_whitespace) {
                let bare = word.trim_end();
                if code.is_some_and(|code| code == bare) {
                    pieces.push(Piece::Code(bare.to_owned()));
                    pieces.push(Piece::Text(" ".to_owned()));
                } else if bare.starts_with("https://") || bare.starts_with("http://") {
                    pieces.push(Piece::Link(bare.to_owned()));
                    pieces.push(Piece::Text(" ".to_owned()));
                } else if let Some(Piece::Text(text)) = pieces.last_mut() {
                    text.push_str(word);
                } else {
                    pieces.push(Piece::Text(word.to_owned()));
                }
            }
            pieces
        };
        body.replace("\r\n", "\n").split("\n\n").map(cut).filter(|pieces| !pieces.is_empty()).collect()
    }
}

/// A message in the list.
#[derive(Clone, Debug, Serialize)]
pub struct MailSummary {
    /// Its place in the catcher.
    pub id: String,
    /// Whom it went to.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// When it was sent.
    pub at: String,
}

/// A piece of a message's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "text", rename_all = "lowercase")]
pub enum Piece {
    /// Plain text.
    Text(String),
    /// The code that the person has to type.
    Code(String),
    /// An address to open.
    Link(String),
}
